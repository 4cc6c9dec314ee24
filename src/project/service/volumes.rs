//! `volumes`: what is mounted, in the short form (`[source:]target[:options]`) and the long one.

use bollard::models::{
    Mount as EngineMount, MountBindOptions, MountBindOptionsPropagationEnum, MountImageOptions,
    MountTmpfsOptions, MountType, MountVolumeOptions,
};

use crate::api_version::ApiVersion;
use crate::document::merge::Rule;
use crate::document::{Diagnostic, Node, Value};
use crate::project::attribute::{Attribute, Hash, Lower, merge, read_table, render_table};
use crate::project::read::Reader;
use crate::project::render;
use crate::project::request::Request;
use crate::project::service::Service;
use crate::project::shape::{Shape, keys};
use crate::project::value::byte_size::ByteSize;
use std::collections::BTreeMap;

/// One mount of a service.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mount {
    /// `bind`, `volume`, `tmpfs`, `image`, `npipe` or `cluster`.
    pub kind: String,
    /// Host path, volume key or image; `None` for an anonymous volume.
    pub source: Option<String>,
    /// Path inside the container.
    pub target: String,
    /// Mounted without the right to write.
    pub read_only: bool,
    /// A hint that engines ignore today.
    pub consistency: Option<String>,
    /// Options of a bind mount.
    pub bind: Option<BindOptions>,
    /// Options of a volume.
    pub volume: Option<VolumeOptions>,
    /// Options of a tmpfs.
    pub tmpfs: Option<TmpfsOptions>,
    /// Options of an image mount.
    pub image: Option<ImageOptions>,
    /// Name of the image where the source is a service; filled in when the project is complete.
    pub service_image: Option<String>,
}

/// `bind:` of a mount.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BindOptions {
    /// `z` or `Z`.
    pub selinux: Option<String>,
    /// `rprivate`, `rshared`, …
    pub propagation: Option<String>,
    /// Make a missing host folder (default true). Whether it was written is kept, because it is
    /// part of docker compose's hash.
    pub create_host_path: Option<bool>,
    /// `enabled`, `disabled`, `writable`, `readonly`.
    pub recursive: Option<String>,
}

impl BindOptions {
    /// Whether a missing host folder is made.
    pub fn creates_host_path(&self) -> bool {
        self.create_host_path.unwrap_or(true)
    }
}

/// `volume:` of a mount.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VolumeOptions {
    /// Labels for the volume that is made with the container.
    pub labels: BTreeMap<String, String>,
    /// Do not fill a new volume with what the image has there.
    pub nocopy: bool,
    /// Folder inside the volume.
    pub subpath: Option<String>,
}

/// `tmpfs:` of a mount.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TmpfsOptions {
    /// Bytes.
    pub size: Option<ByteSize>,
    /// Permission bits.
    pub mode: Option<u32>,
}

/// `image:` of a mount.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImageOptions {
    /// Folder inside the image.
    pub subpath: Option<String>,
}

/// The row of `volumes`.
pub const ROW: Attribute<Service> = Attribute {
    key: "volumes",
    about: "Folders of the host, volumes, images and memory that are mounted.",
    example: "['data:/data']",
    shape: Shape::List(&MOUNT),
    parse: |node, service, reader| service.volumes = reader.items(node, parse),
    merge: |rest| {
        if rest.is_empty() {
            Rule::Unique(merge_key)
        } else {
            Rule::Default
        }
    },
    render: |service| render::items(&service.volumes, |mount| render_table(LONG, mount)),
    hash: Hash::Included,
    lower: Lower::Request(lower),
};

/// The row of `use_api_socket`.
pub const API_SOCKET: Attribute<Service> = Attribute {
    key: "use_api_socket",
    about: "Let it speak with the engine: mounts the engine's socket.",
    example: "true",
    shape: Shape::Boolean,
    parse: |node, service, reader| {
        if node.as_str().is_some() {
            reader.expected(node, "true or false without quotes");
        }
        service.use_api_socket = reader.boolean(node).unwrap_or_default();
        if service.use_api_socket {
            let reason = "the socket is mounted, but this version of rcompose does not hand \
                          credentials of registries over yet";
            reader.note(node.span, reason, true);
        }
    },
    merge: merge::default,
    render: |service| render::flag(service.use_api_socket),
    hash: Hash::Included,
    lower: Lower::Request(|service, request| {
        if service.use_api_socket {
            let bind = "/var/run/docker.sock:/var/run/docker.sock:rw".to_owned();
            request.host.binds.get_or_insert_default().push(bind);
        }
    }),
};

