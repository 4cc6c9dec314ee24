//! What holds for every attribute, by walking the tables.
//!
//! 1. Every key of the Compose Specification has a row (in `schema.rs`), and all tables are walked.
//! 2. Reading a row's example changes the model, and what is printed reads back as the same model.
//! 3. The hash changes when the example is set, exactly if the row says that it counts.
//! 4. What the engine is asked to make changes, exactly if the row says that it is written into it.
//! 5. What has no effect is told, and nothing else is.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::collections::BTreeMap;
use std::fmt::Debug;

use rcompose::api_version::ApiVersion;
use rcompose::document::{Diagnostic, Node, Path, Sources, yaml};
use rcompose::plan::request::create;
use rcompose::plan::{Observed, Operation, Plan, resources};
use rcompose::project::attribute::{Attribute, Hash, Lower, read_table, render_table};
use rcompose::project::hash::{self, Encoding, go_json};
use rcompose::project::normalize::normalize;
use rcompose::project::read::{Reader, Surroundings};
use rcompose::project::request::Lowering;
use rcompose::project::schema::schema;
use rcompose::project::service::{
    self, blkio, build, credential_spec, depends_on, deploy, develop, devices, healthcheck, hooks,
    logging, models, mounts, networks, ports, provider, volumes,
};
use rcompose::project::unsupported::Note;
use rcompose::project::{self, Project, config, model, network, secret, volume};

/// Rows whose example leaves no trace in the model: one that nothing is known to mean, and one
/// that the loader resolves.
const WITHOUT_TRACE: [&str; 2] = ["pull_refresh_after", "extends"];

/// Objects of the schema whose keys are read without a table: the loader resolves them, or they are
/// the long form of one value.
const WITHOUT_TABLE: [&str; 5] = ["env_file", "extends", "external", "include", "ulimit"];

/// Hashed within the service by a special rule (`deploy.replicas`) or because of where the
/// attribute stands, so that test 3 cannot see them alone.
const NOT_ALONE: [&str; 1] = ["extends"];

fn parse(text: &str) -> Node {
    let mut sources = Sources::default();
    let source = sources.add("example", text);
    let documents = yaml::parse(source, sources.get(source).text.as_str()).unwrap();
    documents.into_iter().next().unwrap()
}

