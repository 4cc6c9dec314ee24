//! What differs about containers that are replaced, for people and machines: attribute, old value,
//! new value, and where the new one is written. Secrets are masked on both sides.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::text::{clean, pad, style};
use crate::document::{Path, Place, Segment};
use crate::explain::{Origins, masked};
use crate::load::Loaded;
use crate::ops::changes::{Changes, Replaced};
use crate::project::attribute::Data;
use crate::project::record::{Change, Old};

/// Wider values are cut.
const WIDEST: usize = 60;

/// One attribute that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference<'a> {
    /// Its path below the service.
    pub path: String,
    /// What it was; `None` when it was not there.
    pub old: Option<Said>,
    /// What it is to be; `None` when it is gone.
    pub new: Option<Said>,
    /// Where the new value is written, or what it is missing from.
    pub place: Option<Place<'a>>,
}

/// A value as it may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// JSON in one line, without secrets.
    Value(Value),
    /// Nobody kept it.
    Untold,
}

/// Differences by the names of containers.
pub type Differences<'a> = BTreeMap<String, Vec<Difference<'a>>>;

/// Prepares differences for being shown.
pub fn differences<'a>(
    changes: &Changes,
    origins: &'a Origins<'_>,
    loaded: &'a Loaded,
) -> Differences<'a> {
    let tell = Tell {
        origins,
        loaded,
        secrets: secrets_of(loaded),
    };
    changes
        .iter()
        .map(|(name, Replaced { service, changes })| {
            let all = changes.iter().map(|change| tell.one(service, change));
            (name.clone(), all.collect())
        })
        .collect()
}

/// Values of variables that are secrets by their names.
fn secrets_of(loaded: &Loaded) -> Vec<String> {
    let variables = loaded.variables.iter();
    let secret = variables.filter(|(name, value)| masked::is_secret_name(name) && value.len() > 3);
    secret.map(|(_, value)| value.clone()).collect()
}

struct Tell<'a> {
    origins: &'a Origins<'a>,
    loaded: &'a Loaded,
    secrets: Vec<String>,
}

impl<'a> Tell<'a> {
    fn one(&self, service: &str, change: &Change) -> Difference<'a> {
        let top = Path::default().key("services").key(service);
        let mut path = top.clone();
        for segment in change.path.segments() {
            path = match segment {
                Segment::Key(key) => path.key(key),
                Segment::Index(index) => path.index(*index),
            };
        }
        let new = change
            .new
            .as_ref()
            .map(|new| self.origins.masked(&path, new));
        let hidden = masked::is_secret(&path) || new.as_ref().is_some_and(holds_mask);
        let old = match &change.old {
            Old::Absent => None,
            Old::Untold => Some(Said::Untold),
            Old::Value(_) if hidden => Some(Said::Value(json!(masked::MASK))),
            Old::Value(old) => Some(said(&masked::mask_old(old, &self.secrets))),
        };
        Difference {
            path: change.path.to_string(),
            old,
            new: new.as_ref().map(said),
            place: self.place(&path),
        }
    }

    /// Where a value is written; of what is not, the nearest above it that is.
    fn place(&self, path: &Path) -> Option<Place<'a>> {
        let exact = self.origins.at(path).map(|_| self.origins.origin(path));
        let mut span = exact.and_then(|origin| origin.span());
        let mut above = path.clone();
        while span.is_none() && above.segments().len() > 1 {
            span = self.origins.place(&above);
            above = above.parent();
        }
        span.map(|span| self.loaded.sources.place(span))
    }
}

fn said(data: &Data) -> Said {
    Said::Value(serde_json::to_value(data).unwrap_or_default())
}

fn holds_mask(data: &Data) -> bool {
    match data {
        Data::String(text) => text.contains(masked::MASK),
        Data::Sequence(items) => items.iter().any(holds_mask),
        Data::Mapping(mapping) => mapping.values().any(holds_mask),
        _ => false,
    }
}

/// A line for each, or one that says that nobody can tell: `environment.LEVEL  "info" → "debug"  compose.yaml:5:18`.
pub(super) fn lines(differences: &[Difference<'_>], indent: usize, color: bool) -> String {
    let width = |texts: &[String]| {
        let widths = texts.iter().map(|text| console::measure_text_width(text));
        widths.max().unwrap_or_default()
    };
    let paths: Vec<String> = differences
        .iter()
        .map(|it| clean(&it.path).into_owned())
        .collect();
    let values: Vec<String> = differences.iter().map(Difference::values).collect();
    let (path_width, value_width) = (width(&paths), width(&values));
    let mut text = String::new();
    if differences.is_empty() {
        let words = "in what the engine does not tell of";
        text = format!("{:indent$}{}\n", "", style(color).dim().apply_to(words));
    }
    for ((difference, path), values) in differences.iter().zip(&paths).zip(&values) {
        let place = difference.place.map(|place| place.to_string());
        let place = place.unwrap_or_default();
        let line = format!(
            "{:indent$}{}  {}  {}",
            "",
            style(color).bold().apply_to(pad(path, path_width)),
            pad(values, value_width),
            style(color).dim().apply_to(clean(&place)),
        );
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

impl Difference<'_> {
    fn values(&self) -> String {
        let (none, said) = ("(nothing)", |it: &Said| match it {
            Said::Value(value) => short(value),
            Said::Untold => "(not kept)".to_owned(),
        });
        let old = self.old.as_ref().map_or(none.to_owned(), said);
        let new = self.new.as_ref().map_or(none.to_owned(), said);
        format!("{old} → {new}")
    }

    /// For machines.
    pub fn json(&self) -> Value {
        let value = |said: &Option<Said>| match said {
            Some(Said::Value(value)) => value.clone(),
            Some(Said::Untold) | None => Value::Null,
        };
        json!({
            "path": self.path,
            "old": value(&self.old),
            "old_is_known": self.old != Some(Said::Untold),
            "new": value(&self.new),
            "file": self.place.map(|it| it.name),
            "line": self.place.map(|it| it.line),
            "column": self.place.map(|it| it.column),
        })
    }
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    let text = clean(&text);
    console::truncate_str(&text, WIDEST, "…").into_owned()
}
