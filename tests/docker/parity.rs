//! The same steps with docker compose and with rcompose, on one engine, under one project name;
//! after each step, what the engine then holds is compared.
//!
//! `tests/cases/live` holds the stacks of CI, a folder each. `RCOMPOSE_LIVE_PARITY_DIR` names a
//! folder of others: every folder in it, at any depth, that has a Compose file is a project, and
//! what differs is printed per project, with a line that counts at the end. Images must be here, or
//! within reach. Steps are those of [`STEPS`]; a `-t 1` keeps stops short for both tools alike.
//!
//! A folder may say in `before.txt` what is outside its project and there before it, a line each:
//! `network NAME` or `volume NAME`, where the real name begins with the project's.
//!
//! What is volatile is taken out first: ids, times, addresses, ports that the engine chose, the
//! tool's version. Differences that are meant are in [`UNDERSTOOD`], with their reason.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use rcompose::engine::{Engine, Reads};
use serde_json::{Map, Value, json};

use crate::raw::{Raw, bare, post};
use crate::stack::{Stack, engine, until, wait};

/// Stacks that are played at the same time.
const AT_ONCE: usize = 6;

/// What Docker Engine 20.10 says of a network when it has lost count of what is connected, which
/// happens to either tool when the machine is busy: the stack is played again, at most so often.
const LOST_COUNT: (&str, usize) = ("has active endpoints", 3);

/// What is done, in order.
const STEPS: &[&[&str]] = &[
    &["create"],
    &["up", "-d", "-t", "1"],
    &["up", "-d", "-t", "1"],
    &["stop", "-t", "1"],
    &["start"],
    &["restart", "-t", "1"],
    &["up", "-d", "-t", "1", "--force-recreate"],
    &["kill"],
    &["up", "-d", "-t", "1"],
    &["down", "-t", "1"],
    &["up", "-d", "-t", "1"],
    &["down", "-v", "-t", "1"],
];

/// The stacks of the normal run; `RCOMPOSE_LONG=1` compares all, which takes many minutes.
const SHORT: &[&str] = &[
    "failed_dependency",
    "plain",
    "published",
    "scaled",
    "web_and_database",
];

/// Stacks of ours that are not compared with the others, and why. They can be given by name, through
/// `RCOMPOSE_LIVE_PARITY_DIR`.
const OPEN: &[(&str, &str)] = &[(
    "borrowed",
    "docker compose itself fails: it replaces the borrower right after `create`, and the volumes that \
     it wants from the one before are gone",
)];

/// The stack where a difference shows (none: anywhere), a part of its path, and why it is meant.
const UNDERSTOOD: &[(&str, &str, &str)] = &[
    (
        "",
        "com.docker.compose.config-hash",
        "ours is the encoding of the current docker compose; where 2.40.3 differs it is another",
    ),
    (
        "",
        "HostConfig.VolumesFrom",
        "ours are names, which stay right when the container is replaced; theirs are ids",
    ),
    (
        "addresses",
        "IPAM.Options",
        "`ipam.options` reach the engine; docker compose forgets them",
    ),
    (
        "addresses",
        "Config.MacAddress",
        "the client's request has no such field; that engines before 25.0 drop it is a warning",
    ),
    (
        "never_pulled",
        "network ",
        "an image that is not there and may not be pulled is found before anything is made",
    ),
    (
        "volume_not_there",
        "network ",
        "what is outside and not there is found before anything is made",
    ),
    (
        "no_such_image",
        "exit code",
        "so `start` has something to start, where docker compose finds nothing",
    ),
    (
        "no_such_image",
        " only here",
        "what needs no missing image is made meanwhile; docker compose pulls all images first",
    ),
];

/// What an engine holds of a project: each thing's name, and what matters of it.
type Snapshot = BTreeMap<String, Value>;

/// What one tool did, step by step.
type Played = Vec<Done>;

/// A step that was done: the exit code, what was there after it, and what was told last.
struct Done {
    code: Option<i32>,
    held: Snapshot,
    told: String,
}

#[test]
fn every_stack_of_our_own_goes_through_the_same_states_as_with_docker_compose() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/live");
    let mut folders = projects(&cases);
    let is_open = |folder: &PathBuf| OPEN.iter().any(|(name, _)| folder.ends_with(name));
    folders.retain(|folder| !is_open(folder));
    if std::env::var_os("RCOMPOSE_LONG").is_none() {
        folders.retain(|folder| SHORT.iter().any(|name| folder.ends_with(name)));
    }
    let different: String = compare_all(&folders).into_values().collect();
    assert!(different.is_empty(), "{different}");
}

