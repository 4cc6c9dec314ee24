//! The first Compose format: services at the top level, as it was before `services:` existed.
//!
//! A file is of that format when it has no section of today's and each of its values is a mapping
//! with an `image`, a `build` or an `extends`; beside such a file, or as the base of an `extends`,
//! services without them will do. A file that says `version` in words is never of it: docker-compose
//! 1.x refused `version: "1"`, too.
//!
//! It is read as today's format in two steps, both on the tree, so that every value keeps its place:
//!
//! | when | what |
//! |---|---|
//! | a document is read ([`upgrade`]) | services move under `services`, keys get today's names |
//! | all is joined ([`settle`]) | what depends on other services and files: who `container:NAME` is, which volumes there are |
//!
//! What differs in spirit is mapped: containers join the project's network instead of the engine's
//! bridge, where links work the same and names resolve besides. `net: bridge` is that network too.

use std::collections::BTreeSet;

use crate::document::{Diagnostic, Entry, Mapping, Node, SourceId, Span, Value};
use crate::project::service::volumes::{named_in_short, unnamed_in_short};

const SECTIONS: [&str; 9] = [
    "version", "name", "include", "services", "networks", "volumes", "secrets", "configs", "models",
];

/// A document that was of the first format.
#[derive(Debug, Clone, Copy)]
pub struct FirstFormat {
    /// The whole document.
    pub span: Span,
    /// The name of its first service.
    pub first: Span,
}

/// Rewrites the documents of files that are read together, and answers which were of the first
/// format. In documents beside such a one, and where services are `known` by name, a service may
/// have neither image nor build.
pub(super) fn upgrade(documents: &mut [Node], known: &[&str]) -> Vec<FirstFormat> {
    let mut names: BTreeSet<String> = known.iter().map(|name| (*name).to_owned()).collect();
    for document in documents.iter().filter(|it| is_first_format(it)) {
        names.extend(services(document).map(|(name, _)| name.clone()));
    }
    let mut found = Vec::new();
    for document in documents {
        if is_first_format(document) || goes_on(document, &names) {
            found.push(FirstFormat {
                span: document.span,
                first: services(document)
                    .next()
                    .map_or(document.span, |(_, entry)| entry.key_span),
            });
            rewrite(document);
        }
    }
    found
}

/// What there is to say about files of the first format: one note for all of them.
pub(super) fn note(found: &[FirstFormat]) -> Option<Diagnostic> {
    let file = found.first()?.span.source;
    let whose = if found.iter().all(|it| it.span.source == file) {
        "this file is"
    } else {
        "these files are"
    };
    let message = format!("{whose} in the first Compose format, with services at the top level");
    let mut note = Diagnostic::warning(message).code("first-format");
    for one in found {
        note = note.at(one.first, "a service");
    }
    let note = note.help("they are read as if they stood under `services:`");
    Some(note.help("`rcompose migrate` writes them in today's format"))
}

/// Entries that are not extensions.
fn services(document: &Node) -> impl Iterator<Item = (&String, &Entry)> {
    let entries = document.as_mapping().into_iter().flatten();
    entries.filter(|(key, _)| !key.starts_with("x-"))
}

fn is_first_format(document: &Node) -> bool {
    services(document).next().is_some()
        && services(document).all(|(key, entry)| is_service(key, &entry.value))
}

/// Whether a document says more about services that are known.
fn goes_on(document: &Node, names: &BTreeSet<String>) -> bool {
    let is_one = |key: &String, node: &Node| {
        let section = SECTIONS.contains(&key.as_str()) && !is_service(key, node);
        !section && node.as_mapping().is_some()
    };
    services(document).any(|(key, _)| names.contains(key))
        && services(document).all(|(key, entry)| is_one(key, &entry.value))
}

/// A section of today's format may have a service called `image` or `build`, which is a mapping.
fn is_service(key: &str, node: &Node) -> bool {
    let is_text = |key| {
        node.get(key)
            .is_some_and(|value| value.as_scalar().is_some())
    };
    let says = |key, part| node.get(key).is_some_and(|value| value.get(part).is_some());
    if is_text("image") || is_text("build") {
        return true;
    }
    !SECTIONS.contains(&key)
        && (is_text("extends") || says("extends", "service") || says("build", "context"))
}

