//! The dialect of `.env` and `env_file`, and the plain one of `format: raw`.
//!
//! Unquoted values end at a comment (`#` behind a space) or the line's end and are expanded;
//! double quotes may span lines, know escapes and are expanded; single quotes take everything as
//! it is. `KEY` alone takes the value that the environment has, or is left out.

use crate::document::interpolate::{ExpandErrorKind, expand};
use crate::document::{Diagnostic, SourceId, Span};

/// One assignment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Option<String>,
    /// Where it is assigned.
    pub span: Span,
}

/// Reads a file of the `.env` dialect. Earlier lines of it can be used in later ones.
pub fn parse(
    source: SourceId,
    text: &str,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<Vec<Variable>, Vec<Diagnostic>> {
    let mut parser = Parser {
        source,
        text,
        at: 0,
        lookup,
        variables: Vec::new(),
        problems: Vec::new(),
    };
    if text.starts_with('\u{feff}') {
        parser.at = '\u{feff}'.len_utf8();
    }
    while parser.at < text.len() {
        parser.line();
    }
    if parser.problems.is_empty() {
        Ok(parser.variables)
    } else {
        Err(parser.problems)
    }
}

/// Reads a file of `KEY=value` lines in which nothing has a special meaning but `#` at a line's begin.
pub fn parse_raw(
    source: SourceId,
    text: &str,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<Vec<Variable>, Vec<Diagnostic>> {
    let mut variables = Vec::new();
    let mut problems = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let span = span(source, at, at + line.trim_end().len());
        at += line.len();
        let line = line.trim_end_matches(['\n', '\r']);
        let line = line.strip_prefix('\u{feff}').unwrap_or(line).trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, value) = match line.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (line, lookup(line)),
        };
        if name.is_empty() || name.contains(char::is_whitespace) {
            problems.push(bad_name(name, span));
        } else if value.is_some() {
            variables.push(Variable {
                name: name.to_owned(),
                value,
                span,
            });
        }
    }
    if problems.is_empty() {
        Ok(variables)
    } else {
        Err(problems)
    }
}

fn span(source: SourceId, start: usize, end: usize) -> Span {
    let number = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    Span {
        source,
        start: number(start),
        end: number(end),
    }
}

fn bad_name(name: &str, span: Span) -> Diagnostic {
    Diagnostic::error(format!("{name:?} is no name of a variable"))
        .at(span, "letters, digits, `_`, `.` and `-`")
}

struct Parser<'a> {
    source: SourceId,
    text: &'a str,
    at: usize,
    lookup: &'a dyn Fn(&str) -> Option<String>,
    variables: Vec<Variable>,
    problems: Vec<Diagnostic>,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn skip_spaces(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t']).len();
    }

    fn skip_line(&mut self) {
        self.at += self
            .rest()
            .find('\n')
            .map_or(self.rest().len(), |end| end + 1);
    }

    fn line_end(&self) -> usize {
        self.rest()
            .find('\n')
            .map_or(self.text.len(), |end| self.at + end)
    }

    fn line(&mut self) {
        self.skip_spaces();
        if self.rest().starts_with(['#', '\n', '\r']) || self.rest().is_empty() {
            return self.skip_line();
        }
        if let Some(after) = self
            .rest()
            .strip_prefix("export")
            .filter(|rest| rest.starts_with([' ', '\t']))
        {
            self.at = self.text.len() - after.len();
            self.skip_spaces();
        }
        let start = self.at;
        let line = &self.text[start..self.line_end()];
        let Some(separator) = line.find(['=', ':']) else {
            return self.bare(line, start);
        };
        let name = line[..separator].trim();
        let place = span(self.source, start, start + separator);
        if !is_name(name) {
            self.problems.push(bad_name(name, place));
            return self.skip_line();
        }
        self.at = start + separator + 1;
        self.skip_spaces();
        let value = match self.rest().chars().next() {
            Some(quote @ ('"' | '\'')) => self.quoted(quote, place),
            _ => self.unquoted(place),
        };
        self.skip_line();
        if let Some(value) = value {
            self.variables.push(Variable {
                name: name.to_owned(),
                value: Some(value),
                span: place,
            });
        }
    }

    /// A name alone.
    fn bare(&mut self, line: &str, start: usize) {
        let name = line.split(" #").next().unwrap_or_default().trim();
        let place = span(self.source, start, start + name.len());
        if !is_name(name) {
            self.problems.push(bad_name(name, place));
        } else if let Some(value) = self.value_of(name) {
            self.variables.push(Variable {
                name: name.to_owned(),
                value: Some(value),
                span: place,
            });
        }
        self.skip_line();
    }

    fn value_of(&self, name: &str) -> Option<String> {
        let earlier = || {
            self.variables
                .iter()
                .rev()
                .find(|variable| variable.name == name)?
                .value
                .clone()
        };
        (self.lookup)(name).or_else(earlier)
    }

    fn expand(&mut self, text: &str, place: Span) -> Option<String> {
        match expand(text, &|name: &str| self.value_of(name)) {
            Ok(value) => Some(value),
            Err(error) => {
                let message = match error.kind {
                    ExpandErrorKind::Invalid => "this is no valid use of a variable".to_owned(),
                    ExpandErrorKind::Required { name, message } => {
                        format!("required variable {name} is missing a value: {message}")
                    }
                };
                let help = "a dollar sign that is meant as such stands in single quotes";
                self.problems.push(
                    Diagnostic::error(message)
                        .at(place, "in the value of this")
                        .help(help),
                );
                None
            }
        }
    }

    fn unquoted(&mut self, place: Span) -> Option<String> {
        let line = &self.text[self.at..self.line_end()];
        let comment = line.find(" #").or_else(|| line.find("\t#"));
        let value = comment.map_or(line, |at| &line[..at]);
        let value = if line.starts_with('#') {
            ""
        } else {
            value.trim()
        };
        self.expand(value, place)
    }

    fn quoted(&mut self, quote: char, place: Span) -> Option<String> {
        let body = &self.rest()[1..];
        let mut escaped = false;
        let end = body.char_indices().find(|(_, c)| {
            let closes = *c == quote && !escaped;
            escaped = *c == '\\' && !escaped;
            closes
        });
        let Some((end, _)) = end else {
            let error = Diagnostic::error("a quote is opened here and never closed");
            self.problems.push(error.at(place, "the value of this"));
            self.at = self.text.len();
            return None;
        };
        let inside = &body[..end];
        self.at += end + 2;
        if quote == '\'' {
            return Some(inside.replace("\\'", "'"));
        }
        self.expand(&unescape(inside), place)
    }
}

