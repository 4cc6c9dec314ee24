//! What users do, on a real engine, with the binary: one behaviour each, in a stack of its own.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use rcompose::engine::{ContainerState, Engine, Health, Reads};

use crate::proxy::{Proxy, over_tcp};
use crate::stack::{Stack, engine, fetch, post, until, wait};

const SLEEPER: &str = "
services:
  web:
    image: busybox
    command: [sleep, '600']
    stop_signal: SIGKILL
";

/// Waits for the page and answers the port it is on.
fn identidock_answers(stack: &Stack) -> u16 {
    let port = stack.port("identidock-1", 5000);
    until("the page", || fetch(port, "/"));
    port
}

fn picture(port: u16, name: &str) -> Vec<u8> {
    let (head, picture) = until("a picture", || fetch(port, &format!("/monster/{name}")));
    assert!(head.contains("image/png"), "{head}");
    assert!(
        picture.starts_with(b"\x89PNG\r\n\x1a\n"),
        "the picture is a PNG"
    );
    picture
}

#[test]
fn identidock_shows_a_picture_for_each_name_and_a_second_up_does_nothing() {
    let Some(mut stack) = Stack::example("identidock") else {
        return;
    };
    stack.set("IDENTIDOCK_PORT", "0");
    stack.run(&["up", "-d"]).ok();
    let port = identidock_answers(&stack);
    assert_ne!(
        picture(port, "alice"),
        picture(port, "bob"),
        "pictures differ by name"
    );

    let before = stack.ids();
    let proxy = Proxy::start(&stack.dir);
    stack.set("DOCKER_HOST", proxy.address());
    stack.run(&["up", "-d"]).ok();
    let requests = proxy.requests();
    let mut asked: Vec<&str> = requests
        .iter()
        .map(|request| {
            request
                .rsplit_once("/v1.")
                .map_or(request.as_str(), |(_, path)| path)
        })
        .map(|path| path.split_once('/').map_or(path, |(_, path)| path))
        .collect();
    asked.sort_unstable();
    let five = [
        "_ping",
        "containers/json",
        "images/json",
        "networks",
        "volumes",
    ];
    assert_eq!(asked, five, "a few lists, and nothing is changed");
    assert_eq!(before, stack.ids(), "no container was replaced");
}

#[test]
fn identidock_in_the_first_format_runs_with_its_links_and_mounted_source() {
    let Some(stack) = Stack::example("identidock") else {
        return;
    };
    std::fs::remove_file(stack.dir.join("compose.yaml")).expect("it is there");
    stack.edit("docker-compose.yml", "\"5000:5000\"", "\"127.0.0.1::5000\"");
    let ran = stack.run(&["up", "-d"]).ok();
    assert!(
        ran.stderr.contains("first Compose format"),
        "{}",
        ran.stderr
    );
    let port = identidock_answers(&stack);
    picture(port, "carol");
    // The development server serves the mounted source, not the one in the image.
    stack.edit("app/identidock.py", "Who are you?", "Who goes there?");
    until("the new greeting", || {
        let (_, page) = fetch(port, "/")?;
        String::from_utf8_lossy(&page)
            .contains("Who goes there?")
            .then_some(())
    });
}

#[test]
fn data_survives_a_rebuild_of_the_application() {
    let Some(mut stack) = Stack::example("identidock") else {
        return;
    };
    stack.set("IDENTIDOCK_PORT", "0");
    stack.run(&["up", "-d"]).ok();
    let port = identidock_answers(&stack);
    until("the form", || post(port, "/", "name=dora"));
    stack.redis("redis-1", &["set", "kept", "forever"]);
    let before = stack.ids();

    stack.edit("app/identidock.py", "Who are you?", "Who is it?");
    stack.run(&["build"]).ok();
    assert_eq!(before, stack.ids(), "building alone touches no container");
    stack.run(&["up", "-d"]).ok();

    let port = identidock_answers(&stack);
    let (_, page) = until("the page", || fetch(port, "/"));
    let page = String::from_utf8_lossy(&page).into_owned();
    assert!(page.contains("Who is it?"), "the new image runs:\n{page}");
    assert!(page.contains("dora"), "the names are remembered:\n{page}");
    assert_eq!(stack.redis("redis-1", &["get", "kept"]), "forever");
    let after = stack.ids();
    assert_ne!(
        before["identidock-1"], after["identidock-1"],
        "the application was replaced"
    );
    assert_eq!(before["redis-1"], after["redis-1"], "redis was not");
}

