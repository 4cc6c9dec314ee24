//! Plans carried out on the engine in memory: order, failures, interrupts, and what is left.
//!
//! Whatever goes wrong in the middle, nothing new begins after it, every step is told to its end,
//! and the next run comes to the state that an undisturbed one comes to.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

use rcompose::engine::memory::MemoryEngine;
use rcompose::engine::{Filter, Image, Reads};
use rcompose::event::{Event, Outcome, Progress};
use rcompose::execute::Probe;
use rcompose::ops::lock::Lock;
use rcompose::ops::up::{UpOptions, up};
use rcompose::ops::{Error, Target, lifecycle};
use rcompose::plan::containers::Recreate;
use rcompose::plan::images::BuildPolicy;
use rcompose::plan::{describe, naming};
use rcompose::project::Project;
use tokio_util::sync::CancellationToken;

use crate::support::project;

mod adopt;
mod atomic;
mod attached;
mod drift;
mod faults;
mod hooks;
mod killed;
mod lock;

/// What came of a run: its result and its events.
struct Run {
    result: Result<(), Error>,
    events: Vec<Event>,
}

impl Run {
    /// One line an event.
    fn lines(&self) -> Vec<String> {
        let mut plan = None;
        let mut lines = Vec::new();
        for event in &self.events {
            let what = |step: &rcompose::plan::StepId| {
                let plan: &std::sync::Arc<rcompose::plan::Plan> =
                    plan.as_ref().expect("a plan first");
                describe(&plan.steps[step.0])
            };
            lines.push(match event {
                Event::Planned { plan: made } => {
                    plan = Some(made.clone());
                    continue;
                }
                Event::StepStarted { step } => format!("begin {}", what(step)),
                Event::StepProgress { step, progress } => match progress {
                    Progress::Line(line) => format!("say {}: {}", what(step), line.trim_end()),
                    Progress::Transfer { .. } => continue,
                },
                Event::StepFinished {
                    step,
                    outcome: Outcome::Done,
                } => format!("done {}", what(step)),
                Event::StepFinished {
                    step,
                    outcome: Outcome::Unchanged,
                } => {
                    format!("unchanged {}", what(step))
                }
                Event::StepFinished {
                    step,
                    outcome: Outcome::Tolerated,
                } => {
                    format!("tolerated {}", what(step))
                }
                Event::StepFailed { error, .. } => format!("failed: {error}"),
                Event::StepSkipped { step } => format!("skip {}", what(step)),
                Event::Warning { message } => format!("warning: {message}"),
            });
        }
        lines
    }

    fn has(&self, line: &str) -> bool {
        self.lines().iter().any(|it| it == line)
    }

    /// Fails when a line is not there.
    fn must_have(&self, line: &str) {
        assert!(
            self.has(line),
            "{line}\nnot in\n{}",
            self.lines().join("\n")
        );
    }

    /// Every step is told once to its end, and nothing begins after a failure.
    fn check(&self, case: &str) {
        let mut begun = BTreeSet::new();
        let mut ended = BTreeSet::new();
        let mut failed = false;
        let mut steps = 0;
        for event in &self.events {
            match event {
                Event::Planned { plan } => steps = plan.steps.len(),
                Event::StepStarted { step } => {
                    assert!(!failed, "{case}: a step begins after a failure");
                    assert!(begun.insert(*step), "{case}: a step begins twice");
                }
                Event::StepProgress { step, .. } => {
                    assert!(
                        !ended.contains(step),
                        "{case}: a step goes on after its end"
                    );
                }
                Event::StepFinished { step, .. } | Event::StepFailed { step, .. } => {
                    assert!(begun.contains(step), "{case}: a step ends that never began");
                    assert!(ended.insert(*step), "{case}: a step ends twice");
                    failed |= matches!(event, Event::StepFailed { .. });
                }
                Event::StepSkipped { step } => {
                    assert!(ended.insert(*step), "{case}: a step ends twice");
                }
                Event::Warning { .. } => {}
            }
        }
        assert_eq!(
            ended.len(),
            steps,
            "{case}: a step has no end: {:#?}",
            self.lines()
        );
    }
}

async fn run_up(engine: &MemoryEngine, project: &Project, options: &UpOptions) -> Run {
    run_until(
        engine,
        project,
        options,
        CancellationToken::new(),
        usize::MAX,
    )
    .await
}

