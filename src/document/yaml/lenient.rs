//! Texts that Go's YAML library reads and our parser refuses.
//!
//! Go lets the further lines of a quoted value start in any column, and lets tabs indent lines
//! inside brackets and quotes. Such files are common (`command: "sh -c ...` with the closing quote
//! in the column of the key), and a comment may follow right behind a quoted value. The parser refuses them with an error that tells the place; here the
//! text is repaired there and read again. Repairs add or replace white space that YAML folds away,
//! so no value changes, and places are those of the text as it was written.

use std::borrow::Cow;

use granit_parser::{ErrorKind, ScanError};

/// How often a text is read again.
const MAX_REPAIRS: usize = 64;

/// Texts longer than this are not read again and again.
const MAX_BYTES: usize = 1024 * 1024;

/// A text with repairs.
pub(super) struct Lenient<'a> {
    text: Cow<'a, str>,
    repairs: usize,
    /// For each place where something was added: the end of it in the repaired text, and how much
    /// was added up to there.
    added: Vec<(usize, usize)>,
}

/// Something to change, in places of the repaired text.
pub(super) enum Repair {
    /// Tabs that become spaces.
    Tabs(Vec<usize>),
    /// Lines, or comments, that start further right.
    Indent { lines: Vec<usize>, by: usize },
}

impl<'a> Lenient<'a> {
    pub(super) fn new(text: &'a str) -> Lenient<'a> {
        Lenient {
            text: Cow::Borrowed(text),
            repairs: 0,
            added: Vec::new(),
        }
    }

    /// The text to be read.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// A place of the repaired text in the original.
    pub(super) fn original(&self, at: usize) -> usize {
        let before = self.added.partition_point(|(end, _)| *end <= at);
        match before.checked_sub(1).and_then(|last| self.added.get(last)) {
            Some((_, added)) => at.saturating_sub(*added),
            None => at,
        }
    }

    /// What makes the text readable beyond an error, if anything does. All before `read` is fine.
    pub(super) fn repair(
        &self,
        error: &ScanError,
        read: usize,
        in_brackets: bool,
    ) -> Option<Repair> {
        if self.repairs >= MAX_REPAIRS || self.text.len() > MAX_BYTES {
            return None;
        }
        let at = error.marker().byte_offset()?;
        match error.kind() {
            ErrorKind::InvalidQuotedScalarIndent => self.quoted_lines(read),
            // Inside quotes only.
            ErrorKind::TabInIndentation => self.tabs(at),
            ErrorKind::TabInBlockIndentation | ErrorKind::TabNotAllowed if in_brackets => {
                self.tabs(at)
            }
            ErrorKind::CommentNotSeparated if self.text[at..].starts_with('#') => {
                Some(Repair::Indent {
                    lines: vec![at],
                    by: 1,
                })
            }
            _ => None,
        }
    }

    /// The lines of the quoted value that follows.
    fn quoted_lines(&self, read: usize) -> Option<Repair> {
        let open = read + opening_quote(self.text.get(read..)?)?;
        let close = open + closing(&self.text[open..])?;
        let line_start = self.text[..open].rfind('\n').map_or(0, |at| at + 1);
        let breaks = self.text[open..close].match_indices('\n');
        let lines: Vec<usize> = breaks
            .map(|(at, _)| open + at + 1)
            // These end the document wherever they stand.
            .filter(|line| !self.text[*line..].starts_with("---"))
            .filter(|line| !self.text[*line..].starts_with("..."))
            .collect();
        // What was repaired once is not the reason of this error.
        let repaired = self.added.last().map_or(0, |(end, _)| *end);
        if lines.first().is_none_or(|first| *first < repaired) {
            return None;
        }
        Some(Repair::Indent {
            lines,
            by: open - line_start + 1,
        })
    }

    /// The tabs that start this line and the lines below, as far as they start with one.
    fn tabs(&self, at: usize) -> Option<Repair> {
        let mut line_start = self.text.get(..at)?.rfind('\n').map_or(0, |at| at + 1);
        let mut tabs = Vec::new();
        for line in self.text[line_start..].split_inclusive('\n') {
            let content = line.trim_start_matches([' ', '\t']);
            let indent = &line[..line.len() - content.len()];
            if !indent.contains('\t') {
                break;
            }
            tabs.extend(indent.match_indices('\t').map(|(at, _)| line_start + at));
            line_start += line.len();
        }
        (!tabs.is_empty()).then_some(Repair::Tabs(tabs))
    }

    /// Changes the text.
    pub(super) fn apply(&mut self, repair: &Repair) {
        self.repairs += 1;
        match repair {
            Repair::Tabs(tabs) => {
                let mut text = String::with_capacity(self.text.len());
                let mut from = 0;
                for tab in tabs {
                    text.push_str(&self.text[from..*tab]);
                    text.push(' ');
                    from = tab + 1;
                }
                text.push_str(&self.text[from..]);
                self.text = Cow::Owned(text);
            }
            Repair::Indent { lines, by } => {
                let mut text = String::with_capacity(self.text.len() + lines.len() * by);
                let mut from = 0;
                let mut added = self.added.last().map_or(0, |(_, added)| *added);
                for line in lines {
                    text.push_str(&self.text[from..*line]);
                    text.extend(std::iter::repeat_n(' ', *by));
                    added += by;
                    self.added.push((text.len(), added));
                    from = *line;
                }
                text.push_str(&self.text[from..]);
                self.text = Cow::Owned(text);
            }
        }
    }
}

/// The innermost bracket that a piece of text opens and does not close.
///
/// The parser looks ahead: an error may come before the brackets around it were announced.
pub(super) fn open_bracket(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut open = Vec::new();
    let mut starts = true;
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'#' if starts => at += text[at..].find('\n')?,
            b'"' | b'\'' if starts => at += closing(&text[at..])?,
            b'[' | b'{' => open.push(at),
            b']' | b'}' => drop(open.pop()),
            _ => {}
        }
        starts = matches!(
            bytes.get(at),
            Some(b' ' | b'\t' | b'\r' | b'\n' | b'[' | b'{' | b',' | b':')
        );
        at += 1;
    }
    open.pop()
}

