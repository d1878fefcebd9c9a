//! How many channels there are. The servers say it; in between each process counts what it makes and
//! deletes itself, so that it knows of what others did a minute later.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use super::Shared;
use super::event::Change;
use super::streams::Streams;

/// Between two questions to the servers.
const PAUSE: Duration = Duration::from_secs(60);
/// Nobody has said yet.
const UNKNOWN: u64 = u64::MAX;

/// Channels, as far as it is known here.
#[derive(Debug)]
pub(super) struct Count(AtomicU64);

impl Default for Count {
    fn default() -> Self {
        Self(AtomicU64::new(UNKNOWN))
    }
}

impl Count {
    /// Asks the servers; what was known stays known where they don't answer.
    pub(super) async fn anew(&self, streams: &Streams) {
        if let Ok(channels) = streams.channels().await {
            self.0.store(channels, Relaxed);
        }
    }

    pub(super) fn known(&self) -> Option<u64> {
        Some(self.0.load(Relaxed)).filter(|count| *count != UNKNOWN)
    }

    /// Are there as many as there may be? Who does not know refuses nobody.
    pub(super) fn full(&self, most: u64) -> bool {
        self.known().is_some_and(|count| count >= most)
    }

    /// This process has made a change.
    pub(super) fn after(&self, change: &Change) {
        let by = match change {
            Change::Created { .. } => 1,
            Change::Deleted => -1,
            _ => return,
        };
        let step = |count: u64| (count != UNKNOWN).then(|| count.saturating_add_signed(by));
        // Where it is unknown it stays so.
        let _ = self.0.fetch_update(Relaxed, Relaxed, step);
    }
}

/// Asks again and again.
pub(super) async fn watch(shared: Arc<Shared>) {
    loop {
        tokio::select! {
            () = shared.stop.cancelled() => return,
            () = tokio::time::sleep(PAUSE) => shared.count.anew(&shared.streams).await,
        }
    }
}
