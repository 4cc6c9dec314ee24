//! `${VARIABLES}` inside values.
//!
//! Knows the grammar and where things stand; what a variable is worth is asked of the caller.
//!
//! | form | result |
//! |---|---|
//! | `$NAME` `${NAME}` | the value; unset gives nothing and a warning |
//! | `${N:-d}` `${N-d}` | `d` if unset or empty / if unset |
//! | `${N:+r}` `${N+r}` | `r` if set and not empty / if set; else nothing |
//! | `${N:?m}` `${N?m}` | an error with `m` if unset or empty / if unset |
//! | `$$` | `$` |
//! | `$` before anything else | itself |
//!
//! `d`, `r` and `m` are texts of the same kind, to any depth; braces in them balance. They end in
//! the line they start in. As in docker compose, an error in one of them counts even where the
//! text is not used; unlike there, a variable missing in an unused text is not worth a warning.

use std::fmt;

use indexmap::IndexMap;

use super::diagnostic::MAX_PROBLEMS;
use super::{Diagnostic, Node, Scalar, ScalarKind, Sources, Span, Tag, Value};

/// Most places that a warning shows for one variable.
const PLACES: usize = 3;

/// The longest text that variables may grow a text to, in bytes.
pub const MAX_LENGTH: usize = 1024 * 1024;

/// The most that the texts with variables of one tree or file may come to, in bytes.
pub const MAX_TOTAL: usize = 32 * 1024 * 1024;

/// How deep `${A:-${B:-…}}` may go.
const MAX_DEPTH: usize = 32;

/// Uses of variables without a value that are remembered of one text.
const MAX_UNSET: usize = 1000;

/// Texts longer than this are pointed at as a whole.
const LOCATED: usize = 64 * 1024;

/// Errors after which the rest of a text is not looked at.
const MAX_ERRORS: usize = 10;

const MEANT_ITSELF: &str = "a dollar sign that is meant itself is written twice: $$";

/// Replaces variables in every string value of a tree. Keys and other scalars stay as they are.
///
/// Returns errors, which leave their value unchanged, and one warning for each unset variable.
/// Where the text cannot be found again in its source, places are those of whole values;
/// [`interpolate_in`] looks.
pub fn interpolate(node: &mut Node, variables: &dyn Fn(&str) -> Option<String>) -> Vec<Diagnostic> {
    Walk::new(variables, None).start(node)
}

/// [`interpolate`] with the texts at hand, so that places are exact in every style of quoting.
pub fn interpolate_in(
    node: &mut Node,
    sources: &Sources,
    variables: &dyn Fn(&str) -> Option<String>,
) -> Vec<Diagnostic> {
    Walk::new(variables, Some(sources)).start(node)
}

struct Walk<'a> {
    variables: &'a dyn Fn(&str) -> Option<String>,
    sources: Option<&'a Sources>,
    problems: Vec<Diagnostic>,
    unset: IndexMap<String, Uses>,
    /// Bytes of expanded text so far.
    total: usize,
}

/// Where a variable without a value is used.
#[derive(Default)]
struct Uses {
    /// The first few.
    places: Vec<Span>,
    count: usize,
}

/// The way to a value, only spelled out when there is a problem.
struct Trail<'a> {
    above: Option<&'a Trail<'a>>,
    step: Step<'a>,
}

enum Step<'a> {
    Key(&'a str),
    Index(usize),
}

impl fmt::Display for Trail<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(above) = self.above {
            above.fmt(f)?;
        }
        match self.step {
            Step::Key(key) if self.above.is_none() => f.write_str(key),
            Step::Key(key) => write!(f, ".{key}"),
            Step::Index(index) => write!(f, "[{index}]"),
        }
    }
}

