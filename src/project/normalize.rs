//! What is meant although nobody wrote it: the default network, names, what references refer to,
//! and the dependencies that other attributes imply.

use std::collections::BTreeSet;

use super::Project;
use super::network::engine_name;
use super::service::depends_on::{Condition, Dependency};
use super::service::mounts::Origin;
use super::service::volumes::clean_target;
use super::service::volumes_from::{self, Target};
use super::service::{Service, build, links};

/// Fills a project's unwritten parts in.
///
/// Variables are the project's environment, for build arguments without a value.
pub fn normalize(project: &mut Project, variables: &dyn Fn(&str) -> Option<String>) {
    for service in project
        .services
        .values_mut()
        .chain(project.disabled.values_mut())
    {
        if service.pull_policy.as_deref() == Some("if_not_present") {
            service.pull_policy = Some("missing".to_owned());
        }
        if let Some(build) = &mut service.build {
            build::complete(build, variables);
        }
        for mount in &mut service.volumes {
            mount.target = clean_target(&mount.target);
        }
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
        project.networks.entry("default".to_owned()).or_default();
    }
    let name = project.name.clone();
    for (key, network) in &mut project.networks {
        network.name = Some(network.engine_name(&name, key));
    }
    for (key, volume) in &mut project.volumes {
        volume.name = Some(volume.engine_name(&name, key));
    }
    for (key, config) in &mut project.configs {
        let given = config.name.as_deref();
        config.name = Some(engine_name(given, config.external, &name, key));
    }
    for (key, secret) in &mut project.secrets {
        let given = secret.name.as_deref();
        secret.name = Some(engine_name(given, secret.external, &name, key));
    }
    resolve_references(project);
}

/// What configs, secrets and image mounts of services refer to.
fn resolve_references(project: &mut Project) {
    let images: Vec<(String, String)> = project
        .services
        .values()
        .chain(project.disabled.values())
        .map(|service| (service.name.clone(), service.image_name(&project.name)))
        .collect();
    for service in project.services.values_mut() {
        for file in &mut service.configs {
            let config = project.configs.get(&file.source);
            file.origin = origin(config.and_then(|config| config.file.as_ref()));
        }
        for file in &mut service.secrets {
            let secret = project.secrets.get(&file.source);
            file.origin = origin(secret.and_then(|secret| secret.file.as_ref()));
        }
        for mount in service.volumes.iter_mut().filter(|it| it.kind == "image") {
            let image = images
                .iter()
                .find(|(name, _)| Some(name) == mount.source.as_ref());
            mount.service_image = image.map(|(_, image)| image.clone());
        }
    }
}

fn origin(file: Option<&String>) -> Origin {
    file.map_or(Origin::Elsewhere, |path| Origin::File(path.clone()))
}

/// Forgets networks, volumes, configs, secrets and models that no wanted service uses, as docker
/// compose does before it prints or starts anything (unless `--all-resources`).
pub fn forget_unused(project: &mut Project) {
    let mut networks = BTreeSet::new();
    let mut volumes = BTreeSet::new();
    let mut configs = BTreeSet::new();
    let mut secrets = BTreeSet::new();
    let mut models = BTreeSet::new();
    for service in project.services.values() {
        networks.extend(service.networks.iter().flat_map(|it| it.keys().cloned()));
        let mounts = service.volumes.iter().filter(|it| it.kind == "volume");
        volumes.extend(mounts.filter_map(|it| it.source.clone()));
        configs.extend(service.configs.iter().map(|it| it.source.clone()));
        secrets.extend(service.secrets.iter().map(|it| it.source.clone()));
        let build = service.build.iter().flat_map(|build| &build.secrets);
        secrets.extend(build.map(|it| it.source.clone()));
        models.extend(service.models.keys().cloned());
    }
    project.networks.retain(|key, _| networks.contains(key));
    project.volumes.retain(|key, _| volumes.contains(key));
    project.configs.retain(|key, _| configs.contains(key));
    project.secrets.retain(|key, _| secrets.contains(key));
    project.models.retain(|key, _| models.contains(key));
}

fn join_default_network(service: &mut Service) {
    let joined = service
        .networks
        .as_ref()
        .is_some_and(|networks| !networks.is_empty());
    let elsewhere = service.network_mode.is_some() || service.provider.is_some();
    if !elsewhere && !joined {
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
