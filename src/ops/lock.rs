//! One at a time: who changes a project holds its lock, and everybody else who wants to waits and
//! says for whom.
//!
//! A lock has two halves, taken in this order.
//!
//! - **On this host**: a locked file ([`HostLocks`], which the command line hands in). The system
//!   frees it when its holder dies, however it dies, and nobody asks an engine while waiting.
//! - **On the engine**, for other hosts: a volume named `rcompose-lock_<project>_<generation>`, whose
//!   label tells who holds it. Making a volume is atomic and cheap, needs no image, and shows in no
//!   `docker ps`. It is removed when the command is through with its plan.
//!
//! Labels cannot be changed, so a holder shows that it lives by making the volume of the next
//! generation every [`BEAT`]. Whoever waits watches, by its own clock: a holder that shows nothing for
//! a [`LEASE`] is dead, as is one of this host whose file is free. The order of calls is what makes
//! it safe: *make, then list*. Of two who come at the same time, the one who lists later sees the
//! other and gives up its volume; and of those who make the same generation, one makes it. A beat
//! keeps the volume before it for one more beat, so that no list misses a holder that lives.
//!
//! A lock costs a plan that changes something three calls (make, list, remove) and the look at
//! the engine that is taken again once it is held. What changes nothing takes no lock. An engine
//! that refuses the volume (a proxy that lets nothing through but containers) is used without its
//! half.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bollard::models::VolumeCreateRequest;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Error;
use crate::engine::{Engine, EngineError, Filter, Reads, Volume};
use crate::event::{Event, Sink};
use crate::plan::Plan;

/// The label that leads from a project to the volumes of its lock.
pub const LABEL: &str = "dev.rcompose.lock";
/// The label that tells who made such a volume.
pub const HOLDER: &str = "dev.rcompose.lock.holder";

/// How often a holder shows that it lives.
const BEAT: Duration = Duration::from_secs(5);
/// A holder that has not shown it for so long is dead.
const LEASE: Duration = Duration::from_secs(30);
/// How often is looked whether the engine's half is free.
const ENGINE_POLL: Duration = Duration::from_millis(500);
/// How often is looked whether the host's half is free.
const HOST_POLL: Duration = Duration::from_millis(50);

/// Who holds a lock.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Holder {
    /// Tells this run from every other one.
    pub token: String,
    /// Its process, on its host.
    pub pid: u32,
    /// The name of its host.
    pub host: String,
    /// The command that it runs: `up`, `down`, …
    pub command: String,
    /// When that began, in unix seconds.
    pub since: i64,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Holder {
            pid, host, command, ..
        } = self;
        if command.is_empty() {
            return f.write_str("another rcompose");
        }
        write!(f, "pid {pid} on {host} (`rcompose {command}`)")
    }
}

/// The locks that the processes of one host share.
pub trait HostLocks: Send + Sync {
    /// Takes the lock of this name, or tells who has it.
    fn take(&self, name: &str, holder: &Holder) -> io::Result<Taken>;

    /// The tokens of those who held it and did not come to an end; none while somebody holds it.
    fn killed(&self, name: &str) -> io::Result<Vec<String>>;
}

/// What came of an attempt.
pub enum Taken {
    /// It is held.
    Held(Box<dyn HostLock>),
    /// Somebody else has it, as far as is known this one.
    Busy(Holder),
}

/// A lock that is held on this host; it is free when this is dropped.
pub trait HostLock: Send + Sync {
    /// The tokens of those who held it before and did not come to an end.
    fn dead(&self) -> Vec<String>;

    /// Says that whoever holds it has come to an end, and left nothing on the engine.
    fn leave(self: Box<Self>);
}

