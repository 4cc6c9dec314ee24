//! What replaces a container, and what does not.

use rcompose::engine::Engine;

use crate::both::Both;
use crate::stack::{Stack, engine, wait};

const CHAIN: &str = "
x-sleeper: &sleeper {image: busybox, command: sleep 600, stop_signal: SIGKILL}
services:
  db: {<<: *sleeper, environment: {V: '1'}}
  web: {<<: *sleeper, depends_on: [db]}
  edge: {<<: *sleeper, depends_on: {web: {condition: service_started, restart: true}}}
";

#[test]
fn a_changed_environment_replaces_its_service_alone() {
    let Some(mut both) = Both::new("env", CHAIN) else {
        return;
    };
    both.run("up -d");
    both.edit("V: '1'", "V: '2'");
    both.run("up -d");
    both.run("up -d");
}

#[test]
fn a_changed_dependency_is_replaced_when_only_its_dependent_is_asked_for() {
    let Some(mut both) = Both::new("dep", CHAIN) else {
        return;
    };
    both.run("up -d");
    both.edit("V: '1'", "V: '2'");
    both.run("up -d --no-deps web");
    both.run("up -d web");
}

#[test]
fn force_recreate_replaces_what_was_asked_for_and_leaves_its_dependencies() {
    let Some(mut both) = Both::new("force", CHAIN) else {
        return;
    };
    both.run("up -d");
    both.run("up -d --force-recreate web");
    both.run("up -d --force-recreate");
    both.run("create --force-recreate edge");
    both.run("up -d");
}

#[test]
fn dependencies_are_replaced_too_when_asked() {
    let Some(mut both) = Both::new("deps", CHAIN) else {
        return;
    };
    both.run("up -d");
    both.run("up -d --always-recreate-deps web");
    both.run("up -d --force-recreate --always-recreate-deps edge");
}

#[test]
fn no_recreate_keeps_what_differs_and_makes_what_is_missing() {
    let Some(mut both) = Both::new("never", CHAIN) else {
        return;
    };
    both.run("up -d db");
    both.edit("V: '1'", "V: '2'");
    both.run("up -d --no-recreate");
    both.run("up -d --no-recreate --force-recreate");
    both.run("up -d");
}

#[test]
fn a_stopped_container_that_differs_is_replaced_and_one_that_does_not_is_started() {
    let Some(mut both) = Both::new("stopped", CHAIN) else {
        return;
    };
    both.run("up -d");
    both.run("stop");
    both.edit("V: '1'", "V: '2'");
    both.run("up -d");
}

#[test]
fn create_replaces_what_runs_and_differs_and_leaves_the_new_one_for_start() {
    let Some(mut both) = Both::new("create", CHAIN) else {
        return;
    };
    both.run("up -d");
    both.edit("V: '1'", "V: '2'");
    both.run("create");
    both.run("start");
    both.run("create --no-recreate");
}

#[test]
fn restart_and_start_take_no_notice_of_a_changed_file() {
    let Some(mut both) = Both::new("blind", CHAIN) else {
        return;
    };
    both.run("up -d");
    both.edit("V: '1'", "V: '2'");
    both.run("restart -t 0");
    both.run("stop");
    both.run("start");
    both.run("up -d");
}

#[test]
fn another_image_under_the_same_name_replaces() {
    let Some(mut both) = Both::new("tag", "services: {}") else {
        return;
    };
    both.each(|stack| {
        let image = format!("{}-app", stack.project);
        wait(async { engine().tag_image("busybox", &image).await }).expect("busybox is here");
        let text = "services: {web: {image: IMAGE, command: sleep 600, stop_signal: SIGKILL}}";
        stack.write("compose.yaml", &text.replace("IMAGE", &image));
    });
    both.run("up -d");
    both.run("up -d");
    both.each(|stack| {
        let image = format!("{}-app", stack.project);
        wait(async { engine().tag_image("redis:7-alpine", &image).await }).expect("redis is here");
    });
    both.run("up -d --no-recreate");
    both.run("up -d");
    both.run("up -d");
}

