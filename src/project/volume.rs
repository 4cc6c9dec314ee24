//! A volume of the top level, and the table of its attributes.

use std::collections::BTreeMap;

use crate::document::{Node, Span};
use crate::project::attribute::{Attribute, Hash, Lower, merge, read_table};
use crate::project::network::{EXTERNAL, engine_name, read_external};
use crate::project::read::Reader;
use crate::project::render;
use crate::project::shape::Shape;

/// A volume as its files describe it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Volume {
    /// Where its key stands.
    pub span: Option<Span>,
    /// Name on the engine; `PROJECT_KEY` when not given.
    pub name: Option<String>,
    /// Driver; `local` when absent.
    pub driver: Option<String>,
    /// Options of the driver.
    pub driver_opts: BTreeMap<String, String>,
    /// Made by somebody else: it must exist and is never touched.
    pub external: bool,
    /// Labels.
    pub labels: BTreeMap<String, String>,
}

const USED: Lower<Volume> = Lower::UsedBy("plan/resources.rs");

/// Every attribute of a volume, in the order that printing and hashing follow.
pub const TABLE: &[Attribute<Volume>] = &[
    Attribute {
        key: "name",
        about: "Name on the engine (default `PROJECT_KEY`).",
        example: "shared",
        shape: Shape::String,
        parse: |node, volume, reader| volume.name = reader.string(node),
        merge: merge::default,
        render: |volume| render::text(volume.name.as_deref()),
        hash: Hash::Included,
        lower: USED,
    },
    Attribute {
        key: "driver",
        about: "Driver (default `local`).",
        example: "vieux/sshfs",
        shape: Shape::String,
        parse: |node, volume, reader| volume.driver = reader.string(node),
        merge: merge::default,
        render: |volume| render::text(volume.driver.as_deref()),
        hash: Hash::Included,
        lower: USED,
    },
    Attribute {
        key: "driver_opts",
        about: "Options of the driver.",
        example: "{type: tmpfs, device: tmpfs}",
        shape: Shape::OPTIONS,
        parse: |node, volume, reader| volume.driver_opts = reader.options(node),
        merge: merge::default,
        render: |volume| render::strings(&volume.driver_opts),
        hash: Hash::Included,
        lower: USED,
    },
    Attribute {
        key: "external",
        about: "Made by somebody else: it must exist and is never touched.",
        example: "true",
        shape: EXTERNAL,
        parse: |node, volume, reader| {
            volume.external = read_external(node, &mut volume.name, reader);
        },
        merge: merge::default,
        render: |volume| render::flag(volume.external),
        hash: Hash::Included,
        lower: USED,
    },
    Attribute {
        key: "labels",
        about: "Labels of the volume.",
        example: "{team: web}",
        shape: Shape::KEY_VALUES,
        parse: |node, volume, reader| volume.labels = reader.labels(node),
        merge: merge::key_value,
        render: |volume| render::strings(&volume.labels),
        hash: Hash::Included,
        lower: USED,
    },
];

/// Reads a volume; nothing at all means all defaults.
pub fn read(_: &str, key_span: Span, node: &Node, reader: &mut Reader<'_>) -> Volume {
    let mut volume = Volume {
        span: Some(key_span),
        ..Volume::default()
    };
    if !node.is_null() {
        read_table(node, TABLE, &mut volume, reader);
    }
    let own =
        volume.driver.is_some() || !volume.driver_opts.is_empty() || !volume.labels.is_empty();
    if volume.external && own {
        let reason = "an external volume has a name and nothing else";
        reader.invalid(node, reason, "made by somebody else");
    }
    volume
}

impl Volume {
    /// Name on the engine.
    pub fn engine_name(&self, project: &str, key: &str) -> String {
        engine_name(self.name.as_deref(), self.external, project, key)
    }
}
