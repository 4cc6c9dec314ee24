//! `logs`.

use futures_util::StreamExt;

use super::Outcome;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::moment;
use crate::ops::logs::{LogsOptions, logs};

/// Print the output of containers
#[derive(Debug, clap::Args)]
pub(crate) struct LogsArgs {
    /// Services; all when absent
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,

    /// Stay and print what comes
    #[arg(short, long)]
    follow: bool,

    /// Only the service's container with this number
    #[arg(long, value_name = "NUMBER")]
    index: Option<u32>,

    /// Only what was printed since a moment (2026-11-21T10:00:00Z) or for a while (42m)
    #[arg(long, value_name = "MOMENT")]
    since: Option<String>,

    /// Only what was printed before a moment (2026-11-21T10:00:00Z) or a while ago (42m)
    #[arg(long, value_name = "MOMENT")]
    until: Option<String>,

    /// Print without colours
    #[arg(long)]
    no_color: bool,

    /// Print without the containers' names
    #[arg(long)]
    no_log_prefix: bool,

    /// Print the time of every line
    #[arg(short, long)]
    timestamps: bool,

    /// Number of lines from the end of each container's output
    #[arg(short = 'n', long, value_name = "LINES", default_value = "all", value_parser = tail)]
    tail: Tail,
}

/// How much of the past is printed.
#[derive(Debug, Clone, Copy)]
struct Tail(Option<u64>);

/// Reads `all` or a number; like docker compose, a negative one is all.
fn tail(text: &str) -> Result<Tail, String> {
    if text == "all" || text.parse::<i64>().is_ok_and(|number| number < 0) {
        return Ok(Tail(None));
    }
    let number = text.parse().map_err(|_| "a number, or `all`".to_owned())?;
    Ok(Tail(Some(number)))
}

pub(super) async fn run(args: LogsArgs, context: &mut Context<'_>) -> Outcome {
    if args.index.is_some() && args.services.len() != 1 {
        return Err(Failure::message(
            "--index needs exactly one service",
            "for example: rcompose logs --index 2 web",
        ));
    }
    let subject = context.subject(&args.services)?;
    let options = LogsOptions {
        services: args.services,
        index: args.index,
        follow: args.follow,
        timestamps: args.timestamps,
        tail: args.tail.0,
        since: moment(args.since.as_deref(), "--since", context)?,
        until: moment(args.until.as_deref(), "--until", context)?,
    };
    let engine = context.engine()?;
    let target = subject.target();
    let mut printer = context.log_printer(target.name(), args.no_log_prefix, args.no_color);
    let work = logs(engine.as_ref(), target, &options, &mut printer);
    let result = tokio::select! {
        biased;
        Some(()) = context.environment.interrupts.next() => Err(Failure::Interrupted),
        () = gone(&context.environment.stdout) => Ok(()),
        result = work => result.map_err(|error| subject.failure(error)),
    };
    printer.finish();
    result.map(|()| 0)
}

/// Ends when nobody reads any more: `logs -f | head` must not wait for the next line forever.
async fn gone(stdout: &crate::report::Stream) {
    while !stdout.is_broken() {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}

fn moment(
    text: Option<&str>,
    flag: &str,
    context: &Context<'_>,
) -> Result<Option<String>, Failure> {
    let Some(text) = text else {
        return Ok(None);
    };
    let parsed = moment::parse(text, &context.environment.clock);
    let failure = || {
        Failure::message(
            format!("`{text}` is no moment for {flag}"),
            "write 2026-11-21T10:00:00Z, unix seconds, or how long ago: 1h30m",
        )
    };
    parsed.map(Some).ok_or_else(failure)
}