#[test]
fn stacks_of_a_folder_that_is_given_go_through_the_same_states() {
    let Some(given) = std::env::var_os("RCOMPOSE_LIVE_PARITY_DIR") else {
        println!("skipped: RCOMPOSE_LIVE_PARITY_DIR names no folder of projects");
        return;
    };
    let compared = compare_all(&projects(Path::new(&given)));
    let alike = compared.values().filter(|found| found.is_empty()).count();
    println!("{alike} of {} projects alike", compared.len());
    assert_eq!(alike, compared.len(), "see above");
}

/// What differs, by folder; a few of them are compared at the same time.
fn compare_all(folders: &[PathBuf]) -> BTreeMap<PathBuf, String> {
    let left = Mutex::new(folders.iter());
    let next = || left.lock().expect("no thread panics with it").next();
    let compared = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(folder) = next() {
                    let Some(found) = compare_in_order(folder) else {
                        return;
                    };
                    let verdict = if found.is_empty() {
                        "alike"
                    } else {
                        "different"
                    };
                    println!("{verdict:9} {}\n{found}", folder.display());
                    let mut compared = compared.lock().expect("no thread panics with it");
                    compared.insert(folder.clone(), found);
                }
            });
        }
    });
    compared.into_inner().expect("no thread panicked with it")
}

/// What differs where the engine was in order, if it ever was.
fn compare_in_order(folder: &Path) -> Option<String> {
    let (lost_count, times) = LOST_COUNT;
    let mut found = compare(folder)?;
    for _ in 1..times {
        if !found.contains(lost_count) {
            break;
        }
        println!("again     {}\n{found}", folder.display());
        found = compare(folder)?;
    }
    Some(found)
}

/// Folders with a Compose file, in order.
fn projects(root: &Path) -> Vec<PathBuf> {
    let names = [
        "compose.yaml",
        "compose.yml",
        "docker-compose.yml",
        "docker-compose.yaml",
    ];
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        if names.iter().any(|name| folder.join(name).is_file()) {
            found.push(folder);
            continue;
        }
        let entries = std::fs::read_dir(&folder).expect("the folder can be read");
        let below = entries.map(|entry| entry.expect("an entry").path());
        folders.extend(below.filter(|path| path.is_dir()));
    }
    found.sort();
    found
}

/// What differs, a line each; `None` where there is no engine or no docker compose.
fn compare(folder: &Path) -> Option<String> {
    let stack = Stack::empty("parity")?;
    crate::stack::copy(folder, &stack.dir);
    stack.docker_compose(&["version"])?;
    let theirs = play(&stack, |arguments| {
        let mut command = Command::new(crate::stack::docker_compose_path());
        command
            .current_dir(&stack.dir)
            .args(["-p", &stack.project])
            .args(arguments);
        command
    });
    let ours = play(&stack, |arguments| {
        let mut command = stack.command();
        command.args(arguments);
        command
    });
    let mut different = String::new();
    for (index, step) in STEPS.iter().enumerate() {
        let mut lines = differences(&theirs[index], &ours[index]);
        lines.retain(|line| !is_understood(folder, line));
        if lines.is_empty() {
            continue;
        }
        let _ = writeln!(
            different,
            "{}: step {} ({})",
            folder.display(),
            index + 1,
            step.join(" ")
        );
        for line in lines {
            let _ = writeln!(different, "    {line}");
        }
        let (theirs, ours) = (&theirs[index].told, &ours[index].told);
        let _ = write!(different, "  told there:\n{theirs}  told here:\n{ours}");
    }
    Some(different)
}

fn play(stack: &Stack, command: impl Fn(&[&str]) -> Command) -> Played {
    let raw = Raw::of_environment();
    make_outside(stack);
    let steps = STEPS.iter().map(|arguments| {
        let mut command = command(arguments);
        let output = command
            .stdin(Stdio::null())
            .output()
            .expect("the tool runs");
        Done {
            code: output.status.code(),
            held: settled(&raw, &stack.project),
            told: last_lines(&output.stderr),
        }
    });
    let played = steps.collect();
    stack.remove_all();
    remove_outside(stack);
    played
}

