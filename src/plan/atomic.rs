//! `up --atomic`, its second half: when all that is new is ready, it takes the places of what was
//! there; when not, everything is put back.
//!
//! Both compare what was there before with what is there now, so that neither depends on how far
//! the trial (`converge`'s `trial`) came. A run that is killed in between leaves what the next plain
//! `up` understands: replacements under temporary names beside what they were to replace.

use std::collections::BTreeSet;

use super::hooks;
use super::observed::Container;
use super::{Cause, Observed, Operation, Plan, Step, StepId, naming};
use crate::project::Project;

/// The flag.
const CAUSE: Cause = Cause::Asked("--atomic");

/// Containers that the trial made.
fn made<'o>(before: &Observed, now: &'o Observed) -> Vec<&'o Container> {
    let ids: BTreeSet<&str> = before.containers.iter().map(|it| it.id.as_str()).collect();
    let made = now.containers.iter();
    made.filter(|it| !ids.contains(it.id.as_str())).collect()
}

/// Whoever was replaced goes, and the replacement gets the name.
pub fn commit(project: &Project, before: &Observed, now: &Observed) -> Plan {
    let mut plan = Plan::default();
    for new in made(before, now) {
        let last = naming::final_name(&new.name);
        if last == new.name {
            continue;
        }
        let replaced = now.containers.iter().filter(|it| it.id != new.id);
        let mut gone = Vec::new();
        for old in replaced.filter(|it| naming::temporary(&it.id, last) == new.name) {
            let hooks = project.services.get(&old.service);
            let hooks = hooks.filter(|_| old.is_up());
            let hooks = hooks.map(|it| hooks::before_stop(&it.pre_stop, &old.name, false));
            let mut operations: Vec<Operation> = hooks.unwrap_or_default();
            if old.holds_processes() {
                operations.push(stop(&old.name));
            }
            operations.push(remove(&old.name));
            gone.extend(add_all(&mut plan, &old.service, operations, Vec::new()));
        }
        let rename = Operation::RenameContainer {
            from: new.name.clone(),
            to: last.to_owned(),
        };
        add_all(&mut plan, &new.service, vec![rename], gone);
    }
    plan
}

/// What the trial made goes, and what it stopped is started again.
pub fn put_back(before: &Observed, now: &Observed) -> Plan {
    let mut plan = Plan::default();
    let mut gone = Vec::new();
    for new in made(before, now) {
        let mut operations = Vec::new();
        if new.holds_processes() {
            operations.push(stop(&new.name));
        }
        operations.push(remove(&new.name));
        gone.extend(add_all(&mut plan, &new.service, operations, Vec::new()));
    }
    let stopped = before.containers.iter().filter(|it| it.is_up());
    for old in stopped {
        let mut present = now.containers.iter();
        let fell = present.any(|it| it.id == old.id && !it.holds_processes());
        if fell {
            let start = Operation::StartContainer {
                name: old.name.clone(),
            };
            // What it needs from the host may be a replacement's until that is gone.
            add_all(&mut plan, &old.service, vec![start], gone.clone());
        }
    }
    plan
}

fn stop(name: &str) -> Operation {
    Operation::StopContainer {
        name: name.to_owned(),
        timeout: None,
    }
}

/// A replacement has its predecessor's unnamed volumes: they stay.
fn remove(name: &str) -> Operation {
    Operation::RemoveContainer {
        name: name.to_owned(),
        volumes: false,
    }
}

/// Adds steps one after the other, and answers the last.
fn add_all(
    plan: &mut Plan,
    service: &str,
    operations: Vec<Operation>,
    mut after: Vec<StepId>,
) -> Option<StepId> {
    let mut last = None;
    for operation in operations {
        let step = plan.add(Step {
            operation,
            cause: CAUSE,
            service: Some(service.to_owned()),
            after,
            only_if: Vec::new(),
        });
        after = vec![step];
        last = Some(step);
    }
    last
}

/// The pulls and builds of a plan, which come before the trial.
pub fn images_only(plan: &Plan) -> Plan {
    let is_image = |step: &Step| step.operation.kind() == super::Kind::Image;
    let mut numbers: Vec<Option<StepId>> = Vec::with_capacity(plan.steps.len());
    let mut images = Plan::default();
    for step in &plan.steps {
        let number = is_image(step).then(|| {
            let after = step.after.iter().filter_map(|it| numbers[it.0]);
            let after = after.collect();
            images.add(Step {
                after,
                ..step.clone()
            })
        });
        numbers.push(number);
    }
    images
}
