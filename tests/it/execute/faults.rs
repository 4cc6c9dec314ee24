//! Every call fails, hangs or is cut off once; the next run comes to the same end.

use std::path::Path;
use std::time::Duration;

use rcompose::engine::memory::MemoryEngine;
use rcompose::engine::{EngineError, Reads};
use rcompose::execute::Probe;
use rcompose::ops::Error;
use rcompose::ops::up::UpOptions;
use rcompose::plan::images::BuildPolicy;
use rcompose::plan::naming;
use rcompose::project::Project;
use tokio_util::sync::CancellationToken;

use super::{Run, engine_with, no_leftovers, run_down, run_until, run_up, state};
use crate::support::project;

/// The stack that this program is measured by, before and after a change that replaces all of it.
struct Stack {
    folder: tempfile::TempDir,
}

impl Stack {
    fn new() -> Stack {
        let folder = tempfile::tempdir().expect("a folder");
        Stack { folder }
    }

    /// Of the first version, or of the second.
    fn project(&self, version: u8) -> Project {
        dockerfile(self.folder.path(), version);
        project(&format!(
            "
services:
  identidock:
    build: {}
    ports: ['5000:9090']
    environment: {{ENV: v{version}}}
    depends_on:
      redis: {{condition: service_healthy, restart: true}}
      dnmonster: {{condition: service_started, restart: true}}
  dnmonster: {{image: 'dnmonster:{version}'}}
  redis:
    image: redis:{version}
    configs: [{{source: settings, target: /etc/redis.conf}}]
    volumes: ['data:/data', /scratch]
    healthcheck: {{test: [CMD, ping], interval: 1s}}
  sidecar: {{image: 'side:1', network_mode: 'service:redis', scale: 2}}
volumes: {{data: }}
configs: {{settings: {{content: maxmemory {version}}}}}
",
            self.folder.path().display()
        ))
    }
}

fn dockerfile(folder: &Path, version: u8) {
    let text = format!("FROM python:3\nRUN echo {version}\n");
    std::fs::write(folder.join("Dockerfile"), text).expect("a Dockerfile");
}

fn engine() -> MemoryEngine {
    let engine = engine_with(&["python:3", "dnmonster:1", "side:1"]);
    engine.publish("redis:1");
    engine.publish("redis:2");
    engine.publish("dnmonster:2");
    engine
}

fn options() -> UpOptions {
    UpOptions {
        probe: Probe::Engine,
        build: BuildPolicy::Always,
        ..UpOptions::default()
    }
}

/// Where a run begins: nothing there, or the first version up.
#[derive(Clone, Copy, Debug)]
enum From {
    Nothing,
    FirstVersion,
}

impl From {
    async fn engine(self, stack: &Stack) -> (MemoryEngine, Project) {
        let engine = engine();
        if let From::FirstVersion = self {
            let run = run_up(&engine, &stack.project(1), &options()).await;
            assert!(run.result.is_ok(), "{:#?}", run.lines());
        }
        engine.forget_calls();
        let version = match self {
            From::Nothing => 1,
            From::FirstVersion => 2,
        };
        (engine, stack.project(version))
    }
}

const BEGINNINGS: [From; 2] = [From::Nothing, From::FirstVersion];

/// The calls of a run that nothing disturbs, each once, and the state it comes to.
async fn undisturbed(stack: &Stack, from: From) -> (Vec<(String, String)>, String) {
    let (engine, project) = from.engine(stack).await;
    let run = run_up(&engine, &project, &options()).await;
    assert!(run.result.is_ok(), "{:#?}", run.lines());
    run.check("undisturbed");
    let calls = engine.calls().into_iter();
    let mut calls: Vec<(String, String)> = calls
        .map(|call| {
            let (method, name) = call.split_once(' ').unwrap_or((&call, "*"));
            (method.to_owned(), name.to_owned())
        })
        .collect();
    calls.sort();
    calls.dedup();
    (calls, state(&engine).await)
}

/// A temporary name begins with an id, which is another one on every engine.
async fn named_here(engine: &MemoryEngine, name: &str) -> String {
    let last = naming::final_name(name);
    if last == name {
        return name.to_owned();
    }
    let container = engine.container(last).await.expect("an answer");
    naming::temporary(&container.expect("it is replaced").id, last)
}

/// The next run must come to the same state as one that nothing disturbed.
async fn converges(engine: &MemoryEngine, project: &Project, expected: &str, case: &str) {
    let again = run_up(engine, project, &options()).await;
    assert!(again.result.is_ok(), "{case}: {:#?}", again.lines());
    again.check(case);
    no_leftovers(engine, case).await;
    engine.forget_calls();
    let idle = run_up(engine, project, &UpOptions::default()).await;
    assert_eq!(idle.lines(), [] as [&str; 0], "{case}");
    assert_eq!(engine.changes(), [] as [&str; 0], "{case}");
    // Ids of anonymous volumes are counted, and a run that was cut off has counted further.
    assert_eq!(
        without_ids(&state(engine).await),
        without_ids(expected),
        "{case}"
    );
}

