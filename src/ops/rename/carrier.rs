//! Containers that are never started, through which the engine gives and takes what is in volumes.
//!
//! They are made of an image without a single file, so that no program of anybody's is needed. Their
//! names say whose move they belong to; a move that was broken off leaves some, and the next run of
//! it begins by removing them. Only marks stay: containers without a volume, each of which says that
//! the new volume in its name is not known to be complete.

use bollard::models::{
    ContainerCreateBody, HostConfig, Mount, MountType, MountVolumeOptions, VolumeCreateRequest,
};
use bytes::Bytes;
use futures_util::{StreamExt, stream};

use super::content::{self, Content};
use crate::engine::{BuildRequest, Engine, EngineError, Volume};

/// Where a volume is mounted.
const PLACE: &str = "/volume";
/// The image without files; its tag is the move's own, so that none takes it from another one.
const IMAGE: &str = "rcompose-carrier";
/// As long as a tag may be.
const TAG: usize = 128;
const DOCKERFILE: &[u8] = b"FROM scratch\nLABEL dev.rcompose.carrier=1\n";

/// What carries the volumes of one move.
pub(super) struct Carrier<'e> {
    pub(super) engine: &'e dyn Engine,
    /// What the names of its containers begin with.
    pub(super) prefix: String,
}

impl Carrier<'_> {
    /// Makes the image, when it is not there.
    pub(super) async fn prepare(&self) -> Result<(), EngineError> {
        if self.engine.image(&self.image()).await?.is_some() {
            return Ok(());
        }
        let request = BuildRequest {
            dockerfile: "Dockerfile".to_owned(),
            tags: vec![self.image()],
            ..BuildRequest::default()
        };
        let context = context().map_err(|error| EngineError::Broken(error.to_string()))?;
        let context = stream::iter([Ok(context)]).boxed();
        let mut answers = self.engine.build_image(&request, context).await?;
        while let Some(answer) = answers.next().await {
            answer?;
        }
        Ok(())
    }

    fn image(&self) -> String {
        let tag: String = self.prefix.chars().take(TAG).collect();
        format!("{IMAGE}:{}", tag.trim_end_matches('.'))
    }

    /// Whether a container is one of these.
    pub(super) fn owns(&self, container: &str) -> bool {
        container.starts_with(&self.prefix)
    }

    /// Removes what an earlier run of the move has left, but for its marks.
    pub(super) async fn clean(&self, containers: &[String]) -> Result<(), EngineError> {
        let marks = self.mark_of("");
        let own = containers.iter().filter(|name| self.owns(name));
        for name in own.filter(|name| !name.starts_with(&marks)) {
            self.engine.remove_container(name, true, true).await?;
        }
        Ok(())
    }

    /// Removes the image.
    pub(super) async fn dismiss(&self) -> Result<(), EngineError> {
        match self.engine.remove_image(&self.image(), false).await {
            // A mark is made of it still.
            Err(EngineError::Conflict(_)) => Ok(()),
            result => result,
        }
    }

    /// The name of the container that says that a volume is not complete.
    pub(super) fn mark_of(&self, volume: &str) -> String {
        format!("{}unfinished.{volume}", self.prefix)
    }

    /// Says so.
    pub(super) async fn mark(&self, volume: &str) -> Result<(), EngineError> {
        let created = self.create(&self.mark_of(volume), Vec::new()).await;
        match created {
            // An earlier run has.
            Err(EngineError::Conflict(_)) => Ok(()),
            result => result,
        }
    }

    /// Says that it is complete.
    pub(super) async fn unmark(&self, volume: &str) -> Result<(), EngineError> {
        let mark = self.mark_of(volume);
        self.engine.remove_container(&mark, true, true).await
    }

    /// What is in a volume.
    pub(super) async fn content(&self, volume: &str) -> Result<Content, EngineError> {
        let name = self.hold("read", volume, true).await?;
        let archive = self.engine.get_archive(&name, PLACE).await?;
        let content = content::of(archive).await;
        self.engine.remove_container(&name, true, true).await?;
        content
    }

    /// Fills an empty volume with what is in another one. Answers what that was.
    pub(super) async fn carry(&self, from: &str, to: &str) -> Result<Content, EngineError> {
        let source = self.hold("from", from, true).await?;
        let target = self.hold("to", to, false).await?;
        let archive = self.engine.get_archive(&source, PLACE).await?;
        let (archive, reading) = content::beside(archive);
        self.engine.stream_archive(&target, "/", archive).await?;
        let content = content::finished(reading).await;
        for name in [source, target] {
            self.engine.remove_container(&name, true, true).await?;
        }
        content
    }

    /// Makes a container with a volume; nothing of the image's is copied into it.
    async fn hold(&self, role: &str, volume: &str, read_only: bool) -> Result<String, EngineError> {
        let name = format!("{}{role}.{volume}", self.prefix);
        let mount = Mount {
            typ: Some(MountType::VOLUME),
            source: Some(volume.to_owned()),
            target: Some(PLACE.to_owned()),
            read_only: Some(read_only),
            volume_options: Some(MountVolumeOptions {
                no_copy: Some(true),
                ..MountVolumeOptions::default()
            }),
            ..Mount::default()
        };
        self.create(&name, vec![mount]).await?;
        Ok(name)
    }

    async fn create(&self, name: &str, mounts: Vec<Mount>) -> Result<(), EngineError> {
        let body = ContainerCreateBody {
            image: Some(self.image()),
            cmd: Some(vec!["never started".to_owned()]),
            host_config: Some(HostConfig {
                mounts: Some(mounts),
                network_mode: Some("none".to_owned()),
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        };
        let created = self.engine.create_container(name, None, body).await;
        created.map(drop)
    }
}

fn context() -> std::io::Result<Bytes> {
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(DOCKERFILE.len() as u64);
    header.set_mode(0o644);
    tar.append_data(&mut header, "Dockerfile", DOCKERFILE)?;
    Ok(tar.into_inner()?.into())
}

/// A volume like another one, under another name and with other labels.
pub(super) fn like(
    volume: &Volume,
    name: &str,
    labels: impl IntoIterator<Item = (String, String)>,
) -> VolumeCreateRequest {
    let options = volume.options.clone().into_iter();
    VolumeCreateRequest {
        name: Some(name.to_owned()),
        driver: Some(volume.driver.clone()).filter(|driver| !driver.is_empty()),
        driver_opts: (!volume.options.is_empty()).then(|| options.collect()),
        labels: Some(labels.into_iter().collect()),
        ..VolumeCreateRequest::default()
    }
}
