//! Use cases: one file each, every one a straight line through the stages.
//!
//! They return data and send what happens to an event sink. They do not know arguments,
//! terminals or colours.

use std::collections::{BTreeMap, BTreeSet};

use crate::document::Diagnostic;
use crate::engine::EngineError;
use crate::execute::Execution;
use crate::execute::observe::Scope;
use crate::plan::request::Names;
use crate::project::{Project, Service};

mod atomic;
pub mod attached;
pub mod autopsy;
pub mod build;
pub mod changes;
pub mod doctor;
pub mod evidence;
mod left_behind;
pub mod lifecycle;
pub mod lock;
pub mod logs;
pub mod loss;
pub mod migrate;
pub mod ports;
pub mod ps;
pub mod rename;
mod unnamed;
pub mod up;
pub mod wait;

/// Why a use case did not do what it is for.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The files have problems, or ask for something that cannot be had here.
    #[error("{} problems in the Compose files", .0.len())]
    Files(Vec<Diagnostic>),
    /// A call to the engine failed outside any step.
    #[error("cannot {attempt}: {error}")]
    Engine {
        /// What was attempted.
        attempt: &'static str,
        /// Why it failed.
        error: EngineError,
    },
    /// A step failed; the events told which, and why.
    #[error("not everything was done")]
    Failed,
    /// What was asked for cannot be done as it was asked for.
    #[error("{message}")]
    Refused {
        /// One sentence.
        message: String,
        /// What to do instead, one entry a line.
        help: Vec<String>,
    },
    /// The user broke it off.
    #[error("interrupted")]
    Interrupted,
}

impl Error {
    /// For `map_err` on engine calls.
    pub(crate) fn engine(attempt: &'static str) -> impl Fn(EngineError) -> Error {
        move |error| Error::Engine { attempt, error }
    }

    /// A refusal with one line of advice.
    pub(crate) fn refused(message: impl Into<String>, help: Option<String>) -> Error {
        Error::Refused {
            message: message.into(),
            help: help.into_iter().collect(),
        }
    }
}

impl From<Vec<Diagnostic>> for Error {
    fn from(diagnostics: Vec<Diagnostic>) -> Error {
        Error::Files(diagnostics)
    }
}

/// How an execution's end reads as a result.
pub(crate) fn finished(execution: &Execution) -> Result<(), Error> {
    match execution {
        Execution::Complete => Ok(()),
        Execution::Failed => Err(Error::Failed),
        Execution::Cancelled => Err(Error::Interrupted),
    }
}

/// A project, by its files or by its name alone.
#[derive(Debug, Clone, Copy)]
pub enum Target<'a> {
    /// As its files describe it.
    Files(&'a Project),
    /// By what the engine has of it.
    Name(&'a str),
}

impl<'a> Target<'a> {
    /// The project's name.
    pub fn name(self) -> &'a str {
        match self {
            Target::Files(project) => &project.name,
            Target::Name(name) => name,
        }
    }

    /// The project, when its files are known.
    pub fn project(self) -> Option<&'a Project> {
        match self {
            Target::Files(project) => Some(project),
            Target::Name(_) => None,
        }
    }

    /// What to look at on the engine. Images are needed for planning only.
    pub(crate) fn scope(self) -> Scope {
        let mut scope = Scope {
            project: self.name().to_owned(),
            ..Scope::default()
        };
        if let Some(project) = self.project() {
            let names = Names::of(project);
            scope.networks = names.networks.into_values().collect();
            scope.volumes = names.volumes.into_values().collect();
        }
        scope
    }
}

/// Names of services, checked against the project: an unknown one is refused, with the nearest.
pub(crate) fn check_services(project: &Project, services: &[String]) -> Result<(), Error> {
    for name in services {
        if project.services.contains_key(name) {
            continue;
        }
        let known = project
            .services
            .keys()
            .chain(project.disabled.keys())
            .map(String::as_str);
        let near = crate::document::diagnostic::nearest(name, known);
        let help = near.map(|near| format!("did you mean `{near}`?"));
        return Err(Error::refused(format!("no such service: {name}"), help));
    }
    Ok(())
}

/// The images that services use, by the names that containers are made with.
pub(crate) fn images_of<'s>(
    project: &str,
    services: impl Iterator<Item = &'s Service>,
) -> BTreeSet<String> {
    services
        .map(|service| service.image_name(project))
        .collect()
}

/// The short name of a container in logs: without the project's.
pub fn display_name<'n>(project: &str, container: &'n str) -> &'n str {
    container
        .strip_prefix(project)
        .and_then(|rest| rest.strip_prefix('-'))
        .unwrap_or(container)
}

/// Where the output of containers goes.
pub trait Logs: Send {
    /// These containers' output will follow, and maybe that of others.
    fn attached(&mut self, containers: &[String]);

    /// A piece of output.
    fn output(&mut self, container: &str, output: &crate::engine::Output);

    /// A container ended; `restarting` when the engine starts it again.
    fn exited(&mut self, container: &str, code: i64, restarting: bool);

    /// Something that we have to say in between.
    fn message(&mut self, text: &str);
}

/// How many of each service are wanted, over what the files say.
pub(crate) fn scaled(project: &Project, scale: &BTreeMap<String, u32>) -> Result<Project, Error> {
    let mut project = project.clone();
    for (name, count) in scale {
        check_services(&project, std::slice::from_ref(name))?;
        let Some(service) = project.services.get_mut(name) else {
            continue;
        };
        if let (Some(container), 2..) = (&service.container_name, count) {
            let message = format!(
                "service {name} cannot have {count} containers: all would be named {container}"
            );
            return Err(Error::refused(
                message,
                Some("remove `container_name`".to_owned()),
            ));
        }
        service.scale = Some(i64::from(*count));
        if let Some(deploy) = &mut service.deploy {
            deploy.replicas = None;
        }
    }
    Ok(project)
}
