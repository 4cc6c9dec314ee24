//! Any folder of Compose files, side by side with docker compose.
//!
//! ```sh
//! RCOMPOSE_PARITY_DIR=~/compose-files cargo test --test it parity::folder -- --nocapture
//! ```
//!
//! takes every `*.yml` and `*.yaml` below the folder, however deep, runs both programs on it where
//! it stands (so with the `.env`, included and extended files beside it), and compares whether
//! they accept it and what they print for each of [`VIEWS`]. What differs is grouped by cause; a
//! cause in [`UNDERSTOOD`] is counted and told, any other fails the test. Without the variable,
//! the files of `tests/cases/load` are the folder, one by one, and two views are compared (our other
//! cases are compared by their own tests).
//!
//! Hashes are compared in docker compose 2.40.3's own encoding, by the test beside this one and
//! here; what `--hash` prints is in the current one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use super::{differences, load_files, skipped, stripped, variables, wrong_hashes};
use crate::support::oracle;

/// Both programs' word on one question.
struct Answer {
    succeeded: bool,
    stdout: String,
    stderr: String,
}

/// How two outputs are compared.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// As documents.
    Json,
    /// Byte for byte.
    Text,
    /// Line for line, in any order: docker compose's changes from run to run.
    Lines,
}

/// What is asked, and how the answers are compared. The first one decides whether a file is
/// accepted at all.
const VIEWS: [(&[&str], Kind); 9] = [
    (&["--format", "json"], Kind::Json),
    (&[], Kind::Text),
    (&["--services"], Kind::Lines),
    (&["--images"], Kind::Lines),
    (&["--profiles"], Kind::Lines),
    (&["--volumes"], Kind::Lines),
    (&["--networks"], Kind::Lines),
    (&["--variables"], Kind::Lines),
    (&["--no-interpolate", "--services"], Kind::Lines),
];

/// A difference that is meant: how it shows, and why it is right.
struct Understood {
    /// What docker compose's message contains, where it is the one that refuses.
    theirs: &'static str,
    /// What our message contains.
    ours: &'static str,
    reason: &'static str,
}

const UNDERSTOOD: [Understood; 4] = [
    Understood {
        theirs: "",
        ours: "in the first Compose format",
        reason: "files of the first format are read here",
    },
    Understood {
        theirs: "'pre_start' not allowed",
        ours: "",
        reason: "later versions of docker compose have it",
    },
    Understood {
        theirs: "MarshalJSON",
        ours: "",
        reason: "docker compose reads it and cannot print it as JSON",
    },
    Understood {
        theirs: "",
        ours: "is not a restart policy",
        reason: "the engine refuses it, when everything else is done already",
    },
];

fn ask(program: &Path, file: &Path, arguments: &[&str]) -> Answer {
    let output = Command::new(program)
        .arg("-f")
        .arg(file)
        .arg("config")
        .args(arguments)
        .current_dir(file.parent().unwrap())
        .env_clear()
        .envs(variables())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Answer {
        succeeded: output.status.success(),
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
    }
}

