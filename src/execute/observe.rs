//! Engine lists to a snapshot: everything of a project in four calls, side by side.

use std::collections::{BTreeMap, BTreeSet};

use crate::engine::{self, EngineError, Filter, Reads};
use crate::plan::{Observed, labels, observed};

/// What to look for.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// Name of the project.
    pub project: String,
    /// Engine names of the networks that its files declare.
    pub networks: BTreeSet<String>,
    /// What the label of a network's configuration is to say, by its engine name. Of one that says
    /// something else, its containers are looked up: it may have to be made anew.
    pub network_hashes: BTreeMap<String, String>,
    /// Engine names of the volumes that its files declare.
    pub volumes: BTreeSet<String>,
    /// Images that its services use.
    pub images: BTreeSet<String>,
    /// Those of them that are to be refreshed after some time.
    pub refreshed: BTreeSet<String>,
    /// The moment, in unix seconds.
    pub now: i64,
}

/// Looks at a project's part of an engine. Names that the labels do not lead to (externals, and
/// things that somebody else made) cost another call, and only when there are any.
pub async fn observe(reads: &dyn Reads, scope: &Scope) -> Result<Observed, EngineError> {
    let info = reads.info().await?;
    let filter = Filter::labels([format!("{}={}", labels::PROJECT, scope.project)]);
    let references: Vec<String> = scope.images.iter().cloned().collect();
    let (containers, networks, volumes, images) = tokio::try_join!(
        reads.containers(&filter),
        reads.networks(&filter),
        reads.volumes(&filter),
        images(reads, &references),
    )?;
    let mut observed = Observed {
        api: info.api.to_string(),
        containers: containers.iter().filter_map(container).collect(),
        hooks: containers.iter().filter_map(hook_container).collect(),
        networks: networks.into_iter().map(network).collect(),
        volumes: volumes.into_iter().map(volume).collect(),
        images: by_name(&references, &images),
        tagged: tagged(reads, &scope.refreshed).await?,
        now: scope.now,
    };
    let unseen = |declared: &BTreeSet<String>, seen: &dyn Fn(&str) -> bool| -> Vec<String> {
        declared
            .iter()
            .filter(|name| !seen(name))
            .cloned()
            .collect()
    };
    let networks = unseen(&scope.networks, &|name| {
        observed.networks.contains_key(name)
    });
    let volumes = unseen(&scope.volumes, &|name| observed.volumes.contains_key(name));
    if !networks.is_empty() {
        let found = reads
            .networks(&Filter {
                names: networks,
                ..Filter::default()
            })
            .await?;
        observed.networks.extend(found.into_iter().map(network));
    }
    for (name, network) in &mut observed.networks {
        let stored = network.config_hash.as_deref().filter(|it| !it.is_empty());
        let wanted = scope.network_hashes.get(name).map(String::as_str);
        let owned = network.project.as_deref() == Some(scope.project.as_str());
        if owned && wanted.is_some() && stored.is_some() && stored != wanted {
            let found = reads.network(name).await?;
            network.containers = found.map(|it| it.containers).unwrap_or_default();
        }
    }
    if !volumes.is_empty() {
        let found = reads
            .volumes(&Filter {
                names: volumes,
                ..Filter::default()
            })
            .await?;
        observed.volumes.extend(found.into_iter().map(volume));
    }
    Ok(observed)
}

async fn images(
    reads: &dyn Reads,
    references: &[String],
) -> Result<Vec<engine::Image>, EngineError> {
    if references.is_empty() {
        Ok(Vec::new())
    } else {
        reads.images(references).await
    }
}

/// When images got their names. Lists do not tell, so that this costs a call for each.
async fn tagged(
    reads: &dyn Reads,
    references: &BTreeSet<String>,
) -> Result<BTreeMap<String, i64>, EngineError> {
    let looks = references.iter().map(async |reference| {
        let image = reads.image(reference).await?;
        Ok(image.map(|image| (reference.clone(), image.last_tagged)))
    });
    let found = futures_util::future::try_join_all(looks).await?;
    Ok(found.into_iter().flatten().collect())
}

/// Ids by the names that the project uses: lists name images in full (`redis:latest`).
fn by_name(references: &[String], images: &[engine::Image]) -> BTreeMap<String, String> {
    let mut ids = BTreeMap::new();
    for reference in references {
        let full = full_reference(reference);
        let found = images.iter().find(|image| {
            let names = image.tags.iter().chain(&image.digests);
            image.id == *reference
                || names
                    .map(|name| full_reference(name))
                    .any(|name| name == full)
        });
        if let Some(image) = found {
            ids.insert(reference.clone(), image.id.clone());
        }
    }
    ids
}

/// A reference with everything that may be left out: `redis` is `docker.io/library/redis:latest`.
fn full_reference(reference: &str) -> String {
    let (name, digest) = match reference.split_once('@') {
        Some((name, digest)) => (name, Some(digest)),
        None => (reference, None),
    };
    let (path, tag) = match name.rsplit_once(':') {
        Some((path, tag)) if !tag.contains('/') => (path, Some(tag)),
        _ => (name, None),
    };
    let path = match path.split_once('/') {
        None => format!("docker.io/library/{path}"),
        Some((first, rest)) if first == "docker.io" && !rest.contains('/') => {
            format!("docker.io/library/{rest}")
        }
        Some((first, _)) if first.contains(['.', ':']) || first == "localhost" => path.to_owned(),
        Some(_) => format!("docker.io/{path}"),
    };
    match digest {
        Some(digest) => format!("{path}@{digest}"),
        None => format!("{path}:{}", tag.unwrap_or("latest")),
    }
}

