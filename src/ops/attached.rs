//! `up` that stays: brings everything up, shows what the containers print, and ends when they have
//! ended, when one of them ends and that is to end all, or when the user says so.
//!
//! One loop hears three voices: the execution, which hands over the output of each container before
//! it starts; the engine's events, which tell what starts and ends; the user's interrupts. The
//! first interrupt stops what was asked for and what this run started besides, the second kills
//! it, the third leaves at once.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::{FutureExt, Stream, StreamExt};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::lock::Lock;
use super::up::{UpOptions, planned};
use super::{Error, Logs, Target, display_name, lifecycle};
use crate::engine::{Answers, ContainerState, Engine, Event, Filter};
use crate::event::Sink;
use crate::execute::{Attach, Execution, Options, Patience, execute};
use crate::graph::Graph;
use crate::plan::{Observed, Operation, Plan, labels};
use crate::project::Project;
use session::Session;

mod session;

/// Whose output is shown, and whose end ends all.
#[derive(Debug, Clone, Default)]
pub struct Attachment {
    /// The output of these services alone (`--attach`).
    pub only: Vec<String>,
    /// Not that of these (`--no-attach`).
    pub without: Vec<String>,
    /// That of dependencies too (`--attach-dependencies`).
    pub dependencies: bool,
    /// When one container's end stops all others.
    pub abort: Option<Abort>,
    /// The service whose exit code is answered.
    pub exit_code_from: Option<String>,
}

/// When one container's end stops all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Abort {
    /// Whatever its exit code.
    OnExit,
    /// When its exit code is not 0.
    OnFailure,
}

type Interrupts<'i> = &'i mut (dyn Stream<Item = ()> + Unpin + Send);

/// Why it stops looking on.
enum End {
    /// Everything has ended by itself.
    Over,
    /// One container's end is to end all.
    Abort,
    /// The user said so, so many times.
    Interrupted(u32),
    /// A step failed.
    Failed,
}

/// Brings everything up and stays. Answers the exit code.
pub async fn attached(
    engine: &dyn Engine,
    project: &Project,
    options: &UpOptions,
    interrupts: Interrupts<'_>,
    logs: &mut dyn Logs,
    events: &mut dyn Sink,
) -> Result<u8, Error> {
    check(project, options)?;
    let name = &project.name;
    let listen = || look(engine, project, options).boxed();
    let has_steps = |(_, plan, _): &Looked| !plan.is_empty();
    let (looked, held) = tokio::select! {
        planned = options.lock.planned(engine, name, events, &listen, has_steps) => planned?,
        Some(()) = interrupts.next() => return Ok(130),
    };
    let (mut happened, plan, observed) = looked;
    let plan = Arc::new(plan);
    let scope = Scope::of(project, options);
    let mut session = Session::new(engine, project, &scope, logs);
    session.expect(&plan, &observed);
    for name in session.shown_of(&plan, &observed, true) {
        session.attach(&name).await?;
    }
    session.introduce(&plan, &observed);
    let (attached, mut incoming) = mpsc::unbounded_channel();
    let containers = session.shown_of(&plan, &observed, false);
    let cancel = CancellationToken::new();
    let execution = Options {
        cancel: cancel.clone(),
        attach: Some(Attach {
            containers,
            attached,
        }),
        probe: options.probe,
        patience: Patience::of_seconds(options.wait_timeout),
    };
    let end = {
        let run = async {
            // The options hold the sender: when they are dropped, nothing more will be attached.
            let execution = execution;
            held.during(execute(engine, &plan, &execution, &mut *events))
                .await
        };
        tokio::pin!(run);
        let mut running = true;
        let mut interrupted = 0;
        loop {
            tokio::select! {
                biased;
                execution = &mut run, if running => {
                    running = false;
                    match execution {
                        Execution::Complete => session.catch_up().await?,
                        Execution::Failed => break End::Failed,
                        Execution::Cancelled => {}
                    }
                }
                Some(()) = interrupts.next() => {
                    interrupted += 1;
                    cancel.cancel();
                }
                Some(container) = incoming.recv() => session.add(container),
                event = happened.next() => session.happened(event).await?,
                Some((name, heard)) = session.next_output() => session.heard(&name, heard).await,
            }
            if session.aborts() {
                cancel.cancel();
            }
            if running {
                continue;
            }
            if interrupted > 0 {
                break End::Interrupted(interrupted);
            }
            if session.aborts() {
                break End::Abort;
            }
            if session.is_over() {
                break End::Over;
            }
        }
    };
    let count = match end {
        End::Failed => return Err(Error::Failed),
        End::Over => return Ok(session.exit_code()),
        End::Abort => {
            session.logs.message("Aborting on container exit...");
            0
        }
        End::Interrupted(count) => count,
    };
    let mut stopping = Stopping {
        engine,
        project,
        services: scope.stopped(&plan, options),
        timeout: options.timeout,
        session: &mut session,
        happened: &mut happened,
        interrupts,
        events,
    };
    let left = stopping.run(count).await?;
    Ok(match end {
        End::Abort if !left => session.exit_code(),
        _ => 130,
    })
}

