//! What holds for every attribute, by walking the tables.
//!
//! 1. Every key of the Compose Specification has a row.
//! 2. Reading a row's example changes the model, and what is printed reads back as the same model.
//! 3. The hash changes when the example is set, exactly if the row says that it counts.
//! 4. The create request changes, exactly if the row says that it is written into one.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::collections::BTreeMap;
use std::fmt::Debug;

use rcompose::api_version::ApiVersion;
use rcompose::document::{Node, Sources, yaml};
use rcompose::plan::request::create;
use rcompose::project::attribute::{Attribute, Hash, Lower, read_table, render_table};
use rcompose::project::hash::{self, Encoding};
use rcompose::project::normalize::normalize;
use rcompose::project::read::{Reader, Surroundings};
use rcompose::project::request::Lowering;
use rcompose::project::service::{
    self, Service, blkio, build, credential_spec, depends_on, deploy, develop, devices,
    healthcheck, hooks, logging, models, mounts, networks, ports, provider, volumes,
};
use rcompose::project::{self, Project, config, model, network, secret, volume};

/// Keys of the specification's objects. Where a row stands for a key is the table's business; this
/// list is the specification's, checked by hand against its schema.
const SPECIFICATION: &[(&str, &str)] = &[
    (
        "service",
        "develop deploy annotations attach build blkio_config cap_add cap_drop cgroup cgroup_parent \
         command configs container_name cpu_count cpu_percent cpu_shares cpu_quota cpu_period \
         cpu_rt_period cpu_rt_runtime cpus cpuset credential_spec depends_on device_cgroup_rules \
         devices dns dns_opt dns_search domainname entrypoint env_file label_file environment \
         expose extends provider external_links extra_hosts gpus group_add healthcheck hostname \
         image init ipc isolation labels links logging mac_address mem_limit mem_reservation \
         mem_swappiness memswap_limit network_mode models networks oom_kill_disable oom_score_adj \
         pid pids_limit platform ports pre_start post_start pre_stop privileged profiles \
         pull_policy pull_refresh_after read_only restart runtime scale security_opt shm_size \
         secrets sysctls stdin_open stop_grace_period stop_signal storage_opt tmpfs tty ulimits \
         use_api_socket user uts userns_mode volumes volumes_from working_dir",
    ),
    (
        "build",
        "context dockerfile dockerfile_inline entitlements args ssh labels cache_from cache_to \
         no_cache no_cache_filter additional_contexts network provenance sbom pull target shm_size \
         extra_hosts isolation privileged secrets tags ulimits platforms",
    ),
    (
        "blkio_config",
        "device_read_bps device_read_iops device_write_bps device_write_iops weight weight_device",
    ),
    ("blkio_weight", "path weight"),
    ("blkio_limit", "path rate"),
    ("credential_spec", "config file registry"),
    ("depends_on", "restart required condition"),
    (
        "deploy",
        "mode endpoint_mode replicas labels rollback_config update_config resources \
         restart_policy placement",
    ),
    (
        "update_config",
        "parallelism delay failure_action monitor max_failure_ratio order",
    ),
    ("resources", "limits reservations"),
    ("limits", "cpus memory pids"),
    ("reservations", "cpus memory generic_resources devices"),
    ("generic_resource", "discrete_resource_spec"),
    ("discrete_resource_spec", "kind value"),
    (
        "device_request",
        "capabilities count device_ids driver options",
    ),
    ("restart_policy", "condition delay max_attempts window"),
    ("placement", "constraints preferences max_replicas_per_node"),
    ("preference", "spread"),
    ("develop", "watch"),
    (
        "watch",
        "ignore include path action target exec initial_sync",
    ),
    ("device", "source target permissions"),
    (
        "healthcheck",
        "disable interval retries test timeout start_period start_interval",
    ),
    ("hook", "command user privileged working_dir environment"),
    (
        "pre_start_hook",
        "command image user privileged working_dir environment per_replica",
    ),
    ("logging", "driver options"),
    ("service_model", "endpoint_var model_var"),
    (
        "service_network",
        "aliases interface_name ipv4_address ipv6_address link_local_ips mac_address driver_opts \
         priority gw_priority",
    ),
    (
        "port",
        "name mode host_ip target published protocol app_protocol",
    ),
    ("provider", "type options"),
    (
        "mount",
        "type source target read_only consistency bind volume tmpfs image",
    ),
    ("bind", "propagation create_host_path recursive selinux"),
    ("volume_options", "labels nocopy subpath"),
    ("tmpfs", "size mode"),
    ("image", "subpath"),
    ("file_reference", "source target uid gid mode"),
    (
        "network",
        "name driver driver_opts ipam external internal enable_ipv4 enable_ipv6 attachable labels",
    ),
    ("ipam", "driver config options"),
    ("pool", "subnet ip_range gateway aux_addresses"),
    ("volume", "name driver driver_opts external labels"),
    (
        "secret",
        "name environment file external labels driver driver_opts template_driver",
    ),
    (
        "config",
        "name content environment file external labels template_driver",
    ),
    ("model", "name model context_size runtime_flags"),
];

