//! `wait`: tells how containers end, and ends like the last of them.

use super::Outcome;
use crate::cli::context::{Context, exit_code};
use crate::ops::wait::{Ended, WaitOptions, wait};

/// Wait until containers end; the exit code is theirs
#[derive(Debug, clap::Args)]
pub(crate) struct WaitArgs {
    /// Services
    #[arg(value_name = "SERVICE", required = true)]
    services: Vec<String>,

    /// Take the project down when the first container has ended
    #[arg(long)]
    down_project: bool,
}

pub(super) async fn run(args: WaitArgs, context: &mut Context<'_>) -> Outcome {
    let subject = context.subject(&args.services)?;
    let options = WaitOptions {
        services: args.services,
        down_project: args.down_project,
        lock: context.lock("wait"),
    };
    let engine = context.engine()?;
    let reporter = context.reporter("wait");
    let mut events = reporter.clone();
    let stdout = context.environment.stdout.clone();
    let mut tell = move |ended: &Ended| {
        let Ended { id, code } = ended;
        stdout.put(&format!(
            "container \"{id}\" exited with status code {code}\n"
        ));
    };
    let work = async {
        let target = subject.target();
        let waited = wait(engine.as_ref(), target, &options, &mut tell, &mut events).await;
        waited.map_err(|error| subject.failure(error))
    };
    Ok(exit_code(context.drive(&reporter, None, work).await?))
}
