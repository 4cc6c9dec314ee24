//! `up`: look, plan, do; attached, stay and show what the containers print.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use futures_util::{Stream, StreamExt};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Error, Logs, Target, check_services, finished, images_of, lifecycle, scaled};
use crate::engine::{
    Answers, ContainerState, Engine, EngineError, Filter, LogOptions, Output, Reads,
};
use crate::event::Sink;
use crate::execute::observe::observe;
use crate::execute::{Attach, Attached, Execution, Options, Probe, execute};
use crate::plan::containers::Recreate;
use crate::plan::converge::{self, converge};
use crate::plan::images::BuildPolicy;
use crate::plan::{Observed, Operation, Plan};
use crate::project::Project;

/// How long nothing has to be said after the end until nothing more is expected.
const SILENCE: Duration = Duration::from_millis(500);

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
    /// Wait until everything is healthy or running.
    pub wait: bool,
    /// Whether health tests are run while something waits for them.
    pub probe: Probe,
}

impl UpOptions {
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
    check_services(project, &options.services)?;
    let project = scaled(project, &options.scale)?;
    let observed = look(reads, &project).await?;
    Ok(converge(&project, &observed, &options.converge())?)
}

async fn look(reads: &dyn Reads, project: &Project) -> Result<Observed, Error> {
    let mut scope = Target::Files(project).scope();
    scope.images = images_of(&project.name, project.services.values());
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
    };
    finished(&execute(engine, &plan, &execution, events).await)
}

/// Brings everything up and shows the containers' output until they have all ended, or until
/// the first interrupt, which stops them; the second kills them. Answers the exit code.
pub async fn attached(
    engine: &dyn Engine,
    project: &Project,
    options: &UpOptions,
    interrupts: &mut (dyn Stream<Item = ()> + Unpin + Send),
    logs: &mut dyn Logs,
    events: &mut dyn Sink,
) -> Result<u8, Error> {
    let plan = tokio::select! {
        plan = plan(engine, project, options) => Arc::new(plan?),
        Some(()) = interrupts.next() => return Ok(130),
    };
    let watched = watched(project, options, &plan);
    let (attached, mut incoming) = mpsc::unbounded_channel();
    for name in plan.untouched.iter().filter(|name| watched.contains(*name)) {
        let output = engine
            .attach_container(name)
            .await
            .map_err(Error::engine("attach to a container"))?;
        let _ = attached.send(Attached {
            container: name.clone(),
            output,
        });
    }
    let names: Vec<String> = watched.iter().cloned().collect();
    logs.attached(&names);
    let cancel = CancellationToken::new();
    let execution = Options {
        cancel: cancel.clone(),
        attach: Some(Attach {
            containers: watched,
            attached,
        }),
        probe: options.probe,
    };
    let mut show = Show::new(engine, logs);
    let result = {
        let run = async {
            // The options hold the sender: when they are dropped, nothing more will be attached.
            let execution = execution;
            execute(engine, &plan, &execution, events).await
        };
        tokio::pin!(run);
        let mut result = None;
        loop {
            tokio::select! {
                execution = &mut run, if result.is_none() => {
                    let failed = execution != Execution::Complete;
                    result = Some(execution);
                    if failed {
                        break;
                    }
                }
                Some(()) = interrupts.next() => {
                    cancel.cancel();
                    if result.is_some() {
                        break;
                    }
                }
                Some(container) = incoming.recv() => show.add(container),
                alive = show.next(), if !show.is_empty() => {
                    if !alive && result.is_some() {
                        break;
                    }
                }
                else => break,
            }
        }
        result
    };
    match result {
        Some(Execution::Complete) if !cancel.is_cancelled() => Ok(0),
        Some(Execution::Failed) => Err(Error::Failed),
        _ => {
            stop(engine, project, options, interrupts, &mut show, events).await?;
            Ok(130)
        }
    }
}

/// The containers whose output is wanted: those of the services asked for, dependencies not.
fn watched(project: &Project, options: &UpOptions, plan: &Plan) -> BTreeSet<String> {
    let wanted = |service: &str| {
        let named =
            options.services.is_empty() || options.services.iter().any(|name| name == service);
        named
            && project
                .services
                .get(service)
                .is_some_and(|service| service.attach != Some(false))
    };
    let started = plan
        .steps
        .iter()
        .filter_map(|step| match (&step.operation, &step.service) {
            (Operation::StartContainer { name }, Some(service)) if wanted(service) => {
                Some(name.clone())
            }
            _ => None,
        });
    let untouched = plan.untouched.iter().filter(|name| {
        project
            .services
            .keys()
            .any(|service| wanted(service) && belongs(project, service, name))
    });
    started.chain(untouched.cloned()).collect()
}

fn belongs(project: &Project, service: &str, container: &str) -> bool {
    let named = project
        .services
        .get(service)
        .and_then(|service| service.container_name.as_deref())
        == Some(container);
    let number = container
        .strip_prefix(&project.name)
        .and_then(|rest| rest.strip_prefix('-'));
    let number = number
        .and_then(|rest| rest.strip_prefix(service))
        .and_then(|rest| rest.strip_prefix('-'));
    named || number.is_some_and(|number| number.parse::<u32>().is_ok())
}

