//! `${VARIABLES}` inside scalars.
//!
//! | form | result |
//! |---|---|
//! | `$NAME`, `${NAME}` | the value; empty, with a warning, when unset |
//! | `${NAME:-word}`, `${NAME-word}` | `word` when unset or empty; when unset |
//! | `${NAME:+word}`, `${NAME+word}` | `word` when set and not empty; when set |
//! | `${NAME:?word}`, `${NAME?word}` | an error with `word` when unset or empty; when unset |
//! | `$$` | a dollar sign |
//!
//! Words are interpolated themselves, as deep as one likes. A dollar sign that begins none of
//! these stays as it is.

use std::collections::BTreeMap;

use super::{Diagnostic, Node, Path, ScalarKind, Span, Value};

/// How deep words may nest.
const DEPTH_LIMIT: usize = 64;
/// How many places one warning names.
const PLACES: usize = 3;

/// A variable's value by its name.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Why a text cannot be expanded, and at which byte of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpandError {
    /// Where the expression begins.
    pub at: usize,
    /// What is wrong with it.
    pub kind: ExpandErrorKind,
}

/// What is wrong with an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExpandErrorKind {
    /// It is no expression at all.
    Invalid,
    /// `${NAME:?message}` of a variable that is not there.
    Required {
        /// The variable.
        name: String,
        /// The message, maybe empty.
        message: String,
    },
}

/// Replaces variables in every string value of a tree, keys excepted.
pub fn interpolate(node: &mut Node, variables: Lookup<'_>) -> Vec<Diagnostic> {
    let mut walk = Walk {
        variables,
        unset: BTreeMap::new(),
        problems: Vec::new(),
    };
    walk.node(node, &Path::default());
    let mut problems = walk.problems;
    for (name, places) in walk.unset {
        let mut warning = Diagnostic::warning(format!(
            "the variable `{name}` is not set and counts as empty"
        ));
        for (index, span) in places.iter().take(PLACES).enumerate() {
            warning = warning.at(*span, if index == 0 { "used here" } else { "and here" });
        }
        problems.push(warning.help(format!("set it, or give a default: ${{{name}:-default}}")));
    }
    problems
}

/// Expands one text. Unset variables are empty.
pub fn expand(text: &str, variables: Lookup<'_>) -> Result<String, ExpandError> {
    Expander {
        variables,
        unset: Vec::new(),
    }
    .expand(text, 0, 0)
}

struct Walk<'a> {
    variables: Lookup<'a>,
    unset: BTreeMap<String, Vec<Span>>,
    problems: Vec<Diagnostic>,
}

impl Walk<'_> {
    fn node(&mut self, node: &mut Node, path: &Path) {
        let span = node.span;
        match &mut node.value {
            Value::Mapping(mapping) => {
                for (key, entry) in mapping {
                    self.node(&mut entry.value, &path.key(key));
                }
            }
            Value::Sequence(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    self.node(item, &path.index(index));
                }
            }
            Value::Scalar(scalar)
                if scalar.kind == ScalarKind::String && scalar.text.contains('$') =>
            {
                let mut expander = Expander {
                    variables: self.variables,
                    unset: Vec::new(),
                };
                match expander.expand(&scalar.text, 0, 0) {
                    Ok(expanded) => scalar.text = expanded,
                    Err(error) => self
                        .problems
                        .push(explain(&error, &scalar.text, span, path)),
                }
                for name in expander.unset {
                    self.unset.entry(name).or_default().push(span);
                }
            }
            Value::Scalar(_) => {}
        }
    }
}

fn explain(error: &ExpandError, text: &str, span: Span, path: &Path) -> Diagnostic {
    // The value's text equals what stands in the file only when nothing was quoted or folded.
    let raw = (span.end - span.start) as usize == text.len();
    let start = if raw {
        span.start + u32::try_from(error.at).unwrap_or_default()
    } else {
        span.start
    };
    let span = Span { start, ..span };
    match &error.kind {
        ExpandErrorKind::Invalid => {
            Diagnostic::error(format!("`{path}`: this is no valid use of a variable"))
                .at(span, "begins here")
                .help("a dollar sign that is meant as such is written twice: $$")
        }
        ExpandErrorKind::Required { name, message } => {
            let reason = if message.is_empty() {
                String::new()
            } else {
                format!(": {message}")
            };
            Diagnostic::error(format!(
                "required variable {name} is missing a value{reason}"
            ))
            .at(span, format!("needed for `{path}`"))
            .help(format!("set it in the shell or in .env: {name}=…"))
        }
    }
}

struct Expander<'a> {
    variables: Lookup<'a>,
    unset: Vec<String>,
}

