//! `kill`, `pause`, `unpause`: what is done to everything that runs, all at once.

use super::observed::Container;
use super::teardown::add;
use super::{Cause, Observed, Operation, Plan};
use crate::project::Project;

/// What `kill` does.
#[derive(Debug, Clone, Default)]
pub struct KillOptions {
    /// Services; all when empty.
    pub services: Vec<String>,
    /// The signal; `SIGKILL` when absent.
    pub signal: Option<String>,
    /// Containers of services that are in no file too.
    pub remove_orphans: bool,
}

/// Plans `kill`. Containers made by `run` are killed along.
pub fn kill(project: Option<&Project>, observed: &Observed, options: &KillOptions) -> Plan {
    let known = |container: &&Container| options.remove_orphans || is_known(project, container);
    let signal = options.signal.as_deref().unwrap_or("SIGKILL");
    let killed = running(observed, &options.services).filter(known);
    each(killed, &Cause::Asked("kill"), |name| {
        Operation::KillContainer {
            name,
            signal: signal.to_owned(),
        }
    })
}

/// Plans `pause`. What is frozen already is asked too, and the engine says so.
pub fn pause(project: Option<&Project>, observed: &Observed, services: &[String]) -> Plan {
    let paused = replicas(project, observed, services);
    each(paused, &Cause::Asked("pause"), |name| {
        Operation::PauseContainer { name }
    })
}

/// Plans `unpause`.
pub fn unpause(project: Option<&Project>, observed: &Observed, services: &[String]) -> Plan {
    let unpaused = replicas(project, observed, services);
    each(unpaused, &Cause::Asked("unpause"), |name| {
        Operation::UnpauseContainer { name }
    })
}

fn is_known(project: Option<&Project>, container: &Container) -> bool {
    project.is_none_or(|project| project.services.contains_key(&container.service))
}

/// What runs of the services that the files know, without those made by `run`.
fn replicas<'o>(
    project: Option<&Project>,
    observed: &'o Observed,
    services: &'o [String],
) -> impl Iterator<Item = &'o Container> {
    running(observed, services).filter(move |it| !it.one_off && is_known(project, it))
}

/// The containers of services (all services when none is named) that have processes.
fn running<'o>(
    observed: &'o Observed,
    services: &'o [String],
) -> impl Iterator<Item = &'o Container> {
    observed.containers.iter().filter(move |container| {
        let named = services.is_empty() || services.contains(&container.service);
        named && container.holds_processes()
    })
}

fn each<'o>(
    containers: impl Iterator<Item = &'o Container>,
    cause: &Cause,
    operation: impl Fn(String) -> Operation,
) -> Plan {
    let mut plan = Plan::default();
    for container in containers {
        let operation = operation(container.name.clone());
        add(&mut plan, &container.service, operation, cause, Vec::new());
    }
    plan
}
