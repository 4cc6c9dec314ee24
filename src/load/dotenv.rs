//! `.env` files and the files of `env_file`, in the two dialects that Compose reads.
//!
//! The usual dialect, as docker compose 2.40.3 reads it:
//!
//! - `NAME=value` or `NAME: value`, perhaps after `export`; names hold letters, digits and `_.-[]`.
//! - Unquoted values end with the line or with ` #`. Backslashes are themselves, variables are
//!   replaced.
//! - Double quotes may span lines; `\a \b \f \n \r \t \v \\ \" \$` and `\0ooo` are escapes, then
//!   variables are replaced.
//! - Single quotes may span lines; only `\'` is an escape, and nothing is replaced.
//! - A bare `NAME` has the value that it has outside.
//! - Behind a closing quote the next assignment may follow in the same line.
//!
//! Two things differ on purpose. A bare name in a last line without a line break is a name (there
//! it becomes the value of a variable without one), and an assignment without a name is left out
//! with a warning (there it may reach the engine, which refuses it).
//!
//! The raw dialect is that of `docker run --env-file`: `NAME=value` to the end of the line, as it
//! stands.
//!
//! Knows neither files nor the environment: both come as arguments.

use indexmap::IndexMap;

use crate::document::diagnostic::MAX_PROBLEMS;
use crate::document::interpolate::{Locator, MAX_TOTAL, expand_all, too_long, unset_warning};
use crate::document::{Diagnostic, Severity, SourceId, Span};

/// One assignment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Its name. A name that occurs again replaces the earlier value.
    pub name: String,
    /// Its value; nothing for a bare name that has none outside, which leaves the variable unset.
    pub value: Option<String>,
    /// Where it stands, from the name to the end of the value.
    pub span: Span,
    /// What deserves a look: variables without a value, and dollar signs that look unmeant.
    pub warnings: Vec<Diagnostic>,
}

/// Where values come from that the file does not give itself.
type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Reads the usual dialect. The lookup is asked first, then the names above in the same file.
///
/// # Errors
/// Every line that cannot be read.
pub fn parse(
    source: SourceId,
    text: &str,
    lookup: Lookup<'_>,
) -> Result<Vec<Variable>, Vec<Diagnostic>> {
    let mut reader = Reader {
        source,
        text,
        at: if text.starts_with(BOM) {
            BOM.len_utf8()
        } else {
            0
        },
        lookup,
        known: IndexMap::new(),
        total: 0,
        variables: Vec::new(),
        problems: Vec::new(),
    };
    while reader.problems.len() < MAX_PROBLEMS && reader.skip_to_statement() {
        if let Err(problem) = reader.statement() {
            reader.problems.push(problem);
        }
        if let Some(problem) = too_many(&reader.variables) {
            return Err(vec![problem]);
        }
    }
    if reader.problems.is_empty() {
        Ok(reader.variables)
    } else {
        Err(reader.problems)
    }
}

/// Reads the raw dialect. The lookup is asked for bare names only.
///
/// # Errors
/// Every line that cannot be read.
pub fn parse_raw(
    source: SourceId,
    text: &str,
    lookup: Lookup<'_>,
) -> Result<Vec<Variable>, Vec<Diagnostic>> {
    let mut variables = Vec::new();
    let mut problems = Vec::new();
    let body = text.strip_prefix(BOM).unwrap_or(text);
    let mut at = text.len() - body.len();
    for whole in body.split_inclusive('\n') {
        let line = whole.trim_end_matches('\n');
        let line = line.strip_suffix('\r').unwrap_or(line);
        let content = line.trim_start();
        let start = at + line.len() - content.len();
        at += whole.len();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        match raw_line(source, content, start, lookup) {
            Ok(variable) => variables.push(variable),
            Err(problem) => problems.push(problem),
        }
        problems.extend(too_many(&variables));
        if problems.len() >= MAX_PROBLEMS || variables.len() > MAX_VARIABLES {
            break;
        }
    }
    if problems.is_empty() {
        Ok(variables)
    } else {
        Err(problems)
    }
}

