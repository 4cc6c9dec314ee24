//! Who comes second waits, says for whom, and goes on with what is there by then.
//!
//! Two hosts are two runs that share no locked file: only the engine is between them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rcompose::cli::locks::FileLocks;
use rcompose::engine::memory::MemoryEngine;
use rcompose::engine::{EngineError, Filter, Reads};
use rcompose::event::Event;
use rcompose::ops::Error;
use rcompose::ops::lock::{Holder, HostLocks, Lock};
use rcompose::ops::up::{UpOptions, plan};
use rcompose::project::Project;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::{Run, engine_with, options, run_up, state};
use crate::support::project;

/// Something that takes as long as somebody else may have to wait.
const SLOW: &str = "
services:
  db: {image: db:1, healthcheck: {test: [CMD, x], interval: 60s}}
  web: {image: web:1, depends_on: {db: {condition: service_healthy}}}
";

fn holder(pid: u32, host: &str) -> Holder {
    Holder {
        token: format!("token {pid} {host}"),
        pid,
        host: host.to_owned(),
        command: "up".to_owned(),
        since: i64::from(pid),
    }
}

/// A run of a host that nobody else of this test is on.
fn alone(pid: u32, host: &str) -> UpOptions {
    with(Lock::of(holder(pid, host), true, None))
}

fn with(lock: Lock) -> UpOptions {
    UpOptions { lock, ..options() }
}

fn engine() -> MemoryEngine {
    engine_with(&["db:1", "web:1"])
}

fn locks(folder: &Path) -> Arc<dyn HostLocks> {
    let folder = folder.to_string_lossy().into_owned();
    let variables = BTreeMap::from([("XDG_STATE_HOME".to_owned(), folder)]);
    Arc::new(FileLocks::of(&variables).expect("there is a folder"))
}

fn runs(
    engine: &MemoryEngine,
    project: &Project,
    options: UpOptions,
) -> tokio::task::JoinHandle<Run> {
    let (engine, project) = (engine.clone(), project.clone());
    tokio::spawn(async move { run_up(&engine, &project, &options).await })
}

fn warnings(run: &Run) -> Vec<&str> {
    let warned = run.events.iter().filter_map(|event| match event {
        Event::Warning { message } => Some(message.as_str()),
        _ => None,
    });
    warned.collect()
}

/// Nothing shows that a lock is held.
async fn is_free(engine: &MemoryEngine) {
    let filter = Filter::labels(["dev.rcompose.lock"]);
    let volumes = engine.volumes(&filter).await.expect("a list");
    assert_eq!(volumes, []);
}

#[tokio::test(start_paused = true)]
async fn the_second_of_two_hosts_waits_and_finds_everything_done() {
    let (engine, project) = (engine(), project(SLOW));
    let first = runs(&engine, &project, alone(10, "ci-7"));
    sleep(Duration::from_secs(1)).await;
    let second = run_up(&engine, &project, &alone(22, "ci-8")).await;
    let first = first.await.expect("it does not panic");
    assert!(first.result.is_ok() && second.result.is_ok());
    assert_eq!(
        warnings(&second),
        ["waiting for pid 10 on ci-7 (`rcompose up`), which is at work on demo, since 12 s"]
    );
    assert_eq!(second.lines().len(), 1, "{:#?}", second.lines());
    is_free(&engine).await;
}

