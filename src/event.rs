//! What execution tells the outside: the only thing between execution and display.

use crate::plan::{Plan, StepId};

/// Something that happened while a plan was executed.
#[derive(Debug, Clone)]
pub enum Event {
    /// Execution begins. Step numbers below refer to this plan.
    Planned {
        /// What will be done.
        plan: std::sync::Arc<Plan>,
    },
    /// A step begins.
    StepStarted {
        /// Which.
        step: StepId,
    },
    /// A step goes on: bytes of a pull, a line of build output.
    StepProgress {
        /// Which.
        step: StepId,
        /// How far.
        progress: Progress,
    },
    /// A step is done.
    StepFinished {
        /// Which.
        step: StepId,
        /// With what result.
        outcome: Outcome,
    },
    /// A step failed.
    StepFailed {
        /// Which.
        step: StepId,
        /// What failed, complete.
        error: String,
    },
    /// A step was not begun, or broken off, because another failed or the user said so.
    StepSkipped {
        /// Which.
        step: StepId,
    },
    /// Something that the user should know.
    Warning {
        /// One sentence.
        message: String,
    },
}

/// How a step ended well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It did what it says.
    Done,
    /// There was nothing to do after all (the image had not moved, the pull found nothing new).
    Unchanged,
    /// It failed in a way that is allowed to (an optional pull, a network still in use).
    Tolerated,
}

/// How far a step is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// A line of output.
    Line(String),
    /// A layer's transfer.
    Transfer {
        /// The layer.
        id: String,
        /// The engine's word for what it does.
        text: String,
        /// Bytes so far.
        current: u64,
        /// Bytes in all, 0 when unknown.
        total: u64,
    },
}

/// Where events go. Called from one task, in order.
pub trait Sink: Send {
    /// Takes an event.
    fn event(&mut self, event: Event);
}

impl<F: FnMut(Event) + Send> Sink for F {
    fn event(&mut self, event: Event) {
        self(event);
    }
}
