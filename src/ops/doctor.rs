//! `doctor`: what engine this is, who holds the project's lock, and what killed runs left behind.

use std::sync::Arc;

use super::lock::{Holder, Lock};
use super::{Error, Target, finished};
use crate::engine::{Engine, EngineInfo, EngineVersion, Reads};
use crate::event::Sink;
use crate::execute::observe::observe;
use crate::execute::{Options, execute};
use crate::plan::doctor::{self, Finding, Trouble};

/// What was found.
#[derive(Debug, Clone)]
pub struct Examination {
    /// Where the engine is, and what is spoken with it.
    pub engine: EngineInfo,
    /// What program it is.
    pub version: EngineVersion,
    /// The project.
    pub project: String,
    /// Who holds its lock. Whether a run of another host still lives, only time tells: `up` and
    /// `doctor --fix` wait for it, half a minute at most when it does not.
    pub holders: Vec<Holder>,
    /// What is not as a finished run leaves it.
    pub findings: Vec<Finding>,
}

impl Examination {
    /// How many of the findings can be mended.
    pub fn mendable(&self) -> usize {
        let findings = self.findings.iter();
        let mendable = |it: &&Finding| !it.mend.is_empty() || it.trouble == Trouble::StaleLock;
        findings.filter(mendable).count()
    }
}

/// Looks at a project, without changing anything.
pub async fn examine(
    reads: &dyn Reads,
    target: Target<'_>,
    lock: &Lock,
) -> Result<Examination, Error> {
    let failed = Error::engine("look at the engine");
    let mut findings = observed(reads, target).await?;
    let mut holders = Vec::new();
    for (mark, dead) in lock.shown(reads, target.name()).await? {
        if dead {
            findings.push(stale(mark.name, &mark.holder));
        } else if !holders.contains(&mark.holder) {
            holders.push(mark.holder);
        }
    }
    Ok(Examination {
        engine: reads.info().await.map_err(&failed)?,
        version: reads.version().await.map_err(&failed)?,
        project: target.name().to_owned(),
        holders,
        findings,
    })
}

async fn observed(reads: &dyn Reads, target: Target<'_>) -> Result<Vec<Finding>, Error> {
    let observed = observe(reads, &target.scope()).await;
    let observed = observed.map_err(Error::engine("look at the engine"))?;
    Ok(doctor::examine(target.project(), &observed))
}

/// Whoever takes the lock next clears it away; that is its mend.
fn stale(name: String, holder: &Holder) -> Finding {
    Finding {
        trouble: Trouble::StaleLock,
        name,
        problem: format!("{holder} was killed while it held the project's lock"),
        remedy: "is removed".to_owned(),
        mend: Vec::new(),
    }
}

/// Mends what can be mended, with the project's lock. Taking it frees it of the dead.
pub async fn mend(
    engine: &dyn Engine,
    target: Target<'_>,
    lock: &Lock,
    events: &mut dyn Sink,
) -> Result<(), Error> {
    let held = lock.take(engine, target.name(), events).await?;
    let planned = observed(engine, target).await;
    let plan = match planned {
        Ok(findings) => Arc::new(doctor::mend(&findings)),
        Err(error) => {
            held.release().await;
            return Err(error);
        }
    };
    let options = Options::default();
    finished(&held.during(execute(engine, &plan, &options, events)).await)
}
