//! From the log to a state, and the snapshots that shorten that.

use bytes::Bytes;

use super::actor::{Actor, Loaded};
use super::commit::record;
use super::event::{Body, Change, Record};
use super::snapshot::Image;
use super::state::State;
use crate::jetstream::{Refused, Silent, open, seal};

/// Tries to read a channel whose snapshot is replaced while it is being read.
const READS: usize = 8;

impl Actor {
    /// Reads the channel from its newest snapshot and the log after that.
    pub(super) async fn load(&mut self) -> Result<(), Silent> {
        let (shard, log) = (self.subjects.shard, self.subjects.log.clone());
        let streams = self.shared.streams.clone();
        let mut loaded = Loaded::default();
        let mut started = false;
        for _ in 0..READS {
            let Some(newest) = streams.newest(shard, &log).await? else {
                self.set(Loaded::default());
                return Ok(());
            };
            // Whatever was deleted while this was read, something newer says what was in it; so it
            // is read on until nothing newer is there.
            if started && newest.sequence <= loaded.last {
                self.set(loaded);
                self.erase_for_others();
                return Ok(());
            }
            if !started {
                started = true;
                // A hint and no more: a newer snapshot is found in the log.
                if let Some(number) = streams.hint(&self.subjects).await?
                    && let Some(message) = streams.message(shard, number).await?
                    && message.subject.as_str() == log
                {
                    loaded = self
                        .restored(number, record(&message)?)
                        .await?
                        .unwrap_or(loaded);
                }
            }
            while loaded.last < newest.sequence {
                let Some(next) = streams.next(shard, &log, loaded.last + 1).await? else {
                    break;
                };
                let (number, record) = (next.sequence, record(&next)?);
                if record.before < loaded.last {
                    if let Some(state) = &mut loaded.state {
                        state.voids.insert(number);
                    }
                } else if matches!(record.change, Change::Snapshot { .. }) {
                    match self.restored(number, record).await? {
                        Some(newer) => loaded = newer,
                        // Replaced while it was read.
                        None => break,
                    }
                } else {
                    State::apply(&mut loaded.state, number, record);
                }
                loaded.last = number;
                if let Some(state) = &mut loaded.state {
                    state.last = number;
                }
            }
        }
        Err(Silent)
    }

    /// The state in a snapshot; none if a part of it is gone.
    async fn restored(&self, number: u64, record: Record) -> Result<Option<Loaded>, Silent> {
        let Change::Snapshot { state, parts } = record.change else {
            return Ok(None);
        };
        let mut bytes = state.map(|state| state.0).unwrap_or_default();
        for part in &parts {
            let part = self
                .shared
                .streams
                .message(self.subjects.shard, *part)
                .await?;
            let Some(part) = part else {
                return Ok(None);
            };
            bytes.extend_from_slice(&part.payload);
        }
        let image: Image = open(&bytes)?;
        Ok(Some(Loaded {
            last: number,
            state: Some(image.state(number, parts)),
        }))
    }

    /// A state that was read anew, as listeners have to know it.
    pub(super) fn set(&mut self, loaded: Loaded) {
        match &loaded.state {
            Some(state) => self.shared.feeds.renew(&self.channel, state.standing()),
            None => self.shared.feeds.end_channel(&self.channel),
        }
        self.replace(Some(loaded));
    }

    /// Writes what the log amounts to into it. Without success nothing is lost but the time to read
    /// more of it.
    pub(super) async fn write_snapshot(&mut self) {
        let streams = self.shared.streams.clone();
        let Some(state) = self.state() else { return };
        let (bytes, part) = (seal(&Image::of(state)), self.shared.options.snapshot_part);
        let mut parts = Vec::new();
        let mut whole = None;
        if bytes.len() <= part {
            whole = Some(Body(bytes.to_vec()));
        } else {
            for part in bytes.chunks(part) {
                let part = Bytes::copy_from_slice(part);
                match streams.publish(&self.subjects.parts, part, None).await {
                    Ok(number) => parts.push(number),
                    Err(_) => return,
                }
            }
        }
        let change = Change::Snapshot {
            state: whole,
            parts: parts.clone(),
        };
        let Ok(record) = self.record(change).await else {
            return;
        };
        let (subject, before) = (self.subjects.log.clone(), record.before);
        match streams.publish(&subject, seal(&record), Some(before)).await {
            Ok(number) if self.stands(before, number).await => {
                self.fold(number, record);
                streams.set_hint(&self.subjects, number).await;
            }
            // Somebody else was faster. The next change looks, and writes another.
            Ok(_) | Err(Refused::Conflict | Refused::NotKept) => {
                let _ = self
                    .shared
                    .erase_all(self.subjects.shard, Vec::new(), parts)
                    .await;
            }
            // It may stand there: what it needs has to stay.
            Err(Refused::Unknown) => {}
        }
    }
}