/// Reads what is right.
fn reading<R>(read: impl FnOnce(&mut Reader<'_>) -> R) -> R {
    let (result, problems) = trying(read);
    assert!(problems.is_empty(), "{problems:?}");
    result
}

/// Reads with paths as they are written, so that what was printed reads back.
fn trying<R>(read: impl FnOnce(&mut Reader<'_>) -> R) -> (R, Vec<Diagnostic>) {
    let base = |_| None;
    let variables = |_: &str| None;
    let surroundings = Surroundings {
        base: &base,
        home: None,
        variables: &variables,
    };
    let mut reader = Reader::new(&surroundings);
    let result = read(&mut reader);
    (result, reader.finish())
}

fn check_round_trips<T: Default + PartialEq + Debug>(
    (): (),
    name: &str,
    table: &'static [Attribute<T>],
) {
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

/// Calls with something to add to, and each table and its name in the schema.
macro_rules! for_each_table {
    ($call:ident, $into:expr) => {
        $call($into, "service", service::TABLE);
        $call($into, "build", build::TABLE);
        $call($into, "blkio_config", blkio::TABLE);
        $call($into, "blkio_weight", blkio::WEIGHT);
        $call($into, "blkio_limit", blkio::LIMIT);
        $call($into, "credential_spec", credential_spec::TABLE);
        $call($into, "dependency", depends_on::TABLE);
        $call($into, "deploy", deploy::TABLE);
        $call($into, "update_config", deploy::UPDATE);
        $call($into, "resources", deploy::RESOURCES);
        $call($into, "limits", deploy::LIMITS);
        $call($into, "reservations", deploy::RESERVATIONS);
        $call($into, "generic_resource", deploy::GENERIC);
        $call($into, "discrete_resource", deploy::DISCRETE);
        $call($into, "device_request", devices::REQUEST);
        $call($into, "reserved_device", devices::REQUEST);
        $call($into, "restart_policy", deploy::RESTART);
        $call($into, "placement", deploy::PLACEMENT);
        $call($into, "preference", deploy::PREFERENCE);
        $call($into, "develop", develop::TABLE);
        $call($into, "watch", develop::RULE);
        $call($into, "device", devices::DEVICE);
        $call($into, "healthcheck", healthcheck::TABLE);
        $call($into, "hook", hooks::TABLE);
        $call($into, "pre_start_hook", hooks::BEFORE);
        $call($into, "logging", logging::TABLE);
        $call($into, "service_model", models::TABLE);
        $call($into, "service_network", networks::TABLE);
        $call($into, "port", ports::LONG);
        $call($into, "provider", provider::TABLE);
        $call($into, "mount", volumes::LONG);
        $call($into, "bind_options", volumes::BIND);
        $call($into, "volume_options", volumes::VOLUME);
        $call($into, "tmpfs_options", volumes::TMPFS);
        $call($into, "image_options", volumes::IMAGE);
        $call($into, "file_reference", mounts::TABLE);
        $call($into, "network", network::TABLE);
        $call($into, "ipam", network::IPAM);
        $call($into, "pool", network::POOL);
        $call($into, "volume", volume::TABLE);
        $call($into, "secret", secret::TABLE);
        $call($into, "config", config::TABLE);
        $call($into, "model", model::TABLE);
    };
}

fn add_name<T>(names: &mut Vec<&str>, name: &'static str, _: &'static [Attribute<T>]) {
    names.push(name);
}

#[test]
fn every_table_of_the_schema_is_walked_here() {
    let schema: serde_json::Value = serde_json::from_str(&go_json(&schema())).unwrap();
    let mut found: Vec<&str> = Vec::new();
    let mut walked: Vec<&str> = WITHOUT_TABLE.to_vec();
    for (name, _) in schema["$defs"].as_object().unwrap() {
        found.push(name);
    }
    for_each_table!(add_name, &mut walked);
    walked.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, walked);
}

#[test]
fn examples_change_the_model_and_are_printed_as_they_are_read() {
    for_each_table!(check_round_trips, ());
}

/// Where the rows of a table stand, what else the object has there, and what else the service has.
/// `[]` is an item of a list.
const PLACES: &[(&str, &str, &str, &str)] = &[
    ("service", "services.it", "{image: busybox}", "{}"),
    ("build", "services.it.build", "{context: /other}", "{}"),
    ("blkio_config", "services.it.blkio_config", "{}", "{}"),
    (
        "blkio_weight",
        "services.it.blkio_config.weight_device[]",
        "{path: /dev/x}",
        "{}",
    ),
    (
        "blkio_limit",
        "services.it.blkio_config.device_read_bps[]",
        "{path: /dev/x}",
        "{}",
    ),
    ("credential_spec", "services.it.credential_spec", "{}", "{}"),
    (
        "dependency",
        "services.it.depends_on.db",
        "{condition: service_started}",
        "{}",
    ),
    ("deploy", "services.it.deploy", "{}", "{}"),
    (
        "update_config",
        "services.it.deploy.update_config",
        "{}",
        "{}",
    ),
    ("resources", "services.it.deploy.resources", "{}", "{}"),
    ("limits", "services.it.deploy.resources.limits", "{}", "{}"),
    (
        "reservations",
        "services.it.deploy.resources.reservations",
        "{}",
        "{}",
    ),
    (
        "generic_resource",
        "services.it.deploy.resources.reservations.generic_resources[]",
        "{}",
        "{}",
    ),
    (
        "discrete_resource",
        "services.it.deploy.resources.reservations.generic_resources[].discrete_resource_spec",
        "{kind: x}",
        "{}",
    ),
    ("device_request", "services.it.gpus[]", "{}", "{}"),
    (
        "reserved_device",
        "services.it.deploy.resources.reservations.devices[]",
        "{capabilities: [x]}",
        "{}",
    ),
    (
        "restart_policy",
        "services.it.deploy.restart_policy",
        "{}",
        "{}",
    ),
    ("placement", "services.it.deploy.placement", "{}", "{}"),
    (
        "preference",
        "services.it.deploy.placement.preferences[]",
        "{}",
        "{}",
    ),
    ("develop", "services.it.develop", "{}", "{}"),
    (
        "watch",
        "services.it.develop.watch[]",
        "{path: /x, action: sync, target: /x}",
        "{}",
    ),
    (
        "device",
        "services.it.devices[]",
        "{source: /dev/x, target: /dev/x}",
        "{}",
    ),
    ("healthcheck", "services.it.healthcheck", "{}", "{}"),
    ("hook", "services.it.post_start[]", "{command: x}", "{}"),
    (
        "pre_start_hook",
        "services.it.pre_start[]",
        "{command: x}",
        "{}",
    ),
    ("logging", "services.it.logging", "{}", "{}"),
    ("service_model", "services.it.models.llm", "{}", "{}"),
    ("service_network", "services.it.networks.front", "{}", "{}"),
    ("port", "services.it.ports[]", "{target: 81}", "{}"),
    ("provider", "services.it.provider", "{type: x}", "{}"),
    (
        "mount",
        "services.it.volumes[]",
        "{type: volume, source: other, target: /x}",
        "{}",
    ),
    (
        "bind_options",
        "services.it.volumes[].bind",
        "{}",
        "{volumes: [{type: bind, source: /x, target: /x, read_only: true}]}",
    ),
    (
        "volume_options",
        "services.it.volumes[].volume",
        "{}",
        "{volumes: [{type: volume, source: data, target: /x}]}",
    ),
    (
        "tmpfs_options",
        "services.it.volumes[].tmpfs",
        "{}",
        "{volumes: [{type: tmpfs, target: /x}]}",
    ),
    (
        "image_options",
        "services.it.volumes[].image",
        "{}",
        "{volumes: [{type: image, source: busybox, target: /x}]}",
    ),
    (
        "file_reference",
        "services.it.configs[]",
        "{source: other}",
        "{}",
    ),
    ("network", "networks.front", "{}", "{networks: [front]}"),
    ("ipam", "networks.front.ipam", "{}", "{networks: [front]}"),
    (
        "pool",
        "networks.front.ipam.config[]",
        "{}",
        "{networks: [front]}",
    ),
    ("volume", "volumes.data", "{}", "{volumes: ['data:/data']}"),
    (
        "secret",
        "secrets.token",
        "{file: /x}",
        "{secrets: [token]}",
    ),
    ("config", "configs.app", "{file: /x}", "{configs: [app]}"),
    ("model", "models.llm", "{model: x}", "{models: [llm]}"),
];

/// What examples refer to.
const AROUND: &str = "
services: {it: {image: busybox}, db: {image: db}, data: {image: data}}
networks: {front: {}}
volumes: {data: {}, other: {}}
models: {llm: {model: x}}
configs: {app: {file: /app.conf}, other: {file: /other.conf}}
secrets: {token: {file: /token}}
";

/// What one row's example does to a project.
struct Setting {
    /// The row's table and key.
    name: String,
    /// Path of the key.
    path: Path,
    counts: bool,
    fate: Fate,
    /// The project without the key, and with it.
    without: Project,
    with: Project,
}

/// What a row says of its value, in short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Written,
    UsedBy(&'static str),
    Nothing,
}

fn settings() -> Vec<Setting> {
    let mut settings = Vec::new();
    for_each_table!(add_settings, &mut settings);
    settings
}

fn add_settings<T>(settings: &mut Vec<Setting>, name: &str, table: &'static [Attribute<T>]) {
    let rows = table.iter().filter(|row| !NOT_ALONE.contains(&row.key));
    settings.extend(rows.map(|row| setting(name, row)));
}

fn setting<T>(table: &str, row: &Attribute<T>) -> Setting {
    let place = PLACES.iter().find(|(name, ..)| *name == table);
    let (_, place, beside, around) = place.unwrap_or_else(|| panic!("{table} stands nowhere"));
    let beside = json(beside);
    let mut with = beside.clone();
    with[row.key] = json(row.example);
    if let (Some(kind), true) = (kind_of_options(table, row.key), with.is_object()) {
        with["type"] = kind.into();
    }
    let mut without = with.clone();
    match beside.get(row.key) {
        Some(other) => without[row.key] = other.clone(),
        None => drop(without.as_object_mut().unwrap().remove(row.key)),
    }
    for other in excluded(table, row.key) {
        with.as_object_mut().unwrap().remove(*other);
        without = serde_json::json!({(row.key): "other"});
    }
    let read = |object| read_project(&placed(place, around, object));
    Setting {
        name: format!("{table}.{}", row.key),
        path: path_of(place).key(row.key),
        counts: row.hash == Hash::Included,
        fate: match row.lower {
            Lower::Request(_) => Fate::Written,
            Lower::UsedBy(place) => Fate::UsedBy(place),
            Lower::NoEffect(_) | Lower::NotYet(_) => Fate::Nothing,
        },
        without: read(without),
        with: read(with),
    }
}

/// What cannot stand beside a key.
fn excluded(table: &str, key: &str) -> &'static [&'static str] {
    match (table, key) {
        ("secret" | "config", "environment" | "content") => &["file"],
        _ => &[],
    }
}

/// Options of a mount mean something to one kind of mount only.
fn kind_of_options(table: &str, key: &str) -> Option<&'static str> {
    let kinds = ["bind", "volume", "tmpfs", "image"];
    kinds
        .into_iter()
        .find(|kind| table == "mount" && *kind == key)
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(&go_json(&rcompose::project::render::node(&parse(text)))).unwrap()
}

