//! `unpause`.

use super::Outcome;
use crate::cli::context::Context;
use crate::ops::lifecycle::unpause;

/// Let frozen containers go on
#[derive(Debug, clap::Args)]
pub(crate) struct UnpauseArgs {
    /// Services; all when absent
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
}

pub(super) async fn run(args: UnpauseArgs, context: &mut Context<'_>) -> Outcome {
    let subject = context.subject(&args.services)?;
    let engine = context.engine()?;
    let reporter = context.reporter("unpause");
    let mut events = reporter.clone();
    let work = async {
        let target = subject.target();
        let done = unpause(engine.as_ref(), target, &args.services, &mut events).await;
        done.map_err(|error| subject.failure(error))
    };
    context.drive(&reporter, None, work).await?;
    Ok(0)
}
