//! `stop`, `start`, `restart`, `kill`, `pause`, `unpause`, `rm`, `down`: what exists, run, stopped,
//! frozen or removed.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::FutureExt;

use super::lock::{Lock, Look};
use super::{Error, Target, check_services, finished, images_of};
use crate::engine::{Engine, Reads};
use crate::event::Sink;
use crate::execute::observe::observe;
use crate::execute::{Options, Patience, execute};
use crate::graph::Graph;
use crate::plan::teardown::{self, Farewell};
use crate::plan::{self, Observed, Operation, Plan, signals};
use crate::project::Project;

pub use crate::plan::signals::KillOptions;
pub use crate::plan::start::RestartOptions;
pub use crate::plan::teardown::{DownOptions, RemoveOptions, RemovedImages};

/// What `stop` is asked for.
#[derive(Debug, Clone, Default)]
pub struct StopOptions {
    /// Services; all when empty.
    pub services: Vec<String>,
    /// Seconds until a container is killed; its own when absent.
    pub timeout: Option<i32>,
}

/// What `start` is asked for.
#[derive(Debug, Clone, Default)]
pub struct StartOptions {
    /// Services; all when empty.
    pub services: Vec<String>,
    /// Wait until everything is ready.
    pub wait: bool,
    /// Seconds that all waiting together may take.
    pub wait_timeout: Option<u64>,
}

/// Stops containers, dependents first.
pub async fn stop(
    engine: &dyn Engine,
    target: Target<'_>,
    options: &StopOptions,
    lock: &Lock,
    events: &mut dyn Sink,
) -> Result<(), Error> {
    let (services, timeout) = (&options.services, options.timeout);
    carry_out(
        engine,
        target,
        services,
        (lock, events),
        |observed, farewell| teardown::stop(observed, farewell, services, timeout),
    )
    .await
}

/// Starts containers that exist, dependencies first, and waits for their conditions.
pub async fn start(
    engine: &dyn Engine,
    target: Target<'_>,
    options: &StartOptions,
    lock: &Lock,
    events: &mut dyn Sink,
) -> Result<(), Error> {
    let planned = || plan_start(engine, target, options).boxed();
    let patience = Patience::of_seconds(options.wait_timeout);
    run_locked(engine, target, (lock, events), patience, &planned).await
}

async fn plan_start(
    reads: &dyn Engine,
    target: Target<'_>,
    options: &StartOptions,
) -> Result<Plan, Error> {
    let services = &options.services;
    let project = target.project();
    let (observed, _) = look(reads, target, services).await?;
    if let Some(project) = project
        && let Some(missing) = without_container(project, &observed, services)
    {
        return Err(Error::refused(
            format!("service {missing} has no container to start"),
            Some("`rcompose up` makes one".to_owned()),
        ));
    }
    if let Target::Name(_) = target {
        refuse_what_is_not_there(target.name(), &observed, services)?;
    }
    let wait = options.wait;
    Ok(plan::start::start(project, &observed, services, wait))
}

/// Without files, what has no container is not known at all.
fn refuse_what_is_not_there(
    project: &str,
    observed: &Observed,
    services: &[String],
) -> Result<(), Error> {
    let replicas = observed.containers.iter().filter(|it| !it.one_off);
    let known: BTreeSet<&str> = replicas.map(|it| it.service.as_str()).collect();
    if known.is_empty() {
        return Err(Error::refused(
            format!("no container found for project \"{project}\""),
            Some("`rcompose up` makes them".to_owned()),
        ));
    }
    let unknown = services.iter().find(|name| !known.contains(name.as_str()));
    unknown.map_or(Ok(()), |name| {
        let near = crate::document::diagnostic::nearest(name, known.into_iter());
        let help = near.map(|near| format!("did you mean `{near}`?"));
        Err(Error::refused(format!("no such service: {name}"), help))
    })
}

/// A service that has to be started, by name or because another one needs it, and cannot.
fn without_container<'p>(
    project: &'p Project,
    observed: &Observed,
    services: &[String],
) -> Option<&'p str> {
    let graph = Graph::of(project);
    let mut ahead: Vec<&str> = project.services.keys().map(String::as_str).collect();
    ahead.retain(|name| services.is_empty() || services.iter().any(|it| it == name));
    let mut wanted: BTreeSet<&str> = BTreeSet::new();
    while let Some(name) = ahead.pop() {
        if wanted.insert(name) {
            let needed = graph.dependencies(name).into_iter();
            ahead.extend(needed.filter(|(_, it)| it.required).map(|(name, _)| name));
        }
    }
    let containers = &observed.containers;
    let exists = |name: &str| {
        containers
            .iter()
            .any(|it| it.service == name && !it.one_off)
    };
    let counts = |name: &str| {
        project
            .services
            .get(name)
            .is_some_and(|it| it.replicas() > 0)
    };
    wanted
        .into_iter()
        .find(|name| counts(name) && !exists(name))
}

/// Restarts containers, dependencies first, and what asked to be restarted along with them.
pub async fn restart(
    engine: &dyn Engine,
    target: Target<'_>,
    options: &RestartOptions,
    lock: &Lock,
    events: &mut dyn Sink,
) -> Result<(), Error> {
    let services = &options.services;
    carry_out(engine, target, services, (lock, events), |observed, _| {
        plan::start::restart(target.project(), observed, options)
    })
    .await
}

