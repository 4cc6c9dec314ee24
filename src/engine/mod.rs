//! The only door to a container engine: what can be asked of it, what it answers, how it fails.
//!
//! Nothing here knows Compose. Labels are strings; there are no services, projects or plans.
//! Reading and writing are two traits, so that code which must not change anything (planning,
//! `ps`, `--dry-run`) is handed a [`Reads`] and cannot.
//!
//! Answers are structs of our own ([`wire`]) that tolerate what they do not know: an engine newer
//! than this program, or Podman, never makes a list fail. Requests are bollard's models, because
//! they are plain data and complete.

use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;

use async_trait::async_trait;
use bollard::models;
use bytes::Bytes;
use futures_util::Stream;

pub mod docker;
pub mod memory;
pub mod only_looking;
pub mod transport;
pub mod wire;

pub use crate::api_version::ApiVersion;
pub use wire::{Container, ContainerDetail, ContainerState, Event, Health, Image, Network, Volume};

/// A stream of answers that ends with the call.
pub type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, EngineError>> + Send>>;

/// What an engine says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineInfo {
    /// Address it was reached at, for messages.
    pub address: String,
    /// The API version that every request is made with: the lower of ours and the engine's.
    pub api: ApiVersion,
}

/// What program an engine is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EngineVersion {
    /// `Docker Engine - Community`, `Podman Engine`, …
    pub name: String,
    /// `20.10.24`.
    pub version: String,
    /// `linux/amd64`.
    pub platform: String,
}

/// Which objects a list should hold; every label must match (`key=value`, or `key` alone).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Labels that must all be there.
    pub labels: Vec<String>,
    /// Names, any of which may match exactly; empty means all.
    pub names: Vec<String>,
}

impl Filter {
    /// A filter on labels alone.
    pub fn labels<I, S>(labels: I) -> Filter
    where
        I: IntoIterator<Item = S>,
        S: Into<String>,
    {
        Filter {
            labels: labels.into_iter().map(Into::into).collect(),
            names: Vec::new(),
        }
    }
}

/// Where a piece of output came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// Standard output (everything, when the container has a terminal).
    Stdout,
    /// Standard error.
    Stderr,
}

/// A piece of output as the engine sent it: not necessarily whole lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Which of the two.
    pub channel: Channel,
    /// The bytes.
    pub bytes: Bytes,
}

/// Which part of a container's log is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogOptions {
    /// Stay and send what comes.
    pub follow: bool,
    /// Start each line with the engine's RFC 3339 timestamp and a space.
    pub timestamps: bool,
    /// The last so many lines; all when absent.
    pub tail: Option<u64>,
    /// Unix seconds, with fraction allowed (`1700000000.5`).
    pub since: Option<String>,
    /// Unix seconds, with fraction allowed.
    pub until: Option<String>,
}

/// Progress of a pull, push or build, as the engine words it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// Layer or step it belongs to, when the engine says.
    pub id: Option<String>,
    /// `Downloading`, `Pull complete`, a line of build output, …
    pub text: String,
    /// Bytes done.
    pub current: Option<u64>,
    /// Bytes in all.
    pub total: Option<u64>,
    /// The image id, on the message that announces it (builds).
    pub image_id: Option<String>,
    /// The digest (`sha256:…`), on the message that announces it (pulls and pushes).
    pub digest: Option<String>,
}

/// A build on the classic endpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BuildRequest {
    /// Path of the Dockerfile inside the context.
    pub dockerfile: String,
    /// A git repository or an archive that the engine fetches as the context (`remote=`); the
    /// tar stream that comes with the request is then empty.
    pub remote: Option<String>,
    /// Names to tag the image with.
    pub tags: Vec<String>,
    /// `ARG`s; a `None` value takes the Dockerfile's default.
    pub args: BTreeMap<String, Option<String>>,
    /// Labels on the image.
    pub labels: BTreeMap<String, String>,
    /// Stage to stop at.
    pub target: Option<String>,
    /// Network of `RUN` steps.
    pub network: Option<String>,
    /// Do not use the cache.
    pub no_cache: bool,
    /// Always try to pull newer base images.
    pub pull: bool,
    /// `host:ip` entries for `RUN` steps.
    pub extra_hosts: Vec<String>,
    /// Images to take cached layers from.
    pub cache_from: Vec<String>,
    /// Bytes of `/dev/shm` in `RUN` steps.
    pub shm_size: Option<i64>,
    /// `os/arch` to build for.
    pub platform: Option<String>,
}

/// Registry credentials, already encoded for the `X-Registry-Auth` header; never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct RegistryAuth(pub String);

impl fmt::Debug for RegistryAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RegistryAuth(…)")
    }
}

/// A command to run inside a container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exec {
    /// The command and its arguments.
    pub command: Vec<String>,
    /// As whom; the container's own user when absent.
    pub user: Option<String>,
    /// With (almost) everything that the host can do.
    pub privileged: bool,
    /// Folder that it starts in; the container's own when absent.
    pub working_dir: Option<String>,
    /// Variables (`KEY=value`) on top of the container's.
    pub environment: Vec<String>,
}

