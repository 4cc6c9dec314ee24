//! Several at once on one project: one works, the others wait and find everything done.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rcompose::engine::ContainerState;

use crate::stack::{Ran, Stack, until};

const STACK: &str = "
x-service: &service {image: busybox, command: sleep 600, stop_signal: SIGKILL, environment: ['V=${V:-0}']}
services:
  db: {<<: *service, volumes: ['data:/data'], healthcheck: {test: 'true', interval: 100ms}}
  api: {<<: *service, scale: 3, depends_on: {db: {condition: service_healthy}}}
  web: {<<: *service, depends_on: [api]}
volumes: {data: {}}
";

const RUNNING: [&str; 5] = ["api-1", "api-2", "api-3", "db-1", "web-1"];

/// So many at once.
const MANY: usize = 20;

fn begun(stack: &Stack, line: &[&str]) -> Child {
    let mut command = stack.command();
    command.args(line);
    let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("the binary runs")
}

fn ended(child: Child) -> Ran {
    child.wait_with_output().expect("it is our child").into()
}

/// Twenty `up` at once: all end well, and there is one container for each replica.
fn twenty(name: &str, line: &[&str], times: usize) {
    let Some(mut stack) = Stack::new(name, STACK) else {
        return;
    };
    for time in 0..times {
        stack.set("V", time.to_string());
        let all: Vec<Child> = (0..MANY).map(|_| begun(&stack, line)).collect();
        for child in all {
            let ran = ended(child);
            assert_eq!(ran.code, 0, "time {time}: {}{}", ran.stdout, ran.stderr);
        }
        let containers: Vec<String> = stack.ids().into_keys().collect();
        assert_eq!(containers, RUNNING, "time {time}");
        let mut states = stack.containers().into_values().map(|it| it.state);
        assert!(states.all(|state| state == ContainerState::Running));
        assert_eq!(stack.lock_marks(), [] as [&str; 0]);
        if time % 2 == 1 {
            stack.run(&["down"]).ok();
        }
    }
}

fn times() -> usize {
    if std::env::var_os("RCOMPOSE_LONG").is_some() {
        20
    } else {
        1
    }
}

#[test]
fn twenty_at_once_end_well_and_make_one_container_for_each_replica() {
    twenty("atonce", &["up", "-d"], times());
}

/// Something that holds the lock for as long as the test wants.
const SLOW: &str = "
services:
  db: {image: busybox, command: sleep 600, stop_signal: SIGKILL, healthcheck: {test: test -e /ready, interval: 100ms, retries: 10000}}
  web: {image: busybox, command: sleep 600, stop_signal: SIGKILL, depends_on: {db: {condition: service_healthy}}}
";

/// A run that waits for its database, with the lock in its hands.
fn holder(stack: &Stack) -> Child {
    let child = begun(stack, &["up", "-d"]);
    until("the database to run", || {
        let containers = stack.containers();
        let mut all = containers.values();
        let up = all.any(|it| it.state == ContainerState::Running);
        (up && !stack.lock_marks().is_empty()).then_some(())
    });
    child
}

/// As a run of another host: no locked file is shared, only the engine.
fn on_another_host(stack: &mut Stack) {
    let folder = stack.dir.join("elsewhere");
    stack.set("XDG_STATE_HOME", folder.to_string_lossy());
    stack.set("HOSTNAME", "ci-8");
}

#[test]
fn who_comes_second_says_for_whom_it_waits_on_this_host_and_on_another() {
    let Some(mut stack) = Stack::new("second", SLOW) else {
        return;
    };
    stack.set("HOSTNAME", "ci-7");
    let first = holder(&stack);
    let who = format!("pid {} on ci-7 (`rcompose up`)", first.id());
    for other in [false, true] {
        if other {
            on_another_host(&mut stack);
        }
        let ran = stack.run(&["--no-wait-lock", "up", "-d"]).fails();
        assert!(ran.stderr.contains(&who), "{}", ran.stderr);
        let ran = stack.run(&["down", "--no-wait-lock"]).fails();
        assert!(ran.stderr.contains(&who), "{}", ran.stderr);
    }
    let second = begun(&stack, &["up", "-d"]);
    stack.exec("db-1", &["touch", "/ready"]);
    let (first, second) = (ended(first).ok(), ended(second).ok());
    assert!(!first.stderr.contains("waiting for"), "{}", first.stderr);
    // It may have come when everything was done.
    let waited = second.stderr.contains(&format!("waiting for {who}"));
    assert!(
        waited || !second.stderr.contains("waiting for"),
        "{}",
        second.stderr
    );
    assert_eq!(stack.lock_marks(), [] as [&str; 0]);
}

#[test]
fn a_holder_that_is_killed_sets_the_lock_free() {
    let Some(stack) = Stack::new("killed", SLOW) else {
        return;
    };
    let mut first = holder(&stack);
    first.kill().expect("it is our child");
    first.wait().expect("it is our child");
    stack.exec("db-1", &["touch", "/ready"]);
    let begin = Instant::now();
    let ran = stack.run(&["up", "-d"]).ok();
    assert!(!ran.stderr.contains("waiting for"), "{}", ran.stderr);
    assert!(begin.elapsed() < Duration::from_secs(20));
    assert_eq!(stack.lock_marks(), [] as [&str; 0]);
}

/// The normal run leaves this to the engine in memory, whose clock need not be waited for.
#[test]
fn another_host_waits_half_a_minute_for_a_holder_that_was_killed() {
    if std::env::var_os("RCOMPOSE_LONG").is_none() {
        println!("skipped: takes half a minute, RCOMPOSE_LONG runs it");
        return;
    }
    let Some(mut stack) = Stack::new("expired", SLOW) else {
        return;
    };
    let mut first = holder(&stack);
    first.kill().expect("it is our child");
    first.wait().expect("it is our child");
    stack.exec("db-1", &["touch", "/ready"]);
    on_another_host(&mut stack);
    let begin = Instant::now();
    let ran = stack.run(&["up", "-d"]).ok();
    assert!(ran.stderr.contains("waiting for"), "{}", ran.stderr);
    let waited = begin.elapsed().as_secs();
    assert!((30..60).contains(&waited), "{waited}");
    assert_eq!(stack.ids().len(), 2);
    assert_eq!(stack.lock_marks(), [] as [&str; 0]);
}
