//! `build`: how a service's image is made out of files.

use std::collections::BTreeMap;

use crate::document::merge::Rule;
use crate::document::{Entry, Mapping, Node, Value};
use crate::project::attribute::{
    Attribute, Data, Hash, Lower, merge, merge_rule, read_table, render_table,
};
use crate::project::read::Reader;
use crate::project::render;
use crate::project::service::Service;
use crate::project::service::mounts::{self, FileReference};
use crate::project::service::ulimits::{self, Ulimit};
use crate::project::shape::{Shape, keys};
use crate::project::value::byte_size::ByteSize;

/// A build section.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Build {
    /// Folder (absolute) or address whose files are sent to the builder.
    pub context: String,
    /// Dockerfile, relative to the context.
    pub dockerfile: Option<String>,
    /// The Dockerfile's text itself.
    pub dockerfile_inline: Option<String>,
    /// Values of `ARG`s; `None` keeps the Dockerfile's own.
    pub args: BTreeMap<String, Option<String>>,
    /// More contexts by name: paths, addresses, `service:NAME`.
    pub additional_contexts: BTreeMap<String, String>,
    /// Labels on the image.
    pub labels: BTreeMap<String, String>,
    /// Images to take cached layers from.
    pub cache_from: Vec<String>,
    /// Do not use the cache.
    pub no_cache: bool,
    /// Look for newer base images.
    pub pull: bool,
    /// `host` to addresses for `RUN` steps.
    pub extra_hosts: Vec<String>,
    /// Network of `RUN` steps.
    pub network: Option<String>,
    /// Stage to stop at.
    pub target: Option<String>,
    /// Size of `/dev/shm` in `RUN` steps.
    pub shm_size: Option<ByteSize>,
    /// More names for the image.
    pub tags: Vec<String>,
    /// Platforms to build for.
    pub platforms: Vec<String>,
    /// What the build may do beyond the usual.
    pub entitlements: Vec<String>,
    /// Attestation of how the image was made.
    pub provenance: Option<String>,
    /// Attestation of what the image holds.
    pub sbom: Option<String>,
    /// Keys that `RUN --mount=type=ssh` may use, by name; `None` is the agent.
    pub ssh: Vec<SshKey>,
    /// Where cached layers are written.
    pub cache_to: Vec<String>,
    /// Stages whose steps are all done anew.
    pub no_cache_filter: Vec<String>,
    /// How `RUN` steps are isolated (Windows).
    pub isolation: Option<String>,
    /// Secrets that `RUN --mount=type=secret` may read.
    pub secrets: Vec<FileReference>,
    /// Limits of processes in `RUN` steps.
    pub ulimits: BTreeMap<String, Ulimit>,
    /// Give `RUN` steps (almost) everything that the host can do.
    pub privileged: bool,
}

/// A key of `ssh`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SshKey {
    /// What the Dockerfile calls it.
    pub id: String,
    /// Key file or agent socket (absolute); the user's agent when absent.
    pub path: Option<String>,
}

/// The row of `build`.
pub const ROW: Attribute<Service> = Attribute {
    key: "build",
    about: "How the image is made out of files: a folder, or a mapping.",
    example: "{context: /src}",
    shape: Shape::OneOf(&[Shape::String, Shape::object("build", || keys(TABLE))]),
    parse: |node, service, reader| service.build = Some(parse(node, reader)),
    merge: |rest| match rest {
        [] => Rule::Promote(promote),
        below => merge_rule(TABLE, below),
    },
    render: |service| {
        service
            .build
            .as_ref()
            .map(|build| render_table(TABLE, build))
    },
    hash: Hash::Excluded("what was built shows in the image's digest"),
    lower: Lower::UsedBy("plan/images.rs"),
};

const LATER: &str = "this version of rcompose does not pass it to the builder yet";
const USED: Lower<Build> = Lower::UsedBy("plan/images.rs");
const HASH: Hash = Hash::Excluded("what was built shows in the image's digest");

