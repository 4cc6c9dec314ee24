//! `up`, `create`, `scale`: from what is there to what is asked for.
//!
//! The order of a replacement is docker compose's: the new container is made under a temporary
//! name, then the old one is stopped and removed, then the new one gets the name and is started.
//! No container is stopped before every image that the plan needs is there.

use std::collections::{BTreeMap, BTreeSet};

use super::containers::{Recreate, Verdict, Wanted, judge};
use super::images::{self, BuildPolicy, ImageStep};
use super::observed::{Container, Health, State};
use super::request::{self, Names};
use super::resources::{self, MissingExternal, Resources};
use super::{
    Cause, CreateContainer, ImageMoved, InheritedMount, Observed, Operation, Plan, Step, StepId,
    labels, naming,
};
use crate::api_version::ApiVersion;
use crate::document::Diagnostic;
use crate::graph::Graph;
use crate::project::hash::{self, Encoding};
use crate::project::request::Lowering;
use crate::project::service::depends_on::{Condition, Dependency};
use crate::project::service::healthcheck;
use crate::project::service::volumes_from::{self, Target};
use crate::project::{Project, Service};

/// What is asked for, beyond the files.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Services named by the user; all when empty.
    pub services: Vec<String>,
    /// Leave the dependencies of the named services alone.
    pub no_dependencies: bool,
    /// When the named services' containers are replaced.
    pub recreate: Recreate,
    /// When the containers of their dependencies are.
    pub recreate_dependencies: Recreate,
    /// Do not carry anonymous volumes over to a replacement.
    pub renew_anonymous_volumes: bool,
    /// Remove containers of services that are in no file.
    pub remove_orphans: bool,
    /// Say nothing about orphans.
    pub ignore_orphans: bool,
    /// Make containers without starting them.
    pub no_start: bool,
    /// Seconds until a container that has to stop is killed.
    pub timeout: Option<i32>,
    /// When images are built.
    pub build: BuildPolicy,
    /// Wait at the end until all services are healthy or running.
    pub wait: bool,
}

/// Plans everything between what is observed and what is asked for. Problems are errors in the
/// project that only show beside the engine (externals that are missing, images that cannot be had).
pub fn converge(
    project: &Project,
    observed: &Observed,
    options: &Options,
) -> Result<Plan, Vec<Diagnostic>> {
    let graph = Graph::of(project);
    let services = selected(project, &graph, options);
    let mut plan = Plan::default();
    let resources = resources::plan(project, services.iter().copied(), observed, &mut plan)
        .map_err(|missing| {
            missing
                .iter()
                .map(|external| missing_external(external))
                .collect::<Vec<_>>()
        })?;
    let images = images::plan(
        project,
        &graph,
        &services,
        observed,
        options.build,
        &mut plan,
    )?;
    let image_steps = images.values().filter_map(|image| image.step()).collect();
    let mut converge = Converge {
        project,
        observed,
        options,
        graph: &graph,
        names: Names::of(project),
        replicas: BTreeMap::new(),
        resources,
        images,
        image_steps,
        plan,
        verdicts: BTreeMap::new(),
        services: BTreeMap::new(),
        waits: BTreeMap::new(),
    };
    converge.replicas = services
        .iter()
        .map(|service| (service.name.clone(), converge.container_names(service)))
        .collect();
    converge.remove_orphans();
    for service in &services {
        converge.make_containers(service);
    }
    if !options.no_start {
        for service in &services {
            converge.restart_along(service);
        }
        for service in &services {
            converge.start_containers(service);
        }
        if options.wait {
            converge.wait_for_all(&services);
        }
    }
    Ok(converge.plan)
}

/// The services to work on, each after what it needs.
fn selected<'p>(project: &'p Project, graph: &Graph<'p>, options: &Options) -> Vec<&'p Service> {
    let named: BTreeSet<&str> = options.services.iter().map(String::as_str).collect();
    let wanted: BTreeSet<&str> = match (named.is_empty(), options.no_dependencies) {
        (true, _) => project.services.keys().map(String::as_str).collect(),
        (false, true) => named,
        (false, false) => graph.closure(named),
    };
    graph
        .order()
        .into_iter()
        .filter(|name| wanted.contains(name))
        .filter_map(|name| project.services.get(name))
        .collect()
}

