//! `migrate`: what the texts become, and that they mean the same.
//!
//! A case is a folder of `tests/cases/migrate`: `in.yaml` beside `out.yaml` or, where it cannot be
//! migrated, `error.txt`; `warnings.txt` where something is left to do. Every other file is there for the loader
//! (`RCOMPOSE_REFRESH=1` writes what is expected).
//!
//! Beyond the cases there are promises, which every project of `tests/cases/{load,loader,service}`
//! has to keep: [`Project::keeps_the_promises`].

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, LazyLock, Mutex};

use futures_util::StreamExt;
use granit_parser::{Event, Parser};
use jiff::tz::TimeZone;
use proptest::prelude::*;
use rcompose::cli::disk::Disk;
use rcompose::cli::{self, Environment, Terminals};
use rcompose::document::diagnostic::render;
use rcompose::engine::EngineError;
use rcompose::load;
use rcompose::ops::migrate::migrate;
use rcompose::report::Stream;
use rcompose::report::ps::Clock;
use serde::Deserialize;

use crate::support::{self, Tree};

/// Cases that cannot be migrated, and why that is right.
const REFUSED: &[(&str, &str)] = &[(
    "load/first_format_net_may_come_from_a_variable",
    "whose container it is, is not written in the file",
)];

/// Cases that docker compose 2.40.3 refuses before and after, in today's format, too.
const REFUSED_THERE: &[(&str, &str)] = &[];

fn request(files: &[&str]) -> load::Request {
    load::Request {
        files: files.iter().map(|file| (*file).to_owned()).collect(),
        current_dir: "/demo".into(),
        ..load::Request::default()
    }
}

/// One file migrated; an error is what is rendered.
fn one(tree: &Tree, file: &str) -> Result<(String, String), String> {
    match migrate(&request(&[file]), tree) {
        Ok(migration) => {
            let warnings = render(&migration.warnings, &migration.sources, support::STYLE);
            Ok((migration.files[0].after.clone(), warnings))
        }
        Err(failure) => Err(support::rendered(&failure)),
    }
}

#[test]
fn texts_become_what_their_cases_say() {
    let mut problems = Vec::new();
    for (_, case) in support::cases("migrate") {
        let mut tree = Tree::default();
        for entry in fs::read_dir(&case).expect("the case can be read") {
            let path = entry.expect("an entry").path();
            let bytes = fs::read(&path).expect("a case's file can be read");
            let name = path.file_name().expect("a file has a name").to_owned();
            tree.files.insert(Path::new("/demo").join(name), bytes);
        }
        let [mut out, mut error, mut warnings] = [(); 3].map(|()| String::new());
        match one(&tree, "in.yaml") {
            Ok((text, left)) => {
                let before = String::from_utf8_lossy(&tree.files[Path::new("/demo/in.yaml")]);
                problems.extend(lost_comments(&case, &before, &text));
                let again = one(&tree.clone().with("/demo/in.yaml", &text), "in.yaml");
                if again.as_ref().map(|(again, _)| again) != Ok(&text) {
                    problems.push(format!("{}: not idempotent: {again:?}", case.display()));
                }
                (out, warnings) = (text, left);
            }
            Err(rendered) => error = rendered,
        }
        let expected = [
            ("out.yaml", out),
            ("error.txt", error),
            ("warnings.txt", warnings),
        ];
        for (file, text) in expected {
            let path = case.join(file);
            if text.is_empty() {
                if path.exists() {
                    problems.push(format!("{} is not what came", path.display()));
                }
            } else {
                problems.extend(support::compare(&path, &text).err());
            }
        }
    }
    support::all_well(&problems);
}

/// The comments of a text, as the parser sees them, without the one behind `version`.
fn comments(text: &str) -> Vec<String> {
    let options = granit_parser::options! { emit_comments: true };
    let events = Parser::new_from_str_with_options(text, options);
    let mut found = Vec::new();
    for event in events {
        let Ok((event, place)) = event else { break };
        if let Event::Comment(comment, _) = event {
            let at = place.byte_range().map_or(0, |range| range.start);
            let line = text[..at].rsplit('\n').next().unwrap_or_default();
            if !line.trim_start_matches('\u{feff}').starts_with("version") {
                found.push(comment.trim_end().to_owned());
            }
        }
    }
    found.sort();
    found
}

fn lost_comments(case: &Path, before: &str, after: &str) -> Option<String> {
    let (before, after) = (comments(before), comments(after));
    let name = case.display();
    (before != after).then(|| format!("{name}: comments {before:?} became {after:?}"))
}

#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Kept {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().expect("no panic")).into_owned()
    }
}

/// A copy of a case in a folder of its own, and how it is loaded.
struct Project {
    name: String,
    root: tempfile::TempDir,
    flags: Vec<String>,
    folder: PathBuf,
    variables: BTreeMap<String, String>,
}