fn steps(place: &str) -> impl Iterator<Item = &str> {
    place
        .split('.')
        .flat_map(|step| match step.strip_suffix("[]") {
            Some(list) => vec![list, "[]"],
            None => vec![step],
        })
}

fn path_of(place: &str) -> Path {
    let longer = |path: Path, step: &str| match step {
        "[]" => path.index(0),
        key => path.key(key),
    };
    steps(place).fold(Path::default(), longer)
}

/// A document with an object at its place, and more keys in its service.
fn placed(place: &str, around: &str, object: serde_json::Value) -> String {
    let mut document = json(AROUND);
    let service = document["services"]["it"].as_object_mut().unwrap();
    if let serde_json::Value::Object(more) = json(around) {
        service.extend(more);
    }
    let mut at = &mut document;
    for step in steps(place) {
        at = match step {
            "[]" => {
                if !at.is_array() {
                    *at = serde_json::Value::Array(vec![serde_json::json!({})]);
                }
                &mut at[0]
            }
            key => &mut at[key],
        };
    }
    *at = object;
    document.to_string()
}

fn read_project(text: &str) -> Project {
    let node = parse(text);
    let mut project = reading(|reader| project::read(&node, reader));
    "p".clone_into(&mut project.name);
    normalize(&mut project, &|_| None);
    project
}

