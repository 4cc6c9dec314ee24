//! `up` that stays: output, ends, interrupts.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::stream;
use futures_util::{Stream, StreamExt};
use rcompose::engine::memory::MemoryEngine;
use rcompose::engine::{ContainerState, Filter, Output, Reads};
use rcompose::event::Event;
use rcompose::ops::up::{UpOptions, attached};
use rcompose::ops::{Error, Logs};
use rcompose::plan::images::BuildPolicy;
use rcompose::project::Project;

use super::{engine_with, options, run_up};
use crate::support::project;

/// What a user would see, as text.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<String>>);

impl Seen {
    fn say(&mut self, line: &str) {
        let mut text = self.0.lock().expect("nobody panicked");
        let _ = writeln!(text, "{line}");
    }

    fn text(&self) -> String {
        self.0.lock().expect("nobody panicked").clone()
    }
}

impl Logs for Seen {
    fn attached(&mut self, containers: &[String]) {
        self.say(&format!("attached to {}", containers.join(", ")));
    }

    fn output(&mut self, container: &str, output: &Output) {
        let text = String::from_utf8_lossy(&output.bytes).trim_end().to_owned();
        self.say(&format!("{container} | {text}"));
    }

    fn exited(&mut self, container: &str, code: i64, restarting: bool) {
        let again = if restarting { " (restarting)" } else { "" };
        self.say(&format!("{container} exited with code {code}{again}"));
    }

    fn message(&mut self, text: &str) {
        self.say(text);
    }
}

/// Interrupts after so many seconds each.
fn interrupts(after: &[u64]) -> impl Stream<Item = ()> + Unpin + Send + use<> {
    let waits = stream::iter(after.to_vec())
        .then(|seconds| tokio::time::sleep(Duration::from_secs(seconds)));
    Box::pin(waits.chain(stream::pending()))
}

async fn stay(
    engine: &MemoryEngine,
    project: &Project,
    options: &UpOptions,
    interrupted: &[u64],
) -> (Result<u8, Error>, String) {
    let seen = Seen::default();
    let mut logs = seen.clone();
    let mut interrupts = interrupts(interrupted);
    let mut events = |_: Event| {};
    let stayed = attached(
        engine,
        project,
        options,
        &mut interrupts,
        &mut logs,
        &mut events,
    );
    let result = tokio::time::timeout(Duration::from_hours(24), stayed).await;
    (result.expect("it ends within a day"), seen.text())
}

async fn running(engine: &MemoryEngine) -> usize {
    let containers = engine.containers(&Filter::default()).await.expect("a list");
    containers
        .iter()
        .filter(|it| it.state == ContainerState::Running)
        .count()
}

#[tokio::test(start_paused = true)]
async fn it_shows_everything_and_ends_when_all_have_ended() {
    let engine = engine_with(&["x:1"]);
    engine.behave("demo-a-1", "echo one; sleep 1; echo two; exit 3");
    engine.behave("demo-b-1", "sleep 2; exit 0");
    let project = project("services: {a: {image: x:1}, b: {image: x:1}}");
    let (result, seen) = stay(&engine, &project, &options(), &[]).await;
    assert_eq!(result.expect("no error"), 0);
    let expected = "\
attached to demo-a-1, demo-b-1
demo-a-1 | one
demo-a-1 | two
demo-a-1 exited with code 3
demo-b-1 exited with code 0
";
    assert_eq!(seen, expected);
}

#[tokio::test(start_paused = true)]
async fn the_first_interrupt_stops_everything() {
    let engine = engine_with(&["x:1"]);
    let project = project("services: {a: {image: x:1}, b: {image: x:1, depends_on: [a]}}");
    let (result, seen) = stay(&engine, &project, &options(), &[5]).await;
    assert_eq!(result.expect("no error"), 130);
    assert_eq!(running(&engine).await, 0);
    assert!(
        seen.contains("Gracefully Stopping... press Ctrl+C again to force"),
        "{seen}"
    );
    assert!(seen.contains("demo-a-1 exited with code"), "{seen}");
    assert!(seen.contains("demo-b-1 exited with code"), "{seen}");
    let stops: Vec<String> = engine
        .changes()
        .into_iter()
        .filter(|it| it.starts_with("stop"))
        .collect();
    assert_eq!(
        stops,
        ["stop_container demo-b-1", "stop_container demo-a-1"]
    );
}