/// Two entries with one target are one mount; the later wins. Long forms are compared as they are
/// written.
fn merge_key(node: &Node) -> Option<String> {
    match &node.value {
        Value::Mapping(_) => node.get("target").and_then(Node::as_str).map(str::to_owned),
        _ => Some(clean_target(&split_short(node.as_str()?).target)),
    }
}

const USED: Lower<Mount> = Lower::UsedBy("project/service/volumes.rs");

/// The keys of a mount in the long form.
pub const LONG: &[Attribute<Mount>] = &[
    Attribute {
        key: "type",
        about: "`bind`, `volume`, `tmpfs`, `image`, `npipe` or `cluster`.",
        example: "bind",
        shape: Shape::Words(KINDS),
        parse: |node, mount, reader| mount.kind = read_kind(node, reader),
        merge: merge::default,
        render: |mount| render::text(Some(&mount.kind)),
        hash: Hash::Included,
        lower: USED,
    },
    Attribute {
        key: "source",
        about: "Host path, volume key or image; a volume without source is anonymous.",
        example: "data",
        shape: Shape::String,
        parse: |node, mount, reader| mount.source = reader.string(node),
        merge: merge::default,
        render: |mount| render::text(mount.source.as_deref()),
        hash: Hash::Included,
        lower: USED,
    },
    Attribute {
        key: "target",
        about: "Path inside the container.",
        example: "/data",
        shape: Shape::String,
        parse: |node, mount, reader| {
            mount.target = reader.string(node).unwrap_or_default();
        },
        merge: merge::default,
        render: |mount| render::text(Some(&mount.target)),
        hash: Hash::Included,
        lower: USED,
    },
    Attribute {
        key: "read_only",
        about: "Mount without the right to write.",
        example: "true",
        shape: Shape::Boolean,
        parse: |node, mount, reader| mount.read_only = reader.boolean(node).unwrap_or_default(),
        merge: merge::default,
        render: |mount| render::flag(mount.read_only),
        hash: Hash::Included,
        lower: USED,
    },
    Attribute {
        key: "consistency",
        about: "A hint of old Docker Desktop versions.",
        example: "cached",
        shape: Shape::String,
        parse: |node, mount, reader| mount.consistency = reader.string(node),
        merge: merge::default,
        render: |mount| render::text(mount.consistency.as_deref()),
        hash: Hash::Included,
        lower: Lower::NoEffect("engines ignore it"),
    },
    Attribute {
        key: "bind",
        about: "Options of a bind mount.",
        example: "{propagation: rshared}",
        shape: Shape::object("bind_options", || keys(BIND)),
        parse: |node, mount, reader| {
            read_table(node, BIND, mount.bind.get_or_insert_default(), reader);
        },
        merge: merge::default,
        render: |mount| {
            mount
                .bind
                .as_ref()
                .map(|options| render_table(BIND, options))
        },
        hash: Hash::Included,
        lower: USED,
    },
    Attribute {
        key: "volume",
        about: "Options of a volume mount.",
        example: "{nocopy: true}",
        shape: Shape::object("volume_options", || keys(VOLUME)),
        parse: |node, mount, reader| {
            read_table(node, VOLUME, mount.volume.get_or_insert_default(), reader);
        },
        merge: merge::default,
        render: |mount| {
            mount
                .volume
                .as_ref()
                .map(|options| render_table(VOLUME, options))
        },
        hash: Hash::Included,
        lower: USED,
    },
    Attribute {
        key: "tmpfs",
        about: "Options of a tmpfs mount.",
        example: "{size: 64m}",
        shape: Shape::object("tmpfs_options", || keys(TMPFS)),
        parse: |node, mount, reader| {
            read_table(node, TMPFS, mount.tmpfs.get_or_insert_default(), reader);
        },
        merge: merge::default,
        render: |mount| {
            mount
                .tmpfs
                .as_ref()
                .map(|options| render_table(TMPFS, options))
        },
        hash: Hash::Included,
        lower: USED,
    },
    Attribute {
        key: "image",
        about: "Options of an image mount.",
        example: "{subpath: share}",
        shape: Shape::object("image_options", || keys(IMAGE)),
        parse: |node, mount, reader| {
            read_table(node, IMAGE, mount.image.get_or_insert_default(), reader);
        },
        merge: merge::default,
        render: |mount| {
            mount
                .image
                .as_ref()
                .map(|options| render_table(IMAGE, options))
        },
        hash: Hash::Included,
        lower: USED,
    },
];

