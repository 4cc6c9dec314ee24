//! From steps to what people watch: resources and the state each is in.
//!
//! A plan has steps; a person sees a container that is being replaced. This module keeps the books
//! between the two, in the words of docker compose, so that every face shows the same. All steps
//! that act on one resource belong together, and the four steps of a replacement are told as one:
//! `Recreate`, `Recreated`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::text::{clean, output_line};
use crate::event::{Event, Outcome, Progress};
use crate::ops::autopsy::FailedStep;
use crate::plan::hooks::Moment;
use crate::plan::{Goal, Kind, Operation, Plan, StepId, naming};
use crate::project::service::depends_on::Condition;

/// How a resource is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Something is being done.
    Working,
    /// Something has been done.
    Done,
    /// Something was not done, which is no failure.
    Warning,
    /// It failed.
    Error,
}

impl State {
    /// The word in JSON.
    pub fn word(self) -> &'static str {
        match self {
            State::Working => "Working",
            State::Done => "Done",
            State::Warning => "Warning",
            State::Error => "Error",
        }
    }
}

/// Something to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A plan begins to be executed.
    Began,
    /// A resource is in another state.
    State {
        /// `Container demo-web-1`.
        id: String,
        /// How it is doing.
        state: State,
        /// `Creating`, `Created`, …
        text: &'static str,
        /// More about it; may be empty.
        details: String,
        /// Nothing more will be done to it.
        last: bool,
    },
    /// A resource's last step is over, and there is nothing to say about it.
    Over {
        /// `Image redis:8`.
        id: String,
    },
    /// A layer of an image moves.
    Layer {
        /// `Image redis:8`.
        parent: String,
        /// The layer.
        id: String,
        /// The engine's word.
        text: String,
        /// Bytes so far.
        current: u64,
        /// Bytes in all, 0 when unknown.
        total: u64,
        /// Whether the word is another one than before.
        new_text: bool,
    },
    /// A line of build output.
    Line {
        /// `Image demo-web`.
        id: String,
        /// The line, without colours and control characters.
        line: String,
    },
    /// Something to know.
    Warning(String),
}

/// A step that failed.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// `Image demo-web`.
    pub id: String,
    /// The step, with what failed.
    pub step: FailedStep,
    /// All that the step said until then.
    pub output: Vec<String>,
}

/// The books.
#[derive(Debug, Default)]
pub struct Tracker {
    plan: Arc<Plan>,
    resources: BTreeMap<(Kind, String), Resource>,
    output: BTreeMap<StepId, Vec<String>>,
    layers: BTreeMap<(StepId, String), String>,
    warned: BTreeSet<String>,
    /// What failed so far.
    pub failures: Vec<Failure>,
}

#[derive(Debug, Default)]
struct Resource {
    /// Steps that are not over.
    open: usize,
    /// What was told last.
    told: Option<State>,
    /// One of its steps failed or was skipped.
    missed: bool,
    /// The old one goes when the new one is there.
    replaced: bool,
}

impl Tracker {
    /// Resources that are as wanted now, and all of them.
    pub fn counts(&self) -> (usize, usize) {
        let reached = |one: &&Resource| one.open == 0 && !one.missed;
        let over = self.resources.values().filter(reached).count();
        let kept = self.plan.untouched.len();
        (over + kept, self.resources.len() + kept)
    }

    /// Whether no step is left.
    pub fn is_over(&self) -> bool {
        self.resources.values().all(|one| one.open == 0)
    }

    /// Forgets the plan. What was said once is not said again.
    pub fn clear(&mut self) {
        let warned = std::mem::take(&mut self.warned);
        *self = Tracker {
            warned,
            ..Tracker::default()
        };
    }

    /// Takes an event and answers what is to be shown.
    pub fn take(&mut self, event: Event) -> Vec<Change> {
        match event {
            Event::Planned { plan } => self.begin(plan),
            Event::StepStarted { step } => self.started(step),
            Event::StepProgress { step, progress } => self.progress(step, progress),
            Event::StepFinished { step, outcome } => self.finished(step, outcome),
            Event::StepFailed { step, error } => self.failed(step, error),
            Event::StepSkipped { step } => self.skipped(step),
            Event::Warning { message } => self.warning(message).into_iter().collect(),
        }
    }

