//! Networks whose settings have changed: made anew under the containers that are connected to them.
//!
//! An engine can neither change a network nor remove one that somebody is up in. So the project's
//! containers stop (dependents first, and none before all images are there), leave the network, and
//! when it has been made anew they are connected as their services say (names, addresses and
//! options included) and go on: the same containers. Those of services that this run is not about
//! are taken along, because they would lose their network otherwise. Whoever does not belong to
//! the project's services cannot be taken along; that is an error before anything is done.

use std::collections::{BTreeMap, BTreeSet};

use bollard::models::EndpointSettings;

use super::{Converge, Instance, Planned};
use crate::document::Diagnostic;
use crate::plan::observed::{Container, State};
use crate::plan::resources::Drifted;
use crate::plan::{Cause, Operation, Step, StepId, request};
use crate::project::Service;
use crate::project::service::networks::in_order;

/// What became of the networks that have drifted.
#[derive(Default)]
pub(super) struct Renewed {
    /// The name that each had so far, by key.
    pub(super) old_names: BTreeMap<String, String>,
    /// The steps after which a container has left them, by its present name.
    left: BTreeMap<String, Vec<StepId>>,
}

impl Renewed {
    /// Whether a container is stopped and leaves a network in this plan; the steps after which it has.
    pub(super) fn left(&self, container: &str) -> &[StepId] {
        self.left.get(container).map_or(&[], Vec::as_slice)
    }

    fn holds(&self, network: &str) -> bool {
        self.old_names.values().any(|name| name == network)
    }
}

