//! `start` and `restart`: containers that exist, made to run, each after what its service needs.

use std::collections::{BTreeMap, BTreeSet};

use super::hooks;
use super::observed::{Container, Health};
use super::teardown::{Order, add, chosen, sorted};
use super::{Cause, Goal, Observed, Operation, Plan, Step, StepId};
use crate::graph::Graph;
use crate::project::service::depends_on::{Condition, Dependency};
use crate::project::{Project, Service};

/// Plans `start`: the named services and what they need, waiting for the conditions that the files
/// ask for. Without files the containers' labels give the order. With `wait` the plan ends when
/// all of them are ready.
pub fn start(
    project: Option<&Project>,
    observed: &Observed,
    services: &[String],
    wait: bool,
) -> Plan {
    let mut starting = Starting::of(project, observed, Cause::Asked("start"));
    let wanted = with_needed(&starting.needs, services);
    let containers = chosen(observed, &wanted);
    for name in starting.sorted(&containers) {
        for container in containers.iter().filter(|it| it.service == name) {
            if container.is_up() {
                starting.plan.untouched.push(container.name.clone());
                continue;
            }
            let name = container.name.clone();
            let service = project.and_then(|it| it.services.get(&container.service));
            let mut operations = vec![Operation::StartContainer { name }];
            operations.extend(after_start(service, container));
            starting.steps(container, operations);
        }
    }
    if wait {
        starting.wait_for_all(&containers);
    }
    starting.plan
}

/// What `restart` is asked for.
#[derive(Debug, Clone, Default)]
pub struct RestartOptions {
    /// Services; all when empty.
    pub services: Vec<String>,
    /// Leave alone what asked to be restarted along with them.
    pub no_dependents: bool,
    /// Seconds until a container is killed; its own when absent.
    pub timeout: Option<i32>,
}

/// Plans `restart`: the named services, and those that asked to be restarted along with them.
pub fn restart(project: Option<&Project>, observed: &Observed, options: &RestartOptions) -> Plan {
    let (services, timeout) = (&options.services, options.timeout);
    let mut starting = Starting::of(project, observed, Cause::Asked("restart"));
    // Whoever did not ask to be restarted along waits for nothing either.
    for needs in starting.needs.values_mut() {
        needs.retain(|_, dependency| dependency.restart);
    }
    let wanted = if options.no_dependents {
        services.clone()
    } else {
        with_restarting(&starting.needs, services)
    };
    let containers = chosen(observed, &wanted);
    for name in starting.sorted(&containers) {
        for container in containers.iter().filter(|it| it.service == name) {
            let name = container.name.clone();
            let service = project.and_then(|it| it.services.get(&container.service));
            let stopping = service.filter(|_| container.is_up());
            let before = stopping.map(|it| hooks::before_stop(&it.pre_stop, &name, true));
            let mut operations = before.unwrap_or_default();
            operations.push(Operation::RestartContainer { name, timeout });
            operations.extend(after_start(service, container));
            starting.steps(container, operations);
        }
    }
    starting.plan
}

fn after_start(service: Option<&Service>, container: &Container) -> Vec<Operation> {
    let hooks = service.map(|service| hooks::after_start(service, &container.name));
    hooks.unwrap_or_default()
}

/// The named services and everything that they need.
fn with_needed(needs: &Needs, services: &[String]) -> Vec<String> {
    reach(services, |name| {
        let needed = needs.get(name).into_iter().flat_map(BTreeMap::keys);
        needed.cloned().collect()
    })
}

/// The named services and those that restart along with them.
fn with_restarting(needs: &Needs, services: &[String]) -> Vec<String> {
    reach(services, |name| {
        let asks =
            |needs: &BTreeMap<String, Dependency>| needs.get(name).is_some_and(|it| it.restart);
        let dependents = needs.iter().filter(|(_, needs)| asks(needs));
        dependents.map(|(name, _)| name.clone()).collect()
    })
}

/// The named services and, through any number of steps, those that lead on from them.
fn reach(services: &[String], next: impl Fn(&str) -> Vec<String>) -> Vec<String> {
    let mut ahead = services.to_vec();
    let mut reached = BTreeSet::new();
    while let Some(name) = ahead.pop() {
        if reached.insert(name.clone()) {
            ahead.extend(next(&name));
        }
    }
    reached.into_iter().collect()
}

/// What each service needs, and in which condition.
type Needs = BTreeMap<String, BTreeMap<String, Dependency>>;

struct Starting<'o> {
    observed: &'o Observed,
    needs: Needs,
    cause: Cause,
    plan: Plan,
    /// Steps that start something, by service.
    done: BTreeMap<String, Vec<StepId>>,
    waits: BTreeMap<(String, Condition), StepId>,
}

