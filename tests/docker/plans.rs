//! Plans that are written down and carried out later, and the reasons of replacements.

use crate::stack::Stack;

const DEMO: &str = "\
services:
  web:
    image: busybox
    command: sleep 1000
    init: true
    environment: {LEVEL: info}
  db: {image: busybox, command: sleep 1000, init: true}
";

#[test]
fn a_plan_that_was_written_down_is_carried_out_or_refused() {
    let Some(stack) = Stack::new("sealed", DEMO) else {
        return;
    };
    let plan = |flags: &[&str]| stack.run(&[&["plan", "-o", "p.json"], flags].concat()).code;
    let up = || stack.run(&["up", "-d", "--plan", "p.json"]);
    assert_eq!(plan(&["web"]), 2);
    up().ok();
    assert_eq!(stack.containers().len(), 1, "web, as the plan says");
    let again = up().fails();
    assert!(again.stderr.contains("-web-1 was not there"), "{again:?}");

    assert_eq!(plan(&[]), 2);
    stack.edit("compose.yaml", "LEVEL: info", "LEVEL: debug");
    let refused = up().fails();
    assert!(
        refused.stderr.contains("the files say something else now"),
        "{refused:?}"
    );
    assert_eq!(stack.containers().len(), 1);

    assert_eq!(plan(&["--force-recreate"]), 2);
    let before = stack.ids();
    stack.run(&["stop", "web"]).ok();
    let refused = up().fails();
    assert!(refused.stderr.contains("(running) and is"), "{refused:?}");
    stack.run(&["start", "web"]).ok();
    up().ok();
    let after = stack.ids();
    assert!(
        before.iter().all(|(name, id)| after[name] != *id),
        "{before:?} {after:?}"
    );
    assert_eq!(after.len(), 2);

    let refused = stack.run(&["up", "-d", "--plan", "p.json", "db"]).fails();
    assert!(refused.stderr.contains("takes no others"), "{refused:?}");
    let refused = stack.run(&["up", "--plan", "compose.yaml"]).fails();
    assert!(refused.stderr.contains("is not a plan"), "{refused:?}");
}

#[test]
fn why_tells_of_containers_that_docker_compose_made() {
    let Some(stack) = Stack::new("why", DEMO) else {
        return;
    };
    let Some(made) = stack.docker_compose(&["up", "-d"]) else {
        return;
    };
    made.ok();
    stack.edit("compose.yaml", "LEVEL: info", "LEVEL: debug");
    let told = stack.run(&["why", "web"]).ok().stdout;
    assert!(told.contains("by docker compose"), "{told}");
    let change = "environment.LEVEL  \"info\" → \"debug\"  compose.yaml:6:26";
    assert!(told.contains(change), "{told}");
    stack.edit(
        "compose.yaml",
        "LEVEL: debug}",
        "LEVEL: info}\n    attach: false",
    );
    let told = stack.run(&["why", "web"]).ok().stdout;
    assert!(
        told.contains("in what the engine does not tell of"),
        "{told}"
    );
    let told = stack.run(&["why", "db"]).ok().stdout;
    assert!(told.contains("up leaves it as it is"), "{told}");
}
