//! Order, closures and cycles of services.

use std::fmt::Write as _;

use rcompose::graph::Graph;
use rcompose::load::Failure;

use crate::support::{load_one, project, rendered};

/// `a: {image: x, depends_on: [b]}` for `a: [b]`.
fn services(edges: &[(&str, &[&str])]) -> String {
    let mut text = "services:\n".to_owned();
    for (name, needs) in edges {
        let _ = writeln!(
            text,
            "  {name}: {{image: x, depends_on: [{}]}}\n",
            needs.join(", ")
        );
    }
    text
}

fn failure(text: &str) -> Failure {
    load_one(text).expect_err("a cycle is an error")
}

#[test]
fn services_come_after_what_they_need_and_else_by_name() {
    let project = project(&services(&[
        ("web", &["db", "cache"]),
        ("cache", &[]),
        ("db", &["disk"]),
        ("disk", &[]),
        ("admin", &["web"]),
        ("alone", &[]),
    ]));
    let order = Graph::of(&project).order();
    assert_eq!(order, ["alone", "cache", "disk", "db", "web", "admin"]);
}

#[test]
fn a_closure_holds_what_is_needed_directly_or_not() {
    let project = project(&services(&[
        ("web", &["db"]),
        ("db", &["disk"]),
        ("disk", &[]),
        ("other", &["disk"]),
    ]));
    let graph = Graph::of(&project);
    let of = |names: &[&str]| -> Vec<String> {
        graph
            .closure(names.iter().copied())
            .into_iter()
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(of(&["web"]), ["db", "disk", "web"]);
    assert_eq!(of(&["db", "other"]), ["db", "disk", "other"]);
    assert_eq!(of(&["disk"]), ["disk"]);
    assert_eq!(of(&[]), [] as [&str; 0]);
    let dependents: Vec<&str> = graph.dependents_closure("db").into_iter().collect();
    assert_eq!(dependents, ["db", "web"]);
}

#[test]
fn edges_come_from_everything_that_speaks_of_another_service() {
    let project = project(
        "
services:
  a:
    image: x
    depends_on: {b: {condition: service_healthy}}
    links: ['c:alias']
    volumes_from: ['d:ro']
    ipc: service:e
    pid: service:f
    network_mode: service:g
  b: {image: x}
  c: {image: x}
  d: {image: x}
  e: {image: x}
  f: {image: x}
  g: {image: x}
",
    );
    let graph = Graph::of(&project);
    let edges: Vec<String> = graph
        .dependencies("a")
        .iter()
        .map(|(name, it)| format!("{name} {} {}", it.condition.word(), it.restart))
        .collect();
    let expected = [
        "b service_healthy false",
        "c service_started true",
        "d service_started false",
        "e service_started true",
        "f service_started true",
        "g service_started true",
    ];
    assert_eq!(edges, expected);
    assert_eq!(graph.dependents("c").keys().collect::<Vec<_>>(), [&"a"]);
}

#[test]
fn a_build_that_starts_from_another_service_orders_and_does_not_run_it() {
    let project = project(
        "
services:
  a: {build: {context: ., additional_contexts: {base: 'service:z'}}}
  z: {build: ./z}
",
    );
    let graph = Graph::of(&project);
    assert_eq!(graph.order(), ["z", "a"]);
    assert_eq!(
        graph
            .build_dependencies("a")
            .into_iter()
            .collect::<Vec<_>>(),
        ["z"]
    );
    assert!(graph.dependencies("a").is_empty());
    assert_eq!(graph.closure(["a"]).into_iter().collect::<Vec<_>>(), ["a"]);
}

#[test]
fn a_service_that_both_builds_from_and_needs_another_has_both_edges() {
    let project = project(
        "
services:
  a: {build: {context: ., additional_contexts: {base: 'service:z'}}, depends_on: [z]}
  z: {build: ./z}
",
    );
    let graph = Graph::of(&project);
    assert_eq!(graph.dependencies("a").len(), 1);
    assert_eq!(graph.build_dependencies("a").len(), 1);
    assert_eq!(graph.order(), ["z", "a"]);
}

#[test]
fn a_cycle_is_told_with_the_place_of_every_edge() {
    let text = "
services:
  a: {image: x, depends_on: [b]}
  b: {image: x, links: [c]}
  c:
    image: x
    volumes_from:
    - a
";
    let shown = rendered(&failure(text));
    for part in [
        "services depend on each other: a → b → c → a",
        "`a` needs `b` (depends_on)",
        "`b` needs `c` (links)",
        "`c` needs `a` (volumes_from)",
        "compose.yaml:3:",
        "4 |   b: {image: x, links: [c]}",
        "remove one of these",
    ] {
        assert!(shown.contains(part), "{part}\n{shown}");
    }
    // The last edge's line is the list behind the key.
    assert!(shown.contains("8 |     - a"), "{shown}");
}

#[test]
fn the_cycle_that_is_told_is_a_shortest_one() {
    let messages = messages(&services(&[
        ("a", &["b", "c"]),
        ("b", &["c"]),
        ("c", &["d"]),
        ("d", &["a", "b"]),
    ]));
    assert_eq!(messages, ["services depend on each other: a → c → d → a"]);
}

#[test]
fn a_service_that_needs_itself_is_a_cycle() {
    let messages = messages(&services(&[("a", &["a"]), ("b", &["a"])]));
    assert_eq!(messages, ["services depend on each other: a → a"]);
}

#[test]
fn separate_cycles_are_told_one_by_one() {
    let messages = messages(&services(&[
        ("a", &["b"]),
        ("b", &["a"]),
        ("y", &["z", "a"]),
        ("z", &["y"]),
    ]));
    let expected = [
        "services depend on each other: a → b → a",
        "services depend on each other: y → z → y",
    ];
    assert_eq!(messages, expected);
}

#[test]
fn builds_that_start_from_each_other_are_a_cycle() {
    let text = "
services:
  a: {build: {context: ., additional_contexts: {base: 'service:b'}}}
  b: {build: {context: ., additional_contexts: {base: 'service:a'}}}
";
    let shown = rendered(&failure(text));
    assert!(shown.contains("`a` needs `b` (build)"), "{shown}");
    assert!(shown.contains("`b` needs `a` (build)"), "{shown}");
}

#[test]
fn a_cycle_of_services_that_are_not_wanted_hurts_nobody() {
    let text = "
services:
  a: {image: x}
  b: {image: x, profiles: [p], depends_on: [c]}
  c: {image: x, profiles: [p], depends_on: [b]}
";
    assert_eq!(Graph::of(&project(text)).order(), ["a"]);
}

fn messages(text: &str) -> Vec<String> {
    let diagnostics = failure(text).diagnostics;
    diagnostics.into_iter().map(|it| it.message).collect()
}
