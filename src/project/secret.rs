//! A secret of the top level, and the table of its attributes.

use std::collections::BTreeMap;

use crate::document::{Node, Span};
use crate::project::attribute::{Attribute, Hash, Lower, merge, read_table};
use crate::project::network::{EXTERNAL, read_external};
use crate::project::read::Reader;
use crate::project::render;
use crate::project::shape::Shape;

/// A secret: text that services find as a file, and that is never printed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Secret {
    /// Where its key stands.
    pub span: Option<Span>,
    /// Name; `PROJECT_KEY` when not given.
    pub name: Option<String>,
    /// File on this machine (absolute) that holds it.
    pub file: Option<String>,
    /// Variable of the project's environment that holds it.
    pub environment: Option<String>,
    /// Made by somebody else.
    pub external: bool,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Driver.
    pub driver: Option<String>,
    /// Options of the driver.
    pub driver_opts: BTreeMap<String, String>,
    /// Driver of its template.
    pub template_driver: Option<String>,
}

const USED: Lower<Secret> = Lower::UsedBy("project/service/mounts.rs");

const HASH: Hash = Hash::Excluded("what a service says of it counts, not what it is");

/// Every attribute of a secret, in the order that printing follows.
pub const TABLE: &[Attribute<Secret>] = &[
    Attribute {
        key: "name",
        about: "Name (default `PROJECT_KEY`).",
        example: "shared",
        shape: Shape::String,
        parse: |node, secret, reader| secret.name = reader.string(node),
        merge: merge::default,
        render: |secret| render::text(secret.name.as_deref()),
        hash: HASH,
        lower: Lower::NoEffect(super::unsupported::SWARM),
    },
    Attribute {
        key: "file",
        about: "File that holds it.",
        example: "/etc/token",
        shape: Shape::String,
        parse: |node, secret, reader| {
            let path = reader.string(node);
            secret.file = path.map(|path| reader.file_path(node, &path));
        },
        merge: merge::default,
        render: |secret| render::text(secret.file.as_deref()),
        hash: HASH,
        lower: USED,
    },
    Attribute {
        key: "environment",
        about: "Variable that holds it.",
        example: "TOKEN",
        shape: Shape::String,
        parse: |node, secret, reader| secret.environment = reader.string(node),
        merge: merge::default,
        render: |secret| render::text(secret.environment.as_deref()),
        hash: HASH,
        lower: Lower::UsedBy("load/contents.rs"),
    },
    Attribute {
        key: "external",
        about: "Made by somebody else.",
        example: "true",
        shape: EXTERNAL,
        parse: |node, secret, reader| {
            secret.external = read_external(node, &mut secret.name, reader);
        },
        merge: merge::default,
        render: |secret| render::flag(secret.external),
        hash: HASH,
        lower: Lower::NotYet(super::unsupported::NO_STORE),
    },
    Attribute {
        key: "labels",
        about: "Labels of the secret.",
        example: "{team: web}",
        shape: Shape::KEY_VALUES,
        parse: |node, secret, reader| secret.labels = reader.labels(node),
        merge: merge::key_value,
        render: |secret| render::strings(&secret.labels),
        hash: HASH,
        lower: Lower::NoEffect(super::unsupported::SWARM),
    },
    Attribute {
        key: "driver",
        about: "Driver.",
        example: "vault",
        shape: Shape::String,
        parse: |node, secret, reader| secret.driver = reader.string(node),
        merge: merge::default,
        render: |secret| render::text(secret.driver.as_deref()),
        hash: HASH,
        lower: Lower::NoEffect(super::unsupported::SWARM),
    },
    Attribute {
        key: "driver_opts",
        about: "Options of the driver.",
        example: "{a: b}",
        shape: Shape::OPTIONS,
        parse: |node, secret, reader| secret.driver_opts = reader.options(node),
        merge: merge::default,
        render: |secret| render::strings(&secret.driver_opts),
        hash: HASH,
        lower: Lower::NoEffect(super::unsupported::SWARM),
    },
    Attribute {
        key: "template_driver",
        about: "Driver of its template.",
        example: "golang",
        shape: Shape::String,
        parse: |node, secret, reader| secret.template_driver = reader.string(node),
        merge: merge::default,
        render: |secret| render::text(secret.template_driver.as_deref()),
        hash: HASH,
        lower: Lower::NoEffect(super::unsupported::SWARM),
    },
];

/// Reads a secret.
pub fn read(name: &str, key_span: Span, node: &Node, reader: &mut Reader<'_>) -> Secret {
    let mut secret = Secret {
        span: Some(key_span),
        ..Secret::default()
    };
    if !node.is_null() {
        read_table(node, TABLE, &mut secret, reader);
    }
    let named = secret.environment.as_ref().is_some_and(|it| !it.is_empty());
    if secret.file.is_some() == named && !secret.external {
        let reason = format!("secret `{name}` needs one of `file` and `environment`");
        reader.invalid(node, reason, "this secret");
    }
    secret
}
