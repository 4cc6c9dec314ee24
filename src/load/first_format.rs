//! The first Compose format: services at the top level, as it was before `services:` existed.
//!
//! A file is of that format when it has no section of today's and each of its values is a mapping
//! with an `image`, a `build` or an `extends`. It is rewritten as a tree into today's format; every value keeps
//! its place. What differs in spirit is mapped: containers join the project's network instead of
//! the engine's bridge, where links work the same and names resolve besides.

use crate::document::{Diagnostic, Entry, Mapping, Node, Span, Value};

const SECTIONS: [&str; 8] = [
    "version", "name", "include", "services", "networks", "volumes", "secrets", "configs",
];

/// Rewrites a document of the first format, and says so.
pub(super) fn upgrade(document: &mut Node, diagnostics: &mut Vec<Diagnostic>) {
    if !is_first_format(document) {
        return;
    }
    let span = document.span;
    let Value::Mapping(services) =
        std::mem::replace(&mut document.value, Value::Mapping(Mapping::new()))
    else {
        return;
    };
    let first = services
        .iter()
        .find(|(key, _)| !key.starts_with("x-"))
        .map_or(span, |(_, entry)| entry.key_span);
    let message = "this file is in the first Compose format, with services at the top level";
    let note = Diagnostic::warning(message)
        .code("first-format")
        .at(first, "a service");
    diagnostics.push(note.help("it is read as if they stood under `services:`"));
    let (extensions, services): (Mapping, Mapping) = services
        .into_iter()
        .partition(|(key, _)| key.starts_with("x-"));
    let names: Vec<String> = services.keys().cloned().collect();
    let mut upgrade = Upgrade {
        services: &names,
        volumes: Mapping::new(),
    };
    let mut upgraded = Mapping::new();
    for (name, entry) in services {
        let value = upgrade.service(entry.value);
        upgraded.insert(
            name,
            Entry {
                key_span: entry.key_span,
                value,
            },
        );
    }
    let mut sections = extensions;
    insert(
        &mut sections,
        "services",
        first,
        Node::mapping(span, upgraded),
    );
    if !upgrade.volumes.is_empty() {
        insert(
            &mut sections,
            "volumes",
            span,
            Node::mapping(span, upgrade.volumes),
        );
    }
    document.value = Value::Mapping(sections);
}

fn is_first_format(document: &Node) -> bool {
    let Some(mapping) = document.as_mapping() else {
        return false;
    };
    let mut services = mapping
        .iter()
        .filter(|(key, _)| !key.starts_with("x-"))
        .peekable();
    services.peek().is_some() && services.all(|(key, entry)| is_service(key, &entry.value))
}

/// A section of today's format may have a service called `image` or `build`, which is a mapping.
fn is_service(key: &str, node: &Node) -> bool {
    let is_text = |key| {
        node.get(key)
            .is_some_and(|value| value.as_scalar().is_some())
    };
    if SECTIONS.contains(&key) {
        return is_text("image") || is_text("build");
    }
    ["image", "build", "extends"]
        .iter()
        .any(|key| node.get(key).is_some())
}

fn insert(mapping: &mut Mapping, key: &str, key_span: Span, value: Node) {
    mapping.insert(key.to_owned(), Entry { key_span, value });
}

struct Upgrade<'a> {
    services: &'a [String],
    /// Volumes that services name; in the first format nobody declared them.
    volumes: Mapping,
}

impl Upgrade<'_> {
    fn service(&mut self, node: Node) -> Node {
        let (span, tag) = (node.span, node.tag);
        let Value::Mapping(mut mapping) = node.value else {
            return node;
        };
        move_dockerfile(&mut mapping);
        move_logging(&mut mapping);
        if let Some(entry) = mapping.shift_remove("net") {
            let value = self.network_mode(entry.value);
            insert(&mut mapping, "network_mode", entry.key_span, value);
        }
        if let Some(entry) = mapping.get_mut("volumes_from") {
            self.volumes_from(&mut entry.value);
        }
        let driver = mapping
            .shift_remove("volume_driver")
            .map(|entry| entry.value);
        if let Some(entry) = mapping.get("volumes") {
            self.declare_volumes(&entry.value, driver.as_ref());
        }
        Node {
            span,
            tag,
            value: Value::Mapping(mapping),
        }
    }

    /// `container:NAME` means the service of that name, where there is one.
    fn network_mode(&self, node: Node) -> Node {
        let target = node
            .as_str()
            .and_then(|mode| mode.strip_prefix("container:"));
        match target.filter(|target| self.services.iter().any(|service| service == target)) {
            Some(service) => Node::string(node.span, format!("service:{service}")),
            None => node,
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
            if name != "container" && !self.services.iter().any(|service| service == name) {
                *item = Node::string(item.span, format!("container:{text}"));
            }
        }
    }

    /// Named volumes carry their name as it is, without the project's.
    fn declare_volumes(&mut self, node: &Node, driver: Option<&Node>) {
        for item in node.as_sequence().unwrap_or_default() {
            let Some((source, _)) = item.as_str().and_then(|text| text.split_once(':')) else {
                continue;
            };
            if source.starts_with(['.', '/', '~'])
                || source.contains('\\')
                || self.volumes.contains_key(source)
            {
                continue;
            }
            let mut volume = Mapping::new();
            insert(
                &mut volume,
                "name",
                item.span,
                Node::string(item.span, source),
            );
            if let Some(driver) = driver {
                insert(&mut volume, "driver", driver.span, driver.clone());
            }
            insert(
                &mut self.volumes,
                source,
                item.span,
                Node::mapping(item.span, volume),
            );
        }
    }
}

/// `build: .` with `dockerfile: X` beside it.
fn move_dockerfile(service: &mut Mapping) {
    let Some(dockerfile) = service.shift_remove("dockerfile") else {
        return;
    };
    let Some(build) = service.get_mut("build") else {
        service.insert("dockerfile".to_owned(), dockerfile);
        return;
    };
    let context = build.value.clone();
    let mut long = Mapping::new();
    insert(&mut long, "context", context.span, context.clone());
    long.insert("dockerfile".to_owned(), dockerfile);
    build.value = Node::mapping(context.span, long);
}

/// `log_driver` and `log_opt` become `logging`.
fn move_logging(service: &mut Mapping) {
    let (driver, options) = (
        service.shift_remove("log_driver"),
        service.shift_remove("log_opt"),
    );
    let Some(span) = driver
        .as_ref()
        .or(options.as_ref())
        .map(|entry| entry.key_span)
    else {
        return;
    };
    let mut logging = Mapping::new();
    logging.extend(driver.map(|entry| ("driver".to_owned(), entry)));
    logging.extend(options.map(|entry| ("options".to_owned(), entry)));
    insert(service, "logging", span, Node::mapping(span, logging));
}
