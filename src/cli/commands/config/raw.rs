//! A tree as plain data, for printing it as it is written.

use serde_yaml::{Mapping, Value};

use crate::document::{self, Node, Scalar, ScalarKind};

/// The tree with the keys of every mapping in order, as docker compose prints it.
pub(super) fn sorted(node: &Node) -> Value {
    match &node.value {
        document::Value::Scalar(scalar) => data(scalar),
        document::Value::Sequence(items) => Value::Sequence(items.iter().map(sorted).collect()),
        document::Value::Mapping(mapping) => {
            let mut entries: Vec<_> = mapping.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            let pairs = entries.into_iter();
            let pairs = pairs.map(|(key, entry)| (Value::from(key.as_str()), sorted(&entry.value)));
            Value::Mapping(pairs.collect::<Mapping>())
        }
    }
}

fn data(scalar: &Scalar) -> Value {
    match scalar.kind {
        ScalarKind::Null => Value::Null,
        ScalarKind::Bool(value) => Value::from(value),
        ScalarKind::Integer(value) => Value::from(value),
        ScalarKind::Unsigned(value) => Value::from(value),
        ScalarKind::Float(value) => Value::from(value),
        ScalarKind::String | ScalarKind::Timestamp => Value::from(scalar.text.as_str()),
    }
}