fn without_ids(state: &str) -> String {
    let words = state.split_inclusive([' ', '"', '\n']);
    let named = words.filter(|word| {
        let word = word.trim_end_matches(['"', ' ', '\n']);
        word.len() != 64 || !word.bytes().all(|byte| byte.is_ascii_hexdigit())
    });
    let kept: String = named.collect();
    // The volumes of containers that were thrown away stay behind, as docker compose leaves them.
    let mut lines: Vec<&str> = kept.lines().collect();
    let last = lines.pop().unwrap_or_default();
    let mut names: Vec<&str> = last.split_whitespace().collect();
    names.retain(|name| *name != "volume");
    lines.join("\n") + "\n" + &names.join(" ")
}

#[tokio::test(start_paused = true)]
async fn a_run_after_any_failed_call_comes_to_the_same_end() {
    let stack = Stack::new();
    for from in BEGINNINGS {
        let (calls, expected) = undisturbed(&stack, from).await;
        for (method, name) in calls {
            let case = format!("{from:?}: {method} {name} fails");
            let (engine, project) = from.engine(&stack).await;
            let name = named_here(&engine, &name).await;
            engine.fail_next(&method, &name, EngineError::Broken("the cable".to_owned()));
            let run = run_up(&engine, &project, &options()).await;
            run.check(&case);
            if let Ok(()) = run.result {
                assert!(tolerable(&method), "{case}: nobody noticed");
            }
            converges(&engine, &project, &expected, &case).await;
        }
    }
}

/// Calls that may fail without the run failing: an event stream that breaks is opened anew.
fn tolerable(method: &str) -> bool {
    matches!(method, "events")
}

#[tokio::test(start_paused = true)]
async fn a_run_after_any_interrupted_call_comes_to_the_same_end() {
    let stack = Stack::new();
    for from in BEGINNINGS {
        let (calls, expected) = undisturbed(&stack, from).await;
        for (method, name) in calls {
            let case = format!("{from:?}: {method} {name} hangs");
            let (engine, project) = from.engine(&stack).await;
            let name = named_here(&engine, &name).await;
            engine.hang_next(&method, &name);
            let cancel = CancellationToken::new();
            let later = cancel.clone();
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_hours(1)).await;
                later.cancel();
            });
            let run = run_until(&engine, &project, &options(), cancel, usize::MAX).await;
            assert!(
                matches!(run.result, Err(Error::Interrupted)),
                "{case}: {:#?}",
                run.lines()
            );
            run.check(&case);
            converges(&engine, &project, &expected, &case).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_after_an_interrupt_at_any_step_comes_to_the_same_end() {
    let stack = Stack::new();
    for from in BEGINNINGS {
        let (_, expected) = undisturbed(&stack, from).await;
        for begins in 1.. {
            let case = format!("{from:?}: interrupted as step {begins} begins");
            let (engine, project) = from.engine(&stack).await;
            let cancel = CancellationToken::new();
            let run = run_until(&engine, &project, &options(), cancel, begins).await;
            run.check(&case);
            if run.result.is_ok() {
                break;
            }
            assert!(matches!(run.result, Err(Error::Interrupted)), "{case}");
            converges(&engine, &project, &expected, &case).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_build_or_pull_leaves_what_runs_untouched() {
    let stack = Stack::new();
    for (method, name) in [
        ("build_image", "*"),
        ("pull_image", "redis:2"),
        ("pull_image", "dnmonster:2"),
    ] {
        let (engine, project) = From::FirstVersion.engine(&stack).await;
        let before = state(&engine).await;
        engine.fail_next(method, name, EngineError::Broken("the cable".to_owned()));
        let run = run_up(&engine, &project, &options()).await;
        assert!(matches!(run.result, Err(Error::Failed)), "{method} {name}");
        let stopped = engine
            .changes()
            .iter()
            .any(|call| call.starts_with("stop_container"));
        assert!(!stopped, "{method} {name}: {:?}", engine.changes());
        let running = |text: &str| text.matches("Running").count();
        assert_eq!(
            running(&state(&engine).await),
            running(&before),
            "{method} {name}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_down_ends_what_a_failed_one_began() {
    let stack = Stack::new();
    let (engine, project) = From::FirstVersion.engine(&stack).await;
    run_down(&engine, &project, true).await;
    let mut calls = engine.calls();
    calls.sort();
    calls.dedup();
    for call in calls {
        let (method, name) = call.split_once(' ').unwrap_or((&call, "*"));
        let (engine, project) = From::FirstVersion.engine(&stack).await;
        engine.fail_next(method, name, EngineError::Broken("the cable".to_owned()));
        let run: Run = run_down(&engine, &project, true).await;
        assert!(run.result.is_err(), "{call}");
        run.check(&call);
        let again = run_down(&engine, &project, true).await;
        assert!(again.result.is_ok(), "{call}: {:#?}", again.lines());
        let left = state(&engine).await;
        assert!(!left.contains("demo"), "{call}: {left}");
    }
}
