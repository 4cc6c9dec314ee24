//! Problems for programs: JSON lines and SARIF, wherever a command loads a project.

use std::collections::BTreeSet;

use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use super::{Ran, Sandbox};

const BROKEN: &str = "\
include:
  - sub/über.yaml
services:
  web:
    image: app
    labels: {\u{540d}: \"\u{1f600}\", restrat: x}
    restrat: always
";
const INCLUDED: &str = "services:\n  db:\n    image: db\n    restart: allways\n";

fn broken() -> Sandbox {
    let mut sandbox = Sandbox::with(BROKEN);
    let path = "/work/demo/sub/über.yaml".into();
    sandbox.files.insert(path, INCLUDED.to_owned());
    sandbox
}

fn objects(text: &str) -> Vec<Value> {
    let parsed = text.lines().map(serde_json::from_str);
    parsed.map(|it| it.expect("a JSON object")).collect()
}

#[tokio::test]
async fn every_command_tells_its_problems_as_json_when_asked() {
    let commands = [
        "config",
        "plan",
        "up -d",
        "create",
        "build",
        "restart",
        "logs",
        "ps",
        "down",
        "--progress json up -d",
        "--progress quiet up -d",
    ];
    for command in commands {
        let ran = broken().run(&format!("--diagnostics json {command}")).await;
        assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{command}");
        let codes: Vec<Value> = objects(&ran.stderr)
            .into_iter()
            .map(|mut problem| problem["code"].take())
            .collect();
        assert_eq!(codes, ["invalid-value", "unknown-key"], "{command}");
    }
}

#[tokio::test]
async fn json_has_places_advice_and_the_way_to_the_file() {
    let ran = broken().run("config -q --diagnostics json").await;
    assert_eq!((ran.code, ran.stderr.as_str()), (1, ""));
    let expected = json!({
        "severity": "error",
        "code": "invalid-value",
        "message": "`services.db.restart`: \"allways\" is not a restart policy",
        "labels": [{
            "file": "sub/über.yaml",
            "line": 4, "column": 14, "endLine": 4, "endColumn": 21,
            "text": "one of no, always, unless-stopped, on-failure, on-failure:ATTEMPTS",
        }],
        "help": ["did you mean `always`?"],
        "includedFrom": [{
            "file": "compose.yaml",
            "line": 2, "column": 5, "endLine": 2, "endColumn": 18,
            "text": "included here",
        }],
    });
    assert_eq!(objects(&ran.stdout)[0], expected);
}

#[tokio::test]
async fn a_check_prints_problems_on_standard_output() {
    let sandbox = broken();
    for line in [
        "config -q --diagnostics sarif",
        "--diagnostics sarif config --quiet",
        "config -q --format sarif",
    ] {
        let ran = sandbox.run(line).await;
        assert_eq!((ran.code, ran.stderr.as_str()), (1, ""), "{line}");
        assert_sarif(&ran.stdout, 2);
    }
    let ran = sandbox.run("config -q --format json").await;
    assert_eq!((ran.code, objects(&ran.stdout).len()), (1, 2));
    let ran = sandbox.run("config -q").await;
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
    assert!(ran.stderr.starts_with("error: "), "{}", ran.stderr);
}

#[tokio::test]
async fn a_project_without_problems_is_a_document_without_results() {
    let sandbox = Sandbox::with("services: {web: {image: app}}");
    let ran = sandbox.succeed("config -q --diagnostics sarif").await;
    assert_sarif(&ran.stdout, 0);
    let ran = sandbox.succeed("config -q --diagnostics json").await;
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", ""));
    let ran = sandbox
        .succeed("--diagnostics sarif config --services")
        .await;
    assert_eq!(ran.stdout, "web\n");
    assert_sarif(&ran.stderr, 0);
}

#[tokio::test]
async fn warnings_and_failures_outside_the_files_are_problems_too() {
    let mut sandbox = Sandbox::with("version: '3'\nservices: {web: {image: app}}");
    sandbox.reachable = false;
    let ran = sandbox.run("--diagnostics json up -d").await;
    let told: Vec<(String, String)> = objects(&ran.stderr)
        .iter()
        .map(|it| (it["severity"].to_string(), it["code"].to_string()))
        .collect();
    let expected = [
        ("\"warning\"", "\"obsolete-version\""),
        ("\"error\"", "\"failed\""),
    ];
    assert_eq!(told, expected.map(|(one, two)| (one.into(), two.into())));
    assert_eq!(ran.code, 1);
}

#[tokio::test]
async fn lines_of_environment_files_are_in_no_form() {
    let mut sandbox = Sandbox::with("services: {web: {image: app, env_file: web.env}}");
    let env = "TOKEN=\"hunter2\nPASSWORD=hunter3\n";
    sandbox
        .files
        .insert("/work/demo/web.env".into(), env.to_owned());
    for form in ["text", "json", "sarif"] {
        let Ran {
            code,
            stdout,
            stderr,
        } = sandbox.run(&format!("--diagnostics {form} config")).await;
        assert_eq!(code, 1);
        assert!(!format!("{stdout}{stderr}").contains("hunter"), "{stderr}");
        assert!(stderr.contains("web.env"), "{stderr}");
    }
}

#[tokio::test]
async fn sarif_is_for_problems_only() {
    let ran = Sandbox::with("services: {web: {image: app}}")
        .run("config --format sarif")
        .await;
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
    assert!(
        ran.stderr.contains("--quiet --format sarif"),
        "{}",
        ran.stderr
    );
}

/// What the schema of SARIF 2.1.0 asks of all that is used here.
fn assert_sarif(text: &str, results: usize) {
    let log: Value = serde_json::from_str(text).expect("one document");
    keys(&log, &["$schema", "version", "runs"], &[]);
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    let of_run = [
        "tool",
        "invocations",
        "originalUriBaseIds",
        "columnKind",
        "results",
    ];
    keys(run, &of_run, &[]);
    assert_eq!(run["columnKind"], "unicodeCodePoints");
    assert_eq!(
        run["originalUriBaseIds"],
        json!({"%SRCROOT%": {"uri": "file:///work/demo/"}})
    );
    let driver = &run["tool"]["driver"];
    keys(driver, &["name", "version", "rules"], &[]);
    let rules = driver["rules"].as_array().expect("rules");
    let ids: BTreeSet<&str> = rules
        .iter()
        .filter_map(|rule| rule["id"].as_str())
        .collect();
    assert_eq!(ids.len(), rules.len(), "ids are unique");
    for rule in rules {
        keys(rule, &["id", "shortDescription"], &[]);
        assert!(rule["shortDescription"]["text"].is_string());
    }
    let found = run["results"].as_array().expect("results");
    assert_eq!(found.len(), results);
    assert_eq!(
        run["invocations"][0]["executionSuccessful"],
        json!(results == 0)
    );
    for result in found {
        let optional = ["locations", "relatedLocations"];
        keys(
            result,
            &["ruleId", "ruleIndex", "level", "message"],
            &optional,
        );
        let index =
            usize::try_from(result["ruleIndex"].as_u64().expect("an index")).expect("small");
        assert_eq!(rules[index]["id"], result["ruleId"]);
        assert!(["error", "warning"].contains(&result["level"].as_str().expect("a level")));
        assert!(result["message"]["text"].is_string());
        for list in optional {
            let locations = result[list].as_array();
            locations.into_iter().flatten().for_each(assert_location);
        }
    }
}

fn assert_location(location: &Value) {
    keys(location, &["physicalLocation"], &["message"]);
    let place = &location["physicalLocation"];
    keys(place, &["artifactLocation", "region"], &[]);
    keys(&place["artifactLocation"], &["uri"], &["uriBaseId"]);
    let uri = place["artifactLocation"]["uri"].as_str().expect("a URI");
    assert!(uri.is_ascii() && !uri.contains([' ', '<', '"']), "{uri}");
    let number = |key: &str| place["region"][key].as_u64().expect("a number");
    let start = (number("startLine"), number("startColumn"));
    let end = (number("endLine"), number("endColumn"));
    assert!(start.0 >= 1 && start.1 >= 1 && start <= end, "{place}");
}

/// An object has these keys, perhaps those, and no others: the schema allows none.
fn keys(object: &Value, needed: &[&str], optional: &[&str]) {
    let object = object.as_object().expect("an object");
    for key in needed {
        assert!(object.contains_key(*key), "{key} is missing: {object:?}");
    }
    let known = |key: &&String| needed.contains(&key.as_str()) || optional.contains(&key.as_str());
    let unknown: Vec<&String> = object.keys().filter(|key| !known(key)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}
