//! `observed.yaml`, with what `up` makes filled in.

use std::collections::BTreeMap;

use rcompose::plan::request::Names;
use rcompose::plan::{Observed, naming};
use rcompose::project::hash::{self, Encoding};
use rcompose::project::{Project, Service};
use serde_yaml::{Mapping, Value};

/// Reads the file: `made_of` is the project that containers were made of, `now` today's.
pub(super) fn read(text: &str, made_of: &Project, now: &Project) -> Observed {
    let value: Value = serde_yaml::from_str(text).expect("observed.yaml is YAML");
    let mut given = match value {
        Value::Mapping(mapping) => mapping,
        Value::Null => Mapping::new(),
        other => panic!("observed.yaml is a mapping, not {other:?}"),
    };
    let mut all = defaults(
        made_of,
        now,
        given.remove("made") == Some(Value::Bool(true)),
    );
    let containers = given.remove("containers").unwrap_or_default();
    for (section, value) in given {
        let merged = all.get(&section).cloned().unwrap_or_default();
        all.insert(section, laid_over(merged, value));
    }
    let project = Value::Mapping(all.clone());
    let containers = containers.as_sequence().cloned().unwrap_or_default();
    let containers = containers
        .into_iter()
        .map(|it| container(it, made_of, &project));
    all.insert("containers".into(), Value::Sequence(containers.collect()));
    let mut value = Value::Mapping(all);
    substitute(&mut value, now);
    serde_yaml::from_value(value).expect("observed.yaml has the shape of `Observed`")
}

/// An engine of today; with `made`, everything but containers is there.
fn defaults(project: &Project, now: &Project, made: bool) -> Mapping {
    let mut all = Mapping::new();
    all.insert("api".into(), "1.51".into());
    if !made {
        return all;
    }
    let owner = project.name.as_str();
    let resource = |key: &str, name: &str, hash: String, external: bool| {
        let mut made = Mapping::new();
        if !external {
            made.insert("key".into(), key.into());
            made.insert("project".into(), owner.into());
            made.insert("config_hash".into(), hash.into());
        }
        (Value::from(name), made)
    };
    let mut networks = Mapping::new();
    for (key, network) in &project.networks {
        let name = network.engine_name(owner, key);
        let hash = hash::network(owner, key, network);
        let (name_value, mut made) = resource(key, &name, hash, network.external);
        made.insert("id".into(), format!("id-of-{name}").into());
        networks.insert(name_value, Value::Mapping(made));
    }
    let mut volumes = Mapping::new();
    for (key, volume) in &project.volumes {
        let name = volume.engine_name(owner, key);
        let hash = hash::volume(owner, key, volume);
        let (name, made) = resource(key, &name, hash, volume.external);
        volumes.insert(name, Value::Mapping(made));
    }
    let services = project.services.values().chain(now.services.values());
    let images = services.map(|service| service.image_name(owner));
    let images = images.map(|name| (Value::from(name.as_str()), image_id(&name).into()));
    all.insert("networks".into(), Value::Mapping(networks));
    all.insert("volumes".into(), Value::Mapping(volumes));
    all.insert("images".into(), Value::Mapping(images.collect()));
    all
}

fn image_id(name: &str) -> String {
    format!("sha256:1st-{name}")
}

/// One mapping over another, key by key; null removes.
fn laid_over(base: Value, over: Value) -> Value {
    match (base, over) {
        (Value::Mapping(mut base), Value::Mapping(over)) => {
            for (key, value) in over {
                if value.is_null() {
                    base.remove(&key);
                } else {
                    let below = base.get(&key).cloned().unwrap_or_default();
                    base.insert(key, laid_over(below, value));
                }
            }
            Value::Mapping(base)
        }
        (_, over) => over,
    }
}

