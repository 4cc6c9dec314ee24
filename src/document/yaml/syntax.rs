//! What is wrong with a text that is not YAML, in the words of someone who writes Compose files.
//!
//! The parser says what it expected; a reader wants to know what to change. The place is the
//! parser's, except where it only notices later (a colon that is missing shows in the next line).

use granit_parser::ErrorKind;

use super::lenient::opening_quote;
use super::{MAX_BYTES, MAX_DEPTH};
use crate::document::{Diagnostic, SourceId, Span};

/// Refuses what no Compose file contains, before any work is done on it.
pub(super) fn check_text(source: SourceId, text: &str) -> Result<(), Diagnostic> {
    if text.len() > MAX_BYTES {
        return Err(too_large(source));
    }
    match forbidden(text) {
        None => Ok(()),
        Some((at, character)) => Err(control_character(source, at, character)),
    }
}

/// The problem of a text beyond [`MAX_BYTES`].
pub(in crate::document) fn too_large(source: SourceId) -> Diagnostic {
    Diagnostic::error(format!(
        "the file is larger than {} MiB",
        MAX_BYTES / 1024 / 1024
    ))
    .code("file-too-large")
    .at(span(source, 0, 0), "")
}

/// The first control character, which YAML allows nowhere, not even in comments.
fn forbidden(text: &str) -> Option<(usize, char)> {
    let suspicious =
        |byte: &u8| matches!(byte, 0x00..=0x08 | 0x0b | 0x0c | 0x0e..=0x1f | 0x7f | 0xc2);
    if !text.as_bytes().iter().any(suspicious) {
        return None;
    }
    // U+0085 is a line break to YAML.
    text.char_indices().find(|(_, character)| {
        character.is_control() && !matches!(character, '\t' | '\n' | '\r' | '\u{85}')
    })
}

fn control_character(source: SourceId, at: usize, character: char) -> Diagnostic {
    let code = u32::from(character);
    Diagnostic::error(format!("the file holds a control character, U+{code:04X}"))
        .code("control-character")
        .at(
            span(source, at, at + character.len_utf8()),
            "not allowed in YAML",
        )
        .help(format!(
            "remove it, or write it escaped in double quotes: \"\\x{code:02x}\""
        ))
}

/// `%YAML` with a version other than 1.1.
pub(super) fn version(source: SourceId, text: &str) -> Diagnostic {
    let at = text.find("%YAML").unwrap_or_default();
    Diagnostic::error("the file asks for a version of YAML that docker compose does not read")
        .code("yaml-syntax")
        .at(span(source, at, at + "%YAML".len()), "1.1 or none")
        .help("remove the line: it changes nothing else")
}

/// `\/`, which is JSON's and YAML 1.2's.
pub(super) fn escaped_slash(span: Span) -> Diagnostic {
    Diagnostic::error("the quoted value holds an escape that docker compose does not know")
        .code("yaml-syntax")
        .at(span, "a slash needs no backslash")
}

/// A key of several lines.
pub(super) fn long_key(span: Span) -> Diagnostic {
    Diagnostic::error("a key goes on in the next line")
        .code("yaml-syntax")
        .at(span, "this key")
        .help("write the key in one line, with `\\n` in double quotes for a line break")
}

/// Nesting beyond [`MAX_DEPTH`].
pub(super) fn too_deep(span: Span) -> Diagnostic {
    Diagnostic::error(format!(
        "values are nested more than {MAX_DEPTH} levels deep"
    ))
    .code("nested-too-deep")
    .at(span, "too deep")
}

fn span(source: SourceId, start: usize, end: usize) -> Span {
    let offset = |at| u32::try_from(at).unwrap_or(u32::MAX);
    Span {
        source,
        start: offset(start),
        end: offset(end),
    }
}

/// What had been read when the error came.
pub(super) struct Context {
    /// Where the error is.
    pub(super) at: usize,
    /// Where the last complete piece ended.
    pub(super) read: usize,
    /// The innermost bracket or brace still open.
    pub(super) bracket: Option<Span>,
}

/// A tab that indents.
pub(super) fn tab(source: SourceId, text: &str, at: usize) -> Diagnostic {
    Problem { source, text, at }.tab()
}

