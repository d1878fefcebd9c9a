//! Blobs on NATS servers, for several relay processes that serve one address.
//!
//! A blob's bytes are messages of one stream, its parts; its record is a short log in another, and
//! names the parts by their numbers. The order of steps is what survives the end of a process between
//! any two of them:
//!
//! - writing: the bytes as parts, then the record that names them. Parts that no record names are
//!   nobody's, and are erased by the second sweep that finds them;
//! - deleting: the record says that it is gone, the parts are erased, then the record. What is gone is
//!   found by nobody, and the rest is done by the next sweep of any process.
//!
//! Of two processes that write to one blob at one moment the record of one counts (`log.rs` says
//! which), and the other erases its parts.

mod follow;
mod log;
mod parts;
mod sweep;
mod table;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sotto_suite::sign::PublicKey;
use sotto_wire::{BlobId, BlobState, ByteRange};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::record::{Record, hour, until};
use super::{Answer, BlobError, BlobOptions, BlobStore, Kept, NewBlob, Usage};
use crate::jetstream::{Servers, Stream};
use crate::store::Seconds;
use crate::store::nats::{NatsStore, OpenError};
use follow::Follower;
use log::{Held, Step};
use sweep::Suspects;
use table::Table;

/// Bytes of the largest blob that can be kept here: its record names a part for each 512 KiB, and is
/// written anew with each.
pub const LARGEST: u64 = 4 << 30;

/// What the store of channels shares with blobs.
pub(crate) struct Streams {
    pub(crate) servers: Servers,
    /// The records, under `P.b.BLOB`.
    pub(crate) records: Stream,
    /// The bytes, under `P.o.BLOB`.
    pub(crate) parts: Stream,
    /// First part of every subject.
    pub(crate) prefix: String,
    /// How long something is tried before it is given up.
    pub(crate) patience: Duration,
    /// Counts the times that the connection has come back.
    pub(crate) connected: watch::Receiver<u64>,
}

/// What everything that is under way shares.
struct Shared {
    streams: Streams,
    options: BlobOptions,
    /// What is known of all blobs.
    table: Table,
    suspects: Suspects,
}

/// The blob store over NATS.
pub struct NatsBlobs {
    shared: Arc<Shared>,
    stop: CancellationToken,
}

impl NatsBlobs {
    /// Over the servers of a store of channels. Answers when it is known what blobs there are; that
    /// takes one message for each.
    ///
    /// # Errors
    /// [`OpenError::Streams`].
    pub async fn open(store: &NatsStore, options: BlobOptions) -> Result<Self, OpenError> {
        let shared = Arc::new(Shared {
            streams: store.blob_streams(),
            options,
            table: Table::default(),
            suspects: Suspects::default(),
        });
        let mut follower = Follower::new(Arc::clone(&shared));
        follower.catch_up().await?;
        let stop = CancellationToken::new();
        tokio::spawn(follower.run(stop.clone()));
        Ok(Self { shared, stop })
    }

    /// Does work that goes on when nobody waits for it any more.
    fn answer<T, F>(&self, work: impl FnOnce(Arc<Shared>) -> F) -> Answer<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, BlobError>> + Send + 'static,
    {
        let working = tokio::spawn(work(Arc::clone(&self.shared)));
        // A panic of the work has been reported where it happened.
        Box::pin(async move { working.await.unwrap_or(Err(BlobError::Unavailable)) })
    }
}

impl Drop for NatsBlobs {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl BlobStore for NatsBlobs {
    fn keep(&self, new: NewBlob) -> Answer<Kept> {
        self.answer(async move |shared| shared.keep(&new).await)
    }

    fn progress(&self, blob: BlobId, upload: [u8; 32]) -> Answer<BlobState> {
        self.answer(async move |shared| {
            let held = shared.find(&blob).await?;
            held.record.with_key(&upload)?;
            Ok(held.record.state())
        })
    }

    fn write(
        &self,
        blob: BlobId,
        upload: [u8; 32],
        offset: u64,
        bytes: Bytes,
    ) -> Answer<BlobState> {
        self.answer(async move |shared| shared.write(&blob, &upload, offset, bytes).await)
    }

    fn finished(&self, blob: BlobId) -> Answer<BlobState> {
        self.answer(async move |shared| Ok(shared.finished(&blob).await?.record.state()))
    }

    fn read(&self, blob: BlobId, range: ByteRange) -> Answer<Bytes> {
        self.answer(async move |shared| {
            let held = shared.finished(&blob).await?;
            shared.bytes(&blob, &held.parts, range).await
        })
    }

    fn delete(&self, blob: BlobId, owner: PublicKey) -> Answer<()> {
        self.answer(async move |shared| {
            shared.find(&blob).await?;
            shared.remove(&blob, |record| record.owner == owner).await
        })
    }

    fn expire(&self, now: Seconds) -> Answer<()> {
        self.answer(async move |shared| shared.sweep(now).await)
    }

