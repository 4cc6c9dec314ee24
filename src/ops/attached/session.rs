//! What runs, what it prints and how it ends, as long as somebody looks on.
//!
//! A container's end is told when both have come: the engine's event and the end of its output, so
//! that its last line stands before the word of its end. One that the engine starts again is
//! followed on through its log, from the moment of its last end.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::time::Duration;

use futures_util::stream::{self, SelectAll};
use futures_util::{Stream, StreamExt};

use super::{Abort, Scope, untouched_service};
use crate::engine::{
    Answers, ContainerState, Engine, EngineError, Event, Filter, LogOptions, Output,
};
use crate::execute::Attached;
use crate::ops::logs::seconds;
use crate::ops::{Error, Logs};
use crate::plan::{Observed, Operation, Plan, labels};
use crate::project::Project;

/// How long nothing has to be said after the end until nothing more is expected.
const SILENCE: Duration = Duration::from_millis(500);

/// What a followed container does.
pub(super) enum Heard {
    Piece(Output),
    End,
}

/// What one container does, by its name.
type Following = Pin<Box<dyn Stream<Item = (String, Heard)> + Send>>;

/// A container that runs.
struct Up {
    id: String,
    service: String,
}

/// How a container ended.
#[derive(Debug, Clone)]
struct Exit {
    code: i64,
    restarting: bool,
    /// When, in unix seconds.
    at: String,
}

/// What has been shown of a run that is followed through its log.
struct Read {
    since: String,
    /// Bytes of both channels.
    shown: [usize; 2],
}

pub(super) struct Session<'a> {
    engine: &'a dyn Engine,
    project: &'a Project,
    scope: &'a Scope,
    pub(super) logs: &'a mut dyn Logs,
    /// Containers that are to start, and have not been seen to.
    expected: BTreeSet<String>,
    up: BTreeMap<String, Up>,
    output: SelectAll<Following>,
    /// Whose output has not ended.
    following: BTreeSet<String>,
    /// Ends that are to be told when the output before them has been.
    exits: BTreeMap<String, Vec<Exit>>,
    /// Runs that are followed through their logs.
    read: BTreeMap<String, Read>,
    /// When a container that starts again has ended last.
    ended: BTreeMap<String, String>,
    /// Containers that have started again before their output before that had ended.
    again: BTreeMap<String, String>,
    /// The exit code of whoever is to end all.
    cause: Option<i64>,
    /// The first exit code of the service that was asked for.
    asked: Option<i64>,
}

