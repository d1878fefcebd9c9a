//! Deciding a change and writing it, as one step.

use std::cmp::Ordering::{Equal, Greater, Less};
use std::time::Duration;

use async_nats::jetstream::message::StreamMessage;
use bytes::Bytes;
use sotto_suite::{RandomExt as _, SystemRandom};
use tokio::time::Instant;

use super::actor::{Actor, Loaded};
use super::event::{Change, Record};
use super::expire::due_day;
use super::state::{News, State};
use crate::jetstream::{Refused, Silent, open, seal};
use crate::store::rules::coarse;
use crate::store::{StoreError, Stored};

/// Before asking servers again that did not answer.
const PAUSE: Duration = Duration::from_millis(150);
/// What has been decided.
pub(super) enum Step<T> {
    /// To be written, and then answered.
    Write(Change, T),
    /// Nothing is to be written.
    Done(T),
}

/// A change whose fate is not known.
struct Sent<T> {
    record: Record,
    message: Bytes,
    answer: T,
}

impl<T> Sent<T> {
    /// Comes to the same when it is decided and written again.
    fn twice(&self) -> bool {
        matches!(
            self.record.change,
            Change::Created { .. }
                | Change::Appended { .. }
                | Change::Acknowledged { .. }
                | Change::WriterSet { .. }
                | Change::WriterRevoked { .. }
                | Change::Packaged { .. }
                | Change::Expired { .. }
        )
    }
}

/// What looking at the log has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// The message looked for is there.
    Yes,
    /// It is not there, up to the newest.
    No,
    /// Nothing is known of it: the state was read anew, and what it was made of may be gone.
    Anew,
}

impl Actor {
    /// Decides on the channel's state and writes what was decided, on the condition that the state
    /// is still the same; else decides again. What needs no writing, refusals above all, is
    /// answered only on a state that was read after the order came.
    pub(super) async fn commit<T>(
        &mut self,
        since: Instant,
        decide: impl FnMut(Option<&State>) -> Stored<Step<T>>,
    ) -> Stored<T> {
        if self.gave_up.is_some_and(|then| since <= then) {
            return Err(StoreError::Unavailable);
        }
        let done = self.try_commit(since, decide).await;
        if matches!(done, Err(StoreError::Unavailable | StoreError::Unsure)) {
            self.gave_up = Some(Instant::now());
        }
        done
    }

    async fn try_commit<T>(
        &mut self,
        since: Instant,
        mut decide: impl FnMut(Option<&State>) -> Stored<Step<T>>,
    ) -> Stored<T> {
        let deadline = since + self.shared.options.patience;
        let mut sent: Option<Sent<T>> = None;
        let mut looked = false;
        loop {
            if sent.is_some() || self.loaded.is_none() {
                let id = sent.as_ref().map(|sent| sent.record.id);
                match self.look(id).await {
                    Err(Silent) => {
                        if pause(deadline).await {
                            continue;
                        }
                        return Err(unknown(sent.as_ref()));
                    }
                    Ok(Found::Yes) => {
                        if let Some(sent) = sent {
                            return Ok(sent.answer);
                        }
                    }
                    // What was sent may be in what was read, and can't be told apart in there.
                    Ok(Found::Anew) if sent.as_ref().is_some_and(|sent| !sent.twice()) => {
                        return Err(StoreError::Unsure);
                    }
                    Ok(Found::No | Found::Anew) => looked = true,
                }
                // Nothing has come since, so that it may still arrive: the same is sent again, and
                // one of the two is stored at most. After anything else it never will be.
                sent = sent.filter(|sent| sent.record.before == self.last());
            }
            let again = sent.is_some();
            let attempt = match sent.take() {
                Some(attempt) => attempt,
                None => {
                    let step = decide(self.state());
                    let (change, answer) = match step {
                        Ok(Step::Write(change, answer)) => (change, answer),
                        Ok(Step::Done(answer)) if looked => return Ok(answer),
                        Err(error) if looked => return Err(error),
                        Ok(Step::Done(_)) | Err(_) => {
                            match self.look(None).await {
                                Ok(_) => looked = true,
                                Err(Silent) if pause(deadline).await => {}
                                Err(Silent) => return Err(StoreError::Unavailable),
                            }
                            continue;
                        }
                    };
                    match self.record(change).await {
                        Ok(record) => Sent {
                            message: seal(&record),
                            record,
                            answer,
                        },
                        Err(Silent) if pause(deadline).await => continue,
                        Err(Silent) => return Err(StoreError::Unavailable),
                    }
                }
            };
            let started = Instant::now();
            let (subject, before) = (self.subjects.log.clone(), attempt.record.before);
            let message = attempt.message.clone();
            let streams = &self.shared.streams;
            match streams.publish(&subject, message, Some(before)).await {
                Ok(number) if self.stands(before, number).await => {
                    self.shared.metrics.batch(1, started.elapsed());
                    self.written = number;
                    self.shared.count.after(&attempt.record.change);
                    self.fold(number, attempt.record);
                    self.after_change().await;
                    return Ok(attempt.answer);
                }
                Err(Refused::NotKept) if !again => {
                    if !pause(deadline).await {
                        return Err(StoreError::Unavailable);
                    }
                }
                // Another came first, or the one sent before has arrived after all.
                Ok(_) | Err(Refused::Conflict) => sent = Some(attempt),
                Err(Refused::NotKept | Refused::Unknown) => {
                    sent = Some(attempt);
                    if !pause(deadline).await {
                        return Err(StoreError::Unsure);
                    }
                }
            }
        }
    }

