//! Changes to a text, collected by place and made at once; and the lines that they speak of.

use std::ops::Range;

use crate::document::yaml::outline::{Pair, Piece};

/// How far services are indented where the file does not show it.
const STEP: usize = 2;

/// Changes to a text.
pub(super) struct Edits<'t> {
    pub(super) text: &'t str,
    changes: Vec<(Range<usize>, String)>,
}

impl<'t> Edits<'t> {
    pub(super) fn new(text: &'t str) -> Edits<'t> {
        Edits {
            text,
            changes: Vec::new(),
        }
    }

    /// Puts a text in place of another. Changes at one place are made in the order of the calls.
    pub(super) fn replace(&mut self, range: Range<usize>, with: impl Into<String>) {
        self.changes.push((range, with.into()));
    }

    pub(super) fn insert(&mut self, at: usize, text: impl Into<String>) {
        self.replace(at..at, text);
    }

    pub(super) fn remove(&mut self, range: Range<usize>) {
        self.replace(range, "");
    }

    /// The text with all changes. One that lies within an earlier one is left out.
    pub(super) fn apply(mut self) -> String {
        // What is put in front of something stays where that is taken away.
        self.changes
            .sort_by_key(|(range, _)| (range.start, !range.is_empty()));
        let mut changed = String::with_capacity(self.text.len());
        let mut from = 0;
        for (range, with) in self.changes {
            if range.start < from {
                continue;
            }
            changed.push_str(&self.text[from..range.start]);
            changed.push_str(&with);
            from = range.end;
        }
        changed + &self.text[from..]
    }

    /// The line break that the text uses.
    pub(super) fn line_break(&self) -> &'static str {
        match self.text.find('\n') {
            Some(at) if self.text[..at].ends_with('\r') => "\r\n",
            _ => "\n",
        }
    }

    /// Where the line of a place begins; behind a byte order mark.
    pub(super) fn line_start(&self, at: usize) -> usize {
        let before = &self.text[..at];
        match before.rfind('\n') {
            Some(end) => end + 1,
            None if before.starts_with('\u{feff}') => '\u{feff}'.len_utf8(),
            None => 0,
        }
    }

    /// Where the line behind a place begins, or the end of the text.
    pub(super) fn next_line(&self, at: usize) -> usize {
        let rest = &self.text[at..];
        rest.find('\n').map_or(self.text.len(), |end| at + end + 1)
    }

    /// A piece of the text.
    pub(super) fn slice(&self, range: Range<usize>) -> &'t str {
        &self.text[range]
    }

    /// How many characters a place is from the beginning of its line.
    pub(super) fn column(&self, at: usize) -> usize {
        self.slice(self.line_start(at)..at).chars().count()
    }

    /// Whether only white space stands before a place in its line.
    pub(super) fn begins_line(&self, at: usize) -> bool {
        self.slice(self.line_start(at)..at).trim().is_empty()
    }

    /// The white space, in bytes, that a line begins with.
    pub(super) fn indentation(&self, start: usize) -> usize {
        let line = self.slice(start..self.next_line(start));
        line.len() - line.trim_start().len()
    }

    /// Indents the lines that begin in a range, except empty ones.
    pub(super) fn indent(&mut self, range: Range<usize>, by: usize) {
        for start in self.lines(range) {
            self.insert(start, " ".repeat(by));
        }
    }

    /// Where lines begin, in a range; empty ones are left out.
    pub(super) fn lines(&self, range: Range<usize>) -> Vec<usize> {
        let mut starts = Vec::new();
        let mut at = self.line_start(range.start);
        if at < range.start {
            at = self.next_line(range.start);
        }
        while at < range.end {
            let next = self.next_line(at);
            if !self
                .slice(at..next)
                .trim_end_matches(['\r', '\n'])
                .is_empty()
            {
                starts.push(at);
            }
            at = next;
        }
        starts
    }

    /// Where an entry's lines begin, with the comments directly above it.
    pub(super) fn block_start(&self, at: usize, not_before: usize) -> usize {
        let mut start = self.line_start(at);
        let mark = self.text.starts_with('\u{feff}');
        let begin = if mark { '\u{feff}'.len_utf8() } else { 0 };
        let not_before = not_before.max(begin);
        while start > not_before {
            let above = self.line_start(start - 1);
            let line = self.slice(above..start).trim();
            if above < not_before || !line.starts_with('#') {
                break;
            }
            start = above;
        }
        start
    }

    /// Where the line behind an entry begins, and behind the comments that are further in than its
    /// key: below a block of text they would be part of it.
    pub(super) fn end_with_comments(&self, pair: &Pair) -> usize {
        let column = self.column(pair.key.range.start);
        let mut at = self.next_line(pair.range().end);
        loop {
            let line = self.slice(at..self.next_line(at));
            let indentation = self.indentation(at);
            if !line[indentation..].starts_with('#') || indentation <= column {
                return at;
            }
            at = self.next_line(at);
        }
    }

    /// The comment behind a place in its line, with the white space before it.
    pub(super) fn comment_behind(&self, at: usize) -> &'t str {
        let line = self.slice(at..self.next_line(at));
        let line = line.trim_end_matches(['\r', '\n']);
        if line.trim_start().starts_with('#') {
            line
        } else {
            ""
        }
    }

    /// Takes an entry out of a mapping in braces, with the comma that belongs to it.
    pub(super) fn remove_from_braces(&mut self, entries: &[Pair], index: usize) {
        let range = entries[index].range();
        let rest = self.slice(range.end..self.text.len());
        let blank = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        if index + 1 < entries.len() && rest[blank..].starts_with(',') {
            let comma = range.end + blank + 1;
            let behind = self.slice(comma..self.text.len());
            let spaces = behind.len() - behind.trim_start_matches(' ').len();
            self.remove_with_line(range.start..comma + spaces);
            return;
        }
        let before = match index.checked_sub(1) {
            Some(previous) => entries[previous].range().end,
            None => range.start,
        };
        let between = self.slice(before..range.start);
        if let Some(comma) = between.find(',') {
            let comma = before + comma;
            if self.slice(comma + 1..range.start).trim().is_empty() {
                self.remove(comma..range.end);
                return;
            }
            self.remove(comma..comma + 1);
        }
        self.remove_with_line(range);
    }

    /// Takes a piece out, and its line where nothing else is in it.
    pub(super) fn remove_with_line(&mut self, range: Range<usize>) {
        let (start, end) = (self.line_start(range.start), self.next_line(range.end));
        let alone = self.begins_line(range.start)
            && self.slice(range.end..end).trim().is_empty()
            && end > range.end;
        self.remove(if alone { start..end } else { range });
    }

    /// A name in the quotes of another key.
    pub(super) fn like(&self, key: &Piece, name: &str) -> String {
        match self.slice(key.range.clone()).chars().next() {
            Some(quote @ ('"' | '\'')) => format!("{quote}{name}{quote}"),
            _ => name.to_owned(),
        }
    }

    /// How far what is in a mapping is indented, seen from a key.
    pub(super) fn step(&self, key: &Piece, value: &Piece) -> usize {
        let inner = value.entries().first().map_or(0, |pair| {
            let start = pair.key.range.start;
            if self.begins_line(start) {
                self.column(start)
            } else {
                0
            }
        });
        match inner.saturating_sub(self.column(key.range.start)) {
            0 => STEP,
            step => step.min(8),
        }
    }
}
