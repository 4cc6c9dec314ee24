//! `--wait`: what counts as ready on a real engine.

use crate::stack::{Ran, Stack, until};
use rcompose::engine::ContainerState;

/// `up --wait` of one service; `None` without an engine.
fn waited(name: &str, service: &str, flags: &[&str]) -> Option<(Ran, Stack)> {
    let compose = format!("services: {{job: {{image: busybox, stop_signal: SIGKILL, {service}}}}}");
    let stack = Stack::new(name, &compose)?;
    let line: Vec<&str> = ["up", "--wait"].iter().chain(flags).copied().collect();
    Some((stack.run(&line), stack))
}

#[test]
fn a_server_is_ready() {
    let Some((ran, _stack)) = waited("ready", "command: sleep 600", &[]) else {
        return;
    };
    let ran = ran.ok();
    assert!(ran.stderr.contains("job-1  Healthy"), "{}", ran.stderr);
}

#[test]
fn a_job_that_ends_well_is_ready() {
    if let Some((ran, _stack)) = waited("jobdone", "command: 'true'", &[]) {
        ran.ok();
    }
    let again = "command: 'true', restart: on-failure";
    if let Some((ran, _stack)) = waited("jobdone2", again, &[]) {
        ran.ok();
    }
}

#[test]
fn a_job_that_fails_is_named_with_its_last_words() {
    let Some((ran, stack)) = waited("jobfails", "command: sh -c 'echo no luck; exit 3'", &[])
    else {
        return;
    };
    let expected = format!(
        "error: container {}-job-1 exited (3)\n  service: job\n  the last that it printed:\n    | no luck\n",
        stack.project
    );
    let ran = ran.fails();
    assert!(ran.stderr.contains(&expected), "{}", ran.stderr);
}

#[test]
fn a_crash_loop_is_never_ready() {
    let service = "command: sh -c 'echo crash; sleep 0.9; exit 1', restart: always";
    let Some((ran, stack)) = waited("loop", service, &[]) else {
        return;
    };
    let ran = ran.fails();
    assert!(ran.stderr.contains("is in a crash loop"), "{}", ran.stderr);
    assert!(ran.stderr.contains("  | crash\n"), "{}", ran.stderr);
    // Nor is it when somebody looks between two crashes of what runs already.
    stack.run(&["up", "--wait", "--wait-timeout", "5"]).fails();
}

#[test]
fn a_server_that_crashes_at_first_is_ready_when_it_stays_up() {
    let service = "command: [sh, -c, 'test -e /once || (touch /once; false) || exit 1; sleep 600'], restart: always";
    if let Some((ran, stack)) = waited("flaky", service, &[]) {
        ran.ok();
        assert_eq!(stack.container("job-1").state, ContainerState::Running);
    }
}

#[test]
fn one_replica_that_crashes_spoils_it() {
    // The replica whose host name comes first takes the lock, and all others fail.
    let compose = "
services:
  web:
    image: busybox
    command: sh -c 'mkdir /shared/lock && sleep 600'
    stop_signal: SIGKILL
    volumes: ['shared:/shared']
    scale: 2
volumes: {shared: {}}
";
    let Some(stack) = Stack::new("replica", compose) else {
        return;
    };
    let ran = stack.run(&["up", "--wait"]).fails();
    assert!(ran.stderr.contains(" exited (1)"), "{}", ran.stderr);
}

#[test]
fn patience_ends_and_says_who_was_late() {
    let service = "command: sh -c 'echo loading; sleep 600', healthcheck: {test: 'false', interval: 1s, retries: 99}";
    let Some((ran, stack)) = waited("late", service, &["--wait-timeout", "2"]) else {
        return;
    };
    let ran = ran.fails();
    let expected = format!("container {}-job-1 is not ready after 2 s", stack.project);
    assert!(ran.stderr.contains(&expected), "{}", ran.stderr);
    assert!(ran.stderr.contains("  | loading\n"), "{}", ran.stderr);
    assert_eq!(
        stack.container("job-1").state,
        ContainerState::Running,
        "it is left running"
    );
}

#[test]
fn patience_holds_for_dependencies_too() {
    let compose = "
services:
  db:
    image: busybox
    command: [sleep, '600']
    stop_signal: SIGKILL
    healthcheck: {test: 'false', interval: 1s, retries: 99}
  web:
    image: busybox
    command: [sleep, '600']
    depends_on: {db: {condition: service_healthy}}
";
    let Some(stack) = Stack::new("latedep", compose) else {
        return;
    };
    let ran = stack.run(&["up", "--wait", "--wait-timeout", "2"]).fails();
    assert!(
        ran.stderr.contains("db-1 is not ready after 2 s"),
        "{}",
        ran.stderr
    );
    assert_eq!(stack.container("web-1").state, ContainerState::Created);
}

#[test]
fn start_waits_when_asked() {
    let Some(stack) = Stack::new(
        "startwait",
        "services: {web: {image: busybox, command: sh -c 'sleep 0.2; exit 1'}}",
    ) else {
        return;
    };
    stack.run(&["create"]).ok();
    stack.run(&["start"]).ok();
    until("the end", || {
        (stack.container("web-1").state == ContainerState::Exited).then_some(())
    });
    stack.run(&["start", "--wait"]).fails();
}
