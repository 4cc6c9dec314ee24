//! `up` and `down` on an engine: beside docker compose, and beside the same calls made raw.
//!
//! Wanted (issue 4, Engine 28.5): a no-op `up -d` of 20 services at least 8 times faster; cold `up`
//! and `down` within 1.1 of the raw calls and never slower than docker compose; a chain of health
//! checks within 1.15 of its floor; a build beside a database within 1.1 of the longer of the two;
//! a dependency with a probe every 30 s that is ready after one passed in under 2 s; a quarter of
//! the memory.

use crate::Peer;
use crate::config::small;
use crate::measure::{Program, in_turn, median, milliseconds};
use crate::raw::{Call, Raw, bare, post, post_tar};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const SERVICES: usize = 20;

/// A folder with a Compose file, and both programs in it.
struct Stack<'a> {
    peer: &'a Peer,
    folder: tempfile::TempDir,
}

impl<'a> Stack<'a> {
    fn new(peer: &'a Peer, compose: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let stack = Self { peer, folder };
        stack.write("compose.yaml", compose);
        stack
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).expect("it is written");
    }

    fn ours(&self, arguments: &[&str]) -> Program {
        Program::new(&self.peer.ours, arguments, self.folder.path())
    }

    fn theirs(&self, arguments: &[&str]) -> Program {
        Program::new(&self.peer.theirs, arguments, self.folder.path())
    }
}

impl Drop for Stack<'_> {
    fn drop(&mut self) {
        self.ours(&["down", "-v", "-t", "0", "--remove-orphans"])
            .time();
    }
}

/// `up -d` with nothing to do.
pub(crate) fn noop(peer: &Peer) {
    let stack = Stack::new(peer, &small(SERVICES));
    let up = ["up", "-d"];
    let (ours, theirs) = (stack.ours(&up), stack.theirs(&up));
    ours.time();
    let pair = in_turn(15, || ours.time(), || theirs.time());
    println!(
        "no-op up -d, {SERVICES} services: {} / {}  {:.1}x;  memory {:.1} / {:.1} MiB",
        milliseconds(pair.ours),
        milliseconds(pair.theirs),
        pair.ratio(),
        mebibytes(ours.peak()),
        mebibytes(theirs.peak()),
    );
}

/// `up -d` from nothing and `down -v`, three ways.
pub(crate) fn cold(peer: &Peer) {
    let text = small(SERVICES).replace(
        "    command: sleep infinity\n",
        "    command: sleep infinity\n    stop_signal: SIGKILL\n",
    );
    let stack = Stack::new(peer, &text);
    let raw = Raw::of_environment();
    let (mut up, mut down) = (Times::default(), Times::default());
    for _ in 0..5 {
        up.ours.push(stack.ours(&["up", "-d"]).time());
        down.ours.push(stack.ours(&["down", "-v"]).time());
        up.theirs.push(stack.theirs(&["up", "-d"]).time());
        down.theirs.push(stack.theirs(&["down", "-v"]).time());
        up.raw.push(taken(|| raw_up(&raw)));
        down.raw.push(taken(|| raw_down(&raw)));
    }
    up.print(&format!("cold up -d, {SERVICES} services"));
    down.print(&format!("down -v, {SERVICES} services"));
}

fn raw_up(raw: &Raw) {
    raw.call(&post("/networks/create", &json!({"Name": "bench_default"})));
    raw.all(each(|i| {
        post("/volumes/create", &json!({"Name": format!("bench_v{i}")}))
    }));
    raw.all(each(|i| {
        let body = json!({
            "Image": "busybox", "Cmd": ["sleep", "infinity"], "StopSignal": "SIGKILL",
            "HostConfig": {
                "NetworkMode": "bench_default",
                "Mounts": [{"Type": "volume", "Source": format!("bench_v{i}"), "Target": "/data"}],
            },
        });
        post(format!("/containers/create?name=bench-s{i}-1"), &body)
    }));
    raw.all(each(|i| {
        bare("POST", format!("/containers/bench-s{i}-1/start"))
    }));
}

