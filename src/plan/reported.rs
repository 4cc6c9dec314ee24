//! What differs between a container and a request, by what the engine reports of the container:
//! for those that docker compose made, which keep one hash and no record.
//!
//! A request and a report have the same fields, so a row of [`FIELDS`] names a field once, and the
//! attributes that are written into it. Three things stand between the two, and are taken out:
//! what the image says where a request says nothing, what the engine fills in, and the many ways to
//! say nothing (`null`, `""`, `[]`, `{}`, `0`, `false`).
//!
//! What never reaches the engine (`develop`, hooks after the start, …) is in no report. A
//! difference in that alone is told as one that cannot be told.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::CreateContainer;
use crate::api_version::ApiVersion;
use crate::document::Path;
use crate::project::attribute::Data;
use crate::project::record::{Change, Old};
use crate::project::{Service, hash};
use fields::Shape::{Entries, Items, Pairs, Whole};
use fields::{FIELDS, Field, filled_in};

mod fields;

/// The first API version that knows annotations; older engines drop them in silence.
const ANNOTATIONS: ApiVersion = ApiVersion::new(1, 43);

/// What an engine reports.
#[derive(Debug, Clone)]
pub struct Report {
    /// Of the container.
    pub container: Value,
    /// The configuration of the image that it was made of.
    pub image: Value,
    /// That of the image that it would be made of now.
    pub next_image: Value,
    /// The version of the API that is spoken with it.
    pub api: ApiVersion,
}

/// What differs, by attribute.
pub fn changes(create: &CreateContainer, service: &Service, report: &Report) -> Vec<Change> {
    let Report {
        container: report,
        image,
        next_image,
        api,
    } = report;
    let wanted = json!(create.body);
    let written = hash::plain(service);
    let mut changes = Vec::new();
    for field in FIELDS {
        if field.name == "Annotations" && *api < ANNOTATIONS {
            continue;
        }
        let now = if field.host {
            &report["HostConfig"][field.name]
        } else {
            &report["Config"][field.name]
        };
        let then = if field.host {
            &wanted["HostConfig"][field.name]
        } else {
            &wanted[field.name]
        };
        let (mut now, mut then) = (now.clone(), then.clone());
        if !field.host {
            now = without_image(field, now, image, report);
            then = without_image(field, then, next_image, &wanted);
        }
        if field.name == "SecurityOpt" {
            without_forced_labels(&mut now, &then, &report["HostConfig"]);
        }
        if is_nothing(&then) && filled_in(field.name, report, &now) {
            continue;
        }
        let path = path_of(field.attributes, &written);
        differences(field, (&now, &then), &path, service, &mut changes);
    }
    expose(&wanted, report, (image, next_image), &mut changes);
    networks(create, service, &wanted, report, &mut changes);
    joined(changes)
}

/// Containers in the host's own namespaces get this option from the engine.
fn without_forced_labels(now: &mut Value, then: &Value, host: &Value) {
    let hosts = |mode: &Value| *mode == "host";
    let forced = hosts(&host["IpcMode"]) || hosts(&host["PidMode"]) || host["Privileged"] == true;
    let asked = |item: &Value| items(then).contains(item);
    if let Value::Array(options) = now
        && forced
    {
        options.retain(|it| asked(it) || (it != "label=disable" && it != "label:disable"));
    }
}

/// What is gone and what has come of one path is one change.
fn joined(changes: Vec<Change>) -> Vec<Change> {
    let mut joined: Vec<Change> = Vec::new();
    for change in changes {
        let half = joined.iter_mut().find(|it| {
            it.path == change.path
                && it.new.is_none() != change.new.is_none()
                && (it.old == Old::Absent) != (change.old == Old::Absent)
        });
        match half {
            Some(half) if half.new.is_none() => half.new = change.new,
            Some(half) => half.old = change.old,
            None => joined.push(change),
        }
    }
    joined
}

/// What is left when what the image says is taken out.
fn without_image(field: &Field, value: Value, image: &Value, whole: &Value) -> Value {
    let said = &image[field.name];
    match field.shape {
        Pairs => {
            let said: Vec<&Value> = said.as_array().into_iter().flatten().collect();
            match value {
                Value::Array(items) => items.into_iter().filter(|it| !said.contains(&it)).collect(),
                other => other,
            }
        }
        Entries => match value {
            Value::Object(entries) => {
                let own = |(key, value): &(String, Value)| {
                    let tools = ["com.docker.compose.", "dev.rcompose."];
                    !tools.iter().any(|tool| key.starts_with(tool))
                        && !is_nothing_but_object(value)
                        && said.get(key) != Some(value)
                };
                entries.into_iter().filter(own).collect()
            }
            other => other,
        },
        _ if value == *said => {
            // An entrypoint of one's own puts the image's command out of use.
            let entrypoint = whole
                .pointer("/Config/Entrypoint")
                .unwrap_or(&whole["Entrypoint"]);
            let own = field.name == "Cmd" && *entrypoint != image["Entrypoint"];
            if own && !is_nothing(entrypoint) {
                value
            } else {
                Value::Null
            }
        }
        _ => value,
    }
}