#[test]
fn named_and_anonymous_volumes_survive_the_replacement_of_their_container() {
    let compose = "
services:
  redis:
    image: redis:7-alpine
    command: redis-server --appendonly yes --save ''
    volumes: ['/scratch', 'named:/named']
volumes:
  named:
";
    let Some(stack) = Stack::new("volumes", compose) else {
        return;
    };
    stack.run(&["up", "-d"]).ok();
    until("redis", || {
        (stack.redis("redis-1", &["ping"]) == "PONG").then_some(())
    });
    // /data is a volume that the image declares, /scratch one that the service asks for.
    stack.redis("redis-1", &["set", "key", "value"]);
    stack.exec(
        "redis-1",
        &[
            "sh",
            "-c",
            "echo one > /scratch/file; echo two > /named/file",
        ],
    );
    let before = stack.container("redis-1");
    stack.run(&["up", "-d", "--force-recreate"]).ok();
    let after = stack.container("redis-1");
    assert_ne!(before.id, after.id);
    until("redis", || {
        (stack.redis("redis-1", &["ping"]) == "PONG").then_some(())
    });
    assert_eq!(stack.redis("redis-1", &["get", "key"]), "value");
    assert_eq!(
        stack.exec("redis-1", &["cat", "/scratch/file", "/named/file"]),
        "one\ntwo"
    );
    let mut volumes: Vec<String> = before
        .mounts
        .iter()
        .map(|mount| mount.name.clone())
        .collect();
    let mut kept: Vec<String> = after
        .mounts
        .iter()
        .map(|mount| mount.name.clone())
        .collect();
    volumes.sort();
    kept.sort();
    assert_eq!(volumes, kept);
}

#[test]
fn an_image_goes_through_the_example_registry_by_digest() {
    use futures_util::StreamExt;
    let Some(mut stack) = Stack::example("registry") else {
        return;
    };
    stack.set("REGISTRY_PORT", "0");
    stack.run(&["up", "-d", "--wait"]).ok();
    let port = stack.port("registry-1", 5000);
    let name = format!("localhost:{port}/busybox:{}", stack.project);
    wait(async {
        let engine = engine();
        engine
            .tag_image("busybox", &name)
            .await
            .expect("busybox is here");
        let mut digest = None;
        let mut answers = engine.push_image(&name).await.expect("the push begins");
        while let Some(answer) = answers.next().await {
            digest = answer.expect("the push goes on").digest.or(digest);
        }
        let digest = digest.expect("the registry tells the digest");
        engine
            .remove_image(&name, true)
            .await
            .expect("the name goes");
        let pinned = format!("localhost:{port}/busybox@{digest}");
        let mut answers = engine
            .pull_image(&pinned, None)
            .await
            .expect("the pull begins");
        while let Some(answer) = answers.next().await {
            answer.expect("the pull goes on");
        }
        assert!(
            engine.image(&pinned).await.expect("an answer").is_some(),
            "{pinned} is here"
        );
        // A service pinned to that digest runs.
        stack.write(
            "pinned.yaml",
            &format!("services:\n  web:\n    image: {pinned}\n    command: 'true'\n"),
        );
        stack.run(&["-f", "pinned.yaml", "up", "-d"]).ok();
        stack.run(&["-f", "pinned.yaml", "rm", "-sf", "web"]).ok();
        engine
            .remove_image(&pinned, true)
            .await
            .expect("the image goes");
    });
    assert_eq!(
        stack.volumes(),
        [format!("{}_registry-data", stack.project)]
    );
}

#[test]
fn the_embedded_example_brings_its_stack_up_talks_to_it_and_takes_it_down() {
    if Stack::empty("embed").is_none() {
        return;
    }
    let talked = wait(async {
        crate::embed::bring_up_talk_and_take_down()
            .await
            .map_err(|error| error.to_string())
    });
    talked.expect("the example works");
}

