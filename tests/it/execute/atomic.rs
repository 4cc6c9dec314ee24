//! `up --atomic`: everything new and ready, or everything as it was.

use rcompose::engine::memory::MemoryEngine;
use rcompose::engine::{Engine, Filter, Reads};
use rcompose::execute::Probe;
use rcompose::ops::Error;
use rcompose::ops::up::UpOptions;
use rcompose::plan::containers::Recreate;
use rcompose::project::Project;
use tokio_util::sync::CancellationToken;

use super::{Run, engine_with, no_leftovers, run_until, run_up, state};
use crate::support::project;

/// One that can run beside its successor, and two that cannot: a port, a volume.
const DEMO: &str = "
services:
  free: {image: 'app:1', environment: [V=1]}
  port: {image: 'app:1', environment: [V=1], ports: ['8080:80'], depends_on: [free]}
  data: {image: 'app:1', environment: [V=1], volumes: ['data:/data']}
  same: {image: 'app:1'}
volumes: {data: {}}
";

fn next() -> Project {
    project(&DEMO.replace("V=1", "V=2"))
}

fn atomic() -> UpOptions {
    UpOptions {
        atomic: true,
        probe: Probe::Engine,
        ..UpOptions::default()
    }
}

async fn up() -> MemoryEngine {
    let engine = engine_with(&["app:1"]);
    let run = run_up(&engine, &project(DEMO), &UpOptions::default()).await;
    assert!(run.result.is_ok(), "{:#?}", run.lines());
    engine.forget_calls();
    engine
}

/// Name, id and state of every container.
async fn containers(engine: &MemoryEngine) -> Vec<(String, String, String)> {
    let found = engine.containers(&Filter::default()).await.expect("a list");
    let mut found: Vec<_> = found
        .into_iter()
        .map(|it| (it.name, it.id, it.state.as_str().to_owned()))
        .collect();
    found.sort();
    found
}

/// The changes, with temporary names shortened to a star.
fn changes(engine: &MemoryEngine) -> Vec<String> {
    let changes = engine.changes().into_iter();
    let short = changes.map(|change| {
        let words = change.split(' ').map(|word| {
            let last = rcompose::plan::naming::final_name(word);
            if last == word {
                word.to_owned()
            } else {
                format!("*{last}")
            }
        });
        words.collect::<Vec<String>>().join(" ")
    });
    short.collect()
}

#[tokio::test(start_paused = true)]
async fn the_old_stay_until_the_new_are_ready_where_both_can_be_there() {
    let engine = up().await;
    let run = run_up(&engine, &next(), &atomic()).await;
    assert!(run.result.is_ok(), "{:#?}", run.lines());
    let changes = changes(&engine);
    let at = |change: &str| {
        let found = changes.iter().position(|it| it == change);
        found.unwrap_or_else(|| panic!("no {change} in {changes:#?}"))
    };
    for name in ["free", "port", "data"] {
        let name = format!("demo-{name}-1");
        let started = at(&format!("start_container *{name}"));
        let stopped = at(&format!("stop_container {name}"));
        assert_eq!(stopped > started, name == "demo-free-1", "{changes:#?}");
        assert!(at(&format!("remove_container {name}")) > at("start_container *demo-port-1"));
    }
    assert!(
        !changes.iter().any(|it| it.contains("same")),
        "{changes:#?}"
    );
    no_leftovers(&engine, "atomic").await;
    engine.forget_calls();
    let idle = run_up(&engine, &next(), &UpOptions::default()).await;
    assert!(idle.result.is_ok());
    assert_eq!(engine.changes(), [] as [&str; 0]);
}

/// The new container of a service falls over, hangs in its start, or the user has enough.
async fn put_back(engine: &MemoryEngine, run: &Run, before: &[(String, String, String)]) {
    assert_eq!(containers(engine).await, before, "{:#?}", run.lines());
    no_leftovers(engine, "put back").await;
    // What is there is what it was: the next plain run has everything to do.
    let again = run_up(engine, &next(), &UpOptions::default()).await;
    assert!(again.result.is_ok(), "{:#?}", again.lines());
    no_leftovers(engine, "put back and gone on").await;
}

