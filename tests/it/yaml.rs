//! The YAML printer over arbitrary values: what it prints reads back, and is quoted as Go does.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use pretty_assertions::assert_eq;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use rcompose::document::{Node, ScalarKind, SourceId, Value as Read, yaml};
use rcompose::report::yaml::yaml as printed;
use serde_yaml::{Mapping, Value};

use crate::support;

/// Texts that other readers take for something else, and what is hard to quote.
const ODD: &[&str] = &[
    "",
    " ",
    "~",
    "null",
    "yes",
    "No",
    "on",
    "y",
    "true",
    "0o7",
    "0x1F",
    "0b1",
    "08",
    "0755",
    "1_000",
    "1e3",
    "1.",
    ".5",
    ".inf",
    "-.Inf",
    ".nan",
    "+1",
    "22:22",
    "1:2:3.5",
    "2001-01-01",
    "2001-1-1 1:2:3",
    "2001-01-01T00:00:00Z",
    "- x",
    "-",
    "--",
    "---",
    "--- a",
    "...",
    "? ",
    "?",
    "?x",
    ": ",
    ":",
    "a: b",
    "a:",
    "a :b",
    "a #b",
    "#",
    "a#b",
    "<<",
    "=",
    "!x",
    "&a",
    "*a",
    "%a",
    "@a",
    "`a",
    "|",
    ">",
    "{",
    "}",
    "[",
    "]",
    ",",
    "{a}",
    "a, b",
    "'",
    "''",
    "\"",
    "\\",
    "a'b",
    "a\"b",
    "\ta",
    "a\tb",
    "a\t",
    " a",
    "a ",
    "\n",
    "a\n",
    "a\n\n",
    "\na",
    "\n\n",
    " a\nb",
    "a \nb",
    "a\n b",
    "a\nb ",
    "a\r\nb",
    "a\rb",
    "a\u{85}b",
    "a\u{2028}b",
    "\u{feff}a",
    "\u{7f}",
    "\u{0}",
    "\u{1b}[31m",
    "\u{a0}",
    "é",
    "名前",
    "\u{1f600}",
    "e\u{301}",
    "\u{200b}",
    "\u{202e}",
    "\u{fffd}",
    "a\n\tb",
    "#\na",
    "- a\n- b",
    "key: |\n  x",
];

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => prop::sample::select(ODD).prop_map(str::to_owned),
        2 => "[ -~]{0,12}",
        2 => "[ \\-:?#,\\[\\]{}&*!|>'\"%@`~<=.+_0-9a-fexoyYnN\t\n]{0,8}",
        1 => any::<String>(),
        1 => (prop::sample::select(ODD), prop::sample::select(ODD)).prop_map(|(one, two)| format!("{one}{two}")),
        1 => "[a-z ]{100,250}",
        1 => "([a-z: #]{0,20}\n){1,4}",
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        5 => text().prop_map(Value::String),
        1 => any::<i64>().prop_map(|number| Value::Number(number.into())),
        1 => any::<bool>().prop_map(Value::Bool),
        1 => Just(Value::Null),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        let key = text().prop_filter("a merge key, or read anew", |key| key != "<<");
        let entries = prop::collection::vec((key, inner.clone()), 0..5);
        let mapping = entries.prop_map(|entries| {
            let pairs = entries
                .into_iter()
                .map(|(key, value)| (Value::String(key), value));
            Value::Mapping(pairs.collect::<Mapping>())
        });
        prop_oneof![
            mapping,
            prop::collection::vec(inner, 0..5).prop_map(Value::Sequence),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn what_is_printed_reads_back_as_the_same_value(value in value()) {
        let value = Value::Mapping(Mapping::from_iter([("root".into(), value)]));
        let text = printed(&value);
        let documents = match yaml::parse(SourceId(0), &text) {
            Ok(documents) => documents,
            Err(problems) => return Err(TestCaseError::fail(format!("{problems:?}\n{text}"))),
        };
        prop_assert_eq!(documents.len(), 1, "{}", text);
        prop_assert_eq!(same_kinds(&documents[0]), value, "{}", text);
    }
}

/// What the reader has read, as the printer takes it.
fn same_kinds(node: &Node) -> Value {
    match &node.value {
        Read::Scalar(scalar) => match scalar.kind {
            ScalarKind::Null => Value::Null,
            ScalarKind::Bool(value) => Value::Bool(value),
            ScalarKind::Integer(value) => Value::Number(value.into()),
            _ => Value::String(scalar.text.clone()),
        },
        Read::Sequence(items) => items.iter().map(same_kinds).collect(),
        Read::Mapping(mapping) => {
            let pairs = mapping.iter();
            let pairs = pairs.map(|(key, entry)| (key.as_str().into(), same_kinds(&entry.value)));
            Value::Mapping(pairs.collect())
        }
    }
}

#[test]
fn texts_are_quoted_as_docker_compose_quotes_them() {
    let Some(oracle) = support::oracle() else {
        println!("skipped: there is no docker compose to ask");
        return;
    };
    let mut texts: Vec<String> = ODD.iter().map(|text| (*text).to_owned()).collect();
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    for _ in 0..1500 {
        texts.push(text().new_tree(&mut runner).unwrap().current());
    }
    // Go's printer breaks lines of such texts in the middle, and they do not read back.
    texts.retain(|text| !text.contains(['\u{2028}', '\u{2029}']));
    let folder = tempfile::tempdir().unwrap();
    let theirs = asked(&oracle, folder.path(), &texts);
    let loaded = support::load_one(&project(&texts)).unwrap_or_else(|failure| {
        panic!("{}", support::rendered(&failure));
    });
    let ours = printed(&loaded.project.to_yaml_data()).replace('$', "$$");
    assert_eq!(ours, theirs);
}

fn asked(oracle: &Path, folder: &Path, texts: &[String]) -> String {
    std::fs::write(folder.join("compose.yaml"), project(texts)).unwrap();
    let output = Command::new(oracle)
        .arg("config")
        .current_dir(folder)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    String::from_utf8(output.stdout).unwrap()
}

/// A project with the texts as arguments of a command.
fn project(texts: &[String]) -> String {
    let quoted = texts.iter().map(|text| escaped(&text.replace('$', "$$")));
    let list: Vec<String> = quoted.collect();
    let list = list.join(", ");
    format!("name: demo\nservices: {{web: {{image: a, command: [{list}]}}}}\n")
}

/// In double quotes, with everything but plain ASCII escaped.
fn escaped(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            ' '..='~' => quoted.push(c),
            c => {
                let _ = write!(quoted, "\\U{:08x}", u32::from(c));
            }
        }
    }
    quoted.push('"');
    quoted
}
