//! Stacks that another tool has made: docker-compose 1.29.2 as it leaves them (its labels and
//! names were recorded from a run of it), and docker compose 2.40.3 in both directions.

use std::collections::HashMap;

use bollard::models::{
    ContainerCreateBody, EndpointSettings, HostConfig, NetworkCreateRequest, NetworkingConfig,
    VolumeCreateRequest,
};
use rcompose::engine::{ContainerState, Engine};

use crate::stack::{Stack, engine, wait};

const PAIR: &str = "
services:
  db: {image: busybox, command: sleep 600, stop_signal: SIGKILL, volumes: ['data:/d']}
  web: {image: busybox, command: sleep 600, stop_signal: SIGKILL, depends_on: [db]}
volumes: {data: }
";

fn labels(stack: &Stack, pairs: &[(&str, &str)]) -> HashMap<String, String> {
    let own = [("project", stack.project.as_str()), ("version", "1.29.2")];
    let all = own.into_iter().chain(pairs.iter().copied());
    all.map(|(key, value)| (format!("com.docker.compose.{key}"), value.to_owned()))
        .collect()
}

/// A container as 1.29.2 makes it: no label for the image or what it depends on, and names with
/// underscores.
fn container(stack: &Stack, service: &str, hash: &str, binds: &[String]) {
    let name = format!("{}_{service}_1", stack.project);
    let network = format!("{}_default", stack.project);
    let dir = stack.dir.to_string_lossy();
    let endpoint = EndpointSettings {
        aliases: Some(vec![service.to_owned()]),
        ..EndpointSettings::default()
    };
    let body = ContainerCreateBody {
        image: Some("busybox".to_owned()),
        cmd: Some(vec!["sleep".to_owned(), "600".to_owned()]),
        stop_signal: Some("SIGKILL".to_owned()),
        labels: Some(labels(
            stack,
            &[
                ("config-hash", hash),
                ("container-number", "1"),
                ("oneoff", "False"),
                ("project.config_files", "docker-compose.yml"),
                ("project.working_dir", &dir),
                ("service", service),
            ],
        )),
        host_config: Some(HostConfig {
            network_mode: Some(network.clone()),
            binds: Some(binds.to_vec()),
            ..HostConfig::default()
        }),
        networking_config: Some(NetworkingConfig {
            endpoints_config: Some(HashMap::from([(network, endpoint)])),
        }),
        ..ContainerCreateBody::default()
    };
    wait(async {
        engine().create_container(&name, None, body).await?;
        engine().start_container(&name).await
    })
    .expect("1.29.2 starts it");
}

/// What `docker-compose up -d` of 1.29.2 leaves of [`PAIR`].
fn left_by_1_29(name: &str) -> Option<Stack> {
    let stack = Stack::new(name, PAIR)?;
    let network = NetworkCreateRequest {
        name: format!("{}_default", stack.project),
        attachable: Some(true),
        labels: Some(labels(&stack, &[("network", "default")])),
        ..NetworkCreateRequest::default()
    };
    let data = format!("{}_data", stack.project);
    let volume = VolumeCreateRequest {
        name: Some(data.clone()),
        labels: Some(labels(&stack, &[("volume", "data")])),
        ..VolumeCreateRequest::default()
    };
    wait(async {
        engine().create_network(network).await?;
        engine().create_volume(volume).await
    })
    .expect("1.29.2 makes both");
    let hash = "de83e8d6a59887989c4730643c7946cf1322b6a6ed5a5d15daa31ee340f4742d";
    container(&stack, "db", hash, &[format!("{data}:/d:rw")]);
    let hash = "82e224373496c584df8bd41a099698c0518f27b51b29ea67542dea4fd8e710c2";
    container(&stack, "web", hash, &[]);
    Some(stack)
}

/// Names without the project, and states.
fn held(stack: &Stack) -> Vec<(String, ContainerState)> {
    let containers = stack.containers().into_iter();
    containers
        .map(|(name, it)| (name.replacen(&stack.project, "", 1), it.state))
        .collect()
}

fn in_db(stack: &Stack, separator: char, command: &[&str]) -> String {
    let name = format!("{}{separator}db{separator}1", stack.project);
    let command: Vec<String> = command.iter().map(ToString::to_string).collect();
    let exec = rcompose::engine::Exec::of(&command);
    let outcome = wait(async { engine().exec(&name, &exec).await }).expect("it runs");
    String::from_utf8_lossy(&outcome.output).trim().to_owned()
}

#[test]
fn a_stack_of_docker_compose_1_29_is_replaced_under_todays_names_and_keeps_its_data() {
    let Some(stack) = left_by_1_29("v1") else {
        return;
    };
    in_db(&stack, '_', &["touch", "/d/kept"]);
    let ran = stack.run(&["up", "-d"]).ok();
    assert!(!ran.stderr.contains("warning"), "{}", ran.stderr);
    let names = ["-db-1", "-web-1"].map(|name| (name.to_owned(), ContainerState::Running));
    assert_eq!(held(&stack), names);
    assert_eq!(in_db(&stack, '-', &["ls", "/d"]), "kept");
    assert_eq!(stack.networks(), [format!("{}_default", stack.project)]);
    let before = stack.ids();
    stack.run(&["up", "-d"]).ok();
    assert_eq!(stack.ids(), before, "and stays so");
}