#[test]
fn docker_compose_sees_and_removes_what_up_made() {
    let Some(stack) = Stack::new("ours", SLEEPER) else {
        return;
    };
    stack.run(&["up", "-d"]).ok();
    let id = stack.container("web-1").id;
    let Some(listed) = stack.docker_compose(&["ps", "--format", "json"]) else {
        return;
    };
    assert!(
        listed
            .ok()
            .stdout
            .contains(&format!("\"Name\":\"{}-web-1\"", stack.project))
    );
    stack
        .docker_compose(&["up", "-d"])
        .expect("it is installed")
        .ok();
    assert_eq!(
        id,
        stack.container("web-1").id,
        "docker compose keeps the container"
    );
    stack
        .docker_compose(&["down", "-t", "0"])
        .expect("it is installed")
        .ok();
    assert!(stack.containers().is_empty());
    assert!(stack.networks().is_empty());
}

#[test]
fn what_docker_compose_made_is_kept_seen_and_removed() {
    let Some(stack) = Stack::new("theirs", SLEEPER) else {
        return;
    };
    let Some(made) = stack.docker_compose(&["up", "-d"]) else {
        return;
    };
    made.ok();
    let id = stack.container("web-1").id;
    let planned = stack.run(&["plan"]).ok();
    assert!(
        planned.stdout.contains("Nothing to do"),
        "{}",
        planned.stdout
    );
    stack.run(&["up", "-d"]).ok();
    assert_eq!(id, stack.container("web-1").id);
    assert!(stack.run(&["ps"]).ok().stdout.contains("web-1"));
    stack.run(&["down", "-t", "0"]).ok();
    assert!(stack.containers().is_empty());
    assert!(stack.networks().is_empty());
}

#[test]
fn plan_tells_what_up_would_do_and_by_its_exit_code_whether_there_is_anything() {
    let Some(stack) = Stack::new("plan", SLEEPER) else {
        return;
    };
    let planned = stack.run(&["plan"]);
    assert_eq!(planned.code, 2, "{}", planned.stderr);
    assert!(stack.containers().is_empty(), "planning makes nothing");
    stack.run(&["up", "-d"]).ok();
    stack.run(&["plan"]).ok();
    stack.edit("compose.yaml", "'600'", "'601'");
    let planned = stack.run(&["plan"]);
    assert_eq!(planned.code, 2);
    assert!(
        planned.stdout.contains("command"),
        "the changed attribute is named:\n{}",
        planned.stdout
    );
}

#[test]
fn containers_are_stopped_started_restarted_and_removed() {
    let Some(stack) = Stack::new("life", SLEEPER) else {
        return;
    };
    let state = || stack.container("web-1").state;
    stack.run(&["up", "-d"]).ok();
    assert_eq!(state(), ContainerState::Running);
    stack.run(&["stop"]).ok();
    assert_eq!(state(), ContainerState::Exited);
    stack.run(&["start"]).ok();
    assert_eq!(state(), ContainerState::Running);
    let started = |stack: &Stack| {
        let name = format!("{}-web-1", stack.project);
        let detail = wait(async { engine().container(&name).await }).expect("an answer");
        detail.expect("it is there").started_at
    };
    let before = started(&stack);
    stack.run(&["restart", "-t", "0"]).ok();
    assert_ne!(before, started(&stack));
    stack.run(&["rm", "-f"]).ok();
    assert_eq!(
        state(),
        ContainerState::Running,
        "rm leaves what runs alone"
    );
    stack.run(&["rm", "-f", "-s", "-v"]).ok();
    assert!(stack.containers().is_empty());
}

#[test]
fn scaling_goes_up_and_down_and_orphans_go_when_asked() {
    let Some(stack) = Stack::new("scale", SLEEPER) else {
        return;
    };
    stack.run(&["up", "-d", "--scale", "web=3"]).ok();
    assert_eq!(stack.containers().len(), 3);
    stack.run(&["up", "-d", "--scale", "web=1"]).ok();
    let left: Vec<String> = stack.containers().into_keys().collect();
    assert_eq!(
        left,
        [format!("{}-web-1", stack.project)],
        "the first one stays"
    );
    stack.edit("compose.yaml", "  web:", "  other:");
    let ran = stack.run(&["up", "-d"]).ok();
    assert!(ran.stderr.contains("orphan"), "{}", ran.stderr);
    assert_eq!(stack.containers().len(), 2);
    stack.run(&["up", "-d", "--remove-orphans"]).ok();
    let left: Vec<String> = stack.containers().into_keys().collect();
    assert_eq!(left, [format!("{}-other-1", stack.project)]);
}