/// The keys of `bind`.
pub const BIND: &[Attribute<BindOptions>] = &[
    Attribute {
        key: "selinux",
        about: "`z` (shared) or `Z` (private) relabelling.",
        example: "z",
        shape: Shape::Words(RELABELLING),
        parse: |node, bind, reader| bind.selinux = reader.word(node, RELABELLING),
        merge: merge::default,
        render: |bind| render::text(bind.selinux.as_deref()),
        hash: Hash::Included,
        lower: Lower::UsedBy("project/service/volumes.rs"),
    },
    Attribute {
        key: "propagation",
        about: "How mounts below it propagate.",
        example: "rshared",
        shape: Shape::String,
        parse: |node, bind, reader| bind.propagation = reader.string(node),
        merge: merge::default,
        render: |bind| render::text(bind.propagation.as_deref()),
        hash: Hash::Included,
        lower: Lower::UsedBy("project/service/volumes.rs"),
    },
    Attribute {
        key: "create_host_path",
        about: "Make a missing folder on the host (default true).",
        example: "false",
        shape: Shape::Boolean,
        parse: |node, bind, reader| bind.create_host_path = reader.boolean(node),
        merge: merge::default,
        render: |bind| render::option(bind.create_host_path),
        hash: Hash::Included,
        lower: Lower::UsedBy("project/service/volumes.rs"),
    },
    Attribute {
        key: "recursive",
        about: "Whether mounts below it come along: `enabled`, `disabled`, `writable`, `readonly`.",
        example: "disabled",
        shape: Shape::Words(RECURSIVE),
        parse: |node, bind, reader| bind.recursive = reader.word(node, RECURSIVE),
        merge: merge::default,
        render: |bind| render::text(bind.recursive.as_deref()),
        hash: Hash::Included,
        lower: Lower::UsedBy("project/service/volumes.rs"),
    },
];

/// The keys of `volume`.
pub const VOLUME: &[Attribute<VolumeOptions>] = &[
    Attribute {
        key: "labels",
        about: "Labels for a volume that is made with the container.",
        example: "{keep: 'yes'}",
        shape: Shape::KEY_VALUES,
        parse: |node, volume, reader| volume.labels = reader.labels(node),
        merge: merge::key_value,
        render: |volume| render::strings(&volume.labels),
        hash: Hash::Included,
        lower: Lower::UsedBy("project/service/volumes.rs"),
    },
    Attribute {
        key: "nocopy",
        about: "Do not fill a new volume from the image.",
        example: "true",
        shape: Shape::Boolean,
        parse: |node, volume, reader| volume.nocopy = reader.boolean(node).unwrap_or_default(),
        merge: merge::default,
        render: |volume| render::flag(volume.nocopy),
        hash: Hash::Included,
        lower: Lower::UsedBy("project/service/volumes.rs"),
    },
    Attribute {
        key: "subpath",
        about: "Folder inside the volume.",
        example: "conf",
        shape: Shape::String,
        parse: |node, volume, reader| volume.subpath = reader.string(node),
        merge: merge::default,
        render: |volume| render::text(volume.subpath.as_deref()),
        hash: Hash::Included,
        lower: Lower::UsedBy("project/service/volumes.rs"),
    },
];

/// The keys of `tmpfs`.
pub const TMPFS: &[Attribute<TmpfsOptions>] = &[
    Attribute {
        key: "size",
        about: "Size limit.",
        example: "64m",
        shape: Shape::SIZE,
        parse: |node, tmpfs, reader| tmpfs.size = read_size(node, reader),
        merge: merge::default,
        render: |tmpfs| render::bytes(tmpfs.size),
        hash: Hash::Included,
        lower: Lower::UsedBy("project/service/volumes.rs"),
    },
    Attribute {
        key: "mode",
        about: "Permission bits, octal.",
        example: "0755",
        shape: Shape::Number,
        parse: |node, tmpfs, reader| {
            let mode = reader.plain_number(node);
            if mode.is_some_and(|mode| mode < 0) {
                reader.invalid(node, "a mode cannot be negative", "such as 0755");
            }
            tmpfs.mode = mode.and_then(|mode| u32::try_from(mode).ok());
        },
        merge: merge::default,
        render: |tmpfs| tmpfs.mode.and_then(|mode| render::number(i64::from(mode))),
        hash: Hash::Included,
        lower: Lower::UsedBy("project/service/volumes.rs"),
    },
];

