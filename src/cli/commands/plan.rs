//! `plan`: what `up` would do, and why.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Outcome;
use super::up::{Reach, Wanted, options};
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::engine::Reads;
use crate::explain::Origins;
use crate::load::Loaded;
use crate::load::trace::Trace;
use crate::ops::up::{self, Explained, UpOptions};
use crate::plan::seal::Seal;
use crate::project::unsupported;
use crate::report;
use crate::report::differences::differences;
use crate::report::json::json_line;

/// Print what `up` would do and why, without doing it
///
/// Of a container that would be replaced every attribute that changed is printed, with its old and
/// new value and the line where the new one is written. Exits with 0 when there is nothing to do,
/// with 2 when there is, and with 1 on errors.
#[derive(Debug, clap::Args)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    wanted: Wanted,

    #[command(flatten)]
    reach: Reach,

    /// Print every step as JSON
    #[arg(long)]
    json: bool,

    /// Write the plan down too, for `rcompose up --plan FILE`
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// A plan as it is written down: what it stands on, and the flags that it was made with.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Kept {
    pub(super) seal: Seal,
    pub(super) wanted: Wanted,
    pub(super) reach: Reach,
}

pub(super) async fn run(args: PlanArgs, context: &mut Context<'_>) -> Outcome {
    let mut options = options(&args.wanted, &args.reach, context)?;
    let (loaded, trace) = context.load_to_tell(&options.services)?;
    options.services.clone_from(&loaded.services);
    let reads = context.reads()?;
    let told = (&loaded, &trace);
    let explained = tell(context, reads.as_ref(), told, &options, args.json).await?;
    if let Some(path) = &args.output {
        let kept = Kept {
            seal: explained.seal,
            wanted: args.wanted,
            reach: args.reach,
        };
        let text = serde_json::to_string_pretty(&kept).unwrap_or_default() + "\n";
        context.write(path, &text)?;
    }
    Ok(if explained.plan.is_empty() { 0 } else { 2 })
}

/// Prints what an `up` of this kind would do.
async fn tell(
    context: &Context<'_>,
    reads: &dyn Reads,
    (loaded, trace): (&Loaded, &Trace),
    options: &UpOptions,
    json: bool,
) -> Result<Explained, Failure> {
    let explained = up::plan_explained(reads, &loaded.project, options).await;
    let explained = explained.map_err(|error| Failure::of(error, &loaded.sources))?;
    let Explained { plan, changes, .. } = &explained;
    let origins = Origins::new(loaded, trace);
    let differences = differences(changes, &origins, loaded);
    let unsupported = unsupported(&loaded.project);
    let text = if json {
        let unsupported = report::unsupported::json(&unsupported, &loaded.sources);
        json_line(&report::plan::json(plan, &differences, &unsupported))
    } else {
        context.note(&unsupported, loaded);
        for message in &plan.warnings {
            context.warn(message);
        }
        report::plan::explained(plan, &differences, context.colors_stdout())
    };
    context.environment.stdout.put(&text);
    Ok(explained)
}

/// What `up`, `create` and `scale` print in a dry run.
pub(super) async fn rehearse(
    context: &Context<'_>,
    reads: &dyn Reads,
    told: (&Loaded, &Trace),
    options: &UpOptions,
) -> Outcome {
    tell(context, reads, told, options, context.tells_json()).await?;
    Ok(0)
}
