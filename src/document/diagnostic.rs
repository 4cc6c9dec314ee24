//! A problem with a file: what is wrong, where, and what to do.

use std::borrow::Cow;
use std::ops::Range;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use indexmap::IndexMap;

use super::{Source, SourceId, Sources, Span};

/// The most problems that one step reports: nobody reads more, and a hostile file could have
/// millions.
pub const MAX_PROBLEMS: usize = 100;

/// The code of a problem that nobody gave one.
pub const UNNAMED: &str = "problem";

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing can be done with the file.
    Error,
    /// It loads, but probably does not do what was meant.
    Warning,
}

/// A message with the places it speaks of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// The kind of problem in kebab case, for machines: it stays when the message is reworded.
    pub code: &'static str,
    /// One sentence without a full stop.
    pub message: String,
    /// The places; the first is where the problem is, the others are context.
    pub labels: Vec<Label>,
    /// What to do about it, one entry a line.
    pub help: Vec<String>,
    /// What asked for the file of the first place, the nearest step first; empty for a file of the
    /// command line.
    pub way: Vec<Label>,
    /// The lines that it is about hold secrets: places are named, and nothing is printed of them.
    pub secret: bool,
}

/// A place and what is to be seen there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// A few words; may be empty.
    pub text: String,
}

impl Diagnostic {
    /// An error without a place so far.
    pub fn error(message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            severity: Severity::Error,
            code: UNNAMED,
            message: message.into(),
            labels: Vec::new(),
            help: Vec::new(),
            way: Vec::new(),
            secret: false,
        }
    }

    /// A warning without a place so far.
    pub fn warning(message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            severity: Severity::Warning,
            ..Diagnostic::error(message)
        }
    }

    /// Says which kind of problem it is.
    #[must_use]
    pub fn code(mut self, code: &'static str) -> Diagnostic {
        self.code = code;
        self
    }

    /// Adds a place. The first one added is where the problem is.
    #[must_use]
    pub fn at(mut self, span: Span, text: impl Into<String>) -> Diagnostic {
        self.labels.push(Label {
            span,
            text: text.into(),
        });
        self
    }

    /// Keeps the lines that it is about from being printed.
    #[must_use]
    pub fn about_secrets(mut self) -> Diagnostic {
        self.secret = true;
        self
    }

    /// Adds a line of advice.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Diagnostic {
        self.help.push(text.into());
        self
    }

    /// Whether it is an error.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// How diagnostics are drawn.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// With terminal colours.
    pub color: bool,
    /// Columns.
    pub width: usize,
}

/// Draws diagnostics for people: message, file, line, column, the line itself and a caret.
///
/// Ends with a line break; several are separated by an empty line.
pub fn render(diagnostics: &[Diagnostic], sources: &Sources, style: Style) -> String {
    let renderer = if style.color {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let renderer = renderer.term_width(style.width.max(40));
    let drawn: Vec<String> = diagnostics
        .iter()
        .map(|diagnostic| {
            let group = group(diagnostic, sources);
            format!("{}\n", renderer.render(&[group]).trim_end())
        })
        .collect();
    drawn.join("\n")
}

fn group<'a>(diagnostic: &Diagnostic, sources: &'a Sources) -> Group<'a> {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut group = Group::with_title(level.primary_title(printable(&diagnostic.message)));
    for labels in by_source(diagnostic.labels.iter().chain(&diagnostic.way)) {
        let primary = diagnostic.labels.first();
        let Some(source) = labels
            .first()
            .and_then(|label| sources.find(label.span.source))
        else {
            continue;
        };
        let hidden = source.secret || diagnostic.secret || source.text.is_empty();
        group = if hidden {
            labels
                .iter()
                .fold(group, |group, label| group.element(origin(label, source)))
        } else {
            group.elements(snippet(&labels, primary, source))
        };
    }
    for help in &diagnostic.help {
        group = group.element(Level::HELP.message(printable(help)));
    }
    group
}

/// Where a label points, for a source whose lines are not shown.
fn origin<'a>(label: &Label, source: &Source) -> Origin<'a> {
    let region = Region::of(&source.text, label.span);
    let path = Origin::path(printable(&source.name));
    if source.text.is_empty() {
        path
    } else {
        path.line(region.line).char_column(region.column)
    }
}

/// Labels of one source together, sources in the order in which they are first mentioned.
fn by_source<'l>(labels: impl Iterator<Item = &'l Label>) -> Vec<Vec<&'l Label>> {
    let mut groups: IndexMap<SourceId, Vec<&Label>> = IndexMap::new();
    for label in labels {
        groups.entry(label.span.source).or_default().push(label);
    }
    groups.into_values().collect()
}

