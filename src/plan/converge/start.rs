//! The steps that start containers, and wait for what they depend on.

use std::collections::BTreeSet;

use super::{Converge, Instance, either};
use crate::plan::hooks;
use crate::plan::observed::{Health, State};
use crate::plan::{Cause, Goal, ImageMoved, Operation, StepId};
use crate::project::Service;
use crate::project::content::InjectedFile;
use crate::project::service::depends_on::{Condition, Dependency};

/// A container that is to be started.
pub(super) struct Start {
    pub(super) name: String,
    pub(super) ready: Vec<StepId>,
    pub(super) only_if: Vec<ImageMoved>,
    cause: Cause,
    files: Vec<InjectedFile>,
}

/// The step that puts files into a container that was never started.
pub(in crate::plan) fn put_files(name: &str, files: Vec<InjectedFile>) -> Option<Operation> {
    let name = name.to_owned();
    (!files.is_empty()).then_some(Operation::PutFiles { name, files })
}

/// Whether, when and why a container of this plan is started.
fn start_of(instance: &Instance) -> Option<Start> {
    let reasons = [&instance.replaced, &instance.restarted];
    let mut reasons = reasons.into_iter().flatten().map(Vec::as_slice).peekable();
    let cause = match &instance.cause {
        // It is started, whatever becomes of its image.
        Cause::ImageMayChange if !instance.running => &Cause::NotRunning,
        cause => cause,
    };
    let only_if = if !instance.running {
        Vec::new()
    } else if reasons.peek().is_some() {
        either(reasons)
    } else {
        return None;
    };
    Some(Start {
        name: instance.name.clone(),
        ready: instance.ready.clone(),
        only_if,
        cause: cause.clone(),
        files: instance.files.clone(),
    })
}

impl<'p> Converge<'_, 'p> {
    pub(super) fn start_containers(&mut self, service: &'p Service) {
        let planned = self.services.get(service.name.as_str());
        let starting: Vec<Start> = planned
            .iter()
            .flat_map(|planned| &planned.instances)
            .filter_map(start_of)
            .collect();
        if starting.is_empty() {
            return;
        }
        let conditions = either(starting.iter().map(|start| start.only_if.as_slice()));
        let mut gates = Vec::new();
        for (name, dependency) in self.graph.dependencies(&service.name) {
            gates.extend(self.gate(service, name, dependency, &conditions));
        }
        let hooked = self.run_before(service, &starting, &gates);
        for (start, hooked) in starting.into_iter().zip(hooked) {
            let after = gates.iter().copied().chain(start.ready).chain(hooked);
            let after = after.collect();
            let Start { name, cause, .. } = start;
            let hooks = hooks::after_start(service, &name);
            let files = put_files(&name, start.files);
            let operations = files
                .into_iter()
                .chain([Operation::StartContainer { name }])
                .chain(hooks);
            let step = self.add_all(&service.name, operations, &cause, after, &start.only_if);
            self.services
                .entry(&service.name)
                .or_default()
                .started
                .push(step);
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
        let condition = dependency.condition;
        let instances = &planned.instances;
        let satisfied =
            planned.started.is_empty() && instances.iter().all(|it| self.satisfies(it, condition));
        if satisfied {
            return Vec::new();
        }
        if condition == Condition::Started {
            return planned.started.clone();
        }
        let cause = Cause::NeededBy(dependent.name.clone());
        let goal = Goal::Condition(condition);
        vec![self.wait(name, (goal, dependency.required), cause, only_if)]
    }

    /// One wait for each service and condition, done and required as soon as one of those who
    /// need it says so.
    fn wait(
        &mut self,
        name: &'p str,
        (goal, required): (Goal, bool),
        cause: Cause,
        only_if: &[ImageMoved],
    ) -> StepId {
        let key = (name.to_owned(), goal);
        if let Some(wait) = self.waits.get(&key).copied() {
            self.widen(wait, only_if);
            if let Operation::Wait { required: is, .. } = &mut self.plan.steps[wait.0].operation {
                *is |= required;
            }
            return wait;
        }
        let planned = self.services.get(name);
        let instances = || planned.iter().flat_map(|planned| &planned.instances);
        let operation = Operation::Wait {
            containers: instances().map(|it| it.name.clone()).collect(),
            goal,
            required,
        };
        let mut after: Vec<StepId> = instances().flat_map(|it| it.ready.clone()).collect();
        after.extend(planned.iter().flat_map(|planned| &planned.started));
        let wait = self.add(name, operation, cause, after, only_if);
        self.waits.insert(key, wait);
        wait
    }

    /// Whether a container that this plan does not start is in a condition already.
    fn satisfies(&self, instance: &Instance, condition: Condition) -> bool {
        let Some(index) = instance.observed else {
            return false;
        };
        let container = &self.observed.containers[index];
        match condition {
            Condition::Started => container.is_up(),
            Condition::Healthy => container.health == Some(Health::Healthy),
            Condition::CompletedSuccessfully => {
                container.state == State::Exited && container.exit_code == Some(0)
            }
        }
    }

    /// `--wait`: done where others wait for that, ready elsewhere.
    pub(super) fn wait_for_all(&mut self, services: &[&'p Service]) {
        let completed = self.services_to_complete(services);
        for service in services {
            let goal = if completed.contains(service.name.as_str()) {
                Goal::Condition(Condition::CompletedSuccessfully)
            } else {
                Goal::Ready
            };
            let Some(planned) = self.services.get(service.name.as_str()) else {
                continue;
            };
            let reached = planned
                .instances
                .iter()
                .all(|it| self.has_reached(it, goal));
            // A trial is about what is new.
            if !planned.started.is_empty() || !reached && !self.options.trial {
                let cause = Cause::Asked("--wait");
                self.wait(&service.name, (goal, true), cause, &[]);
            }
        }
    }

    /// A container that has just come up, or is between two attempts, is not ready.
    fn has_reached(&self, instance: &Instance, goal: Goal) -> bool {
        let observed = instance.observed;
        match goal {
            Goal::Condition(condition) => self.satisfies(instance, condition),
            Goal::Ready => observed.is_some_and(|it| self.observed.containers[it].is_ready()),
        }
    }

    /// The services of which another one needs that they end well.
    fn services_to_complete(&self, services: &[&'p Service]) -> BTreeSet<&'p str> {
        let dependencies = services
            .iter()
            .flat_map(|service| self.graph.dependencies(&service.name));
        dependencies
            .filter(|(_, it)| it.condition == Condition::CompletedSuccessfully)
            .map(|(name, _)| name)
            .collect()
    }
}
