//! A blob's record: a log of its own, in which the newest message that counts is the whole record.
//!
//! The servers do not compare and write in one step ([`Stream::stands`]), so that two messages may
//! come to follow the same one. A message names the one that was the newest when it was decided, and
//! counts if that one is the last before it. Whoever has written one that counts deletes what is before
//! it: those that don't count first, for one without the message that it raced with would be taken for
//! the record.

use std::time::Duration;

use minicbor::{Decode, Encode};
use sotto_suite::{RandomExt as _, SystemRandom};
use sotto_wire::BlobId;
use tokio::time::Instant;

use super::Shared;
use super::parts::Part;
use crate::blobs::BlobError;
use crate::blobs::record::Record;
use crate::jetstream::{Refused, Silent, Stream, open, seal};

/// Before asking servers again that did not answer.
const PAUSE: Duration = Duration::from_millis(150);
/// Tries to clear a blob away while others still write to it.
const TRIES: usize = 8;

impl From<Silent> for BlobError {
    fn from(_: Silent) -> Self {
        Self::Unavailable
    }
}

/// A blob as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(super) struct Held {
    #[n(0)]
    pub(super) record: Record,
    /// Where its bytes are, in their order.
    #[n(1)]
    pub(super) parts: Vec<Part>,
    /// It is deleted, and its parts are to be erased.
    #[n(2)]
    pub(super) gone: bool,
}

impl Held {
    /// One without bytes.
    pub(super) fn new(record: Record) -> Self {
        Self {
            record,
            parts: Vec::new(),
            gone: false,
        }
    }

    /// The same, deleted.
    pub(super) fn gone(&self) -> Self {
        Self {
            gone: true,
            ..self.clone()
        }
    }
}

/// One message of the log.
#[derive(Clone, Debug, Encode, Decode)]
pub(super) struct Message {
    /// Random: tells a writer that lost the answer whether this is its own.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub(super) id: [u8; 16],
    /// The message that was the newest when this one was decided; 0 for none.
    #[n(1)]
    pub(super) before: u64,
    #[n(2)]
    pub(super) held: Held,
}

/// What a log amounts to.
#[derive(Debug, Default)]
pub(super) struct Log {
    /// Its newest message; 0 where there is none.
    pub(super) last: u64,
    /// The record, if there is one.
    pub(super) held: Option<Held>,
    /// The message of it.
    pub(super) counts: u64,
    /// Messages that don't count.
    voids: Vec<u64>,
    /// Messages that counted.
    older: Vec<u64>,
    ids: Vec<[u8; 16]>,
}

impl Log {
    fn add(&mut self, number: u64, message: Message) {
        if message.before < self.last {
            self.voids.push(number);
        } else {
            self.older.extend(Some(self.counts).filter(|old| *old > 0));
            self.counts = number;
            self.held = Some(message.held);
            self.ids.push(message.id);
        }
        self.last = number;
    }

    /// Everything before the record, in the order in which it may be deleted.
    fn superfluous(&self) -> Vec<u64> {
        let before = self.voids.iter().filter(|void| **void < self.counts);
        before.chain(&self.older).copied().collect()
    }
}

/// What has been decided.
pub(super) enum Step<T> {
    /// To be written, and then answered.
    Write(Held, T),
    /// Nothing is to be written.
    Done(T),
}

impl Shared {
    /// The subject of a blob's record.
    pub(super) fn record_of(&self, blob: &BlobId) -> String {
        format!("{}.b.{}", self.streams.prefix, hex::encode(blob.as_bytes()))
    }

    /// Reads a blob's log, as the stream's leader knows it.
    pub(super) async fn read(&self, blob: &BlobId) -> Result<Log, Silent> {
        let subject = self.record_of(blob);
        let mut log = Log::default();
        while let Some(message) = self.streams.records.next(&subject, log.last + 1).await? {
            log.add(message.sequence, open(&message.payload)?);
        }
        Ok(log)
    }

