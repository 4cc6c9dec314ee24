//! `configs` and `secrets` of a service: files that it finds at a path.
//!
//! The list only names them; what they hold is said at the top level and filled in as
//! [`Origin`] when the project is complete. What lies in a file on this machine is mounted
//! read-only. Anything else, and whatever is to have an owner or a mode of its own, is written into
//! the container after its making; the request only says what, and where.
//!
//! The engine does not write into a container whose root is read-only, except into a volume. So
//! with `read_only: true` the file's folder, or one above it, has to be a volume of the service.

use bollard::models::{Mount, MountBindOptions, MountType};

use crate::document::merge::Rule;
use crate::document::{Node, ScalarKind, Value};
use crate::project::attribute::{Attribute, Data, Hash, Lower, merge, read_table, render_table};
use crate::project::content::{Content, InjectedFile};
use crate::project::read::{Reader, clean};
use crate::project::render;
use crate::project::request::{Refused, Request};
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
    /// A short digest of what it holds, where that is known.
    pub digest: Option<String>,
    /// Why no container can have it.
    pub problem: Option<Problem>,
}

impl FileReference {
    /// Whether it asks for an owner or a mode, which no mount can give it.
    pub fn has_owner(&self) -> bool {
        self.uid.is_some() || self.gid.is_some() || self.mode.is_some()
    }
}

/// Where what a reference means comes from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Origin {
    /// Not looked up, or written into the container by another stage.
    #[default]
    Elsewhere,
    /// A file on this machine, to be mounted.
    File(String),
    /// A text that is written into the container.
    Content(Content),
}

/// Why something cannot be had, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// A clause: `the file /x does not exist`.
    pub reason: String,
    /// A line of advice.
    pub help: String,
}

impl Problem {
    fn new(reason: impl Into<String>, help: impl Into<String>) -> Problem {
        Problem {
            reason: reason.into(),
            help: help.into(),
        }
    }

    /// There is no such file.
    pub fn missing(path: &str) -> Problem {
        let help = "make the file, or correct `file:` where it is declared";
        Problem::new(format!("the file {path} does not exist"), help)
    }

    /// There is, and it cannot be read.
    pub fn unreadable(path: &str, why: &str) -> Problem {
        let reason = format!("the file {path} cannot be read: {why}");
        Problem::new(
            reason,
            "without `uid`, `gid` and `mode` it is mounted instead",
        )
    }

    /// Nobody has set the variable.
    pub fn variable(name: &str) -> Problem {
        let help = format!("set it in the environment or in `.env`; `{name}=` makes it empty");
        Problem::new(format!("the variable {name} is not set"), help)
    }

    fn owner(key: &str, value: &str) -> Problem {
        let help = "names of users are known inside the container only: write the number";
        Problem::new(format!("its `{key}`, {value:?}, is no number"), help)
    }

    fn read_only(target: &str) -> Problem {
        let folder = target.rsplit_once('/').map_or("", |(folder, _)| folder);
        let reason = format!("the service is `read_only`, so that {target} cannot be written");
        let help = if folder.is_empty() {
            "give it a `target` in a folder, and mount a volume there; or take it from a `file` without `uid`, `gid` and `mode`".to_owned()
        } else {
            format!(
                "mount a volume there, `volumes: [{folder}]`; or take it from a `file` without `uid`, `gid` and `mode`"
            )
        };
        Problem::new(reason, help)
    }
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
        lower: Lower::UsedBy("load/contents.rs"),
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
        lower: Lower::UsedBy("load/contents.rs"),
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
        lower: Lower::UsedBy("load/contents.rs"),
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
        None if matches!(scalar.map(|it| it.kind), Some(ScalarKind::Float(_))) => {
            reader.expected(node, "a whole number or octal digits in quotes");
            return None;
        }
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
        lower(
            service,
            ("configs", file),
            config_target(file),
            None,
            request,
        );
    }
}

