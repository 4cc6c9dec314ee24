//! An operation as JUnit XML, the form that build servers show: a case for each service.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use super::timeline::Moment;
use crate::event::Event;
use crate::plan::{Plan, StepId};

/// Something that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// The service; none when it failed as a whole.
    pub service: Option<String>,
    /// The error with what is known of it.
    pub text: String,
}

/// What became of a service.
#[derive(Debug, Default)]
struct Case {
    began: Option<f64>,
    ended: f64,
    skipped: bool,
}

/// The document. `name` is what was asked for, such as `rcompose up`.
pub fn document(name: &str, moments: &[Moment], failed: &[Failed]) -> String {
    let mut cases = cases(moments);
    for service in failed.iter().filter_map(|it| it.service.clone()) {
        cases.entry(service).or_default();
    }
    let whole = failed.iter().filter(|it| it.service.is_none()).count();
    let failures = |service: &str| {
        let own = |it: &&Failed| it.service.as_deref() == Some(service);
        failed.iter().filter(own).collect::<Vec<_>>()
    };
    let bad = cases.keys().filter(|it| !failures(it).is_empty()).count();
    let skipped = |(service, case): &(&String, &Case)| case.skipped && failures(service).is_empty();
    let skips = cases.iter().filter(skipped).count();
    let time = moments.last().map_or(0.0, |moment| moment.seconds);
    let name = escaped(name);
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"{name}\" tests=\"{}\" failures=\"{}\" skipped=\"{skips}\" time=\"{time:.3}\">\n",
        cases.len() + whole,
        bad + whole,
    );
    for (service, case) in &cases {
        let seconds = case.began.map_or(0.0, |began| case.ended - began);
        let failures = failures(service);
        let inside = if !failures.is_empty() {
            failures.iter().map(|it| failure(&it.text)).collect()
        } else if case.skipped {
            "      <skipped/>\n".to_owned()
        } else {
            String::new()
        };
        text += &one(&name, service, seconds, &inside);
    }
    for it in failed.iter().filter(|it| it.service.is_none()) {
        text += &one(&name, "(as a whole)", time, &failure(&it.text));
    }
    text += "  </testsuite>\n</testsuites>\n";
    text
}

fn cases(moments: &[Moment]) -> BTreeMap<String, Case> {
    let mut cases: BTreeMap<String, Case> = BTreeMap::new();
    let mut plan = Arc::new(Plan::default());
    for Moment { seconds, event, .. } in moments {
        let (step, skipped) = match event {
            Event::Planned { plan: new } => {
                plan = Arc::clone(new);
                continue;
            }
            Event::StepStarted { step }
            | Event::StepFinished { step, .. }
            | Event::StepFailed { step, .. } => (step, false),
            Event::StepSkipped { step } => (step, true),
            Event::StepProgress { .. } | Event::Warning { .. } => continue,
        };
        let StepId(index) = *step;
        let Some(service) = plan.steps.get(index).and_then(|step| step.service.as_ref()) else {
            continue;
        };
        let case = cases.entry(service.clone()).or_default();
        case.skipped |= skipped;
        if !skipped {
            case.began.get_or_insert(*seconds);
            case.ended = *seconds;
        }
    }
    cases
}

fn one(suite: &str, name: &str, seconds: f64, inside: &str) -> String {
    let mut text = format!(
        "    <testcase classname=\"{suite}\" name=\"{}\" time=\"{seconds:.3}\"",
        escaped(name)
    );
    if inside.is_empty() {
        text += "/>\n";
    } else {
        let _ = write!(text, ">\n{inside}    </testcase>\n");
    }
    text
}

fn failure(text: &str) -> String {
    let first = text.lines().next().unwrap_or_default();
    format!(
        "      <failure message=\"{}\">{}</failure>\n",
        escaped(first),
        escaped(text)
    )
}

/// XML knows no control characters but these three, in no form.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\n' | '\r' | '\t' => escaped.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Outcome;
    use crate::plan::{Cause, Operation, Step};

    #[test]
    fn each_service_is_a_case_that_passed_failed_or_was_skipped() {
        let step = |service: &str| Step {
            operation: Operation::StartContainer {
                name: format!("demo-{service}-1"),
            },
            cause: Cause::Missing,
            service: Some(service.to_owned()),
            after: Vec::new(),
            only_if: Vec::new(),
        };
        let plan = Arc::new(Plan {
            steps: vec![step("cache"), step("db"), step("web")],
            ..Plan::default()
        });
        let at = |seconds: f64, event: Event| Moment {
            seconds,
            time: String::new(),
            event,
        };
        let moments = [
            at(0.0, Event::Planned { plan }),
            at(0.5, Event::StepStarted { step: StepId(0) }),
            at(1.0, Event::StepStarted { step: StepId(1) }),
            at(
                1.25,
                Event::StepFinished {
                    step: StepId(0),
                    outcome: Outcome::Done,
                },
            ),
            at(
                2.0,
                Event::StepFailed {
                    step: StepId(1),
                    error: "no".to_owned(),
                },
            ),
            at(2.0, Event::StepSkipped { step: StepId(2) }),
        ];
        let failed = [Failed {
            service: Some("db".to_owned()),
            text: "container <db> \u{1b}exited\nlog & more\n".to_owned(),
        }];
        let expected = "\
<?xml version=\"1.0\" encoding=\"UTF-8\"?>
<testsuites>
  <testsuite name=\"rcompose up\" tests=\"3\" failures=\"1\" skipped=\"1\" time=\"2.000\">
    <testcase classname=\"rcompose up\" name=\"cache\" time=\"0.750\"/>
    <testcase classname=\"rcompose up\" name=\"db\" time=\"1.000\">
      <failure message=\"container &lt;db&gt; \u{fffd}exited\">container &lt;db&gt; \u{fffd}exited
log &amp; more
</failure>
    </testcase>
    <testcase classname=\"rcompose up\" name=\"web\" time=\"0.000\">
      <skipped/>
    </testcase>
  </testsuite>
</testsuites>
";
        assert_eq!(document("rcompose up", &moments, &failed), expected);
    }
}
