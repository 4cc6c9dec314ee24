//! `up`: look, plan, do.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio_util::sync::CancellationToken;

use super::changes::{Changes, changes};
use super::lock::Lock;
use super::{
    Error, Target, check_services, finished, images_of, left_behind, loss, ports, scaled, unnamed,
};
use crate::engine::{Container, Engine, Filter, Reads};
use crate::event::Sink;
use crate::execute::observe::observe;
use crate::execute::{Options, Patience, Probe, execute};
use crate::plan::containers::Recreate;
use crate::plan::converge;
use crate::plan::images::{self, BuildPolicy};
use crate::plan::renewal::converge_anew;
use crate::plan::request::Names;
use crate::plan::seal::Seal;
use crate::plan::{Observed, Operation, Plan, labels, naming};
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
    /// How the project's lock is taken.
    pub lock: Lock,
    /// Either all that is new becomes ready, or everything is put back.
    pub atomic: bool,
    /// The plan that is to be carried out, and no other.
    pub sealed: Option<Seal>,
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
            trial: false,
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

/// A plan with what is told of it.
#[derive(Debug, Clone)]
pub struct Explained {
    /// The plan.
    pub plan: Plan,
    /// What differs about each container that it replaces.
    pub changes: Changes,
    /// What it was made from.
    pub observed: Observed,
    /// What it stands on.
    pub seal: Seal,
}

/// The same, with all that is told of it.
pub async fn plan_explained(
    reads: &dyn Reads,
    project: &Project,
    options: &UpOptions,
) -> Result<Explained, Error> {
    let (plan, observed) = planned(reads, project, options).await?;
    let changes = changes(reads, project, &plan, &observed).await?;
    let seal = Seal::of(&as_asked(project, options)?, &observed, &plan);
    Ok(Explained {
        plan,
        changes,
        observed,
        seal,
    })
}

/// The same, with what it was made from.
pub(super) async fn planned(
    reads: &dyn Reads,
    project: &Project,
    options: &UpOptions,
) -> Result<(Plan, Observed), Error> {
    planned_as(reads, project, options, &options.converge()).await
}

/// What a trial of `up --atomic` would do; the same.
pub(super) async fn trial(
    reads: &dyn Reads,
    project: &Project,
    options: &UpOptions,
) -> Result<(Plan, Observed), Error> {
    let trial = converge::Options {
        trial: true,
        ..options.converge()
    };
    planned_as(reads, project, options, &trial).await
}

async fn planned_as(
    reads: &dyn Reads,
    project: &Project,
    options: &UpOptions,
    converging: &converge::Options,
) -> Result<(Plan, Observed), Error> {
    check_services(project, &options.services)?;
    let project = as_asked(project, options)?;
    let may_be_lost = |volume: &str| options.may_lose(&project.name, volume);
    let mut looks = 0;
    loop {
        let observed = look(reads, &project, options.now).await?;
        let mut plan = converge_anew(&project, &observed, converging, &may_be_lost)?;
        let names = names_taken(reads, &plan, &observed).await?;
        looks += 1;
        if names.is_empty() {
            left_behind::notice(reads, &project, &observed, &mut plan, &options.host).await?;
            let ((), notices) = tokio::try_join!(
                ports::check(reads, &project, &plan, &options.host),
                unnamed::notices(reads, &plan, &observed),
            )?;
            plan.warnings.extend(notices);
            check_seal(options, &Seal::of(&project, &observed, &plan))?;
            return Ok((plan, observed));
        }
        if looks == LOOKS || !names.iter().all(|it| belongs_to(&project.name, it)) {
            return Err(not_free(&project.name, &names));
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// A plan that was written down is carried out as it was, or not at all.
fn check_seal(options: &UpOptions, now: &Seal) -> Result<(), Error> {
    let moved = options.sealed.as_ref().map(|sealed| sealed.moved(now));
    let moved = moved.unwrap_or_default();
    if moved.is_empty() {
        return Ok(());
    }
    Err(Error::refused(
        format!(
            "the plan cannot be carried out any more: {}",
            moved.join("; ")
        ),
        Some("make a new one with `rcompose plan -o FILE`".to_owned()),
    ))
}

/// The project with what flags say over what the files do.
fn as_asked(project: &Project, options: &UpOptions) -> Result<Project, Error> {
    let mut project = scaled(project, &options.scale)?;
    if let Some(policy) = &options.pull {
        for service in project.services.values_mut() {
            service.pull_policy = Some(policy.clone());
        }
    }
    Ok(project)
}

/// So often is looked again when the project's containers change while they are looked at.
const LOOKS: usize = 20;
/// So long in between.
const AGAIN: Duration = Duration::from_millis(100);

/// Whether a container that was not there when it was looked is the project's own: another tool is
/// at work, or the engine carries out the last calls of a run that was killed.
fn belongs_to(project: &str, container: &Container) -> bool {
    container.labels.get(labels::PROJECT).map(String::as_str) == Some(project)
}

/// Who has the names that new containers are to have: found before anything is done. Costs a call,
/// and only where containers get names.
async fn names_taken(
    reads: &dyn Reads,
    plan: &Plan,
    observed: &Observed,
) -> Result<Vec<Container>, Error> {
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
        return Ok(Vec::new());
    }
    let filter = Filter {
        names: names.into_iter().cloned().collect(),
        ..Filter::default()
    };
    let found = reads.containers(&filter).await;
    found.map_err(Error::engine("look at the engine"))
}

fn not_free(project: &str, found: &[Container]) -> Error {
    let strangers = found.iter().filter(|it| !belongs_to(project, it));
    let mut names: Vec<&str> = strangers.map(|it| it.name.as_str()).collect();
    if names.is_empty() {
        names.extend(found.iter().map(|it| it.name.as_str()));
    }
    let in_use = if names.len() == 1 {
        "is in use by a container that does not belong to it"
    } else {
        "are in use by containers that do not belong to it"
    };
    let first = names.first().copied().unwrap_or_default();
    Error::Refused {
        message: format!(
            "project {project} cannot have all its container names; {} {in_use}",
            names.join(", ")
        ),
        help: vec![
            format!("rename or remove what is in the way: docker rename {first} other-name"),
            "or give the service another `container_name`".to_owned(),
        ],
    }
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
    let name = &project.name;
    let look = || plan(engine, project, options).boxed();
    let has_steps = |plan: &Plan| !plan.is_empty();
    let (plan, held) = tokio::select! {
        planned = options.lock.planned(engine, name, events, &look, has_steps) => planned?,
        () = cancel.cancelled() => return Err(Error::Interrupted),
    };
    if options.atomic {
        let doing = (options, held);
        let all = super::atomic::up(engine, project, doing, &plan, cancel, events);
        return all.boxed().await;
    }
    let plan = Arc::new(plan);
    let execution = Options {
        cancel: cancel.clone(),
        attach: None,
        probe: options.probe,
        patience: Patience::of_seconds(options.wait_timeout),
    };
    let execution = execute(engine, &plan, &execution, events);
    finished(&held.during(execution).await)
}
