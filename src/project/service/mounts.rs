//! `configs` and `secrets` of a service: files that it finds at a path.
//!
//! The list only names them; what they hold is said at the top level and filled in as
//! [`Origin`] when the project is complete. What lies in a file on this machine is mounted
//! read-only; anything else has to be written into the container, which is not done here.

use bollard::models::{Mount, MountBindOptions, MountType};

use crate::document::merge::Rule;
use crate::document::{Node, ScalarKind, Value};
use crate::project::attribute::{Attribute, Data, Hash, Lower, merge, read_table, render_table};
use crate::project::read::Reader;
use crate::project::render;
use crate::project::request::Request;
use crate::project::service::Service;
use crate::project::shape::{Shape, keys};

/// A config or secret that a service (or a build) is given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FileReference {
    /// Its key at the top level.
    pub source: String,
    /// Path in the container.
    pub target: Option<String>,
    /// Owner of the file.
    pub uid: Option<String>,
    /// Group of the file.
    pub gid: Option<String>,
    /// Permission bits.
    pub mode: Option<u32>,
    /// What the top level says about it.
    pub origin: Origin,
}

/// Where what a reference means comes from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Origin {
    /// Not looked up, or written into the container by another stage.
    #[default]
    Elsewhere,
    /// A file on this machine.
    File(String),
}

/// The row of `configs`.
pub const CONFIGS: Attribute<Service> = Attribute {
    key: "configs",
    about: "Configs that it finds as files.",
    example: "[{source: app, target: /etc/app.conf}]",
    shape: SHAPE,
    parse: |node, service, reader| service.configs = reader.items(node, parse),
    merge: |rest| {
        if rest.is_empty() {
            Rule::Unique(|node| merge_key(node, "/"))
        } else {
            Rule::Default
        }
    },
    render: |service| render_all(&service.configs),
    hash: Hash::Included,
    lower: Lower::Request(lower_configs),
};

/// The row of `secrets`.
pub const SECRETS: Attribute<Service> = Attribute {
    key: "secrets",
    about: "Secrets that it finds as files (default below `/run/secrets`).",
    example: "[{source: token, target: /run/token}]",
    shape: SHAPE,
    parse: |node, service, reader| service.secrets = reader.items(node, parse_secret),
    merge: |rest| {
        if rest.is_empty() {
            Rule::Unique(|node| merge_key(node, "/run/secrets/"))
        } else {
            Rule::Default
        }
    },
    render: |service| render_all(&service.secrets),
    hash: Hash::Included,
    lower: Lower::Request(lower_secrets),
};

const HERE: &str = "project/service/mounts.rs";
const OWN: &str = "a file is mounted with the owner and the mode that it has on the host";

/// What may be written for references.
pub const SHAPE: Shape = Shape::List(&Shape::OneOf(&[
    Shape::String,
    Shape::object("file_reference", || keys(TABLE)),
]));

/// The keys of a reference.
pub const TABLE: &[Attribute<FileReference>] = &[
    Attribute {
        key: "source",
        about: "Its name at the top level.",
        example: "app",
        shape: Shape::String,
        parse: |node, file, reader| file.source = reader.string(node).unwrap_or_default(),
        merge: merge::default,
        render: |file| render::text(Some(&file.source)),
        hash: Hash::Included,
        lower: Lower::UsedBy(HERE),
    },
    Attribute {
        key: "target",
        about: "Path in the container.",
        example: "/etc/app.conf",
        shape: Shape::String,
        parse: |node, file, reader| file.target = reader.string(node),
        merge: merge::default,
        render: |file| render::text(file.target.as_deref()),
        hash: Hash::Included,
        lower: Lower::UsedBy(HERE),
    },
    Attribute {
        key: "uid",
        about: "Owner of the file, a number.",
        example: "'1000'",
        shape: Shape::String,
        parse: |node, file, reader| file.uid = reader.string(node),
        merge: merge::default,
        render: |file| render::text(file.uid.as_deref()),
        hash: Hash::Included,
        lower: Lower::NoEffect(OWN),
    },
    Attribute {
        key: "gid",
        about: "Group of the file, a number.",
        example: "'1000'",
        shape: Shape::String,
        parse: |node, file, reader| file.gid = reader.string(node),
        merge: merge::default,
        render: |file| render::text(file.gid.as_deref()),
        hash: Hash::Included,
        lower: Lower::NoEffect(OWN),
    },
    Attribute {
        key: "mode",
        about: "Permission bits, octal.",
        example: "'0440'",
        shape: Shape::Number,
        parse: |node, file, reader| file.mode = read_mode(node, reader),
        merge: merge::default,
        render: |file| file.mode.map(|mode| Data::from(format!("0{mode:o}"))),
        hash: Hash::Included,
        lower: Lower::NoEffect(OWN),
    },
];

