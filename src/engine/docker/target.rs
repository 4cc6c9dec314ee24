//! Paths and queries of requests, percent-encoded.

use serde_json::{Value, json};

use crate::engine::Filter;

/// What a request asks for: a path and, after it, a query.
#[derive(Debug, Clone)]
pub(super) struct Target {
    text: String,
    has_query: bool,
}

impl Target {
    /// A path written by us; names in it have gone through [`segment`].
    pub(super) fn new(path: impl Into<String>) -> Target {
        Target {
            text: path.into(),
            has_query: false,
        }
    }

    /// Adds `key=value`.
    pub(super) fn with(mut self, key: &str, value: &str) -> Target {
        self.text.push(if self.has_query { '&' } else { '?' });
        self.has_query = true;
        self.text.push_str(key);
        self.text.push('=');
        self.text.push_str(&encode(value, b"-_.~"));
        self
    }

    /// Adds `key=value` if there is a value.
    pub(super) fn maybe(self, key: &str, value: Option<&str>) -> Target {
        match value {
            Some(value) => self.with(key, value),
            None => self,
        }
    }

    /// Adds `key=1` if it holds.
    pub(super) fn flag(self, key: &str, holds: bool) -> Target {
        self.maybe(key, holds.then_some("1"))
    }

    /// Adds what a value is in JSON, unless it is an empty list or map.
    pub(super) fn json(self, key: &str, value: &Value) -> Target {
        let empty = value.as_object().is_some_and(serde_json::Map::is_empty)
            || value.as_array().is_some_and(Vec::is_empty);
        if empty {
            return self;
        }
        self.with(key, &value.to_string())
    }

    /// Adds `filters` for labels and names; `name_key` is the engine's word for the latter.
    pub(super) fn filtered(self, filter: &Filter, name_key: &str) -> Target {
        let mut filters = serde_json::Map::new();
        if !filter.labels.is_empty() {
            filters.insert("label".to_owned(), json!(filter.labels));
        }
        if !filter.names.is_empty() {
            filters.insert(name_key.to_owned(), json!(filter.names));
        }
        self.json("filters", &Value::Object(filters))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }
}

/// A name as part of a path. Slashes and colons stay, since image references are matched with them.
pub(super) fn segment(name: &str) -> String {
    encode(name, b"-_.~/:@")
}

fn encode(text: &str, plain: &[u8]) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || plain.contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push(hex_digit(byte >> 4));
            encoded.push(hex_digit(byte & 15));
        }
    }
    encoded
}

fn hex_digit(nibble: u8) -> char {
    char::from(b"0123456789ABCDEF"[usize::from(nibble)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_json_in_the_query_and_empty_ones_are_left_out() {
        let none = Target::new("/networks").filtered(&Filter::default(), "name");
        assert_eq!(none.as_str(), "/networks");
        let some = Target::new("/networks")
            .with("all", "1")
            .filtered(&Filter::labels(["a=b"]), "name");
        assert_eq!(
            some.as_str(),
            "/networks?all=1&filters=%7B%22label%22%3A%5B%22a%3Db%22%5D%7D"
        );
    }

    #[test]
    fn image_references_keep_their_slashes_and_colons_in_a_path() {
        assert_eq!(
            segment("host:5000/a/b:1@sha256:0"),
            "host:5000/a/b:1@sha256:0"
        );
        assert_eq!(segment("a b?c#d"), "a%20b%3Fc%23d");
    }
}