/// Stops what this run brought up; a further interrupt kills it.
async fn stop(
    engine: &dyn Engine,
    project: &Project,
    options: &UpOptions,
    interrupts: &mut (dyn Stream<Item = ()> + Unpin + Send),
    show: &mut Show<'_>,
    events: &mut dyn Sink,
) -> Result<(), Error> {
    show.logs
        .message("Gracefully stopping... (press Ctrl+C again to force)");
    let stopping = lifecycle::StopOptions {
        services: options.services.clone(),
        timeout: options.timeout,
    };
    let graceful = lifecycle::stop(engine, Target::Files(project), &stopping, events);
    tokio::pin!(graceful);
    loop {
        tokio::select! {
            result = &mut graceful => {
                result?;
                show.finish().await;
                return Ok(());
            }
            Some(()) = interrupts.next() => break,
            _ = show.next(), if !show.is_empty() => {}
        }
    }
    show.logs.message("Killing...");
    let filter = Filter::labels([format!("{}={}", crate::plan::labels::PROJECT, project.name)]);
    let containers = engine
        .containers(&filter)
        .await
        .map_err(Error::engine("list the containers"))?;
    let running = containers
        .iter()
        .filter(|container| container.state == ContainerState::Running);
    let kills = running.map(|container| engine.kill_container(&container.name, None));
    for killed in futures_util::future::join_all(kills).await {
        match killed {
            // It ended by itself in between.
            Ok(()) | Err(EngineError::Conflict(_) | EngineError::NotFound(_)) => {}
            Err(error) => return Err(Error::engine("kill a container")(error)),
        }
    }
    show.finish().await;
    Ok(())
}

/// What happens to a container that is shown.
enum Shown {
    Output(String, Output),
    Exited(String, i64, bool),
}

/// The output of several containers, each followed until it has ended for good.
struct Show<'a> {
    engine: &'a dyn Engine,
    logs: &'a mut dyn Logs,
    sender: mpsc::UnboundedSender<Shown>,
    receiver: mpsc::UnboundedReceiver<Shown>,
    following: FuturesUnordered<futures_util::future::BoxFuture<'a, ()>>,
}

impl<'a> Show<'a> {
    fn new(engine: &'a dyn Engine, logs: &'a mut dyn Logs) -> Show<'a> {
        let (sender, receiver) = mpsc::unbounded_channel();
        Show {
            engine,
            logs,
            sender,
            receiver,
            following: FuturesUnordered::new(),
        }
    }

    fn is_empty(&self) -> bool {
        self.following.is_empty()
    }

    fn add(&mut self, attached: Attached) {
        let follow = follow(
            self.engine,
            attached.container,
            attached.output,
            self.sender.clone(),
        );
        self.following.push(Box::pin(follow));
    }

    /// Shows what comes next; false when no container is left to follow.
    async fn next(&mut self) -> bool {
        tokio::select! {
            biased;
            Some(shown) = self.receiver.recv() => self.show(shown),
            Some(()) = self.following.next() => {
                while let Ok(shown) = self.receiver.try_recv() {
                    self.show(shown);
                }
            }
        }
        !self.following.is_empty()
    }

    /// Shows what containers that have been stopped still had to say. One that was never started
    /// never ends, so that silence has to be enough.
    async fn finish(&mut self) {
        while !self.is_empty() && tokio::time::timeout(SILENCE, self.next()).await.is_ok() {}
    }

    fn show(&mut self, shown: Shown) {
        match shown {
            Shown::Output(container, output) => self.logs.output(&container, &output),
            Shown::Exited(container, code, restarting) => {
                self.logs.exited(&container, code, restarting);
            }
        }
    }
}

/// Follows one container through its restarts.
async fn follow(
    engine: &dyn Engine,
    name: String,
    mut output: Answers<Output>,
    to: mpsc::UnboundedSender<Shown>,
) {
    loop {
        while let Some(Ok(piece)) = output.next().await {
            let _ = to.send(Shown::Output(name.clone(), piece));
        }
        let Ok(Some(container)) = engine.container(&name).await else {
            return;
        };
        let again = matches!(
            container.state,
            ContainerState::Running | ContainerState::Restarting
        );
        let _ = to.send(Shown::Exited(name.clone(), container.exit_code, again));
        if !again {
            return;
        }
        // What it prints from the moment of its next start on.
        let since = since(&container.finished_at);
        if !started_again(engine, &name).await {
            return;
        }
        let options = LogOptions {
            follow: true,
            since,
            ..LogOptions::default()
        };
        match engine.logs(&name, &options).await {
            Ok(next) => output = next,
            Err(_) => return,
        }
    }
}

/// Waits until a container that is about to be restarted runs; false when it has ended instead.
async fn started_again(engine: &dyn Engine, name: &str) -> bool {
    let filter = Filter {
        names: vec![name.to_owned()],
        ..Filter::default()
    };
    let Ok(mut events) = engine.events(&filter, None).await else {
        return false;
    };
    loop {
        match engine.container(name).await {
            Ok(Some(container)) if container.state == ContainerState::Running => return true,
            Ok(Some(container)) if container.state == ContainerState::Restarting => {}
            _ => return false,
        }
        if events.next().await.is_none() {
            return false;
        }
    }
}

/// An RFC 3339 moment as the unix seconds that log queries take.
fn since(moment: &str) -> Option<String> {
    let timestamp: jiff::Timestamp = moment.parse().ok()?;
    Some(format!(
        "{}.{:09}",
        timestamp.as_second(),
        timestamp.subsec_nanosecond()
    ))
}
