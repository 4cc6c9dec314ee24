//! Hooks that end well, fail, hang and are broken off, on the engine in memory.

use std::time::Duration;

use rcompose::engine::memory::MemoryEngine;
use rcompose::engine::{EngineError, Exec, Filter, Reads};
use rcompose::ops::lock::Lock;
use rcompose::ops::up::UpOptions;
use rcompose::ops::{Error, Target, lifecycle};
use rcompose::project::Project;
use tokio_util::sync::CancellationToken;

use super::{Run, engine_with, options, run_down, run_until, run_up};
use crate::support::project;

fn hooked(hooks: &str) -> Project {
    project(&format!(
        "
services:
  db:
    image: db:1
    {hooks}
  web: {{image: web:1, depends_on: [db]}}
"
    ))
}

fn engine() -> MemoryEngine {
    engine_with(&["db:1", "web:1", "tool:1"])
}

async fn run_stop(engine: &MemoryEngine, project: &Project) -> Run {
    let mut events = Vec::new();
    let stop = lifecycle::StopOptions::default();
    let mut sink = |event| events.push(event);
    let target = Target::Files(project);
    let lock = Lock::default();
    let result = lifecycle::stop(engine, target, &stop, &lock, &mut sink).await;
    Run { result, events }
}

async fn running(engine: &MemoryEngine) -> Vec<String> {
    let containers = engine.containers(&Filter::default()).await.expect("a list");
    let up = containers
        .into_iter()
        .filter(|it| it.state.as_str() == "running");
    let mut names: Vec<String> = up.map(|it| it.name).collect();
    names.sort();
    names
}

fn broken() -> EngineError {
    EngineError::Broken("the cable".to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_hook_after_the_start_runs_as_it_is_written_and_before_dependents() {
    let project = hooked(
        "post_start: [{command: [sh, -c, 'echo one; echo two'], user: root, privileged: true, working_dir: /tmp, environment: {A: b}}]",
    );
    let engine = engine();
    let run = run_up(&engine, &project, &options()).await;
    run.check("undisturbed");
    let expected = [
        "begin start container demo-db-1",
        "done start container demo-db-1",
        "begin run hook in container demo-db-1: post_start",
        "say run hook in container demo-db-1: post_start: one",
        "say run hook in container demo-db-1: post_start: two",
        "done run hook in container demo-db-1: post_start",
        "begin start container demo-web-1",
        "done start container demo-web-1",
    ];
    let lines = run.lines();
    let from = lines.iter().position(|it| it == expected[0]);
    let rest: Vec<&String> = lines[from.expect("it starts")..]
        .iter()
        .filter(|line| !line.contains("create"))
        .collect();
    assert_eq!(rest, expected.iter().collect::<Vec<_>>());
    let exec = Exec {
        command: ["sh", "-c", "echo one; echo two"]
            .map(str::to_owned)
            .to_vec(),
        user: Some("root".to_owned()),
        privileged: true,
        working_dir: Some("/tmp".to_owned()),
        environment: vec!["A=b".to_owned()],
    };
    assert_eq!(engine.execs(), [("demo-db-1".to_owned(), exec)]);
}

#[tokio::test(start_paused = true)]
async fn a_hook_that_fails_after_the_start_ends_the_run_and_the_next_goes_on() {
    let project = hooked("post_start: [{command: [sh, -c, 'echo no; exit 3']}, {command: second}]");
    let engine = engine();
    let run = run_up(&engine, &project, &options()).await;
    run.check("failed");
    assert!(matches!(run.result, Err(Error::Failed)));
    run.must_have("failed: hook post_start 1 of 2 of container demo-db-1 ended with code 3");
    run.must_have("skip run hook in container demo-db-1: post_start 2 of 2");
    run.must_have("skip start container demo-web-1");
    assert_eq!(running(&engine).await, ["demo-db-1"]);
    // As with docker compose: it runs, so it is not started again, and its hooks have had their turn.
    let again = run_up(&engine, &project, &options()).await;
    assert!(again.result.is_ok(), "{:#?}", again.lines());
    assert_eq!(running(&engine).await, ["demo-db-1", "demo-web-1"]);
}

#[tokio::test(start_paused = true)]
async fn a_hook_that_cannot_be_run_fails() {
    let project = hooked("post_start: [{command: x}]");
    let engine = engine();
    engine.fail_next("exec", "demo-db-1", broken());
    let run = run_up(&engine, &project, &options()).await;
    assert!(matches!(run.result, Err(Error::Failed)));
    run.must_have(
        "failed: cannot run hook post_start of container demo-db-1: the engine's answer was lost: the cable",
    );
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_breaks_a_hanging_hook_off_and_the_next_run_goes_on() {
    let project = hooked("post_start: [{command: x}]");
    let engine = engine();
    engine.hang_next("exec", "demo-db-1");
    let cancel = CancellationToken::new();
    let later = cancel.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_mins(5)).await;
        later.cancel();
    });
    let run = run_until(&engine, &project, &options(), cancel, usize::MAX).await;
    run.check("interrupted");
    assert!(matches!(run.result, Err(Error::Interrupted)));
    let again = run_up(&engine, &project, &options()).await;
    assert!(again.result.is_ok(), "{:#?}", again.lines());
    assert_eq!(running(&engine).await, ["demo-db-1", "demo-web-1"]);
}

