//! Gauges that have to be looked up: channels, room on the disk.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::disk;
use crate::server::Shared;
use crate::store::Store;

/// How often.
const PAUSE: Duration = Duration::from_secs(5 * 60);

/// Looks until the relay stops.
pub(crate) async fn watch<S: Store>(shared: Arc<Shared<S>>, data: PathBuf) {
    loop {
        let channels = shared.store.channels().await;
        let (folder, metrics) = (data.clone(), Arc::clone(&shared.metrics));
        // Reads files, which may take a moment.
        let looked = tokio::task::spawn_blocking(move || {
            metrics.set_stock(channels, disk::used(&folder), disk::free(&folder));
        });
        drop(looked.await);
        tokio::select! {
            () = shared.stopping.cancelled() => return,
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}
