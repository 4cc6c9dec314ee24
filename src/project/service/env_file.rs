//! `env_file`: files of `KEY=value` lines that are laid under `environment`.
//!
//! Here only the reference is read. Reading the files is the loader's work, which then joins
//! them into `environment`.

use crate::document::merge::Rule;
use crate::document::{Mapping, Node, Span, Value};
use crate::project::attribute::{Attribute, Data, Hash, Lower, unknown_key};
use crate::project::read::Reader;
use crate::project::render;
use crate::project::service::Service;
use crate::project::shape::{Key, Shape};

/// A reference to a file of variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvFile {
    /// Absolute path.
    pub path: String,
    /// Fail when it is missing (default true).
    pub required: bool,
    /// `raw` reads lines as they are; absent is the dialect of `.env`.
    pub format: Option<String>,
    /// Where it is asked for.
    pub span: Span,
}

/// The row of `env_file`.
pub const ROW: Attribute<Service> = Attribute {
    key: "env_file",
    about: "Files of variables; what `environment` says wins.",
    example: "[{path: /etc/app.env, required: false}]",
    shape: Shape::OneOf(&[Shape::String, Shape::List(&ENTRY)]),
    parse: |node, service, reader| service.env_file = parse(node, reader),
    merge: |rest| {
        if rest.is_empty() {
            Rule::Unique(merge_key)
        } else {
            Rule::Default
        }
    },
    render: |service| render::items(&service.env_file, print),
    // A loaded project has none left, so that the variables count and not the file they come from.
    // What is left on purpose counts, as it does in docker compose's `config --hash`.
    hash: Hash::Included,
    lower: Lower::UsedBy("load/env_files.rs"),
};

const ENTRY: Shape = Shape::OneOf(&[
    Shape::String,
    Shape::requiring(&["path"], "env_file", || KEYS.to_vec()),
]);

/// The keys of an entry in the long form.
const KEYS: &[Key] = &[
    Key {
        key: "path",
        about: "The file.",
        example: "./app.env",
        shape: Shape::String,
    },
    Key {
        key: "required",
        about: "Fail when it is missing (default true).",
        example: "false",
        shape: Shape::Boolean,
    },
    Key {
        key: "format",
        about: "`raw` takes lines as they are; without it, quotes and variables mean something.",
        example: "raw",
        shape: Shape::String,
    },
];

/// Two entries with one path are one file; the later wins.
fn merge_key(node: &Node) -> Option<String> {
    let path = node.as_str().or_else(|| node.get("path")?.as_str());
    path.map(str::to_owned)
}

/// In JSON, and so in the hash, docker compose writes a file that is required as its path alone.
pub fn json_form(service: &mut Data) {
    let Some(Data::Sequence(files)) = service.get_mut("env_file") else {
        return;
    };
    for file in files {
        if file.get("required").is_none()
            && let Some(path) = file.get("path")
        {
            *file = path.clone();
        }
    }
}

fn print(file: &EnvFile) -> Data {
    if file.required && file.format.is_none() {
        return Data::from(file.path.as_str());
    }
    let required = (!file.required).then_some(Data::Bool(false));
    render::object([
        ("path", Some(Data::from(file.path.as_str()))),
        ("required", required),
        ("format", render::text(file.format.as_deref())),
    ])
}

fn parse(node: &Node, reader: &mut Reader<'_>) -> Vec<EnvFile> {
    match &node.value {
        Value::Sequence(_) => reader.items(node, parse_item),
        _ => parse_item(node, reader).into_iter().collect(),
    }
}

fn parse_item(node: &Node, reader: &mut Reader<'_>) -> Option<EnvFile> {
    if let Value::Mapping(mapping) = &node.value {
        parse_long(node, mapping, reader)
    } else {
        let path = reader.string(node)?;
        Some(EnvFile {
            path: reader.file_path(node, &path),
            required: true,
            format: None,
            span: node.span,
        })
    }
}

fn parse_long(node: &Node, mapping: &Mapping, reader: &mut Reader<'_>) -> Option<EnvFile> {
    let mut file = EnvFile {
        path: String::new(),
        required: true,
        format: None,
        span: node.span,
    };
    for (key, entry) in mapping {
        let value = &entry.value;
        let known = KEYS.iter().map(|known| known.key);
        if !known.clone().any(|known| known == key) {
            unknown_key(key, entry, known, reader);
            continue;
        }
        reader.within(key, |reader| match key.as_str() {
            "path" => {
                file.path = reader
                    .string(value)
                    .map(|path| reader.file_path(value, &path))
                    .unwrap_or_default();
            }
            "required" => file.required = reader.boolean(value).unwrap_or(true),
            _ => file.format = reader.string(value),
        });
    }
    if file.path.is_empty() {
        reader.missing(node, "path", "this entry");
        return None;
    }
    Some(file)
}