#[tokio::test(start_paused = true)]
async fn a_hanging_hook_ends_with_its_container() {
    let project = hooked("post_start: [{command: x}]");
    let engine = engine();
    engine.hang_next("exec", "demo-db-1");
    let ending = engine.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_mins(1)).await;
        ending.exit("demo-db-1", 1);
    });
    let run = run_up(&engine, &project, &options()).await;
    assert!(matches!(run.result, Err(Error::Failed)));
    run.must_have("failed: the container ended while hook post_start of container demo-db-1 ran");
}

#[tokio::test(start_paused = true)]
async fn a_hook_that_fails_before_an_asked_for_stop_keeps_the_container_running() {
    let project = hooked("pre_stop: [{command: [sh, -c, exit 3]}]");
    let engine = engine();
    run_up(&engine, &project, &options()).await;
    let run = run_stop(&engine, &project).await;
    run.check("failed");
    assert!(matches!(run.result, Err(Error::Failed)));
    run.must_have("failed: hook pre_stop of container demo-db-1 ended with code 3");
    assert_eq!(running(&engine).await, ["demo-db-1"]);
    let run = run_down(&engine, &project, false).await;
    assert!(matches!(run.result, Err(Error::Failed)));
    assert_eq!(running(&engine).await, ["demo-db-1"]);
}

#[tokio::test(start_paused = true)]
async fn a_hook_that_fails_before_a_replacement_is_a_warning() {
    let engine = engine();
    run_up(&engine, &hooked("environment: {A: b}"), &options()).await;
    let project = hooked("pre_stop: [{command: [sh, -c, exit 127]}]");
    let run = run_up(&engine, &project, &options()).await;
    run.check("tolerated");
    assert!(run.result.is_ok(), "{:#?}", run.lines());
    run.must_have(
        "warning: hook pre_stop of container demo-db-1 ended with code 127; it is stopped all the same",
    );
    engine.forget_calls();
    let idle = run_up(&engine, &project, &options()).await;
    assert_eq!(idle.lines(), [] as [&str; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_hook_whose_container_ends_or_is_gone_has_nothing_left_to_do() {
    let project = hooked("pre_stop: [{command: quit}]");
    let engine = engine();
    run_up(&engine, &project, &options()).await;
    engine.hang_next("exec", "demo-db-1");
    let ending = engine.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_mins(1)).await;
        ending.exit("demo-db-1", 0);
    });
    let run = run_stop(&engine, &project).await;
    run.check("ended");
    assert!(run.result.is_ok(), "{:#?}", run.lines());
    run_up(&engine, &project, &options()).await;
    let gone = EngineError::Conflict("Container x is not running".to_owned());
    engine.fail_next("exec", "demo-db-1", gone);
    let run = run_stop(&engine, &project).await;
    assert!(run.result.is_ok(), "{:#?}", run.lines());
    assert_eq!(running(&engine).await, [] as [&str; 0]);
}

