//! What each order does, inside the transaction of its batch.
//!
//! Everything is checked before anything is written: an order that is refused leaves no trace,
//! and needs no savepoint of its own. An error of SQLite ends the whole batch.

use std::sync::Arc;

use rusqlite::Result;
use sotto_suite::sign::PublicKey;
use sotto_wire::{Appended, ChainHash, ChannelId, Entry, Lane, Position};
use tokio::sync::oneshot::Sender;

use super::channel::Channel;
use super::writer::{Answer, Work, Writer};
use crate::store::rules::{Bounds, coarse, may_append};
use crate::store::{NewChannel, NewEntry, StoreError, Stored};

impl Writer {
    /// Carries an order out; its answer waits in `answers` for the commit. With `go` false the
    /// batch has failed already, and the order is only put down to be answered so.
    pub(super) fn apply(&mut self, work: Work, answers: &mut Vec<Answer>, go: bool) -> Result<()> {
        macro_rules! carry_out {
            ($answer:ident, $outcome:expr) => {
                finish(
                    answers,
                    $answer,
                    if go {
                        $outcome
                    } else {
                        Ok(Err(StoreError::Unavailable))
                    },
                )
            };
        }
        match work {
            Work::Create(new, answer) => carry_out!(answer, self.create(&new)),
            Work::Append(new, answer) => carry_out!(answer, self.append(new)),
            Work::Signal {
                channel,
                writer,
                answer,
            } => carry_out!(answer, self.signal(&channel, &writer)),
            Work::Attach {
                channel,
                subscriber,
                listener,
                answer,
            } => carry_out!(
                answer,
                self.with(&channel, |_, state| {
                    Ok(state
                        .subscribed(&subscriber)
                        .map(|subscribed| (subscribed, state.standing())))
                })
                .map(|found| {
                    found.map(|(subscribed, standing)| {
                        self.then(move |feeds| {
                            feeds.attach(channel, subscriber, listener, standing)
                        });
                        subscribed
                    })
                })
            ),
            Work::Unsubscribe {
                channel,
                subscriber,
                answer,
            } => carry_out!(answer, self.unsubscribe(channel, subscriber)),
            Work::SetWriter {
                channel,
                admin,
                writer,
                card,
                answer,
            } => {
                carry_out!(
                    answer,
                    self.set_writer(channel, &admin, writer, card.as_deref())
                )
            }
            Work::RevokeWriter {
                channel,
                admin,
                writer,
                answer,
            } => carry_out!(answer, self.revoke_writer(channel, &admin, &writer)),
            Work::Card {
                channel,
                writer,
                answer,
            } => carry_out!(answer, self.card(&channel, &writer)),
            Work::Deposit(deposit, answer) => carry_out!(answer, self.deposit(&deposit)),
            Work::Pool {
                channel,
                admin,
                answer,
            } => carry_out!(answer, self.pool(&channel, &admin)),
            Work::Take {
                channel,
                writer,
                slots,
                answer,
            } => carry_out!(answer, self.take(&channel, &writer, &slots)),
            Work::Delete {
                channel,
                admin,
                answer,
            } => carry_out!(answer, self.delete(channel, &admin)),
            Work::Expire { now, answer } => carry_out!(answer, self.expire(now).map(Ok)),
            Work::Ready { answer } => carry_out!(answer, Ok(Ok(()))),
            Work::Settle { answer } => {
                self.settle_soon();
                carry_out!(answer, Ok(Ok(())))
            }
        }
    }

    /// Calls `then` with a channel's state, from memory or the file.
    pub(super) fn with<T>(
        &mut self,
        id: &ChannelId,
        then: impl FnOnce(&rusqlite::Connection, &mut Channel) -> Result<Stored<T>>,
    ) -> Result<Stored<T>> {
        let file = &self.file;
        match self.memory.get(id, || Channel::load(file, id))? {
            Some(state) => then(file, state),
            None => Ok(Err(StoreError::NotFound)),
        }
    }

    fn create(&mut self, new: &NewChannel) -> Result<Stored<()>> {
        let existing = self.with(&new.channel, |_, state| Ok(Ok(state.admin)))?;
        match existing {
            Ok(admin) if admin == new.admin => return Ok(Ok(())),
            Ok(_) => return Ok(Err(StoreError::Taken)),
            Err(_) => {}
        }
        if new.writers.len().max(new.subscribers.len()) > self.options.channel_keys {
            return Ok(Err(StoreError::Quota));
        }
        if self.count >= self.options.channels {
            return Ok(Err(StoreError::Quota));
        }
        let start = ChainHash::start(&new.channel);
        self.file
            .prepare_cached("INSERT INTO channels (id, admin, base_hash) VALUES (?1, ?2, ?3)")?
            .execute((new.channel.as_bytes(), new.admin.as_bytes(), &start.0))?;
        let no = self.file.last_insert_rowid();
        for writer in &new.writers {
            self.file
                .prepare_cached("INSERT OR IGNORE INTO writers (channel, key) VALUES (?1, ?2)")?
                .execute((no, writer.as_bytes()))?;
        }
        add_subscribers(&self.file, no, &new.subscribers, 0)?;
        self.count += 1;
        Ok(Ok(()))
    }

