//! `--report DIR`: keeps what happened and what containers had to say, and writes it down at the
//! end, also of what failed.
//!
//! | file | holds |
//! |---|---|
//! | `plan.txt` | the steps of every plan |
//! | `timeline.ndjson` | what happened when, an object a line |
//! | `failures.txt` | errors, with what is known of them |
//! | `junit.xml` | a case for each service |
//! | `logs/CONTAINER.log` | what a container printed, with times |
//! | `inspect/CONTAINER.json` | what the engine knows of it |
//!
//! Only the user may read the files. Values of variables whose names tell of secrets, and contents of
//! secrets that were put into containers, are masked in all of them.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Time, disk};
use crate::engine::Reads;
use crate::event::{Event, Sink};
use crate::explain::masked::MASK;
use crate::ops::autopsy::Card;
use crate::ops::evidence::{Evidence, gather};
use crate::plan::Operation;
use crate::report::junit::{self, Failed};
use crate::report::timeline::{self, Moment};
use crate::report::{card, json};

/// Shorter contents are no secrets, and would be found everywhere.
const SHORTEST_SECRET: usize = 4;

/// What is kept of a run.
#[derive(Clone)]
pub(super) struct Recording {
    time: Time,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Default)]
struct Kept {
    began: Option<jiff::Timestamp>,
    operation: String,
    project: Option<String>,
    moments: Vec<Moment>,
    failed: Vec<Failed>,
    evidence: BTreeMap<String, Evidence>,
}

impl Sink for Recording {
    fn event(&mut self, event: Event) {
        let now = (self.time)();
        let mut kept = self.kept();
        let began = *kept.began.get_or_insert(now);
        kept.moments.push(Moment {
            seconds: (now - began).total(jiff::Unit::Second).unwrap_or(0.0),
            time: now.to_string(),
            event,
        });
    }
}

impl Recording {
    pub(super) fn new(time: Time) -> Recording {
        let kept = Arc::default();
        Recording { time, kept }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says what is being done.
    pub(super) fn operation(&self, name: &str) {
        name.clone_into(&mut self.kept().operation);
    }

    /// Says whose containers are asked.
    pub(super) fn project(&self, name: &str) {
        self.kept().project = Some(name.to_owned());
    }

    /// Keeps why a step failed.
    pub(super) fn failed_step(&self, error: &str, cards: &[Card]) {
        let text = card::error(error, cards, false);
        let mut services: Vec<Option<String>> =
            cards.iter().map(|card| card.service.clone()).collect();
        services.dedup();
        let failed = services.into_iter().map(|service| Failed {
            service,
            text: text.clone(),
        });
        self.kept().failed.extend(failed);
    }

    /// Keeps why a command failed as a whole.
    pub(super) fn failed(&self, text: String) {
        let service = None;
        self.kept().failed.push(Failed { service, text });
    }

    /// Asks the project's containers, as far as they are there.
    pub(super) async fn ask(&self, reads: &dyn Reads) {
        let project = self.kept().project.clone();
        if let Some(project) = project {
            let found = gather(reads, &project).await;
            let found = found.into_iter().map(|it| (it.container.clone(), it));
            self.kept().evidence.extend(found);
        }
    }

    /// Writes everything into a folder.
    pub(super) fn write(&self, folder: &Path) -> io::Result<()> {
        let kept = self.kept();
        let secrets = kept.secrets();
        for (path, text) in kept.files() {
            let text = secrets
                .iter()
                .fold(text, |text, secret| text.replace(secret.as_str(), MASK));
            disk::write_private(&folder.join(path), &text)?;
        }
        Ok(())
    }
}

impl Kept {
    fn files(&self) -> Vec<(String, String)> {
        let plans = self.moments.iter().filter_map(|it| match &it.event {
            Event::Planned { plan } => Some(plan.to_string()),
            _ => None,
        });
        let failures: Vec<&str> = self.failed.iter().map(|it| it.text.as_str()).collect();
        let name = format!("rcompose {}", self.operation);
        let mut files = vec![
            ("plan.txt".to_owned(), plans.collect::<Vec<_>>().join("\n")),
            ("timeline.ndjson".to_owned(), timeline::lines(&self.moments)),
            ("failures.txt".to_owned(), failures.join("\n")),
            (
                "junit.xml".to_owned(),
                junit::document(&name, &self.moments, &self.failed),
            ),
        ];
        for (name, evidence) in &self.evidence {
            files.push((format!("logs/{name}.log"), evidence.log.clone()));
            let inspected = json::json_line(&evidence.inspected);
            files.push((format!("inspect/{name}.json"), inspected));
        }
        files
    }

    /// The longest first, for one may be part of another.
    fn secrets(&self) -> Vec<String> {
        let told = self.evidence.values().flat_map(|it| it.secrets.clone());
        let plans = self.moments.iter().filter_map(|it| match &it.event {
            Event::Planned { plan } => Some(plan),
            _ => None,
        });
        let operations = plans
            .flat_map(|plan| &plan.steps)
            .map(|step| &step.operation);
        let files = operations.flat_map(|operation| match operation {
            Operation::CreateContainer(create) | Operation::RunContainer(create) => {
                create.files.as_slice()
            }
            Operation::PutFiles { files, .. } => files,
            _ => &[],
        });
        let contents = files
            .filter(|file| file.source.starts_with("secrets."))
            .filter_map(|file| String::from_utf8(file.content.bytes().to_vec()).ok())
            .map(|text| text.trim().to_owned());
        let mut secrets: Vec<String> = told.chain(contents).collect();
        secrets.retain(|secret| secret.len() >= SHORTEST_SECRET);
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets.dedup();
        secrets
    }
}
