//! Consent to losing data: named beforehand by `--allow-data-loss`, or asked for on a terminal.
//!
//! `-y` never gives it. Where nobody can be asked, commands behave like docker compose's.

use serde::{Deserialize, Serialize};

use super::context::Context;
use super::failure::Failure;
use crate::ops::loss::is_allowed;

/// What data may be lost.
#[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args, Serialize, Deserialize)]
pub(super) struct AllowedLoss {
    /// Volume whose data may be lost, by its whole name or its name without the project's; may be
    /// given several times (`all` is every one). No other flag stands for this one
    #[arg(long, value_name = "VOLUME")]
    pub(super) allow_data_loss: Vec<String>,
}

impl AllowedLoss {
    /// Whether a volume of a project was named.
    pub(super) fn covers(&self, project: &str, volume: &str) -> bool {
        is_allowed(&self.allow_data_loss, project, volume)
    }
}

/// Whether there is somebody to ask. Machines that build things have terminals, too.
pub(super) fn can_ask(context: &Context<'_>) -> bool {
    let terminals = context.environment.terminals;
    terminals.stdin && terminals.stderr && context.variable("CI").is_none()
}

/// Asks. No answer is a no.
pub(super) fn ask(context: &mut Context<'_>, question: &str) -> Result<bool, Failure> {
    let environment = &mut context.environment;
    environment.stderr.put(&format!("{question} [y/N] "));
    let mut answer = String::new();
    let read = environment.stdin.read_line(&mut answer);
    read.map_err(|error| {
        Failure::message(
            format!("cannot read the answer: {error}"),
            "say it with a flag instead: see --help",
        )
    })?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes" | "Yes" | "YES"))
}