/// As in `tests/it/load.rs`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Request {
    files: Vec<String>,
    project_name: Option<String>,
    project_directory: Option<String>,
    env_files: Vec<String>,
    profiles: Vec<String>,
    current_dir: PathBuf,
    variables: BTreeMap<String, String>,
}

impl Request {
    fn flags(&self) -> Vec<String> {
        let one = |flag: &str, value: &String| [flag.to_owned(), value.clone()];
        let name = self.project_name.iter().flat_map(|it| one("-p", it));
        let folder = self.project_directory.iter();
        let folder = folder.flat_map(|it| one("--project-directory", it));
        let files = self.files.iter().flat_map(|it| one("-f", it));
        let envs = self.env_files.iter().flat_map(|it| one("--env-file", it));
        let profiles = self.profiles.iter().flat_map(|it| one("--profile", it));
        files
            .chain(name)
            .chain(folder)
            .chain(envs)
            .chain(profiles)
            .collect()
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder can be made");
    for entry in fs::read_dir(from).expect("the case can be read") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).expect("a file can be copied");
        }
    }
}

impl Project {
    /// Of `tests/cases/<stage>/<name>`. `None` where there is nothing to write to.
    fn of(stage: &str, name: &str, case: &Path) -> Option<Project> {
        let root = tempfile::tempdir().expect("a folder for a while");
        copy(case, &root.path().join("demo"));
        let read = |file: &str| fs::read_to_string(case.join(file)).ok();
        let mut project = Project {
            name: format!("{stage}/{name}"),
            root,
            flags: Vec::new(),
            folder: PathBuf::from("demo"),
            variables: BTreeMap::new(),
        };
        match stage {
            "load" => {
                let text = read("request.yaml").unwrap_or_default();
                let request: Request = serde_yaml::from_str(&text).expect("a request");
                project.flags = request.flags();
                project.folder.push(&request.current_dir);
                project.variables = request.variables;
            }
            "loader" => {
                let line = read("args.txt").unwrap_or_else(|| "config".to_owned());
                let words = line.split_whitespace().map(str::to_owned);
                project.flags = words.take_while(|word| word != "config").collect();
                project
                    .folder
                    .push(read("folder.txt").unwrap_or_default().trim());
                let pairs = read("env.txt").unwrap_or_default();
                let pairs = pairs.lines().filter_map(|line| line.split_once('='));
                project.variables = pairs.map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
            }
            _ => {
                let over = case.join("over.yaml").is_file();
                let files: &[&str] = if over {
                    &["compose.yaml", "over.yaml"]
                } else {
                    &["compose.yaml"]
                };
                project.flags = files
                    .iter()
                    .flat_map(|it| ["-f".to_owned(), (*it).to_owned()])
                    .collect();
            }
        }
        for (name, value) in [
            ("HOME", "/home/me"),
            ("PATH", "/bin"),
            ("FROM_SHELL", "shell"),
        ] {
            project
                .variables
                .entry(name.to_owned())
                .or_insert_with(|| value.to_owned());
        }
        (!project.flags.contains(&"-".to_owned())).then_some(project)
    }

    fn all() -> Vec<Project> {
        let mut projects = Vec::new();
        for stage in ["load", "loader", "service"] {
            let cases = support::cases(stage);
            projects.extend(
                cases
                    .iter()
                    .filter_map(|(name, path)| Project::of(stage, name, path)),
            );
        }
        projects
    }

    fn current_dir(&self) -> PathBuf {
        self.root.path().join(&self.folder)
    }

