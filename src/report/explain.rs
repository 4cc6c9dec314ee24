//! Where values came from, as text and as JSON.

use std::fmt::Write;

use serde_json::{Value, json};

use super::yaml::yaml;
use crate::document::{Sources, Span};
use crate::explain::masked::may_show;
use crate::explain::{Explained, Layer, Origin, Overridden, Use, VariableSource, shown};

/// The texts that places lie in, and whether their secrets may be shown.
#[derive(Clone, Copy)]
pub struct Telling<'a> {
    /// The texts.
    pub sources: &'a Sources,
    /// Whether lines with secrets are shown.
    pub secrets: bool,
}

/// A paragraph for each value.
pub fn text(all: &[Explained], telling: Telling<'_>) -> String {
    let paragraphs: Vec<String> = all.iter().map(|one| paragraph(one, telling)).collect();
    paragraphs.join("\n")
}

fn paragraph(one: &Explained, telling: Telling<'_>) -> String {
    let value = yaml(&one.value);
    let mut text = format!("{} = {}\n", shown(&one.path), indented(value.trim_end()));
    let mut line = |words: String| {
        let _ = writeln!(text, "  {words}");
    };
    match &one.origin {
        Origin::Written(span) => line(telling.place(*span)),
        Origin::File(span) => line(format!("{}, a file of variables", telling.place(*span))),
        Origin::Variable(span, source) => line(format!(
            "{}, named without a value: {}",
            telling.place(*span),
            telling.source(*source)
        )),
        Origin::Implied { from, reason } => {
            let from = from.map(|span| format!(", {}", telling.place(span)));
            line(format!("(default) {reason}{}", from.unwrap_or_default()));
        }
    }
    if let Some((number, source)) = one.origin.span().and_then(|span| telling.line(span)) {
        line(format!("  {number} | {source}"));
    }
    for step in &one.way {
        line(format!("{} at {}", step.how, telling.place(step.span)));
    }
    if let Some(written) = &one.written {
        line(format!("written as {}", indented(written)));
    }
    for it in &one.uses {
        line(variable(it, telling));
    }
    for overridden in &one.overrode {
        let Overridden { value, span, layer } = overridden;
        let place = telling.place(*span);
        let value = indented(value);
        line(format!(
            "overrides {value} at {place}{}",
            layer_words(*layer)
        ));
    }
    text
}

/// Further lines of a text stand below the first.
fn indented(text: &str) -> String {
    text.replace('\n', "\n    ")
}

fn variable(it: &Use, telling: Telling<'_>) -> String {
    let Use { used, source } = it;
    let name = format!("${{{}}}", used.name);
    match (&used.value, used.replaced) {
        (None, true) => format!("{name} is not set: the default in the expression"),
        (None, false) => format!("{name} is not set"),
        (Some(value), true) if value.is_empty() => format!(
            "{name} is empty ({}): the default in the expression",
            telling.source(*source)
        ),
        (Some(_), true) => format!(
            "{name} is set ({}): the alternative in the expression",
            telling.source(*source)
        ),
        (Some(value), false) => format!("{name} = {value} from {}", telling.source(*source)),
    }
}

fn layer_words(layer: Layer) -> &'static str {
    match layer {
        Layer::File => "",
        Layer::Extended => ", of the service that is extended",
        Layer::VariableFile => ", a file of variables",
        Layer::Merged => ", merged by `<<`",
    }
}

impl Telling<'_> {
    fn place(self, span: Span) -> String {
        self.sources.place(span).to_string()
    }

    fn source(self, source: VariableSource) -> String {
        match source {
            VariableSource::Shell => "the shell".to_owned(),
            VariableSource::File(span) => self.place(span),
            VariableSource::Project => "the project itself".to_owned(),
            VariableSource::Unset => "nowhere".to_owned(),
        }
    }

    /// The line of a place, if it may be shown.
    fn line(self, span: Span) -> Option<(usize, String)> {
        let source = self.sources.find(span.source)?;
        let number = self.sources.place(span).line;
        let line = source.text.lines().nth(number - 1)?.trim_end();
        let shown = self.secrets || (!source.secret && may_show(line));
        shown.then(|| (number, line.to_owned()))
    }

    fn json_place(self, span: Span) -> Value {
        let place = self.sources.place(span);
        json!({ "file": place.name, "line": place.line, "column": place.column })
    }

    fn json_source(self, source: VariableSource) -> Value {
        match source {
            VariableSource::Shell => json!({ "kind": "shell" }),
            VariableSource::File(span) => {
                json!({ "kind": "file", "place": self.json_place(span) })
            }
            VariableSource::Project => json!({ "kind": "project" }),
            VariableSource::Unset => json!({ "kind": "unset" }),
        }
    }
}

/// A list of objects, indented.
pub fn json(all: &[Explained], telling: Telling<'_>) -> String {
    let objects: Vec<Value> = all.iter().map(|one| object(one, telling)).collect();
    let text = serde_json::to_string_pretty(&objects).unwrap_or_default();
    text + "\n"
}

fn object(one: &Explained, telling: Telling<'_>) -> Value {
    let origin = match &one.origin {
        Origin::Written(span) => json!({ "kind": "written", "place": telling.json_place(*span) }),
        Origin::File(span) => json!({ "kind": "env_file", "place": telling.json_place(*span) }),
        Origin::Variable(span, source) => json!({
            "kind": "variable",
            "place": telling.json_place(*span),
            "source": telling.json_source(*source),
        }),
        Origin::Implied { from, reason } => json!({
            "kind": "default",
            "reason": reason,
            "place": from.map(|span| telling.json_place(span)),
        }),
    };
    let variables = one.uses.iter().map(|it| {
        json!({
            "name": it.used.name,
            "value": it.used.value,
            "replaced": it.used.replaced,
            "source": telling.json_source(it.source),
        })
    });
    let way = one
        .way
        .iter()
        .map(|step| json!({ "how": step.how, "place": telling.json_place(step.span) }));
    let overrode = one.overrode.iter().map(|it| {
        json!({
            "value": it.value,
            "place": telling.json_place(it.span),
            "layer": layer_name(it.layer),
        })
    });
    json!({
        "path": shown(&one.path),
        "value": one.value,
        "origin": origin,
        "way": way.collect::<Vec<_>>(),
        "written": one.written,
        "variables": variables.collect::<Vec<_>>(),
        "overrides": overrode.collect::<Vec<_>>(),
    })
}

fn layer_name(layer: Layer) -> &'static str {
    match layer {
        Layer::File => "file",
        Layer::Extended => "extends",
        Layer::VariableFile => "env_file",
        Layer::Merged => "merge",
    }
}
