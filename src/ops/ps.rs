//! `ps`: a project's containers, out of one list call.
//!
//! docker compose inspects every container for its health and exit code; both stand in the list's
//! status text, so that `ps` of a hundred containers costs as much as of one.

use std::collections::BTreeSet;

use super::{Error, Target, check_services};
use crate::engine::{Container, ContainerState, Filter, Health, Reads};
use crate::plan::labels;

/// What is asked for.
#[derive(Debug, Clone, Default)]
pub struct PsOptions {
    /// Services; all when empty.
    pub services: Vec<String>,
    /// Also those that do not run, and those made by `run`.
    pub all: bool,
    /// Only those in one of these states; also stopped ones, when a state of theirs is named.
    pub states: Vec<String>,
}

/// A container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row {
    /// Full id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Image as asked for.
    pub image: String,
    /// Command as the engine prints it.
    pub command: String,
    /// Service.
    pub service: String,
    /// Project.
    pub project: String,
    /// Unix seconds.
    pub created: i64,
    /// `running`, `exited`, …
    pub state: String,
    /// `Up 3 minutes (healthy)`.
    pub status: String,
    /// `healthy`, `unhealthy`, `starting`, or empty.
    pub health: String,
    /// Exit code of the last run, 0 while it runs.
    pub exit_code: i64,
    /// Labels, sorted.
    pub labels: Vec<(String, String)>,
    /// Mounted volumes by name, other mounts by path.
    pub mounts: Vec<String>,
    /// How many of the mounts are volumes.
    pub volumes: usize,
    /// Names of networks.
    pub networks: Vec<String>,
    /// Ports, those inside first.
    pub ports: Vec<Port>,
}

/// A port, published or not.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Port {
    /// Port inside.
    pub target: u16,
    /// Host address, empty when not published.
    pub ip: String,
    /// Port on the host, 0 when not published.
    pub published: u16,
    /// `tcp`, `udp`, `sctp`.
    pub protocol: String,
}

/// Lists a project's containers by name. Service names are checked against the project where
/// there is one.
pub async fn ps(
    reads: &dyn Reads,
    target: Target<'_>,
    options: &PsOptions,
) -> Result<Vec<Row>, Error> {
    if let Some(project) = target.project() {
        check_services(project, &options.services)?;
    }
    let filter = Filter::labels([format!("{}={}", labels::PROJECT, target.name())]);
    let containers = reads.containers(&filter).await;
    let containers = containers.map_err(Error::engine("list containers"))?;
    let wanted = containers.iter().filter(|one| is_wanted(one, options));
    let mut rows: Vec<Row> = wanted.map(row).collect();
    rows.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(rows)
}

/// The services of some rows, each once.
pub fn services(rows: &[Row]) -> BTreeSet<&str> {
    rows.iter().map(|row| row.service.as_str()).collect()
}

fn is_wanted(container: &Container, options: &PsOptions) -> bool {
    let service = label(container, labels::SERVICE);
    if service.is_empty() || !(options.services.is_empty() || options.services.contains(&service)) {
        return false;
    }
    if !options.states.is_empty() {
        let state = container.state.as_str();
        return options.states.iter().any(|wanted| wanted == state);
    }
    options.all || (is_up(&container.state) && label(container, labels::ONE_OFF) != "True")
}

fn is_up(state: &ContainerState) -> bool {
    matches!(
        state,
        ContainerState::Running | ContainerState::Paused | ContainerState::Restarting
    )
}

fn label(container: &Container, key: &str) -> String {
    container.labels.get(key).cloned().unwrap_or_default()
}

fn row(container: &Container) -> Row {
    let mut ports: Vec<Port> = container.ports.iter().map(port).collect();
    ports.sort();
    ports.dedup();
    let mounts = container.mounts.iter();
    let pairs = container.labels.iter();
    Row {
        id: container.id.clone(),
        name: container.name.clone(),
        image: container.image.clone(),
        command: container.command.clone(),
        service: label(container, labels::SERVICE),
        project: label(container, labels::PROJECT),
        created: container.created,
        state: container.state.as_str().to_owned(),
        status: container.status.clone(),
        health: health(container.health()).to_owned(),
        exit_code: container.exit_code().unwrap_or_default(),
        labels: pairs
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect(),
        volumes: mounts
            .clone()
            .filter(|mount| mount.kind == "volume")
            .count(),
        mounts: mounts
            .map(|mount| {
                if mount.name.is_empty() {
                    &mount.source
                } else {
                    &mount.name
                }
            })
            .cloned()
            .collect(),
        networks: container.networks.keys().cloned().collect(),
        ports,
    }
}

fn port(port: &crate::engine::wire::Port) -> Port {
    Port {
        target: port.private,
        ip: port.ip.clone(),
        published: port.public.unwrap_or_default(),
        protocol: port.protocol.clone(),
    }
}

fn health(health: Option<Health>) -> &'static str {
    match health {
        None => "",
        Some(Health::Starting) => "starting",
        Some(Health::Healthy) => "healthy",
        Some(Health::Unhealthy) => "unhealthy",
    }
}