/// A container, as `up` made it where it says what it is like.
fn container(given: Value, project: &Project, all: &Value) -> Value {
    let Value::Mapping(mut given) = given else {
        panic!("a container is a mapping");
    };
    let Some(like) = given.remove("like") else {
        return Value::Mapping(given);
    };
    let name = like.as_str().expect("a service's name");
    let service = &project.services[name];
    let number = given.get("number").and_then(Value::as_u64).unwrap_or(1);
    let number = u32::try_from(number).expect("a small number");
    let mut made = as_made(service, number, project, all);
    match given.remove("made_by").as_ref().and_then(Value::as_str) {
        Some("docker compose 2.40") => {
            made.remove("attributes");
            made.insert(
                "config_hash".into(),
                hash::service(service, Encoding::V2).into(),
            );
        }
        Some("docker compose") => drop(made.remove("attributes")),
        Some(other) => panic!("{other} makes no containers"),
        None => {}
    }
    laid_over(Value::Mapping(made), Value::Mapping(given))
}

fn as_made(service: &Service, number: u32, project: &Project, all: &Value) -> Mapping {
    let names = Names::of(project);
    let mut made = Mapping::new();
    // An id that is legible: the number and the name's letters.
    let letters = service.name.bytes();
    let id = letters.fold(format!("{number:02}"), |id, letter| {
        format!("{id}{letter:02x}")
    });
    let id = format!("{id:0<12.10}");
    made.insert("id".into(), format!("{id}0000").into());
    made.insert(
        "name".into(),
        naming::container(&project.name, service, number).into(),
    );
    made.insert("service".into(), service.name.as_str().into());
    made.insert("number".into(), number.into());
    made.insert(
        "image_id".into(),
        image_id(&service.image_name(&project.name)).into(),
    );
    made.insert(
        "config_hash".into(),
        hash::service(service, Encoding::Current).into(),
    );
    made.insert("attributes".into(), attributes(service));
    let depends_on: Vec<Value> = service
        .depends_on
        .iter()
        .map(|(name, it)| format!("{name}:{}:{}", it.condition.word(), it.restart).into())
        .collect();
    let image = service.image_name(&project.name);
    made.insert("image".into(), image.into());
    made.insert("depends_on".into(), Value::Sequence(depends_on));
    let networks = service.networks.iter().flat_map(BTreeMap::keys);
    let networks = networks
        .filter_map(|key| names.networks.get(key))
        .map(|name| {
            let id = all["networks"][name.as_str()]["id"].as_str();
            (Value::from(name.as_str()), id.unwrap_or_default().into())
        });
    made.insert("networks".into(), Value::Mapping(networks.collect()));
    let mounts = service
        .volumes
        .iter()
        .filter(|mount| mount.kind == "volume");
    let mounts = mounts.map(|mount| {
        let named = mount.source.as_ref().and_then(|key| names.volumes.get(key));
        let anonymous = format!("anonymous-{}-{number}", service.name);
        let name = named.cloned().unwrap_or(anonymous);
        let pairs = [
            ("kind", "volume"),
            ("name", &name),
            ("target", &mount.target),
        ];
        Value::Mapping(
            pairs
                .map(|(key, value)| (key.into(), value.into()))
                .into_iter()
                .collect(),
        )
    });
    made.insert("mounts".into(), Value::Sequence(mounts.collect()));
    made
}

fn attributes(service: &Service) -> Value {
    let hashes = hash::attributes(service).into_iter();
    let hashes = hashes.map(|(key, hash)| (Value::from(key), hash.into()));
    let contents = hash::contents(service).into_iter();
    let contents = contents.map(|(key, digest)| (Value::from(key), digest.into()));
    Value::Mapping(hashes.chain(contents).collect())
}

/// `@hash:SERVICE` and its like.
fn substitute(value: &mut Value, project: &Project) {
    match value {
        Value::Mapping(mapping) => {
            for (_, value) in mapping.iter_mut() {
                substitute(value, project);
            }
        }
        Value::Sequence(items) => {
            for item in items {
                substitute(item, project);
            }
        }
        Value::String(text) => {
            let Some((kind, name)) = text.strip_prefix('@').and_then(|it| it.split_once(':'))
            else {
                return;
            };
            let service = &project.services[name];
            *value = match kind {
                "hash" => hash::service(service, Encoding::Current).into(),
                "hash-2.40" => hash::service(service, Encoding::V2).into(),
                "attributes" => attributes(service),
                other => panic!("@{other} stands for nothing"),
            };
        }
        _ => {}
    }
}
