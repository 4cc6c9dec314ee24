//! Secrets of `environment` in which a dollar sign probably means itself.
//!
//! `DB_PASSWORD: secret$HOME` is `secret` and somebody's home folder. Variables without a value
//! are told of anyway; here it is about those that have one, where all of this holds: the name is
//! that of a secret, the variable stands without braces, and it begins within a word. Written
//! with braces it is meant.

use super::dotenv::is_secret;
use crate::document::{Diagnostic, Node, Span, Value};

/// The warning for a document's services, if there is anything to warn of.
pub(super) fn in_environment(
    document: &Node,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Option<Diagnostic> {
    let services = document.get("services")?.as_mapping()?;
    let environments = services
        .values()
        .filter_map(|service| service.value.get("environment"));
    let found: Vec<(&str, Span)> = environments
        .flat_map(pairs)
        .filter(|(name, value, _)| is_secret(name) && changes(value, lookup))
        .map(|(name, _, span)| (name, span))
        .collect();
    let (first, _) = *found.first()?;
    let message = match found.len() {
        1 => format!("the value of {first} changes where it holds a dollar sign"),
        count => format!(
            "the values of {first} and {} more change where they hold a dollar sign",
            count - 1
        ),
    };
    let warning = Diagnostic::warning(message)
        .code("unmeant-interpolation")
        .about_secrets();
    let warning = found.iter().take(5).fold(warning, |warning, (_, span)| {
        warning.at(*span, "starts a variable")
    });
    Some(
        warning
            .help("a dollar sign that is meant itself is written twice: $$")
            .help("a variable that is meant is written with braces: ${NAME}"),
    )
}

/// Names and values of both forms of `environment`, with the place of the value.
fn pairs(environment: &Node) -> Vec<(&str, &str, Span)> {
    match &environment.value {
        Value::Mapping(mapping) => mapping
            .iter()
            .filter_map(|(name, entry)| {
                Some((name.as_str(), entry.value.as_str()?, entry.value.span))
            })
            .collect(),
        Value::Sequence(items) => items
            .iter()
            .filter_map(|item| {
                let (name, value) = item.as_str()?.split_once('=')?;
                Some((name, value, item.span))
            })
            .collect(),
        Value::Scalar(_) => Vec::new(),
    }
}

/// Whether a variable with a value begins within a word.
fn changes(value: &str, lookup: &dyn Fn(&str) -> Option<String>) -> bool {
    let within_word = |at: usize| value[..at].ends_with(|c: char| c.is_alphanumeric());
    value.match_indices('$').any(|(at, _)| {
        let rest = &value[at + 1..];
        let length = rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
            .unwrap_or(rest.len());
        let name = &rest[..length];
        let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        starts && within_word(at) && lookup(name).is_some()
    })
}