/// Rows whose example leaves no trace in the model: one that nothing is known to mean, and one
/// that the loader resolves.
const WITHOUT_TRACE: [&str; 2] = ["pull_refresh_after", "extends"];

/// Hashed within the service by a special rule (`deploy.replicas`) or because of where the
/// attribute stands, so that test 3 cannot see them alone.
const NOT_ALONE: [&str; 1] = ["extends"];

fn parse(text: &str) -> Node {
    let mut sources = Sources::default();
    let source = sources.add("example", text);
    let documents = yaml::parse(source, sources.get(source).text.as_str()).unwrap();
    documents.into_iter().next().unwrap()
}

/// Reads with paths as they are written, so that what was printed reads back.
fn reading<R>(read: impl FnOnce(&mut Reader<'_>) -> R) -> R {
    let base = |_| None;
    let variables = |_: &str| None;
    let surroundings = Surroundings {
        base: &base,
        home: None,
        variables: &variables,
    };
    let mut reader = Reader::new(&surroundings);
    let result = read(&mut reader);
    let problems = reader.finish();
    assert!(problems.is_empty(), "{problems:?}");
    result
}

fn check_round_trips<T: Default + PartialEq + Debug>(name: &str, table: &'static [Attribute<T>]) {
    for row in table.iter().filter(|row| !WITHOUT_TRACE.contains(&row.key)) {
        let place = format!("{name}.{}: {}", row.key, row.example);
        let node = parse(row.example);
        let mut read = T::default();
        reading(|reader| (row.parse)(&node, &mut read, reader));
        assert_ne!(read, T::default(), "{place} changes nothing");
        let Some(printed) = (row.render)(&read) else {
            panic!("{place} is not printed");
        };
        let text = serde_json::to_string(&printed).unwrap();
        let node = parse(&text);
        let mut again = T::default();
        reading(|reader| (row.parse)(&node, &mut again, reader));
        let again = (row.render)(&again);
        assert_eq!(again, Some(printed), "{place} printed as {text}");
        let whole = serde_json::to_string(&render_table(table, &read)).unwrap();
        let mut again = T::default();
        let node = parse(&whole);
        reading(|reader| read_table(&node, table, &mut again, reader));
        let printed_again = serde_json::to_string(&render_table(table, &again)).unwrap();
        assert_eq!(printed_again, whole, "{place}");
    }
}

/// Calls with each table and the name of its object in [`SPECIFICATION`].
macro_rules! for_each_table {
    ($call:ident) => {
        $call("service", service::TABLE);
        $call("build", build::TABLE);
        $call("blkio_config", blkio::TABLE);
        $call("blkio_weight", blkio::WEIGHT);
        $call("blkio_limit", blkio::LIMIT);
        $call("credential_spec", credential_spec::TABLE);
        $call("depends_on", depends_on::TABLE);
        $call("deploy", deploy::TABLE);
        $call("update_config", deploy::UPDATE);
        $call("resources", deploy::RESOURCES);
        $call("limits", deploy::LIMITS);
        $call("reservations", deploy::RESERVATIONS);
        $call("generic_resource", deploy::GENERIC);
        $call("discrete_resource_spec", deploy::DISCRETE);
        $call("device_request", devices::REQUEST);
        $call("restart_policy", deploy::RESTART);
        $call("placement", deploy::PLACEMENT);
        $call("preference", deploy::PREFERENCE);
        $call("develop", develop::TABLE);
        $call("watch", develop::RULE);
        $call("device", devices::DEVICE);
        $call("healthcheck", healthcheck::TABLE);
        $call("hook", hooks::TABLE);
        $call("pre_start_hook", hooks::BEFORE);
        $call("logging", logging::TABLE);
        $call("service_model", models::TABLE);
        $call("service_network", networks::TABLE);
        $call("port", ports::LONG);
        $call("provider", provider::TABLE);
        $call("mount", volumes::LONG);
        $call("bind", volumes::BIND);
        $call("volume_options", volumes::VOLUME);
        $call("tmpfs", volumes::TMPFS);
        $call("image", volumes::IMAGE);
        $call("file_reference", mounts::TABLE);
        $call("network", network::TABLE);
        $call("ipam", network::IPAM);
        $call("pool", network::POOL);
        $call("volume", volume::TABLE);
        $call("secret", secret::TABLE);
        $call("config", config::TABLE);
        $call("model", model::TABLE);
    };
}

/// Keys that tables have beyond the specification: docker compose reads them there.
const BEYOND: [(&str, &str); 0] = [];

fn check_keys<T>(name: &str, table: &'static [Attribute<T>]) {
    let (_, keys) = SPECIFICATION
        .iter()
        .find(|(object, _)| *object == name)
        .unwrap_or_else(|| panic!("{name} is no object of the specification"));
    let keys: Vec<&str> = keys.split_whitespace().collect();
    for key in &keys {
        let rows = table.iter().filter(|row| row.key == *key).count();
        assert_eq!(rows, 1, "rows of {name}.{key}");
    }
    for row in table {
        let known = keys.contains(&row.key) || BEYOND.contains(&(name, row.key));
        assert!(known, "{name}.{} is not in the specification", row.key);
        assert!(
            row.about.ends_with(['.', ')', '…']),
            "{name}.{}: {}",
            row.key,
            row.about
        );
    }
}

#[test]
fn every_key_of_the_specification_has_one_row() {
    for_each_table!(check_keys);
}

#[test]
fn examples_change_the_model_and_are_printed_as_they_are_read() {
    for_each_table!(check_round_trips);
}

/// A project of one service with an image, the example, and all that examples refer to.
fn project_with(row: Option<&Attribute<Service>>) -> Project {
    let mut example = row.map_or_else(String::new, |row| {
        let text = serde_json::to_string(&serde_json::Value::String(row.key.to_owned())).unwrap();
        format!("{text}: {}, ", row.example)
    });
    if row.is_none_or(|row| row.key != "image") {
        example.push_str("image: busybox");
    }
    let text = format!(
        "services: {{it: {{{example}}}, db: {{image: db}}, data: {{image: data}}}}\n\
         networks: {{front: {{}}}}\nvolumes: {{data: {{}}}}\nmodels: {{llm: {{model: x}}}}\n\
         configs: {{app: {{file: /app.conf}}}}\nsecrets: {{token: {{file: /token}}}}\n"
    );
    let node = parse(&text);
    let mut project = reading(|reader| project::read(&node, reader));
    "p".clone_into(&mut project.name);
    normalize(&mut project, &|_| None);
    project
}

fn rows() -> impl Iterator<Item = &'static Attribute<Service>> {
    let known = |row: &&Attribute<Service>| !NOT_ALONE.contains(&row.key);
    service::TABLE.iter().filter(known)
}

