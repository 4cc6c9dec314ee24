//! What is there: a plain snapshot of a project's part of an engine.
//!
//! A value, never a client. `execute::observe` makes it from an engine's lists; tests write it
//! down in YAML.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

use super::labels;
use crate::project::service::depends_on::Dependency;

/// The label's entries, written as a list.
fn entries<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, Dependency>, D::Error> {
    let entries = Vec::<String>::deserialize(from)?;
    Ok(labels::read_depends_on(&entries.join(",")))
}

/// A project's part of an engine, and the things outside it that its files name.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Observed {
    /// The API version that requests will be made with, `1.41`.
    pub api: String,
    /// Containers with the project's label.
    pub containers: Vec<Container>,
    /// Containers that ran hooks of services and were left behind.
    pub hooks: Vec<HookContainer>,
    /// Networks by name: the project's, and those that its files name.
    pub networks: BTreeMap<String, Network>,
    /// Volumes by name: the project's, and those that its files name.
    pub volumes: BTreeMap<String, Volume>,
    /// Ids of the images that are here, by the names that the project uses.
    pub images: BTreeMap<String, String>,
    /// When images that are to be refreshed got their name here, in unix seconds.
    pub tagged: BTreeMap<String, i64>,
    /// When this was looked at, in unix seconds; 0 where nothing depends on it.
    pub now: i64,
}

/// A container of the project.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Container {
    /// Full id.
    pub id: String,
    /// Name without slash.
    pub name: String,
    /// Service that it belongs to.
    pub service: String,
    /// Its number among the service's containers.
    pub number: u32,
    /// Made by `run`.
    pub one_off: bool,
    /// When it was made, in unix seconds.
    pub created: i64,
    /// What it does.
    pub state: State,
    /// It has been up for a minute or longer, so that it is not about to fall over.
    pub settled: bool,
    /// What its health check says.
    pub health: Option<Health>,
    /// Exit code, when it has exited and the engine's list told.
    pub exit_code: Option<i64>,
    /// Id of the image that it was made of.
    pub image_id: String,
    /// docker compose's hash.
    pub config_hash: String,
    /// Our own hashes, one for each attribute; absent on containers that another tool made.
    pub attributes: Option<BTreeMap<String, String>>,
    /// The service that it was made from, where it says so.
    pub record: Option<String>,
    /// It was made in another one's place.
    pub replaces: bool,
    /// Why it was, where it says so.
    pub cause: Option<String>,
    /// What it depends on, out of its label, for commands without files.
    #[serde(deserialize_with = "entries")]
    pub depends_on: BTreeMap<String, Dependency>,
    /// Name of the image, as it was asked for.
    pub image: String,
    /// Networks by name, with the id of each.
    pub networks: BTreeMap<String, String>,
    /// The engine's word for what it is connected to; `container:ID` when it shares another's.
    pub network_mode: String,
    /// Mounts.
    pub mounts: Vec<Mount>,
}

/// A container that ran a hook before a service's start.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HookContainer {
    /// Name without slash.
    pub name: String,
    /// The service whose hook it was.
    pub service: String,
}

/// What a container does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Never started.
    Created,
    /// Running.
    #[default]
    Running,
    /// Frozen.
    Paused,
    /// Waiting for its next attempt.
    Restarting,
    /// Ended.
    Exited,
    /// Could not be removed, or on its way out.
    Dead,
}

/// What a health check says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// Before its first success.
    Starting,
    /// Passing.
    Healthy,
    /// Failing.
    Unhealthy,
}

/// A mount of a container.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mount {
    /// `volume`, `bind`, …
    pub kind: String,
    /// Name of the volume.
    pub name: String,
    /// Where it is mounted.
    pub target: String,
    /// Mounted without the right to write.
    pub read_only: bool,
}

/// A network.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Network {
    /// Full id.
    pub id: String,
    /// Key in the files of the project that made it; absent when no project did.
    pub key: Option<String>,
    /// The project that made it.
    pub project: Option<String>,
    /// Hash of what it was made from.
    pub config_hash: Option<String>,
    /// What it is like, as far as engines tell.
    pub settings: Option<NetworkSettings>,
    /// Names of the containers that are up in it, where that was looked up.
    pub containers: Vec<String>,
}

/// What a network is like.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NetworkSettings {
    /// `bridge`, `overlay`, …
    pub driver: String,
    /// Options of the driver.
    pub driver_opts: BTreeMap<String, String>,
    /// Without a way out.
    pub internal: bool,
    /// Containers outside any swarm service may join.
    pub attachable: bool,
    /// IPv6 addresses are assigned.
    pub enable_ipv6: bool,
    /// Subnet, gateway and range of each pool of addresses.
    pub pools: Vec<[String; 3]>,
    /// The user's own labels.
    pub labels: BTreeMap<String, String>,
}

/// A volume.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Volume {
    /// Key in the files of the project that made it; absent when no project did.
    pub key: Option<String>,
    /// The project that made it.
    pub project: Option<String>,
    /// Hash of what it was made from.
    pub config_hash: Option<String>,
}

impl Container {
    /// Whether it runs in the sense that `up` leaves it alone.
    pub fn is_up(&self) -> bool {
        matches!(self.state, State::Running | State::Restarting)
    }

    /// Whether it needs not be waited for any more: it has run for long, and is not unhealthy.
    pub fn is_ready(&self) -> bool {
        let healthy = self.health.is_none_or(|health| health == Health::Healthy);
        self.state == State::Running && self.settled && healthy
    }

    /// Whether it has to be stopped before it can go in peace.
    pub fn holds_processes(&self) -> bool {
        self.is_up() || self.state == State::Paused
    }
}
