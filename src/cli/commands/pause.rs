//! `pause`.

use super::Outcome;
use crate::cli::context::Context;
use crate::ops::lifecycle::pause;

/// Freeze containers
#[derive(Debug, clap::Args)]
pub(crate) struct PauseArgs {
    /// Services; all when absent
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
}

pub(super) async fn run(args: PauseArgs, context: &mut Context<'_>) -> Outcome {
    let subject = context.subject(&args.services)?;
    let engine = context.engine()?;
    let reporter = context.reporter("pause");
    let mut events = reporter.clone();
    let work = async {
        let target = subject.target();
        let done = pause(engine.as_ref(), target, &args.services, &mut events).await;
        done.map_err(|error| subject.failure(error))
    };
    context.drive(&reporter, None, work).await?;
    Ok(0)
}
