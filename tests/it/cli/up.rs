//! `up` and `create`.

use std::time::Duration;

use pretty_assertions::assert_eq;

use super::Sandbox;

const DEMO: &str = "\
services:
  web: {image: app, depends_on: [db]}
  db: {image: db}
";

#[tokio::test(start_paused = true)]
async fn up_says_what_it_does_and_the_second_does_nothing() {
    let sandbox = Sandbox::with(DEMO);
    let ran = sandbox.succeed("up -d").await;
    let mut lines: Vec<&str> = ran.stderr.lines().collect();
    lines.sort_unstable();
    let expected = [
        " Container demo-db-1  Created",
        " Container demo-db-1  Creating",
        " Container demo-db-1  Started",
        " Container demo-db-1  Starting",
        " Container demo-web-1  Created",
        " Container demo-web-1  Creating",
        " Container demo-web-1  Started",
        " Container demo-web-1  Starting",
        " Network demo_default  Created",
        " Network demo_default  Creating",
    ];
    assert_eq!((lines.as_slice(), ran.stdout.as_str()), (&expected[..], ""));
    let again = sandbox.succeed("up -d").await;
    let expected = "
 Container demo-db-1  Running
 Container demo-web-1  Running
";
    assert_eq!(format!("\n{}", again.stderr), expected);
}

#[tokio::test(start_paused = true)]
async fn a_change_replaces_what_it_concerns() {
    let mut sandbox = Sandbox::with(DEMO);
    sandbox.succeed("up -d").await;
    let changed = DEMO.replace("{image: db}", "{image: db, environment: {A: b}}");
    sandbox
        .files
        .insert("/work/demo/compose.yaml".into(), changed);
    let ran = sandbox.succeed("up -d").await;
    let expected = "
 Container demo-web-1  Running
 Container demo-db-1  Recreate
 Container demo-db-1  Recreated
 Container demo-db-1  Starting
 Container demo-db-1  Started
";
    assert_eq!(format!("\n{}", ran.stderr), expected);
}

#[tokio::test(start_paused = true)]
async fn create_starts_nothing() {
    let sandbox = Sandbox::with(DEMO);
    let ran = sandbox.succeed("create").await;
    assert!(!ran.stderr.contains("Starting"), "{}", ran.stderr);
    assert_eq!(sandbox.succeed("ps -q").await.stdout, "");
    assert_eq!(sandbox.succeed("ps -aq").await.stdout.lines().count(), 2);
}

#[tokio::test(start_paused = true)]
async fn scale_makes_as_many_as_asked_for() {
    let sandbox = Sandbox::with(DEMO);
    sandbox.succeed("up -d --scale web=3").await;
    assert_eq!(sandbox.succeed("ps -q web").await.stdout.lines().count(), 3);
    let ran = sandbox.run("up -d --scale nope=3").await;
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr.starts_with("error: no such service: nope"),
        "{}",
        ran.stderr
    );
}

#[tokio::test(start_paused = true)]
async fn an_image_that_cannot_be_had_is_an_error_and_the_rest_is_skipped() {
    let sandbox = Sandbox::with("services: {web: {image: nowhere}}");
    let ran = sandbox.run("up -d").await;
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr.contains(" Container demo-web-1  Skipped\n"),
        "{}",
        ran.stderr
    );
    let last = ran.stderr.lines().rfind(|line| !line.starts_with(' '));
    assert!(
        last.is_some_and(|line| line.starts_with("error: cannot ")),
        "{}",
        ran.stderr
    );
}

#[tokio::test(start_paused = true)]
async fn in_the_foreground_output_is_shown_until_everything_has_ended() {
    let sandbox = Sandbox::with(
        "services: {job: {image: app, command: [sh, -c, 'echo hello; echo oh >&2; sleep 1; exit 3']}}",
    );
    let ran = sandbox.succeed("up").await;
    let expected = "\
Attaching to job-1
job-1  | hello
job-1 exited with code 3
";
    assert_eq!(ran.stdout, expected);
    assert!(ran.stderr.contains("job-1  | oh\n"), "{}", ran.stderr);
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_stops_what_was_brought_up() {
    let mut sandbox = Sandbox::with(DEMO);
    sandbox.interrupts = vec![Duration::from_secs(5)];
    let ran = sandbox.run("up").await;
    assert_eq!(ran.code, 130, "{ran:?}");
    assert!(ran.stderr.contains("Gracefully Stopping"), "{}", ran.stderr);
    assert!(
        ran.stderr.contains(" Container demo-web-1  Stopped\n"),
        "{}",
        ran.stderr
    );
    sandbox.interrupts.clear();
    assert_eq!(sandbox.succeed("ps -q").await.stdout, "");
}

#[tokio::test(start_paused = true)]
async fn on_a_terminal_rows_are_drawn_and_output_goes_above_them() {
    let mut sandbox = Sandbox::with(
        "services: {job: {image: app, command: [sh, -c, 'echo hello; sleep 1; exit 0']}}",
    );
    sandbox.terminals.stderr = true;
    let ran = sandbox.succeed("up").await;
    assert!(ran.stderr.contains("[+] up 2/2"), "{}", ran.stderr);
    assert!(
        ran.stdout.ends_with("job-1 exited with code 0\n"),
        "{}",
        ran.stdout
    );
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_breaks_off_what_waits() {
    let mut sandbox = Sandbox::with(
        "\
services:
  web: {image: app, depends_on: {db: {condition: service_healthy}}}
  db: {image: db, healthcheck: {test: 'false', interval: 600s}}
",
    );
    sandbox.interrupts = vec![Duration::from_secs(5)];
    let ran = sandbox.run("up -d").await;
    assert_eq!(ran.code, 130, "{ran:?}");
    let begun = " Container demo-web-1  Starting\n";
    assert!(!ran.stderr.contains(begun), "{}", ran.stderr);
}
