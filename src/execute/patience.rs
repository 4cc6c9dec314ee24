//! How long a whole execution waits for conditions and health (`--wait-timeout`).

use std::sync::OnceLock;
use std::time::Duration;

use tokio::time::Instant;

/// A limit that begins with the first wait and holds for all of them together.
#[derive(Debug, Default)]
pub struct Patience {
    limit: Option<Duration>,
    end: OnceLock<Instant>,
}

impl Patience {
    /// So many seconds; without end when absent.
    pub fn of_seconds(seconds: Option<u64>) -> Patience {
        Patience {
            limit: seconds.map(Duration::from_secs),
            end: OnceLock::new(),
        }
    }

    /// The limit, when there is one.
    pub(super) fn limit(&self) -> Option<Duration> {
        self.limit
    }

    /// Whether it has come to its end.
    pub(super) fn is_over(&self) -> bool {
        self.end.get().is_some_and(|end| Instant::now() >= *end)
    }

    /// Waits for something; `None` when patience ends first.
    pub(super) async fn with<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let Some(limit) = self.limit else {
            return Some(work.await);
        };
        let end = *self.end.get_or_init(|| Instant::now() + limit);
        tokio::time::timeout_at(end, work).await.ok()
    }
}
