//! From events and results to text: the only part that decides how things look.
//!
//! A [`Reporter`] takes the [events](crate::event) of an execution. It keeps books about resources
//! ([`status`]), and one of four faces shows them: [`plain`] lines, a [`progress`] display that is
//! redrawn in place, [`json`] objects, or [`quiet`]. Whatever the face, the output of a build that
//! failed and the errors come last, complete.
//!
//! Nothing here knows an engine, reads a clock or asks whether something is a terminal: the
//! writer, its size and its colours, and the passing of time are all told by the caller.

pub mod annotated;
pub mod card;
pub mod diff;
pub mod differences;
pub mod doctor;
pub mod error;
pub mod explain;
pub mod json;
pub mod junit;
pub mod logs;
pub mod loss;
pub mod plain;
pub mod plan;
pub mod problems;
pub mod progress;
pub mod ps;
pub mod quiet;
pub mod rename;
pub mod status;
pub mod stream;
pub mod table;
mod text;
pub mod timeline;
pub mod timings;
pub mod unsupported;
pub mod why;
pub mod yaml;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;

use crate::event::{Event, Sink};
use crate::ops::autopsy::{Card, FailedStep};
use crate::plan::Plan;
use differences::Differences;
use status::{Change, Tracker};
pub use stream::Stream;
pub use text::lines;
use timings::Timings;

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// [`Mode::Tty`] on a terminal, [`Mode::Plain`] elsewhere.
    #[default]
    Auto,
    /// Rows that are redrawn in place.
    Tty,
    /// A line for every change.
    Plain,
    /// A JSON object for every change.
    Json,
    /// Errors only.
    Quiet,
}

/// What text is drawn on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Screen {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// With colours. Meaning never depends on them.
    pub color: bool,
}

impl Default for Screen {
    /// What is assumed where there is no terminal.
    fn default() -> Screen {
        Screen {
            width: 80,
            height: 24,
            color: false,
        }
    }
}

/// One way to show changes.
trait Face: Send {
    /// Something has changed; `tracker` has the books.
    fn show(&mut self, change: &Change, tracker: &Tracker);

    /// Time goes by; `now` counts from the reporter's beginning.
    fn tick(&mut self, now: Duration, tracker: &Tracker) {
        let _ = (now, tracker);
    }

    /// The screen has another size now.
    fn resize(&mut self, screen: Screen) {
        let _ = screen;
    }

    /// Whether lines of build output have been shown in full as they came.
    fn shows_build_output(&self) -> bool {
        true
    }

    /// Takes what will be redrawn off the screen.
    fn make_room(&mut self) {}

    /// Nothing more comes; what is on the screen stays.
    fn finish(&mut self, tracker: &Tracker) {
        let _ = tracker;
    }

    /// Shows an error with what is known of it, after [`Face::finish`].
    fn error(&mut self, message: &str, cards: &[Card]);
}

/// Shows what execution tells.
pub struct Reporter {
    tracker: Tracker,
    face: Box<dyn Face>,
    out: Stream,
    finished: bool,
    settle_when_over: bool,
    hidden: Hidden,
    rehearsal: Option<Rehearsal>,
    timings: Option<(Timings, TimingsForm)>,
    /// For each failure, in order; empty while nobody has looked.
    cards: Vec<Vec<Card>>,
    /// Who hears everything, too.
    beside: Option<Box<dyn Sink>>,
}

/// How timings are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimingsForm {
    /// As text, in colour or without.
    Text(bool),
    /// As a JSON object in one line.
    Json,
}

/// A plan is printed and not carried out.
pub struct Rehearsal {
    /// Where plans go.
    pub out: Stream,
    /// As JSON.
    pub json: bool,
    /// In colour.
    pub color: bool,
}

impl Rehearsal {
    fn print(&self, plan: &Plan) {
        let text = if self.json {
            json::json_line(&plan::json(plan, &Differences::new(), &Value::Null))
        } else {
            plan::text(plan, self.color)
        };
        self.out.put(&text);
    }
}

/// What is not shown as it comes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Hidden {
    /// Layers of images that are pulled.
    pub layers: bool,
    /// Lines that builds print; those of a build that failed are told at the end all the same.
    pub build_output: bool,
}

impl Hidden {
    fn hides(self, change: &Change) -> bool {
        match change {
            Change::Layer { .. } => self.layers,
            Change::Line { .. } => self.build_output,
            _ => false,
        }
    }
}

