//! `up`: look, plan, do.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::{
    Error, Target, check_services, finished, images_of, left_behind, loss, ports, scaled, unnamed,
};
use crate::engine::{Engine, Filter, Reads};
use crate::event::Sink;
use crate::execute::observe::observe;
use crate::execute::{Options, Patience, Probe, execute};
use crate::plan::containers::Recreate;
use crate::plan::converge;
use crate::plan::images::{self, BuildPolicy};
use crate::plan::renewal::converge_anew;
use crate::plan::request::Names;
use crate::plan::{Observed, Operation, Plan, naming};
use crate::project::{Project, Service, hash};

pub use super::attached::{Abort, Attachment, attached};
pub use super::ports::Host;

/// What `up` is asked for.
#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "one for each flag")]
pub struct UpOptions {
    /// Services; all when empty.
    pub services: Vec<String>,
    /// Leave the dependencies of the named services alone.
    pub no_dependencies: bool,
    /// When containers are replaced.
    pub recreate: Recreate,
    /// When the containers of dependencies are.
    pub recreate_dependencies: Recreate,
    /// Give replacements new anonymous volumes.
    pub renew_anonymous_volumes: bool,
    /// Remove containers of services that are in no file.
    pub remove_orphans: bool,
    /// Say nothing about orphans.
    pub ignore_orphans: bool,
    /// Containers of each service, over what the files say.
    pub scale: BTreeMap<String, u32>,
    /// Seconds until a container that has to stop is killed.
    pub timeout: Option<i32>,
    /// When images are built.
    pub build: BuildPolicy,
    /// Make containers without starting them.
    pub no_start: bool,
    /// What every service's `pull_policy` is instead of its own.
    pub pull: Option<String>,
    /// The moment, in unix seconds: images that are to be refreshed grow old by it.
    pub now: i64,
    /// Wait until everything is ready.
    pub wait: bool,
    /// Seconds that all waiting together may take.
    pub wait_timeout: Option<u64>,
    /// Whose output is shown when it stays, and whose end ends all.
    pub attachment: Attachment,
    /// Whether health tests are run while something waits for them.
    pub probe: Probe,
    /// This machine: whose ports are taken, which folders are there.
    pub host: Host,
    /// Volumes whose data may be lost, by key or name; `all` is every one.
    pub may_be_lost: Vec<String>,
}

impl UpOptions {
    fn may_lose(&self, project: &str, volume: &str) -> bool {
        loss::is_allowed(&self.may_be_lost, project, volume)
    }

    fn converge(&self) -> converge::Options {
        converge::Options {
            services: self.services.clone(),
            no_dependencies: self.no_dependencies,
            recreate: self.recreate,
            recreate_dependencies: self.recreate_dependencies,
            renew_anonymous_volumes: self.renew_anonymous_volumes,
            remove_orphans: self.remove_orphans,
            ignore_orphans: self.ignore_orphans,
            no_start: self.no_start,
            timeout: self.timeout,
            build: self.build,
            wait: self.wait,
        }
    }
}

/// What `up` would do.
pub async fn plan(
    reads: &dyn Reads,
    project: &Project,
    options: &UpOptions,
) -> Result<Plan, Error> {
    Ok(planned(reads, project, options).await?.0)
}

/// The same, with what it was made from.
pub(super) async fn planned(
    reads: &dyn Reads,
    project: &Project,
    options: &UpOptions,
) -> Result<(Plan, Observed), Error> {
    check_services(project, &options.services)?;
    let mut project = scaled(project, &options.scale)?;
    if let Some(policy) = &options.pull {
        for service in project.services.values_mut() {
            service.pull_policy = Some(policy.clone());
        }
    }
    let observed = look(reads, &project, options.now).await?;
    let may_be_lost = |volume: &str| options.may_lose(&project.name, volume);
    let mut plan = converge_anew(&project, &observed, &options.converge(), &may_be_lost)?;
    left_behind::notice(reads, &project, &observed, &mut plan, &options.host).await?;
    let ((), (), notices) = tokio::try_join!(
        check_names(reads, &project.name, &plan, &observed),
        ports::check(reads, &project, &plan, &options.host),
        unnamed::notices(reads, &plan, &observed),
    )?;
    plan.warnings.extend(notices);
    Ok((plan, observed))
}

/// A name that a new container is to have, and somebody outside the project has, is found before
/// anything is done. Costs a call, and only where containers get names.
async fn check_names(
    reads: &dyn Reads,
    project: &str,
    plan: &Plan,
    observed: &Observed,
) -> Result<(), Error> {
    let own = |name: &str| observed.containers.iter().any(|it| it.name == name);
    let taken = plan.steps.iter().filter_map(|step| match &step.operation {
        Operation::CreateContainer(create) => Some(&create.name),
        Operation::RenameContainer { to, .. } => Some(to),
        _ => None,
    });
    let names: BTreeSet<&String> = taken
        .filter(|name| naming::final_name(name) == *name && !own(name))
        .collect();
    if names.is_empty() {
        return Ok(());
    }
    let filter = Filter {
        names: names.into_iter().cloned().collect(),
        ..Filter::default()
    };
    let found = reads.containers(&filter).await;
    let found = found.map_err(Error::engine("look at the engine"))?;
    let names: Vec<&str> = found.iter().map(|it| it.name.as_str()).collect();
    let [first, ..] = names.as_slice() else {
        return Ok(());
    };
    let in_use = if names.len() == 1 {
        "is in use by a container that does not belong to it"
    } else {
        "are in use by containers that do not belong to it"
    };
    Err(Error::Refused {
        message: format!(
            "project {project} cannot have all its container names; {} {in_use}",
            names.join(", ")
        ),
        help: vec![
            format!("rename or remove what is in the way: docker rename {first} other-name"),
            "or give the service another `container_name`".to_owned(),
        ],
    })
}

async fn look(reads: &dyn Reads, project: &Project, now: i64) -> Result<Observed, Error> {
    let mut scope = Target::Files(project).scope();
    scope.images = images_of(&project.name, project.services.values());
    let hooks = project.services.values().flat_map(Service::hook_images);
    scope.images.extend(hooks.map(str::to_owned));
    scope.now = now;
    let names = Names::of(project).networks;
    scope.network_hashes = project
        .networks
        .iter()
        .filter_map(|(key, network)| {
            let name = names.get(key)?.clone();
            Some((name, hash::network(&project.name, key, network)))
        })
        .collect();
    let refreshed = project.services.values();
    let refreshed = refreshed.filter(|service| images::refresh_window(service).is_some());
    scope.refreshed = images_of(&project.name, refreshed);
    observe(reads, &scope)
        .await
        .map_err(Error::engine("look at the engine"))
}

/// Brings everything up and returns when all is started.
pub async fn up(
    engine: &dyn Engine,
    project: &Project,
    options: &UpOptions,
    cancel: &CancellationToken,
    events: &mut dyn Sink,
) -> Result<(), Error> {
    let plan = tokio::select! {
        plan = plan(engine, project, options) => Arc::new(plan?),
        () = cancel.cancelled() => return Err(Error::Interrupted),
    };
    let execution = Options {
        cancel: cancel.clone(),
        attach: None,
        probe: options.probe,
        patience: Patience::of_seconds(options.wait_timeout),
    };
    finished(&execute(engine, &plan, &execution, events).await)
}
