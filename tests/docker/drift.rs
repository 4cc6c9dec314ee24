//! Networks and volumes whose files have changed since they were made, on a real engine. Where
//! docker compose comes to an end at all, both keep the same containers.

use bollard::models::{ContainerCreateBody, HostConfig, NetworkCreateRequest, VolumeCreateRequest};
use rcompose::engine::{ContainerState, Engine, Reads};
use serde_json::Value;

use crate::stack::{Stack, engine, until, wait};

const ONE: &str = "
services:
  web:
    image: busybox
    command: [sleep, '600']
    stop_signal: SIGKILL
    networks: {front: {aliases: [www], priority: 5}, back: }
    depends_on: [db]
  db:
    image: busybox
    command: [sleep, '600']
    stop_signal: SIGKILL
    networks: [back]
networks:
  front: {labels: {made: once}}
  back: {}
";

/// A container in full.
fn detail(stack: &Stack, name: &str) -> Value {
    let full = format!("{}-{name}", stack.project);
    let found = wait(async { engine().container(&full).await }).expect("the engine answers");
    found.expect("it is there").raw
}

/// A container's place in one of its stack's networks.
fn place(stack: &Stack, name: &str, network: &str) -> Value {
    let full = format!("{}_{network}", stack.project);
    detail(stack, name)["NetworkSettings"]["Networks"][full].clone()
}

fn network(name: &str) -> Option<rcompose::engine::Network> {
    wait(async { engine().network(name).await }).expect("the engine answers")
}

fn all_run(stack: &Stack) {
    for (name, container) in stack.containers() {
        assert_eq!(container.state, ContainerState::Running, "{name}");
    }
}