/// What `before.txt` tells: the kind of each thing, and its name.
fn outside(stack: &Stack) -> Vec<(String, String)> {
    let told = std::fs::read_to_string(stack.dir.join("before.txt")).unwrap_or_default();
    let things = told.lines().filter_map(|line| line.split_once(' '));
    let name = |name: &str| format!("{}-{name}", stack.project);
    things
        .map(|(kind, it)| (kind.to_owned(), name(it)))
        .collect()
}

fn make_outside(stack: &Stack) {
    let raw = Raw::of_environment();
    for (kind, name) in outside(stack) {
        raw.call(&post(format!("/{kind}s/create"), &json!({"Name": name})));
    }
}

fn remove_outside(stack: &Stack) {
    for (kind, name) in outside(stack) {
        wait(async {
            match kind.as_str() {
                "network" => engine().remove_network(&name).await,
                _ => engine().remove_volume(&name, true).await,
            }
        })
        .expect("nothing uses it any more");
    }
}

/// The state once it stays as it is: jobs end and checks begin shortly after a command has ended.
fn settled(raw: &Raw, project: &str) -> Snapshot {
    let mut last = snapshot(raw, project);
    until("the stack comes to rest", || {
        std::thread::park_timeout(std::time::Duration::from_millis(300));
        let now = snapshot(raw, project);
        let rest = now == last;
        last = now;
        rest.then(|| last.clone())
    })
}

fn snapshot(raw: &Raw, project: &str) -> Snapshot {
    let filter = format!(r#"{{"label":["com.docker.compose.project={project}"]}}"#);
    let filter = filter.bytes().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "%{byte:02x}");
        text
    });
    let get = |path: String| -> Value {
        serde_json::from_str(&raw.call(&bare("GET", path))).expect("the engine speaks JSON")
    };
    let containers = get(format!("/containers/json?all=1&filters={filter}"));
    let networks = get(format!("/networks?filters={filter}"));
    let volumes = get(format!("/volumes?filters={filter}"));
    let images = get(format!("/images/json?filters={filter}"));
    let rows = |list: &Value| list.as_array().cloned().unwrap_or_default();
    let mut ids = BTreeMap::new();
    for row in rows(&images) {
        // Builds of either tool carry its version, so that their ids differ.
        let id = text(&row["Id"]).replace("sha256:", "");
        ids.insert(id, format!("<build of {}>", text(&row["RepoTags"][0])));
    }
    for row in rows(&containers) {
        ids.insert(
            text(&row["Id"]),
            format!("<id of {}>", text(&row["Names"][0])),
        );
    }
    for row in rows(&networks) {
        ids.insert(text(&row["Id"]), format!("<id of {}>", text(&row["Name"])));
    }
    let mut held = Snapshot::new();
    for row in rows(&containers) {
        // What is on its way out is listed for a moment longer than it can be looked at.
        let id = text(&row["Id"]);
        let found = wait(async { engine().container(&id).await }).expect("the engine answers");
        let Some(inspected) = found.map(|container| container.raw) else {
            continue;
        };
        held.insert(
            format!("container {}", text(&inspected["Name"])),
            container(&inspected, &ids),
        );
    }
    for row in rows(&networks) {
        held.insert(
            format!("network {}", text(&row["Name"])),
            network(&row, &ids),
        );
    }
    for row in rows(&volumes["Volumes"]) {
        let kept = some_of(&row, &["Driver", "Labels", "Options", "Scope"]);
        held.insert(format!("volume {}", text(&row["Name"])), tidy(kept, &ids));
    }
    held
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn some_of(value: &Value, keys: &[&str]) -> Value {
    let kept = keys
        .iter()
        .map(|key| ((*key).to_owned(), value[*key].clone()));
    Value::Object(kept.collect())
}

fn container(inspected: &Value, ids: &BTreeMap<String, String>) -> Value {
    let mut kept = some_of(
        inspected,
        &["Config", "HostConfig", "Image", "Mounts", "Platform"],
    );
    kept["State"] = state(inspected);
    let networks = inspected["NetworkSettings"]["Networks"].as_object();
    let networks = networks.into_iter().flatten().map(|(name, endpoint)| {
        let kept = some_of(endpoint, &["IPAMConfig", "Links", "Aliases", "DriverOpts"]);
        (name.clone(), kept)
    });
    kept["Networks"] = Value::Object(networks.collect());
    // docker compose writes these from maps, in no order.
    for list in [
        "/Mounts",
        "/Config/Env",
        "/HostConfig/Mounts",
        "/HostConfig/Binds",
        "/HostConfig/ExtraHosts",
        "/HostConfig/Ulimits",
    ] {
        if let Some(items) = kept.pointer_mut(list).and_then(Value::as_array_mut) {
            items.sort_by_key(|item| (text(&item["Target"]), item.to_string()));
        }
    }
    tidy(kept, ids)
}