#[test]
fn a_build_that_changes_the_image_replaces_and_one_that_does_not_keeps() {
    let compose = "
services:
  app: {build: ., command: sleep 600, stop_signal: SIGKILL}
  other: {image: busybox, command: sleep 600, stop_signal: SIGKILL, depends_on: [app]}
";
    let Some(mut both) = Both::new("build", compose) else {
        return;
    };
    both.write("Dockerfile", "FROM busybox\nRUN echo one > /said\n");
    both.run("up -d");
    both.run("up -d --build");
    both.write("Dockerfile", "FROM busybox\nRUN echo two > /said\n");
    both.run("up -d");
    both.run("up -d --no-build --build");
    both.run("up -d --build");
}

#[test]
fn another_container_name_replaces_and_frees_the_old_one() {
    let Some(mut both) = Both::new("rename", CHAIN) else {
        return;
    };
    both.run("up -d");
    both.edit(
        "V: '1'}",
        "V: '1'}, container_name: '${COMPOSE_PROJECT_NAME}-the-db'",
    );
    both.run("up -d");
    both.edit("-the-db", "-the-other-db");
    both.run("up -d");
    both.edit(
        ", container_name: '${COMPOSE_PROJECT_NAME}-the-other-db'",
        "",
    );
    both.run("up -d");
}

#[test]
fn what_a_variable_brings_is_a_change_like_any_other() {
    let compose = "
services:
  web: {image: busybox, command: sleep 600, stop_signal: SIGKILL, environment: ['V=${V:-none}', FROM_SHELL]}
";
    let Some(both) = Both::new("variable", compose) else {
        return;
    };
    let mut both = both.with("V", "one");
    both.run("up -d");
    let mut both = both.with("V", "two");
    both.run("up -d");
    let mut both = both.with("FROM_SHELL", "here");
    both.run("up -d");
    both.run("up -d");
}

#[test]
fn an_env_file_that_changed_replaces() {
    let compose = "
services:
  web: {image: busybox, command: sleep 600, stop_signal: SIGKILL, env_file: app.env}
";
    let Some(mut both) = Both::new("envfile", compose) else {
        return;
    };
    both.write("app.env", "A=1\n");
    both.run("up -d");
    both.write("app.env", "A=1 # the same\n");
    both.run("up -d");
    both.write("app.env", "A=2\n");
    both.run("up -d");
}

#[test]
fn order_and_form_are_no_change() {
    let compose = "
services:
  web:
    image: busybox
    command: sleep 600
    stop_signal: SIGKILL
    environment: {A: '1', B: '2'}
    labels: [x=1, y=2]
    ports: ['127.0.0.1::80']
";
    let Some(mut both) = Both::new("forms", compose) else {
        return;
    };
    both.run("up -d");
    both.write(
        "compose.yaml",
        "
services:
  web:
    stop_signal: SIGKILL
    ports: [{target: 80, host_ip: 127.0.0.1}]
    labels: {y: '2', x: '1'}
    command: [sleep, '600']
    environment: [B=2, A=1]
    image: busybox
",
    );
    both.run("up -d");
}

#[test]
fn a_replacement_has_the_number_and_name_of_what_it_replaces() {
    let Some(stack) = Stack::new("number", CHAIN) else {
        return;
    };
    stack.run(&["up", "-d", "--scale", "web=3"]).ok();
    let before = stack.ids();
    stack
        .run(&["up", "-d", "--scale", "web=3", "--force-recreate", "web"])
        .ok();
    let after = stack.ids();
    assert!(before.keys().eq(after.keys()), "{before:?} {after:?}");
    for (name, container) in stack.containers() {
        let number = &container.labels["com.docker.compose.container-number"];
        assert!(name.ends_with(&format!("-{number}")), "{name} {number}");
    }
}

#[test]
fn what_was_cut_off_from_its_network_is_replaced() {
    let Some(mut both) = Both::new("cutoff", CHAIN) else {
        return;
    };
    both.run("up -d");
    both.each(|stack| {
        let (network, container) = (
            format!("{}_default", stack.project),
            format!("{}-db-1", stack.project),
        );
        let cut = engine_call(&format!("/networks/{network}/disconnect"), &container);
        assert!(cut, "it was connected");
    });
    both.run("up -d");
}

/// Disconnects a container.
fn engine_call(path: &str, container: &str) -> bool {
    let raw = crate::raw::Raw::of_environment();
    let body = serde_json::json!({"Container": container, "Force": true});
    raw.call(&crate::raw::post(path, &body)).is_empty()
}
