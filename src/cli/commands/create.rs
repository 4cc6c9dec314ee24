//! `create`: `up` without the start.

use super::Outcome;
use super::plan::rehearse;
use super::up::{Reach, Wanted, detached, options};
use crate::cli::context::Context;
use crate::ops::up::UpOptions;

/// Create containers without starting them
#[derive(Debug, clap::Args)]
pub(crate) struct CreateArgs {
    #[command(flatten)]
    wanted: Wanted,
}

pub(super) async fn run(args: CreateArgs, context: &mut Context<'_>) -> Outcome {
    let (loaded, trace) = context.load_to_run(&args.wanted.services)?;
    let options = UpOptions {
        no_start: true,
        services: loaded.services.clone(),
        lock: context.lock("create"),
        ..options(&args.wanted, &Reach::default(), context)?
    };
    let engine = context.engine()?;
    if context.is_dry_run() {
        return rehearse(context, engine.as_ref(), (&loaded, &trace), &options).await;
    }
    detached(
        context,
        engine.as_ref(),
        &loaded,
        &options,
        ("create", args.wanted.hidden()),
    )
    .await
}
