//! The model side by side with docker compose: what `config --format json` prints, and
//! `config --hash`.
//!
//! `tests/cases/service/<name>/compose.yaml` (and `over.yaml` laid over it) is loaded; `config.json` beside it is what docker
//! compose 2.40.3 printed (with `RCOMPOSE_REFRESH=1` it is written anew), so that the comparison
//! runs where docker compose is missing, too. Where it is present, it is asked again, and for the
//! hashes. [`folder`] does the same for any folder of Compose files. `create.json` is the create
//! request of each service at an old and a new version of the API.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use rcompose::api_version::ApiVersion;
use rcompose::document::diagnostic::{Style, render};
use rcompose::load::{self, Files, Request};
use rcompose::plan::request::{Names, create};
use rcompose::project::content::InjectedFile;
use rcompose::project::hash::{self, Encoding};
use rcompose::project::normalize::forget_unused;
use rcompose::project::request::Lowering;
use rcompose::project::{Project, Service};
use rcompose::report::yaml::yaml;
use serde_json::{Map, Value, json};

mod folder;
use crate::support;

/// Folder of the cases in what is recorded; on disk it is wherever the repository is.
const SHOWN: &str = "/shown";

struct Disk;

impl Files for Disk {
    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        std::fs::read(path)
    }

    fn is_file(&self, path: &Path) -> bool {
        path.is_file()
    }

    fn read_stdin(&self) -> std::io::Result<Vec<u8>> {
        Ok(Vec::new())
    }
}

fn variables() -> BTreeMap<String, String> {
    let pairs = [
        ("HOME", "/home/me"),
        ("PATH", "/bin"),
        ("FROM_SHELL", "shell"),
    ];
    pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}

/// A file, and the one that is laid over it, if there is one.
fn files(file: &Path) -> Vec<String> {
    let over = file.with_file_name("over.yaml");
    let files = [file, &over].into_iter().filter(|it| it.is_file());
    files.map(|it| it.to_string_lossy().into_owned()).collect()
}

fn load(file: &Path) -> Result<Project, String> {
    load_with(file, false)
}

fn load_with(file: &Path, no_env_resolution: bool) -> Result<Project, String> {
    load_files(files(file), file, no_env_resolution)
}

fn load_files(files: Vec<String>, file: &Path, no_env_resolution: bool) -> Result<Project, String> {
    let request = Request {
        skip: load::Skip {
            environment: no_env_resolution,
            ..load::Skip::default()
        },
        files,
        current_dir: file.parent().unwrap().to_owned(),
        variables: variables(),
        ..Request::default()
    };
    match load::load(&request, &Disk) {
        Ok(loaded) => {
            let mut project = loaded.project;
            forget_unused(&mut project);
            Ok(project)
        }
        Err(failure) => {
            let style = Style {
                color: false,
                width: 120,
            };
            let errors: Vec<_> = failure
                .diagnostics
                .into_iter()
                .filter(rcompose::document::Diagnostic::is_error)
                .collect();
            Err(render(&errors, &failure.sources, style))
        }
    }
}

