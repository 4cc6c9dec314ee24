//! What every plan promises, whatever it is for.

use std::collections::{BTreeMap, BTreeSet};

use rcompose::plan::{ImageMoved, Kind, Observed, Operation, Plan, StepId, naming};

/// The promises that a plan breaks, one sentence each. Volumes may go with `down -v` only.
pub(super) fn broken(plan: &Plan, observed: &Observed, volumes_may_go: bool) -> Vec<String> {
    let before = ancestors(plan);
    let mut broken = Vec::new();
    broken.extend(steps_wait_for_earlier_ones(plan));
    broken.extend(nothing_stops_before_the_images_are_there(plan, &before));
    broken.extend(containers_are_made_once_and_renamed(plan));
    broken.extend(names_are_free_when_they_are_taken(plan, observed, &before));
    broken.extend(containers_are_stopped_before_they_are_removed(
        plan, observed, &before,
    ));
    broken.extend(containers_are_there_when_they_start(
        plan, observed, &before,
    ));
    broken.extend(networks_are_left_before_they_are_removed(
        plan, observed, &before,
    ));
    if !volumes_may_go {
        let removals = plan.steps.iter().map(|step| &step.operation);
        let removals = removals.filter(|it| matches!(it, Operation::RemoveVolume { .. }));
        broken.extend(removals.map(|it| format!("volume {} is removed", it.name())));
    }
    broken
}

/// Everything that is done before each step.
fn ancestors(plan: &Plan) -> Vec<BTreeSet<usize>> {
    let mut all: Vec<BTreeSet<usize>> = Vec::new();
    for step in &plan.steps {
        let mut before = BTreeSet::new();
        for StepId(earlier) in &step.after {
            before.insert(*earlier);
            before.extend(all.get(*earlier).into_iter().flatten());
        }
        all.push(before);
    }
    all
}

fn steps_wait_for_earlier_ones(plan: &Plan) -> Vec<String> {
    let steps = plan.steps.iter().enumerate();
    let early = steps.filter(|(index, step)| step.after.iter().any(|before| before.0 >= *index));
    early
        .map(|(index, _)| format!("step {} waits for a later one", index + 1))
        .collect()
}

fn nothing_stops_before_the_images_are_there(
    plan: &Plan,
    before: &[BTreeSet<usize>],
) -> Vec<String> {
    let brings = |operation: &Operation| {
        operation.kind() == Kind::Image && !matches!(operation, Operation::RemoveImage { .. })
    };
    let steps = || plan.steps.iter().enumerate();
    let images: BTreeSet<usize> = steps()
        .filter(|(_, it)| brings(&it.operation))
        .map(|it| it.0)
        .collect();
    steps()
        .filter(|(_, step)| matches!(step.operation, Operation::StopContainer { .. }))
        .filter(|(index, _)| !images.is_subset(&before[*index]))
        .map(|(index, _)| format!("step {} stops before all images are there", index + 1))
        .collect()
}

fn containers_are_made_once_and_renamed(plan: &Plan) -> Vec<String> {
    let mut made: BTreeMap<&str, usize> = BTreeMap::new();
    let mut renamed = BTreeSet::new();
    for step in &plan.steps {
        match &step.operation {
            Operation::CreateContainer(create) => *made.entry(&create.name).or_default() += 1,
            Operation::RenameContainer { from, .. } => drop(renamed.insert(from.as_str())),
            _ => {}
        }
    }
    let twice = made.iter().filter(|(_, count)| **count > 1);
    let twice = twice.map(|(name, _)| format!("{name} is made twice"));
    let temporary = made
        .keys()
        .filter(|name| naming::final_name(name) != **name);
    let left = temporary.filter(|name| !renamed.contains(**name));
    let left = left.map(|name| format!("{name} keeps its temporary name"));
    twice.chain(left).collect()
}

/// Whether a step is done whenever another one is.
fn implied(done: &[ImageMoved], by: &[ImageMoved]) -> bool {
    done.is_empty() || (!by.is_empty() && by.iter().all(|moved| done.contains(moved)))
}