    fn begin(&mut self, plan: Arc<Plan>) -> Vec<Change> {
        self.resources.clear();
        self.output.clear();
        self.layers.clear();
        for step in &plan.steps {
            for key in subjects(&step.operation) {
                let resource = self.resources.entry(key).or_default();
                resource.open += 1;
                resource.replaced |= matches!(step.operation, Operation::RenameContainer { .. });
            }
        }
        self.plan = plan;
        let plan = Arc::clone(&self.plan);
        let mut changes = vec![Change::Began];
        changes.extend(
            plan.warnings
                .iter()
                .filter_map(|text| self.warning(text.clone())),
        );
        changes.extend(plan.untouched.iter().map(|name| Change::State {
            id: id(&(Kind::Container, name.clone())),
            state: State::Done,
            text: "Running",
            details: String::new(),
            last: true,
        }));
        changes
    }

    /// A plan's warnings may be told once more while it is executed; they are shown once.
    fn warning(&mut self, message: String) -> Option<Change> {
        self.warned
            .insert(message.clone())
            .then_some(Change::Warning(message))
    }

    fn operation(&self, step: StepId) -> Option<Operation> {
        self.plan
            .steps
            .get(step.0)
            .map(|step| step.operation.clone())
    }

    /// Whether a step that has begun may find that there is nothing to do. Its beginning is told
    /// when it is known to do something, so that nobody reads of a replacement that never was.
    fn may_do_nothing(&self, step: StepId) -> bool {
        self.plan.steps.get(step.0).is_some_and(|step| {
            let spare =
                matches!(&step.operation, Operation::BuildImage(build) if build.only_if_missing);
            spare || !step.only_if.is_empty()
        })
    }

    fn started(&mut self, step: StepId) -> Vec<Change> {
        let Some(operation) = self.operation(step) else {
            return Vec::new();
        };
        if self.may_do_nothing(step) {
            return Vec::new();
        }
        let tell = |tracker: &mut Tracker, key: &(Kind, String)| {
            let text = beginning(&operation, tracker.is_replaced(key))?;
            Some(tracker.state(key, State::Working, text, ""))
        };
        let keys = subjects(&operation);
        keys.iter().filter_map(|key| tell(self, key)).collect()
    }

    fn progress(&mut self, step: StepId, progress: Progress) -> Vec<Change> {
        let Some(key) = self.operation(step).map(|operation| key(&operation)) else {
            return Vec::new();
        };
        match progress {
            Progress::Line(line) => {
                let line = output_line(&line);
                self.output.entry(step).or_default().push(line.clone());
                let mut changes = Vec::new();
                let told = self.resources.get(&key).and_then(|resource| resource.told);
                if self.may_do_nothing(step) && told != Some(State::Working) {
                    let operation = self.operation(step);
                    let text = operation.and_then(|it| beginning(&it, false));
                    changes.push(self.state(&key, State::Working, text.unwrap_or_default(), ""));
                }
                changes.push(Change::Line { id: id(&key), line });
                changes
            }
            Progress::Transfer {
                id: layer,
                text,
                current,
                total,
            } => {
                let before = self.layers.insert((step, layer.clone()), text.clone());
                let new_text = before.as_ref() != Some(&text);
                vec![Change::Layer {
                    parent: id(&key),
                    id: clean(&layer).into_owned(),
                    text: clean(&text).into_owned(),
                    current,
                    total,
                    new_text,
                }]
            }
        }
    }

    fn finished(&mut self, step: StepId, outcome: Outcome) -> Vec<Change> {
        let Some(operation) = self.operation(step) else {
            return Vec::new();
        };
        let keys = subjects(&operation);
        keys.iter()
            .filter_map(|key| {
                self.close(key);
                self.ending(step, key, &operation, outcome)
            })
            .collect()
    }

