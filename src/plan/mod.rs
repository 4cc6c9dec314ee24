//! What has to be done: a graph of steps, each with its cause. Pure: desired state and observed
//! state in, plan out.
//!
//! A plan is the whole operation. Networks, volumes, pulls, builds, creates, starts, waits, stops,
//! removals and renames are all steps, and a step may run as soon as the steps it names in
//! [`Step::after`] are done. Steps carry complete requests, so that whoever executes a plan
//! decides nothing. What a plan does not know is written down as a condition: a container whose
//! image is being rebuilt is replaced [only if](Step::only_if) the image turns out to have moved.
//!
//! Nothing here talks to an engine, looks at a clock or asks a question.

use std::collections::BTreeSet;
use std::fmt;

use bollard::models::{
    ContainerCreateBody, EndpointSettings, NetworkCreateRequest, VolumeCreateRequest,
};

pub use crate::project::content::InjectedFile;
use crate::project::service::build::{self, Build};
pub use crate::project::service::depends_on::Condition;

pub mod atomic;
pub mod containers;
pub mod converge;
pub mod doctor;
pub mod hooks;
pub mod images;
pub mod labels;
pub mod naming;
pub mod observed;
pub mod renewal;
pub mod reported;
pub mod request;
pub mod resources;
pub mod seal;
pub mod signals;
pub mod start;
pub mod teardown;
pub mod unnamed;

pub use observed::Observed;

/// Number of a step within its plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepId(pub usize);

/// Steps and their order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// The steps; each comes after those it waits for.
    pub steps: Vec<Step>,
    /// Containers that are as wanted and stay untouched.
    pub untouched: Vec<String>,
    /// What the user should know, one sentence each.
    pub warnings: Vec<String>,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// What to do.
    pub operation: Operation,
    /// Why.
    pub cause: Cause,
    /// The service it is done for.
    pub service: Option<String>,
    /// What must be done before.
    pub after: Vec<StepId>,
    /// When not empty, the step is done only if one of these images has moved by then.
    pub only_if: Vec<ImageMoved>,
}

/// An image that may turn out to be another one than a container was made of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ImageMoved {
    /// Name of the image.
    pub reference: String,
    /// Id that the container was made of.
    pub from: String,
}

/// One thing that an engine can be asked to do, with everything that the request needs.
#[derive(Debug, Clone, PartialEq)]
pub enum Operation {
    /// Make a network.
    CreateNetwork(Box<NetworkCreateRequest>),
    /// Remove a network.
    RemoveNetwork {
        /// Its name.
        name: String,
        /// Failing is an error; otherwise one that is still in use stays, with a warning.
        required: bool,
    },
    /// Connect a container to a network; one that is connected already stays so.
    ConnectNetwork {
        /// The network's name.
        network: String,
        /// The container's name.
        name: String,
        /// Names, addresses and options there.
        endpoint: Box<EndpointSettings>,
    },
    /// Take a container that does not run out of a network.
    DisconnectNetwork {
        /// The network's name.
        network: String,
        /// The container's name.
        name: String,
    },
    /// Make a volume.
    CreateVolume(Box<VolumeCreateRequest>),
    /// Remove a volume and what is in it.
    RemoveVolume {
        /// Its name.
        name: String,
    },
    /// Fetch an image.
    PullImage {
        /// Its name.
        reference: String,
        /// `os/arch`.
        platform: Option<String>,
        /// It can be built when it cannot be pulled: failing is no failure.
        optional: bool,
    },
    /// Make an image.
    BuildImage(Box<BuildImage>),
    /// Remove an image's name.
    RemoveImage {
        /// Its name.
        reference: String,
    },
    /// Make a container.
    CreateContainer(Box<CreateContainer>),
    /// Put files into a container that was made and never started, lest the run that made it was
    /// killed before it could.
    PutFiles {
        /// Its name.
        name: String,
        /// The files.
        files: Vec<InjectedFile>,
    },
    /// Make a container, run it to its end and remove it; one that fails stays.
    RunContainer(Box<CreateContainer>),
    /// Run a command of the service inside a container.
    RunHook(Box<hooks::RunHook>),
    /// Start a container.
    StartContainer {
        /// Its name.
        name: String,
    },
    /// Stop a container.
    StopContainer {
        /// Its name.
        name: String,
        /// Seconds until it is killed; the container's own when absent.
        timeout: Option<i32>,
    },
    /// Stop and start a container.
    RestartContainer {
        /// Its name.
        name: String,
        /// Seconds until it is killed; the container's own when absent.
        timeout: Option<i32>,
    },
    /// Send a signal.
    KillContainer {
        /// Its name.
        name: String,
        /// `SIGKILL`, …
        signal: String,
    },
    /// Freeze a container.
    PauseContainer {
        /// Its name.
        name: String,
    },
    /// Let a frozen container go on.
    UnpauseContainer {
        /// Its name.
        name: String,
    },
    /// Remove a container.
    RemoveContainer {
        /// Its name.
        name: String,
        /// With its anonymous volumes.
        volumes: bool,
    },
    /// Give a container its final name.
    RenameContainer {
        /// Name so far.
        from: String,
        /// Name from now on.
        to: String,
    },
    /// Wait until a service's containers are in a condition.
    Wait {
        /// Their names.
        containers: Vec<String>,
        /// What is waited for.
        goal: Goal,
        /// Failing to get there is an error; otherwise a warning.
        required: bool,
    },
}