/// The most variables that one file may hold.
const MAX_VARIABLES: usize = 100_000;

fn too_many(variables: &[Variable]) -> Option<Diagnostic> {
    if variables.len() <= MAX_VARIABLES {
        return None;
    }
    let message = format!("the file holds more than {MAX_VARIABLES} variables");
    let last = variables.last()?;
    Some(
        Diagnostic::error(message)
            .code("too-many-values")
            .at(last.span, "one too many"),
    )
}

fn raw_line(
    source: SourceId,
    line: &str,
    start: usize,
    lookup: Lookup<'_>,
) -> Result<Variable, Diagnostic> {
    let (name, value) = match line.split_once('=') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (line, lookup(line)),
    };
    let span = span(source, start, start + name.len());
    if name.is_empty() {
        return Err(nameless(span));
    }
    if name.contains(char::is_whitespace) {
        return Err(
            Diagnostic::error(format!("the name `{name}` contains a space"))
                .code("invalid-variable-name")
                .at(span, "not a name")
                .help("with `format: raw` there is no `export` and no space around `=`"),
        );
    }
    Ok(Variable {
        name: name.to_owned(),
        value,
        span: Span {
            end: offset(start + line.len()),
            ..span
        },
        warnings: Vec::new(),
    })
}

const BOM: char = '\u{feff}';

fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

fn span(source: SourceId, start: usize, end: usize) -> Span {
    Span {
        source,
        start: offset(start),
        end: offset(end),
    }
}

fn nameless(span: Span) -> Diagnostic {
    Diagnostic::error("a name is missing in front of the value")
        .code("invalid-variable-name")
        .at(span, "no name")
}

struct Reader<'a> {
    source: SourceId,
    text: &'a str,
    at: usize,
    lookup: Lookup<'a>,
    known: IndexMap<String, String>,
    /// Bytes of values so far.
    total: usize,
    variables: Vec<Variable>,
    problems: Vec<Diagnostic>,
}

/// A value as it stands between its ends.
struct Written<'a> {
    quote: Option<char>,
    raw: &'a str,
    /// Where it starts in the file.
    start: usize,
}

