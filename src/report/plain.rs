//! A line for every change, for files and pipes: nothing is ever taken back.

use super::card;
use super::error;
use super::status::{Change, State, Tracker};
use super::{Face, Screen, Stream};
use crate::ops::autopsy::Card;

/// Lines.
pub(super) struct Plain {
    out: Stream,
    color: bool,
}

impl Plain {
    pub(super) fn new(out: Stream, screen: Screen) -> Plain {
        let color = screen.color;
        Plain { out, color }
    }
}

impl Face for Plain {
    fn show(&mut self, change: &Change, _: &Tracker) {
        if let Some(line) = line(change, self.color) {
            self.out.put(&line);
        }
    }

    fn error(&mut self, message: &str, cards: &[Card]) {
        self.out.put(&card::error(message, cards, self.color));
    }
}

fn line(change: &Change, color: bool) -> Option<String> {
    match change {
        Change::Began | Change::Over { .. } => None,
        // The error itself is told in full at the end.
        Change::State {
            id, state, text, ..
        } if *state == State::Error => Some(format!(" {id}  {text}\n")),
        Change::State {
            id, text, details, ..
        } if details.is_empty() => Some(format!(" {id}  {text}\n")),
        Change::State {
            id, text, details, ..
        } => Some(format!(" {id}  {text}: {details}\n")),
        // A layer speaks once, when it is here: a log is read later, where nobody waits.
        Change::Layer {
            parent,
            id,
            text,
            new_text,
            ..
        } => (*new_text && text == "Pull complete")
            .then(|| format!(" {parent}  {id}: Pull complete\n")),
        Change::Line { id, line } => Some(format!(" {id}  | {line}\n")),
        Change::Warning(message) => Some(error::warning(message, color)),
    }
}