/// Looks and plans: called again when it was waited for a lock.
pub(super) type Look<'l, T> = &'l (dyn Fn() -> BoxFuture<'l, Result<T, Error>> + Sync);

/// How a use case takes its project's lock. The default takes none.
#[derive(Clone, Default)]
pub struct Lock(Option<Taker>);

#[derive(Clone)]
struct Taker {
    holder: Holder,
    waits: bool,
    host: Option<Arc<dyn HostLocks>>,
}

impl Lock {
    /// Taken for somebody. Without `waits`, a lock that another one holds is an error.
    pub fn of(holder: Holder, waits: bool, host: Option<Arc<dyn HostLocks>>) -> Lock {
        Lock(Some(Taker {
            holder,
            waits,
            host,
        }))
    }

    /// Who takes it; nobody where nothing can be changed anyway.
    fn taker(&self, engine: &dyn Engine) -> Option<&Taker> {
        self.0.as_ref().filter(|_| !engine.only_looks())
    }

    /// Takes it. Where none is taken, what is answered holds nothing.
    pub(super) async fn take<'e>(
        &self,
        engine: &'e dyn Engine,
        project: &str,
        events: &mut dyn Sink,
    ) -> Result<Held<'e>, Error> {
        let Some(taker) = self.taker(engine) else {
            return Ok(Held::nothing(engine));
        };
        let mut blocked = Blocked {
            taker,
            project,
            events,
            told: None,
        };
        let host = on_host(taker, engine, project, &mut blocked).await?;
        let dead = host.as_ref().map(|it| it.dead()).unwrap_or_default();
        let mut held = Held {
            project: project.to_owned(),
            holder: taker.holder.clone(),
            host,
            ..Held::nothing(engine)
        };
        held.on_engine(Watch::knowing(dead), &mut blocked).await?;
        Ok(held)
    }

    /// Who shows that he holds it, and whether he is known to be dead: a run of this host that was
    /// killed.
    pub(super) async fn shown(
        &self,
        reads: &dyn Reads,
        project: &str,
    ) -> Result<Vec<(Mark, bool)>, Error> {
        let marks = marks(reads, project).await;
        let marks = marks.map_err(Error::engine("look at the project's lock"))?;
        let host = self.0.as_ref().and_then(|taker| taker.host.as_ref());
        let killed = match host {
            Some(host) if !marks.is_empty() => {
                let name = host_name(reads, project).await?;
                host.killed(&name).unwrap_or_default()
            }
            _ => Vec::new(),
        };
        let known = |mark: Mark| {
            let dead = killed.contains(&mark.holder.token);
            (mark, dead)
        };
        Ok(marks.into_iter().map(known).collect())
    }

    /// Plans; where there is something to do, takes the lock and plans again: whoever had it may
    /// have done it by now.
    pub(super) async fn planned<'e, T>(
        &self,
        engine: &'e dyn Engine,
        project: &str,
        events: &mut dyn Sink,
        plan: Look<'_, T>,
        has_steps: impl Fn(&T) -> bool + Send,
    ) -> Result<(T, Held<'e>), Error> {
        let planned = plan().await?;
        if self.taker(engine).is_none() || !has_steps(&planned) {
            return Ok((planned, Held::nothing(engine)));
        }
        self.planned_anew(engine, project, events, plan).await
    }

    /// The same for what ends things: that there is nothing to end counts only when nobody is
    /// making something this moment.
    pub(super) async fn planned_last<'e>(
        &self,
        engine: &'e dyn Engine,
        project: &str,
        events: &mut dyn Sink,
        plan: Look<'_, Plan>,
    ) -> Result<(Plan, Held<'e>), Error> {
        let planned = plan().await?;
        let taken = self.taker(engine).is_some();
        if !taken || planned.is_empty() && !self.is_busy(engine, project).await? {
            return Ok((planned, Held::nothing(engine)));
        }
        self.planned_anew(engine, project, events, plan).await
    }

    /// Whether somebody seems to be at work.
    async fn is_busy(&self, engine: &dyn Engine, project: &str) -> Result<bool, Error> {
        let marks = marks(engine, project).await;
        let marks = marks.map_err(Error::engine("look at the project's lock"))?;
        Ok(!marks.is_empty())
    }

    async fn planned_anew<'e, T>(
        &self,
        engine: &'e dyn Engine,
        project: &str,
        events: &mut dyn Sink,
        plan: Look<'_, T>,
    ) -> Result<(T, Held<'e>), Error> {
        let held = self.take(engine, project, events).boxed().await?;
        match plan().await {
            Ok(planned) => Ok((planned, held)),
            Err(error) => {
                held.release().await;
                Err(error)
            }
        }
    }
}

impl fmt::Debug for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let holder = self.0.as_ref().map(|taker| &taker.holder);
        f.debug_tuple("Lock").field(&holder).finish()
    }
}

/// Tells for whom is waited, once for each.
struct Blocked<'b> {
    taker: &'b Taker,
    project: &'b str,
    events: &'b mut dyn Sink,
    told: Option<String>,
}

