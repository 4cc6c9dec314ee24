//! `stop`.

use super::Outcome;
use crate::cli::context::Context;
use crate::ops::lifecycle::{StopOptions, stop};

/// Stop containers
#[derive(Debug, clap::Args)]
pub(crate) struct StopArgs {
    /// Services; all when absent
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,

    /// Seconds until a container is killed
    #[arg(short, long, value_name = "SECONDS", allow_negative_numbers = true)]
    timeout: Option<i32>,
}

pub(super) async fn run(args: StopArgs, context: &mut Context<'_>) -> Outcome {
    let subject = context.subject(&args.services)?;
    let options = StopOptions {
        services: args.services,
        timeout: args.timeout,
    };
    let engine = context.engine()?;
    let lock = context.lock("stop");
    let reporter = context.reporter("stop");
    let mut events = reporter.clone();
    let work = async {
        let stopped = stop(
            engine.as_ref(),
            subject.target(),
            &options,
            &lock,
            &mut events,
        )
        .await;
        stopped.map_err(|error| subject.failure(error))
    };
    context.drive(&reporter, None, work).await?;
    Ok(0)
}
