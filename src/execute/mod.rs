//! Steps to engine calls: runs a plan, each step as soon as its own inputs are ready.
//!
//! One task owns the schedule and tells events; steps are futures, so that cancelling is dropping
//! (of what takes long; short calls are carried through). After the first failure nothing new
//! begins, what runs is finished (waits are broken off), and the rest is reported as skipped: the
//! next run goes on from what is there. Nothing is decided here, and projects and services are not
//! known.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

pub use patience::Patience;
pub use probe::Probe;

use crate::engine::{Answers, Engine, Output};
use crate::event::{Event, Outcome, Progress, Sink};
use crate::plan::{Operation, Plan, Step, StepId};

mod adopt;
mod files;
mod hooks;
pub mod observe;
mod operation;
mod patience;
mod ports;
mod probe;
mod settle;
mod stop;
mod wait;

/// How many steps run at once. Engines serve some dozens of calls side by side well; more only
/// wait there instead of here.
const AT_ONCE: usize = 32;

/// How long calls in flight may take to end after execution was cancelled. A create or start that is
/// dropped in the middle may still happen, and whoever cleans up next would not see it.
const IN_FLIGHT: Duration = Duration::from_secs(5);

/// What execution is asked for besides the plan.
#[derive(Debug, Default)]
pub struct Options {
    /// Ends execution early when cancelled.
    pub cancel: CancellationToken,
    /// Output of containers is attached to before they start, and handed over here.
    pub attach: Option<Attach>,
    /// Whether containers' health tests are run while something waits for them.
    pub probe: Probe,
    /// How long is waited for conditions and health.
    pub patience: Patience,
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

/// Runs a plan and tells what happens. With an engine that [only looks](Engine::only_looks) the
/// plan is told, and that is all.
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
    if engine.only_looks() {
        return Execution::Complete;
    }
    let (progress, mut progressed) = mpsc::unbounded_channel();
    let mut schedule = Schedule::new(plan);
    let mut acting = FuturesUnordered::new();
    // Waits take no place among the calls, and end with the first failure: what they wait for
    // would be of no use any more.
    let mut waiting = FuturesUnordered::new();
    let mut cancelled = false;
    let abandon = abandoned(&options.cancel);
    tokio::pin!(abandon);
    loop {
        while !cancelled && let Some(id) = schedule.next(acting.len() < AT_ONCE) {
            events.event(Event::StepStarted { step: id });
            let progress = progress.clone();
            let is_wait = is_wait(&plan.steps[id.0]);
            let reporter = Reporter { id, progress };
            let run = async move { (id, step(engine, plan, options, reporter).await) };
            if is_wait {
                waiting.push(run.boxed());
            } else {
                acting.push(run.boxed());
            }
        }
        if acting.is_empty() && waiting.is_empty() {
            break;
        }
        let (step, result) = tokio::select! {
            biased;
            () = options.cancel.cancelled(), if !cancelled => {
                cancelled = true;
                waiting.clear();
                continue;
            }
            () = &mut abandon, if cancelled => {
                acting.clear();
                continue;
            }
            Some((step, told)) = progressed.recv() => {
                events.event(told.into_event(step));
                continue;
            }
            Some(done) = acting.next() => done,
            Some(done) = waiting.next() => done,
        };
        // What the step said last comes before its end.
        while let Ok((step, told)) = progressed.try_recv() {
            events.event(told.into_event(step));
        }
        let event = match result {
            // Given up: it counts as never begun.
            Ok(None) => continue,
            Ok(Some(outcome)) => Event::StepFinished { step, outcome },
            Err(error) => Event::StepFailed { step, error },
        };
        schedule.ended(step, matches!(event, Event::StepFinished { .. }));
        events.event(event);
        // When patience ends, it ends for all that wait: each says what it has waited for.
        if schedule.failed && !options.patience.is_over() {
            waiting.clear();
        }
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

/// Runs a step. What only waits (for a pull, a build, a condition, a stop) is given up when
/// execution is cancelled, without a result; calls that are short are carried through.
async fn step(
    engine: &dyn Engine,
    plan: &Plan,
    options: &Options,
    reporter: Reporter,
) -> Result<Option<Outcome>, String> {
    let step = &plan.steps[reporter.id.0];
    let run = operation::run(engine, step, options, reporter);
    if !operation::takes_long(&step.operation) {
        return run.await.map(Some);
    }
    tokio::select! {
        result = run => result.map(Some),
        () = options.cancel.cancelled() => Ok(None),
    }
}

/// Ends some time after execution was cancelled.
async fn abandoned(cancel: &CancellationToken) {
    cancel.cancelled().await;
    tokio::time::sleep(IN_FLIGHT).await;
}

fn is_wait(step: &Step) -> bool {
    matches!(step.operation, Operation::Wait { .. })
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
struct Schedule<'p> {
    plan: &'p Plan,
    /// How many steps each step still waits for.
    waiting: Vec<usize>,
    /// Who waits for each step.
    dependents: Vec<Vec<StepId>>,
    ready: BTreeSet<StepId>,
    ended: BTreeSet<StepId>,
    failed: bool,
}

impl<'p> Schedule<'p> {
    fn new(plan: &'p Plan) -> Schedule<'p> {
        let mut dependents = vec![Vec::new(); plan.steps.len()];
        for (index, step) in plan.steps.iter().enumerate() {
            for before in &step.after {
                dependents[before.0].push(StepId(index));
            }
        }
        let waiting: Vec<usize> = plan.steps.iter().map(|step| step.after.len()).collect();
        let ready = plan.ids().filter(|id| waiting[id.0] == 0).collect();
        Schedule {
            plan,
            waiting,
            dependents,
            ready,
            ended: BTreeSet::new(),
            failed: false,
        }
    }

    /// The next step to begin; when there is no room for another call, only a wait.
    fn next(&mut self, room: bool) -> Option<StepId> {
        let fits = |id: &&StepId| room || is_wait(&self.plan.steps[id.0]);
        let id = self.ready.iter().find(fits).copied()?;
        self.ready.remove(&id);
        Some(id)
    }

    fn ended(&mut self, id: StepId, well: bool) {
        self.ended.insert(id);
        if !well {
            self.failed = true;
            self.ready.clear();
        }
        for dependent in &self.dependents[id.0] {
            self.waiting[dependent.0] -= 1;
            if self.waiting[dependent.0] == 0 && !self.failed {
                self.ready.insert(*dependent);
            }
        }
    }

    /// Steps that were not begun, or broken off.
    fn rest(&self) -> Vec<StepId> {
        let ids = self.plan.ids();
        ids.filter(|id| !self.ended.contains(id)).collect()
    }
}
