//! Networks and volumes: what has to be made before containers, and what has drifted.

use std::collections::{BTreeMap, BTreeSet};

use bollard::models::{Ipam, IpamConfig, NetworkCreateRequest, VolumeCreateRequest};

use super::{Cause, Observed, Operation, Plan, Step, StepId, labels};
use crate::project::network::{self, Network, Pool};
use crate::project::{Project, Service, Volume, hash};

/// The steps that make a project's networks and volumes, by key.
#[derive(Debug, Default)]
pub struct Resources {
    /// Networks that are being made.
    pub networks: BTreeMap<String, StepId>,
    /// Volumes that are being made.
    pub volumes: BTreeMap<String, StepId>,
}

/// Something outside the project that has to be there and is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingExternal {
    /// `network` or `volume`.
    pub kind: &'static str,
    /// Key in the file.
    pub key: String,
    /// Name on the engine.
    pub name: String,
    /// Where it is declared.
    pub span: Option<crate::document::Span>,
}

/// Plans the networks and volumes that the given services use.
pub fn plan<'s>(
    project: &Project,
    services: impl Iterator<Item = &'s Service> + Clone,
    observed: &Observed,
    plan: &mut Plan,
) -> Result<Resources, Vec<MissingExternal>> {
    let used_networks: BTreeSet<&str> = services
        .clone()
        .flat_map(|service| service.networks.iter().flat_map(BTreeMap::keys))
        .map(String::as_str)
        .collect();
    let used_volumes: BTreeSet<&str> = services
        .flat_map(|service| {
            service
                .volumes
                .iter()
                .filter(|mount| mount.kind == "volume")
        })
        .filter_map(|mount| mount.source.as_deref())
        .collect();
    let mut resources = Resources::default();
    let mut missing = Vec::new();
    for (key, network) in project
        .networks
        .iter()
        .filter(|(key, _)| used_networks.contains(key.as_str()))
    {
        match plan_network(project, key, network, observed, plan) {
            Ok(step) => resources
                .networks
                .extend(step.map(|step| (key.clone(), step))),
            Err(external) => missing.push(external),
        }
    }
    for (key, volume) in project
        .volumes
        .iter()
        .filter(|(key, _)| used_volumes.contains(key.as_str()))
    {
        match plan_volume(project, key, volume, observed, plan) {
            Ok(step) => resources
                .volumes
                .extend(step.map(|step| (key.clone(), step))),
            Err(external) => missing.push(external),
        }
    }
    if missing.is_empty() {
        Ok(resources)
    } else {
        Err(missing)
    }
}

/// Makes something that is missing, once: two keys may have one name on the engine.
fn make(plan: &mut Plan, operation: Operation) -> StepId {
    let same = |step: &Step| {
        step.operation.verb() == operation.verb()
            && step.operation.kind() == operation.kind()
            && step.operation.name() == operation.name()
    };
    match plan.steps.iter().position(same) {
        Some(index) => StepId(index),
        None => plan.add(missing_step(operation)),
    }
}

fn missing_step(operation: Operation) -> Step {
    Step {
        operation,
        cause: Cause::Missing,
        service: None,
        after: Vec::new(),
        only_if: Vec::new(),
    }
}

fn plan_network(
    project: &Project,
    key: &str,
    network: &Network,
    observed: &Observed,
    plan: &mut Plan,
) -> Result<Option<StepId>, MissingExternal> {
    let declared = Declared {
        kind: "network",
        key,
        name: network.engine_name(&project.name, key),
        external: network.external,
        span: network.span,
        config_hash: hash::network(&project.name, key, network),
    };
    let found = observed.networks.get(&declared.name);
    let found = found.map(|found| (found.project.as_deref(), found.config_hash.as_deref()));
    if !must_be_made(&declared, project, found, plan)? {
        return Ok(None);
    }
    let body = network_body(project, key, network, declared.name, &declared.config_hash);
    Ok(Some(make(plan, Operation::CreateNetwork(Box::new(body)))))
}