#[tokio::test(start_paused = true)]
async fn one_that_does_not_get_ready_puts_everything_back() {
    for name in ["free", "port", "data"] {
        let engine = up().await;
        let before = containers(&engine).await;
        let old = before.iter().find(|it| it.0 == format!("demo-{name}-1"));
        let old = old.expect("it is there");
        let new = rcompose::plan::naming::temporary(&old.1, &old.0);
        engine.behave(&new, "exit 3");
        let run = run_up(&engine, &next(), &atomic()).await;
        assert!(matches!(run.result, Err(Error::Failed)), "{:?}", run.result);
        run.must_have("warning: what was there before is back: not all that is new was ready");
        let changes = changes(&engine);
        let touched = changes.iter().any(|it| it == "stop_container demo-free-1");
        assert!(!touched, "it never stops answering: {changes:#?}");
        engine.behave(&new, "sleep 1000000");
        put_back(&engine, &run, &before).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_image_that_cannot_be_had_touches_nothing() {
    let engine = up().await;
    let before = containers(&engine).await;
    let bad = project(&DEMO.replace("app:1', environment: [V=1], ports", "none:1', ports"));
    let run = run_up(&engine, &bad, &atomic()).await;
    assert!(matches!(run.result, Err(Error::Failed)));
    assert_eq!(containers(&engine).await, before);
    assert_eq!(changes(&engine), ["pull_image none:1"]);
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_at_any_step_puts_everything_back_or_comes_after_the_change() {
    for begins in 1..14 {
        let engine = up().await;
        let before = containers(&engine).await;
        let cancel = CancellationToken::new();
        let run = run_until(&engine, &next(), &atomic(), cancel, begins).await;
        match run.result {
            Err(Error::Interrupted) => put_back(&engine, &run, &before).await,
            Ok(()) => no_leftovers(&engine, "interrupted late").await,
            Err(ref error) => panic!("{begins}: {error:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_dies_at_any_call_is_gone_on_with_by_a_plain_up() {
    let undisturbed = up().await;
    let run = run_up(&undisturbed, &next(), &atomic()).await;
    assert!(run.result.is_ok());
    let (calls, expected) = (undisturbed.calls().len(), state(&undisturbed).await);
    for call in 0..calls {
        let engine = up().await;
        engine.answer_only(call);
        let (dying, project) = (engine.clone(), next());
        let run = tokio::spawn(async move { run_up(&dying, &project, &atomic()).await });
        tokio::time::sleep(std::time::Duration::from_mins(10)).await;
        run.abort();
        let _ = run.await;
        engine.answer_all();
        let again = run_up(&engine, &next(), &UpOptions::default()).await;
        assert!(again.result.is_ok(), "{call}: {:#?}", again.lines());
        no_leftovers(&engine, &format!("killed at call {call}")).await;
        assert_eq!(state(&engine).await, expected, "killed at call {call}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_forced_replacement_is_made_once() {
    let engine = up().await;
    let before = containers(&engine).await;
    let forced = UpOptions {
        recreate: Recreate::Force,
        ..atomic()
    };
    let run = run_up(&engine, &project(DEMO), &forced).await;
    assert!(run.result.is_ok(), "{:#?}", run.lines());
    let after = containers(&engine).await;
    let named = |all: &[(String, String, String)]| -> Vec<String> {
        all.iter().map(|it| it.0.clone()).collect()
    };
    assert_eq!(named(&before), named(&after));
    assert!(before.iter().zip(&after).all(|(old, new)| old.1 != new.1));
    let made = engine.changes().into_iter();
    let made = made.filter(|it| it.starts_with("create_container"));
    assert_eq!(made.count(), 4);
}

#[tokio::test(start_paused = true)]
async fn what_shares_with_a_replaced_one_follows_and_what_is_no_longer_wanted_goes() {
    let side = "  side: {image: 'app:1', network_mode: 'service:free'}\n  same:";
    let shared = DEMO.replace("  same:", side);
    let engine = engine_with(&["app:1"]);
    let old = project(&shared.replace("  same: {", "  same: {scale: 2, "));
    let run = run_up(&engine, &old, &UpOptions::default()).await;
    assert!(run.result.is_ok());
    let new = project(&shared.replace("V=1", "V=2"));
    let run = run_up(&engine, &new, &atomic()).await;
    assert!(run.result.is_ok(), "{:#?}", run.lines());
    no_leftovers(&engine, "shared").await;
    engine.forget_calls();
    assert!(
        run_up(&engine, &new, &UpOptions::default())
            .await
            .result
            .is_ok()
    );
    assert_eq!(engine.changes(), [] as [&str; 0]);
    let free = engine.container("demo-free-1").await.expect("an answer");
    assert!(free.is_some());
}

#[tokio::test(start_paused = true)]
async fn wreckage_and_networks_that_are_made_anew_are_refused() {
    let engine = up().await;
    let changed = format!("{DEMO}networks: {{default: {{labels: {{a: b}}}}}}\n");
    let run = run_up(&engine, &project(&changed), &atomic()).await;
    let Err(Error::Files(problems)) = run.result else {
        panic!("{:?}", run.result);
    };
    assert!(
        problems[0]
            .message
            .contains("network demo_default has changed")
    );
    let found = containers(&engine).await;
    let away = rcompose::plan::naming::temporary(&found[0].1, &found[0].0);
    let renamed = engine.rename_container(&found[0].0, &away).await;
    renamed.expect("the name is free");
    let run = run_up(&engine, &next(), &atomic()).await;
    let Err(Error::Files(problems)) = run.result else {
        panic!("{:?}", run.result);
    };
    assert_eq!(problems.len(), 1);
    assert!(problems[0].message.contains(&away), "{problems:?}");
}
