//! What several test modules share: case folders, expected files, a file system in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rcompose::document::diagnostic::{Style, render};
use rcompose::load::{self, Failure, Files, Loaded};
use rcompose::project::Project;

/// A file system in memory, for loading; every path is absolute.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tree {
    /// Files by path.
    pub(crate) files: BTreeMap<PathBuf, Vec<u8>>,
    /// Standard input.
    pub(crate) stdin: Vec<u8>,
}

impl Tree {
    /// With one file.
    pub(crate) fn with(mut self, path: &str, text: &str) -> Tree {
        self.files.insert(PathBuf::from(path), text.into());
        self
    }
}

impl Files for Tree {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let missing = || io::Error::new(io::ErrorKind::NotFound, "no such file");
        self.files.get(path).cloned().ok_or_else(missing)
    }

    fn is_file(&self, path: &Path) -> bool {
        self.files.contains_key(path)
    }

    fn read_stdin(&self) -> io::Result<Vec<u8>> {
        Ok(self.stdin.clone())
    }
}

/// Loads one file as the project `demo` in `/demo`.
pub(crate) fn load_one(text: &str) -> Result<Loaded, Failure> {
    let request = load::Request {
        current_dir: "/demo".into(),
        ..load::Request::default()
    };
    load::load(&request, &Tree::default().with("/demo/compose.yaml", text))
}

/// The same, of a file that is known to be fine.
pub(crate) fn project(text: &str) -> Project {
    match load_one(text) {
        Ok(loaded) => loaded.project,
        Err(failure) => panic!("{}", rendered(&failure)),
    }
}

/// A failure as people see it.
pub(crate) fn rendered(failure: &Failure) -> String {
    render(&failure.diagnostics, &failure.sources, STYLE)
}

/// Without colours, and wide enough that nothing is cut.
pub(crate) const STYLE: Style = Style {
    color: false,
    width: 140,
};

/// The case folders of a stage, by name. There has to be one, and nothing but folders.
pub(crate) fn cases(stage: &str) -> Vec<(String, PathBuf)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/cases")
        .join(stage);
    let mut cases = Vec::new();
    for entry in fs::read_dir(&root).expect("the stage has cases") {
        let path = entry.expect("its entries can be read").path();
        assert!(path.is_dir(), "{} belongs to no case", path.display());
        let name = path.file_name().expect("a folder has a name");
        cases.push((name.to_string_lossy().into_owned(), path));
    }
    cases.sort();
    assert!(!cases.is_empty(), "{} holds cases", root.display());
    cases
}

/// The files of a case that nobody reads.
pub(crate) fn unowned(case: &Path, owned: &[&str]) -> Vec<String> {
    let owned: BTreeSet<&str> = owned.iter().copied().collect();
    let entries = fs::read_dir(case).expect("the case can be read");
    let names = entries.map(|it| {
        it.expect("an entry")
            .file_name()
            .to_string_lossy()
            .into_owned()
    });
    names
        .filter(|name| !owned.contains(name.as_str()))
        .collect()
}

/// Compares with an expected file, or writes it when `RCOMPOSE_REFRESH` is set.
pub(crate) fn compare(path: &Path, actual: &str) -> Result<(), String> {
    if std::env::var_os("RCOMPOSE_REFRESH").is_some() {
        fs::write(path, actual).expect("the expected file can be written");
        return Ok(());
    }
    let expected = fs::read_to_string(path).unwrap_or_default();
    if expected == actual {
        return Ok(());
    }
    let difference = pretty_assertions::StrComparison::new(&expected, actual);
    Err(format!("{}:\n{difference}", path.display()))
}

/// Fails with everything that is wrong at once.
pub(crate) fn all_well(problems: &[String]) {
    assert!(
        problems.is_empty(),
        "{}\nRCOMPOSE_REFRESH=1 writes what is expected; review it then",
        problems.join("\n")
    );
}

/// The oracle, docker compose 2.40.3; `None` where there is none and none is demanded.
pub(crate) fn oracle() -> Option<PathBuf> {
    let given = std::env::var_os("RCOMPOSE_ORACLE").map(PathBuf::from);
    let path = given.unwrap_or_else(|| PathBuf::from("/var/cache/rcompose/oracle/docker-compose"));
    if path.is_file() {
        return Some(path);
    }
    let demanded = std::env::var("RCOMPOSE_REQUIRE_ENGINE").is_ok_and(|it| it == "1");
    assert!(!demanded, "no docker compose at {}", path.display());
    None
}
