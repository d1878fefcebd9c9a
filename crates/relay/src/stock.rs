//! Gauges that have to be looked up: channels, room on the disk, the certificate's end.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::data::STORE;
use crate::disk;
use crate::metrics::Metrics;
use crate::store::sqlite::inspect::Inspection;

/// How often.
const PAUSE: Duration = Duration::from_secs(5 * 60);

/// Looks until the relay stops.
pub(crate) async fn watch(data: PathBuf, metrics: Arc<Metrics>, stopping: CancellationToken) {
    loop {
        let (folder, counted) = (data.clone(), Arc::clone(&metrics));
        // Reads files, which may take a moment.
        let looked = tokio::task::spawn_blocking(move || {
            let store = Inspection::open(&folder.join(STORE)).ok();
            let channels = store.and_then(|store| store.channels().ok());
            counted.set_stock(channels, disk::used(&folder), disk::free(&folder));
        });
        drop(looked.await);
        tokio::select! {
            () = stopping.cancelled() => return,
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}