/// What a wait waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Goal {
    /// What a dependent asks for.
    Condition(Condition),
    /// What `--wait` asks for: running for good and, where there is a health check, healthy; or
    /// done, when it ended well and is not to be started again.
    Ready,
}

impl Goal {
    /// The specification's word, or `ready`.
    pub fn word(self) -> &'static str {
        match self {
            Goal::Condition(condition) => condition.word(),
            Goal::Ready => "ready",
        }
    }
}

/// How to make an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildImage {
    /// The service's build section.
    pub build: Build,
    /// Every name that the image gets, the service's own first.
    pub tags: Vec<String>,
    /// Platform, when the service asks for one.
    pub platform: Option<String>,
    /// Build only when no image of the first name is there by then (a pull was tried first).
    pub only_if_missing: bool,
}

impl BuildImage {
    /// Whether the context is an address that the engine fetches, not a folder.
    pub fn is_remote(&self) -> bool {
        build::is_remote(&self.build.context)
    }
}

/// How to make a container.
#[derive(Debug, Clone, PartialEq)]
pub struct CreateContainer {
    /// Name it is made with: its final one, or a temporary one while an older container has that.
    pub name: String,
    /// `os/arch`.
    pub platform: Option<String>,
    /// The request.
    pub body: ContainerCreateBody,
    /// Networks to connect to after making it, on engines that take only one in the request.
    pub connect: Vec<(String, EndpointSettings)>,
    /// Files to put into it before it starts.
    pub files: Vec<InjectedFile>,
    /// Volumes of the container it replaces.
    pub inherit: Vec<InheritedMount>,
    /// Write the image's id into the label at the time of making, because it is not known yet.
    pub stamp_image: bool,
}

/// An unnamed volume of a container that is replaced, to be mounted in its successor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InheritedMount {
    /// Name of the volume.
    pub volume: String,
    /// Where it is mounted.
    pub target: String,
    /// Mounted without the right to write.
    pub read_only: bool,
}

/// Why a step is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// It does not exist.
    Missing,
    /// It exists and does not run.
    NotRunning,
    /// These attributes differ from what the container was made with.
    ConfigChanged(Vec<String>),
    /// The configuration differs, in what cannot be told (another tool stored one hash only).
    ConfigDiffers,
    /// The image of that name is another one now.
    ImageChanged {
        /// Id it was made of.
        from: String,
        /// Id it would be made of now.
        to: String,
    },
    /// The image of that name may become another one in this plan.
    ImageMayChange,
    /// The container whose namespace or volumes it shares is replaced.
    ParentRecreated(String),
    /// It asked to be restarted along with this service.
    DependencyRestarted(String),
    /// It is not connected to this network.
    NetworkMissing(String),
    /// This network, which it is connected to, is made anew.
    NetworkRenewed(String),
    /// The network of its key has this name now.
    Renamed(String),
    /// It does not mount this volume.
    VolumeMissing(String),
    /// There are more than asked for.
    ScaledDown,
    /// Nobody in the files speaks of its service.
    Orphan,
    /// The user said so; the flag or command.
    Asked(&'static str),
    /// Another step needs it; the service that does.
    NeededBy(String),
    /// A replacement's natural step.
    Replacement,
}

/// What a step acts on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A network.
    Network,
    /// A volume.
    Volume,
    /// An image.
    Image,
    /// A container.
    Container,
}