    /// Runs a command of ours. Exit code, standard output and standard error.
    fn run(&self, words: &[&str]) -> (u8, String, String) {
        let (stdout, stderr) = (Kept::default(), Kept::default());
        let environment = Environment {
            variables: self.variables.clone(),
            current_dir: self.current_dir(),
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
            time: Arc::new(|| jiff::Timestamp::UNIX_EPOCH),
            interrupts: futures_util::stream::pending().boxed(),
            process: None,
            host: rcompose::ops::up::Host::default(),
        };
        let line = ["rcompose"]
            .into_iter()
            .chain(self.flags.iter().map(String::as_str));
        let line = line.chain(words.iter().copied()).map(OsString::from);
        let connect = |_: &BTreeMap<String, String>| {
            Err(EngineError::BadAddress {
                address: String::new(),
                reason: "not in this test".to_owned(),
            })
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let code = runtime.block_on(cli::run(line, environment, &connect));
        (code, stdout.text(), stderr.text())
    }

    /// What the project is, and what is said about it; nothing where it does not load.
    fn model(&self) -> Option<(String, String)> {
        let (code, model, said) = self.run(&["config", "--format", "json"]);
        (code == 0).then_some((model, said))
    }

    /// All texts of the folder, by path.
    fn texts(&self) -> BTreeMap<PathBuf, String> {
        let mut texts = BTreeMap::new();
        let mut ahead = vec![self.root.path().to_owned()];
        while let Some(folder) = ahead.pop() {
            for entry in fs::read_dir(folder).expect("a folder can be read") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    ahead.push(path);
                } else if let Ok(text) = fs::read_to_string(&path) {
                    texts.insert(path, text);
                }
            }
        }
        texts
    }

    /// The new texts mean what the old ones meant, need no further change, and have every comment
    /// of the old ones. Answers whether there was anything to see, or what is wrong.
    fn keeps_the_promises(&self) -> Result<bool, String> {
        let Some((before, said_before)) = self.model() else {
            return Ok(false);
        };
        let originals = self.texts();
        let (code, _, said) = self.run(&["migrate", "--in-place"]);
        let refused = REFUSED.iter().any(|(name, _)| *name == self.name);
        if (code != 0) != refused {
            return Err(format!("{}: exit code {code}\n{said}", self.name));
        }
        let after = self.model();
        // What extensions hold for services of the first format is migrated with these.
        let without = |model: &str| -> Option<serde_json::Value> {
            let mut model: serde_json::Value = serde_json::from_str(model).ok()?;
            if said_before.contains("first Compose format") {
                model
                    .as_object_mut()?
                    .retain(|key, _| !key.starts_with("x-"));
            }
            Some(model)
        };
        if after.as_ref().map(|(model, _)| without(model)) != Some(without(&before)) {
            return Err(format!("{}: {before}\nbecame {after:?}", self.name));
        }
        let texts = self.texts();
        for (path, original) in &originals {
            if let Some(lost) = lost_comments(Path::new(&self.name), original, &texts[path]) {
                return Err(lost);
            }
        }
        let (code, changes, _) = self.run(&["migrate", "--check"]);
        if code != 0 && !refused {
            return Err(format!("{}: not idempotent:\n{changes}", self.name));
        }
        Ok(true)
    }

    /// Whether docker compose loads it.
    fn loads_in(&self, oracle: &Path) -> Result<(), String> {
        let output = Command::new(oracle)
            .args(&self.flags)
            .args(["config", "-q"])
            .current_dir(self.current_dir())
            .env_clear()
            .envs(&self.variables)
            .output()
            .expect("docker compose runs");
        let said = String::from_utf8_lossy(&output.stderr);
        let warned = said.contains("is obsolete") || said.contains("is deprecated");
        if output.status.success() && !warned {
            return Ok(());
        }
        Err(format!("{}: {said}", self.name))
    }
}

#[test]
fn every_project_means_the_same_when_it_is_migrated() {
    let mut problems = Vec::new();
    let mut seen = 0;
    for project in Project::all() {
        match project.keeps_the_promises() {
            Ok(loaded) => seen += usize::from(loaded),
            Err(problem) => problems.push(problem),
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert!(seen > 300, "{seen} projects");
}

/// The oracle; `None` where there is none and none is demanded.
fn oracle() -> Option<PathBuf> {
    let given = std::env::var_os("RCOMPOSE_ORACLE").map(PathBuf::from);
    let path = given.unwrap_or_else(|| PathBuf::from("/var/cache/rcompose/oracle/docker-compose"));
    if path.is_file() {
        return Some(path);
    }
    let demanded = std::env::var("RCOMPOSE_REQUIRE_ENGINE").is_ok_and(|it| it == "1");
    assert!(!demanded, "no docker compose at {}", path.display());
    None
}

#[test]
fn docker_compose_loads_what_has_changed() {
    let Some(oracle) = oracle() else {
        println!("skipped: there is no docker compose to ask");
        return;
    };
    let mut problems = Vec::new();
    let mut asked = 0;
    for project in Project::all() {
        if project.model().is_none() || project.run(&["migrate", "--check"]).0 == 0 {
            continue;
        }
        if project.run(&["migrate", "--in-place"]).0 != 0 {
            continue;
        }
        asked += 1;
        let understood = REFUSED_THERE.iter().find(|(name, _)| *name == project.name);
        match (project.loads_in(&oracle), understood) {
            (Err(problem), None) => problems.push(problem),
            (Ok(()), Some((name, _))) => problems.push(format!("{name} loads there; remove it")),
            _ => {}
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert!(asked > 40, "{asked} projects");
}

#[test]
fn what_is_understood_has_a_project() {
    let names: BTreeSet<String> = Project::all().into_iter().map(|it| it.name).collect();
    for (name, _) in REFUSED.iter().chain(REFUSED_THERE) {
        assert!(names.contains(*name), "no case {name}");
    }
}

/// Lines of one entry of a service; the first is its key.
fn entry() -> impl Strategy<Value = Vec<&'static str>> {
    prop::sample::select(vec![
        vec!["net: host"],
        vec!["net: 'container:db'"],
        vec!["net: bridge"],
        vec!["dockerfile: Other"],
        vec!["log_driver: syslog"],
        vec![
            "log_opt:",
            "  tag: x",
            "  other: |",
            "    # no comment",
            "",
            "    two",
        ],
        vec!["log_opt: {tag: x,", "  other: 'y", "  z'}"],
        vec!["volume_driver: flocker"],
        vec!["volumes:", "- data:/data", "- ./x:/x"],
        vec!["volumes: [", "  'data:/data', more:/more", "  ]"],
        vec!["volumes_from: [db, \"far:ro\"]"],
        vec!["volumes_from:", "  - db:ro", "  - 'far'"],
        vec!["links:", "  - db:database"],
        vec!["command: >", "  one", "    two", "", "  # three"],
        vec!["command: \"one", "  two\\", "  three\""],
        vec!["environment:", "  A: 'x # y'", "  B: z#"],
        vec!["labels: {a: \"}\", b: ',#'}"],
    ])
}

/// What may stand between two lines without meaning anything.
fn noise() -> impl Strategy<Value = Option<&'static str>> {
    prop::sample::select(vec![
        None,
        None,
        Some(""),
        Some("# a comment"),
        Some("    # further in"),
        Some("#"),
        Some("# services: none"),
    ])
}

/// What may stand behind an entry's first line.
fn behind() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["", "", "  # behind", " #", "\t# tab", "   "])
}