/// The parser's error as a diagnostic.
pub(super) fn explain(
    source: SourceId,
    text: &str,
    context: &Context,
    kind: &ErrorKind,
) -> Diagnostic {
    let at = context.at.min(text.len());
    let problem = Problem { source, text, at };
    if let Some(bracket) = context.bracket
        && problem.lies_below(bracket)
    {
        return problem.open_bracket(bracket);
    }
    match kind {
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabAtBlockScalarStart
        | ErrorKind::TabInPlainScalar => problem.tab(),
        ErrorKind::MappingValueNotAllowed => problem.unexpected_colon(),
        ErrorKind::SimpleKeyExpected => problem.missing_colon(),
        ErrorKind::UnclosedQuotedScalar
        | ErrorKind::InvalidQuotedScalarIndent
        | ErrorKind::DocumentIndicatorInQuotedScalar => problem.open_quote(context.read),
        // A quote that is closed in another line was probably meant to end sooner.
        ErrorKind::InvalidTrailingSingleQuotedScalar
        | ErrorKind::InvalidTrailingDoubleQuotedScalar
            if problem.has_line_break_since(context.read) =>
        {
            problem.open_quote(context.read)
        }
        ErrorKind::ExpectedBlockMappingKey => problem.no_key(),
        ErrorKind::RecursionLimitExceeded => too_deep(problem.here()),
        ErrorKind::UnexpectedCharacter { character } => problem.unexpected(*character),
        kind => {
            let (message, label, mut help) = words(kind);
            if context.bracket.is_some() {
                help = "inside brackets, items are separated by commas";
            }
            let message = message.map_or_else(|| kind.to_string(), str::to_owned);
            let diagnostic = Diagnostic::error(message)
                .code("yaml-syntax")
                .at(problem.here(), label);
            if help.is_empty() {
                diagnostic
            } else {
                diagnostic.help(help)
            }
        }
    }
}

/// Message (the parser's own where there is none), label and advice for errors that need no look
/// at the text.
#[expect(clippy::too_many_lines, reason = "a table")]
fn words(kind: &ErrorKind) -> (Option<&'static str>, &'static str, &'static str) {
    match kind {
        ErrorKind::InvalidIndentation => (
            Some("the indentation fits no line above"),
            "starts in a column of its own",
            "keys of one mapping start in the same column",
        ),
        ErrorKind::ExpectedBlockSequenceEntry => (
            Some("a list item is expected here"),
            "no `-` in front of this",
            "items of one list start with `- ` in the same column; a mapping cannot hold both items and keys",
        ),
        ErrorKind::BlockSequenceEntryNotAllowed => (
            Some("a list item cannot start here"),
            "unexpected `-`",
            "start the list on a line of its own, or quote the value",
        ),
        ErrorKind::BlockEntryInFlowCollection => (
            Some("a list item cannot start inside brackets"),
            "unexpected `-`",
            "inside brackets items are separated by commas: [a, b]",
        ),
        ErrorKind::InvalidBlockEntryWhitespace => {
            (Some("a space is missing behind `-`"), "write `- `", "")
        }
        ErrorKind::ExpectedFlowMappingSeparator => (
            Some("a comma or `}` is missing"),
            "expected `,` or `}` before this",
            "quote a value that holds commas, braces or brackets",
        ),
        ErrorKind::ExpectedFlowSequenceSeparator => (
            Some("a comma or `]` is missing"),
            "expected `,` or `]` before this",
            "quote a value that holds commas, braces or brackets",
        ),
        ErrorKind::UnclosedFlowCollection { open: '{' }
        | ErrorKind::UnexpectedEofFlowMapping
        | ErrorKind::UnexpectedEofImplicitFlowMapping => {
            (Some("`{` is never closed"), "no `}` for this", "")
        }
        ErrorKind::UnclosedFlowCollection { .. } | ErrorKind::UnexpectedEofFlowSequence => {
            (Some("`[` is never closed"), "no `]` for this", "")
        }
        ErrorKind::MisplacedFlowCollectionEnd => (
            Some("a bracket is closed that was never opened"),
            "nothing to close",
            "quote the value if the bracket belongs to it",
        ),
        ErrorKind::MismatchedFlowCollectionEnd { .. } => (
            Some("a bracket is closed by one of another kind"),
            "does not fit the opening one",
            "",
        ),
        ErrorKind::InvalidTrailingSingleQuotedScalar => (
            Some("something follows the closing quote"),
            "the value has ended before this",
            "inside single quotes, write a quote twice: 'it''s'",
        ),
        ErrorKind::InvalidTrailingDoubleQuotedScalar => (
            Some("something follows the closing quote"),
            "the value has ended before this",
            "inside double quotes, escape a quote: \"say \\\"hi\\\"\"",
        ),
        ErrorKind::UnknownQuotedScalarEscape => (
            Some("the quoted value holds an escape that YAML does not know"),
            "in this value",
            "write a backslash twice, or use single quotes, where it means itself",
        ),
        ErrorKind::InvalidQuotedScalarHexEscape
        | ErrorKind::InvalidLowSurrogateHexEscape
        | ErrorKind::InvalidLowSurrogate
        | ErrorKind::MissingLowSurrogate
        | ErrorKind::UnpairedLowSurrogate
        | ErrorKind::InvalidUnicodeEscape => (
            Some("the quoted value holds an escape for a character that does not exist"),
            "in this value",
            "write a backslash twice, or use single quotes, where it means itself",
        ),
        ErrorKind::InvalidBlockScalarHeader => (
            Some("nothing may follow `|` or `>` on its line"),
            "a block of text starts here",
            "the text itself starts on the next line, indented",
        ),
        ErrorKind::InvalidBlockScalarIndent | ErrorKind::ZeroBlockScalarIndent => (
            Some("the lines of this block of text are indented unevenly"),
            "here",
            "",
        ),
        ErrorKind::CommentNotSeparated => (
            Some("a space is missing in front of the comment"),
            "write ` #`",
            "",
        ),
        ErrorKind::CommentInterceptedScalar => (
            Some("a comment cuts a value in two"),
            "the value goes on behind a comment",
            "indent the line as what it is, or quote the whole value",
        ),
        ErrorKind::UndeclaredTagHandle => (
            Some("this is not a tag that Compose knows"),
            "unknown tag",
            "quote the value if the exclamation mark belongs to it",
        ),
        ErrorKind::MissingAnchorOrAliasName => (
            Some("an anchor or alias without a name"),
            "a name must follow",
            "quote a value that starts with `*` or `&`",
        ),
        ErrorKind::InvalidFlowScalarIndent => (
            Some("a line inside brackets is not indented"),
            "indent this further than the line that opened the bracket",
            "",
        ),
        ErrorKind::InvalidMappingValueWhitespace
        | ErrorKind::FlowMappingValueAdjacentCollection => (
            Some("a space is missing behind the colon"),
            "write `: `",
            "",
        ),
        ErrorKind::PlainScalarStartsWithDashFlowIndicator => {
            (Some("a value cannot start like this"), "quote it", "")
        }
        ErrorKind::ExpectedDocumentStart | ErrorKind::InvalidDocumentEnd => (
            Some("the document has ended before this"),
            "not part of it",
            "check the indentation; another document starts with `---`",
        ),
        ErrorKind::UnsupportedYamlMajorVersion => (
            Some("the file asks for a version of YAML that nobody reads"),
            "",
            "",
        ),
        _ => (None, "", ""),
    }
}

