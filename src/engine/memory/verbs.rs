//! Everything that changes something.

use async_trait::async_trait;
use bollard::models;
use bytes::Bytes;
use futures_util::StreamExt;

use super::state::RESTARTING;
use super::{MemoryEngine, reads, run};
use crate::engine::wire::{Network, Pool, Volume};
use crate::engine::{
    Answers, BuildRequest, Engine, EngineError, Exec, ExecOutcome, Output, Progress,
};

#[async_trait]
impl Engine for MemoryEngine {
    async fn create_container(
        &self,
        name: &str,
        _platform: Option<&str>,
        body: models::ContainerCreateBody,
    ) -> Result<String, EngineError> {
        self.called("create_container", name).await?;
        self.shared
            .change(|state| state.create_container(name, body))
    }

    async fn start_container(&self, name: &str) -> Result<(), EngineError> {
        self.called("start_container", name).await?;
        run::start(&self.shared, name)
    }

    async fn stop_container(&self, name: &str, _timeout: Option<i32>) -> Result<(), EngineError> {
        self.called("stop_container", name).await?;
        run::stop(&self.shared, name)
    }

    async fn restart_container(
        &self,
        name: &str,
        _timeout: Option<i32>,
    ) -> Result<(), EngineError> {
        self.called("restart_container", name).await?;
        run::stop(&self.shared, name)?;
        run::start(&self.shared, name)?;
        self.shared.change(|state| {
            let index = state.container_index(name)?;
            state.happened(index, "restart", &[]);
            Ok(())
        })
    }

    async fn kill_container(&self, name: &str, signal: Option<&str>) -> Result<(), EngineError> {
        self.called("kill_container", name).await?;
        run::kill(&self.shared, name, signal.unwrap_or("SIGKILL"))
    }

    async fn pause_container(&self, name: &str) -> Result<(), EngineError> {
        self.called("pause_container", name).await?;
        run::pause(&self.shared, name)
    }

    async fn unpause_container(&self, name: &str) -> Result<(), EngineError> {
        self.called("unpause_container", name).await?;
        run::unpause(&self.shared, name)
    }

    async fn remove_container(
        &self,
        name: &str,
        force: bool,
        volumes: bool,
    ) -> Result<(), EngineError> {
        self.called("remove_container", name).await?;
        self.shared.change(|state| {
            let Ok(index) = state.container_index(name) else {
                return Ok(());
            };
            let held = &state.containers[index];
            if !force && (held.is_up() || held.state == RESTARTING) {
                let words = format!(
                    "You cannot remove a running container {}. \
                     Stop the container before attempting removal or force remove",
                    held.id
                );
                return Err(EngineError::Conflict(words));
            }
            state.remove_container(index, volumes);
            Ok(())
        })
    }

    async fn rename_container(&self, name: &str, new_name: &str) -> Result<(), EngineError> {
        self.called("rename_container", name).await?;
        self.shared.change(|state| state.rename(name, new_name))
    }

    async fn attach_container(&self, name: &str) -> Result<Answers<Output>, EngineError> {
        self.called("attach_container", name).await?;
        let state = self.shared.lock();
        let held = state.container(name)?;
        let lines = self.follow(held, held.ended_runs);
        Ok(Box::pin(lines.map(|line| Ok(reads::output(&line, false)))))
    }

    async fn wait_container(&self, name: &str) -> Result<i64, EngineError> {
        self.called("wait_container", name).await?;
        let mut changed = self.shared.changed.subscribe();
        let id = self.shared.lock().container(name)?.id.clone();
        loop {
            {
                let state = self.shared.lock();
                let held = state.container(&id)?;
                if !held.is_up() && held.state != RESTARTING {
                    return Ok(held.exit_code);
                }
            }
            let alive = changed.changed().await;
            alive.map_err(|_| EngineError::Broken("the engine is gone".to_owned()))?;
        }
    }

    async fn exec(&self, name: &str, exec: &Exec) -> Result<ExecOutcome, EngineError> {
        self.called("exec", name).await?;
        let mut state = self.shared.lock();
        let index = state.container_index(name)?;
        state.containers[index].must_be_up()?;
        let container = state.containers[index].name.clone();
        state.execs.push((container, exec.clone()));
        Ok(state.exec_with(index, exec))
    }

    async fn put_archive(&self, name: &str, folder: &str, tar: Bytes) -> Result<(), EngineError> {
        self.called("put_archive", name).await?;
        self.shared.change(|state| state.unpack(name, folder, &tar))
    }

    async fn stream_archive(
        &self,
        name: &str,
        folder: &str,
        mut tar: Answers<Bytes>,
    ) -> Result<(), EngineError> {
        self.called("stream_archive", name).await?;
        let mut bytes = Vec::new();
        while let Some(piece) = tar.next().await {
            bytes.extend_from_slice(&piece?);
        }
        self.shared
            .change(|state| state.unpack(name, folder, &bytes))
    }