#[tokio::test(start_paused = true)]
async fn the_second_fails_at_once_when_it_is_not_to_wait() {
    let (engine, project) = (engine(), project(SLOW));
    let folder = tempfile::tempdir().expect("a folder");
    for shared in [None, Some(locks(folder.path()))] {
        let lock = Lock::of(holder(10, "ci-7"), true, shared.clone());
        let first = runs(&engine, &project, with(lock));
        sleep(Duration::from_secs(1)).await;
        let before = Instant::now();
        let lock = Lock::of(holder(200, "ci-8"), false, shared);
        let second = run_up(&engine, &project, &with(lock)).await;
        assert_eq!(before.elapsed(), Duration::ZERO);
        let Err(Error::Refused { message, .. }) = second.result else {
            panic!("{:?}", second.result);
        };
        assert_eq!(
            message,
            "pid 10 on ci-7 (`rcompose up`) is at work on project demo, since 3 min"
        );
        assert!(first.await.expect("it does not panic").result.is_ok());
        is_free(&engine).await;
        let removed = super::run_down(&engine, &project, false).await;
        assert!(removed.result.is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_was_killed_is_waited_for_half_a_minute_by_other_hosts() {
    let (engine, project) = (engine(), project(&SLOW.replace("60s", "20s")));
    let first = runs(&engine, &project, alone(10, "ci-7"));
    // It has shown that it lives a few times.
    sleep(Duration::from_secs(17)).await;
    first.abort();
    let before = Instant::now();
    let second = run_up(&engine, &project, &alone(22, "ci-8")).await;
    assert!(second.result.is_ok(), "{:?}", second.result);
    let waited = before.elapsed().as_secs();
    assert!((30..40).contains(&waited), "{waited}");
    assert_eq!(warnings(&second).len(), 1);
    is_free(&engine).await;
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_was_killed_is_not_waited_for_on_its_own_host() {
    let (engine, project) = (engine(), project(SLOW));
    let folder = tempfile::tempdir().expect("a folder");
    let lock = |pid| Lock::of(holder(pid, "ci-7"), true, Some(locks(folder.path())));
    for pid in 1..4 {
        let killed = runs(&engine, &project, with(lock(pid)));
        sleep(Duration::from_secs(7)).await;
        killed.abort();
        let _ = killed.await;
    }
    let last = run_up(&engine, &project, &with(lock(9))).await;
    assert!(last.result.is_ok(), "{:?}", last.result);
    assert_eq!(warnings(&last), [] as [&str; 0]);
    is_free(&engine).await;
}

#[tokio::test(start_paused = true)]
async fn one_that_shows_that_it_lives_is_waited_for_as_long_as_it_takes() {
    let engine = engine();
    let slow = project(&SLOW.replace("60s", "600s"));
    let first = runs(&engine, &slow, alone(10, "ci-7"));
    sleep(Duration::from_secs(1)).await;
    let before = Instant::now();
    let second = run_up(&engine, &slow, &alone(22, "ci-8")).await;
    assert!(before.elapsed() > Duration::from_secs(590));
    assert_eq!(second.lines().len(), 1, "{:#?}", second.lines());
    assert!(first.await.expect("it does not panic").result.is_ok());
    is_free(&engine).await;
}

#[tokio::test(start_paused = true)]
async fn of_many_hosts_one_at_a_time_is_at_work() {
    let (engine, project) = (engine(), project(SLOW));
    let many = (1..20).map(|pid| runs(&engine, &project, alone(pid, "ci-7")));
    let many: Vec<_> = many.collect();
    let mut busy = 0;
    for run in many {
        let run = run.await.expect("it does not panic");
        assert!(run.result.is_ok(), "{:?}", run.result);
        run.check("one of many");
        busy += usize::from(run.lines().iter().any(|it| it.starts_with("begin")));
    }
    assert_eq!(busy, 1);
    is_free(&engine).await;
}

#[tokio::test(start_paused = true)]
async fn what_changes_nothing_takes_no_lock() {
    let (engine, project) = (engine(), project(SLOW));
    assert!(run_up(&engine, &project, &options()).await.result.is_ok());
    engine.forget_calls();
    let run = run_up(&engine, &project, &alone(22, "ci-8")).await;
    assert!(run.result.is_ok());
    assert_eq!(engine.changes(), [] as [&str; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_lock_costs_three_calls_and_another_look() {
    let (engine, project) = (engine(), project(SLOW));
    let one = UpOptions {
        no_start: true,
        ..alone(22, "ci-8")
    };
    let plain = engine_with(&["db:1", "web:1"]);
    let none = UpOptions {
        lock: Lock::default(),
        ..one.clone()
    };
    assert!(run_up(&plain, &project, &none).await.result.is_ok());
    assert!(run_up(&engine, &project, &one).await.result.is_ok());
    let locks = |calls: Vec<String>| -> Vec<String> {
        let locks = calls
            .into_iter()
            .filter(|call| call.contains("rcompose-lock"));
        locks.collect()
    };
    assert_eq!(
        locks(engine.changes()),
        [
            "create_volume rcompose-lock_demo_0",
            "remove_volume rcompose-lock_demo_0"
        ]
    );
    let more = engine.calls().len() - plain.calls().len();
    let idle = engine_with(&["db:1", "web:1"]);
    let planned = plan(&idle, &project, &none).await;
    assert!(planned.is_ok());
    assert_eq!(more, 3 + idle.calls().len(), "{:#?}", engine.calls());
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_lets_nobody_make_volumes_is_used_all_the_same() {
    let (engine, project) = (engine(), project(SLOW));
    let refused = EngineError::Refused {
        status: 403,
        message: "not through this proxy".to_owned(),
    };
    engine.fail_next("create_volume", "rcompose-lock_demo_0", refused);
    let run = run_up(&engine, &project, &alone(22, "ci-8")).await;
    assert!(run.result.is_ok(), "{:?}", run.result);
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_ends_the_waiting() {
    let (engine, project) = (engine(), project(SLOW));
    let _first = runs(&engine, &project, alone(10, "ci-7"));
    sleep(Duration::from_secs(1)).await;
    let cancel = CancellationToken::new();
    let later = cancel.clone();
    tokio::spawn(async move {
        sleep(Duration::from_secs(3)).await;
        later.cancel();
    });
    let second = super::run_until(&engine, &project, &alone(22, "ci-8"), cancel, usize::MAX).await;
    assert!(matches!(second.result, Err(Error::Interrupted)));
    assert!(state(&engine).await.contains("demo-db-1"));
}
