//! `kill`, `pause`, `unpause`, `scale`, `wait`, `down --rmi`, swapped names, and what becomes of a
//! paused container; where docker compose plays the same steps, both have to end alike.

use std::collections::BTreeMap;

use rcompose::engine::{ContainerState, Engine, Reads};

use crate::both::Both;
use crate::stack::{Stack, engine, until, wait};

/// Two services that end at once when they are told to.
const PAIR: &str = "
services:
  db: &sleeper
    image: busybox
    command: [sleep, '600']
    stop_signal: SIGKILL
  web:
    <<: *sleeper
    depends_on: [db]
";

/// Plays steps with rcompose and with docker compose, each in a stack of its own.
fn alike(name: &str, compose: &str, steps: &[&[&str]]) {
    if let Some(mut both) = Both::new(name, compose) {
        for step in steps {
            both.run(&step.join(" "));
        }
    }
}

#[test]
fn kill_ends_the_named_services_and_no_others() {
    alike(
        "kill",
        PAIR,
        &[
            &["kill"],
            &["up", "-d"],
            &["kill", "web"],
            &["kill", "web"],
            &["start"],
            &["kill"],
            &["down"],
        ],
    );
}

#[test]
fn kill_sends_a_signal_that_need_not_end_anything() {
    let compose = "
services:
  web:
    image: busybox
    command: sh -c 'trap \"echo again\" HUP; trap \"exit 4\" USR1; while true; do sleep 0.1; done'
    stop_signal: SIGKILL
";
    let Some(stack) = Stack::new("signal", compose) else {
        return;
    };
    stack.run(&["up", "-d"]).ok();
    until("the answer", || {
        stack.run(&["kill", "-s", "SIGHUP"]).ok();
        stack
            .run(&["logs", "--no-log-prefix"])
            .stdout
            .contains("again")
            .then_some(())
    });
    assert_eq!(stack.container("web-1").state, ContainerState::Running);
    stack.run(&["kill", "--signal", "USR1", "web"]).ok();
    until("the end", || {
        (stack.container("web-1").exit_code() == Some(4)).then_some(())
    });
    stack.run(&["up", "-d"]).ok();
    stack.run(&["kill", "-s", "NOPE"]).fails();
}

#[test]
fn kill_takes_orphans_along_only_when_asked() {
    let Some(stack) = Stack::new("killorphan", PAIR) else {
        return;
    };
    stack.run(&["up", "-d"]).ok();
    stack.write(
        "compose.yaml",
        "services: {db: {image: busybox, command: sleep 600, stop_signal: SIGKILL}}",
    );
    stack.run(&["-f", "compose.yaml", "kill"]).ok();
    assert_eq!(stack.container("web-1").state, ContainerState::Running);
    stack
        .run(&["-f", "compose.yaml", "kill", "--remove-orphans"])
        .ok();
    assert_eq!(stack.container("web-1").state, ContainerState::Exited);
}

#[test]
fn pause_freezes_and_unpause_lets_go_on() {
    alike(
        "pause",
        PAIR,
        &[
            &["pause"],
            &["up", "-d"],
            &["pause", "db"],
            &["pause", "db"],
            &["unpause", "web"],
            &["unpause", "db"],
            &["pause"],
            &["unpause"],
            &["down"],
        ],
    );
}

#[test]
fn paused_containers_are_stopped_and_started_again() {
    alike(
        "pstop",
        PAIR,
        &[&["up", "-d"], &["pause"], &["stop"], &["start"]],
    );
}

#[test]
fn paused_containers_are_not_started() {
    alike("pstart", PAIR, &[&["up", "-d"], &["pause"], &["start"]]);
}

#[test]
fn paused_containers_make_up_fail() {
    alike(
        "pup",
        PAIR,
        &[
            &["up", "-d"],
            &["pause"],
            &["up", "-d"],
            &["unpause"],
            &["up", "-d"],
        ],
    );
}

#[test]
fn paused_containers_are_restarted() {
    alike(
        "prestart",
        PAIR,
        &[
            &["up", "-d"],
            &["pause"],
            &["-f", "compose.yaml", "restart"],
        ],
    );
}

