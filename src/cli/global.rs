//! Flags before the command.

use std::path::PathBuf;

use clap::ValueEnum;

use crate::report::Mode;
use crate::report::problems::Form;

/// Flags before the command.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct Global {
    /// Compose file; give it several times to join files (`-` is standard input)
    #[arg(short, long = "file", value_name = "FILE")]
    pub files: Vec<String>,

    /// Name of the project
    #[arg(short, long, value_name = "NAME")]
    pub project_name: Option<String>,

    /// Folder that relative paths start from
    #[arg(long, value_name = "FOLDER")]
    pub project_directory: Option<PathBuf>,

    /// File with environment variables, instead of `.env`; may be given several times
    #[arg(long = "env-file", value_name = "FILE")]
    pub env_files: Vec<PathBuf>,

    /// Profile to enable (`*` is all); may be given several times
    #[arg(long = "profile", value_name = "NAME")]
    pub profiles: Vec<String>,

    /// Colours and redrawing
    #[arg(long, value_enum, value_name = "WHEN")]
    pub ansi: Option<Ansi>,

    /// How progress is shown
    #[arg(long, value_enum, value_name = "HOW")]
    pub progress: Option<Progress>,

    /// How problems with the project's files are told: with the line and a caret, as a JSON object
    /// a line, or as one SARIF document; on standard error, from `config --quiet` on standard output
    #[arg(long, value_enum, value_name = "HOW", default_value_t, global = true)]
    pub diagnostics: Diagnostics,

    /// Fail at once when another rcompose is at work on the project, instead of waiting for it
    #[arg(long, global = true)]
    pub no_wait_lock: bool,

    /// Print the plan that the command would carry out, and change nothing
    #[arg(long, global = true)]
    pub dry_run: bool,

    /// Print at the end where the time went: the steps that one after the other made it up,
    /// seconds by service and phase, and what would shorten it
    #[arg(long, global = true)]
    pub timings: bool,

    /// Write down in a folder what happened: plan, times, errors, JUnit, and what each container
    /// printed and is; also when the command fails, and without secrets
    #[arg(long, value_name = "FOLDER", global = true)]
    pub report: Option<PathBuf>,

    /// Print the version
    #[arg(short, long)]
    pub version: bool,
}

/// When terminal control codes are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum Ansi {
    Never,
    Always,
    #[default]
    Auto,
}

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum Progress {
    #[default]
    Auto,
    Tty,
    Plain,
    Json,
    #[value(alias = "none")]
    Quiet,
}

/// How problems are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum Diagnostics {
    #[default]
    Text,
    Json,
    Sarif,
}

impl From<Diagnostics> for Form {
    fn from(diagnostics: Diagnostics) -> Form {
        match diagnostics {
            Diagnostics::Text => Form::Text,
            Diagnostics::Json => Form::Json,
            Diagnostics::Sarif => Form::Sarif,
        }
    }
}

impl From<Progress> for Mode {
    fn from(progress: Progress) -> Mode {
        match progress {
            Progress::Auto => Mode::Auto,
            Progress::Tty => Mode::Tty,
            Progress::Plain => Mode::Plain,
            Progress::Json => Mode::Json,
            Progress::Quiet => Mode::Quiet,
        }
    }
}
