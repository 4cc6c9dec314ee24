//! What happened when: one JSON object a line, for whoever looks into it later.
//!
//! Every object has `time` (RFC 3339) and `event`; those about a step have the number of its plan,
//! its own number there, what it does and for which service.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::text::clean;
use crate::event::{Event, Outcome, Progress};
use crate::plan::{Plan, StepId, describe};

/// Something that happened, and when.
#[derive(Debug, Clone)]
pub struct Moment {
    /// Seconds since the recording began.
    pub seconds: f64,
    /// The time, as RFC 3339 has it.
    pub time: String,
    /// What happened.
    pub event: Event,
}

/// All of it, line by line. Transfers are left out: there is one for every piece of a layer.
pub fn lines(moments: &[Moment]) -> String {
    let mut plan = Arc::new(Plan::default());
    let mut plans = 0;
    let mut text = String::new();
    for moment in moments {
        if let Event::Planned { plan: new } = &moment.event {
            plan = Arc::clone(new);
            plans += 1;
        }
        let Some(mut object) = object(&moment.event, &plan) else {
            continue;
        };
        object.insert("time".to_owned(), json!(moment.time));
        object.insert("plan".to_owned(), json!(plans));
        text += &Value::Object(object).to_string();
        text.push('\n');
    }
    text
}

fn object(event: &Event, plan: &Plan) -> Option<Map<String, Value>> {
    let (step, value) = match event {
        Event::Planned { plan } => {
            let steps: Vec<String> = plan.steps.iter().map(describe).collect();
            (None, json!({"event": "planned", "steps": steps}))
        }
        Event::StepStarted { step } => (Some(step), json!({"event": "started"})),
        Event::StepProgress {
            step,
            progress: Progress::Line(line),
        } => (
            Some(step),
            json!({"event": "progress", "line": clean(line)}),
        ),
        Event::StepProgress { .. } => return None,
        Event::StepFinished { step, outcome } => {
            let outcome = match outcome {
                Outcome::Done => "done",
                Outcome::Unchanged => "unchanged",
                Outcome::Tolerated => "tolerated",
            };
            (Some(step), json!({"event": "finished", "outcome": outcome}))
        }
        Event::StepFailed { step, error } => {
            (Some(step), json!({"event": "failed", "error": error}))
        }
        Event::StepSkipped { step } => (Some(step), json!({"event": "skipped"})),
        Event::Warning { message } => (None, json!({"event": "warning", "message": message})),
    };
    let Value::Object(mut object) = value else {
        return None;
    };
    if let Some(StepId(index)) = step {
        object.insert("step".to_owned(), json!(index + 1));
        if let Some(step) = plan.steps.get(*index) {
            object.insert("what".to_owned(), json!(describe(step)));
            object.insert("service".to_owned(), json!(step.service));
        }
    }
    Some(object)
}
