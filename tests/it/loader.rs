//! Projects of several files, through `config`, beside docker compose.
//!
//! `tests/cases/loader/<name>/` is the current folder of a run. Beside Compose files it may hold
//! `args.txt` (the whole command line; `config --format json` when there is none), `env.txt` (more
//! process variables) and `folder.txt` (the current folder, below the case). What comes out is
//! `config.json` or, where it is no JSON, `output.txt`; what goes wrong is `error.txt`, and
//! `warning.txt` what is worth a warning. With `RCOMPOSE_REFRESH=1` these are written anew.
//!
//! Where docker compose 2.40.3 is installed, it is run on the same case and has to come to the same
//! end: the same document, the same lines, or an error of its own words. [`UNDERSTOOD`] lists where
//! it does not, and why.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, LazyLock, Mutex};

use futures_util::StreamExt;
use jiff::tz::TimeZone;
use rcompose::cli::disk::Disk;
use rcompose::cli::{self, Environment, Terminals};
use rcompose::engine::EngineError;
use rcompose::report::Stream;
use rcompose::report::ps::Clock;
use serde_json::Value;

use crate::support;

/// Folder of the cases in what is compared; on disk it is wherever the repository is.
const SHOWN: &str = "/case";

/// Cases in which docker compose 2.40.3 comes to another end, and why that is right.
const UNDERSTOOD: &[(&str, &str)] = &[
    (
        "config-no-env-resolution",
        "there, the flag does nothing although its help says that it does",
    ),
    (
        "config-no-interpolate",
        "there, what is merged by key is printed as a list of KEY=VALUE; here, as a mapping",
    ),
    ("env-compose-file-is-empty", UNSET),
    ("env-file-disabled-by-nothing", UNSET),
    ("broken-restart-in-override", OUR_CHECK),
    ("broken-restart-with-words-for-attempts", OUR_CHECK),
    ("broken-windows-line-ends", OUR_CHECK),
    (
        "first-format-extends",
        "there, files of the first format are refused",
    ),
    (
        "selection-brings-a-dependency-of-others",
        "there, the whole project is checked before the names bring their profiles",
    ),
];

const OUR_CHECK: &str = "there, only the engine notices a restart policy that does not exist";
const UNSET: &str = "there, it is an error; here, a variable without a value counts as not set";