impl<'a> Walk<'a> {
    fn new(
        variables: &'a dyn Fn(&str) -> Option<String>,
        sources: Option<&'a Sources>,
    ) -> Walk<'a> {
        Walk {
            variables,
            sources,
            problems: Vec::new(),
            unset: IndexMap::new(),
            total: 0,
        }
    }

    fn start(mut self, node: &mut Node) -> Vec<Diagnostic> {
        self.node(node, None);
        for (name, uses) in &self.unset {
            self.problems
                .push(unset_warning(name, &uses.places, uses.count));
        }
        self.problems
    }

    fn problem(&mut self, problem: Diagnostic) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(problem);
        }
    }

    fn node(&mut self, node: &mut Node, trail: Option<&Trail<'_>>) {
        // What is to be removed need not be readable.
        if node.tag == Some(Tag::Reset) {
            return;
        }
        let span = node.span;
        match &mut node.value {
            Value::Scalar(scalar) => self.scalar(scalar, span, trail),
            Value::Sequence(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    let step = Step::Index(index);
                    self.node(item, Some(&Trail { above: trail, step }));
                }
            }
            Value::Mapping(mapping) => {
                for (key, entry) in mapping {
                    let step = Step::Key(key);
                    self.node(&mut entry.value, Some(&Trail { above: trail, step }));
                }
            }
        }
    }

    fn scalar(&mut self, scalar: &mut Scalar, span: Span, trail: Option<&Trail<'_>>) {
        if scalar.kind != ScalarKind::String || !scalar.text.contains('$') {
            return;
        }
        let expansion = expand_all(&scalar.text, self.variables);
        let locator = Locator {
            text: &scalar.text,
            span,
            raw: self.raw(span),
        };
        for unset in &expansion.unset {
            if self.unset.len() >= MAX_PROBLEMS && !self.unset.contains_key(&unset.name) {
                continue;
            }
            let uses = self.unset.entry(unset.name.clone()).or_default();
            uses.count += 1;
            if uses.places.len() < PLACES {
                uses.places.push(locator.place(unset.at, unset.length));
            }
        }
        for error in &expansion.errors {
            let span = locator.place(error.at, error.length);
            let path = trail.map_or_else(|| "the document".to_owned(), Trail::to_string);
            self.problem(error.diagnostic(span, &path));
        }
        self.total = self.total.saturating_add(expansion.text.len());
        if self.total > MAX_TOTAL {
            self.problem(too_long(span));
        } else if expansion.errors.is_empty() {
            scalar.text = expansion.text;
        }
    }

    fn raw(&self, span: Span) -> Option<&'a str> {
        let text = &self.sources?.find(span.source)?.text;
        text.get(span.start as usize..span.end as usize)
    }
}

/// The problem of a tree or file beyond [`MAX_TOTAL`].
pub(crate) fn too_long(span: Span) -> Diagnostic {
    Diagnostic::error("variables make the text too long")
        .code("text-too-long")
        .at(
            span,
            format!("more than {} MiB up to here", MAX_TOTAL / 1024 / 1024),
        )
}

/// The warning for one variable that has no value.
pub(crate) fn unset_warning(name: &str, places: &[Span], count: usize) -> Diagnostic {
    let mut warning = Diagnostic::warning(format!(
        "the variable {name} is not set and stands for an empty text"
    ))
    .code("unset-variable");
    for place in places {
        let label = if warning.labels.is_empty() {
            "used here"
        } else {
            ""
        };
        warning = warning.at(*place, label);
    }
    if count > places.len() {
        let more = count - places.len();
        let noun = if more == 1 { "place" } else { "places" };
        warning = warning.help(format!("it is used in {more} more {noun}"));
    }
    warning
        .help(format!(
            "set {name}, or give a default: ${{{name}:-default}}"
        ))
        .help(MEANT_ITSELF)
}

/// What is wrong with a text that holds variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpandError {
    /// Byte offset of the dollar sign.
    pub at: usize,
    /// Bytes from there that belong to the problem.
    pub length: usize,
    /// What is wrong.
    pub kind: ExpandErrorKind,
}

/// What can be wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExpandErrorKind {
    /// `${` with something behind it that is no variable.
    Invalid {
        /// The text in question.
        written: String,
    },
    /// `${NAME:?message}` for a variable without a value.
    Required {
        /// The variable.
        name: String,
        /// What the file says about it; may be empty.
        message: String,
    },
    /// More than [`MAX_LENGTH`], or nested without end.
    TooLong,
}