/// The keys of `image`.
pub const IMAGE: &[Attribute<ImageOptions>] = &[Attribute {
    key: "subpath",
    about: "Folder inside the image.",
    example: "share",
    shape: Shape::String,
    parse: |node, image, reader| image.subpath = reader.string(node),
    merge: merge::default,
    render: |image| render::text(image.subpath.as_deref()),
    hash: Hash::Included,
    lower: Lower::UsedBy("project/service/volumes.rs"),
}];

const MOUNT: Shape = Shape::OneOf(&[
    Shape::String,
    Shape::requiring(&["type"], "mount", || keys(LONG)),
]);

const KINDS: &[&str] = &["bind", "volume", "tmpfs", "image", "npipe", "cluster"];
const RELABELLING: &[&str] = &["z", "Z"];
const RECURSIVE: &[&str] = &["enabled", "disabled", "writable", "readonly"];

fn read_kind(node: &Node, reader: &mut Reader<'_>) -> String {
    let kind = reader.string(node).unwrap_or_default();
    if !kind.is_empty() && !KINDS.contains(&kind.as_str()) {
        reader.invalid(
            node,
            format!("{kind:?} is not a kind of mount"),
            &format!("one of {}", KINDS.join(", ")),
        );
        reader.suggest(&kind, KINDS);
    }
    kind
}

fn read_size(node: &Node, reader: &mut Reader<'_>) -> Option<ByteSize> {
    let size = reader.whole_bytes(node)?;
    if size.0 < 0 {
        reader.invalid(node, "a size cannot be negative", "0 or more");
    }
    Some(size)
}

fn parse(node: &Node, reader: &mut Reader<'_>) -> Option<Mount> {
    let mut mount = if node.as_mapping().is_some() {
        parse_long(node, reader)?
    } else {
        parse_short(node, reader)?
    };
    if mount.kind == "bind" {
        let source = mount.source.take();
        mount.source = source.map(|source| {
            if is_windows_path(&source) {
                source
            } else {
                reader.file_path(node, &source)
            }
        });
    }
    if mount.target.is_empty() {
        reader.invalid(node, "no path inside the container is given", "this mount");
    }
    Some(mount)
}

fn parse_long(node: &Node, reader: &mut Reader<'_>) -> Option<Mount> {
    let mut mount = Mount::default();
    read_table(node, LONG, &mut mount, reader);
    if mount.kind.is_empty() {
        reader.missing(node, "type", "this mount");
        return None;
    }
    if mount.kind == "volume" {
        // Nothing in quotes is an anonymous volume, too.
        mount.source = mount.source.filter(|source| !source.is_empty());
    }
    if mount.kind == "bind" && mount.source.is_none() {
        reader.missing(node, "source", "this mount");
    }
    Some(mount)
}

#[expect(clippy::assigning_clones, reason = "fields of a new value")]
fn parse_short(node: &Node, reader: &mut Reader<'_>) -> Option<Mount> {
    let text = reader.string(node)?;
    let Short {
        source,
        target,
        options,
        too_many,
    } = split_short(&text);
    if too_many || (source.is_some() && options.as_deref() == Some("")) {
        let reason = format!("{text:?} has too many colons");
        reader.invalid(node, reason, "`source:target:options` is the most");
        return None;
    }
    let mut mount = Mount {
        target: clean_target(&target),
        ..Mount::default()
    };
    match source {
        Some(source) if is_path(&source) => {
            mount.kind = "bind".to_owned();
            mount.source = Some(source);
            mount.bind = Some(BindOptions {
                create_host_path: Some(true),
                ..BindOptions::default()
            });
        }
        // So short a text is taken for a target before anything is looked at.
        None if text.len() <= 2 => mount.kind = "volume".to_owned(),
        source => {
            mount.kind = "volume".to_owned();
            mount.source = source;
            mount.volume = Some(VolumeOptions::default());
        }
    }
    for option in options.iter().flat_map(|options| options.split(',')) {
        apply_option(option, &mut mount, node, reader);
    }
    Some(mount)
}

