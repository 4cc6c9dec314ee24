//! Problems for programs: the same diagnostics that people see, as JSON or as SARIF.
//!
//! JSON is one object a line, written as soon as a problem is known:
//!
//! ```json
//! {"severity":"error","code":"unknown-key","message":"unknown key `imag` in services.web",
//!  "labels":[{"file":"compose.yaml","line":3,"column":5,"endLine":3,"endColumn":9,
//!             "text":"not a key of the Compose Specification"}],
//!  "help":["did you mean `image`?"],"includedFrom":[]}
//! ```
//!
//! The first label is where the problem is, the others are context; a message that is about no
//! file has none. `includedFrom` is the way from that file to one of the command line. Lines and
//! columns start at 1 and count characters; ends are exclusive. [`sarif`] is a single document,
//! written when the run ends, with the codes of [`rules`]. Neither holds any line of a file.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use super::Stream;
use super::json::json_line;
use crate::document::diagnostic::{Label, Region};
use crate::document::{Diagnostic, Severity, Sources};

pub mod rules;
pub mod sarif;

/// How problems are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// With the line of the file and a caret, for people.
    #[default]
    Text,
    /// An object a line.
    Json,
    /// One document when the run ends.
    Sarif,
}

/// A diagnostic with its places in lines and columns.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// `error` or `warning`.
    pub severity: &'static str,
    /// The kind of problem.
    pub code: &'static str,
    /// One sentence.
    pub message: String,
    /// The places; the first is where the problem is.
    pub labels: Vec<Place>,
    /// What to do about it.
    pub help: Vec<String>,
    /// What asked for the file of the first place, the nearest step first.
    pub included_from: Vec<Place>,
}

/// A place and what is to be seen there.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    /// As messages name it.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Line of the end.
    pub end_line: usize,
    /// Column behind the end.
    pub end_column: usize,
    /// A few words; may be empty.
    pub text: String,
}

impl Problem {
    /// A diagnostic whose spans lie in these sources.
    pub fn of(diagnostic: &Diagnostic, sources: &Sources) -> Problem {
        let places = |labels: &[Label]| -> Vec<Place> {
            let known = labels.iter();
            known.filter_map(|label| place(label, sources)).collect()
        };
        Problem {
            severity: match diagnostic.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            },
            code: diagnostic.code,
            message: diagnostic.message.clone(),
            labels: places(&diagnostic.labels),
            help: diagnostic.help.clone(),
            included_from: places(&diagnostic.way),
        }
    }
}

fn place(label: &Label, sources: &Sources) -> Option<Place> {
    let source = sources.find(label.span.source)?;
    let region = Region::of(&source.text, label.span);
    Some(Place {
        file: source.name.clone(),
        line: region.line,
        column: region.column,
        end_line: region.end_line,
        end_column: region.end_column,
        text: label.text.clone(),
    })
}

/// Where the problems of a run go, in a form for programs.
pub struct Problems {
    form: Form,
    out: Stream,
    current_dir: PathBuf,
    /// For the document at the end.
    kept: Mutex<Vec<Problem>>,
}

impl Problems {
    /// Of a run in this folder, which relative names start from.
    pub fn new(form: Form, out: Stream, current_dir: &Path) -> Problems {
        Problems {
            form,
            out,
            current_dir: current_dir.to_owned(),
            kept: Mutex::default(),
        }
    }

    /// Whether people are to read them, which is not done here.
    pub fn are_text(&self) -> bool {
        self.form == Form::Text
    }

    /// Takes some in.
    pub fn tell(&self, diagnostics: &[Diagnostic], sources: &Sources) {
        let problems = diagnostics.iter().map(|it| Problem::of(it, sources));
        match self.form {
            Form::Text => {}
            Form::Json => problems.for_each(|problem| self.out.put(&json_line(&problem))),
            Form::Sarif => self.kept().extend(problems),
        }
    }

    /// Writes what comes at the end of a run.
    pub fn finish(&self, exit_code: u8) {
        if self.form == Form::Sarif {
            let log = sarif::log(&self.kept(), &self.current_dir, exit_code);
            self.out.put(&log);
        }
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Vec<Problem>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