impl Exec {
    /// A command as the container itself would run it.
    pub fn of(command: &[String]) -> Exec {
        Exec {
            command: command.to_vec(),
            ..Exec::default()
        }
    }
}

/// What a command that ran inside a container left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecOutcome {
    /// Exit status.
    pub code: i64,
    /// Both channels, in order of arrival.
    pub output: Bytes,
}

/// Everything that only looks.
#[async_trait]
pub trait Reads: Send + Sync {
    /// Where the engine is and which API version is spoken. Costs one call, the first time only.
    async fn info(&self) -> Result<EngineInfo, EngineError>;

    /// What program the engine is.
    async fn version(&self) -> Result<EngineVersion, EngineError>;

    /// Containers in every state that match.
    async fn containers(&self, filter: &Filter) -> Result<Vec<Container>, EngineError>;

    /// One container by name or id; `None` when there is none.
    async fn container(&self, name: &str) -> Result<Option<ContainerDetail>, EngineError>;

    /// Networks that match.
    async fn networks(&self, filter: &Filter) -> Result<Vec<Network>, EngineError>;

    /// One network by name or id; `None` when there is none.
    async fn network(&self, name: &str) -> Result<Option<Network>, EngineError>;

    /// Volumes that match.
    async fn volumes(&self, filter: &Filter) -> Result<Vec<Volume>, EngineError>;

    /// One volume by name; `None` when there is none.
    async fn volume(&self, name: &str) -> Result<Option<Volume>, EngineError>;

    /// How many bytes each volume holds, as far as the engine knows. It may have to count them,
    /// which takes long where there are many files.
    async fn volume_sizes(&self) -> Result<BTreeMap<String, u64>, EngineError>;

    /// A file or folder of a container, whether it runs or not, as a tar stream. Its entries begin
    /// with the last segment of the path. Volumes that are mounted there are part of it.
    async fn get_archive(&self, name: &str, path: &str) -> Result<Answers<Bytes>, EngineError>;

    /// The images among `references` that are here, in one call: each answer lists the names
    /// (`repo:tag` and `repo@digest`) that it goes by. [`Image::volumes`] is not filled in.
    async fn images(&self, references: &[String]) -> Result<Vec<Image>, EngineError>;

    /// One image in full; `None` when it is not here.
    async fn image(&self, reference: &str) -> Result<Option<Image>, EngineError>;

    /// The digest that an image's registry has for a name, asked with the credentials that it
    /// wants if they are known.
    async fn registry_digest(&self, reference: &str) -> Result<String, EngineError>;

    /// A container's output from its log. Containers with a terminal answer on stdout alone.
    async fn logs(&self, name: &str, options: &LogOptions) -> Result<Answers<Output>, EngineError>;

    /// Container events from now on (or since a moment given as unix seconds, so that nothing
    /// between a list and this call is lost), of containers with the given labels.
    async fn events(
        &self,
        filter: &Filter,
        since: Option<String>,
    ) -> Result<Answers<Event>, EngineError>;
}

/// Everything that changes something. A thing that is already as wanted (started, stopped) is no error.
#[async_trait]
pub trait Engine: Reads {
    /// Whether nothing can be changed through it: a plan is told and not carried out.
    fn only_looks(&self) -> bool {
        false
    }

    /// Creates a container and answers its id.
    async fn create_container(
        &self,
        name: &str,
        platform: Option<&str>,
        body: models::ContainerCreateBody,
    ) -> Result<String, EngineError>;

    /// Starts a container.
    async fn start_container(&self, name: &str) -> Result<(), EngineError>;

    /// Stops a container; `timeout` in seconds before it is killed, the container's own (or the
    /// engine's 10) when absent. Answers when it is stopped, however long that takes.
    async fn stop_container(&self, name: &str, timeout: Option<i32>) -> Result<(), EngineError>;

    /// Stops and starts a container.
    async fn restart_container(&self, name: &str, timeout: Option<i32>) -> Result<(), EngineError>;

    /// Sends a signal, `SIGKILL` when absent.
    async fn kill_container(&self, name: &str, signal: Option<&str>) -> Result<(), EngineError>;

    /// Freezes a container's processes. One that is frozen already is a conflict, as is one that
    /// does not run.
    async fn pause_container(&self, name: &str) -> Result<(), EngineError>;

    /// Lets a frozen container go on. One that is not frozen is an error.
    async fn unpause_container(&self, name: &str) -> Result<(), EngineError>;

    /// Removes a container, with its anonymous volumes if asked. A container that is gone already
    /// is no error.
    async fn remove_container(
        &self,
        name: &str,
        force: bool,
        volumes: bool,
    ) -> Result<(), EngineError>;