impl<'o> Starting<'o> {
    fn of(project: Option<&Project>, observed: &'o Observed, cause: Cause) -> Starting<'o> {
        Starting {
            observed,
            needs: project.map_or_else(|| needs_observed(observed), needs_of),
            cause,
            plan: Plan::default(),
            done: BTreeMap::new(),
            waits: BTreeMap::new(),
        }
    }

    fn sorted(&self, containers: &[&Container]) -> Vec<String> {
        let names = |(name, needs): (&String, &BTreeMap<String, Dependency>)| {
            (name.clone(), needs.keys().cloned().collect())
        };
        let order: Order = self.needs.iter().map(names).collect();
        let services = containers
            .iter()
            .map(|container| container.service.as_str());
        sorted(&order, services)
            .into_iter()
            .map(str::to_owned)
            .collect()
    }

    /// Steps for one container, each after the one before.
    fn steps(&mut self, container: &Container, operations: Vec<Operation>) {
        let service = container.service.clone();
        let mut after = self.gates(&service);
        for operation in operations {
            after = vec![add(&mut self.plan, &service, operation, &self.cause, after)];
        }
        self.done.entry(service).or_default().extend(after);
    }

    /// `--wait`: each service's containers ready, or done where another one needs that.
    fn wait_for_all(&mut self, containers: &[&Container]) {
        let needs = self.needs.values().flatten();
        let completed: BTreeSet<String> = needs
            .filter(|(_, it)| it.condition == Condition::CompletedSuccessfully)
            .map(|(name, _)| name.clone())
            .collect();
        for service in self.sorted(containers) {
            let own = containers.iter().filter(|it| it.service == service);
            let names: Vec<String> = own.clone().map(|it| it.name.clone()).collect();
            if names.is_empty() || own.clone().all(|it| it.is_ready()) {
                continue;
            }
            let done = completed.contains(&service);
            let key = (service.clone(), Condition::CompletedSuccessfully);
            if done && self.waits.contains_key(&key) {
                continue;
            }
            let operation = Operation::Wait {
                containers: names,
                goal: if done {
                    Goal::Condition(Condition::CompletedSuccessfully)
                } else {
                    Goal::Ready
                },
                required: true,
            };
            let after = self.done.get(&service).cloned().unwrap_or_default();
            let cause = Cause::Asked("--wait");
            add(&mut self.plan, &service, operation, &cause, after);
        }
    }

    /// What must be done before a service's container may start.
    fn gates(&mut self, service: &str) -> Vec<StepId> {
        let needs = self.needs.get(service).cloned().unwrap_or_default();
        let mut gates = Vec::new();
        for (name, dependency) in needs {
            if dependency.condition == Condition::Started {
                gates.extend(self.done.get(&name).into_iter().flatten());
            } else {
                gates.extend(self.wait(service, &name, &dependency));
            }
        }
        gates.sort_unstable();
        gates
    }

    fn wait(&mut self, service: &str, name: &str, dependency: &Dependency) -> Option<StepId> {
        let containers = chosen(self.observed, &[name.to_owned()]);
        let started = self.done.get(name).cloned().unwrap_or_default();
        let healthy = containers
            .iter()
            .all(|it| it.health == Some(Health::Healthy));
        let met = started.is_empty() && dependency.condition == Condition::Healthy && healthy;
        if containers.is_empty() || met {
            return None;
        }
        let key = (name.to_owned(), dependency.condition);
        if let Some(wait) = self.waits.get(&key) {
            if let Operation::Wait { required, .. } = &mut self.plan.steps[wait.0].operation {
                *required |= dependency.required;
            }
            return Some(*wait);
        }
        let operation = Operation::Wait {
            containers: containers.iter().map(|it| it.name.clone()).collect(),
            goal: Goal::Condition(dependency.condition),
            required: dependency.required,
        };
        let wait = self.plan.add(Step {
            operation,
            cause: Cause::NeededBy(service.to_owned()),
            service: Some(name.to_owned()),
            after: started,
            only_if: Vec::new(),
        });
        self.waits.insert(key, wait);
        Some(wait)
    }
}

fn needs_of(project: &Project) -> Needs {
    let graph = Graph::of(project);
    let needs = |name: &String| {
        let dependencies = graph.dependencies(name).into_iter();
        dependencies
            .map(|(name, it)| (name.to_owned(), it.clone()))
            .collect()
    };
    let names = project.services.keys();
    names.map(|name| (name.clone(), needs(name))).collect()
}

/// What the labels say of each service, and of what is there.
fn needs_observed(observed: &Observed) -> Needs {
    let mut needs = Needs::new();
    let there: BTreeSet<&str> = observed
        .containers
        .iter()
        .map(|it| it.service.as_str())
        .collect();
    for container in observed.containers.iter().filter(|it| !it.one_off) {
        let found = container.depends_on.iter();
        let found = found.filter(|(name, _)| there.contains(name.as_str()));
        needs
            .entry(container.service.clone())
            .or_default()
            .extend(found.map(|(name, it)| (name.clone(), it.clone())));
    }
    needs
}
