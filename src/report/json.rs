//! A JSON object for every change, one a line, with docker compose's keys.

use serde::Serialize;

use super::status::{Change, State, Tracker};
use super::{Face, Stream};
use crate::ops::autopsy::Card;

/// Objects.
pub(super) struct Json {
    out: Stream,
}

/// One object. Keys without a value are left out.
#[derive(Debug, Default, Serialize)]
struct Object<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    id: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    parent_id: &'a str,
    status: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    text: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    details: &'a str,
    #[serde(skip_serializing_if = "is_zero")]
    current: u64,
    #[serde(skip_serializing_if = "is_zero")]
    total: u64,
    #[serde(skip_serializing_if = "is_zero")]
    percent: u64,
}

#[derive(Debug, Serialize)]
struct ErrorObject<'a> {
    error: bool,
    message: &'a str,
    #[serde(skip_serializing_if = "<[Card]>::is_empty")]
    cards: &'a [Card],
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Json {
    pub(super) fn new(out: Stream) -> Json {
        Json { out }
    }
}

impl Face for Json {
    fn show(&mut self, change: &Change, _: &Tracker) {
        if let Some(object) = object(change) {
            self.out.put(&json_line(&object));
        }
    }

    fn error(&mut self, message: &str, cards: &[Card]) {
        self.out.put(&json_line(&ErrorObject {
            error: true,
            message,
            cards,
        }));
    }
}

/// An error as an object, for `--progress json`.
pub fn error(message: &str) -> String {
    json_line(&ErrorObject {
        error: true,
        message,
        cards: &[],
    })
}

/// Something to know as an object, for `--progress json`.
pub fn warning(message: &str) -> String {
    json_line(&Object {
        status: State::Warning.word(),
        text: message,
        ..Object::default()
    })
}

/// A value as one line of JSON.
pub fn json_line<T: Serialize>(value: &T) -> String {
    // Plain structs with string keys: there is nothing in them that JSON cannot say.
    let mut line = serde_json::to_string(value).unwrap_or_default();
    line.push('\n');
    line
}

fn object(change: &Change) -> Option<Object<'_>> {
    match change {
        Change::Began | Change::Over { .. } => None,
        Change::State {
            id,
            state,
            text,
            details,
            ..
        } => Some(Object {
            id,
            status: state.word(),
            text,
            details,
            ..Object::default()
        }),
        Change::Layer {
            parent,
            id,
            text,
            current,
            total,
            ..
        } => Some(Object {
            id,
            parent_id: parent,
            status: State::Working.word(),
            text,
            current: *current,
            total: *total,
            percent: (current * 100).checked_div(*total).unwrap_or_default(),
            ..Object::default()
        }),
        Change::Line { id, line } => Some(Object {
            parent_id: id,
            status: State::Working.word(),
            text: line,
            ..Object::default()
        }),
        Change::Warning(message) => Some(Object {
            status: State::Warning.word(),
            text: message,
            ..Object::default()
        }),
    }
}
