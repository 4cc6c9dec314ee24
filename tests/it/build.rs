//! What is sent of a context, case by case. `tests/docker/build.rs` shows that the same arrives.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::path::Path;

use futures_util::StreamExt;
use rcompose::build::context::LocalContext;
use rcompose::build::context::archive::Packing;
use rcompose::build::{BuildError, Dockerfile};

#[path = "../cases/build/support.rs"]
mod support;

#[tokio::test]
async fn contexts_are_sent_as_the_ignore_file_says() {
    for case in support::cases() {
        let context = support::context(&case);
        let sent = support::sent(context.path()).await.unwrap();
        support::check(&case, &sent);
    }
}

#[tokio::test]
async fn a_stream_that_cannot_be_finished_ends_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    support::write(folder.path(), "a/fine", "");
    let dockerfile = Dockerfile::Inline("FROM busybox".to_owned());
    let mut context = LocalContext::open(folder.path(), &dockerfile).unwrap();
    context.root = Path::new("/proc/self/task/none").to_owned();
    // What is gone was never there, so a root that vanished is an empty context …
    let packing = Packing::start(context.clone());
    assert_eq!(packing.outcome_files().await, Ok(2));
    // … and one that is no folder is an error, on the stream and beside it.
    context.root = Path::new("/proc/self/stat").to_owned();
    let mut packing = Packing::start(context);
    let mut last = None;
    while let Some(piece) = packing.bytes.next().await {
        last = Some(piece);
    }
    assert!(matches!(last, Some(Err(_))));
    let outcome = packing.outcome.await.unwrap();
    assert!(matches!(outcome, Err(BuildError::Unreadable { .. })));
}

trait OutcomeFiles {
    async fn outcome_files(self) -> Result<u64, String>;
}

impl OutcomeFiles for Packing {
    /// Reads to the end and tells how many files there were.
    async fn outcome_files(mut self) -> Result<u64, String> {
        while self.bytes.next().await.is_some() {}
        let outcome = self.outcome.await.unwrap();
        outcome.map(|sent| sent.files).map_err(|it| it.to_string())
    }
}