impl fmt::Display for ExpandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ExpandErrorKind::Invalid { written } => {
                write!(f, "invalid interpolation format: {written}")
            }
            ExpandErrorKind::Required { name, message } => {
                write!(f, "required variable {name} is missing a value")?;
                if !message.is_empty() {
                    write!(f, ": {message}")?;
                }
                Ok(())
            }
            ExpandErrorKind::TooLong => f.write_str("variables make the text too long"),
        }
    }
}

impl std::error::Error for ExpandError {}

impl ExpandError {
    /// The problem at its place, for the value of the given name.
    pub(crate) fn diagnostic(&self, span: Span, path: &str) -> Diagnostic {
        match &self.kind {
            ExpandErrorKind::Invalid { .. } => {
                Diagnostic::error(format!("invalid interpolation format for {path}"))
                    .code("invalid-interpolation")
                    .at(span, "not a variable")
                    .help(MEANT_ITSELF)
            }
            ExpandErrorKind::Required { name, .. } => {
                Diagnostic::error(format!("{self} (for {path})"))
                    .code("required-variable")
                    .at(span, "needed here")
                    .help(format!("set {name} in the environment or in .env"))
            }
            ExpandErrorKind::TooLong => Diagnostic::error(format!("{self} (for {path})"))
                .code("text-too-long")
                .at(span, "too long from here on"),
        }
    }
}

/// Replaces the variables of one text; those that are not set become empty.
///
/// # Errors
/// The first thing that is wrong.
pub fn expand(text: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Result<String, ExpandError> {
    let expansion = expand_all(text, lookup);
    match expansion.errors.into_iter().next() {
        None => Ok(expansion.text),
        Some(error) => Err(error),
    }
}

/// What became of a text with variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expansion {
    /// The text; of no use where there are errors.
    pub text: String,
    /// Variables that were needed and have no value, in the order of the text.
    pub unset: Vec<Unset>,
    /// What is wrong, in the order of the text.
    pub errors: Vec<ExpandError>,
}

/// A variable without a value, where one was needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unset {
    /// The variable.
    pub name: String,
    /// Byte offset of the dollar sign.
    pub at: usize,
    /// Bytes from there to the end of the variable.
    pub length: usize,
}

/// Replaces the variables of one text and tells of all that was found on the way.
pub fn expand_all(text: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Expansion {
    let mut expander = Expander::new(lookup);
    Expansion {
        text: expander.expand(text, 0, true),
        unset: expander.unset,
        errors: expander.errors,
    }
}

/// A variable that has a part in what a text becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Used {
    /// The variable.
    pub name: String,
    /// Its value, if it has one.
    pub value: Option<String>,
    /// Whether what stands behind the operator takes its place.
    pub replaced: bool,
}

/// The variables that have a part in what a text becomes, in its order. Those that stand in an
/// argument that is not needed have none.
pub fn used(text: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Vec<Used> {
    let mut expander = Expander {
        uses: Some(Vec::new()),
        ..Expander::new(lookup)
    };
    expander.expand(text, 0, true);
    expander.uses.unwrap_or_default()
}

/// A variable that a tree uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// What stands for it when it has no value, as written.
    pub default: Option<String>,
    /// What stands for it when it has one, as written.
    pub alternate: Option<String>,
    /// Whether it must have one.
    pub required: bool,
    /// Where it is used.
    pub span: Span,
}

/// The variables that a tree uses, each use for itself, in the order of the text.
pub fn variables(node: &Node) -> Vec<Variable> {
    let mut found = Vec::new();
    collect(node, &mut found);
    found
}

