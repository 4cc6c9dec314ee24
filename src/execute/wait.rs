//! Waiting until containers are in a condition, by the engine's events and, for health, by the
//! container's own test.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::join_all;

use super::probe::{self, Probe};
use super::{Options, Reporter, StepResult, settle};
use crate::engine::{
    Answers, ContainerDetail, ContainerState, Engine, EngineError, Event, Filter, Health,
};
use crate::event::Outcome;
use crate::plan::{Condition, Goal};

/// Events tell when to look again. An engine that loses one must not hang us: this long after
/// the last look we look all the same.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// A wait for several containers.
pub(super) struct Wait<'e> {
    pub(super) engine: &'e dyn Engine,
    pub(super) goal: Goal,
    pub(super) options: &'e Options,
}

impl Wait<'_> {
    /// Waits until every container has reached the goal. When getting there is not required,
    /// failing is a warning.
    pub(super) async fn run(
        &self,
        containers: &[String],
        required: bool,
        reporter: &Reporter,
    ) -> StepResult {
        let waits = containers.iter().map(|name| self.wait_for(name));
        let waits = futures_util::future::try_join_all(waits);
        let missed = match self.options.patience.with(waits).await {
            Some(Ok(_)) => return Ok(Outcome::Done),
            Some(Err(missed)) => vec![missed],
            None => self.still_missing(containers).await,
        };
        if required {
            return Err(self.told_in_full(&missed));
        }
        let reasons = missed.join("; ");
        reporter.warning(format!("{reasons}; the dependency is optional"));
        Ok(Outcome::Tolerated)
    }

    async fn wait_for(&self, name: &str) -> Result<(), String> {
        let Goal::Condition(condition) = self.goal else {
            return settle::settled(self.engine, name, self.options.probe).await;
        };
        let first = look(self.engine, name).await?;
        if judge(&first, condition)? {
            return Ok(());
        }
        let told = told(self.engine, name, condition);
        if condition != Condition::Healthy || self.options.probe == Probe::Engine {
            return told.await;
        }
        tokio::select! {
            result = told => result,
            () = probe::passes(self.engine, &first) => Ok(()),
        }
    }

    /// Those that patience was not enough for, as they are now.
    async fn still_missing(&self, containers: &[String]) -> Vec<String> {
        let limit = self.options.patience.seconds();
        let looks = containers
            .iter()
            .map(async |name| match look(self.engine, name).await {
                Ok(container) if self.has_arrived(&container) => None,
                Ok(container) => {
                    let state = state_words(&container);
                    Some(format!(
                        "container {name} is not ready after {limit} s: {state}"
                    ))
                }
                Err(reason) => Some(reason),
            });
        join_all(looks).await.into_iter().flatten().collect()
    }

    /// Whether a container that was still waited for is not the one to blame.
    fn has_arrived(&self, container: &ContainerDetail) -> bool {
        match self.goal {
            Goal::Condition(condition) => judge(container, condition) == Ok(true),
            Goal::Ready => settle::is_done_or_healthy(container),
        }
    }

    fn told_in_full(&self, missed: &[String]) -> String {
        if missed.is_empty() {
            let limit = self.options.patience.seconds();
            return format!("not ready after {limit} s");
        }
        missed.join("\n")
    }
}

pub(super) async fn look(engine: &dyn Engine, name: &str) -> Result<ContainerDetail, String> {
    match engine.container(name).await {
        Ok(Some(container)) => Ok(container),
        Ok(None) => Err(format!("container {name} is gone while it was waited for")),
        Err(error) => Err(lost(name, &error)),
    }
}

pub(super) fn lost(name: &str, error: &EngineError) -> String {
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
/// broke and has to be listened to anew.
pub(super) async fn something_happened(events: &mut Answers<Event>) -> bool {
    tokio::time::timeout(LOOK_AGAIN, consequence(events))
        .await
        .unwrap_or(true)
}

/// Waits for an event of consequence; false when the stream broke. What is executed inside is of
/// no consequence, and there are as many such events as there are probes.
pub(super) async fn consequence(events: &mut Answers<Event>) -> bool {
    let matters = [
        "start", "die", "restart", "stop", "oom", "pause", "unpause", "destroy",
    ];
    loop {
        match events.next().await {
            Some(Ok(event)) => {
                let action = event.action.as_str();
                if matters.contains(&action) || action.starts_with("health_status") {
                    return true;
                }
            }
            None | Some(Err(_)) => return false,
        }
    }
}

/// Whether the condition holds; an error when it cannot come to hold any more.
fn judge(container: &ContainerDetail, condition: Condition) -> Result<bool, String> {
    let name = &container.name;
    let ended = has_ended(container);
    let code = container.exit_code;
    match condition {
        Condition::Started => Ok(ended || container.state == ContainerState::Running),
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

pub(super) fn has_ended(container: &ContainerDetail) -> bool {
    matches!(
        container.state,
        ContainerState::Exited | ContainerState::Dead
    )
}

pub(super) fn unhealthy(container: &ContainerDetail) -> String {
    let said = last_probe(container);
    format!("container {} is unhealthy{said}", container.name)
}

fn last_probe(container: &ContainerDetail) -> String {
    match container.health_output.trim() {
        "" => String::new(),
        output => format!("; its last probe said: {output}"),
    }
}

/// What keeps a container from being ready.
fn state_words(container: &ContainerDetail) -> String {
    let code = container.exit_code;
    match (&container.state, container.health) {
        (ContainerState::Restarting, _) => format!("it keeps restarting, last exit code {code}"),
        (ContainerState::Running, Some(Health::Starting)) => {
            let said = last_probe(container);
            format!("its health check has not passed yet{said}")
        }
        (ContainerState::Running, _) if container.restart_count > 0 => {
            format!("it has been restarted {} times", container.restart_count)
        }
        (ContainerState::Running, _) => "it is still running".to_owned(),
        (ContainerState::Exited, _) => format!("it exited ({code})"),
        (state, _) => format!("it is {}", state.as_str()),
    }
}