/// The lines of one source that labels speak of.
///
/// Only those lines are handed on, so that a report on a large file costs no more than one on a
/// small file.
fn snippet<'a>(
    labels: &[&Label],
    primary: Option<&Label>,
    source: &'a Source,
) -> Option<Snippet<'a, Annotation<'a>>> {
    let text = source.text.as_str();
    let ranges: Vec<Range<usize>> = labels
        .iter()
        .map(|label| first_line(text, label.span))
        .collect();
    let first = ranges.iter().map(|range| range.start).min()?;
    let last = ranges.iter().map(|range| range.end).max()?;
    let mut start = text[..first].rfind('\n').map_or(0, |at| at + 1);
    let end = text[last..].find('\n').map_or(text.len(), |at| last + at);
    if start == 0 && text.starts_with(BOM) {
        start = BOM.len_utf8().min(first);
    }
    let annotations = labels.iter().zip(ranges).map(|(label, range)| {
        let kind = if primary.is_some_and(|primary| std::ptr::eq(primary, *label)) {
            AnnotationKind::Primary
        } else {
            AnnotationKind::Context
        };
        let annotation = kind.span(range.start - start..range.end - start);
        if label.text.is_empty() {
            annotation
        } else {
            annotation.label(printable(&label.text))
        }
    });
    let line = text[..start].matches('\n').count() + 1;
    let snippet = Snippet::source(harmless(&text[start..end]))
        .path(printable(&source.name))
        .line_start(line)
        .annotations(annotations);
    Some(snippet)
}

/// Lines and columns of a span, counted from 1 in characters, the end exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region {
    /// Line of the first character.
    pub line: usize,
    /// Column of the first character.
    pub column: usize,
    /// Line behind the last character.
    pub end_line: usize,
    /// Column behind the last character.
    pub end_column: usize,
}

impl Region {
    /// Where a span lies in its text.
    pub fn of(text: &str, span: Span) -> Region {
        let start = text.floor_char_boundary(span.start as usize);
        let end = text.ceil_char_boundary(span.end as usize).max(start);
        let (line, column) = position(text, start);
        let (end_line, end_column) = position(text, end);
        Region {
            line,
            column,
            end_line,
            end_column,
        }
    }
}

/// Line and column of a byte. A byte order mark is no column.
fn position(text: &str, at: usize) -> (usize, usize) {
    let line_start = text[..at].rfind('\n').map_or(0, |at| at + 1);
    let line = text[..at].matches('\n').count() + 1;
    let before = &text[line_start..at];
    let before = before.strip_prefix(BOM).unwrap_or(before);
    (line, before.chars().count() + 1)
}

const BOM: char = '\u{feff}';

/// The part of a span in its first line: a caret is enough to find a value of many lines.
fn first_line(text: &str, span: Span) -> Range<usize> {
    let start = text.floor_char_boundary(span.start as usize);
    let end = text.ceil_char_boundary(span.end as usize).max(start);
    let piece = &text[start..end];
    let line = piece.split(['\r', '\n']).next().unwrap_or_default();
    start..start + line.trim_end().len()
}

/// Text that comes from files, without anything that a terminal would act on.
fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() || is_direction(character) {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Lines of a file without those characters that a terminal would act on and that the library
/// behind [`render`] leaves. What stands in for one has as many bytes, so that spans stay right.
fn harmless(text: &str) -> Cow<'_, str> {
    let in_its_place = |character: char| match character {
        '\u{80}'..='\u{9f}' => '·',
        _ if is_direction(character) => char::REPLACEMENT_CHARACTER,
        _ => character,
    };
    if text
        .chars()
        .all(|character| character == in_its_place(character))
    {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(in_its_place).collect())
}

