//! What has no effect here, as a table, as notes and as JSON.

use serde_json::{Value, json};

use super::table::Table;
use super::text::style;
use crate::document::{Segment, Sources};
use crate::project::unsupported::Note;

/// Key, place and reason of each.
pub fn table(notes: &[&Note], sources: &Sources) -> String {
    let mut table = Table::new(["KEY", "PLACE", "WHY IT HAS NO EFFECT"]);
    for note in notes {
        table.row([
            note.path.to_string(),
            sources.place(note.span).to_string(),
            note.reason.to_owned(),
        ]);
    }
    table.render()
}

/// A line for each, for messages.
pub fn lines(notes: &[&Note], sources: &Sources, color: bool) -> String {
    let head = style(color).cyan().bold().apply_to("note:").to_string();
    let line = |note: &&Note| {
        let (path, place) = (&note.path, sources.place(note.span));
        format!("{head} {path} has no effect ({place}): {}\n", note.reason)
    };
    notes.iter().map(line).collect()
}

/// A list of objects. `kind` is `not_yet` where docker compose would act on it.
pub fn json(notes: &[&Note], sources: &Sources) -> Value {
    notes.iter().map(|note| object(note, sources)).collect()
}

fn object(note: &Note, sources: &Sources) -> Value {
    let place = sources.place(note.span);
    json!({
        "path": note.path.to_string(),
        "service": service(note),
        "file": place.name,
        "line": place.line,
        "column": place.column,
        "kind": if note.missing { "not_yet" } else { "no_effect" },
        "reason": note.reason,
    })
}

fn service(note: &Note) -> Option<&str> {
    match note.path.segments() {
        [Segment::Key(section), Segment::Key(name), ..] if section == "services" => Some(name),
        _ => None,
    }
}
