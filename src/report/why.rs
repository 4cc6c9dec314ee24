//! Why the containers of a service are what they are: when each was made and what for, and what
//! `up` would do to it now.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::differences::{Difference, Differences, lines};
use super::plan::fate_of;
use super::ps::Clock;
use super::table::human_age;
use super::text::{clean, style};
use crate::ops::up::Explained;
use crate::plan::naming;
use crate::plan::observed::Container;

/// What is asked for, and everything that it is answered with.
#[derive(Clone, Copy)]
pub struct Question<'a> {
    /// The service.
    pub service: &'a str,
    /// What is there, and what `up` would do.
    pub explained: &'a Explained,
    /// What differs about containers that it would replace.
    pub differences: &'a Differences<'a>,
}

/// One container: as it is, and what becomes of it.
struct Answer<'a> {
    name: &'a str,
    container: Option<&'a Container>,
    fate: Option<(&'static str, String)>,
    differences: Option<&'a [Difference<'a>]>,
}

impl<'a> Question<'a> {
    fn answers(self) -> Vec<Answer<'a>> {
        let Explained { plan, observed, .. } = self.explained;
        let mut own: Vec<&Container> = observed.containers.iter().collect();
        own.retain(|it| it.service == self.service && !it.one_off);
        own.sort_by_key(|it| it.number);
        let mut answers: Vec<Answer<'_>> = Vec::new();
        for container in own {
            answers.push(self.answer(naming::final_name(&container.name), Some(container)));
        }
        let steps = plan.steps.iter();
        let steps = steps.filter(|step| step.service.as_deref() == Some(self.service));
        for step in steps.filter(|step| step.operation.verb() == "create") {
            let name = step.operation.name();
            if !answers.iter().any(|answer| answer.name == name) {
                answers.push(self.answer(name, None));
            }
        }
        answers
    }

    fn answer(self, name: &'a str, container: Option<&'a Container>) -> Answer<'a> {
        let differences = self.differences.get(name);
        Answer {
            name,
            container,
            fate: fate_of(&self.explained.plan, name).filter(|(verb, _)| *verb != "keep"),
            differences: differences.map(Vec::as_slice),
        }
    }

    /// For people.
    pub fn text(self, clock: &Clock, color: bool) -> String {
        let answers = self.answers();
        if answers.is_empty() {
            let service = clean(self.service);
            return format!("{service} has no container, and `up` would make none\n");
        }
        let texts: Vec<String> = answers.iter().map(|it| it.text(clock, color)).collect();
        texts.join("\n")
    }

    /// For machines.
    pub fn json(self) -> Value {
        let containers: Vec<Value> = self.answers().iter().map(Answer::json).collect();
        json!({"service": self.service, "containers": containers})
    }
}

impl Answer<'_> {
    fn text(&self, clock: &Clock, color: bool) -> String {
        let name = style(color).bold().apply_to(clean(self.name)).to_string();
        let mut text = match self.container {
            None => format!("{name} is not there\n"),
            Some(container) => {
                let age = human_age(clock.now - container.created);
                let tool = if is_ours(container) {
                    ""
                } else {
                    " by docker compose"
                };
                let instead = match (container.replaces, &container.cause) {
                    (false, _) => "; there was none in its place".to_owned(),
                    (true, Some(cause)) => format!(" in place of another one: {}", clean(cause)),
                    (true, None) => " in place of another one; the reason was not kept".to_owned(),
                };
                format!("{name} was made {age}{tool}{instead}\n")
            }
        };
        match &self.fate {
            None => text.push_str("  up leaves it as it is\n"),
            Some((verb, why)) if why.is_empty() => {
                let _ = writeln!(text, "  up would {verb} it");
            }
            Some((verb, why)) => {
                let _ = writeln!(text, "  up would {verb} it: {why}");
            }
        }
        if let Some(differences) = self.differences {
            text.push_str(&lines(differences, 4, color));
        }
        text
    }

    fn json(&self) -> Value {
        let container = self.container;
        let now = self.fate.as_ref().map(|(action, cause)| {
            let changes = self.differences.into_iter().flatten();
            let changes = changes.map(Difference::json);
            json!({
                "action": action,
                "cause": cause,
                "changes": changes.collect::<Vec<Value>>(),
            })
        });
        json!({
            "name": self.name,
            "id": container.map(|it| it.id.clone()),
            "created": container.map(|it| it.created),
            "made_by": container.map(|it| if is_ours(it) { "rcompose" } else { "docker compose" }),
            "replaced_another": container.is_some_and(|it| it.replaces),
            "cause": container.and_then(|it| it.cause.clone()),
            "now": now,
        })
    }
}

fn is_ours(container: &Container) -> bool {
    container.attributes.is_some()
}
