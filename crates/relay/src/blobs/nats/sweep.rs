//! What is done once an hour: blobs whose time is over go, and what belongs to none.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use futures_util::stream::{StreamExt as _, iter};
use sotto_wire::BlobId;

use super::Shared;
use super::follow::blob_of;
use crate::blobs::BlobError;
use crate::blobs::record::hour;
use crate::jetstream::Silent;
use crate::store::Seconds;

/// Blobs that are deleted at once.
const AT_ONCE: usize = 8;

/// What the last sweep has noted: nothing takes from one to the next to be written.
#[derive(Debug, Default)]
pub(super) struct Suspects(Mutex<Noted>);

#[derive(Debug, Default)]
struct Noted {
    /// The newest part.
    part: u64,
    /// Blobs of which other parts were there than their record names.
    blobs: HashSet<BlobId>,
}

impl Shared {
    pub(super) async fn sweep(&self, now: Seconds) -> Result<(), BlobError> {
        let hour = hour(now);
        let over = self.table.over(hour);
        let going = iter(over).map(|blob| async move {
            match self.remove(&blob, |record| record.over(hour)).await {
                // Not known here: somebody else has kept it longer, or cleared it away.
                Err(BlobError::NotFound) => self.look_again(&blob).await,
                other => other,
            }
        });
        let gone: Vec<Result<(), BlobError>> = going.buffer_unordered(AT_ONCE).collect().await;
        self.forget_those_that_are_gone().await?;
        self.erase_what_is_nobodys().await?;
        gone.into_iter().collect()
    }

    async fn look_again(&self, blob: &BlobId) -> Result<(), BlobError> {
        let known = self.table.number(blob);
        let log = self.read(blob).await?;
        match &log.held {
            Some(held) => self.table.learn(blob, log.counts, held),
            None => self.table.forget(blob, known),
        }
        Ok(())
    }

    /// That a blob was deleted elsewhere may have been missed.
    async fn forget_those_that_are_gone(&self) -> Result<(), Silent> {
        let heard = self.table.heard_until();
        let all = format!("{}.b.*", self.streams.prefix);
        let listed = self.streams.records.subjects(all).await?;
        let there = listed.iter().filter_map(|(subject, _)| blob_of(subject));
        self.table.keep_only(&there.collect(), heard);
        Ok(())
    }

    /// Parts that no record names are left by a process that ended between two steps, or did not get an
    /// answer. Only those go that were there when the last sweep was.
    async fn erase_what_is_nobodys(&self) -> Result<(), Silent> {
        let all = format!("{}.o.*", self.streams.prefix);
        let newest = self.streams.parts.info().await?.state.last_sequence;
        let listed = self.streams.parts.subjects(all).await?;
        let mut suspects = HashSet::new();
        for (subject, count) in listed {
            let Some(blob) = blob_of(&subject) else {
                continue;
            };
            if self.table.parts(&blob) != count {
                suspects.insert(blob);
            }
        }
        let noted = Noted {
            part: newest,
            blobs: suspects.clone(),
        };
        let before = {
            let mut kept = self
                .suspects
                .0
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *kept, noted)
        };
        for blob in suspects.intersection(&before.blobs) {
            self.erase_nobodys_of(blob, before.part).await?;
        }
        Ok(())
    }

    async fn erase_nobodys_of(&self, blob: &BlobId, until: u64) -> Result<(), Silent> {
        let log = self.read(blob).await?;
        let held = log.held.iter().flat_map(|held| &held.parts);
        let needed: HashSet<u64> = held.map(|part| part.message).collect();
        let (parts, subject) = (&self.streams.parts, self.parts_of(blob));
        let mut from = 1;
        while let Some(message) = parts.next(&subject, from).await? {
            if message.sequence > until {
                break;
            }
            from = message.sequence + 1;
            if !needed.contains(&message.sequence) {
                parts.erase(message.sequence).await?;
            }
        }
        Ok(())
    }
}