impl<'p> Converge<'_, 'p> {
    /// Those who are up in a network that is to be made anew, and cannot be taken along.
    pub(super) fn strangers(&self, drifted: &[Drifted]) -> Vec<Diagnostic> {
        drifted
            .iter()
            .filter_map(|network| {
                let present = self.observed.networks.get(&network.old_name)?;
                let ours: BTreeSet<&str> = self
                    .members(&network.old_name)
                    .map(|container| container.name.as_str())
                    .collect();
                let strangers = present.containers.iter().map(String::as_str);
                let strangers: Vec<&str> = strangers.filter(|it| !ours.contains(it)).collect();
                (!strangers.is_empty()).then(|| self.used_by_strangers(network, &strangers))
            })
            .collect()
    }

    fn used_by_strangers(&self, network: &Drifted, strangers: &[&str]) -> Diagnostic {
        let name = &network.old_name;
        let error = Diagnostic::error(format!(
            "network {name} has to be made anew ({}), but is in use by what is not of this project's services: {}",
            network.cause,
            strangers.join(", ")
        ))
        .code("network-in-use");
        let error = match network.span {
            Some(span) => error.at(span, "its settings here have changed"),
            None => error,
        };
        let mut orphans = self.observed.containers.iter();
        let orphan = orphans.any(|it| !it.one_off && strangers.contains(&it.name.as_str()));
        let more = if orphan {
            "; `--remove-orphans` removes orphans"
        } else {
            ""
        };
        error.help(format!(
            "disconnect them: docker network disconnect {name} {}{more}",
            strangers[0]
        ))
    }

    /// The containers in a network that can be taken along: those of services, and orphans on
    /// their way out.
    fn members<'o>(&'o self, network: &'o str) -> impl Iterator<Item = &'o Container> {
        let containers = self.observed.containers.iter();
        containers.filter(move |container| {
            let known = self.service(&container.service).is_some();
            let goes = self.options.remove_orphans;
            container.networks.contains_key(network) && !container.one_off && (known || goes)
        })
    }

    pub(super) fn service(&self, name: &str) -> Option<&'p Service> {
        let project = self.project;
        let service = project.services.get(name);
        service.or_else(|| project.disabled.get(name))
    }

    /// Notes which networks are made anew: containers are judged by that, too.
    pub(super) fn note_renewed(&mut self, drifted: &[Drifted]) {
        for network in drifted {
            let (key, name) = (network.key.clone(), network.old_name.clone());
            self.renewed.old_names.insert(key, name);
        }
    }

    /// Stops and disconnects everybody, removes the networks and makes them anew.
    pub(super) fn renew_networks(&mut self, drifted: Vec<Drifted>) {
        if drifted.is_empty() {
            return;
        }
        let mut stops: BTreeMap<String, Vec<StepId>> = BTreeMap::new();
        for name in self.all_services().into_iter().rev() {
            let members = drifted.iter().flat_map(|it| self.members(&it.old_name));
            let own = members.filter(|it| it.service == name);
            let own: BTreeMap<String, Container> =
                own.map(|it| (it.name.clone(), it.clone())).collect();
            let dependents = self.graph.dependents(&name);
            let before: Vec<StepId> = dependents
                .keys()
                .filter_map(|dependent| stops.get(*dependent))
                .flatten()
                .copied()
                .collect();
            let stopped = self.leave(&name, own.into_values().collect(), &before);
            stops.insert(name, if stopped.is_empty() { before } else { stopped });
        }
        for network in drifted {
            self.renew(network);
        }
    }

    /// All services of which there may be containers, each after what it needs; those that are in
    /// no file, or hidden by a profile, last.
    fn all_services(&self) -> Vec<String> {
        let known = self.graph.order().into_iter();
        let found = self.observed.containers.iter();
        let names = known.chain(found.map(|container| container.service.as_str()));
        let mut seen = BTreeSet::new();
        names
            .filter(|name| seen.insert(*name))
            .map(str::to_owned)
            .collect()
    }

    /// Stops those containers of a service that run, and takes all out of the networks.
    fn leave(
        &mut self,
        service: &str,
        containers: Vec<Container>,
        dependents: &[StepId],
    ) -> Vec<StepId> {
        let mut stops = Vec::new();
        if containers.is_empty() {
            return stops;
        }
        let mut before = self.image_steps.clone();
        before.extend(dependents);
        if let Some(service) = self.service(service) {
            before.extend(self.stop_dependents(service, None, &[]));
        }
        for container in containers {
            let stop = self.stop_to_leave(&container, &before);
            stops.extend(stop);
            // One that is half removed can neither leave a network nor hold on to it.
            let half_gone = container.state == State::Dead;
            let networks: Vec<String> = container
                .networks
                .keys()
                .filter(|_| !half_gone)
                .filter(|network| self.renewed.holds(network))
                .cloned()
                .collect();
            for network in networks {
                let cause = Cause::NetworkRenewed(network.clone());
                let operation = Operation::DisconnectNetwork {
                    network,
                    name: container.name.clone(),
                };
                let after = stop.into_iter().collect();
                let left = self.add(&container.service, operation, cause, after, &[]);
                let steps = self.renewed.left.entry(container.name.clone());
                steps.or_default().push(left);
            }
        }
        stops
    }

    fn stop_to_leave(&mut self, container: &Container, before: &[StepId]) -> Option<StepId> {
        if !container.holds_processes() {
            return None;
        }
        if let Some(stop) = self.restarted.get(&container.name) {
            return Some(*stop);
        }
        let networks = container.networks.keys();
        let network = networks.filter(|it| self.renewed.holds(it)).min()?;
        let cause = Cause::NetworkRenewed(network.clone());
        let stop = self.stop(container, &cause, before.to_vec(), &[]);
        self.restarted.insert(container.name.clone(), stop);
        Some(stop)
    }

    fn renew(&mut self, network: Drifted) {
        let members = self.members(&network.old_name);
        let mut left: Vec<StepId> = members
            .flat_map(|container| self.renewed.left(&container.name))
            .copied()
            .collect();
        left.sort_unstable();
        let removed = self.plan.add(Step {
            operation: Operation::RemoveNetwork {
                name: network.old_name,
                required: true,
            },
            cause: network.cause.clone(),
            service: None,
            // Nobody is cut off from a network for the sake of an image that cannot be had.
            after: if left.is_empty() {
                self.image_steps.clone()
            } else {
                left
            },
            only_if: Vec::new(),
        });
        let made = self.plan.add(Step {
            operation: Operation::CreateNetwork(Box::new(network.body)),
            cause: network.cause,
            service: None,
            after: vec![removed],
            only_if: Vec::new(),
        });
        self.resources.networks.insert(network.key, made);
    }

    /// Connects a container that stays to the networks that it has left, or that a killed run did
    /// not come to connect it to again. Answers the last step.
    pub(super) fn attach(
        &mut self,
        service: &'p Service,
        container: &Container,
        (name, number): (&str, u32),
    ) -> Vec<StepId> {
        let attachments = service.networks.iter().flat_map(in_order);
        let keys: Vec<(&String, String)> = attachments
            .filter_map(|(key, _)| {
                let network = self.names.networks.get(key)?;
                let missing = self.is_to_be_attached(key, network, container);
                missing.then(|| (key, network.clone()))
            })
            .collect();
        if keys.is_empty() {
            return Vec::new();
        }
        let mut endpoints = self.endpoints(service, name, number);
        let mut after = self.renewed.left(&container.name).to_vec();
        for (key, network) in keys {
            let Some(endpoint) = endpoints.remove(&network) else {
                continue;
            };
            after.extend(self.resources.networks.get(key));
            let cause = if self.renewed.old_names.contains_key(key) {
                Cause::NetworkRenewed(network.clone())
            } else {
                Cause::NetworkMissing(network.clone())
            };
            let operation = Operation::ConnectNetwork {
                network,
                name: container.name.clone(),
                endpoint: Box::new(endpoint),
            };
            after = vec![self.add(&service.name, operation, cause, after, &[])];
        }
        after
    }

    fn is_to_be_attached(&self, key: &str, network: &str, container: &Container) -> bool {
        match self.renewed.old_names.get(key) {
            Some(old) if container.networks.contains_key(old) => true,
            _ => !container.holds_processes() && !container.networks.contains_key(network),
        }
    }

    fn endpoints(
        &self,
        service: &Service,
        name: &str,
        number: u32,
    ) -> BTreeMap<String, EndpointSettings> {
        let with = self.lowering(name, number);
        let created = request::create(service, &with, BTreeMap::new());
        let config = created.body.networking_config;
        let first = config.and_then(|config| config.endpoints_config);
        let all = first.into_iter().flatten().chain(created.connect);
        all.collect()
    }

    /// The services that this run is not about, but whose containers it has stopped.
    pub(super) fn bystanders(&self, services: &[&'p Service]) -> Vec<&'p Service> {
        if self.renewed.left.is_empty() {
            return Vec::new();
        }
        let mut names = self.all_services();
        names.retain(|name| !services.iter().any(|service| service.name == *name));
        names
            .into_iter()
            .filter_map(|name| self.service(&name))
            .collect()
    }

    /// Their containers are connected again, and go on where they ran.
    pub(super) fn carry_along(&mut self, service: &'p Service) {
        let observed = self.observed;
        let mut planned = Planned::default();
        for (index, container) in observed.containers.iter().enumerate() {
            let own = container.service == service.name && !container.one_off;
            if !own || self.renewed.left(&container.name).is_empty() {
                continue;
            }
            let name = (container.name.as_str(), container.number);
            let ready = self.attach(service, container, name);
            let stopped = self.restarted.get(&container.name).copied();
            if let Some(stop) = stopped {
                planned.instances.push(Instance {
                    name: container.name.clone(),
                    running: container.is_up(),
                    files: Vec::new(),
                    ready: ready.into_iter().chain(stopped).collect(),
                    replaced: None,
                    restarted: Some(Vec::new()),
                    cause: self.plan.steps[stop.0].cause.clone(),
                    observed: Some(index),
                });
            }
        }
        if !planned.instances.is_empty() {
            self.services.insert(&service.name, planned);
        }
    }

    /// Networks that have another name now go when nobody of the project is left in them.
    pub(super) fn remove_renamed(&mut self) {
        let renamed = std::mem::take(&mut self.resources.renamed);
        for (key, old) in renamed {
            let observed = self.observed;
            let members = observed.containers.iter();
            let members = members.filter(|it| it.networks.contains_key(&old));
            let gone: Option<Vec<StepId>> = members.map(|it| self.removal(&it.name)).collect();
            let Some(mut after) = gone else {
                continue;
            };
            after.extend(self.resources.networks.get(&key));
            after.sort_unstable();
            let name = self.names.networks.get(&key).cloned().unwrap_or_default();
            self.plan.add(Step {
                operation: Operation::RemoveNetwork {
                    name: old,
                    required: false,
                },
                cause: Cause::Renamed(name),
                service: None,
                after,
                only_if: Vec::new(),
            });
        }
    }

    /// The step that is certain to remove a container that is there now.
    fn removal(&self, container: &str) -> Option<StepId> {
        let mut steps = self.plan.steps.iter();
        let index = steps.position(|step| match &step.operation {
            Operation::RemoveContainer { name, .. } => {
                let moved = self.moved.contains_key(name);
                let here = name == container
                    || (moved && crate::plan::naming::final_name(name) == container);
                here && step.only_if.is_empty()
            }
            _ => false,
        });
        index.map(StepId)
    }
}
