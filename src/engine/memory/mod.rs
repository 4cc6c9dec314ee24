//! A whole container engine in memory, for tests and examples: no daemon, no clock, no chance.
//!
//! It answers as Docker does, down to the words of its refusals; one contract suite
//! (`tests/it/engine_contract.rs`) runs on it and on real engines, so that it stays so.
//!
//! - **Deterministic.** Ids come from a counter. Time is a counter too: every change takes one
//!   millisecond, from [`MemoryEngine::starting_at`] on.
//! - **Containers run** what a very small shell understands of their command (`sh -c` with `echo`,
//!   `sleep`, `exit`, `true`, `false`, `trap 'exit N' SIGNAL` and `wait`). Every other command is a
//!   server: it runs until it is stopped, and then exits with 0. [`MemoryEngine::behave`] gives the
//!   container of a name another script, [`MemoryEngine::exit`] ends one, [`MemoryEngine::print`]
//!   writes to its log.
//! - **Health checks run** at their interval, on tokio's clock (pause it to skip the waiting), and
//!   succeed unless the shell or [`MemoryEngine::answer_exec`] says otherwise;
//!   [`MemoryEngine::set_health`] decides at once.
//! - **A stop does not wait** for its grace period: what does not handle the signal is killed.
//! - **Images** are those of [`MemoryEngine::add_image`]; [`MemoryEngine::publish`] puts one where it
//!   can be pulled from. A build runs its `RUN` lines in the same small shell.
//! - **Faults** come on demand: [`MemoryEngine::fail_next`], [`MemoryEngine::hang_next`],
//!   [`MemoryEngine::answer_only`]; and
//!   [`MemoryEngine::calls`] tells what was called.
//!
//! ```
//! use rcompose::engine::memory::MemoryEngine;
//! use rcompose::engine::{Engine, Reads};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), rcompose::engine::EngineError> {
//! let engine = MemoryEngine::new();
//! engine.add_image("nginx:1");
//! let body = bollard::models::ContainerCreateBody {
//!     image: Some("nginx:1".to_owned()),
//!     ..Default::default()
//! };
//! engine.create_container("web", None, body).await?;
//! engine.start_container("web").await?;
//! assert_eq!(engine.changes(), ["create_container web", "start_container web"]);
//! # Ok(())
//! # }
//! ```

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{broadcast, watch};

use super::{Channel, EngineError, Event, Exec, ExecOutcome, Health, Image};
pub use state::PutFile;
use state::State;

mod create;
mod files;
mod images;
mod ports;
mod reads;
mod run;
mod shell;
mod state;
mod verbs;

/// Events that a slow subscriber may lag behind.
const EVENT_BUFFER: usize = 4096;

/// The engine. Clones are handles to the same one.
#[derive(Debug, Clone)]
pub struct MemoryEngine {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Counts changes; whoever waits for one looks again when it moves.
    changed: watch::Sender<u64>,
    events: broadcast::Sender<Event>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state, then tells everyone who waits.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        let outcome = change(&mut state);
        for event in std::mem::take(&mut state.unsent) {
            // Without subscribers there is nobody to tell.
            let _ = self.events.send(event);
        }
        drop(state);
        self.changed.send_modify(|changes| *changes += 1);
        outcome
    }
}

/// What a call in [`MemoryEngine::fail_next`] does instead.
#[derive(Debug)]
enum Fault {
    Fail(EngineError),
    Hang,
}

impl Default for MemoryEngine {
    fn default() -> MemoryEngine {
        MemoryEngine::new()
    }
}

impl MemoryEngine {
    /// An engine with its three own networks (`bridge`, `host`, `none`) and nothing else.
    pub fn new() -> MemoryEngine {
        // Any moment will do, as long as it is always the same.
        MemoryEngine::starting_at(1_700_000_000)
    }

    /// The same, with its clock set to a moment in unix seconds.
    pub fn starting_at(seconds: i64) -> MemoryEngine {
        MemoryEngine {
            shared: Arc::new(Shared {
                state: Mutex::new(State::starting_at(seconds)),
                changed: watch::Sender::new(0),
                events: broadcast::Sender::new(EVENT_BUFFER),
            }),
        }
    }

    /// Puts an image into the engine's store and answers its id. Its command is a server.
    pub fn add_image(&self, reference: &str) -> String {
        self.shared
            .change(|state| state.add_image(reference, Image::default()))
    }

    /// The same, for an image that declares volumes, labels and so on; id and tags are filled in.
    pub fn add_image_like(&self, reference: &str, image: Image) -> String {
        self.shared
            .change(|state| state.add_image(reference, image))
    }

    /// Makes an image that can be pulled, and is not here yet.
    pub fn publish(&self, reference: &str) {
        self.publish_like(reference, Image::default());
    }