#[tokio::test(start_paused = true)]
async fn the_second_interrupt_kills() {
    let engine = engine_with(&["x:1"]);
    engine.hang_next("stop_container", "demo-b-1");
    let project = project("services: {a: {image: x:1}, b: {image: x:1, depends_on: [a]}}");
    let (result, seen) = stay(&engine, &project, &options(), &[5, 5]).await;
    assert_eq!(result.expect("no error"), 130);
    assert_eq!(running(&engine).await, 0);
    assert!(seen.contains("Killing..."), "{seen}");
    assert!(
        engine
            .changes()
            .contains(&"kill_container demo-a-1".to_owned())
    );
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_while_it_brings_up_stops_what_has_begun() {
    let engine = engine_with(&["x:1"]);
    engine.hang_next("start_container", "demo-b-1");
    let project = project("services: {a: {image: x:1}, b: {image: x:1, depends_on: [a]}}");
    let (result, _) = stay(&engine, &project, &options(), &[5]).await;
    assert_eq!(result.expect("no error"), 130);
    assert_eq!(running(&engine).await, 0);
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_while_it_looks_ends_at_once() {
    let engine = engine_with(&["x:1"]);
    engine.hang_next("containers", "*");
    let project = project("services: {a: {image: x:1}}");
    let (result, _) = stay(&engine, &project, &options(), &[5]).await;
    assert_eq!(result.expect("no error"), 130);
    assert!(engine.changes().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_failure_ends_it_and_leaves_what_runs() {
    let engine = engine_with(&["x:1"]);
    let project = project("services: {a: {image: x:1}, b: {image: 'none:1', depends_on: [a]}}");
    let (result, _) = stay(&engine, &project, &options(), &[]).await;
    assert!(matches!(result, Err(Error::Failed)), "{result:?}");
}

#[tokio::test(start_paused = true)]
async fn a_container_that_restarts_is_followed_through_its_restarts() {
    let engine = engine_with(&["x:1"]);
    engine.behave("demo-a-1", "echo hello; exit 1");
    let project = project("services: {a: {image: x:1, restart: 'on-failure:2'}}");
    let (result, seen) = stay(&engine, &project, &options(), &[]).await;
    assert_eq!(result.expect("no error"), 0);
    let expected = "\
attached to demo-a-1
demo-a-1 | hello
demo-a-1 exited with code 1 (restarting)
demo-a-1 | hello
demo-a-1 exited with code 1 (restarting)
demo-a-1 | hello
demo-a-1 exited with code 1
";
    assert_eq!(seen, expected);
}

#[tokio::test(start_paused = true)]
async fn what_runs_already_is_shown_too() {
    let engine = engine_with(&["x:1"]);
    engine.behave("demo-a-1", "sleep 5; echo late; exit 0");
    let project = project("services: {a: {image: x:1}}");
    assert!(run_up(&engine, &project, &options()).await.result.is_ok());
    let (result, seen) = stay(&engine, &project, &options(), &[]).await;
    assert_eq!(result.expect("no error"), 0);
    assert_eq!(
        seen,
        "attached to demo-a-1\ndemo-a-1 | late\ndemo-a-1 exited with code 0\n"
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_not_replaced_after_all_is_shown_too() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("Dockerfile"), "FROM x:1\n").expect("a file");
    let engine = engine_with(&["x:1"]);
    engine.behave("demo-a-1", "sleep 5; echo late; exit 0");
    let project = project(&format!(
        "services: {{a: {{build: {}}}}}",
        folder.path().display()
    ));
    let build = UpOptions {
        build: BuildPolicy::Always,
        ..options()
    };
    assert!(run_up(&engine, &project, &build).await.result.is_ok());
    let (result, seen) = stay(&engine, &project, &build, &[]).await;
    assert_eq!(result.expect("no error"), 0);
    assert_eq!(
        seen,
        "attached to demo-a-1\ndemo-a-1 | late\ndemo-a-1 exited with code 0\n"
    );
}

#[tokio::test(start_paused = true)]
async fn only_what_was_asked_for_is_shown() {
    let engine = engine_with(&["x:1"]);
    engine.behave("demo-b-1", "sleep 1; exit 0");
    engine.behave("demo-c-1", "echo quiet; sleep 2; exit 0");
    let project = project(
        "
services:
  a: {image: x:1}
  b: {image: x:1, depends_on: [a]}
  c: {image: x:1, attach: false}
",
    );
    let named = UpOptions {
        services: vec!["b".to_owned(), "c".to_owned()],
        ..options()
    };
    let (result, seen) = stay(&engine, &project, &named, &[]).await;
    assert_eq!(result.expect("no error"), 0);
    // Its end counts all the same, as for docker compose.
    let expected = "\
attached to demo-b-1
demo-b-1 exited with code 0
demo-c-1 exited with code 0
";
    assert_eq!(seen, expected);
}
