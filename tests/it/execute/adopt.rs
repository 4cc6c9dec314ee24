//! What somebody else has made between the look and the act is taken as it is, when it is what was
//! to be made.

use std::collections::HashMap;
use std::sync::Arc;

use bollard::models::ContainerCreateBody;
use rcompose::engine::memory::MemoryEngine;
use rcompose::engine::{Engine, Filter, Reads};
use rcompose::event::Event;
use rcompose::execute::{Execution, Options, execute};
use rcompose::ops::Error;
use rcompose::ops::up::{UpOptions, plan};
use rcompose::plan::{Plan, labels};
use rcompose::project::Project;

use super::{engine_with, options, run_up};
use crate::support::project;

const DEMO: &str = "
services:
  web: {image: web:1, environment: [V=1], depends_on: [db]}
  db: {image: db:1}
";

fn engine() -> MemoryEngine {
    engine_with(&["web:1", "web:2", "db:1"])
}

async fn planned(engine: &MemoryEngine, project: &Project, options: &UpOptions) -> Arc<Plan> {
    let plan = plan(engine, project, options).await;
    Arc::new(plan.expect("it can be planned"))
}

/// Carries out a plan; what failed, if anything did.
async fn carry_out(engine: &MemoryEngine, plan: &Arc<Plan>) -> (Execution, Vec<String>) {
    let mut failed = Vec::new();
    let mut sink = |event: Event| {
        if let Event::StepFailed { error, .. } = event {
            failed.push(error);
        }
    };
    let ended = execute(engine, plan, &Options::default(), &mut sink).await;
    (ended, failed)
}

async fn ids(engine: &MemoryEngine) -> HashMap<String, String> {
    let containers = engine.containers(&Filter::default()).await.expect("a list");
    containers.into_iter().map(|it| (it.name, it.id)).collect()
}

#[tokio::test(start_paused = true)]
async fn what_another_one_made_of_the_same_files_is_taken_over() {
    let (engine, project) = (engine(), project(DEMO));
    let late = planned(&engine, &project, &options()).await;
    assert!(run_up(&engine, &project, &options()).await.result.is_ok());
    let before = ids(&engine).await;
    let (ended, failed) = carry_out(&engine, &late).await;
    assert_eq!((ended, failed), (Execution::Complete, Vec::new()));
    assert_eq!(ids(&engine).await, before);
}

#[tokio::test(start_paused = true)]
async fn what_another_one_made_of_other_files_is_not() {
    let (engine, other) = (engine(), project(&DEMO.replace("V=1", "V=2")));
    let late = planned(&engine, &project(DEMO), &options()).await;
    assert!(run_up(&engine, &other, &options()).await.result.is_ok());
    let (ended, failed) = carry_out(&engine, &late).await;
    assert_eq!(ended, Execution::Failed);
    assert_eq!(failed.len(), 1);
    assert!(
        failed[0].contains("\"/demo-web-1\" is already in use"),
        "{failed:?}"
    );
    // The next look finds it as it is.
    assert!(
        run_up(&engine, &project(DEMO), &options())
            .await
            .result
            .is_ok()
    );
}

#[tokio::test(start_paused = true)]
async fn a_replacement_that_another_one_has_made_too_ends_in_one_container() {
    let (engine, new) = (engine(), project(&DEMO.replace("web:1", "web:2")));
    assert!(
        run_up(&engine, &project(DEMO), &options())
            .await
            .result
            .is_ok()
    );
    let late = planned(&engine, &new, &options()).await;
    assert!(run_up(&engine, &new, &options()).await.result.is_ok());
    let (ended, failed) = carry_out(&engine, &late).await;
    assert_eq!((ended, failed), (Execution::Complete, Vec::new()));
    assert_eq!(ids(&engine).await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_name_that_a_half_known_container_of_the_project_has_is_told_after_some_looks() {
    let (engine, project) = (engine(), project(DEMO));
    let body = ContainerCreateBody {
        image: Some("web:1".to_owned()),
        labels: Some(HashMap::from([(
            labels::PROJECT.to_owned(),
            "demo".to_owned(),
        )])),
        ..ContainerCreateBody::default()
    };
    let made = engine.create_container("demo-web-1", None, body).await;
    assert!(made.is_ok());
    engine.forget_calls();
    let run = run_up(&engine, &project, &options()).await;
    let Err(Error::Refused { message, .. }) = run.result else {
        panic!("{:?}", run.result);
    };
    assert!(message.contains("demo-web-1 is in use"), "{message}");
    assert_eq!(engine.changes(), [] as [&str; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_name_that_another_one_has_given_already_is_given() {
    let (engine, project) = (engine(), project(DEMO));
    assert!(run_up(&engine, &project, &options()).await.result.is_ok());
    let before = ids(&engine).await;
    let away = rcompose::plan::naming::temporary(&before["demo-web-1"], "demo-web-1");
    engine
        .rename_container("demo-web-1", &away)
        .await
        .expect("a name");
    let late = planned(&engine, &project, &options()).await;
    engine
        .rename_container(&away, "demo-web-1")
        .await
        .expect("a name");
    let (ended, failed) = carry_out(&engine, &late).await;
    assert_eq!((ended, failed), (Execution::Complete, Vec::new()));
    assert_eq!(ids(&engine).await, before);
}
