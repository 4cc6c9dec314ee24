//! `up --wait` and `start --wait`: what counts as ready.

use pretty_assertions::assert_eq;

use super::Sandbox;

/// Runs `up --wait` on one service `job`.
async fn waited(service: &str, flags: &str) -> super::Ran {
    let compose = format!("services: {{job: {{image: app, {service}}}}}");
    let sandbox = Sandbox::with(&compose);
    sandbox.run(&format!("up --wait {flags}")).await
}

#[tokio::test(start_paused = true)]
async fn every_kind_of_container_gets_its_verdict() {
    for (service, code) in [
        ("command: server", 0),
        ("command: server, restart: always", 0),
        ("command: [sh, -c, 'exit 0']", 0),
        ("command: [sh, -c, 'exit 0'], restart: on-failure", 0),
        ("command: [sh, -c, 'exit 0'], restart: always", 1),
        ("command: [sh, -c, 'exit 0'], restart: unless-stopped", 1),
        ("command: [sh, -c, 'exit 3']", 1),
        ("command: [sh, -c, 'sleep 0.3; exit 3']", 1),
        // What nothing would start again is ready when it runs, as with docker compose.
        ("command: [sh, -c, 'sleep 1; exit 3']", 0),
        (
            "command: [sh, -c, 'sleep 1; exit 3'], restart: on-failure",
            1,
        ),
        ("command: [sh, -c, 'sleep 0.9; exit 1'], restart: always", 1),
        ("command: [sh, -c, 'sleep 0.9; exit 0'], restart: always", 1),
        ("command: [sh, -c, 'exit 1'], restart: 'on-failure:2'", 1),
        (
            "command: server, healthcheck: {test: 'true', interval: 1s}",
            0,
        ),
        (
            "command: server, healthcheck: {test: 'false', interval: 1s, retries: 2}",
            1,
        ),
        ("command: server, scale: 3", 0),
    ] {
        for flags in ["", "--probe engine"] {
            let ran = waited(service, flags).await;
            assert_eq!(ran.code, code, "{service} {flags}: {ran:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn one_replica_that_falls_over_spoils_it() {
    let sandbox = Sandbox::with("services: {web: {image: app, scale: 3}}");
    sandbox
        .engine
        .behave("demo-web-2", "echo no config; sleep 0.3; exit 7");
    let ran = sandbox.run("up --wait").await;
    assert_eq!(ran.code, 1, "{ran:?}");
    let expected = "\
error: container demo-web-2 exited (7)
  service: web
  the last that it printed:
    | no config
";
    assert!(ran.stderr.contains(expected), "{}", ran.stderr);
}

#[tokio::test(start_paused = true)]
async fn a_crash_loop_is_named_with_its_last_words() {
    let sandbox = Sandbox::with("services: {web: {image: app, restart: always}}");
    sandbox
        .engine
        .behave("demo-web-1", "echo no database; sleep 0.9; exit 5");
    let ran = sandbox.run("up --wait").await;
    let expected =
        "error: container demo-web-1 is in a crash loop: it ended 5 times, last with exit code 5\n";
    assert!(ran.stderr.contains(expected), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("\n    | no database\n"),
        "{}",
        ran.stderr
    );
}

#[tokio::test(start_paused = true)]
async fn a_crash_loop_that_another_up_began_is_not_taken_for_running() {
    let sandbox = Sandbox::with("services: {web: {image: app, restart: always}}");
    sandbox.engine.behave("demo-web-1", "sleep 0.9; exit 5");
    sandbox.succeed("up -d").await;
    for _ in 0..5 {
        assert_eq!(sandbox.run("up --wait").await.code, 1);
        tokio::time::advance(std::time::Duration::from_millis(1700)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_time_to_wait_can_be_limited_and_all_who_are_late_are_named() {
    let sandbox = Sandbox::with(
        "\
services:
  slow: {image: app, healthcheck: {test: 'false', interval: 1s, retries: 999}}
  other: {image: app, healthcheck: {test: 'false', interval: 1s, retries: 999}}
  fine: {image: app}
",
    );
    sandbox
        .engine
        .behave("demo-slow-1", "echo still loading; wait");
    let ran = sandbox
        .run("up --wait --wait-timeout 30 --probe engine")
        .await;
    assert_eq!(ran.code, 1, "{ran:?}");
    for expected in [
        "error: container demo-slow-1 is not ready after 30 s: its health check has not passed yet\n  service: slow\n  the last that it printed:\n    | still loading\n",
        "error: container demo-other-1 is not ready after 30 s: its health check has not passed yet\n",
    ] {
        assert!(ran.stderr.contains(expected), "{}", ran.stderr);
    }
    assert!(!ran.stderr.contains("error: container demo-fine-1"));
}

#[tokio::test(start_paused = true)]
async fn start_waits_too_when_asked_to() {
    let sandbox = Sandbox::with("services: {web: {image: app}}");
    sandbox.succeed("create").await;
    let ran = sandbox.succeed("start --wait --wait-timeout 60").await;
    let last = ran.stderr.lines().last();
    assert_eq!(last, Some(" Container demo-web-1  Healthy"));
    sandbox.succeed("stop").await;
    sandbox.engine.behave("demo-web-1", "sleep 0.3; exit 9");
    assert_eq!(sandbox.run("start --wait").await.code, 1);
    assert_eq!(sandbox.run("start").await.code, 0);
}