#[test]
fn paused_containers_are_killed() {
    alike("pkill", PAIR, &[&["up", "-d"], &["pause"], &["kill"]]);
}

#[test]
fn paused_containers_are_replaced() {
    alike(
        "preplace",
        PAIR,
        &[&["up", "-d"], &["pause"], &["up", "-d", "--force-recreate"]],
    );
}

#[test]
fn paused_containers_are_left_by_rm_unless_it_stops_them() {
    alike(
        "prm",
        PAIR,
        &[&["up", "-d"], &["pause"], &["rm", "-f"], &["rm", "-fs"]],
    );
}

#[test]
fn paused_containers_are_taken_down() {
    alike("pdown", PAIR, &[&["up", "-d"], &["pause"], &["down"]]);
}

#[test]
fn scale_makes_and_removes_and_leaves_others_alone() {
    alike(
        "scale",
        PAIR,
        &[
            &["scale", "db=2"],
            &["scale", "db=1", "web=2"],
            &["scale", "--no-deps", "web=3"],
            &["scale", "web=0"],
            &["scale", "web"],
            &["scale", "nope=1"],
            &["down"],
        ],
    );
}

#[test]
fn wait_gives_the_exit_code_of_what_it_waited_for() {
    let compose = "
services:
  one: {image: busybox, command: sh -c 'sleep 3; exit 3'}
  two: {image: busybox, command: sh -c 'sleep 6; exit 4'}
";
    alike("waitnone", compose, &[&["wait", "one"]]);
    for tool in ["rcompose", "docker compose"] {
        let Some(stack) = Stack::new("wait", compose) else {
            return;
        };
        stack.run(&["up", "-d"]).ok();
        let line = ["wait", "one", "two"];
        let ran = match tool {
            "rcompose" => stack.run(&line),
            _ => match stack.docker_compose(&line) {
                Some(ran) => ran,
                None => return,
            },
        };
        assert_eq!(ran.code, 4, "{tool}: {ran:?}");
        let ended = |name: &str, code: u8| {
            let id = stack.container(name).id;
            format!("container \"{id}\" exited with status code {code}\n")
        };
        assert_eq!(ran.stdout, ended("one-1", 3) + &ended("two-1", 4), "{tool}");
    }
}

#[test]
fn wait_takes_the_project_down_when_asked() {
    let compose = format!("{PAIR}  job: {{image: busybox, command: sh -c 'sleep 3; exit 6'}}\n");
    alike(
        "waitdown",
        &compose,
        &[&["up", "-d"], &["wait", "--down-project", "job"]],
    );
}

#[test]
fn two_services_swap_their_container_names() {
    let Some(stack) = Stack::empty("swap") else {
        return;
    };
    let (left, right) = (
        format!("{}-left", stack.project),
        format!("{}-right", stack.project),
    );
    let file = |a: &str, b: &str| {
        format!(
            "
services:
  a: {{image: busybox, command: sleep 600, stop_signal: SIGKILL, container_name: {a}}}
  b: {{image: busybox, command: sleep 600, stop_signal: SIGKILL, container_name: {b}, depends_on: [a]}}
"
        )
    };
    let services = || -> BTreeMap<String, String> {
        let containers = stack.containers().into_iter();
        containers
            .map(|(name, it)| {
                assert_eq!(it.state, ContainerState::Running, "{name}");
                (name, it.labels["com.docker.compose.service"].clone())
            })
            .collect()
    };
    let named = |left_service: &str, right_service: &str| {
        BTreeMap::from([
            (left.clone(), left_service.to_owned()),
            (right.clone(), right_service.to_owned()),
        ])
    };
    stack.write("compose.yaml", &file(&left, &right));
    stack.run(&["up", "-d"]).ok();
    assert_eq!(services(), named("a", "b"));
    stack.write("compose.yaml", &file(&right, &left));
    stack.run(&["up", "-d"]).ok();
    assert_eq!(services(), named("b", "a"));
    let before = stack.ids();
    stack.run(&["up", "-d"]).ok();
    assert_eq!(stack.ids(), before, "and that is that");
}

