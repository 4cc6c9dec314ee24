//! Waiting until containers are in a condition, by the engine's events.

use std::time::Duration;

use futures_util::StreamExt;

use super::{Reporter, StepResult};
use crate::engine::{ContainerDetail, ContainerState, Engine, EngineError, Filter, Health};
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
    reporter: &Reporter,
) -> StepResult {
    let waits = containers
        .iter()
        .map(|name| wait_for(engine, name, condition));
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

async fn wait_for(engine: &dyn Engine, name: &str, condition: Condition) -> Result<(), String> {
    let lost = |error: EngineError| format!("cannot wait for container {name}: {error}");
    loop {
        // Listening begins before looking, so that nothing is missed in between.
        let filter = Filter {
            names: vec![name.to_owned()],
            ..Filter::default()
        };
        let mut events = engine.events(&filter, None).await.map_err(lost)?;
        loop {
            let Some(container) = engine.container(name).await.map_err(lost)? else {
                return Err(format!("container {name} is gone while it was waited for"));
            };
            if judge(&container, condition)? {
                return Ok(());
            }
            match tokio::time::timeout(LOOK_AGAIN, events.next()).await {
                Ok(Some(Ok(_))) | Err(_) => {}
                // The stream broke: listen anew.
                Ok(None | Some(Err(_))) => break,
            }
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
