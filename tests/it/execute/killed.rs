//! Killed before any of its calls: the next plain `up` comes to the same end as one that nothing
//! disturbed, with nothing to clean by hand.

use std::time::Duration;

use rcompose::engine::memory::MemoryEngine;
use rcompose::ops::up::UpOptions;
use rcompose::plan::containers::Recreate;
use rcompose::plan::images::BuildPolicy;
use rcompose::project::Project;

use super::{Run, engine_with, no_leftovers, options, run_down, run_up, state};
use crate::support::project;

/// Eight services with what makes a replacement hard: sharing, replicas, volumes, waiting.
fn eight(folder: &std::path::Path, version: u8) -> Project {
    std::fs::write(folder.join("Dockerfile"), "FROM x:1\n").expect("a Dockerfile");
    project(&format!(
        "
x-service: &service {{image: 'x:1', environment: [V={version}]}}
services:
  db: {{<<: *service, volumes: ['data:/data', /scratch], healthcheck: {{test: [CMD, x], interval: 1s}}}}
  cache: *service
  job: {{<<: *service, command: 'true', depends_on: {{db: {{condition: service_healthy}}}}}}
  api: {{<<: *service, scale: 2, depends_on: {{job: {{condition: service_completed_successfully}}}}}}
  worker: {{<<: *service, depends_on: {{api: {{condition: service_started, restart: true}}, cache: {{condition: service_started}}}}}}
  side: {{<<: *service, network_mode: 'service:cache'}}
  named: {{<<: *service, container_name: own}}
  app: {{build: {}, environment: [V={version}], volumes_from: [db], networks: [default, other]}}
volumes: {{data: {{}}}}
networks: {{other: {{}}}}
",
        folder.display()
    ))
}

#[derive(Clone, Copy, Debug)]
enum Command {
    Up,
    Build,
    Force,
    Down,
}

async fn run(engine: &MemoryEngine, project: &Project, command: Command) -> Run {
    let options = options();
    let options = match command {
        Command::Down => return run_down(engine, project, false).await,
        Command::Up => options,
        Command::Build => UpOptions {
            build: BuildPolicy::Always,
            ..options
        },
        Command::Force => UpOptions {
            recreate: Recreate::Force,
            ..options
        },
    };
    run_up(engine, project, &options).await
}

async fn plain(engine: &MemoryEngine, project: &Project, case: &str) {
    let again = run_up(engine, project, &options()).await;
    assert!(again.result.is_ok(), "{case}: {:#?}", again.lines());
    no_leftovers(engine, case).await;
    engine.forget_calls();
    let idle = run_up(engine, project, &options()).await;
    assert!(idle.result.is_ok(), "{case}");
    let starts = |call: &String| call != "start_container demo-job-1";
    // A job that has ended is started again by every `up`.
    let changes: Vec<String> = engine.changes().into_iter().filter(starts).collect();
    assert_eq!(changes, [] as [&str; 0], "{case}");
}

async fn up(folder: &std::path::Path) -> MemoryEngine {
    let engine = engine_with(&["x:1"]);
    engine.behave("demo-job-1", "exit 0");
    plain(&engine, &eight(folder, 1), "at first").await;
    engine.forget_calls();
    engine
}

/// What counts: containers, networks and named volumes. Volumes of containers that were thrown
/// away stay behind, as docker compose leaves them.
async fn stack(engine: &MemoryEngine) -> String {
    let words = |line: &str| {
        let words = line.split_inclusive([' ', '"']);
        let named = words.filter(|word| {
            let word = word.trim_end_matches(['"', ' ']);
            word.len() != 64 && word != "volume"
        });
        named.collect::<String>()
    };
    let text = state(engine).await;
    let lines: Vec<String> = text.lines().map(words).collect();
    lines.join("\n").trim_end().to_owned()
}

async fn at_every_call(command: Command) {
    let folder = tempfile::tempdir().expect("a folder");
    let second = eight(folder.path(), 2);
    let undisturbed = up(folder.path()).await;
    let ran = run(&undisturbed, &second, command).await;
    assert!(ran.result.is_ok(), "{:#?}", ran.lines());
    let calls = undisturbed.calls().len();
    assert!(calls > 20, "there is something to break off");
    plain(&undisturbed, &second, "undisturbed").await;
    let expected = stack(&undisturbed).await;
    // A quarter of them in the normal run, each command another one.
    let every = if std::env::var_os("RCOMPOSE_LONG").is_some() {
        1
    } else {
        4
    };
    for call in (command as usize % every..calls).step_by(every) {
        let case = format!("{command:?} killed before call {call} of {calls}");
        let engine = up(folder.path()).await;
        engine.answer_only(call);
        let (dying, project) = (engine.clone(), second.clone());
        let run = tokio::spawn(async move { run(&dying, &project, command).await });
        // The clock stands still while anything goes on.
        tokio::time::sleep(Duration::from_mins(1)).await;
        run.abort();
        let _ = run.await;
        engine.answer_all();
        plain(&engine, &second, &case).await;
        assert_eq!(stack(&engine).await, expected, "{case}");
    }
}

#[tokio::test(start_paused = true)]
async fn up_is_gone_on_with() {
    at_every_call(Command::Up).await;
}

#[tokio::test(start_paused = true)]
async fn up_that_builds_is_gone_on_with() {
    at_every_call(Command::Build).await;
}

#[tokio::test(start_paused = true)]
async fn up_that_replaces_everything_is_gone_on_with() {
    at_every_call(Command::Force).await;
}

#[tokio::test(start_paused = true)]
async fn down_is_made_good() {
    at_every_call(Command::Down).await;
}