impl Written<'_> {
    /// The value before variables are replaced.
    fn text(&self) -> String {
        match self.quote {
            None => self.raw.to_owned(),
            Some('"') => unescape(self.raw),
            Some(_) => self.raw.replace("\\'", "'"),
        }
    }
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Goes past empty lines and comments. Whether there is more.
    fn skip_to_statement(&mut self) -> bool {
        loop {
            self.skip(char::is_whitespace);
            if !self.rest().starts_with('#') {
                return !self.rest().is_empty();
            }
            self.skip_line();
        }
    }

    fn skip(&mut self, skipped: impl Fn(char) -> bool) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches(skipped).len();
    }

    /// To the line break, which stays.
    fn skip_line(&mut self) {
        self.skip(|character| character != '\n');
    }

    fn statement(&mut self) -> Result<(), Diagnostic> {
        self.skip_export();
        let start = self.at;
        let (name, assigned) = self.name().inspect_err(|_| self.skip_line())?;
        if !assigned {
            let value = (self.lookup)(&name);
            self.push(name, value, start, Vec::new());
            return Ok(());
        }
        self.skip(is_blank);
        let written = match self.rest().chars().next() {
            Some(quote @ ('"' | '\'')) => self.quoted(quote)?,
            _ => self.unquoted(),
        };
        let (value, mut warnings) = self.expanded(&name, &written)?;
        warnings.extend(self.cut(&name, &written));
        if name.is_empty() {
            let nameless = nameless(span(self.source, start, start));
            warnings.push(Diagnostic {
                severity: Severity::Warning,
                ..nameless
            });
        }
        self.total = self.total.saturating_add(value.len());
        if self.total > MAX_TOTAL {
            self.at = self.text.len();
            return Err(too_long(span(self.source, start, start + name.len())));
        }
        self.known.insert(name.clone(), value.clone());
        self.push(name, Some(value), start, warnings);
        Ok(())
    }

    fn push(
        &mut self,
        name: String,
        value: Option<String>,
        start: usize,
        warnings: Vec<Diagnostic>,
    ) {
        let written = self.text.get(start..self.at).unwrap_or_default();
        let end = start + written.trim_end().len();
        self.variables.push(Variable {
            name,
            value,
            span: span(self.source, start, end),
            warnings,
        });
    }

    fn skip_export(&mut self) {
        if let Some(after) = self.rest().strip_prefix("export")
            && after.starts_with(char::is_whitespace)
        {
            self.at += "export".len();
            self.skip(char::is_whitespace);
        }
    }

    /// The name, and whether a value follows.
    fn name(&mut self) -> Result<(String, bool), Diagnostic> {
        let rest = self.rest();
        let end = rest.find(['=', ':', '\n']).unwrap_or(rest.len());
        let name = rest[..end].trim_end();
        let place = span(self.source, self.at, self.at + name.len());
        let foreign = |c: char| !(is_blank(c) || c.is_alphanumeric() || "_.-[]".contains(c));
        if let Some((at, character)) = name.char_indices().find(|(_, c)| foreign(*c)) {
            let at = self.at + at;
            return Err(
                Diagnostic::error(format!("`{character}` cannot be part of a name"))
                    .code("invalid-variable-name")
                    .at(span(self.source, at, at + character.len_utf8()), "")
                    .help("a line is NAME=value, NAME: value, or a comment after `#`"),
            );
        }
        if name.contains(is_blank) {
            return Err(
                Diagnostic::error(format!("the name `{name}` contains a space"))
                    .code("invalid-variable-name")
                    .at(place, "not a name")
                    .help("a line is NAME=value, NAME: value, or a comment after `#`"),
            );
        }
        let assigned = rest[end..].starts_with(['=', ':']);
        self.at += end + usize::from(assigned);
        Ok((name.to_owned(), assigned))
    }

    /// Leaves a comment behind the value to be skipped.
    fn unquoted(&mut self) -> Written<'a> {
        let rest = self.rest();
        let line = &rest[..rest.find('\n').unwrap_or(rest.len())];
        let raw = line.split(" #").next().unwrap_or_default().trim_end();
        let start = self.at;
        self.at += raw.len();
        Written {
            quote: None,
            raw,
            start,
        }
    }

    fn quoted(&mut self, quote: char) -> Result<Written<'a>, Diagnostic> {
        let body = &self.rest()[1..];
        let start = self.at + 1;
        let Some(length) = closing(body, quote) else {
            let problem = Diagnostic::error("a quote is never closed")
                .code("env-file-syntax")
                .at(span(self.source, self.at, start), "opened here")
                .help(format!("write \\{quote} for a quote inside the value"));
            // Nothing below can be trusted to be outside quotes.
            self.at = self.text.len();
            return Err(problem);
        };
        self.at = start + length + 1;
        Ok(Written {
            quote: Some(quote),
            raw: &body[..length],
            start,
        })
    }

    /// A secret that ends at a `#` with more of it behind.
    fn cut(&self, name: &str, written: &Written<'_>) -> Option<Diagnostic> {
        let behind = self.rest().strip_prefix(" #")?;
        let goes_on = behind.starts_with(|c: char| !c.is_whitespace() && c != '#');
        if written.quote.is_some() || written.raw.is_empty() || !goes_on || !is_secret(name) {
            return None;
        }
        let hash = span(self.source, self.at + 1, self.at + 2);
        let warning = Diagnostic::warning(format!("the value of {name} ends in front of ` #`"))
            .code("cut-value")
            .at(hash, "from here on it is a comment");
        Some(warning.help("put the value in single quotes if the rest belongs to it"))
    }

    /// The value with its variables replaced, and what is worth a warning.
    fn expanded(
        &self,
        name: &str,
        written: &Written<'_>,
    ) -> Result<(String, Vec<Diagnostic>), Diagnostic> {
        let text = written.text();
        if written.quote == Some('\'') || !text.contains('$') {
            return Ok((text, Vec::new()));
        }
        let known = |name: &str| (self.lookup)(name).or_else(|| self.known.get(name).cloned());
        let expansion = expand_all(&text, &known);
        let end = written.start + written.raw.len();
        let locator = Locator {
            text: &text,
            span: span(self.source, written.start, end),
            raw: Some(written.raw),
        };
        if let Some(error) = expansion.errors.first() {
            return Err(error.diagnostic(locator.place(error.at, error.length), name));
        }
        if let Some(at) = unmeant(name, written) {
            let at = written.start + at;
            let warning = Diagnostic::warning(format!(
                "the value of {name} changes where it holds a dollar sign"
            ))
            .code("unmeant-interpolation")
            .at(span(self.source, at, at + 1), "starts a variable")
            .help("put the value in single quotes to keep it as it is");
            return Ok((expansion.text, vec![warning]));
        }
        let warnings = expansion
            .unset
            .iter()
            .map(|unset| unset_warning(&unset.name, &[locator.place(unset.at, unset.length)], 1));
        let warnings = warnings.collect();
        Ok((expansion.text, warnings))
    }
}

