//! A stack of its own for each scenario: a folder, a project name, the binary under test, and the
//! engine beside it, which is asked what really is there.
//!
//! Whatever happens in a scenario, its stack is taken down, and after a failure the configuration,
//! the plan, the logs and the containers are kept in `artifacts/<project>/`.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rcompose::engine::docker::Docker;
use rcompose::engine::{Container, Engine, Filter, Reads};

static COUNT: AtomicUsize = AtomicUsize::new(0);

/// A scenario's stack.
pub struct Stack {
    /// Its project name, unique in this run.
    pub project: String,
    /// Its folder.
    pub dir: PathBuf,
    variables: BTreeMap<String, String>,
    _folder: tempfile::TempDir,
}

/// What a command printed and how it ended.
#[derive(Debug)]
pub struct Ran {
    /// Exit code; -1 after a signal.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Ran {
    /// Fails the test unless the command ended well.
    #[track_caller]
    pub fn ok(self) -> Ran {
        assert_eq!(
            self.code, 0,
            "stdout:\n{}\nstderr:\n{}",
            self.stdout, self.stderr
        );
        self
    }

    /// Fails the test unless the command ended with exit code 1.
    #[track_caller]
    pub fn fails(self) -> Ran {
        assert_eq!(
            self.code, 1,
            "stdout:\n{}\nstderr:\n{}",
            self.stdout, self.stderr
        );
        self
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Ran {
        Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Stack {
    /// A stack with one file; `None`, with a message, where no engine answers and none is required.
    pub fn new(name: &str, compose: &str) -> Option<Stack> {
        let stack = Stack::empty(name)?;
        stack.write("compose.yaml", compose);
        Some(stack)
    }

    /// A stack out of one of the examples.
    pub fn example(name: &str) -> Option<Stack> {
        let stack = Stack::empty(name)?;
        copy(
            &Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("examples")
                .join(name),
            &stack.dir,
        );
        Some(stack)
    }

    /// A stack without files.
    pub fn empty(name: &str) -> Option<Stack> {
        if let Err(error) = wait(async { engine().info().await }) {
            assert!(
                std::env::var_os("RCOMPOSE_REQUIRE_ENGINE").is_none(),
                "an engine is required, but {error}"
            );
            println!("skipped: {error}");
            return None;
        }
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let project = format!("rc{}-{number}-{name}", std::process::id());
        let folder = tempfile::tempdir().expect("a temporary folder");
        let dir = folder.path().canonicalize().expect("the folder is there");
        Some(Stack {
            project,
            dir,
            variables: BTreeMap::new(),
            _folder: folder,
        })
    }

    /// Sets a variable for all commands that follow.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.variables.insert(name.to_owned(), value.into());
    }

    /// Takes a variable of the stack's own away again.
    pub fn unset(&mut self, name: &str) {
        self.variables.remove(name);
    }

    /// Writes a file of the stack.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.dir.join(path);
        fs::create_dir_all(path.parent().expect("files have folders"))
            .expect("the folder can be made");
        fs::write(path, text).expect("the file can be written");
    }

    /// Replaces text in a file of the stack.
    pub fn edit(&self, path: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.dir.join(path)).expect("the file can be read");
        assert!(text.contains(from), "{path} has no {from:?}");
        self.write(path, &text.replace(from, to));
    }