    fn append(&mut self, new: NewEntry) -> Result<Stored<Appended>> {
        let at = coarse(self.options.clock.now());
        let bounds = Bounds {
            bytes: self.options.channel_bytes,
            reserve_per_hour: self.options.reserve_per_hour,
            keys: self.options.channel_keys,
            at,
            now: self.options.clock.now(),
        };
        let channel = new.channel;
        let mut freed = false;
        let stored = self.with(&channel, |file, state| {
            // A repetition is answered as before, whatever has happened since: the right of who
            // wrote a letter may have ended with it.
            if let Some(at) = state.appends.get(&new.append) {
                return Ok(Ok((appended(file, state.no, *at)?, None)));
            }
            if let Err(error) = state.needs_writer(&new.writer) {
                return Ok(Err(error));
            }
            if let Err(error) = may_append(state.measure(at), &new, &bounds) {
                return Ok(Err(error));
            }
            let position = Position(state.head).next();
            let hash = state.hash.next(position, new.lane, &new.append, &new.body);
            let handshakes = state.handshakes + u64::from(new.lane == Lane::Handshake);
            let read = !state.subscribers.is_empty();
            file.prepare_cached(
                    "INSERT INTO entries (channel, position, append, lane, fence, handshakes, hash, at, gone, size, body)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
                )?
                .execute((
                    state.no,
                    position.0,
                    new.append.as_bytes(),
                    new.lane as u8,
                    new.fence,
                    handshakes,
                    &hash.0,
                    at,
                    (!read).then_some(at),
                    new.body.len(),
                    read.then_some(&new.body),
                ))?;
            state.appends.insert(new.append, position.0);
            if !new.subscribers.is_empty() {
                add_subscribers(file, state.no, &new.subscribers, position.0)?;
                for key in &new.subscribers {
                    state.subscribers.entry(*key).or_insert(position.0);
                }
            }
            if new.fence {
                file.prepare_cached("UPDATE channels SET fenced = 1 WHERE no = ?1")?.execute([state.no])?;
                state.fenced = true;
            }
            (state.head, state.hash, state.handshakes) = (position.0, hash, handshakes);
            if read {
                let len = new.body.len() as u64;
                if state.bytes + len > bounds.bytes {
                    state.reserved = (at, state.reserved_in(at) + len);
                }
                state.bytes += len;
            } else {
                (state.low, freed) = (position.0, true);
            }
            let entry = Entry { position, lane: new.lane, append: new.append, body: new.body, fence: new.fence };
            Ok(Ok((state.standing_head(), Some(Arc::new(entry)))))
        })?;
        self.wipe |= freed;
        Ok(stored.map(|(appended, entry)| {
            if let Some(entry) = entry {
                self.memory.count_append();
                self.then(move |feeds| feeds.publish(&channel, entry, appended));
            }
            appended
        }))
    }

    fn signal(&mut self, channel: &ChannelId, writer: &PublicKey) -> Result<Stored<Appended>> {
        self.with(channel, |_, state| {
            Ok(state.needs_writer(writer).and_then(|()| {
                if state.fenced {
                    Err(StoreError::Fenced)
                } else {
                    Ok(state.standing_head())
                }
            }))
        })
    }

    /// Moves a cursor in memory; the file follows with [`Self::write_cursors`].
    pub(super) fn acknowledge(
        &mut self,
        channel: ChannelId,
        subscriber: PublicKey,
        position: Position,
    ) -> Result<()> {
        let moved = self.with(&channel, |_, state| {
            let to = position.0.min(state.head);
            let cursor = state
                .subscribers
                .get_mut(&subscriber)
                .filter(|cursor| **cursor < to);
            Ok(cursor
                .map(|cursor| *cursor = to)
                .ok_or(StoreError::NotFound))
        })?;
        if moved.is_ok() {
            let keys = self.moved.entry(channel).or_default();
            if !keys.contains(&subscriber) {
                keys.push(subscriber);
            }
        }
        Ok(())
    }