/// What is wrong with a document.
fn problems_of(text: &str) -> Vec<Diagnostic> {
    let node = parse(text);
    trying(|reader| drop(project::read(&node, reader))).1
}

#[test]
fn keys_that_the_schema_requires_are_required_and_unknown_ones_refused() {
    let schema: serde_json::Value = serde_json::from_str(&go_json(&schema())).unwrap();
    for (table, place, beside, around) in PLACES {
        let mut object = json(beside);
        object["nonsense"] = true.into();
        let problems = problems_of(&placed(place, around, object.clone()));
        let told = problems.iter().any(|it| it.message.contains("`nonsense`"));
        assert!(told, "{table}: {problems:?}");
        let object = object.as_object_mut().unwrap();
        object.remove("nonsense");
        let required = schema["$defs"][table]["required"].as_array();
        for key in required.into_iter().flatten() {
            let mut without = object.clone();
            without.remove(key.as_str().unwrap()).unwrap();
            let problems = problems_of(&placed(place, around, without.into()));
            assert!(!problems.is_empty(), "{table} without {key}");
        }
    }
}

/// All that is hashed of a project, as one text.
fn hashed(project: &Project) -> String {
    let mut text = hash::service(&project.services["it"], Encoding::Current);
    if let Some(network) = project.networks.get("front") {
        text += &hash::network("p", "front", network);
    }
    if let Some(volume) = project.volumes.get("data") {
        text += &hash::volume("p", "data", volume);
    }
    text
}