fn apply_option(option: &str, mount: &mut Mount, node: &Node, reader: &mut Reader<'_>) {
    match option {
        "ro" => mount.read_only = true,
        "rw" => mount.read_only = false,
        "nocopy" => mount.volume.get_or_insert_default().nocopy = true,
        "z" | "Z" => mount.bind.get_or_insert_default().selinux = Some(option.to_owned()),
        "private" | "rprivate" | "shared" | "rshared" | "slave" | "rslave" => {
            mount.bind.get_or_insert_default().propagation = Some(option.to_owned());
        }
        // docker compose ignores these in silence; the mount works, so it is a warning only.
        "" | "cached" | "delegated" | "consistent" => {}
        unknown => reader.report(
            Diagnostic::warning(format!(
                "`{}`: the option `{unknown}` has no effect",
                reader.path()
            ))
            .code("no-effect")
            .at(node.span, "on this mount")
            .help("known options: ro, rw, nocopy, z, Z, and propagation such as rshared"),
        ),
    }
}

struct Short {
    source: Option<String>,
    target: String,
    options: Option<String>,
    too_many: bool,
}

/// Splits at colons, but not at the one of a Windows drive (`C:\data`).
fn split_short(text: &str) -> Short {
    let mut parts: Vec<String> = Vec::new();
    let mut current = String::new();
    for (position, c) in text.char_indices() {
        let drive = current.len() == 1
            && current.starts_with(|c: char| c.is_ascii_alphabetic())
            && text[position + c.len_utf8()..].starts_with(['\\', '/']);
        if c == ':' && !drive {
            parts.push(std::mem::take(&mut current));
        } else {
            current.push(c);
        }
    }
    parts.push(current);
    let too_many = parts.len() > 3;
    let mut parts = parts.into_iter();
    match (parts.next(), parts.next(), parts.next()) {
        (Some(source), Some(target), options) => Short {
            source: Some(source),
            target,
            options,
            too_many,
        },
        (target, _, _) => Short {
            source: None,
            target: target.unwrap_or_default(),
            options: None,
            too_many,
        },
    }
}

/// The named volume that a short form asks for; nothing for a folder and for an unnamed volume.
pub(crate) fn named_in_short(text: &str) -> Option<String> {
    let source = split_short(text).source?;
    (!source.is_empty() && !is_path(&source)).then_some(source)
}

/// Whether a short form asks for a volume that has no name.
pub(crate) fn unnamed_in_short(text: &str) -> bool {
    split_short(text).source.is_none()
}

fn is_path(source: &str) -> bool {
    source.starts_with(['.', '/', '~']) || is_windows_path(source)
}

/// `\\server\share`, `C:\folder`.
fn is_windows_path(source: &str) -> bool {
    let bytes = source.as_bytes();
    let drive = bytes.len() > 2
        && bytes[0].is_ascii_alphabetic()
        && bytes[1] == b':'
        && matches!(bytes[2], b'\\' | b'/');
    drive || source.starts_with("\\\\")
}

/// As Go's `path.Clean`: no trailing slash, no doubled ones, no `..` that can be resolved.
pub(in crate::project) fn clean_target(target: &str) -> String {
    if target.is_empty() {
        return String::new();
    }
    crate::project::read::clean(std::path::Path::new(target))
        .to_string_lossy()
        .into_owned()
}

fn lower(service: &Service, request: &mut Request<'_>) {
    for mount in &service.volumes {
        if let Some(bind) = bind_text(mount, request) {
            request.host.binds.get_or_insert_default().push(bind);
        } else {
            let mount = engine_mount(mount, request);
            request.host.mounts.get_or_insert_default().push(mount);
        }
    }
}

/// `source:target:mode`, for the mounts that docker compose sends in this older form.
fn bind_text(mount: &Mount, request: &Request<'_>) -> Option<String> {
    let mode = if mount.read_only { "ro" } else { "rw" };
    let source = mount.source.as_deref()?;
    match mount.kind.as_str() {
        "bind" => {
            let options = mount.bind.clone().unwrap_or_default();
            if !options.creates_host_path()
                || options.propagation.is_some()
                || options.recursive.is_some()
            {
                return None;
            }
            let selinux = options
                .selinux
                .map_or_else(String::new, |flag| format!(",{flag}"));
            Some(format!("{source}:{}:{mode}{selinux}", mount.target))
        }
        "volume" => {
            let options = mount.volume.clone().unwrap_or_default();
            if options != VolumeOptions::default() {
                return None;
            }
            Some(format!(
                "{}:{}:{mode}",
                volume_name(source, request),
                mount.target
            ))
        }
        _ => None,
    }
}

