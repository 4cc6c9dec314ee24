//! What engines answer, as far as it is used, in structs that tolerate what they do not know.
//!
//! Every field that an engine may leave out or send as `null` has a default; states and event
//! kinds are strings with methods, not closed enums, because Docker and Podman word them
//! differently and a new word must not make a whole list unreadable.
//!
//! How JSON becomes these is in `decode`.

use std::collections::BTreeMap;

mod decode;

pub use decode::{familiar, full_name};
pub(crate) use decode::{is_id, list, split_reference, text};

/// One row of a container list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Container {
    /// Full id.
    pub id: String,
    /// Name without the leading slash: the canonical one, not a link's.
    pub name: String,
    /// Image as it was asked for (or an id, when the name has moved on).
    pub image: String,
    /// Image id, `sha256:…`.
    pub image_id: String,
    /// Command as the engine prints it.
    pub command: String,
    /// Unix seconds.
    pub created: i64,
    /// `created`, `running`, `exited`, …
    pub state: ContainerState,
    /// `Up 3 minutes (healthy)`, for people.
    pub status: String,
    /// Health and exit code as far as the status text tells them; see [`Container::health`].
    pub labels: BTreeMap<String, String>,
    /// Published and exposed ports.
    pub ports: Vec<Port>,
    /// Mounts, volumes by name.
    pub mounts: Vec<Mount>,
    /// Networks by name, with the id of each (empty while the container has never been started).
    pub networks: BTreeMap<String, String>,
    /// `HostConfig.NetworkMode`.
    pub network_mode: String,
}

impl Container {
    /// Health out of the status text: `(healthy)`, `(unhealthy)`, `(health: starting)`.
    pub fn health(&self) -> Option<Health> {
        let (_, tail) = self.status.rsplit_once('(')?;
        Health::parse(tail.trim_end_matches(')').trim_start_matches("health: "))
    }

    /// Whether the status text tells of a minute or more without a break: engines count seconds
    /// before that (`Up 3 seconds`, `Up Less than a second`).
    pub fn is_settled(&self) -> bool {
        self.status.starts_with("Up ") && !self.status.contains("second")
    }

    /// Exit code out of the status text of a container that has exited, or waits to be restarted.
    pub fn exit_code(&self) -> Option<i64> {
        let ended = ["Exited (", "Restarting ("];
        let tail = ended
            .iter()
            .find_map(|start| self.status.strip_prefix(start))?;
        tail.split_once(')')?.0.parse().ok()
    }
}

/// A container's state. Unknown words are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ContainerState {
    /// Never started.
    #[default]
    Created,
    /// Running.
    Running,
    /// Frozen.
    Paused,
    /// Waiting for its next attempt.
    Restarting,
    /// On its way out.
    Removing,
    /// Ended.
    Exited,
    /// Could not be removed.
    Dead,
    /// A word we do not know.
    Other(String),
}

/// What a health check found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// Still in its start period or before the first success.
    Starting,
    /// Passing.
    Healthy,
    /// Failing.
    Unhealthy,
}

/// A port of a container.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Port {
    /// Host address, empty when not published.
    pub ip: String,
    /// Port inside.
    pub private: u16,
    /// Port on the host; `None` when not published.
    pub public: Option<u16>,
    /// `tcp`, `udp`, `sctp`.
    pub protocol: String,
}

/// A mount of a container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mount {
    /// `volume`, `bind`, `tmpfs`, …
    pub kind: String,
    /// Volume name; empty for other kinds.
    pub name: String,
    /// Path on the host.
    pub source: String,
    /// Path inside.
    pub target: String,
    /// Whether it can be written.
    pub writable: bool,
}

