//! `wait`: until containers end by themselves.

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use super::lifecycle::{DownOptions, down};
use super::lock::Lock;
use super::{Error, Target, check_services};
use crate::engine::{ContainerState, Engine, Filter};
use crate::event::Sink;
use crate::plan::labels;

/// What `wait` is asked for.
#[derive(Debug, Clone, Default)]
pub struct WaitOptions {
    /// Services; all when empty.
    pub services: Vec<String>,
    /// Take the project down when the first container has ended.
    pub down_project: bool,
    /// How the project's lock is taken for that.
    pub lock: Lock,
}

/// A container that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Its full id.
    pub id: String,
    /// Its exit code.
    pub code: i64,
}

/// Waits for the services' running containers; tells of each that ends, and answers the exit code
/// of the last one, or of the first when the project is taken down then.
pub async fn wait(
    engine: &dyn Engine,
    target: Target<'_>,
    options: &WaitOptions,
    tell: &mut (dyn FnMut(&Ended) + Send),
    events: &mut dyn Sink,
) -> Result<i64, Error> {
    if let Some(project) = target.project() {
        check_services(project, &options.services)?;
    }
    let ids = running(engine, target, &options.services).await?;
    if ids.is_empty() {
        let message = format!("no containers for project {:?}", target.name());
        let help = "only containers that run can be waited for".to_owned();
        return Err(Error::refused(message, Some(help)));
    }
    let waits = ids.into_iter().map(|id| async move {
        let code = engine.wait_container(&id).await;
        code.map(|code| Ended { id, code })
    });
    let mut waits: FuturesUnordered<_> = waits.collect();
    let mut last = 0;
    while let Some(ended) = waits.next().await {
        let ended = ended.map_err(Error::engine("wait for a container"))?;
        tell(&ended);
        last = ended.code;
        if options.down_project {
            let everything = DownOptions {
                remove_orphans: true,
                ..DownOptions::default()
            };
            down(engine, target, &everything, &options.lock, events).await?;
            break;
        }
    }
    Ok(last)
}

/// Ids of the containers that run, by the name of their container.
async fn running(
    engine: &dyn Engine,
    target: Target<'_>,
    services: &[String],
) -> Result<Vec<String>, Error> {
    let filter = Filter::labels([format!("{}={}", labels::PROJECT, target.name())]);
    let containers = engine.containers(&filter).await;
    let mut containers = containers.map_err(Error::engine("list the containers"))?;
    containers.retain(|container| {
        let label = |key: &str| container.labels.get(key).map(String::as_str);
        let service = label(labels::SERVICE).unwrap_or_default();
        let named = services.is_empty() || services.iter().any(|name| name == service);
        let runs = [
            ContainerState::Running,
            ContainerState::Paused,
            ContainerState::Restarting,
        ];
        named && label(labels::ONE_OFF) != Some("True") && runs.contains(&container.state)
    });
    containers.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(containers.into_iter().map(|one| one.id).collect())
}
