//! `up` that stays, on a real engine: output, ends, exit codes, interrupts.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use rcompose::engine::ContainerState;

use crate::both::Both;
use crate::stack::{Stack, until};

const JOBS: &str = "
services:
  server: {image: busybox, command: sleep 600, stop_signal: SIGKILL}
  good: {image: busybox, command: sh -c 'echo good; sleep 1; exit 0'}
  bad: {image: busybox, command: sh -c 'echo bad; sleep 2; exit 3'}
";

/// Runs `up` with rcompose and docker compose.
fn alike(name: &str, line: &[&str]) {
    if let Some(mut both) = Both::new(name, JOBS) {
        both.run(&line.join(" "));
    }
}

#[test]
fn the_first_end_stops_all() {
    alike("abort", &["up", "--abort-on-container-exit"]);
}

#[test]
fn the_first_failure_stops_all() {
    alike("abortfail", &["up", "--abort-on-container-failure"]);
}

#[test]
fn the_end_of_all_that_was_asked_for_is_the_end() {
    alike("allend", &["up", "good", "bad"]);
}

#[test]
fn the_exit_code_is_that_of_the_named_service() {
    alike(
        "codefrom",
        &["up", "--exit-code-from", "bad", "bad", "server"],
    );
}

#[test]
fn the_exit_code_of_a_service_that_had_to_be_stopped_is_its_own() {
    alike("codestop", &["up", "--exit-code-from", "server"]);
}

#[test]
fn a_failure_that_is_no_failure_ends_nothing() {
    alike("nofail", &["up", "--abort-on-container-failure", "good"]);
}

#[test]
fn output_comes_from_whom_it_was_asked_for() {
    let Some(stack) = Stack::new("attach", JOBS) else {
        return;
    };
    let ran = stack.run(&["up", "--no-attach", "bad", "good", "bad"]).ok();
    assert!(
        ran.stdout.starts_with("Attaching to good-1\n"),
        "{}",
        ran.stdout
    );
    assert!(ran.stdout.contains("good-1  | good\n"), "{}", ran.stdout);
    assert!(!ran.stdout.contains("| bad\n"), "{}", ran.stdout);
    assert!(
        ran.stdout.contains("bad-1 exited with code 3\n"),
        "{}",
        ran.stdout
    );
}

#[test]
fn not_a_line_is_lost_or_told_twice_over_restarts() {
    let compose = "
services:
  web:
    image: busybox
    command: sh -c 'for i in 1 2 3; do echo line $$i; done; exit 1'
    restart: on-failure:3
";
    let Some(stack) = Stack::new("followed", compose) else {
        return;
    };
    let ran = stack.run(&["up"]).ok();
    let once = "web-1  | line 1\nweb-1  | line 2\nweb-1  | line 3\n";
    let again = format!("{once}web-1 exited with code 1 (restarting)\n").repeat(3);
    let expected = format!("Attaching to web-1\n{again}{once}web-1 exited with code 1\n");
    assert_eq!(ran.stdout, expected);
}

#[test]
fn a_container_that_is_replaced_does_not_end_the_session() {
    let Some(stack) = Stack::new("replaced", JOBS) else {
        return;
    };
    stack.run(&["up", "-d", "server"]).ok();
    stack.edit(
        "compose.yaml",
        "sleep 600",
        "sh -c 'echo anew; sleep 1; exit 9'",
    );
    let ran = stack.run(&["up", "--abort-on-container-exit", "server"]);
    assert_eq!(ran.code, 9, "{ran:?}");
    assert!(ran.stdout.contains("server-1  | anew\n"), "{}", ran.stdout);
}

fn staying(stack: &Stack, line: &[&str]) -> Child {
    let mut command = stack.command();
    command
        .args(line)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.spawn().expect("it runs")
}

fn interrupt(child: &Child) {
    let kill = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(kill.expect("kill is there").success());
}

fn rest(child: &mut Child) -> String {
    let mut text = String::new();
    let mut stderr = child.stderr.take().expect("it is piped");
    stderr.read_to_string(&mut text).expect("it is text");
    text
}

#[test]
fn an_interrupt_stops_what_this_run_started_and_leaves_what_ran_before() {
    let compose = "
services:
  cache: &sleeper {image: busybox, command: sleep 600, stop_signal: SIGKILL}
  db: *sleeper
  web:
    image: busybox
    command: sh -c 'echo hello; sleep 600'
    stop_signal: SIGKILL
    depends_on: [cache, db]
";
    let Some(stack) = Stack::new("intr", compose) else {
        return;
    };
    stack.run(&["up", "-d", "cache"]).ok();
    let mut child = staying(&stack, &["up", "web"]);
    let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    lines.find(|line| line.as_ref().is_ok_and(|line| line.contains("hello")));
    interrupt(&child);
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    let state = |name: &str| stack.container(name).state;
    assert_eq!(state("cache-1"), ContainerState::Running);
    assert_eq!(state("db-1"), ContainerState::Exited);
    assert_eq!(state("web-1"), ContainerState::Exited);
}

#[test]
fn the_second_interrupt_kills_what_does_not_stop() {
    let compose = "
services:
  deaf:
    image: busybox
    command: sh -c 'trap \"\" TERM; echo hello; while true; do sleep 0.1; done'
    stop_grace_period: 10m
";
    let Some(stack) = Stack::new("intr2", compose) else {
        return;
    };
    let mut child = staying(&stack, &["up"]);
    let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    lines.find(|line| line.as_ref().is_ok_and(|line| line.contains("hello")));
    let mut errors = BufReader::new(child.stderr.take().expect("it is piped")).lines();
    interrupt(&child);
    errors.find(|line| line.as_ref().is_ok_and(|line| line.contains("Stopping")));
    interrupt(&child);
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    assert_eq!(stack.container("deaf-1").exit_code(), Some(137));
}

#[test]
fn an_interrupt_while_a_dependency_is_waited_for_leaves_nothing_running() {
    let compose = "
services:
  db:
    image: busybox
    command: sleep 600
    stop_signal: SIGKILL
    healthcheck: {test: 'false', interval: 60s, retries: 9}
  web: {image: busybox, command: sleep 600, depends_on: {db: {condition: service_healthy}}}
";
    let Some(stack) = Stack::new("intr3", compose) else {
        return;
    };
    let mut child = staying(&stack, &["up"]);
    until("the dependency", || {
        let state = stack.containers().into_values().next()?.state;
        (stack.containers().len() == 2 && state == ContainerState::Running).then_some(())
    });
    interrupt(&child);
    let told = rest(&mut child);
    assert_eq!(child.wait().expect("it ends").code(), Some(130), "{told}");
    let running = stack.containers().into_values();
    let running = running
        .filter(|it| it.state == ContainerState::Running)
        .count();
    assert_eq!(running, 0, "{told}");
}