/// A container that belongs to nobody, in a network.
fn stranger(name: &str, network: &str) {
    let body = ContainerCreateBody {
        image: Some("busybox".to_owned()),
        cmd: Some(vec!["sleep".to_owned(), "600".to_owned()]),
        host_config: Some(HostConfig {
            network_mode: Some(network.to_owned()),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    };
    wait(async {
        engine().create_container(name, None, body).await?;
        engine().start_container(name).await
    })
    .expect("the stranger starts");
}

fn remove(name: &str) {
    let gone = wait(async { engine().remove_container(name, true, true).await });
    gone.expect("it can be removed");
}

#[test]
fn a_network_that_differs_is_made_anew_under_the_same_containers() {
    let Some(stack) = Stack::new("renewed", ONE) else {
        return;
    };
    stack.run(&["up", "-d"]).ok();
    let before = stack.ids();
    stack.edit("compose.yaml", "made: once", "made: twice");
    let ran = stack.run(&["up", "-d"]).ok();
    assert_eq!(stack.ids(), before, "{}", ran.stderr);
    all_run(&stack);
    let front = network(&format!("{}_front", stack.project)).expect("it is there");
    assert_eq!(front.labels["made"], "twice");
    let aliases = place(&stack, "web-1", "front")["Aliases"].to_string();
    assert!(
        aliases.contains("www") && aliases.contains("web"),
        "{aliases}"
    );
    assert_eq!(
        stack
            .exec("web-1", &["ping", "-c1", "-q", "db"])
            .lines()
            .next()
            .map(|it| it.starts_with("PING db")),
        Some(true)
    );
    let again = stack.run(&["plan", "--json"]).ok();
    let plan: Value = serde_json::from_str(&again.stdout).expect("the plan is JSON");
    assert_eq!(plan["steps"], serde_json::json!([]), "{plan}");
}

#[test]
fn docker_compose_keeps_the_same_containers_too() {
    let (Some(ours), Some(theirs)) = (Stack::new("drift-a", ONE), Stack::new("drift-b", ONE))
    else {
        return;
    };
    ours.run(&["up", "-d"]).ok();
    let Some(ran) = theirs.docker_compose(&["up", "-d"]) else {
        return;
    };
    ran.ok();
    let before = (ours.ids(), theirs.ids());
    for stack in [&ours, &theirs] {
        stack.edit("compose.yaml", "made: once", "made: twice");
    }
    ours.run(&["up", "-d"]).ok();
    theirs
        .docker_compose(&["up", "-d"])
        .expect("it was there")
        .ok();
    assert_eq!((ours.ids(), theirs.ids()), before);
    for stack in [&ours, &theirs] {
        all_run(stack);
        let front = network(&format!("{}_front", stack.project)).expect("it is there");
        assert_eq!(front.labels["made"], "twice");
    }
    // What docker compose loses, and we keep.
    let aliases = |stack: &Stack| place(stack, "web-1", "front")["Aliases"].to_string();
    assert!(!aliases(&theirs).contains("www"), "{}", aliases(&theirs));
    assert!(aliases(&ours).contains("www"), "{}", aliases(&ours));
}

#[test]
fn fixed_and_hardware_addresses_links_and_options_outlive_a_new_network() {
    let Some(stack) = Stack::new(
        "addresses",
        "
services:
  web:
    image: busybox
    command: [sleep, '600']
    stop_signal: SIGKILL
    mac_address: '02:42:ac:11:65:43'
    links: ['db:store']
    networks: {front: {ipv4_address: 10.213.7.9}}
  db: {image: busybox, command: [sleep, '600'], stop_signal: SIGKILL, networks: [front]}
networks:
  front: {internal: false, ipam: {config: [{subnet: 10.213.7.0/24}]}}
",
    ) else {
        return;
    };
    stack.run(&["up", "-d"]).ok();
    let before = (stack.ids(), place(&stack, "web-1", "front"));
    stack.edit("compose.yaml", "internal: false", "internal: true");
    stack.run(&["up", "-d"]).ok();
    let after = place(&stack, "web-1", "front");
    assert!(
        network(&format!("{}_front", stack.project))
            .expect("it is there")
            .internal
    );
    for key in ["IPAddress", "MacAddress", "IPAMConfig", "Links"] {
        assert_eq!(after[key], before.1[key], "{key}");
    }
    assert_eq!(after["IPAddress"], "10.213.7.9");
    assert_eq!(after["MacAddress"], "02:42:ac:11:65:43");
    let api = wait(async { engine().info().await })
        .expect("it answers")
        .api;
    if api < rcompose::engine::ApiVersion::new(1, 44) {
        assert_eq!(stack.ids(), before.0);
    }
}

#[test]
fn a_new_subnet_gives_new_addresses_to_the_same_containers() {
    let Some(stack) = Stack::new(
        "subnet",
        &ONE.replace(
            "labels: {made: once}",
            "ipam: {config: [{subnet: 10.213.8.0/24}]}",
        ),
    ) else {
        return;
    };
    stack.run(&["up", "-d"]).ok();
    let before = stack.ids();
    stack.edit("compose.yaml", "10.213.8.0/24", "10.213.9.0/24");
    stack.run(&["up", "-d"]).ok();
    assert_eq!(stack.ids(), before);
    let address = place(&stack, "web-1", "front")["IPAddress"].to_string();
    assert!(address.starts_with("\"10.213.9."), "{address}");
}

#[test]
fn services_that_are_not_asked_for_are_taken_along_and_run_again() {
    let Some(stack) = Stack::new("along", ONE) else {
        return;
    };
    stack.run(&["up", "-d"]).ok();
    let before = stack.ids();
    stack.edit("compose.yaml", "back: {}", "back: {internal: true}");
    stack.run(&["up", "-d", "db"]).ok();
    assert_eq!(stack.ids(), before);
    all_run(&stack);
    assert!(!place(&stack, "web-1", "back").is_null());
}

#[test]
fn a_stopped_container_is_moved_to_the_new_network_and_starts() {
    let Some(stack) = Stack::new("stopped", ONE) else {
        return;
    };
    stack.run(&["up", "-d"]).ok();
    let before = stack.ids();
    stack.run(&["stop"]).ok();
    stack.edit("compose.yaml", "made: once", "made: twice");
    stack.run(&["up", "-d"]).ok();
    assert_eq!(stack.ids(), before);
    all_run(&stack);
}

#[test]
fn strangers_in_a_network_are_named_and_nothing_is_stopped() {
    let Some(stack) = Stack::new("strangers", ONE) else {
        return;
    };
    stack.run(&["up", "-d"]).ok();
    let name = format!("{}_front", stack.project);
    let stranger_name = format!("{}-stranger", stack.project);
    stranger(&stranger_name, &name);
    let started = |name: &str| detail(&stack, name)["State"]["StartedAt"].clone();
    let before = (stack.ids(), started("web-1"), started("db-1"));
    stack.edit("compose.yaml", "made: once", "made: twice");
    let ran = stack.run(&["up", "-d"]);
    let after = (stack.ids(), started("web-1"), started("db-1"));
    remove(&stranger_name);
    let ran = ran.fails();
    assert!(ran.stderr.contains(&stranger_name), "{}", ran.stderr);
    assert!(ran.stderr.contains("compose.yaml:"), "{}", ran.stderr);
    assert_eq!(after, before);
    stack.run(&["up", "-d"]).ok();
    all_run(&stack);
}

#[test]
fn a_run_that_was_cut_off_in_between_is_gone_on_with() {
    let Some(stack) = Stack::new("cut", ONE) else {
        return;
    };
    stack.run(&["up", "-d"]).ok();
    let before = stack.ids();
    stack.edit("compose.yaml", "made: once", "made: twice");
    // As far as a run gets that is killed right after it has removed the network.
    let (front, web) = (
        format!("{}_front", stack.project),
        format!("{}-web-1", stack.project),
    );
    wait(async {
        engine().stop_container(&web, None).await?;
        engine().disconnect_network(&front, &web, true).await?;
        engine().remove_network(&front).await
    })
    .expect("it can be taken apart");
    stack.run(&["up", "-d"]).ok();
    assert_eq!(stack.ids(), before);
    all_run(&stack);
    assert!(
        place(&stack, "web-1", "front")["Aliases"]
            .to_string()
            .contains("www")
    );
}

#[test]
fn who_shares_the_network_of_a_container_restarts_along() {
    let Some(stack) = Stack::new(
        "shared",
        "
services:
  db: {image: busybox, command: [sleep, '600'], stop_signal: SIGKILL, networks: [back]}
  side: {image: busybox, command: [sleep, '600'], stop_signal: SIGKILL, network_mode: 'service:db'}
networks: {back: {internal: false}}
",
    ) else {
        return;
    };
    stack.run(&["up", "-d"]).ok();
    let before = stack.ids();
    stack.edit("compose.yaml", "internal: false", "internal: true");
    stack.run(&["up", "-d"]).ok();
    assert_eq!(stack.ids(), before);
    let address = |name: &str| stack.exec(name, &["ip", "-4", "addr", "show", "eth0"]);
    let own = address("db-1");
    assert!(own.contains("inet "), "{own}");
    assert_eq!(own, address("side-1"));
}

#[test]
fn a_network_under_a_new_name_replaces_and_the_old_one_goes() {
    let Some(stack) = Stack::new("renamed", ONE) else {
        return;
    };
    stack.run(&["up", "-d"]).ok();
    let before = stack.ids();
    let name = format!("{}-new", stack.project);
    stack.edit(
        "compose.yaml",
        "labels: {made: once}",
        &format!("name: {name}"),
    );
    stack.run(&["up", "-d"]).ok();
    let after = stack.ids();
    assert_ne!(after["web-1"], before["web-1"]);
    assert_eq!(after["db-1"], before["db-1"]);
    let mut networks = stack.networks();
    networks.sort();
    assert_eq!(networks, [name, format!("{}_back", stack.project)]);
    all_run(&stack);
}

#[test]
fn a_network_under_a_new_name_takes_the_addresses_of_the_old_one() {
    let Some(stack) = Stack::new(
        "renamed-subnet",
        &ONE.replace(
            "labels: {made: once}",
            "name: NAME, ipam: {config: [{subnet: 10.213.10.0/24}]}",
        ),
    ) else {
        return;
    };
    let name = |number: u8| format!("{}-{number}", stack.project);
    stack.edit("compose.yaml", "NAME", &name(1));
    stack.run(&["up", "-d"]).ok();
    stack.edit("compose.yaml", &name(1), &name(2));
    stack.run(&["up", "-d"]).ok();
    all_run(&stack);
    assert!(network(&name(1)).is_none());
    assert!(network(&name(2)).is_some());
}

#[test]
fn a_volume_that_differs_keeps_its_data_whatever_is_said_yes_to() {
    let Some(stack) = Stack::new(
        "volume",
        "
services:
  db: {image: busybox, command: [sleep, '600'], stop_signal: SIGKILL, volumes: ['data:/data']}
volumes: {data: {labels: {made: once}}}
",
    ) else {
        return;
    };
    stack.run(&["up", "-d"]).ok();
    stack.exec("db-1", &["touch", "/data/kept"]);
    let before = stack.ids();
    stack.edit("compose.yaml", "made: once", "made: twice");
    let ran = stack.run(&["up", "-d", "-y"]).ok();
    assert!(ran.stderr.contains("--allow-data-loss"), "{}", ran.stderr);
    assert_eq!(stack.ids(), before);
    assert_eq!(stack.exec("db-1", &["ls", "/data"]), "kept");
    let other = format!("{}_other", stack.project);
    stack.edit(
        "compose.yaml",
        "labels: {made: twice}",
        &format!("name: {other}"),
    );
    let ran = stack.run(&["up", "-d", "-y"]).ok();
    assert!(ran.stderr.contains("stays with its data"), "{}", ran.stderr);
    assert_eq!(stack.exec("db-1", &["ls", "/data"]), "");
    assert_eq!(stack.volumes().len(), 2);
}

#[test]
fn what_exists_by_name_without_our_label_is_used_with_a_warning() {
    let Some(stack) = Stack::new("adopted", "
services:
  web: {image: busybox, command: [sleep, '600'], stop_signal: SIGKILL, networks: [n], volumes: ['data:/data']}
networks: {n: }
volumes: {data: }
") else {
        return;
    };
    let (n, data) = (
        format!("{}_n", stack.project),
        format!("{}_data", stack.project),
    );
    wait(async {
        let body = NetworkCreateRequest {
            name: n.clone(),
            ..NetworkCreateRequest::default()
        };
        engine().create_network(body).await?;
        let body = VolumeCreateRequest {
            name: Some(data.clone()),
            ..VolumeCreateRequest::default()
        };
        engine().create_volume(body).await
    })
    .expect("both can be made");
    let ran = stack.run(&["up", "-d"]);
    let down = stack.run(&["down", "-v"]);
    let left = (
        network(&n).is_some(),
        wait(async { engine().volume(&data).await }),
    );
    wait(async {
        engine().remove_network(&n).await?;
        engine().remove_volume(&data, true).await
    })
    .expect("both are still there");
    let ran = ran.ok();
    down.ok();
    for name in [&n, &data] {
        let told = format!("{name} was not made by Compose and is used as it is");
        assert!(ran.stderr.contains(&told), "{}", ran.stderr);
    }
    assert!(
        left.0 && left.1.is_ok_and(|it| it.is_some()),
        "what is not ours stays"
    );
}

#[test]
fn the_engines_own_networks_can_be_named_as_external() {
    let Some(stack) = Stack::new(
        "predefined",
        "
services:
  host: {image: busybox, command: [sleep, '600'], stop_signal: SIGKILL, networks: [h]}
  bridge: {image: busybox, command: [sleep, '600'], stop_signal: SIGKILL, networks: [b]}
networks:
  h: {external: true, name: host}
  b: {external: true, name: bridge}
",
    ) else {
        return;
    };
    stack.run(&["up", "-d"]).ok();
    all_run(&stack);
    assert_eq!(stack.container("host-1").network_mode, "host");
}

#[test]
fn a_name_that_somebody_else_has_is_told_before_anything_is_stopped() {
    let Some(stack) = Stack::new("taken", ONE) else {
        return;
    };
    stack.run(&["up", "-d"]).ok();
    let name = format!("{}-taken", stack.project);
    stranger(&name, "bridge");
    let before = stack.ids();
    stack.edit("compose.yaml", "made: once", "made: twice");
    stack.edit(
        "compose.yaml",
        "  db:\n",
        &format!("  db:\n    container_name: {name}\n"),
    );
    let ran = stack.run(&["up", "-d"]);
    let after = stack.ids();
    remove(&name);
    let ran = ran.fails();
    assert!(ran.stderr.contains(&name), "{}", ran.stderr);
    assert_eq!(after, before);
    all_run(&stack);
}

#[test]
fn without_files_the_labels_say_what_waits_for_what_and_down_leaves_nothing() {
    let Some(stack) = Stack::new(
        "labels",
        "
services:
  db:
    image: busybox
    command: [sh, -c, 'rm -f /up; sleep 1; touch /up; exec sleep 600']
    stop_signal: SIGKILL
    healthcheck: {test: [CMD, test, -e, /up], interval: 1s}
    volumes: ['data:/data']
  web:
    image: busybox
    command: [sleep, '600']
    stop_signal: SIGKILL
    depends_on: {db: {condition: service_healthy, restart: true}}
volumes: {data: }
",
    ) else {
        return;
    };
    stack.run(&["up", "-d"]).ok();
    stack.run(&["stop"]).ok();
    std::fs::remove_file(stack.dir.join("compose.yaml")).expect("it is there");
    stack.run(&["start", "web"]).ok();
    all_run(&stack);
    let health = detail(&stack, "db-1")["State"]["Health"]["Status"].clone();
    assert_eq!(health, "healthy", "web was started after that");
    let started = |name: &str| detail(&stack, name)["State"]["StartedAt"].to_string();
    let before = started("web-1");
    stack.run(&["restart", "db"]).ok();
    assert!(started("web-1") > before, "it restarts along");
    stack.run(&["down", "-v"]).ok();
    until("all is gone", || {
        let left = (
            stack.ids().len(),
            stack.networks().len(),
            stack.volumes().len(),
        );
        (left == (0, 0, 0)).then_some(())
    });
}

#[test]
fn a_container_that_was_renamed_by_hand_stays_until_it_has_to_be_replaced() {
    let Some(stack) = Stack::new("by-hand", ONE) else {
        return;
    };
    stack.run(&["up", "-d"]).ok();
    let (old, new) = (
        format!("{}-db-1", stack.project),
        format!("{}-mine", stack.project),
    );
    wait(async { engine().rename_container(&old, &new).await }).expect("it can be renamed");
    let before = stack.ids();
    stack.run(&["up", "-d"]).ok();
    assert_eq!(stack.ids(), before);
    stack.run(&["up", "-d", "--force-recreate"]).ok();
    let names: Vec<String> = stack.ids().into_keys().collect();
    assert_eq!(names, ["db-1", "web-1"]);
    all_run(&stack);
}

#[test]
fn paused_and_crashing_containers_are_moved_to_the_new_network_too() {
    let Some(stack) = Stack::new(
        "odd",
        "
services:
  frozen: {image: busybox, command: [sleep, '600'], stop_signal: SIGKILL, networks: [front]}
  crashing: {image: busybox, command: ['false'], restart: always, networks: [front]}
networks: {front: {labels: {made: once}}}
",
    ) else {
        return;
    };
    stack.run(&["up", "-d"]).ok();
    stack.run(&["pause", "frozen"]).ok();
    until("it crashes", || {
        let state = stack.container("crashing-1").state;
        (state == ContainerState::Restarting).then_some(())
    });
    let before = stack.ids();
    stack.edit("compose.yaml", "made: once", "made: twice");
    stack.run(&["up", "-d"]).ok();
    assert_eq!(stack.ids(), before);
    let frozen = stack.container("frozen-1");
    assert_eq!(frozen.state, ContainerState::Running);
    let front = network(&format!("{}_front", stack.project)).expect("it is there");
    for name in ["frozen-1", "crashing-1"] {
        assert_eq!(
            place(&stack, name, "front")["NetworkID"],
            *front.id,
            "{name}"
        );
    }
}

#[test]
fn an_image_that_is_gone_and_cannot_be_had_stops_nothing() {
    let Some(stack) = Stack::new("image-gone", ONE) else {
        return;
    };
    let image = format!("localhost:1/{}:1", stack.project);
    wait(async { engine().tag_image("busybox", &image).await }).expect("it can be tagged");
    stack.edit(
        "compose.yaml",
        "  db:\n    image: busybox",
        &format!("  db:\n    image: {image}"),
    );
    let ran = stack.run(&["up", "-d"]);
    wait(async { engine().remove_image(&image, true).await }).expect("only the name goes");
    ran.ok();
    let before = stack.ids();
    stack.edit("compose.yaml", "made: once", "made: twice");
    let ran = stack.run(&["up", "-d"]).fails();
    assert!(ran.stderr.contains(&image), "{}", ran.stderr);
    assert_eq!(stack.ids(), before);
    all_run(&stack);
    let front = network(&format!("{}_front", stack.project)).expect("it is there");
    assert_eq!(front.labels["made"], "once");
}