fn is_name(name: &str) -> bool {
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '[' | ']');
    !name.is_empty() && name.chars().all(allowed)
}

/// The escapes of double quotes. An escaped dollar sign becomes a doubled one, for the expansion
/// that follows.
fn unescape(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            result.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => result.push('\n'),
            Some('r') => result.push('\r'),
            Some('t') => result.push('\t'),
            Some('a') => result.push('\u{7}'),
            Some('b') => result.push('\u{8}'),
            Some('f') => result.push('\u{c}'),
            Some('v') => result.push('\u{b}'),
            Some('$') => result.push_str("$$"),
            Some(c @ ('\\' | '"')) => result.push(c),
            Some(other) => result.extend(['\\', other]),
            None => result.push('\\'),
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        let lookup = |name: &str| (name == "HOME").then(|| "/home/me".to_owned());
        match parse(SourceId(0), text, &lookup) {
            Ok(variables) => variables
                .iter()
                .map(|v| format!("{}={:?}", v.name, v.value.as_deref().unwrap_or_default()))
                .collect::<Vec<_>>()
                .join(" "),
            Err(problems) => problems[0].message.clone(),
        }
    }

    #[test]
    fn lines_are_read_as_docker_compose_reads_them() {
        for (text, variables) in [
            ("A=1\nB = two words # comment", r#"A="1" B="two words""#),
            ("A=a#b", r#"A="a#b""#),
            ("export A=x", r#"A="x""#),
            ("L: yaml", r#"L="yaml""#),
            ("HOME\nUNKNOWN", r#"HOME="/home/me""#),
            ("A=\nB=x", r#"A="" B="x""#),
            (
                "A=1\nC=\"dq $A\"\nD='sq $A'\nE=${X:-d}\nF=$$x",
                r#"A="1" C="dq 1" D="sq $A" E="d" F="$x""#,
            ),
            (
                "A=\"two\nlines\\tand \\$HOME\"",
                r#"A="two\nlines\tand $HOME""#,
            ),
            ("A='it\\'s'", r#"A="it's""#),
            ("\u{feff}A=1\r\nB=2\r\n", r#"A="1" B="2""#),
            ("# only a comment\n\n", ""),
            ("A=\"open", "a quote is opened here and never closed"),
            ("A B=1", "\"A B\" is no name of a variable"),
        ] {
            assert_eq!(read(text), variables, "{text:?}");
        }
    }

    #[test]
    fn raw_lines_keep_everything() {
        let read = parse_raw(SourceId(0), "A='x' $HOME # y\n#c\nB\n", &|_| None).expect("valid");
        assert_eq!(read.len(), 1);
        assert_eq!(read[0].value.as_deref(), Some("'x' $HOME # y"));
    }
}