fn container(container: &engine::Container) -> Option<observed::Container> {
    let label = |key: &str| container.labels.get(key).map(String::as_str);
    // Hooks belong to a project, but to no replica of a service.
    let service = label(labels::SERVICE)?.to_owned();
    label(labels::CONFIG_HASH)?;
    Some(observed::Container {
        service,
        number: label(labels::NUMBER)
            .and_then(|number| number.parse().ok())
            .unwrap_or_default(),
        one_off: label(labels::ONE_OFF).is_some_and(|value| value.eq_ignore_ascii_case("true")),
        created: container.created,
        state: state(&container.state),
        settled: container.is_settled(),
        health: container.health().map(health),
        exit_code: container.exit_code(),
        image_id: label(labels::IMAGE)
            .unwrap_or(&container.image_id)
            .to_owned(),
        config_hash: label(labels::CONFIG_HASH).unwrap_or_default().to_owned(),
        attributes: label(labels::ATTRIBUTES).map(labels::read_attributes),
        record: label(labels::RECORD).map(str::to_owned),
        replaces: label(labels::REPLACE).is_some(),
        cause: label(labels::CAUSE).map(str::to_owned),
        depends_on: label(labels::DEPENDS_ON)
            .map(labels::read_depends_on)
            .unwrap_or_default(),
        image: container.image.clone(),
        networks: container.networks.clone(),
        network_mode: container.network_mode.clone(),
        mounts: container.mounts.iter().map(mount).collect(),
        id: container.id.clone(),
        name: container.name.clone(),
    })
}

/// What ran a hook carries no hash: it is no replica of a service.
fn hook_container(container: &engine::Container) -> Option<observed::HookContainer> {
    container.labels.get(labels::HOOK)?;
    Some(observed::HookContainer {
        name: container.name.clone(),
        service: container.labels.get(labels::SERVICE)?.clone(),
    })
}

fn state(state: &engine::ContainerState) -> observed::State {
    match state {
        engine::ContainerState::Created => observed::State::Created,
        engine::ContainerState::Paused => observed::State::Paused,
        engine::ContainerState::Restarting => observed::State::Restarting,
        engine::ContainerState::Exited => observed::State::Exited,
        engine::ContainerState::Removing | engine::ContainerState::Dead => observed::State::Dead,
        // A word that is new to us is most likely a kind of running; the next step will tell.
        engine::ContainerState::Running | engine::ContainerState::Other(_) => {
            observed::State::Running
        }
    }
}

fn health(health: engine::Health) -> observed::Health {
    match health {
        engine::Health::Starting => observed::Health::Starting,
        engine::Health::Healthy => observed::Health::Healthy,
        engine::Health::Unhealthy => observed::Health::Unhealthy,
    }
}

fn mount(mount: &engine::wire::Mount) -> observed::Mount {
    observed::Mount {
        kind: mount.kind.clone(),
        name: mount.name.clone(),
        target: mount.target.clone(),
        read_only: !mount.writable,
    }
}

fn network(network: engine::Network) -> (String, observed::Network) {
    let label = |key: &str| network.labels.get(key).cloned();
    let found = observed::Network {
        id: network.id.clone(),
        key: label(labels::NETWORK),
        project: label(labels::PROJECT),
        config_hash: label(labels::CONFIG_HASH),
        settings: Some(settings(&network)),
        containers: Vec::new(),
    };
    (network.name, found)
}

fn settings(network: &engine::Network) -> observed::NetworkSettings {
    let own = |(key, _): &(&String, &String)| !key.starts_with(labels::PREFIX);
    let pools = network.pools.iter();
    observed::NetworkSettings {
        driver: network.driver.clone(),
        driver_opts: network.options.clone(),
        internal: network.internal,
        attachable: network.attachable,
        enable_ipv6: network.ipv6,
        pools: pools
            .map(|pool| [&pool.subnet, &pool.gateway, &pool.ip_range].map(Clone::clone))
            .collect(),
        labels: network
            .labels
            .iter()
            .filter(own)
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect(),
    }
}

fn volume(volume: engine::Volume) -> (String, observed::Volume) {
    let label = |key: &str| volume.labels.get(key).cloned();
    let found = observed::Volume {
        key: label(labels::VOLUME),
        project: label(labels::PROJECT),
        config_hash: label(labels::CONFIG_HASH),
    };
    (volume.name, found)
}

#[cfg(test)]
mod tests {
    use super::full_reference;

    #[test]
    fn references_are_completed_as_the_engine_completes_them() {
        for (short, full) in [
            ("redis", "docker.io/library/redis:latest"),
            ("redis:7", "docker.io/library/redis:7"),
            ("user/app", "docker.io/user/app:latest"),
            ("localhost:5000/app", "localhost:5000/app:latest"),
            ("localhost:5000/app:1", "localhost:5000/app:1"),
            ("docker.io/redis:7", "docker.io/library/redis:7"),
            ("ghcr.io/x/y@sha256:00", "ghcr.io/x/y@sha256:00"),
        ] {
            assert_eq!(full_reference(short), full);
        }
    }
}
