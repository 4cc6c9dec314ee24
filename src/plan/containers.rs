//! Whether a container still is what its service asks for, and if not, why.

use std::collections::{BTreeMap, BTreeSet};

use super::images::ImageStep;
use super::observed::{Container, State};
use super::{Cause, ImageMoved, Observed};
use crate::api_version::ApiVersion;
use crate::project::hash::{self, Encoding};
use crate::project::service::networks;
use crate::project::service::volumes_from::{self, Target};
use crate::project::{Project, Service};

/// When containers are replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Recreate {
    /// When they differ from what is asked for.
    #[default]
    Diverged,
    /// In any case.
    Force,
    /// Never.
    Never,
}

/// What is to become of a container that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is as wanted.
    Keep,
    /// It is replaced.
    Replace(Cause),
    /// It is replaced if one of these images moves while the plan runs.
    ReplaceIf(Vec<ImageMoved>),
}

/// What a verdict is made from, besides the container itself.
#[derive(Debug)]
pub struct Wanted<'a> {
    /// The project.
    pub project: &'a Project,
    /// The service.
    pub service: &'a Service,
    /// What becomes of its image.
    pub image: ImageStep,
    /// When to replace.
    pub recreate: Recreate,
    /// The version that requests are made with.
    pub api: ApiVersion,
    /// Names of the networks that are made anew, by key.
    pub renewed: &'a BTreeMap<String, String>,
    /// Engine names of its networks, by key.
    pub networks: &'a BTreeMap<String, String>,
    /// Engine names of its volumes, by key.
    pub volumes: &'a BTreeMap<String, String>,
    /// Verdicts on services whose namespaces or volumes it shares.
    pub parents: &'a BTreeMap<&'a str, Verdict>,
}

/// Judges a container.
pub fn judge(container: &Container, wanted: &Wanted<'_>, observed: &Observed) -> Verdict {
    match wanted.recreate {
        Recreate::Never => return Verdict::Keep,
        Recreate::Force => return Verdict::Replace(Cause::Asked("--force-recreate")),
        Recreate::Diverged => {}
    }
    let mut maybe = Vec::new();
    for (parent, verdict) in wanted.parents {
        match verdict {
            Verdict::Keep => {}
            Verdict::Replace(_) => {
                return Verdict::Replace(Cause::ParentRecreated((*parent).to_owned()));
            }
            Verdict::ReplaceIf(moved) => maybe.extend(moved.iter().cloned()),
        }
    }
    let certain = dead_cause(container)
        .or_else(|| parent_cause(container, wanted.service, observed))
        .or_else(|| younger_parent(container, wanted.service, observed))
        .or_else(|| config_cause(container, wanted.service, observed))
        .or_else(|| image_cause(container, wanted, observed))
        .or_else(|| network_cause(container, wanted, observed))
        .or_else(|| address_cause(wanted))
        .or_else(|| volume_cause(container, wanted));
    if let Some(cause) = certain {
        return Verdict::Replace(cause);
    }
    if matches!(wanted.image, ImageStep::MayMove(_)) {
        let reference = wanted.service.image_name(&wanted.project.name);
        maybe.push(ImageMoved {
            reference,
            from: container.image_id.clone(),
        });
    }
    if maybe.is_empty() {
        Verdict::Keep
    } else {
        Verdict::ReplaceIf(maybe)
    }
}

/// What could not be removed can never be started either.
fn dead_cause(container: &Container) -> Option<Cause> {
    (container.state == State::Dead).then_some(Cause::NotRunning)
}

/// Engines remember the container whose network is shared by its id. When that was replaced behind
/// our back (by another tool, or with `--no-deps`), the name in the files still is the same.
fn parent_cause(container: &Container, service: &Service, observed: &Observed) -> Option<Cause> {
    let joined = container.network_mode.strip_prefix("container:")?;
    let name = service.network_mode.as_deref()?.strip_prefix("service:")?;
    let parent = first_container(name, observed)?;
    let same = joined == parent.id || joined == parent.name;
    (!same).then(|| Cause::ParentRecreated(name.to_owned()))
}