/// Cancels as soon as so many steps have begun.
async fn run_until(
    engine: &MemoryEngine,
    project: &Project,
    options: &UpOptions,
    cancel: CancellationToken,
    mut begins: usize,
) -> Run {
    let mut events = Vec::new();
    let token = cancel.clone();
    let mut sink = |event: Event| {
        if matches!(event, Event::StepStarted { .. }) {
            begins = begins.saturating_sub(1);
            if begins == 0 {
                token.cancel();
            }
        }
        events.push(event);
    };
    let result = up(engine, project, options, &cancel, &mut sink).await;
    Run { result, events }
}

async fn run_down(engine: &MemoryEngine, project: &Project, volumes: bool) -> Run {
    let mut events = Vec::new();
    let options = lifecycle::DownOptions {
        volumes,
        ..lifecycle::DownOptions::default()
    };
    let mut sink = |event: Event| events.push(event);
    let target = Target::Files(project);
    let lock = Lock::default();
    let result = lifecycle::down(engine, target, &options, &lock, &mut sink).await;
    Run { result, events }
}

/// What the engine holds, as text, without ids.
async fn state(engine: &MemoryEngine) -> String {
    let mut text = String::new();
    let mut containers = engine.containers(&Filter::default()).await.expect("a list");
    containers.sort_by(|one, other| one.name.cmp(&other.name));
    for container in containers {
        let image = engine.image(&container.image).await.expect("an answer");
        let current = image.is_some_and(|image| image.id == container.image_id);
        let networks: Vec<&String> = container.networks.keys().collect();
        let mounts: BTreeMap<&String, &String> = container
            .mounts
            .iter()
            .map(|mount| (&mount.target, &mount.name))
            .collect();
        let _ = writeln!(
            text,
            "{} {:?} of {} (current: {current}) in {networks:?} with {mounts:?}",
            container.name, container.state, container.image
        );
    }
    let networks = engine.networks(&Filter::default()).await.expect("a list");
    let mut names: Vec<String> = networks.into_iter().map(|it| it.name).collect();
    let volumes = engine.volumes(&Filter::default()).await.expect("a list");
    names.extend(volumes.into_iter().map(|it| format!("volume {}", it.name)));
    names.sort();
    text + &names.join(" ")
}

/// Only the engine's word counts; what our own probes do has tests of its own.
fn options() -> UpOptions {
    UpOptions {
        probe: Probe::Engine,
        ..UpOptions::default()
    }
}

fn engine_with(images: &[&str]) -> MemoryEngine {
    let engine = MemoryEngine::new();
    for image in images {
        engine.add_image(image);
    }
    engine
}

#[tokio::test(start_paused = true)]
async fn events_tell_every_step_in_the_order_of_the_plan() {
    let project = project(
        "
services:
  web: {image: nginx:1, depends_on: {db: {condition: service_healthy}}}
  db: {image: redis:7, healthcheck: {test: [CMD, x]}}
",
    );
    let run = run_up(&engine_with(&["nginx:1", "redis:7"]), &project, &options()).await;
    run.check("undisturbed");
    let expected = [
        "begin create network demo_default",
        "done create network demo_default",
        "begin create container demo-db-1",
        "begin create container demo-web-1",
        "done create container demo-db-1",
        "begin start container demo-db-1",
        "done create container demo-web-1",
        "done start container demo-db-1",
        "begin wait for container demo-db-1: service_healthy",
        "done wait for container demo-db-1: service_healthy",
        "begin start container demo-web-1",
        "done start container demo-web-1",
    ];
    assert_eq!(run.lines(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_step_begins_as_soon_as_its_own_inputs_are_ready() {
    let project = project(
        "
services:
  a: {image: a:1, healthcheck: {test: [CMD, x], interval: 1s}}
  slow: {image: slow:1}
  z: {image: z:1, depends_on: {a: {condition: service_healthy}}}
",
    );
    let engine = engine_with(&["a:1", "z:1"]);
    engine.hang_next("pull_image", "slow:1");
    let cancel = CancellationToken::new();
    let later = cancel.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_mins(1)).await;
        later.cancel();
    });
    let run = run_until(&engine, &project, &options(), cancel, usize::MAX).await;
    run.must_have("done start container demo-z-1");
    run.must_have("skip pull image slow:1");
    run.must_have("skip start container demo-slow-1");
    assert!(matches!(run.result, Err(Error::Interrupted)));
    run.check("hanging pull");
}

