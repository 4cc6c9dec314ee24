//! The keys of services of the first format get today's names, nesting and values.
//!
//! | written | today |
//! |---|---|
//! | `build: .`, `dockerfile: X` | `build: {context: ., dockerfile: X}` |
//! | `log_driver: X`, `log_opt: {…}` | `logging: {driver: X, options: {…}}` |
//! | `net: host` | `network_mode: host`; `container:NAME` of a service is `service:NAME` |
//! | `net: bridge` | `networks: [default]` |
//! | `volumes_from: [NAME]` of no service | `container:NAME` |
//! | `volume_driver: X` | goes: the volumes are declared with it |

use std::collections::BTreeSet;
use std::ops::Range;

use super::edit::Edits;
use super::merges::remove_line;
use super::{Facts, over_documents};
use crate::document::yaml::outline::{Content, Pair, Piece};
use crate::load::first_format::{BUILD, LOGGING};

pub(super) fn step(text: &str, facts: &Facts) -> String {
    over_documents(text, |number, document, edits| {
        if !facts.first_formats.iter().any(|it| it.document == number) {
            return;
        }
        for service in services(document) {
            Service {
                entries: service.entries(),
                flow: service.is_flow(),
                document,
                facts,
            }
            .edit(edits);
        }
    })
}

/// The mappings that services are made of: their own, and those that are merged into them.
fn services(document: &Piece) -> Vec<&Piece> {
    let entries = document.entries().iter();
    let mut ahead: Vec<&Piece> = entries
        .filter(|pair| !pair.name().starts_with("x-"))
        .map(|pair| &pair.value)
        .collect();
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    while let Some(piece) = ahead.pop() {
        let piece = piece.followed(document);
        if !seen.insert(piece.range.start) {
            continue;
        }
        match &piece.content {
            Content::Sequence(items) => ahead.extend(items),
            Content::Mapping { entries, .. } => {
                let merged = entries.iter().filter(|pair| pair.merges());
                ahead.extend(merged.map(|pair| &pair.value));
                found.push(piece);
            }
            _ => {}
        }
    }
    found
}

struct Service<'p> {
    entries: &'p [Pair],
    flow: bool,
    document: &'p Piece,
    facts: &'p Facts,
}

