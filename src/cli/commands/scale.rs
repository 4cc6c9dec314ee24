//! `scale`: `up` of some services, with so many containers each.

use super::Outcome;
use super::plan::rehearse;
use super::up::{Reach, Wanted, detached, options, scale};
use crate::cli::context::Context;
use crate::ops::up::UpOptions;
use crate::report::Hidden;

/// Change how many containers services have
#[derive(Debug, clap::Args)]
pub(crate) struct ScaleArgs {
    /// A service and its number of containers
    #[arg(value_name = "SERVICE=NUMBER", required = true, value_parser = scale)]
    scale: Vec<(String, u32)>,

    /// Leave the services' dependencies alone
    #[arg(long)]
    no_deps: bool,
}

pub(super) async fn run(args: ScaleArgs, context: &mut Context<'_>) -> Outcome {
    let services: Vec<String> = args.scale.iter().map(|(name, _)| name.clone()).collect();
    let (loaded, trace) = context.load_to_run(&services)?;
    let options = UpOptions {
        services: loaded.services.clone(),
        scale: args.scale.into_iter().collect(),
        no_dependencies: args.no_deps,
        lock: context.lock("scale"),
        ..options(&Wanted::default(), &Reach::default(), context)?
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
        ("scale", Hidden::default()),
    )
    .await
}
