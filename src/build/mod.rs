//! A service's build section → an image.
//!
//! One function, [`build()`], stands between the rest of the program and the way an image is made.
//! Today that way is the engine's classic endpoint (`classic.rs`); another way in goes beside it and
//! leaves this interface as it is.
//!
//! Nothing here knows services, plans or the terminal: a [`Build`] comes in with absolute paths, a
//! few [`BuildEvent`]s and one outcome go out.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::engine::{Engine, EngineError};

mod classic;
pub mod context;
pub mod ignore;
mod nearest;
mod output;

/// What a service's build section asks for, paths absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    /// Where the files come from.
    pub context: Context,
    /// Where the instructions come from.
    pub dockerfile: Dockerfile,
    /// `ARG`s; a `None` value takes the Dockerfile's default.
    pub args: BTreeMap<String, Option<String>>,
    /// Labels on the image.
    pub labels: BTreeMap<String, String>,
    /// Names to tag the image with.
    pub tags: Vec<String>,
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

impl Build {
    /// A build of `context` by its `Dockerfile`, with nothing else asked for.
    pub fn new(context: Context) -> Build {
        Build {
            context,
            dockerfile: Dockerfile::default(),
            args: BTreeMap::new(),
            labels: BTreeMap::new(),
            tags: Vec::new(),
            target: None,
            network: None,
            no_cache: false,
            pull: false,
            extra_hosts: Vec::new(),
            cache_from: Vec::new(),
            shm_size: None,
            platform: None,
        }
    }
}

/// Where the files of a build come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Context {
    /// A folder on this machine, sent to the engine.
    Local(PathBuf),
    /// A git repository or an archive that the engine fetches, as written:
    /// `https://example.com/app.git#main:docker`.
    Remote(String),
}

/// Where the instructions of a build come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dockerfile {
    /// A file: relative to the context, or absolute; it may lie outside the context.
    Path(PathBuf),
    /// The text itself (`dockerfile_inline`).
    Inline(String),
}

impl Default for Dockerfile {
    fn default() -> Dockerfile {
        Dockerfile::Path(PathBuf::from(DEFAULT_DOCKERFILE))
    }
}

/// The Dockerfile's name when none is given.
pub const DEFAULT_DOCKERFILE: &str = "Dockerfile";

/// What happens while a build runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuildEvent {
    /// A line of output, without its line end. It may hold terminal escapes of the program that
    /// a `RUN` step started.
    Line(String),
    /// The context is with the engine.
    ContextSent {
        /// Files, folders and links.
        files: u64,
        /// Bytes of the archive they were sent in.
        bytes: u64,
    },
}

/// What a build made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// `sha256:…`.
    pub image_id: String,
}

/// Builds an image and answers when it is there and tagged.
///
/// Dropping the future ends the build: the engine stops when its client goes away.
pub async fn build(
    engine: &dyn Engine,
    build: &Build,
    events: &mut (dyn FnMut(BuildEvent) + Send),
) -> Result<Built, BuildError> {
    classic::build(engine, build, events).await
}

/// Why there is no image.
///
/// Messages read after "cannot build …:".
#[derive(Debug, Clone, thiserror::Error)]
pub enum BuildError {
    /// The context folder is not there.
    #[error("the context {} does not exist{}", path.display(), there_is(nearest.as_ref()))]
    ContextMissing {
        /// Where it should be.
        path: PathBuf,
        /// What is there instead and has nearly that name.
        nearest: Option<PathBuf>,
    },
    /// The context is a file.
    #[error("the context {} is not a folder", path.display())]
    ContextNotFolder {
        /// What it is.
        path: PathBuf,
    },
    /// The Dockerfile is not there.
    #[error("the Dockerfile {} does not exist{}", path.display(), there_is(nearest.as_ref()))]
    DockerfileMissing {
        /// Where it should be.
        path: PathBuf,
        /// What is there instead and has nearly that name.
        nearest: Option<PathBuf>,
    },
    /// A file or folder of the context cannot be read. Naming it in `.dockerignore` leaves it out.
    #[error("{} cannot be read: {reason}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// A file changed its size while it was being sent. Naming it in `.dockerignore` leaves it out.
    #[error("{} changed while it was being read", path.display())]
    Changed {
        /// Which.
        path: PathBuf,
    },
    /// A line of a `.dockerignore` file is no pattern.
    #[error("{}:{}: {}", path.display(), pattern.line, pattern)]
    BadIgnore {
        /// The file.
        path: PathBuf,
        /// The line and what is wrong with it.
        pattern: ignore::BadPattern,
    },
    /// Something is asked for that the classic endpoint cannot do.
    #[error("{what} needs BuildKit")]
    NeedsBuildKit {
        /// What is asked for.
        what: &'static str,
    },
    /// The engine read the Dockerfile or ran it and did not get to its end.
    #[error("{}{message}", in_step(step.as_deref()))]
    Failed {
        /// The step that failed, `Step 2/3 : RUN make`; none when it was the file as a whole.
        step: Option<String>,
        /// The engine's words.
        message: String,
        /// Exit code of the step's command, when that is what failed.
        code: Option<i64>,
        /// The last lines that the step printed.
        output: Vec<String>,
    },
    /// The engine did not do it for a reason that has nothing to do with the Dockerfile.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// ` (there is …)`, for messages about something missing.
fn there_is(nearest: Option<&PathBuf>) -> String {
    nearest.map_or_else(String::new, |path| {
        format!(" (there is {})", path.display())
    })
}

/// `Step 2/3 : RUN make: `, for messages about a step.
fn in_step(step: Option<&str>) -> String {
    step.map_or_else(String::new, |step| format!("{step}: "))
}
