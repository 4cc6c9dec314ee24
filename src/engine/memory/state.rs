//! What the engine holds, and what every part of it needs: ids, time, lookups, events.

use std::collections::{BTreeMap, BTreeSet};

use bollard::models::ContainerCreateBody;
use sha2::{Digest, Sha256};

use super::Fault;
use crate::engine::wire::{
    Container, ContainerState, Endpoint, Event, Health, Image, Mount, Network, Port, Volume,
};
use crate::engine::{Channel, EngineError, Exec, ExecOutcome, Filter};

/// Short for the state between two runs.
pub(super) const RESTARTING: ContainerState = ContainerState::Restarting;

/// One container and its past.
#[derive(Debug, Default)]
pub(super) struct Held {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) image_id: String,
    pub(super) body: ContainerCreateBody,
    pub(super) created_nano: i64,
    pub(super) started_nano: Option<i64>,
    pub(super) finished_nano: Option<i64>,
    pub(super) state: ContainerState,
    pub(super) exit_code: i64,
    pub(super) health: Option<Health>,
    pub(super) health_output: String,
    pub(super) health_by_hand: bool,
    pub(super) failing_probes: i64,
    pub(super) restart_count: i64,
    /// A stop or kill asked for it: no restart policy applies.
    pub(super) stopped_by_hand: bool,
    /// Which run this is, so that what was begun in an earlier one can tell that it is over.
    pub(super) run: u64,
    /// How many runs have ended.
    pub(super) ended_runs: u64,
    /// How long the log was when each of them did.
    pub(super) run_ends: Vec<usize>,
    pub(super) mounts: Vec<Mount>,
    pub(super) anonymous_volumes: Vec<String>,
    pub(super) endpoints: BTreeMap<String, Endpoint>,
    pub(super) network_mode: String,
    pub(super) ports: Vec<Port>,
    pub(super) log: Vec<Line>,
    /// What was put into it, by path.
    pub(super) files: BTreeMap<String, PutFile>,
    /// Signals that the command handles, and the code it then exits with.
    pub(super) handled_signals: BTreeMap<String, i64>,
}

/// A file that was put into a container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PutFile {
    /// What it holds.
    pub bytes: Vec<u8>,
    /// Owner.
    pub uid: u64,
    /// Group.
    pub gid: u64,
    /// Permission bits.
    pub mode: u32,
}

/// A piece of a log.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) time_nano: i64,
    pub(super) channel: Channel,
    pub(super) text: String,
}

impl Held {
    /// Whether its processes are there.
    pub(super) fn is_up(&self) -> bool {
        matches!(self.state, ContainerState::Running | ContainerState::Paused)
    }

    pub(super) fn tty(&self) -> bool {
        self.body.tty.unwrap_or_default()
    }

    pub(super) fn labels(&self) -> BTreeMap<String, String> {
        let labels = self.body.labels.clone().unwrap_or_default();
        labels.into_iter().collect()
    }

    /// What a list shows of it.
    pub(super) fn row(&self) -> Container {
        Container {
            id: self.id.clone(),
            name: self.name.clone(),
            image: self.body.image.clone().unwrap_or_default(),
            image_id: self.image_id.clone(),
            command: super::shell::command(&self.body).join(" "),
            created: self.created_nano / 1_000_000_000,
            state: self.state.clone(),
            status: self.status(),
            labels: self.labels(),
            ports: self.ports.clone(),
            mounts: self.mounts.clone(),
            networks: self
                .endpoints
                .iter()
                .map(|(name, endpoint)| (name.clone(), endpoint.network_id.clone()))
                .collect(),
            network_mode: self.network_mode.clone(),
        }
    }

    /// The text for people. How long ago things were never changes here.
    fn status(&self) -> String {
        let health = match self.health {
            Some(Health::Starting) => " (health: starting)",
            Some(Health::Healthy) => " (healthy)",
            Some(Health::Unhealthy) => " (unhealthy)",
            None => "",
        };
        match &self.state {
            ContainerState::Created => "Created".to_owned(),
            ContainerState::Running => format!("Up 1 second{health}"),
            ContainerState::Paused => "Up 1 second (Paused)".to_owned(),
            ContainerState::Restarting => format!("Restarting ({}) 1 second ago", self.exit_code),
            ContainerState::Exited => format!("Exited ({}) 1 second ago", self.exit_code),
            other => other.as_str().to_owned(),
        }
    }
}

/// Everything there is.
#[derive(Debug)]
pub(super) struct State {
    /// Grows with everything that gets an id.
    made: u64,
    pub(super) time_nano: i64,
    /// In the order they were created.
    pub(super) containers: Vec<Held>,
    pub(super) networks: Vec<Network>,
    pub(super) volumes: BTreeMap<String, Volume>,
    /// What was put into volumes, by their names and the paths below their roots.
    pub(super) volume_files: BTreeMap<String, BTreeMap<String, PutFile>>,
    pub(super) images: Vec<Image>,
    /// Images that can be pulled, by short name.
    pub(super) published: BTreeMap<String, Image>,
    pub(super) history: Vec<Event>,
    /// Events that subscribers have not been told yet.
    pub(super) unsent: Vec<Event>,
    pub(super) scripts: BTreeMap<String, String>,
    pub(super) exec_answers: BTreeMap<String, ExecOutcome>,
    /// What was run inside containers, in order.
    pub(super) execs: Vec<(String, Exec)>,
    pub(super) occupied_ports: BTreeSet<u16>,
    pub(super) calls: Vec<String>,
    pub(super) faults: Vec<(String, String, Fault)>,
    /// So many calls are answered; all when absent.
    pub(super) answers_left: Option<usize>,
}