#[test]
fn down_takes_volumes_along_only_when_asked() {
    let compose = format!("{SLEEPER}    volumes: ['data:/data']\nvolumes:\n  data:\n");
    let Some(stack) = Stack::new("down", &compose) else {
        return;
    };
    stack.run(&["up", "-d"]).ok();
    stack.run(&["down"]).ok();
    assert_eq!(stack.volumes(), [format!("{}_data", stack.project)]);
    assert!(stack.networks().is_empty());
    stack.run(&["down", "-v"]).ok();
    assert!(stack.volumes().is_empty());
}

#[test]
fn only_the_named_service_comes_up_without_its_dependencies_when_asked() {
    let compose = "
services:
  db: &sleeper
    image: busybox
    command: [sleep, '600']
    stop_signal: SIGKILL
  web:
    <<: *sleeper
    depends_on: [db]
  other:
    <<: *sleeper
";
    let Some(stack) = Stack::new("deps", compose) else {
        return;
    };
    let names = || {
        stack
            .containers()
            .into_values()
            .map(|container| container.labels["com.docker.compose.service"].clone())
            .collect::<Vec<_>>()
    };
    stack.run(&["up", "-d", "--no-deps", "web"]).ok();
    assert_eq!(names(), ["web"]);
    stack.run(&["up", "-d", "web"]).ok();
    assert_eq!(names(), ["db", "web"]);
}

#[test]
fn a_dependent_starts_only_when_what_it_needs_is_healthy_or_done() {
    let compose = "
services:
  init:
    image: busybox
    command: sh -c 'sleep 1; echo done > /shared/init'
    volumes: ['shared:/shared']
  db:
    image: busybox
    command: sh -c 'sleep 1; touch /ready; sleep 600'
    stop_signal: SIGKILL
    healthcheck:
      test: [CMD, test, -f, /ready]
      interval: 200ms
      retries: 50
  web:
    image: busybox
    command: sh -c 'cat /shared/init; sleep 600'
    stop_signal: SIGKILL
    volumes: ['shared:/shared']
    depends_on:
      init: {condition: service_completed_successfully}
      db: {condition: service_healthy}
volumes:
  shared:
";
    let Some(stack) = Stack::new("order", compose) else {
        return;
    };
    stack.run(&["up", "-d"]).ok();
    let logs = until("the log", || {
        Some(stack.run(&["logs", "--no-log-prefix", "web"]).ok().stdout)
            .filter(|logs| !logs.is_empty())
    });
    assert_eq!(logs, "done\n");
}

#[test]
fn logs_show_the_last_lines_with_prefix_time_or_neither() {
    let compose = "
services:
  web:
    image: busybox
    command: sh -c 'echo one; echo two; echo three >&2'
  counts:
    image: busybox
    command: sh -c 'echo a; echo b; echo c'
";
    let Some(stack) = Stack::new("logs", compose) else {
        return;
    };
    stack.run(&["up", "-d"]).ok();
    until("the end", || {
        let ended = |name| stack.container(name).state == ContainerState::Exited;
        (ended("web-1") && ended("counts-1")).then_some(())
    });
    let ran = stack.run(&["logs", "web"]).ok();
    assert_eq!(ran.stdout, "web-1  | one\nweb-1  | two\n");
    assert_eq!(ran.stderr, "web-1  | three\n");
    let last = stack
        .run(&["logs", "--no-log-prefix", "-n", "2", "counts"])
        .ok();
    assert_eq!(last.stdout, "b\nc\n");
    let timed = stack.run(&["logs", "-t", "--no-log-prefix"]).ok().stdout;
    assert!(
        timed
            .lines()
            .all(|line| line.starts_with("20") && line.contains("Z ")),
        "{timed}"
    );
    let followed = stack.run(&["logs", "-f", "web"]).ok();
    assert_eq!(
        followed.stdout, "web-1  | one\nweb-1  | two\n",
        "following ends with the container"
    );
}

