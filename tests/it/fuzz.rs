//! The inputs of the fuzz target: made from the cases, and broken at random in the normal run.
//!
//! `tests/fuzz/corpus/load` holds the loading cases as inputs of `tests/fuzz/digest.rs`, one file
//! each; `RCOMPOSE_REFRESH=1` writes them anew.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use crate::support;

#[path = "../fuzz/digest.rs"]
mod digest;

/// Longer inputs take the fuzzer's time from shorter ones that say as much.
const LONGEST: usize = 4096;

/// What cases hold beside files for the loader.
const EXPECTED: &[&str] = &[
    "args.txt",
    "config.json",
    "config.yaml",
    "create.json",
    "env.txt",
    "error.txt",
    "folder.txt",
    "out.txt",
    "output.txt",
    "request.yaml",
    "warning.txt",
];

#[test]
fn the_corpus_is_that_of_the_cases() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus/load");
    let inputs = inputs();
    if std::env::var_os("RCOMPOSE_REFRESH").is_some() {
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("the corpus can be written");
        for (name, input) in &inputs {
            fs::write(folder.join(name), input).expect("an input can be written");
        }
    }
    let there = fs::read_dir(&folder).expect("there is a corpus");
    let there: BTreeMap<String, Vec<u8>> = there
        .map(|entry| entry.expect("an entry").path())
        .map(|path| {
            let name = path.file_name().expect("a name").to_string_lossy();
            (name.into_owned(), fs::read(&path).expect("an input"))
        })
        .collect();
    let names: Vec<&String> = inputs.keys().collect();
    assert_eq!(there.keys().collect::<Vec<_>>(), names);
    assert!(there == inputs, "RCOMPOSE_REFRESH=1 writes the corpus anew");
    assert!(inputs.len() > 200, "{} inputs", inputs.len());
}

#[test]
fn every_input_of_the_corpus_is_digested() {
    for input in inputs().values() {
        digest::digest(input);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn projects_with_random_changes_load_or_are_refused(
        which in any::<prop::sample::Index>(),
        edits in prop::collection::vec(
            (any::<prop::sample::Index>(), 0..6_usize, "[ \\-:?,\\[\\]{}#&*!|>'\"%~<a$0=./\t\n]{0,4}"),
            1..6,
        ),
    ) {
        let inputs = inputs_once();
        let mut input = inputs[which.index(inputs.len())].clone();
        for (at, length, inserted) in edits {
            let start = at.index(input.len() + 1);
            let end = (start + length).min(input.len());
            input.splice(start..end, inserted.bytes());
        }
        digest::digest(&input);
    }
}

fn inputs_once() -> &'static [Vec<u8>] {
    static INPUTS: std::sync::OnceLock<Vec<Vec<u8>>> = std::sync::OnceLock::new();
    INPUTS.get_or_init(|| inputs().into_values().collect())
}

/// One input for every case whose files are short enough.
fn inputs() -> BTreeMap<String, Vec<u8>> {
    let mut inputs = BTreeMap::new();
    for stage in ["load", "loader", "service"] {
        for (name, case) in support::cases(stage) {
            let input = input(&case);
            if !input.is_empty() && input.len() <= LONGEST {
                inputs.insert(format!("{stage}-{name}"), input);
            }
        }
    }
    inputs
}

fn input(case: &Path) -> Vec<u8> {
    let mut files = Vec::new();
    gather(case, &mut files);
    files.sort();
    let mut input = Vec::new();
    for path in files {
        let name = path.strip_prefix(case).expect("it is in the case");
        input.extend_from_slice(digest::SEPARATOR);
        input.extend_from_slice(name.to_string_lossy().as_bytes());
        input.push(b'\n');
        input.extend(fs::read(&path).expect("a case's file can be read"));
        if input.last() != Some(&b'\n') {
            input.push(b'\n');
        }
    }
    input
}

fn gather(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the case can be read") {
        let path = entry.expect("its entries can be read").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() {
            gather(&path, files);
        } else if path.is_file() && !EXPECTED.contains(&name.as_ref()) {
            files.push(path);
        }
    }
}
