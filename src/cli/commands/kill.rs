//! `kill`.

use super::Outcome;
use crate::cli::context::Context;
use crate::ops::lifecycle::{KillOptions, kill};

/// Send a signal to containers, which ends them at once
#[derive(Debug, clap::Args)]
pub(crate) struct KillArgs {
    /// Services; all when absent
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,

    /// The signal to send
    #[arg(short, long, value_name = "SIGNAL", default_value = "SIGKILL")]
    signal: String,

    /// Kill containers of services that are in no file too
    #[arg(long)]
    remove_orphans: bool,
}

pub(super) async fn run(args: KillArgs, context: &mut Context<'_>) -> Outcome {
    let subject = context.subject(&args.services)?;
    let options = KillOptions {
        services: args.services,
        signal: Some(args.signal),
        remove_orphans: args.remove_orphans || context.says_yes("COMPOSE_REMOVE_ORPHANS"),
    };
    let engine = context.engine()?;
    let reporter = context.reporter("kill");
    let mut events = reporter.clone();
    let work = async {
        let killed = kill(engine.as_ref(), subject.target(), &options, &mut events).await;
        killed.map_err(|error| subject.failure(error))
    };
    if !context.drive(&reporter, None, work).await? {
        context.environment.stderr.put("no container to kill\n");
    }
    Ok(0)
}
