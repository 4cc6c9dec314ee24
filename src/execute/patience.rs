//! How long a whole execution waits for conditions and health (`--wait-timeout`).

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

/// A limit that begins with the first wait and holds for all of them together.
#[derive(Debug, Default)]
pub struct Patience {
    limit: Option<Duration>,
    end: OnceLock<Instant>,
    over: AtomicBool,
}

impl Patience {
    /// So many seconds; without end when absent.
    pub fn of_seconds(seconds: Option<u64>) -> Patience {
        Patience {
            limit: seconds.map(Duration::from_secs),
            ..Patience::default()
        }
    }

    /// The limit in seconds; 0 when there is none.
    pub(super) fn seconds(&self) -> u64 {
        self.limit.unwrap_or_default().as_secs()
    }

    /// Whether it has come to its end.
    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Waits for something; `None` when patience ends first.
    pub(super) async fn with<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let Some(limit) = self.limit else {
            return Some(work.await);
        };
        let end = *self.end.get_or_init(|| sleep(limit).deadline());
        let done = timeout_at(end, work).await.ok();
        self.over.fetch_or(done.is_none(), Ordering::Relaxed);
        done
    }
}
