//! `include`: other projects' files, joined under a document.
//!
//! | written | meaning |
//! |---|---|
//! | `- sub/compose.yaml` | that file, with its folder and its `.env` |
//! | `- path: [a.yaml, b.yaml]` | files laid over each other, as with several `-f` |
//! | `  project_directory: sub` | where their relative paths start; else the first file's folder |
//! | `  env_file: [x.env]` | instead of `.env` of that folder; `/dev/null` is none at all |
//!
//! - The paths of an entry start from the including project's folder.
//! - Variables of the including project win over those of the entry's files, which are for the
//!   included files alone.
//! - Services, networks, volumes, configs, secrets and models are taken over; `name` is not.
//! - What both sides define has to be the same; see `conflicts`.

use std::path::Path;

use super::discover::Found;
use super::tree::{Include, Scope, is_remote, remote};
use super::{Load, conflicts, environment};
use crate::document::diagnostic::nearest;
use crate::document::{Diagnostic, Mapping, Node, Span, Value};
use crate::project::top_level::INCLUDED_KEYS;

/// What is taken over.
pub(super) const SECTIONS: [&str; 6] = [
    "services", "networks", "volumes", "configs", "secrets", "models",
];

/// The label of the place that asks for a file.
pub(super) const ASKED: &str = "included here";

/// The deepest chain of files that is followed.
const MAX_DEPTH: usize = 100;

/// One entry, as written.
#[derive(Default)]
struct Entry {
    paths: Vec<(String, Span)>,
    directory: Option<String>,
    /// Nothing: the folder's `.env`.
    env_files: Option<Vec<(String, Span)>>,
}

/// What a document includes; the key is taken out of it. The outer `None` means that something
/// failed.
#[expect(clippy::option_option, reason = "failed, nothing there, or a tree")]
pub(super) fn resolve(
    load: &mut Load<'_>,
    document: &mut Node,
    scope: &Scope,
) -> Option<Option<Node>> {
    let Value::Mapping(sections) = &mut document.value else {
        return Some(None);
    };
    let Some(list) = sections.shift_remove("include") else {
        return Some(None);
    };
    if list.value.is_null() {
        return Some(None);
    }
    let Some(items) = list.value.as_sequence() else {
        let error = Diagnostic::error("`include` must be a list").code("wrong-type");
        let error = error.at(
            list.value.span,
            format!("this is {}", list.value.describe()),
        );
        load.diagnostics
            .push(error.help("write `- ` in front of it"));
        return None;
    };
    let file = load.file_of(document.span);
    let mut joined: Option<Node> = None;
    let mut complete = true;
    for item in items {
        if load.exhausted() || scope.chain.len() > MAX_DEPTH {
            too_deep(load, item, scope);
            return None;
        }
        let Some(mut tree) = include(load, item, scope, file.as_deref()) else {
            complete = false;
            continue;
        };
        complete &= conflicts::settle(load, &mut tree, scope, document, joined.as_ref());
        match &mut joined {
            None => joined = Some(tree),
            Some(earlier) => join(earlier, tree),
        }
    }
    complete.then_some(joined)
}

/// Too many files have been told of already.
fn too_deep(load: &mut Load<'_>, item: &Node, scope: &Scope) {
    if scope.chain.len() > MAX_DEPTH {
        let message = format!("files include each other more than {MAX_DEPTH} deep");
        let error = Diagnostic::error(message)
            .code("include-too-deep")
            .at(item.span, "this one goes too far");
        load.diagnostics.push(error);
    }
}