#[test]
fn attached_up_shows_output_and_an_interrupt_stops_the_stack() {
    let compose = "
services:
  web:
    image: busybox
    command: sh -c 'echo hello; trap \"exit 0\" TERM; while true; do sleep 0.1; done'
";
    let Some(stack) = Stack::new("attached", compose) else {
        return;
    };
    let mut child = stack
        .command()
        .arg("up")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let hello = lines.find(|line| line.as_ref().is_ok_and(|line| line.contains("hello")));
    assert_eq!(
        hello
            .expect("the container's output is shown")
            .expect("it is text"),
        "web-1  | hello"
    );
    Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .expect("kill is there");
    let status = child.wait().expect("it ends");
    assert_eq!(status.code(), Some(130));
    assert_eq!(stack.container("web-1").state, ContainerState::Exited);
}

#[test]
fn attached_up_ends_when_all_containers_have() {
    let compose = "
services:
  one: {image: busybox, command: echo first}
  two: {image: busybox, command: echo second}
";
    let Some(stack) = Stack::new("ends", compose) else {
        return;
    };
    let ran = stack.run(&["up"]).ok();
    assert!(ran.stdout.contains("one-1  | first\n"), "{}", ran.stdout);
    assert!(ran.stdout.contains("two-1  | second\n"), "{}", ran.stdout);
    assert!(
        ran.stdout.contains("one-1 exited with code 0"),
        "{}",
        ran.stdout
    );
}

#[test]
fn a_failing_build_shows_its_output_and_leaves_the_running_stack_alone() {
    let compose = "
services:
  web:
    build: .
    command: [sleep, '600']
    stop_signal: SIGKILL
";
    let Some(stack) = Stack::new("badbuild", compose) else {
        return;
    };
    stack.write("Dockerfile", "FROM busybox\nRUN echo fine > /file\n");
    stack.run(&["up", "-d"]).ok();
    let before = stack.ids();
    stack.write(
        "Dockerfile",
        "FROM busybox\nRUN echo this went wrong && exit 7\n",
    );
    let ran = stack.run(&["up", "-d", "--build"]).fails();
    assert!(ran.stderr.contains("this went wrong"), "{}", ran.stderr);
    assert!(ran.stderr.contains('7'), "{}", ran.stderr);
    assert_eq!(before, stack.ids());
}

#[test]
fn an_image_that_cannot_be_had_is_named_and_the_next_up_goes_on() {
    let compose = format!("{SLEEPER}  bad:\n    image: localhost:1/nowhere/nothing:none\n");
    let Some(stack) = Stack::new("noimage", &compose) else {
        return;
    };
    let ran = stack.run(&["up", "-d"]).fails();
    assert!(
        ran.stderr.contains("localhost:1/nowhere/nothing:none"),
        "{}",
        ran.stderr
    );
    stack.edit(
        "compose.yaml",
        "localhost:1/nowhere/nothing:none",
        "busybox",
    );
    stack.run(&["up", "-d"]).ok();
    assert_eq!(stack.containers().len(), 2);
}

#[test]
fn a_taken_port_is_named_with_its_holder_and_the_next_up_goes_on() {
    let compose = format!("{SLEEPER}    ports: ['127.0.0.1::80']\n");
    let Some(holder) = Stack::new("holder", &compose) else {
        return;
    };
    holder.run(&["up", "-d"]).ok();
    let port = holder.port("web-1", 80);
    let Some(stack) = Stack::new(
        "late",
        &format!("{SLEEPER}    ports: ['127.0.0.1:{port}:80']\n"),
    ) else {
        return;
    };
    let ran = stack.run(&["up", "-d"]).fails();
    assert!(
        ran.stderr.contains(&format!("{}-web-1", holder.project)),
        "{}",
        ran.stderr
    );
    holder.run(&["down", "-t", "0"]).ok();
    stack.run(&["up", "-d"]).ok();
    assert_eq!(stack.port("web-1", 80), port);
}

