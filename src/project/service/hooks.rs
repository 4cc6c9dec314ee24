//! `pre_start`, `post_start` and `pre_stop`: commands that run beside a container's own.

use std::collections::BTreeMap;

use crate::document::Node;
use crate::project::attribute::{Attribute, Data, Hash, Lower, merge, read_table, render_table};
use crate::project::read::Reader;
use crate::project::render;
use crate::project::service::Service;
use crate::project::shape::{Shape, keys};

/// One command, and as whom and where it runs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hook {
    /// What runs.
    pub command: Option<Vec<String>>,
    /// Image of the container that it runs in (`pre_start`); the service's own when absent.
    pub image: Option<String>,
    /// User; the container's own when absent.
    pub user: Option<String>,
    /// With (almost) everything that the host can do.
    pub privileged: bool,
    /// Folder that it starts in.
    pub working_dir: Option<String>,
    /// Variables on top of the container's.
    pub environment: BTreeMap<String, Option<String>>,
    /// Once for every container instead of once for the service (`pre_start`).
    pub per_replica: bool,
}

/// The row of `pre_start`.
pub const PRE_START: Attribute<Service> = Attribute {
    key: "pre_start",
    about: "Commands that run to their end before the service starts.",
    example: "[{command: migrate}]",
    shape: Shape::List(&Shape::object("pre_start_hook", || keys(BEFORE))),
    parse: |node, service, reader| service.pre_start = reader.each(node, parse_before),
    merge: merge::default,
    render: |service| render::items(&service.pre_start, render_hook),
    hash: Hash::Included,
    lower: Lower::UsedBy("plan/converge/before.rs"),
};

/// The row of `post_start`.
pub const POST_START: Attribute<Service> = Attribute {
    key: "post_start",
    about: "Commands that run in each container after it has started.",
    example: "[{command: warm-up}]",
    shape: Shape::List(&SHAPE),
    parse: |node, service, reader| service.post_start = reader.each(node, parse),
    merge: merge::default,
    render: |service| render::items(&service.post_start, render_hook),
    hash: Hash::Included,
    lower: Lower::UsedBy(PLAN),
};

/// The row of `pre_stop`.
pub const PRE_STOP: Attribute<Service> = Attribute {
    key: "pre_stop",
    about: "Commands that run in each container before it is stopped.",
    example: "[{command: drain}]",
    shape: Shape::List(&SHAPE),
    parse: |node, service, reader| service.pre_stop = reader.each(node, parse),
    merge: merge::default,
    render: |service| render::items(&service.pre_stop, render_hook),
    hash: Hash::Included,
    lower: Lower::UsedBy(PLAN),
};

const COMMAND: Attribute<Hook> = Attribute {
    key: "command",
    about: "What runs.",
    example: "[sh, -c, 'echo up']",
    shape: Shape::COMMAND,
    parse: |node, hook, reader| hook.command = reader.command(node),
    merge: merge::replace,
    render: |hook| Some(render::command(hook.command.as_deref())),
    hash: Hash::Included,
    lower: Lower::UsedBy(PLAN),
};

const USER: Attribute<Hook> = Attribute {
    key: "user",
    about: "User; the container's own when absent.",
    example: "root",
    shape: Shape::String,
    parse: |node, hook, reader| hook.user = reader.string(node),
    merge: merge::default,
    render: |hook| render::text(hook.user.as_deref()),
    hash: Hash::Included,
    lower: Lower::UsedBy(PLAN),
};

const PRIVILEGED: Attribute<Hook> = Attribute {
    key: "privileged",
    about: "Give it (almost) everything that the host can do.",
    example: "true",
    shape: Shape::Boolean,
    parse: |node, hook, reader| hook.privileged = reader.boolean(node).unwrap_or_default(),
    merge: merge::default,
    render: |hook| render::flag(hook.privileged),
    hash: Hash::Included,
    lower: Lower::UsedBy(PLAN),
};

const WORKING_DIR: Attribute<Hook> = Attribute {
    key: "working_dir",
    about: "Folder that it starts in.",
    example: "/app",
    shape: Shape::String,
    parse: |node, hook, reader| hook.working_dir = reader.string(node),
    merge: merge::default,
    render: |hook| render::text(hook.working_dir.as_deref()),
    hash: Hash::Included,
    lower: Lower::UsedBy(PLAN),
};

const ENVIRONMENT: Attribute<Hook> = Attribute {
    key: "environment",
    about: "Variables on top of the container's.",
    example: "{KEY: value}",
    shape: Shape::KEY_VALUES,
    parse: |node, hook, reader| hook.environment = reader.key_values(node),
    merge: merge::key_value,
    render: |hook| render::nullable(&hook.environment),
    hash: Hash::Included,
    lower: Lower::UsedBy(PLAN),
};

const PLAN: &str = "plan/hooks.rs";

/// What may be written for a hook inside a container.
pub const SHAPE: Shape = Shape::requiring(&["command"], "hook", || keys(TABLE));

/// The keys of a hook inside a container.
pub const TABLE: &[Attribute<Hook>] = &[COMMAND, USER, PRIVILEGED, WORKING_DIR, ENVIRONMENT];

/// The keys of a hook that has a container of its own.
pub const BEFORE: &[Attribute<Hook>] = &[
    COMMAND,
    Attribute {
        key: "image",
        about: "Image that it runs in; the service's own when absent.",
        example: "busybox",
        shape: Shape::String,
        parse: |node, hook, reader| hook.image = reader.string(node),
        merge: merge::default,
        render: |hook| render::text(hook.image.as_deref()),
        hash: Hash::Included,
        lower: Lower::UsedBy(PLAN),
    },
    USER,
    PRIVILEGED,
    WORKING_DIR,
    ENVIRONMENT,
    Attribute {
        key: "per_replica",
        about: "Once for every container instead of once for the service.",
        example: "true",
        shape: Shape::Boolean,
        parse: |node, hook, reader| hook.per_replica = reader.boolean(node).unwrap_or_default(),
        merge: merge::default,
        render: |hook| render::flag(hook.per_replica),
        hash: Hash::Included,
        lower: Lower::UsedBy(PLAN),
    },
];

fn parse(node: &Node, reader: &mut Reader<'_>) -> Hook {
    let mut hook = Hook::default();
    read_table(node, TABLE, &mut hook, reader);
    if node.as_mapping().is_some() && node.get("command").is_none() {
        reader.missing(node, "command", "this hook");
    }
    hook
}

fn parse_before(node: &Node, reader: &mut Reader<'_>) -> Hook {
    let mut hook = Hook::default();
    read_table(node, BEFORE, &mut hook, reader);
    hook
}

fn render_hook(hook: &Hook) -> Data {
    render_table(BEFORE, hook)
}

/// Reads a hook in another attribute's place.
pub fn read(node: &Node, hook: &mut Hook, reader: &mut Reader<'_>) {
    read_table(node, TABLE, hook, reader);
}

/// Prints a hook in another attribute's place.
pub fn print(hook: &Hook) -> Data {
    render_table(TABLE, hook)
}
