//! Networks and volumes: what has to be made before containers, and what has drifted.

use std::collections::{BTreeMap, BTreeSet};

use bollard::models::{Ipam, IpamConfig, NetworkCreateRequest, VolumeCreateRequest};

use namesakes::{Namesakes, namesakes};

use super::{Cause, Observed, Operation, Plan, Step, StepId, labels, observed};
use crate::api_version::ApiVersion;
use crate::document::Span;
use crate::project::network::{self, Network, Pool};
use crate::project::{Project, Service, Volume, hash};

mod differences;
mod namesakes;

/// The first API version whose networks can be without IPv4 addresses.
const WITHOUT_IPV4: ApiVersion = ApiVersion::new(1, 48);

/// The steps that make a project's networks and volumes, by key.
#[derive(Debug, Default)]
pub struct Resources {
    /// Networks that are being made.
    pub networks: BTreeMap<String, StepId>,
    /// Volumes that are being made.
    pub volumes: BTreeMap<String, StepId>,
    /// Networks that have to be made anew; no step is planned for them yet.
    pub drifted: Vec<Drifted>,
    /// Networks that have got another name: the one that each had, by key.
    pub renamed: BTreeMap<String, String>,
}

/// A network whose settings have changed, or whose name has while it kept its addresses.
#[derive(Debug, Clone, PartialEq)]
pub struct Drifted {
    /// Key in the file.
    pub key: String,
    /// Name of the one that is there.
    pub old_name: String,
    /// What is different.
    pub cause: Cause,
    /// How it is made anew.
    pub body: NetworkCreateRequest,
    /// Where it is declared.
    pub span: Option<Span>,
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
    pub span: Option<Span>,
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
        let planned = plan_network((project, key, network), observed, plan, &mut resources);
        missing.extend(planned.err());
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
    (project, key, network): (&Project, &str, &Network),
    observed: &Observed,
    plan: &mut Plan,
    resources: &mut Resources,
) -> Result<(), MissingExternal> {
    let declared = Declared {
        kind: "network",
        key,
        name: network.engine_name(&project.name, key),
        external: network.external,
        span: network.span,
        config_hash: hash::network(&project.name, key, network),
    };
    let live = observed.networks.get(&declared.name);
    let found = live.map(|found| (found.project.as_deref(), found.config_hash.as_deref()));
    let state = judge(&declared, project, found, plan)?;
    let old = renamed(&declared, project, observed, plan);
    let cause = match (state, live, &old) {
        (State::Fine, ..) => return Ok(()),
        (State::Drifted, Some(live), _) => Some(differences::cause(network, live)),
        (_, _, Some(old)) if shares_addresses(network, observed.networks.get(old)) => {
            Some(Cause::Renamed(declared.name.clone()))
        }
        _ => None,
    };
    let api = ApiVersion::parse(&observed.api);
    if network.enable_ipv4 == Some(false) && api.is_some_and(|api| api < WITHOUT_IPV4) {
        plan.warnings.push(format!(
            "network {key}: `enable_ipv4` needs Docker Engine 28.0 or newer, and has no effect here"
        ));
    }
    let body = network_body(
        project,
        key,
        network,
        declared.name.clone(),
        &declared.config_hash,
    );
    if let Some(cause) = cause {
        resources.drifted.push(Drifted {
            key: key.to_owned(),
            old_name: old.unwrap_or(declared.name),
            cause,
            body,
            span: declared.span,
        });
    } else {
        let step = make(plan, Operation::CreateNetwork(Box::new(body)));
        resources.networks.insert(key.to_owned(), step);
        resources
            .renamed
            .extend(old.map(|old| (key.to_owned(), old)));
    }
    Ok(())
}

/// The name that a network had before, when its files have given it another one.
fn renamed(
    declared: &Declared<'_>,
    project: &Project,
    observed: &Observed,
    plan: &mut Plan,
) -> Option<String> {
    let own = |(_, network): &(&String, &observed::Network)| {
        network.project.as_deref() == Some(&*project.name)
            && network.key.as_deref() == Some(declared.key)
    };
    let live = observed.networks.iter().filter(own).map(|(name, _)| name);
    if declared.external {
        return None;
    }
    let (old, others) = match namesakes(&declared.name, live) {
        Namesakes::Before { old, others } => (Some(old), others),
        Namesakes::Beside(others) => (None, others),
    };
    warn_of_namesakes(declared, &others, plan);
    old
}

