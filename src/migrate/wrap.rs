//! Services at the top level move under `services:`, and the volumes that they name are declared.
//!
//! Whole lines are indented, so that everything in them keeps its place to everything else: block
//! scalars, brackets over many lines, comments. A header (comments that an empty line separates
//! from the first service) stays above; extensions (`x-`) stay at the top level.

use std::fmt::Write as _;

use super::edit::Edits;
use super::{Facts, Volume, over_documents};
use crate::document::ScalarKind;
use crate::document::yaml::outline::{Pair, Piece};
use crate::document::yaml::resolve;

pub(super) fn step(text: &str, facts: &Facts) -> String {
    over_documents(text, |number, document, edits| {
        let first_formats = &facts.first_formats;
        let Some(found) = first_formats.iter().find(|it| it.document == number) else {
            return;
        };
        let entries = document.entries();
        let is_service = |pair: &Pair| !pair.name().starts_with("x-");
        let (Some(first), Some(last)) = (
            entries.iter().position(is_service),
            entries.iter().rposition(is_service),
        ) else {
            return;
        };
        let wrap = Wrap {
            document,
            entries,
            first,
            last,
            step: entries[first..=last]
                .iter()
                .filter(|pair| is_service(pair) && !pair.value.is_flow())
                .find(|pair| !pair.value.entries().is_empty())
                .map_or(2, |pair| edits.step(&pair.key, &pair.value)),
        };
        if document.is_flow() {
            wrap.in_braces(&found.volumes, edits);
        } else {
            wrap.lines(&found.volumes, edits);
        }
    })
}

struct Wrap<'p> {
    document: &'p Piece,
    entries: &'p [Pair],
    /// The first and the last service among the entries.
    first: usize,
    last: usize,
    /// How far services are indented.
    step: usize,
}

