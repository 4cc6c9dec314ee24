//! Where the time of a run went: the critical path, seconds by service and phase, and what would
//! shorten it.
//!
//! ```text
//! 12.4 s in all
//!    0.1 s  load the files
//!    0.1 s  look at the engine
//!    0.3 s  demo-db-1: create
//!    0.2 s  demo-db-1: start
//!   11.2 s  demo-db-1: wait until healthy
//!    0.4 s  demo-web-1: start
//! ```
//!
//! The path's lines follow each other without overlap, so that they add up to the time that the
//! run took; what lies between two steps is the scheduler's own, and is told where it is worth it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::table::Table;
use super::text::{clean, style};
use crate::event::Event;
use crate::plan::{Goal, Operation, Plan, Step, StepId};
use crate::project::service::depends_on::Condition;
use path::{Span, Spans, critical_path, without};

pub mod path;

/// Shorter stretches are no matter.
const WORTH_TELLING: Duration = Duration::from_millis(50);

/// Advice is given about steps that take so long.
const WORTH_ADVICE: Duration = Duration::from_millis(500);

/// How long engines wait between asking a container to stop and killing it.
const GRACE: Duration = Duration::from_secs(10);

/// Tells the time since the beginning of the run.
pub type Watch = Box<dyn Fn() -> Duration + Send>;

/// The times of a run.
pub struct Timings {
    watch: Watch,
    /// When the files were loaded, where that is part of it.
    loaded: Option<Duration>,
    begin: Duration,
    runs: Vec<Run>,
}

/// One plan that was carried out.
struct Run {
    plan: Arc<Plan>,
    begin: Duration,
    spans: Spans,
}

/// One stretch of the critical path.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stretch {
    what: String,
    service: Option<String>,
    phase: &'static str,
    length: Duration,
}

impl Timings {
    /// Begins now to take times; everything before was loading files.
    pub fn new(watch: Watch) -> Timings {
        let loaded = watch();
        Timings {
            watch,
            loaded: Some(loaded),
            begin: Duration::ZERO,
            runs: Vec::new(),
        }
    }

    /// Takes the time of an event.
    pub fn event(&mut self, event: &Event) {
        let now = (self.watch)();
        let run = match event {
            Event::Planned { plan } => {
                self.runs.push(Run {
                    plan: Arc::clone(plan),
                    begin: now,
                    spans: Spans::new(),
                });
                return;
            }
            _ => self.runs.last_mut(),
        };
        let Some(run) = run else {
            return;
        };
        match event {
            Event::StepStarted { step } => {
                let span = Span {
                    begin: now,
                    end: now,
                };
                run.spans.insert(*step, span);
            }
            Event::StepFinished { step, .. } | Event::StepFailed { step, .. } => {
                if let Some(span) = run.spans.get_mut(step) {
                    span.end = now;
                }
            }
            Event::StepSkipped { step } => {
                run.spans.remove(step);
            }
            _ => {}
        }
    }

    /// Ends the run: tells where its time went, and begins anew.
    pub fn finish(&mut self) -> Option<Told> {
        let now = (self.watch)();
        let runs = std::mem::take(&mut self.runs);
        let begin = std::mem::replace(&mut self.begin, now);
        let loaded = self.loaded.take();
        if runs.is_empty() {
            return None;
        }
        let mut path = Vec::new();
        let mut at = begin;
        if let Some(loaded) = loaded {
            path.push(stretch("load the files", loaded.saturating_sub(at)));
            at = loaded;
        }
        for run in &runs {
            path.push(stretch("look at the engine", run.begin.saturating_sub(at)));
            at = run.begin;
            for id in critical_path(&run.plan, &run.spans) {
                let (step, span) = (&run.plan.steps[id.0], run.spans[&id]);
                path.push(stretch("between steps", span.begin.saturating_sub(at)));
                path.push(of_step(step, span.length()));
                at = span.end;
            }
        }
        path.push(stretch("finish", now.saturating_sub(at)));
        Some(Told {
            total: now.saturating_sub(begin),
            path: joined(path),
            services: by_service(&runs),
            advice: runs.iter().flat_map(Run::advice).collect(),
        })
    }
}

/// What is told about a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    total: Duration,
    path: Vec<Stretch>,
    services: BTreeMap<String, BTreeMap<&'static str, Duration>>,
    advice: Vec<String>,
}

fn stretch(what: &'static str, length: Duration) -> Stretch {
    Stretch {
        what: what.to_owned(),
        service: None,
        phase: what,
        length,
    }
}

