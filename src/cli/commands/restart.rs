//! `restart`.

use super::Outcome;
use crate::cli::context::Context;
use crate::ops::lifecycle::{RestartOptions, restart};

/// Stop and start containers
#[derive(Debug, clap::Args)]
pub(crate) struct RestartArgs {
    /// Services; all when absent
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,

    /// Leave alone what asked to be restarted along with them
    #[arg(long)]
    no_deps: bool,

    /// Seconds until a container is killed
    #[arg(short, long, value_name = "SECONDS", allow_negative_numbers = true)]
    timeout: Option<i32>,
}

pub(super) async fn run(args: RestartArgs, context: &mut Context<'_>) -> Outcome {
    let subject = context.subject(&args.services)?;
    let options = RestartOptions {
        services: args.services,
        no_dependents: args.no_deps,
        timeout: args.timeout,
    };
    let engine = context.engine()?;
    let lock = context.lock("restart");
    let reporter = context.reporter("restart");
    let mut events = reporter.clone();
    let work = async {
        let target = subject.target();
        let restarted = restart(engine.as_ref(), target, &options, &lock, &mut events).await;
        restarted.map_err(|error| subject.failure(error))
    };
    context.drive(&reporter, None, work).await?;
    Ok(0)
}