impl Expander<'_> {
    fn expand(&mut self, text: &str, offset: usize, depth: usize) -> Result<String, ExpandError> {
        let mut expanded = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(dollar) = rest.find('$') {
            expanded.push_str(&rest[..dollar]);
            let at = offset + (text.len() - rest.len()) + dollar;
            let after = &rest[dollar + 1..];
            let used = if let Some(body) = after.strip_prefix('{') {
                let invalid = ExpandError {
                    at,
                    kind: ExpandErrorKind::Invalid,
                };
                let end = closing_brace(body)
                    .filter(|_| depth < DEPTH_LIMIT)
                    .ok_or(invalid)?;
                expanded.push_str(&self.braced(&body[..end], at, depth)?);
                end + 2
            } else if after.starts_with('$') {
                expanded.push('$');
                1
            } else {
                let length = name_length(after);
                if length == 0 {
                    expanded.push('$');
                } else {
                    expanded.push_str(&self.value(&after[..length]));
                }
                length
            };
            rest = &after[used..];
        }
        expanded.push_str(rest);
        Ok(expanded)
    }

    fn value(&mut self, name: &str) -> String {
        let value = (self.variables)(name);
        if value.is_none() {
            self.unset.push(name.to_owned());
        }
        value.unwrap_or_default()
    }

    /// What stands between the braces: a name, and maybe an operator with a word.
    fn braced(&mut self, body: &str, at: usize, depth: usize) -> Result<String, ExpandError> {
        let invalid = || ExpandError {
            at,
            kind: ExpandErrorKind::Invalid,
        };
        let length = name_length(body);
        if length == 0 {
            return Err(invalid());
        }
        let (name, operator) = body.split_at(length);
        if operator.is_empty() {
            return Ok(self.value(name));
        }
        let (or_empty, operator) = operator
            .strip_prefix(':')
            .map_or((false, operator), |rest| (true, rest));
        let value = (self.variables)(name).filter(|value| !(or_empty && value.is_empty()));
        let word = operator.get(1..).unwrap_or_default();
        let word_at = at + 2 + body.len() - word.len();
        let mut word = || self.expand(word, word_at, depth + 1);
        match (operator.as_bytes().first(), value) {
            (Some(b'-' | b'?'), Some(value)) => Ok(value),
            (Some(b'-'), None) | (Some(b'+'), Some(_)) => word(),
            (Some(b'+'), None) => Ok(String::new()),
            (Some(b'?'), None) => {
                let message = word()?;
                Err(ExpandError {
                    at,
                    kind: ExpandErrorKind::Required {
                        name: name.to_owned(),
                        message,
                    },
                })
            }
            _ => Err(invalid()),
        }
    }
}

/// Where the brace that belongs to `${` closes: those of nested expressions are skipped.
fn closing_brace(body: &str) -> Option<usize> {
    let bytes = body.as_bytes();
    let mut open = 0;
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'{' if at > 0 && bytes[at - 1] == b'$' => open += 1,
            b'}' if open == 0 => return Some(at),
            b'}' => open -= 1,
            _ => {}
        }
    }
    None
}

fn name_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    if !bytes
        .first()
        .is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_')
    {
        return 0;
    }
    bytes
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_')
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(text: &str) -> String {
        let lookup = |name: &str| match name {
            "SET" => Some("value".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        match expand(text, &lookup) {
            Ok(text) => text,
            Err(ExpandError {
                at,
                kind: ExpandErrorKind::Invalid,
            }) => format!("invalid at {at}"),
            Err(ExpandError {
                kind: ExpandErrorKind::Required { name, message },
                ..
            }) => format!("{name} needed: {message}"),
        }
    }

    #[test]
    fn every_form_expands_as_the_table_says() {
        for (text, result) in [
            ("a $SET b", "a value b"),
            ("${SET}x", "valuex"),
            ("${UNSET}", ""),
            ("${EMPTY:-d}", "d"),
            ("${EMPTY-d}", ""),
            ("${UNSET-d}", "d"),
            ("${SET:+r}", "r"),
            ("${EMPTY:+r}", ""),
            ("${EMPTY+r}", "r"),
            ("${UNSET+r}", ""),
            ("${UNSET:?why}", "UNSET needed: why"),
            ("${EMPTY?why}", ""),
            ("${UNSET:-${EMPTY:-$SET}}", "value"),
            ("${UNSET:-a:-b}", "a:-b"),
            ("$$SET $${SET}", "$SET ${SET}"),
            ("cost $ 1 $1 $", "cost $ 1 $1 $"),
            ("x ${1}", "invalid at 2"),
            ("${A:}", "invalid at 0"),
            ("${SET", "invalid at 0"),
            ("${UNSET:-${}}", "invalid at 9"),
        ] {
            assert_eq!(expanded(text), result, "{text}");
        }
    }
}