fn raw_down(raw: &Raw) {
    raw.all(each(|i| {
        bare("POST", format!("/containers/bench-s{i}-1/stop"))
    }));
    raw.all(each(|i| {
        bare("DELETE", format!("/containers/bench-s{i}-1?force=1"))
    }));
    raw.call(&bare("DELETE", "/networks/bench_default"));
    raw.all(each(|i| bare("DELETE", format!("/volumes/bench_v{i}"))));
}

fn each(call: impl Fn(usize) -> Call) -> Vec<Call> {
    (0..SERVICES).map(call).collect()
}

const CHAIN: &str = "\
name: bench
services:
  db:
    image: busybox
    command: sh -c 'sleep 1; touch /ready; sleep infinity'
    healthcheck: {test: [CMD, test, -f, /ready], interval: 200ms, retries: 50}
    stop_signal: SIGKILL
  app:
    image: busybox
    command: sleep infinity
    depends_on: {db: {condition: service_healthy}}
    stop_signal: SIGKILL
  web:
    image: busybox
    command: sleep infinity
    depends_on: [app]
    healthcheck: {test: [CMD, 'true'], interval: 200ms, retries: 50}
    stop_signal: SIGKILL
  edge:
    image: busybox
    command: sleep infinity
    depends_on: {web: {condition: service_healthy}}
    stop_signal: SIGKILL
";

/// db (healthy after 1 s) → app → web (healthy) → edge.
pub(crate) fn chain(peer: &Peer) {
    let stack = Stack::new(peer, CHAIN);
    let raw = Raw::of_environment();
    let mut times = Times::default();
    for _ in 0..3 {
        times.ours.push(stack.ours(&["up", "-d"]).time());
        stack.ours(&["down"]).time();
        times.theirs.push(stack.theirs(&["up", "-d"]).time());
        stack.theirs(&["down"]).time();
        times.raw.push(taken(|| raw_chain(&raw)));
        stack.ours(&["down"]).time();
        clear(&raw, &["db", "app", "web", "edge"]);
    }
    times.print("db → app → web → edge, two health checks every 200 ms");
}

fn raw_chain(raw: &Raw) {
    raw.call(&post("/networks/create", &json!({"Name": "bench_default"})));
    let probe = |test: &[&str]| json!({"Test": test, "Interval": 200_000_000, "Retries": 50});
    let sleeps = ["sleep", "infinity"];
    raw.all(vec![
        container(
            "db",
            &["sh", "-c", "sleep 1; touch /ready; sleep infinity"],
            &probe(&["CMD", "test", "-f", "/ready"]),
        ),
        container("app", &sleeps, &Value::Null),
        container("web", &sleeps, &probe(&["CMD", "true"])),
        container("edge", &sleeps, &Value::Null),
    ]);
    start(raw, "db");
    raw.healthy("bench-db-1");
    start(raw, "app");
    start(raw, "web");
    raw.healthy("bench-web-1");
    start(raw, "edge");
}

fn container(service: &str, command: &[&str], health: &Value) -> Call {
    let body = json!({
        "Image": "busybox", "Cmd": command, "StopSignal": "SIGKILL", "Healthcheck": health,
        "HostConfig": {"NetworkMode": "bench_default"},
    });
    post(format!("/containers/create?name=bench-{service}-1"), &body)
}

fn start(raw: &Raw, service: &str) {
    raw.call(&bare(
        "POST",
        format!("/containers/bench-{service}-1/start"),
    ));
}

/// Removes what the raw calls made: no label of a project is on it.
fn clear(raw: &Raw, services: &[&str]) {
    let remove = |service: &&str| bare("DELETE", format!("/containers/bench-{service}-1?force=1"));
    raw.all(services.iter().map(remove).collect());
    raw.call(&bare("DELETE", "/networks/bench_default"));
}