impl Blocked<'_> {
    fn by(&mut self, other: &Holder) -> Result<(), Error> {
        let Blocked { taker, project, .. } = self;
        let seconds = taker.holder.since.saturating_sub(other.since).max(0);
        let since = match (other.since, seconds) {
            (0, _) => String::new(),
            (_, 0..120) => format!(", since {seconds} s"),
            _ => format!(", since {} min", seconds / 60),
        };
        if !taker.waits {
            return Err(Error::refused(
                format!("{other} is at work on project {project}{since}"),
                Some("without --no-wait-lock this waits until it is done".to_owned()),
            ));
        }
        if self.told.as_ref() != Some(&other.token) {
            let message = format!("waiting for {other}, which is at work on {project}{since}");
            self.events.event(Event::Warning { message });
            self.told = Some(other.token.clone());
        }
        Ok(())
    }
}

/// The host's half. Where files cannot be locked, the engine's half has to do.
async fn on_host(
    taker: &Taker,
    engine: &dyn Engine,
    project: &str,
    blocked: &mut Blocked<'_>,
) -> Result<Option<Box<dyn HostLock>>, Error> {
    let Some(host) = &taker.host else {
        return Ok(None);
    };
    let name = host_name(engine, project).await?;
    loop {
        match host.take(&name, &taker.holder) {
            Ok(Taken::Held(held)) => return Ok(Some(held)),
            Ok(Taken::Busy(other)) => blocked.by(&other)?,
            Err(_) => return Ok(None),
        }
        tokio::time::sleep(HOST_POLL).await;
    }
}

/// What the host calls the lock.
async fn host_name(reads: &dyn Reads, project: &str) -> Result<String, Error> {
    let info = reads.info().await;
    let address = info.map_err(Error::engine("look at the engine"))?.address;
    Ok(format!("{project} {address}"))
}

/// A lock that is held, or nothing. Dropped without [`Held::release`], it is as if its holder had
/// been killed.
pub(super) struct Held<'e> {
    engine: &'e dyn Engine,
    project: String,
    holder: Holder,
    /// The volumes that show it, oldest first.
    volumes: Vec<String>,
    generation: u64,
    host: Option<Box<dyn HostLock>>,
}

impl<'e> Held<'e> {
    pub(super) fn nothing(engine: &'e dyn Engine) -> Held<'e> {
        Held {
            engine,
            project: String::new(),
            holder: Holder::default(),
            volumes: Vec::new(),
            generation: 0,
            host: None,
        }
    }

    /// The engine's half: make, then list.
    async fn on_engine(
        &mut self,
        mut watch: Watch,
        blocked: &mut Blocked<'_>,
    ) -> Result<(), Error> {
        let mut marks: Vec<Mark> = Vec::new();
        loop {
            let last = marks.iter().map(|mark| mark.generation).max();
            self.generation = last.map_or(0, |last| last + 1);
            if self.mark().await.is_err() {
                return Ok(());
            }
            marks = self.look(&mut watch).await?;
            let own = marks
                .iter()
                .any(|mark| mark.holder.token == self.holder.token);
            if !own {
                self.volumes.clear();
            }
            match watch.living(&marks, &self.holder.token) {
                None if own => break,
                None => {}
                Some(other) => {
                    self.unmark().await;
                    blocked.by(&other.holder)?;
                    marks = self.wait(&mut watch, blocked).await?;
                }
            }
        }
        for mark in marks
            .iter()
            .filter(|mark| mark.holder.token != self.holder.token)
        {
            // One that stays is found dead by the next holder as well.
            let _ = self.engine.remove_volume(&mark.name, false).await;
        }
        Ok(())
    }

    /// Until nobody who lives shows that he holds it.
    async fn wait(&self, watch: &mut Watch, blocked: &mut Blocked<'_>) -> Result<Vec<Mark>, Error> {
        loop {
            tokio::time::sleep(ENGINE_POLL).await;
            let marks = self.look(watch).await?;
            match watch.living(&marks, &self.holder.token) {
                None => return Ok(marks),
                Some(other) => blocked.by(&other.holder)?,
            }
        }
    }

    async fn look(&self, watch: &mut Watch) -> Result<Vec<Mark>, Error> {
        let marks = marks(self.engine, &self.project).await;
        let marks = marks.map_err(Error::engine("look at the project's lock"))?;
        watch.look(&marks);
        Ok(marks)
    }

    /// Makes the volume of the present generation.
    async fn mark(&mut self) -> Result<(), EngineError> {
        let name = format!("rcompose-lock_{}_{}", self.project, self.generation);
        let holder = serde_json::to_string(&self.holder).unwrap_or_default();
        let labels = [(LABEL, self.project.clone()), (HOLDER, holder)];
        let labels = labels.map(|(key, value)| (key.to_owned(), value));
        let made = self.engine.create_volume(VolumeCreateRequest {
            name: Some(name.clone()),
            labels: Some(labels.into_iter().collect()),
            ..VolumeCreateRequest::default()
        });
        match made.await {
            Err(EngineError::Conflict(_)) => Ok(()),
            Err(error) => Err(error),
            Ok(()) => {
                self.volumes.push(name);
                Ok(())
            }
        }
    }

    async fn unmark(&mut self) {
        for name in self.volumes.drain(..) {
            // One that stays shows no life, and is taken for dead.
            let _ = self.engine.remove_volume(&name, false).await;
        }
    }

    /// Shows that the holder lives, and takes the last sign but one away.
    async fn beat(&mut self) {
        self.generation += 1;
        let _ = self.mark().await;
        let marks = marks(self.engine, &self.project).await;
        if let Ok(marks) = marks {
            // Who was taken for dead (his machine slept, maybe) has made what another made first.
            let own = marks.iter();
            let own = own.filter(|mark| mark.holder.token == self.holder.token);
            let own: BTreeSet<&String> = own.map(|mark| &mark.name).collect();
            self.volumes.retain(|name| own.contains(name));
        }
        while self.volumes.len() > 2 {
            let oldest = self.volumes.remove(0);
            let _ = self.engine.remove_volume(&oldest, false).await;
        }
    }

    /// Holds it while something is done, then gives it back.
    pub(super) async fn during<T>(mut self, work: impl Future<Output = T>) -> T {
        let over = CancellationToken::new();
        let work = async {
            let done = work.await;
            over.cancel();
            done
        };
        let beats = async {
            if self.volumes.is_empty() {
                return;
            }
            loop {
                tokio::select! {
                    () = over.cancelled() => break,
                    () = tokio::time::sleep(BEAT) => self.beat().await,
                }
            }
        };
        let (done, ()) = tokio::join!(work, beats);
        self.release().await;
        done
    }

    /// Gives it back.
    pub(super) async fn release(mut self) {
        self.unmark().await;
        if let Some(host) = self.host.take() {
            host.leave();
        }
    }
}

/// A volume that shows who holds a project's lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) name: String,
    pub(super) holder: Holder,
    generation: u64,
}

