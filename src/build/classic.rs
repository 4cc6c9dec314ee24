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

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use pretty_assertions::assert_eq;

    use super::super::context::archive::Sent;
    use super::*;

    /// What a build answers, and the lines it tells, when the engine's answers are these.
    async fn check(
        answers: Vec<Progress>,
        failure: Option<EngineError>,
        sent: Result<Sent, BuildError>,
    ) -> (Result<Built, BuildError>, Vec<BuildEvent>) {
        let (sender, sending) = oneshot::channel();
        sender.send(sent).unwrap();
        let mut events = Vec::new();
        let run = Run {
            sending: Some(sending),
            events: &mut |event| events.push(event),
            lines: Lines::default(),
            transcript: Transcript::default(),
            image_id: None,
        };
        let answers = answers.into_iter().map(Ok).chain(failure.map(Err));
        let answers: Vec<_> = answers.collect();
        let result = run.drain(Box::pin(stream::iter(answers))).await;
        (result, events)
    }

    fn text(text: &str) -> Progress {
        Progress {
            text: text.to_owned(),
            ..Progress::default()
        }
    }

    fn pull(id: &str, text: &str, current: Option<u64>) -> Progress {
        Progress {
            id: Some(id.to_owned()),
            text: text.to_owned(),
            current,
            ..Progress::default()
        }
    }

    fn line(line: &str) -> BuildEvent {
        BuildEvent::Line(line.to_owned())
    }

    const SENT: Sent = Sent { files: 2, bytes: 3 };

    #[tokio::test]
    async fn the_id_that_is_announced_is_the_image() {
        let announced = Progress {
            image_id: Some("sha256:abc".to_owned()),
            ..Progress::default()
        };
        let answers = vec![
            text("Step 1/1 : FROM busybox\n"),
            pull("latest", "Pulling from library/busybox", None),
            pull("0123", "Downloading", Some(7)),
            text("Digest: sha256:d"),
            text("Status: Downloaded newer image"),
            announced,
            text("Successfully built abc"),
        ];
        let (result, events) = check(answers, None, Ok(SENT)).await;
        assert_eq!(result.unwrap().image_id, "sha256:abc");
        let expected = [
            BuildEvent::ContextSent { files: 2, bytes: 3 },
            line("Step 1/1 : FROM busybox"),
            line("latest: Pulling from library/busybox"),
            line("Digest: sha256:d"),
            line("Status: Downloaded newer image"),
            line("Successfully built abc"),
        ];
        assert_eq!(events, expected);
    }

    #[tokio::test]
    async fn a_failing_step_is_named_with_what_it_printed() {
        let refused = EngineError::Refused {
            status: 200,
            message: "The command '/bin/sh -c make' returned a non-zero code: 3".to_owned(),
        };
        let answers = vec![
            text("Step 1/2 : FROM busybox\n"),
            text(" ---> 0123\n"),
            text("Step 2/2 : RUN make\n"),
            text(" ---> Running in 4567\n"),
            text("no rule"),
        ];
        let (result, events) = check(answers, Some(refused), Ok(SENT)).await;
        assert_eq!(events.last(), Some(&line("no rule")));
        let error = result.unwrap_err();
        assert_eq!(
            error.to_string(),
            "Step 2/2 : RUN make: The command '/bin/sh -c make' returned a non-zero code: 3"
        );
        let BuildError::Failed { code, output, .. } = error else {
            panic!("{error:?}");
        };
        assert_eq!((code, output), (Some(3), vec!["no rule".to_owned()]));
    }

    #[tokio::test]
    async fn a_context_that_broke_off_is_the_cause() {
        let lost = || Some(EngineError::Broken("connection reset".to_owned()));
        let changed = BuildError::Changed {
            path: "/ctx/log".into(),
        };
        let (result, _) = check(Vec::new(), lost(), Err(changed)).await;
        assert!(
            matches!(result, Err(BuildError::Changed { .. })),
            "{result:?}"
        );
        let (result, _) = check(Vec::new(), lost(), Ok(SENT)).await;
        assert!(matches!(result, Err(BuildError::Engine(_))), "{result:?}");
    }

    #[tokio::test]
    async fn an_end_without_an_image_is_an_error() {
        let (result, _) = check(vec![text("Step 1/1 : FROM a\n")], None, Ok(SENT)).await;
        assert!(matches!(result, Err(BuildError::Engine(_))), "{result:?}");
    }

    #[test]
    fn a_remote_context_is_left_to_the_engine() {
        let url = "https://example.com/app.git#main:docker";
        let mut build = Build::new(Context::Remote(url.to_owned()));
        let request = remote(&build, url).unwrap();
        assert_eq!(request.remote.as_deref(), Some(url));
        assert_eq!(request.dockerfile, "Dockerfile");
        build.dockerfile = Dockerfile::Inline("FROM busybox".to_owned());
        assert!(remote(&build, url).is_err());
    }
}