fn plan_volume(
    project: &Project,
    key: &str,
    volume: &Volume,
    observed: &Observed,
    plan: &mut Plan,
) -> Result<Option<StepId>, MissingExternal> {
    let declared = Declared {
        kind: "volume",
        key,
        name: volume.engine_name(&project.name, key),
        external: volume.external,
        span: volume.span,
        config_hash: hash::volume(&project.name, key, volume),
    };
    let found = observed.volumes.get(&declared.name);
    let found = found.map(|found| (found.project.as_deref(), found.config_hash.as_deref()));
    if !must_be_made(&declared, project, found, plan)? {
        return Ok(None);
    }
    let body = volume_body(project, key, volume, declared.name, &declared.config_hash);
    Ok(Some(make(plan, Operation::CreateVolume(Box::new(body)))))
}

/// What a file says of a network or volume.
struct Declared<'a> {
    kind: &'static str,
    key: &'a str,
    /// On the engine.
    name: String,
    external: bool,
    span: Option<crate::document::Span>,
    config_hash: String,
}

/// Whether it has to be made. `found` is the project and the hash that one of this name carries.
fn must_be_made(
    declared: &Declared<'_>,
    project: &Project,
    found: Option<(Option<&str>, Option<&str>)>,
    plan: &mut Plan,
) -> Result<bool, MissingExternal> {
    match found {
        None if declared.external => Err(MissingExternal {
            kind: declared.kind,
            key: declared.key.to_owned(),
            name: declared.name.clone(),
            span: declared.span,
        }),
        None => Ok(true),
        Some(_) if declared.external => Ok(false),
        Some((owner, hash)) => {
            warn_about_drift(declared, &project.name, owner, hash, plan);
            Ok(false)
        }
    }
}

/// A resource that differs from its file is named and left as it is. (A network is not replaced
/// under running containers, and a volume never, because of what is in it.)
fn warn_about_drift(
    declared: &Declared<'_>,
    project: &str,
    owner: Option<&str>,
    hash: Option<&str>,
    plan: &mut Plan,
) {
    let Declared { kind, name, .. } = declared;
    match owner {
        Some(owner) if owner == project => {
            if hash.is_some_and(|hash| !hash.is_empty() && hash != declared.config_hash) {
                let remedy = match *kind {
                    "volume" => "it keeps its data and its old settings; remove it by hand to have it made anew",
                    _ => "`rcompose down` and `rcompose up` make it anew",
                };
                plan.warnings.push(format!("{kind} {name} was made with other settings than its file has now; {remedy}"));
            }
        }
        Some(owner) => plan.warnings.push(format!(
            "{kind} {name} belongs to project {owner} and is used as it is; `external: true` says that this is meant"
        )),
        None => plan.warnings.push(format!(
            "{kind} {name} was not made by Compose and is used as it is; `external: true` says that this is meant"
        )),
    }
}

fn network_body(
    project: &Project,
    key: &str,
    network: &Network,
    name: String,
    hash: &str,
) -> NetworkCreateRequest {
    let labels = labels::resource(project, labels::NETWORK, key, &network.labels, hash);
    let ipam = (!network::is_default(&network.ipam)).then(|| Ipam {
        driver: network.ipam.driver.clone(),
        config: Some(network.ipam.config.iter().map(pool).collect()),
        options: filled(&network.ipam.options),
    });
    NetworkCreateRequest {
        name,
        driver: network.driver.clone(),
        options: filled(&network.driver_opts),
        ipam,
        internal: network.internal.then_some(true),
        attachable: network.attachable.then_some(true),
        enable_ipv4: network.enable_ipv4,
        enable_ipv6: network.enable_ipv6,
        labels: Some(labels.into_iter().collect()),
        ..NetworkCreateRequest::default()
    }
}

fn pool(pool: &Pool) -> IpamConfig {
    IpamConfig {
        subnet: pool.subnet.clone(),
        ip_range: pool.ip_range.clone(),
        gateway: pool.gateway.clone(),
        auxiliary_addresses: filled(&pool.aux_addresses),
    }
}

fn volume_body(
    project: &Project,
    key: &str,
    volume: &Volume,
    name: String,
    hash: &str,
) -> VolumeCreateRequest {
    let labels = labels::resource(project, labels::VOLUME, key, &volume.labels, hash);
    VolumeCreateRequest {
        name: Some(name),
        driver: volume.driver.clone(),
        driver_opts: filled(&volume.driver_opts),
        labels: Some(labels.into_iter().collect()),
        ..VolumeCreateRequest::default()
    }
}

fn filled(values: &BTreeMap<String, String>) -> Option<std::collections::HashMap<String, String>> {
    (!values.is_empty()).then(|| values.clone().into_iter().collect())
}
