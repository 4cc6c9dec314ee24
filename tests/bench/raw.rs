//! The floor: engine calls made raw, with nothing around them.
//!
//! One connection a call, `HTTP/1.0`, so that the answer ends where the connection does. Calls
//! that may overlap are made eight at a time. Only unix sockets: benches run beside their engine.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Mutex;

/// Calls that are under way at once.
const AT_ONCE: usize = 8;

/// The engine's socket.
pub(crate) struct Raw {
    socket: PathBuf,
}

/// A call: method, path, and a body with its type.
pub(crate) struct Call {
    method: &'static str,
    path: String,
    body: Vec<u8>,
    kind: &'static str,
}

/// A call with a JSON body.
pub(crate) fn post(path: impl Into<String>, body: &serde_json::Value) -> Call {
    Call {
        method: "POST",
        path: path.into(),
        body: body.to_string().into_bytes(),
        kind: "application/json",
    }
}

/// A call with a tar archive as its body.
pub(crate) fn post_tar(path: impl Into<String>, body: Vec<u8>) -> Call {
    Call {
        method: "POST",
        path: path.into(),
        body,
        kind: "application/x-tar",
    }
}

/// A call without a body.
pub(crate) fn bare(method: &'static str, path: impl Into<String>) -> Call {
    Call {
        method,
        path: path.into(),
        body: Vec::new(),
        kind: "application/json",
    }
}

impl Raw {
    /// The engine that `DOCKER_HOST` names, or the usual one.
    pub(crate) fn of_environment() -> Self {
        let host = std::env::var("DOCKER_HOST").unwrap_or_default();
        let path = host
            .strip_prefix("unix://")
            .unwrap_or("/var/run/docker.sock");
        Self {
            socket: path.into(),
        }
    }

    /// Makes a call and gives the body of the answer.
    ///
    /// # Panics
    /// When the engine refuses.
    pub(crate) fn call(&self, call: &Call) -> String {
        let mut stream = UnixStream::connect(&self.socket).expect("the engine listens");
        let head = format!(
            "{} {} HTTP/1.0\r\nHost: engine\r\nContent-Type: {}\r\nContent-Length: {}\r\n\r\n",
            call.method,
            call.path,
            call.kind,
            call.body.len()
        );
        stream.write_all(head.as_bytes()).expect("the engine reads");
        stream.write_all(&call.body).expect("the engine reads");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("the engine answers");
        let answer = String::from_utf8_lossy(&answer);
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        let status = head.split(' ').nth(1).unwrap_or_default();
        assert!(
            status.starts_with('2') || status == "304",
            "{} {}: {status} {body}",
            call.method,
            call.path
        );
        body.to_owned()
    }

    /// Makes calls, several at a time.
    pub(crate) fn all(&self, calls: Vec<Call>) {
        let queue = Mutex::new(calls.into_iter());
        std::thread::scope(|scope| {
            for _ in 0..AT_ONCE {
                scope.spawn(|| {
                    loop {
                        let next = queue.lock().expect("no call panics with it").next();
                        let Some(next) = next else { break };
                        self.call(&next);
                    }
                });
            }
        });
    }

    /// Waits until a container's health check says that it is healthy.
    pub(crate) fn healthy(&self, container: &str) {
        let inspect = bare("GET", format!("/containers/{container}/json"));
        loop {
            let state: serde_json::Value =
                serde_json::from_str(&self.call(&inspect)).expect("the engine speaks JSON");
            if state["State"]["Health"]["Status"] == "healthy" {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }
}