/// What shows that a project's lock is held.
pub(super) async fn marks(reads: &dyn Reads, project: &str) -> Result<Vec<Mark>, EngineError> {
    let filter = Filter::labels([format!("{LABEL}={project}")]);
    let volumes = reads.volumes(&filter).await?;
    Ok(volumes.into_iter().map(mark).collect())
}

fn mark(volume: Volume) -> Mark {
    let holder = volume.labels.get(HOLDER);
    let holder = holder.and_then(|text| serde_json::from_str::<Holder>(text).ok());
    let generation = volume.name.rsplit('_').next();
    let generation = generation.and_then(|it| it.parse().ok());
    Mark {
        // What another version wrote is told apart by its name.
        holder: holder.unwrap_or_else(|| Holder {
            token: volume.name.clone(),
            ..Holder::default()
        }),
        generation: generation.unwrap_or_default(),
        name: volume.name,
    }
}

/// Tells the living from the dead, by what they have shown so far.
#[derive(Debug, Default)]
struct Watch {
    /// What each holder has shown last, and since when.
    shown: BTreeMap<String, (BTreeSet<String>, Instant)>,
    dead: BTreeSet<String>,
}

impl Watch {
    fn knowing(dead: Vec<String>) -> Watch {
        Watch {
            shown: BTreeMap::new(),
            dead: dead.into_iter().collect(),
        }
    }

    fn look(&mut self, marks: &[Mark]) {
        let mut shown: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for mark in marks {
            let names = shown.entry(&mark.holder.token).or_default();
            names.insert(mark.name.clone());
        }
        let now = Instant::now();
        for (token, names) in shown {
            match self.shown.get(token) {
                Some((before, since)) if *before == names => {
                    if now - *since >= LEASE {
                        self.dead.insert(token.to_owned());
                    }
                }
                _ => {
                    self.shown.insert(token.to_owned(), (names, now));
                }
            }
        }
    }

    /// The one among the others whose sign is the latest.
    fn living<'m>(&self, marks: &'m [Mark], own: &str) -> Option<&'m Mark> {
        let others = marks.iter().filter(|mark| mark.holder.token != own);
        let living = others.filter(|mark| !self.dead.contains(&mark.holder.token));
        living.max_by_key(|mark| mark.generation)
    }
}