/// The tree of one entry.
fn include(
    load: &mut Load<'_>,
    item: &Node,
    scope: &Scope,
    including: Option<&Path>,
) -> Option<Node> {
    let entry = read(load, item)?;
    let files = locate(load, &entry, scope, item.span, including)?;
    let first = files.first().and_then(Found::path)?;
    let directory = match &entry.directory {
        Some(directory) => load.path_from(&scope.directory, directory),
        None => first.parent().unwrap_or(first).to_owned(),
    };
    let mut inner = Scope {
        directory,
        variables: scope.variables.clone(),
        chain: scope.chain.clone(),
    };
    inner.chain.push(Include {
        file: including.map(Path::to_owned),
        span: item.span,
    });
    read_variables(load, &entry, scope, &mut inner)?;
    let documents = load.documents(&files, &inner.directory, Some((item.span, ASKED)), &[])?;
    if documents.is_empty() {
        return Some(Node::mapping(item.span, Mapping::new()));
    }
    let mut tree = load.joined(documents, &inner)?;
    resolve_environment(&mut tree, &inner);
    if let Value::Mapping(sections) = &mut tree.value {
        sections.retain(|key, _| SECTIONS.contains(&key.as_str()));
    }
    Some(tree)
}

/// The files of an entry, none of them on the way here.
fn locate(
    load: &mut Load<'_>,
    entry: &Entry,
    scope: &Scope,
    span: Span,
    including: Option<&Path>,
) -> Option<Vec<Found>> {
    let mut files = Vec::new();
    for (path, place) in &entry.paths {
        if is_remote(path) {
            load.diagnostics.push(remote(*place));
            return None;
        }
        let path = load.path_from(&scope.directory, path);
        let way = scope.chain.iter().map(|step| step.file.as_deref());
        let begin = way
            .chain([including])
            .position(|file| file == Some(path.as_path()));
        if let Some(begin) = begin {
            let error = circular(&scope.chain[begin.min(scope.chain.len())..], span);
            load.diagnostics.push(error);
            return None;
        }
        files.push(Found::File(path));
    }
    Some(files)
}

fn circular(way: &[Include], last: Span) -> Diagnostic {
    if way.is_empty() {
        return Diagnostic::error("a file includes itself")
            .code("include-cycle")
            .at(last, "this is the file itself");
    }
    let mut error = Diagnostic::error("files include each other in a circle").code("include-cycle");
    for step in way {
        error = error.at(step.span, "this file is included");
    }
    error
        .at(last, "which includes the first one again")
        .help("move what both need into a file that includes neither")
}

fn read_variables(
    load: &mut Load<'_>,
    entry: &Entry,
    outer: &Scope,
    inner: &mut Scope,
) -> Option<()> {
    let Some(given) = &entry.env_files else {
        let path = inner.directory.join(".env");
        return if load.files.is_file(&path) {
            environment::read_files(load, &[(path, None)], &mut inner.variables)
        } else {
            Some(())
        };
    };
    let mut paths = Vec::new();
    for (file, span) in given {
        let path = load.path_from(&outer.directory, file);
        if path == Path::new(environment::NO_FILE) {
            continue;
        }
        if let Some(reason) = environment::unreadable(load, &path) {
            let message = format!("the environment file {} {reason}", path.display());
            let error = Diagnostic::error(message)
                .code("missing-file")
                .at(*span, "asked for here");
            load.diagnostics.push(error);
            return None;
        }
        paths.push((path, Some((*span, "asked for here"))));
    }
    environment::read_files(load, &paths, &mut inner.variables)
}

/// `KEY` without a value is the included project's variable where it has one.
fn resolve_environment(tree: &mut Node, scope: &Scope) {
    for service in children(tree, "services") {
        let Value::Mapping(attributes) = &mut service.value else {
            continue;
        };
        let Some(environment) = attributes.get_mut("environment") else {
            continue;
        };
        match &mut environment.value.value {
            Value::Mapping(pairs) => {
                for (name, pair) in pairs {
                    if let (true, Some(value)) = (pair.value.is_null(), scope.variables.get(name)) {
                        pair.value = Node::string(pair.value.span, value);
                    }
                }
            }
            Value::Sequence(items) => {
                for item in items {
                    let Some(name) = item.as_str() else { continue };
                    if let Some(value) = scope.variables.get(name) {
                        *item = Node::string(item.span, format!("{name}={value}"));
                    }
                }
            }
            Value::Scalar(_) => {}
        }
    }
}