/// The keys of `build`.
pub const TABLE: &[Attribute<Build>] = &[
    Attribute {
        key: "context",
        about: "Folder or address whose files the builder gets (default `.`).",
        example: "/src",
        shape: Shape::String,
        parse: |node, build, reader| build.context = read_context(node, reader),
        merge: merge::default,
        render: |build| render::text(Some(&build.context)),
        hash: HASH,
        lower: USED,
    },
    Attribute {
        key: "dockerfile",
        about: "Dockerfile, relative to the context (default `Dockerfile`).",
        example: "Dockerfile.dev",
        shape: Shape::String,
        parse: |node, build, reader| build.dockerfile = reader.string(node),
        merge: merge::default,
        render: |build| render::text(build.dockerfile.as_deref()),
        hash: HASH,
        lower: USED,
    },
    Attribute {
        key: "dockerfile_inline",
        about: "The Dockerfile's text itself, instead of a file.",
        example: "FROM busybox",
        shape: Shape::String,
        parse: |node, build, reader| build.dockerfile_inline = reader.string(node),
        merge: merge::default,
        render: |build| render::text(build.dockerfile_inline.as_deref()),
        hash: HASH,
        lower: USED,
    },
    Attribute {
        key: "entitlements",
        about: "What the build may do beyond the usual.",
        example: "[network.host]",
        shape: Shape::STRINGS,
        parse: |node, build, reader| build.entitlements = reader.strings(node),
        merge: merge::default,
        render: |build| render::list(&build.entitlements),
        hash: HASH,
        lower: Lower::NotYet(LATER),
    },
    Attribute {
        key: "args",
        about: "Values for `ARG`; a name alone takes the value of the project's environment.",
        example: "{VERSION: '1'}",
        shape: Shape::KEY_VALUES,
        parse: |node, build, reader| build.args = reader.key_values(node),
        merge: merge::key_value,
        render: |build| render::nullable(&build.args),
        hash: HASH,
        lower: USED,
    },
    Attribute {
        key: "provenance",
        about: "Attestation of how the image was made.",
        example: "mode=max",
        shape: Shape::SWITCH,
        parse: |node, build, reader| build.provenance = reader.switch_or_text(node),
        merge: merge::default,
        render: |build| render::text(build.provenance.as_deref()),
        hash: HASH,
        lower: Lower::NotYet(LATER),
    },
    Attribute {
        key: "sbom",
        about: "Attestation of what the image holds.",
        example: "true",
        shape: Shape::SWITCH,
        parse: |node, build, reader| build.sbom = reader.switch_or_text(node),
        merge: merge::default,
        render: |build| render::text(build.sbom.as_deref()),
        hash: HASH,
        lower: Lower::NotYet(LATER),
    },
    Attribute {
        key: "ssh",
        about: "Keys that `RUN --mount=type=ssh` may use: `default`, or `id=path`.",
        example: "[default]",
        shape: Shape::KEY_VALUES,
        parse: |node, build, reader| build.ssh = read_ssh(node, reader),
        merge: merge::default,
        render: |build| render::items(&build.ssh, print_key),
        hash: HASH,
        lower: Lower::NotYet(LATER),
    },
    Attribute {
        key: "labels",
        about: "Labels on the image.",
        example: "{team: web}",
        shape: Shape::KEY_VALUES,
        parse: |node, build, reader| build.labels = reader.labels(node),
        merge: merge::key_value,
        render: |build| render::strings(&build.labels),
        hash: HASH,
        lower: USED,
    },
    Attribute {
        key: "cache_from",
        about: "Images to take cached layers from.",
        example: "[app:latest]",
        shape: Shape::STRINGS,
        parse: |node, build, reader| build.cache_from = reader.strings(node),
        merge: merge::default,
        render: |build| render::list(&build.cache_from),
        hash: HASH,
        lower: USED,
    },
    Attribute {
        key: "cache_to",
        about: "Where cached layers are written.",
        example: "['type=local,dest=/cache']",
        shape: Shape::STRINGS,
        parse: |node, build, reader| build.cache_to = reader.strings(node),
        merge: merge::default,
        render: |build| render::list(&build.cache_to),
        hash: HASH,
        lower: Lower::NotYet(LATER),
    },
    Attribute {
        key: "no_cache",
        about: "Build every step anew.",
        example: "true",
        shape: Shape::Boolean,
        parse: |node, build, reader| build.no_cache = reader.boolean(node).unwrap_or_default(),
        merge: merge::default,
        render: |build| render::flag(build.no_cache),
        hash: HASH,
        lower: USED,
    },
    Attribute {
        key: "no_cache_filter",
        about: "Stages whose steps are all done anew.",
        example: "[deps]",
        shape: Shape::STRING_OR_LIST,
        parse: |node, build, reader| build.no_cache_filter = reader.string_or_list(node),
        merge: merge::string_or_list,
        render: |build| render::list(&build.no_cache_filter),
        hash: HASH,
        lower: Lower::NotYet(LATER),
    },
    Attribute {
        key: "additional_contexts",
        about: "More folders, addresses, images or `service:NAME` that the Dockerfile can name.",
        example: "{shared: 'service:base'}",
        shape: Shape::KEY_VALUES,
        parse: |node, build, reader| build.additional_contexts = read_contexts(node, reader),
        merge: merge::key_value,
        render: |build| render::strings(&build.additional_contexts),
        hash: HASH,
        lower: USED,
    },
    Attribute {
        key: "pull",
        about: "Look for newer base images.",
        example: "true",
        shape: Shape::Boolean,
        parse: |node, build, reader| build.pull = reader.boolean(node).unwrap_or_default(),
        merge: merge::default,
        render: |build| render::flag(build.pull),
        hash: HASH,
        lower: USED,
    },
    Attribute {
        key: "extra_hosts",
        about: "More entries of `/etc/hosts` in `RUN` steps.",
        example: "['db:10.0.0.1']",
        shape: super::EXTRA_HOSTS,
        parse: |node, build, reader| build.extra_hosts = super::extra_hosts(node, reader),
        merge: merge::joined,
        render: |build| render::list(&build.extra_hosts),
        hash: HASH,
        lower: USED,
    },
    Attribute {
        key: "isolation",
        about: "How `RUN` steps are isolated (Windows).",
        example: "default",
        shape: Shape::String,
        parse: |node, build, reader| build.isolation = reader.string(node),
        merge: merge::default,
        render: |build| render::text(build.isolation.as_deref()),
        hash: HASH,
        lower: Lower::NotYet(LATER),
    },
    Attribute {
        key: "network",
        about: "Network of `RUN` steps.",
        example: "host",
        shape: Shape::String,
        parse: |node, build, reader| build.network = reader.string(node),
        merge: merge::default,
        render: |build| render::text(build.network.as_deref()),
        hash: HASH,
        lower: USED,
    },
    Attribute {
        key: "target",
        about: "Stage to stop at.",
        example: "dev",
        shape: Shape::String,
        parse: |node, build, reader| build.target = reader.string(node),
        merge: merge::default,
        render: |build| render::text(build.target.as_deref()),
        hash: HASH,
        lower: USED,
    },
    Attribute {
        key: "secrets",
        about: "Secrets that `RUN --mount=type=secret` may read.",
        example: "[token]",
        shape: mounts::SHAPE,
        parse: |node, build, reader| build.secrets = reader.items(node, mounts::parse),
        merge: merge::default,
        render: |build| mounts::render_all(&build.secrets),
        hash: HASH,
        lower: Lower::NotYet(LATER),
    },
    Attribute {
        key: "shm_size",
        about: "Size of `/dev/shm` in `RUN` steps.",
        example: "64m",
        shape: Shape::SIZE,
        parse: |node, build, reader| build.shm_size = reader.whole_bytes(node),
        merge: merge::default,
        render: |build| render::bytes(build.shm_size),
        hash: HASH,
        lower: USED,
    },
    Attribute {
        key: "tags",
        about: "More names for the image.",
        example: "['app:2']",
        shape: Shape::STRINGS,
        parse: |node, build, reader| build.tags = reader.strings(node),
        merge: merge::unique,
        render: |build| render::list(&build.tags),
        hash: HASH,
        lower: USED,
    },
    Attribute {
        key: "ulimits",
        about: "Limits of processes in `RUN` steps.",
        example: "{nofile: 1000}",
        shape: ulimits::SHAPE,
        parse: |node, build, reader| build.ulimits = ulimits::parse_unquoted(node, reader),
        merge: merge::default,
        render: |build| render::mapping(&build.ulimits, ulimits::print),
        hash: HASH,
        lower: Lower::NotYet(LATER),
    },
    Attribute {
        key: "platforms",
        about: "Platforms to build for.",
        example: "[linux/amd64]",
        shape: Shape::STRINGS,
        parse: |node, build, reader| build.platforms = reader.strings(node),
        merge: merge::default,
        render: |build| render::list(&build.platforms),
        hash: HASH,
        lower: USED,
    },
    Attribute {
        key: "privileged",
        about: "Give `RUN` steps (almost) everything that the host can do.",
        example: "true",
        shape: Shape::Boolean,
        parse: |node, build, reader| build.privileged = reader.boolean(node).unwrap_or_default(),
        merge: merge::default,
        render: |build| render::flag(build.privileged),
        hash: HASH,
        lower: Lower::NotYet(LATER),
    },
];

