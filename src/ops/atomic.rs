//! `up --atomic`: either everything is as the files say and ready, or everything is as it was.
//!
//! Images first; then the trial, in which what is new is made and started and what is there stays;
//! then, when all that is new is ready, it takes over, and what the trial left out follows (orphans,
//! what is more than asked for, what restarts along). When it is not ready, or the user breaks it
//! off, what was made is removed and what was stopped is started again. Networks and volumes that
//! were made stay; images do, too.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::lock::Held;
use super::up::{self, UpOptions};
use super::{Error, Target, finished};
use crate::engine::{Engine, Reads};
use crate::event::{Event, Sink};
use crate::execute::observe::observe;
use crate::execute::{Execution, Options, Patience, execute};
use crate::plan::containers::Recreate;
use crate::plan::images::BuildPolicy;
use crate::plan::{Observed, Plan, atomic};
use crate::project::Project;

/// One after the other, with the project's lock.
pub(super) async fn up(
    engine: &dyn Engine,
    project: &Project,
    (options, held): (&UpOptions, Held<'_>),
    plan: &Plan,
    cancel: &CancellationToken,
    events: &mut dyn Sink,
) -> Result<(), Error> {
    let run = Run {
        engine,
        project,
        options,
        cancel,
    };
    held.during(run.all(plan, events)).await
}

struct Run<'r> {
    engine: &'r dyn Engine,
    project: &'r Project,
    options: &'r UpOptions,
    cancel: &'r CancellationToken,
}

impl Run<'_> {
    async fn all(&self, plan: &Plan, events: &mut dyn Sink) -> Result<(), Error> {
        self.execute(atomic::images_only(plan), events).await?;
        let options = self.with_images();
        let (trial, before) = up::trial(self.engine, self.project, &options).await?;
        let tried = self.execute(trial, events).await;
        let now = self.look().await?;
        if let Err(error) = tried {
            self.put_back(&before, &now, events).await?;
            return Err(error);
        }
        let commit = atomic::commit(self.project, &before, &now);
        // From here on there is no way back, and the user waits for the end.
        self.execute_all(commit, events).await?;
        let rest = UpOptions {
            recreate: unforced(self.options.recreate),
            recreate_dependencies: unforced(self.options.recreate_dependencies),
            ..self.with_images()
        };
        let rest = up::plan(self.engine, self.project, &rest).await?;
        self.execute_all(rest, events).await
    }

    /// The options of what comes after pulls and builds.
    fn with_images(&self) -> UpOptions {
        let never = self.options.build == BuildPolicy::Never;
        UpOptions {
            pull: Some("missing".to_owned()),
            build: if never {
                BuildPolicy::Never
            } else {
                BuildPolicy::IfMissing
            },
            wait: true,
            // What was written down is the plan of the whole.
            sealed: None,
            ..self.options.clone()
        }
    }

    async fn look(&self) -> Result<Observed, Error> {
        let scope = Target::Files(self.project).scope();
        let observed = observe(self.engine as &dyn Reads, &scope).await;
        observed.map_err(Error::engine("look at the engine"))
    }

    async fn put_back(
        &self,
        before: &Observed,
        now: &Observed,
        events: &mut dyn Sink,
    ) -> Result<(), Error> {
        let plan = atomic::put_back(before, now);
        let anything = !plan.is_empty();
        self.execute_all(plan, events).await?;
        if anything {
            let message = "what was there before is back: not all that is new was ready".to_owned();
            events.event(Event::Warning { message });
        }
        Ok(())
    }

    /// A plan that the user may break off.
    async fn execute(&self, plan: Plan, events: &mut dyn Sink) -> Result<(), Error> {
        finished(&self.run(plan, self.cancel.clone(), events).await)
    }

    /// A plan that is carried through.
    async fn execute_all(&self, plan: Plan, events: &mut dyn Sink) -> Result<(), Error> {
        finished(&self.run(plan, CancellationToken::new(), events).await)
    }

    async fn run(&self, plan: Plan, cancel: CancellationToken, events: &mut dyn Sink) -> Execution {
        if plan.is_empty() {
            return Execution::Complete;
        }
        let options = Options {
            cancel,
            attach: None,
            probe: self.options.probe,
            patience: Patience::of_seconds(self.options.wait_timeout),
        };
        execute(self.engine, &Arc::new(plan), &options, events).await
    }
}

/// What was to be replaced in any case has been.
fn unforced(recreate: Recreate) -> Recreate {
    match recreate {
        Recreate::Force => Recreate::Diverged,
        recreate => recreate,
    }
}