    /// Is message `number` the one that counts after `before`?
    pub(super) async fn stands(&self, before: u64, number: u64) -> bool {
        let (shard, log) = (self.subjects.shard, &self.subjects.log);
        let streams = &self.shared.streams;
        streams.stands(shard, log, before, number).await
    }

    /// The message for a change, for which the channel has been put down if it needs that.
    pub(super) async fn record(&mut self, change: Change) -> Result<Record, Silent> {
        let at = coarse(self.shared.options.clock.now());
        let retention = self.shared.options.retention;
        let mut record = Record {
            id: SystemRandom::new().bytes(),
            before: self.last(),
            at,
            due: None,
            change,
        };
        let due = self.state().map(|state| state.due);
        if matches!(record.change, Change::Expired { .. }) {
            // Its own day is struck out, so that the next has to be named.
            let mut after = self.state().cloned();
            State::apply(&mut after, record.before + 1, record.clone());
            record.due = after.and_then(|state| state.next_due(&retention));
            if let Some(day) = record.due {
                self.shared.streams.put_down(&self.subjects, day).await?;
            }
        } else if let Some(day) = due_day(&record.change, at, &retention)
            && due.flatten().is_none_or(|known| known > day)
        {
            self.shared.streams.put_down(&self.subjects, day).await?;
            record.due = Some(day);
        }
        Ok(record)
    }

    /// Takes in what has come to stand in the log since; looks for message `id` among that.
    pub(super) async fn look(&mut self, id: Option<[u8; 16]>) -> Result<Found, Silent> {
        if self.loaded.is_none() {
            return self.load().await.map(|()| Found::Anew);
        }
        let (shard, log) = (self.subjects.shard, self.subjects.log.clone());
        let streams = self.shared.streams.clone();
        let Some(newest) = streams.newest(shard, &log).await? else {
            if self.last() > 0 {
                self.set(Loaded::default());
            }
            return Ok(Found::No);
        };
        let until = newest.sequence;
        if until == self.last() {
            return Ok(Found::No);
        }
        let mut found = Found::No;
        while self.last() < until {
            let next = streams.next(shard, &log, self.last() + 1).await?;
            let Some(next) = next else {
                return self.load().await.map(|()| Found::Anew);
            };
            let record = record(&next)?;
            match record.before.cmp(&self.last()) {
                Less => self.void(next.sequence),
                Equal => {
                    if Some(record.id) == id {
                        found = Found::Yes;
                        self.written = next.sequence;
                    }
                    self.fold(next.sequence, record);
                }
                // What stood between has been deleted; something later says what was in it.
                Greater => return self.load().await.map(|()| Found::Anew),
            }
        }
        Ok(found)
    }

    /// One more message that lost a race, and changes nothing.
    pub(super) fn void(&mut self, number: u64) {
        if let Some(loaded) = &mut self.loaded {
            loaded.last = number;
            if let Some(state) = &mut loaded.state {
                state.last = number;
                state.voids.insert(number);
            }
        }
    }

    /// The state after one more message, which listeners are told of.
    pub(super) fn fold(&mut self, number: u64, record: Record) {
        let Some(loaded) = &mut self.loaded else {
            return;
        };
        loaded.last = number;
        let news = State::apply(&mut loaded.state, number, record);
        let feeds = &self.shared.feeds;
        match (&loaded.state, news) {
            (None, _) => feeds.end_channel(&self.channel),
            (Some(state), News::Entry(entry)) => {
                feeds.publish(&self.channel, entry, state.standing_head());
            }
            (Some(state), News::Writers) => {
                feeds.set_writers(&self.channel, std::sync::Arc::clone(&state.writers));
            }
            (Some(_), News::Left(subscriber)) => {
                feeds.end_subscriber(&self.channel, &subscriber);
            }
            (Some(_), News::Nothing) => {}
        }
    }

    /// Housekeeping of whoever has changed something: deletes what is superfluous, and writes a
    /// snapshot where opening the channel would take long without.
    async fn after_change(&mut self) {
        let every = self.shared.options.snapshot_every;
        if self
            .state()
            .is_some_and(|state| state.since >= every.max(state.entries.len() / 16))
        {
            self.write_snapshot().await;
        }
        self.erase_soon();
    }
}

fn unknown<T>(sent: Option<&Sent<T>>) -> StoreError {
    match sent {
        Some(_) => StoreError::Unsure,
        None => StoreError::Unavailable,
    }
}

/// Waits a little; false when there is no more time.
async fn pause(deadline: Instant) -> bool {
    if Instant::now() + PAUSE > deadline {
        return false;
    }
    tokio::time::sleep(PAUSE).await;
    true
}

pub(super) fn record(message: &StreamMessage) -> Result<Record, Silent> {
    Ok(open(&message.payload)?)
}
