//! Containers with their mounts and networks: made, joined, removed.

use bollard::models::{ContainerCreateBody, MountType};

use super::state::{Held, State};
use crate::engine::EngineError;
use crate::engine::wire::{Container, ContainerState, Endpoint, Image, Mount, Volume, familiar};

impl State {
    /// Makes a container and answers its id.
    pub(super) fn create_container(
        &mut self,
        name: &str,
        body: ContainerCreateBody,
    ) -> Result<String, EngineError> {
        if let Some(held) = self.containers.iter().find(|held| held.name == name) {
            return Err(name_taken(name, &held.id));
        }
        let reference = body.image.clone().unwrap_or_default();
        let Some(image) = self.image(&reference).cloned() else {
            let words = format!("No such image: {}", familiar(&reference));
            return Err(EngineError::NotFound(words));
        };
        let host = body.host_config.clone().unwrap_or_default();
        let mode = host.network_mode.unwrap_or_default();
        let mut held = Held {
            id: self.new_id(),
            name: name.to_owned(),
            image_id: image.id.clone(),
            network_mode: self.resolved_mode(&mode),
            created_nano: self.tick(),
            ..Held::default()
        };
        held.endpoints = endpoints(&body, &held);
        self.mount(&mut held, &body, &image)?;
        held.body = body;
        let mut labels = image.labels;
        labels.extend(held.labels());
        held.body.labels = Some(labels.into_iter().collect());
        let id = held.id.clone();
        self.containers.push(held);
        self.happened(self.containers.len() - 1, "create", &[]);
        Ok(id)
    }

    /// A network mode with a container's name in it names its id from then on.
    fn resolved_mode(&self, mode: &str) -> String {
        let owner = mode.strip_prefix("container:");
        match owner.and_then(|name| self.container(name).ok()) {
            Some(owner) => format!("container:{}", owner.id),
            None if mode.is_empty() => "default".to_owned(),
            // An unknown owner is missed at the start only.
            None => mode.to_owned(),
        }
    }

    fn mount(
        &mut self,
        held: &mut Held,
        body: &ContainerCreateBody,
        image: &Image,
    ) -> Result<(), EngineError> {
        let host = body.host_config.clone().unwrap_or_default();
        held.mounts = host
            .binds
            .iter()
            .flatten()
            .map(|bind| bound(bind))
            .collect();
        let mounts = host.mounts.iter().flatten();
        held.mounts.extend(mounts.map(|mount| Mount {
            kind: mount.typ.unwrap_or(MountType::VOLUME).to_string(),
            name: match mount.typ {
                None | Some(MountType::VOLUME) => mount.source.clone().unwrap_or_default(),
                _ => String::new(),
            },
            source: match mount.typ {
                None | Some(MountType::VOLUME) => String::new(),
                _ => mount.source.clone().unwrap_or_default(),
            },
            target: mount.target.clone().unwrap_or_default(),
            writable: !mount.read_only.unwrap_or_default(),
        }));
        for from in host.volumes_from.iter().flatten() {
            let (name, access) = from.split_once(':').unwrap_or((from, "rw"));
            let theirs = self.container(name)?.mounts.clone();
            held.mounts.extend(theirs.into_iter().map(|mount| Mount {
                writable: mount.writable && access != "ro",
                ..mount
            }));
        }
        let declared = body.volumes.iter().flatten().chain(&image.volumes);
        for target in declared {
            if !held.mounts.iter().any(|mount| mount.target == *target) {
                held.mounts.push(anonymous(target));
            }
        }
        self.make_volumes(held);
        Ok(())
    }

    /// Makes the volumes that mounts name and that are not there, and those that have no name yet.
    fn make_volumes(&mut self, held: &mut Held) {
        for mount in held
            .mounts
            .iter_mut()
            .filter(|mount| mount.kind == "volume")
        {
            if mount.name.is_empty() {
                mount.name = self.new_id();
                held.anonymous_volumes.push(mount.name.clone());
            }
            let volume = Volume {
                name: mount.name.clone(),
                ..Volume::default()
            };
            self.add_volume(volume);
        }
    }

    /// Adds a volume unless there is one of that name.
    pub(super) fn add_volume(&mut self, volume: Volume) {
        let driver = match volume.driver.as_str() {
            "" => "local".to_owned(),
            driver => driver.to_owned(),
        };
        let mountpoint = format!("/var/lib/docker/volumes/{}/_data", volume.name);
        self.volumes.entry(volume.name.clone()).or_insert(Volume {
            driver,
            mountpoint,
            ..volume
        });
    }

    /// Removes a container, and its anonymous volumes that nobody else has.
    pub(super) fn remove_container(&mut self, index: usize, volumes: bool) {
        if self.containers[index].is_up() {
            self.end(index, 137);
        }
        self.happened(index, "destroy", &[]);
        let held = self.containers.remove(index);
        if volumes {
            for name in held.anonymous_volumes {
                if self.users_of(&name).is_empty() {
                    self.volumes.remove(&name);
                }
            }
        }
    }

    /// Ids of the containers that mount a volume, in whatever state.
    pub(super) fn users_of(&self, volume: &str) -> Vec<String> {
        let uses = |held: &&Held| held.mounts.iter().any(|mount| mount.name == volume);
        self.containers
            .iter()
            .filter(uses)
            .map(|held| held.id.clone())
            .collect()
    }