impl Wrap<'_> {
    fn lines(&self, volumes: &[Volume], edits: &mut Edits<'_>) {
        let line_break = edits.line_break();
        let key = &self.entries[self.first].key;
        let indent = " ".repeat(edits.column(key.range.start));
        let begin = self.begin(edits);
        let extensions = self.between(edits);
        for lines in &extensions {
            edits.insert(begin, edits.slice(lines.clone()));
        }
        let services = edits.like(key, "services");
        edits.insert(begin, format!("{indent}{services}:{line_break}"));
        let end = self.end(edits);
        for start in edits.lines(begin..end) {
            if !extensions.iter().any(|lines| lines.contains(&start)) {
                edits.insert(start, " ".repeat(self.step));
            }
        }
        for lines in extensions {
            edits.remove(lines);
        }
        if !volumes.is_empty() {
            self.declare(volumes, &indent, edits);
        }
    }

    /// Where `services:` goes: above the first service and the comments that belong to it.
    fn begin(&self, edits: &Edits<'_>) -> usize {
        let start = self.entries[self.first].key.range.start;
        let line = edits.line_start(start);
        let above = match self.first.checked_sub(1) {
            Some(previous) => edits.next_line(self.entries[previous].range().end),
            None => 0,
        };
        let comments = edits.block_start(start, above);
        // A block of comments that begins the document is about all of it.
        let text = edits.slice(0..comments).trim_start_matches('\u{feff}');
        let last = text.trim_end().lines().next_back().unwrap_or_default();
        let begins = last.is_empty() || last.starts_with("---");
        let is_header = self.first == 0 && begins;
        if is_header { line } else { comments }
    }

    /// Extensions between services, which cannot stay there.
    fn between(&self, edits: &Edits<'_>) -> Vec<std::ops::Range<usize>> {
        let within = self.first..=self.last;
        within
            .filter(|index| self.entries[*index].name().starts_with("x-"))
            .map(|index| {
                let pair = &self.entries[index];
                let above = edits.next_line(self.entries[index - 1].range().end);
                let start = edits.block_start(pair.key.range.start, above);
                start..edits.next_line(pair.range().end)
            })
            .collect()
    }

    /// Where the services end: at the next extension, or with the document.
    fn end(&self, edits: &Edits<'_>) -> usize {
        match self.entries.get(self.last + 1) {
            Some(next) => {
                let above = edits.next_line(self.entries[self.last].range().end);
                edits.block_start(next.key.range.start, above)
            }
            None => self.document_end(edits),
        }
    }

    /// Behind the last comment of the document.
    fn document_end(&self, edits: &Edits<'_>) -> usize {
        let mut at = edits.next_line(self.document.range.end);
        while at < edits.text.len() {
            let line = edits.slice(at..edits.next_line(at));
            if line.starts_with("---") || line.starts_with("...") {
                break;
            }
            at = edits.next_line(at);
        }
        at
    }

    fn declare(&self, volumes: &[Volume], indent: &str, edits: &mut Edits<'_>) {
        let line_break = edits.line_break();
        let step = " ".repeat(self.step);
        let key = &self.entries[self.first].key;
        let mut text = format!("{indent}{}:{line_break}", edits.like(key, "volumes"));
        for volume in volumes {
            let name = written(&volume.name);
            let _ = write!(text, "{indent}{step}{name}:{line_break}");
            let _ = write!(text, "{indent}{step}{step}name: {name}{line_break}");
            if let Some(driver) = &volume.driver {
                let _ = write!(text, "{indent}{step}{step}driver: {driver}{line_break}");
            }
        }
        let end = self.document_end(edits);
        let before = edits.slice(0..end);
        if !before.ends_with('\n') {
            text.insert_str(0, line_break);
        }
        if !before.ends_with("\n\n") && !before.ends_with("\n\r\n") {
            text.insert_str(0, line_break);
        }
        edits.insert(end, text);
    }

    fn in_braces(&self, volumes: &[Volume], edits: &mut Edits<'_>) {
        let first = &self.entries[self.first];
        let last = self.entries[self.last].range().end;
        let services = edits.like(&first.key, "services");
        let declared = self.declared(volumes, edits);
        let start = first.key.range.start;
        if !edits.begins_line(start) {
            edits.insert(start, format!("{services}: {{"));
            edits.insert(last, format!("}}{declared}"));
            return;
        }
        let line_break = edits.line_break();
        let indent = " ".repeat(edits.column(start));
        let line = edits.line_start(start);
        edits.insert(line, format!("{indent}{services}: {{{line_break}"));
        edits.indent(line..last, self.step);
        edits.insert(last, format!("{line_break}{indent}}}{declared}"));
    }

    fn declared(&self, volumes: &[Volume], edits: &Edits<'_>) -> String {
        if volumes.is_empty() {
            return String::new();
        }
        let key = &self.entries[self.first].key;
        let quoted = edits.slice(key.range.clone()).starts_with('"');
        let value = |text: &str| {
            if quoted {
                in_quotes(text)
            } else {
                written(text)
            }
        };
        let volumes = volumes.iter().map(|volume| {
            let name = value(&volume.name);
            let driver = volume.driver.as_ref();
            let driver = driver.map(|driver| {
                let key = edits.like(key, "driver");
                format!(", {key}: {driver}")
            });
            let driver = driver.unwrap_or_default();
            format!("{name}: {{{}: {name}{driver}}}", edits.like(key, "name"))
        });
        let volumes: Vec<String> = volumes.collect();
        format!(
            ", {}: {{{}}}",
            edits.like(key, "volumes"),
            volumes.join(", ")
        )
    }
}

/// A string as YAML, without quotes where it stays a string.
fn written(text: &str) -> String {
    let simple = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '/');
    let plain = text.chars().all(simple)
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && resolve(text) == ScalarKind::String;
    if plain {
        text.to_owned()
    } else {
        in_quotes(text)
    }
}

fn in_quotes(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