    /// Writes down the cursors that have moved, and lets go of what everybody has acknowledged.
    pub(super) fn write_cursors(&mut self) -> Result<()> {
        for (channel, keys) in std::mem::take(&mut self.moved) {
            let wrote = self.with(&channel, |file, state| {
                let mut update = file.prepare_cached(
                    "UPDATE subscribers SET cursor = ?3 WHERE channel = ?1 AND key = ?2",
                )?;
                for key in keys {
                    if let Some(cursor) = state.subscribers.get(&key) {
                        update.execute((state.no, key.as_bytes(), cursor))?;
                    }
                }
                Ok(Ok(()))
            })?;
            if wrote.is_ok() {
                self.let_go(&channel)?;
            }
        }
        Ok(())
    }

    /// Deletes the bodies of entries that every subscriber has acknowledged.
    fn let_go(&mut self, channel: &ChannelId) -> Result<()> {
        let gone = coarse(self.options.clock.now());
        let freed = self.with(channel, |file, state| {
            let until = state.acknowledged();
            if until <= state.low {
                return Ok(Ok(false));
            }
            let mut free = file.prepare_cached(
                "UPDATE entries SET body = NULL, gone = ?4
                 WHERE channel = ?1 AND position > ?2 AND position <= ?3 AND body IS NOT NULL RETURNING size",
            )?;
            let sizes = free.query_map((state.no, state.low, until, gone), |row| row.get::<_, u64>(0))?;
            for size in sizes {
                state.bytes = state.bytes.saturating_sub(size?);
            }
            state.low = until;
            Ok(Ok(true))
        })?;
        self.wipe |= freed.unwrap_or(false);
        Ok(())
    }

    fn unsubscribe(&mut self, channel: ChannelId, subscriber: PublicKey) -> Result<Stored<()>> {
        let removed = self.with(&channel, |file, state| {
            if state.subscribers.remove(&subscriber).is_none() {
                return Ok(Err(StoreError::NotFound));
            }
            file.prepare_cached("DELETE FROM subscribers WHERE channel = ?1 AND key = ?2")?
                .execute((state.no, subscriber.as_bytes()))?;
            Ok(Ok(()))
        })?;
        if removed.is_ok() {
            self.let_go(&channel)?;
            self.then(move |feeds| feeds.end_subscriber(&channel, &subscriber));
        }
        Ok(removed)
    }

    fn delete(&mut self, channel: ChannelId, admin: &PublicKey) -> Result<Stored<()>> {
        let deleted = self.with(&channel, |file, state| {
            if let Err(error) = state.needs_admin(admin) {
                return Ok(Err(error));
            }
            for table in ["writers", "revoked", "subscribers", "entries", "packages"] {
                file.prepare_cached(&format!("DELETE FROM {table} WHERE channel = ?1"))?
                    .execute([state.no])?;
            }
            file.prepare_cached("DELETE FROM channels WHERE no = ?1")?
                .execute([state.no])?;
            Ok(Ok(()))
        })?;
        if deleted.is_ok() {
            self.count = self.count.saturating_sub(1);
            self.memory.remove(&channel);
            self.moved.remove(&channel);
            self.wipe = true;
            self.then(move |feeds| feeds.end_channel(&channel));
        }
        Ok(deleted)
    }
}

/// What the append that came to stand there was answered.
fn appended(file: &rusqlite::Connection, no: i64, position: u64) -> Result<Appended> {
    file.prepare_cached("SELECT hash FROM entries WHERE channel = ?1 AND position = ?2")?
        .query_row((no, position), |row| {
            Ok(Appended {
                position: Position(position),
                hash: ChainHash(row.get(0)?),
            })
        })
}

fn add_subscribers(
    file: &rusqlite::Connection,
    no: i64,
    keys: &[PublicKey],
    cursor: u64,
) -> Result<()> {
    let mut insert = file.prepare_cached(
        "INSERT OR IGNORE INTO subscribers (channel, key, cursor) VALUES (?1, ?2, ?3)",
    )?;
    for key in keys {
        insert.execute((no, key.as_bytes(), cursor))?;
    }
    Ok(())
}

/// Keeps an outcome for after the commit.
fn finish<T: Send + 'static>(
    answers: &mut Vec<Answer>,
    answer: Sender<Stored<T>>,
    outcome: Result<Stored<T>>,
) -> Result<()> {
    let (stored, result) = match outcome {
        Ok(stored) => (stored, Ok(())),
        Err(error) => (Err(StoreError::Unavailable), Err(error)),
    };
    answers.push(Box::new(move |batch| {
        // Whoever asked may have gone.
        let _ = answer.send(batch.and(stored));
    }));
    result
}
