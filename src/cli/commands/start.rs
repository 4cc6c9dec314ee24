//! `start`.

use super::Outcome;
use crate::cli::context::Context;
use crate::ops::lifecycle::{StartOptions, start};

/// Start containers that exist
#[derive(Debug, clap::Args)]
pub(crate) struct StartArgs {
    /// Services; all when absent
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,

    /// Wait until everything is ready
    #[arg(long)]
    wait: bool,

    /// Seconds that all waiting together may take
    #[arg(long, value_name = "SECONDS")]
    wait_timeout: Option<u64>,
}

pub(super) async fn run(args: StartArgs, context: &mut Context<'_>) -> Outcome {
    let subject = context.subject(&args.services)?;
    let options = StartOptions {
        services: args.services,
        wait: args.wait,
        wait_timeout: args.wait_timeout.filter(|seconds| *seconds > 0),
    };
    let engine = context.engine()?;
    let lock = context.lock("start");
    let reporter = context.reporter("start");
    let mut events = reporter.clone();
    let work = async {
        let target = subject.target();
        let started = start(engine.as_ref(), target, &options, &lock, &mut events).await;
        started.map_err(|error| subject.failure(error))
    };
    context.drive(&reporter, None, work).await?;
    Ok(0)
}
