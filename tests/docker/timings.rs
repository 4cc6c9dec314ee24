//! Where the time went: the lines of the critical path add up to the time that a clock beside the
//! command shows. Three stacks, or ten with `RCOMPOSE_LONG`.

use std::time::Instant;

use serde_json::Value;

use crate::stack::Stack;

/// Stacks whose time goes into different things.
const STACKS: &[(&str, &str)] = &[
    (
        "healthy",
        "services:
  db: {image: busybox, init: true, command: sh -c 'sleep 1; touch /ok; sleep 1000', healthcheck: {test: test -f /ok, interval: 1s}}
  web: {image: busybox, init: true, command: sleep 1000, depends_on: {db: {condition: service_healthy}}}",
    ),
    (
        "job",
        "services:
  job: {image: busybox, command: sleep 1}
  web: {image: busybox, init: true, command: sleep 1000, depends_on: {job: {condition: service_completed_successfully}}}",
    ),
    ("one", "services: {web: {image: busybox, init: true, command: sleep 1000}}"),
    (
        "chain",
        "services:
  a: {image: busybox, init: true, command: sleep 1000}
  b: {image: busybox, init: true, command: sleep 1000, depends_on: [a]}
  c: {image: busybox, init: true, command: sleep 1000, depends_on: [b]}
  d: {image: busybox, init: true, command: sleep 1000, depends_on: [c]}",
    ),
    (
        "wide",
        "services: {web: {image: busybox, init: true, command: sleep 1000, scale: 8}}",
    ),
    (
        "built",
        "services:
  web: {build: {context: ., dockerfile_inline: \"FROM busybox\\nRUN sleep 1 && date > /now\\nCMD sleep 1000\", no_cache: true}, init: true}",
    ),
    (
        "hooks",
        "services:
  web: {image: busybox, init: true, command: sleep 1000, post_start: [{command: sleep 1}]}",
    ),
    (
        "two-jobs",
        "services:
  first: {image: busybox, command: sleep 1}
  second: {image: busybox, command: sleep 1, depends_on: {first: {condition: service_completed_successfully}}}
  web: {image: busybox, init: true, command: sleep 1000, depends_on: {second: {condition: service_completed_successfully}}}",
    ),
    (
        "networks",
        "services:
  a: {image: busybox, init: true, command: sleep 1000, networks: [x, y, z]}
  b: {image: busybox, init: true, command: sleep 1000, networks: [x], volumes: ['v:/v']}
networks: {x: , y: , z: }
volumes: {v: }",
    ),
    (
        "stubborn",
        "services: {web: {image: busybox, command: sleep 1000, stop_grace_period: 1s}}",
    ),
];

/// Seconds that the clock shows, that the steps of the path add up to, and what is told.
fn timed(stack: &Stack, arguments: &[&str]) -> (f64, f64, Value) {
    let begin = Instant::now();
    let ran = stack.run(&[&["--progress", "json", "--timings"], arguments].concat());
    let clock = begin.elapsed().as_secs_f64();
    let last = ran.stderr.lines().last().expect("a line");
    let told: Value = serde_json::from_str(last).expect("JSON");
    let path = told["critical_path"].as_array().expect("a path").iter();
    let own = path.filter(|it| it["phase"] != "between steps" && it["phase"] != "finish");
    let sum = own.filter_map(|it| it["seconds"].as_f64()).sum();
    (clock, sum, told)
}

/// Compares both clocks. On a machine with more to do than it can, a process may wait long for its
/// first instruction and after its last: it is tried again before that counts.
fn adds_up(stack: &Stack, name: &str, arguments: &[&str]) -> String {
    let mut tries = Vec::new();
    for _ in 0..3 {
        let (clock, sum, _) = timed(stack, arguments);
        let off = (clock - sum).abs() / clock;
        tries.push(format!(
            "{name} {}: clock {clock:.3} s, path {sum:.3} s, {:.1} % off",
            arguments[0],
            off * 100.0
        ));
        // The start of a process weighs in what is over at once.
        if off <= 0.05 || (0.0..0.05).contains(&(clock - sum)) {
            return tries.pop().unwrap_or_default();
        }
        // The same again: what was made goes, or what went is made.
        let opposite: &[&str] = if arguments[0] == "up" {
            &["down"]
        } else {
            &["up", "-d"]
        };
        stack.run(opposite).ok();
    }
    panic!("{tries:#?}")
}

#[test]
fn the_critical_path_adds_up_to_what_a_clock_shows() {
    let long = std::env::var_os("RCOMPOSE_LONG").is_some();
    let count = if long { STACKS.len() } else { 3 };
    let mut told = Vec::new();
    for (name, compose) in STACKS.iter().take(count) {
        let Some(stack) = Stack::new(&format!("timings-{name}"), compose) else {
            return;
        };
        for arguments in [&["up", "-d"][..], &["down"]] {
            told.push(adds_up(&stack, name, arguments));
        }
    }
    println!("{}", told.join("\n"));
}

#[test]
fn what_took_longest_is_told_with_what_would_shorten_it() {
    let Some(stack) = Stack::new("timings-advice", STACKS[1].1) else {
        return;
    };
    let (_, _, told) = timed(&stack, &["up", "-d"]);
    let advice = told["advice"][0].as_str().expect("advice");
    let expected = format!("less: {}-job-1 takes", stack.project);
    assert!(advice.contains(&expected), "{advice}");
    let waited = told["services"]["job"]["wait"].as_f64().expect("seconds");
    assert!(waited >= 0.5, "{told:#}");
}
