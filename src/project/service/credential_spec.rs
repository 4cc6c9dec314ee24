//! `credential_spec`: credentials of a managed service account (Windows).
//!
//! docker compose reads the section, and nothing comes of it.

use crate::project::attribute::{
    Attribute, Hash, Lower, merge, merge_rule, read_table, render_table,
};
use crate::project::render;
use crate::project::service::Service;
use crate::project::shape::{Shape, keys};

/// A section `credential_spec`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CredentialSpec {
    /// Name of a config.
    pub config: Option<String>,
    /// File of the engine's host.
    pub file: Option<String>,
    /// Entry of the registry of the engine's host.
    pub registry: Option<String>,
}

const NOTHING: &str = "neither docker compose nor rcompose passes it on";

/// The row of `credential_spec`.
pub const ROW: Attribute<Service> = Attribute {
    key: "credential_spec",
    about: "Credentials of a managed service account (Windows).",
    example: "{file: my-spec.json}",
    shape: Shape::object("credential_spec", || keys(TABLE)),
    parse: |node, service, reader| {
        read_table(
            node,
            TABLE,
            service.credential_spec.get_or_insert_default(),
            reader,
        );
    },
    merge: |rest| merge_rule(TABLE, rest),
    render: |service| {
        let spec = service.credential_spec.as_ref()?;
        Some(render_table(TABLE, spec))
    },
    hash: Hash::Included,
    lower: Lower::NoEffect(NOTHING),
};

/// The keys of `credential_spec`.
pub const TABLE: &[Attribute<CredentialSpec>] = &[
    Attribute {
        key: "config",
        about: "Name of a config that holds it.",
        example: "spec",
        shape: Shape::String,
        parse: |node, spec, reader| spec.config = reader.string(node),
        merge: merge::default,
        render: |spec| render::text(spec.config.as_deref()),
        hash: Hash::Included,
        lower: Lower::NoEffect(NOTHING),
    },
    Attribute {
        key: "file",
        about: "File of the engine's host that holds it.",
        example: "my-spec.json",
        shape: Shape::String,
        parse: |node, spec, reader| spec.file = reader.string(node),
        merge: merge::default,
        render: |spec| render::text(spec.file.as_deref()),
        hash: Hash::Included,
        lower: Lower::NoEffect(NOTHING),
    },
    Attribute {
        key: "registry",
        about: "Entry of the registry of the engine's host that holds it.",
        example: "my-spec",
        shape: Shape::String,
        parse: |node, spec, reader| spec.registry = reader.string(node),
        merge: merge::default,
        render: |spec| render::text(spec.registry.as_deref()),
        hash: Hash::Included,
        lower: Lower::NoEffect(NOTHING),
    },
];
