//! Why a step failed, as far as the engine can tell afterwards: a [`Card`] for each container (or
//! other thing) that is to blame.
//!
//! The step's error says what could not be done. The card adds what a person would look up next:
//! the service, how the container ended, its last lines, its last health check, who had to go
//! without it, and what to try. Nothing is changed, and an engine that does not answer in a few
//! seconds makes the card shorter, not the command longer. Values of variables whose names tell of
//! secrets are masked wherever they turn up.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::join_all;

use crate::engine::{ContainerDetail, ContainerState, LogOptions, Reads};
use crate::explain::masked::{MASK, is_secret_name};
use crate::plan::{Kind, Operation, Plan, Step, StepId, labels, naming};

mod remedy;
mod signal;
mod size;

/// So many of a container's last lines are on its card,
const LAST_LINES: u64 = 10;
/// as far as the engine finds them in this time.
const PATIENCE: Duration = Duration::from_secs(3);

/// A step that failed.
#[derive(Debug, Clone, PartialEq)]
pub struct FailedStep {
    /// The plan that it belongs to.
    pub plan: Arc<Plan>,
    /// Which.
    pub step: StepId,
    /// What failed, complete.
    pub error: String,
}

/// Why something failed.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Card {
    /// The service that is to blame; none when it is a network, a volume or an image of several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Its container, when there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// Exit code, when it has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i64>,
    /// The signal that ended it, as far as the exit code tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signal: Option<&'static str>,
    /// Killed for want of memory.
    pub out_of_memory: bool,
    /// What that comes to, in one sentence; empty when the error says it all.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cause: String,
    /// The last lines that it printed.
    pub log: Vec<String>,
    /// What its last health check said.
    pub health: Vec<String>,
    /// Services that had to go without it.
    pub blocked: Vec<String>,
    /// What to try.
    pub help: Vec<String>,
}

/// Looks at what failed. One card at least for each step, in the order of the steps given.
pub async fn examine(reads: &dyn Reads, failed: &[FailedStep]) -> Vec<Vec<Card>> {
    join_all(failed.iter().map(|failed| cards(reads, failed))).await
}

async fn cards(reads: &dyn Reads, failed: &FailedStep) -> Vec<Card> {
    let Some(step) = failed.plan.steps.get(failed.step.0) else {
        return Vec::new();
    };
    let blank = Card {
        service: step.service.clone(),
        blocked: blocked(&failed.plan, failed.step, step.service.as_deref()),
        ..Card::default()
    };
    let containers = suspects(step, &failed.error);
    let looks = containers.iter().map(|name| look(reads, name));
    let looks = tokio::time::timeout(PATIENCE, join_all(looks)).await;
    let found: Vec<Found> = looks.unwrap_or_default().into_iter().flatten().collect();
    if found.is_empty() {
        return vec![finished(blank, &failed.error, None)];
    }
    let card = |found: &Found| finished(blank.clone(), &failed.error, Some(found));
    found.iter().map(card).collect()
}

/// The containers that a step's failure may be told by: of a wait, those that its error names.
fn suspects(step: &Step, error: &str) -> Vec<String> {
    match &step.operation {
        Operation::Wait { containers, .. } => {
            let named = containers.iter().filter(|name| error.contains(*name));
            let named: Vec<String> = named.cloned().collect();
            if named.is_empty() {
                containers.clone()
            } else {
                named
            }
        }
        operation if operation.kind() == Kind::Container => match operation {
            Operation::CreateContainer(create) => vec![create.name.clone()],
            operation => vec![operation.name().to_owned()],
        },
        _ => Vec::new(),
    }
}

/// What the engine tells of a container.
struct Found {
    detail: ContainerDetail,
    log: Vec<String>,
}

async fn look(reads: &dyn Reads, name: &str) -> Option<Found> {
    let detail = reads.container(name).await.ok().flatten()?;
    // What was never started has not printed anything.
    let log = if detail.state == ContainerState::Created && detail.exit_code == 0 {
        Vec::new()
    } else {
        last_lines(reads, name).await
    };
    let secrets = secrets(&detail);
    let log = log.iter().map(|line| without(line, &secrets)).collect();
    Some(Found { detail, log })
}

async fn last_lines(reads: &dyn Reads, name: &str) -> Vec<String> {
    let options = LogOptions {
        tail: Some(LAST_LINES),
        ..LogOptions::default()
    };
    let Ok(mut output) = reads.logs(name, &options).await else {
        return Vec::new();
    };
    let mut bytes = Vec::new();
    while let Some(Ok(piece)) = output.next().await {
        bytes.extend_from_slice(&piece.bytes);
    }
    let text = String::from_utf8_lossy(&bytes);
    text.lines().map(str::to_owned).collect()
}