    /// Gives a container that starts its place in its networks.
    pub(super) fn join_networks(&mut self, index: usize) -> Result<(), EngineError> {
        if let Some(owner) = self.containers[index]
            .network_mode
            .strip_prefix("container:")
        {
            let owner = self.container(owner)?;
            if !owner.is_up() {
                let words = "cannot join network of a non running container";
                return Err(EngineError::Conflict(format!("{words}: {}", owner.id)));
            }
        }
        let names: Vec<String> = self.containers[index].endpoints.keys().cloned().collect();
        for name in names {
            let network = self.network(&name)?.clone();
            let address = self.tick();
            let held = &mut self.containers[index];
            // The name may have been an id.
            if let Some(endpoint) = held.endpoints.remove(&name) {
                let endpoint = placed(endpoint, &network.id, address);
                held.endpoints.insert(network.name, endpoint);
            }
        }
        Ok(())
    }

    /// Connects a container to a network.
    pub(super) fn connect(
        &mut self,
        network: &str,
        container: &str,
        aliases: Vec<String>,
    ) -> Result<(), EngineError> {
        let index = self.container_index(container)?;
        let network = self.network(network)?.clone();
        let address = self.tick();
        let held = &mut self.containers[index];
        if held.endpoints.contains_key(&network.name) {
            let (name, network) = (&held.name, &network.name);
            let words = format!("endpoint with name {name} already exists in network {network}");
            return Err(EngineError::Conflict(words));
        }
        let endpoint = Endpoint {
            aliases,
            ..Endpoint::default()
        };
        let endpoint = if held.is_up() {
            placed(endpoint, &network.id, address)
        } else {
            endpoint
        };
        held.endpoints.insert(network.name, endpoint);
        Ok(())
    }

    /// Rows of a container list, newest first as engines have them.
    pub(super) fn rows(&self) -> impl Iterator<Item = Container> {
        self.containers.iter().rev().map(Held::row)
    }

    /// Gives a container another name.
    pub(super) fn rename(&mut self, name: &str, new_name: &str) -> Result<(), EngineError> {
        let index = self.container_index(name)?;
        if let Some(held) = self.containers.iter().find(|held| held.name == new_name) {
            return Err(name_taken(new_name, &held.id));
        }
        let held = &mut self.containers[index];
        let old = std::mem::replace(&mut held.name, new_name.to_owned());
        self.happened(index, "rename", &[("oldName", &format!("/{old}"))]);
        Ok(())
    }
}

fn name_taken(name: &str, id: &str) -> EngineError {
    EngineError::Conflict(format!(
        "Conflict. The container name \"/{name}\" is already in use by container \"{id}\". \
         You have to remove (or rename) that container to be able to reuse that name."
    ))
}

/// `source:target[:options]`, or a path alone for an anonymous volume.
fn bound(bind: &str) -> Mount {
    let Some((source, rest)) = bind.split_once(':') else {
        return anonymous(bind);
    };
    let (target, options) = rest.split_once(':').unwrap_or((rest, ""));
    let is_path = source.starts_with(['/', '.', '~']);
    let (name, source) = if is_path { ("", source) } else { (source, "") };
    Mount {
        kind: if is_path { "bind" } else { "volume" }.to_owned(),
        name: name.to_owned(),
        source: source.to_owned(),
        target: target.to_owned(),
        writable: !options.split(',').any(|option| option == "ro"),
    }
}

fn anonymous(target: &str) -> Mount {
    Mount {
        kind: "volume".to_owned(),
        target: target.to_owned(),
        writable: true,
        ..Mount::default()
    }
}

/// The networks that a container is created with; their ids are known when it starts.
fn endpoints(
    body: &ContainerCreateBody,
    held: &Held,
) -> std::collections::BTreeMap<String, Endpoint> {
    let config = body.networking_config.as_ref();
    let config = config.and_then(|config| config.endpoints_config.as_ref());
    let settings = config.into_iter().flatten();
    let mut endpoints: std::collections::BTreeMap<_, _> = settings
        .map(|(name, settings)| {
            let endpoint = Endpoint {
                aliases: settings.aliases.clone().unwrap_or_default(),
                ..Endpoint::default()
            };
            (name.clone(), endpoint)
        })
        .collect();
    let main = match held.network_mode.as_str() {
        "default" => "bridge",
        mode => mode,
    };
    if !main.starts_with("container:") && !endpoints.contains_key(main) {
        endpoints.insert(main.to_owned(), Endpoint::default());
    }
    endpoints
}

/// An endpoint with its network, and an address that nobody else has.
fn placed(endpoint: Endpoint, network_id: &str, address: i64) -> Endpoint {
    let number = address / 1_000_000;
    Endpoint {
        network_id: network_id.to_owned(),
        ip_address: format!("172.18.{}.{}", number / 256 % 256, number % 256),
        ..endpoint
    }
}

impl Held {
    /// Refuses what only a running container can do.
    pub(super) fn must_be_up(&self) -> Result<(), EngineError> {
        if self.state == ContainerState::Running {
            return Ok(());
        }
        let words = if self.state == ContainerState::Paused {
            format!(
                "Container {} is paused, unpause the container before exec",
                self.id
            )
        } else {
            format!("Container {} is not running", self.id)
        };
        Err(EngineError::Conflict(words))
    }
}
