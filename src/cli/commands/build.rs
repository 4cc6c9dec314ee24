//! `build`.

use std::collections::BTreeMap;

use tokio_util::sync::CancellationToken;

use super::Outcome;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::ops::build::{BuildOptions, build};

/// Build images
#[derive(Debug, clap::Args)]
pub(crate) struct BuildArgs {
    /// Services to build; all that can be built when absent
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,

    /// Set a build argument; the value comes from the environment when absent
    #[arg(long, value_name = "NAME[=VALUE]")]
    build_arg: Vec<String>,

    /// Build every step anew
    #[arg(long)]
    no_cache: bool,

    /// Look for newer base images
    #[arg(long)]
    pull: bool,

    /// Print errors only
    #[arg(short, long)]
    quiet: bool,
}

pub(super) async fn run(args: BuildArgs, context: &mut Context<'_>) -> Outcome {
    if args.quiet {
        context.be_quiet();
    }
    let (loaded, _) = context.load_to_run(&args.services)?;
    let options = BuildOptions {
        args: arguments(&args.build_arg, context),
        services: loaded.services.clone(),
        no_cache: args.no_cache,
        pull: args.pull,
    };
    let engine = context.engine()?;
    let reporter = context.reporter("build");
    let cancel = CancellationToken::new();
    let mut events = reporter.clone();
    let work = async {
        let built = build(
            engine.as_ref(),
            &loaded.project,
            &options,
            &cancel,
            &mut events,
        )
        .await;
        built.map_err(|error| Failure::of(error, &loaded.sources))
    };
    context.drive(&reporter, Some(&cancel), work).await?;
    Ok(0)
}

/// An argument without a value has the environment's, and is left alone where that has none.
fn arguments(given: &[String], context: &Context<'_>) -> BTreeMap<String, Option<String>> {
    let pair = |argument: &String| {
        if let Some((name, value)) = argument.split_once('=') {
            return Some((name.to_owned(), Some(value.to_owned())));
        }
        let value = context.environment.variables.get(argument)?;
        Some((argument.clone(), Some(value.clone())))
    };
    given.iter().filter_map(pair).collect()
}