    fn usage(&self) -> Usage {
        self.shared.table.usage()
    }
}

impl Shared {
    /// A blob that is there and whose time is not over.
    async fn find(&self, blob: &BlobId) -> Result<Held, BlobError> {
        let log = self.read(blob).await?;
        self.there(log.held.as_ref()).cloned()
    }

    async fn finished(&self, blob: &BlobId) -> Result<Held, BlobError> {
        let held = self.find(blob).await?;
        if held.record.finished() {
            Ok(held)
        } else {
            Err(BlobError::NotFound)
        }
    }

    fn there<'a>(&self, held: Option<&'a Held>) -> Result<&'a Held, BlobError> {
        let hour = hour(self.options.clock.now());
        held.filter(|held| !held.gone && !held.record.over(hour))
            .ok_or(BlobError::NotFound)
    }

    async fn keep(&self, new: &NewBlob) -> Result<Kept, BlobError> {
        let now = self.options.clock.now();
        let hour = hour(now);
        let over = |held: &Held| held.gone || held.record.over(hour);
        let mut known = Some(self.read(&new.blob).await?);
        let held = known.as_ref().and_then(|log| log.held.as_ref());
        if held.is_some_and(over) {
            known = None;
            match self.remove(&new.blob, |record| record.over(hour)).await {
                Ok(()) | Err(BlobError::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        // Held until the table knows of the blob.
        let mut room = None;
        self.change(&new.blob, known, |held| {
            let Some(held) = held else {
                if room.is_none() {
                    room = Some(self.table.reserve(&self.options, new.size)?);
                }
                let record = Record::of(new, now, self.options.unfinished_hours);
                let state = record.state();
                let made = Held::new(record);
                return Ok(Step::Write(made, Kept { state, made: true }));
            };
            if over(held) {
                // Somebody else has deleted it a moment ago, and is about to clear it away.
                return Err(BlobError::Unavailable);
            }
            held.record.is(new)?;
            let until = until(new, now);
            let mut held = held.clone();
            let longer = until > held.record.until;
            held.record.until = held.record.until.max(until);
            let state = held.record.state();
            let kept = Kept { state, made: false };
            Ok(if longer {
                Step::Write(held, kept)
            } else {
                Step::Done(kept)
            })
        })
        .await
    }

    async fn write(
        &self,
        blob: &BlobId,
        upload: &[u8; 32],
        offset: u64,
        bytes: Bytes,
    ) -> Result<BlobState, BlobError> {
        let log = self.read(blob).await?;
        let held = self.there(log.held.as_ref()).cloned()?;
        held.record.with_key(upload)?;
        let len = bytes.len() as u64;
        held.record.after(offset, len)?;
        if bytes.is_empty() {
            return Ok(held.record.state());
        }
        let (put, replaced) = match self.append(blob, &held.parts, offset, bytes).await {
            Ok(appended) => appended,
            Err(error) => {
                // Somebody else may have gone on meanwhile, and erased what was to be taken in.
                self.find(blob).await?.record.after(offset, len)?;
                return Err(error);
            }
        };
        let mut parts = held.parts.clone();
        parts.truncate(parts.len().saturating_sub(replaced.len()));
        parts.extend(&put);
        let wrote = self
            .change(blob, Some(log), |now| {
                let now = self.there(now)?;
                // It counted, though nobody could say so at once, and somebody has gone on from it.
                if put.iter().any(|part| now.parts.contains(part)) {
                    return Ok(Step::Done(now.record.state()));
                }
                now.record.with_key(upload)?;
                let received = now.record.after(offset, len)?;
                // Deleted and made again meanwhile.
                if now.parts != held.parts {
                    return Err(BlobError::Unavailable);
                }
                let mut record = now.record.clone();
                record.received = received;
                let state = record.state();
                let parts = parts.clone();
                let held = Held {
                    parts,
                    ..Held::new(record)
                };
                Ok(Step::Write(held, state))
            })
            .await;
        // What can't be erased now is found by a sweep.
        match &wrote {
            Ok(_) => {
                let _ = self.erase(&replaced).await;
            }
            // It may count yet.
            Err(BlobError::Unavailable) => {}
            Err(_) => {
                let _ = self.erase(&put).await;
            }
        }
        wrote
    }

    /// Deletes a blob of which this is true, with its bytes.
    async fn remove(&self, blob: &BlobId, may: impl Fn(&Record) -> bool) -> Result<(), BlobError> {
        self.change(blob, None, |held| match held {
            Some(held) if held.gone => Ok(Step::Done(())),
            Some(held) if may(&held.record) => Ok(Step::Write(held.gone(), ())),
            _ => Err(BlobError::NotFound),
        })
        .await?;
        // It is gone for everybody; what of it can't be cleared away now is, by the next sweep.
        let _ = self.clear_away(blob).await;
        Ok(())
    }
}