fn collect(node: &Node, found: &mut Vec<Variable>) {
    match &node.value {
        Value::Mapping(mapping) => mapping
            .values()
            .for_each(|entry| collect(&entry.value, found)),
        Value::Sequence(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Scalar(scalar) if scalar.kind == ScalarKind::String => {
            let locator = Locator {
                text: &scalar.text,
                span: node.span,
                raw: None,
            };
            collect_text(&scalar.text, 0, 0, &locator, found);
        }
        Value::Scalar(_) => {}
    }
}

fn collect_text(
    text: &str,
    start: usize,
    depth: usize,
    locator: &Locator<'_>,
    found: &mut Vec<Variable>,
) {
    if depth > MAX_DEPTH {
        return;
    }
    for (at, token) in Tokens::new(text) {
        let Token::Variable(reference) = token else {
            continue;
        };
        let argument = |kind| {
            let operator = reference.operator.as_ref()?;
            (operator.kind == kind).then(|| operator.argument.to_owned())
        };
        found.push(Variable {
            name: reference.name.to_owned(),
            default: argument(OperatorKind::Default),
            alternate: argument(OperatorKind::Alternate),
            required: argument(OperatorKind::Required).is_some(),
            span: locator.place(start + at, reference.length),
        });
        if let Some(operator) = &reference.operator {
            let inner = start + at + operator.offset;
            collect_text(operator.argument, inner, depth + 1, locator, found);
        }
    }
}

/// Finds a piece of a scalar's text in the file.
pub(crate) struct Locator<'a> {
    /// The text that was read.
    pub(crate) text: &'a str,
    /// Where it was read.
    pub(crate) span: Span,
    /// What is written there, if known.
    pub(crate) raw: Option<&'a str>,
}

impl Locator<'_> {
    /// The place of the dollar sign at an offset of the text, or the whole scalar's.
    pub(crate) fn place(&self, at: usize, length: usize) -> Span {
        let Some(offset) = self.offset(at) else {
            return self.span;
        };
        let start = self.span.start.saturating_add(offset);
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        Span {
            start: start.min(self.span.end),
            end: start.saturating_add(length).min(self.span.end),
            ..self.span
        }
    }

    /// Escapes and folding move text about, but leave the dollar signs in their order.
    fn offset(&self, at: usize) -> Option<u32> {
        if self.text.len() > LOCATED {
            return None;
        }
        let Some(raw) = self.raw else {
            return self.guess(at);
        };
        if raw.matches('$').count() != self.text.matches('$').count() {
            return None;
        }
        let before = self.text.get(..at)?.matches('$').count();
        let (offset, _) = raw.match_indices('$').nth(before)?;
        u32::try_from(offset).ok()
    }

    /// As long as the text: it is the text. Longer by two: it is the text in quotes.
    fn guess(&self, at: usize) -> Option<u32> {
        let written = self.span.end.saturating_sub(self.span.start) as usize;
        let quote = match written.checked_sub(self.text.len())? {
            0 => 0,
            2 => 1,
            _ => return None,
        };
        u32::try_from(at + quote).ok()
    }
}

struct Expander<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    errors: Vec<ExpandError>,
    unset: Vec<Unset>,
    /// Only kept when somebody asks for them.
    uses: Option<Vec<Used>>,
    depth: usize,
}