/// A build of 5 s beside a database that takes 5 s.
pub(crate) fn build(peer: &Peer) {
    let compose = "\
name: bench
services:
  db:
    image: busybox
    command: sh -c 'sleep 5; touch /ready; sleep infinity'
    healthcheck: {test: [CMD, test, -f, /ready], interval: 200ms, retries: 50}
    stop_signal: SIGKILL
  app:
    build: .
    command: sleep infinity
    depends_on: {db: {condition: service_healthy}}
    stop_signal: SIGKILL
";
    let stack = Stack::new(peer, compose);
    let raw = Raw::of_environment();
    let mut times = Times::default();
    for round in 0..2 {
        let dockerfile = |who: &str| {
            format!(
                "FROM busybox\nRUN sleep 5; echo {who} {round} {}\n",
                std::process::id()
            )
        };
        stack.write("Dockerfile", &dockerfile("ours"));
        times.ours.push(stack.ours(&["up", "-d", "--build"]).time());
        stack.ours(&["down"]).time();
        raw.call(&image());
        stack.write("Dockerfile", &dockerfile("theirs"));
        times
            .theirs
            .push(stack.theirs(&["up", "-d", "--build"]).time());
        stack.ours(&["down"]).time();
        raw.call(&image());
        let archive = archive(&dockerfile("raw"));
        times.raw.push(taken(|| raw_build(&raw, archive)));
        clear(&raw, &["db", "app"]);
        raw.call(&image());
    }
    times.print("a build of 5 s beside a database of 5 s");
}

/// The removal of what was built.
fn image() -> Call {
    bare("DELETE", "/images/bench-app?force=1")
}

/// The longer of the two paths, then the container that needs both.
fn raw_build(raw: &Raw, archive: Vec<u8>) {
    raw.call(&post("/networks/create", &json!({"Name": "bench_default"})));
    std::thread::scope(|scope| {
        scope.spawn(|| raw.call(&post_tar("/build?t=bench-app", archive)));
        scope.spawn(|| {
            let command = ["sh", "-c", "sleep 5; touch /ready; sleep infinity"];
            let probe = json!({"Test": ["CMD", "test", "-f", "/ready"], "Interval": 200_000_000, "Retries": 50});
            raw.call(&container("db", &command, &probe));
            start(raw, "db");
            raw.healthy("bench-db-1");
        });
    });
    raw.call(&container("app", &["sleep", "infinity"], &Value::Null));
    start(raw, "app");
}

fn archive(dockerfile: &str) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(dockerfile.len() as u64);
    header.set_mode(0o644);
    archive
        .append_data(&mut header, "Dockerfile", dockerfile.as_bytes())
        .expect("memory takes it");
    archive.into_inner().expect("memory takes it")
}

/// A dependency that is ready after 1 s, and whose health check runs every 30 s.
pub(crate) fn interval(peer: &Peer) {
    let compose = "\
name: bench
services:
  db:
    image: busybox
    command: sh -c 'sleep 1; touch /ready; sleep infinity'
    healthcheck: {test: [CMD, test, -f, /ready], interval: 30s, retries: 3}
    stop_signal: SIGKILL
  app:
    image: busybox
    command: sleep infinity
    depends_on: {db: {condition: service_healthy}}
    stop_signal: SIGKILL
";
    let stack = Stack::new(peer, compose);
    let ours = stack.ours(&["up", "-d"]).time();
    stack.ours(&["down"]).time();
    let theirs = stack.theirs(&["up", "-d"]).time();
    println!(
        "ready after 1 s, probed every 30 s: {} / {}",
        milliseconds(ours),
        milliseconds(theirs)
    );
}

/// Times of the three ways.
#[derive(Default)]
struct Times {
    ours: Vec<Duration>,
    theirs: Vec<Duration>,
    raw: Vec<Duration>,
}

impl Times {
    fn print(self, what: &str) {
        let (ours, theirs, raw) = (median(self.ours), median(self.theirs), median(self.raw));
        println!(
            "{what}: {} / {}  {:.2}x;  raw {}, ours is {:.2} of it",
            milliseconds(ours),
            milliseconds(theirs),
            theirs.as_secs_f64() / ours.as_secs_f64(),
            milliseconds(raw),
            ours.as_secs_f64() / raw.as_secs_f64(),
        );
    }
}

fn taken(act: impl FnOnce()) -> Duration {
    let start = Instant::now();
    act();
    start.elapsed()
}

fn mebibytes(kibibytes: u64) -> f64 {
    kibibytes as f64 / 1024.0
}
