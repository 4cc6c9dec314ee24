//! One input through the loader and all that is made of a project without an engine.
//!
//! An input is several files. A line `=== NAME` begins each; what stands before the first one is
//! `compose.yaml`. `.env` and `compose.override.yaml` are found by their names, the others by
//! `include`, `extends`, `env_file` and `label_file`. A project that loads is hashed, printed, and
//! its text loaded again.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use rcompose::document::Diagnostic;
use rcompose::document::diagnostic::{Style, render};
use rcompose::graph::Graph;
use rcompose::load::{self, Failure, Files, Loaded, Request, Skip};
use rcompose::project::hash::{self, Encoding, go_json};
use rcompose::report::problems::Problem;
use rcompose::report::yaml::{indented_json, yaml};

/// Begins a line that names a file.
pub(crate) const SEPARATOR: &[u8] = b"=== ";

/// Files in memory.
struct Tree(BTreeMap<PathBuf, Vec<u8>>);

impl Files for Tree {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let missing = || io::ErrorKind::NotFound.into();
        self.0.get(path).cloned().ok_or_else(missing)
    }

    fn is_file(&self, path: &Path) -> bool {
        self.0.contains_key(path)
    }

    fn read_stdin(&self) -> io::Result<Vec<u8>> {
        Ok(Vec::new())
    }
}

impl Tree {
    fn of(input: &[u8]) -> Tree {
        let mut name = "compose.yaml".to_owned();
        let mut files: BTreeMap<PathBuf, Vec<u8>> = BTreeMap::new();
        for line in input.split_inclusive(|byte| *byte == b'\n') {
            if let Some(named) = line.strip_prefix(SEPARATOR) {
                String::from_utf8_lossy(named).trim().clone_into(&mut name);
            } else {
                let file = files.entry(Path::new("/demo").join(&name)).or_default();
                file.extend_from_slice(line);
            }
        }
        Tree(files)
    }
}

fn request(skip: Skip) -> Request {
    let variables = [("HOME", "/home/me"), ("TAG", "1.2"), ("EMPTY", "")];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Request {
        current_dir: "/demo".into(),
        skip,
        variables: variables.into(),
        ..Request::default()
    }
}

/// Panics when an input is handled badly; that it is refused is fine.
pub(crate) fn digest(input: &[u8]) {
    let tree = Tree::of(input);
    match load::load(&request(Skip::default()), &tree) {
        Ok(loaded) => accepted(&loaded),
        Err(failure) => refused(&failure),
    }
    let skip = Skip {
        interpolation: true,
        ..Skip::default()
    };
    drop(load::tree(&request(skip), &tree));
}

/// A refusal has reasons, which do nothing to a terminal.
fn refused(failure: &Failure) {
    assert!(
        failure.diagnostics.iter().any(Diagnostic::is_error),
        "refused without a reason"
    );
    let style = Style {
        color: false,
        width: 100,
    };
    let shown = render(&failure.diagnostics, &failure.sources, style);
    let acted_on = |c: char| c.is_control() && c != '\n';
    assert!(!shown.contains(acted_on), "a terminal acts on {shown:?}");
    for diagnostic in &failure.diagnostics {
        assert_ne!(diagnostic.code, "problem", "{diagnostic:?}");
        drop(Problem::of(diagnostic, &failure.sources));
    }
}

/// Problems that a printed project never has. (Others it may have, as docker compose's own has:
/// what refers to a service that no profile wants, or `memswap_limit: "-1"`.)
const OF_YAML: &[&str] = &[
    "control-character",
    "duplicate-key",
    "invalid-interpolation",
    "key-not-a-string",
    "tab-indentation",
    "unknown-alias",
    "unknown-tag",
    "yaml-syntax",
];

/// What is printed of a project can be read.
fn accepted(loaded: &Loaded) {
    let project = &loaded.project;
    for service in project.services.values() {
        drop(hash::service(service, Encoding::Current));
    }
    drop(Graph::of(project).cycles());
    drop(indented_json(&go_json(&project.to_data())));
    let text = yaml(&project.to_yaml_data()).replace('$', "$$");
    let again = Tree([("/demo/compose.yaml".into(), text.clone().into())].into());
    if let Err(failure) = load::load(&request(Skip::default()), &again) {
        let mut problems = failure.diagnostics.iter();
        let broken = problems.find(|problem| OF_YAML.contains(&problem.code));
        assert!(
            broken.is_none(),
            "what was printed is broken: {broken:?}\n{text}"
        );
    }
}
