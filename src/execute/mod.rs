//! Steps to engine calls: runs a plan, each step as soon as its own inputs are ready.
//!
//! One task owns the schedule and tells events; steps are futures in one set, so that cancelling
//! is dropping. After the first failure nothing new begins, what runs is finished, and the rest is
//! reported as skipped: the next run goes on from what is there. Nothing is decided here, and
//! projects and services are not known.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::engine::{Answers, Engine, Output};
use crate::event::{Event, Outcome, Progress, Sink};
use crate::plan::{Plan, StepId};

pub mod observe;
mod operation;
mod ports;
mod wait;

/// How many steps run at once. Engines serve some dozens of calls side by side well; more only
/// wait there instead of here.
const AT_ONCE: usize = 32;

/// What execution is asked for besides the plan.
#[derive(Debug, Default)]
pub struct Options {
    /// Ends execution early when cancelled.
    pub cancel: CancellationToken,
    /// Output of containers is attached to before they start, and handed over here.
    pub attach: Option<Attach>,
}

/// Whose output is wanted, and where it goes.
#[derive(Debug, Clone)]
pub struct Attach {
    /// Names of the containers.
    pub containers: BTreeSet<String>,
    /// Takes each container's name and output as it starts.
    pub attached: mpsc::UnboundedSender<Attached>,
}

/// The output of a container that is about to start.
pub struct Attached {
    /// Its name.
    pub container: String,
    /// What it will print.
    pub output: Answers<Output>,
}

impl std::fmt::Debug for Attached {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Attached")
            .field("container", &self.container)
            .finish_non_exhaustive()
    }
}

/// How execution ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Execution {
    /// Every step is done.
    Complete,
    /// A step failed. The events told which, and why.
    Failed,
    /// It was cancelled.
    Cancelled,
}

/// Runs a plan and tells what happens.
pub async fn execute(
    engine: &dyn Engine,
    plan: &Arc<Plan>,
    options: &Options,
    events: &mut dyn Sink,
) -> Execution {
    events.event(Event::Planned {
        plan: Arc::clone(plan),
    });
    for message in &plan.warnings {
        events.event(Event::Warning {
            message: message.clone(),
        });
    }
    let (progress, mut progressed) = mpsc::unbounded_channel();
    let mut schedule = Schedule::new(plan);
    let mut running = FuturesUnordered::new();
    let mut cancelled = false;
    loop {
        while running.len() < AT_ONCE
            && !cancelled
            && let Some(id) = schedule.next()
        {
            events.event(Event::StepStarted { step: id });
            let run = operation::run(
                engine,
                &plan.steps[id.0],
                options.attach.as_ref(),
                Reporter {
                    id,
                    progress: progress.clone(),
                },
            );
            running.push(async move { (id, run.await) });
        }
        if running.is_empty() {
            break;
        }
        tokio::select! {
            biased;
            () = options.cancel.cancelled(), if !cancelled => {
                cancelled = true;
                running.clear();
            }
            Some((step, told)) = progressed.recv() => events.event(told.into_event(step)),
            Some((step, result)) = running.next() => match result {
                Ok(outcome) => {
                    schedule.finished(step);
                    events.event(Event::StepFinished { step, outcome });
                }
                Err(error) => {
                    schedule.failed();
                    events.event(Event::StepFailed { step, error });
                }
            },
            else => break,
        }
    }
    while let Ok((step, told)) = progressed.try_recv() {
        events.event(told.into_event(step));
    }
    for step in schedule.rest() {
        events.event(Event::StepSkipped { step });
    }
    match (cancelled, schedule.failed) {
        (true, _) => Execution::Cancelled,
        (false, true) => Execution::Failed,
        (false, false) => Execution::Complete,
    }
}

/// What a step has to say while it runs.
#[derive(Debug)]
enum Told {
    Progress(Progress),
    Warning(String),
}

impl Told {
    fn into_event(self, step: StepId) -> Event {
        match self {
            Told::Progress(progress) => Event::StepProgress { step, progress },
            Told::Warning(message) => Event::Warning { message },
        }
    }
}

/// A step's way to tell.
#[derive(Debug, Clone)]
struct Reporter {
    id: StepId,
    progress: mpsc::UnboundedSender<(StepId, Told)>,
}

impl Reporter {
    fn progress(&self, progress: Progress) {
        // The receiver lives as long as the steps do; a late message has nobody to miss it.
        let _ = self.progress.send((self.id, Told::Progress(progress)));
    }

    fn warning(&self, message: String) {
        let _ = self.progress.send((self.id, Told::Warning(message)));
    }
}

type StepResult = Result<Outcome, String>;

/// Which steps are ready.
struct Schedule {
    /// How many steps each step still waits for.
    waiting: Vec<usize>,
    /// Who waits for each step.
    dependents: Vec<Vec<StepId>>,
    ready: BTreeSet<StepId>,
    begun: BTreeSet<StepId>,
    failed: bool,
}

impl Schedule {
    fn new(plan: &Plan) -> Schedule {
        let mut dependents = vec![Vec::new(); plan.steps.len()];
        for (index, step) in plan.steps.iter().enumerate() {
            for before in &step.after {
                dependents[before.0].push(StepId(index));
            }
        }
        let waiting: Vec<usize> = plan.steps.iter().map(|step| step.after.len()).collect();
        let ready = plan.ids().filter(|id| waiting[id.0] == 0).collect();
        Schedule {
            waiting,
            dependents,
            ready,
            begun: BTreeSet::new(),
            failed: false,
        }
    }

    fn next(&mut self) -> Option<StepId> {
        if self.failed {
            return None;
        }
        let id = self.ready.pop_first()?;
        self.begun.insert(id);
        Some(id)
    }

    fn finished(&mut self, id: StepId) {
        for dependent in &self.dependents[id.0] {
            self.waiting[dependent.0] -= 1;
            if self.waiting[dependent.0] == 0 {
                self.ready.insert(*dependent);
            }
        }
    }

    fn failed(&mut self) {
        self.failed = true;
    }

    fn rest(&self) -> Vec<StepId> {
        (0..self.waiting.len())
            .map(StepId)
            .filter(|id| !self.begun.contains(id))
            .collect()
    }
}
