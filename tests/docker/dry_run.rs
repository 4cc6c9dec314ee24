//! What a dry run or a plan says, and that it only says it: a socket that refuses every write
//! stands between. Then `up` does what was printed, as the engine's own events tell.

use std::collections::BTreeMap;
use std::path::Path;

use futures_util::StreamExt;
use rcompose::engine::{ContainerState, Engine, Filter, Reads};
use serde_json::Value;

use crate::proxy::Proxy;
use crate::stack::{Stack, engine, wait};

const SHOP: &str = "\
services:
  db:
    image: busybox
    command: sleep 1000
    init: true
    volumes: [data:/data]
  web:
    image: busybox
    command: sleep 1000
    init: true
    environment: {LEVEL: info}
    depends_on: [db]
  side:
    image: busybox
    command: sleep 1000
    init: true
    network_mode: service:web
  built:
    build: {context: ., dockerfile_inline: \"FROM busybox\\nCMD sleep 1000\"}
    init: true
volumes: {data: }
";

/// Every command that changes something.
const COMMANDS: &[&str] = &[
    "plan",
    "up",
    "up -d",
    "up -d --build",
    "up -d --force-recreate --remove-orphans",
    "up --no-start -V",
    "create",
    "scale db=2",
    "build",
    "start",
    "stop",
    "restart",
    "kill",
    "pause",
    "unpause",
    "rm",
    "rm -sfv",
    "down",
    "down -v --rmi all --remove-orphans",
];

/// Id and state of each container.
fn held(stack: &Stack) -> Vec<(String, ContainerState)> {
    let containers = stack.containers().into_values();
    containers.map(|it| (it.id, it.state)).collect()
}

#[test]
fn no_dry_run_and_no_plan_writes_whatever_is_there() {
    let Some(mut stack) = Stack::new("dryrun", SHOP) else {
        return;
    };
    let proxy = Proxy::refusing(&stack.dir);
    let dry = |stack: &mut Stack, state: &str| {
        let before = held(stack);
        stack.set("DOCKER_HOST", proxy.address());
        for command in COMMANDS {
            let mut words: Vec<&str> = command.split(' ').collect();
            if *command != "plan" {
                words.insert(0, "--dry-run");
            }
            let ran = stack.run(&words);
            assert_eq!(proxy.writes(), Vec::<String>::new(), "{state}, {command}");
            let may_fail = matches!(*command, "start") && state == "nothing there";
            let expected = match *command {
                "plan" => ran.code != 1,
                _ => ran.code == 0 || may_fail,
            };
            assert!(expected, "{state}, {command}: {ran:?}");
        }
        stack.unset("DOCKER_HOST");
        assert_eq!(held(stack), before, "{state}");
    };
    dry(&mut stack, "nothing there");
    stack.run(&["up", "-d"]).ok();
    dry(&mut stack, "running");
    stack.edit("compose.yaml", "LEVEL: info", "LEVEL: debug");
    dry(&mut stack, "changed");
    stack.run(&["stop"]).ok();
    dry(&mut stack, "stopped");
}

#[test]
fn no_plan_of_any_scenario_writes() {
    let Some(mut stack) = Stack::empty("plans") else {
        return;
    };
    let proxy = Proxy::refusing(&stack.dir);
    stack.set("DOCKER_HOST", proxy.address());
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/live");
    let folders = std::fs::read_dir(cases).expect("the cases are there");
    let mut planned = 0;
    for folder in folders {
        let folder = folder.expect("a folder").path();
        for words in [
            &["plan", "--json"][..],
            &["--dry-run", "up"],
            &["--dry-run", "down"],
        ] {
            let mut command = stack.command();
            command.current_dir(&folder).args(words);
            let ran = command.output().expect("the binary runs");
            // Some have files with errors, or name what is not there.
            planned += u32::from(matches!(ran.status.code(), Some(0 | 2)));
        }
    }
    assert_eq!(proxy.writes(), Vec::<String>::new());
    assert!(planned > 80, "{planned} plans of what is there");
}

/// What the engine is to do to containers, as a plan prints it: verbs by final name.
fn printed(plan: &Value) -> BTreeMap<String, Vec<String>> {
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for step in plan["steps"].as_array().expect("a list") {
        let action = step["action"].as_str().expect("a verb");
        if step["kind"] != "container" || action == "wait for" {
            continue;
        }
        let name = step["name"].as_str().expect("a name").to_owned();
        all.entry(name).or_default().push(action.to_owned());
    }
    sorted(all)
}

/// What it does during an act, by its own events up to the one that `mark` causes. They are listened
/// to from the beginning: engines remember the last few only.
fn done(stack: &Stack, mark: &str, act: impl FnOnce() + Send) -> BTreeMap<String, Vec<String>> {
    let filter = Filter::labels([format!("com.docker.compose.project={}", stack.project)]);
    wait(async {
        let mut events = engine().events(&filter, None).await.expect("events");
        act();
        engine().pause_container(mark).await.expect("it runs");
        let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
        while let Some(event) = events.next().await {
            let event = event.expect("an event");
            let verb = match event.action.as_str() {
                "pause" => break,
                "destroy" => "remove",
                verb @ ("create" | "start" | "stop" | "rename") => verb,
                _ => continue,
            };
            let name = event.container_name;
            // A temporary name: twelve digits in front of the final one.
            let name = match name.split_once('_') {
                Some((id, rest)) if id.len() == 12 => rest.to_owned(),
                _ => name,
            };
            all.entry(name).or_default().push(verb.to_owned());
        }
        let engine = engine();
        engine.unpause_container(mark).await.expect("it is paused");
        sorted(all)
    })
}

fn sorted(mut all: BTreeMap<String, Vec<String>>) -> BTreeMap<String, Vec<String>> {
    for verbs in all.values_mut() {
        verbs.sort();
    }
    all
}

#[test]
fn up_does_exactly_what_was_printed_as_the_engines_events_tell() {
    let Some(stack) = Stack::new("printed", SHOP) else {
        return;
    };
    let mark = format!("{}-db-1", stack.project);
    let check = |flags: &[&str]| {
        let plan = stack.run(&[&["plan", "--json"], flags].concat());
        let plan: Value = serde_json::from_str(&plan.stdout).expect("JSON");
        let up = || drop(stack.run(&[&["up", "-d"], flags].concat()).ok());
        let (printed, done) = (printed(&plan), done(&stack, &mark, up));
        assert_eq!(printed, done, "{flags:?}\n{plan:#}");
        done.len()
    };
    stack.run(&["build"]).ok();
    assert_eq!(check(&[]), 4);
    assert_eq!(check(&[]), 0);
    stack.edit("compose.yaml", "LEVEL: info", "LEVEL: debug");
    assert_eq!(check(&[]), 2, "web, and side, which shares its network");
    assert_eq!(check(&["--scale", "built=3"]), 2);
    assert_eq!(check(&["--scale", "built=1"]), 2);
    stack.run(&["stop", "web"]).ok();
    check(&[]);
    assert_eq!(check(&["--force-recreate"]), 4);
    stack.edit("compose.yaml", "  built:\n", "  other:\n");
    stack.run(&["build"]).ok();
    check(&["--remove-orphans"]);
}
