//! An engine that lets through what only looks, and refuses everything else: for `--dry-run`.
//!
//! Nothing is pretended. Execution asks an engine whether it [only looks](Engine::only_looks), and
//! ends with the plan told. What would change something all the same (a command that acts outside
//! any plan) is refused here, before it is sent.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use bollard::models;
use bytes::Bytes;

use super::{
    Answers, BuildRequest, Container, ContainerDetail, Engine, EngineError, EngineInfo,
    EngineVersion, Event, Exec, ExecOutcome, Filter, Image, LogOptions, Network, Output, Progress,
    Reads, Volume,
};

/// Looks, and changes nothing.
pub struct OnlyLooking(Arc<dyn Engine>);

impl OnlyLooking {
    /// An engine that nothing can be changed through.
    pub fn at(engine: Arc<dyn Engine>) -> OnlyLooking {
        OnlyLooking(engine)
    }
}

fn refused<T>() -> Result<T, EngineError> {
    Err(EngineError::Refused {
        status: 0,
        message: "a dry run changes nothing, and this would".to_owned(),
    })
}

#[async_trait]
impl Reads for OnlyLooking {
    async fn info(&self) -> Result<EngineInfo, EngineError> {
        self.0.info().await
    }

    async fn version(&self) -> Result<EngineVersion, EngineError> {
        self.0.version().await
    }

    async fn containers(&self, filter: &Filter) -> Result<Vec<Container>, EngineError> {
        self.0.containers(filter).await
    }

    async fn container(&self, name: &str) -> Result<Option<ContainerDetail>, EngineError> {
        self.0.container(name).await
    }

    async fn networks(&self, filter: &Filter) -> Result<Vec<Network>, EngineError> {
        self.0.networks(filter).await
    }

    async fn network(&self, name: &str) -> Result<Option<Network>, EngineError> {
        self.0.network(name).await
    }

    async fn volumes(&self, filter: &Filter) -> Result<Vec<Volume>, EngineError> {
        self.0.volumes(filter).await
    }

    async fn volume(&self, name: &str) -> Result<Option<Volume>, EngineError> {
        self.0.volume(name).await
    }

    async fn volume_sizes(&self) -> Result<BTreeMap<String, u64>, EngineError> {
        self.0.volume_sizes().await
    }

    async fn get_archive(&self, name: &str, path: &str) -> Result<Answers<Bytes>, EngineError> {
        self.0.get_archive(name, path).await
    }

    async fn images(&self, references: &[String]) -> Result<Vec<Image>, EngineError> {
        self.0.images(references).await
    }

    async fn image(&self, reference: &str) -> Result<Option<Image>, EngineError> {
        self.0.image(reference).await
    }

    async fn registry_digest(&self, reference: &str) -> Result<String, EngineError> {
        self.0.registry_digest(reference).await
    }

    async fn logs(&self, name: &str, options: &LogOptions) -> Result<Answers<Output>, EngineError> {
        self.0.logs(name, options).await
    }

    async fn events(
        &self,
        filter: &Filter,
        since: Option<String>,
    ) -> Result<Answers<Event>, EngineError> {
        self.0.events(filter, since).await
    }
}

#[async_trait]
impl Engine for OnlyLooking {
    fn only_looks(&self) -> bool {
        true
    }

    async fn create_container(
        &self,
        _: &str,
        _: Option<&str>,
        _: models::ContainerCreateBody,
    ) -> Result<String, EngineError> {
        refused()
    }

    async fn start_container(&self, _: &str) -> Result<(), EngineError> {
        refused()
    }

    async fn stop_container(&self, _: &str, _: Option<i32>) -> Result<(), EngineError> {
        refused()
    }

    async fn restart_container(&self, _: &str, _: Option<i32>) -> Result<(), EngineError> {
        refused()
    }

    async fn kill_container(&self, _: &str, _: Option<&str>) -> Result<(), EngineError> {
        refused()
    }

    async fn pause_container(&self, _: &str) -> Result<(), EngineError> {
        refused()
    }

    async fn unpause_container(&self, _: &str) -> Result<(), EngineError> {
        refused()
    }

    async fn remove_container(&self, _: &str, _: bool, _: bool) -> Result<(), EngineError> {
        refused()
    }

    async fn rename_container(&self, _: &str, _: &str) -> Result<(), EngineError> {
        refused()
    }

    async fn attach_container(&self, _: &str) -> Result<Answers<Output>, EngineError> {
        refused()
    }

    /// Waiting changes nothing.
    async fn wait_container(&self, name: &str) -> Result<i64, EngineError> {
        self.0.wait_container(name).await
    }

    async fn exec(&self, _: &str, _: &Exec) -> Result<ExecOutcome, EngineError> {
        refused()
    }

    async fn put_archive(&self, _: &str, _: &str, _: Bytes) -> Result<(), EngineError> {
        refused()
    }

    async fn stream_archive(&self, _: &str, _: &str, _: Answers<Bytes>) -> Result<(), EngineError> {
        refused()
    }

    async fn create_network(&self, _: models::NetworkCreateRequest) -> Result<String, EngineError> {
        refused()
    }

    async fn remove_network(&self, _: &str) -> Result<(), EngineError> {
        refused()
    }

    async fn connect_network(
        &self,
        _: &str,
        _: &str,
        _: models::EndpointSettings,
    ) -> Result<(), EngineError> {
        refused()
    }

    async fn disconnect_network(&self, _: &str, _: &str, _: bool) -> Result<(), EngineError> {
        refused()
    }

    async fn create_volume(&self, _: models::VolumeCreateRequest) -> Result<(), EngineError> {
        refused()
    }

    async fn remove_volume(&self, _: &str, _: bool) -> Result<(), EngineError> {
        refused()
    }

    async fn pull_image(&self, _: &str, _: Option<&str>) -> Result<Answers<Progress>, EngineError> {
        refused()
    }

    async fn push_image(&self, _: &str) -> Result<Answers<Progress>, EngineError> {
        refused()
    }

    async fn tag_image(&self, _: &str, _: &str) -> Result<(), EngineError> {
        refused()
    }

    async fn remove_image(&self, _: &str, _: bool) -> Result<(), EngineError> {
        refused()
    }

    async fn build_image(
        &self,
        _: &BuildRequest,
        _: Answers<Bytes>,
    ) -> Result<Answers<Progress>, EngineError> {
        refused()
    }
}