    /// The binary under test with the stack's project name, ready to be given arguments.
    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rcompose"));
        command
            .current_dir(&self.dir)
            .args(["-p", &self.project])
            .envs(&self.variables)
            .stdin(Stdio::null());
        command
    }

    /// Runs a command line of rcompose.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        self.command()
            .args(arguments)
            .output()
            .expect("the binary runs")
            .into()
    }

    /// Runs docker compose 2.40 on the stack; `None`, with a message, where it is not installed.
    pub fn docker_compose(&self, arguments: &[&str]) -> Option<Ran> {
        let path = docker_compose_path();
        if !Path::new(&path).exists() {
            assert!(
                std::env::var_os("RCOMPOSE_REQUIRE_ENGINE").is_none(),
                "docker compose is required, but is not at {path}"
            );
            println!("skipped: docker compose is not at {path}");
            return None;
        }
        let mut command = self.docker_compose_command();
        command.args(arguments);
        Some(
            command
                .stdin(Stdio::null())
                .output()
                .expect("docker compose runs")
                .into(),
        )
    }

    /// docker compose 2.40 with the stack's project name, ready to be given arguments.
    pub fn docker_compose_command(&self) -> Command {
        let mut command = Command::new(docker_compose_path());
        command
            .current_dir(&self.dir)
            .args(["-p", &self.project])
            .envs(&self.variables)
            .stdin(Stdio::null());
        command
    }

    /// The stack's containers by name, as the engine tells them.
    pub fn containers(&self) -> BTreeMap<String, Container> {
        let filter = self.filter();
        let containers = wait(async { engine().containers(&filter).await })
            .expect("the engine lists containers");
        containers
            .into_iter()
            .map(|container| (container.name.clone(), container))
            .collect()
    }

    /// One container by the short name that logs show, such as `web-1`.
    #[track_caller]
    pub fn container(&self, name: &str) -> Container {
        let full = format!("{}-{name}", self.project);
        let mut containers = self.containers();
        let names: Vec<String> = containers.keys().cloned().collect();
        containers
            .remove(&full)
            .unwrap_or_else(|| panic!("no container {full} among {names:?}"))
    }

    /// Ids of the stack's containers by short name, such as `web-1`: what tells a replacement.
    pub fn ids(&self) -> BTreeMap<String, String> {
        let short = |name: &str| name.replacen(&format!("{}-", self.project), "", 1);
        let containers = self.containers().into_iter();
        containers
            .map(|(name, container)| (short(&name), container.id))
            .collect()
    }

    /// Names of the stack's volumes.
    pub fn volumes(&self) -> Vec<String> {
        let filter = self.filter();
        let volumes =
            wait(async { engine().volumes(&filter).await }).expect("the engine lists volumes");
        volumes.into_iter().map(|volume| volume.name).collect()
    }

    /// Names of the volumes that show that the stack's lock is held.
    pub fn lock_marks(&self) -> Vec<String> {
        let filter = Filter::labels([format!("dev.rcompose.lock={}", self.project)]);
        let volumes =
            wait(async { engine().volumes(&filter).await }).expect("the engine lists volumes");
        volumes.into_iter().map(|volume| volume.name).collect()
    }

    /// Names of the stack's networks.
    pub fn networks(&self) -> Vec<String> {
        let filter = self.filter();
        let networks =
            wait(async { engine().networks(&filter).await }).expect("the engine lists networks");
        networks.into_iter().map(|network| network.name).collect()
    }

    fn filter(&self) -> Filter {
        Filter::labels([format!("com.docker.compose.project={}", self.project)])
    }

    /// The port on the host that leads to a port of a container.
    #[track_caller]
    pub fn port(&self, name: &str, private: u16) -> u16 {
        let container = self.container(name);
        let found = container
            .ports
            .iter()
            .find(|port| port.private == private)
            .and_then(|port| port.public);
        found.unwrap_or_else(|| panic!("{name} does not publish {private}: {:?}", container.ports))
    }

    /// Runs a command in a container and answers what it printed.
    #[track_caller]
    pub fn exec(&self, name: &str, command: &[&str]) -> String {
        let full = format!("{}-{name}", self.project);
        let command: Vec<String> = command.iter().map(ToString::to_string).collect();
        let outcome = wait(async {
            engine()
                .exec(&full, &rcompose::engine::Exec::of(&command))
                .await
        })
        .expect("the engine runs it");
        String::from_utf8_lossy(&outcome.output).trim().to_owned()
    }

    /// Asks redis in a container.
    #[track_caller]
    pub fn redis(&self, name: &str, command: &[&str]) -> String {
        let command: Vec<&str> = ["redis-cli"].iter().chain(command).copied().collect();
        self.exec(name, &command)
    }

    fn keep_artifacts(&self) {
        let kept = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("artifacts")
            .join(&self.project);
        let _ = fs::create_dir_all(&kept);
        for (name, arguments) in [
            ("config.yaml", vec!["config"]),
            ("plan.txt", vec!["plan"]),
            ("logs.txt", vec!["logs"]),
            ("ps.txt", vec!["ps", "-a"]),
        ] {
            let ran = self.run(&arguments);
            let _ = fs::write(kept.join(name), format!("{}{}", ran.stdout, ran.stderr));
        }
        let _ = fs::write(
            kept.join("containers.txt"),
            format!("{:#?}", self.containers()),
        );
        println!("kept in {}", kept.display());
    }

    /// Removes everything of the project by its label, whatever state a failed scenario left.
    pub fn remove_all(&self) {
        wait(async {
            let engine = engine();
            for name in self.containers().keys() {
                let _ = engine.remove_container(name, true, true).await;
            }
            for name in self.networks() {
                let _ = engine.remove_network(&name).await;
            }
            for name in self.volumes().into_iter().chain(self.lock_marks()) {
                let _ = engine.remove_volume(&name, true).await;
            }
            for service in ["identidock", "dnmonster", "app", "web", "base"] {
                let _ = engine
                    .remove_image(&format!("{}-{service}", self.project), true)
                    .await;
            }
        });
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.keep_artifacts();
        }
        self.remove_all();
    }
}

/// Where docker compose 2.40 is, or would be.
pub fn docker_compose_path() -> String {
    std::env::var("RCOMPOSE_ORACLE")
        .unwrap_or_else(|_| "/var/cache/rcompose/oracle/docker-compose".to_owned())
}

/// The engine that the tests run on.
pub fn engine() -> Docker {
    let address = std::env::var("DOCKER_HOST").ok();
    Docker::connect(address.as_deref(), None).expect("the address is one")
}

/// Runs a future to its end.
///
/// On a thread of its own, because a test's future may itself end in here (dropping a stack).
pub fn wait<T: Send>(future: impl Future<Output = T> + Send) -> T {
    std::thread::scope(|scope| {
        let runtime = || {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime")
        };
        scope
            .spawn(move || runtime().block_on(future))
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Asks until the answer is there; fails the test after half a minute.
#[track_caller]
pub fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(
            begin.elapsed() < Duration::from_secs(30),
            "waited in vain for {what}"
        );
        std::thread::park_timeout(Duration::from_millis(50));
    }
}

/// Fetches a page from this machine: status line and headers, and the body.
pub fn fetch(port: u16, path: &str) -> Option<(String, Vec<u8>)> {
    request(
        port,
        &format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n"),
    )
}

/// Sends a form to this machine.
pub fn post(port: u16, path: &str, form: &str) -> Option<(String, Vec<u8>)> {
    let length = form.len();
    let head = format!("POST {path} HTTP/1.0\r\nHost: localhost\r\nContent-Length: {length}\r\n");
    request(
        port,
        &format!("{head}Content-Type: application/x-www-form-urlencoded\r\n\r\n{form}"),
    )
}

fn request(port: u16, text: &str) -> Option<(String, Vec<u8>)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .ok()?;
    stream.write_all(text.as_bytes()).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    head.contains(" 200 ")
        .then(|| (head, answer[end + 4..].to_vec()))
}

pub fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("the example is there").flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            fs::create_dir_all(&target).expect("the folder can be made");
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("the file can be copied");
        }
    }
}