/// White space other than line breaks.
fn is_blank(character: char) -> bool {
    matches!(
        character,
        '\t' | '\u{b}' | '\u{c}' | '\r' | ' ' | '\u{85}' | '\u{a0}'
    )
}

/// Where a quoted text ends.
fn closing(body: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, character) in body.char_indices() {
        if character == quote && !escaped {
            return Some(at);
        }
        escaped = character == '\\' && !escaped;
    }
    None
}

/// The escapes of double quotes. Those that do not exist stay as they are.
fn unescape(body: &str) -> String {
    let mut text = String::with_capacity(body.len());
    let mut rest = body;
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let Some(escape) = rest.chars().next() else {
            text.push('\\');
            break;
        };
        rest = &rest[escape.len_utf8()..];
        match escape {
            'a' => text.push('\u{7}'),
            'b' => text.push('\u{8}'),
            'f' => text.push('\u{c}'),
            'n' => text.push('\n'),
            'r' => text.push('\r'),
            't' => text.push('\t'),
            'v' => text.push('\u{b}'),
            '\\' | '"' => text.push(escape),
            // So that what follows is no variable.
            '$' => text.push_str("$$"),
            '0' => rest = octal(rest, &mut text),
            other => {
                text.push('\\');
                text.push(other);
            }
        }
    }
    text.push_str(rest);
    text
}

/// `\0` and three digits are a character; with fewer digits only the zero is lost.
fn octal<'a>(rest: &'a str, text: &mut String) -> &'a str {
    let digits = rest.bytes().take(3).take_while(u8::is_ascii_digit).count();
    match u8::from_str_radix(&rest[..digits], 8) {
        // A byte from 128 on is no character by itself.
        Ok(byte) if digits == 3 => text.push(if byte.is_ascii() {
            char::from(byte)
        } else {
            char::REPLACEMENT_CHARACTER
        }),
        _ => {
            text.push('\\');
            text.push_str(&rest[..digits]);
        }
    }
    &rest[digits..]
}

/// A dollar sign that was probably meant to be one: `pa$$word`, or `$x` within a secret. Braces
/// are taken for intent, and so is a backslash where it has an effect.
fn unmeant(name: &str, written: &Written<'_>) -> Option<usize> {
    let bytes = written.raw.as_bytes();
    let mut escaped = false;
    let mut behind_escape = 0;
    for (at, byte) in bytes.iter().enumerate() {
        let starts = match bytes.get(at + 1) {
            Some(next) => *next == b'$' || *next == b'_' || next.is_ascii_alphabetic(),
            None => false,
        };
        if *byte == b'$' && starts && !escaped && at > behind_escape {
            let within_word = bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'\\';
            if within_word || is_secret(name) {
                return Some(at);
            }
        }
        if escaped {
            behind_escape = at + 1;
        }
        escaped = written.quote.is_some() && *byte == b'\\' && !escaped;
    }
    None
}

