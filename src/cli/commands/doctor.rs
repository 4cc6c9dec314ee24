//! `doctor`: looks, and mends when it is told to or allowed to.

use super::Outcome;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::ops::doctor::{examine, mend};
use crate::report;
use crate::report::json::json_line;

/// Look for what killed runs left of the project, and mend it
///
/// Tells which engine is used, who is at work on the project, and what is not as a finished run
/// leaves it: containers under temporary names, locks of runs that were killed, containers and
/// networks that no file speaks of. Without --fix it asks before it changes anything, and where
/// there is no terminal to ask on it changes nothing. Volumes are never touched.
///
/// Exits with 0 when there is nothing to mend, with 2 when there is, and with 1 on errors.
#[derive(Debug, clap::Args)]
pub(crate) struct DoctorArgs {
    /// Mend without asking
    #[arg(long)]
    fix: bool,

    /// Print what was found as JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: DoctorArgs, context: &mut Context<'_>) -> Outcome {
    let subject = context.subject(&[])?;
    let engine = context.engine()?;
    let lock = context.lock("doctor");
    let looked = examine(engine.as_ref(), subject.target(), &lock).await;
    let mut found = looked.map_err(|error| subject.failure(error))?;
    if !args.json {
        let text = report::doctor::text(&found, context.colors_stdout());
        context.environment.stdout.put(&text);
    }
    // Whether another host's run still lives shows when the lock is taken.
    let any = found.mendable() > 0 || args.fix && !found.holders.is_empty();
    if any && (args.fix || !args.json && agreed(found.mendable(), context)?) {
        let reporter = context.reporter("doctor");
        let mut events = reporter.clone();
        let work = async {
            let mended = mend(engine.as_ref(), subject.target(), &lock, &mut events).await;
            mended.map_err(|error| subject.failure(error))
        };
        context.drive(&reporter, None, work).await?;
        let looked = examine(engine.as_ref(), subject.target(), &lock).await;
        found = looked.map_err(|error| subject.failure(error))?;
    }
    if args.json {
        let object = json_line(&report::doctor::json(&found));
        context.environment.stdout.put(&object);
    }
    Ok(if found.findings.is_empty() { 0 } else { 2 })
}

/// Asks where there is a terminal; no answer is a no.
fn agreed(count: usize, context: &mut Context<'_>) -> Result<bool, Failure> {
    let environment = &mut context.environment;
    if !environment.terminals.stdin {
        return Ok(false);
    }
    let these = if count == 1 { "it" } else { "them" };
    environment.stderr.put(&format!("Mend {these}? [y/N] "));
    let mut answer = String::new();
    let read = environment.stdin.read_line(&mut answer);
    read.map_err(|error| {
        Failure::message(format!("cannot read the answer: {error}"), "use --fix")
    })?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes" | "Yes" | "YES"))
}
