//! How many containers a service has, which of them go, and which numbers they bear; and containers
//! that belong to no service any more.

use rcompose::engine::Engine;

use crate::both::Both;
use crate::stack::{Stack, engine, wait};

const PAIR: &str = "
x-sleeper: &sleeper {image: busybox, command: sleep 600, stop_signal: SIGKILL}
services:
  web: {<<: *sleeper, environment: {V: '1'}, depends_on: [db]}
  db: *sleeper
";

#[test]
fn the_highest_numbers_go_first_and_free_ones_are_taken_again() {
    let Some(stack) = Stack::new("numbers", PAIR) else {
        return;
    };
    let names = || stack.ids().into_keys().collect::<Vec<_>>().join(" ");
    stack.run(&["up", "-d", "--scale", "web=3"]).ok();
    assert_eq!(names(), "db-1 web-1 web-2 web-3");
    let second = format!("{}-web-2", stack.project);
    let removed = wait(async { engine().remove_container(&second, true, true).await });
    removed.expect("it is there");
    let ids = stack.ids();
    stack.run(&["up", "-d", "--scale", "web=3"]).ok();
    assert_eq!(names(), "db-1 web-1 web-2 web-3");
    assert_eq!(ids["web-3"], stack.ids()["web-3"]);
    stack.run(&["up", "-d", "--scale", "web=2"]).ok();
    assert_eq!(names(), "db-1 web-1 web-2");
}

#[test]
fn what_differs_goes_before_what_does_not() {
    let Some(mut both) = Both::new("obsolete", PAIR) else {
        return;
    };
    both.run("up -d --scale web=2");
    both.edit("V: '1'", "V: '2'");
    both.run("up -d --no-recreate --scale web=3");
    both.run("up -d --scale web=1");
}

#[test]
fn none_is_a_number_too() {
    let Some(mut both) = Both::new("zero", PAIR) else {
        return;
    };
    both.run("up -d --scale web=0");
    both.run("up -d --scale web=2 --scale db=0");
    both.run("up -d");
    both.run("up -d --scale db=0 --no-deps web");
}

#[test]
fn the_file_says_how_many_until_the_command_line_does() {
    let Some(mut both) = Both::new("says", PAIR) else {
        return;
    };
    both.edit(
        "depends_on: [db]",
        "depends_on: [db], deploy: {replicas: 2}",
    );
    both.run("up -d");
    both.run("up -d --scale web=3");
    both.run("up -d");
    both.edit("deploy: {replicas: 2}", "deploy: {replicas: 3}, scale: 3");
    both.run("up -d");
    both.run("down -t 0");
}

#[test]
fn a_name_of_its_own_is_for_one_container() {
    let Some(stack) = Stack::new("own", PAIR) else {
        return;
    };
    stack.edit(
        "compose.yaml",
        "V: '1'}",
        "V: '1'}, container_name: '${COMPOSE_PROJECT_NAME}-mine'",
    );
    let refused = stack.run(&["up", "-d", "--scale", "web=2"]).fails();
    assert!(
        refused.stderr.contains("container_name"),
        "{}",
        refused.stderr
    );
    assert!(stack.containers().is_empty(), "nothing is made");
    stack.run(&["up", "-d", "--scale", "web=1"]).ok();
    assert!(stack.ids().contains_key("mine"), "{:?}", stack.ids());
    stack.run(&["up", "-d", "--scale", "web=0"]).ok();
    assert!(!stack.ids().contains_key("mine"), "{:?}", stack.ids());
}

#[test]
fn scaling_what_is_not_there_is_refused() {
    let Some(mut both) = Both::new("nobody", PAIR) else {
        return;
    };
    both.run("up -d --scale nobody=2");
    both.run("up -d --scale web");
    both.run("up -d --scale web=many");
}

#[test]
fn replicas_share_a_range_of_ports() {
    let compose = "
services:
  web: {image: busybox, command: sleep 600, stop_signal: SIGKILL, ports: ['127.0.0.1:38300-38309:80']}
";
    let Some(stack) = Stack::new("range", compose) else {
        return;
    };
    stack.run(&["up", "-d", "--scale", "web=3"]).ok();
    let mut ports: Vec<u16> = (1..=3)
        .map(|number| stack.port(&format!("web-{number}"), 80))
        .collect();
    ports.sort_unstable();
    ports.dedup();
    assert_eq!(ports.len(), 3);
    assert!(
        ports.iter().all(|port| (38300..38310).contains(port)),
        "{ports:?}"
    );
}

#[test]
fn replicas_are_found_under_the_name_of_their_service() {
    let Some(stack) = Stack::new("found", PAIR) else {
        return;
    };
    stack.run(&["up", "-d", "--scale", "web=3"]).ok();
    let told = stack.exec("db-1", &["nslookup", "-type=a", "web"]);
    let found = told
        .lines()
        .filter(|line| line.starts_with("Address"))
        .count();
    assert_eq!(found, 4, "the server's own and three:\n{told}");
}

#[test]
fn orphans_are_told_of_and_stay() {
    let Some(mut both) = Both::new("orphans", PAIR) else {
        return;
    };
    both.run("up -d");
    both.edit("  db: *sleeper", "");
    both.edit(", depends_on: [db]", "");
    let told = both.run("up -d");
    assert!(told.stderr.contains("orphan"), "{}", told.stderr);
    both.run("down -t 0");
    both.run("down -t 0 --remove-orphans");
}

#[test]
fn orphans_go_when_up_is_told_so() {
    let Some(mut both) = Both::new("orphansup", PAIR) else {
        return;
    };
    both.run("up -d --scale db=2");
    both.run("stop db");
    both.edit("  db: *sleeper", "  other: *sleeper");
    both.edit(", depends_on: [db]", "");
    both.run("up -d --remove-orphans");
}

#[test]
fn nothing_is_said_of_orphans_when_a_variable_says_so() {
    let Some(both) = Both::new("ignore", PAIR) else {
        return;
    };
    let mut both = both.with("COMPOSE_IGNORE_ORPHANS", "1");
    both.run("up -d");
    both.edit("  db: *sleeper", "");
    both.edit(", depends_on: [db]", "");
    let told = both.run("up -d");
    assert!(!told.stderr.contains("orphan"), "{}", told.stderr);
    both.run("up -d --remove-orphans");
}

#[test]
fn orphans_go_when_a_variable_says_so() {
    let Some(both) = Both::new("remove", PAIR) else {
        return;
    };
    let mut both = both.with("COMPOSE_REMOVE_ORPHANS", "1");
    both.run("up -d");
    both.edit("  db: *sleeper", "");
    both.edit(", depends_on: [db]", "");
    both.run("up -d");
}
