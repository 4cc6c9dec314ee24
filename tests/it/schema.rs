//! The JSON Schema made of the rows: that it is the one that is published, that it covers the
//! Compose Specification, that it lets through what loads, and that it stops typos.
//!
//! `schema/specification.txt` lists the keys of the specification at every level, and the kinds of
//! values that each may have: `.*` is any name, `[]` any item.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use boon::{Compiler, Schemas};
use rcompose::document::{Node, Sources, Tag, Value as NodeValue, yaml};
use rcompose::project::hash::go_json;
use rcompose::project::render;
use rcompose::project::schema::schema;
use rcompose::report::yaml::indented_json;
use serde_json::{Map, Value, json};

use crate::support;

const SPECIFICATION: &str = include_str!("schema/specification.txt");

/// What rcompose reads and the specification leaves open.
const BEYOND: [&str; 1] = ["services.*.storage_opt.*"];

fn ours() -> Value {
    serde_json::from_str(&go_json(&schema())).unwrap()
}

#[test]
fn the_published_schema_is_the_one_that_the_rows_make() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/compose.schema.json");
    let problems = support::compare(&path, &indented_json(&go_json(&schema()))).err();
    support::all_well(&problems.into_iter().collect::<Vec<_>>());
}

/// Kinds of values by path.
type Kinds = BTreeMap<String, BTreeSet<String>>;

fn specified() -> Kinds {
    let lines = SPECIFICATION.lines().map(|line| {
        let (path, kinds) = line.split_once(':').unwrap();
        let kinds = kinds.split_whitespace().map(str::to_owned).collect();
        (path.to_owned(), kinds)
    });
    lines.collect()
}

/// Every path of a schema, and the kinds of values that it lets through there.
fn walk(whole: &Value, part: &Value, path: &str, found: &mut Kinds) {
    if let Some(reference) = part["$ref"].as_str() {
        let target = whole.pointer(reference.trim_start_matches('#')).unwrap();
        walk(whole, target, path, found);
    }
    for alternative in part["anyOf"].as_array().into_iter().flatten() {
        walk(whole, alternative, path, found);
    }
    let kinds = found.entry(path.to_owned()).or_default();
    match &part["type"] {
        Value::String(kind) => drop(kinds.insert(kind.clone())),
        Value::Array(list) => kinds.extend(list.iter().map(|kind| kind.as_str().unwrap().into())),
        _ if part.get("enum").is_some() => drop(kinds.insert("string".to_owned())),
        _ => {}
    }
    if part.get("items").is_some() {
        walk(whole, &part["items"], &format!("{path}[]"), found);
    }
    for (key, value) in part["properties"].as_object().into_iter().flatten() {
        let dot = if path.is_empty() { "" } else { "." };
        walk(whole, value, &format!("{path}{dot}{key}"), found);
    }
    for (pattern, value) in part["patternProperties"].as_object().into_iter().flatten() {
        if pattern != "^x-" {
            walk(whole, value, &format!("{path}.*"), found);
        }
    }
    if part["additionalProperties"].is_object() {
        walk(
            whole,
            &part["additionalProperties"],
            &format!("{path}.*"),
            found,
        );
    }
}

