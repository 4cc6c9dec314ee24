//! The critical path of an execution: the steps that one after the other made up its time, and
//! what it would have taken without one of them. Pure: a plan and the times of its steps go in.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::plan::{Plan, StepId};

/// When a step began and ended, from the beginning of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Its beginning.
    pub begin: Duration,
    /// Its end.
    pub end: Duration,
}

impl Span {
    /// How long it took.
    pub fn length(self) -> Duration {
        self.end.saturating_sub(self.begin)
    }
}

/// Times of steps; of those that never began there are none.
pub type Spans = BTreeMap<StepId, Span>;

/// The chain of steps that ends with the last one to end: before each of them stands the one that
/// it had to wait for longest.
pub fn critical_path(plan: &Plan, spans: &Spans) -> Vec<StepId> {
    let last = |ids: &mut dyn Iterator<Item = StepId>| {
        let timed = ids.filter_map(|id| Some((spans.get(&id)?.end, id)));
        timed.max().map(|(_, id)| id)
    };
    let mut path = Vec::new();
    let mut next = last(&mut spans.keys().copied());
    while let Some(id) = next {
        path.push(id);
        let step = plan.steps.get(id.0);
        next = step.and_then(|step| last(&mut step.after.iter().copied()));
    }
    path.reverse();
    path
}

/// How long the steps would take in all if each began as soon as those before it are done and
/// these took no time.
pub fn without(plan: &Plan, spans: &Spans, gone: &BTreeSet<StepId>) -> Duration {
    let mut ends: Vec<Duration> = Vec::with_capacity(plan.steps.len());
    for (index, step) in plan.steps.iter().enumerate() {
        let before = step.after.iter().filter_map(|id| ends.get(id.0));
        let begin = before.max().copied().unwrap_or_default();
        let id = StepId(index);
        let span = spans.get(&id).filter(|_| !gone.contains(&id));
        ends.push(begin + span.map_or(Duration::ZERO, |span| span.length()));
    }
    ends.into_iter().max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Cause, Operation, Step};

    /// A plan of starts, each after these; and how long each took.
    fn run(steps: &[(&[usize], u64)]) -> (Plan, Spans) {
        let mut plan = Plan::default();
        let mut spans = Spans::new();
        for (after, seconds) in steps {
            let before = after.iter().map(|id| spans[&StepId(*id)].end);
            let begin = before.max().unwrap_or_default();
            let id = plan.add(Step {
                operation: Operation::StartContainer {
                    name: "one".to_owned(),
                },
                cause: Cause::Missing,
                service: None,
                after: after.iter().map(|id| StepId(*id)).collect(),
                only_if: Vec::new(),
            });
            let end = begin + Duration::from_secs(*seconds);
            spans.insert(id, Span { begin, end });
        }
        (plan, spans)
    }

    #[test]
    fn the_path_goes_back_along_what_ended_last() {
        let (plan, spans) = run(&[(&[], 1), (&[], 5), (&[0, 1], 2), (&[0], 3)]);
        assert_eq!(critical_path(&plan, &spans), [StepId(1), StepId(2)]);
    }

    #[test]
    fn without_the_longest_step_the_next_path_counts() {
        let (plan, spans) = run(&[(&[], 1), (&[], 5), (&[0, 1], 2), (&[0], 3)]);
        let all = without(&plan, &spans, &BTreeSet::new());
        assert_eq!(all, Duration::from_secs(7));
        let less = without(&plan, &spans, &BTreeSet::from([StepId(1)]));
        assert_eq!(less, Duration::from_secs(4));
    }

    #[test]
    fn steps_that_never_began_are_on_no_path() {
        let (plan, mut spans) = run(&[(&[], 1), (&[0], 5)]);
        spans.remove(&StepId(1));
        assert_eq!(critical_path(&plan, &spans), [StepId(0)]);
        assert_eq!(critical_path(&plan, &Spans::new()), []);
    }
}
