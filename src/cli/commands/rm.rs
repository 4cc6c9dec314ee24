//! `rm`: asks, then removes containers that do not run.

use super::Outcome;
use crate::cli::consent::ask;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::ops::lifecycle::{RemoveOptions, removable, remove};

/// Remove stopped containers
#[derive(Debug, clap::Args)]
pub(crate) struct RmArgs {
    /// Services; all when absent
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,

    /// Do not ask
    #[arg(short, long)]
    force: bool,

    /// Stop those that run first
    #[arg(short, long)]
    stop: bool,

    /// Remove their anonymous volumes too
    #[arg(short, long)]
    volumes: bool,

    /// Without effect, for scripts of long ago
    #[arg(short, long, hide = true)]
    all: bool,
}

pub(super) async fn run(args: RmArgs, context: &mut Context<'_>) -> Outcome {
    let subject = context.subject(&args.services)?;
    let options = RemoveOptions {
        services: args.services,
        stop: args.stop,
        volumes: args.volumes,
    };
    let _ = args.all;
    let engine = context.engine()?;
    let names = removable(engine.as_ref(), subject.target(), &options).await;
    let names = names.map_err(|error| subject.failure(error))?;
    if names.is_empty() {
        context.environment.stderr.put("No stopped containers\n");
        return Ok(0);
    }
    if !args.force && !context.is_dry_run() && !agreed(&names, context)? {
        return Ok(0);
    }
    context.keep_evidence(engine.as_ref()).await;
    let lock = context.lock("rm");
    let reporter = context.reporter("rm");
    let mut events = reporter.clone();
    let work = async {
        let removed = remove(
            engine.as_ref(),
            subject.target(),
            &options,
            &lock,
            &mut events,
        )
        .await;
        removed.map_err(|error| subject.failure(error))
    };
    context.drive(&reporter, None, work).await?;
    Ok(0)
}

/// Asks. No answer is a no; where nobody can be asked, nothing is assumed.
fn agreed(names: &[String], context: &mut Context<'_>) -> Result<bool, Failure> {
    if !context.environment.terminals.stdin {
        return Err(Failure::message(
            "rm asks before it removes, and there is no terminal to ask on",
            "`rcompose rm -f` removes without asking",
        ));
    }
    let names = names.join(", ");
    ask(context, &format!("Going to remove {names}\nContinue?"))
}
