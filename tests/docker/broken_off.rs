//! rcompose killed at a random instant: whatever it was doing, the next plain `up` converges.
//!
//! There are a few instants for each command, or 30 with `RCOMPOSE_LONG`.

use std::time::{Duration, Instant};

use rcompose::engine::ContainerState;

use crate::random::Random;
use crate::stack::Stack;

/// Eight services with what makes a replacement hard: sharing, replicas, volumes, waiting.
const EIGHT: &str = "
x-service: &service {image: busybox, command: sleep 600, stop_signal: SIGKILL, environment: ['V=${V:-0}']}
services:
  db: {<<: *service, volumes: ['data:/data', /scratch], healthcheck: {test: 'true', interval: 100ms}}
  cache: *service
  job: {<<: *service, command: 'true', depends_on: {db: {condition: service_healthy}}}
  api: {<<: *service, scale: 2, depends_on: {job: {condition: service_completed_successfully}}}
  worker: {<<: *service, depends_on: [api, cache]}
  side: {<<: *service, network_mode: 'service:cache'}
  named: {<<: *service, container_name: '${COMPOSE_PROJECT_NAME}-own'}
  edge: {<<: *service, volumes_from: [db], networks: [default, other]}
volumes: {data: {}}
networks: {other: {}}
";

const RUNNING: [&str; 8] = [
    "api-1", "api-2", "cache-1", "db-1", "edge-1", "own", "side-1", "worker-1",
];

/// Runs a command and kills it after a while.
fn killed(stack: &Stack, line: &[&str], after: Duration) {
    let mut command = stack.command();
    command
        .args(line)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null());
    let mut child = command.spawn().expect("the binary runs");
    std::thread::park_timeout(after);
    child.kill().expect("it is our child");
    child.wait().expect("it is our child");
}

/// Breaks a command off again and again, each time from the stack up and running.
fn broken_off(name: &str, line: &[&str]) {
    let Some(mut stack) = Stack::new(name, EIGHT) else {
        return;
    };
    stack.run(&["up", "-d"]).ok();
    let begin = Instant::now();
    stack.run(line).ok();
    let whole = begin.elapsed();
    stack.run(&["up", "-d"]).ok();
    let mut random = Random::of_environment();
    let count = if std::env::var_os("RCOMPOSE_LONG").is_some() {
        30
    } else {
        4
    };
    for number in 0..count {
        let after = whole.mul_f64(random.next());
        // Another value each time, so that a plain `up` has everything to replace.
        stack.set("V", number.to_string());
        killed(&stack, line, after);
        let told = format!("{line:?} killed {number} after {after:?} of {whole:?}, {random}");
        let ran = stack.run(&["up", "-d"]);
        assert_eq!(ran.code, 0, "{told}\n{}", ran.stderr);
        let mut containers: Vec<String> = stack.ids().into_keys().collect();
        containers.retain(|name| name != "job-1");
        assert_eq!(containers, RUNNING, "{told}\n{}", ran.stderr);
        for (name, container) in stack.containers() {
            let state = container.state;
            let fine = state == ContainerState::Running || name.ends_with("-job-1");
            assert!(fine, "{name} {state:?} {told}\n{}", ran.stderr);
        }
        let before = stack.ids();
        stack.run(&["up", "-d"]).ok();
        assert_eq!(before, stack.ids(), "{told}");
    }
}

#[test]
fn up_that_replaces_everything_is_gone_on_with() {
    broken_off("killup", &["up", "-d"]);
}

#[test]
fn up_that_is_to_replace_everything_is_gone_on_with() {
    broken_off("killforce", &["up", "-d", "--force-recreate"]);
}

#[test]
fn down_that_was_killed_is_made_good() {
    broken_off("killdown", &["down"]);
}

#[test]
fn create_that_was_killed_is_gone_on_with() {
    broken_off("killcreate", &["create", "--force-recreate"]);
}