/// Its state; one that its restart policy starts over and over is in none for long.
fn state(inspected: &Value) -> Value {
    let state = &inspected["State"];
    match text(&state["Status"]).as_str() {
        "running" | "restarting" if inspected["RestartCount"].as_i64() > Some(0) => {
            json!("started over and over")
        }
        _ => some_of(state, &["Status", "ExitCode"]),
    }
}

fn network(row: &Value, ids: &BTreeMap<String, String>) -> Value {
    let keys = [
        "Driver",
        "EnableIPv6",
        "Internal",
        "Attachable",
        "Ingress",
        "Options",
        "Labels",
    ];
    let mut kept = some_of(row, &keys);
    kept["IPAM"] = some_of(&row["IPAM"], &["Driver", "Options"]);
    tidy(kept, ids)
}

/// Takes out what differs from run to run.
fn tidy(value: Value, ids: &BTreeMap<String, String>) -> Value {
    match value {
        Value::String(text) => Value::String(without_ids(&text, ids)),
        Value::Array(items) => {
            Value::Array(items.into_iter().map(|item| tidy(item, ids)).collect())
        }
        Value::Object(map) => {
            let kept = map.into_iter().filter(|(key, _)| {
                key != "com.docker.compose.version" && !key.starts_with("dev.rcompose.")
            });
            let kept = kept.map(|(key, value)| match (key.as_str(), &value) {
                ("com.docker.compose.depends_on", Value::String(text)) => {
                    let sorted: BTreeSet<&str> = text.split(',').collect();
                    (key, json!(sorted))
                }
                _ => (without_ids(&key, ids), tidy(value, ids)),
            });
            Value::Object(kept.collect::<Map<_, _>>())
        }
        other => other,
    }
}

/// A text with known ids replaced by what they are of, and others by a word.
fn without_ids(text: &str, ids: &BTreeMap<String, String>) -> String {
    let mut text = text.to_owned();
    for (id, name) in ids {
        text = text.replace(id, name).replace(&id[..12], name);
    }
    let is_hex = |part: &str| part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let parts: BTreeSet<String> = text
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|part| part.len() == 64 && is_hex(part))
        .map(str::to_owned)
        .collect();
    // Images stay: both tools must have taken the same.
    if !text.starts_with("sha256:") {
        for part in parts {
            text = text.replace(&part, "<anonymous>");
        }
    }
    text
}

/// The end of what a tool told, indented.
fn last_lines(told: &[u8]) -> String {
    let told = String::from_utf8_lossy(told);
    let lines: Vec<&str> = told.lines().collect();
    let last = &lines[lines.len().saturating_sub(6)..];
    let last: Vec<String> = last.iter().map(|line| format!("    | {line}\n")).collect();
    last.concat()
}

fn differences(theirs: &Done, ours: &Done) -> Vec<String> {
    let mut lines = Vec::new();
    if theirs.code != ours.code {
        lines.push(format!(
            "exit code: {:?} there, {:?} here",
            theirs.code, ours.code
        ));
    }
    let names: BTreeSet<&String> = theirs.held.keys().chain(ours.held.keys()).collect();
    for name in names {
        match (theirs.held.get(name), ours.held.get(name)) {
            (Some(theirs), Some(ours)) => walk(name, theirs, ours, &mut lines),
            (Some(_), None) => lines.push(format!("{name}: only there")),
            _ => lines.push(format!("{name}: only here")),
        }
    }
    lines
}

fn is_understood(folder: &Path, line: &str) -> bool {
    UNDERSTOOD.iter().any(|(stack, part, _)| {
        line.contains(part) && (stack.is_empty() || folder.ends_with(stack))
    })
}

fn walk(path: &str, theirs: &Value, ours: &Value, lines: &mut Vec<String>) {
    match (theirs, ours) {
        (Value::Object(left), Value::Object(right)) => {
            let keys: BTreeSet<&String> = left.keys().chain(right.keys()).collect();
            for key in keys {
                let of = |map: &Map<String, Value>| map.get(key).cloned().unwrap_or_default();
                walk(&format!("{path}.{key}"), &of(left), &of(right), lines);
            }
        }
        _ if theirs == ours => {}
        _ => lines.push(format!("{path}: {theirs} there, {ours} here")),
    }
}
