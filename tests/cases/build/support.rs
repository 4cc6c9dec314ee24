//! What the tests of the build stage share: a tree of files, ignore files with what is sent of it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use futures_util::StreamExt;
use rcompose::build::context::LocalContext;
use rcompose::build::context::archive::Packing;
use rcompose::build::{BuildError, Dockerfile};

/// The Dockerfile that shows what arrives.
pub(crate) const DOCKERFILE: &str = "FROM busybox\nCOPY . /ctx\nRUN find /ctx | sort\n";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/build")
}

/// The cases, by name.
pub(crate) fn cases() -> Vec<String> {
    let entries = fs::read_dir(folder()).unwrap().map(Result::unwrap);
    let mut names: Vec<_> = entries
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Makes the context of a case: the common tree, and the case's own files over it.
pub(crate) fn context(case: &str) -> tempfile::TempDir {
    let made = tempfile::tempdir().unwrap();
    let tree = fs::read_to_string(folder().join("tree.txt")).unwrap();
    for line in tree.lines() {
        write(made.path(), line, "");
    }
    write(made.path(), "Dockerfile", DOCKERFILE);
    for entry in fs::read_dir(folder().join(case)).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if name != "sent.txt" {
            let text = fs::read_to_string(entry.path()).unwrap();
            write(made.path(), &name, &text);
        }
    }
    made
}

/// Writes a file with the folders around it.
pub(crate) fn write(root: &Path, name: &str, text: &str) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// Compares with what a case expects; writes it down instead when `RCOMPOSE_BLESS` is set.
pub(crate) fn check(case: &str, found: &BTreeSet<String>) {
    let file = folder().join(case).join("sent.txt");
    if std::env::var_os("RCOMPOSE_BLESS").is_some() {
        let lines = found.iter().flat_map(|name| [name.as_str(), "\n"]);
        fs::write(&file, lines.collect::<String>()).unwrap();
    }
    let expected = fs::read_to_string(&file).unwrap();
    let expected: BTreeSet<_> = expected.lines().map(str::to_owned).collect();
    pretty_assertions::assert_eq!(found, &expected, "{case}");
}

/// The names that we send of a folder, without what the engine removes again.
pub(crate) async fn sent(root: &Path) -> Result<BTreeSet<String>, BuildError> {
    let context = LocalContext::open(root, &Dockerfile::default())?;
    let mut removed = BTreeSet::new();
    if context.extras.contains_key(&context.dockerfile) {
        removed.insert(context.dockerfile.clone());
        if context.ignore.excludes(".dockerignore") {
            removed.insert(".dockerignore".to_owned());
        }
    }
    let mut packing = Packing::start(context);
    let mut archive = Vec::new();
    while let Some(Ok(piece)) = packing.bytes.next().await {
        archive.extend_from_slice(&piece);
    }
    packing.outcome.await.expect("the reader is here")?;
    Ok(&names(&archive) - &removed)
}

/// The names in an archive, with the folders that unpacking makes for them.
pub(crate) fn names(archive: &[u8]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for entry in tar::Archive::new(archive).entries().unwrap() {
        let path = entry.unwrap().path().unwrap().into_owned();
        names.extend(with_folders(path.to_string_lossy().trim_end_matches('/')));
    }
    names
}

/// A path and the folders that it is in.
pub(crate) fn with_folders(path: &str) -> impl Iterator<Item = String> {
    let ends = path.match_indices('/').map(|(at, _)| at);
    let ends: Vec<_> = ends.chain([path.len()]).collect();
    ends.into_iter().map(|end| path[..end].to_owned())
}
