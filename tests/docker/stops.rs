//! Stops that take their whole grace period, explained.

use crate::stack::Stack;

const COMPOSE: &str = "
services:
  deaf: {image: busybox, command: sleep 600, stop_grace_period: 3s}
  script: {image: busybox, command: sh -c 'echo begin; sleep 600; echo never', stop_grace_period: 3s}
  inited: {image: busybox, command: sleep 600, init: true}
  hears: {image: busybox, command: sh -c 'trap \"exit 0\" TERM; sleep 600 & wait'}
";

#[test]
fn a_stop_that_takes_its_whole_grace_period_is_explained() {
    let Some(stack) = Stack::new("stops", COMPOSE) else {
        return;
    };
    stack.run(&["up", "-d", "--wait"]).ok();
    let ran = stack.run(&["stop"]).ok();
    let warned: Vec<&str> = ran
        .stderr
        .lines()
        .filter(|line| line.starts_with("warning:"))
        .collect();
    assert_eq!(warned.len(), 2, "{}", ran.stderr);
    let project = &stack.project;
    for (name, words) in [
        (
            "deaf",
            "as its first process (PID 1), `sleep 600` is ended by no signal that it does not handle; `init: true`",
        ),
        ("script", "begin its last command with `exec`"),
    ] {
        let head = format!(
            "warning: container {project}-{name}-1 did not end on SIGTERM and was killed after 3 s: "
        );
        let told = warned
            .iter()
            .any(|line| line.starts_with(&head) && line.contains(words));
        assert!(told, "{name}\n{}", ran.stderr);
    }
}

#[test]
fn what_was_not_meant_to_end_by_itself_is_no_reason_to_warn() {
    let Some(stack) = Stack::new("stopsquick", COMPOSE) else {
        return;
    };
    stack.run(&["up", "-d", "deaf"]).ok();
    let ran = stack.run(&["down", "-t", "1"]).ok();
    assert!(!ran.stderr.contains("warning:"), "{}", ran.stderr);
}