#[test]
fn the_hash_changes_exactly_with_what_counts() {
    let plain = hash::service(&project_with(None).services["it"], Encoding::Current);
    for row in rows() {
        let project = project_with(Some(row));
        let hash = hash::service(&project.services["it"], Encoding::Current);
        let included = row.hash == Hash::Included;
        assert_eq!(hash != plain, included, "{}: {}", row.key, row.example);
        let named = hash::attributes(&project.services["it"]).contains_key(row.key);
        assert_eq!(named, included, "{} among the attributes' hashes", row.key);
    }
}

fn request_of(project: &Project) -> serde_json::Value {
    let networks = BTreeMap::from([("front".to_owned(), "p_front".to_owned())]);
    let volumes = BTreeMap::from([("data".to_owned(), "p_data".to_owned())]);
    let replicas = ["it", "db", "data"].map(|name| (name.to_owned(), vec![format!("p-{name}-1")]));
    let with = Lowering {
        api: ApiVersion::new(1, 51),
        project: "p",
        container_name: "p-it-1",
        number: 1,
        networks: &networks,
        volumes: &volumes,
        replicas: &replicas.into(),
    };
    let created = create(&project.services["it"], &with, BTreeMap::new());
    serde_json::to_value(created.body).unwrap()
}

#[test]
fn the_create_request_changes_exactly_with_what_is_written_into_it() {
    let plain = request_of(&project_with(None));
    for row in rows() {
        let request = request_of(&project_with(Some(row)));
        let written = match row.lower {
            Lower::Request(_) => true,
            // Another attribute's row writes it, or it is the request's own image.
            Lower::UsedBy(place) => place.starts_with("project/service/") || row.key == "image",
            Lower::NoEffect(_) | Lower::NotYet(_) => row.key == "provider",
        };
        assert_eq!(request != plain, written, "{}: {}", row.key, row.example);
    }
}

#[test]
fn what_has_no_effect_is_told_with_its_place() {
    for row in rows() {
        let project = project_with(Some(row));
        let told = project::unsupported(&project).iter().any(|diagnostic| {
            diagnostic
                .message
                .contains(&format!("`services.it.{}`", row.key))
                && !diagnostic.labels.is_empty()
        });
        let expected = matches!(row.lower, Lower::NoEffect(_) | Lower::NotYet(_))
            || row.key == "use_api_socket";
        assert_eq!(told, expected, "{}", row.key);
    }
}
