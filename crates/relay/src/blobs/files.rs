//! The embedded blob store: one file a blob, and their records in SQLite beside them.
//!
//! The order of steps is what survives a crash between any two of them:
//!
//! - making: the record, then (with the first bytes) the file. A file without a record is
//!   therefore nobody's, and goes when the store is opened;
//! - writing: the bytes, their sync, then the record of how far they go. Bytes beyond the record are
//!   written over by the next upload;
//! - deleting: the record is marked, the bytes are overwritten, the file goes, then the record. What
//!   is marked is found by nobody, and the rest is done when the store is opened.

mod disk;
mod records;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use sotto_suite::sign::PublicKey;
use sotto_wire::{BlobId, BlobState, ByteRange};
use tokio::sync::Semaphore;

use super::{Answer, BlobError, BlobOptions, BlobStore, Kept, NewBlob, Usage};
use crate::store::Seconds;
use crate::store::sqlite::OpenError;
use disk::Disk;

/// Steps on the disk at once; more wait, so that blobs don't take every thread there is.
const AT_ONCE: usize = 16;

/// What a look from outside finds.
pub(crate) struct Look {
    pub(crate) usage: Usage,
    /// Blobs of which bytes are missing that were acknowledged.
    pub(crate) short: u64,
}

/// Looks at a folder of blobs, beside the relay that runs on it or without one. `None`: there is
/// none yet.
pub(crate) fn look(folder: &Path) -> Result<Option<Look>, OpenError> {
    let path = folder.join(RECORDS);
    if !path.exists() {
        return Ok(None);
    }
    let records = records::Records::look(&path)?;
    let mut short = 0;
    for (blob, received) in records.with_bytes()? {
        let held = folder.join(blob.to_string()).metadata();
        short += u64::from(held.map_or(0, |about| about.len()) < received);
    }
    let usage = records.usage()?;
    Ok(Some(Look { usage, short }))
}

/// Why the folder of blobs can't be used.
#[derive(Debug, thiserror::Error)]
pub enum BlobOpenError {
    /// The records.
    #[error("the records of blobs: {0}")]
    Records(#[from] OpenError),
    /// Files without any record: somebody's blobs, which must not be taken for nobody's.
    #[error(
        "{0} holds blobs without their records; put {RECORDS} back from a backup, or move the folder away"
    )]
    RecordsMissing(PathBuf),
    /// The system says why.
    #[error("{path}: {error}")]
    Unusable {
        /// Where.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
}

/// Name of the file of records in the folder of blobs.
const RECORDS: &str = "records.db";

/// The embedded blob store.
pub struct FileBlobs {
    disk: Arc<Disk>,
    turns: Arc<Semaphore>,
}

impl FileBlobs {
    /// Opens or makes the folder, finishes what a crash has interrupted, and removes files that
    /// belong to no blob.
    ///
    /// # Errors
    /// [`BlobOpenError`]; nothing has been removed then.
    pub fn open(folder: &Path, options: BlobOptions) -> Result<Self, BlobOpenError> {
        Ok(Self {
            disk: Arc::new(Disk::open(folder, options)?),
            turns: Arc::new(Semaphore::new(AT_ONCE)),
        })
    }

    /// Does work on the disk in a thread that may wait.
    fn answer<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Disk) -> Result<T, BlobError> + Send + 'static,
    ) -> Answer<T> {
        let (disk, turns) = (Arc::clone(&self.disk), Arc::clone(&self.turns));
        Box::pin(async move {
            // Never closed.
            let turn = turns.acquire_owned().await;
            let working = tokio::task::spawn_blocking(move || {
                let _turn = turn;
                work(&disk)
            });
            // A panic of the work has been reported where it happened.
            working.await.unwrap_or(Err(BlobError::Unavailable))
        })
    }
}

impl BlobStore for FileBlobs {
    fn keep(&self, new: NewBlob) -> Answer<Kept> {
        self.answer(move |disk| disk.keep(&new))
    }

    fn progress(&self, blob: BlobId, upload: [u8; 32]) -> Answer<BlobState> {
        self.answer(move |disk| disk.progress(&blob, &upload))
    }

    fn write(
        &self,
        blob: BlobId,
        upload: [u8; 32],
        offset: u64,
        bytes: Bytes,
    ) -> Answer<BlobState> {
        self.answer(move |disk| disk.write(&blob, &upload, offset, &bytes))
    }

    fn finished(&self, blob: BlobId) -> Answer<BlobState> {
        self.answer(move |disk| disk.finished(&blob))
    }

    fn read(&self, blob: BlobId, range: ByteRange) -> Answer<Bytes> {
        self.answer(move |disk| disk.read(&blob, range))
    }

    fn delete(&self, blob: BlobId, owner: PublicKey) -> Answer<()> {
        self.answer(move |disk| disk.delete(&blob, &owner))
    }

    fn expire(&self, now: Seconds) -> Answer<()> {
        self.answer(move |disk| disk.expire(now))
    }

    fn usage(&self) -> Usage {
        self.disk.usage()
    }
}
