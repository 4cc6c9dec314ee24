//! Where the items of an attribute stand: for messages about one network of many, not about the
//! whole list.
//!
//! The model does not carry these places. They are looked up in the tree that it was read from,
//! and only once something is wrong.

use crate::document::{Node, Span, Value};

/// The parts of a long form that name its item.
const NAMING: [&str; 5] = ["source", "target", "published", "service", "path"];

/// The places of a service's items of which the given word is a part, in the order of the tree.
pub(super) fn of_items(document: &Node, service: &str, attribute: &str, word: &str) -> Vec<Span> {
    let node = document
        .get("services")
        .and_then(|services| services.get(service)?.get(attribute));
    match node.map(|node| (&node.value, node.span)) {
        Some((Value::Mapping(mapping), _)) => mapping
            .get(word)
            .map(|entry| entry.key_span)
            .into_iter()
            .collect(),
        Some((Value::Sequence(items), _)) => items
            .iter()
            .filter(|item| names(item, attribute, word))
            .map(|item| item.span)
            .collect(),
        Some((Value::Scalar(_), span)) => vec![span],
        None => Vec::new(),
    }
}

/// The place of a value further down in a service.
pub(super) fn of_value(document: &Node, service: &str, path: &[&str]) -> Option<Span> {
    let service = document.get("services")?.get(service)?;
    let node = path.iter().try_fold(service, |node, key| node.get(key))?;
    Some(node.span)
}

fn names(item: &Node, attribute: &str, word: &str) -> bool {
    match &item.value {
        Value::Scalar(scalar) => {
            let mut parts: Vec<&str> = scalar.text.split(':').collect();
            // Of a port, the last part is the container's own.
            if attribute == "ports" {
                parts.pop();
            }
            parts.contains(&word)
        }
        Value::Mapping(mapping) => NAMING
            .iter()
            .filter(|key| !(attribute == "ports" && **key == "target"))
            .filter_map(|key| mapping.get(*key)?.value.as_scalar())
            .any(|scalar| scalar.text == word),
        Value::Sequence(_) => false,
    }
}
