//! `logging`: where the engine keeps a container's output.

use std::collections::BTreeMap;

use bollard::models::HostConfigLogConfig;

use crate::document::merge::Rule;
use crate::document::{Diagnostic, Node, ScalarKind, Value};
use crate::project::attribute::{Attribute, Hash, Lower, merge, read_table, render_table};
use crate::project::render;
use crate::project::request::Request;
use crate::project::service::Service;
use crate::project::shape::{Shape, keys};

/// A logging section.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Logging {
    /// `json-file`, `local`, `journald`, …; the engine's default when absent.
    pub driver: Option<String>,
    /// Options of the driver.
    pub options: BTreeMap<String, String>,
}

/// The row of `logging`.
pub const ROW: Attribute<Service> = Attribute {
    key: "logging",
    about: "Where the engine keeps the output.",
    example: "{driver: local}",
    shape: Shape::object("logging", || keys(TABLE)),
    parse: |node, service, reader| {
        read_table(node, TABLE, service.logging.get_or_insert_default(), reader);
    },
    merge: |rest| {
        if rest.is_empty() {
            Rule::Custom(merge_same_driver)
        } else {
            Rule::Default
        }
    },
    render: |service| {
        service
            .logging
            .as_ref()
            .map(|logging| render_table(TABLE, logging))
    },
    hash: Hash::Included,
    lower: Lower::Request(lower),
};

/// The keys of `logging`.
pub const TABLE: &[Attribute<Logging>] = &[
    Attribute {
        key: "driver",
        about: "`json-file`, `local`, `journald`, `none`, …",
        example: "local",
        shape: Shape::String,
        parse: |node, logging, reader| logging.driver = reader.string(node),
        merge: merge::default,
        render: |logging| render::text(logging.driver.as_deref()),
        hash: Hash::Included,
        lower: Lower::UsedBy("project/service/logging.rs"),
    },
    Attribute {
        key: "options",
        about: "Options of the driver.",
        example: "{max-size: 10m}",
        shape: Shape::Map(&Shape::OneOf(&[Shape::Number, Shape::Null])),
        parse: |node, logging, reader| logging.options = read_options(node, reader),
        merge: merge::default,
        render: |logging| render::strings(&logging.options),
        hash: Hash::Included,
        lower: Lower::UsedBy("project/service/logging.rs"),
    },
];

/// Strings, numbers and nothing; no booleans.
fn read_options(
    node: &Node,
    reader: &mut crate::project::read::Reader<'_>,
) -> BTreeMap<String, String> {
    for (key, entry) in reader.mapping(node).into_iter().flatten() {
        if let Some(ScalarKind::Bool(_)) = entry.value.as_scalar().map(|scalar| scalar.kind) {
            reader.within(key, |reader| {
                reader.expected(&entry.value, "a string or a number");
            });
        }
    }
    reader.labels(node)
}

/// Options of different drivers have nothing to do with each other: sections join only when the
/// driver is the same or one side names none.
#[expect(clippy::unnecessary_wraps, reason = "the signature of a rule")]
fn merge_same_driver(base: Node, over: Node) -> Result<Node, Vec<Diagnostic>> {
    let driver = |node: &Node| node.get("driver").and_then(Node::as_str).map(str::to_owned);
    let same = match (driver(&base), driver(&over)) {
        (Some(base), Some(over)) => base == over,
        _ => true,
    };
    let (Value::Mapping(mut joined), Value::Mapping(later), true) =
        (base.value, over.value.clone(), same)
    else {
        return Ok(over);
    };
    for (key, entry) in later {
        match (
            joined.get_mut(&key).map(|entry| &mut entry.value.value),
            entry.value.value.clone(),
        ) {
            (Some(Value::Mapping(earlier)), Value::Mapping(later)) => earlier.extend(later),
            _ => {
                joined.insert(key, entry);
            }
        }
    }
    Ok(Node::mapping(over.span, joined))
}

fn lower(service: &Service, request: &mut Request<'_>) {
    request.host.log_config = service.logging.as_ref().map(|logging| HostConfigLogConfig {
        typ: Some(logging.driver.clone().unwrap_or_default()),
        config: (!logging.options.is_empty())
            .then(|| logging.options.clone().into_iter().collect()),
    });
}