    fn ending(
        &mut self,
        step: StepId,
        key: &(Kind, String),
        operation: &Operation,
        outcome: Outcome,
    ) -> Option<Change> {
        match outcome {
            Outcome::Tolerated => {
                let (text, details) = tolerated(operation);
                Some(self.state(key, State::Warning, text, details))
            }
            Outcome::Done => match end(operation, self.is_replaced(key)) {
                Some(text) => Some(self.state(key, State::Done, text, "")),
                None if self.may_do_nothing(step) => {
                    match beginning(operation, self.is_replaced(key)) {
                        Some(text) => Some(self.state(key, State::Working, text, "")),
                        None => self.over(key),
                    }
                }
                None => self.over(key),
            },
            Outcome::Unchanged => self.unchanged(key, operation),
        }
    }

    /// There was nothing to do. If that was said to have begun, its end is told as if done.
    fn unchanged(&mut self, key: &(Kind, String), operation: &Operation) -> Option<Change> {
        let told = self.resources.get(key).and_then(|resource| resource.told);
        match (told, self.is_last(key), end(operation, false)) {
            (Some(State::Working), _, Some(text)) if !self.is_replaced(key) => {
                Some(self.state(key, State::Done, text, ""))
            }
            (None | Some(State::Working), true, _) if key.0 == Kind::Container => {
                Some(self.state(key, State::Done, "Running", ""))
            }
            _ => self.over(key),
        }
    }

    fn failed(&mut self, step: StepId, error: String) -> Vec<Change> {
        let Some(operation) = self.operation(step) else {
            return Vec::new();
        };
        let keys = subjects(&operation);
        let details = error.lines().next().unwrap_or_default().to_owned();
        self.failures.push(Failure {
            id: id(&key(&operation)),
            step: FailedStep {
                plan: Arc::clone(&self.plan),
                step,
                error,
            },
            output: self.output.remove(&step).unwrap_or_default(),
        });
        keys.iter()
            .map(|key| {
                self.miss(key);
                self.state(key, State::Error, "Error", &details)
            })
            .collect()
    }

    /// Only what was not begun at all is said to be skipped; the rest has its last state told.
    fn skipped(&mut self, step: StepId) -> Vec<Change> {
        let Some(operation) = self.operation(step) else {
            return Vec::new();
        };
        let keys = subjects(&operation);
        keys.iter()
            .filter_map(|key| {
                self.miss(key);
                let untold = self.resources.get(key)?.told.is_none();
                untold.then(|| self.state(key, State::Warning, "Skipped", ""))
            })
            .collect()
    }

    fn close(&mut self, key: &(Kind, String)) {
        if let Some(resource) = self.resources.get_mut(key) {
            resource.open = resource.open.saturating_sub(1);
        }
    }

    fn miss(&mut self, key: &(Kind, String)) {
        self.close(key);
        if let Some(resource) = self.resources.get_mut(key) {
            resource.missed = true;
        }
    }

    fn is_last(&self, key: &(Kind, String)) -> bool {
        self.resources
            .get(key)
            .is_none_or(|resource| resource.open == 0)
    }

    fn is_replaced(&self, key: &(Kind, String)) -> bool {
        self.resources
            .get(key)
            .is_some_and(|resource| resource.replaced)
    }

    fn over(&self, key: &(Kind, String)) -> Option<Change> {
        self.is_last(key).then(|| Change::Over { id: id(key) })
    }

    fn state(
        &mut self,
        key: &(Kind, String),
        state: State,
        text: &'static str,
        details: &str,
    ) -> Change {
        if let Some(resource) = self.resources.get_mut(key) {
            resource.told = Some(state);
        }
        Change::State {
            id: id(key),
            state,
            text,
            details: clean(details).into_owned(),
            last: self.is_last(key),
        }
    }
}

fn id((kind, name): &(Kind, String)) -> String {
    format!("{} {}", kind.title(), clean(name))
}

fn key(operation: &Operation) -> (Kind, String) {
    (operation.kind(), operation.name().to_owned())
}

/// What an operation acts on: one thing, or all the containers that it waits for.
fn subjects(operation: &Operation) -> Vec<(Kind, String)> {
    match operation {
        Operation::Wait { containers, .. } => containers
            .iter()
            .map(|name| (Kind::Container, name.clone()))
            .collect(),
        _ => vec![key(operation)],
    }
}

