//! What two sides of an `include` define under one name: fine where both say the same, an error
//! where they differ, as in docker compose 2.40.3.
//!
//! docker compose compares what is included in its long form (paths resolved, `80:80` as a
//! mapping) with what the including file has written, or with what an earlier entry included; a
//! short form in the including file therefore differs from itself, and so does what `!reset` and
//! `!override` change.

use super::Load;
use super::include::SECTIONS;
use super::tree::Scope;
use crate::document::{Diagnostic, Entry, Mapping, Node, Tag, Value};
use crate::project::attribute::Data;
use crate::project::canonical::imported;

/// Takes out of an included tree what the document, or what was included earlier, has already.
/// Answers whether all of that was the same.
pub(super) fn settle(
    load: &mut Load<'_>,
    tree: &mut Node,
    scope: &Scope,
    document: &Node,
    earlier: Option<&Node>,
) -> bool {
    let mut agreed = true;
    for section in SECTIONS {
        let Some(members) = members(tree, section) else {
            continue;
        };
        let written = document.get(section).and_then(Node::as_mapping);
        let included = earlier.and_then(|earlier| earlier.get(section)?.as_mapping());
        let mut twice = Vec::new();
        for (name, entry) in members.iter() {
            let own = written.and_then(|own| own.get(name));
            let first = included.and_then(|included| included.get(name));
            let here = match (own, first) {
                (Some(own), _) => (own, compared(&own.value)),
                (None, Some(first)) => (first, long(load, section, first, scope)),
                (None, None) => continue,
            };
            twice.push((name.clone(), here.1 == long(load, section, entry, scope)));
            if twice.last().is_some_and(|(_, same)| !same) {
                load.diagnostics
                    .push(conflict(section, name, here.0, entry, own.is_none()));
                agreed = false;
            }
        }
        for (name, _) in twice {
            members.shift_remove(&name);
        }
    }
    agreed
}

fn members<'n>(tree: &'n mut Node, section: &str) -> Option<&'n mut Mapping> {
    let Value::Mapping(sections) = &mut tree.value else {
        return None;
    };
    match &mut sections.get_mut(section)?.value.value {
        Value::Mapping(members) => Some(members),
        _ => None,
    }
}

fn conflict(section: &str, name: &str, here: &Entry, there: &Entry, two: bool) -> Diagnostic {
    let message = format!("`{section}.{name}` is defined twice, and not alike");
    let error = Diagnostic::error(message)
        .code("include-conflict")
        .at(there.key_span, "included from here");
    let error = if two {
        error.at(
            here.key_span,
            "an earlier entry of `include` has it from here",
        )
    } else {
        error.at(here.key_span, "defined here, too")
    };
    error.help(
        "to change what is included, list a second file under the entry's `path`, or do it in an \
         override file",
    )
}

/// A member as it is included.
fn long(load: &Load<'_>, section: &str, entry: &Entry, scope: &Scope) -> Data {
    load.surrounded(&scope.directory, &scope.variables, |surroundings| {
        imported(section, &entry.value, surroundings)
    })
}

/// A member as it is written, without what is to be reset.
fn compared(node: &Node) -> Data {
    let mut node = node.clone();
    forget_resets(&mut node);
    crate::project::render::node(&node)
}

fn forget_resets(node: &mut Node) {
    if let Value::Mapping(mapping) = &mut node.value {
        mapping.retain(|_, entry| entry.value.tag != Some(Tag::Reset));
        for (_, entry) in mapping {
            forget_resets(&mut entry.value);
        }
    }
}
