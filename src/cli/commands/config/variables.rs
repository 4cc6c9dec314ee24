//! `config --variables`: the variables that the files use.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::json;

use super::Format;
use crate::document::Node;
use crate::document::interpolate;

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

/// The variables of a tree as a table (which is what the format of YAML means here), or as JSON.
pub(super) fn text(tree: &Node, format: Format) -> String {
    let mut uses: BTreeMap<String, Use> = BTreeMap::new();
    for variable in interpolate::variables(tree) {
        let entry = uses.entry(variable.name).or_default();
        entry.required |= variable.required;
        keep(&mut entry.default, variable.default);
        keep(&mut entry.alternate, variable.alternate);
    }
    match format {
        Format::Yaml => table(&uses),
        Format::Json => as_json(&uses),
    }
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

fn as_json(uses: &BTreeMap<String, Use>) -> String {
    let value = |(name, it): (&String, &Use)| {
        let value = json!({
            "Name": name,
            "DefaultValue": it.default,
            "PresenceValue": it.alternate,
            "Required": it.required,
        });
        (name.clone(), value)
    };
    let all: serde_json::Map<String, serde_json::Value> = uses.iter().map(value).collect();
    let mut text = serde_json::to_string_pretty(&all).unwrap_or_default();
    text.push('\n');
    text
}