#[test]
fn an_unreachable_engine_is_named_with_its_address() {
    let Some(mut stack) = Stack::new("away", SLEEPER) else {
        return;
    };
    stack.set("DOCKER_HOST", "unix:///nowhere/docker.sock");
    let ran = stack.run(&["up", "-d"]).fails();
    assert!(
        ran.stderr.contains("/nowhere/docker.sock"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_replacement_that_was_broken_off_is_finished_by_the_next_up() {
    let Some(stack) = Stack::new("debris", SLEEPER) else {
        return;
    };
    stack.run(&["up", "-d"]).ok();
    let old = stack.container("web-1");
    let name = format!("{}-web-1", stack.project);
    let prefix = &old.id[..12];
    // As a run that was killed between removing the old one and renaming the new one leaves it.
    wait(async {
        engine()
            .rename_container(&name, &format!("{prefix}_{name}"))
            .await
    })
    .expect("it is renamed");
    stack.run(&["up", "-d"]).ok();
    let names: Vec<String> = stack.containers().into_keys().collect();
    assert_eq!(names, [name]);
}

#[test]
fn a_dependency_that_is_ready_is_passed_before_the_engine_looks_for_the_first_time() {
    let compose = "
services:
  db:
    image: busybox
    command: sh -c 'sleep 1; touch /ready; sleep 600'
    stop_signal: SIGKILL
    healthcheck:
      test: test -f /ready
      interval: 10m
  web:
    image: busybox
    command: sleep 600
    stop_signal: SIGKILL
    depends_on:
      db: {condition: service_healthy}
";
    let Some(stack) = Stack::new("probe", compose) else {
        return;
    };
    stack.run(&["up", "-d"]).ok();
    assert_eq!(stack.container("web-1").state, ContainerState::Running);
    assert_eq!(
        stack.container("db-1").health(),
        Some(Health::Starting),
        "the engine has not looked yet"
    );
    assert_eq!(stack.exec("db-1", &["ls", "/ready"]), "/ready");
}

#[test]
fn an_engine_is_reached_over_tcp_too() {
    let compose = "
services:
  web: {image: busybox, command: echo over tcp}
";
    let Some(mut stack) = Stack::new("tcp", compose) else {
        return;
    };
    stack.set("DOCKER_HOST", over_tcp());
    let ran = stack.run(&["up"]).ok();
    assert!(ran.stdout.contains("web-1  | over tcp\n"), "{}", ran.stdout);
    stack.run(&["down"]).ok();
    assert!(stack.containers().is_empty());
}

#[test]
fn the_time_given_to_stop_reaches_the_engine_from_every_command_that_takes_one() {
    let Some(mut stack) = Stack::new("time", SLEEPER) else {
        return;
    };
    let proxy = Proxy::start(&stack.dir);
    stack.set("DOCKER_HOST", proxy.address());
    stack.run(&["up", "-d"]).ok();
    stack.run(&["restart", "-t", "2"]).ok();
    stack.run(&["up", "-d", "--force-recreate", "-t", "3"]).ok();
    stack.run(&["stop", "-t", "4"]).ok();
    stack.run(&["start"]).ok();
    stack.run(&["down", "-t", "5"]).ok();
    assert_eq!(
        proxy.timeouts(),
        ["restart?t=2", "stop?t=3", "stop?t=4", "stop?t=5"]
    );
}

#[test]
fn rm_takes_anonymous_volumes_along_only_when_asked() {
    let compose = format!("{SLEEPER}    volumes: ['/scratch']\n");
    let Some(stack) = Stack::new("rm", &compose) else {
        return;
    };
    let exists = |volume: &str| {
        wait(async { engine().volume(volume).await })
            .expect("an answer")
            .is_some()
    };
    let volume = || stack.container("web-1").mounts[0].name.clone();
    stack.run(&["up", "-d"]).ok();
    let kept = volume();
    stack.run(&["rm", "-f", "-s"]).ok();
    assert!(exists(&kept));
    stack.run(&["up", "-d"]).ok();
    let removed = volume();
    stack.run(&["rm", "-f", "-s", "-v"]).ok();
    assert!(!exists(&removed));
    wait(async { engine().remove_volume(&kept, true).await }).expect("it can go");
}