/// Entries with `{}` are names in a set (`Volumes`), and say something.
fn is_nothing_but_object(value: &Value) -> bool {
    !value.is_object() && is_nothing(value)
}

/// Whether a value says nothing.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(entries) => entries.values().all(is_nothing),
    }
}

/// The path of the first attribute that the service has; of the first one when it has none.
fn path_of(attributes: &[&str], written: &Data) -> Path {
    let path = |attribute: &str| {
        attribute
            .split('.')
            .fold(Path::default(), |path, key| path.key(key))
    };
    let has = |attribute: &&&str| {
        let mut keys = attribute.split('.');
        let found = keys.try_fold(written, |data, key| data.get(key));
        found.is_some_and(|found| !found.is_null())
    };
    let named = attributes.iter().find(has).or_else(|| attributes.first());
    path(named.copied().unwrap_or_default())
}

fn differences(
    field: &Field,
    (now, then): (&Value, &Value),
    path: &Path,
    service: &Service,
    changes: &mut Vec<Change>,
) {
    match field.shape {
        Whole if same(now, then) => {}
        Whole => changes.push(change(path.clone(), Some(now), Some(then))),
        Entries | Pairs => by_key(field, (entries(now), entries(then)), path, service, changes),
        Items => by_item((items(now), items(then)), path, service, changes),
    }
}

fn by_key(
    field: &Field,
    (now, then): (BTreeMap<String, Value>, BTreeMap<String, Value>),
    path: &Path,
    service: &Service,
    changes: &mut Vec<Change>,
) {
    let keys: BTreeSet<&String> = now.keys().chain(then.keys()).collect();
    for key in keys {
        let equal = match (now.get(key), then.get(key)) {
            (Some(old), Some(new)) => same(old, new),
            _ => false,
        };
        if equal {
            continue;
        }
        let below = match field.name {
            // The keys of reports are not those of files here.
            "Healthcheck" => path.key(&snake(key)),
            "PortBindings" => port(service, key).unwrap_or_else(|| path.clone()),
            "Volumes" => mount(service, key).unwrap_or_else(|| path.clone()),
            "Tmpfs" => path.clone(),
            _ => path.key(key),
        };
        // Keys without a value stand for themselves (`tmpfs: [/run]`).
        let said = |value: Option<&Value>| {
            value.map(|it| {
                if is_nothing(it) {
                    json!(key)
                } else {
                    it.clone()
                }
            })
        };
        let (old, new) = (said(now.get(key)), said(then.get(key)));
        changes.push(change(below, old.as_ref(), new.as_ref()));
    }
}

/// What only one of the lists has; of two items that went and came, in one change.
fn by_item(
    (now, then): (Vec<Value>, Vec<Value>),
    path: &Path,
    service: &Service,
    changes: &mut Vec<Change>,
) {
    let missing = |from: &[Value], item: &&Value| !from.iter().any(|it| same(it, item));
    let gone: Vec<&Value> = now.iter().filter(|item| missing(&then, item)).collect();
    let come: Vec<&Value> = then.iter().filter(|item| missing(&now, item)).collect();
    for at in 0..gone.len().max(come.len()) {
        let (old, new) = (gone.get(at).copied(), come.get(at).copied());
        let target = new.or(old).and_then(target);
        let there = target.and_then(|target| mounted(service, &target));
        changes.push(change(there.unwrap_or_else(|| path.clone()), old, new));
    }
}

fn change(path: Path, old: Option<&Value>, new: Option<&Value>) -> Change {
    let said = |value: Option<&Value>| value.filter(|it| !is_nothing_but_object(it)).map(data);
    Change {
        path,
        old: said(old).map_or(Old::Absent, Old::Value),
        new: said(new),
    }
}

fn data(value: &Value) -> Data {
    serde_yaml::to_value(value).unwrap_or_default()
}

/// Equal, whatever the way to say nothing; engines write what requests leave out.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            let keys = one.keys().chain(other.keys());
            let get =
                |map: &Map<String, Value>, key: &str| map.get(key).cloned().unwrap_or_default();
            keys.into_iter()
                .all(|key| same(&get(one, key), &get(other, key)))
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        (one, other) => one == other || (is_nothing(one) && is_nothing(other)),
    }
}

fn entries(value: &Value) -> BTreeMap<String, Value> {
    match value {
        Value::Object(entries) => entries.clone().into_iter().collect(),
        Value::Array(items) => items
            .iter()
            .filter_map(Value::as_str)
            .map(|pair| match pair.split_once('=') {
                Some((key, value)) => (key.to_owned(), json!(value)),
                None => (pair.to_owned(), Value::Null),
            })
            .collect(),
        _ => BTreeMap::new(),
    }
}