fn names_are_free_when_they_are_taken(
    plan: &Plan,
    observed: &Observed,
    before: &[BTreeSet<usize>],
) -> Vec<String> {
    let held: BTreeSet<&str> = observed
        .containers
        .iter()
        .map(|it| it.name.as_str())
        .collect();
    let mut broken = Vec::new();
    for (index, step) in plan.steps.iter().enumerate() {
        let taken = match &step.operation {
            Operation::CreateContainer(create) => create.name.as_str(),
            Operation::RenameContainer { to, .. } => to.as_str(),
            _ => continue,
        };
        let frees = |earlier: &usize| {
            let freeing = &plan.steps[*earlier];
            let name = match &freeing.operation {
                Operation::RemoveContainer { name, .. } => name,
                Operation::RenameContainer { from, .. } => from,
                _ => return false,
            };
            name == taken && implied(&freeing.only_if, &step.only_if)
        };
        if held.contains(taken) && !before[index].iter().any(frees) {
            broken.push(format!(
                "step {} takes the name {taken}, which is not free",
                index + 1
            ));
        }
    }
    broken
}

fn containers_are_stopped_before_they_are_removed(
    plan: &Plan,
    observed: &Observed,
    before: &[BTreeSet<usize>],
) -> Vec<String> {
    let up = observed
        .containers
        .iter()
        .filter(|container| container.is_up());
    let up: BTreeSet<&str> = up.map(|container| container.name.as_str()).collect();
    let mut broken = Vec::new();
    for (index, step) in plan.steps.iter().enumerate() {
        let Operation::RemoveContainer { name, .. } = &step.operation else {
            continue;
        };
        let stops = |earlier: &usize| match &plan.steps[*earlier].operation {
            Operation::StopContainer { name: stopped, .. } => stopped == name,
            _ => false,
        };
        if up.contains(name.as_str()) && !before[index].iter().any(stops) {
            broken.push(format!("step {} removes {name} without a stop", index + 1));
        }
    }
    broken
}

fn containers_are_there_when_they_start(
    plan: &Plan,
    observed: &Observed,
    before: &[BTreeSet<usize>],
) -> Vec<String> {
    let held: BTreeSet<&str> = observed
        .containers
        .iter()
        .map(|it| it.name.as_str())
        .collect();
    let mut broken = Vec::new();
    for (index, step) in plan.steps.iter().enumerate() {
        let names: Vec<&String> = match &step.operation {
            Operation::StartContainer { name } => vec![name],
            Operation::Wait { containers, .. } => containers.iter().collect(),
            _ => continue,
        };
        for name in names {
            let makes = |earlier: &usize| match &plan.steps[*earlier].operation {
                Operation::CreateContainer(create) => create.name == *name,
                Operation::RenameContainer { to, .. } => to == name,
                _ => false,
            };
            if !held.contains(name.as_str()) && !before[index].iter().any(makes) {
                broken.push(format!(
                    "step {} speaks of {name}, which is not there",
                    index + 1
                ));
            }
        }
    }
    broken
}

/// A network that has to go is left by every container of the project, and by none that runs.
fn networks_are_left_before_they_are_removed(
    plan: &Plan,
    observed: &Observed,
    before: &[BTreeSet<usize>],
) -> Vec<String> {
    let mut broken = Vec::new();
    for (index, step) in plan.steps.iter().enumerate() {
        let Operation::RemoveNetwork {
            name,
            required: true,
        } = &step.operation
        else {
            continue;
        };
        let inside = observed.containers.iter();
        let inside = inside.filter(|it| it.networks.contains_key(name) && it.holds_processes());
        for container in inside {
            let leaves = |earlier: &usize| match &plan.steps[*earlier].operation {
                Operation::DisconnectNetwork { network, name: who } => {
                    network == name && *who == container.name
                }
                _ => false,
            };
            let stops = |earlier: &usize| match &plan.steps[*earlier].operation {
                Operation::StopContainer { name, .. } => *name == container.name,
                _ => false,
            };
            let left = before[index].iter().find(|earlier| leaves(earlier));
            if !left.is_some_and(|left| before[*left].iter().any(stops)) {
                broken.push(format!(
                    "step {} removes {name} under {}",
                    index + 1,
                    container.name
                ));
            }
        }
    }
    broken
}
