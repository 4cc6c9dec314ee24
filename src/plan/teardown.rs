//! `stop`, `rm`, `down`: from what is there to less of it.
//!
//! The order is turned around: what depends on others goes first. It comes from the files, and
//! where there are none, from the labels of the containers.

use std::collections::{BTreeMap, BTreeSet};

use super::hooks;
use super::observed::{Container, HookContainer};
use super::{Cause, Observed, Operation, Plan, Step, StepId};
use crate::graph::Graph;
use crate::project::Project;
use crate::project::service::hooks::Hook;

/// Who needs whom, by service.
pub type Order = BTreeMap<String, BTreeSet<String>>;

/// What is known of how services go.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Farewell {
    /// Who needs whom.
    pub order: Order,
    /// What is run in a service's containers before they are stopped.
    pub pre_stop: BTreeMap<String, Vec<Hook>>,
}

/// What the files say.
pub fn farewell_of(project: &Project) -> Farewell {
    let services = project.services.values().chain(project.disabled.values());
    Farewell {
        order: order_of(project),
        pre_stop: services
            .map(|service| (service.name.clone(), service.pre_stop.clone()))
            .collect(),
    }
}

/// What the containers' labels say, which know nothing of hooks.
pub fn farewell_observed(observed: &Observed) -> Farewell {
    Farewell {
        order: order_observed(observed),
        pre_stop: BTreeMap::new(),
    }
}

/// The order that the files give.
fn order_of(project: &Project) -> Order {
    let graph = Graph::of(project);
    let needs = |name: &String| {
        graph
            .dependencies(name)
            .keys()
            .map(|name| (*name).to_owned())
            .collect()
    };
    project
        .services
        .keys()
        .map(|name| (name.clone(), needs(name)))
        .collect()
}

/// The order that the containers' labels give.
fn order_observed(observed: &Observed) -> Order {
    let mut order = Order::new();
    for container in &observed.containers {
        order
            .entry(container.service.clone())
            .or_default()
            .extend(container.depends_on.keys().cloned());
    }
    order
}

/// What `down` takes along besides containers and networks.
#[derive(Debug, Clone, Default)]
pub struct DownOptions {
    /// Services; all when empty.
    pub services: Vec<String>,
    /// Containers of services that are in no file, and those made by `run`.
    pub remove_orphans: bool,
    /// Named and anonymous volumes.
    pub volumes: bool,
    /// Images of services.
    pub images: Option<RemovedImages>,
    /// Seconds until a container that has to stop is killed.
    pub timeout: Option<i32>,
}

/// Which images `down` removes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemovedImages {
    /// Those that have the name which they get when their service names none.
    Local,
    /// All that services use.
    All,
}

/// Plans `down`. Without a project (no file) everything that is labelled as the project's goes.
pub fn down(project: Option<&Project>, observed: &Observed, options: &DownOptions) -> Plan {
    let farewell = project.map_or_else(|| farewell_observed(observed), farewell_of);
    let orphan = |container: &Container| {
        container.one_off
            || project.is_some_and(|project| {
                let name = &container.service;
                !project.services.contains_key(name) && !project.disabled.contains_key(name)
            })
    };
    let chosen = observed.containers.iter().filter(|container| {
        let named = options.services.is_empty() || options.services.contains(&container.service);
        named && (options.remove_orphans || !orphan(container))
    });
    let chosen: Vec<&Container> = chosen.collect();
    let mut plan = Plan::default();
    let cause = Cause::Asked(if options.volumes { "down -v" } else { "down" });
    let stops = stop_in_order(&mut plan, &chosen, &farewell, options.timeout, &cause);
    let mut removed = Vec::new();
    for container in chosen {
        let after = stops.get(&container.name).copied().into_iter().collect();
        let operation = Operation::RemoveContainer {
            name: container.name.clone(),
            volumes: options.volumes,
        };
        removed.push(add(&mut plan, &container.service, operation, &cause, after));
    }
    // What hooks left is connected to the networks, too.
    let left = observed.hooks.iter();
    let named =
        |it: &&HookContainer| options.services.is_empty() || options.services.contains(&it.service);
    for hook in left.filter(named) {
        let operation = Operation::RemoveContainer {
            name: hook.name.clone(),
            volumes: true,
        };
        removed.push(add(&mut plan, &hook.service, operation, &cause, Vec::new()));
    }
    remove_resources(&mut plan, project, observed, options, (&cause, &removed));
    plan
}

