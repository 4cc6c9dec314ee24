//! A network that is made anew under its containers: whatever fails or hangs in the middle, the
//! next run ends where an undisturbed one ends, with the same containers.

use std::collections::BTreeMap;
use std::time::Duration;

use rcompose::engine::memory::MemoryEngine;
use rcompose::engine::{EngineError, Filter, Reads};
use rcompose::ops::Error;
use rcompose::project::Project;
use tokio_util::sync::CancellationToken;

use super::{engine_with, no_leftovers, options, run_until, run_up};
use crate::support::project;

fn stack(settings: &str) -> Project {
    project(&format!(
        "
services:
  web: {{image: 'web:1', networks: {{front: {{aliases: [www]}}, back: }}, depends_on: [db]}}
  db: {{image: 'db:1', networks: [back], scale: 2}}
  side: {{image: 'web:1', network_mode: 'service:web'}}
  apart: {{image: 'web:1'}}
networks: {{front: {settings}, back: {settings}}}
"
    ))
}

async fn up_before() -> MemoryEngine {
    let engine = engine_with(&["web:1", "db:1"]);
    let run = run_up(&engine, &stack("{}"), &options()).await;
    assert!(run.result.is_ok(), "{:#?}", run.lines());
    engine.forget_calls();
    engine
}

/// Ids, states, aliases and whether a network is without a way out.
async fn state(engine: &MemoryEngine) -> BTreeMap<String, String> {
    let mut state = BTreeMap::new();
    for row in engine.containers(&Filter::default()).await.expect("a list") {
        let detail = engine.container(&row.name).await.expect("an answer");
        let networks = detail.expect("it is there").networks;
        let places: Vec<String> = networks
            .iter()
            .map(|(name, endpoint)| format!("{name} as {:?}", endpoint.aliases))
            .collect();
        let text = format!("{} {:?} in {places:?}", row.id, row.state);
        state.insert(row.name, text);
    }
    for network in engine.networks(&Filter::default()).await.expect("a list") {
        state.insert(network.name, format!("internal: {}", network.internal));
    }
    state
}

async fn undisturbed() -> (Vec<(String, String)>, BTreeMap<String, String>) {
    let engine = up_before().await;
    let run = run_up(&engine, &stack("{internal: true}"), &options()).await;
    assert!(run.result.is_ok(), "{:#?}", run.lines());
    run.check("undisturbed");
    let calls = engine.calls();
    let calls = calls.iter().map(|call| {
        let (method, name) = call.split_once(' ').unwrap_or((call, "*"));
        (method.to_owned(), name.to_owned())
    });
    let mut calls: Vec<_> = calls.collect();
    calls.sort();
    calls.dedup();
    (calls, state(&engine).await)
}

/// Ids are counted alike on every engine in memory, so that equal states mean the same containers.
async fn converges(engine: &MemoryEngine, expected: &BTreeMap<String, String>, case: &str) {
    let project = stack("{internal: true}");
    let again = run_up(engine, &project, &options()).await;
    assert!(again.result.is_ok(), "{case}: {:#?}", again.lines());
    again.check(case);
    no_leftovers(engine, case).await;
    assert_eq!(&state(engine).await, expected, "{case}");
    engine.forget_calls();
    let idle = run_up(engine, &project, &options()).await;
    assert!(idle.result.is_ok(), "{case}");
    assert_eq!(engine.changes(), [] as [&str; 0], "{case}");
}

#[tokio::test(start_paused = true)]
async fn containers_stay_the_same_and_are_in_the_new_network_by_all_their_names() {
    let before = state(&up_before().await).await;
    let (_, after) = undisturbed().await;
    assert_eq!(after["demo_front"], "internal: true");
    for (name, text) in &after {
        if name.contains('-') {
            assert_eq!(text, &before[name], "{name}");
        }
    }
    assert!(after["demo-web-1"].contains("www"), "{after:#?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_in_no_network_that_has_drifted_is_left_alone() {
    let engine = up_before().await;
    run_up(&engine, &stack("{internal: true}"), &options()).await;
    let changes = engine.changes();
    let touched = changes.iter().filter(|call| call.contains("apart"));
    assert_eq!(touched.count(), 0, "{changes:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_run_after_any_failed_call_comes_to_the_same_end() {
    let (calls, expected) = undisturbed().await;
    assert!(calls.len() > 20, "{calls:#?}");
    for (method, name) in calls {
        let case = format!("{method} {name} fails");
        let engine = up_before().await;
        engine.fail_next(&method, &name, EngineError::Broken("the cable".to_owned()));
        let run = run_up(&engine, &stack("{internal: true}"), &options()).await;
        run.check(&case);
        assert!(run.result.is_err(), "{case}: nobody noticed");
        converges(&engine, &expected, &case).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_after_any_interrupted_call_comes_to_the_same_end() {
    let (calls, expected) = undisturbed().await;
    for (method, name) in calls {
        let case = format!("{method} {name} hangs");
        let engine = up_before().await;
        engine.hang_next(&method, &name);
        let cancel = CancellationToken::new();
        let later = cancel.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_hours(1)).await;
            later.cancel();
        });
        let project = stack("{internal: true}");
        let run = run_until(&engine, &project, &options(), cancel, usize::MAX).await;
        assert!(matches!(run.result, Err(Error::Interrupted)), "{case}");
        run.check(&case);
        converges(&engine, &expected, &case).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_after_an_interrupt_at_any_step_comes_to_the_same_end() {
    let (_, expected) = undisturbed().await;
    for begins in 1.. {
        let case = format!("interrupted as step {begins} begins");
        let engine = up_before().await;
        let cancel = CancellationToken::new();
        let project = stack("{internal: true}");
        let run = run_until(&engine, &project, &options(), cancel, begins).await;
        run.check(&case);
        if run.result.is_ok() {
            assert!(begins > 20, "{case}");
            break;
        }
        converges(&engine, &expected, &case).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_stranger_in_the_network_is_named_before_anything_is_done() {
    let engine = up_before().await;
    let theirs = project(
        "name: theirs\nservices: {x: {image: 'db:1', networks: [back]}}\nnetworks: {back: {name: demo_back, external: true}}",
    );
    let run = run_up(&engine, &theirs, &options()).await;
    assert!(run.result.is_ok(), "{:#?}", run.lines());
    engine.forget_calls();
    let run = run_up(&engine, &stack("{internal: true}"), &options()).await;
    let Err(Error::Files(problems)) = run.result else {
        panic!("{:?}", run.result);
    };
    assert_eq!(
        problems[0].message,
        "network demo_back has to be made anew (changed: internal), but is in use by what is not of this project's services: theirs-x-1"
    );
    assert_eq!(engine.changes(), [] as [&str; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_name_that_somebody_else_has_is_told_before_anything_is_done() {
    let engine = up_before().await;
    let theirs = project("name: theirs\nservices: {x: {image: 'db:1', container_name: taken}}");
    let run = run_up(&engine, &theirs, &options()).await;
    assert!(run.result.is_ok(), "{:#?}", run.lines());
    engine.forget_calls();
    let mut changed = stack("{internal: true}");
    let web = changed.services.get_mut("web").expect("it is there");
    web.container_name = Some("taken".to_owned());
    let run = run_up(&engine, &changed, &options()).await;
    let Err(Error::Refused { message, help }) = run.result else {
        panic!("{:?}", run.result);
    };
    assert_eq!(
        message,
        "project demo cannot have all its container names; taken is in use by a container that does not belong to it"
    );
    assert_eq!(help.len(), 2);
    assert_eq!(engine.changes(), [] as [&str; 0]);
}
