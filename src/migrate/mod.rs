//! A Compose file to the same file in today's format, by editing its text.
//!
//! Comments, blank lines, order, quotes and anchors stay, because nothing is printed anew: each
//! step finds the places of what is outdated in the [outline](crate::document::yaml::outline) and
//! changes the text there.
//!
//! | step | what it changes |
//! |---|---|
//! | `merges` | `<<` that is repeated becomes one list |
//! | `obsolete` | `version` goes; `external: {name: x}` becomes two keys |
//! | `keys` | services of the first format get today's keys |
//! | `wrap` | they move under `services:`, and the volumes they name are declared |
//!
//! The steps do what is usual and do not look for what could go wrong: whoever writes the result
//! compares what both texts mean (`ops::migrate` does), and writes nothing where they differ. What
//! the text means, and what is in other files, is not known here.

mod edit;
mod keys;
mod merges;
mod obsolete;
mod wrap;

use std::collections::BTreeSet;

use crate::document::yaml;

use edit::Edits;

/// What is known of the project beyond the text.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The names of its services.
    pub services: BTreeSet<String>,
    /// Where documents of the first format begin, with the volumes to declare there.
    pub first_formats: Vec<FirstFormat>,
}

/// A document of the first format.
#[derive(Debug, Clone, Default)]
pub struct FirstFormat {
    /// The document by its number in the text.
    pub document: usize,
    /// The volumes to be declared in it.
    pub volumes: Vec<Volume>,
}

/// A volume to be declared.
#[derive(Debug, Clone)]
pub struct Volume {
    /// Its name, for services and for the engine alike.
    pub name: String,
    /// Its driver as it is written, quotes included.
    pub driver: Option<String>,
}

/// The text with every `<<` given once. Only then it can be read.
pub fn with_single_merges(text: &str) -> String {
    merges::step(text)
}

/// The text in today's format.
pub fn migrated(text: &str, facts: &Facts) -> String {
    let text = merges::step(text);
    let text = keys::step(&text, facts);
    let text = wrap::step(&text, facts);
    obsolete::step(&text)
}

/// A step over the documents of a text; nothing changes where it cannot be read.
fn over_documents(
    text: &str,
    mut step: impl FnMut(usize, &yaml::outline::Piece, &mut Edits<'_>),
) -> String {
    let Some(documents) = yaml::outline(text) else {
        return text.to_owned();
    };
    let mut edits = Edits::new(text);
    for (number, document) in documents.iter().enumerate() {
        step(number, document, &mut edits);
    }
    edits.apply()
}
