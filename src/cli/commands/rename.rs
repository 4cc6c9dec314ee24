//! `rename`: a project under another name, with what is in its volumes.

use clap::ValueEnum;
use tokio_util::sync::CancellationToken;

use super::Outcome;
use crate::cli::consent::{ask, can_ask};
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::ops::rename::{Moved, Renamed, remove_old, rename};
use crate::report;

/// Give a project another name, with what is in its volumes
///
/// Its containers are stopped, and each volume is copied to the name that it has under the new name
/// of the project, and compared there. The old volumes are whole until you agree to their removal. It
/// can be interrupted at any point; the same command goes on. `rcompose up` then makes the
/// containers under the new name.
#[derive(Debug, clap::Args)]
pub(crate) struct RenameArgs {
    /// Name of the project so far
    #[arg(value_name = "OLD")]
    from: String,

    /// Name from now on
    #[arg(value_name = "NEW")]
    to: String,

    /// Remove what is left under the old name, when everything has been compared, without asking
    #[arg(long)]
    remove_old: bool,

    /// How the result is printed
    #[arg(long, value_enum, default_value_t, value_name = "HOW")]
    format: Format,
}

/// Values of `--format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum Format {
    #[default]
    Text,
    Json,
}

pub(super) async fn run(args: RenameArgs, context: &mut Context<'_>) -> Outcome {
    let RenameArgs {
        from,
        to,
        remove_old: remove,
        format,
    } = args;
    check_names(&from, &to)?;
    let engine = context.engine()?;
    let project = context.project_named(&to);
    let reporter = context.reporter("rename");
    let renamed = {
        let (out, mut events) = (context.environment.stderr.clone(), reporter.clone());
        let mut tell = move |moved: &Moved| out.put(&report::rename::line(moved));
        let names = (from.as_str(), to.as_str());
        let work = Box::pin(async {
            let renamed = rename(
                engine.as_ref(),
                names,
                project.as_ref(),
                &mut tell,
                &mut events,
            );
            renamed.await.map_err(failure)
        });
        context
            .drive(&reporter, None::<&CancellationToken>, work)
            .await?
    };
    let agreed = remove || (can_ask(context) && asked(context, &from, &renamed)?);
    if agreed {
        let mut events = reporter.clone();
        let work = async {
            let removed = remove_old(engine.as_ref(), &from, &renamed, &mut events).await;
            removed.map_err(failure)
        };
        context.drive(&reporter, None, work).await?;
    }
    context.tell(&report::rename::end(&from, &to, &renamed, agreed));
    if format == Format::Json {
        let text = report::json::json_line(&renamed);
        context.environment.stdout.put(&text);
    }
    Ok(0)
}

fn failure(error: crate::ops::Error) -> Failure {
    Failure::of(error, &crate::document::Sources::default())
}

/// Names as Compose allows them, and two of them.
fn check_names(from: &str, to: &str) -> Result<(), Failure> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    for name in [from, to] {
        let begins_well = name.starts_with(|c: char| c.is_ascii_alphanumeric());
        if !begins_well || !name.chars().all(allowed) {
            return Err(Failure::message(
                format!("`{name}` cannot be the name of a project"),
                "names have small letters, digits, `-` and `_`, and begin with a letter or digit",
            ));
        }
    }
    if from == to {
        return Err(Failure::message(
            format!("the project is called {from} already"),
            "say the name so far, and then the new one",
        ));
    }
    Ok(())
}

fn asked(context: &mut Context<'_>, from: &str, renamed: &Renamed) -> Result<bool, Failure> {
    if renamed.volumes.is_empty() {
        return Ok(false);
    }
    let volumes: Vec<&str> = renamed.volumes.iter().map(|it| it.from.as_str()).collect();
    let volumes = volumes.join(", ");
    ask(
        context,
        &format!("Remove what is left of {from}, with its volumes {volumes}?"),
    )
}
