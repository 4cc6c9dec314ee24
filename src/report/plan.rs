//! A plan for people: what will become of each resource, and why; and the same as JSON.
//!
//! ```text
//! Networks
//!   + create   demo_default   missing
//! Containers
//!   + create   demo-web-1     missing; starts once demo-db-1 is healthy
//!   ~ replace  demo-db-1      changed: environment
//!   = keep     demo-redis-1
//!
//! 2 to create, 1 to replace; 1 container stays as it is
//! ```

use std::collections::BTreeMap;
use std::fmt::Write;

use console::Style;
use indexmap::IndexMap;
use serde_json::{Value, json};

use super::differences::{Difference, Differences, lines};
use super::text::{clean, count, pad, style};
use crate::plan::{Cause, Goal, Kind, Operation, Plan, Step, short};
use crate::project::service::depends_on::Condition;

/// What becomes of one resource, all its steps together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    Create,
    Pull,
    Build,
    PullOrBuild,
    Replace,
    MayReplace,
    Rename,
    Run,
    Reconnect,
    Start,
    Restart,
    Stop,
    Kill,
    Pause,
    Unpause,
    Remove,
    Wait,
    Keep,
}

impl Fate {
    /// Of the steps that act on one resource.
    fn of(steps: &[&Step]) -> Fate {
        let any = |wanted: fn(&Operation) -> bool| steps.iter().any(|step| wanted(&step.operation));
        let create = any(|one| {
            matches!(
                one,
                Operation::CreateNetwork(_)
                    | Operation::CreateVolume(_)
                    | Operation::CreateContainer(_)
            )
        });
        let remove = any(|one| one.verb() == "remove");
        let pull = any(|one| matches!(one, Operation::PullImage { .. }));
        let build = any(|one| matches!(one, Operation::BuildImage(_)));
        let conditional = steps
            .iter()
            .any(|step| step.operation.verb() == "create" && !step.only_if.is_empty());
        match () {
            () if create && remove && conditional => Fate::MayReplace,
            () if create && remove => Fate::Replace,
            () if create => Fate::Create,
            () if pull && build => Fate::PullOrBuild,
            () if pull => Fate::Pull,
            () if build => Fate::Build,
            () if any(|one| one.verb() == "run") => Fate::Run,
            () if remove => Fate::Remove,
            () if any(|one| one.verb() == "rename") => Fate::Rename,
            () if any(|one| one.verb() == "connect") => Fate::Reconnect,
            () if any(|one| one.verb() == "restart") => Fate::Restart,
            () if any(|one| one.verb() == "start") => Fate::Start,
            () if any(|one| one.verb() == "stop") => Fate::Stop,
            () if any(|one| one.verb() == "kill") => Fate::Kill,
            () if any(|one| one.verb() == "pause") => Fate::Pause,
            () if any(|one| one.verb() == "unpause") => Fate::Unpause,
            () => Fate::Wait,
        }
    }

    fn sign(self) -> char {
        match self {
            Fate::Create | Fate::Pull | Fate::Build | Fate::PullOrBuild => '+',
            Fate::Replace | Fate::Rename | Fate::Reconnect => '~',
            Fate::MayReplace => '?',
            Fate::Run | Fate::Start | Fate::Restart | Fate::Unpause => '>',
            Fate::Stop | Fate::Kill | Fate::Pause => '.',
            Fate::Remove => '-',
            Fate::Wait | Fate::Keep => '=',
        }
    }

    fn words(self) -> &'static str {
        match self {
            Fate::Create => "create",
            Fate::Pull => "pull",
            Fate::Build => "build",
            Fate::PullOrBuild => "pull or build",
            Fate::Replace | Fate::MayReplace => "replace",
            Fate::Rename => "rename",
            Fate::Run => "run",
            Fate::Reconnect => "reconnect",
            Fate::Start => "start",
            Fate::Restart => "restart",
            Fate::Stop => "stop",
            Fate::Kill => "kill",
            Fate::Pause => "pause",
            Fate::Unpause => "unpause",
            Fate::Remove => "remove",
            Fate::Wait => "wait for",
            Fate::Keep => "keep",
        }
    }

    fn paint(self, color: bool) -> Style {
        let plain = style(color);
        match self {
            Fate::Create | Fate::Pull | Fate::Build | Fate::PullOrBuild => plain.green(),
            Fate::Replace | Fate::MayReplace | Fate::Rename | Fate::Reconnect => plain.yellow(),
            Fate::Run | Fate::Start | Fate::Restart | Fate::Unpause => plain.cyan(),
            Fate::Stop | Fate::Kill | Fate::Pause | Fate::Remove => plain.red(),
            Fate::Wait | Fate::Keep => plain.dim(),
        }
    }
}