fn lower_secrets(service: &Service, request: &mut Request<'_>) {
    for file in &service.secrets {
        // docker compose sends empty options with secrets, and none with configs.
        let options = Some(MountBindOptions::default());
        lower(
            service,
            ("secrets", file),
            secret_target(file),
            options,
            request,
        );
    }
}

fn lower(
    service: &Service,
    (kind, file): (&'static str, &FileReference),
    target: String,
    bind_options: Option<MountBindOptions>,
    request: &mut Request<'_>,
) {
    let problem = match &file.origin {
        Origin::Elsewhere => None,
        Origin::File(path) => {
            mount(path, target, bind_options, request);
            None
        }
        Origin::Content(content) => {
            let target = cleaned(&target);
            if let Some(folder) = hidden_by(service, &target) {
                request
                    .hidden
                    .push((format!("{kind}.{}", file.source), folder));
            }
            match injected(service, (kind, file), target, content) {
                Ok(injected) => {
                    request.files.push(injected);
                    None
                }
                Err(problem) => Some(problem),
            }
        }
    };
    if let Some(problem) = file.problem.clone().or(problem) {
        request.refused.push(Refused {
            kind,
            source: file.source.clone(),
            problem,
        });
    }
}

/// A missing file is an error of the engine, not a new empty folder: that is how mounts differ from
/// binds.
fn mount(
    path: &str,
    target: String,
    bind_options: Option<MountBindOptions>,
    request: &mut Request<'_>,
) {
    let mount = Mount {
        typ: Some(MountType::BIND),
        source: Some(path.to_owned()),
        target: Some(target),
        read_only: Some(true),
        bind_options,
        ..Mount::default()
    };
    request.host.mounts.get_or_insert_default().push(mount);
}

fn injected(
    service: &Service,
    (kind, file): (&str, &FileReference),
    target: String,
    content: &Content,
) -> Result<InjectedFile, Problem> {
    let number = |key: &str, value: &Option<String>| match value.as_deref() {
        None | Some("") => Ok(0),
        Some(text) => text.parse().map_err(|_| Problem::owner(key, text)),
    };
    let base = if service.read_only {
        volume_around(service, &target).ok_or_else(|| Problem::read_only(&target))?
    } else {
        "/".to_owned()
    };
    Ok(InjectedFile {
        source: format!("{kind}.{}", file.source),
        base,
        target,
        content: content.clone(),
        uid: number("uid", &file.uid)?,
        gid: number("gid", &file.gid)?,
        // As docker compose: everybody may read it.
        mode: file.mode.unwrap_or(0o444),
    })
}

/// Without `.` and `..`, which no archive may hold.
fn cleaned(target: &str) -> String {
    let cleaned = clean(std::path::Path::new(target));
    cleaned.to_string_lossy().into_owned()
}

/// The volume that a path is in, the innermost one, unless it may not be written either.
fn volume_around(service: &Service, target: &str) -> Option<String> {
    let mounts = service.volumes.iter();
    let around = mounts.filter(|mount| lies_in(target, &mount.target));
    let innermost = around.max_by_key(|mount| mount.target.len())?;
    let writable = innermost.kind == "volume" && !innermost.read_only;
    writable.then(|| innermost.target.trim_end_matches('/').to_owned())
}

/// The `tmpfs` that covers a path as soon as the container starts.
fn hidden_by(service: &Service, target: &str) -> Option<String> {
    let mounts = service.volumes.iter().filter(|mount| mount.kind == "tmpfs");
    let mounts = mounts.map(|mount| mount.target.as_str());
    let plain = service.tmpfs.iter();
    let plain = plain.map(|text| text.split(':').next().unwrap_or_default());
    let mut folders = mounts.chain(plain);
    folders
        .find(|folder| lies_in(target, folder))
        .map(str::to_owned)
}

fn lies_in(path: &str, folder: &str) -> bool {
    let below = path.strip_prefix(folder.trim_end_matches('/'));
    below.is_some_and(|rest| rest.starts_with('/'))
}
