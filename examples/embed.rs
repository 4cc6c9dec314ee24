//! The library in a program of one's own: brings a stack up, talks to it, takes it down.
//!
//! ```sh
//! cargo run --example embed
//! ```
//!
//! The Compose file is a string here, and the file system has a part that answers with it: loading
//! touches only what it is given. Everything else is what the command line does, too.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rcompose::engine::docker::Docker;
use rcompose::engine::{Engine, Filter};
use rcompose::event::{Event, Sink};
use rcompose::load::{Files, Request, load};
use rcompose::ops::Target;
use rcompose::ops::lifecycle::{DownOptions, down};
use rcompose::ops::lock::Lock;
use rcompose::ops::up::{UpOptions, up};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

const STACK: &str = r#"
services:
  store:
    image: redis:7-alpine
    # No port on the host is named, so the engine chooses a free one.
    ports: ["127.0.0.1::6379"]
    healthcheck:
      test: [CMD, redis-cli, ping]
      interval: 500ms
      retries: 20
"#;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A file system that holds one file.
struct OneFile;

impl Files for OneFile {
    fn read(&self, _: &Path) -> io::Result<Vec<u8>> {
        Ok(STACK.as_bytes().to_vec())
    }

    fn is_file(&self, path: &Path) -> bool {
        path == Path::new("/embedded/compose.yaml")
    }

    fn read_stdin(&self) -> io::Result<Vec<u8>> {
        Ok(Vec::new())
    }
}

/// Prints each step as it ends.
fn narrate() -> impl Sink {
    let mut plan = None;
    move |event: Event| match event {
        Event::Planned { plan: planned } => plan = Some(planned),
        Event::StepFinished { step, .. } => {
            if let Some(step) = plan.as_ref().and_then(|plan| plan.steps.get(step.0)) {
                println!("{}", rcompose::plan::describe(step));
            }
        }
        Event::StepFailed { error, .. } => println!("failed: {error}"),
        _ => {}
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    bring_up_talk_and_take_down().await
}

/// The whole example; the tests call it, too.
pub async fn bring_up_talk_and_take_down() -> Result<(), Failure> {
    let request = Request {
        project_name: Some(format!("embed{}", std::process::id())),
        current_dir: PathBuf::from("/embedded"),
        ..Request::default()
    };
    let project = load(&request, &OneFile)
        .map_err(|failure| format!("{:?}", failure.diagnostics))?
        .project;

    let address = std::env::var("DOCKER_HOST").ok();
    let engine = Docker::connect(address.as_deref(), None)?;
    let options = UpOptions {
        wait: true,
        ..UpOptions::default()
    };
    let brought_up = up(
        &engine,
        &project,
        &options,
        &CancellationToken::default(),
        &mut narrate(),
    )
    .await;
    let talked = match brought_up {
        Ok(()) => talk(&engine, &project.name).await,
        Err(error) => Err(error.into()),
    };

    // Whatever happened above: nothing is left behind.
    let everything = DownOptions {
        volumes: true,
        ..DownOptions::default()
    };
    down(
        &engine,
        Target::Files(&project),
        &everything,
        &Lock::default(),
        &mut narrate(),
    )
    .await?;
    talked
}

/// Stores a value in the stack's redis and reads it back.
async fn talk(engine: &dyn Engine, project: &str) -> Result<(), Failure> {
    let label = format!("com.docker.compose.project={project}");
    let containers = engine.containers(&Filter::labels([label])).await?;
    let port = containers
        .iter()
        .flat_map(|container| &container.ports)
        .find_map(|port| port.public);
    let port = port.ok_or("the store has no port on the host")?;
    let stream = tokio::time::timeout(
        Duration::from_secs(5),
        TcpStream::connect(("127.0.0.1", port)),
    )
    .await??;
    let mut redis = BufReader::new(stream);
    redis
        .get_mut()
        .write_all(b"SET greeting hello\r\nGET greeting\r\n")
        .await?;
    let mut answers = String::new();
    for _ in 0..3 {
        redis.read_line(&mut answers).await?;
    }
    println!(
        "the store on port {port} says {:?}",
        answers.lines().last().unwrap_or_default()
    );
    if answers.ends_with("hello\r\n") {
        Ok(())
    } else {
        Err("the store forgot what it was told".into())
    }
}