struct Row {
    kind: Kind,
    name: String,
    fate: Fate,
    why: String,
}

/// The plan as text.
pub fn text(plan: &Plan, color: bool) -> String {
    explained(plan, &Differences::new(), color)
}

/// The same, with what differs about the containers that are replaced.
pub fn explained(plan: &Plan, differences: &Differences<'_>, color: bool) -> String {
    let rows = rows(plan);
    let verb_width = rows.iter().map(|row| row.fate.words().len()).max();
    let name_width = rows
        .iter()
        .map(|row| console::measure_text_width(&row.name))
        .max();
    let (verb_width, name_width) = (
        verb_width.unwrap_or_default(),
        name_width.unwrap_or_default(),
    );
    let mut text = String::new();
    for kind in [Kind::Network, Kind::Volume, Kind::Image, Kind::Container] {
        let own: Vec<&Row> = rows.iter().filter(|row| row.kind == kind).collect();
        if own.is_empty() {
            continue;
        }
        let title = format!("{}s", kind.title());
        let _ = writeln!(text, "{}", style(color).bold().apply_to(title));
        for row in own {
            let paint = row.fate.paint(color);
            let verb = format!("{} {:verb_width$}", row.fate.sign(), row.fate.words());
            let name = pad(&row.name, name_width);
            let why = style(color).dim().apply_to(&row.why);
            let line = match row.why.as_str() {
                "" => format!("  {}  {}", paint.apply_to(verb), row.name),
                _ => format!("  {}  {name}  {why}", paint.apply_to(verb)),
            };
            let _ = writeln!(text, "{line}");
            if let Some(differences) = differences.get(&row.name) {
                text.push_str(&lines(differences, verb_width + 8, color));
            }
        }
    }
    if !rows.is_empty() {
        text.push('\n');
    }
    let _ = writeln!(text, "{}", summary(&rows, plan));
    text
}

/// What becomes of a container, and why: `("replace", "changed: image")`.
pub(super) fn fate_of(plan: &Plan, container: &str) -> Option<(&'static str, String)> {
    let mut rows = rows(plan).into_iter();
    let row = rows.find(|row| row.kind == Kind::Container && row.name == container)?;
    Some((row.fate.words(), row.why))
}

fn rows(plan: &Plan) -> Vec<Row> {
    let mut groups: IndexMap<(Kind, &str), Vec<&Step>> = IndexMap::new();
    for step in &plan.steps {
        let key = (step.operation.kind(), step.operation.name());
        groups.entry(key).or_default().push(step);
    }
    let kept = plan.untouched.iter().map(|name| Row {
        kind: Kind::Container,
        name: clean(name).into_owned(),
        fate: Fate::Keep,
        why: String::new(),
    });
    let mut rows: Vec<Row> = groups
        .into_iter()
        .map(|((kind, name), steps)| Row {
            kind,
            name: clean(name).into_owned(),
            fate: Fate::of(&steps),
            why: why(plan, &steps),
        })
        // Waiting is not done to a container; those who wait say it of themselves.
        .filter(|row| row.fate != Fate::Wait)
        .collect();
    rows.extend(kept);
    rows
}

/// The cause that tells most, and what the start waits for.
fn why(plan: &Plan, steps: &[&Step]) -> String {
    let telling = |step: &&&Step| !matches!(step.cause, Cause::Replacement);
    let cause = steps
        .iter()
        .find(telling)
        .map(|step| step.cause.to_string());
    let mut parts: Vec<String> = cause.into_iter().collect();
    let start = steps
        .iter()
        .find(|step| matches!(step.operation, Operation::StartContainer { .. }));
    parts.extend(start.and_then(|start| awaited(plan, start)));
    clean(&parts.join("; ")).into_owned()
}

/// `starts once demo-db-1 is healthy`.
fn awaited(plan: &Plan, start: &Step) -> Option<String> {
    let before = start.after.iter().filter_map(|id| plan.steps.get(id.0));
    let waits: Vec<String> = before
        .filter_map(|step| match &step.operation {
            Operation::Wait {
                containers, goal, ..
            } => Some(wait_words(containers, *goal)),
            _ => None,
        })
        .collect();
    (!waits.is_empty()).then(|| format!("starts once {}", waits.join(" and ")))
}

