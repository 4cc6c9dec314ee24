//! A socket in front of the engine that notes every request and passes it on.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// A noting socket; it is gone when dropped.
pub struct Proxy {
    socket: PathBuf,
    requests: Arc<Mutex<Vec<String>>>,
    deadly: Arc<Mutex<Option<Deadly>>>,
}

/// The process that dies of a call that changes something, instead of the call.
#[derive(Clone, Copy)]
struct Deadly {
    process: u32,
    calls_left: usize,
}

impl Proxy {
    /// A socket in `folder`, in front of the engine of this run.
    pub fn start(folder: &Path) -> Proxy {
        Proxy::with(folder, false)
    }

    /// The same, which lets only through what looks, and refuses everything else.
    pub fn refusing(folder: &Path) -> Proxy {
        Proxy::with(folder, true)
    }

    fn with(folder: &Path, refuses: bool) -> Proxy {
        let socket = folder.join("proxy.sock");
        let listener = UnixListener::bind(&socket).expect("the socket can be made");
        let requests = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&requests);
        let deadly = Arc::new(Mutex::new(None));
        let dies = Arc::clone(&deadly);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (noted, dies) = (Arc::clone(&noted), Arc::clone(&dies));
                std::thread::spawn(move || pass(client, &noted, &dies, refuses));
            }
        });
        Proxy {
            socket,
            requests,
            deadly,
        }
    }

    /// Lets so many calls that change something through, and kills the process at the next.
    pub fn kill_after(&self, calls: usize, process: u32) {
        let deadly = Deadly {
            process,
            calls_left: calls,
        };
        *self.deadly.lock().expect("no thread panicked with it") = Some(deadly);
    }

    /// Lets everything through again.
    pub fn kill_never(&self) {
        *self.deadly.lock().expect("no thread panicked with it") = None;
    }

    /// How many calls changed something so far.
    pub fn changes(&self) -> usize {
        self.noted().iter().filter(|it| changes(it)).count()
    }

    /// The address for `DOCKER_HOST`.
    pub fn address(&self) -> String {
        format!("unix://{}", self.socket.display())
    }

    /// The requests so far, `GET /v1.41/containers/json`, without their queries.
    pub fn requests(&self) -> Vec<String> {
        let path = |request: &String| request.split('?').next().unwrap_or(request).to_owned();
        self.noted().iter().map(path).collect()
    }

    /// Those of them that are not for looking only.
    pub fn writes(&self) -> Vec<String> {
        let mut requests = self.requests();
        requests.retain(|request| !looks(request.as_bytes()));
        requests
    }

    /// How long the engine was told to wait before it kills, for each stop and restart so far:
    /// `stop?t=3`.
    pub fn timeouts(&self) -> Vec<String> {
        let verb = |request: String| request.rsplit('/').next().map(str::to_owned);
        let verbs = self.noted().into_iter().filter_map(verb);
        verbs
            .filter(|verb| verb.starts_with("stop") || verb.starts_with("restart"))
            .collect()
    }

    fn noted(&self) -> Vec<String> {
        self.requests
            .lock()
            .expect("no thread panicked with it")
            .clone()
    }
}

/// The engine of this run on a TCP port: an address for `DOCKER_HOST`.
pub fn over_tcp() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it has an address");
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            std::thread::spawn(move || forward(client));
        }
    });
    format!("tcp://{address}")
}

fn forward(client: TcpStream) {
    let engine = engine();
    let (mut from_client, mut to_engine) = (
        client.try_clone().expect("a socket"),
        engine.try_clone().expect("a socket"),
    );
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from_client, &mut to_engine);
        let _ = to_engine.shutdown(Shutdown::Write);
    });
    let (mut engine, mut client) = (engine, client);
    let _ = std::io::copy(&mut engine, &mut client);
    let _ = client.shutdown(Shutdown::Both);
}

fn engine() -> UnixStream {
    let host =
        std::env::var("DOCKER_HOST").unwrap_or_else(|_| "unix:///var/run/docker.sock".to_owned());
    let path = host
        .strip_prefix("unix://")
        .expect("these tests use a unix socket");
    UnixStream::connect(path).expect("the engine answers")
}

fn changes(request: &str) -> bool {
    !request.starts_with("GET ") && !request.starts_with("HEAD ")
}

/// Whether the process that sent this is to die of it; then it is dead.
fn dies(requests: &[String], deadly: &Mutex<Option<Deadly>>) -> bool {
    let mut deadly = deadly.lock().expect("no thread panicked with it");
    let Some(deadly) = deadly.as_mut() else {
        return false;
    };
    for _ in requests.iter().filter(|request| changes(request)) {
        if deadly.calls_left == 0 {
            let process = deadly.process.to_string();
            let killed = std::process::Command::new("kill")
                .args(["-9", &process])
                .stderr(std::process::Stdio::null())
                .status();
            // It may be dead of the call before.
            return killed.is_ok();
        }
        deadly.calls_left -= 1;
    }
    false
}

fn pass(
    client: UnixStream,
    noted: &Mutex<Vec<String>>,
    deadly: &Mutex<Option<Deadly>>,
    refuses: bool,
) {
    let engine = engine();
    let (mut from_engine, mut to_client) = (
        engine.try_clone().expect("a socket"),
        client.try_clone().expect("a socket"),
    );
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from_engine, &mut to_client);
        let _ = to_client.shutdown(Shutdown::Both);
    });
    let (mut client, mut engine) = (client, engine);
    let mut buffer = [0; 8 * 1024];
    while let Ok(length @ 1..) = client.read(&mut buffer) {
        let requests = note(&buffer[..length], noted);
        if dies(&requests, deadly) {
            break;
        }
        if refuses && !looks(&buffer[..length]) {
            let _ = client.write_all(REFUSAL);
            let _ = client.shutdown(Shutdown::Both);
            break;
        }
        if engine.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    let _ = engine.shutdown(Shutdown::Write);
}

/// What is answered to a request that would change something.
const REFUSAL: &[u8] = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

fn looks(bytes: &[u8]) -> bool {
    bytes.starts_with(b"GET ") || bytes.starts_with(b"HEAD ")
}

/// Requests without bodies arrive in one piece, each beginning with its method.
fn note(bytes: &[u8], noted: &Mutex<Vec<String>>) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let lines = text
        .lines()
        .filter_map(|line| line.strip_suffix(" HTTP/1.1"));
    let requests: Vec<String> = lines.map(str::to_owned).collect();
    let mut noted = noted.lock().expect("no thread panicked with it");
    noted.extend(requests.iter().cloned());
    requests
}
