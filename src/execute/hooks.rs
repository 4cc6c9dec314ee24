//! Hooks: commands of a service that run inside its containers.
//!
//! A hook never hangs longer than its container lives: engines end what runs inside a container
//! with it, and where one does not say so, that the container has ended is known here as well.

use std::time::Duration;

use futures_util::StreamExt;

use super::operation::create_container;
use super::{Options, Reporter, StepResult};
use crate::engine::{Answers, ContainerState, Engine, EngineError, Exec, ExecOutcome, Output};
use crate::event::{Outcome, Progress};
use crate::plan::CreateContainer;
use crate::plan::hooks::{Moment, RunHook};

/// How long an engine may take to tell of a command that its container has ended.
const GRACE: Duration = Duration::from_secs(2);

/// Runs a hook to its end.
pub(super) async fn run(engine: &dyn Engine, hook: &RunHook, reporter: &Reporter) -> StepResult {
    let what = format!("hook {} of container {}", hook.title(), hook.container);
    let failure = match exec(engine, hook).await {
        Some(Ok(outcome)) => {
            tell(&outcome, reporter);
            match outcome.code {
                0 => return Ok(Outcome::Done),
                _ if gone(engine, hook).await => return Ok(Outcome::Done),
                code => format!("{what} ended with code {code}"),
            }
        }
        // Whoever is to stop has done so already, or cannot run anything just now.
        Some(Err(EngineError::NotFound(_) | EngineError::Conflict(_))) if is_last(hook) => {
            return Ok(Outcome::Unchanged);
        }
        Some(Err(error)) => format!("cannot run {what}: {error}"),
        None if is_last(hook) => return Ok(Outcome::Done),
        None => format!("the container ended while {what} ran"),
    };
    if hook.required {
        return Err(failure);
    }
    reporter.warning(format!("{failure}; it is stopped all the same"));
    Ok(Outcome::Tolerated)
}

fn is_last(hook: &RunHook) -> bool {
    hook.moment == Moment::BeforeStop
}

/// Nothing when the container has ended and the engine does not tell what became of the command.
async fn exec(engine: &dyn Engine, hook: &RunHook) -> Option<Result<ExecOutcome, EngineError>> {
    let exec = Exec {
        command: hook.command.clone(),
        user: hook.user.clone(),
        privileged: hook.privileged,
        working_dir: hook.working_dir.clone(),
        environment: hook.environment.clone(),
    };
    let ended = async {
        match engine.wait_container(&hook.container).await {
            Ok(_) => tokio::time::sleep(GRACE).await,
            // Then nobody can tell, and what the command itself says has to do.
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        outcome = engine.exec(&hook.container, &exec) => Some(outcome),
        () = ended => None,
    }
}

/// Whether a hook before a stop failed because the stop has happened.
async fn gone(engine: &dyn Engine, hook: &RunHook) -> bool {
    let container = engine.container(&hook.container).await;
    is_last(hook)
        && matches!(container, Ok(found) if found.as_ref().is_none_or(|it| it.state != ContainerState::Running))
}

fn tell(outcome: &ExecOutcome, reporter: &Reporter) {
    for line in String::from_utf8_lossy(&outcome.output).lines() {
        reporter.progress(Progress::Line(line.to_owned()));
    }
}

/// Runs a container of its own to its end. One that fails is kept for whoever wants to know why;
/// one that the user breaks off is not.
pub(super) async fn run_container(
    engine: &dyn Engine,
    create: &CreateContainer,
    options: &Options,
    reporter: &Reporter,
) -> StepResult {
    let name = &create.name;
    let failed = |error: EngineError| format!("cannot run container {name}: {error}");
    // A run that was killed may have left one.
    let removed = engine.remove_container(name, true, true).await;
    removed.map_err(failed)?;
    create_container(engine, create, &|_| ())
        .await
        .map_err(failed)?;
    let code = tokio::select! {
        code = follow(engine, name, reporter) => code.map_err(failed)?,
        () = options.cancel.cancelled() => {
            let removed = engine.remove_container(name, true, true).await;
            removed.map_err(failed)?;
            return Err(format!("container {name} was broken off and removed"));
        }
    };
    if code == 0 {
        let removed = engine.remove_container(name, true, true).await;
        removed.map_err(failed)?;
        return Ok(Outcome::Done);
    }
    Err(format!(
        "container {name} ended with code {code}; it stays until the next run, so that `docker logs {name}` can be read"
    ))
}

async fn follow(engine: &dyn Engine, name: &str, reporter: &Reporter) -> Result<i64, EngineError> {
    let output = engine.attach_container(name).await?;
    engine.start_container(name).await?;
    tell_all(output, reporter).await;
    engine.wait_container(name).await
}

/// Tells output line by line, as it comes.
async fn tell_all(mut output: Answers<Output>, reporter: &Reporter) {
    let mut line = Vec::new();
    let tell = |line: &[u8]| {
        let text = String::from_utf8_lossy(line)
            .trim_end_matches('\r')
            .to_owned();
        reporter.progress(Progress::Line(text));
    };
    // When the output is lost, the end of the container tells how it went.
    while let Some(Ok(piece)) = output.next().await {
        for byte in piece.bytes {
            match byte {
                b'\n' => tell(&std::mem::take(&mut line)),
                byte => line.push(byte),
            }
        }
    }
    if !line.is_empty() {
        tell(&line);
    }
}
