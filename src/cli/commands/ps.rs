//! `ps`.

use clap::ValueEnum;

use super::Outcome;
use crate::cli::context::Context;
use crate::ops::ps::{PsOptions, ps, services};
use crate::report;

/// List containers
#[derive(Debug, clap::Args)]
pub(crate) struct PsArgs {
    /// Services; all when absent
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,

    /// List stopped containers too, and those made by `run`
    #[arg(short, long)]
    all: bool,

    /// How to print the list
    #[arg(long, value_enum, default_value_t = Format::Table, value_name = "FORMAT")]
    format: Format,

    /// Print ids only
    #[arg(short, long)]
    quiet: bool,

    /// Print the names of services
    #[arg(long = "services")]
    only_services: bool,

    /// List containers in this state; may be given several times
    #[arg(long = "status", value_name = "STATE", value_parser = STATES)]
    states: Vec<String>,

    /// Do not cut long texts short
    #[arg(long)]
    no_trunc: bool,
}

const STATES: [&str; 7] = [
    "created",
    "running",
    "paused",
    "restarting",
    "removing",
    "exited",
    "dead",
];

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Table,
    Json,
}

pub(super) async fn run(args: PsArgs, context: &mut Context<'_>) -> Outcome {
    let subject = context.subject(&args.services)?;
    let options = PsOptions {
        services: args.services,
        all: args.all,
        states: args.states,
    };
    let engine = context.engine()?;
    let rows = ps(engine.as_ref(), subject.target(), &options).await;
    let rows = rows.map_err(|error| subject.failure(error))?;
    let clock = &context.environment.clock;
    let text = match args.format {
        _ if args.quiet => report::lines(rows.iter().map(|row| &row.id)),
        _ if args.only_services => report::lines(services(&rows)),
        Format::Table => report::ps::table(&rows, clock, args.no_trunc),
        Format::Json => report::ps::json(&rows, clock, args.no_trunc),
    };
    context.environment.stdout.put(&text);
    Ok(0)
}