/// Events from now on, what is to be done, and what that was made from.
type Looked = (Answers<Event>, Plan, Observed);

/// Listens before it looks, so that nothing that happens in between is missed.
async fn look(
    engine: &dyn Engine,
    project: &Project,
    options: &UpOptions,
) -> Result<Looked, Error> {
    let filter = Filter::labels([format!("{}={}", labels::PROJECT, project.name)]);
    let happened = engine.events(&filter, None).await;
    let happened = happened.map_err(Error::engine("follow events"))?;
    let (plan, observed) = planned(engine, project, options).await?;
    Ok((happened, plan, observed))
}

fn check(project: &Project, options: &UpOptions) -> Result<(), Error> {
    let Attachment {
        only,
        exit_code_from,
        ..
    } = &options.attachment;
    super::check_services(project, exit_code_from.as_slice())?;
    super::check_services(project, only)
}

/// Services by what is done with them.
#[derive(Debug)]
pub(super) struct Scope {
    /// Their containers' ends are told and counted.
    pub(super) monitored: BTreeSet<String>,
    /// Their output is shown.
    pub(super) shown: BTreeSet<String>,
    pub(super) abort: Option<Abort>,
    pub(super) exit_code_from: Option<String>,
}

impl Scope {
    fn of(project: &Project, options: &UpOptions) -> Scope {
        let Attachment {
            only,
            without,
            dependencies,
            abort,
            exit_code_from,
        } = &options.attachment;
        let mut targeted: BTreeSet<String> = options.services.iter().cloned().collect();
        if targeted.is_empty() {
            targeted.extend(project.services.keys().cloned());
        }
        let mut shown: BTreeSet<String> = match (only.is_empty(), dependencies) {
            (false, _) => only.iter().cloned().collect(),
            (true, false) => targeted.clone(),
            (true, true) => {
                let named = targeted.iter().map(String::as_str);
                let all = Graph::of(project).closure(named);
                all.into_iter().map(str::to_owned).collect()
            }
        };
        let quiet = |name: &str| {
            let service = project.services.get(name);
            only.is_empty() && service.is_some_and(|service| service.attach == Some(false))
        };
        shown.retain(|name| !without.contains(name) && !quiet(name));
        targeted.extend(exit_code_from.clone());
        Scope {
            monitored: targeted,
            shown,
            abort: abort.or(exit_code_from.as_ref().map(|_| Abort::OnExit)),
            exit_code_from: exit_code_from.clone(),
        }
    }

    /// The services to stop in the end: those asked for, and dependencies that this run started;
    /// what ran before goes on running. Empty means all.
    fn stopped(&self, plan: &Plan, options: &UpOptions) -> Vec<String> {
        if options.services.is_empty() {
            return Vec::new();
        }
        let started = plan.steps.iter().filter_map(|step| match &step.operation {
            Operation::StartContainer { .. } => step.service.clone(),
            _ => None,
        });
        let all: BTreeSet<String> = self.monitored.iter().cloned().chain(started).collect();
        all.into_iter().collect()
    }
}