/// Whether a variable's name says that nobody should read its value.
pub(super) fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    [
        "PASS",
        "SECRET",
        "TOKEN",
        "PWD",
        "CREDENTIAL",
        "PRIVATE",
        "API_KEY",
    ]
    .iter()
    .any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Sources;
    use crate::document::diagnostic::{Style, render};
    use pretty_assertions::assert_eq;

    fn outside(name: &str) -> Option<String> {
        match name {
            "S" => Some("set".to_owned()),
            "E" => Some(String::new()),
            _ => None,
        }
    }

    type Read = fn(SourceId, &str, Lookup<'_>) -> Result<Vec<Variable>, Vec<Diagnostic>>;

    /// `NAME=value` of every assignment, or the errors.
    fn shown(text: &str, read: Read) -> Vec<String> {
        match read(SourceId(0), text, &outside) {
            Ok(variables) => variables
                .into_iter()
                .map(|variable| match variable.value {
                    Some(value) => format!("{}={value}", variable.name),
                    None => variable.name,
                })
                .collect(),
            Err(problems) => problems
                .into_iter()
                .map(|problem| format!("error: {}", problem.message))
                .collect(),
        }
    }

    fn check(table: &[(&str, &[&str])]) {
        for (text, expected) in table {
            assert_eq!(shown(text, parse), *expected, "{text:?}");
        }
    }

    // Unless it says otherwise, the tables are what docker compose 2.40.3 answers.

    #[test]
    fn names_are_followed_by_an_equals_sign_or_a_colon() {
        check(&[
            ("A=1\nB=2\n", &["A=1", "B=2"]),
            ("A=1", &["A=1"]),
            ("A: 1\n", &["A=1"]),
            ("A:1\n", &["A=1"]),
            ("A : 1\n", &["A=1"]),
            ("A = 1\n", &["A=1"]),
            ("A\t=1\n", &["A=1"]),
            ("A:\n", &["A="]),
            ("A:b:c\n", &["A=b:c"]),
            ("A=b=c\n", &["A=b=c"]),
            ("A==1\n", &["A==1"]),
            ("A=\nB=1\n", &["A=", "B=1"]),
            ("A.B-C[0]=1\n", &["A.B-C[0]=1"]),
            ("é=1\n", &["é=1"]),
            ("1A=1\n", &["1A=1"]),
            ("A=1\nA=2\n", &["A=1", "A=2"]),
            ("export A=1\n", &["A=1"]),
            ("export\tA=1\n", &["A=1"]),
            ("export\nA=1\n", &["A=1"]),
            ("export=1\n", &["export=1"]),
            ("exportA=1\n", &["exportA=1"]),
            ("\u{feff}A=1\n", &["A=1"]),
            ("# c\n\n  # d\n  A=1\n", &["A=1"]),
            ("A=1\r\nB=2\r\n", &["A=1", "B=2"]),
            ("", &[]),
        ]);
    }

    #[test]
    fn bare_names_have_the_value_from_outside() {
        check(&[
            ("S\n", &["S=set"]),
            ("S\r\nA=1\n", &["S=set", "A=1"]),
            ("U\nA=1\n", &["U", "A=1"]),
            ("A=1\nA\n", &["A=1", "A"]),
            ("export S\n", &["S=set"]),
            // docker compose: a variable without a name, with the value "S".
            ("S", &["S=set"]),
        ]);
    }

    #[test]
    fn unquoted_values_end_with_the_line_or_a_comment() {
        check(&[
            ("A= # c\n", &["A=# c"]),
            ("A=# c\n", &["A=# c"]),
            ("A=x # c\nB=1\n", &["A=x", "B=1"]),
            ("A=x  #c\n", &["A=x"]),
            ("A=x#c\n", &["A=x#c"]),
            ("A=x\t# c\n", &["A=x\t# c"]),
            ("A=x y z\n", &["A=x y z"]),
            ("A=  x  \n", &["A=x"]),
            ("A=a\"b\"\n", &["A=a\"b\""]),
            ("A=a'b\n", &["A=a'b"]),
            ("A=a\\nb\n", &["A=a\\nb"]),
            ("A=x \\\n", &["A=x \\"]),
            ("A=`x`\n", &["A=`x`"]),
        ]);
    }

    #[test]
    fn variables_come_from_outside_first_then_from_above() {
        check(&[
            ("A=$S\n", &["A=set"]),
            ("A=${S}x\n", &["A=setx"]),
            ("A=\\$S\n", &["A=\\set"]),
            ("A=$$S\n", &["A=$S"]),
            ("A=${U:-d}\n", &["A=d"]),
            ("A=$U\n", &["A="]),
            ("A=1\nB=$A\n", &["A=1", "B=1"]),
            ("S=1\nB=$S\n", &["S=1", "B=set"]),
            ("A='$S'\n", &["A=$S"]),
            ("A=\"$S\"\n", &["A=set"]),
            ("A=\"\\$S\"\n", &["A=$S"]),
            ("A=\"$$S\"\n", &["A=$S"]),
            ("A=$(x)\n", &["A=$(x)"]),
            ("A=$1\n", &["A=$1"]),
            ("A=${U:-\"q\"}\n", &["A=\"q\""]),
        ]);
    }

    #[test]
    fn quotes_keep_lines_and_escapes() {
        check(&[
            ("A=\"a\\nb\\tc\\\\d\\\"e\"\n", &["A=a\nb\tc\\d\"e"]),
            (
                "A=\"a\\qb\\ac\\vd\\fe\\bf\\rg\\ch\"\n",
                &["A=a\\qb\u{7}c\u{b}d\u{c}e\u{8}f\rg\\ch"],
            ),
            ("A=\"\\0101\\041\\0\\07\"\n", &["A=A\\41\\\\7"]),
            ("A=\"\\x41\\u0041\"\n", &["A=\\x41\\u0041"]),
            ("A=\"a\\\\nb\"\n", &["A=a\\nb"]),
            ("A=\"a\\\\\\\"b\"\n", &["A=a\\\"b"]),
            ("A='a\\nb'\n", &["A=a\\nb"]),
            ("A='it\\'s'\n", &["A=it's"]),
            ("A='a\\\\b'\n", &["A=a\\\\b"]),
            ("A='a\\\\'\nB=1\n", &["A=a\\\\", "B=1"]),
            ("A=\"a\nb\"\nB=1\n", &["A=a\nb", "B=1"]),
            ("A='a\nb'\nB=1\n", &["A=a\nb", "B=1"]),
            ("A=\"a\n# b\n\"\n", &["A=a\n# b\n"]),
            ("A=\"  x  \"\n", &["A=  x  "]),
            ("A=\"x\"\r\nB=2\r\n", &["A=x", "B=2"]),
        ]);
    }

    #[test]
    fn behind_a_closing_quote_goes_on_like_a_new_line() {
        check(&[
            ("A=\"x\" # c\nB=1\n", &["A=x", "B=1"]),
            ("A=\"x\"B=1\n", &["A=x", "B=1"]),
            ("A=\"x\" y=2\nB=1\n", &["A=x", "y=2", "B=1"]),
            ("A=\"x\"y\nB=1\n", &["A=x", "y", "B=1"]),
            ("A=\"x\";\nB=1\n", &["error: `;` cannot be part of a name"]),
        ]);
    }

    #[test]
    fn all_broken_lines_are_reported() {
        check(&[
            ("A B=1\n", &["error: the name `A B` contains a space"]),
            (
                "foo bar\nA=1\n",
                &["error: the name `foo bar` contains a space"],
            ),
            ("- A=1\n", &["error: the name `- A` contains a space"]),
            (
                "A$B=1\nC,D=1\nE=1\n",
                &[
                    "error: `$` cannot be part of a name",
                    "error: `,` cannot be part of a name",
                ],
            ),
            ("A=\"a\nB=1\n", &["error: a quote is never closed"]),
            ("A='a\n", &["error: a quote is never closed"]),
            (
                "A=${bad\nB=${U:?m}\n",
                &[
                    "error: invalid interpolation format for A",
                    "error: required variable U is missing a value: m (for B)",
                ],
            ),
            (
                "A=\"${U:-a\nb}\"\n",
                &["error: invalid interpolation format for A"],
            ),
        ]);
    }

    #[test]
    fn the_raw_dialect_takes_lines_as_they_stand() {
        let table: &[(&str, &[&str])] = &[
            ("A=1\nB=2\n", &["A=1", "B=2"]),
            ("A=\"x y\"\n", &["A=\"x y\""]),
            ("A=$S$$\n", &["A=$S$$"]),
            ("S\nU\n", &["S=set", "U"]),
            (" A=1\n", &["A=1"]),
            ("A= 1 \n", &["A= 1 "]),
            ("# c\nA=1 # c\n\t# c\n", &["A=1 # c"]),
            ("A=1\r\nB=2\r\n", &["A=1", "B=2"]),
            ("A:1\n", &["A:1"]),
            ("\u{feff}A=1\n", &["A=1"]),
            ("A='a\nb'\n", &["A='a", "b'"]),
            ("A =1\n", &["error: the name `A ` contains a space"]),
            (
                "export A=1\n",
                &["error: the name `export A` contains a space"],
            ),
            ("S ", &["error: the name `S ` contains a space"]),
            ("=1\n", &["error: a name is missing in front of the value"]),
        ];
        for (text, expected) in table {
            assert_eq!(shown(text, parse_raw), *expected, "{text:?}");
        }
    }

    #[test]
    fn a_value_without_a_name_deserves_a_warning() {
        assert_eq!(
            warnings("=1\nA=2\n"),
            ["a name is missing in front of the value"]
        );
    }

    fn warnings(text: &str) -> Vec<String> {
        let variables = parse(SourceId(0), text, &outside).expect("readable");
        let warnings = variables.into_iter().flat_map(|variable| variable.warnings);
        warnings.map(|warning| warning.message).collect()
    }

    #[test]
    fn a_dollar_sign_that_looks_unmeant_is_pointed_out_once() {
        let changed = ["the value of P changes where it holds a dollar sign"];
        for text in ["P=pa$$word", "P=pa$word$x", "P=\"pa$word\"", "P=pa\\$word"] {
            assert_eq!(warnings(text), changed, "{text}");
        }
        assert_eq!(
            warnings("MY_SECRET=x.$S"),
            ["the value of MY_SECRET changes where it holds a dollar sign"]
        );
        for text in [
            "P=$S",
            "P=${S}x",
            "P=a/$S",
            "P='pa$word'",
            "P=\"pa\\$word\"",
            "P=x${S}",
            "MY_SECRET=$S",
            "P=$$",
            "P=a$",
            "P=\"a\\n$S\"",
        ] {
            assert_eq!(warnings(text), [""; 0], "{text}");
        }
    }

    #[test]
    fn a_variable_without_a_value_is_pointed_out_at_its_place() {
        let text = "# c\nA=\"\\tx ${U}\" # c\n";
        let mut sources = Sources::default();
        let file = sources.add(".env", text);
        let variables = parse(file, text, &outside).expect("readable");
        let style = Style {
            color: false,
            width: 80,
        };
        let drawn = render(&variables[0].warnings, &sources, style);
        assert!(drawn.contains("--> .env:2:8\n"), "{drawn}");
        assert_eq!(sources.place(variables[0].span).to_string(), ".env:2:1");
    }
}
