//! `config --variables`: the variables that the files use.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::json;
use serde_yaml::{Mapping, Value};

use super::Format;
use crate::document::Node;
use crate::document::interpolate;
use crate::report::yaml::yaml;

/// The least width of a column, and the least space behind it.
const COLUMN: usize = 20;
const GAP: usize = 3;

/// What is known of a variable, over all its uses.
#[derive(Debug, Default)]
struct Use {
    required: bool,
    default: String,
    alternate: String,
}

/// The variables of a tree: as a table, or in a format that is asked for.
pub(super) fn text(tree: &Node, format: Option<Format>) -> String {
    let mut uses: BTreeMap<String, Use> = BTreeMap::new();
    for variable in uses_of(tree) {
        let entry = uses.entry(variable.name).or_default();
        entry.required |= variable.required;
        keep(&mut entry.default, variable.default);
        keep(&mut entry.alternate, variable.alternate);
    }
    match format {
        None => table(&uses),
        Some(Format::Yaml) => as_yaml(&uses),
        Some(Format::Json) => as_json(&uses),
    }
}

/// What the tree uses; the name of the project is not looked into.
fn uses_of(tree: &Node) -> Vec<interpolate::Variable> {
    let sections = tree.as_mapping().into_iter().flatten();
    let inner = sections.filter(|(key, _)| *key != "name");
    inner
        .flat_map(|(_, entry)| interpolate::variables(&entry.value))
        .collect()
}

/// The first default that is given is the one that is shown.
fn keep(shown: &mut String, given: Option<String>) {
    if shown.is_empty() {
        *shown = given.unwrap_or_default();
    }
}

fn table(uses: &BTreeMap<String, Use>) -> String {
    let head = ["NAME", "REQUIRED", "DEFAULT VALUE", "ALTERNATE VALUE"];
    let mut rows = vec![head.map(str::to_owned)];
    for (name, it) in uses {
        let required = it.required.to_string();
        rows.push([
            name.clone(),
            required,
            it.default.clone(),
            it.alternate.clone(),
        ]);
    }
    let widths: [usize; 3] = std::array::from_fn(|column| {
        let longest = rows.iter().map(|row| row[column].chars().count()).max();
        (longest.unwrap_or(0) + GAP).max(COLUMN)
    });
    let mut text = String::new();
    for [name, required, default, alternate] in &rows {
        let [one, two, three] = widths;
        let _ = writeln!(
            text,
            "{name:one$}{required:two$}{default:three$}{alternate}"
        );
    }
    text
}

/// With four spaces a level, as docker compose writes this one.
fn as_yaml(uses: &BTreeMap<String, Use>) -> String {
    let field = |(key, value): (&str, Value)| (Value::from(key), value);
    let value = |(name, it): (&String, &Use)| {
        let fields = [
            ("name", Value::from(name.as_str())),
            ("defaultvalue", Value::from(it.default.as_str())),
            ("presencevalue", Value::from(it.alternate.as_str())),
            ("required", Value::from(it.required)),
        ];
        let fields: Mapping = fields.into_iter().map(field).collect();
        (Value::from(name.as_str()), Value::Mapping(fields))
    };
    let all: Mapping = uses.iter().map(value).collect();
    yaml(&Value::Mapping(all)).replace("\n  ", "\n    ")
}

fn as_json(uses: &BTreeMap<String, Use>) -> String {
    let mut text = "{".to_owned();
    for (index, (name, it)) in uses.iter().enumerate() {
        let quoted = |text: &str| json!(text).to_string();
        let comma = if index == 0 { "" } else { "," };
        let _ = write!(
            text,
            "{comma}\n    {name}: {{\n        \"Name\": {name},\n        \"DefaultValue\": {default},\n        \"PresenceValue\": {alternate},\n        \"Required\": {required}\n    }}",
            name = quoted(name),
            default = quoted(&it.default),
            alternate = quoted(&it.alternate),
            required = it.required,
        );
    }
    // With an empty line at the end, as docker compose prints it.
    text.push_str(if uses.is_empty() { "}\n\n" } else { "\n}\n\n" });
    text
}