fn of_step(step: &Step, length: Duration) -> Stretch {
    let (name, phase) = (step.operation.name(), phase(&step.operation));
    let what = match &step.operation {
        Operation::Wait { goal, .. } => format!("{name}: wait until {}", state(*goal)),
        _ => format!("{name}: {phase}"),
    };
    Stretch {
        what: clean(&what).into_owned(),
        service: step.service.clone(),
        phase,
        length,
    }
}

/// Stretches of one kind that follow each other are one.
fn joined(path: Vec<Stretch>) -> Vec<Stretch> {
    let mut joined: Vec<Stretch> = Vec::new();
    for stretch in path {
        match joined.last_mut() {
            Some(last) if last.what == stretch.what => last.length += stretch.length,
            _ => joined.push(stretch),
        }
    }
    joined.retain(|it| !it.length.is_zero());
    joined
}

/// What part of a container's coming or going a step belongs to.
fn phase(operation: &Operation) -> &'static str {
    match operation {
        Operation::PullImage { .. } => "pull",
        Operation::BuildImage(_) => "build",
        Operation::CreateNetwork(_)
        | Operation::ConnectNetwork { .. }
        | Operation::CreateVolume(_)
        | Operation::CreateContainer(_)
        | Operation::PutFiles { .. }
        | Operation::RenameContainer { .. } => "create",
        Operation::RunContainer(_) | Operation::RunHook(_) => "hooks",
        Operation::StartContainer { .. }
        | Operation::RestartContainer { .. }
        | Operation::UnpauseContainer { .. } => "start",
        Operation::Wait { .. } => "wait",
        Operation::StopContainer { .. }
        | Operation::KillContainer { .. }
        | Operation::PauseContainer { .. } => "stop",
        Operation::RemoveNetwork { .. }
        | Operation::DisconnectNetwork { .. }
        | Operation::RemoveVolume { .. }
        | Operation::RemoveImage { .. }
        | Operation::RemoveContainer { .. } => "remove",
    }
}

/// In the order of the table.
const PHASES: [&str; 8] = [
    "pull", "build", "create", "hooks", "start", "wait", "stop", "remove",
];

fn state(goal: Goal) -> &'static str {
    match goal {
        Goal::Condition(Condition::Started) => "running",
        Goal::Condition(Condition::Healthy) => "healthy",
        Goal::Condition(Condition::CompletedSuccessfully) => "done",
        Goal::Ready => "ready",
    }
}

/// Seconds in each phase, of each service; what belongs to none stands under its own name.
fn by_service(runs: &[Run]) -> BTreeMap<String, BTreeMap<&'static str, Duration>> {
    let mut all: BTreeMap<String, BTreeMap<&'static str, Duration>> = BTreeMap::new();
    for (step, span) in runs.iter().flat_map(Run::timed) {
        let name = match &step.operation {
            // A wait is done for who waits, and takes the time of who is waited for.
            Operation::Wait { .. } => awaited(runs, step.operation.name()),
            _ => step.service.as_deref(),
        };
        let name = name.unwrap_or_else(|| step.operation.name()).to_owned();
        let phases = all.entry(name).or_default();
        *phases.entry(phase(&step.operation)).or_default() += span.length();
    }
    all
}

/// The service of a container, as far as any step was done to it.
fn awaited<'r>(runs: &'r [Run], container: &str) -> Option<&'r str> {
    let steps = runs.iter().flat_map(|run| &run.plan.steps);
    let mut own = steps.filter(|step| {
        !matches!(step.operation, Operation::Wait { .. }) && step.operation.name() == container
    });
    own.find_map(|step| step.service.as_deref())
}

impl Run {
    fn timed(&self) -> impl Iterator<Item = (&Step, Span)> {
        let spans = self.spans.iter();
        spans.filter_map(|(id, span)| Some((self.plan.steps.get(id.0)?, *span)))
    }

    /// A sentence for each step of the critical path that is worth it, the longest first.
    fn advice(&self) -> Vec<String> {
        let now = without(&self.plan, &self.spans, &BTreeSet::new());
        let mut path = critical_path(&self.plan, &self.spans);
        path.sort_by_key(|id| std::cmp::Reverse(self.spans[id].length()));
        let worth = |id: &StepId| {
            let length = self.spans[id].length();
            let may_be_shorter = advice(&self.plan.steps[id.0], length).is_some();
            may_be_shorter && length >= WORTH_ADVICE && length * 10 >= now
        };
        path.retain(worth);
        path.truncate(3);
        let sentence = |id: StepId| {
            // Other waits for the same thing end when this one does.
            let name = self.plan.steps[id.0].operation.name();
            let same = |it: &StepId| {
                let operation = &self.plan.steps[it.0].operation;
                let wait = matches!(operation, Operation::Wait { .. });
                *it == id || (wait && is_wait(&self.plan, id) && operation.name() == name)
            };
            let gone = self.plan.ids().filter(same).collect();
            let less = now.saturating_sub(without(&self.plan, &self.spans, &gone));
            let how = advice(&self.plan.steps[id.0], self.spans[&id].length())?;
            Some(format!("{} less: {}", seconds(less), clean(&how)))
        };
        path.into_iter().filter_map(sentence).collect()
    }
}

