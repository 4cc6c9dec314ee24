//! `--report`: what is written down, also of what fails, and without secrets.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use pretty_assertions::assert_eq;

use super::Sandbox;

const SHOP: &str = "\
services:
  db: {image: db, environment: {DB_PASSWORD: hunter22, MODE: fast}, secrets: [key]}
  web: {image: app, depends_on: {db: {condition: service_completed_successfully}}}
secrets: {key: {environment: SIGNING_KEY}}
";

fn shop() -> Sandbox {
    let mut sandbox = Sandbox::with(SHOP);
    let key = ("SIGNING_KEY".to_owned(), "abracadabra".to_owned());
    sandbox.variables.extend([key]);
    let script = "echo cannot log in with hunter22 and abracadabra; exit 4";
    sandbox.engine.behave("demo-db-1", script);
    sandbox
}

/// Every file of a folder, by its path there.
fn written(folder: &Path) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let mut ahead = vec![folder.to_owned()];
    while let Some(next) = ahead.pop() {
        for entry in fs::read_dir(next).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                ahead.push(path);
                continue;
            }
            let mode = fs::metadata(&path).expect("it is there").permissions();
            assert_eq!(mode.mode() & 0o777, 0o600, "{}", path.display());
            let name = path.strip_prefix(folder).expect("it is in it");
            let text = fs::read_to_string(&path).expect("it is text");
            files.insert(name.display().to_string(), text);
        }
    }
    files
}

#[tokio::test(start_paused = true)]
async fn everything_is_written_down_of_what_fails_and_no_secret_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let sandbox = shop();
    let line = format!("up -d --report {}/new/report", folder.path().display());
    assert_eq!(sandbox.run(&line).await.code, 1);
    let files = written(&folder.path().join("new/report"));
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    let expected = [
        "failures.txt",
        "inspect/demo-db-1.json",
        "inspect/demo-web-1.json",
        "junit.xml",
        "logs/demo-db-1.log",
        "logs/demo-web-1.log",
        "plan.txt",
        "timeline.ndjson",
    ];
    assert_eq!(names, expected);
    for (name, text) in &files {
        for secret in ["hunter22", "abracadabra"] {
            assert!(!text.contains(secret), "{name}\n{text}");
        }
    }
    let expected = "\
error: container demo-db-1 didn't complete successfully: exit 4
  service: db
  the last that it printed:
    | cannot log in with ******** and ********
  blocked by this: web
  help: `rcompose logs db` shows all that it printed
";
    assert_eq!(files["failures.txt"], expected);
    assert!(files["logs/demo-db-1.log"].contains("cannot log in with ********"));
    let junit = &files["junit.xml"];
    let suite = "<testsuite name=\"rcompose up\" tests=\"2\" failures=\"1\" skipped=\"1\"";
    assert!(junit.contains(suite), "{junit}");
    assert!(junit.contains("name=\"web\" time=\"0.000\">\n      <skipped/>"));
    let timeline = &files["timeline.ndjson"];
    for line in timeline.lines() {
        serde_json::from_str::<serde_json::Value>(line).expect("each line is an object");
    }
    assert!(timeline.contains("\"event\":\"failed\""), "{timeline}");
    assert!(files["plan.txt"].contains("create container demo-web-1"));
}

#[tokio::test(start_paused = true)]
async fn down_keeps_what_the_containers_said_before_they_go() {
    let folder = tempfile::tempdir().expect("a folder");
    let sandbox = shop();
    sandbox.succeed("up -d --no-deps db").await;
    let line = format!("down --report {}", folder.path().display());
    sandbox.succeed(&line).await;
    let files = written(folder.path());
    assert!(files["logs/demo-db-1.log"].contains("cannot log in"));
    assert_eq!(files["failures.txt"], "");
}

#[tokio::test(start_paused = true)]
async fn what_fails_as_a_whole_is_a_case_of_its_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let sandbox = shop();
    let line = format!("up -d nosuch --report {}", folder.path().display());
    assert_eq!(sandbox.run(&line).await.code, 1);
    let files = written(folder.path());
    assert!(files["failures.txt"].contains("no such service: nosuch"));
    assert!(files["junit.xml"].contains("tests=\"1\" failures=\"1\""));
}

#[tokio::test(start_paused = true)]
async fn a_report_that_cannot_be_written_is_told_and_spoils_the_exit_code() {
    let sandbox = Sandbox::with("services: {web: {image: app}}");
    let ran = sandbox.run("up -d --report /dev/null/nowhere").await;
    assert_eq!(ran.code, 1);
    let words = "warning: the report could not be written to /dev/null/nowhere";
    assert!(ran.stderr.contains(words), "{}", ran.stderr);
}