    async fn create_network(
        &self,
        body: models::NetworkCreateRequest,
    ) -> Result<String, EngineError> {
        self.called("create_network", &body.name).await?;
        self.shared.change(|state| {
            if state.network(&body.name).is_ok() {
                let words = format!("network with name {} already exists", body.name);
                return Err(EngineError::Conflict(words));
            }
            let id = state.new_id();
            state.networks.push(Network {
                id: id.clone(),
                name: body.name,
                driver: body.driver.unwrap_or_else(|| "bridge".to_owned()),
                options: body.options.unwrap_or_default().into_iter().collect(),
                internal: body.internal.unwrap_or_default(),
                attachable: body.attachable.unwrap_or_default(),
                ipv6: body.enable_ipv6.unwrap_or_default(),
                pools: pools(body.ipam),
                labels: body.labels.unwrap_or_default().into_iter().collect(),
                containers: Vec::new(),
            });
            Ok(id)
        })
    }

    async fn remove_network(&self, name: &str) -> Result<(), EngineError> {
        self.called("remove_network", name).await?;
        self.shared.change(|state| {
            let Ok(network) = state.network(name).cloned() else {
                return Ok(());
            };
            if !state.active_in(&network.name).is_empty() {
                let words = format!(
                    "error while removing network: network {} id {} has active endpoints",
                    network.name, network.id
                );
                return Err(EngineError::Conflict(words));
            }
            state.networks.retain(|it| it.id != network.id);
            Ok(())
        })
    }

    async fn connect_network(
        &self,
        network: &str,
        container: &str,
        endpoint: models::EndpointSettings,
    ) -> Result<(), EngineError> {
        self.called("connect_network", &format!("{network} {container}"))
            .await?;
        let aliases = endpoint.aliases.unwrap_or_default();
        self.shared
            .change(|state| state.connect(network, container, aliases))
    }

    async fn disconnect_network(
        &self,
        network: &str,
        container: &str,
        _force: bool,
    ) -> Result<(), EngineError> {
        self.called("disconnect_network", &format!("{network} {container}"))
            .await?;
        self.shared.change(|state| {
            let network = state.network(network)?.name.clone();
            let held = state.container_mut(container)?;
            held.endpoints.remove(&network);
            Ok(())
        })
    }

    async fn create_volume(&self, body: models::VolumeCreateRequest) -> Result<(), EngineError> {
        let name = body.name.unwrap_or_default();
        self.called("create_volume", &name).await?;
        self.shared.change(|state| {
            let name = if name.is_empty() {
                state.new_id()
            } else {
                name
            };
            state.add_volume(Volume {
                name,
                driver: body.driver.unwrap_or_default(),
                labels: body.labels.unwrap_or_default().into_iter().collect(),
                options: body.driver_opts.unwrap_or_default().into_iter().collect(),
                mountpoint: String::new(),
            });
            Ok(())
        })
    }

    async fn remove_volume(&self, name: &str, _force: bool) -> Result<(), EngineError> {
        self.called("remove_volume", name).await?;
        self.shared.change(|state| {
            let users = state.users_of(name);
            if !users.is_empty() {
                let words = format!("remove {name}: volume is in use - [{}]", users.join(", "));
                return Err(EngineError::Conflict(words));
            }
            state.volumes.remove(name);
            state.volume_files.remove(name);
            Ok(())
        })
    }

    async fn pull_image(
        &self,
        reference: &str,
        _platform: Option<&str>,
    ) -> Result<Answers<Progress>, EngineError> {
        self.called("pull_image", reference).await?;
        self.shared.change(|state| state.pull(reference))
    }

    async fn push_image(&self, reference: &str) -> Result<Answers<Progress>, EngineError> {
        self.called("push_image", reference).await?;
        self.shared.change(|state| state.push(reference))
    }

    async fn tag_image(&self, reference: &str, name: &str) -> Result<(), EngineError> {
        self.called("tag_image", &format!("{reference} {name}"))
            .await?;
        self.shared.change(|state| state.tag(reference, name))
    }

    async fn remove_image(&self, reference: &str, force: bool) -> Result<(), EngineError> {
        self.called("remove_image", reference).await?;
        self.shared
            .change(|state| state.remove_image(reference, force))
    }

    async fn build_image(
        &self,
        request: &BuildRequest,
        mut context: Answers<Bytes>,
    ) -> Result<Answers<Progress>, EngineError> {
        let name = request.tags.first().map_or("", String::as_str);
        self.called("build_image", name).await?;
        let mut tar = Vec::new();
        while let Some(piece) = context.next().await {
            tar.extend_from_slice(&piece?);
        }
        let progress = self.shared.change(|state| state.build(request, &tar));
        Ok(Box::pin(futures_util::stream::iter(progress)))
    }
}

fn pools(ipam: Option<models::Ipam>) -> Vec<Pool> {
    let configured = ipam.and_then(|ipam| ipam.config).unwrap_or_default();
    let pool = |pool: models::IpamConfig| Pool {
        subnet: pool.subnet.unwrap_or_default(),
        gateway: pool.gateway.unwrap_or_default(),
        ip_range: pool.ip_range.unwrap_or_default(),
    };
    configured.into_iter().map(pool).collect()
}
