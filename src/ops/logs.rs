//! `logs`: what a project's containers have printed, and what they go on printing.
//!
//! What is past is told in the order of its time, over all containers: engines stamp every line,
//! and the stamps are asked for even if nobody wants to see them. What is still to come is told as
//! it arrives. Following goes on over restarts and takes in containers that start later; it ends
//! when nothing runs any more.

use std::collections::{BTreeMap, VecDeque};
use std::pin::Pin;

use bytes::Bytes;
use futures_util::stream::{self, SelectAll};
use futures_util::{Stream, StreamExt};

use super::{Error, Logs, Target, check_services, display_name};
use crate::engine::{
    Answers, Container, ContainerState, EngineError, Event, Filter, LogOptions, Reads,
};
use crate::plan::labels;
use crate::project::Project;

pub use crate::engine::{Channel, Output};

/// What is asked for.
#[derive(Debug, Clone, Default)]
pub struct LogsOptions {
    /// Services; all when empty.
    pub services: Vec<String>,
    /// Only the container with this number.
    pub index: Option<u32>,
    /// Stay and tell what comes.
    pub follow: bool,
    /// Each line begins with the engine's timestamp.
    pub timestamps: bool,
    /// The last so many lines of each container; all when absent.
    pub tail: Option<u64>,
    /// Unix seconds, with fraction allowed.
    pub since: Option<String>,
    /// Unix seconds, with fraction allowed.
    pub until: Option<String>,
}

/// Hands a project's output to `sink`.
pub async fn logs(
    reads: &dyn Reads,
    target: Target<'_>,
    options: &LogsOptions,
    sink: &mut dyn Logs,
) -> Result<(), Error> {
    if let Some(project) = target.project() {
        check_services(project, &options.services)?;
    }
    let scope = Scope {
        reads,
        project_name: target.name(),
        options,
        unattached: target.project().map(unattached).unwrap_or_default(),
    };
    if options.follow {
        follow(&scope, sink).await
    } else {
        history(&scope, sink).await
    }
}

/// Services whose output nobody wants to see unless they are named.
fn unattached(project: &Project) -> Vec<String> {
    let quiet = project
        .services
        .values()
        .filter(|one| one.attach == Some(false));
    quiet.map(|service| service.name.clone()).collect()
}

struct Scope<'a> {
    reads: &'a dyn Reads,
    project_name: &'a str,
    options: &'a LogsOptions,
    unattached: Vec<String>,
}

impl Scope<'_> {
    fn filter(&self) -> Filter {
        Filter::labels([format!("{}={}", labels::PROJECT, self.project_name)])
    }

    async fn containers(&self) -> Result<Vec<Container>, Error> {
        let containers = self.reads.containers(&self.filter()).await;
        let mut containers = containers.map_err(Error::engine("list containers"))?;
        containers.retain(|container| self.wants(&container.labels));
        containers.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(containers)
    }

    fn wants(&self, marks: &BTreeMap<String, String>) -> bool {
        let mark = |key: &str| marks.get(key).map(String::as_str).unwrap_or_default();
        let service = mark(labels::SERVICE);
        let named = match self.options.services.as_slice() {
            [] => !self.unattached.iter().any(|name| name == service),
            services => services.iter().any(|name| name == service),
        };
        let numbered = match self.options.index {
            Some(index) => mark(labels::NUMBER) == index.to_string(),
            None => true,
        };
        mark(labels::ONE_OFF) != "True" && named && numbered
    }

    fn log_options(&self) -> LogOptions {
        LogOptions {
            follow: self.options.follow,
            timestamps: self.options.timestamps,
            tail: self.options.tail,
            since: self.options.since.clone(),
            until: self.options.until.clone(),
        }
    }

    /// A log that cannot be read (its driver keeps it elsewhere) stops nobody from reading others.
    fn unreadable(&self, container: &str, error: &EngineError, sink: &mut dyn Logs) {
        let name = display_name(self.project_name, container);
        sink.message(&format!("{name}: cannot read its log: {error}"));
    }
}

async fn history(scope: &Scope<'_>, sink: &mut dyn Logs) -> Result<(), Error> {
    let containers = scope.containers().await?;
    sink.attached(&names(&containers));
    let mut lines = Vec::new();
    for container in containers {
        let options = LogOptions {
            timestamps: true,
            ..scope.log_options()
        };
        match scope.reads.logs(&container.name, &options).await {
            Ok(output) => lines.push(Lines::new(container.name, output)),
            Err(error) => scope.unreadable(&container.name, &error, sink),
        }
    }
    merge(scope, lines, sink).await;
    Ok(())
}

fn names(containers: &[Container]) -> Vec<String> {
    containers.iter().map(|one| one.name.clone()).collect()
}

/// Tells the lines of all containers by their time.
async fn merge(scope: &Scope<'_>, mut lines: Vec<Lines>, sink: &mut dyn Logs) {
    for one in &mut lines {
        one.fill(scope, sink).await;
    }
    loop {
        let pending = lines.iter_mut().filter(|one| !one.ready.is_empty());
        let Some(next) = pending.min_by(|one, other| one.stamp().cmp(other.stamp())) else {
            return;
        };
        if let Some(line) = next.ready.pop_front() {
            sink.output(&next.container, &line.output(scope.options.timestamps));
        }
        next.fill(scope, sink).await;
    }
}

