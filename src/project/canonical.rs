//! The joined tree in its long forms, for `config --no-interpolate`: what can be said of a model
//! whose variables are not replaced.
//!
//! A short form becomes a long one where its row can read it; one that it cannot read, because a
//! variable stands in it, stays as it is written. What normalization fills in is filled in.

use std::collections::BTreeSet;

use super::attribute::Data;
use super::read::{Reader, Surroundings};
use super::service::{self, Service, links, volumes_from};
use super::{network::engine_name, render};
use crate::document::{Node, Value};

/// Attributes whose long form is what their row prints.
const BY_ROW: [&str; 6] = [
    "depends_on",
    "devices",
    "gpus",
    "models",
    "networks",
    "ports",
];
/// Attributes that are lists even where one value is given.
const LISTS: [&str; 1] = ["dns"];
/// Sections whose members have names on the engine.
const NAMED: [&str; 4] = ["networks", "volumes", "configs", "secrets"];

/// The long form of a tree. What is meant without being written is added when `complete`.
pub fn canonical(
    document: &Node,
    name: &str,
    surroundings: &Surroundings<'_>,
    complete: bool,
) -> Data {
    let canon = Canon {
        surroundings,
        complete,
    };
    let mut data = render::node(document);
    let Data::Mapping(sections) = &mut data else {
        return data;
    };
    sections.shift_remove("version");
    sections.insert("name".into(), name.into());
    let services = document.get("services").and_then(Node::as_mapping);
    for (key, entry) in services.into_iter().flatten() {
        let place = sections.get_mut("services").and_then(|it| it.get_mut(key));
        if let Some(place) = place {
            canon.service(&entry.value, place);
        }
    }
    if complete && uses_default(sections.get("services")) {
        let networks = sections
            .entry("networks".into())
            .or_insert_with(|| render::object([]));
        if let Data::Mapping(networks) = networks {
            networks
                .entry("default".into())
                .or_insert_with(|| render::object([]));
        }
    }
    for section in NAMED {
        let members = document.get(section);
        if let Some(Data::Mapping(printed)) = sections.get_mut(section) {
            for (key, member) in printed.iter_mut() {
                let key = key.as_str().unwrap_or_default();
                let node = members.and_then(|members| members.get(key));
                canon.member(node, key, name, member);
            }
        }
    }
    in_order(data)
}

/// The long form of one member of a section, as an included file hands it on: what nobody wrote is
/// not filled in.
pub fn imported(section: &str, node: &Node, surroundings: &Surroundings<'_>) -> Data {
    let canon = Canon {
        surroundings,
        complete: false,
    };
    let mut data = render::node(node);
    if section == "services" {
        canon.service(node, &mut data);
        return data;
    }
    canon.resolve(node, "file", &mut data);
    if let (Some(external), Data::Mapping(printed)) = (node.get("external"), &mut data)
        && let Some(name) = external.get("name")
    {
        printed.insert("name".into(), render::node(name));
        printed.insert("external".into(), true.into());
    }
    data
}

struct Canon<'a> {
    surroundings: &'a Surroundings<'a>,
    complete: bool,
}

