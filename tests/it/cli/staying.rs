//! `up` that stays: whose output it shows, what ends it, and its exit code.

use std::time::Duration;

use pretty_assertions::assert_eq;

use super::Sandbox;

const JOBS: &str = "\
services:
  server: {image: app, command: [sh, -c, 'echo serving; wait']}
  good: {image: app, command: [sh, -c, 'echo good; sleep 1; exit 0']}
  bad: {image: app, command: [sh, -c, 'echo bad; sleep 2; exit 3']}
";

#[tokio::test(start_paused = true)]
async fn the_first_end_stops_all_and_gives_its_exit_code() {
    let sandbox = Sandbox::with(JOBS);
    let ran = sandbox.run("up --abort-on-container-exit").await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stderr.contains("Aborting on container exit...\n"));
    assert_eq!(sandbox.succeed("ps -q").await.stdout, "");
    let ran = sandbox.run("up --abort-on-container-exit bad server").await;
    assert_eq!(ran.code, 3, "{ran:?}");
    assert_eq!(sandbox.succeed("ps -q").await.stdout, "");
}

#[tokio::test(start_paused = true)]
async fn only_a_failure_stops_all_when_that_is_asked_for() {
    let sandbox = Sandbox::with(JOBS);
    let ran = sandbox.run("up --abort-on-container-failure").await;
    assert_eq!(ran.code, 3, "{ran:?}");
    let ends = ["good-1 exited with code 0", "bad-1 exited with code 3"];
    let told: Vec<&str> = ran
        .stdout
        .lines()
        .filter(|line| ends.contains(line))
        .collect();
    assert_eq!(told, ends);
    let ran = sandbox.run("up --abort-on-container-failure good").await;
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[tokio::test(start_paused = true)]
async fn the_exit_code_is_the_services_that_was_named() {
    for (line, code) in [
        ("up --exit-code-from good", 0),
        ("up --exit-code-from bad", 137),
        ("up --exit-code-from bad bad server", 3),
        ("up --exit-code-from server server good", 137),
        ("up --exit-code-from bad --abort-on-container-failure", 3),
        ("up --exit-code-from nope", 1),
    ] {
        let ran = Sandbox::with(JOBS).run(line).await;
        assert_eq!(ran.code, code, "{line}: {ran:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn output_is_shown_of_whom_it_is_asked_for() {
    for (line, shown) in [
        ("up good bad", &["good-1", "bad-1"][..]),
        ("up --attach bad good bad", &["bad-1"]),
        ("up --no-attach bad good bad", &["good-1"]),
    ] {
        let ran = Sandbox::with(JOBS).succeed(line).await;
        let mut sorted = shown.to_vec();
        sorted.sort_unstable();
        let first = format!("Attaching to {}", sorted.join(", "));
        assert_eq!(ran.stdout.lines().next(), Some(first.as_str()), "{line}");
        for name in ["good-1", "bad-1"] {
            let printed = ran
                .stdout
                .lines()
                .any(|it| it.starts_with(name) && it.contains('|'));
            assert_eq!(printed, shown.contains(&name), "{line}: {}", ran.stdout);
            let ended = format!("{name} exited with code");
            assert!(ran.stdout.contains(&ended), "{line}: {}", ran.stdout);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_output_of_dependencies_is_shown_when_asked_for() {
    let sandbox = Sandbox::with(
        "\
services:
  web: {image: app, depends_on: [db], command: [sh, -c, 'echo w; sleep 2; exit 0']}
  db: {image: db, command: [sh, -c, 'echo d; wait']}
",
    );
    let ran = sandbox.succeed("up web").await;
    assert!(!ran.stdout.contains("db-1"), "{}", ran.stdout);
    sandbox.succeed("down").await;
    let ran = sandbox.succeed("up --attach-dependencies web").await;
    assert!(ran.stdout.contains("db-1   | d\n"), "{}", ran.stdout);
}

#[tokio::test(start_paused = true)]
async fn lines_begin_with_the_time_when_asked_to() {
    let sandbox = Sandbox::with(JOBS);
    let ran = sandbox
        .succeed("up --timestamps --no-log-prefix good")
        .await;
    let expected = "\
Attaching to good-1
2023-11-14T22:15:20.000000000Z good
good-1 exited with code 0
";
    assert_eq!(ran.stdout, expected);
}

#[tokio::test(start_paused = true)]
async fn the_third_interrupt_leaves_and_tells_what_still_runs() {
    let mut sandbox = Sandbox::with(JOBS);
    sandbox.interrupts = vec![Duration::from_secs(5); 3];
    sandbox.engine.hang_next("stop_container", "demo-server-1");
    sandbox.engine.hang_next("kill_container", "demo-server-1");
    let ran = sandbox.run("up").await;
    assert_eq!(ran.code, 130, "{ran:?}");
    let said: Vec<&str> = ran
        .stderr
        .lines()
        .filter(|line| !line.contains("Container"))
        .collect();
    let expected = [
        " Network demo_default  Creating",
        " Network demo_default  Created",
        "Gracefully Stopping... press Ctrl+C again to force",
        "Killing...",
        "Left while still running: server-1",
    ];
    assert_eq!(said, expected);
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_stops_dependencies_that_this_run_started_and_no_others() {
    let mut sandbox = Sandbox::with(
        "\
services:
  web: {image: app, depends_on: [db, cache]}
  db: {image: db}
  cache: {image: db}
",
    );
    sandbox.succeed("up -d cache").await;
    sandbox.interrupts = vec![Duration::from_secs(5)];
    assert_eq!(sandbox.run("up web").await.code, 130);
    sandbox.interrupts.clear();
    assert_eq!(sandbox.succeed("ps --services").await.stdout, "cache\n");
}

#[tokio::test(start_paused = true)]
async fn a_replaced_container_is_no_end() {
    let mut sandbox = Sandbox::with(JOBS);
    sandbox.succeed("up -d server").await;
    let changed = JOBS.replace("echo serving; wait", "echo anew; sleep 3; exit 4");
    sandbox
        .files
        .insert("/work/demo/compose.yaml".into(), changed);
    let ran = sandbox.run("up --abort-on-container-exit server").await;
    assert_eq!(ran.code, 4, "{ran:?}");
    assert!(ran.stdout.contains("server-1  | anew\n"), "{}", ran.stdout);
}

#[tokio::test(start_paused = true)]
async fn what_contradicts_itself_is_refused() {
    for (line, words) in [
        (
            "up -d --abort-on-container-exit",
            "--detach cannot be combined",
        ),
        ("up -d --attach good", "--detach cannot be combined"),
        ("up -d --exit-code-from good", "--detach cannot be combined"),
        (
            "up --wait --attach-dependencies",
            "--wait cannot be combined",
        ),
        (
            "up --attach good --attach-dependencies",
            "cannot combine --attach and",
        ),
        (
            "up --abort-on-container-exit --abort-on-container-failure",
            "--abort-on-container-failure cannot be combined",
        ),
        (
            "up --attach bad good",
            "cannot attach to services not included in up: bad",
        ),
        ("up --attach nope", "no such service: nope"),
        ("up --watch", "this version cannot watch files yet"),
        ("up -d --pull sometimes", "invalid value 'sometimes'"),
    ] {
        let ran = Sandbox::with(JOBS).run(line).await;
        assert_eq!(ran.code, 1, "{line}: {ran:?}");
        assert!(ran.stderr.contains(words), "{line}: {}", ran.stderr);
    }
}

#[tokio::test(start_paused = true)]
async fn flags_that_change_nothing_are_taken() {
    let sandbox = Sandbox::with(JOBS);
    sandbox
        .succeed("up -d -y --quiet-pull --quiet-build --no-attach good")
        .await;
    sandbox
        .succeed("create -y --quiet-pull --pull missing")
        .await;
    let ran = sandbox.succeed("up -d --menu").await;
    assert!(ran.stderr.contains("--menu does nothing"), "{}", ran.stderr);
    let ran = sandbox.succeed("up -d --menu=false").await;
    assert!(!ran.stderr.contains("--menu"), "{}", ran.stderr);
}

#[tokio::test(start_paused = true)]
async fn images_are_pulled_as_the_command_line_says() {
    let sandbox = Sandbox::with("services: {web: {image: app}}");
    sandbox.engine.publish("app");
    sandbox.succeed("up -d").await;
    assert!(!pulled(&sandbox));
    sandbox.succeed("up -d --pull always").await;
    assert!(pulled(&sandbox));
    let ran = Sandbox::with("services: {web: {image: nowhere}}")
        .run("up -d --pull never")
        .await;
    assert!(ran.stderr.contains("must not be fetched"), "{}", ran.stderr);
}

fn pulled(sandbox: &Sandbox) -> bool {
    sandbox
        .engine
        .changes()
        .contains(&"pull_image app".to_owned())
}

#[tokio::test(start_paused = true)]
async fn an_image_is_pulled_again_when_its_time_has_come() {
    let sandbox = Sandbox::with("services: {web: {image: app, pull_policy: every_1h}}");
    sandbox.engine.publish("app");
    sandbox.succeed("up -d").await;
    assert!(!pulled(&sandbox), "it is two minutes old");
    let sandbox = Sandbox::with("services: {web: {image: app, pull_policy: every_1m}}");
    sandbox.engine.publish("app");
    sandbox.succeed("up -d").await;
    assert!(pulled(&sandbox));
}

#[tokio::test(start_paused = true)]
async fn down_removes_images_when_asked_to() {
    let sandbox = Sandbox::with("services: {web: {image: app}, db: {image: db}}");
    sandbox.succeed("up -d").await;
    let ran = sandbox.succeed("down --rmi local").await;
    assert!(!ran.stderr.contains("Image"), "{}", ran.stderr);
    sandbox.succeed("up -d").await;
    let ran = sandbox.succeed("down --rmi all web").await;
    assert!(
        ran.stderr.contains(" Image app  Removed\n"),
        "{}",
        ran.stderr
    );
    assert!(!ran.stderr.contains(" Image db"), "{}", ran.stderr);
    assert_eq!(sandbox.run("down --rmi some").await.code, 1);
}