/// The same of what engines do not list: whoever shares processes, memory or volumes is younger
/// than the container that it shares them with, or shares them with that one's predecessor.
fn younger_parent(container: &Container, service: &Service, observed: &Observed) -> Option<Cause> {
    shared_services(service).into_iter().find_map(|name| {
        let parent = first_container(&name, observed)?;
        (container.created < parent.created).then_some(Cause::ParentRecreated(name))
    })
}

/// Services whose container must be there, in its final shape, before one of this service can be
/// made: it shares their namespaces or volumes.
pub fn shared_services(service: &Service) -> BTreeSet<String> {
    let modes = [&service.network_mode, &service.ipc, &service.pid];
    let namespaces = modes
        .into_iter()
        .filter_map(|mode| mode.as_deref()?.strip_prefix("service:"));
    let entries = service.volumes_from.iter();
    let volumes = entries.filter_map(|entry| match volumes_from::split(entry).0 {
        Target::Service(name) => Some(name),
        Target::Container(_) => None,
    });
    namespaces.chain(volumes).map(str::to_owned).collect()
}

/// The containers that a service names as such, to share their namespaces or volumes.
pub fn named_containers(service: &Service) -> BTreeSet<&str> {
    let modes = [&service.network_mode, &service.ipc, &service.pid];
    let namespaces = modes
        .into_iter()
        .filter_map(|mode| mode.as_deref()?.strip_prefix("container:"));
    let entries = service.volumes_from.iter();
    let volumes = entries.filter_map(|entry| match volumes_from::split(entry).0 {
        Target::Service(_) => None,
        Target::Container(name) => Some(name),
    });
    namespaces.chain(volumes).collect()
}

/// The container that others mean who speak of a service.
fn first_container<'o>(service: &str, observed: &'o Observed) -> Option<&'o Container> {
    let containers = observed.containers.iter();
    let of_service = containers.filter(|it| it.service == service && !it.one_off);
    of_service.min_by_key(|container| container.number)
}

/// Our own label names the attributes that differ. Without it there is docker compose's hash,
/// which can only be equal or not, in one of the encodings that it has had.
fn config_cause(container: &Container, service: &Service, observed: &Observed) -> Option<Cause> {
    if let Some(stored) = &container.attributes {
        let now = hash::attributes(service);
        let mut changed: Vec<String> = Vec::new();
        for (key, hash) in &now {
            if stored.get(*key) != Some(hash) {
                changed.push((*key).to_owned());
            }
        }
        let gone = stored.keys().filter(|key| !is_content(key));
        let gone = gone.filter(|key| !now.contains_key(key.as_str()));
        changed.extend(gone.cloned());
        // What a container was made with is unknown of those that an older version made, and what
        // there is now, of files that cannot be read here: neither is a change.
        for (key, digest) in hash::contents(service) {
            if stored.get(&key).is_some_and(|stored| *stored != digest) {
                changed.push(key);
            }
        }
        changed.sort();
        return (!changed.is_empty()).then_some(Cause::ConfigChanged(changed));
    }
    let resolved = resolve_references(service, observed);
    let known =
        [Encoding::Current, Encoding::V2].map(|encoding| hash::service(&resolved, encoding));
    (!known.contains(&container.config_hash)).then_some(Cause::ConfigDiffers)
}

/// Whether a key of our label is about what a config or secret held: `secrets.NAME`.
fn is_content(key: &str) -> bool {
    key.contains('.')
}

/// docker compose hashes a service after `service:NAME` has become `container:ID`.
fn resolve_references(service: &Service, observed: &Observed) -> Service {
    let id = |name: &str| first_container(name, observed).map(|container| container.id.clone());
    let resolve = |mode: &Option<String>| -> Option<String> {
        let resolved = mode
            .as_deref()
            .and_then(|mode| mode.strip_prefix("service:"))
            .and_then(id);
        resolved
            .map(|id| format!("container:{id}"))
            .or_else(|| mode.clone())
    };
    let mut resolved = service.clone();
    resolved.network_mode = resolve(&service.network_mode);
    resolved.ipc = resolve(&service.ipc);
    resolved.pid = resolve(&service.pid);
    for entry in &mut resolved.volumes_from {
        if let (Target::Service(name), _) = volumes_from::split(entry)
            && let Some(id) = id(name)
        {
            *entry = id;
        }
    }
    resolved
}

