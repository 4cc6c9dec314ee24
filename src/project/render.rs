//! The model back to plain data: what `config` prints and the hash is made of.
//!
//! The order of keys is the order of the tables, and what is left out when unset is what
//! docker compose leaves out; both are part of the hash.

use std::collections::BTreeMap;

use serde_yaml::value::{Tag, TaggedValue};

use super::attribute::Data;
use super::value::byte_size::ByteSize;
use super::value::duration::Duration;
use super::value::timestamp::timestamp;
use crate::document::{Node, ScalarKind, Value};

/// A string that is left out when absent or empty.
pub fn text(value: Option<&str>) -> Option<Data> {
    value.filter(|text| !text.is_empty()).map(Data::from)
}

/// A boolean that is left out when false.
pub fn flag(value: bool) -> Option<Data> {
    value.then_some(Data::Bool(true))
}

/// A boolean that may be unset.
pub fn option(value: Option<bool>) -> Option<Data> {
    value.map(Data::Bool)
}

/// A number that is left out when zero.
pub fn number(value: i64) -> Option<Data> {
    (value != 0).then(|| Data::from(value))
}

/// A 32-bit fraction in its shortest form, left out when zero.
pub fn fraction(value: f64) -> Option<Data> {
    (value != 0.0).then(|| {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "docker compose keeps 32 bits"
        )]
        let shortest = format!("{}", value as f32);
        if let Ok(whole) = shortest.parse::<i64>() {
            return Data::from(whole);
        }
        Data::from(shortest.parse::<f64>().unwrap_or(value))
    })
}

/// A size as quoted decimal bytes, left out when zero.
pub fn bytes(value: Option<ByteSize>) -> Option<Data> {
    value
        .filter(|size| size.0 != 0)
        .map(|size| Data::from(size.to_string()))
}

/// A duration in Go's notation.
pub fn duration(value: Option<Duration>) -> Option<Data> {
    value.map(|duration| Data::from(duration.to_string()))
}

/// A list that is left out when empty.
pub fn list(values: &[String]) -> Option<Data> {
    (!values.is_empty()).then(|| {
        Data::Sequence(
            values
                .iter()
                .map(|value| Data::from(value.as_str()))
                .collect(),
        )
    })
}

/// A list of anything that is left out when empty.
pub fn items<T>(values: &[T], render: impl Fn(&T) -> Data) -> Option<Data> {
    (!values.is_empty()).then(|| Data::Sequence(values.iter().map(render).collect()))
}

/// A command, which docker compose never leaves out: unset is `null`.
pub fn command(value: Option<&[String]>) -> Data {
    match value {
        None => Data::Null,
        Some(words) => Data::Sequence(words.iter().map(|word| Data::from(word.as_str())).collect()),
    }
}

/// A mapping of strings that is left out when empty.
pub fn strings(values: &BTreeMap<String, String>) -> Option<Data> {
    mapping(values, |value| Data::from(value.as_str()))
}

/// A mapping of strings that may be null, left out when empty.
pub fn nullable(values: &BTreeMap<String, Option<String>>) -> Option<Data> {
    mapping(values, |value| {
        value.as_deref().map_or(Data::Null, Data::from)
    })
}

/// A mapping of anything that is left out when empty.
pub fn mapping<T>(values: &BTreeMap<String, T>, render: impl Fn(&T) -> Data) -> Option<Data> {
    (!values.is_empty()).then(|| {
        Data::Mapping(
            values
                .iter()
                .map(|(key, value)| (Data::from(key.as_str()), render(value)))
                .collect(),
        )
    })
}

/// A mapping in the given order; entries that are `None` are left out.
pub fn object<const N: usize>(entries: [(&str, Option<Data>); N]) -> Data {
    let present = entries
        .into_iter()
        .filter_map(|(key, value)| Some((Data::from(key), value?)));
    Data::Mapping(present.collect())
}

/// A node for what Compose gives no meaning: as it was written, but with the keys in order, as Go
/// prints mappings. A date has a tag, which says no more than that it is no string.
pub fn node(node: &Node) -> Data {
    match &node.value {
        Value::Mapping(mapping) => {
            let values = mapping.iter();
            let values: BTreeMap<&String, Data> = values
                .map(|(key, entry)| (key, self::node(&entry.value)))
                .collect();
            let entries = values.into_iter();
            Data::Mapping(
                entries
                    .map(|(key, value)| (Data::from(key.as_str()), value))
                    .collect(),
            )
        }
        Value::Sequence(items) => Data::Sequence(items.iter().map(self::node).collect()),
        Value::Scalar(scalar) => match scalar.kind {
            ScalarKind::Null => Data::Null,
            ScalarKind::Bool(value) => Data::Bool(value),
            ScalarKind::Integer(value) => Data::from(value),
            ScalarKind::Unsigned(value) => Data::from(value),
            ScalarKind::Float(value) => Data::from(value),
            ScalarKind::String => Data::from(scalar.text.as_str()),
            ScalarKind::Timestamp => Data::Tagged(Box::new(TaggedValue {
                tag: Tag::new("timestamp"),
                value: timestamp(&scalar.text).into(),
            })),
        },
    }
}
