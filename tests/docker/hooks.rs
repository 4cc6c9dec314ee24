//! Hooks around starts and stops; where docker compose runs them too, both have to end alike.

use std::collections::BTreeMap;

use rcompose::engine::{ContainerState, Engine, Exec};

use crate::both::Both;
use crate::stack::{Stack, engine, until, wait};

/// What hooks write into the volume is read by whoever mounts it later.
fn compose(hooks: &str) -> String {
    format!(
        "
services:
  db:
    image: busybox
    init: true
    command: [sleep, '600']
    stop_grace_period: 0s
    volumes: ['notes:/notes']
    {hooks}
  web:
    image: busybox
    command: [sleep, '600']
    stop_signal: SIGKILL
    volumes: ['notes:/notes']
    depends_on: [db]
volumes: {{notes: }}
"
    )
}

const NOTE: &str = "echo $$0 >> /notes/all";

fn noting(name: &str) -> String {
    format!("[{{command: [sh, -c, '{NOTE}', {name}]}}]")
}

fn states(stack: &Stack) -> BTreeMap<String, ContainerState> {
    let short = |name: &str| name.replacen(&format!("{}-", stack.project), "", 1);
    let containers = stack.containers().into_iter();
    containers
        .map(|(name, container)| (short(&name), container.state))
        .collect()
}

/// Plays steps with both tools; after each, the notes of the hooks have to be alike too.
fn alike(name: &str, compose: &str, steps: &[&[&str]]) {
    let Some(mut both) = Both::new(name, compose) else {
        return;
    };
    for step in steps {
        both.run(&step.join(" "));
        let [ours, theirs] = both.each(notes);
        assert_eq!(ours, theirs, "after {step:?}");
    }
}

/// What hooks wrote so far, by a container that is there for that alone.
fn notes(stack: &Stack) -> String {
    let volume = format!("{}_notes", stack.project);
    if !stack.volumes().contains(&volume) {
        return String::new();
    }
    let reader = format!("{}-reader", stack.project);
    let body = serde_json::json!({
        "Image": "busybox",
        "Cmd": ["sleep", "600"],
        "HostConfig": {"Binds": [format!("{volume}:/notes")]},
    });
    let body = serde_json::from_value(body).expect("a request");
    let cat = Exec::of(&["cat", "/notes/all"].map(str::to_owned));
    let outcome = wait(async {
        let engine = engine();
        engine.create_container(&reader, None, body).await?;
        engine.start_container(&reader).await?;
        let outcome = engine.exec(&reader, &cat).await;
        engine.remove_container(&reader, true, true).await?;
        outcome
    });
    let output = outcome.expect("it is read").output;
    String::from_utf8_lossy(&output).into_owned()
}

#[test]
fn hooks_run_on_up_stop_start_restart_and_down() {
    let hooks = format!(
        "post_start: {}\n    pre_stop: {}",
        noting("started"),
        noting("stopping")
    );
    alike(
        "around",
        &compose(&hooks),
        &[
            &["up", "-d"],
            &["up", "-d"],
            &["restart"],
            &["stop"],
            &["stop"],
            &["start"],
            &["down"],
        ],
    );
}

#[test]
fn a_failing_post_start_keeps_dependents_from_starting_once() {
    let hooks = "post_start: [{command: [sh, -c, 'exit 3']}, {command: [sh, -c, 'echo second >> /notes/all']}]";
    alike(
        "poststart",
        &compose(hooks),
        &[&["up", "-d"], &["up", "-d"], &["restart", "db"], &["down"]],
    );
}

#[test]
fn a_failing_pre_stop_keeps_the_container_running() {
    let hooks = "pre_stop: [{command: [sh, -c, 'exit 3']}]";
    alike(
        "prestop",
        &compose(hooks),
        &[
            &["up", "-d"],
            &["stop"],
            &["up", "-d"],
            &["restart"],
            &["down"],
        ],
    );
}

/// docker compose 2.40 takes no notice of it.
#[test]
fn a_command_that_is_not_there_fails() {
    let compose = compose("post_start: [{command: nosuchcommand}]");
    let Some(stack) = Stack::new("nocommand", &compose) else {
        return;
    };
    let ran = stack.run(&["up", "-d"]).fails();
    assert!(ran.stderr.contains("nosuchcommand"), "{}", ran.stderr);
    assert_eq!(stack.container("web-1").state, ContainerState::Created);
}