/// A place in a text with which something is wrong.
struct Problem<'a> {
    source: SourceId,
    text: &'a str,
    at: usize,
}

impl Problem<'_> {
    /// The rest of the line from the place, or an empty span at the end.
    fn here(&self) -> Span {
        let rest = &self.text.get(self.at..).unwrap_or_default();
        let line = rest.lines().next().unwrap_or_default().trim_end();
        let word = line
            .find(|c: char| c.is_whitespace())
            .filter(|end| *end > 0)
            .unwrap_or(line.len());
        span(self.source, self.at, self.at + word)
    }

    fn line_start(&self) -> usize {
        let before = self.text.get(..self.at).unwrap_or_default();
        before.rfind('\n').map_or(0, |at| at + 1)
    }

    fn line(&self) -> &str {
        let rest = self.text.get(self.line_start()..).unwrap_or_default();
        rest.lines().next().unwrap_or_default()
    }

    /// The nearest line above that says something: where it starts and what it says.
    fn line_above(&self) -> Option<(usize, &str)> {
        let mut end = self.line_start();
        while end > 0 {
            let above = self.text.get(..end - 1)?;
            let start = above.rfind('\n').map_or(0, |at| at + 1);
            let line = above[start..].trim_end();
            let content = line.trim_start();
            if !content.is_empty() && !content.starts_with('#') {
                return Some((start, line));
            }
            end = start;
        }
        None
    }

    fn tab(&self) -> Diagnostic {
        let line = self.line();
        let tab = line.find('\t').unwrap_or(0);
        let start = self.line_start() + tab;
        let length = line[tab..].bytes().take_while(|b| *b == b'\t').count();
        Diagnostic::error("a tab is used for indentation")
            .code("tab-indentation")
            .at(span(self.source, start, start + length.max(1)), "tab")
            .help("YAML is indented with spaces only")
    }

    /// Whether an open bracket is in a line above: inside one line, the error is about its place.
    fn lies_below(&self, bracket: Span) -> bool {
        (bracket.start as usize) < self.line_start()
    }

    fn open_bracket(&self, bracket: Span) -> Diagnostic {
        let open = self.text.as_bytes().get(bracket.start as usize);
        let (open, close) = if open == Some(&b'{') {
            ('{', '}')
        } else {
            ('[', ']')
        };
        Diagnostic::error(format!("`{open}` is not closed"))
            .code("yaml-syntax")
            .at(bracket, format!("no `{close}` for this"))
            .at(self.here(), "this cannot be part of it")
            .help("items are separated by commas")
    }

    /// Something that is no key among keys.
    fn no_key(&self) -> Diagnostic {
        let content = self.line().trim_start();
        let indent = self.line().len() - content.len();
        let above = self.line_above().map_or("", |(_, line)| line);
        let comment_between = self.raw_line_above().trim_start().starts_with('#');
        if content.starts_with("- ") {
            let start = self.line_start() + indent;
            return Diagnostic::error("a list item stands among keys")
                .code("yaml-syntax")
                .at(
                    span(self.source, start, start + 1),
                    "a key is expected here",
                )
                .help("a value is either a list or a mapping; indent the item below its key");
        }
        if comment_between && indent > above.len() - above.trim_start().len() {
            return Diagnostic::error("a comment cuts a value in two")
                .code("yaml-syntax")
                .at(self.here(), "the value goes on behind a comment")
                .help("put the comment above the value, or the value in one line");
        }
        Diagnostic::error("the indentation fits no line above")
            .code("yaml-syntax")
            .at(self.here(), "starts in a column of its own")
            .help("keys of one mapping start in the same column")
    }

    fn has_line_break_since(&self, read: usize) -> bool {
        let unread = self.text.get(read..self.at).unwrap_or_default();
        opening_quote(unread).is_some_and(|quote| unread[quote..].contains('\n'))
    }

    fn raw_line_above(&self) -> &str {
        let above = self.text.get(..self.line_start()).unwrap_or_default();
        above.lines().next_back().unwrap_or_default()
    }

    /// A colon where no key can end: either in a value, or because the line above was read on.
    fn unexpected_colon(&self) -> Diagnostic {
        let line = self.line();
        let before = line.get(..self.at - self.line_start()).unwrap_or_default();
        let colon = span(self.source, self.at, self.at + 1);
        if before.contains(": ") {
            return Diagnostic::error("a value holds `: `, as if it were a key")
                .code("yaml-syntax")
                .at(colon, "a second `: ` in this line")
                .help("quote the value, or put the inner key on a line of its own");
        }
        let Some((start, above)) = self.line_above() else {
            return Diagnostic::error("a colon cannot stand here")
                .code("yaml-syntax")
                .at(colon, "unexpected");
        };
        let content = above.trim_start();
        let start = start + above.len() - content.len();
        let place = span(self.source, start, start + content.len());
        if content.contains(": ") || content.starts_with("- ") {
            return Diagnostic::error("a key is indented as if it belonged to the value above")
                .code("yaml-syntax")
                .at(colon, "this key")
                .at(place, "read as going on in the next line")
                .help("keys of one mapping start in the same column");
        }
        if let Some((key, value)) = content.split_once(':') {
            return self.missing_space(start, key, value);
        }
        Diagnostic::error("a colon is missing")
            .code("yaml-syntax")
            .at(place, "`:` expected at the end")
            .at(colon, "so this cannot be read as a key")
    }

    fn missing_space(&self, start: usize, key: &str, value: &str) -> Diagnostic {
        let colon = start + key.len();
        Diagnostic::error("a space is missing behind the colon")
            .code("yaml-syntax")
            .at(
                span(self.source, colon, colon + 1),
                "not followed by a space",
            )
            .help(format!("write `{key}: {value}`"))
    }

    fn missing_colon(&self) -> Diagnostic {
        let line = self.text.get(self.at..).unwrap_or_default();
        let line = line.lines().next().unwrap_or_default().trim_end();
        let place = span(self.source, self.at, self.at + line.len());
        if let Some((key, value)) = line.split_once(':')
            && !key.contains(' ')
        {
            return self.missing_space(self.at, key, value);
        }
        let problem = Diagnostic::error("a colon is missing")
            .code("yaml-syntax")
            .at(place, "a key without a value");
        match line.split_once(' ') {
            Some((key, value)) => problem.help(format!("write `{key}: {}`", value.trim_start())),
            None => problem.help("a key is followed by a colon and a space"),
        }
    }

    /// The parser reports where it gave up; the quote that opens lies right behind what was read.
    fn open_quote(&self, read: usize) -> Diagnostic {
        let unread = self.text.get(read..).unwrap_or_default();
        let problem = Diagnostic::error("a quote is not closed").code("yaml-syntax");
        match opening_quote(unread) {
            Some(quote) => problem
                .at(
                    span(self.source, read + quote, read + quote + 1),
                    "opened here",
                )
                .help("close the value with the same quote"),
            None => problem.at(self.here(), "the value breaks off here"),
        }
    }

    fn unexpected(&self, character: char) -> Diagnostic {
        let end = self.at + character.len_utf8();
        let place = span(self.source, self.at, end.min(self.text.len()));
        if character == '\t' {
            return self.tab();
        }
        Diagnostic::error(format!("a value cannot start with `{character}`"))
            .code("yaml-syntax")
            .at(place, "reserved by YAML")
            .help("quote the value")
    }
}