#[test]
fn every_key_of_the_specification_is_there_with_all_its_kinds_and_no_other_key() {
    let mut found = Kinds::new();
    let schema = ours();
    walk(&schema, &schema, "", &mut found);
    found.remove("");
    let specified = specified();
    let mut problems = Vec::new();
    for (path, kinds) in &specified {
        let Some(ours) = found.get(path) else {
            problems.push(format!("{path} is missing"));
            continue;
        };
        let whole = |kind: &str| kind == "integer" && ours.contains("number");
        let missing = kinds
            .iter()
            .filter(|kind| !ours.contains(*kind) && !whole(kind));
        problems.extend(missing.map(|kind| format!("{path} cannot be {kind}")));
    }
    let beyond = found.keys().filter(|path| !specified.contains_key(*path));
    let known = |path: &&String| BEYOND.iter().any(|known| path.starts_with(known));
    problems.extend(
        beyond
            .filter(|path| !known(path))
            .map(|path| format!("{path} is our own")),
    );
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// The schema, ready to check values against it or a part of it.
struct Checker {
    compiler: Compiler,
    schemas: Schemas,
}

impl Checker {
    fn new() -> Checker {
        let mut compiler = Compiler::new();
        compiler.add_resource("mem:///schema.json", ours()).unwrap();
        Checker {
            compiler,
            schemas: Schemas::new(),
        }
    }

    /// What is wrong with a value at a part of the schema (`/$defs/service`; empty is all of it).
    fn check(&mut self, part: &str, value: &Value) -> Result<(), String> {
        let place = format!("mem:///schema.json#{part}");
        let index = self.compiler.compile(&place, &mut self.schemas).unwrap();
        self.schemas
            .validate(value, index)
            .map_err(|error| format!("{error:#}"))
    }
}

/// The objects of the schema by where they are: the file itself and the definitions.
fn objects(schema: &Value) -> Vec<(String, &Value)> {
    let definitions = schema["$defs"].as_object().unwrap();
    let named = definitions
        .iter()
        .map(|(name, object)| (format!("/$defs/{name}"), object));
    std::iter::once((String::new(), schema))
        .chain(named)
        .collect()
}

/// An object with the keys that must be there and one more.
fn with(object: &Value, key: &str, value: &Value) -> Value {
    let example = |key: &str| object["properties"][key]["examples"][0].clone();
    let required = object["required"].as_array().into_iter().flatten();
    let required = required.map(|key| key.as_str().unwrap());
    let mut instance: Map<String, Value> =
        required.map(|key| (key.to_owned(), example(key))).collect();
    instance.insert(key.to_owned(), value.clone());
    Value::Object(instance)
}

#[test]
fn examples_are_let_through_and_typos_are_not() {
    let schema = ours();
    let mut checker = Checker::new();
    let mut problems = Vec::new();
    for (part, object) in objects(&schema) {
        for (key, property) in object["properties"].as_object().unwrap() {
            let place = format!("{part}/{key}");
            let example = &property["examples"][0];
            let about = property["description"].as_str().unwrap_or_default();
            if !about.ends_with(['.', ')', '…']) {
                problems.push(format!("{place}: {about:?} is no sentence"));
            }
            if let Err(error) = checker.check(&part, &with(object, key, example)) {
                problems.push(format!("{place}: {error}"));
            }
            for wrong in [format!("{key}e"), key.to_uppercase()] {
                if checker.check(&part, &with(object, &wrong, example)).is_ok() {
                    problems.push(format!("{place}: {wrong} is let through"));
                }
            }
            let nonsense = json!([[["nonsense"]]]);
            if checker.check(&part, &with(object, key, &nonsense)).is_ok() {
                problems.push(format!("{place}: nonsense is let through"));
            }
            let extended = with(object, "x-note", &nonsense);
            assert_eq!(checker.check(&part, &extended), Ok(()), "{part}");
        }
        for key in object["required"].as_array().into_iter().flatten() {
            let key = key.as_str().unwrap();
            let Value::Object(mut instance) = with(object, "x-note", &Value::Null) else {
                unreachable!("it is an object");
            };
            instance.remove(key);
            assert!(
                checker.check(&part, &Value::Object(instance)).is_err(),
                "{part} without {key}"
            );
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn words_may_be_variables_and_nothing_else() {
    let mut checker = Checker::new();
    for (part, value, right) in [
        ("service/properties/cgroup", "host", true),
        ("service/properties/cgroup", "${CGROUP:-host}", true),
        ("service/properties/cgroup", "hots", false),
        ("service/properties/restart", "on-failure:3", true),
        ("service/properties/restart", "on-failure:", false),
        ("service/properties/restart", "allways", false),
        ("service/properties/pull_policy", "every_12h", true),
        ("service/properties/pull_policy", "every_day", false),
        ("mount/properties/type", "bindd", false),
        ("watch/properties/action", "sync+exec", true),
        ("dependency/properties/condition", "service_health", false),
    ] {
        let result = checker.check(&format!("/$defs/{part}"), &json!(value));
        assert_eq!(result.is_ok(), right, "{part}: {value}");
    }
}

/// Cases that load although the schema stops them, and why that is right.
const UNDERSTOOD: &[(&str, &str)] = &[
    (
        "service/merge_scalars",
        "nothing at all over something is for merging only",
    ),
    (
        "loader/include-empty",
        "a list without items is what an editor may ask for",
    ),
    (
        "loader/include-with-a-misspelt-key",
        "what has no effect is what an editor should show",
    ),
    (
        "loader/gpus-with-a-foreign-key",
        "what has no effect is what an editor should show",
    ),
    (
        "loader/storage-option-of-nothing",
        "an option without a value is what an editor may ask for",
    ),
];

#[test]
fn what_loads_is_let_through() {
    let mut checker = Checker::new();
    let mut problems = Vec::new();
    let mut checked = 0;
    for stage in ["service", "load", "loader", "plan"] {
        for (name, case) in support::cases(stage) {
            let case_name = format!("{stage}/{name}");
            let understood = UNDERSTOOD.iter().any(|(known, _)| *known == case_name);
            // Files of the first format have services at the top level.
            let first_format = name.starts_with("first");
            if understood || first_format || is_refused(&case) {
                continue;
            }
            for file in compose_files(&case) {
                for document in documents(&file) {
                    checked += 1;
                    let result = checker.check("", &document);
                    let place = file.display();
                    problems.extend(result.err().map(|error| format!("{place}: {error}")));
                }
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert!(checked > 300, "{checked} documents are found");
}

/// Whether the files of a case are wrong, as its expected output says.
fn is_refused(case: &Path) -> bool {
    let said = |file: &str| fs::read_to_string(case.join(file)).unwrap_or_default();
    case.join("error.txt").exists()
        || said("out.txt").contains("error:")
        || said("plan.txt").contains("error:")
}

/// Files with services, as their names or their first keys tell.
fn compose_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            files.extend(compose_files(&path));
        } else if path
            .extension()
            .is_some_and(|it| it == "yaml" || it == "yml")
            && !["request.yaml", "observed.yaml", "options.yaml"].contains(&name.as_str())
        {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The documents of a file, without what a tag takes away.
fn documents(file: &Path) -> Vec<Value> {
    let mut sources = Sources::default();
    let bytes = fs::read(file).unwrap();
    let Ok(source) = sources.add_bytes("file", bytes) else {
        return Vec::new();
    };
    let documents = yaml::parse(source, &sources.get(source).text).unwrap_or_default();
    let documents = documents.into_iter().filter(|it| it.as_mapping().is_some());
    documents
        .map(|mut document| {
            without_reset(&mut document);
            serde_json::from_str(&go_json(&render::node(&document))).unwrap()
        })
        .collect()
}

fn without_reset(node: &mut Node) {
    match &mut node.value {
        NodeValue::Mapping(mapping) => {
            mapping.retain(|_, entry| entry.value.tag != Some(Tag::Reset));
            for entry in mapping.values_mut() {
                without_reset(&mut entry.value);
            }
        }
        NodeValue::Sequence(items) => {
            items.retain(|item| item.tag != Some(Tag::Reset));
            items.iter_mut().for_each(without_reset);
        }
        NodeValue::Scalar(_) => {}
    }
}