fn children<'n>(tree: &'n mut Node, section: &str) -> Vec<&'n mut Node> {
    let Value::Mapping(sections) = &mut tree.value else {
        return Vec::new();
    };
    match sections
        .get_mut(section)
        .map(|entry| &mut entry.value.value)
    {
        Some(Value::Mapping(entries)) => {
            entries.values_mut().map(|entry| &mut entry.value).collect()
        }
        _ => Vec::new(),
    }
}

/// Adds a tree to an earlier one; they have no member in common.
fn join(earlier: &mut Node, tree: Node) {
    let (Value::Mapping(sections), Value::Mapping(more)) = (&mut earlier.value, tree.value) else {
        return;
    };
    for (section, entry) in more {
        let Some(known) = sections.get_mut(&section).map(|it| &mut it.value) else {
            sections.insert(section, entry);
            continue;
        };
        match (&mut known.value, entry.value.value) {
            (Value::Mapping(known), Value::Mapping(more)) => known.extend(more),
            // An empty section, or one that is refused when it is read.
            (_, value) => known.value = value,
        }
    }
}

fn read(load: &mut Load<'_>, item: &Node) -> Option<Entry> {
    if let Some(path) = item.as_str() {
        return Some(Entry {
            paths: vec![(path.to_owned(), item.span)],
            ..Entry::default()
        });
    }
    let Some(mapping) = item.as_mapping() else {
        let error =
            Diagnostic::error("an entry of `include` is a path or a mapping").code("wrong-type");
        load.diagnostics
            .push(error.at(item.span, format!("this is {}", item.describe())));
        return None;
    };
    check_keys(load, mapping);
    let paths = optional(load, item, "path")?.unwrap_or_default();
    if paths.is_empty() {
        let error = Diagnostic::error("an entry of `include` needs a `path`").code("missing-value");
        load.diagnostics.push(error.at(item.span, "this entry"));
        return None;
    }
    let directory = optional(load, item, "project_directory")?;
    Some(Entry {
        paths,
        directory: directory
            .and_then(|mut texts| texts.pop())
            .map(|(path, _)| path),
        env_files: optional(load, item, "env_file")?.filter(|files| !files.is_empty()),
    })
}

/// Keys that an entry does not have are told of; docker compose pays no attention to them.
fn check_keys(load: &mut Load<'_>, mapping: &Mapping) {
    let known: Vec<&str> = INCLUDED_KEYS.iter().map(|it| it.key).collect();
    let unknown = mapping
        .iter()
        .filter(|(key, _)| !known.contains(&key.as_str()) && !key.starts_with("x-"));
    for (key, entry) in unknown {
        let warning =
            Diagnostic::warning(format!("unknown key `{key}` in `include` has no effect"))
                .code("unknown-key")
                .at(entry.key_span, format!("an entry has {}", known.join(", ")));
        load.diagnostics
            .push(match nearest(key, known.iter().copied()) {
                Some(near) => warning.help(format!("did you mean `{near}`?")),
                None => warning,
            });
    }
}

/// A text or a list of texts, with their places; nothing where the key is missing or empty.
#[expect(clippy::option_option, reason = "failed, nothing there, or texts")]
fn optional(load: &mut Load<'_>, item: &Node, key: &str) -> Option<Option<Vec<(String, Span)>>> {
    let Some(node) = item.get(key).filter(|node| !node.is_null()) else {
        return Some(None);
    };
    let items = node.as_sequence().unwrap_or(std::slice::from_ref(node));
    let mut texts = Vec::new();
    for item in items {
        let Some(text) = item.as_str() else {
            let error = Diagnostic::error(format!("`{key}` of `include` must be a string"))
                .code("wrong-type");
            load.diagnostics
                .push(error.at(item.span, format!("this is {}", item.describe())));
            return None;
        };
        texts.push((text.to_owned(), item.span));
    }
    Some(Some(texts))
}
