//! What docker compose warns about in every file: `version`, and names within `external`.

use super::edit::Edits;
use super::over_documents;
use crate::document::yaml::outline::{Content, Pair, Piece};

/// Sections whose entries may be of somebody else.
const SECTIONS: [&str; 4] = ["networks", "volumes", "configs", "secrets"];

pub(super) fn step(text: &str) -> String {
    over_documents(text, |_, document, edits| {
        version(document, edits);
        for section in SECTIONS {
            let entries = document.entry(section).map(|pair| pair.value.entries());
            for entry in entries.unwrap_or_default() {
                external(&entry.value, edits);
            }
        }
    })
}

fn version(document: &Piece, edits: &mut Edits<'_>) {
    let entries = document.entries();
    let index = entries.iter().position(|pair| pair.name() == "version");
    let Some(index) = index else { return };
    let pair = &entries[index];
    if pair.value.text().is_none() {
        return;
    }
    if entries.len() == 1 && !document.is_flow() {
        // Nothing at all is no Compose file.
        edits.replace(pair.range(), "services: {}");
    } else if document.is_flow() {
        edits.remove_from_braces(entries, index);
    } else {
        lines(&pair.range(), edits);
    }
}

/// Its line goes with its comment, and with the empty line behind it where it was the first.
fn lines(range: &std::ops::Range<usize>, edits: &mut Edits<'_>) {
    let start = edits.line_start(range.start);
    let mut end = edits.next_line(range.end);
    let above = edits.slice(edits.line_start(start.saturating_sub(1).min(start))..start);
    let next = edits.next_line(end);
    let first = edits
        .slice(0..start)
        .trim_start_matches('\u{feff}')
        .is_empty();
    let separated = first || above.trim().is_empty() || above.starts_with("---");
    if separated && edits.slice(end..next).trim().is_empty() {
        end = next;
    }
    edits.remove(start..end);
}

/// `external: {name: x}` becomes `external: true` and `name: x`.
fn external(resource: &Piece, edits: &mut Edits<'_>) {
    let Some(pair) = resource.entry("external") else {
        return;
    };
    let [inner] = pair.value.entries() else {
        return;
    };
    if inner.name() != "name" || inner.value.text().is_none() || resource.entry("name").is_some() {
        return;
    }
    let name = edits.slice(inner.range()).to_owned();
    let inner_start = inner.key.range.start;
    match (resource.is_flow(), pair.value.is_flow()) {
        (true, _) => edits.replace(pair.value.range.clone(), format!("true, {name}")),
        (false, true) => {
            let indent = " ".repeat(edits.column(pair.key.range.start));
            let text = format!("true{}{indent}{name}", edits.line_break());
            edits.replace(pair.value.range.clone(), text);
        }
        (false, false) => {
            let Some(colon) = colon_behind(pair, edits) else {
                return;
            };
            edits.insert(colon, " true");
            let by = edits.column(inner_start) - edits.column(pair.key.range.start);
            let start = edits.line_start(inner_start);
            edits.remove(start..start + by.min(inner_start - start));
        }
    }
}

/// The place behind the colon of a key.
pub(super) fn colon_behind(pair: &Pair, edits: &Edits<'_>) -> Option<usize> {
    let rest = edits.slice(pair.key.range.end..pair.value.range.start);
    let colon = rest.find(':')?;
    match pair.value.content {
        Content::Alias(_) => None,
        _ => Some(pair.key.range.end + colon + 1),
    }
}