fn wait_words(containers: &[String], goal: Goal) -> String {
    let (names, verb) = (
        containers.join(", "),
        if containers.len() == 1 { "is" } else { "are" },
    );
    let how = match goal {
        Goal::Condition(Condition::Started) => "running",
        Goal::Condition(Condition::Healthy) => "healthy",
        Goal::Condition(Condition::CompletedSuccessfully) => "done",
        Goal::Ready => "ready",
    };
    format!("{names} {verb} {how}")
}

fn summary(rows: &[Row], plan: &Plan) -> String {
    let mut fates: BTreeMap<Fate, usize> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.fate != Fate::Keep) {
        *fates.entry(row.fate).or_default() += 1;
    }
    let parts: Vec<String> = fates
        .iter()
        .map(|(fate, number)| match fate {
            Fate::MayReplace => format!("{number} to replace if an image changes"),
            _ => format!("{number} to {}", fate.words()),
        })
        .collect();
    let kept = plan.untouched.len();
    let stays = match kept {
        0 => String::new(),
        1 => "1 container stays as it is".to_owned(),
        _ => format!("{} stay as they are", count(kept, "container")),
    };
    match (parts.is_empty(), stays.is_empty()) {
        (true, true) => "Nothing to do".to_owned(),
        (true, false) => format!("Nothing to do: {stays}"),
        (false, true) => parts.join(", "),
        (false, false) => format!("{}; {stays}", parts.join(", ")),
    }
}

/// The plan as one JSON object: every step, with numbers from 1 as in the testing form, and what
/// of the files is in none of them.
pub fn json(plan: &Plan, differences: &Differences<'_>, unsupported: &Value) -> Value {
    let steps = plan.steps.iter().enumerate();
    let step = |(index, step): (usize, &Step)| {
        let mut object = step_json((index, step));
        let changed = differences.get(step.operation.name());
        if let (Some(changed), Operation::CreateContainer(_)) = (changed, &step.operation) {
            object["changes"] = changed.iter().map(Difference::json).collect();
        }
        object
    };
    let steps: Vec<Value> = steps.map(step).collect();
    json!({
        "steps": steps,
        "untouched": plan.untouched,
        "warnings": plan.warnings,
        "unsupported": unsupported,
    })
}

fn step_json((index, step): (usize, &Step)) -> Value {
    let after: Vec<usize> = step.after.iter().map(|id| id.0 + 1).collect();
    let only_if: Vec<Value> = step
        .only_if
        .iter()
        .map(|moved| json!({"image": moved.reference, "from": moved.from}))
        .collect();
    json!({
        "id": index + 1,
        "action": step.operation.verb(),
        "kind": step.operation.kind().title().to_lowercase(),
        "name": step.operation.name(),
        "service": step.service,
        "cause": cause_json(&step.cause),
        "text": crate::plan::describe(step),
        "after": after,
        "only_if_moved": only_if,
    })
}

fn cause_json(cause: &Cause) -> Value {
    let (kind, facts) = match cause {
        Cause::Missing => ("missing", Value::Null),
        Cause::NotRunning => ("not_running", Value::Null),
        Cause::ConfigChanged(attributes) => ("config_changed", json!(attributes)),
        Cause::ConfigDiffers => ("config_differs", Value::Null),
        Cause::ImageChanged { from, to } => (
            "image_changed",
            json!({"from": short(from), "to": short(to)}),
        ),
        Cause::ImageMayChange => ("image_may_change", Value::Null),
        Cause::ParentRecreated(service) => ("parent_recreated", json!(service)),
        Cause::DependencyRestarted(service) => ("dependency_restarted", json!(service)),
        Cause::NetworkMissing(name) => ("network_missing", json!(name)),
        Cause::NetworkRenewed(name) => ("network_renewed", json!(name)),
        Cause::Renamed(name) => ("renamed", json!(name)),
        Cause::VolumeMissing(name) => ("volume_missing", json!(name)),
        Cause::ScaledDown => ("scaled_down", Value::Null),
        Cause::Orphan => ("orphan", Value::Null),
        Cause::Asked(what) => ("asked", json!(what)),
        Cause::NeededBy(service) => ("needed_by", json!(service)),
        Cause::Replacement => ("replacement", Value::Null),
    };
    match facts {
        Value::Null => json!({"kind": kind, "text": cause.to_string()}),
        facts => json!({"kind": kind, "facts": facts, "text": cause.to_string()}),
    }
}