fn is_wait(plan: &Plan, id: StepId) -> bool {
    matches!(plan.steps[id.0].operation, Operation::Wait { .. })
}

/// What would make a step shorter, where anything of the user's would.
fn advice(step: &Step, length: Duration) -> Option<String> {
    let (name, time) = (step.operation.name(), seconds(length));
    let sentence = match &step.operation {
        Operation::Wait { goal, .. } => match goal {
            Goal::Condition(Condition::CompletedSuccessfully) => {
                format!("{name} takes {time} to be done, and others wait for it")
            }
            goal => format!(
                "{name} takes {time} until it is {}; with `condition: service_started`, who waits \
                 for it would start beside it",
                state(*goal)
            ),
        },
        Operation::PullImage { .. } => {
            format!("the pull of {name} takes {time}; pulled beforehand it takes none")
        }
        Operation::BuildImage(_) => format!(
            "the build of {name} takes {time}; steps that change seldom, put first, come from the cache"
        ),
        Operation::StopContainer { timeout, .. } => {
            let grace = timeout.and_then(|it| u64::try_from(it).ok());
            let grace = grace.map_or(GRACE, Duration::from_secs);
            if length >= grace {
                format!(
                    "{name} was killed after {time}, for it does not end on its stop signal; \
                     `init: true`, or `exec` in front of its command, often helps"
                )
            } else {
                format!("{name} takes {time} to end after its stop signal")
            }
        }
        Operation::RunHook(_) | Operation::RunContainer(_) => {
            format!("the hook of {name} takes {time}")
        }
        // The rest is the engine's own time.
        _ => return None,
    };
    Some(sentence)
}

/// `0.3 s`.
fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

impl Told {
    /// For people.
    pub fn text(&self, color: bool) -> String {
        let bold = style(color).bold();
        let head = format!("{} in all", seconds(self.total));
        let mut text = format!("\n{}\n", bold.apply_to(head));
        for stretch in self.path.iter().filter(|it| it.length >= WORTH_TELLING) {
            let _ = writeln!(text, "{:>9}  {}", seconds(stretch.length), stretch.what);
        }
        let rest = self.path.iter().filter(|it| it.length < WORTH_TELLING);
        let rest: Duration = rest.map(|it| it.length).sum();
        if !rest.is_zero() {
            let _ = writeln!(text, "{:>9}  everything shorter", seconds(rest));
        }
        if !self.services.is_empty() {
            let _ = write!(text, "\n{}", self.table());
        }
        if !self.advice.is_empty() {
            let _ = writeln!(text, "\n{}", bold.apply_to("What would shorten it"));
        }
        for sentence in &self.advice {
            let _ = writeln!(text, "  {sentence}");
        }
        text
    }

    fn table(&self) -> String {
        let used: Vec<&str> = PHASES
            .into_iter()
            .filter(|phase| self.services.values().any(|it| it.contains_key(phase)))
            .collect();
        let heads: Vec<String> = used.iter().map(|phase| phase.to_uppercase()).collect();
        let heads = heads.iter().map(String::as_str);
        let mut table = Table::new(std::iter::once("SERVICE").chain(heads));
        for (service, phases) in &self.services {
            let cells = used
                .iter()
                .map(|phase| phases.get(phase).map_or(String::new(), |it| seconds(*it)));
            table.row(std::iter::once(clean(service).into_owned()).chain(cells));
        }
        table.render()
    }

    /// For machines.
    pub fn json(&self) -> Value {
        let path = self.path.iter().map(|it| {
            json!({
                "what": it.what,
                "service": it.service,
                "phase": it.phase,
                "seconds": it.length.as_secs_f64(),
            })
        });
        let services = self.services.iter().map(|(service, phases)| {
            let phases = phases.iter();
            let phases =
                phases.map(|(phase, time)| ((*phase).to_owned(), json!(time.as_secs_f64())));
            (service.clone(), Value::Object(phases.collect()))
        });
        json!({
            "id": "timings",
            "status": "Done",
            "seconds": self.total.as_secs_f64(),
            "critical_path": path.collect::<Vec<Value>>(),
            "services": Value::Object(services.collect()),
            "advice": self.advice,
        })
    }
}
