//! A config of the top level, and the table of its attributes.

use std::collections::BTreeMap;

use crate::document::{Node, Span};
use crate::project::attribute::{Attribute, Hash, Lower, merge, read_table};
use crate::project::network::{EXTERNAL, read_external};
use crate::project::read::Reader;
use crate::project::render;
use crate::project::shape::Shape;

/// A config: text that services find as a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Config {
    /// Where its key stands.
    pub span: Option<Span>,
    /// Name; `PROJECT_KEY` when not given.
    pub name: Option<String>,
    /// File on this machine (absolute) that holds it.
    pub file: Option<String>,
    /// Variable of the project's environment that holds it.
    pub environment: Option<String>,
    /// The text itself.
    pub content: Option<String>,
    /// Made by somebody else.
    pub external: bool,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Driver of its template.
    pub template_driver: Option<String>,
}

const USED: Lower<Config> = Lower::UsedBy("project/service/mounts.rs");

const HASH: Hash = Hash::Excluded("what a service says of it counts, not what it is");

/// Every attribute of a config, in the order that printing follows.
pub const TABLE: &[Attribute<Config>] = &[
    Attribute {
        key: "name",
        about: "Name (default `PROJECT_KEY`).",
        example: "shared",
        shape: Shape::String,
        parse: |node, config, reader| config.name = reader.string(node),
        merge: merge::default,
        render: |config| render::text(config.name.as_deref()),
        hash: HASH,
        lower: Lower::NoEffect(super::unsupported::SWARM),
    },
    Attribute {
        key: "file",
        about: "File that holds it.",
        example: "/etc/app.conf",
        shape: Shape::String,
        parse: |node, config, reader| {
            let path = reader.string(node);
            config.file = path.map(|path| reader.file_path(node, &path));
        },
        merge: merge::default,
        render: |config| render::text(config.file.as_deref()),
        hash: HASH,
        lower: USED,
    },
    Attribute {
        key: "environment",
        about: "Variable that holds it.",
        example: "APP_CONF",
        shape: Shape::String,
        parse: |node, config, reader| config.environment = reader.string(node),
        merge: merge::default,
        render: |config| render::text(config.environment.as_deref()),
        hash: HASH,
        lower: Lower::UsedBy("load/contents.rs"),
    },
    Attribute {
        key: "content",
        about: "The text itself.",
        example: "listen 80",
        shape: Shape::String,
        parse: |node, config, reader| config.content = reader.string(node),
        merge: merge::default,
        render: |config| render::text(config.content.as_deref()),
        hash: HASH,
        lower: Lower::UsedBy("load/contents.rs"),
    },
    Attribute {
        key: "external",
        about: "Made by somebody else.",
        example: "true",
        shape: EXTERNAL,
        parse: |node, config, reader| {
            config.external = read_external(node, &mut config.name, reader);
        },
        merge: merge::default,
        render: |config| render::flag(config.external),
        hash: HASH,
        lower: Lower::NotYet(super::unsupported::NO_STORE),
    },
    Attribute {
        key: "labels",
        about: "Labels of the config.",
        example: "{team: web}",
        shape: Shape::KEY_VALUES,
        parse: |node, config, reader| config.labels = reader.labels(node),
        merge: merge::key_value,
        render: |config| render::strings(&config.labels),
        hash: HASH,
        lower: Lower::NoEffect(super::unsupported::SWARM),
    },
    Attribute {
        key: "template_driver",
        about: "Driver of its template.",
        example: "golang",
        shape: Shape::String,
        parse: |node, config, reader| config.template_driver = reader.string(node),
        merge: merge::default,
        render: |config| render::text(config.template_driver.as_deref()),
        hash: HASH,
        lower: Lower::NoEffect(super::unsupported::SWARM),
    },
];

/// Reads a config.
pub fn read(name: &str, key_span: Span, node: &Node, reader: &mut Reader<'_>) -> Config {
    let mut config = Config {
        span: Some(key_span),
        ..Config::default()
    };
    if !node.is_null() {
        read_table(node, TABLE, &mut config, reader);
    }
    let sources = [&config.file, &config.environment, &config.content];
    let given = sources.iter().filter(|source| source.is_some()).count();
    if given != 1 && !config.external {
        let reason = format!("config `{name}` needs one of `file`, `environment` and `content`");
        reader.invalid(node, reason, "this config");
    }
    config
}
