//! The create request that lowering writes into, and what lowering may know while it writes.
//!
//! Lowering knows names (of the project's networks, volumes and containers) and the engine's API
//! version. It does not know the engine, ids or what exists.

use std::collections::BTreeMap;

use bollard::models::{ContainerCreateBody, EndpointSettings, HostConfig};

use crate::api_version::ApiVersion;
use crate::project::content::InjectedFile;
use crate::project::service::mounts::Problem;

/// What a service's request is written with.
#[derive(Debug, Clone)]
pub struct Lowering<'a> {
    /// The version that the request will be sent with.
    pub api: ApiVersion,
    /// Project name.
    pub project: &'a str,
    /// Name of the container that is being made (its final name).
    pub container_name: &'a str,
    /// Its number among the service's containers, from 1.
    pub number: u32,
    /// Compose key of a network to its name on the engine.
    pub networks: &'a BTreeMap<String, String>,
    /// Compose key of a volume to its name on the engine.
    pub volumes: &'a BTreeMap<String, String>,
    /// Service to the names of all its containers, lowest number first.
    pub replicas: &'a BTreeMap<String, Vec<String>>,
}

/// A create request in the making.
#[derive(Debug)]
pub struct Request<'a> {
    /// What it is made with.
    pub with: &'a Lowering<'a>,
    /// The request's body.
    pub body: ContainerCreateBody,
    /// Its host part, joined to the body at the end.
    pub host: HostConfig,
    /// Networks to connect to by engine name, the primary one first.
    pub endpoints: Vec<(String, EndpointSettings)>,
    /// What this engine would drop in silence: attribute, and the engine version that has it.
    pub unsupported: Vec<Unsupported>,
    /// Files to be put into the container before it starts.
    pub files: Vec<InjectedFile>,
    /// Configs and secrets that it cannot have.
    pub refused: Vec<Refused>,
    /// Those (`secrets.token`) that it will not see, and the `tmpfs` over each.
    pub hidden: Vec<(String, String)>,
}

/// A config or secret that a container cannot have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// `configs` or `secrets`.
    pub kind: &'static str,
    /// Its key at the top level.
    pub source: String,
    /// Why.
    pub problem: Problem,
}

/// An attribute that the engine at hand is too old for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsupported {
    /// Path below the service.
    pub attribute: &'static str,
    /// First Docker release that has it.
    pub engine: &'static str,
}

impl<'a> Request<'a> {
    /// An empty request.
    pub fn new(with: &'a Lowering<'a>) -> Request<'a> {
        Request {
            with,
            body: ContainerCreateBody::default(),
            host: HostConfig::default(),
            endpoints: Vec::new(),
            unsupported: Vec::new(),
            files: Vec::new(),
            refused: Vec::new(),
            hidden: Vec::new(),
        }
    }

    /// Notes an attribute that needs a newer API than the one at hand. It is written all the
    /// same: what to do about it is the planner's decision.
    pub fn require(&mut self, api: ApiVersion, attribute: &'static str, engine: &'static str) {
        if self.with.api < api {
            self.unsupported.push(Unsupported { attribute, engine });
        }
    }

    /// Adds exposed ports (`80/tcp`), each once, in order.
    pub fn expose(&mut self, ports: impl IntoIterator<Item = String>) {
        let exposed = self.body.exposed_ports.get_or_insert_default();
        exposed.extend(ports);
        exposed.sort();
        exposed.dedup();
    }

    /// `service:NAME` as `container:CONTAINER`; everything else as it is.
    pub fn container_reference(&self, text: &str) -> String {
        let container = text
            .strip_prefix("service:")
            .and_then(|service| self.with.replicas.get(service))
            .and_then(|containers| containers.first());
        container.map_or_else(
            || text.to_owned(),
            |container| format!("container:{container}"),
        )
    }
}
