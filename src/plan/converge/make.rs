//! The steps that make, keep, replace and remove a service's containers.

use std::collections::{BTreeMap, BTreeSet};

use super::judged::Slot;
use super::{Converge, Instance, Planned};
use crate::api_version::ApiVersion;
use crate::document::Diagnostic;
use crate::plan::containers::Verdict;
use crate::plan::containers::{named_containers, shared_services};
use crate::plan::images::ImageStep;
use crate::plan::observed::{Container, State};
use crate::plan::request::{self, Names};
use crate::plan::{
    Cause, CreateContainer, ImageMoved, InheritedMount, Operation, StepId, labels, naming,
};
use crate::project::Service;
use crate::project::hash::{self, Encoding};
use crate::project::request::{Lowering, Refused};
use crate::project::validate::span_of;

impl<'p> Converge<'_, 'p> {
    pub(super) fn make_containers(&mut self, service: &'p Service) {
        let judged = self
            .judged
            .remove(service.name.as_str())
            .unwrap_or_default();
        let mut stopped = Vec::new();
        if !judged.leftovers.is_empty() && judged.kept.iter().any(Slot::is_successor) {
            stopped = self.stop_dependents(service, None, &[]);
        }
        for container in &judged.leftovers {
            self.remove(container, &Cause::Replacement, &stopped);
        }
        for container in &judged.surplus {
            self.remove(container, &Cause::ScaledDown, &[]);
        }
        let mut planned = Planned::default();
        for slot in &judged.kept {
            planned.instances.push(match &slot.verdict {
                Verdict::Keep => self.keep(service, slot),
                Verdict::Replace(cause) => self.replace(service, slot, cause, &[]),
                Verdict::ReplaceIf(moved) => {
                    self.replace(service, slot, &Cause::ImageMayChange, moved)
                }
            });
        }
        for number in judged.made {
            planned.instances.push(self.make(service, number));
        }
        self.services.insert(&service.name, planned);
    }

    fn make(&mut self, service: &'p Service, number: u32) -> Instance {
        let name = naming::container(&self.project.name, service, number);
        let create = self.create_request(service, &name, number, None);
        let mut after = self.inputs(service);
        after.extend(self.clear_name(&name, &after));
        let operation = Operation::CreateContainer(Box::new(create));
        let step = self.add(&service.name, operation, Cause::Missing, after, &[]);
        Instance {
            name,
            running: false,
            files: Vec::new(),
            ready: vec![step],
            replaced: None,
            restarted: None,
            cause: Cause::Missing,
            observed: None,
        }
    }

    fn keep(&mut self, service: &'p Service, slot: &Slot) -> Instance {
        let container = &slot.container;
        let name = self.slot_name(service, slot);
        let stopped = self.restarted.get(&container.name).copied();
        let mut ready: Vec<StepId> = stopped.into_iter().collect();
        ready.extend(self.attach(service, container, (&name, slot.number)));
        let renamed = self.take_final_name(service, container, &name, &ready);
        ready.extend(renamed);
        if container.is_up() && ready.is_empty() {
            self.plan.untouched.push(name.clone());
        }
        let files = if container.state == State::Created {
            self.create_request(service, &name, slot.number, None).files
        } else {
            Vec::new()
        };
        let cause = match stopped {
            Some(step) => self.plan.steps[step.0].cause.clone(),
            None => Cause::NotRunning,
        };
        Instance {
            name,
            running: container.is_up(),
            files,
            ready,
            replaced: None,
            restarted: self.condition_of(stopped),
            cause,
            observed: Some(slot.index),
        }
    }

    fn condition_of(&self, stopped: Option<StepId>) -> Option<Vec<ImageMoved>> {
        Some(self.plan.steps[stopped?.0].only_if.clone())
    }

    /// A container that a killed run left under a temporary name gets its final one, after
    /// whoever has that is gone.
    fn take_final_name(
        &mut self,
        service: &Service,
        container: &Container,
        name: &str,
        before: &[StepId],
    ) -> Option<StepId> {
        if name == container.name {
            return None;
        }
        let mut after: Vec<StepId> = self.freed.get(name).copied().into_iter().collect();
        after.extend(before);
        let operation = Operation::RenameContainer {
            from: container.name.clone(),
            to: name.to_owned(),
        };
        let renamed = self.add(&service.name, operation, Cause::Replacement, after, &[]);
        self.freed.insert(container.name.clone(), renamed);
        Some(renamed)
    }

    /// New under a temporary name, old stopped and removed, new renamed.
    fn replace(
        &mut self,
        service: &'p Service,
        slot: &Slot,
        cause: &Cause,
        only_if: &[ImageMoved],
    ) -> Instance {
        let name = self.slot_name(service, slot);
        let mut old = slot.container.clone();
        let mut stopped_before = Vec::new();
        let stopped = self.restarted.get(&old.name).copied();
        stopped_before.extend(stopped);
        if !only_if.is_empty() {
            // It may have to stay, and then not under a temporary name.
            stopped_before.extend(self.attach(service, &old, (&name, slot.number)));
            let renamed = self.take_final_name(service, &old, &name, &stopped_before);
            stopped_before.extend(renamed);
            old.name.clone_from(&name);
        }
        let made = self.create_replacement(service, slot, &name, cause, only_if);
        stopped_before.push(made.1);
        stopped_before.extend(self.stop_dependents(service, Some(made.1), only_if));
        stopped_before.extend(self.renewed.left(&slot.container.name));
        if !self.renewed.left(&slot.container.name).is_empty() {
            // It has been stopped to leave a network.
            old.state = State::Exited;
        }
        let renamed = self.take_over(service, &old, (&made.0, &name), stopped_before, only_if);
        let mut ready = vec![renamed];
        ready.extend(stopped);
        Instance {
            name,
            running: slot.container.is_up(),
            files: Vec::new(),
            ready,
            replaced: Some(only_if.to_vec()),
            restarted: self.condition_of(stopped),
            cause: cause.clone(),
            observed: Some(slot.index),
        }
    }

    fn create_replacement(
        &mut self,
        service: &'p Service,
        slot: &Slot,
        name: &str,
        cause: &Cause,
        only_if: &[ImageMoved],
    ) -> (String, StepId) {
        let mut create = self.create_request(service, name, slot.number, Some(&slot.container));
        create.name = naming::temporary(&slot.container.id, name);
        let temporary = create.name.clone();
        let mut after = self.inputs(service);
        after.extend(self.freed.get(&temporary));
        let operation = Operation::CreateContainer(Box::new(create));
        let made = self.add(&service.name, operation, cause.clone(), after, only_if);
        (temporary, made)
    }

    /// Stops and removes the old container and gives its successor the final name.
    fn take_over(
        &mut self,
        service: &Service,
        old: &Container,
        (temporary, name): (&str, &str),
        before: Vec<StepId>,
        only_if: &[ImageMoved],
    ) -> StepId {
        let cause = Cause::Replacement;
        let mut gone_after = before;
        gone_after.extend(self.moved.get(&old.name));
        if old.holds_processes() {
            gone_after.extend(&self.image_steps);
            gone_after = vec![self.stop(old, &cause, gone_after, only_if)];
        }
        let operation = Operation::RemoveContainer {
            name: old.name.clone(),
            volumes: false,
        };
        let removed = self.add(&service.name, operation, cause.clone(), gone_after, only_if);
        let mut after = vec![removed];
        after.extend(self.clear_name(name, &after));
        self.freed.insert(old.name.clone(), removed);
        let operation = Operation::RenameContainer {
            from: temporary.to_owned(),
            to: name.to_owned(),
        };
        self.add(&service.name, operation, cause, after, only_if)
    }

    /// Stops the containers that asked to be restarted along with this service, before it is.
    pub(super) fn stop_dependents(
        &mut self,
        service: &'p Service,
        made: Option<StepId>,
        only_if: &[ImageMoved],
    ) -> Vec<StepId> {
        if self.options.no_start {
            return Vec::new();
        }
        let dependents = self.graph.dependents(&service.name);
        let restarting = dependents
            .into_iter()
            .filter(|(_, dependency)| dependency.restart);
        let containers: Vec<Container> = restarting
            .filter_map(|(name, _)| self.judged.get(name))
            .flat_map(|judged| &judged.kept)
            .filter(|slot| slot.container.is_up() && !starts_anew(&slot.verdict, only_if))
            .map(|slot| slot.container.clone())
            .collect();
        containers
            .iter()
            .map(|container| self.stop_along(service, container, made, only_if))
            .collect()
    }

    fn stop_along(
        &mut self,
        service: &Service,
        container: &Container,
        made: Option<StepId>,
        only_if: &[ImageMoved],
    ) -> StepId {
        if let Some(stop) = self.restarted.get(&container.name).copied() {
            self.widen(stop, only_if);
            return stop;
        }
        let mut after = self.image_steps.clone();
        after.extend(made);
        after.extend(self.moved.get(&container.name));
        let cause = Cause::DependencyRestarted(service.name.clone());
        let stop = self.stop(container, &cause, after, only_if);
        self.restarted.insert(container.name.clone(), stop);
        stop
    }

    /// Everything that must be there before a container of a service can be made.
    fn inputs(&self, service: &Service) -> Vec<StepId> {
        let networks = service.networks.iter().flat_map(BTreeMap::keys);
        let volumes = service.volumes.iter();
        let volumes = volumes.filter_map(|mount| mount.source.as_ref());
        let image = self.images.get(service.name.as_str());
        let mut inputs: Vec<StepId> = Vec::new();
        inputs.extend(networks.filter_map(|key| self.resources.networks.get(key)));
        inputs.extend(volumes.filter_map(|key| self.resources.volumes.get(key)));
        inputs.extend(image.and_then(|image| image.step()));
        for name in shared_services(service) {
            let shared = self.services.get(name.as_str());
            let instances = shared.iter().flat_map(|planned| &planned.instances);
            inputs.extend(instances.flat_map(|instance| &instance.ready));
        }
        let named = named_containers(service);
        if !named.is_empty() {
            let planned = self.services.values();
            let instances = planned.flat_map(|planned| &planned.instances);
            let meant = instances.filter(|instance| named.contains(instance.name.as_str()));
            inputs.extend(meant.flat_map(|instance| &instance.ready));
        }
        inputs
    }

    /// The request for a container, which inherits the anonymous volumes of the one it replaces.
    pub(super) fn create_request(
        &mut self,
        service: &Service,
        name: &str,
        number: u32,
        old: Option<&Container>,
    ) -> CreateContainer {
        let with = self.lowering(name, number);
        let config_hash = hash::service(service, Encoding::Current);
        let mut labels = labels::container(self.project, service, number, &config_hash);
        if old.is_some() {
            let replaced = service.container_name.clone();
            let replaced = replaced.unwrap_or_else(|| format!("{}-{number}", service.name));
            labels.insert(labels::REPLACE.to_owned(), replaced);
        }
        let image = self.known_image(service);
        if let Some(id) = &image {
            labels.insert(labels::IMAGE.to_owned(), id.clone());
        }
        let created = request::create(service, &with, labels);
        for unsupported in &created.unsupported {
            let (attribute, engine) = (unsupported.attribute, unsupported.engine);
            self.warn(format!(
                "service {}: `{attribute}` needs Docker Engine {engine} or newer, and has no effect here",
                service.name
            ));
        }
        for refused in &created.refused {
            let problem = self.refusal(service, refused);
            if !self.problems.contains(&problem) {
                self.problems.push(problem);
            }
        }
        for (source, folder) in &created.hidden {
            self.warn(format!(
                "service {}: the `tmpfs` at {folder} hides {source}, which lies in it",
                service.name
            ));
        }
        let old = old.filter(|_| !self.options.renew_anonymous_volumes);
        CreateContainer {
            name: name.to_owned(),
            platform: service.platform.clone(),
            body: created.body,
            connect: created.connect,
            files: created.files,
            inherit: old.map_or_else(Vec::new, |old| inherited(service, old, &self.names)),
            stamp_image: image.is_none(),
        }
    }

    /// Why a service cannot have a config or secret.
    fn refusal(&self, service: &Service, refused: &Refused) -> Diagnostic {
        let Refused {
            kind,
            source,
            problem,
        } = refused;
        let what = kind.trim_end_matches('s');
        let error = Diagnostic::error(format!(
            "service `{}` cannot have {what} `{source}`: {}",
            service.name, problem.reason
        ))
        .code("missing-content");
        let declared = match *kind {
            "configs" => self.project.configs.get(source).and_then(|it| it.span),
            _ => self.project.secrets.get(source).and_then(|it| it.span),
        };
        let error = match span_of(service, kind) {
            Some(span) => error.at(span, "asked for here"),
            None => error,
        };
        let error = match declared {
            Some(span) => error.at(span, "declared here"),
            None => error,
        };
        error.help(problem.help.clone())
    }

    pub(super) fn api(&self) -> ApiVersion {
        ApiVersion::parse(&self.observed.api).unwrap_or(ApiVersion::new(1, 41))
    }

    /// What a container's request is written with.
    pub(super) fn lowering<'l>(&'l self, name: &'l str, number: u32) -> Lowering<'l> {
        Lowering {
            api: self.api(),
            project: &self.project.name,
            container_name: name,
            number,
            networks: &self.names.networks,
            volumes: &self.names.volumes,
            replicas: &self.replicas,
        }
    }

    /// The id of a service's image, when no step of this plan may change it.
    fn known_image(&self, service: &Service) -> Option<String> {
        let stays = self.images.get(service.name.as_str()) == Some(&ImageStep::Present);
        let name = service.image_name(&self.project.name);
        self.observed.images.get(&name).filter(|_| stays).cloned()
    }

    /// Says something once, however many containers it is true of.
    fn warn(&mut self, warning: String) {
        if !self.plan.warnings.contains(&warning) {
            self.plan.warnings.push(warning);
        }
    }
}

/// Whether a container is replaced anyway, whenever one of these images moves.
fn starts_anew(verdict: &Verdict, only_if: &[ImageMoved]) -> bool {
    match verdict {
        Verdict::Keep => false,
        Verdict::Replace(_) => true,
        Verdict::ReplaceIf(moved) => {
            !only_if.is_empty() && only_if.iter().all(|image| moved.contains(image))
        }
    }
}

/// The unnamed volumes of a container that its successor goes on with. Whether the new image
/// still declares a volume there is known only when it is made, so that is left to that moment,
/// except where the service itself asks for an anonymous volume.
fn inherited(service: &Service, old: &Container, names: &Names) -> Vec<InheritedMount> {
    let named: BTreeSet<&str> = names.volumes.values().map(String::as_str).collect();
    let declared = |target: &str| {
        let mut there = service.volumes.iter().filter(|it| it.target == target);
        there.any(|mount| mount.source.is_some())
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
