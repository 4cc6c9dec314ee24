//! rcompose killed at a random instant, and between any two of its steps: whatever it was doing,
//! the next plain `up` converges.
//!
//! There are a few instants and one step for each command; with `RCOMPOSE_LONG` 30 and all.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rcompose::engine::ContainerState;

use crate::proxy::Proxy;
use crate::random::Random;
use crate::stack::Stack;

/// Eight services with what makes a replacement hard: sharing, replicas, volumes, waiting.
const EIGHT: &str = r#"
x-service: &service {image: busybox, command: sleep 600, stop_signal: SIGKILL, environment: ['V=${V:-0}']}
services:
  db: {<<: *service, volumes: ['data:/data', /scratch], healthcheck: {test: 'true', interval: 100ms}}
  cache: *service
  job: {<<: *service, command: 'true', depends_on: {db: {condition: service_healthy}}}
  api: {<<: *service, scale: 2, depends_on: {job: {condition: service_completed_successfully}}}
  worker: {<<: *service, depends_on: [api, cache]}
  side: {<<: *service, network_mode: 'service:cache'}
  named: {<<: *service, container_name: '${COMPOSE_PROJECT_NAME}-own'}
  app:
    build: {context: ./context, dockerfile_inline: "FROM busybox\nENV BUILT=1"}
    command: sleep 600
    stop_signal: SIGKILL
    environment: ['V=${V:-0}']
    volumes_from: [db]
    networks: [default, other]
volumes: {data: {}}
networks: {other: {}}
"#;

const RUNNING: [&str; 8] = [
    "api-1", "api-2", "app-1", "cache-1", "db-1", "own", "side-1", "worker-1",
];

/// Runs a command and kills it after a while.
fn killed(stack: &Stack, line: &[&str], after: Duration) {
    let mut child = begun(stack, line);
    std::thread::park_timeout(after);
    child.kill().expect("it is our child");
    child.wait().expect("it is our child");
}

fn begun(stack: &Stack, line: &[&str]) -> Child {
    let mut command = stack.command();
    let command = command.args(line).stdout(Stdio::null());
    command
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary runs")
}

fn is_long() -> bool {
    std::env::var_os("RCOMPOSE_LONG").is_some()
}

/// The next plain `up` comes to the whole stack, and the one after that finds nothing to do.
fn converges(stack: &Stack, told: &str) {
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
    assert_eq!(stack.lock_marks(), [] as [&str; 0], "{told}");
    let before = stack.ids();
    stack.run(&["up", "-d"]).ok();
    assert_eq!(before, stack.ids(), "{told}");
}

/// Breaks a command off again and again, each time from the stack up and running.
fn broken_off(name: &str, line: &[&str]) {
    let Some(mut stack) = Stack::new(name, EIGHT) else {
        return;
    };
    stack.write("context/file", "");
    stack.run(&["up", "-d"]).ok();
    let begin = Instant::now();
    stack.run(line).ok();
    let whole = begin.elapsed();
    stack.run(&["up", "-d"]).ok();
    let mut random = Random::of_environment();
    let count = if is_long() { 30 } else { 3 };
    for number in 0..count {
        let after = whole.mul_f64(random.next());
        // Another value each time, so that a plain `up` has everything to replace.
        stack.set("V", number.to_string());
        killed(&stack, line, after);
        let told = format!("{line:?} killed {number} after {after:?} of {whole:?}, {random}");
        converges(&stack, &told);
    }
    println!("{line:?}: killed at {count} instants, converged {count} times");
}

/// Breaks a command off before each call that changes something: the instant between two steps.
fn broken_off_between_steps(name: &str, line: &[&str], always: bool) {
    if !always && !is_long() {
        println!("skipped: left to the engine in memory, RCOMPOSE_LONG runs it");
        return;
    }
    let Some(mut stack) = Stack::new(name, EIGHT) else {
        return;
    };
    stack.write("context/file", "");
    stack.run(&["up", "-d"]).ok();
    let proxy = Proxy::start(&stack.dir);
    stack.set("DOCKER_HOST", proxy.address());
    stack.set("V", "first");
    stack.run(line).ok();
    let steps = proxy.changes();
    // How many calls there are differs with how often health is probed.
    let chosen: Vec<usize> = if is_long() {
        (0..steps).collect()
    } else {
        vec![steps / 2]
    };
    for step in &chosen {
        stack.set("V", format!("step {step}"));
        stack.run(&["up", "-d"]).ok();
        stack.set("V", format!("broken off at {step}"));
        let mut child = begun(&stack, line);
        proxy.kill_after(*step, child.id());
        child.wait().expect("it is our child");
        proxy.kill_never();
        converges(
            &stack,
            &format!("{line:?} killed before call {step} of {steps}"),
        );
    }
    let count = chosen.len();
    println!("{line:?}: killed before {count} of {steps} calls, converged {count} times");
}

const UP: [&str; 2] = ["up", "-d"];
const BUILD: [&str; 3] = ["up", "-d", "--build"];
const FORCE: [&str; 3] = ["up", "-d", "--force-recreate"];
const DOWN: [&str; 1] = ["down"];

#[test]
fn up_that_replaces_everything_is_gone_on_with() {
    broken_off("killup", &UP);
}

#[test]
fn up_that_builds_is_gone_on_with() {
    broken_off("killbuild", &BUILD);
}

#[test]
fn up_that_is_to_replace_everything_is_gone_on_with() {
    broken_off("killforce", &FORCE);
}

#[test]
fn down_that_was_killed_is_made_good() {
    broken_off("killdown", &DOWN);
}

/// Docker compose leaves the same debris, and this one's next `up` is not put off by it.
#[test]
fn what_a_killed_docker_compose_left_is_gone_on_with() {
    let Some(mut stack) = Stack::new("killother", EIGHT) else {
        return;
    };
    stack.write("context/file", "");
    stack.run(&["up", "-d"]).ok();
    let Some(proxy) = stack
        .docker_compose(&["version"])
        .map(|_| Proxy::start(&stack.dir))
    else {
        return;
    };
    let direct = std::env::var("DOCKER_HOST");
    let direct = direct.unwrap_or_else(|_| "unix:///var/run/docker.sock".to_owned());
    let count = if is_long() { 30 } else { 2 };
    for number in 0..count {
        stack.set("V", format!("other {number}"));
        stack.set("DOCKER_HOST", proxy.address());
        let mut command = stack.docker_compose_command();
        command.args(["up", "-d", "--no-build"]);
        let command = command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().expect("docker compose runs");
        // Its first replacements are made by then, and not yet renamed.
        proxy.kill_after(4 + number, child.id());
        child.wait().expect("it is our child");
        proxy.kill_never();
        stack.set("DOCKER_HOST", &direct);
        converges(
            &stack,
            &format!("docker compose killed before call {}", 4 + number),
        );
    }
    println!("docker compose: killed {count} times, converged {count} times");
}

#[test]
fn create_that_was_killed_is_gone_on_with() {
    broken_off("killcreate", &["create", "--force-recreate"]);
}

#[test]
fn up_is_gone_on_with_after_any_of_its_steps() {
    broken_off_between_steps("stepup", &UP, false);
}

#[test]
fn up_that_builds_is_gone_on_with_after_any_of_its_steps() {
    broken_off_between_steps("stepbuild", &BUILD, false);
}

#[test]
fn up_that_is_to_replace_everything_is_gone_on_with_after_any_of_its_steps() {
    broken_off_between_steps("stepforce", &FORCE, true);
}

#[test]
fn down_is_made_good_after_any_of_its_steps() {
    broken_off_between_steps("stepdown", &DOWN, false);
}