fn remove_resources(
    plan: &mut Plan,
    project: Option<&Project>,
    observed: &Observed,
    options: &DownOptions,
    (cause, removed): (&Cause, &[StepId]),
) {
    let own = |owner: Option<&str>, key: Option<&str>| match project {
        Some(project) => owner == Some(project.name.as_str()) && key.is_some(),
        None => owner.is_some() && key.is_some(),
    };
    for (name, network) in &observed.networks {
        let declared = match project {
            Some(project) => network
                .key
                .as_ref()
                .and_then(|key| project.networks.get(key))
                .is_some_and(|declared| !declared.external),
            None => true,
        };
        if own(network.project.as_deref(), network.key.as_deref()) && declared {
            let step = Step {
                operation: Operation::RemoveNetwork {
                    name: name.clone(),
                    required: false,
                },
                cause: cause.clone(),
                service: None,
                after: removed.to_vec(),
                only_if: Vec::new(),
            };
            plan.add(step);
        }
    }
    if let Some(which) = options.images {
        let names = match project {
            Some(project) => removed_images(project, &options.services, which),
            None => observed_images(observed, &options.services, which),
        };
        for name in names {
            if project.is_none() || observed.images.contains_key(&name) {
                plan.add(Step {
                    operation: Operation::RemoveImage { reference: name },
                    cause: Cause::Asked("--rmi"),
                    service: None,
                    after: removed.to_vec(),
                    only_if: Vec::new(),
                });
            }
        }
    }
    if !options.volumes || !options.services.is_empty() {
        return;
    }
    for (name, volume) in &observed.volumes {
        let declared = match project {
            Some(project) => volume
                .key
                .as_ref()
                .and_then(|key| project.volumes.get(key))
                .is_some_and(|declared| !declared.external),
            None => true,
        };
        if own(volume.project.as_deref(), volume.key.as_deref()) && declared {
            let step = Step {
                operation: Operation::RemoveVolume { name: name.clone() },
                cause: cause.clone(),
                service: None,
                after: removed.to_vec(),
                only_if: Vec::new(),
            };
            plan.add(step);
        }
    }
}

fn removed_images(
    project: &Project,
    services: &[String],
    which: RemovedImages,
) -> BTreeSet<String> {
    let chosen = project.services.values().filter(|service| {
        let named = services.is_empty() || services.contains(&service.name);
        named && (which == RemovedImages::All || service.image.is_none())
    });
    chosen
        .map(|service| service.image_name(&project.name))
        .collect()
}

/// Without files, the containers tell what they were made of. A name that is made of the project's
/// and the service's is the one that a build without a name of its own gets.
fn observed_images(
    observed: &Observed,
    services: &[String],
    which: RemovedImages,
) -> BTreeSet<String> {
    let local = |container: &Container| {
        let name = container.image.trim_end_matches(":latest");
        let rest = name.strip_suffix(container.service.as_str());
        let project = rest.and_then(|rest| rest.strip_suffix(['-', '_']));
        project.is_some_and(|project| container.name.starts_with(project))
    };
    let containers = observed.containers.iter().filter(|container| {
        let named = services.is_empty() || services.contains(&container.service);
        named && (which == RemovedImages::All || local(container))
    });
    // The name has moved on where the engine tells an id.
    let named = containers.filter(|it| !it.image.is_empty() && !it.image.starts_with("sha256:"));
    named.map(|container| container.image.clone()).collect()
}

/// Plans `stop`.
pub fn stop(
    observed: &Observed,
    farewell: &Farewell,
    services: &[String],
    timeout: Option<i32>,
) -> Plan {
    let mut plan = Plan::default();
    let chosen = chosen(observed, services);
    stop_in_order(&mut plan, &chosen, farewell, timeout, &Cause::Asked("stop"));
    plan
}

/// What `rm` does.
#[derive(Debug, Clone, Default)]
pub struct RemoveOptions {
    /// Services; all when empty.
    pub services: Vec<String>,
    /// Stop those that run first.
    pub stop: bool,
    /// With their anonymous volumes.
    pub volumes: bool,
}