fn missing_external(missing: &MissingExternal) -> Diagnostic {
    let MissingExternal {
        kind,
        key,
        name,
        span,
    } = missing;
    let error = Diagnostic::error(format!(
        "{kind} {name} is declared as external, but does not exist"
    ));
    let error = match span {
        Some(span) => error.at(*span, format!("`{key}` is declared here")),
        None => error,
    };
    error.help(format!("make it: docker {kind} create {name}"))
}

/// One container of a service in this plan.
struct Instance {
    /// Its final name.
    name: String,
    /// It exists and runs now.
    running: bool,
    /// It is there (in its final shape and name) after these steps.
    ready: Vec<StepId>,
    /// It is replaced: always when `Some` and empty, else if one of these images moves.
    replaced: Option<Vec<ImageMoved>>,
    /// Stops of the container it replaces, so that dependents can be stopped before.
    stop: Option<StepId>,
    /// Why it is made, replaced or started.
    cause: Cause,
    /// The container that is there now.
    observed: Option<usize>,
}

/// What this plan does to one service.
#[derive(Default)]
struct Planned {
    instances: Vec<Instance>,
    /// Starts (and restarts), for dependents to wait for.
    started: Vec<StepId>,
}

struct Converge<'a, 'p> {
    project: &'p Project,
    observed: &'a Observed,
    options: &'a Options,
    graph: &'a Graph<'p>,
    names: Names,
    /// Names of all containers of each service when the plan is done.
    replicas: BTreeMap<String, Vec<String>>,
    resources: Resources,
    images: BTreeMap<&'p str, ImageStep>,
    /// All pulls and builds: what has to be there before anything is stopped.
    image_steps: Vec<StepId>,
    plan: Plan,
    verdicts: BTreeMap<&'p str, Verdict>,
    services: BTreeMap<&'p str, Planned>,
    waits: BTreeMap<(String, Condition), StepId>,
}