    /// Gives a container another name.
    async fn rename_container(&self, name: &str, new_name: &str) -> Result<(), EngineError>;

    /// Attaches to a container's output, from now on. To be called before the start, so that
    /// nothing is lost; the stream ends with the container.
    async fn attach_container(&self, name: &str) -> Result<Answers<Output>, EngineError>;

    /// Waits until a container is not running and answers its exit code.
    async fn wait_container(&self, name: &str) -> Result<i64, EngineError>;

    /// Runs a command inside a running container and waits for it.
    async fn exec(&self, name: &str, exec: &Exec) -> Result<ExecOutcome, EngineError>;

    /// Unpacks a tar archive at a folder of a container, whether it runs or not. Entries get the
    /// owners that the archive says. A root that is read-only is refused, except for its volumes.
    async fn put_archive(&self, name: &str, folder: &str, tar: Bytes) -> Result<(), EngineError>;

    /// The same of an archive that comes bit by bit. When it breaks off, what has come is unpacked.
    async fn stream_archive(
        &self,
        name: &str,
        folder: &str,
        tar: Answers<Bytes>,
    ) -> Result<(), EngineError>;

    /// Creates a network and answers its id.
    async fn create_network(
        &self,
        body: models::NetworkCreateRequest,
    ) -> Result<String, EngineError>;

    /// Removes a network. One that is gone already is no error.
    async fn remove_network(&self, name: &str) -> Result<(), EngineError>;

    /// Connects a container to a network.
    async fn connect_network(
        &self,
        network: &str,
        container: &str,
        endpoint: models::EndpointSettings,
    ) -> Result<(), EngineError>;

    /// Disconnects a container from a network. One that is not connected is no error.
    async fn disconnect_network(
        &self,
        network: &str,
        container: &str,
        force: bool,
    ) -> Result<(), EngineError>;

    /// Creates a volume (or finds it: engines answer the existing one).
    async fn create_volume(&self, body: models::VolumeCreateRequest) -> Result<(), EngineError>;

    /// Removes a volume. One that is gone already is no error.
    async fn remove_volume(&self, name: &str, force: bool) -> Result<(), EngineError>;

    /// Pulls an image, with the credentials that the engine's registry wants if they are known. The
    /// stream must be read to its end; a failure may come as its last item.
    async fn pull_image(
        &self,
        reference: &str,
        platform: Option<&str>,
    ) -> Result<Answers<Progress>, EngineError>;

    /// Pushes an image. The stream must be read to its end; a failure may come as its last item.
    async fn push_image(&self, reference: &str) -> Result<Answers<Progress>, EngineError>;

    /// Gives an image another name (`repo:tag`).
    async fn tag_image(&self, reference: &str, name: &str) -> Result<(), EngineError>;

    /// Removes an image name, and the image with its last name. One that is gone is no error.
    async fn remove_image(&self, reference: &str, force: bool) -> Result<(), EngineError>;

    /// Builds an image from a tar stream. The stream of answers must be read to its end; a failure
    /// may come as its last item.
    async fn build_image(
        &self,
        request: &BuildRequest,
        context: Answers<Bytes>,
    ) -> Result<Answers<Progress>, EngineError>;
}

/// Why a call did not do what was asked.
///
/// Messages read after "cannot …:"; what was attempted, and on what, the caller knows and says.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EngineError {
    /// Nothing answers at the address.
    #[error("no container engine answers at {address}: {reason}")]
    Unreachable {
        /// Where it was looked for.
        address: String,
        /// What the system said.
        reason: String,
    },
    /// The address itself makes no sense.
    #[error("{address:?} is not an engine address: {reason}")]
    BadAddress {
        /// As given in `DOCKER_HOST`.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The engine is older than the oldest API that this program speaks.
    #[error("the engine at {address} speaks API {found} at most; {needed} or newer is needed")]
    TooOld {
        /// Where it is.
        address: String,
        /// What it speaks.
        found: ApiVersion,
        /// What is needed.
        needed: ApiVersion,
    },
    /// The object is not there.
    #[error("{0}")]
    NotFound(String),
    /// The object is in a state that does not allow it (name taken, still in use, not running).
    #[error("{0}")]
    Conflict(String),
    /// The engine refused for another reason; its own words.
    #[error("{message}")]
    Refused {
        /// HTTP status, 200 for a failure that came at the end of a stream.
        status: u16,
        /// The engine's words.
        message: String,
    },
    /// The connection broke or what came was not understood.
    #[error("the engine's answer was lost: {0}")]
    Broken(String),
}

impl EngineError {
    /// The same error with more of its reason, where it is the engine's refusal.
    #[must_use]
    fn with(self, more: &str) -> EngineError {
        match self {
            EngineError::NotFound(words) => EngineError::NotFound(words + more),
            EngineError::Conflict(words) => EngineError::Conflict(words + more),
            EngineError::Refused { status, message } => EngineError::Refused {
                status,
                message: message + more,
            },
            other => other,
        }
    }
}