impl Kind {
    /// `Container`, as progress lines begin.
    pub fn title(self) -> &'static str {
        match self {
            Kind::Network => "Network",
            Kind::Volume => "Volume",
            Kind::Image => "Image",
            Kind::Container => "Container",
        }
    }
}

impl Operation {
    /// What it acts on, for grouping.
    pub fn kind(&self) -> Kind {
        match self {
            Operation::CreateNetwork(_) | Operation::RemoveNetwork { .. } => Kind::Network,
            Operation::CreateVolume(_) | Operation::RemoveVolume { .. } => Kind::Volume,
            Operation::PullImage { .. }
            | Operation::BuildImage(_)
            | Operation::RemoveImage { .. } => Kind::Image,
            _ => Kind::Container,
        }
    }

    /// The name of what it acts on. A replacement under a temporary name answers its final one,
    /// so that all steps of one replacement belong together.
    pub fn name(&self) -> &str {
        match self {
            Operation::CreateNetwork(body) => &body.name,
            Operation::CreateVolume(body) => body.name.as_deref().unwrap_or_default(),
            Operation::PullImage { reference, .. } | Operation::RemoveImage { reference } => {
                reference
            }
            Operation::BuildImage(build) => build.tags.first().map_or("", String::as_str),
            Operation::CreateContainer(create) => naming::final_name(&create.name),
            Operation::Wait { containers, .. } => containers.first().map_or("", String::as_str),
            Operation::RenameContainer { to, .. } => naming::final_name(to),
            Operation::RunContainer(create) => &create.name,
            Operation::RunHook(hook) => &hook.container,
            Operation::RemoveNetwork { name, .. }
            | Operation::ConnectNetwork { name, .. }
            | Operation::DisconnectNetwork { name, .. }
            | Operation::RemoveVolume { name }
            | Operation::PutFiles { name, .. }
            | Operation::StartContainer { name }
            | Operation::StopContainer { name, .. }
            | Operation::RestartContainer { name, .. }
            | Operation::KillContainer { name, .. }
            | Operation::PauseContainer { name }
            | Operation::UnpauseContainer { name }
            | Operation::RemoveContainer { name, .. } => name,
        }
    }

    /// The verb, in the infinitive.
    pub fn verb(&self) -> &'static str {
        match self {
            Operation::CreateNetwork(_)
            | Operation::CreateVolume(_)
            | Operation::CreateContainer(_) => "create",
            Operation::RemoveNetwork { .. }
            | Operation::RemoveVolume { .. }
            | Operation::RemoveImage { .. }
            | Operation::RemoveContainer { .. } => "remove",
            Operation::ConnectNetwork { .. } => "connect",
            Operation::DisconnectNetwork { .. } => "disconnect",
            Operation::PullImage { .. } => "pull",
            Operation::BuildImage(_) => "build",
            Operation::PutFiles { .. } => "put files into",
            Operation::RunContainer(_) => "run",
            Operation::RunHook(_) => "run hook in",
            Operation::StartContainer { .. } => "start",
            Operation::StopContainer { .. } => "stop",
            Operation::RestartContainer { .. } => "restart",
            Operation::KillContainer { .. } => "kill",
            Operation::PauseContainer { .. } => "pause",
            Operation::UnpauseContainer { .. } => "unpause",
            Operation::RenameContainer { .. } => "rename",
            Operation::Wait { .. } => "wait for",
        }
    }
}

impl Plan {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Adds a step and answers its number.
    pub fn add(&mut self, step: Step) -> StepId {
        debug_assert!(
            step.after.iter().all(|before| before.0 < self.steps.len()),
            "a step waits for earlier ones"
        );
        self.steps.push(step);
        StepId(self.steps.len() - 1)
    }

    /// The numbers of all steps.
    pub fn ids(&self) -> impl Iterator<Item = StepId> + use<> {
        (0..self.steps.len()).map(StepId)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::Missing => f.write_str("missing"),
            Cause::NotRunning => f.write_str("not running"),
            Cause::ConfigChanged(attributes) => write!(f, "changed: {}", attributes.join(", ")),
            Cause::ConfigDiffers => f.write_str("configuration differs"),
            Cause::ImageChanged { from, to } => {
                write!(f, "image changed: {} → {}", short(from), short(to))
            }
            Cause::ImageMayChange => f.write_str("if its image changes"),
            Cause::ParentRecreated(service) => {
                write!(f, "shares with {service}, which is replaced")
            }
            Cause::DependencyRestarted(service) => write!(f, "restarts along with {service}"),
            Cause::NetworkMissing(name) => write!(f, "not connected to {name}"),
            Cause::NetworkRenewed(name) => write!(f, "network {name} is made anew"),
            Cause::Renamed(name) => write!(f, "its name is {name} now"),
            Cause::VolumeMissing(name) => write!(f, "does not mount {name}"),
            Cause::ScaledDown => f.write_str("more than asked for"),
            Cause::Orphan => f.write_str("orphan: in no file"),
            Cause::Asked(what) => f.write_str(what),
            Cause::NeededBy(service) => write!(f, "needed by {service}"),
            Cause::Replacement => f.write_str("replacement"),
        }
    }
}

