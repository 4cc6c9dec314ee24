//! Whole command lines, in-process, against an engine in memory: stdout, stderr and exit code.

use std::collections::BTreeMap;
use std::io::{self, Cursor, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use jiff::tz::TimeZone;
use rcompose::cli::{self, Environment, Process, Terminals};
use rcompose::engine::memory::MemoryEngine;
use rcompose::engine::{Engine, EngineError};
use rcompose::load::Files;
use rcompose::ops::up::Host;
use rcompose::report::Stream;
use rcompose::report::ps::Clock;

mod config;
mod data;
mod diagnostics;
mod doctor;
mod drift;
mod explain;
mod globals;
mod left_behind;
mod lifecycle;
mod logs;
mod migrate;
mod plan;
mod ports;
mod ps;
mod ready;
mod rename;
mod report;
mod schema;
mod secrets;
mod signals;
mod staying;
mod up;
mod usage;
mod why;

/// When the memory engine's clock starts.
const START: i64 = 1_700_000_000;

/// A folder with files, an engine, and whoever sits before the screen.
struct Sandbox {
    engine: MemoryEngine,
    files: BTreeMap<PathBuf, String>,
    variables: BTreeMap<String, String>,
    terminals: Terminals,
    answer: &'static str,
    interrupts: Vec<Duration>,
    host: Host,
    reachable: bool,
    process: Option<Process>,
}

/// What a command line came to.
#[derive(Debug, PartialEq, Eq)]
struct Ran {
    code: u8,
    stdout: String,
    stderr: String,
}

impl Sandbox {
    /// A project in `/work/demo` with this Compose file. Images `app` and `db` are there.
    fn with(compose: &str) -> Sandbox {
        let engine = MemoryEngine::starting_at(START);
        engine.add_image("app");
        engine.add_image("db");
        Sandbox {
            engine,
            files: BTreeMap::from([("/work/demo/compose.yaml".into(), compose.to_owned())]),
            variables: BTreeMap::from([("HOME".to_owned(), "/root".to_owned())]),
            terminals: Terminals::default(),
            answer: "",
            interrupts: Vec::new(),
            host: Host::default(),
            reachable: true,
            process: None,
        }
    }

    /// Runs a command line: words between spaces.
    async fn run(&self, line: &str) -> Ran {
        let (stdout, stderr) = (Bytes::default(), Bytes::default());
        let environment = Environment {
            variables: self.variables.clone(),
            current_dir: "/work/demo".into(),
            files: Box::new(MemoryFiles(self.files.clone())),
            stdin: Box::new(Cursor::new(self.answer)),
            stdout: Stream::new(stdout.clone()),
            stderr: Stream::new(stderr.clone()),
            terminals: self.terminals,
            terminal_size: Box::new(|| Some((80, 24))),
            clock: Clock {
                now: START + 120,
                zone: LazyLock::new(|| TimeZone::UTC),
            },
            time: Arc::new(|| jiff::Timestamp::from_second(START + 120).expect("a moment")),
            interrupts: stream::iter(self.interrupts.clone())
                .then(tokio::time::sleep)
                .chain(stream::pending())
                .boxed(),
            process: self.process.clone(),
            host: self.host.clone(),
        };
        let (engine, reachable) = (self.engine.clone(), self.reachable);
        let connect = move |_: &BTreeMap<String, String>| -> Result<Arc<dyn Engine>, EngineError> {
            if reachable {
                return Ok(Arc::new(engine.clone()));
            }
            Err(EngineError::Unreachable {
                address: "unix:///var/run/docker.sock".into(),
                reason: "No such file or directory".into(),
            })
        };
        let words = std::iter::once("rcompose").chain(line.split_whitespace());
        let code = cli::run(words.map(Into::into), environment, &connect).await;
        Ran {
            code,
            stdout: stdout.text(),
            stderr: stderr.text(),
        }
    }

    /// Runs a command line that must succeed.
    async fn succeed(&self, line: &str) -> Ran {
        let ran = self.run(line).await;
        assert_eq!(ran.code, 0, "{line}: {ran:?}");
        ran
    }
}

struct MemoryFiles(BTreeMap<PathBuf, String>);

impl Files for MemoryFiles {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let text = self.0.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(text.clone().into_bytes())
    }

    fn is_file(&self, path: &Path) -> bool {
        self.0.contains_key(path)
    }

    fn read_stdin(&self) -> io::Result<Vec<u8>> {
        Ok(b"services: {stdin: {image: app}}".to_vec())
    }
}

#[derive(Clone, Default)]
struct Bytes(Arc<Mutex<Vec<u8>>>);

impl Bytes {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().expect("no panic")).into_owned()
    }
}

impl Write for Bytes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
