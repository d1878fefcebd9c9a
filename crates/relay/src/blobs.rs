//! Blobs, as a trait beside the store: sealed bytes too large for an entry.
//!
//! A blob is made with its size and its end, filled from the start to the end, and can be fetched
//! once it is whole. Nothing ties it to a channel or an entry: it goes when its time is over or its
//! owner says so (`docs/decisions/0011-blobs-over-http-and-by-time.md`). [`files`] is the embedded
//! one, [`nats`] is for several relay processes that serve one address; both pass the suite in
//! `tests/blob_conformance`.

use std::pin::Pin;

use bytes::Bytes;
use sotto_suite::sign::PublicKey;
use sotto_wire::{BlobId, BlobState, ByteRange, limits};

use crate::clock::Clock;
use crate::store::Seconds;

pub mod files;
pub mod nats;
mod record;

/// A blob to be made, or kept longer.
#[derive(Clone, Copy, Debug)]
pub struct NewBlob {
    /// Its name.
    pub blob: BlobId,
    /// Who may keep and delete it.
    pub owner: PublicKey,
    /// Hash of the key to upload.
    pub upload: [u8; 32],
    /// Bytes that it will have.
    pub size: u64,
    /// How long it stays from now on, in hours.
    pub hours: u16,
}

/// A blob that is there now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// How far it has come.
    pub state: BlobState,
    /// It was not there before.
    pub made: bool,
}

/// Why nothing was done, or not all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BlobError {
    /// No such blob, another owner or key to upload, or not finished; deliberately one answer.
    #[error("not found")]
    NotFound,
    /// There is a blob of this name with another owner or another size.
    #[error("the blob exists with another owner or size")]
    Taken,
    /// The bytes don't go on where those that are durable end.
    #[error("the blob goes on at {received}")]
    Offset {
        /// Where it goes on.
        received: u64,
    },
    /// More bytes than the blob was made for.
    #[error("more bytes than the blob was made for")]
    TooLarge,
    /// No room for another blob of this size.
    #[error("no room for this blob")]
    Quota,
    /// Can't do it at the moment (disk full, say). Of bytes to be written, none or some may have
    /// been kept; the state says how far.
    #[error("can't do this at the moment")]
    Unavailable,
}

/// What a blob store answers, some time.
pub type Answer<T> = Pin<Box<dyn Future<Output = Result<T, BlobError>> + Send>>;

/// How much there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Blobs, finished or not.
    pub blobs: u64,
    /// Bytes that they have or will have.
    pub bytes: u64,
}

/// What a blob store allows.
#[derive(Clone, Debug)]
pub struct BlobOptions {
    /// Bytes in one blob; 0: no blobs are kept here.
    pub largest: u64,
    /// Hours from the last time that its owner asked for it to be kept.
    pub hours: u16,
    /// Hours in which a blob has to be finished.
    pub unfinished_hours: u16,
    /// Bytes of all blobs together, as far as they are reserved.
    pub bytes: u64,
    /// Blobs.
    pub blobs: u64,
    /// Says what time it is.
    pub clock: Clock,
}

impl Default for BlobOptions {
    /// 128 MiB in one, for a day more than the longest lane; 32 GiB in all.
    fn default() -> Self {
        Self {
            largest: 128 << 20,
            hours: 91 * 24,
            unfinished_hours: 24,
            bytes: 32 << 30,
            blobs: 1_000_000,
            clock: Clock::default(),
        }
    }
}

impl BlobOptions {
    /// What the hello says of it.
    pub fn limits(&self) -> Option<sotto_wire::BlobLimits> {
        (self.largest >= limits::MIN_BLOB).then_some(sotto_wire::BlobLimits {
            size: self.largest.min(limits::MAX_BLOB),
            hours: self.hours,
        })
    }

    /// How much there is with one more, if there is room for it.
    fn with_one_more(&self, usage: Usage, size: u64) -> Result<Usage, BlobError> {
        let after = Usage {
            blobs: usage.blobs.saturating_add(1),
            bytes: usage.bytes.saturating_add(size),
        };
        if after.blobs > self.blobs || after.bytes > self.bytes {
            return Err(BlobError::Quota);
        }
        Ok(after)
    }
}

/// Keeps blobs. A change is answered when it is durable. What was asked is carried out even when
/// nobody waits for the answer any more.
pub trait BlobStore: Send + Sync + 'static {
    /// Makes a blob and reserves its size. The same again never shortens its life, and says how far
    /// it has come.
    fn keep(&self, new: NewBlob) -> Answer<Kept>;

    /// How far a blob has come, for whoever holds the key to upload.
    fn progress(&self, blob: BlobId, upload: [u8; 32]) -> Answer<BlobState>;

    /// Puts bytes where those that are durable end. A blob whose last byte is durable is finished.
    fn write(&self, blob: BlobId, upload: [u8; 32], offset: u64, bytes: Bytes)
    -> Answer<BlobState>;

    /// What is known of a finished blob.
    fn finished(&self, blob: BlobId) -> Answer<BlobState>;

    /// Bytes of a finished blob; the caller keeps the range small and within its size.
    fn read(&self, blob: BlobId, range: ByteRange) -> Answer<Bytes>;

    /// Deletes a blob with its bytes.
    fn delete(&self, blob: BlobId, owner: PublicKey) -> Answer<()>;

    /// Lets go of what is too old at `now`. Before that nobody finds it any more either.
    fn expire(&self, now: Seconds) -> Answer<()>;

    /// How much there is now.
    fn usage(&self) -> Usage;
}