/// One container in full: what its list row does not say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContainerDetail {
    /// Full id.
    pub id: String,
    /// Name without the leading slash.
    pub name: String,
    /// Image id.
    pub image_id: String,
    /// `Config.Image`: image as asked for.
    pub image: String,
    /// State.
    pub state: ContainerState,
    /// Exit code of the last run.
    pub exit_code: i64,
    /// Killed for want of memory.
    pub oom_killed: bool,
    /// The engine's own words on why it did not start.
    pub error: String,
    /// Health; `None` without a health check.
    pub health: Option<Health>,
    /// Output of the last health probe.
    pub health_output: String,
    /// How often the engine restarted it.
    pub restart_count: i64,
    /// RFC 3339.
    pub started_at: String,
    /// RFC 3339.
    pub finished_at: String,
    /// With a terminal: its log is one raw stream.
    pub tty: bool,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Mounts.
    pub mounts: Vec<Mount>,
    /// Networks by name, with each one's id and aliases.
    pub networks: BTreeMap<String, Endpoint>,
    /// The whole answer, for `why` and reports.
    pub raw: serde_json::Value,
}

/// A container's place in a network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Endpoint {
    /// Network id.
    pub network_id: String,
    /// Names it answers to.
    pub aliases: Vec<String>,
    /// Address, empty while not running.
    pub ip_address: String,
}

/// A network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Network {
    /// Full id.
    pub id: String,
    /// Name.
    pub name: String,
    /// `bridge`, `overlay`, …
    pub driver: String,
    /// Options of the driver.
    pub options: BTreeMap<String, String>,
    /// Without a way out.
    pub internal: bool,
    /// Containers outside any swarm service may join.
    pub attachable: bool,
    /// IPv6 addresses are assigned.
    pub ipv6: bool,
    /// Pools of addresses; the engine's choice where nobody asked for any.
    pub pools: Vec<Pool>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Names of connected containers (only when inspected, and only running ones).
    pub containers: Vec<String>,
}

/// A pool of a network's addresses; empty texts where nothing is said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pool {
    /// `10.1.0.0/16`.
    pub subnet: String,
    /// Address of the gateway.
    pub gateway: String,
    /// Part of the subnet that containers get addresses from.
    pub ip_range: String,
}

/// A volume.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Volume {
    /// Name.
    pub name: String,
    /// `local`, …
    pub driver: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Driver options.
    pub options: BTreeMap<String, String>,
    /// Path on the engine's host.
    pub mountpoint: String,
}

/// An image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Image {
    /// `sha256:…`.
    pub id: String,
    /// `repo:tag` names.
    pub tags: Vec<String>,
    /// `repo@sha256:…` names.
    pub digests: Vec<String>,
    /// Bytes.
    pub size: i64,
    /// Unix seconds (0 when unknown).
    pub created: i64,
    /// When it got its last name here, in unix seconds; 0 when unknown (and in lists).
    pub last_tagged: i64,
    /// Paths that the image declares as volumes (only when asked for one image).
    pub volumes: Vec<String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// `os/architecture[/variant]`, empty when unknown.
    pub platform: String,
    /// What containers are made with unless they say otherwise (only when asked for one image).
    pub config: serde_json::Value,
}

impl Image {
    /// Whether a reference, however long or short it is written, means this image: by tag
    /// (`latest` when it names none), by digest, or by id.
    pub fn goes_by(&self, reference: &str) -> bool {
        let hex = |id: &str| id.strip_prefix("sha256:").unwrap_or(id).to_owned();
        let name = familiar(reference);
        self.tags.contains(&name)
            || self.digests.contains(&name)
            || (is_id(reference) && hex(&self.id).starts_with(&hex(reference)))
    }
}

/// Something that happened to a container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Event {
    /// `create`, `start`, `die`, `health_status: healthy`, … in Docker's words (Podman's are
    /// translated: `died` → `die`, `remove` → `destroy`, `health_status` with its attribute).
    pub action: String,
    /// Full id.
    pub container_id: String,
    /// Name without slash.
    pub container_name: String,
    /// Labels and the event's own attributes (`exitCode`, `signal`, `image`).
    pub attributes: BTreeMap<String, String>,
    /// Nanoseconds since the epoch.
    pub time_nano: i64,
}
