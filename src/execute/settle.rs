//! Ready for good: what `--wait` takes for an answer.
//!
//! | the container | is it ready? |
//! |---|---|
//! | is healthy, and was never restarted | yes |
//! | runs without a health check, and nothing would start it again | when it has done so for 0.5 s |
//! | runs without a health check, and was never restarted but would be | when it has done so for 2.5 s |
//! | runs (healthy, where that is checked) after a restart | when it has done so for 10 s |
//! | ended with 0, and is not to be started again | yes: a job that is done |
//! | ended otherwise, is unhealthy or paused | no, and it will not be |
//! | waits for its next start the fifth time | no: a crash loop |
//! | anything else | not yet |
//!
//! Half a second is after how long docker compose first looks: whatever cannot even begin has failed
//! by then. Only what its restart policy starts again can be in a crash loop, and a loop shows as
//! such only once its first crash has been seen; no time is safe for every loop, and 2.5 s are
//! enough for a program that gives up on its database after a second or two.
//!
//! Ten seconds are what the engine itself takes for a start that went well: it begins its pauses
//! between restarts anew then.

use std::time::Duration;

use super::probe::{self, Probe};
use super::wait::{consequence, has_ended, look, lost, something_happened, unhealthy};
use crate::engine::{ContainerDetail, ContainerState, Engine, Filter, Health};

/// How long the only run has to last.
const ONLY_RUN: Duration = Duration::from_millis(500);
/// How long the first of several has to.
const FIRST_RUN: Duration = Duration::from_millis(2500);
/// How long a run after a restart has to last.
const LATER_RUN: Duration = Duration::from_secs(10);
/// So many restarts while we wait are a crash loop.
const CRASH_LOOP: i64 = 5;

/// What a look at a container comes to.
#[derive(Debug, PartialEq, Eq)]
enum Readiness {
    Ready,
    /// If nothing happens for so long.
    After(Duration),
    NotYet,
}

/// Waits until a container is ready; an error when it cannot become so.
pub(super) async fn settled(engine: &dyn Engine, name: &str, probe: Probe) -> Result<(), String> {
    let told = told(engine, name);
    if probe == Probe::Engine {
        return told.await;
    }
    tokio::pin!(told);
    let first = look(engine, name).await?;
    tokio::select! {
        result = &mut told => return result,
        () = probe::passes(engine, &first) => {}
    }
    let container = look(engine, name).await?;
    if container.state == ContainerState::Running && container.restart_count == 0 {
        return Ok(());
    }
    told.await
}

async fn told(engine: &dyn Engine, name: &str) -> Result<(), String> {
    let filter = Filter {
        names: vec![name.to_owned()],
        ..Filter::default()
    };
    let mut first = None;
    loop {
        let events = engine.events(&filter, None).await;
        let mut events = events.map_err(|error| lost(name, &error))?;
        loop {
            let container = look(engine, name).await?;
            let restarts = container.restart_count - *first.get_or_insert(container.restart_count);
            let heard = match readiness(&container, restarts)? {
                Readiness::Ready => return Ok(()),
                Readiness::NotYet => something_happened(&mut events).await,
                Readiness::After(pause) => {
                    match tokio::time::timeout(pause, consequence(&mut events)).await {
                        Ok(heard) => heard,
                        Err(_) if same_run(&container, &look(engine, name).await?) => {
                            return Ok(());
                        }
                        Err(_) => true,
                    }
                }
            };
            if !heard {
                break;
            }
        }
    }
}

fn same_run(then: &ContainerDetail, now: &ContainerDetail) -> bool {
    now.state == ContainerState::Running && now.started_at == then.started_at
}

/// Whether somebody who asks for the reason needs not hear of this container.
pub(super) fn is_done_or_healthy(container: &ContainerDetail) -> bool {
    readiness(container, 0) == Ok(Readiness::Ready)
}