const BEFORE: &str = "pre_start: [{command: [sh, -c, 'echo migrating; exit 0'], image: 'tool:1', environment: {A: b}}]";

#[tokio::test(start_paused = true)]
async fn a_hook_before_the_start_has_a_container_that_goes_when_it_has_ended_well() {
    let project = hooked(BEFORE);
    let engine = engine();
    let run = run_up(&engine, &project, &options()).await;
    run.check("undisturbed");
    assert!(run.result.is_ok(), "{:#?}", run.lines());
    run.must_have("say run container demo-db-pre_start-1: migrating");
    assert_eq!(running(&engine).await, ["demo-db-1", "demo-web-1"]);
    let all = engine.containers(&Filter::default()).await.expect("a list");
    assert_eq!(all.len(), 2, "{all:?}");
    let changes = engine.changes();
    let at = |call: &str| changes.iter().position(|it| it == call).expect(call);
    assert!(at("start_container demo-db-pre_start-1") < at("start_container demo-db-1"));
    // It runs now, so there is no start to run anything before.
    engine.forget_calls();
    run_up(&engine, &project, &options()).await;
    assert_eq!(engine.changes(), [] as [&str; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_hook_that_fails_before_the_start_stays_until_the_next_run_or_down() {
    let project = hooked(BEFORE);
    let engine = engine();
    engine.behave("demo-db-pre_start-1", "echo broken; exit 4");
    let run = run_up(&engine, &project, &options()).await;
    run.check("failed");
    assert!(matches!(run.result, Err(Error::Failed)));
    run.must_have("failed: container demo-db-pre_start-1 ended with code 4; it stays until the next run, so that `docker logs demo-db-pre_start-1` can be read");
    assert_eq!(running(&engine).await, [] as [&str; 0]);
    let left = engine.container("demo-db-pre_start-1").await;
    assert!(left.expect("an answer").is_some());
    let run = run_down(&engine, &project, false).await;
    assert!(run.result.is_ok(), "{:#?}", run.lines());
    let all = engine.containers(&Filter::default()).await.expect("a list");
    assert!(all.is_empty(), "{all:?}");
    run_up(&engine, &project, &options()).await;
    engine.behave("demo-db-pre_start-1", "exit 0");
    let run = run_up(&engine, &project, &options()).await;
    assert!(run.result.is_ok(), "{:#?}", run.lines());
    assert_eq!(running(&engine).await, ["demo-db-1", "demo-web-1"]);
    let all = engine.containers(&Filter::default()).await.expect("a list");
    assert_eq!(all.len(), 2, "{all:?}");
}

#[tokio::test(start_paused = true)]
async fn a_hook_before_the_start_that_is_broken_off_leaves_nothing() {
    let project = hooked(BEFORE);
    let engine = engine();
    engine.behave("demo-db-pre_start-1", "sleep 86400");
    let cancel = CancellationToken::new();
    let later = cancel.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_mins(5)).await;
        later.cancel();
    });
    let run = run_until(&engine, &project, &options(), cancel, usize::MAX).await;
    run.check("interrupted");
    assert!(matches!(run.result, Err(Error::Interrupted)));
    let left = engine.container("demo-db-pre_start-1").await;
    assert!(left.expect("an answer").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_container_that_cannot_have_its_files_is_not_left_behind() {
    let project = project(
        "
services:
  db: {image: 'db:1', configs: [app]}
configs: {app: {content: hello}}
",
    );
    let engine = engine();
    engine.fail_next("put_archive", "*", broken());
    let run = run_up(&engine, &project, &UpOptions::default()).await;
    assert!(matches!(run.result, Err(Error::Failed)));
    run.must_have("failed: cannot create container demo-db-1 with configs.app: the engine's answer was lost: the cable");
    assert!(
        engine
            .container("demo-db-1")
            .await
            .expect("an answer")
            .is_none()
    );
    let run = run_up(&engine, &project, &UpOptions::default()).await;
    assert!(run.result.is_ok(), "{:#?}", run.lines());
    let file = engine.file("demo-db-1", "/app").expect("it is there");
    assert_eq!(file.bytes, b"hello");
}
