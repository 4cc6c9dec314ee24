//! Why a command ends with an error, as text and as an exit code; and advice for the kinds of
//! errors that a user can do something about.

use crate::document::Sources;
use crate::document::diagnostic::Diagnostic;
use crate::engine::EngineError;
use crate::report::{Screen, Stream, error, json};
use crate::{load, ops};

/// Why a command ends.
#[derive(Debug)]
pub(super) enum Failure {
    /// Files have problems.
    Files {
        diagnostics: Vec<Diagnostic>,
        sources: Sources,
    },
    /// Anything that is a sentence.
    Message { message: String, help: Vec<String> },
    /// It has been told already.
    Told,
    /// The user broke it off.
    Interrupted,
}

impl Failure {
    /// A sentence and a line of advice.
    pub(super) fn message(message: impl Into<String>, help: &str) -> Failure {
        Failure::Message {
            message: message.into(),
            help: vec![help.to_owned()],
        }
    }

    /// An engine that cannot be used.
    pub(super) fn engine(attempt: &str, error: &EngineError) -> Failure {
        Failure::Message {
            message: format!("cannot {attempt}: {error}"),
            help: advice(error),
        }
    }

    /// What a use case answered. The sources are those of the project that it was about.
    pub(super) fn of(error: ops::Error, sources: &Sources) -> Failure {
        match error {
            ops::Error::Files(diagnostics) => Failure::Files {
                diagnostics,
                sources: sources.clone(),
            },
            ops::Error::Engine { attempt, error } => Failure::engine(attempt, &error),
            ops::Error::Refused { message, help } => Failure::Message { message, help },
            ops::Error::Failed => Failure::Told,
            ops::Error::Interrupted => Failure::Interrupted,
        }
    }

    /// What the process ends with.
    pub(super) fn exit_code(&self) -> u8 {
        match self {
            Failure::Interrupted => 130,
            _ => 1,
        }
    }

    /// The problems that are to be told, and the texts that they speak of.
    pub(super) fn into_diagnostics(self) -> (Vec<Diagnostic>, Sources) {
        match self {
            Failure::Files {
                diagnostics,
                sources,
            } => (diagnostics, sources),
            Failure::Message { message, help } => {
                let error = Diagnostic::error(message).code("failed");
                let error = help.into_iter().fold(error, Diagnostic::help);
                (vec![error], Sources::default())
            }
            Failure::Told | Failure::Interrupted => (Vec::new(), Sources::default()),
        }
    }

    /// It as text, unless it has been told already.
    pub(super) fn text(&self) -> Option<String> {
        match self {
            Failure::Files {
                diagnostics,
                sources,
            } => Some(error::diagnostics(diagnostics, sources, Screen::default())),
            Failure::Message { message, help } => Some(error::error(message, help, false)),
            Failure::Interrupted => Some("interrupted\n".to_owned()),
            Failure::Told => None,
        }
    }

    /// Prints it and answers the exit code.
    pub(super) fn print(self, out: &Stream, screen: Screen, as_json: bool) -> u8 {
        let code = self.exit_code();
        match self {
            Failure::Files {
                diagnostics,
                sources,
            } if as_json => {
                let plain = Screen {
                    color: false,
                    ..screen
                };
                let text = error::diagnostics(&diagnostics, &sources, plain);
                out.put(&json::error(text.trim_end()));
            }
            Failure::Files {
                diagnostics,
                sources,
            } => out.put(&error::diagnostics(&diagnostics, &sources, screen)),
            Failure::Message { message, .. } if as_json => out.put(&json::error(&message)),
            Failure::Message { message, help } => {
                out.put(&error::error(&message, &help, screen.color));
            }
            Failure::Told | Failure::Interrupted => {}
        }
        code
    }
}

impl From<load::Failure> for Failure {
    fn from(failure: load::Failure) -> Failure {
        Failure::Files {
            diagnostics: failure.diagnostics,
            sources: failure.sources,
        }
    }
}

fn advice(error: &EngineError) -> Vec<String> {
    let lines: &[&str] = match error {
        EngineError::Unreachable { address, reason } if address.starts_with("unix:") => {
            if reason.to_lowercase().contains("permission denied") {
                &["your user may not use the engine: add it to the group `docker`, or use sudo"]
            } else {
                &["start it (`systemctl start docker`), or set DOCKER_HOST to where it is"]
            }
        }
        EngineError::Unreachable { .. } => &["DOCKER_HOST says where it is looked for"],
        EngineError::BadAddress { .. } => {
            &["set DOCKER_HOST like unix:///var/run/docker.sock or tcp://host:2375"]
        }
        _ => &[],
    };
    lines.iter().map(|line| (*line).to_owned()).collect()
}
