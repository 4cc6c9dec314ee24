//! Services by name: patterns, and the part of a project that they stand for.
//!
//! A name may be a pattern (`*`, `?`, `[a-z]`, `\` before a character that is meant itself). It is
//! matched against the services that are wanted anyway: only a name in full activates profiles.

use std::collections::BTreeSet;

use crate::document::diagnostic::nearest;
use crate::graph::Graph;
use crate::project::Project;

/// A name that no service has, and the nearest one that there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// As it was given.
    pub name: String,
    /// What may have been meant.
    pub near: Option<String>,
    /// Whether there is such a service, and no active profile wants it.
    pub disabled: bool,
}

/// The services that names and patterns stand for, each once; what matches nothing is kept.
pub fn named(project: &Project, names: &[String]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for name in names {
        let known = project.services.contains_key(name) || !name.contains(['*', '?', '[', '\\']);
        let mut matching: Vec<String> = Vec::new();
        if !known {
            let services = project.services.keys();
            matching.extend(services.filter(|it| matches(name, it)).cloned());
        }
        if matching.is_empty() {
            matching.push(name.clone());
        }
        for name in matching {
            if !found.contains(&name) {
                found.push(name);
            }
        }
    }
    found
}

/// The first of some names that is no wanted service.
pub fn check<'n>(project: &Project, names: impl Iterator<Item = &'n str>) -> Result<(), Unknown> {
    let mut names = names;
    let Some(name) = names.find(|name| !project.services.contains_key(*name)) else {
        return Ok(());
    };
    let known = project.services.keys().chain(project.disabled.keys());
    Err(Unknown {
        name: name.to_owned(),
        near: nearest(name, known.map(String::as_str)).map(str::to_owned),
        disabled: project.disabled.contains_key(name),
    })
}

/// Reduces a project to services and what they need. What they could do without and nobody wants
/// is not waited for.
pub fn reduce(project: &mut Project, names: &[String]) {
    let graph = Graph::of(project);
    let needed = graph.closure(names.iter().map(String::as_str));
    let needed: BTreeSet<String> = needed.into_iter().map(str::to_owned).collect();
    project.services.retain(|name, _| needed.contains(name));
    for service in project.services.values_mut() {
        service.depends_on.retain(|name, _| needed.contains(name));
    }
}

/// Whether a text has the form of a pattern, as Go's `path.Match` decides it.
fn matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    fits(&pattern, &text)
}

fn fits(pattern: &[char], text: &[char]) -> bool {
    match pattern {
        [] => text.is_empty(),
        ['*', rest @ ..] => (0..=text.len()).any(|skipped| fits(rest, &text[skipped..])),
        ['[', rest @ ..] => match (rest.iter().position(|c| *c == ']'), text) {
            (Some(end), [first, text @ ..]) => {
                in_class(&rest[..end], *first) && fits(&rest[end + 1..], text)
            }
            _ => false,
        },
        ['?', rest @ ..] => !text.is_empty() && fits(rest, &text[1..]),
        ['\\', c, rest @ ..] | [c, rest @ ..] => text.first() == Some(c) && fits(rest, &text[1..]),
    }
}

fn in_class(class: &[char], c: char) -> bool {
    let (inverted, mut class) = match class {
        ['^', rest @ ..] => (true, rest),
        _ => (false, class),
    };
    let mut found = false;
    while let [first, rest @ ..] = class {
        (found, class) = match rest {
            ['-', last, rest @ ..] => (found || (*first..=*last).contains(&c), rest),
            _ => (found || *first == c, rest),
        };
    }
    found != inverted
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns_match_whole_names() {
        for (pattern, text, expected) in [
            ("web*", "web1", true),
            ("web*", "web", true),
            ("web*", "aweb", false),
            ("*b", "web", true),
            ("w?b", "web", true),
            ("w?b", "wb", false),
            ("[bz]", "z", true),
            ("[a-c]x", "bx", true),
            ("[^a-c]x", "bx", false),
            ("[a", "a", false),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("*", "", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} and {text}");
        }
    }
}
