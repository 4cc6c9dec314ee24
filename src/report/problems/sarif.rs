//! SARIF 2.1.0: what code hosts and editors read to show problems beside the lines they are in.
//!
//! Names of files below the current folder are relative to `%SRCROOT%`; all others are absolute.
//! Columns count characters (`unicodeCodePoints`).
//!
//! <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>

use std::fmt::Write;
use std::path::{Component, Path};

use serde_json::{Value, json};

use super::rules::RULES;
use super::{Place, Problem};
use crate::project::read::clean;

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";
const BASE: &str = "%SRCROOT%";

/// The document for the problems of one run.
pub fn log(problems: &[Problem], current_dir: &Path, exit_code: u8) -> String {
    let results: Vec<Value> = problems
        .iter()
        .map(|problem| result(problem, current_dir))
        .collect();
    let rules: Vec<Value> = RULES.iter().map(rule).collect();
    let folder = format!("{}/", file_uri(current_dir).trim_end_matches('/'));
    let log = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "rcompose",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "invocations": [{
                "executionSuccessful": exit_code == 0,
                "exitCode": exit_code,
            }],
            "originalUriBaseIds": {BASE: {"uri": folder}},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    format!("{log:#}\n")
}

fn rule((id, about): &(&str, &str)) -> Value {
    json!({"id": id, "shortDescription": {"text": about}})
}

fn result(problem: &Problem, current_dir: &Path) -> Value {
    let mut text = problem.message.clone();
    for line in &problem.help {
        let _ = write!(text, "\nhelp: {line}");
    }
    let index = RULES.iter().position(|(id, _)| *id == problem.code);
    let mut result = json!({
        "ruleId": problem.code,
        "level": problem.severity,
        "message": {"text": text},
    });
    if let Some(index) = index {
        result["ruleIndex"] = json!(index);
    }
    let mut labels = problem.labels.iter();
    if let Some(first) = labels.next() {
        result["locations"] = json!([location(first, current_dir)]);
    }
    let related = labels.chain(&problem.included_from);
    let related: Vec<Value> = related.map(|place| location(place, current_dir)).collect();
    if !related.is_empty() {
        result["relatedLocations"] = json!(related);
    }
    result
}

fn location(place: &Place, current_dir: &Path) -> Value {
    let mut location = json!({
        "physicalLocation": {
            "artifactLocation": artifact(&place.file, current_dir),
            "region": {
                "startLine": place.line,
                "startColumn": place.column,
                "endLine": place.end_line,
                "endColumn": place.end_column,
            },
        },
    });
    if !place.text.is_empty() {
        location["message"] = json!({"text": place.text});
    }
    location
}

fn artifact(name: &str, current_dir: &Path) -> Value {
    let path = Path::new(name);
    if name == "<stdin>" {
        return json!({"uri": "stdin:"});
    }
    let below = path
        .components()
        .all(|component| matches!(component, Component::Normal(_) | Component::CurDir));
    if below {
        json!({"uri": encoded(name), "uriBaseId": BASE})
    } else {
        json!({"uri": file_uri(&clean(&current_dir.join(path)))})
    }
}

fn file_uri(path: &Path) -> String {
    let path = path.to_string_lossy().replace('\\', "/");
    let root = if path.starts_with('/') { "" } else { "/" };
    format!("file://{root}{}", encoded(&path))
}

/// Percent-encodes what a path of a URI cannot hold as it is.
fn encoded(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri
}