fn read_ssh(node: &Node, reader: &mut Reader<'_>) -> Vec<SshKey> {
    reader.distinct(node);
    let pairs = reader.key_values(node);
    if node.as_sequence().is_some() {
        for id in pairs
            .iter()
            .filter(|(_, path)| path.is_none())
            .map(|(id, _)| id)
        {
            if id != "default" {
                let reason = format!("the key {id:?} has no path");
                reader.invalid(node, reason, "`default`, or `id=path`");
            }
        }
    }
    let key = |(id, path): (String, Option<String>)| SshKey {
        path: path
            .filter(|path| !path.is_empty())
            .map(|path| reader.file_path(node, &path)),
        id,
    };
    pairs.into_iter().map(key).collect()
}

fn print_key(key: &SshKey) -> Data {
    match &key.path {
        Some(path) => Data::from(format!("{}={path}", key.id)),
        None => Data::from(key.id.as_str()),
    }
}

/// `build: folder` as `build: {context: folder}`.
fn promote(node: Node) -> Node {
    if node.as_str().is_none() {
        return node;
    }
    let span = node.span;
    let entry = Entry {
        key_span: span,
        value: node,
    };
    Node::mapping(span, Mapping::from_iter([("context".to_owned(), entry)]))
}

fn parse(node: &Node, reader: &mut Reader<'_>) -> Build {
    let mut build = Build::default();
    match &node.value {
        Value::Scalar(_) => build.context = read_context(node, reader),
        _ => read_table(node, TABLE, &mut build, reader),
    }
    if build.context.is_empty() {
        build.context = reader.file_path(node, ".");
    }
    if build.dockerfile.is_some() && build.dockerfile_inline.is_some() {
        reader.exclusive(node, "dockerfile", "dockerfile_inline");
    }
    build
}