impl<'a> Expander<'a> {
    fn new(lookup: &'a dyn Fn(&str) -> Option<String>) -> Expander<'a> {
        Expander {
            lookup,
            errors: Vec::new(),
            unset: Vec::new(),
            uses: None,
            depth: 0,
        }
    }

    fn note(&mut self, name: &str, value: Option<&String>, replaced: bool) {
        if let Some(uses) = &mut self.uses {
            uses.push(Used {
                name: name.to_owned(),
                value: value.cloned(),
                replaced,
            });
        }
    }

    /// Expands a text that starts at an offset of the whole. Unused texts are checked all the
    /// same.
    fn expand(&mut self, text: &str, start: usize, used: bool) -> String {
        let mut expanded = String::with_capacity(text.len());
        for (at, token) in Tokens::new(text) {
            if self.errors.len() >= MAX_ERRORS {
                break;
            }
            if expanded.len() > MAX_LENGTH.max(text.len()) {
                self.too_long(start + at);
                break;
            }
            match token {
                Token::Literal(literal) => expanded.push_str(literal),
                Token::Variable(reference) => {
                    let value = self.reference(&reference, start + at, used);
                    expanded.push_str(&value);
                }
                Token::Invalid(written) => self.errors.push(ExpandError {
                    at: start + at,
                    length: written.len(),
                    kind: ExpandErrorKind::Invalid {
                        written: written.to_owned(),
                    },
                }),
            }
        }
        expanded
    }

    fn too_long(&mut self, at: usize) {
        self.errors.push(ExpandError {
            at,
            length: 1,
            kind: ExpandErrorKind::TooLong,
        });
    }

    fn reference(&mut self, reference: &Reference<'_>, at: usize, used: bool) -> String {
        let name = reference.name;
        let value = (self.lookup)(name);
        let Some(operator) = &reference.operator else {
            if used {
                self.note(name, value.as_ref(), false);
            }
            if value.is_none() && used && self.unset.len() < MAX_UNSET {
                self.unset.push(Unset {
                    name: name.to_owned(),
                    at,
                    length: reference.length,
                });
            }
            return value.unwrap_or_default();
        };
        let has_value = match &value {
            Some(value) => !(operator.empty_counts && value.is_empty()),
            None => false,
        };
        let replaced = has_value == (operator.kind == OperatorKind::Alternate);
        if used {
            self.note(name, value.as_ref(), replaced);
        }
        let used = used && replaced;
        if self.depth == MAX_DEPTH {
            self.too_long(at);
            return String::new();
        }
        self.depth += 1;
        let argument = self.expand(operator.argument, at + operator.offset, used);
        self.depth -= 1;
        match (operator.kind, has_value) {
            (OperatorKind::Default, false) | (OperatorKind::Alternate, true) => argument,
            (OperatorKind::Required, false) => {
                self.errors.push(ExpandError {
                    at,
                    length: reference.length,
                    kind: ExpandErrorKind::Required {
                        name: name.to_owned(),
                        message: argument,
                    },
                });
                String::new()
            }
            (OperatorKind::Default | OperatorKind::Required, true)
            | (OperatorKind::Alternate, false) => value.unwrap_or_default(),
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Token<'a> {
    Literal(&'a str),
    Variable(Reference<'a>),
    Invalid(&'a str),
}

#[derive(Debug, PartialEq, Eq)]
struct Reference<'a> {
    name: &'a str,
    operator: Option<Operator<'a>>,
    /// Bytes of the whole, dollar sign and braces included.
    length: usize,
}

#[derive(Debug, PartialEq, Eq)]
struct Operator<'a> {
    kind: OperatorKind,
    /// Written with a colon: an empty value counts as none.
    empty_counts: bool,
    argument: &'a str,
    /// Where the argument starts, from the dollar sign.
    offset: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OperatorKind {
    Default,
    Alternate,
    Required,
}

/// Cuts a text into literal pieces and variables, each with its offset.
struct Tokens<'a> {
    text: &'a str,
    at: usize,
    /// Up to here there is no closing brace. Spares a look at the rest of the line for each of
    /// the opening ones.
    open_until: usize,
}

impl<'a> Tokens<'a> {
    fn new(text: &'a str) -> Tokens<'a> {
        Tokens {
            text,
            at: 0,
            open_until: 0,
        }
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = (usize, Token<'a>);

    fn next(&mut self) -> Option<(usize, Token<'a>)> {
        let rest = &self.text[self.at..];
        let at = self.at;
        let (token, length) = match rest.find('$') {
            _ if rest.is_empty() => return None,
            Some(0) if at < self.open_until && rest.starts_with("${") => {
                (Token::Invalid(&rest[..2]), 2)
            }
            Some(0) => dollar(rest),
            Some(next) => (Token::Literal(&rest[..next]), next),
            None => (Token::Literal(rest), rest.len()),
        };
        if token == Token::Invalid("${") && self.open_until <= at {
            self.open_until = at + rest.find('\n').unwrap_or(rest.len());
        }
        self.at += length;
        Some((at, token))
    }
}

/// The token that starts with a dollar sign, and its length.
fn dollar(text: &str) -> (Token<'_>, usize) {
    match text.as_bytes().get(1) {
        Some(b'$') => (Token::Literal("$"), 2),
        Some(b'{') => braced(text),
        _ => {
            let name = name_at(text, 1);
            let length = 1 + name.len();
            if name.is_empty() {
                return (Token::Literal("$"), 1);
            }
            let reference = Reference {
                name,
                operator: None,
                length,
            };
            (Token::Variable(reference), length)
        }
    }
}

fn braced(text: &str) -> (Token<'_>, usize) {
    if let Some(reference) = reference(text) {
        let length = reference.length;
        return (Token::Variable(reference), length);
    }
    let end = text.find(['}', '\n']).unwrap_or(text.len());
    let length = if text[end..].starts_with('}') {
        end + 1
    } else {
        2
    };
    (Token::Invalid(&text[..length]), length)
}

/// `${NAME}` or `${NAME operator argument}`.
fn reference(text: &str) -> Option<Reference<'_>> {
    let name = name_at(text, 2);
    if name.is_empty() {
        return None;
    }
    let after = 2 + name.len();
    if text[after..].starts_with('}') {
        return Some(Reference {
            name,
            operator: None,
            length: after + 1,
        });
    }
    let (empty_counts, sign) = match text[after..].strip_prefix(':') {
        Some(rest) => (true, rest),
        None => (false, &text[after..]),
    };
    let kind = match sign.as_bytes().first()? {
        b'-' => OperatorKind::Default,
        b'+' => OperatorKind::Alternate,
        b'?' => OperatorKind::Required,
        _ => return None,
    };
    let offset = after + usize::from(empty_counts) + 1;
    let argument = argument(&text[offset..])?;
    let length = offset + argument.len() + 1;
    let operator = Operator {
        kind,
        empty_counts,
        argument,
        offset,
    };
    Some(Reference {
        name,
        operator: Some(operator),
        length,
    })
}

/// What lies before the closing brace. If braces do not balance, the last one of the line closes.
fn argument(text: &str) -> Option<&str> {
    let mut depth = 0_usize;
    let mut last = None;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'\n' => break,
            b'{' => depth += 1,
            b'}' if depth == 0 => return Some(&text[..at]),
            b'}' => {
                depth -= 1;
                last = Some(at);
            }
            _ => {}
        }
    }
    last.map(|at| &text[..at])
}

fn name_at(text: &str, start: usize) -> &str {
    let rest = &text[start..];
    let length = rest
        .bytes()
        .position(|byte| !(byte.is_ascii_alphanumeric() || byte == b'_'))
        .unwrap_or(rest.len());
    if rest.as_bytes().first().is_some_and(u8::is_ascii_digit) {
        ""
    } else {
        &rest[..length]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    fn environment(name: &str) -> Option<String> {
        match name {
            "S" => Some("set".to_owned()),
            "E" => Some(String::new()),
            "N" => Some("${S}".to_owned()),
            "q" => Some("low".to_owned()),
            _ => None,
        }
    }

    fn shown(text: &str) -> String {
        match expand(text, &environment) {
            Ok(text) => text,
            Err(error) => match error.kind {
                ExpandErrorKind::Invalid { .. } => format!("invalid at {}", error.at),
                _ => error.to_string(),
            },
        }
    }

    fn check(table: &[(&str, &str)]) {
        for (text, expected) in table {
            assert_eq!(shown(text), *expected, "{text}");
        }
    }

    // The tables below are what docker compose 2.40.3 answers.

    #[test]
    fn operators_ask_for_set_or_for_not_empty() {
        check(&[
            ("$S", "set"),
            ("${S}", "set"),
            ("${U}", ""),
            ("${U:-d}", "d"),
            ("${U-d}", "d"),
            ("${E:-d}", "d"),
            ("${E-d}", ""),
            ("${S:-d}", "set"),
            ("${S:+r}", "r"),
            ("${U:+r}", ""),
            ("${E:+r}", ""),
            ("${E+r}", "r"),
            ("${U+r}", ""),
            ("${S:?m}", "set"),
            ("${E?m}", ""),
            ("${U:+}", ""),
            ("${S:+}", ""),
            ("${q:-x}", "low"),
            ("${Q:-x}", "x"),
        ]);
    }

    #[test]
    fn a_required_variable_says_what_is_missing() {
        check(&[
            ("${U:?m}", "required variable U is missing a value: m"),
            ("${U?m}", "required variable U is missing a value: m"),
            ("${E:?m}", "required variable E is missing a value: m"),
            ("${U:?}", "required variable U is missing a value"),
            ("${U:?$S}", "required variable U is missing a value: set"),
            ("${U:?${V:-d}}", "required variable U is missing a value: d"),
        ]);
    }

    #[test]
    fn a_dollar_sign_that_is_no_variable_stays() {
        check(&[
            ("$$", "$"),
            ("$$S", "$S"),
            ("$${S}", "${S}"),
            ("$$$S", "$set"),
            ("$", "$"),
            ("a$", "a$"),
            ("$1", "$1"),
            ("$ x", "$ x"),
            ("$-", "$-"),
            ("$(cmd)", "$(cmd)"),
            ("$((1+2))", "$((1+2))"),
            ("$é", "$é"),
            ("\\$S", "\\set"),
            ("$Sé", "seté"),
            ("$S.$S", "set.set"),
        ]);
    }

    #[test]
    fn broken_braces_are_errors() {
        check(&[
            ("${1}", "invalid at 0"),
            ("${}", "invalid at 0"),
            ("${", "invalid at 0"),
            ("x ${S", "invalid at 2"),
            ("${S:}", "invalid at 0"),
            ("${S!x}", "invalid at 0"),
            ("${S }", "invalid at 0"),
            ("${ S}", "invalid at 0"),
            ("${U:=x}", "invalid at 0"),
            ("${S#x}", "invalid at 0"),
            ("${arr[@]}", "invalid at 0"),
            ("${U:-${", "invalid at 0"),
            ("${U:-${S}", "invalid at 5"),
            ("${U:-${1}}", "invalid at 5"),
            ("${U:-a\nb}", "invalid at 0"),
            ("${é}", "invalid at 0"),
        ]);
    }

    #[test]
    fn arguments_nest_and_balance() {
        check(&[
            ("${U:-${S}}", "set"),
            ("${U:-${V:-${W:-x}}}", "x"),
            ("${U:-$V}", ""),
            ("${U:-a}b${S}c", "absetc"),
            ("${U:-{}}", "{}"),
            ("${U:-{\"a\": 1}}", "{\"a\": 1}"),
            ("${U:-{a}}x", "{a}x"),
            ("${U:-}}", "}"),
            ("${U:-a}}", "a}"),
            ("${U:-$$x}", "$x"),
            ("${U:-a$}", "a$"),
            ("${U:-a:-b}", "a:-b"),
            ("${U:-a-b:?c}", "a-b:?c"),
            ("${U-a:?b}", "a:?b"),
            ("${U:-x} }", "x }"),
            ("${U:-{{.X}}} ${S}", "{{.X}} set"),
            ("{{.X}} ${S}", "{{.X}} set"),
            ("${U:-a{b}", "a{b"),
            ("${U:-x${S}y${S}z}", "xsetysetz"),
            ("${U:--x}", "-x"),
            ("${N}", "${S}"),
        ]);
    }

    #[test]
    fn errors_count_in_texts_that_are_not_used() {
        check(&[
            ("${S:-${V:?m}}", "required variable V is missing a value: m"),
            ("${U:+${V:?m}}", "required variable V is missing a value: m"),
        ]);
    }

    #[test]
    fn warnings_do_not_count_in_texts_that_are_not_used() {
        let expansion = expand_all("${S:-${V}} ${U:-${W}}", &environment);
        let names: Vec<_> = expansion.unset.iter().map(|unset| &unset.name).collect();
        assert_eq!(names, ["W"]);
    }

    #[test]
    fn variables_are_listed_with_what_stands_for_them() {
        let span = Span {
            source: super::super::SourceId(0),
            start: 10,
            end: 32,
        };
        let node = Node::string(span, "${A:-x${B+y}} ${C:?no}");
        let found = variables(&node);
        let lines: Vec<_> = found
            .iter()
            .map(|variable| {
                let Variable {
                    name,
                    default,
                    alternate,
                    required,
                    span,
                } = variable;
                format!("{name} {default:?} {alternate:?} {required} {}", span.start)
            })
            .collect();
        assert_eq!(
            lines,
            [
                "A Some(\"x${B+y}\") None false 10",
                "B None Some(\"y\") false 16",
                "C None None true 24"
            ]
        );
    }
}
