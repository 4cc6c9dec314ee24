//! What an engine is too old for, one row an attribute: told below the version, and silent from it
//! on. An engine drops what it does not know without a word, so that we have to say it.

use std::collections::BTreeMap;

use rcompose::api_version::ApiVersion;
use rcompose::plan::request::{Names, create};
use rcompose::plan::{Observed, Operation, Plan, resources};
use rcompose::project::request::Lowering;

use crate::support::project;

/// Name in the warning, what the service says, and the first version that knows it.
const ATTRIBUTES: &[(&str, &str, (u16, u16))] = &[
    ("annotations", "annotations: {a: b}", (1, 43)),
    (
        "healthcheck.start_interval",
        "healthcheck: {test: [CMD, x], start_period: 5s, start_interval: 1s}",
        (1, 44),
    ),
    (
        "networks.*.mac_address on another network than the first",
        "networks: {front: {priority: 1}, back: {mac_address: '02:42:ac:11:65:43'}}",
        (1, 44),
    ),
    (
        "volumes.*.bind.recursive",
        "volumes: [{type: bind, source: /a, target: /b, bind: {recursive: readonly}}]",
        (1, 44),
    ),
    (
        "volumes.*.bind.recursive",
        "volumes: [{type: bind, source: /a, target: /b, bind: {recursive: writable}}]",
        (1, 44),
    ),
    (
        "volumes.*.volume.subpath",
        "volumes: [{type: volume, source: data, target: /b, volume: {subpath: x}}]",
        (1, 45),
    ),
    (
        "networks.*.driver_opts.com.docker.network.endpoint.sysctls",
        "networks: {front: {driver_opts: {com.docker.network.endpoint.sysctls: net.ipv4.conf.IFNAME.forwarding=1}}}",
        (1, 46),
    ),
    (
        "networks.*.gw_priority",
        "networks: {front: {gw_priority: 1}}",
        (1, 48),
    ),
    (
        "volumes.*.image",
        "volumes: [{type: image, source: 'data:1', target: /b}]",
        (1, 48),
    ),
    (
        "volumes.*.image",
        "volumes: [{type: image, source: 'data:1', target: /b, image: {subpath: x}}]",
        (1, 48),
    ),
    (
        "networks.*.interface_name",
        "networks: {front: {interface_name: eth7}}",
        (1, 49),
    ),
];

/// What every engine since 20.10 either does or refuses aloud.
const KNOWN_TO_ALL: &[&str] = &[
    "cgroup: private",
    "platform: linux/amd64",
    "gpus: all",
    "devices: ['vendor.com/class=one']",
    "deploy: {resources: {reservations: {devices: [{driver: cdi, device_ids: [vendor.com/class=one], capabilities: [x]}]}}}",
    "mac_address: '02:42:ac:11:65:43'",
    "networks: {front: {mac_address: '02:42:ac:11:65:43', ipv4_address: 10.1.0.7, link_local_ips: [169.254.8.8]}}",
    "volumes: [{type: bind, source: /a, target: /b, bind: {recursive: disabled, propagation: rshared}}]",
    "volumes: [{type: volume, source: data, target: /b, volume: {nocopy: true, labels: {a: b}}}]",
    "volumes: [{type: tmpfs, target: /b, tmpfs: {size: 1m, mode: 0o700}}]",
    "healthcheck: {test: [CMD, x], start_period: 5s}",
    "init: true",
    "sysctls: {net.core.somaxconn: '1024'}",
    "storage_opt: {size: 1G}",
    "device_cgroup_rules: ['c 1:3 mr']",
    "deploy: {resources: {limits: {pids: 5, cpus: '0.5', memory: 50m}}}",
];

/// What is told of a service on an engine of a version.
fn told(service: &str, api: ApiVersion) -> Vec<&'static str> {
    let project = project(&format!(
        "services: {{it: {{image: 'x:1', {service}}}}}\nnetworks: {{front: , back: }}\nvolumes: {{data: }}"
    ));
    let names = Names::of(&project);
    let with = Lowering {
        api,
        project: "demo",
        container_name: "demo-it-1",
        number: 1,
        networks: &names.networks,
        volumes: &names.volumes,
        replicas: &BTreeMap::new(),
    };
    let created = create(&project.services["it"], &with, BTreeMap::new());
    let told = created.unsupported.into_iter();
    told.map(|unsupported| unsupported.attribute).collect()
}

#[test]
fn what_an_engine_is_too_old_for_is_told_below_its_version_and_not_from_it_on() {
    for (attribute, service, (major, minor)) in ATTRIBUTES {
        for old in 41..*minor {
            let told = told(service, ApiVersion::new(*major, old));
            assert_eq!(told, [*attribute], "{service} at {major}.{old}");
        }
        for new in *minor..=51 {
            let told = told(service, ApiVersion::new(*major, new));
            assert_eq!(told, [] as [&str; 0], "{service} at {major}.{new}");
        }
    }
}

#[test]
fn what_all_engines_know_is_told_of_none() {
    for service in KNOWN_TO_ALL {
        let told = told(service, ApiVersion::new(1, 41));
        assert_eq!(told, [] as [&str; 0], "{service}");
    }
}

#[test]
fn several_networks_are_in_the_request_or_connected_afterwards() {
    let project = project(
        "services: {it: {image: 'x:1', networks: {front: , back: {priority: 2, aliases: [b]}, host: }}}\nnetworks: {front: , back: , host: {external: true}}",
    );
    let names = Names::of(&project);
    for (minor, at_once, afterwards) in [(41, 1, 2), (43, 1, 2), (44, 3, 0), (51, 3, 0)] {
        let with = Lowering {
            api: ApiVersion::new(1, minor),
            project: "demo",
            container_name: "demo-it-1",
            number: 1,
            networks: &names.networks,
            volumes: &names.volumes,
            replicas: &BTreeMap::new(),
        };
        let created = create(&project.services["it"], &with, BTreeMap::new());
        let config = created.body.networking_config.expect("networks");
        let endpoints = config.endpoints_config.expect("endpoints");
        assert_eq!(endpoints.len(), at_once, "1.{minor}");
        assert_eq!(created.connect.len(), afterwards, "1.{minor}");
        let primary = endpoints["demo_back"].aliases.as_deref();
        let names = ["demo-it-1", "it", "b"].map(str::to_owned);
        assert_eq!(primary, Some(&names[..]), "1.{minor}");
        let all: BTreeMap<_, _> = endpoints.into_iter().chain(created.connect).collect();
        // The engine's own networks know no names, and refuse a container that has some.
        assert_eq!(all["host"].aliases, None, "1.{minor}");
    }
}

#[test]
fn a_network_without_ipv4_is_told_below_its_version() {
    let project = project(
        "services: {it: {image: 'x:1', networks: [front]}}\nnetworks: {front: {enable_ipv4: false}}",
    );
    for (api, told) in [("1.41", true), ("1.47", true), ("1.48", false)] {
        let observed = Observed {
            api: api.to_owned(),
            ..Observed::default()
        };
        let mut plan = Plan::default();
        let services = project.services.values();
        assert!(resources::plan(&project, services, &observed, &mut plan).is_ok());
        let expected = "network front: `enable_ipv4` needs Docker Engine 28.0 or newer, and has no effect here";
        let warnings: Vec<&str> = plan.warnings.iter().map(String::as_str).collect();
        assert_eq!(warnings.contains(&expected), told, "{api}");
        assert!(matches!(
            plan.steps[0].operation,
            Operation::CreateNetwork(_)
        ));
    }
}
