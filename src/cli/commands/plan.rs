//! `plan`: what `up` would do, and why.

use super::Outcome;
use super::up::{Reach, Wanted, options};
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::explain::Origins;
use crate::ops::up;
use crate::project::unsupported;
use crate::report;
use crate::report::differences::differences;
use crate::report::json::json_line;

/// Print what `up` would do and why, without doing it
///
/// Exits with 0 when there is nothing to do, with 2 when there is, and with 1 on errors.
#[derive(Debug, clap::Args)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    wanted: Wanted,

    #[command(flatten)]
    reach: Reach,

    /// Print every step as JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: PlanArgs, context: &mut Context<'_>) -> Outcome {
    let mut options = options(&args.wanted, &args.reach, context)?;
    let (loaded, trace) = context.load_to_run_traced(&options.services)?;
    options.services.clone_from(&loaded.services);
    let engine = context.engine()?;
    let plan = up::plan_explained(engine.as_ref(), &loaded.project, &options).await;
    let (plan, changes) = plan.map_err(|error| Failure::of(error, &loaded.sources))?;
    let origins = Origins::new(&loaded, &trace);
    let differences = differences(&changes, &origins, &loaded);
    let unsupported = unsupported(&loaded.project);
    let text = if args.json {
        let unsupported = report::unsupported::json(&unsupported, &loaded.sources);
        json_line(&report::plan::json(&plan, &differences, &unsupported))
    } else {
        context.note(&unsupported, &loaded);
        for message in &plan.warnings {
            context.warn(message);
        }
        report::plan::explained(&plan, &differences, context.colors_stdout())
    };
    context.environment.stdout.put(&text);
    Ok(if plan.is_empty() { 0 } else { 2 })
}