impl<'p> Converge<'_, 'p> {
    fn add(
        &mut self,
        service: &str,
        operation: Operation,
        cause: Cause,
        after: Vec<StepId>,
        only_if: &[ImageMoved],
    ) -> StepId {
        let mut after = after;
        after.sort_unstable();
        after.dedup();
        self.plan.add(Step {
            operation,
            cause,
            service: Some(service.to_owned()),
            after,
            only_if: only_if.to_vec(),
        })
    }

    /// A service's containers that are there, by number.
    fn existing(&self, service: &str) -> Vec<(usize, &Container)> {
        let all = self.observed.containers.iter().enumerate();
        let mut own: Vec<_> = all
            .filter(|(_, container)| container.service == service && !container.one_off)
            .collect();
        own.sort_by_key(|(_, container)| container.number);
        own
    }

    /// The names that a service's containers will have, kept ones first.
    fn container_names(&self, service: &Service) -> Vec<String> {
        let existing = self.existing(&service.name);
        let wanted = service.replicas() as usize;
        let kept = existing
            .iter()
            .take(wanted)
            .map(|(_, container)| self.final_name(service, container));
        let mut names: Vec<String> = kept.collect();
        let mut number = existing.last().map_or(0, |(_, container)| container.number);
        while names.len() < wanted {
            number += 1;
            names.push(naming::container(&self.project.name, service, number));
        }
        names
    }

    /// A container left under its temporary name by a killed run gets its proper one.
    fn final_name(&self, service: &Service, container: &Container) -> String {
        if naming::final_name(&container.name) == container.name {
            container.name.clone()
        } else {
            naming::container(&self.project.name, service, container.number)
        }
    }

    fn recreate_policy(&self, service: &Service) -> Recreate {
        let named =
            self.options.services.is_empty() || self.options.services.contains(&service.name);
        if named {
            self.options.recreate
        } else {
            self.options.recreate_dependencies
        }
    }

    fn make_containers(&mut self, service: &'p Service) {
        let parents = self.parents(service);
        let wanted = Wanted {
            project: self.project,
            service,
            image: self
                .images
                .get(service.name.as_str())
                .copied()
                .unwrap_or(ImageStep::Present),
            recreate: self.recreate_policy(service),
            networks: &self.names.networks,
            volumes: &self.names.volumes,
            parents: &parents,
        };
        let mut judged: Vec<(usize, Container, Verdict)> = Vec::new();
        for (index, container) in self.existing(&service.name) {
            judged.push((
                index,
                container.clone(),
                judge(container, &wanted, self.observed),
            ));
        }
        // Those that may stay come first, so that scaling down removes the outdated ones.
        judged.sort_by_key(|(_, container, verdict)| {
            (!matches!(verdict, Verdict::Keep), container.number)
        });
        let count = service.replicas() as usize;
        let surplus = judged.split_off(judged.len().min(count));
        self.services.insert(&service.name, Planned::default());
        for (_, container, _) in &surplus {
            self.remove(service, container, Cause::ScaledDown);
        }
        let mut overall = Verdict::Keep;
        let mut highest = self
            .existing(&service.name)
            .last()
            .map_or(0, |(_, container)| container.number);
        let kept = judged.len();
        for (index, container, verdict) in judged {
            overall = strongest(overall, &verdict);
            let instance = self.keep_or_replace(service, index, &container, verdict);
            self.planned(service).instances.push(instance);
        }
        for _ in kept..count {
            highest += 1;
            let instance = self.make(service, highest);
            self.planned(service).instances.push(instance);
        }
        self.verdicts.insert(&service.name, overall);
    }

    fn planned(&mut self, service: &'p Service) -> &mut Planned {
        self.services.entry(&service.name).or_default()
    }

    /// Verdicts on the services whose namespaces or volumes this one shares.
    fn parents(&self, service: &Service) -> BTreeMap<&'p str, Verdict> {
        let shared = shared_services(service);
        let verdicts = self
            .verdicts
            .iter()
            .filter(|(name, _)| shared.contains(**name));
        verdicts
            .map(|(name, verdict)| (*name, verdict.clone()))
            .collect()
    }

    /// Everything that must be there before a container of a service can be made.
    fn inputs(&self, service: &Service) -> Vec<StepId> {
        let networks = service.networks.iter().flat_map(BTreeMap::keys);
        let volumes = service
            .volumes
            .iter()
            .filter_map(|mount| mount.source.as_ref());
        let mut inputs: Vec<StepId> = Vec::new();
        inputs.extend(networks.filter_map(|key| self.resources.networks.get(key)));
        inputs.extend(volumes.filter_map(|key| self.resources.volumes.get(key)));
        inputs.extend(
            self.images
                .get(service.name.as_str())
                .and_then(|image| image.step()),
        );
        for name in shared_services(service) {
            let shared = self.services.get(name.as_str());
            inputs.extend(
                shared
                    .iter()
                    .flat_map(|planned| &planned.instances)
                    .flat_map(|instance| &instance.ready),
            );
        }
        inputs
    }

    fn make(&mut self, service: &'p Service, number: u32) -> Instance {
        let name = naming::container(&self.project.name, service, number);
        let create = self.create_request(service, &name, number, None);
        let after = self.inputs(service);
        let step = self.add(
            &service.name,
            Operation::CreateContainer(Box::new(create)),
            Cause::Missing,
            after,
            &[],
        );
        Instance {
            name,
            running: false,
            ready: vec![step],
            replaced: None,
            stop: None,
            cause: Cause::Missing,
            observed: None,
        }
    }

    fn keep_or_replace(
        &mut self,
        service: &'p Service,
        index: usize,
        container: &Container,
        verdict: Verdict,
    ) -> Instance {
        match verdict {
            Verdict::Keep => self.keep(service, index, container),
            Verdict::Replace(cause) => self.replace(service, index, container, cause, Vec::new()),
            Verdict::ReplaceIf(moved) => {
                self.replace(service, index, container, Cause::ImageMayChange, moved)
            }
        }
    }

    fn keep(&mut self, service: &'p Service, index: usize, container: &Container) -> Instance {
        let name = self.final_name(service, container);
        let mut ready = Vec::new();
        if name != container.name {
            let rename = Operation::RenameContainer {
                from: container.name.clone(),
                to: name.clone(),
            };
            ready.push(self.add(&service.name, rename, Cause::Replacement, Vec::new(), &[]));
        }
        if container.is_up() && ready.is_empty() {
            self.plan.untouched.push(name.clone());
        }
        Instance {
            name,
            running: container.is_up(),
            ready,
            replaced: None,
            stop: None,
            cause: Cause::NotRunning,
            observed: Some(index),
        }
    }

    /// New under a temporary name, old stopped and removed, new renamed.
    fn replace(
        &mut self,
        service: &'p Service,
        index: usize,
        container: &Container,
        cause: Cause,
        only_if: Vec<ImageMoved>,
    ) -> Instance {
        let name = self.final_name(service, container);
        let mut create = self.create_request(service, &name, container.number, Some(container));
        create.name = naming::temporary(&container.id, &name);
        let temporary = create.name.clone();
        let after = self.inputs(service);
        let operation = Operation::CreateContainer(Box::new(create));
        let made = self.add(&service.name, operation, cause.clone(), after, &only_if);
        let mut gone_after = vec![made];
        let mut stop = None;
        if container.is_up() || container.state == State::Paused {
            let mut after = self.image_steps.clone();
            after.push(made);
            let operation = Operation::StopContainer {
                name: container.name.clone(),
                timeout: self.options.timeout,
            };
            let step = self.add(
                &service.name,
                operation,
                Cause::Replacement,
                after,
                &only_if,
            );
            stop = Some(step);
            gone_after = vec![step];
        }
        let operation = Operation::RemoveContainer {
            name: container.name.clone(),
            volumes: false,
        };
        let removed = self.add(
            &service.name,
            operation,
            Cause::Replacement,
            gone_after,
            &only_if,
        );
        let operation = Operation::RenameContainer {
            from: temporary,
            to: name.clone(),
        };
        let renamed = self.add(
            &service.name,
            operation,
            Cause::Replacement,
            vec![removed],
            &only_if,
        );
        Instance {
            name,
            running: container.is_up(),
            ready: vec![renamed],
            replaced: Some(only_if),
            stop,
            cause,
            observed: Some(index),
        }
    }

    fn remove(&mut self, service: &'p Service, container: &Container, cause: Cause) {
        let mut after = Vec::new();
        if container.is_up() || container.state == State::Paused {
            let operation = Operation::StopContainer {
                name: container.name.clone(),
                timeout: self.options.timeout,
            };
            after.push(self.add(
                &service.name,
                operation,
                cause.clone(),
                self.image_steps.clone(),
                &[],
            ));
        }
        let operation = Operation::RemoveContainer {
            name: container.name.clone(),
            volumes: false,
        };
        self.add(&service.name, operation, cause, after, &[]);
    }

    /// The request for a container, which inherits the anonymous volumes of the one it replaces.
    fn create_request(
        &mut self,
        service: &Service,
        name: &str,
        number: u32,
        old: Option<&Container>,
    ) -> CreateContainer {
        let api = ApiVersion::parse(&self.observed.api).unwrap_or(ApiVersion::new(1, 41));
        let with = Lowering {
            api,
            project: &self.project.name,
            container_name: name,
            number,
            networks: &self.names.networks,
            volumes: &self.names.volumes,
            replicas: &self.replicas,
        };
        let config_hash = hash::service(service, Encoding::Current);
        let mut labels = labels::container(self.project, service, number, &config_hash);
        if old.is_some() {
            let replaced = service
                .container_name
                .clone()
                .unwrap_or_else(|| format!("{}-{number}", service.name));
            labels.insert(labels::REPLACE.to_owned(), replaced);
        }
        let image = self
            .observed
            .images
            .get(&service.image_name(&self.project.name));
        let known = image.filter(|_| {
            matches!(
                self.images.get(service.name.as_str()),
                Some(ImageStep::Present)
            )
        });
        if let Some(id) = known {
            labels.insert(labels::IMAGE.to_owned(), id.clone());
        }
        let stamp_image = known.is_none();
        let created = request::create(service, &with, labels);
        for unsupported in &created.unsupported {
            let (attribute, engine) = (unsupported.attribute, unsupported.engine);
            self.plan.warnings.push(format!(
                "service {}: `{attribute}` needs Docker Engine {engine} or newer, and has no effect here",
                service.name
            ));
        }
        let inherit = match old {
            Some(old) if !self.options.renew_anonymous_volumes => {
                inherited(service, old, &self.names)
            }
            _ => Vec::new(),
        };
        CreateContainer {
            name: name.to_owned(),
            platform: service.platform.clone(),
            body: created.body,
            connect: created.connect,
            inherit,
            stamp_image,
        }
    }

    /// Stops the containers that asked to be restarted along with a dependency that is replaced,
    /// before the dependency is.
    fn restart_along(&mut self, service: &'p Service) {
        let replaced: Vec<(StepId, Vec<ImageMoved>)> = self.services[service.name.as_str()]
            .instances
            .iter()
            .filter_map(|instance| Some((instance.stop?, instance.replaced.clone()?)))
            .collect();
        if replaced.is_empty() {
            return;
        }
        let dependents: Vec<&'p str> = self
            .graph
            .dependents(&service.name)
            .into_iter()
            .filter(|(_, dependency)| dependency.restart)
            .map(|(name, _)| name)
            .collect();
        for dependent in dependents {
            let Some(planned) = self.services.get(dependent) else {
                continue;
            };
            let kept: Vec<String> = planned
                .instances
                .iter()
                .filter(|instance| instance.running && instance.replaced.is_none())
                .map(|instance| instance.name.clone())
                .collect();
            for name in kept {
                self.stop_along(service, dependent, &name, &replaced);
            }
        }
    }

    fn stop_along(
        &mut self,
        service: &'p Service,
        dependent: &'p str,
        name: &str,
        replaced: &[(StepId, Vec<ImageMoved>)],
    ) {
        let only_if = joined(replaced.iter().map(|(_, moved)| moved));
        let cause = Cause::DependencyRestarted(service.name.clone());
        let operation = Operation::StopContainer {
            name: name.to_owned(),
            timeout: self.options.timeout,
        };
        let after = self.image_steps.clone();
        let stop = self.add(dependent, operation, cause.clone(), after, &only_if);
        self.plan
            .untouched
            .retain(|untouched| untouched != name || !only_if.is_empty());
        let Some(planned) = self.services.get_mut(dependent) else {
            return;
        };
        for instance in planned
            .instances
            .iter_mut()
            .filter(|instance| instance.name == name)
        {
            instance.ready.push(stop);
            instance.replaced = Some(only_if.clone());
            instance.cause = cause.clone();
        }
    }

    fn start_containers(&mut self, service: &'p Service) {
        let starting: Vec<(String, Vec<StepId>, Vec<ImageMoved>, Cause)> = self.services
            [service.name.as_str()]
        .instances
        .iter()
        .filter(|instance| !instance.running || instance.replaced.is_some())
        .map(|instance| {
            // A container that does not run is started in any case, replaced or not.
            let only_if = if instance.running {
                instance.replaced.clone().unwrap_or_default()
            } else {
                Vec::new()
            };
            (
                instance.name.clone(),
                instance.ready.clone(),
                only_if,
                instance.cause.clone(),
            )
        })
        .collect();
        if starting.is_empty() {
            return;
        }
        let conditions = joined(starting.iter().map(|(_, _, only_if, _)| only_if));
        let mut gates = Vec::new();
        for (name, dependency) in self.graph.dependencies(&service.name) {
            gates.extend(self.gate(service, name, dependency, &conditions));
        }
        for (name, ready, only_if, cause) in starting {
            let mut after = gates.clone();
            after.extend(ready);
            let start = self.add(
                &service.name,
                Operation::StartContainer { name },
                cause,
                after,
                &only_if,
            );
            self.planned(service).started.push(start);
        }
    }

    /// The steps that must be done before a dependent may start.
    fn gate(
        &mut self,
        dependent: &Service,
        name: &'p str,
        dependency: &Dependency,
        only_if: &[ImageMoved],
    ) -> Vec<StepId> {
        let Some(planned) = self.services.get(name) else {
            return Vec::new();
        };
        let started = planned.started.clone();
        let satisfied = started.is_empty()
            && planned
                .instances
                .iter()
                .all(|i| self.satisfies(i, dependency.condition));
        if planned.instances.is_empty() || satisfied {
            return Vec::new();
        }
        if dependency.condition == Condition::Started {
            return started;
        }
        let key = (name.to_owned(), dependency.condition);
        if let Some(wait) = self.waits.get(&key) {
            return vec![*wait];
        }
        let containers = planned
            .instances
            .iter()
            .map(|instance| instance.name.clone())
            .collect();
        let operation = Operation::Wait {
            containers,
            condition: dependency.condition,
            required: dependency.required,
        };
        let wait = self.add(
            name,
            operation,
            Cause::NeededBy(dependent.name.clone()),
            started,
            only_if,
        );
        self.waits.insert(key, wait);
        vec![wait]
    }

    /// Whether a container that this plan does not start is in a condition already.
    fn satisfies(&self, instance: &Instance, condition: Condition) -> bool {
        let Some(container) = instance
            .observed
            .map(|index| &self.observed.containers[index])
        else {
            return false;
        };
        match condition {
            Condition::Started => container.is_up(),
            Condition::Healthy => container.health == Some(Health::Healthy),
            Condition::CompletedSuccessfully => {
                container.state == State::Exited && container.exit_code == Some(0)
            }
        }
    }

    /// `--wait`: healthy where there is a health check, running elsewhere.
    fn wait_for_all(&mut self, services: &[&'p Service]) {
        for service in services {
            let planned = &self.services[service.name.as_str()];
            let checked = service
                .healthcheck
                .as_ref()
                .is_some_and(|check| !healthcheck::is_disabled(check));
            let condition = if checked {
                Condition::Healthy
            } else {
                Condition::Started
            };
            let names: Vec<String> = planned
                .instances
                .iter()
                .map(|instance| instance.name.clone())
                .collect();
            let started = planned.started.clone();
            if names.is_empty() || self.waits.contains_key(&(service.name.clone(), condition)) {
                continue;
            }
            let operation = Operation::Wait {
                containers: names,
                condition,
                required: true,
            };
            self.add(
                &service.name,
                operation,
                Cause::Asked("--wait"),
                started,
                &[],
            );
        }
    }

    fn remove_orphans(&mut self) {
        let known = |name: &str| {
            self.project.services.contains_key(name) || self.project.disabled.contains_key(name)
        };
        let orphans: Vec<&Container> = self
            .observed
            .containers
            .iter()
            .filter(|container| {
                if container.one_off {
                    !container.is_up()
                } else {
                    !known(&container.service)
                }
            })
            .collect();
        if orphans.is_empty() {
            return;
        }
        if !self.options.remove_orphans {
            let left: Vec<&str> = orphans
                .iter()
                .filter(|c| !c.one_off)
                .map(|c| c.name.as_str())
                .collect();
            if !self.options.ignore_orphans && !left.is_empty() {
                self.plan.warnings.push(format!(
                    "found orphan containers ({}) of services that are in no file; `--remove-orphans` removes them",
                    left.join(", ")
                ));
            }
            return;
        }
        let orphans: Vec<Container> = orphans.into_iter().cloned().collect();
        for container in orphans {
            let mut after = Vec::new();
            if container.is_up() {
                let operation = Operation::StopContainer {
                    name: container.name.clone(),
                    timeout: self.options.timeout,
                };
                let steps = self.image_steps.clone();
                after.push(self.add(&container.service, operation, Cause::Orphan, steps, &[]));
            }
            let operation = Operation::RemoveContainer {
                name: container.name.clone(),
                volumes: false,
            };
            self.add(&container.service, operation, Cause::Orphan, after, &[]);
        }
    }
}

