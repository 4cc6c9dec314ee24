//! What killed runs of any tool left of a project, and the steps that clear it away.
//!
//! The next `up` mends all of this on its own way. This is for whoever wants to know, or does not
//! want an `up` now. Nothing is removed that holds data: volumes stay, and of two containers in one
//! place the one that runs stays, or the younger one when neither runs.

use std::collections::BTreeMap;

use super::observed::{Container, State};
use super::{Cause, Observed, Operation, Plan, Step, naming};
use crate::project::Project;

/// Something that is not as a finished run leaves it.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// What kind of thing it is.
    pub trouble: Trouble,
    /// The container, network or volume.
    pub name: String,
    /// What is wrong, a sentence without its end.
    pub problem: String,
    /// What the mend does, or what the user can do; the same.
    pub remedy: String,
    /// The steps of the mend, one after the other; none where it is the user's to decide.
    pub mend: Vec<Operation>,
}

/// Kinds of findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// A replacement whose predecessor is gone, still under its temporary name.
    HalfRenamed,
    /// A replacement beside the container that it was to replace.
    HalfReplaced,
    /// A container that could not be removed.
    Dead,
    /// A container that ran a hook and was left behind.
    HookLeft,
    /// A container of a service that is in no file.
    Orphan,
    /// A network of the project that nobody is in and no file speaks of.
    IdleNetwork,
    /// The sign of a lock whose holder was killed.
    StaleLock,
}

impl Trouble {
    /// A word for machines.
    pub fn word(self) -> &'static str {
        match self {
            Trouble::HalfRenamed => "half-renamed",
            Trouble::HalfReplaced => "half-replaced",
            Trouble::Dead => "dead",
            Trouble::HookLeft => "hook-left",
            Trouble::Orphan => "orphan",
            Trouble::IdleNetwork => "idle-network",
            Trouble::StaleLock => "stale-lock",
        }
    }

    /// What its name is a name of.
    pub fn subject(self) -> &'static str {
        match self {
            Trouble::IdleNetwork => "network",
            Trouble::StaleLock => "lock",
            _ => "container",
        }
    }
}

/// Looks for everything that a finished run would not have left.
pub fn examine(project: Option<&Project>, observed: &Observed) -> Vec<Finding> {
    let mut findings = places(observed);
    let dead = observed.containers.iter();
    let dead = dead.filter(|it| it.state == State::Dead && is_final(it));
    findings.extend(dead.map(dead_container));
    findings.extend(observed.hooks.iter().map(|hook| Finding {
        trouble: Trouble::HookLeft,
        name: hook.name.clone(),
        problem: format!(
            "it ran a hook of {}, which failed or was killed",
            hook.service
        ),
        remedy: "is removed, with its log".to_owned(),
        mend: vec![removal(&hook.name)],
    }));
    if let Some(project) = project {
        findings.extend(orphans(project, observed));
    }
    findings.extend(idle_networks(project, observed));
    findings
}

/// The steps of all mends: those of one finding one after the other.
pub fn mend(findings: &[Finding]) -> Plan {
    let mut plan = Plan::default();
    for finding in findings {
        let mut after = Vec::new();
        for operation in &finding.mend {
            let step = plan.add(Step {
                operation: operation.clone(),
                cause: Cause::Asked("doctor"),
                service: None,
                after,
                only_if: Vec::new(),
            });
            after = vec![step];
        }
    }
    plan
}

fn is_final(container: &Container) -> bool {
    naming::final_name(&container.name) == container.name
}

fn removal(name: &str) -> Operation {
    Operation::RemoveContainer {
        name: name.to_owned(),
        volumes: false,
    }
}

/// Places of containers where one is under a temporary name.
fn places(observed: &Observed) -> Vec<Finding> {
    let mut places: BTreeMap<&str, Vec<&Container>> = BTreeMap::new();
    for container in observed.containers.iter().filter(|it| !it.one_off) {
        let place = places.entry(naming::final_name(&container.name));
        place.or_default().push(container);
    }
    places.retain(|_, place| !place.iter().all(|it| is_final(it)));
    let findings = places.into_iter().map(|(name, mut place)| {
        place.sort_by_key(|it| rank(it));
        let (stays, go) = (place[0], &place[1..]);
        if go.is_empty() {
            half_renamed(name, stays)
        } else {
            half_replaced(name, stays, go)
        }
    });
    findings.collect()
}

