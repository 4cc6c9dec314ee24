//! `down`; on a terminal, it says what data it would delete and asks.

use super::Outcome;
use crate::cli::consent::{AllowedLoss, ask, can_ask};
use crate::cli::context::{Context, Subject};
use crate::cli::failure::Failure;
use crate::engine::Engine;
use crate::ops::lifecycle::{DownOptions, RemovedImages, down};
use crate::ops::loss::losses;
use crate::report;

/// Stop and remove containers and networks
#[derive(Debug, clap::Args)]
pub(crate) struct DownArgs {
    /// Services; all when absent
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,

    /// Remove containers of services that are in no file
    #[arg(long)]
    remove_orphans: bool,

    /// Seconds until a container is killed
    #[arg(short, long, value_name = "SECONDS", allow_negative_numbers = true)]
    timeout: Option<i32>,

    /// Remove volumes too, with everything that is in them. On a terminal, they are listed first,
    /// with their sizes and who else uses them, and you are asked
    #[arg(short, long)]
    volumes: bool,

    #[command(flatten)]
    allowed: AllowedLoss,

    /// Remove images too
    #[arg(long, value_enum, value_name = "WHICH")]
    rmi: Option<Rmi>,
}

/// Values of `--rmi`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Rmi {
    /// Those whose service gives them no name
    Local,
    /// All that services use
    All,
}

pub(super) async fn run(args: DownArgs, context: &mut Context<'_>) -> Outcome {
    let subject = context.subject(&args.services)?;
    let options = DownOptions {
        services: args.services,
        remove_orphans: args.remove_orphans || context.says_yes("COMPOSE_REMOVE_ORPHANS"),
        volumes: args.volumes,
        images: args.rmi.map(|rmi| match rmi {
            Rmi::Local => RemovedImages::Local,
            Rmi::All => RemovedImages::All,
        }),
        timeout: args.timeout,
    };
    let engine = context.engine()?;
    let lock = context.lock("down");
    if options.volumes
        && !context.is_dry_run()
        && can_ask(context)
        && !agreed(context, engine.as_ref(), &subject, &options, &args.allowed).await?
    {
        context.tell("Nothing was removed.");
        return Ok(1);
    }
    context.keep_evidence(engine.as_ref()).await;
    let reporter = context.reporter("down");
    let mut events = reporter.clone();
    let work = async {
        let gone = down(
            engine.as_ref(),
            subject.target(),
            &options,
            &lock,
            &mut events,
        )
        .await;
        gone.map_err(|error| subject.failure(error))
    };
    context.drive(&reporter, None, work).await?;
    Ok(0)
}

/// Lists what would be deleted and asks, unless all of it may be.
async fn agreed(
    context: &mut Context<'_>,
    engine: &dyn Engine,
    subject: &Subject,
    options: &DownOptions,
    allowed: &AllowedLoss,
) -> Result<bool, Failure> {
    context.tell("Asking the engine how large the volumes are, which may take a while …");
    let losses = losses(engine, subject.target(), options).await;
    let losses = losses.map_err(|error| subject.failure(error))?;
    let project = subject.target().name();
    if losses.iter().all(|it| allowed.covers(project, &it.volume)) {
        return Ok(true);
    }
    let text = report::loss::text(&losses);
    context.environment.stderr.put(&text);
    ask(context, "Delete them?")
}
