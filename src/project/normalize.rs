//! What is meant although nobody wrote it: the default network, and the dependencies that other
//! attributes imply.

use super::service::depends_on::{Condition, Dependency};
use super::service::volumes_from::{self, Target};
use super::service::{Service, links};
use super::{Network, Project};

/// Fills a project's unwritten parts in.
pub fn normalize(project: &mut Project) {
    for service in project
        .services
        .values_mut()
        .chain(project.disabled.values_mut())
    {
        join_default_network(service);
        imply_dependencies(service);
    }
    let uses_default = |service: &Service| {
        service
            .networks
            .as_ref()
            .is_some_and(|networks| networks.contains_key("default"))
    };
    if project.services.values().any(uses_default) {
        project
            .networks
            .entry("default".to_owned())
            .or_insert_with(Network::default);
    }
    let name = project.name.clone();
    for (key, network) in &mut project.networks {
        network.name = Some(network.engine_name(&name, key));
    }
    for (key, volume) in &mut project.volumes {
        volume.name = Some(volume.engine_name(&name, key));
    }
}

fn join_default_network(service: &mut Service) {
    let joined = service
        .networks
        .as_ref()
        .is_some_and(|networks| !networks.is_empty());
    if service.network_mode.is_none() && !joined {
        service.networks = Some([("default".to_owned(), None)].into());
    }
}

fn imply_dependencies(service: &mut Service) {
    let mut implied = Vec::new();
    for link in &service.links {
        implied.push((links::split(link).0.to_owned(), true));
    }
    for mode in [
        &service.network_mode,
        &service.ipc,
        &service.pid,
        &service.uts,
        &service.cgroup,
    ] {
        let target = mode
            .as_deref()
            .and_then(|mode| mode.strip_prefix("service:"));
        implied.extend(target.map(|target| (target.to_owned(), true)));
    }
    for entry in &service.volumes_from {
        if let (Target::Service(name), _) = volumes_from::split(entry) {
            implied.push((name.to_owned(), false));
        }
    }
    for (target, restart) in implied {
        let dependency = Dependency {
            condition: Condition::Started,
            restart,
            required: true,
        };
        service.depends_on.entry(target).or_insert(dependency);
    }
}