/// Two networks cannot have the same addresses at a time.
fn shares_addresses(network: &Network, live: Option<&observed::Network>) -> bool {
    let settings = live.and_then(|live| live.settings.as_ref());
    let taken = settings.iter().flat_map(|settings| &settings.pools);
    let taken: BTreeSet<&str> = taken.map(|pool| pool[0].as_str()).collect();
    let mut wanted = network.ipam.config.iter();
    wanted.any(|pool| pool.subnet.as_deref().is_some_and(|it| taken.contains(it)))
}

fn warn_of_namesakes(declared: &Declared<'_>, others: &[String], plan: &mut Plan) {
    let Declared {
        kind, key, name, ..
    } = declared;
    for other in others {
        plan.warnings.push(format!(
            "{kind} {other} is labelled as `{key}` of this project too, which is {name}; it is not used and stays (`docker {kind} rm {other}` removes it)"
        ));
    }
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
    let state = judge(&declared, project, found, plan)?;
    if !declared.external {
        warn_of_renamed_volume(&declared, project, observed, plan);
    }
    if state == State::Drifted {
        plan.warnings.push(format!(
            "volume {} was made with other settings than its file has now; it keeps its data and its old settings: to have it made anew, empty, run `rcompose up --allow-data-loss {}`",
            declared.name, declared.name
        ));
    }
    if state != State::Missing {
        return Ok(None);
    }
    let body = volume_body(project, key, volume, declared.name, &declared.config_hash);
    Ok(Some(make(plan, Operation::CreateVolume(Box::new(body)))))
}

/// Engine names of the volumes that are the project's and were made with other settings than its
/// files have.
pub(super) fn drifted_volumes(project: &Project, observed: &Observed) -> Vec<String> {
    let drifted = project.volumes.iter().filter_map(|(key, volume)| {
        let name = volume.engine_name(&project.name, key);
        let live = observed.volumes.get(&name)?;
        let own = !volume.external && live.project.as_deref() == Some(&*project.name);
        let stored = live.config_hash.as_deref().filter(|it| !it.is_empty())?;
        (own && stored != hash::volume(&project.name, key, volume)).then_some(name)
    });
    drifted.collect()
}

/// What a file says of a network or volume.
struct Declared<'a> {
    kind: &'static str,
    key: &'a str,
    /// On the engine.
    name: String,
    external: bool,
    span: Option<Span>,
    config_hash: String,
}

/// What is to be done about a network or volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// It has to be made.
    Missing,
    /// It is used as it is.
    Fine,
    /// It is ours, and was made with other settings.
    Drifted,
}

/// `found` is the project and the hash that one of this name carries.
fn judge(
    declared: &Declared<'_>,
    project: &Project,
    found: Option<(Option<&str>, Option<&str>)>,
    plan: &mut Plan,
) -> Result<State, MissingExternal> {
    let Some((owner, hash)) = found else {
        return if declared.external {
            Err(MissingExternal {
                kind: declared.kind,
                key: declared.key.to_owned(),
                name: declared.name.clone(),
                span: declared.span,
            })
        } else {
            Ok(State::Missing)
        };
    };
    if declared.external {
        return Ok(State::Fine);
    }
    if owner != Some(&*project.name) {
        warn_of_owner(declared, owner, plan);
        return Ok(State::Fine);
    }
    // docker compose 1 and early 2 stored no hash.
    let differs = hash.is_some_and(|hash| !hash.is_empty() && hash != declared.config_hash);
    Ok(if differs { State::Drifted } else { State::Fine })
}

fn warn_of_owner(declared: &Declared<'_>, owner: Option<&str>, plan: &mut Plan) {
    let Declared { kind, name, .. } = declared;
    let origin = match owner {
        Some(owner) => format!("belongs to project {owner}"),
        None => "was not made by Compose".to_owned(),
    };
    plan.warnings.push(format!(
        "{kind} {name} {origin} and is used as it is; `external: true` says that this is meant"
    ));
}

/// What is in a volume does not follow its name.
fn warn_of_renamed_volume(
    declared: &Declared<'_>,
    project: &Project,
    observed: &Observed,
    plan: &mut Plan,
) {
    let own = |(_, volume): &(&String, &observed::Volume)| {
        volume.project.as_deref() == Some(&*project.name)
            && volume.key.as_deref() == Some(declared.key)
    };
    let live = observed.volumes.iter().filter(own).map(|(name, _)| name);
    let others = match namesakes(&declared.name, live) {
        Namesakes::Beside(others) => others,
        Namesakes::Before { old, others } => {
            let Declared { key, name, .. } = declared;
            plan.warnings.push(format!(
                "volume `{key}` is {name} now, which begins empty; {old} stays with its data: `name: {old}` goes on with it, `docker volume rm {old}` removes it"
            ));
            others
        }
    };
    warn_of_namesakes(declared, &others, plan);
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