impl Service<'_> {
    fn edit(&self, edits: &mut Edits<'_>) {
        if self.has("dockerfile") && self.takes_dockerfile() {
            self.gather("build", BUILD, edits);
        }
        if self.has("log_driver") || self.has("log_opt") {
            self.gather("logging", LOGGING, edits);
        }
        if let Some(net) = self.entry("net") {
            self.net(net, edits);
        }
        if let Some(pair) = self.entry("volumes_from") {
            self.volumes_from(&pair.value, edits);
        }
        let driver = self.entries.iter();
        if let Some(index) = { driver }.position(|pair| pair.name() == "volume_driver") {
            self.remove(index, edits);
        }
    }

    fn entry(&self, name: &str) -> Option<&Pair> {
        self.entries.iter().find(|pair| pair.name() == name)
    }

    fn has(&self, name: &str) -> bool {
        self.entry(name).is_some()
    }

    fn takes_dockerfile(&self) -> bool {
        match self.entry("build") {
            Some(build) => build.value.followed(self.document).text().is_some(),
            None => !self.has("image"),
        }
    }

    fn net(&self, net: &Pair, edits: &mut Edits<'_>) {
        let (key, value) = (net.key.range.clone(), net.value.range.clone());
        let mode = net.value.text().unwrap_or_default();
        if matches!(mode, "bridge" | "default") {
            edits.replace(key, edits.like(&net.key, "networks"));
            let default = edits.like(&net.value, "default");
            edits.replace(value, format!("[{default}]"));
            return;
        }
        edits.replace(key, edits.like(&net.key, "network_mode"));
        let target = mode.strip_prefix("container:");
        if target.is_some_and(|name| self.facts.services.contains(name)) {
            let written = edits.slice(value.clone());
            edits.replace(value, written.replacen("container:", "service:", 1));
        }
    }

    fn volumes_from(&self, list: &Piece, edits: &mut Edits<'_>) {
        let Content::Sequence(items) = &list.followed(self.document).content else {
            return;
        };
        for item in items {
            let Some(text) = item.text() else { continue };
            let name = text.split(':').next().unwrap_or_default();
            let known = name == "container" || self.facts.services.contains(name);
            if !known && !name.contains('$') {
                let quoted = edits.slice(item.range.clone()).starts_with(['"', '\'']);
                edits.insert(item.range.start + usize::from(quoted), "container:");
            }
        }
    }

    fn remove(&self, index: usize, edits: &mut Edits<'_>) {
        let pair = &self.entries[index];
        if self.flow {
            edits.remove_from_braces(self.entries, index);
        } else if self.entries.len() == 1 {
            edits.replace(pair.range(), "{}");
        } else {
            remove_line(pair, edits);
        }
    }

    /// Puts entries together under one key, at the place of the first of them.
    fn gather(&self, name: &str, parts: &[(&str, &str)], edits: &mut Edits<'_>) {
        let found: Vec<Part<'_>> = self
            .entries
            .iter()
            .enumerate()
            .filter_map(|(index, pair)| {
                let (_, new) = parts.iter().find(|(old, _)| *old == pair.name())?;
                Some(Part { index, pair, new })
            })
            .collect();
        if self.flow {
            self.gather_in_braces(name, &found, edits);
        } else {
            self.gather_lines(name, &found, edits);
        }
    }

    fn gather_in_braces(&self, name: &str, parts: &[Part<'_>], edits: &mut Edits<'_>) {
        let Some((first, others)) = parts.split_first() else {
            return;
        };
        let key = &first.pair.key;
        let (name, new) = (edits.like(key, name), edits.like(key, first.new));
        edits.replace(key.range.clone(), format!("{name}: {{{new}"));
        let mut rest = String::new();
        for other in others {
            let range = other.pair.key.range.end..other.pair.range().end;
            rest += ", ";
            rest += &edits.like(&other.pair.key, other.new);
            rest += edits.slice(range);
        }
        edits.insert(first.pair.range().end, rest + "}");
        for other in others {
            edits.remove_from_braces(self.entries, other.index);
        }
    }

    fn gather_lines(&self, name: &str, parts: &[Part<'_>], edits: &mut Edits<'_>) {
        let Some((first, others)) = parts.split_first() else {
            return;
        };
        let key = &first.pair.key;
        let column = edits.column(key.range.start);
        let step = self.step(edits);
        let line_break = edits.line_break();
        let indent = " ".repeat(column + step);
        let (name, new) = (edits.like(key, name), edits.like(key, first.new));
        edits.replace(
            key.range.clone(),
            format!("{name}:{line_break}{indent}{new}"),
        );
        let end = edits.end_with_comments(first.pair);
        edits.indent(edits.next_line(key.range.start)..end, step);
        let mut last = first.index;
        let mut at = end;
        let mut follows = true;
        for other in others {
            follows &= other.index == last + 1;
            last = other.index;
            let lines = self.lines(other.index, edits);
            let renamed = edits.like(&other.pair.key, other.new);
            if follows {
                edits.indent(at..lines.end, step);
                edits.replace(other.pair.key.range.clone(), renamed);
                at = lines.end;
                continue;
            }
            let mut moved = Edits::new(edits.slice(lines.clone()));
            moved.indent(0..lines.len(), step);
            let key = &other.pair.key.range;
            moved.replace(key.start - lines.start..key.end - lines.start, renamed);
            let mut text = moved.apply();
            if !text.ends_with('\n') {
                text += line_break;
            }
            edits.insert(at, text);
            edits.remove(lines);
        }
    }

    /// The lines of an entry with the comments directly above it.
    fn lines(&self, index: usize, edits: &Edits<'_>) -> Range<usize> {
        let pair = &self.entries[index];
        let above = match index.checked_sub(1) {
            Some(previous) => edits.end_with_comments(&self.entries[previous]),
            None => edits.line_start(pair.key.range.start),
        };
        edits.block_start(pair.key.range.start, above)..edits.end_with_comments(pair)
    }

    /// How far this file indents what is within something.
    fn step(&self, edits: &Edits<'_>) -> usize {
        let services = self.document.entries().iter();
        let block =
            services.filter(|pair| !pair.value.is_flow() && !pair.value.entries().is_empty());
        { block }
            .map(|pair| edits.step(&pair.key, &pair.value))
            .next()
            .unwrap_or(2)
    }
}

/// An entry that becomes part of another.
struct Part<'p> {
    index: usize,
    pair: &'p Pair,
    new: &'p str,
}
