//! The typed model: what a set of Compose files asks for, in the vocabulary of Compose.
//!
//! A model is read from one merged document by walking tables, one row per attribute (see
//! [`attribute`]). This stage does not know files, the order of loading, what exists on an engine,
//! or anything asynchronous.

pub mod attribute;
pub mod canonical;
pub mod config;
pub mod content;
pub mod hash;
pub mod model;
pub mod network;
pub mod normalize;
mod places;
mod print;
pub mod read;
pub mod record;
pub mod render;
pub mod request;
pub mod schema;
pub mod secret;
pub mod service;
pub mod shape;
pub mod top_level;
pub mod unsupported;
pub mod validate;
pub mod value;
pub mod volume;

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::document::diagnostic::nearest;
use crate::document::merge::Rule;
use crate::document::{Diagnostic, Entry, Mapping, Node, Path, Segment, Span};
use attribute::{Data, merge_rule};
use read::Reader;

pub use config::Config;
pub use model::Model;
pub use network::Network;
pub use secret::Secret;
pub use service::Service;
pub use unsupported::{not_yet, unsupported};
pub use volume::Volume;

/// Everything that one project asks for.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Project {
    /// Its name: the prefix of everything that is made for it.
    pub name: String,
    /// The folder that relative paths start from.
    pub directory: PathBuf,
    /// The files it was read from, in order (`-` for standard input).
    pub files: Vec<String>,
    /// The files given by `--env-file`, when any were.
    pub env_files: Vec<String>,
    /// Services that are wanted.
    pub services: BTreeMap<String, Service>,
    /// Services that an inactive profile leaves out; their containers are no orphans.
    pub disabled: BTreeMap<String, Service>,
    /// Networks by key.
    pub networks: BTreeMap<String, Network>,
    /// Volumes by key.
    pub volumes: BTreeMap<String, Volume>,
    /// Configs by key.
    pub configs: BTreeMap<String, Config>,
    /// Secrets by key.
    pub secrets: BTreeMap<String, Secret>,
    /// Models by key.
    pub models: BTreeMap<String, Model>,
    /// `x-` keys, which mean nothing to Compose, and where they stand.
    pub extensions: Vec<(Path, Data)>,
    /// What is set and has no effect here; see [`unsupported`].
    pub notes: Vec<unsupported::Note>,
}

/// Reads a project's parts from a merged document; its name, folder and files are the loader's to add.
pub fn read(document: &Node, reader: &mut Reader<'_>) -> Project {
    let mut project = Project::default();
    let Some(mapping) = reader.mapping(document) else {
        return project;
    };
    for (key, entry) in mapping {
        if key.starts_with("x-") {
            reader.extension(key, &entry.value);
            continue;
        }
        reader.within(key, |reader| match key.as_str() {
            "services" => project.services = read_section(&entry.value, reader, service::read),
            "networks" => project.networks = read_section(&entry.value, reader, network::read),
            "volumes" => project.volumes = read_section(&entry.value, reader, volume::read),
            "configs" => project.configs = read_section(&entry.value, reader, config::read),
            "secrets" => project.secrets = read_section(&entry.value, reader, secret::read),
            "models" => project.models = read_section(&entry.value, reader, model::read),
            "version" => {
                reader.string(&entry.value);
                reader.note(entry.key_span, unsupported::VERSION, false);
            }
            // What it says, the loader knows already.
            "name" => drop(reader.string(&entry.value)),
            // The loader has resolved it.
            "include" => {}
            key => unknown_top_level(key, entry, reader),
        });
    }
    project.notes = reader.take_notes();
    project.extensions = reader.take_extensions();
    project
}

fn unknown_top_level(key: &str, entry: &Entry, reader: &mut Reader<'_>) {
    let message = format!("unknown key `{key}` at the top level");
    let mut diagnostic = Diagnostic::error(message)
        .code("unknown-key")
        .at(entry.key_span, "not a key of the Compose Specification");
    let is_service = ["image", "build"].iter().any(|key| {
        entry
            .value
            .get(key)
            .is_some_and(|it| it.as_scalar().is_some())
    });
    if is_service {
        diagnostic = diagnostic.help("services stand under `services:`");
    } else if let Some(near) = nearest(key, top_level::KEYS.iter().map(|it| it.key)) {
        diagnostic = diagnostic.help(format!("did you mean `{near}`?"));
    }
    reader.report(diagnostic);
}

fn read_section<T>(
    node: &Node,
    reader: &mut Reader<'_>,
    read: fn(&str, Span, &Node, &mut Reader<'_>) -> T,
) -> BTreeMap<String, T> {
    let empty = Mapping::new();
    let entries = reader.mapping(node).unwrap_or(&empty);
    let mut section = BTreeMap::new();
    for (name, entry) in entries {
        if name.starts_with("x-") {
            continue;
        }
        let free = matches!(reader.path().to_string().as_str(), "networks" | "models");
        if !free
            && !name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
            || name.is_empty()
        {
            let message = format!("`{name}` cannot be a name in `{}`", reader.path());
            let label = "letters, digits, `.`, `_` and `-` only";
            reader.report(
                Diagnostic::error(message)
                    .code("invalid-name")
                    .at(entry.key_span, label),
            );
        }
        section.insert(
            name.clone(),
            reader.within(name, |reader| {
                read(name, entry.key_span, &entry.value, reader)
            }),
        );
    }
    section
}

/// How two files' values join at a path: asked of the tables.
pub fn merge_rule_for(path: &[Segment]) -> Rule {
    let [Segment::Key(section), _, rest @ ..] = path else {
        return Rule::Default;
    };
    match section.as_str() {
        "services" => merge_rule(service::TABLE, rest),
        "networks" => merge_rule(network::TABLE, rest),
        "volumes" => merge_rule(volume::TABLE, rest),
        "configs" => merge_rule(config::TABLE, rest),
        "secrets" => merge_rule(secret::TABLE, rest),
        "models" => merge_rule(model::TABLE, rest),
        _ => Rule::Default,
    }
}