/// The word for an operation that begins. The inner steps of a replacement go without saying.
fn beginning(operation: &Operation, replaced: bool) -> Option<&'static str> {
    Some(match operation {
        Operation::CreateContainer(_) if replaced => "Recreate",
        Operation::StopContainer { .. }
        | Operation::RemoveContainer { .. }
        | Operation::RenameContainer { .. }
            if replaced =>
        {
            return None;
        }
        Operation::CreateNetwork(_)
        | Operation::CreateVolume(_)
        | Operation::CreateContainer(_) => "Creating",
        Operation::RemoveNetwork { .. }
        | Operation::RemoveVolume { .. }
        | Operation::RemoveImage { .. }
        | Operation::RemoveContainer { .. } => "Removing",
        Operation::PullImage { .. } => "Pulling",
        Operation::BuildImage(_) => "Building",
        Operation::StartContainer { .. } => "Starting",
        Operation::StopContainer { .. } => "Stopping",
        Operation::RestartContainer { .. } => "Restarting",
        Operation::KillContainer { .. } => "Killing",
        // Over before anybody could read that it began.
        Operation::PauseContainer { .. }
        | Operation::UnpauseContainer { .. }
        | Operation::PutFiles { .. }
        | Operation::ConnectNetwork { .. }
        | Operation::DisconnectNetwork { .. } => return None,
        Operation::RunContainer(_) => "Running",
        Operation::RunHook(hook) => match hook.moment {
            Moment::AfterStart => "Running post_start",
            Moment::BeforeStop => "Running pre_stop",
        },
        Operation::RenameContainer { .. } => "Renaming",
        Operation::Wait { .. } => "Waiting",
    })
}

/// The word for an operation that is done.
fn end(operation: &Operation, replaced: bool) -> Option<&'static str> {
    Some(match operation {
        // One that only makes way has nothing recreated yet.
        Operation::RenameContainer { to, .. } if naming::final_name(to) != to => return None,
        Operation::RenameContainer { .. } if replaced => "Recreated",
        Operation::CreateContainer(_)
        | Operation::StopContainer { .. }
        | Operation::RemoveContainer { .. }
            if replaced =>
        {
            return None;
        }
        Operation::CreateNetwork(_)
        | Operation::CreateVolume(_)
        | Operation::CreateContainer(_) => "Created",
        Operation::RemoveNetwork { .. }
        | Operation::RemoveVolume { .. }
        | Operation::RemoveImage { .. }
        | Operation::RemoveContainer { .. } => "Removed",
        Operation::PullImage { .. } => "Pulled",
        Operation::BuildImage(_) => "Built",
        Operation::RunContainer(_) => "Exited",
        // The container has started before.
        Operation::RunHook(hook) if hook.moment == Moment::AfterStart => "Started",
        Operation::RunHook(_)
        | Operation::PutFiles { .. }
        | Operation::ConnectNetwork { .. }
        | Operation::DisconnectNetwork { .. } => return None,
        Operation::StartContainer { .. } | Operation::RestartContainer { .. } => "Started",
        Operation::StopContainer { .. } => "Stopped",
        Operation::KillContainer { .. } => "Killed",
        Operation::PauseContainer { .. } => "Paused",
        Operation::UnpauseContainer { .. } => "Unpaused",
        Operation::RenameContainer { .. } => "Renamed",
        Operation::Wait { goal, .. } => match goal {
            Goal::Condition(Condition::Started) => "Running",
            Goal::Condition(Condition::CompletedSuccessfully) => "Exited",
            // docker compose calls everything healthy that `--wait` has waited for.
            Goal::Condition(Condition::Healthy) | Goal::Ready => "Healthy",
        },
    })
}

/// The words for an operation that was allowed to fail, and did.
fn tolerated(operation: &Operation) -> (&'static str, &'static str) {
    match operation {
        Operation::PullImage { .. } => ("Skipped", "could not be pulled"),
        Operation::RemoveNetwork { .. }
        | Operation::RemoveVolume { .. }
        | Operation::RemoveImage { .. } => ("Resource is still in use", ""),
        Operation::RunHook(_) => ("Hook failed", ""),
        Operation::Wait { .. } => ("Skipped", "optional dependency is not ready"),
        _ => ("Skipped", ""),
    }
}
