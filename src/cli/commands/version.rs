//! `version`.

use clap::ValueEnum;

use crate::cli::context::Context;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Print the version
#[derive(Debug, clap::Args)]
pub(crate) struct VersionArgs {
    /// How to print it
    #[arg(short, long, value_enum, default_value_t = Format::Pretty, value_name = "FORMAT")]
    format: Format,

    /// Print the number only
    #[arg(long)]
    short: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Pretty,
    Json,
}

pub(super) fn run(args: &VersionArgs, context: &Context<'_>) -> u8 {
    let text = match args.format {
        _ if args.short => format!("{VERSION}\n"),
        Format::Pretty => pretty(),
        Format::Json => format!("{{\"version\":\"{VERSION}\"}}\n"),
    };
    context.environment.stdout.put(&text);
    0
}

/// `rcompose --version`.
pub(in crate::cli) fn short_form(context: &Context<'_>) -> u8 {
    context.environment.stdout.put(&pretty());
    0
}

fn pretty() -> String {
    format!("rcompose version {VERSION}\n")
}