#[test]
fn a_container_that_ends_while_its_hook_runs_fails_the_run() {
    let compose = compose("post_start: [{command: [sleep, '60']}]");
    let compose = compose.replacen("[sleep, '600']", "[sleep, '1']", 1);
    let Some(stack) = Stack::new("ends", &compose) else {
        return;
    };
    stack.run(&["up", "-d"]).fails();
    assert_eq!(stack.container("web-1").state, ContainerState::Created);
}

#[test]
fn hooks_run_as_whom_and_where_they_say() {
    let hooks = "post_start:
      - command: [sh, -c, 'echo $$(id -u) $$(pwd) $$A >> /notes/all']
        user: '0'
        working_dir: /tmp
        environment: {A: b}
    user: '1000'";
    let Some(stack) = Stack::new("options", &compose(hooks)) else {
        return;
    };
    stack.run(&["up", "-d"]).ok();
    assert_eq!(notes(&stack), "0 /tmp b\n");
}

#[test]
fn pre_stop_runs_before_a_replacement_and_when_scaling_down() {
    let hooks = format!("pre_stop: {}", noting("stopping"));
    let Some(stack) = Stack::new("replaced", &compose(&hooks)) else {
        return;
    };
    stack.run(&["up", "-d", "--scale", "db=2"]).ok();
    stack.run(&["up", "-d"]).ok();
    assert_eq!(notes(&stack), "stopping\n");
    stack.run(&["up", "-d", "--force-recreate", "db"]).ok();
    assert_eq!(notes(&stack), "stopping\nstopping\n");
    let Some(ran) = stack.docker_compose(&["ps", "-q"]) else {
        return;
    };
    assert_eq!(ran.ok().stdout.lines().count(), 2);
}

#[test]
fn a_pre_stop_that_the_old_image_does_not_have_does_not_hold_a_replacement_up() {
    let Some(stack) = Stack::new("unknown", &compose("environment: {A: b}")) else {
        return;
    };
    stack.run(&["up", "-d"]).ok();
    stack.write("compose.yaml", &compose("pre_stop: [{command: /drain}]"));
    let ran = stack.run(&["up", "-d"]).ok();
    assert!(ran.stderr.contains("pre_stop"), "{}", ran.stderr);
    assert_eq!(stack.container("db-1").state, ContainerState::Running);
}

#[test]
fn an_interrupt_breaks_a_hook_off() {
    let hooks = "post_start: [{command: [sleep, '300']}]";
    let Some(stack) = Stack::new("interrupt", &compose(hooks)) else {
        return;
    };
    let mut child = stack
        .command()
        .args(["up", "-d"])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("the binary runs");
    until("the start", || {
        let running = states(&stack).get("db-1") == Some(&ContainerState::Running);
        running.then_some(())
    });
    let pid = child.id().to_string();
    let killed = std::process::Command::new("kill")
        .args(["-INT", &pid])
        .status();
    assert!(killed.expect("kill runs").success());
    let ended = until("the end", || child.try_wait().expect("a child"));
    assert_eq!(ended.code(), Some(130));
    assert_eq!(states(&stack)["web-1"], ContainerState::Created);
}

const BEFORE: &str = "pre_start:
      - command: [sh, -c, 'echo first $$A >> /notes/all']
        environment: {A: b}
      - command: [sh, -c, 'echo second $$C $$(cat /app) >> /notes/all']
        image: alpine
    environment: {C: d}
    configs: [app]";

fn before() -> String {
    compose(BEFORE) + "configs: {app: {content: 'settings'}}\n"
}

#[test]
fn pre_start_runs_once_before_the_start_in_containers_that_go() {
    let Some(stack) = Stack::new("before", &before()) else {
        return;
    };
    stack.run(&["up", "-d", "--scale", "db=2"]).ok();
    assert_eq!(notes(&stack), "first b\nsecond d settings\n");
    assert_eq!(stack.containers().len(), 3);
    stack.run(&["up", "-d", "--scale", "db=2"]).ok();
    assert_eq!(notes(&stack), "first b\nsecond d settings\n");
    stack.run(&["down"]).ok();
    assert!(stack.containers().is_empty());
}

#[test]
fn a_failing_pre_start_keeps_the_service_from_starting_and_goes_with_down() {
    let compose = before().replace("echo first $$A >> /notes/all", "echo broken; exit 4");
    let Some(stack) = Stack::new("broken", &compose) else {
        return;
    };
    let ran = stack.run(&["up", "-d"]).fails();
    assert!(ran.stderr.contains("broken"), "{}", ran.stderr);
    let found = states(&stack);
    assert_eq!(found["db-1"], ContainerState::Created);
    assert_eq!(found["db-pre_start-1"], ContainerState::Exited);
    stack.run(&["down"]).ok();
    assert!(stack.containers().is_empty() && stack.networks().is_empty());
}
