//! `doctor`: what killed runs left, told and mended.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bollard::models::{ContainerCreateBody, NetworkCreateRequest, VolumeCreateRequest};
use pretty_assertions::assert_eq;
use rcompose::cli::Process;
use rcompose::cli::locks::FileLocks;
use rcompose::engine::{Engine, Filter, Reads};
use rcompose::ops::lock::{HOLDER, Holder, HostLocks, LABEL};
use rcompose::plan::{labels, naming};

use super::Sandbox;

const DEMO: &str = "
services:
  web: {image: app}
  api: {image: app}
  db: {image: db}
";

fn process(locks: Option<Arc<dyn HostLocks>>) -> Process {
    Process {
        token: "this run".to_owned(),
        pid: 900,
        host: "ci-7".to_owned(),
        locks,
    }
}

/// Everything up, with the locks of a host in a folder.
async fn up() -> (Sandbox, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut sandbox = Sandbox::with(DEMO);
    sandbox.process = Some(process(Some(locks(&folder))));
    sandbox.succeed("up -d").await;
    (sandbox, folder)
}

fn locks(folder: &tempfile::TempDir) -> Arc<dyn HostLocks> {
    let home = folder.path().to_string_lossy().into_owned();
    let variables = BTreeMap::from([("HOME".to_owned(), home)]);
    Arc::new(FileLocks::of(&variables).expect("there is a folder"))
}

async fn names(sandbox: &Sandbox) -> Vec<String> {
    let containers = sandbox.engine.containers(&Filter::default()).await;
    let mut names: Vec<String> = containers
        .expect("a list")
        .into_iter()
        .map(|it| it.name)
        .collect();
    names.sort();
    names
}

/// Gives a container a replacement's temporary name; answers that.
async fn half_renamed(sandbox: &Sandbox, name: &str) -> String {
    let found = sandbox.engine.container(name).await.expect("an answer");
    let away = naming::temporary(&found.expect("it is there").id, name);
    let renamed = sandbox.engine.rename_container(name, &away).await;
    renamed.expect("the name is free");
    away
}

/// A container as it is there, that was never started, under a name.
async fn copy(sandbox: &Sandbox, of: &str, name: &str) {
    let found = sandbox.engine.container(of).await.expect("an answer");
    let labels = found.expect("it is there").labels.into_iter();
    let body = ContainerCreateBody {
        image: Some("app".to_owned()),
        labels: Some(labels.collect()),
        ..ContainerCreateBody::default()
    };
    let made = sandbox.engine.create_container(name, None, body).await;
    made.expect("the name is free");
}

const HEAD: &str = "\
engine   engine in memory 0.1.0 on linux/amd64, API 1.55, at memory://
project  demo
";

fn head() -> String {
    let api = rcompose::engine::transport::NEWEST.to_string();
    HEAD.replace("0.1.0", env!("CARGO_PKG_VERSION"))
        .replace("1.55", &api)
}

#[tokio::test(start_paused = true)]
async fn a_healthy_project_has_nothing_to_mend() {
    let (sandbox, _folder) = up().await;
    sandbox.engine.forget_calls();
    let ran = sandbox.succeed("doctor").await;
    assert_eq!(ran.stdout, format!("{}\nnothing to mend\n", head()));
    assert_eq!(ran.stderr, "");
    assert_eq!(sandbox.engine.changes(), [] as [&str; 0]);
}

#[tokio::test(start_paused = true)]
async fn half_done_replacements_are_told_and_mended() {
    let (sandbox, _folder) = up().await;
    let lost = half_renamed(&sandbox, "demo-web-1").await;
    // A second kill, of another tool, piles another prefix up.
    let piled = naming::temporary("0123456789abcdef", "demo-api-1");
    copy(&sandbox, "demo-api-1", &piled).await;
    let ran = sandbox.run("doctor").await;
    let expected = format!(
        "{}
container demo-api-1: a run that was to replace a container was killed: {piled} is there as well
  help: --fix: it stays, and {piled} goes
container {lost}: it has a temporary name, and what it replaced is gone
  help: --fix: it is renamed to demo-web-1
",
        head()
    );
    assert_eq!((ran.code, ran.stdout), (2, expected));
    let ran = sandbox.run("doctor --fix").await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(
        names(&sandbox).await,
        ["demo-api-1", "demo-db-1", "demo-web-1"]
    );
    let ran = sandbox.succeed("doctor").await;
    assert!(ran.stdout.ends_with("nothing to mend\n"));
    sandbox.engine.forget_calls();
    sandbox.succeed("up -d").await;
    assert_eq!(sandbox.engine.changes(), [] as [&str; 0]);
}

#[tokio::test(start_paused = true)]
async fn of_two_that_do_not_run_the_younger_stays() {
    let (sandbox, _folder) = up().await;
    sandbox.succeed("stop").await;
    let found = sandbox.engine.container("demo-web-1").await;
    let id = found.expect("an answer").expect("it is there").id;
    let new = naming::temporary(&id, "demo-web-1");
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    copy(&sandbox, "demo-web-1", &new).await;
    assert_eq!(sandbox.run("doctor --fix").await.code, 0);
    let web = sandbox.engine.container("demo-web-1").await;
    assert!(web.expect("an answer").is_some_and(|it| it.id != id));
}