fn rewrite(document: &mut Node) {
    let span = document.span;
    let first = services(document)
        .next()
        .map_or(span, |(_, entry)| entry.key_span);
    let Value::Mapping(entries) =
        std::mem::replace(&mut document.value, Value::Mapping(Mapping::new()))
    else {
        return;
    };
    let (mut sections, mut services): (Mapping, Mapping) = entries
        .into_iter()
        .partition(|(key, _)| key.starts_with("x-"));
    for entry in services.values_mut() {
        if let Value::Mapping(attributes) = &mut entry.value.value {
            rename(attributes);
        }
    }
    insert(
        &mut sections,
        "services",
        first,
        Node::mapping(span, services),
    );
    document.value = Value::Mapping(sections);
}

fn insert(mapping: &mut Mapping, key: &str, key_span: Span, value: Node) {
    mapping.insert(key.to_owned(), Entry { key_span, value });
}

/// Gives a service's keys the names and the nesting of today.
fn rename(service: &mut Mapping) {
    if let Some(dockerfile) = service.get("dockerfile")
        && takes_dockerfile(service)
    {
        let span = dockerfile.key_span;
        gather(service, "build", span, BUILD);
    }
    if let Some(span) = ["log_driver", "log_opt"]
        .iter()
        .find_map(|key| Some(service.get(*key)?.key_span))
    {
        gather(service, "logging", span, LOGGING);
    }
    if let Some(entry) = service.shift_remove("net") {
        service.insert("network_mode".to_owned(), entry);
    }
}

/// What becomes of keys that today are parts of one: (old name, new name).
type Parts = &'static [(&'static str, &'static str)];

/// `build: .` with `dockerfile: X` beside it.
pub(crate) const BUILD: Parts = &[("build", "context"), ("dockerfile", "dockerfile")];

/// How a container's output is kept.
pub(crate) const LOGGING: Parts = &[("log_driver", "driver"), ("log_opt", "options")];

/// Beside an image, or a build that has parts already, a `dockerfile` is a mistake that is told
/// when the service is read. Without either, the build is that of a base or of another file.
fn takes_dockerfile(service: &Mapping) -> bool {
    match service.get("build") {
        Some(build) => build.value.as_scalar().is_some(),
        None => !service.contains_key("image"),
    }
}

fn gather(service: &mut Mapping, name: &str, key_span: Span, parts: Parts) {
    let mut whole = Mapping::new();
    for (old, new) in parts {
        if let Some(entry) = service.shift_remove(*old) {
            whole.insert((*new).to_owned(), entry);
        }
    }
    insert(service, name, key_span, Node::mapping(key_span, whole));
}

/// A volume that a service of the first format names, and that nobody declares.
#[derive(Debug, Clone)]
pub struct NamedVolume {
    /// Its name, for services and for the engine alike.
    pub name: String,
    /// Where a service names it.
    pub span: Span,
    /// Its `volume_driver`.
    pub driver: Option<Node>,
}

/// Completes a project's tree where it comes from files of the first format. Answers the volumes
/// that it has declared.
pub(super) fn settle(
    tree: &mut Node,
    sources: &BTreeSet<SourceId>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<NamedVolume> {
    let names: BTreeSet<String> = tree
        .get("services")
        .and_then(Node::as_mapping)
        .map_or_else(BTreeSet::new, |services| services.keys().cloned().collect());
    let mut settle = Settle {
        sources,
        names,
        volumes: Vec::new(),
        diagnostics,
    };
    let Value::Mapping(sections) = &mut tree.value else {
        return Vec::new();
    };
    if let Some(section) = sections.get_mut("services")
        && let Value::Mapping(services) = &mut section.value.value
    {
        for entry in services.values_mut() {
            if let Value::Mapping(service) = &mut entry.value.value {
                settle.service(service);
            }
        }
    }
    let volumes = settle.volumes;
    declare(sections, volumes)
}

struct Settle<'a> {
    /// The texts of the first format.
    sources: &'a BTreeSet<SourceId>,
    names: BTreeSet<String>,
    volumes: Vec<NamedVolume>,
    diagnostics: &'a mut Vec<Diagnostic>,
}