    /// Decides on the record and writes what was decided, on the condition that the record is still
    /// the same; else decides again. `known` is what was just read, where something was.
    pub(super) async fn change<T>(
        &self,
        blob: &BlobId,
        mut known: Option<Log>,
        mut decide: impl FnMut(Option<&Held>) -> Result<Step<T>, BlobError>,
    ) -> Result<T, BlobError> {
        let subject = self.record_of(blob);
        let deadline = Instant::now() + self.streams.patience;
        let mut sent: Option<(Message, T)> = None;
        loop {
            let read = match known.take() {
                Some(known) => Ok(known),
                None => self.read(blob).await,
            };
            let Ok(mut log) = read else {
                pause(deadline).await?;
                continue;
            };
            let mut again = None;
            if let Some((message, answer)) = sent.take() {
                if log.ids.contains(&message.id) {
                    self.wrote(blob, &log);
                    return Ok(answer);
                }
                // Nothing has come since, so that it may still arrive: the same is sent again, and
                // one of the two counts at most. After anything else it never will.
                again = (log.last == message.before).then_some((message, answer));
            }
            let resent = again.is_some();
            let (message, answer) = match again {
                Some(again) => again,
                None => match decide(log.held.as_ref())? {
                    Step::Done(answer) => return Ok(answer),
                    Step::Write(held, answer) => {
                        let id = SystemRandom::new().bytes();
                        let before = log.last;
                        (Message { id, before, held }, answer)
                    }
                },
            };
            let before = message.before;
            let publishing = self
                .streams
                .servers
                .publish(&subject, seal(&message), Some(before));
            match publishing.await {
                Ok(number) if self.streams.records.stands(&subject, before, number).await => {
                    log.add(number, message);
                    self.wrote(blob, &log);
                    return Ok(answer);
                }
                Err(Refused::NotKept) if !resent => pause(deadline).await?,
                // Another came first, or the one sent before has arrived after all.
                Ok(_) | Err(Refused::Conflict) if Instant::now() < deadline => {
                    sent = Some((message, answer));
                }
                Ok(_) | Err(_) => {
                    sent = Some((message, answer));
                    pause(deadline).await?;
                }
            }
        }
    }

    /// Notes what the record says now, and deletes what it has superseded, in the background. What
    /// stays is deleted after the next change.
    fn wrote(&self, blob: &BlobId, log: &Log) {
        if let Some(held) = &log.held {
            self.table.learn(blob, log.counts, held);
        }
        let superfluous = log.superfluous();
        if superfluous.is_empty() {
            return;
        }
        let records = self.streams.records.clone();
        tokio::spawn(async move {
            let _ = erase_in_order(&records, superfluous).await;
        });
    }

    /// Erases what a deleted blob has left, its record last. Nothing if it has been made again.
    pub(super) async fn clear_away(&self, blob: &BlobId) -> Result<(), BlobError> {
        let mut erased = false;
        for _ in 0..TRIES {
            let known = self.table.number(blob);
            let log = self.read(blob).await?;
            let Some(held) = log.held.as_ref().filter(|held| held.gone) else {
                if log.held.is_none() {
                    self.table.forget(blob, known);
                }
                return Ok(());
            };
            if !erased {
                // A number that was never given, as after a backup of another moment, would make a
                // cluster begin the stream anew.
                let newest = self.streams.parts.info().await?.state.last_sequence;
                let parts = held.parts.iter().filter(|part| part.message <= newest);
                self.erase(&parts.copied().collect::<Vec<_>>()).await?;
                erased = true;
            }
            if log.last != log.counts {
                // Without the record, one that raced with it would be taken for one that counts. So
                // one more comes to stand behind both.
                self.change(blob, Some(log), |held| match held {
                    Some(held) if held.gone => Ok(Step::Write(held.clone(), ())),
                    _ => Ok(Step::Done(())),
                })
                .await?;
                continue;
            }
            let superfluous = log.superfluous();
            if superfluous.is_empty() {
                // Something has been deleted since it was written, so that whatever raced with it
                // has been seen.
                self.streams.records.erase(log.counts).await?;
                self.table.forget(blob, log.counts);
                return Ok(());
            }
            erase_in_order(&self.streams.records, superfluous).await?;
        }
        Err(BlobError::Unavailable)
    }
}

async fn erase_in_order(stream: &Stream, numbers: Vec<u64>) -> Result<(), Silent> {
    for number in numbers {
        stream.erase(number).await?;
    }
    Ok(())
}

/// Waits a little, if there is time.
pub(super) async fn pause(deadline: Instant) -> Result<(), BlobError> {
    if Instant::now() + PAUSE > deadline {
        return Err(BlobError::Unavailable);
    }
    tokio::time::sleep(PAUSE).await;
    Ok(())
}