/// Two references with one target are one file; the later wins.
fn merge_key(node: &Node, folder: &str) -> Option<String> {
    let text = |key: &str| node.get(key).and_then(Node::as_str);
    let source = node.as_str().or_else(|| text("source"));
    match text("target") {
        Some(target) => Some(target.to_owned()),
        None => source.map(|source| format!("{folder}{source}")),
    }
}

/// A reference in either form.
pub fn parse(node: &Node, reader: &mut Reader<'_>) -> Option<FileReference> {
    let mut file = FileReference::default();
    match &node.value {
        Value::Mapping(_) => read_table(node, TABLE, &mut file, reader),
        _ => file.source = reader.string(node)?,
    }
    if file.source.is_empty() {
        reader.missing(node, "source", "this entry");
        return None;
    }
    Some(file)
}

fn parse_secret(node: &Node, reader: &mut Reader<'_>) -> Option<FileReference> {
    let mut file = parse(node, reader)?;
    let default = || format!("/run/secrets/{}", file.source);
    file.target = Some(file.target.unwrap_or_else(default));
    Some(file)
}

/// A number as YAML reads it (`0440` is octal there), or octal digits in quotes.
pub fn read_mode(node: &Node, reader: &mut Reader<'_>) -> Option<u32> {
    let scalar = node.as_scalar();
    let quoted = scalar.filter(|scalar| scalar.kind == ScalarKind::String);
    let mode = match quoted {
        Some(scalar) => i64::from_str_radix(&scalar.text, 8).ok(),
        None => reader.integer(node),
    };
    let mode = mode.and_then(|mode| u32::try_from(mode).ok());
    if mode.is_none() && quoted.is_some() {
        reader.expected(node, "octal digits such as \"0440\"");
    }
    mode
}

/// References as they are printed.
pub fn render_all(files: &[FileReference]) -> Option<Data> {
    render::items(files, |file| render_table(TABLE, file))
}

/// Where a config is found: below the root when its target is relative.
pub fn config_target(file: &FileReference) -> String {
    absolute(file.target.as_deref().unwrap_or(&file.source), "/")
}

/// Where a secret is found: below `/run/secrets` when its target is relative.
pub fn secret_target(file: &FileReference) -> String {
    let target = file.target.as_deref().unwrap_or(&file.source);
    absolute(target, "/run/secrets/")
}

fn absolute(target: &str, folder: &str) -> String {
    let drive = target.as_bytes().get(1) == Some(&b':');
    if target.starts_with('/') || drive {
        target.to_owned()
    } else {
        format!("{folder}{target}")
    }
}

fn lower_configs(service: &Service, request: &mut Request<'_>) {
    for file in &service.configs {
        mount(file, config_target(file), None, request);
    }
}

fn lower_secrets(service: &Service, request: &mut Request<'_>) {
    for file in &service.secrets {
        // docker compose sends empty options with secrets, and none with configs.
        let options = Some(MountBindOptions::default());
        mount(file, secret_target(file), options, request);
    }
}

/// A missing file is an error of the engine, not a new empty folder: that is how mounts differ from
/// binds.
fn mount(
    file: &FileReference,
    target: String,
    bind_options: Option<MountBindOptions>,
    request: &mut Request<'_>,
) {
    let Origin::File(path) = &file.origin else {
        return;
    };
    let mount = Mount {
        typ: Some(MountType::BIND),
        source: Some(path.clone()),
        target: Some(target),
        read_only: Some(true),
        bind_options,
        ..Mount::default()
    };
    request.host.mounts.get_or_insert_default().push(mount);
}