    /// The same, for an image that declares volumes, labels and so on.
    pub fn publish_like(&self, reference: &str, image: Image) {
        self.shared.change(|state| state.publish(reference, image));
    }

    /// Makes containers of this name run a shell script, whatever their command says.
    pub fn behave(&self, container: &str, script: &str) {
        self.shared.change(|state| {
            let name = container.to_owned();
            state.scripts.insert(name, script.to_owned())
        });
    }

    /// Makes every command that is run inside a container of this name, its health check too, end so.
    pub fn answer_exec(&self, container: &str, code: i64, output: &str) {
        let outcome = ExecOutcome {
            code,
            output: output.to_owned().into(),
        };
        self.shared
            .change(|state| state.exec_answers.insert(container.to_owned(), outcome));
    }

    /// What was run inside containers, with each one's name.
    pub fn execs(&self) -> Vec<(String, Exec)> {
        self.shared.lock().execs.clone()
    }

    /// A file that was put into a volume, by its path below the volume's root.
    pub fn volume_file(&self, volume: &str, path: &str) -> Option<PutFile> {
        let state = self.shared.lock();
        state.volume_files.get(volume)?.get(path).cloned()
    }

    /// Puts a file into a volume.
    pub fn put_volume_file(&self, volume: &str, path: &str, file: PutFile) {
        self.shared.change(|state| {
            let files = state.volume_files.entry(volume.to_owned()).or_default();
            files.insert(path.to_owned(), file)
        });
    }

    /// A file that was put into a container.
    pub fn file(&self, container: &str, path: &str) -> Option<PutFile> {
        let state = self.shared.lock();
        state.container(container).ok()?.files.get(path).cloned()
    }

    /// Decides a running container's health, for as long as it runs.
    pub fn set_health(&self, container: &str, health: Health) {
        self.shared.change(|state| {
            if let Ok(index) = state.container_index(container) {
                state.containers[index].health_by_hand = true;
                state.set_health(index, health);
            }
        });
    }

    /// Ends a running container, as if its command had exited.
    pub fn exit(&self, container: &str, code: i64) {
        run::exit(&self.shared, container, code);
    }

    /// Writes text to a container's log.
    pub fn print(&self, container: &str, channel: Channel, text: &str) {
        self.shared.change(|state| {
            if let Ok(index) = state.container_index(container) {
                state.print(index, channel, text);
            }
        });
    }

    /// Makes a port of the host be in use by something that is no container.
    pub fn occupy_port(&self, port: u16) {
        self.shared
            .change(|state| state.occupied_ports.insert(port));
    }

    /// Makes the next call of a method with this name (`*` for any) fail, without any effect.
    pub fn fail_next(&self, method: &str, name: &str, error: EngineError) {
        self.add_fault(method, name, Fault::Fail(error));
    }

    /// Makes the next call of a method with this name (`*` for any) never answer.
    pub fn hang_next(&self, method: &str, name: &str) {
        self.add_fault(method, name, Fault::Hang);
    }

    /// Answers so many more calls and then none, as for a client that is killed: what it does
    /// after that never happens. Until [`MemoryEngine::answer_all`].
    pub fn answer_only(&self, calls: usize) {
        self.shared.lock().answers_left = Some(calls);
    }

    /// Answers every call again.
    pub fn answer_all(&self) {
        self.shared.lock().answers_left = None;
    }

    /// Every call so far: the method and, if it has one, the name it was called with.
    pub fn calls(&self) -> Vec<String> {
        self.shared.lock().calls.clone()
    }

    /// The calls that change something: those of [`Engine`](super::Engine).
    pub fn changes(&self) -> Vec<String> {
        let reads = [
            "container",
            "containers",
            "events",
            "get_archive",
            "image",
            "images",
            "info",
            "logs",
            "network",
            "networks",
            "version",
            "volume",
            "volume_sizes",
            "volumes",
        ];
        let mut calls = self.calls();
        calls.retain(|call| !reads.contains(&call.split(' ').next().unwrap_or_default()));
        calls
    }

    /// Forgets the calls so far.
    pub fn forget_calls(&self) {
        self.shared.lock().calls.clear();
    }

    /// The engine's time in unix seconds, as `since` wants it.
    pub fn now(&self) -> String {
        let nanos = self.shared.lock().time_nano;
        format!("{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000)
    }

    fn add_fault(&self, method: &str, name: &str, fault: Fault) {
        let mut state = self.shared.lock();
        state
            .faults
            .push((method.to_owned(), name.to_owned(), fault));
    }

    /// Notes a call, and lets it meet its fault.
    async fn called(&self, method: &str, name: &str) -> Result<(), EngineError> {
        let fault = self.shared.lock().called(method, name);
        match fault {
            None => Ok(()),
            Some(Fault::Fail(error)) => Err(error),
            Some(Fault::Hang) => std::future::pending().await,
        }
    }
}