impl<'a> Session<'a> {
    pub(super) fn new(
        engine: &'a dyn Engine,
        project: &'a Project,
        scope: &'a Scope,
        logs: &'a mut dyn Logs,
    ) -> Session<'a> {
        Session {
            engine,
            project,
            scope,
            logs,
            expected: BTreeSet::new(),
            up: BTreeMap::new(),
            output: SelectAll::new(),
            following: BTreeSet::new(),
            exits: BTreeMap::new(),
            read: BTreeMap::new(),
            ended: BTreeMap::new(),
            again: BTreeMap::new(),
            cause: None,
            asked: None,
        }
    }

    /// Knows what the plan starts and what it leaves running.
    pub(super) fn expect(&mut self, plan: &Plan, observed: &Observed) {
        for step in &plan.steps {
            if let (Operation::StartContainer { name }, Some(service)) =
                (&step.operation, &step.service)
                && self.concerns(service)
            {
                self.expected.insert(name.clone());
            }
        }
        for name in &plan.untouched {
            let found = observed.containers.iter().find(|it| it.name == *name);
            let Some(found) = found.filter(|it| self.concerns(&it.service)) else {
                continue;
            };
            let up = Up {
                id: found.id.clone(),
                service: found.service.clone(),
            };
            self.up.insert(name.clone(), up);
        }
    }

    /// The containers whose output is wanted: those that the plan starts, or leaves running.
    pub(super) fn shown_of(
        &self,
        plan: &Plan,
        observed: &Observed,
        untouched: bool,
    ) -> BTreeSet<String> {
        let shown = |service: &str| self.scope.shown.contains(service);
        if untouched {
            let names = plan.untouched.iter();
            let names = names.filter(|name| untouched_service(observed, name).is_some_and(shown));
            return names.cloned().collect();
        }
        let starts = plan.steps.iter().filter_map(|step| match &step.operation {
            Operation::StartContainer { name } => Some((name, step.service.as_deref()?)),
            _ => None,
        });
        let names = starts.filter(|(_, service)| shown(service));
        names.map(|(name, _)| name.clone()).collect()
    }

    /// Says whose output will follow.
    pub(super) fn introduce(&mut self, plan: &Plan, observed: &Observed) {
        let mut names = self.shown_of(plan, observed, false);
        names.extend(self.shown_of(plan, observed, true));
        let names: Vec<String> = names.into_iter().collect();
        self.logs.attached(&names);
    }

    fn concerns(&self, service: &str) -> bool {
        self.scope.monitored.contains(service) || self.scope.shown.contains(service)
    }

    /// Attaches to a container that runs.
    pub(super) async fn attach(&mut self, name: &str) -> Result<(), Error> {
        let output = self.engine.attach_container(name).await;
        let output = output.map_err(Error::engine("attach to a container"))?;
        self.follow(name, output);
        Ok(())
    }

    /// Takes the output of a container that is about to start.
    pub(super) fn add(&mut self, attached: Attached) {
        self.follow(&attached.container, attached.output);
    }

    fn follow(&mut self, name: &str, output: Answers<Output>) {
        self.following.insert(name.to_owned());
        let pieces = output
            .take_while(|piece| std::future::ready(piece.is_ok()))
            .filter_map(|piece| std::future::ready(piece.ok()))
            .map(Heard::Piece);
        let name = name.to_owned();
        let heard = pieces.chain(stream::iter([Heard::End]));
        self.output
            .push(Box::pin(heard.map(move |heard| (name.clone(), heard))));
    }

    pub(super) async fn next_output(&mut self) -> Option<(String, Heard)> {
        self.output.next().await
    }

    pub(super) async fn heard(&mut self, name: &str, heard: Heard) {
        match heard {
            Heard::Piece(piece) => {
                if let Some(read) = self.read.get_mut(name) {
                    read.shown[piece.channel as usize] += piece.bytes.len();
                }
                self.logs.output(name, &piece);
            }
            Heard::End => {
                self.following.remove(name);
                for exit in self.exits.remove(name).unwrap_or_default() {
                    self.exited(name, &exit).await;
                }
                if let Some(since) = self.again.remove(name) {
                    self.follow_on(name, Some(since)).await;
                }
            }
        }
    }

    /// Tells of an end, after what is left of the run's output.
    async fn exited(&mut self, name: &str, exit: &Exit) {
        if let Some(read) = self.read.remove(name) {
            self.show_rest(name, read, &exit.at).await;
        }
        self.logs.exited(name, exit.code, exit.restarting);
    }

    /// Engines break a followed log off when its container ends, maybe before all was sent.
    async fn show_rest(&mut self, name: &str, read: Read, until: &str) {
        let options = LogOptions {
            since: Some(read.since),
            until: Some(until.to_owned()),
            ..LogOptions::default()
        };
        let Ok(mut output) = self.engine.logs(name, &options).await else {
            return;
        };
        let mut shown = read.shown;
        while let Some(Ok(mut piece)) = output.next().await {
            let known = &mut shown[piece.channel as usize];
            let skipped = piece.bytes.len().min(*known);
            *known -= skipped;
            piece.bytes = piece.bytes.slice(skipped..);
            if !piece.bytes.is_empty() {
                self.logs.output(name, &piece);
            }
        }
    }

    /// Follows a container that has started again through its log; where that cannot be read,
    /// what it prints from now on has to do.
    async fn follow_on(&mut self, name: &str, since: Option<String>) {
        let options = LogOptions {
            follow: true,
            since: since.clone(),
            ..LogOptions::default()
        };
        let output = match self.engine.logs(name, &options).await {
            Ok(output) => {
                let read = since.map(|since| Read {
                    since,
                    shown: [0; 2],
                });
                self.read.extend(read.map(|read| (name.to_owned(), read)));
                Ok(output)
            }
            Err(_) => self.engine.attach_container(name).await,
        };
        match output {
            Ok(output) => self.follow(name, output),
            Err(error) => self
                .logs
                .message(&format!("{name}: cannot follow it: {error}")),
        }
    }

    /// Takes what the engine tells.
    pub(super) async fn happened(
        &mut self,
        event: Option<Result<Event, EngineError>>,
    ) -> Result<(), Error> {
        let failed = Error::engine("follow events");
        let lost = || EngineError::Broken("the stream of events has ended".to_owned());
        let event = event.unwrap_or_else(|| Err(lost())).map_err(failed)?;
        let service = event.attributes.get(labels::SERVICE);
        let one_off = event.attributes.get(labels::ONE_OFF).map(String::as_str) == Some("True");
        let Some(service) = service.filter(|it| !one_off && self.concerns(it)).cloned() else {
            return Ok(());
        };
        match event.action.as_str() {
            "start" => self.started(&event, service).await,
            "die" => self.died(&event).await,
            _ => Ok(()),
        }
    }

    async fn started(&mut self, event: &Event, service: String) -> Result<(), Error> {
        let name = &event.container_name;
        let expected = self.expected.remove(name);
        let id = event.container_id.clone();
        let shown = self.scope.shown.contains(&service);
        self.up.insert(name.clone(), Up { id, service });
        match self.ended.remove(name) {
            Some(since) if self.following.contains(name) => {
                self.again.insert(name.clone(), since);
            }
            Some(since) if shown => self.follow_on(name, Some(since)).await,
            // Somebody else has started it.
            None if shown && !expected && !self.following.contains(name) => {
                let container = self.engine.container(name).await;
                let container = container.map_err(Error::engine("look at a container"))?;
                let since = container.and_then(|it| last_end(&it.finished_at));
                self.logs.attached(std::slice::from_ref(name));
                self.follow_on(name, since).await;
            }
            _ => {}
        }
        Ok(())
    }

    async fn died(&mut self, event: &Event) -> Result<(), Error> {
        let name = &event.container_name;
        // One that is replaced has the same name and another id.
        if self
            .up
            .get(name)
            .is_none_or(|up| up.id != event.container_id)
        {
            return Ok(());
        }
        let container = self.engine.container(&event.container_id).await;
        let container = container.map_err(Error::engine("look at a container"))?;
        let goes_on = [ContainerState::Running, ContainerState::Restarting];
        // It may have started and ended once more before we came to look.
        let since = |moment: &str| nanoseconds(moment).is_some_and(|at| at > event.time_nano);
        let restarting =
            container.is_some_and(|it| goes_on.contains(&it.state) || since(&it.started_at));
        let code = event.attributes.get("exitCode");
        let code = code.and_then(|code| code.parse().ok()).unwrap_or_default();
        let Some(up) = self.up.get(name) else {
            return Ok(());
        };
        if self.scope.monitored.contains(&up.service) {
            self.count(&up.service.clone(), code);
            let exit = Exit {
                code,
                restarting,
                at: seconds(event.time_nano),
            };
            if self.following.contains(name) {
                self.exits.entry(name.clone()).or_default().push(exit);
            } else {
                self.exited(name, &exit).await;
            }
        }
        // Before its next start whatever happens.
        self.ended.insert(name.clone(), seconds(event.time_nano));
        if !restarting {
            self.up.remove(name);
        }
        Ok(())
    }

    fn count(&mut self, service: &str, code: i64) {
        let aborts = match self.scope.abort {
            Some(Abort::OnExit) => true,
            Some(Abort::OnFailure) => code != 0,
            None => false,
        };
        if aborts {
            self.cause.get_or_insert(code);
        }
        if self.scope.exit_code_from.as_deref() == Some(service) {
            self.asked.get_or_insert(code);
        }
    }

    /// What runs now that all has been done: a container may have been running before, and have
    /// stayed because its image had not moved.
    pub(super) async fn catch_up(&mut self) -> Result<(), Error> {
        let filter = Filter::labels([format!("{}={}", labels::PROJECT, self.project.name)]);
        let containers = self.engine.containers(&filter).await;
        let containers = containers.map_err(Error::engine("list the containers"))?;
        let there: BTreeSet<&str> = containers.iter().map(|it| it.name.as_str()).collect();
        self.expected.retain(|name| there.contains(name.as_str()));
        let runs = [ContainerState::Running, ContainerState::Paused];
        for container in containers.iter().filter(|it| runs.contains(&it.state)) {
            if let Some(service) = container.labels.get(labels::SERVICE)
                && self.expected.remove(&container.name)
            {
                let up = Up {
                    id: container.id.clone(),
                    service: service.clone(),
                };
                self.up.insert(container.name.clone(), up);
            }
        }
        Ok(())
    }

    /// Whether one container's end is to end all.
    pub(super) fn aborts(&self) -> bool {
        self.cause.is_some()
    }

    /// Whether all has ended that was asked for, and everything about it has been told.
    pub(super) fn is_over(&self) -> bool {
        let monitored = |up: &Up| self.scope.monitored.contains(&up.service);
        self.expected.is_empty() && self.exits.is_empty() && !self.up.values().any(monitored)
    }

    /// The exit code of the service that was asked for, or of whoever ended all; else 0.
    pub(super) fn exit_code(&self) -> u8 {
        let code = self.asked.or(self.cause).unwrap_or_default();
        u8::try_from(code.rem_euclid(256)).unwrap_or(1)
    }

    /// Shows what containers that have been stopped still had to say. One that was never started
    /// never ends, so that silence has to be enough.
    pub(super) async fn finish(&mut self, happened: &mut Answers<Event>) -> Result<(), Error> {
        self.expected.clear();
        while !self.following.is_empty() || !self.is_over() {
            let next = async {
                tokio::select! {
                    biased;
                    event = happened.next() => self.happened(event).await,
                    Some((name, heard)) = self.output.next() => {
                        self.heard(&name, heard).await;
                        Ok(())
                    }
                }
            };
            match tokio::time::timeout(SILENCE, next).await {
                Ok(result) => result?,
                Err(_) => return Ok(()),
            }
        }
        Ok(())
    }
}

/// The unix seconds of an RFC 3339 moment.
fn last_end(moment: &str) -> Option<String> {
    nanoseconds(moment).map(seconds)
}

/// An RFC 3339 moment since 1970; nothing for that before all time which engines give to what has
/// not happened.
fn nanoseconds(moment: &str) -> Option<i64> {
    let timestamp: jiff::Timestamp = moment.parse().ok()?;
    let nanoseconds = i64::try_from(timestamp.as_nanosecond()).ok()?;
    (nanoseconds > 0).then_some(nanoseconds)
}