prop_compose! {
    /// The lines of a service's entries, no key twice, with comments around.
    fn service()(
        step in 1..6_usize,
        build in prop::sample::select(vec!["build: .", "build: './dir'", "build: >-\n  dir", "image: a"]),
        place in 0..5_usize,
        entries in prop::collection::vec((entry(), noise(), behind()), 0..7),
        above in noise(),
    ) -> String {
        let mut seen = BTreeSet::new();
        let mut lines: Vec<(Vec<&str>, Option<&str>, &str)> = entries
            .into_iter()
            .filter(|(lines, ..)| seen.insert(lines[0].split(':').next()))
            .filter(|(lines, ..)| !(build.starts_with("image") && lines[0].starts_with("dockerfile")))
            .collect();
        lines.insert(place.min(lines.len()), (build.split('\n').collect(), above, ""));
        let mut text = String::new();
        let indent = " ".repeat(step);
        for (lines, noise, behind) in lines {
            if let Some(noise) = noise {
                let _ = writeln!(text, "{noise}");
            }
            let plain = lines.len() == 1 || lines[0].ends_with(':');
            for (number, line) in lines.iter().enumerate() {
                let behind = if number == 0 && plain { behind } else { "" };
                let indent = if line.is_empty() { "" } else { indent.as_str() };
                let _ = writeln!(text, "{indent}{line}{behind}");
            }
        }
        text
    }
}

prop_compose! {
    fn file()(
        header in prop::collection::vec(noise(), 0..4),
        start in prop::sample::select(vec!["", "---\n", "--- # begin\n", "%YAML 1.1\n---\n"]),
        web in service(),
        between in prop::collection::vec(noise(), 0..3),
        db in service(),
        footer in prop::collection::vec(noise(), 0..3),
        windows in prop::bool::ANY,
        mark in prop::bool::ANY,
        end in prop::sample::select(vec!["", "...\n"]),
    ) -> String {
        let lines = |noise: Vec<Option<&str>>| -> String {
            let lines = noise.into_iter().flatten();
            lines.flat_map(|line| [line, "\n"]).collect()
        };
        let (header, between, footer) = (lines(header), lines(between), lines(footer));
        let header = if start.starts_with('%') { String::new() } else { header };
        let text = format!("{header}{start}web:\n{web}{between}db:\n{db}{footer}{end}");
        let text = if windows { text.replace('\n', "\r\n") } else { text };
        if mark { format!("\u{feff}{text}") } else { text }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn files_of_the_first_format_keep_their_meaning_and_comments(text in file()) {
        let load = |text: &str| support::load_one(text);
        let Ok(before) = load(&text) else { return Ok(()); };
        let tree = Tree::default().with("/demo/compose.yaml", &text);
        let (after, _) = one(&tree, "compose.yaml").map_err(TestCaseError::fail)?;
        let loaded = load(&after).map_err(|it| TestCaseError::fail(support::rendered(&it)))?;
        prop_assert_eq!(
            serde_json::to_value(before.project.to_data()).expect("plain data"),
            serde_json::to_value(loaded.project.to_data()).expect("plain data"),
            "{}", after
        );
        prop_assert_eq!(comments(&text), comments(&after), "{}", after);
        let tree = Tree::default().with("/demo/compose.yaml", &after);
        prop_assert_eq!(one(&tree, "compose.yaml").map(|(text, _)| text), Ok(after));
    }
}