fn items(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

/// `StartPeriod` is `start_period` in files.
fn snake(key: &str) -> String {
    let mut text = String::new();
    for (index, c) in key.chars().enumerate() {
        if c.is_uppercase() && index > 0 {
            text.push('_');
        }
        text.extend(c.to_lowercase());
    }
    text
}

/// Where something is mounted: `source:target:options` or an object.
fn target(item: &Value) -> Option<String> {
    match item {
        Value::String(text) => text.split(':').nth(1).map(str::to_owned),
        Value::Object(mount) => mount.get("Target")?.as_str().map(str::to_owned),
        _ => None,
    }
}

fn mount(service: &Service, target: &str) -> Option<Path> {
    let mut volumes = service.volumes.iter();
    let index = volumes.position(|mount| mount.target == target)?;
    Some(Path::default().key("volumes").index(index))
}

/// The attribute that mounts something at a path.
fn mounted(service: &Service, target: &str) -> Option<Path> {
    let tmpfs = || {
        let mut all = service.tmpfs.iter();
        let found = all.any(|it| it.split(':').next() == Some(target));
        found.then(|| Path::default().key("tmpfs"))
    };
    mount(service, target).or_else(tmpfs)
}

/// The item of `ports` that publishes `80/tcp`.
fn port(service: &Service, key: &str) -> Option<Path> {
    let (number, protocol) = key.split_once('/')?;
    let number: u32 = number.parse().ok()?;
    let mut ports = service.ports.iter();
    let index =
        ports.position(|port| u32::from(port.target) == number && port.protocol == protocol)?;
    Some(Path::default().key("ports").index(index))
}

/// Ports that are exposed and not published.
fn expose(
    wanted: &Value,
    report: &Value,
    (image, next_image): (&Value, &Value),
    changes: &mut Vec<Change>,
) {
    let published = |host: &Value, key: &str| host["PortBindings"].get(key).is_some();
    let own = |config: &Value, host: &Value, image: &Value| -> Vec<String> {
        let exposed = config["ExposedPorts"].as_object().into_iter().flatten();
        let exposed = exposed.map(|(key, _)| key);
        exposed
            .filter(|key| !published(host, key) && image["ExposedPorts"].get(key).is_none())
            .cloned()
            .collect()
    };
    let now = own(&report["Config"], &report["HostConfig"], image);
    let then = own(wanted, &wanted["HostConfig"], next_image);
    // One that was published and is exposed now is told as a port.
    let told = |host: &Value, key: &String| published(host, key);
    let path = Path::default().key("expose");
    for key in now.iter().filter(|key| !then.contains(key)) {
        if !told(&wanted["HostConfig"], key) {
            changes.push(change(path.clone(), Some(&json!(key)), None));
        }
    }
    for key in then.iter().filter(|key| !now.contains(key)) {
        if !told(&report["HostConfig"], key) {
            changes.push(change(path.clone(), None, Some(&json!(key))));
        }
    }
}

/// What a container asks for in its networks: names, addresses, options.
fn networks(
    create: &CreateContainer,
    service: &Service,
    wanted: &Value,
    report: &Value,
    changes: &mut Vec<Change>,
) {
    if service.network_mode.is_some() {
        return;
    }
    let id = report["Id"].as_str().unwrap_or_default();
    let mut then = entries(&wanted["NetworkingConfig"]["EndpointsConfig"]);
    then.extend(
        create
            .connect
            .iter()
            .map(|(name, it)| (name.clone(), json!(it))),
    );
    let now = entries(&report["NetworkSettings"]["Networks"]);
    let none = Value::Null;
    for name in now
        .keys()
        .chain(then.keys().filter(|key| !now.contains_key(*key)))
    {
        let key = service.networks.iter().flat_map(BTreeMap::keys);
        let mut key = key.filter(|key| name == *key || name.ends_with(&format!("_{key}")));
        let path = match key.next() {
            Some(key) => Path::default().key("networks").key(key),
            None => Path::default().key("networks"),
        };
        let (old, new) = (now.get(name), then.get(name));
        let (Some(old), Some(new)) = (old, new) else {
            // A container that never ran may not know its networks yet; judging knows better.
            if new.is_none() && name != "none" && name != "bridge" {
                changes.push(change(path, Some(&json!(name)), None));
            }
            continue;
        };
        let named = |endpoint: &Value| -> Vec<String> {
            let all = endpoint["Aliases"].as_array().into_iter().flatten();
            let all = all.filter_map(Value::as_str);
            let mut own: Vec<String> = all
                .filter(|alias| !(alias.len() == 12 && id.starts_with(*alias)))
                .map(str::to_owned)
                .collect();
            own.sort();
            own.dedup();
            own
        };
        let (old_names, new_names) = (named(old), named(new));
        if old_names != new_names {
            let path = path.key("aliases");
            changes.push(change(
                path,
                Some(&json!(old_names)),
                Some(&json!(new_names)),
            ));
        }
        for (field, key) in [
            ("IPv4Address", "ipv4_address"),
            ("IPv6Address", "ipv6_address"),
        ] {
            let address = |it: &Value| it["IPAMConfig"].get(field).unwrap_or(&none).clone();
            let (old, new) = (address(old), address(new));
            if !same(&old, &new) {
                changes.push(change(path.key(key), Some(&old), Some(&new)));
            }
        }
        if !same(&old["DriverOpts"], &new["DriverOpts"]) {
            let path = path.key("driver_opts");
            changes.push(change(
                path,
                Some(&old["DriverOpts"]),
                Some(&new["DriverOpts"]),
            ));
        }
    }
}