fn read_context(node: &Node, reader: &mut Reader<'_>) -> String {
    let text = reader.string(node).unwrap_or_default();
    if is_remote(&text) {
        text
    } else {
        reader.file_path(node, &text)
    }
}

/// Whether a context is an address rather than a folder.
pub fn is_remote(context: &str) -> bool {
    const PREFIXES: [&str; 8] = [
        "http://",
        "https://",
        "git://",
        "ssh://",
        "github.com/",
        "git@",
        "service:",
        "docker-image://",
    ];
    context.contains("://") || PREFIXES.iter().any(|prefix| context.starts_with(prefix))
}

fn read_contexts(node: &Node, reader: &mut Reader<'_>) -> BTreeMap<String, String> {
    for (name, entry) in node.as_mapping().into_iter().flatten() {
        if entry.value.as_str().is_none() && !entry.value.is_null() {
            reader.within(name, |reader| reader.expected(&entry.value, "a string"));
        }
    }
    let contexts = reader.key_values(node);
    contexts
        .into_iter()
        .map(|(name, context)| {
            let context = context.unwrap_or_else(|| {
                reader.invalid(
                    node,
                    format!("the context {name:?} is empty"),
                    "`name=context`",
                );
                String::new()
            });
            let context = if context.is_empty() || is_remote(&context) {
                context
            } else {
                reader.file_path(node, &context)
            };
            (name, context)
        })
        .collect()
}

/// Completes a build: the usual Dockerfile, and the environment's values for arguments without
/// one; those that it does not have are left out.
pub fn complete(build: &mut Build, variables: &dyn Fn(&str) -> Option<String>) {
    if build.dockerfile.is_none() && build.dockerfile_inline.is_none() {
        build.dockerfile = Some("Dockerfile".to_owned());
    }
    for (name, value) in &mut build.args {
        if value.is_none() {
            *value = variables(name);
        }
    }
    build.args.retain(|_, value| value.is_some());
}