fn volume_name(key: &str, request: &Request<'_>) -> String {
    request
        .with
        .volumes
        .get(key)
        .cloned()
        .unwrap_or_else(|| key.to_owned())
}

fn engine_mount(mount: &Mount, request: &mut Request<'_>) -> EngineMount {
    let mut result = EngineMount {
        target: Some(mount.target.clone()),
        source: mount.source.clone(),
        read_only: Some(mount.read_only),
        ..EngineMount::default()
    };
    match mount.kind.as_str() {
        "bind" => {
            result.typ = Some(MountType::BIND);
            let options = mount.bind.clone().unwrap_or_default();
            let rules = ["writable", "readonly"];
            if options.recursive.is_some_and(|it| rules.contains(&&*it)) {
                request.require(ApiVersion::new(1, 44), "volumes.*.bind.recursive", "25.0");
            }
            result.bind_options = mount.bind.as_ref().map(bind_options);
        }
        "tmpfs" => {
            result.typ = Some(MountType::TMPFS);
            result.source = None;
            result.tmpfs_options = mount.tmpfs.as_ref().map(|options| MountTmpfsOptions {
                size_bytes: options.size.map(|size| size.0),
                mode: options.mode.map(i64::from),
                ..MountTmpfsOptions::default()
            });
        }
        "image" => {
            request.require(ApiVersion::new(1, 48), "volumes.*.image", "28.0");
            result.typ = Some(MountType::IMAGE);
            if let Some(name) = &mount.service_image {
                result.source = Some(name.clone());
            }
            let subpath = mount.image.as_ref().and_then(|it| it.subpath.clone());
            result.image_options = subpath.map(|subpath| MountImageOptions {
                subpath: Some(subpath),
            });
        }
        "npipe" => result.typ = Some(MountType::NPIPE),
        "cluster" => {
            result.typ = Some(MountType::CLUSTER);
            result.source = mount
                .source
                .as_deref()
                .map(|source| volume_name(source, request));
        }
        _ => {
            if mount.volume.as_ref().is_some_and(|it| it.subpath.is_some()) {
                request.require(ApiVersion::new(1, 45), "volumes.*.volume.subpath", "26.0");
            }
            result.typ = Some(MountType::VOLUME);
            result.source = mount
                .source
                .as_deref()
                .map(|source| volume_name(source, request));
            result.volume_options = mount.volume.as_ref().map(volume_options);
        }
    }
    result
}

fn bind_options(options: &BindOptions) -> MountBindOptions {
    MountBindOptions {
        propagation: options
            .propagation
            .as_deref()
            .map(|propagation| match propagation {
                "private" => MountBindOptionsPropagationEnum::PRIVATE,
                "shared" => MountBindOptionsPropagationEnum::SHARED,
                "rshared" => MountBindOptionsPropagationEnum::RSHARED,
                "slave" => MountBindOptionsPropagationEnum::SLAVE,
                "rslave" => MountBindOptionsPropagationEnum::RSLAVE,
                _ => MountBindOptionsPropagationEnum::RPRIVATE,
            }),
        create_mountpoint: options.creates_host_path().then_some(true),
        non_recursive: (options.recursive.as_deref() == Some("disabled")).then_some(true),
        read_only_non_recursive: (options.recursive.as_deref() == Some("writable")).then_some(true),
        read_only_force_recursive: (options.recursive.as_deref() == Some("readonly"))
            .then_some(true),
    }
}

fn volume_options(options: &VolumeOptions) -> MountVolumeOptions {
    MountVolumeOptions {
        no_copy: options.nocopy.then_some(true),
        labels: (!options.labels.is_empty()).then(|| options.labels.clone().into_iter().collect()),
        subpath: options.subpath.clone(),
        ..MountVolumeOptions::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_forms_are_split_at_colons_but_not_at_drives() {
        for (text, source, target, options) in [
            ("/var/lib/data", None, "/var/lib/data", None),
            ("data:/data", Some("data"), "/data", None),
            ("./app:/app:ro", Some("./app"), "/app", Some("ro")),
            (r"C:\app:/app:rw", Some(r"C:\app"), "/app", Some("rw")),
            // A single letter is a drive, as in docker compose.
            ("d:/app", None, "d:/app", None),
        ] {
            let short = split_short(text);
            assert_eq!(
                (
                    short.source.as_deref(),
                    short.target.as_str(),
                    short.options.as_deref()
                ),
                (source, target, options),
                "{text}"
            );
        }
    }
}
