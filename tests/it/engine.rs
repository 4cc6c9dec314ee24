//! The engine contract on the engine in memory, and what only that engine can do.

use std::future::{Ready, ready};
use std::sync::Arc;
use std::time::Duration;

use bollard::models::{ContainerCreateBody, HealthConfig};
use futures_util::StreamExt;
use rcompose::engine::memory::MemoryEngine;
use rcompose::engine::{Channel, Engine, EngineError, Filter, Health, Image, LogOptions, Reads};

use crate::engine_contract::contract;

fn subject() -> Ready<Option<Arc<dyn Engine>>> {
    let engine = MemoryEngine::new();
    engine.add_image("busybox");
    ready(Some(Arc::new(engine)))
}

contract!(subject);

fn body() -> ContainerCreateBody {
    ContainerCreateBody {
        image: Some("busybox".to_owned()),
        ..ContainerCreateBody::default()
    }
}

async fn with_container(name: &str, body: ContainerCreateBody) -> MemoryEngine {
    let engine = MemoryEngine::new();
    engine.add_image("busybox");
    let created = engine.create_container(name, None, body).await;
    created.expect("the image is here");
    engine
}

#[tokio::test]
async fn two_engines_that_do_the_same_hold_the_same() {
    let (first, second) = (
        with_container("web", body()).await,
        with_container("web", body()).await,
    );
    for engine in [&first, &second] {
        engine.start_container("web").await.expect("it starts");
    }
    let detail = first.container("web").await.expect("an answer");
    assert_eq!(detail, second.container("web").await.expect("an answer"));
    assert_eq!(
        detail.expect("it is there").started_at,
        "2023-11-14T22:13:20.004000000Z"
    );
}

#[tokio::test]
async fn a_call_fails_once_when_told_so_and_leaves_no_trace() {
    let engine = with_container("web", body()).await;
    let broken = EngineError::Broken("the cable".to_owned());
    engine.fail_next("start_container", "web", broken);
    let error = engine.start_container("web").await;
    assert!(matches!(error, Err(EngineError::Broken(_))), "{error:?}");
    engine.start_container("web").await.expect("only once");
    engine.fail_next(
        "stop_container",
        "*",
        EngineError::Conflict("no".to_owned()),
    );
    engine
        .stop_container("web", None)
        .await
        .expect_err("any name");
    engine.containers(&Filter::default()).await.expect("a list");
    let calls = [
        "create_container web",
        "start_container web",
        "start_container web",
        "stop_container web",
    ];
    assert_eq!(engine.changes(), calls);
    assert_eq!(
        engine.calls().last().map(String::as_str),
        Some("containers")
    );
    engine.forget_calls();
    assert!(engine.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_call_hangs_when_told_so() {
    let engine = with_container("web", body()).await;
    engine.hang_next("start_container", "web");
    let start = engine.start_container("web");
    let hour = Duration::from_hours(1);
    assert!(tokio::time::timeout(hour, start).await.is_err());
    engine.start_container("web").await.expect("only once");
}

#[tokio::test(start_paused = true)]
async fn time_in_containers_is_tokios_so_that_it_can_be_skipped() {
    let mut body = body();
    body.healthcheck = Some(HealthConfig {
        test: Some(["CMD", "curl", "localhost"].map(str::to_owned).to_vec()),
        ..HealthConfig::default()
    });
    let engine = with_container("web", body).await;
    engine.behave("web", "sleep 2h; exit 4");
    let events = engine.events(&Filter::default(), None).await;
    let mut events = events.expect("events");
    engine.start_container("web").await.expect("it starts");
    let mut actions = Vec::new();
    while actions.last().is_none_or(|last| last != "die") {
        actions.push(events.next().await.expect("more").expect("no error").action);
    }
    assert_eq!(actions, ["start", "health_status: healthy", "die"]);
    let code = engine.wait_container("web").await;
    assert_eq!(code.expect("it has ended"), 4);
}

#[tokio::test]
async fn a_test_decides_over_health_output_and_end() {
    let engine = with_container("web", body()).await;
    engine.start_container("web").await.expect("it starts");
    let options = LogOptions {
        follow: true,
        ..LogOptions::default()
    };
    let log = engine.logs("web", &options).await.expect("a log");
    engine.set_health("web", Health::Unhealthy);
    engine.print("web", Channel::Stderr, "ouch\n");
    let rows = engine.containers(&Filter::default()).await.expect("a list");
    assert_eq!(rows[0].health(), Some(Health::Unhealthy));
    engine.exit("web", 9);
    let code = engine.wait_container("web").await;
    assert_eq!(code.expect("it has ended"), 9);
    let log: Vec<_> = log
        .map(|piece| piece.expect("no error").bytes)
        .collect()
        .await;
    assert_eq!(log, ["ouch\n"]);
    engine.answer_exec("web", 3, "no");
    engine
        .start_container("web")
        .await
        .expect("it starts again");
    let outcome = engine
        .exec("web", &rcompose::engine::Exec::of(&["true".to_owned()]))
        .await;
    assert_eq!(outcome.expect("it runs").code, 3);
}

#[tokio::test]
async fn only_what_is_published_can_be_pulled() {
    let engine = MemoryEngine::new();
    let denied = engine.pull_image("redis:7", None).await.map(drop);
    assert!(
        matches!(denied, Err(EngineError::NotFound(_))),
        "{denied:?}"
    );
    let pull = async || {
        let progress = engine.pull_image("redis:7", None).await;
        let progress: Vec<_> = progress.expect("it is there").collect().await;
        let last = progress.into_iter().filter_map(Result::ok).next_back();
        (
            last.expect("an end").text,
            engine.image("redis:7").await.expect("an answer"),
        )
    };
    engine.publish("redis:7");
    let (first, old) = pull().await;
    assert_eq!(first, "Status: Downloaded newer image for redis:7");
    assert_eq!(
        pull().await,
        (
            "Status: Image is up to date for redis:7".to_owned(),
            old.clone()
        )
    );
    engine.publish("redis:7");
    let (third, new) = pull().await;
    assert_eq!(third, first);
    assert_ne!(old.map(|it| it.id), new.map(|it| it.id));
}

#[tokio::test]
async fn an_image_can_declare_what_it_likes() {
    let engine = MemoryEngine::new();
    let declared = Image {
        volumes: vec!["/var/lib/data".to_owned()],
        ..Image::default()
    };
    let id = engine.add_image_like("db", declared);
    let image = engine.image("db:latest").await.expect("an answer");
    assert_eq!(
        image.map(|it| (it.id, it.volumes)),
        Some((id, vec!["/var/lib/data".to_owned()]))
    );
}