/// Who stays comes first: who runs, and then who has its final name; else the youngest.
fn rank(container: &Container) -> (bool, bool, i64) {
    let up = container.is_up();
    (!up, up && !is_final(container), -container.created)
}

fn rename(container: &Container, name: &str) -> Operation {
    Operation::RenameContainer {
        from: container.name.clone(),
        to: name.to_owned(),
    }
}

fn half_renamed(name: &str, container: &Container) -> Finding {
    Finding {
        trouble: Trouble::HalfRenamed,
        name: container.name.clone(),
        problem: "it has a temporary name, and what it replaced is gone".to_owned(),
        remedy: format!("is renamed to {name}"),
        mend: vec![rename(container, name)],
    }
}

fn half_replaced(name: &str, stays: &Container, go: &[&Container]) -> Finding {
    let mut mend = Vec::new();
    for container in go {
        if container.holds_processes() {
            mend.push(Operation::StopContainer {
                name: container.name.clone(),
                timeout: None,
            });
        }
        mend.push(removal(&container.name));
    }
    let names: Vec<&str> = go.iter().map(|it| it.name.as_str()).collect();
    let goes = if let [_] = names.as_slice() {
        "goes"
    } else {
        "go"
    };
    let mut remedy = format!("stays, and {} {goes}", names.join(" and "));
    if !is_final(stays) {
        mend.push(rename(stays, name));
        remedy = format!("is renamed to {name}, and {} {goes}", names.join(" and "));
    }
    Finding {
        trouble: Trouble::HalfReplaced,
        name: stays.name.clone(),
        problem: format!(
            "a run that was to replace a container was killed: {} is there as well",
            names.join(" and ")
        ),
        remedy,
        mend,
    }
}

fn dead_container(container: &Container) -> Finding {
    Finding {
        trouble: Trouble::Dead,
        name: container.name.clone(),
        problem: "the engine could not remove it, and cannot start it".to_owned(),
        remedy: "is removed".to_owned(),
        mend: vec![removal(&container.name)],
    }
}

fn orphans(project: &Project, observed: &Observed) -> Vec<Finding> {
    let known =
        |name: &String| project.services.contains_key(name) || project.disabled.contains_key(name);
    let containers = observed.containers.iter();
    let orphans = containers.filter(|it| !it.one_off && !known(&it.service));
    let finding = |it: &Container| Finding {
        trouble: Trouble::Orphan,
        name: it.name.clone(),
        problem: format!("its service, {}, is in no file", it.service),
        remedy: "`rcompose up --remove-orphans` removes it, if it is not wanted".to_owned(),
        mend: Vec::new(),
    };
    orphans.map(finding).collect()
}

/// Networks that the project made, that none of its containers is in. With files, those that they
/// do not speak of; without, when there are no containers any more.
fn idle_networks(project: Option<&Project>, observed: &Observed) -> Vec<Finding> {
    let wanted = project.map(|project| super::request::Names::of(project).networks);
    let is_wanted = |name: &String| match &wanted {
        Some(names) => names.values().any(|it| it == name),
        None => !observed.containers.is_empty(),
    };
    let is_used = |name: &String| {
        let mut containers = observed.containers.iter();
        containers.any(|it| it.networks.contains_key(name) || it.network_mode == *name)
    };
    let networks = observed.networks.iter();
    let idle = networks
        .filter(|(name, network)| network.key.is_some() && !is_wanted(name) && !is_used(name));
    let finding = |(name, _): (&String, &super::observed::Network)| Finding {
        trouble: Trouble::IdleNetwork,
        name: name.clone(),
        problem: "nothing of the project is in it, and no file speaks of it".to_owned(),
        remedy: "is removed, unless somebody else is in it".to_owned(),
        mend: vec![Operation::RemoveNetwork {
            name: name.clone(),
            required: false,
        }],
    };
    idle.map(finding).collect()
}