/// The first 12 digits of an id, without the algorithm.
pub fn short(id: &str) -> &str {
    let digits = id.strip_prefix("sha256:").unwrap_or(id);
    digits.get(..12).unwrap_or(digits)
}

impl fmt::Display for Plan {
    /// One line a step: number, verb, kind, name, cause, and the steps it waits for.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what: Vec<String> = self.steps.iter().map(describe).collect();
        let width = what
            .iter()
            .map(|text| text.chars().count())
            .max()
            .unwrap_or_default();
        let causes: Vec<String> = self.steps.iter().map(cause_and_condition).collect();
        let cause_width = causes
            .iter()
            .map(|text| text.chars().count())
            .max()
            .unwrap_or_default();
        for (index, step) in self.steps.iter().enumerate() {
            let after: Vec<String> = step.after.iter().map(|id| (id.0 + 1).to_string()).collect();
            let line = format!(
                "{:>3}  {:width$}  {:cause_width$}  {}",
                index + 1,
                what[index],
                causes[index],
                if after.is_empty() {
                    String::new()
                } else {
                    format!("after {}", after.join(", "))
                }
            );
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// `replacement, if demo-web changes`.
fn cause_and_condition(step: &Step) -> String {
    let images: Vec<&str> = step
        .only_if
        .iter()
        .map(|moved| moved.reference.as_str())
        .collect();
    match (&step.cause, images.join(" or ")) {
        (cause, images) if images.is_empty() => cause.to_string(),
        (Cause::ImageMayChange, images) => format!("if {images} changes"),
        (cause, images) => format!("{cause}, if {images} changes"),
    }
}

/// ` with configs.app, secrets.token`.
fn with_files(files: &[InjectedFile]) -> String {
    let sources: BTreeSet<&str> = files.iter().map(|file| file.source.as_str()).collect();
    let sources: Vec<&str> = sources.into_iter().collect();
    if sources.is_empty() {
        String::new()
    } else {
        format!(" with {}", sources.join(", "))
    }
}

/// `create container demo-web-1`, with what makes the step special.
pub fn describe(step: &Step) -> String {
    let operation = &step.operation;
    let kind = operation.kind().title().to_lowercase();
    let detail = match operation {
        Operation::CreateContainer(create) if create.name != naming::final_name(&create.name) => {
            format!(" as {}{}", create.name, with_files(&create.files))
        }
        Operation::RenameContainer { from, to } if naming::final_name(to) == to => {
            format!(" from {from}")
        }
        Operation::RenameContainer { to, .. } => format!(" out of the way, to {to}"),
        Operation::Wait {
            containers,
            goal,
            required,
        } => {
            let mut detail = String::new();
            for other in containers.iter().skip(1) {
                detail += ", ";
                detail += other;
            }
            let optional = if *required { "" } else { " (optional)" };
            detail + ": " + goal.word() + optional
        }
        Operation::KillContainer { signal, .. } if signal != "SIGKILL" => format!(" with {signal}"),
        Operation::ConnectNetwork { network, .. } => format!(" to {network}"),
        Operation::DisconnectNetwork { network, .. } => format!(" from {network}"),
        Operation::RemoveContainer { volumes: true, .. } => " and its anonymous volumes".to_owned(),
        Operation::CreateContainer(create) | Operation::RunContainer(create) => {
            with_files(&create.files)
        }
        Operation::PutFiles { files, .. } => with_files(files),
        Operation::RunHook(hook) => format!(": {}", hook.title()),
        Operation::BuildImage(build) if build.only_if_missing => {
            " unless it could be pulled".to_owned()
        }
        _ => String::new(),
    };
    format!("{} {kind} {}{detail}", operation.verb(), operation.name())
}
