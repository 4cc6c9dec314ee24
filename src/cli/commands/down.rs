//! `down`.

use super::Outcome;
use crate::cli::context::Context;
use crate::ops::lifecycle::{DownOptions, RemovedImages, down};

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

    /// Remove volumes too, with everything that is in them
    #[arg(short, long)]
    volumes: bool,

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