#[tokio::test(start_paused = true)]
async fn orphans_are_told_and_left_and_networks_that_nobody_is_in_go() {
    let (mut sandbox, _folder) = up().await;
    let body = NetworkCreateRequest {
        name: "demo_old".to_owned(),
        labels: Some(HashMap::from([
            (labels::PROJECT.to_owned(), "demo".to_owned()),
            (labels::NETWORK.to_owned(), "old".to_owned()),
        ])),
        ..NetworkCreateRequest::default()
    };
    sandbox
        .engine
        .create_network(body)
        .await
        .expect("a network");
    let path = std::path::PathBuf::from("/work/demo/compose.yaml");
    let without = DEMO.replace("  api: {image: app}\n", "");
    sandbox.files.insert(path, without);
    let ran = sandbox.run("doctor").await;
    let expected = format!(
        "{}
container demo-api-1: its service, api, is in no file
  help: `rcompose up --remove-orphans` removes it, if it is not wanted
network demo_old: nothing of the project is in it, and no file speaks of it
  help: --fix: it is removed, unless somebody else is in it
",
        head()
    );
    assert_eq!((ran.code, ran.stdout), (2, expected));
    let ran = sandbox.run("doctor --fix --json").await;
    assert_eq!(ran.code, 2);
    let found: serde_json::Value = serde_json::from_str(&ran.stdout).expect("one object");
    assert_eq!(found["findings"][0]["kind"], "orphan");
    assert_eq!(found["findings"][0]["mendable"], false);
    assert_eq!(found["findings"].as_array().map(Vec::len), Some(1));
    assert_eq!(found["engine"]["name"], "engine in memory");
    let network = sandbox.engine.network("demo_old").await;
    assert_eq!(network.expect("an answer"), None);
}

/// The sign of somebody's lock.
async fn mark(sandbox: &Sandbox, holder: &Holder) {
    let holder = serde_json::to_string(holder).expect("it can be written");
    let body = VolumeCreateRequest {
        name: Some("rcompose-lock_demo_0".to_owned()),
        labels: Some(HashMap::from([
            (LABEL.to_owned(), "demo".to_owned()),
            (HOLDER.to_owned(), holder),
        ])),
        ..VolumeCreateRequest::default()
    };
    sandbox.engine.create_volume(body).await.expect("a volume");
}

fn killed() -> Holder {
    Holder {
        token: "killed".to_owned(),
        pid: 812,
        host: "ci-7".to_owned(),
        command: "up".to_owned(),
        since: 1,
    }
}

#[tokio::test(start_paused = true)]
async fn the_lock_of_a_run_of_this_host_that_was_killed_is_told_and_freed() {
    let (sandbox, folder) = up().await;
    drop(locks(&folder).take("demo memory://", &killed()));
    mark(&sandbox, &killed()).await;
    let ran = sandbox.run("doctor").await;
    let expected = format!(
        "{}
lock rcompose-lock_demo_0: pid 812 on ci-7 (`rcompose up`) was killed while it held the project's lock
  help: --fix: it is removed
",
        head()
    );
    assert_eq!((ran.code, ran.stdout), (2, expected));
    let ran = sandbox.succeed("doctor --fix").await;
    assert!(!ran.stderr.contains("waiting"), "{}", ran.stderr);
    let ran = sandbox.succeed("doctor").await;
    assert!(ran.stdout.ends_with("nothing to mend\n"));
}

#[tokio::test(start_paused = true)]
async fn a_lock_of_another_host_is_told_and_no_fault_and_waited_for_by_the_mend() {
    let (sandbox, _folder) = up().await;
    mark(&sandbox, &killed()).await;
    let ran = sandbox.succeed("doctor").await;
    let expected = "lock     held by pid 812 on ci-7 (`rcompose up`)\n";
    assert!(ran.stdout.contains(expected), "{}", ran.stdout);
    let ran = sandbox.run("--no-wait-lock doctor --fix").await;
    assert_eq!(ran.code, 1, "{ran:?}");
    let before = tokio::time::Instant::now();
    sandbox.succeed("doctor --fix").await;
    assert_eq!(before.elapsed().as_secs(), 30);
    let volumes = sandbox.engine.volumes(&Filter::default()).await;
    assert_eq!(volumes.expect("a list"), []);
}

#[tokio::test(start_paused = true)]
async fn on_a_terminal_it_asks_and_takes_a_yes_only() {
    let (mut sandbox, _folder) = up().await;
    let lost = half_renamed(&sandbox, "demo-web-1").await;
    sandbox.terminals.stdin = true;
    for answer in ["", "n\n"] {
        sandbox.answer = answer;
        let ran = sandbox.run("doctor").await;
        assert_eq!((ran.code, ran.stderr.as_str()), (2, "Mend it? [y/N] "));
        assert!(names(&sandbox).await.contains(&lost));
    }
    sandbox.answer = "y\n";
    assert_eq!(sandbox.run("doctor").await.code, 0);
    assert!(!names(&sandbox).await.contains(&lost));
}