/// The end of an attached `up`, which takes the user's impatience into account.
struct Stopping<'s, 'a> {
    engine: &'a dyn Engine,
    project: &'a Project,
    services: Vec<String>,
    timeout: Option<i32>,
    session: &'s mut Session<'a>,
    happened: &'s mut Answers<Event>,
    interrupts: Interrupts<'s>,
    events: &'s mut dyn Sink,
}

impl Stopping<'_, '_> {
    /// Stops, then kills, then leaves; answers whether it has left. So many interrupts have come
    /// already.
    async fn run(&mut self, interrupts: u32) -> Result<bool, Error> {
        if interrupts < 2 && self.stop(interrupts == 1).await? {
            return Ok(false);
        }
        if interrupts < 3 && self.kill().await? {
            return Ok(false);
        }
        self.leave().await?;
        Ok(true)
    }

    /// True when all has stopped, false when the user does not want to wait for that.
    async fn stop(&mut self, asked: bool) -> Result<bool, Error> {
        if asked {
            let message = "Gracefully Stopping... press Ctrl+C again to force";
            self.session.logs.message(message);
        }
        let options = lifecycle::StopOptions {
            services: self.services.clone(),
            timeout: self.timeout,
        };
        let target = Target::Files(self.project);
        // Whoever says stop does not want to wait for somebody else.
        let lock = Lock::default();
        let work = lifecycle::stop(self.engine, target, &options, &lock, self.events);
        accompany(work, self.session, self.happened, self.interrupts).await
    }

    async fn kill(&mut self) -> Result<bool, Error> {
        self.session.logs.message("Killing...");
        let options = lifecycle::KillOptions {
            services: self.services.clone(),
            ..lifecycle::KillOptions::default()
        };
        let target = Target::Files(self.project);
        let work = async {
            let killed = lifecycle::kill(self.engine, target, &options, self.events).await;
            killed.map(drop)
        };
        accompany(work, self.session, self.happened, self.interrupts).await
    }

    /// Says what is left behind.
    async fn leave(&mut self) -> Result<(), Error> {
        let name = &self.project.name;
        let filter = Filter::labels([format!("{}={name}", labels::PROJECT)]);
        let containers = self.engine.containers(&filter).await;
        let containers = containers.map_err(Error::engine("list the containers"))?;
        let left = containers
            .iter()
            .filter(|one| one.state == ContainerState::Running);
        let mut left: Vec<&str> = left.map(|one| display_name(name, &one.name)).collect();
        left.sort_unstable();
        let message = match left.as_slice() {
            [] => "Left: nothing is running any more".to_owned(),
            left => format!("Left while still running: {}", left.join(", ")),
        };
        self.session.logs.message(&message);
        Ok(())
    }
}

/// Shows what is printed while something is done, and a moment longer. False when the user
/// interrupts it.
async fn accompany(
    work: impl Future<Output = Result<(), Error>>,
    session: &mut Session<'_>,
    happened: &mut Answers<Event>,
    interrupts: &mut (dyn Stream<Item = ()> + Unpin + Send),
) -> Result<bool, Error> {
    tokio::pin!(work);
    loop {
        tokio::select! {
            biased;
            result = &mut work => {
                result?;
                session.finish(happened).await?;
                return Ok(true);
            }
            Some(()) = interrupts.next() => return Ok(false),
            event = happened.next() => session.happened(event).await?,
            Some((name, heard)) = session.next_output() => session.heard(&name, heard).await,
        }
    }
}

/// The service that a container of the plan belongs to, when it is one that the plan leaves alone.
pub(super) fn untouched_service<'o>(observed: &'o Observed, name: &str) -> Option<&'o str> {
    let final_name = crate::plan::naming::final_name;
    let mut containers = observed.containers.iter();
    let found = containers.find(|it| it.name == name || final_name(&it.name) == name);
    found.map(|container| container.service.as_str())
}
