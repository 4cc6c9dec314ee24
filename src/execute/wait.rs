//! Waiting until containers are in a condition, by the engine's events and, for health, by the
//! container's own test.

use std::time::Duration;

use futures_util::StreamExt;

use super::probe::{self, Probe};
use super::{Reporter, StepResult};
use crate::engine::{
    Answers, ContainerDetail, ContainerState, Engine, EngineError, Event, Filter, Health,
};
use crate::event::Outcome;
use crate::plan::Condition;

/// Events tell when to look again. An engine that loses one must not hang us: this long after
/// the last look we look all the same.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// Waits until every container is in the condition. When getting there is not required, failing
/// is a warning.
pub(super) async fn wait(
    engine: &dyn Engine,
    containers: &[String],
    condition: Condition,
    required: bool,
    probe: Probe,
    reporter: &Reporter,
) -> StepResult {
    let waits = containers
        .iter()
        .map(|name| wait_for(engine, name, condition, probe));
    let result = futures_util::future::try_join_all(waits).await;
    match result {
        Ok(_) => Ok(Outcome::Done),
        Err(reason) if required => Err(reason),
        Err(reason) => {
            reporter.warning(format!("{reason}; the dependency is optional"));
            Ok(Outcome::Tolerated)
        }
    }
}

async fn wait_for(
    engine: &dyn Engine,
    name: &str,
    condition: Condition,
    probe: Probe,
) -> Result<(), String> {
    let first = look(engine, name).await?;
    if judge(&first, condition)? {
        return Ok(());
    }
    let told = told(engine, name, condition);
    if condition != Condition::Healthy || probe == Probe::Engine {
        return told.await;
    }
    tokio::select! {
        result = told => result,
        () = probe::passes(engine, &first) => Ok(()),
    }
}

async fn look(engine: &dyn Engine, name: &str) -> Result<ContainerDetail, String> {
    match engine.container(name).await {
        Ok(Some(container)) => Ok(container),
        Ok(None) => Err(format!("container {name} is gone while it was waited for")),
        Err(error) => Err(lost(name, &error)),
    }
}

fn lost(name: &str, error: &EngineError) -> String {
    format!("cannot wait for container {name}: {error}")
}

/// Ends when the engine tells that the condition holds, or cannot come to hold.
async fn told(engine: &dyn Engine, name: &str, condition: Condition) -> Result<(), String> {
    let filter = Filter {
        names: vec![name.to_owned()],
        ..Filter::default()
    };
    loop {
        // Listening begins before looking, so that nothing is missed in between.
        let events = engine.events(&filter, None).await;
        let mut events = events.map_err(|error| lost(name, &error))?;
        loop {
            if judge(&look(engine, name).await?, condition)? {
                return Ok(());
            }
            if !something_happened(&mut events).await {
                break;
            }
        }
    }
}

/// Waits for an event of consequence, or for the time to look all the same; false when the stream
/// broke and has to be listened to anew. What is executed inside is of no consequence, and there
/// are as many such events as there are probes.
async fn something_happened(events: &mut Answers<Event>) -> bool {
    loop {
        match tokio::time::timeout(LOOK_AGAIN, events.next()).await {
            Ok(Some(Ok(event))) if event.action.starts_with("exec_") => {}
            Ok(Some(Ok(_))) | Err(_) => return true,
            Ok(None | Some(Err(_))) => return false,
        }
    }
}

/// Whether the condition holds; an error when it cannot come to hold any more.
fn judge(container: &ContainerDetail, condition: Condition) -> Result<bool, String> {
    let name = &container.name;
    let ended = matches!(
        container.state,
        ContainerState::Exited | ContainerState::Dead
    );
    let code = container.exit_code;
    match condition {
        Condition::Started if ended && code != 0 => {
            Err(format!("container {name} exited ({code})"))
        }
        Condition::Started if ended => Ok(true),
        // Its image may have a health check that the files know nothing of.
        Condition::Started => match container.health {
            Some(Health::Unhealthy) => Err(unhealthy(container)),
            Some(Health::Starting) => Ok(false),
            Some(Health::Healthy) | None => Ok(container.state == ContainerState::Running),
        },
        Condition::CompletedSuccessfully if ended && code != 0 => Err(format!(
            "container {name} didn't complete successfully: exit {code}"
        )),
        Condition::CompletedSuccessfully => Ok(ended),
        Condition::Healthy if ended => Err(format!("container {name} exited ({code})")),
        Condition::Healthy => match container.health {
            None => Err(format!("container {name} has no health check")),
            Some(Health::Healthy) => Ok(true),
            Some(Health::Starting) => Ok(false),
            Some(Health::Unhealthy) => Err(unhealthy(container)),
        },
    }
}

fn unhealthy(container: &ContainerDetail) -> String {
    let output = container.health_output.trim();
    let said = if output.is_empty() {
        String::new()
    } else {
        format!("; its last probe said: {output}")
    };
    format!("container {} is unhealthy{said}", container.name)
}