impl Settle<'_> {
    fn is_first(&self, span: Span) -> bool {
        self.sources.contains(&span.source)
    }

    fn service(&mut self, service: &mut Mapping) {
        self.network(service);
        if let Some(entry) = service.get_mut("volumes_from") {
            self.volumes_from(&mut entry.value);
        }
        let driver = match service.get("volume_driver") {
            Some(entry) if self.is_first(entry.key_span) => service.shift_remove("volume_driver"),
            _ => None,
        };
        if let Some(entry) = service.get("volumes") {
            self.volumes(&entry.value, driver.map(|entry| entry.value).as_ref());
        }
    }

    /// `container:NAME` means the service of that name, where there is one.
    fn network(&self, service: &mut Mapping) {
        let Some(entry) = service.get_mut("network_mode") else {
            return;
        };
        if !self.is_first(entry.key_span) {
            return;
        }
        match entry.value.as_str() {
            Some("bridge" | "default") => {
                let key_span = entry.key_span;
                let default = Node::string(entry.value.span, "default");
                let networks = Node::sequence(entry.value.span, vec![default]);
                service.shift_remove("network_mode");
                if !service.contains_key("networks") {
                    insert(service, "networks", key_span, networks);
                }
            }
            Some(mode) => {
                let target = mode.strip_prefix("container:");
                if let Some(name) = target.filter(|name| self.names.contains(*name)) {
                    entry.value = Node::string(entry.value.span, format!("service:{name}"));
                }
            }
            None => {}
        }
    }

    /// A name that is no service's is a container's.
    fn volumes_from(&self, node: &mut Node) {
        let Value::Sequence(items) = &mut node.value else {
            return;
        };
        for item in items {
            let Some(text) = item.as_str() else { continue };
            let name = text.split(':').next().unwrap_or_default();
            let is_known = name == "container" || name.contains('$') || self.names.contains(name);
            if self.is_first(item.span) && !is_known {
                *item = Node::string(item.span, format!("container:{text}"));
            }
        }
    }

    /// Nobody declared volumes in the first format: naming one was enough.
    fn volumes(&mut self, node: &Node, driver: Option<&Node>) {
        for item in node.as_sequence().unwrap_or_default() {
            let Some(text) = item.as_str().filter(|_| self.is_first(item.span)) else {
                continue;
            };
            if let Some(driver) = driver
                && unnamed_in_short(text)
                && driver.as_str() != Some("local")
            {
                self.diagnostics.push(driver_of_unnamed(item, driver));
            }
            // Whether a variable holds a name is known when it has been filled in.
            let name = named_in_short(text).filter(|name| !name.contains('$'));
            if let Some(name) = name {
                self.volume(name, item.span, driver);
            }
        }
    }

    fn volume(&mut self, name: String, span: Span, driver: Option<&Node>) {
        let Some(known) = self.volumes.iter_mut().find(|it| it.name == name) else {
            self.volumes.push(NamedVolume {
                name,
                span,
                driver: driver.cloned(),
            });
            return;
        };
        match (&known.driver, driver) {
            (Some(one), Some(other)) if one.as_str() != other.as_str() => {
                let message = format!("the volume `{name}` is given two drivers");
                let error = Diagnostic::error(message)
                    .code("contradiction")
                    .at(other.span, "this one");
                let error = error.at(one.span, "and this one");
                self.diagnostics
                    .push(error.help("give every service that names it the same `volume_driver`"));
            }
            (None, Some(driver)) => known.driver = Some(driver.clone()),
            _ => {}
        }
    }
}

fn driver_of_unnamed(item: &Node, driver: &Node) -> Diagnostic {
    Diagnostic::warning("`volume_driver` has no effect on a volume without a name")
        .code("no-effect")
        .at(item.span, "this one is made by the default driver")
        .at(driver.span, "the driver that is asked for")
        .help("give the volume a name: `name:/path`")
}

/// Volumes carry their name as it is, without the project's.
fn declare(sections: &mut Mapping, volumes: Vec<NamedVolume>) -> Vec<NamedVolume> {
    let Some(first) = volumes.first().map(|volume| volume.span) else {
        return volumes;
    };
    let section = sections
        .entry("volumes".to_owned())
        .or_insert_with(|| Entry {
            key_span: first,
            value: Node::mapping(first, Mapping::new()),
        });
    if section.value.is_null() {
        section.value = Node::mapping(first, Mapping::new());
    }
    let Value::Mapping(declared) = &mut section.value.value else {
        return Vec::new();
    };
    let mut added = Vec::new();
    for volume in volumes {
        if declared.contains_key(&volume.name) {
            continue;
        }
        let span = volume.span;
        let mut parts = Mapping::new();
        insert(&mut parts, "name", span, Node::string(span, &volume.name));
        if let Some(driver) = &volume.driver {
            insert(&mut parts, "driver", driver.span, driver.clone());
        }
        insert(declared, &volume.name, span, Node::mapping(span, parts));
        added.push(volume);
    }
    added
}