/// Values in a container's environment that are nobody's business.
pub(super) fn secrets(detail: &ContainerDetail) -> Vec<String> {
    let environment = detail.raw["Config"]["Env"].as_array();
    let pairs = environment.into_iter().flatten();
    let pairs = pairs.filter_map(|pair| pair.as_str()?.split_once('='));
    pairs
        .filter(|(name, value)| is_secret_name(name) && value.len() > 2)
        .map(|(_, value)| value.to_owned())
        .collect()
}

/// A text without them.
pub(super) fn without(text: &str, secrets: &[String]) -> String {
    let mask = |text: String, secret: &String| text.replace(secret.as_str(), MASK);
    secrets.iter().fold(text.to_owned(), mask)
}

/// The services whose steps needed the one that failed.
fn blocked(plan: &Plan, failed: StepId, own: Option<&str>) -> Vec<String> {
    let mut reached = BTreeSet::from([failed]);
    let mut services = Vec::new();
    for (index, step) in plan.steps.iter().enumerate() {
        if !step.after.iter().any(|before| reached.contains(before)) {
            continue;
        }
        reached.insert(StepId(index));
        let service = step.service.as_ref();
        let service = service.filter(|it| Some(it.as_str()) != own && !services.contains(*it));
        services.extend(service.cloned());
    }
    services
}

fn finished(mut card: Card, error: &str, found: Option<&Found>) -> Card {
    let mut said = error.to_owned();
    if let Some(Found { detail, log }) = found {
        if let Some(service) = detail.labels.get(labels::SERVICE) {
            card.service = Some(service.clone());
        }
        card.container = Some(naming::final_name(&detail.name).to_owned());
        card.log.clone_from(log);
        card.out_of_memory = detail.oom_killed;
        if has_ended(detail) {
            card.exit_code = Some(detail.exit_code);
            card.signal = signal::of_exit_code(detail.exit_code);
        }
        let health = without(&detail.health_output, &secrets(detail));
        card.health = health.trim().lines().map(str::to_owned).collect();
        said = format!("{said}\n{}", detail.error);
        card.cause = cause(detail, error, card.signal);
    }
    card.help = remedy::help(&card, &said);
    card
}

fn has_ended(detail: &ContainerDetail) -> bool {
    let ended = [
        ContainerState::Exited,
        ContainerState::Dead,
        ContainerState::Restarting,
    ];
    ended.contains(&detail.state)
}

/// What an exit code comes to, and what the engine noted that the error does not say.
fn cause(detail: &ContainerDetail, error: &str, signal: Option<&str>) -> String {
    let noted = detail.error.trim();
    if detail.oom_killed {
        let limit = detail.raw["HostConfig"]["Memory"].as_i64().unwrap_or(0);
        let limit = match limit {
            0 => String::new(),
            limit => format!(" of {}", size::readable(limit.unsigned_abs())),
        };
        return format!("out of memory: the kernel killed a process of it at its limit{limit}");
    }
    if !noted.is_empty() && !error.contains(noted) {
        return noted.to_owned();
    }
    match (has_ended(detail), signal) {
        (true, Some(signal)) => format!("it was ended by {signal}, or says so by its exit code"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Cause;

    fn step(service: &str, after: &[usize]) -> Step {
        Step {
            operation: Operation::StartContainer {
                name: format!("demo-{service}-1"),
            },
            cause: Cause::Missing,
            service: Some(service.to_owned()),
            after: after.iter().copied().map(StepId).collect(),
            only_if: Vec::new(),
        }
    }

    #[test]
    fn who_had_to_go_without_is_told_however_far_away_and_once() {
        let plan = Plan {
            steps: vec![
                step("db", &[]),
                step("cache", &[]),
                step("api", &[0]),
                step("web", &[2]),
                step("web", &[2]),
            ],
            ..Plan::default()
        };
        assert_eq!(blocked(&plan, StepId(0), Some("db")), ["api", "web"]);
        assert_eq!(blocked(&plan, StepId(1), Some("cache")), [""; 0]);
    }

    #[test]
    fn values_of_secret_variables_are_masked_wherever_they_are() {
        let detail = ContainerDetail {
            raw: serde_json::json!({"Config": {"Env": ["DB_PASSWORD=hunter2", "MODE=hunter"]}}),
            ..ContainerDetail::default()
        };
        let text = without("cannot log in with hunter2, hunter", &secrets(&detail));
        assert_eq!(text, "cannot log in with ********, hunter");
    }
}