impl Canon<'_> {
    fn service(&self, node: &Node, place: &mut Data) {
        let Data::Mapping(printed) = place else {
            return;
        };
        for (key, entry) in node.as_mapping().into_iter().flatten() {
            let value = &entry.value;
            let long = match key.as_str() {
                _ if value.is_null() => None,
                "build" => Some(self.build(value)),
                "env_file" => Some(each(value, |item| self.env_file(item))),
                "label_file" => Some(each(value, |item| self.path(item))),
                "volumes" => Some(each(value, |item| self.mount(item))),
                "configs" | "secrets" => Some(each(value, |item| self.file(key, item))),
                "ports" => Some(self.ports(value)),
                "develop" => Some(self.develop(value)),
                "gpus" if value.as_str() == Some("all") => {
                    Some(Data::Sequence(vec![render::object([(
                        "count",
                        Some("all".into()),
                    )])]))
                }
                "networks" if value.as_sequence().is_some() => self.by_row(key, value),
                key if BY_ROW.contains(&key) => self.by_row(key, value),
                key if LISTS.contains(&key) => Some(each(value, render::node)),
                _ => None,
            };
            if let Some(long) = long {
                printed.insert(key.as_str().into(), long);
            }
        }
        if self.complete {
            complete(printed);
        }
    }

    /// What an attribute's row prints, if it can read what is written.
    fn by_row(&self, key: &str, value: &Node) -> Option<Data> {
        let row = service::TABLE.iter().find(|row| row.key == key)?;
        let mut reader = Reader::new(self.surroundings);
        let mut service = Service::default();
        (row.parse)(value, &mut service, &mut reader);
        let broken = !reader.finish().is_empty();
        (row.render)(&service).filter(|_| !broken)
    }

    /// One item of a list by its row.
    fn item(&self, key: &str, item: &Node) -> Option<Data> {
        let list = Node::sequence(item.span, vec![item.clone()]);
        match self.by_row(key, &list)? {
            Data::Sequence(mut items) if items.len() == 1 => items.pop(),
            _ => None,
        }
    }

    fn path(&self, node: &Node) -> Data {
        match node.as_str() {
            Some(text) => Reader::new(self.surroundings).file_path(node, text).into(),
            None => render::node(node),
        }
    }

    fn resolve(&self, node: &Node, key: &str, printed: &mut Data) {
        if let (Some(below), Data::Mapping(printed)) = (node.get(key), printed) {
            printed.insert(key.into(), self.path(below));
        }
    }

    fn env_file(&self, item: &Node) -> Data {
        if item.as_mapping().is_none() {
            return render::object([
                ("path", Some(self.path(item))),
                ("required", Some(true.into())),
            ]);
        }
        let mut printed = render::node(item);
        self.resolve(item, "path", &mut printed);
        if let Data::Mapping(printed) = &mut printed {
            printed.entry("required".into()).or_insert(Data::Bool(true));
        }
        printed
    }

    fn mount(&self, item: &Node) -> Data {
        if item.as_mapping().is_none() {
            return self
                .item("volumes", item)
                .unwrap_or_else(|| render::node(item));
        }
        let mut printed = render::node(item);
        if item.get("type").and_then(Node::as_str) == Some("bind") {
            self.resolve(item, "source", &mut printed);
        }
        printed
    }

    fn file(&self, key: &str, item: &Node) -> Data {
        let mut printed = match item.as_str() {
            Some(source) => render::object([("source", Some(source.into()))]),
            None => render::node(item),
        };
        let source = printed.get("source").and_then(Data::as_str);
        let target = source.map(|source| format!("/run/secrets/{source}"));
        if let (Data::Mapping(printed), Some(target), "secrets", true) =
            (&mut printed, target, key, self.complete)
        {
            printed.entry("target".into()).or_insert(target.into());
        }
        printed
    }

    /// One port with a variable in it keeps all of them short.
    fn ports(&self, value: &Node) -> Data {
        self.by_row("ports", value).unwrap_or_else(|| {
            each(value, |item| match item.as_mapping() {
                None => render::node(item),
                Some(_) => {
                    let mut printed = render::node(item);
                    if let Data::Mapping(printed) = &mut printed {
                        printed.entry("mode".into()).or_insert("ingress".into());
                        printed.entry("protocol".into()).or_insert("tcp".into());
                    }
                    printed
                }
            })
        })
    }

    fn develop(&self, value: &Node) -> Data {
        let mut printed = render::node(value);
        let rules = value.get("watch").and_then(Node::as_sequence);
        if let Some(Data::Sequence(places)) = printed.get_mut("watch") {
            for (rule, place) in rules.into_iter().flatten().zip(places) {
                self.resolve(rule, "path", place);
            }
        }
        printed
    }

    fn build(&self, value: &Node) -> Data {
        let mut printed = match &value.value {
            Value::Mapping(_) => render::node(value),
            _ => render::object([("context", Some(render::node(value)))]),
        };
        let by_row = self.by_row("build", value);
        let Data::Mapping(parts) = &mut printed else {
            return printed;
        };
        let reader = Reader::new(self.surroundings);
        let context = match value.as_mapping() {
            None => Some(value),
            Some(parts) => parts.get("context").map(|entry| &entry.value),
        };
        let read = by_row.as_ref().and_then(|row| row.get("context")).cloned();
        let context =
            read.unwrap_or_else(
                || match context.and_then(|node| Some((node, node.as_str()?))) {
                    Some((node, text)) => reader.file_path(node, text).into(),
                    None => reader.file_path(value, ".").into(),
                },
            );
        parts.insert("context".into(), context);
        for key in [
            "additional_contexts",
            "ssh",
            "secrets",
            "provenance",
            "sbom",
        ] {
            let long = by_row.as_ref().and_then(|row| row.get(key));
            if let (Some(long), true) = (long, parts.contains_key(key)) {
                parts.insert(key.into(), long.clone());
            }
        }
        if let Some(ssh @ Data::Sequence(_)) = parts.get_mut("ssh") {
            *ssh = keyed(ssh);
        }
        if let Some(secrets) = value.get("secrets") {
            let long = each(secrets, |item| match item.as_str() {
                Some(source) => render::object([("source", Some(source.into()))]),
                None => render::node(item),
            });
            parts.insert("secrets".into(), long);
        }
        if self.complete {
            if !parts.contains_key("dockerfile_inline") {
                parts
                    .entry("dockerfile".into())
                    .or_insert("Dockerfile".into());
            }
            if let Some(args) = parts.get_mut("args") {
                self.arguments(args);
            }
        }
        printed
    }

    /// Arguments without a value take the environment's, or are left out.
    fn arguments(&self, args: &mut Data) {
        let variable = |name: &str| (self.surroundings.variables)(name);
        match args {
            Data::Mapping(pairs) => {
                for (name, value) in pairs.iter_mut().filter(|(_, value)| value.is_null()) {
                    if let Some(found) = name.as_str().and_then(variable) {
                        *value = found.into();
                    }
                }
                pairs.retain(|_, value| !value.is_null());
            }
            Data::Sequence(items) => {
                for item in items.iter_mut() {
                    let name = item.as_str().filter(|text| !text.contains('='));
                    let Some(name) = name.map(str::to_owned) else {
                        continue;
                    };
                    *item = variable(&name).map_or(Data::Null, |it| format!("{name}={it}").into());
                }
                items.retain(|item| !item.is_null());
            }
            _ => {}
        }
    }

    fn member(&self, node: Option<&Node>, key: &str, project: &str, member: &mut Data) {
        if member.is_null() {
            *member = render::object([]);
        }
        if let Some(node) = node {
            self.resolve(node, "file", member);
        }
        let Data::Mapping(printed) = member else {
            return;
        };
        if self.complete {
            let external = printed.get("external").and_then(Data::as_bool) == Some(true);
            let given = printed.get("name").and_then(Data::as_str);
            let name = engine_name(given, external, project, key);
            printed.insert("name".into(), name.into());
        }
    }
}