#[test]
fn down_removes_the_images_that_it_is_asked_to() {
    let Some(stack) = Stack::empty("rmi") else {
        return;
    };
    let image = format!("{}-app", stack.project);
    wait(async {
        let tagged = engine().tag_image("busybox", &image).await;
        tagged.expect("busybox is there");
    });
    let is_here = || {
        wait(async { engine().image(&image).await })
            .expect("an answer")
            .is_some()
    };
    stack.write(
        "compose.yaml",
        &format!("services: {{web: {{image: {image}, command: sleep 600, stop_signal: SIGKILL}}}}"),
    );
    stack.run(&["up", "-d"]).ok();
    stack
        .run(&["-f", "compose.yaml", "down", "--rmi", "local"])
        .ok();
    assert!(is_here(), "its service names it");
    stack.run(&["up", "-d"]).ok();
    stack
        .run(&["-f", "compose.yaml", "down", "--rmi", "all"])
        .ok();
    assert!(!is_here());
}

#[test]
fn an_image_in_use_by_others_is_told_of_and_is_no_failure() {
    let Some(stack) = Stack::empty("rmiused") else {
        return;
    };
    let image = format!("{}-app", stack.project);
    wait(async {
        let tagged = engine().tag_image("busybox", &image).await;
        tagged.expect("busybox is there");
    });
    let service = format!("{{image: {image}, command: sleep 600, stop_signal: SIGKILL}}");
    let file = format!("services: {{web: {service}, other: {service}}}");
    stack.write("compose.yaml", &file);
    stack.run(&["up", "-d"]).ok();
    let ran = stack
        .run(&["-f", "compose.yaml", "down", "--rmi", "all", "web"])
        .ok();
    assert!(ran.stderr.contains("still in use"), "{}", ran.stderr);
    stack
        .run(&["-f", "compose.yaml", "down", "--rmi", "all"])
        .ok();
    let there = wait(async { engine().image(&image).await }).expect("an answer");
    assert!(there.is_none());
}

#[test]
fn restart_takes_dependents_along_unless_told_not_to() {
    let compose = PAIR.replace("[db]", "{db: {condition: service_started, restart: true}}");
    let Some(stack) = Stack::new("restartdeps", &compose) else {
        return;
    };
    let started = |name: &str| {
        let name = format!("{}-{name}", stack.project);
        let detail = wait(async { engine().container(&name).await }).expect("an answer");
        detail.expect("it is there").started_at
    };
    stack.run(&["up", "-d"]).ok();
    let (db, web) = (started("db-1"), started("web-1"));
    stack
        .run(&[
            "-f",
            "compose.yaml",
            "restart",
            "--no-deps",
            "-t",
            "0",
            "db",
        ])
        .ok();
    assert_ne!(db, started("db-1"));
    assert_eq!(web, started("web-1"));
    stack
        .run(&["-f", "compose.yaml", "restart", "-t", "0", "db"])
        .ok();
    assert_ne!(web, started("web-1"));
}

#[test]
fn start_waits_for_the_conditions_of_what_it_starts() {
    let compose = "
services:
  init: {image: busybox, command: sh -c 'sleep 1; exit $CODE', environment: {CODE: '${CODE}'}}
  web:
    image: busybox
    command: [sleep, '600']
    stop_signal: SIGKILL
    depends_on: {init: {condition: service_completed_successfully}}
";
    let compose = compose.replace("exit $CODE", "exit $$CODE");
    let Some(mut stack) = Stack::new("startcond", &compose) else {
        return;
    };
    for (code, state) in [
        ("0", ContainerState::Running),
        ("2", ContainerState::Created),
    ] {
        stack.set("CODE", code);
        stack.run(&["up", "--no-start", "--force-recreate"]).ok();
        let ran = stack.run(&["-f", "compose.yaml", "start"]);
        assert_eq!(ran.code == 0, code == "0", "{ran:?}");
        assert_eq!(stack.container("web-1").state, state);
    }
}
