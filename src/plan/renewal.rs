//! Volumes that are made anew, empty, because their settings are not their files' any more and the
//! user has said that what is in them may be lost.
//!
//! It is planned as if they, and the containers that mount them, were not there. Their removal comes
//! before what takes their place, and after every image is there.

use std::collections::{BTreeMap, BTreeSet};

use super::converge::{Options, converge};
use super::observed::Container;
use super::resources::drifted_volumes;
use super::{Cause, Observed, Operation, Plan, Step, StepId, teardown};
use crate::document::Diagnostic;
use crate::project::Project;

/// What the user has said may be lost.
pub type MayBeLost<'m> = &'m dyn Fn(&str) -> bool;

/// Plans everything, with the volumes that have drifted and may be lost made anew.
pub fn converge_anew(
    project: &Project,
    observed: &Observed,
    options: &Options,
    may_be_lost: MayBeLost<'_>,
) -> Result<Plan, Vec<Diagnostic>> {
    let doomed: BTreeSet<String> = drifted_volumes(project, observed)
        .into_iter()
        .filter(|name| may_be_lost(name))
        .collect();
    if doomed.is_empty() {
        return converge(project, observed, options);
    }
    let mounts = |container: &Container| {
        let mut mounts = container.mounts.iter();
        mounts.any(|mount| mount.kind == "volume" && doomed.contains(&mount.name))
    };
    let mut rest = observed.clone();
    rest.volumes.retain(|name, _| !doomed.contains(name));
    rest.containers.retain(|container| !mounts(container));
    let gone: Vec<&Container> = observed.containers.iter().filter(|it| mounts(it)).collect();
    let plan = converge(project, &rest, options)?;
    let mut whole = Plan {
        untouched: plan.untouched,
        warnings: plan.warnings,
        ..Plan::default()
    };
    let (images, others): (Vec<_>, Vec<_>) = plan
        .steps
        .into_iter()
        .enumerate()
        .partition(|(_, step)| is_image(step));
    let mut moved = BTreeMap::new();
    for (index, step) in images {
        append(&mut whole, index, step, &mut moved);
    }
    let removal = remove(&mut whole, project, (&gone, &doomed), options.timeout);
    for (index, mut step) in others {
        let name = step.operation.name();
        let place = match &step.operation {
            Operation::CreateVolume(_) => removal.volumes.get(name),
            Operation::CreateContainer(_) => removal.containers.get(name),
            _ => None,
        };
        let before = place.copied();
        // The numbers so far are those of the other plan.
        step.after.retain(|id| moved.contains_key(&id.0));
        let id = append(&mut whole, index, step, &mut moved);
        whole.steps[id.0].after.extend(before);
    }
    Ok(whole)
}

fn is_image(step: &Step) -> bool {
    matches!(
        step.operation,
        Operation::PullImage { .. } | Operation::BuildImage(_)
    )
}

/// Adds a step of another plan; `moved` has the new number of each.
fn append(
    plan: &mut Plan,
    index: usize,
    mut step: Step,
    moved: &mut BTreeMap<usize, StepId>,
) -> StepId {
    let after = step.after.iter().filter_map(|id| moved.get(&id.0));
    step.after = after.copied().collect();
    let id = plan.add(step);
    moved.insert(index, id);
    id
}

/// The steps that remove, by what they do.
struct Removal {
    containers: BTreeMap<String, StepId>,
    volumes: BTreeMap<String, StepId>,
}

fn remove(
    plan: &mut Plan,
    project: &Project,
    (containers, volumes): (&[&Container], &BTreeSet<String>),
    timeout: Option<i32>,
) -> Removal {
    let cause = Cause::Asked("--allow-data-loss");
    let images: Vec<StepId> = plan.ids().collect();
    let farewell = teardown::farewell_of(project);
    let stops = teardown::stop_in_order(plan, containers, &farewell, timeout, &cause);
    for step in plan.steps.iter_mut().skip(images.len()) {
        step.after.extend(&images);
    }
    let mut removal = Removal {
        containers: BTreeMap::new(),
        volumes: BTreeMap::new(),
    };
    for container in containers {
        let stop = stops.get(&container.name).copied();
        let id = plan.add(Step {
            operation: Operation::RemoveContainer {
                name: container.name.clone(),
                volumes: false,
            },
            cause: cause.clone(),
            service: Some(container.service.clone()),
            after: stop.map_or_else(|| images.clone(), |stop| vec![stop]),
            only_if: Vec::new(),
        });
        removal.containers.insert(container.name.clone(), id);
    }
    let gone: Vec<StepId> = removal.containers.values().copied().collect();
    for name in volumes {
        let id = plan.add(Step {
            operation: Operation::RemoveVolume { name: name.clone() },
            cause: cause.clone(),
            service: None,
            after: images.iter().chain(&gone).copied().collect(),
            only_if: Vec::new(),
        });
        removal.volumes.insert(name.clone(), id);
    }
    removal
}