/// Characters that turn the direction of the text around them.
fn is_direction(character: char) -> bool {
    matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The candidate that was probably meant: the nearest one, if few letters are different.
pub fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let typed: Vec<char> = word.chars().flat_map(char::to_lowercase).collect();
    candidates
        .filter_map(|candidate| {
            let meant: Vec<char> = candidate.chars().flat_map(char::to_lowercase).collect();
            let limit = (typed.len().max(meant.len()) / 3).clamp(1, 3);
            // Two words of two letters with one in common have nothing in common.
            let shortest = typed.len().min(meant.len());
            if typed.len().abs_diff(meant.len()) > limit || shortest < 2 {
                return None;
            }
            let distance = distance(&typed, &meant);
            (distance <= limit && distance < shortest).then_some((distance, candidate))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Letters to insert, remove, replace or swap with their neighbour to get from one to the other.
fn distance(from: &[char], to: &[char]) -> usize {
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=to.len()).collect();
    for (row, letter) in from.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, other) in to.iter().enumerate() {
            let replaced = last[column] + usize::from(letter != other);
            let mut best = replaced.min(last[column + 1] + 1).min(current[column] + 1);
            let swapped =
                row > 0 && column > 0 && *letter == to[column - 1] && from[row - 1] == *other;
            if swapped {
                best = best.min(before_last[column - 1] + 1);
            }
            current.push(best);
        }
        before_last = last;
        last = current;
    }
    last[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    const PLAIN: Style = Style {
        color: false,
        width: 100,
    };

    fn span(source: SourceId, start: u32, end: u32) -> Span {
        Span { source, start, end }
    }

    #[test]
    fn a_message_shows_its_place_and_what_to_do() {
        let mut sources = Sources::default();
        let file = sources.add("compose.yaml", "services:\n  web:\n    imag: nginx\n");
        let problem = Diagnostic::error("unknown key `imag`")
            .at(span(file, 21, 25), "not a key of a service")
            .help("did you mean `image`?");
        assert_eq!(
            render(&[problem], &sources, PLAIN),
            "\
error: unknown key `imag`
 --> compose.yaml:3:5
  |
3 |     imag: nginx
  |     ^^^^ not a key of a service
  |
  = help: did you mean `image`?
"
        );
    }

    #[test]
    fn places_in_several_files_follow_each_other() {
        let mut sources = Sources::default();
        let base = sources.add("base.yaml", "a: 1\nb: é\n");
        let over = sources.add("over.yaml", "a: 1\n\n\nx: [y]\n");
        let problem = Diagnostic::error("cannot override b")
            .at(span(over, 10, 13), "a list")
            .at(span(base, 8, 10), "a string");
        let warning = Diagnostic::warning("nothing\u{1b}[31m to see");
        assert_eq!(
            render(&[problem, warning], &sources, PLAIN),
            "\
error: cannot override b
 --> over.yaml:4:4
  |
4 | x: [y]
  |    ^^^ a list
  |
 ::: base.yaml:2:4
  |
2 | b: é
  |    - a string

warning: nothing\\u{1b}[31m to see
"
        );
    }

    #[test]
    fn odd_places_are_drawn_all_the_same() {
        let mut sources = Sources::default();
        let file = sources.add("a", "\u{feff}é: 1\r\nb:\r\n  c\u{7}");
        let empty = sources.add("b", "");
        for (source, start, end) in [
            (file, 0, 0),
            (file, 0, 200),
            (file, 4, 4),
            (file, 8, 9),
            (file, 100, 20),
            (empty, 0, 0),
            (empty, 7, 9),
            (SourceId(9), 1, 2),
        ] {
            let problem = Diagnostic::error("odd").at(span(source, start, end), "here");
            let drawn = render(&[problem], &sources, PLAIN);
            assert!(drawn.starts_with("error: odd\n"), "{drawn}");
            assert!(!drawn.contains('\u{7}'), "{drawn}");
        }
    }

    #[test]
    fn nothing_that_a_terminal_acts_on_is_drawn() {
        let acted_on = "\u{1b}[2J \u{7} \u{9b}2J \u{9c} \u{85} \u{200e} \u{202e} \u{2066} \u{7f}";
        let mut sources = Sources::default();
        let file = sources.add("a", format!("{acted_on}key: x"));
        let at = u32::try_from(acted_on.len()).expect("short");
        let problem = Diagnostic::error(acted_on).at(span(file, at, at + 3), acted_on);
        let drawn = render(&[problem.help(acted_on)], &sources, PLAIN);
        let found = drawn
            .chars()
            .find(|it| (it.is_control() && *it != '\n') || is_direction(*it));
        assert_eq!(found, None, "{drawn}");
        assert!(drawn.contains("key: x"), "{drawn}");
    }

    #[test]
    fn colour_is_there_only_when_asked_for() {
        let problem = [Diagnostic::error("x")];
        let color = Style {
            color: true,
            width: 80,
        };
        let sources = Sources::default();
        assert!(render(&problem, &sources, color).contains('\u{1b}'));
        assert!(!render(&problem, &sources, PLAIN).contains('\u{1b}'));
    }

    #[test]
    fn the_nearest_word_is_found() {
        let keys = ["image", "volumes", "volumes_from", "ports", "expose", "tty"];
        let meant = |word| nearest(word, keys.into_iter());
        assert_eq!(meant("imag"), Some("image"));
        assert_eq!(meant("iamge"), Some("image"));
        assert_eq!(meant("Image"), Some("image"));
        assert_eq!(meant("volume"), Some("volumes"));
        assert_eq!(meant("prots"), Some("ports"));
        assert_eq!(meant("volumes-from"), Some("volumes_from"));
        assert_eq!(meant("ttty"), Some("tty"));
        assert_eq!(meant("depends"), None);
        assert_eq!(meant("x"), None);
        assert_eq!(meant(""), None);
    }
}