#[test]
fn the_hash_changes_exactly_with_what_counts() {
    let mut problems = Vec::new();
    for setting in settings() {
        let changes = hashed(&setting.with) != hashed(&setting.without);
        if changes != setting.counts {
            problems.push(format!("{}: changes the hash: {changes}", setting.name));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn the_hashes_by_attribute_name_exactly_what_counts() {
    for setting in settings() {
        let Some(key) = setting.name.strip_prefix("service.") else {
            continue;
        };
        let named = hash::attributes(&setting.with.services["it"]).contains_key(key);
        assert_eq!(named, setting.counts, "{key}");
    }
}

/// All that the engine is asked to make for a project, without the labels that hold hashes.
fn asked(project: &Project) -> String {
    let networks = BTreeMap::from([("front".to_owned(), "p_front".to_owned())]);
    let volumes = ["data", "other"].map(|name| (name.to_owned(), format!("p_{name}")));
    let replicas = ["it", "db", "data"].map(|name| (name.to_owned(), vec![format!("p-{name}-1")]));
    let with = Lowering {
        api: ApiVersion::new(1, 51),
        project: "p",
        container_name: "p-it-1",
        number: 1,
        networks: &networks,
        volumes: &volumes.into(),
        replicas: &replicas.into(),
    };
    let created = create(&project.services["it"], &with, BTreeMap::new());
    let mut text = sorted(&created.body);
    let mut plan = Plan::default();
    let missing = resources::plan(
        project,
        project.services.values(),
        &Observed::default(),
        &mut plan,
    );
    for step in &plan.steps {
        let (mut network, mut volume) = (None, None);
        match &step.operation {
            Operation::CreateNetwork(request) => network = Some(request.clone()),
            Operation::CreateVolume(request) => volume = Some(request.clone()),
            other => panic!("{other:?}"),
        }
        let of_network = network.as_mut().and_then(|it| it.labels.as_mut());
        let of_volume = volume.as_mut().and_then(|it| it.labels.as_mut());
        for labels in [of_network, of_volume].into_iter().flatten() {
            labels.retain(|label, _| !label.ends_with("hash"));
        }
        text += &sorted(&(network, volume));
    }
    text + &format!("{missing:?}")
}

/// As JSON with keys in order; requests hold maps that have none.
fn sorted(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).unwrap().to_string()
}

/// Rows whose value is written in this setting although another module is named, or the other way
/// round, and why.
const NOT_AS_SAID: &[(&str, &str)] = &[
    (
        "service.provider",
        "what is provided is connected to no network",
    ),
    ("service.image", "the request names it"),
    (
        "service_network.priority",
        "an order, and here is one network",
    ),
    ("model.name", MODELS),
    ("model.model", MODELS),
    ("model.context_size", MODELS),
    ("model.runtime_flags", MODELS),
];

const MODELS: &str = "that models do nothing yet is told of the service that uses them";

#[test]
fn what_the_engine_is_asked_changes_exactly_with_what_is_written_into_it() {
    let writers = ["project/service/", "plan/resources.rs"];
    let mut problems = Vec::new();
    for setting in settings() {
        let written = match setting.fate {
            Fate::Nothing => false,
            _ if told(&setting.without, &setting.path) => false,
            Fate::Written => true,
            Fate::UsedBy(place) => writers.iter().any(|writer| place.starts_with(writer)),
        };
        let changes = asked(&setting.with) != asked(&setting.without);
        let known = NOT_AS_SAID.iter().any(|(name, _)| *name == setting.name);
        if (changes == written) == known {
            problems.push(format!(
                "{}: changes what is asked: {changes}",
                setting.name
            ));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn modules_that_rows_name_exist() {
    for setting in settings() {
        if let Fate::UsedBy(place) = setting.fate {
            let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("src")
                .join(place);
            assert!(file.is_file(), "{}: {place}", setting.name);
        }
    }
}

/// Whether a key, or something that it is part of, is told to have no effect.
fn told(project: &Project, path: &Path) -> bool {
    let notes = project::unsupported(project);
    let covers = |note: &&Note| path.segments().starts_with(note.path.segments());
    notes.iter().any(covers)
}

#[test]
fn what_has_no_effect_is_told_with_its_place() {
    let mut problems = Vec::new();
    for setting in settings() {
        let whole_is_told = told(&setting.without, &setting.path);
        let expected = whole_is_told
            || setting.fate == Fate::Nothing
            || setting.name == "service.use_api_socket";
        if told(&setting.with, &setting.path) != expected {
            problems.push(format!("{} is told: {}", setting.name, !expected));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
