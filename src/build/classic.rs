//! A build on the engine's classic endpoint: one archive in, lines of text out.
//!
//! The endpoint knows neither secrets nor several contexts nor a difference between steps and
//! output; see [`output`](super::output) for what can be read from its words.

use std::path::Path;

use futures_util::StreamExt;
use tokio::sync::oneshot;

use super::context::LocalContext;
use super::context::archive::{Packing, Sent};
use super::output::{Lines, Transcript, exit_code};
use super::{Build, BuildError, BuildEvent, Built, Context, Dockerfile};
use crate::engine::{Answers, BuildRequest, Engine, EngineError, Progress};

pub(super) async fn build(
    engine: &dyn Engine,
    build: &Build,
    events: &mut (dyn FnMut(BuildEvent) + Send),
) -> Result<Built, BuildError> {
    let (request, packing) = match &build.context {
        Context::Local(root) => local(build, root).await?,
        Context::Remote(url) => (remote(build, url)?, Packing::nothing()),
    };
    let run = Run {
        sending: Some(packing.outcome),
        events,
        lines: Lines::default(),
        transcript: Transcript::default(),
        image_id: None,
    };
    match engine.build_image(&request, packing.bytes).await {
        Ok(answers) => run.drain(answers).await,
        Err(error) => Err(run.failure(error)),
    }
}

async fn local(build: &Build, root: &Path) -> Result<(BuildRequest, Packing), BuildError> {
    let (folder, dockerfile) = (root.to_owned(), build.dockerfile.clone());
    let opening = tokio::task::spawn_blocking(move || LocalContext::open(&folder, &dockerfile));
    let context = opening
        .await
        .map_err(|error| EngineError::Broken(error.to_string()))??;
    let request = request(build, context.dockerfile.clone());
    Ok((request, Packing::start(context)))
}

/// The engine fetches the context itself; the Dockerfile can only be one that is in it.
fn remote(build: &Build, url: &str) -> Result<BuildRequest, BuildError> {
    let needs = |what| Err(BuildError::NeedsBuildKit { what });
    let dockerfile = match &build.dockerfile {
        Dockerfile::Inline(_) => return needs("a Dockerfile given as text for a remote context"),
        Dockerfile::Path(path) if path.is_absolute() => {
            return needs("a Dockerfile from this machine for a remote context");
        }
        Dockerfile::Path(path) => path.to_string_lossy().into_owned(),
    };
    Ok(BuildRequest {
        remote: Some(url.to_owned()),
        ..request(build, dockerfile)
    })
}

fn request(build: &Build, dockerfile: String) -> BuildRequest {
    BuildRequest {
        dockerfile,
        remote: None,
        tags: build.tags.clone(),
        args: build.args.clone(),
        labels: build.labels.clone(),
        target: build.target.clone(),
        network: build.network.clone(),
        no_cache: build.no_cache,
        pull: build.pull,
        extra_hosts: build.extra_hosts.clone(),
        cache_from: build.cache_from.clone(),
        shm_size: build.shm_size,
        platform: build.platform.clone(),
    }
}

/// A build that the engine has begun.
struct Run<'a> {
    /// How sending the context ends; taken when it has.
    sending: Option<oneshot::Receiver<Result<Sent, BuildError>>>,
    events: &'a mut (dyn FnMut(BuildEvent) + Send),
    lines: Lines,
    transcript: Transcript,
    image_id: Option<String>,
}

impl Run<'_> {
    async fn drain(mut self, mut answers: Answers<Progress>) -> Result<Built, BuildError> {
        while let Some(answer) = answers.next().await {
            match answer {
                Ok(progress) => self.progress(progress)?,
                Err(error) => return Err(self.failure(error)),
            }
        }
        self.context_sent()?;
        self.end_of_text();
        match self.image_id.or(self.transcript.built) {
            Some(image_id) => Ok(Built { image_id }),
            None => Err(EngineError::Broken("the build ended without an image".to_owned()).into()),
        }
    }

    fn progress(&mut self, progress: Progress) -> Result<(), BuildError> {
        self.context_sent()?;
        let text = match &progress.id {
            // Bytes of a layer that is being pulled: too many, and no line of output.
            Some(_) if progress.current.is_some() => String::new(),
            Some(id) => format!("{id}: {}\n", progress.text),
            None if is_summary(&progress.text) => format!("{}\n", progress.text),
            None => progress.text,
        };
        for line in self.lines.push(&text) {
            self.line(line);
        }
        self.image_id = progress.image_id.or(self.image_id.take());
        Ok(())
    }

    fn line(&mut self, line: String) {
        self.transcript.note(&line);
        (self.events)(BuildEvent::Line(line));
    }

    fn end_of_text(&mut self) {
        if let Some(line) = self.lines.finish() {
            self.line(line);
        }
    }

    /// Tells once that the context is there; fails with what kept it from getting there.
    fn context_sent(&mut self) -> Result<(), BuildError> {
        let Some(mut sending) = self.sending.take() else {
            return Ok(());
        };
        match sending.try_recv() {
            Ok(Ok(Sent { files, bytes })) => {
                (self.events)(BuildEvent::ContextSent { files, bytes });
            }
            Ok(Err(error)) => return Err(error),
            Err(oneshot::error::TryRecvError::Empty) => self.sending = Some(sending),
            Err(oneshot::error::TryRecvError::Closed) => {}
        }
        Ok(())
    }

    /// What an error of the engine comes from: a context that broke off, the Dockerfile, or itself.
    fn failure(mut self, error: EngineError) -> BuildError {
        if let Err(cause) = self.context_sent() {
            return cause;
        }
        self.end_of_text();
        let message = match error {
            EngineError::Refused { message, .. }
            | EngineError::NotFound(message)
            | EngineError::Conflict(message) => message,
            other => return other.into(),
        };
        BuildError::Failed {
            step: self.transcript.step,
            code: exit_code(&message),
            message,
            output: self.transcript.output.into(),
        }
    }
}

/// The lines that end a pull come without a line end.
fn is_summary(text: &str) -> bool {
    !text.ends_with('\n') && (text.starts_with("Digest: ") || text.starts_with("Status: "))
}
