//! `kill`, `pause`, `unpause`, `scale`, `wait`.

use std::time::Duration;

use pretty_assertions::assert_eq;

use super::Sandbox;

const DEMO: &str = "\
services:
  web: {image: app, depends_on: [db]}
  db: {image: db}
";

async fn brought_up() -> Sandbox {
    let sandbox = Sandbox::with(DEMO);
    sandbox.succeed("up -d").await;
    sandbox
}

async fn states(sandbox: &Sandbox) -> Vec<String> {
    let json = sandbox.succeed("ps -a --format json").await.stdout;
    let rows = json.lines().map(|line| {
        let row: serde_json::Value = serde_json::from_str(line).expect("an object a line");
        let word = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
        format!("{} {}", word("Name"), word("State"))
    });
    rows.collect()
}

#[tokio::test(start_paused = true)]
async fn kill_ends_what_runs_and_says_when_nothing_does() {
    let sandbox = brought_up().await;
    let ran = sandbox.succeed("kill web").await;
    let expected = " Container demo-web-1  Killing\n Container demo-web-1  Killed\n";
    assert_eq!(ran.stderr, expected);
    let expected = ["demo-db-1 running", "demo-web-1 exited"];
    assert_eq!(states(&sandbox).await, expected);
    let ran = sandbox.succeed("kill web").await;
    assert_eq!(ran.stderr, "no container to kill\n");
    let ran = sandbox.run("kill nope").await;
    assert!(ran.stderr.starts_with("error: no such service: nope"));
}

#[tokio::test(start_paused = true)]
async fn kill_sends_the_signal_that_it_is_given() {
    let sandbox = brought_up().await;
    sandbox.succeed("kill -s SIGHUP db").await;
    let expected = ["demo-db-1 running", "demo-web-1 running"];
    assert_eq!(states(&sandbox).await, expected);
    sandbox.succeed("kill --signal=TERM db").await;
    let expected = ["demo-db-1 exited", "demo-web-1 running"];
    assert_eq!(states(&sandbox).await, expected);
}

#[tokio::test(start_paused = true)]
async fn what_is_paused_goes_on_when_it_is_unpaused() {
    let sandbox = brought_up().await;
    let ran = sandbox.succeed("pause db").await;
    assert_eq!(ran.stderr, " Container demo-db-1  Paused\n");
    let ran = sandbox.run("pause db").await;
    assert_eq!(ran.code, 1, "as docker compose does: {ran:?}");
    assert!(ran.stderr.contains("is already paused"), "{}", ran.stderr);
    let ran = sandbox.succeed("unpause db").await;
    assert_eq!(ran.stderr, " Container demo-db-1  Unpaused\n");
    assert_eq!(sandbox.run("unpause db").await.code, 1);
}

#[tokio::test(start_paused = true)]
async fn a_paused_container_is_no_reason_to_hang() {
    for (command, code) in [
        ("up -d", 1),
        ("start", 1),
        ("up -d --wait", 1),
        ("up -d --force-recreate", 0),
        ("restart", 0),
        ("stop", 0),
        ("kill", 0),
        ("down", 0),
        ("rm -fs", 0),
    ] {
        let sandbox = brought_up().await;
        sandbox.succeed("pause").await;
        let ran = sandbox.run(command).await;
        assert_eq!(ran.code, code, "{command}: {ran:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn scale_makes_and_removes_containers_of_the_named_services_alone() {
    let sandbox = Sandbox::with(DEMO);
    sandbox.succeed("scale db=2").await;
    let expected = ["demo-db-1 running", "demo-db-2 running"];
    assert_eq!(states(&sandbox).await, expected);
    sandbox.succeed("scale db=1 web=1").await;
    let expected = ["demo-db-1 running", "demo-web-1 running"];
    assert_eq!(states(&sandbox).await, expected);
    sandbox.succeed("scale --no-deps web=0").await;
    assert_eq!(states(&sandbox).await, ["demo-db-1 running"]);
    for wrong in [
        "scale",
        "scale web",
        "scale web=x",
        "scale web=-1",
        "scale no=1",
    ] {
        assert_eq!(sandbox.run(wrong).await.code, 1, "{wrong}");
    }
}

#[tokio::test(start_paused = true)]
async fn wait_tells_each_end_and_ends_like_the_last() {
    let sandbox = Sandbox::with(
        "\
services:
  one: {image: app, command: [sh, -c, 'sleep 1; exit 3']}
  two: {image: app, command: [sh, -c, 'sleep 2; exit 4']}
",
    );
    let ran = sandbox.run("wait one").await;
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("no containers for project \"demo\""));
    sandbox.succeed("up -d").await;
    let ran = sandbox.run("wait one two").await;
    assert_eq!(ran.code, 4, "{ran:?}");
    let codes: Vec<&str> = ran
        .stdout
        .lines()
        .filter_map(|line| line.split_once("exited with status code ").map(|it| it.1))
        .collect();
    assert_eq!(codes, ["3", "4"]);
    sandbox.succeed("up -d").await;
    let ran = sandbox.run("wait --down-project two one").await;
    assert_eq!(ran.code, 3, "the first end counts: {ran:?}");
    assert_eq!(states(&sandbox).await, [""; 0]);
    assert_eq!(sandbox.run("wait").await.code, 1);
}

#[tokio::test(start_paused = true)]
async fn wait_can_be_interrupted() {
    let mut sandbox = brought_up().await;
    sandbox.interrupts = vec![Duration::from_secs(5)];
    assert_eq!(sandbox.run("wait db").await.code, 130);
}