/// What `rm` would remove: names of containers.
pub async fn removable(
    reads: &dyn Reads,
    target: Target<'_>,
    options: &RemoveOptions,
) -> Result<Vec<String>, Error> {
    let (observed, farewell) = look(reads, target, &options.services).await?;
    let plan = teardown::remove(&observed, &farewell, options);
    let removed = plan
        .steps
        .into_iter()
        .filter_map(|step| match step.operation {
            Operation::RemoveContainer { name, .. } => Some(name),
            _ => None,
        });
    Ok(removed.collect())
}

/// Removes containers that do not run.
pub async fn remove(
    engine: &dyn Engine,
    target: Target<'_>,
    options: &RemoveOptions,
    lock: &Lock,
    events: &mut dyn Sink,
) -> Result<(), Error> {
    let services = &options.services;
    carry_out(
        engine,
        target,
        services,
        (lock, events),
        |observed, farewell| teardown::remove(observed, farewell, options),
    )
    .await
}

/// Sends a signal to what runs. Answers whether there was anything.
pub async fn kill(
    engine: &dyn Engine,
    target: Target<'_>,
    options: &KillOptions,
    events: &mut dyn Sink,
) -> Result<bool, Error> {
    let (observed, _) = look(engine, target, &options.services).await?;
    let plan = signals::kill(target.project(), &observed, options);
    let any = !plan.is_empty();
    run(engine, plan, events).await?;
    Ok(any)
}

/// Freezes what runs.
pub async fn pause(
    engine: &dyn Engine,
    target: Target<'_>,
    services: &[String],
    events: &mut dyn Sink,
) -> Result<(), Error> {
    let lock = Lock::default();
    carry_out(engine, target, services, (&lock, events), |observed, _| {
        signals::pause(target.project(), observed, services)
    })
    .await
}

/// Lets go on what was frozen.
pub async fn unpause(
    engine: &dyn Engine,
    target: Target<'_>,
    services: &[String],
    events: &mut dyn Sink,
) -> Result<(), Error> {
    let lock = Lock::default();
    carry_out(engine, target, services, (&lock, events), |observed, _| {
        signals::unpause(target.project(), observed, services)
    })
    .await
}

/// Stops and removes containers, then networks, and volumes when asked to.
pub async fn down(
    engine: &dyn Engine,
    target: Target<'_>,
    options: &DownOptions,
    lock: &Lock,
    events: &mut dyn Sink,
) -> Result<(), Error> {
    let planned = || plan_down(engine, target, options).boxed();
    run_locked(
        engine,
        target,
        (lock, events),
        Patience::default(),
        &planned,
    )
    .await
}

async fn plan_down(
    reads: &dyn Engine,
    target: Target<'_>,
    options: &DownOptions,
) -> Result<Plan, Error> {
    let (mut plan, _) = planned_down(reads, target, options).await?;
    if plan.is_empty() {
        let name = target.name();
        let message = format!("no resource found to remove for project {name}");
        plan.warnings.push(message);
    }
    Ok(plan)
}

/// What `down` would do, with what it was made from.
pub(super) async fn planned_down(
    reads: &dyn Reads,
    target: Target<'_>,
    options: &DownOptions,
) -> Result<(Plan, Observed), Error> {
    if let Some(project) = target.project() {
        check_services(project, &options.services)?;
    }
    let mut scope = target.scope();
    if let (Some(project), Some(_)) = (target.project(), options.images) {
        scope.images = images_of(&project.name, project.services.values());
    }
    let observed = observe(reads, &scope).await;
    let observed = observed.map_err(Error::engine("look at the engine"))?;
    let plan = teardown::down(target.project(), &observed, options);
    Ok((plan, observed))
}

async fn look(
    reads: &dyn Reads,
    target: Target<'_>,
    services: &[String],
) -> Result<(Observed, Farewell), Error> {
    if let Some(project) = target.project() {
        check_services(project, services)?;
    }
    let observed = observe(reads, &target.scope())
        .await
        .map_err(Error::engine("look at the engine"))?;
    let farewell = match target {
        Target::Files(project) => teardown::farewell_of(project),
        Target::Name(_) => teardown::farewell_observed(&observed),
    };
    Ok((observed, farewell))
}

/// Looks, plans and does it.
async fn carry_out(
    engine: &dyn Engine,
    target: Target<'_>,
    services: &[String],
    doing: (&Lock, &mut dyn Sink),
    plan: impl Fn(&Observed, &Farewell) -> Plan + Sync,
) -> Result<(), Error> {
    let planned = || {
        let looked = look(engine, target, services);
        let planned = async {
            let (observed, farewell) = looked.await?;
            Ok(plan(&observed, &farewell))
        };
        planned.boxed()
    };
    run_locked(engine, target, doing, Patience::default(), &planned).await
}

/// Does what is planned, with the project's lock where there is something to do.
async fn run_locked(
    engine: &dyn Engine,
    target: Target<'_>,
    (lock, events): (&Lock, &mut dyn Sink),
    patience: Patience,
    planned: Look<'_, Plan>,
) -> Result<(), Error> {
    let name = target.name();
    let (plan, held) = lock.planned_last(engine, name, events, planned).await?;
    let (plan, options) = (
        Arc::new(plan),
        Options {
            patience,
            ..Options::default()
        },
    );
    let execution = execute(engine, &plan, &options, events);
    finished(&held.during(execution).await)
}

async fn run(engine: &dyn Engine, plan: Plan, events: &mut dyn Sink) -> Result<(), Error> {
    finished(&execute(engine, &Arc::new(plan), &Options::default(), events).await)
}