/// What came of one file.
enum Outcome {
    /// Both refuse it.
    Refused,
    /// Both accept it and say the same.
    Equal,
    /// A difference that is meant.
    Understood(&'static str),
    /// One that is not: its cause, and what it is.
    Different(String, String),
}

fn compare(oracle: &Path, file: &Path, views: &[(&[&str], Kind)]) -> Outcome {
    let own = Path::new(env!("CARGO_BIN_EXE_rcompose"));
    for (index, (arguments, kind)) in views.iter().enumerate() {
        let (theirs, ours) = (ask(oracle, file, arguments), ask(own, file, arguments));
        if theirs.succeeded != ours.succeeded {
            return refused_by_one(&theirs, &ours);
        }
        if !theirs.succeeded && index == 0 {
            return Outcome::Refused;
        }
        let found = match kind {
            Kind::Json => json_difference(&theirs.stdout, &ours.stdout),
            Kind::Text => text_difference(&theirs.stdout, &ours.stdout),
            Kind::Lines => text_difference(&sorted(&theirs.stdout), &sorted(&ours.stdout)),
        };
        if let Some(found) = found {
            return Outcome::Different(format!("config {}", arguments.join(" ")), found);
        }
    }
    match hash_difference(oracle, file) {
        Some(found) => Outcome::Different("config --hash".to_owned(), found),
        None => Outcome::Equal,
    }
}

fn refused_by_one(theirs: &Answer, ours: &Answer) -> Outcome {
    let meant = UNDERSTOOD.iter().find(|it| {
        let shows = it.theirs.is_empty() != theirs.succeeded || !it.ours.is_empty();
        shows && theirs.stderr.contains(it.theirs) && ours.stderr.contains(it.ours)
    });
    if let Some(meant) = meant {
        return Outcome::Understood(meant.reason);
    }
    if ours.succeeded {
        let message = theirs.stderr.trim().lines().last().unwrap_or_default();
        // Behind the last colon stands what is the same for many files.
        let cause = message.rsplit(": ").next().unwrap_or_default();
        Outcome::Different(format!("only we accept: {cause}"), message.to_owned())
    } else {
        let mut errors = ours.stderr.lines().filter(|line| line.starts_with("error"));
        let cause = errors.next().unwrap_or_default().to_owned();
        Outcome::Different(format!("only we refuse: {cause}"), ours.stderr.clone())
    }
}

fn json_difference(theirs: &str, ours: &str) -> Option<String> {
    let read = |text: &str| serde_json::from_str::<Value>(text).map(stripped);
    let (Ok(theirs), Ok(ours)) = (read(theirs), read(ours)) else {
        return Some("one of the outputs is no JSON".to_owned());
    };
    let mut found = Vec::new();
    differences(&theirs, &ours, "", &mut found);
    (!found.is_empty()).then(|| found.join("\n"))
}

fn text_difference(theirs: &str, ours: &str) -> Option<String> {
    if theirs == ours {
        return None;
    }
    let mut lines = theirs.lines().zip(ours.lines());
    match lines.find(|(theirs, ours)| theirs != ours) {
        Some((theirs, ours)) => Some(format!("theirs: {theirs}\nours:   {ours}")),
        None => Some("one of the outputs is longer".to_owned()),
    }
}

fn sorted(text: &str) -> String {
    let mut lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.retain(|line| !line.is_empty());
    lines.sort_unstable();
    lines.join("\n")
}

fn hash_difference(oracle: &Path, file: &Path) -> Option<String> {
    let theirs = ask(oracle, file, &["--hash", "*"]);
    let alone = vec![file.to_string_lossy().into_owned()];
    match load_files(alone, file, true) {
        Ok(project) if theirs.succeeded => {
            let wrong = wrong_hashes(&project, &theirs.stdout, file);
            (!wrong.is_empty()).then(|| wrong.join("\n"))
        }
        _ => None,
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    for entry in entries {
        let yaml = entry
            .extension()
            .is_some_and(|it| it == "yml" || it == "yaml");
        if entry.is_dir() {
            collect(&entry, files);
        } else if yaml {
            files.push(entry);
        }
    }
}

/// Each file's outcome, found by as many threads as there are processors.
fn outcomes(oracle: &Path, files: &[PathBuf], views: &[(&[&str], Kind)]) -> Vec<Outcome> {
    let next = AtomicUsize::new(0);
    let found = Mutex::new(BTreeMap::new());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(file) = files.get(index) else { break };
                    let outcome = compare(oracle, file, views);
                    found.lock().unwrap().insert(index, outcome);
                }
            });
        }
    });
    found.into_inner().unwrap().into_values().collect()
}

#[test]
fn every_file_loads_as_in_docker_compose() {
    let Some(oracle) = oracle() else {
        return skipped();
    };
    let given = std::env::var_os("RCOMPOSE_PARITY_DIR").map(PathBuf::from);
    let mut files = Vec::new();
    match &given {
        Some(folder) => collect(&folder.canonicalize().unwrap(), &mut files),
        None => {
            let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
            collect(&cases.join("load"), &mut files);
        }
    }
    let views = &VIEWS[..given.as_ref().map_or(2, |_| VIEWS.len())];
    report(&files, outcomes(&oracle, &files, views));
}

#[expect(
    clippy::print_stderr,
    reason = "what differs is what one runs this for"
)]
fn report(files: &[PathBuf], outcomes: Vec<Outcome>) {
    let (mut refused, mut equal) = (0, 0);
    let mut understood: BTreeMap<&str, usize> = BTreeMap::new();
    let mut causes: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (file, outcome) in files.iter().zip(outcomes) {
        match outcome {
            Outcome::Refused => refused += 1,
            Outcome::Equal => equal += 1,
            Outcome::Understood(reason) => *understood.entry(reason).or_default() += 1,
            Outcome::Different(cause, what) => {
                let what = format!("{}:\n{what}", file.display());
                causes.entry(cause).or_default().push(what);
            }
        }
    }
    eprintln!(
        "{} files: {equal} equal, {refused} refused by both",
        files.len()
    );
    for (reason, count) in understood {
        eprintln!("{count} differ and are meant to: {reason}");
    }
    let problems: Vec<String> = causes
        .iter()
        .map(|(cause, files)| format!("# {cause}: {} files\n{}", files.len(), files.join("\n")))
        .collect();
    assert!(problems.is_empty(), "{}", problems.join("\n\n"));
}