/// The verdict that a service's sharers have to follow.
fn strongest(one: Verdict, other: &Verdict) -> Verdict {
    match (one, other) {
        (Verdict::Replace(cause), _) => Verdict::Replace(cause),
        (_, Verdict::Replace(cause)) => Verdict::Replace(cause.clone()),
        (Verdict::ReplaceIf(moved), _) => Verdict::ReplaceIf(moved),
        (Verdict::Keep, other) => other.clone(),
    }
}

/// A step for several reasons: unconditional as soon as one of them is.
fn joined<'m>(conditions: impl Iterator<Item = &'m Vec<ImageMoved>>) -> Vec<ImageMoved> {
    let mut all = BTreeSet::new();
    for condition in conditions {
        if condition.is_empty() {
            return Vec::new();
        }
        all.extend(condition.iter().cloned());
    }
    all.into_iter().collect()
}

/// Services whose container must be there, in its final shape, before one of this service can be
/// made: it shares their namespaces or volumes.
fn shared_services(service: &Service) -> BTreeSet<String> {
    let modes = [&service.network_mode, &service.ipc, &service.pid];
    let namespaces = modes
        .into_iter()
        .filter_map(|mode| mode.as_deref()?.strip_prefix("service:"));
    let volumes =
        service
            .volumes_from
            .iter()
            .filter_map(|entry| match volumes_from::split(entry).0 {
                Target::Service(name) => Some(name),
                Target::Container(_) => None,
            });
    namespaces.chain(volumes).map(str::to_owned).collect()
}

/// The unnamed volumes of a container that its successor goes on with. Whether the new image
/// still declares a volume there is known only when it is made, so that is left to that moment,
/// except where the service itself asks for an anonymous volume.
fn inherited(service: &Service, old: &Container, names: &Names) -> Vec<InheritedMount> {
    let named: BTreeSet<&str> = names.volumes.values().map(String::as_str).collect();
    let declared = |target: &str| {
        service
            .volumes
            .iter()
            .any(|mount| mount.target == target && mount.source.is_some())
    };
    old.mounts
        .iter()
        .filter(|mount| mount.kind == "volume" && !mount.name.is_empty())
        .filter(|mount| !named.contains(mount.name.as_str()) && !declared(&mount.target))
        .map(|mount| InheritedMount {
            volume: mount.name.clone(),
            target: mount.target.clone(),
            read_only: mount.read_only,
        })
        .collect()
}