/// Plans `rm`: containers that do not run.
pub fn remove(observed: &Observed, farewell: &Farewell, options: &RemoveOptions) -> Plan {
    let mut plan = Plan::default();
    let chosen: Vec<&Container> = chosen(observed, &options.services)
        .into_iter()
        .filter(|container| options.stop || !container.holds_processes())
        .collect();
    let cause = Cause::Asked("rm");
    let stops = stop_in_order(&mut plan, &chosen, farewell, None, &cause);
    for container in chosen {
        let after = stops.get(&container.name).copied().into_iter().collect();
        let operation = Operation::RemoveContainer {
            name: container.name.clone(),
            volumes: options.volumes,
        };
        add(&mut plan, &container.service, operation, &cause, after);
    }
    plan
}

/// The containers of services (all services when none is named), without those made by `run`.
pub(super) fn chosen<'o>(observed: &'o Observed, services: &[String]) -> Vec<&'o Container> {
    let named =
        |container: &&Container| services.is_empty() || services.contains(&container.service);
    observed
        .containers
        .iter()
        .filter(|container| !container.one_off)
        .filter(named)
        .collect()
}

/// Stops what runs, dependents before what they depend on. Answers the stop of each container.
pub(super) fn stop_in_order(
    plan: &mut Plan,
    containers: &[&Container],
    Farewell { order, pre_stop }: &Farewell,
    timeout: Option<i32>,
    cause: &Cause,
) -> BTreeMap<String, StepId> {
    let mut stops: BTreeMap<String, StepId> = BTreeMap::new();
    let mut by_service: BTreeMap<&str, Vec<StepId>> = BTreeMap::new();
    let services = sorted(
        order,
        containers
            .iter()
            .map(|container| container.service.as_str()),
    );
    for name in services.into_iter().rev() {
        let dependents = order
            .iter()
            .filter(|(_, needs)| needs.contains(name))
            .map(|(dependent, _)| dependent.as_str());
        let after: Vec<StepId> = dependents
            .filter_map(|dependent| by_service.get(dependent))
            .flatten()
            .copied()
            .collect();
        for container in containers
            .iter()
            .filter(|container| container.service == name)
        {
            if !container.holds_processes() {
                continue;
            }
            let operation = Operation::StopContainer {
                name: container.name.clone(),
                timeout,
            };
            let hooks = pre_stop.get(name).filter(|_| container.is_up());
            let hooks = hooks.map(|it| hooks::before_stop(it, &container.name, true));
            let mut after = after.clone();
            for hook in hooks.into_iter().flatten() {
                after = vec![add(plan, name, hook, cause, after)];
            }
            let step = add(plan, name, operation, cause, after);
            stops.insert(container.name.clone(), step);
            by_service.entry(name).or_default().push(step);
        }
        // A service in between whose containers do not run passes its dependents' stops on.
        by_service.entry(name).or_insert(after);
    }
    stops
}

/// Services in the order of dependencies, each after what it needs. Labels can tell of cycles
/// that no file has any more: what is left then follows by name.
pub(super) fn sorted<'o>(
    order: &'o Order,
    services: impl Iterator<Item = &'o str>,
) -> Vec<&'o str> {
    let mut left: BTreeSet<&str> = services.collect();
    left.extend(order.keys().map(String::as_str));
    let mut sorted = Vec::with_capacity(left.len());
    while let Some(first) = left.first().copied() {
        let free = |name: &&str| {
            !order
                .get(*name)
                .into_iter()
                .flatten()
                .any(|need| need != *name && left.contains(need.as_str()))
        };
        let next: Vec<&str> = left.iter().copied().filter(|name| free(name)).collect();
        let next = if next.is_empty() { vec![first] } else { next };
        for name in next {
            left.remove(name);
            sorted.push(name);
        }
    }
    sorted
}

pub(super) fn add(
    plan: &mut Plan,
    service: &str,
    operation: Operation,
    cause: &Cause,
    after: Vec<StepId>,
) -> StepId {
    let step = Step {
        operation,
        cause: cause.clone(),
        service: Some(service.to_owned()),
        after,
        only_if: Vec::new(),
    };
    plan.add(step)
}