#[test]
fn docker_compose_makes_the_same_of_a_stack_of_1_29() {
    let (Some(ours), Some(theirs)) = (left_by_1_29("v1-a"), left_by_1_29("v1-b")) else {
        return;
    };
    for step in [&["up", "-d"][..], &["stop"], &["start"], &["down", "-v"]] {
        ours.run(step).ok();
        let Some(ran) = theirs.docker_compose(step) else {
            return;
        };
        ran.ok();
        assert_eq!(held(&ours), held(&theirs), "{step:?}");
        assert_eq!(ours.networks().len(), theirs.networks().len(), "{step:?}");
        assert_eq!(ours.volumes().len(), theirs.volumes().len(), "{step:?}");
    }
}

#[test]
fn a_stack_of_1_29_stops_starts_and_goes_without_its_files() {
    let Some(stack) = left_by_1_29("v1-bare") else {
        return;
    };
    std::fs::remove_file(stack.dir.join("compose.yaml")).expect("it is there");
    let states =
        |state: ContainerState| ["_db_1", "_web_1"].map(|name| (name.to_owned(), state.clone()));
    stack.run(&["stop"]).ok();
    assert_eq!(held(&stack), states(ContainerState::Exited));
    stack.run(&["start"]).ok();
    assert_eq!(held(&stack), states(ContainerState::Running));
    stack.run(&["down", "-v"]).ok();
    assert_eq!(held(&stack), []);
    assert_eq!((stack.networks().len(), stack.volumes().len()), (0, 0));
}

#[test]
fn a_one_container_service_of_1_29_can_be_replaced_alone() {
    let Some(stack) = left_by_1_29("v1-one") else {
        return;
    };
    stack.run(&["up", "-d", "--no-deps", "web"]).ok();
    let names = ["-web-1", "_db_1"].map(|name| (name.to_owned(), ContainerState::Running));
    assert_eq!(held(&stack), names);
}

/// Whatever a network, a volume and a service can say that both tools hash.
const RICH: &str = "
services:
  db:
    image: busybox
    command: sleep 600
    stop_signal: SIGKILL
    environment: {A: b, C: '<&>'}
    labels: {x: y}
    ulimits: {nofile: 1024}
    volumes: ['data:/d', {type: tmpfs, target: /t, tmpfs: {size: 1m}}]
    networks: {back: {aliases: [store], ipv4_address: 10.213.11.5}}
  web:
    image: busybox
    command: sleep 600
    stop_signal: SIGKILL
    depends_on: {db: {condition: service_started, restart: true}}
    networks: [back, default]
networks:
  back: {internal: true, labels: {a: b}, ipam: {config: [{subnet: 10.213.11.0/24}]}}
volumes: {data: {labels: {c: d}}}
";

#[test]
fn what_docker_compose_made_is_adopted_as_it_is() {
    let Some(stack) = Stack::new("adopt", RICH) else {
        return;
    };
    let Some(ran) = stack.docker_compose(&["up", "-d"]) else {
        return;
    };
    ran.ok();
    let before = stack.ids();
    let ran = stack.run(&["up", "-d"]).ok();
    assert_eq!(stack.ids(), before, "{}", ran.stderr);
    assert!(!ran.stderr.contains("made"), "{}", ran.stderr);
}

#[test]
fn what_we_made_is_adopted_by_docker_compose() {
    let Some(stack) = Stack::new("adopted", RICH) else {
        return;
    };
    stack.run(&["up", "-d"]).ok();
    let before = stack.ids();
    let Some(ran) = stack.docker_compose(&["up", "-d"]) else {
        return;
    };
    let ran = ran.ok();
    assert_eq!(stack.ids(), before, "{}", ran.stderr);
}

#[test]
fn a_network_that_docker_compose_made_is_made_anew_when_its_file_changes() {
    let Some(stack) = Stack::new("adopt-drift", RICH) else {
        return;
    };
    let Some(ran) = stack.docker_compose(&["up", "-d"]) else {
        return;
    };
    ran.ok();
    let before = stack.ids();
    stack.edit("compose.yaml", "labels: {a: b}", "labels: {a: c}");
    let ran = stack.run(&["plan"]);
    assert!(
        ran.stdout.contains("changed: labels"),
        "{}{}",
        ran.stdout,
        ran.stderr
    );
    stack.run(&["up", "-d"]).ok();
    assert_eq!(stack.ids(), before);
    let ran = stack
        .docker_compose(&["up", "-d"])
        .expect("it was there")
        .ok();
    assert_eq!(stack.ids(), before, "{}", ran.stderr);
}