fn ask(oracle: &Path, file: &Path, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(oracle)
        .args(files(file).iter().flat_map(|file| ["-f", file.as_str()]))
        .arg("config")
        .args(arguments)
        .current_dir(file.parent().unwrap())
        .env_clear()
        .envs(variables())
        .output()
        .unwrap();
    if output.status.success() {
        Ok(String::from_utf8(output.stdout).unwrap())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// What both tools print may differ in: docker compose 2.40.3 leaves a `create_host_path: false`
/// and the options of an `ipam` out, later versions print them.
fn stripped(mut value: Value) -> Value {
    let services = value["services"].as_object_mut().unwrap();
    for service in services.values_mut() {
        let Some(mounts) = service.get_mut("volumes").and_then(Value::as_array_mut) else {
            continue;
        };
        for bind in mounts.iter_mut().filter_map(|it| it.get_mut("bind")) {
            if bind["create_host_path"] == json!(false) {
                bind.as_object_mut().unwrap().remove("create_host_path");
            }
        }
    }
    let networks = value.get_mut("networks").and_then(Value::as_object_mut);
    for network in networks.into_iter().flat_map(Map::values_mut) {
        if let Some(ipam) = network.get_mut("ipam").and_then(Value::as_object_mut) {
            ipam.remove("options");
        }
    }
    value
}

/// As `config` prints it: with every `$` doubled, so that it reads back as the same.
fn printed(data: &rcompose::project::attribute::Data) -> Value {
    let text = serde_json::to_string(data).unwrap().replace('$', "$$");
    serde_json::from_str(&text).unwrap()
}

fn ours(project: &Project) -> Value {
    stripped(printed(&project.to_data()))
}

/// Where two documents differ.
fn differences(theirs: &Value, ours: &Value, path: &str, found: &mut Vec<String>) {
    match (theirs, ours) {
        (Value::Object(a), Value::Object(b)) => {
            for key in a.keys().chain(b.keys().filter(|key| !a.contains_key(*key))) {
                let below = format!("{path}.{key}");
                match (a.get(key), b.get(key)) {
                    (Some(a), Some(b)) => differences(a, b, &below, found),
                    (Some(a), None) => found.push(format!("{below}: theirs only: {a}")),
                    (None, Some(b)) => found.push(format!("{below}: ours only: {b}")),
                    (None, None) => {}
                }
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (index, (a, b)) in a.iter().zip(b).enumerate() {
                differences(a, b, &format!("{path}[{index}]"), found);
            }
        }
        (Value::Number(a), Value::Number(b)) if a.as_f64() == b.as_f64() => {}
        (a, b) if a == b => {}
        (a, b) => found.push(format!("{path}: theirs {a}, ours {b}")),
    }
}

fn service_cases() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/service");
    let mut cases: Vec<PathBuf> = std::fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    cases.sort();
    cases
}

fn refresh() -> bool {
    std::env::var("RCOMPOSE_REFRESH").is_ok_and(|it| it == "1")
}

/// Keys that docker compose 2.40.3 refuses and later versions have: there is nobody to ask.
const NEWER: [&str; 2] = ["pre_start", "build_no_cache_filter"];

fn is_newer(case: &Path) -> bool {
    NEWER.contains(&case.file_name().unwrap().to_str().unwrap())
}

#[test]
fn the_model_is_what_docker_compose_makes_of_it() {
    let oracle = support::oracle();
    let mut problems = Vec::new();
    let cases = service_cases();
    for case in &cases {
        let file = case.join("compose.yaml");
        let expected = case.join("config.json");
        let project = match load(&file) {
            Ok(project) => project,
            Err(error) => {
                problems.push(format!("{}: {error}", case.display()));
                continue;
            }
        };
        let ours = ours(&project);
        let folder = case.parent().unwrap().to_string_lossy().into_owned();
        if refresh() {
            let theirs = match &oracle {
                Some(oracle) if !is_newer(case) => ask(oracle, &file, &["--format", "json"]),
                _ => Ok(serde_json::to_string(&ours).unwrap()),
            };
            let parsed: Value = match theirs {
                Ok(theirs) => serde_json::from_str(&theirs).unwrap(),
                Err(error) => Value::from(error),
            };
            let text = serde_json::to_string_pretty(&parsed).unwrap() + "\n";
            std::fs::write(&expected, text.replace(&folder, SHOWN)).unwrap();
        }
        let text = std::fs::read_to_string(&expected).unwrap_or_default();
        let theirs: Value =
            serde_json::from_str(&text.replace(SHOWN, &folder)).unwrap_or(Value::Null);
        let mut found = Vec::new();
        differences(&theirs, &ours, "", &mut found);
        problems.extend(found.iter().map(|it| format!("{}: {it}", case.display())));
    }
    assert!(cases.len() >= 100, "{} cases", cases.len());
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// Cases with what 2.40.3 does not print: `ipam.options`, and `create_host_path: false`. The
/// comparison of values leaves those two out.
const UNPRINTED: [&str; 3] = ["merge_networks_top", "network_top_level", "volumes_bind"];

#[test]
fn the_yaml_form_is_the_one_of_docker_compose() {
    let Some(oracle) = support::oracle() else {
        return skipped();
    };
    let mut problems = Vec::new();
    for case in service_cases().iter().filter(|case| !is_newer(case)) {
        let file = case.join("compose.yaml");
        let (Ok(project), Ok(theirs)) = (load(&file), ask(&oracle, &file, &[])) else {
            problems.push(format!("{} does not load", case.display()));
            continue;
        };
        let text = yaml(&project.to_yaml_data()).replace('$', "$$");
        if text != theirs && !UNPRINTED.iter().any(|name| case.ends_with(name)) {
            let mut lines = text.lines().zip(theirs.lines());
            let at = lines.find(|(ours, theirs)| ours != theirs);
            problems.push(format!("{}: printed otherwise: {at:?}", case.display()));
        }
        let theirs: Value = serde_yaml::from_str(&theirs).unwrap();
        let ours = stripped(printed(&project.to_yaml_data()));
        let mut found = Vec::new();
        differences(&theirs, &ours, "", &mut found);
        problems.extend(found.iter().map(|it| format!("{}: {it}", case.display())));
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn hashes_are_those_of_docker_compose() {
    let Some(oracle) = support::oracle() else {
        return skipped();
    };
    let mut problems = Vec::new();
    for case in service_cases().iter().filter(|case| !is_newer(case)) {
        let file = case.join("compose.yaml");
        match (
            load_with(&file, true),
            ask(&oracle, &file, &["--hash", "*"]),
        ) {
            (Ok(project), Ok(theirs)) => problems.extend(wrong_hashes(&project, &theirs, &file)),
            (ours, theirs) => problems.extend(ours.err().into_iter().chain(theirs.err())),
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

fn wrong_hashes(project: &Project, theirs: &str, file: &Path) -> Vec<String> {
    let mut wrong = Vec::new();
    for line in theirs.lines() {
        let (name, theirs) = line.split_once(' ').unwrap();
        let service = project.services.get(name);
        let ours = service.map(|service| hash::service(service, Encoding::V2));
        if ours.as_deref() != Some(theirs) {
            wrong.push(format!("{}: hash of {name} differs", file.display()));
        }
    }
    wrong
}

#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn skipped() {
    eprintln!("skipped: no docker compose to compare with (RCOMPOSE_ORACLE)");
}

#[test]
fn create_requests_are_as_recorded() {
    let mut problems = Vec::new();
    for case in service_cases() {
        let project = match load(&case.join("compose.yaml")) {
            Ok(project) => project,
            Err(error) => {
                problems.push(format!("{}: {error}", case.display()));
                continue;
            }
        };
        let folder = case.parent().unwrap().to_string_lossy().into_owned();
        let requests = requests(&project);
        let text = serde_json::to_string_pretty(&requests).unwrap() + "\n";
        let text = text.replace(&folder, SHOWN);
        let file = case.join("create.json");
        if refresh() {
            std::fs::write(&file, &text).unwrap();
        }
        if std::fs::read_to_string(&file).unwrap_or_default() != text {
            problems.push(format!("{} differs from\n{text}", file.display()));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// Each service's request, at an old and a new version; only the old one where they are equal.
fn requests(project: &Project) -> Value {
    let mut all = Map::new();
    for service in project.services.values() {
        let old = request(project, service, ApiVersion::new(1, 41));
        let new = request(project, service, ApiVersion::new(1, 51));
        let mut versions = Map::new();
        if old != new {
            versions.insert("1.51".to_owned(), new);
        }
        versions.insert("1.41".to_owned(), old);
        all.insert(service.name.clone(), Value::Object(versions));
    }
    Value::Object(all)
}

fn request(project: &Project, service: &Service, api: ApiVersion) -> Value {
    let names = Names::of(project);
    let container_name = format!("{}-{}-1", project.name, service.name);
    let replicas = project.services.keys().map(|name| {
        let containers = vec![format!("{}-{name}-1", project.name)];
        (name.clone(), containers)
    });
    let with = Lowering {
        api,
        project: &project.name,
        container_name: &container_name,
        number: 1,
        networks: &names.networks,
        volumes: &names.volumes,
        replicas: &replicas.collect(),
    };
    let created = create(service, &with, BTreeMap::new());
    let too_old: Vec<String> = created
        .unsupported
        .iter()
        .map(|it| format!("{} needs Docker {}", it.attribute, it.engine))
        .collect();
    let mut value = json!({"create": without_nulls(serde_json::to_value(&created.body).unwrap())});
    if !created.connect.is_empty() {
        let connect = serde_json::to_value(&created.connect).unwrap();
        value["connect"] = without_nulls(connect);
    }
    if !created.files.is_empty() {
        let file = |file: &InjectedFile| {
            let InjectedFile {
                source,
                base,
                target,
                content,
                uid,
                gid,
                mode,
            } = file;
            let content = String::from_utf8_lossy(content.bytes());
            json!({"source": source, "base": base, "target": target, "content": content,
                "owner": format!("{uid}:{gid}"), "mode": format!("{mode:04o}")})
        };
        value["files"] = created.files.iter().map(file).collect();
    }
    if !too_old.is_empty() {
        value["too_old"] = json!(too_old);
    }
    value
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(object) => Value::Object(
            object
                .into_iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(key, value)| (key, without_nulls(value)))
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.into_iter().map(without_nulls).collect()),
        other => other,
    }
}