/// What a run came to.
pub(crate) struct Outcome {
    pub(crate) succeeded: bool,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Kept {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

/// One folder of `tests/cases/loader`.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) root: PathBuf,
}

impl Case {
    pub(crate) fn all() -> Vec<Case> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/loader");
        let mut cases: Vec<Case> = std::fs::read_dir(root)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|root| Case {
                name: root.file_name().unwrap().to_str().unwrap().to_owned(),
                root,
            })
            .collect();
        cases.sort_by(|one, other| one.name.cmp(&other.name));
        cases
    }

    fn read(&self, file: &str) -> Option<String> {
        std::fs::read_to_string(self.root.join(file)).ok()
    }

    pub(crate) fn arguments(&self) -> Vec<String> {
        let given = self.read("args.txt");
        let line = given.as_deref().unwrap_or("config --format json");
        line.split_whitespace().map(str::to_owned).collect()
    }

    fn folder(&self) -> PathBuf {
        match self.read("folder.txt") {
            Some(below) => self.root.join(below.trim()),
            None => self.root.clone(),
        }
    }

    fn variables(&self) -> BTreeMap<String, String> {
        let given = self.read("env.txt").unwrap_or_default();
        let fixed = "HOME=/home/me\nPATH=/bin\n";
        let lines = fixed.lines().chain(given.lines());
        lines
            .filter_map(|line| line.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    /// Text without the place where the repository is.
    fn shown(&self, text: &str) -> String {
        text.replace(self.root.to_str().unwrap(), SHOWN)
    }

    fn ours(&self) -> Outcome {
        self.ours_with(&self.arguments())
    }

    /// Our end of a command line.
    pub(crate) fn ours_with(&self, arguments: &[String]) -> Outcome {
        let (stdout, stderr) = (Kept::default(), Kept::default());
        let environment = Environment {
            variables: self.variables(),
            current_dir: self.folder(),
            files: Box::new(Disk),
            stdin: Box::new(io::empty()),
            stdout: Stream::new(stdout.clone()),
            stderr: Stream::new(stderr.clone()),
            terminals: Terminals::default(),
            terminal_size: Box::new(|| Some((100, 25))),
            clock: Clock {
                now: 0,
                zone: LazyLock::new(|| TimeZone::UTC),
            },
            time: std::sync::Arc::new(jiff::Timestamp::default),
            interrupts: futures_util::stream::pending().boxed(),
            process: None,
            host: rcompose::ops::up::Host::default(),
        };
        let line = ["rcompose".to_owned()]
            .into_iter()
            .chain(arguments.iter().cloned());
        let connect = |_: &BTreeMap<String, String>| {
            Err(EngineError::BadAddress {
                address: String::new(),
                reason: "not in this test".to_owned(),
            })
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let code = runtime.block_on(cli::run(line.map(OsString::from), environment, &connect));
        Outcome {
            succeeded: code == 0,
            stdout: self.shown(&stdout.text()),
            stderr: self.shown(&stderr.text()),
        }
    }

    fn theirs(&self, oracle: &Path) -> Outcome {
        self.theirs_with(oracle, &self.arguments())
    }

    /// Theirs.
    pub(crate) fn theirs_with(&self, oracle: &Path, arguments: &[String]) -> Outcome {
        let output = Command::new(oracle)
            .args(arguments)
            .current_dir(self.folder())
            .env_clear()
            .envs(self.variables())
            .output()
            .unwrap();
        Outcome {
            succeeded: output.status.success(),
            stdout: self.shown(&String::from_utf8_lossy(&output.stdout)),
            stderr: self.shown(&String::from_utf8_lossy(&output.stderr)),
        }
    }

    /// The files that a run's outcome is kept in, with their text.
    fn kept(outcome: &Outcome) -> Vec<(&'static str, String)> {
        let mut files = Vec::new();
        if !outcome.succeeded {
            files.push(("error.txt", outcome.stderr.clone()));
            return files;
        }
        match serde_json::from_str::<Value>(&outcome.stdout) {
            Ok(document) => {
                let text = serde_json::to_string_pretty(&document).unwrap() + "\n";
                files.push(("config.json", text));
            }
            Err(_) => files.push(("output.txt", outcome.stdout.clone())),
        }
        if !outcome.stderr.is_empty() {
            files.push(("warning.txt", outcome.stderr.clone()));
        }
        files
    }

    fn check(&self, outcome: &Outcome) -> Option<String> {
        let names = ["error.txt", "config.json", "output.txt", "warning.txt"];
        let files = Case::kept(outcome);
        if std::env::var("RCOMPOSE_REFRESH").is_ok_and(|it| it == "1") {
            for name in names {
                let _ = std::fs::remove_file(self.root.join(name));
            }
            for (name, text) in &files {
                std::fs::write(self.root.join(name), text).unwrap();
            }
        }
        let problem = |name: &str| {
            let expected = self.read(name).unwrap_or_default();
            let came = files.iter().find(|(it, _)| *it == name);
            let came = came.map_or("", |(_, text)| text);
            (expected != came)
                .then(|| format!("{}/{name}:\n{expected}--- came:\n{came}", self.name))
        };
        names.into_iter().find_map(problem)
    }
}

/// How two outcomes differ, if they do.
fn difference(ours: &Outcome, theirs: &Outcome) -> Option<String> {
    match (ours.succeeded, theirs.succeeded) {
        (false, false) => return None,
        (true, false) => return Some(format!("they refuse: {}", theirs.stderr)),
        (false, true) => return Some(format!("we refuse: {}", ours.stderr)),
        (true, true) => {}
    }
    let parsed = |text: &str| serde_json::from_str::<Value>(text).ok();
    let same = match (parsed(&ours.stdout), parsed(&theirs.stdout)) {
        (Some(ours), Some(theirs)) => ours == theirs,
        _ => sorted_lines(&ours.stdout) == sorted_lines(&theirs.stdout),
    };
    let shown = || format!("ours:\n{}\ntheirs:\n{}", ours.stdout, theirs.stdout);
    (!same).then(shown)
}

/// docker compose prints lists in an order that changes from run to run. YAML keeps its order.
fn sorted_lines(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    while lines.last() == Some(&"") {
        lines.pop();
    }
    if !text.contains(":\n") {
        lines.sort_unstable();
    }
    lines
}

#[test]
fn projects_are_understood_as_their_cases_say() {
    let cases = Case::all();
    let problems: Vec<String> = cases
        .iter()
        .filter_map(|case| case.check(&case.ours()))
        .collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert!(cases.len() >= 60, "{} cases", cases.len());
}

#[test]
fn docker_compose_comes_to_the_same_end() {
    let Some(oracle) = support::oracle() else {
        println!("skipped: there is no docker compose to ask");
        return;
    };
    let mut problems = Vec::new();
    for case in Case::all() {
        let understood = UNDERSTOOD.iter().find(|(name, _)| *name == case.name);
        let found = difference(&case.ours(), &case.theirs(&oracle));
        match (found, understood) {
            (Some(found), None) => problems.push(format!("{}: {found}", case.name)),
            (None, Some((_, reason))) => {
                problems.push(format!("{}: no difference; remove: {reason}", case.name));
            }
            _ => {}
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn what_is_understood_has_a_case() {
    let names: Vec<String> = Case::all().into_iter().map(|case| case.name).collect();
    for (name, _) in UNDERSTOOD {
        assert!(names.iter().any(|it| it == name), "no case {name}");
    }
}