impl State {
    pub(super) fn starting_at(seconds: i64) -> State {
        let mut state = State {
            made: 0,
            time_nano: seconds.saturating_mul(1_000_000_000),
            containers: Vec::new(),
            networks: Vec::new(),
            volumes: BTreeMap::new(),
            volume_files: BTreeMap::new(),
            images: Vec::new(),
            published: BTreeMap::new(),
            history: Vec::new(),
            unsent: Vec::new(),
            scripts: BTreeMap::new(),
            exec_answers: BTreeMap::new(),
            execs: Vec::new(),
            occupied_ports: BTreeSet::new(),
            calls: Vec::new(),
            faults: Vec::new(),
            answers_left: None,
        };
        for (name, driver) in [("bridge", "bridge"), ("host", "host"), ("none", "null")] {
            let network = Network {
                id: state.new_id(),
                name: name.to_owned(),
                driver: driver.to_owned(),
                ..Network::default()
            };
            state.networks.push(network);
        }
        state
    }

    /// The next moment.
    pub(super) fn tick(&mut self) -> i64 {
        self.time_nano += 1_000_000;
        self.time_nano
    }

    /// 64 hexadecimal digits that nothing else has.
    pub(super) fn new_id(&mut self) -> String {
        self.made += 1;
        hash(self.made.to_string().as_bytes())
    }

    pub(super) fn called(&mut self, method: &str, name: &str) -> Option<Fault> {
        self.calls
            .push(format!("{method} {name}").trim_end().to_owned());
        match &mut self.answers_left {
            Some(0) => return Some(Fault::Hang),
            Some(left) => *left -= 1,
            None => {}
        }
        let meets = |fault: &(String, String, Fault)| {
            fault.0 == method && (fault.1 == "*" || fault.1 == name)
        };
        let index = self.faults.iter().position(meets)?;
        Some(self.faults.remove(index).2)
    }

    /// Finds a container by name, id, or the beginning of its id.
    pub(super) fn container_index(&self, name: &str) -> Result<usize, EngineError> {
        let by = |matches: &dyn Fn(&Held) -> bool| self.containers.iter().position(matches);
        by(&|held| held.name == name)
            .or_else(|| by(&|held| !name.is_empty() && held.id.starts_with(name)))
            .ok_or_else(|| EngineError::NotFound(format!("No such container: {name}")))
    }

    pub(super) fn container(&self, name: &str) -> Result<&Held, EngineError> {
        Ok(&self.containers[self.container_index(name)?])
    }

    pub(super) fn container_mut(&mut self, name: &str) -> Result<&mut Held, EngineError> {
        let index = self.container_index(name)?;
        Ok(&mut self.containers[index])
    }

    pub(super) fn network(&self, name: &str) -> Result<&Network, EngineError> {
        let found = self
            .networks
            .iter()
            .find(|it| it.name == name || it.id == name);
        found.ok_or_else(|| EngineError::NotFound(format!("network {name} not found")))
    }

    /// Names of the containers that are up in a network.
    pub(super) fn active_in(&self, network: &str) -> Vec<String> {
        let inside = |held: &&Held| held.is_up() && held.endpoints.contains_key(network);
        let names = self.containers.iter().filter(inside);
        names.map(|held| held.name.clone()).collect()
    }

    pub(super) fn image(&self, reference: &str) -> Option<&Image> {
        self.images.iter().find(|image| image.goes_by(reference))
    }

    pub(super) fn print(&mut self, index: usize, channel: Channel, text: &str) {
        let time_nano = self.tick();
        let held = &mut self.containers[index];
        let line = if held.tty() {
            Line {
                time_nano,
                channel: Channel::Stdout,
                text: text.replace('\n', "\r\n"),
            }
        } else {
            Line {
                time_nano,
                channel,
                text: text.to_owned(),
            }
        };
        held.log.push(line);
    }

    /// Says that something happened to a container.
    pub(super) fn happened(&mut self, index: usize, action: &str, extra: &[(&str, &str)]) {
        let time_nano = self.tick();
        let held = &self.containers[index];
        let mut attributes = held.labels();
        attributes.insert("name".to_owned(), held.name.clone());
        let image = held.body.image.clone().unwrap_or_default();
        attributes.insert("image".to_owned(), image);
        for (key, value) in extra {
            attributes.insert((*key).to_owned(), (*value).to_owned());
        }
        let event = Event {
            action: action.to_owned(),
            container_id: held.id.clone(),
            container_name: held.name.clone(),
            attributes,
            time_nano,
        };
        self.history.push(event.clone());
        self.unsent.push(event);
    }
}

/// Whether labels and name are among those that a filter wants.
pub(super) fn matches(filter: &Filter, name: &str, labels: &BTreeMap<String, String>) -> bool {
    let wanted = |label: &String| match label.split_once('=') {
        Some((key, value)) => labels.get(key).is_some_and(|it| it == value),
        None => labels.contains_key(label),
    };
    let named = filter.names.is_empty() || filter.names.iter().any(|it| it == name);
    named && filter.labels.iter().all(wanted)
}

/// SHA-256 in hexadecimal.
pub(super) fn hash(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(hex_digit)
        .collect()
}

fn hex_digit(nibble: u8) -> char {
    char::from_digit(u32::from(nibble), 16).unwrap_or('0')
}