/// The first quote of a text that is not in a comment.
pub(super) fn opening_quote(text: &str) -> Option<usize> {
    let mut comment = false;
    let mut blank = true;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'\n' => comment = false,
            b'#' if blank => comment = true,
            b'"' | b'\'' if !comment => return Some(at),
            _ => {}
        }
        blank = matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    }
    None
}

/// Where the quoted value that a text starts with is closed.
fn closing(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let quote = bytes.first()?;
    let mut at = 1;
    loop {
        let byte = bytes.get(at)?;
        let next = bytes.get(at + 1);
        let escape = match quote {
            b'"' => *byte == b'\\',
            _ => byte == quote && next == Some(quote),
        };
        if escape {
            at += 2;
        } else if byte == quote {
            return Some(at);
        } else {
            at += 1;
        }
    }
}

/// Where a tab indents something outside of brackets, in what stands between two pieces of YAML.
pub(super) fn indenting_tab(between: &str, first: bool) -> Option<usize> {
    if !between.contains('\t') {
        return None;
    }
    let mut fresh = first;
    let mut skipped = None;
    for (at, byte) in between.bytes().enumerate() {
        match (skipped, byte) {
            (_, b'\n' | b'\r') => {
                fresh = true;
                skipped = None;
            }
            (Some(Skipped::Word), b' ' | b'\t') => skipped = None,
            (None, b'\t') if fresh => return Some(at),
            (Some(_), _) | (None, b' ' | b'\t') => {}
            (None, b'#') => skipped = Some(Skipped::Comment),
            (None, b'-' | b'?') => fresh = true,
            (None, b'&' | b'*' | b'!' | b'|' | b'>') => {
                skipped = Some(Skipped::Word);
                fresh = false;
            }
            (None, _) => fresh = false,
        }
    }
    None
}

/// What tabs do not matter in.
#[derive(Clone, Copy)]
enum Skipped {
    Comment,
    /// An anchor, an alias, a tag or the `|-` of a block, which may hold a dash.
    Word,
}