/// One container's past output, line by line.
struct Lines {
    container: String,
    output: Option<Answers<Output>>,
    partial: Vec<(Channel, Vec<u8>)>,
    ready: VecDeque<Line>,
}

struct Line {
    channel: Channel,
    bytes: Vec<u8>,
    /// Where the text begins, behind the timestamp.
    text: usize,
}

impl Line {
    fn output(self, timestamps: bool) -> Output {
        let bytes = Bytes::from(self.bytes);
        Output {
            channel: self.channel,
            bytes: if timestamps {
                bytes
            } else {
                bytes.slice(self.text..)
            },
        }
    }
}

impl Lines {
    fn new(container: String, output: Answers<Output>) -> Lines {
        Lines {
            container,
            output: Some(output),
            partial: Vec::new(),
            ready: VecDeque::new(),
        }
    }

    fn stamp(&self) -> &[u8] {
        let line = self.ready.front();
        line.map(|line| &line.bytes[..line.text])
            .unwrap_or_default()
    }

    /// Reads on until there is a line, or nothing more.
    async fn fill(&mut self, scope: &Scope<'_>, sink: &mut dyn Logs) {
        while self.ready.is_empty()
            && let Some(output) = &mut self.output
        {
            match output.next().await {
                Some(Ok(piece)) => self.take(&piece),
                Some(Err(error)) => {
                    scope.unreadable(&self.container, &error, sink);
                    self.finish();
                }
                None => self.finish(),
            }
        }
    }

    fn take(&mut self, piece: &Output) {
        for part in piece.bytes.split_inclusive(|byte| *byte == b'\n') {
            let held = self
                .partial
                .iter()
                .position(|(channel, _)| *channel == piece.channel);
            let mut bytes = held
                .map(|at| self.partial.swap_remove(at).1)
                .unwrap_or_default();
            // Engines cut lines longer than 16 KiB, and stamp every part.
            let part = if bytes.is_empty() {
                part
            } else {
                &part[stamp_length(part)..]
            };
            bytes.extend_from_slice(part);
            if bytes.ends_with(b"\n") {
                self.push(piece.channel, bytes);
            } else {
                self.partial.push((piece.channel, bytes));
            }
        }
    }

    fn push(&mut self, channel: Channel, bytes: Vec<u8>) {
        let text = stamp_length(&bytes);
        self.ready.push_back(Line {
            channel,
            bytes,
            text,
        });
    }

    /// A last line without an end gets one, so that nobody else's line is joined to it.
    fn finish(&mut self) {
        self.output = None;
        for (channel, mut bytes) in std::mem::take(&mut self.partial) {
            bytes.push(b'\n');
            self.push(channel, bytes);
        }
    }
}

/// Length of the timestamp that a line begins with, and the space after it; 0 without one.
fn stamp_length(line: &[u8]) -> usize {
    let shape = b"0000-00-00T00:00:00";
    let fits = |(byte, wanted): (&u8, &u8)| match wanted {
        b'0' => byte.is_ascii_digit(),
        _ => byte == wanted,
    };
    if line.len() <= shape.len() || !line.iter().zip(shape).all(fits) {
        return 0;
    }
    let end = line.iter().take(40).position(|byte| *byte == b' ');
    end.map_or(0, |end| end + 1)
}

/// What a followed container does.
enum Heard {
    Piece(Output),
    Failed(EngineError),
    End,
}

type Following = Pin<Box<dyn Stream<Item = (String, Heard)> + Send>>;

struct Follow<'a> {
    scope: &'a Scope<'a>,
    open: SelectAll<Following>,
    /// Containers that are listened to, each with the channels on which a line has no end yet.
    listened: BTreeMap<String, Vec<Channel>>,
}

async fn follow(scope: &Scope<'_>, sink: &mut dyn Logs) -> Result<(), Error> {
    // Before the list, so that nothing that starts in between is missed.
    let events = scope.reads.events(&scope.filter(), None).await;
    let mut events = events.map_err(Error::engine("follow events"))?;
    let mut follow = Follow {
        scope,
        open: SelectAll::new(),
        listened: BTreeMap::new(),
    };
    let names = names(&scope.containers().await?);
    sink.attached(&names);
    for name in names {
        follow.listen(name, &scope.log_options(), sink).await;
    }
    loop {
        if follow.listened.is_empty() && !scope.anything_runs().await? {
            return Ok(());
        }
        tokio::select! {
            biased;
            Some((name, heard)) = follow.open.next() => follow.hear(&name, heard, sink),
            event = events.next() => match event {
                Some(Ok(event)) => follow.event(&event, sink).await,
                Some(Err(error)) => return Err(Error::engine("follow events")(error)),
                None => return Ok(()),
            },
        }
    }
}

