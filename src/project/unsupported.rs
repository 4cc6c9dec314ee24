//! What a project says that has no effect here: nothing is ignored in silence.
//!
//! Reading notes every attribute whose row says so, with its place. Two things are told apart:
//! what a single engine can never act on (a swarm's keys, notes for people), and what this
//! version of rcompose does not do yet although docker compose does.

use super::Project;
use crate::document::{Diagnostic, Path, Segment, Span};

/// Why something meant for a swarm does nothing.
pub const SWARM: &str = "only a swarm acts on it";

/// Why the number of a format does nothing.
pub const VERSION: &str = "it has been without meaning since Compose 1.27";

/// Why a config or secret that somebody else made is not there.
pub const NO_STORE: &str =
    "an engine outside a swarm keeps no configs and secrets, so services do not find it";

/// An attribute that is set and does nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Which one.
    pub path: Path,
    /// Where it stands.
    pub span: Span,
    /// Why it does nothing.
    pub reason: &'static str,
    /// Whether docker compose would act on it.
    pub missing: bool,
}

impl Note {
    fn diagnostic(&self) -> Diagnostic {
        let message = format!("`{}` has no effect: {}", self.path, self.reason);
        Diagnostic::warning(message)
            .code("no-effect")
            .at(self.span, "set here")
    }
}

/// Everything that is set and has no effect here, for `config --unsupported`.
pub fn unsupported(project: &Project) -> Vec<&Note> {
    let notes = project.notes.iter();
    notes.filter(|note| counts(note, project)).collect()
}

/// The part of [`unsupported`] that docker compose would act on: to be told before anything is
/// started.
pub fn not_yet(project: &Project) -> Vec<Diagnostic> {
    let notes = unsupported(project).into_iter();
    notes
        .filter(|note| note.missing)
        .map(Note::diagnostic)
        .collect()
}

/// What services say that nobody asked for does not matter; nor do configs that nobody uses.
fn counts(note: &Note, project: &Project) -> bool {
    let [Segment::Key(section), Segment::Key(name), ..] = note.path.segments() else {
        return true;
    };
    let mut services = project.services.values();
    match section.as_str() {
        "services" => project.services.contains_key(name),
        "configs" => services.any(|service| service.configs.iter().any(|it| it.source == *name)),
        "secrets" => services.any(|service| service.secrets.iter().any(|it| it.source == *name)),
        _ => true,
    }
}