impl Reporter {
    /// A reporter for an operation (`up`, `build`, … as the display's header says).
    /// [`Mode::Auto`] is plain here: whether there is a terminal, the caller knows.
    pub fn new(mode: Mode, operation: &str, out: Stream, screen: Screen) -> Reporter {
        let face: Box<dyn Face> = match mode {
            Mode::Auto | Mode::Plain => Box::new(plain::Plain::new(out.clone(), screen)),
            Mode::Tty => Box::new(progress::Progress::new(operation, out.clone(), screen)),
            Mode::Json => Box::new(json::Json::new(out.clone())),
            Mode::Quiet => Box::new(quiet::Quiet::new(out.clone(), screen)),
        };
        Reporter {
            tracker: Tracker::default(),
            face,
            out,
            finished: false,
            settle_when_over: false,
            hidden: Hidden::default(),
            rehearsal: None,
            timings: None,
            cards: Vec::new(),
            beside: None,
        }
    }

    /// Prints plans from now on, in place of what becomes of them.
    pub fn rehearse(&mut self, rehearsal: Rehearsal) {
        self.rehearsal = Some(rehearsal);
    }

    /// Finishes by itself whenever a plan is carried out: what comes after it is not progress. A
    /// failure is kept for who asks for the reason.
    pub fn settle_when_over(&mut self) {
        self.settle_when_over = true;
    }

    /// Tells at the end where the time went.
    pub fn time(&mut self, timings: Timings, form: TimingsForm) {
        self.timings = Some((timings, form));
    }

    /// Passes every event on, too.
    pub fn pass_on(&mut self, sink: Box<dyn Sink>) {
        self.beside = Some(sink);
    }

    /// The steps that failed and have not been shown yet.
    pub fn failed_steps(&self) -> Vec<FailedStep> {
        let failures = self.tracker.failures.iter();
        failures.map(|failure| failure.step.clone()).collect()
    }

    /// What is to be shown with each of them.
    pub fn explain(&mut self, cards: Vec<Vec<Card>>) {
        self.cards = cards;
    }

    /// Leaves something out.
    pub fn hide(&mut self, hidden: Hidden) {
        self.hidden = hidden;
    }

    /// Takes what will be redrawn off the screen, so that something else can be printed there.
    pub fn make_room(&mut self) {
        if !self.finished {
            self.face.make_room();
        }
    }

    /// Lets time go by: redraws what moves. To be called every 100 ms or so, with the time since
    /// the beginning.
    pub fn tick(&mut self, now: Duration) {
        self.face.tick(now, &self.tracker);
    }

    /// The screen has another size now.
    pub fn resize(&mut self, screen: Screen) {
        self.face.resize(screen);
    }

    /// Puts the last state on the screen, then the output of builds that failed, then all errors.
    /// Events after that begin anew.
    pub fn finish(&mut self) {
        if std::mem::replace(&mut self.finished, true) {
            return;
        }
        self.face.finish(&self.tracker);
        let mut cards = std::mem::take(&mut self.cards).into_iter();
        for failure in std::mem::take(&mut self.tracker.failures) {
            let shown = self.face.shows_build_output() && !self.hidden.build_output;
            if !failure.output.is_empty() && !shown {
                self.out.put(&failed_output(&failure));
            }
            let cards = cards.next().unwrap_or_default();
            self.face.error(&failure.step.error, &cards);
        }
        self.tracker.clear();
        if let Some((timings, form)) = &mut self.timings
            && let Some(told) = timings.finish()
        {
            self.out.put(&match form {
                TimingsForm::Text(color) => told.text(*color),
                TimingsForm::Json => json::json_line(&told.json()),
            });
        }
    }
}

/// The whole output of a build that failed, between two lines that say so.
fn failed_output(failure: &status::Failure) -> String {
    let mut text = format!("------ output of {}\n", failure.id);
    for line in &failure.output {
        text.push_str(line);
        text.push('\n');
    }
    text.push_str("------\n");
    text
}

impl Sink for Reporter {
    fn event(&mut self, event: Event) {
        if let (Some(rehearsal), Event::Planned { plan }) = (&self.rehearsal, &event) {
            return rehearsal.print(plan);
        }
        if let Some(beside) = &mut self.beside {
            beside.event(event.clone());
        }
        self.finished = false;
        if let Some((timings, _)) = &mut self.timings {
            timings.event(&event);
        }
        for change in self.tracker.take(event) {
            if !self.hidden.hides(&change) {
                self.face.show(&change, &self.tracker);
            }
        }
        let well = self.tracker.failures.is_empty();
        if self.settle_when_over && well && self.tracker.is_over() {
            self.finish();
        }
    }
}

/// A reporter that events go to while somebody else lets its time go by.
#[derive(Clone)]
pub struct Shared(Arc<Mutex<Reporter>>);

impl Shared {
    /// Shares a reporter.
    pub fn new(reporter: Reporter) -> Shared {
        Shared(Arc::new(Mutex::new(reporter)))
    }

    /// Does something with the reporter.
    pub fn with<T>(&self, act: impl FnOnce(&mut Reporter) -> T) -> T {
        // A reporter that panicked half way through a line can still print the next one.
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Sink for Shared {
    fn event(&mut self, event: Event) {
        self.with(|reporter| reporter.event(event));
    }
}