impl Scope<'_> {
    async fn anything_runs(&self) -> Result<bool, Error> {
        let runs = |container: &Container| {
            let state = &container.state;
            matches!(state, ContainerState::Running | ContainerState::Restarting)
        };
        Ok(self.containers().await?.iter().any(runs))
    }
}

impl Follow<'_> {
    async fn listen(&mut self, name: String, options: &LogOptions, sink: &mut dyn Logs) {
        match self.scope.reads.logs(&name, options).await {
            Ok(output) => {
                self.listened.insert(name.clone(), Vec::new());
                self.open.push(following(name, output));
            }
            Err(error) => self.scope.unreadable(&name, &error, sink),
        }
    }

    fn hear(&mut self, name: &str, heard: Heard, sink: &mut dyn Logs) {
        match heard {
            Heard::Piece(piece) => {
                if let Some(unfinished) = self.listened.get_mut(name) {
                    unfinished.retain(|channel| *channel != piece.channel);
                    if !piece.bytes.ends_with(b"\n") {
                        unfinished.push(piece.channel);
                    }
                }
                sink.output(name, &piece);
            }
            Heard::Failed(error) => self.scope.unreadable(name, &error, sink),
            Heard::End => {
                for channel in self.listened.remove(name).unwrap_or_default() {
                    let bytes = Bytes::from_static(b"\n");
                    sink.output(name, &Output { channel, bytes });
                }
            }
        }
    }

    /// A container that starts is listened to from its start on.
    async fn event(&mut self, event: &Event, sink: &mut dyn Logs) {
        let name = &event.container_name;
        let known = self.listened.contains_key(name);
        if event.action != "start" || known || !self.scope.wants(&event.attributes) {
            return;
        }
        sink.attached(std::slice::from_ref(name));
        let options = LogOptions {
            tail: None,
            since: Some(seconds(event.time_nano)),
            ..self.scope.log_options()
        };
        self.listen(name.clone(), &options, sink).await;
    }
}

fn following(name: String, output: Answers<Output>) -> Following {
    let heard = output.map(|piece| match piece {
        Ok(piece) => Heard::Piece(piece),
        Err(error) => Heard::Failed(error),
    });
    let heard = heard.chain(stream::iter([Heard::End]));
    Box::pin(heard.map(move |heard| (name.clone(), heard)))
}

/// `1700000000.123456789`.
pub(crate) fn seconds(nanoseconds: i64) -> String {
    const SECOND: i64 = 1_000_000_000;
    let (whole, rest) = (
        nanoseconds.div_euclid(SECOND),
        nanoseconds.rem_euclid(SECOND),
    );
    format!("{whole}.{rest:09}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Told(String);

    impl Logs for Told {
        fn attached(&mut self, _: &[String]) {}

        fn output(&mut self, container: &str, output: &Output) {
            let text = String::from_utf8_lossy(&output.bytes);
            self.0 += &[container, ": ", &text].concat();
        }

        fn exited(&mut self, _: &str, _: i64, _: bool) {}

        fn message(&mut self, text: &str) {
            self.0.push_str(text);
        }
    }

    fn lines(name: &str, pieces: &[&'static str]) -> Lines {
        let piece = |bytes: &&'static str| {
            Ok(Output {
                channel: Channel::Stdout,
                bytes: Bytes::from_static(bytes.as_bytes()),
            })
        };
        let pieces: Vec<Result<Output, EngineError>> = pieces.iter().map(piece).collect();
        Lines::new(name.to_owned(), Box::pin(stream::iter(pieces)))
    }

    async fn merged(lines: Vec<Lines>) -> String {
        let engine = crate::engine::memory::MemoryEngine::default();
        let scope = Scope {
            reads: &engine,
            project_name: "demo",
            options: &LogsOptions::default(),
            unattached: Vec::new(),
        };
        let mut told = Told::default();
        merge(&scope, lines, &mut told).await;
        told.0
    }

    #[tokio::test]
    async fn the_past_is_told_in_the_order_of_its_time() {
        let web = [
            "2026-11-21T10:00:01.5Z one\n2026-11-21T10:00:03Z thr",
            "ee\n",
        ];
        let db = ["2026-11-21T10:00:02Z two\n", "2026-11-21T10:00:04Z no end"];
        let told = merged(vec![lines("web", &web), lines("db", &db)]).await;
        assert_eq!(told, "web: one\ndb: two\nweb: three\ndb: no end\n");
    }

    #[tokio::test]
    async fn parts_of_a_long_line_are_joined_without_their_stamps() {
        let web = ["2026-11-21T10:00:01Z aaa", "2026-11-21T10:00:01Z bbb\n"];
        assert_eq!(merged(vec![lines("web", &web)]).await, "web: aaabbb\n");
    }

    #[test]
    fn what_is_no_timestamp_stays() {
        assert_eq!(stamp_length(b"2026-11-21T10:00:01.123456789Z text\n"), 31);
        assert_eq!(stamp_length(b"2026-11-21 10:00:01 text\n"), 0);
        assert_eq!(stamp_length(b"text\n"), 0);
    }
}
