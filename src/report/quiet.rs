//! Errors, and the output of builds that failed; nothing else.

use super::card;
use super::status::{Change, Tracker};
use super::{Face, Screen, Stream};
use crate::ops::autopsy::Card;

/// Silence.
pub(super) struct Quiet {
    out: Stream,
    color: bool,
}

impl Quiet {
    pub(super) fn new(out: Stream, screen: Screen) -> Quiet {
        let color = screen.color;
        Quiet { out, color }
    }
}

impl Face for Quiet {
    fn show(&mut self, _: &Change, _: &Tracker) {}

    fn shows_build_output(&self) -> bool {
        false
    }

    fn error(&mut self, message: &str, cards: &[Card]) {
        self.out.put(&card::error(message, cards, self.color));
    }
}