fn image_cause(container: &Container, wanted: &Wanted<'_>, observed: &Observed) -> Option<Cause> {
    let name = wanted.service.image_name(&wanted.project.name);
    match observed.images.get(&name) {
        // It may move on from there, but it has moved already.
        Some(id) if *id != container.image_id => Some(Cause::ImageChanged {
            from: container.image_id.clone(),
            to: id.clone(),
        }),
        Some(_) => None,
        // Whatever arrives under this name, the container was made of something that lost it.
        None => Some(Cause::ImageChanged {
            from: container.image_id.clone(),
            to: "a new one".to_owned(),
        }),
    }
}

/// A running container must be connected to what it is to be connected to. One that does not run
/// tells less; but if it remembers a network that is gone, it can never be started again.
fn network_cause(container: &Container, wanted: &Wanted<'_>, observed: &Observed) -> Option<Cause> {
    let running = container.state == State::Running;
    for key in wanted.service.networks.iter().flat_map(BTreeMap::keys) {
        let Some(name) = wanted.networks.get(key) else {
            continue;
        };
        let network = observed.networks.get(name);
        let there = network.map(|network| network.id.as_str());
        let connected = container.networks.get(name).map(String::as_str);
        // Lists of some engines leave the id out; then the name has to do.
        let as_wanted = match connected {
            Some("") => there.is_some(),
            Some(id) => Some(id) == there,
            None => !running && can_be_connected(container, wanted) && !must_be_made(key, wanted),
        };
        if !as_wanted {
            return Some(Cause::NetworkMissing(name.clone()));
        }
    }
    None
}

/// One that does not run, and remembers no network that it is not to be in, only has to be
/// connected: a killed run did not come to that.
fn can_be_connected(container: &Container, wanted: &Wanted<'_>) -> bool {
    let keys = wanted.service.networks.iter().flat_map(BTreeMap::keys);
    let names: Vec<&String> = keys.filter_map(|key| wanted.networks.get(key)).collect();
    container.networks.keys().all(|name| names.contains(&name))
}

/// Between 1.44 and 1.53 only a create request gives a container its hardware address: older
/// engines keep it with the container, newer ones take it from the request that connects.
fn must_be_made(key: &str, wanted: &Wanted<'_>) -> bool {
    let known = ApiVersion::new(1, 44)..ApiVersion::new(1, 54);
    known.contains(&wanted.api) && networks::has_address(wanted.service, key)
}

/// A network that is made anew takes the hardware address along, where it cannot be given again.
fn address_cause(wanted: &Wanted<'_>) -> Option<Cause> {
    let lost = |(key, _): &(&String, &String)| must_be_made(key, wanted);
    let keys = wanted.service.networks.iter().flat_map(BTreeMap::keys);
    let renewed = keys.filter_map(|key| wanted.renewed.get_key_value(key));
    let (_, name) = renewed.into_iter().find(lost)?;
    Some(Cause::NetworkRenewed(name.clone()))
}

fn volume_cause(container: &Container, wanted: &Wanted<'_>) -> Option<Cause> {
    for mount in wanted
        .service
        .volumes
        .iter()
        .filter(|mount| mount.kind == "volume")
    {
        let Some(name) = mount
            .source
            .as_ref()
            .and_then(|key| wanted.volumes.get(key))
        else {
            continue;
        };
        let mounted = container
            .mounts
            .iter()
            .any(|found| found.name == *name && found.target == mount.target);
        if !mounted {
            return Some(Cause::VolumeMissing(name.clone()));
        }
    }
    None
}