fn readiness(container: &ContainerDetail, restarts: i64) -> Result<Readiness, String> {
    let (name, code) = (&container.name, container.exit_code);
    if has_ended(container) {
        return match code {
            0 if !starts_again(container) => Ok(Readiness::Ready),
            _ => Err(format!("container {name} exited ({code})")),
        };
    }
    match (&container.state, container.health) {
        (ContainerState::Restarting, _) if restarts >= CRASH_LOOP - 1 => Err(format!(
            "container {name} is in a crash loop: it ended {CRASH_LOOP} times, last with exit code {code}"
        )),
        (ContainerState::Paused, _) => Err(format!("container {name} is paused")),
        (ContainerState::Running, Some(Health::Unhealthy)) => Err(unhealthy(container)),
        (ContainerState::Running, Some(Health::Starting)) => Ok(Readiness::NotYet),
        (ContainerState::Running, health) => Ok(match (health, container.restart_count) {
            (Some(_), 0) => Readiness::Ready,
            (None, 0) if policy(container) == "no" => Readiness::After(ONLY_RUN),
            (None, 0) => Readiness::After(FIRST_RUN),
            _ => Readiness::After(LATER_RUN),
        }),
        _ => Ok(Readiness::NotYet),
    }
}

/// Whether the engine is to start it again even after it ended well.
fn starts_again(container: &ContainerDetail) -> bool {
    matches!(policy(container), "always" | "unless-stopped")
}

/// When the engine starts it again by itself.
fn policy(container: &ContainerDetail) -> &str {
    let policy = container.raw["HostConfig"]["RestartPolicy"]["Name"].as_str();
    policy.filter(|name| !name.is_empty()).unwrap_or("no")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn container(state: ContainerState, policy: &str) -> ContainerDetail {
        ContainerDetail {
            name: "web".to_owned(),
            state,
            raw: json!({"HostConfig": {"RestartPolicy": {"Name": policy}}}),
            ..ContainerDetail::default()
        }
    }

    #[test]
    fn a_container_that_runs_has_to_go_on_for_a_while() {
        let first = container(ContainerState::Running, "always");
        assert_eq!(readiness(&first, 0), Ok(Readiness::After(FIRST_RUN)));
        for policy in ["no", ""] {
            let only = container(ContainerState::Running, policy);
            assert_eq!(readiness(&only, 0), Ok(Readiness::After(ONLY_RUN)));
        }
        let again = ContainerDetail {
            restart_count: 1,
            ..first.clone()
        };
        assert_eq!(readiness(&again, 0), Ok(Readiness::After(LATER_RUN)));
        let healthy = ContainerDetail {
            health: Some(Health::Healthy),
            ..first
        };
        assert_eq!(readiness(&healthy, 0), Ok(Readiness::Ready));
        let healthy_again = ContainerDetail {
            restart_count: 2,
            ..healthy
        };
        let after = Ok(Readiness::After(LATER_RUN));
        assert_eq!(readiness(&healthy_again, 2), after);
    }

    #[test]
    fn an_end_is_good_when_it_is_clean_and_meant() {
        for (policy, code, ready) in [
            ("no", 0, true),
            ("", 0, true),
            ("on-failure", 0, true),
            ("always", 0, false),
            ("unless-stopped", 0, false),
            ("no", 1, false),
            ("on-failure", 1, false),
            ("always", 1, false),
        ] {
            let ended = ContainerDetail {
                exit_code: code,
                ..container(ContainerState::Exited, policy)
            };
            let found = readiness(&ended, 0);
            assert_eq!(found == Ok(Readiness::Ready), ready, "{policy} {code}");
            assert_eq!(found.is_err(), !ready, "{policy} {code}");
        }
    }

    #[test]
    fn too_many_restarts_are_a_crash_loop() {
        let between = container(ContainerState::Restarting, "always");
        assert_eq!(readiness(&between, 3), Ok(Readiness::NotYet));
        assert!(readiness(&between, 4).is_err());
    }
}