#[tokio::test(start_paused = true)]
async fn many_waits_do_not_hold_up_the_calls() {
    let mut text = "services:\n  last: {image: x:1, depends_on: [s00]}\n".to_owned();
    for number in 0..40 {
        let _ = writeln!(
            text,
            "  s{number:02}: {{image: x:1, healthcheck: {{test: [CMD, x]}}}}\n  \
             w{number:02}: {{image: x:1, depends_on: {{s{number:02}: {{condition: service_healthy}}}}}}"
        );
    }
    let run = run_up(&engine_with(&["x:1"]), &project(&text), &options()).await;
    run.check("many waits");
    assert!(run.result.is_ok());
    let lines = run.lines();
    let at = |line: &str| lines.iter().position(|it| it == line).expect("it is there");
    let last = at("begin start container demo-last-1");
    let waited = lines.iter().position(|it| it.starts_with("done wait for"));
    assert!(Some(last) < waited, "{last} {waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_second_up_changes_nothing_and_takes_six_calls_at_most() {
    let mut text = "volumes: {data: }\nservices:\n".to_owned();
    for number in 0..20 {
        let _ = writeln!(text, "  s{number}: {{image: x:1, volumes: ['data:/d']}}");
    }
    let project = project(&text);
    let engine = engine_with(&["x:1"]);
    assert!(run_up(&engine, &project, &options()).await.result.is_ok());
    engine.forget_calls();
    let run = run_up(&engine, &project, &options()).await;
    assert!(run.result.is_ok());
    assert_eq!(run.lines(), [] as [&str; 0]);
    assert_eq!(engine.changes(), [] as [&str; 0]);
    assert!(engine.calls().len() <= 6, "{:?}", engine.calls());
}

const HEALTH: &str = "
services:
  web: {image: nginx:1, depends_on: {db: {condition: service_healthy}}}
  db: {image: redis:7, healthcheck: {test: [CMD, x], interval: 1s, retries: 1}}
";

#[tokio::test(start_paused = true)]
async fn a_dependency_that_is_unhealthy_fails_with_what_its_probe_said() {
    let engine = engine_with(&["nginx:1", "redis:7"]);
    engine.answer_exec("demo-db-1", 1, "no disk\n");
    let run = run_up(&engine, &project(HEALTH), &options()).await;
    run.must_have("failed: container demo-db-1 is unhealthy; its last probe said: no disk");
    run.must_have("skip start container demo-web-1");
    run.check("unhealthy");
}

#[tokio::test(start_paused = true)]
async fn a_dependency_that_ends_while_it_is_waited_for_fails_with_its_code() {
    let engine = engine_with(&["nginx:1", "redis:7"]);
    engine.behave("demo-db-1", "sleep 0.5; exit 3");
    let run = run_up(&engine, &project(HEALTH), &options()).await;
    run.must_have("failed: container demo-db-1 exited (3)");
    run.check("exit");
}

#[tokio::test(start_paused = true)]
async fn an_optional_dependency_that_fails_is_a_warning() {
    let text = HEALTH.replace("service_healthy}", "service_healthy, required: false}");
    let engine = engine_with(&["nginx:1", "redis:7"]);
    engine.behave("demo-db-1", "exit 3");
    let run = run_up(&engine, &project(&text), &options()).await;
    run.must_have("warning: container demo-db-1 exited (3); the dependency is optional");
    run.must_have("tolerated wait for container demo-db-1: service_healthy (optional)");
    run.must_have("done start container demo-web-1");
    run.check("optional");
}

const JOB: &str = "
services:
  web: {image: nginx:1, depends_on: {job: {condition: service_completed_successfully}}}
  job: {image: job:1}
";

#[tokio::test(start_paused = true)]
async fn a_job_that_ends_well_lets_its_dependent_start() {
    let engine = engine_with(&["nginx:1", "job:1"]);
    engine.behave("demo-job-1", "sleep 2; exit 0");
    let wait = UpOptions {
        wait: true,
        ..options()
    };
    let run = run_up(&engine, &project(JOB), &wait).await;
    run.must_have("done start container demo-web-1");
    assert!(run.result.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_job_that_ends_badly_keeps_its_dependent_from_starting() {
    let engine = engine_with(&["nginx:1", "job:1"]);
    engine.behave("demo-job-1", "exit 7");
    let run = run_up(&engine, &project(JOB), &options()).await;
    run.must_have("failed: container demo-job-1 didn't complete successfully: exit 7");
    run.must_have("skip start container demo-web-1");
}

#[tokio::test(start_paused = true)]
async fn waits_are_broken_off_when_something_else_fails() {
    let text = format!("{HEALTH}  bad: {{image: bad:1}}\n");
    let engine = engine_with(&["nginx:1", "redis:7"]);
    engine.hang_next("container", "demo-db-1");
    let run = run_up(&engine, &project(&text), &options()).await;
    run.must_have("skip start container demo-web-1");
    assert!(matches!(run.result, Err(Error::Failed)));
    run.check("broken off");
}

#[tokio::test(start_paused = true)]
async fn our_own_probe_finds_a_ready_dependency_before_the_engine_does() {
    let engine = engine_with(&["nginx:1", "redis:7"]);
    let own = UpOptions::default();
    let begin = tokio::time::Instant::now();
    let run = run_up(&engine, &project(HEALTH), &own).await;
    assert!(run.result.is_ok());
    run.must_have("done start container demo-web-1");
    assert!(
        begin.elapsed() < Duration::from_secs(1),
        "the check's interval is longer"
    );
}

#[tokio::test(start_paused = true)]
async fn our_own_probe_never_passes_a_dependency_whose_test_fails() {
    let engine = engine_with(&["nginx:1", "redis:7"]);
    engine.answer_exec("demo-db-1", 1, "not yet");
    let run = run_up(&engine, &project(HEALTH), &UpOptions::default()).await;
    assert!(matches!(run.result, Err(Error::Failed)));
    run.must_have("skip start container demo-web-1");
}

#[tokio::test(start_paused = true)]
async fn a_second_up_that_waits_changes_nothing() {
    let engine = engine_with(&["x:1"]);
    let project =
        project("services: {web: {image: x:1, healthcheck: {interval: 1s, test: [CMD, x]}}}");
    let wait = UpOptions {
        wait: true,
        ..options()
    };
    assert!(run_up(&engine, &project, &wait).await.result.is_ok());
    engine.forget_calls();
    let again = run_up(&engine, &project, &wait).await;
    assert!(again.result.is_ok());
    assert_eq!(engine.changes(), [] as [&str; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_build_that_changes_nothing_leaves_the_container_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("Dockerfile"), "FROM x:1\n").expect("a file");
    let text = format!("services: {{web: {{build: {}}}}}", folder.path().display());
    let (engine, project) = (engine_with(&["x:1"]), project(&text));
    let build = UpOptions {
        build: BuildPolicy::Always,
        ..options()
    };
    assert!(run_up(&engine, &project, &build).await.result.is_ok());
    let before = engine
        .container("demo-web-1")
        .await
        .expect("an answer")
        .expect("it is there");
    let run = run_up(&engine, &project, &build).await;
    run.must_have("unchanged stop container demo-web-1");
    run.must_have("unchanged start container demo-web-1");
    std::fs::write(folder.path().join("Dockerfile"), "FROM x:1\nRUN true\n").expect("a file");
    let same = engine
        .container("demo-web-1")
        .await
        .expect("an answer")
        .expect("it is there");
    assert_eq!(same.id, before.id);
    let run = run_up(&engine, &project, &build).await;
    run.must_have("done stop container demo-web-1");
    let other = engine
        .container("demo-web-1")
        .await
        .expect("an answer")
        .expect("it is there");
    assert_ne!(other.id, before.id);
}

#[tokio::test(start_paused = true)]
async fn volumes_outlive_their_containers() {
    let engine = MemoryEngine::new();
    let declares = || Image {
        volumes: vec!["/of-image".to_owned()],
        ..Image::default()
    };
    engine.add_image_like("db:1", declares());
    engine.add_image_like("db:2", declares());
    let text = "
services: {db: {image: 'db:1', volumes: ['named:/named', /anonymous]}}
volumes: {named: }
";
    assert!(
        run_up(&engine, &project(text), &options())
            .await
            .result
            .is_ok()
    );
    let before = mounts(&engine).await;
    assert_eq!(before.len(), 3);
    let next = project(&text.replace("db:1", "db:2"));
    assert!(run_up(&engine, &next, &options()).await.result.is_ok());
    assert_eq!(mounts(&engine).await, before);
    let renew = UpOptions {
        recreate: Recreate::Force,
        renew_anonymous_volumes: true,
        ..options()
    };
    assert!(run_up(&engine, &next, &renew).await.result.is_ok());
    let after = mounts(&engine).await;
    assert_eq!(after["/named"], before["/named"]);
    assert_ne!(after["/anonymous"], before["/anonymous"]);
    assert_ne!(after["/of-image"], before["/of-image"]);
}

async fn mounts(engine: &MemoryEngine) -> BTreeMap<String, String> {
    let container = engine
        .containers(&Filter::default())
        .await
        .expect("a list")
        .remove(0);
    container
        .mounts
        .into_iter()
        .map(|mount| (mount.target, mount.name))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn down_keeps_named_volumes_unless_told_otherwise() {
    let engine = engine_with(&["x:1"]);
    let project = project("services: {db: {image: x:1, volumes: ['data:/d']}}\nvolumes: {data: }");
    assert!(run_up(&engine, &project, &options()).await.result.is_ok());
    assert!(run_down(&engine, &project, false).await.result.is_ok());
    assert_eq!(state(&engine).await, "bridge host none volume demo_data");
    assert!(run_down(&engine, &project, true).await.result.is_ok());
    assert_eq!(state(&engine).await, "bridge host none");
    let run = run_down(&engine, &project, true).await;
    run.must_have("warning: no resource found to remove for project demo");
}

#[tokio::test(start_paused = true)]
async fn a_network_that_others_still_use_stays_with_a_warning() {
    let engine = engine_with(&["x:1"]);
    let project = project("services: {a: {image: x:1}, b: {image: x:1}}");
    assert!(run_up(&engine, &project, &options()).await.result.is_ok());
    let mut events = Vec::new();
    let down = lifecycle::DownOptions {
        services: vec!["a".to_owned()],
        ..lifecycle::DownOptions::default()
    };
    let mut sink = |event: Event| events.push(event);
    let target = Target::Files(&project);
    let lock = Lock::default();
    let result = lifecycle::down(&engine, target, &down, &lock, &mut sink).await;
    let run = Run { result, events };
    assert!(run.result.is_ok());
    run.check("in use");
    run.must_have("tolerated remove network demo_default");
    let lines = run.lines();
    let warned = lines
        .iter()
        .position(|it| it.contains("demo_default is still in use and stays"));
    let ended = lines
        .iter()
        .position(|it| it == "tolerated remove network demo_default");
    assert!(warned.is_some() && warned < ended, "{lines:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_taken_port_names_its_holder_before_anything_is_done() {
    let engine = engine_with(&["x:1"]);
    let text = "{name: NAME, services: {web: {image: 'x:1', ports: ['8080:80']}}}";
    let other = project(&text.replace("NAME", "other"));
    assert!(run_up(&engine, &other, &options()).await.result.is_ok());
    let run = run_up(&engine, &project(&text.replace("NAME", "demo")), &options()).await;
    let refused = run.result.expect_err("it cannot be had");
    let words = "port 8080/tcp: container other-web-1 of project other has it";
    assert!(refused.to_string().contains(words), "{refused}");
    assert!(run.events.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_port_taken_by_another_program_says_how_to_find_it() {
    let engine = engine_with(&["x:1"]);
    engine.occupy_port(8080);
    let project = project("services: {web: {image: 'x:1', ports: ['8080:80']}}");
    let run = run_up(&engine, &project, &options()).await;
    let failure = run
        .lines()
        .into_iter()
        .find(|line| line.starts_with("failed"));
    let failure = failure.expect("it fails");
    assert!(failure.contains("ss -ltnp 'sport = :8080'"), "{failure}");
}

#[tokio::test(start_paused = true)]
async fn an_image_that_cannot_be_pulled_is_built() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("Dockerfile"), "FROM x:1\n").expect("a file");
    let text = format!(
        "services: {{web: {{image: 'app:1', build: {}}}}}",
        folder.path().display()
    );
    let run = run_up(&engine_with(&["x:1"]), &project(&text), &options()).await;
    run.must_have("tolerated pull image app:1");
    run.must_have("done build image app:1 unless it could be pulled");
    run.must_have("done start container demo-web-1");
    let engine = engine_with(&["x:1"]);
    engine.publish("app:1");
    let run = run_up(&engine, &project(&text), &options()).await;
    run.must_have("done pull image app:1");
    run.must_have("unchanged build image app:1 unless it could be pulled");
}

/// No container under a temporary name is left.
async fn no_leftovers(engine: &MemoryEngine, case: &str) {
    for container in engine.containers(&Filter::default()).await.expect("a list") {
        let name = &container.name;
        assert_eq!(naming::final_name(name), name, "{case}");
    }
}
