//! `why`: why a service's containers are what they are.

use super::Outcome;
use super::up::{Reach, Wanted, options};
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::explain::Origins;
use crate::ops::up;
use crate::report::differences::differences;
use crate::report::json::json_line;
use crate::report::why::Question;

/// Print why a service's containers were last replaced, or would be now
///
/// Of a container that `up` would replace every attribute that changed is printed, with its old and
/// new value and the line where the new one is written; of containers that docker compose made,
/// too, as far as the engine tells.
#[derive(Debug, clap::Args)]
pub(crate) struct WhyArgs {
    /// The service
    #[arg(value_name = "SERVICE")]
    service: String,

    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: WhyArgs, context: &mut Context<'_>) -> Outcome {
    let services = std::slice::from_ref(&args.service);
    let (loaded, trace) = context.load_to_tell(services)?;
    crate::ops::check_services(&loaded.project, services)
        .map_err(|error| Failure::of(error, &loaded.sources))?;
    // The plan of everything: what becomes of a service may depend on others.
    let options = options(&Wanted::default(), &Reach::default(), context)?;
    let reads = context.reads()?;
    let explained = up::plan_explained(reads.as_ref(), &loaded.project, &options).await;
    let explained = explained.map_err(|error| Failure::of(error, &loaded.sources))?;
    let origins = Origins::new(&loaded, &trace);
    let question = Question {
        service: &args.service,
        explained: &explained,
        differences: &differences(&explained.changes, &origins, &loaded),
    };
    let text = if args.json {
        json_line(&question.json())
    } else {
        question.text(&context.environment.clock, context.colors_stdout())
    };
    context.environment.stdout.put(&text);
    Ok(0)
}