/// Every item of a list, or the one value that stands for a list, in its long form.
fn each(value: &Node, long: impl Fn(&Node) -> Data) -> Data {
    let items = value.as_sequence().unwrap_or(std::slice::from_ref(value));
    Data::Sequence(items.iter().map(long).collect())
}

/// A list of `KEY=VALUE` as a mapping.
fn keyed(list: &Data) -> Data {
    let items = list.as_sequence().into_iter().flatten();
    let pairs = items
        .filter_map(Data::as_str)
        .map(|text| match text.split_once('=') {
            Some((key, value)) => (key.into(), value.into()),
            None => (text.into(), Data::Null),
        });
    Data::Mapping(pairs.collect())
}

/// What a service means without saying it.
fn complete(service: &mut serde_yaml::Mapping) {
    if service.get("pull_policy").and_then(Data::as_str) == Some("if_not_present") {
        service.insert("pull_policy".into(), "missing".into());
    }
    let joined = match service.get("networks") {
        Some(Data::Mapping(networks)) => !networks.is_empty(),
        _ => false,
    };
    let elsewhere = service.contains_key("network_mode") || service.contains_key("provider");
    if !joined && !elsewhere {
        let default = render::object([("default", Some(Data::Null))]);
        service.insert("networks".into(), default);
    }
    for (name, restart) in implied(service) {
        let dependencies = service
            .entry("depends_on".into())
            .or_insert_with(|| render::object([]));
        if let Data::Mapping(dependencies) = dependencies {
            let dependency = render::object([
                ("condition", Some("service_started".into())),
                ("required", Some(true.into())),
                ("restart", Some(restart.into())),
            ]);
            dependencies.entry(name.into()).or_insert(dependency);
        }
    }
}

/// The services that others attributes refer to, and whether a restart of theirs counts.
fn implied(service: &serde_yaml::Mapping) -> Vec<(String, bool)> {
    let texts = |key: &str| -> Vec<String> {
        let items = service.get(key).and_then(Data::as_sequence);
        let items = items.into_iter().flatten().filter_map(Data::as_str);
        items.map(str::to_owned).collect()
    };
    let mut names: Vec<(String, bool)> = texts("links")
        .iter()
        .map(|link| (links::split(link).0.to_owned(), true))
        .collect();
    for key in ["network_mode", "ipc", "pid", "uts", "cgroup"] {
        let mode = service.get(key).and_then(Data::as_str);
        let target = mode.and_then(|mode| mode.strip_prefix("service:"));
        names.extend(target.map(|name| (name.to_owned(), true)));
    }
    for entry in texts("volumes_from") {
        if let (volumes_from::Target::Service(name), _) = volumes_from::split(&entry) {
            names.push((name.to_owned(), false));
        }
    }
    names
}

fn uses_default(services: Option<&Data>) -> bool {
    let services = services.and_then(Data::as_mapping).into_iter().flatten();
    let networks: BTreeSet<&str> = services
        .filter_map(|(_, service)| service.get("networks")?.as_mapping())
        .flat_map(|networks| networks.keys().filter_map(Data::as_str))
        .collect();
    networks.contains("default")
}

/// With the keys of every mapping in order.
fn in_order(data: Data) -> Data {
    match data {
        Data::Mapping(mapping) => {
            let mut entries: Vec<(Data, Data)> = mapping
                .into_iter()
                .map(|(key, value)| (key, in_order(value)))
                .collect();
            entries.sort_by(|(one, _), (other, _)| one.as_str().cmp(&other.as_str()));
            Data::Mapping(entries.into_iter().collect())
        }
        Data::Sequence(items) => Data::Sequence(items.into_iter().map(in_order).collect()),
        scalar => scalar,
    }
}
