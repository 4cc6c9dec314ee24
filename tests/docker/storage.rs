//! What becomes of volumes, named and not, and of what is outside of the project.

use rcompose::engine::{Engine, Reads};

use crate::both::Both;
use crate::raw::{Raw, post};
use crate::stack::{Stack, engine, wait};

const VOLUMES: &str = "
services:
  web:
    image: busybox
    command: sleep 600
    stop_signal: SIGKILL
    environment: {V: '1'}
    volumes: ['/scratch', 'data:/data']
volumes: {data: {}}
";

fn mounted(stack: &Stack, target: &str) -> String {
    let mounts = stack.container("web-1").mounts;
    let found = mounts.into_iter().find(|mount| mount.target == target);
    found.map(|mount| mount.name).unwrap_or_default()
}

fn exists(volume: &str) -> bool {
    wait(async { engine().volume(volume).await })
        .expect("an answer")
        .is_some()
}

#[test]
fn unnamed_volumes_are_renewed_only_when_asked_and_the_old_ones_stay() {
    let Some(stack) = Stack::new("renew", VOLUMES) else {
        return;
    };
    stack.run(&["up", "-d"]).ok();
    let first = mounted(&stack, "/scratch");
    stack.run(&["up", "-d", "--force-recreate"]).ok();
    assert_eq!(mounted(&stack, "/scratch"), first);
    stack.run(&["up", "-d", "-V"]).ok();
    let second = mounted(&stack, "/scratch");
    assert_ne!(second, first);
    assert!(exists(&first), "nobody said that it may go");
    assert_eq!(mounted(&stack, "/data"), format!("{}_data", stack.project));
    stack.run(&["down", "-v"]).ok();
    assert!(!exists(&second));
    wait(async { engine().remove_volume(&first, true).await }).expect("it can go");
}

#[test]
fn an_unnamed_volume_follows_its_path_and_no_other() {
    let Some(mut both) = Both::new("path", VOLUMES) else {
        return;
    };
    both.run("up -d");
    both.edit("'/scratch'", "'/elsewhere'");
    both.run("up -d");
    both.each(|stack| {
        let mounts = stack.container("web-1").mounts;
        let mut targets: Vec<String> = mounts.into_iter().map(|it| it.target).collect();
        targets.sort();
        assert_eq!(targets, ["/data", "/elsewhere"]);
    });
    both.run("down -v -t 0");
}

#[test]
fn a_volume_that_becomes_named_is_another_one() {
    let Some(mut both) = Both::new("becomes", VOLUMES) else {
        return;
    };
    both.run("up -d");
    both.edit("'/scratch'", "'other:/scratch'");
    both.edit("volumes: {data: {}}", "volumes: {data: {}, other: {}}");
    both.run("up -d");
    both.run("down -t 0");
    both.run("up -d");
    both.run("down -v -t 0");
}

#[test]
fn a_volume_without_users_is_made_only_when_somebody_uses_it() {
    let Some(mut both) = Both::new("unused", VOLUMES) else {
        return;
    };
    both.edit(
        "volumes: {data: {}}",
        "volumes: {data: {}, unused: {}}\nnetworks: {unused: {}}",
    );
    both.run("up -d");
    both.run("down -v -t 0");
}

#[test]
fn data_in_a_named_volume_outlives_down() {
    let Some(stack) = Stack::new("outlives", VOLUMES) else {
        return;
    };
    stack.run(&["up", "-d"]).ok();
    stack.exec("web-1", &["sh", "-c", "echo kept > /data/file"]);
    stack.run(&["down"]).ok();
    stack.run(&["up", "-d"]).ok();
    assert_eq!(stack.exec("web-1", &["cat", "/data/file"]), "kept");
}

#[test]
fn what_is_outside_has_to_be_there_and_is_named_when_it_is_not() {
    for (kind, user) in [
        ("networks", "networks: [there]"),
        ("volumes", "volumes: ['there:/data']"),
    ] {
        let compose = format!(
            "
services:
  web: {{image: busybox, command: sleep 600, stop_signal: SIGKILL, {user}}}
{kind}: {{there: {{external: true, name: 'rcompose-is-nowhere'}}}}
"
        );
        let Some(stack) = Stack::new("nowhere", &compose) else {
            return;
        };
        let ran = stack.run(&["up", "-d"]).fails();
        assert!(ran.stderr.contains("rcompose-is-nowhere"), "{}", ran.stderr);
        assert!(stack.containers().is_empty(), "nothing is made");
    }
}

#[test]
fn what_is_outside_is_used_and_left_by_down() {
    let compose = "
services:
  web: {image: busybox, command: sleep 600, stop_signal: SIGKILL, networks: [there], volumes: ['there:/data']}
networks: {there: {external: true, name: '${COMPOSE_PROJECT_NAME}-net'}}
volumes: {there: {external: true, name: '${COMPOSE_PROJECT_NAME}-vol'}}
";
    let Some(stack) = Stack::new("outside", compose) else {
        return;
    };
    let (network, volume) = (
        format!("{}-net", stack.project),
        format!("{}-vol", stack.project),
    );
    let raw = Raw::of_environment();
    raw.call(&post(
        "/networks/create",
        &serde_json::json!({"Name": network}),
    ));
    raw.call(&post(
        "/volumes/create",
        &serde_json::json!({"Name": volume}),
    ));
    stack.run(&["up", "-d"]).ok();
    assert!(stack.container("web-1").networks.contains_key(&network));
    stack.run(&["down", "-v"]).ok();
    assert!(exists(&volume));
    wait(async {
        engine().remove_network(&network).await?;
        engine().remove_volume(&volume, true).await
    })
    .expect("both are there, and unused");
}

#[test]
fn a_folder_that_is_mounted_is_made_and_one_that_must_exist_is_missed() {
    let compose = "
services:
  web:
    image: busybox
    command: sleep 600
    stop_signal: SIGKILL
    volumes: ['./made:/made']
";
    let Some(mut both) = Both::new("folder", compose) else {
        return;
    };
    both.run("up -d");
    both.each(|stack| assert!(stack.dir.join("made").is_dir()));
    both.edit(
        "'./made:/made'",
        "{type: bind, source: ./missing, target: /made, bind: {create_host_path: false}}",
    );
    both.run("create");
    both.each(|stack| assert!(!stack.dir.join("missing").exists()));
}

#[test]
fn volumes_of_another_service_are_seen_under_the_same_paths() {
    let compose = "
services:
  base: {image: busybox, command: sleep 600, stop_signal: SIGKILL, volumes: [/shared]}
  near: {image: busybox, command: sleep 600, stop_signal: SIGKILL, volumes_from: [base]}
  reads: {image: busybox, command: sleep 600, stop_signal: SIGKILL, volumes_from: ['base:ro']}
";
    let Some(stack) = Stack::new("from", compose) else {
        return;
    };
    stack.run(&["up", "-d"]).ok();
    stack.exec("base-1", &["sh", "-c", "echo told > /shared/file"]);
    assert_eq!(stack.exec("near-1", &["cat", "/shared/file"]), "told");
    let refused = stack.exec("reads-1", &["sh", "-c", "echo x > /shared/file"]);
    assert!(refused.contains("Read-only"), "{refused}");
    stack.run(&["up", "-d", "--force-recreate"]).ok();
    assert_eq!(stack.exec("near-1", &["cat", "/shared/file"]), "told");
}
