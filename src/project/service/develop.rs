//! `develop`: what happens when files change while somebody works on them.

use crate::document::Node;
use crate::project::attribute::{
    Attribute, Hash, Lower, merge, merge_rule, read_table, render_table,
};
use crate::project::read::Reader;
use crate::project::render;
use crate::project::service::Service;
use crate::project::service::hooks::{self, Hook};
use crate::project::shape::{Shape, keys};

/// A section `develop`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Develop {
    /// Rules, in order.
    pub watch: Vec<WatchRule>,
}

/// What happens when files below a path change.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WatchRule {
    /// File or folder (absolute).
    pub path: String,
    /// `rebuild`, `sync`, `restart`, `sync+restart` or `sync+exec`.
    pub action: String,
    /// Where files are copied to in the container.
    pub target: Option<String>,
    /// What runs after copying.
    pub exec: Hook,
    /// Only files that match.
    pub include: Vec<String>,
    /// No files that match.
    pub ignore: Vec<String>,
    /// Copy everything once when watching begins.
    pub initial_sync: bool,
}

/// The row of `develop`.
pub const ROW: Attribute<Service> = Attribute {
    key: "develop",
    about: "What happens when files change.",
    example: "{watch: [{path: /src, action: rebuild}]}",
    shape: Shape::OneOf(&[Shape::Null, Shape::object("develop", || keys(TABLE))]),
    parse: |node, service, reader| {
        if !node.is_null() {
            read_table(node, TABLE, service.develop.get_or_insert_default(), reader);
        }
    },
    merge: |rest| merge_rule(TABLE, rest),
    render: |service| {
        let develop = service.develop.as_ref()?;
        Some(render_table(TABLE, develop))
    },
    hash: Hash::Included,
    lower: Lower::NoEffect("only `watch` acts on it, which this version of rcompose does not have"),
};

const RULE_SHAPE: Shape = Shape::requiring(&["path", "action"], "watch", || keys(RULE));
const ACTIONS: &[&str] = &["rebuild", "sync", "restart", "sync+restart", "sync+exec"];
const HERE: &str = "project/service/develop.rs";

/// The keys of `develop`.
pub const TABLE: &[Attribute<Develop>] = &[Attribute {
    key: "watch",
    about: "Rules: a path, and what happens when something below it changes.",
    example: "[{path: /src, action: rebuild}]",
    shape: Shape::List(&RULE_SHAPE),
    parse: |node, develop, reader| develop.watch = reader.each(node, parse_rule),
    merge: merge::default,
    render: |develop| render::items(&develop.watch, |rule| render_table(RULE, rule)),
    hash: Hash::Included,
    lower: Lower::UsedBy(HERE),
}];

/// The keys of a rule.
pub const RULE: &[Attribute<WatchRule>] = &[
    Attribute {
        key: "path",
        about: "File or folder to watch.",
        example: "/src",
        shape: Shape::String,
        parse: |node, rule, reader| {
            let path = reader.string(node).unwrap_or_default();
            if path.is_empty() {
                reader.invalid(node, "there is no path", "a file or a folder is needed");
            }
            rule.path = reader.file_path(node, &path);
        },
        merge: merge::default,
        render: |rule| render::text(Some(&rule.path)),
        hash: Hash::Included,
        lower: Lower::UsedBy(HERE),
    },
    Attribute {
        key: "action",
        about: "`rebuild`, `sync`, `restart`, `sync+restart` or `sync+exec`.",
        example: "rebuild",
        shape: Shape::Words(ACTIONS),
        parse: |node, rule, reader| rule.action = read_action(node, reader),
        merge: merge::default,
        render: |rule| render::text(Some(&rule.action)),
        hash: Hash::Included,
        lower: Lower::UsedBy(HERE),
    },
    Attribute {
        key: "target",
        about: "Where files are copied to in the container.",
        example: "/app",
        shape: Shape::String,
        parse: |node, rule, reader| rule.target = reader.string(node),
        merge: merge::default,
        render: |rule| render::text(rule.target.as_deref()),
        hash: Hash::Included,
        lower: Lower::UsedBy(HERE),
    },
    Attribute {
        key: "exec",
        about: "Command that runs in the container after files were copied.",
        example: "{command: reload}",
        shape: hooks::SHAPE,
        parse: |node, rule, reader| hooks::read(node, &mut rule.exec, reader),
        merge: merge::default,
        // docker compose prints and hashes the command even when there is none.
        render: |rule| Some(hooks::print(&rule.exec)),
        hash: Hash::Included,
        lower: Lower::UsedBy(HERE),
    },
    Attribute {
        key: "include",
        about: "Patterns: only files that match one of them.",
        example: "['*.js']",
        shape: Shape::STRING_OR_LIST,
        parse: |node, rule, reader| rule.include = reader.string_or_list(node),
        merge: merge::string_or_list,
        render: |rule| render::list(&rule.include),
        hash: Hash::Included,
        lower: Lower::UsedBy(HERE),
    },
    Attribute {
        key: "ignore",
        about: "Patterns: no files that match one of them.",
        example: "[node_modules/]",
        shape: Shape::STRING_OR_LIST,
        parse: |node, rule, reader| rule.ignore = reader.string_or_list(node),
        merge: merge::string_or_list,
        render: |rule| render::list(&rule.ignore),
        hash: Hash::Included,
        lower: Lower::UsedBy(HERE),
    },
    Attribute {
        key: "initial_sync",
        about: "Copy everything once when watching begins.",
        example: "true",
        shape: Shape::Boolean,
        parse: |node, rule, reader| rule.initial_sync = reader.boolean(node).unwrap_or_default(),
        merge: merge::default,
        render: |rule| render::flag(rule.initial_sync),
        hash: Hash::Included,
        lower: Lower::UsedBy(HERE),
    },
];

fn read_action(node: &Node, reader: &mut Reader<'_>) -> String {
    let action = reader.string(node).unwrap_or_default();
    if !ACTIONS.contains(&action.as_str()) {
        let label = format!("one of {}", ACTIONS.join(", "));
        reader.invalid(node, format!("{action:?} is not an action"), &label);
        reader.suggest(&action, ACTIONS);
    }
    action
}

fn parse_rule(node: &Node, reader: &mut Reader<'_>) -> WatchRule {
    let mut rule = WatchRule::default();
    read_table(node, RULE, &mut rule, reader);
    if rule.action.starts_with("sync") && rule.target.is_none() {
        reader.missing(node, "target", "where files are copied to");
    }
    for key in ["path", "action"] {
        if node.as_mapping().is_some() && node.get(key).is_none() {
            reader.missing(node, key, "this rule");
        }
    }
    rule
}
