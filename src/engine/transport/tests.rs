//! Addresses, and the transport against an engine that only knows how to count.

use std::sync::Arc;

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

use super::*;

fn bad(address: &str) -> String {
    match Address::parse(Some(address)) {
        Err(EngineError::BadAddress { reason, .. }) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_address_is_a_socket_or_a_host_and_port() {
    let read = |text| Address::parse(Some(text)).expect("it is one").to_string();
    assert_eq!(read("unix:///run/docker.sock"), "unix:///run/docker.sock");
    assert_eq!(read("tcp://host"), "tcp://host:2375");
    assert_eq!(read("tcp://host:1234/"), "tcp://host:1234");
    assert_eq!(read("http://host:1234/base/"), "tcp://host:1234/base");
    assert_eq!(read("tcp://[::1]:1234"), "tcp://[::1]:1234");
    assert_eq!(read(""), "unix:///var/run/docker.sock");
    let default = Address::parse(None).expect("it is one");
    assert_eq!(default, Address::Unix("/var/run/docker.sock".into()));
}

#[test]
fn an_address_that_is_not_spoken_says_why() {
    assert!(bad("/var/run/docker.sock").contains("no scheme"));
    assert!(bad("unix://").contains("missing"));
    assert!(bad("ssh://me@host").contains("ssh is not spoken"));
    assert!(bad("https://host:2376").contains("TLS"));
    assert!(bad("npipe:////./pipe/docker_engine").contains("named pipes"));
    assert!(bad("fd://").contains("fd://"));
    assert!(bad("tcp://:2375").contains("host or port"));
    assert!(bad("tcp://host:no").contains("host or port"));
}

/// Answers every request with an empty success, and notes what was asked on which connection.
struct Counting {
    asked: Mutex<Vec<(usize, String)>>,
    header: &'static str,
    /// Hang up after so many answers on one connection.
    patience: usize,
}

impl Counting {
    fn start(header: &'static str, patience: usize) -> (Arc<Counting>, Address, tempfile::TempDir) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("engine.sock");
        let listener = UnixListener::bind(&path).expect("a socket");
        let engine = Arc::new(Counting {
            asked: Mutex::default(),
            header,
            patience,
        });
        let serving = Arc::clone(&engine);
        tokio::spawn(async move {
            for connection in 1.. {
                let Ok((socket, _)) = listener.accept().await else {
                    break;
                };
                tokio::spawn(Arc::clone(&serving).serve(connection, socket));
            }
        });
        (engine, Address::Unix(path), folder)
    }

    async fn serve(self: Arc<Counting>, connection: usize, mut socket: UnixStream) {
        for _ in 0..self.patience {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                match socket.read_u8().await {
                    Ok(byte) => head.push(byte),
                    Err(_) => return,
                }
            }
            let head = String::from_utf8_lossy(&head);
            let line = head.split(" HTTP").next().unwrap_or_default().to_owned();
            self.asked
                .lock()
                .expect("no panic")
                .push((connection, line));
            let answer = format!(
                "HTTP/1.1 200 OK\r\n{}Content-Length: 0\r\n\r\n",
                self.header
            );
            if socket.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
    }

    fn asked(&self) -> Vec<(usize, String)> {
        self.asked.lock().expect("no panic").clone()
    }
}

fn get(path: &str) -> Request<Body> {
    let request = Request::get(path).body(empty_body());
    request.expect("the path is one")
}

#[tokio::test]
async fn the_version_is_asked_once_however_many_begin_at_once() {
    let (engine, address, _folder) = Counting::start("Api-Version: 1.41\r\n", usize::MAX);
    let transport = Transport::new(address, None);
    let sent = join_all((0..20).map(|_| transport.send(get("/x?y=z")))).await;
    assert!(sent.iter().all(Result::is_ok));
    let asked: Vec<String> = engine.asked().into_iter().map(|(_, line)| line).collect();
    assert_eq!(asked.len(), 21);
    assert_eq!(asked[0], "HEAD /_ping");
    assert!(
        asked[1..].iter().all(|line| line == "GET /v1.41/x?y=z"),
        "{asked:?}"
    );
}

#[tokio::test]
async fn one_connection_serves_one_call_after_the_other() {
    let (engine, address, _folder) = Counting::start("Api-Version: 1.60\r\n", usize::MAX);
    let transport = Transport::new(address, None);
    for _ in 0..5 {
        let answer = transport.send(get("/x")).await.expect("an answer");
        answer.into_body().collect().await.expect("a body");
    }
    let asked = engine.asked();
    assert_eq!(
        asked.last().map(|(_, line)| line.as_str()),
        Some("GET /v1.51/x")
    );
    assert!(
        asked.iter().all(|(connection, _)| *connection == 1),
        "{asked:?}"
    );
}

#[tokio::test]
async fn a_connection_that_the_engine_closed_meanwhile_is_replaced() {
    let (engine, address, _folder) = Counting::start("", 1);
    let transport = Transport::new(address, Some(ApiVersion::new(1, 30)));
    for _ in 0..3 {
        transport.send(get("/x")).await.expect("an answer");
        // Lets the connection's task see the hang-up, as time would.
        while !transport
            .kept
            .lock()
            .expect("no panic")
            .iter()
            .all(SendRequest::is_closed)
        {
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(engine.asked().len(), 3);
}

#[tokio::test]
async fn a_version_that_is_given_is_not_asked_for() {
    let (engine, address, _folder) = Counting::start("Api-Version: 1.41\r\n", usize::MAX);
    let transport = Transport::new(address, Some(ApiVersion::new(1, 30)));
    transport.send(get("/x")).await.expect("an answer");
    assert_eq!(engine.asked(), [(1, "GET /v1.30/x".to_owned())]);
}

#[tokio::test]
async fn an_engine_from_before_1_24_is_too_old() {
    let (_engine, address, _folder) = Counting::start("Api-Version: 1.23\r\n", usize::MAX);
    let error = Transport::new(address, None).send(get("/x")).await;
    let error = error.expect_err("it is too old");
    assert!(matches!(error, EngineError::TooOld { .. }), "{error:?}");
}

#[tokio::test]
async fn an_address_where_nothing_listens_is_unreachable() {
    let address = Address::Unix("/nonexistent/engine.sock".into());
    let error = Transport::new(address, None).send(get("/x")).await;
    let text = error.expect_err("nobody is there").to_string();
    let expected = "no container engine answers at unix:///nonexistent/engine.sock: \
                    there is no such socket (is the engine running?)";
    assert_eq!(text, expected);
}

#[test]
fn an_error_of_ours_is_found_inside_foreign_ones() {
    let ours = EngineError::NotFound("the file".to_owned());
    let wrapped = io::Error::other(io::Error::other(ours));
    assert!(matches!(lost(&wrapped), EngineError::NotFound(_)));
    let foreign = lost(&io::Error::other("pipe"));
    assert!(matches!(foreign, EngineError::Broken(text) if text == "pipe"));
}
