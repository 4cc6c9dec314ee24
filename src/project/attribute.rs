//! What one row of a vocabulary table is.
//!
//! Every key of the Compose Specification has one row, and the row answers what a newcomer asks:
//! how the key is read, how two files' values are merged, how it is printed and hashed, and what
//! becomes of it in the engine. Rows are plain data and function pointers in `const` slices; the
//! order of a table is the order of printing and hashing, and that order is a contract with
//! docker compose (`config-hash`), not a matter of taste.

use crate::document::diagnostic::nearest;
use crate::document::merge::Rule;
use crate::document::{Diagnostic, Entry, Node, Path, Segment, SourceId};
use crate::project::read::Reader;
use crate::project::request::Request;
use crate::project::shape::Shape;

/// Printed form of a value: what `config` shows and the hash is made of.
pub type Data = serde_yaml::Value;

/// A key of some mapping whose model is `T`.
pub struct Attribute<T: 'static> {
    /// As in the specification.
    pub key: &'static str,
    /// One line for the schema and the reference.
    pub about: &'static str,
    /// A minimal YAML value that differs from the default.
    pub example: &'static str,
    /// What may be written, as far as that can be told without reading it.
    pub shape: Shape,
    /// Node to field. Problems go to the reader.
    pub parse: fn(&Node, &mut T, &mut Reader<'_>),
    /// How a later file's value joins an earlier one's; asked for this key (empty rest) and for
    /// everything below it.
    pub merge: fn(&[Segment]) -> Rule,
    /// Field to printed form; `None` when it is not set.
    pub render: fn(&T) -> Option<Data>,
    /// Whether a change means that the container is another one.
    pub hash: Hash,
    /// Where the value goes.
    pub lower: Lower<T>,
}

/// Whether an attribute counts in the configuration hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hash {
    /// A change recreates the container.
    Included,
    /// A change alone never recreates; why not.
    Excluded(&'static str),
}

/// What becomes of an attribute.
pub enum Lower<T: 'static> {
    /// It is written into the create request.
    Request(fn(&T, &mut Request<'_>)),
    /// Another module acts on it; its path below `src`.
    UsedBy(&'static str),
    /// It has no effect on a single engine; why, for `config --unsupported`.
    NoEffect(&'static str),
    /// docker compose acts on it and this version does not yet; why, for a warning.
    NotYet(&'static str),
}

/// Merge rules that rows name.
pub mod merge {
    use super::{Rule, Segment};

    /// Mappings join, lists append, scalars replace.
    pub fn default(_: &[Segment]) -> Rule {
        Rule::Default
    }

    /// The later value replaces the earlier one whole.
    pub fn replace(rest: &[Segment]) -> Rule {
        if rest.is_empty() {
            Rule::Replace
        } else {
            Rule::Default
        }
    }

    /// `K=V` lists and mappings join by key.
    pub fn key_value(rest: &[Segment]) -> Rule {
        if rest.is_empty() {
            Rule::KeyValue
        } else {
            Rule::Default
        }
    }

    /// A string counts as a list of one; lists append.
    pub fn string_or_list(rest: &[Segment]) -> Rule {
        if rest.is_empty() {
            Rule::StringOrList
        } else {
            Rule::Default
        }
    }

    /// Lists append; an item that another file has is not added again.
    pub fn joined(rest: &[Segment]) -> Rule {
        if rest.is_empty() {
            Rule::Joined
        } else {
            Rule::Default
        }
    }

    /// Lists append; an item that is there already is not added again.
    pub fn unique(rest: &[Segment]) -> Rule {
        if rest.is_empty() {
            Rule::Exact
        } else {
            Rule::Default
        }
    }
}

/// Reads a mapping by a table: every key to its row, unknown keys to an error with the nearest
/// known spelling. `x-` keys belong to nobody and pass.
pub fn read_table<T>(
    node: &Node,
    table: &'static [Attribute<T>],
    value: &mut T,
    reader: &mut Reader<'_>,
) {
    let Some(mapping) = reader.mapping(node) else {
        return;
    };
    for (key, entry) in mapping {
        if key.starts_with("x-") {
            reader.extension(key, &entry.value);
            continue;
        }
        match table.iter().find(|row| row.key == key) {
            Some(row) => reader.within(key, |reader| {
                if !entry.value.is_null() {
                    note_without_effect(row, entry, reader);
                }
                (row.parse)(&entry.value, value, reader);
            }),
            None => unknown_key(key, entry, table.iter().map(|row| row.key), reader),
        }
    }
}

fn note_without_effect<T>(row: &Attribute<T>, entry: &Entry, reader: &mut Reader<'_>) {
    match row.lower {
        Lower::Request(_) | Lower::UsedBy(_) => {}
        Lower::NoEffect(reason) => reader.note(entry.key_span, reason, false),
        Lower::NotYet(reason) => reader.note(entry.key_span, reason, true),
    }
}

/// The error for a key that no table knows.
pub fn unknown_key<'a>(
    key: &str,
    entry: &Entry,
    known: impl Iterator<Item = &'a str>,
    reader: &mut Reader<'_>,
) {
    let place = reader.path().to_string();
    let whole = if place.is_empty() {
        "the top level".to_owned()
    } else {
        place
    };
    let mut diagnostic = Diagnostic::error(format!("unknown key `{key}` in {whole}"))
        .code("unknown-key")
        .at(entry.key_span, "not a key of the Compose Specification");
    if !reader.has_enough()
        && let Some(near) = nearest(key, known)
    {
        diagnostic = diagnostic.help(format!("did you mean `{near}`?"));
    }
    reader.report(diagnostic);
}

/// Prints a value by its table, in the table's order.
pub fn render_table<T>(table: &'static [Attribute<T>], value: &T) -> Data {
    let mut mapping = serde_yaml::Mapping::new();
    for row in table {
        if let Some(data) = (row.render)(value) {
            mapping.insert(row.key.into(), data);
        }
    }
    Data::Mapping(mapping)
}

/// The merge rule for a path that starts at a mapping with this table.
pub fn merge_rule<T>(table: &'static [Attribute<T>], path: &[Segment]) -> Rule {
    let Some((Segment::Key(key), rest)) = path.split_first() else {
        return Rule::Default;
    };
    table
        .iter()
        .find(|row| row.key == key)
        .map_or(Rule::Default, |row| (row.merge)(rest))
}

/// Where relative paths of a source start.
pub type Bases<'a> = &'a dyn Fn(SourceId) -> &'a std::path::Path;

/// A path of one key, for messages.
pub fn root(key: &str) -> Path {
    Path::default().key(key)
}
