//! What each order does to a channel.

use std::collections::HashMap;

use sotto_suite::sign::PublicKey;
use sotto_wire::{Appended, Lane, PackageOffer, Position, SlotId, SlotStatus, limits};
use tokio::time::Instant;

use super::actor::{Actor, Loaded};
use super::commit::Step;
use super::event::{Body, Change, Cursor, Record, Trace};
use super::state::State;
use crate::jetstream::open;
use crate::store::rules::{Bounds, coarse, may_append};
use crate::store::{Deposit, NewChannel, NewEntry, StoreError, Stored};

/// The state of a channel that is there.
pub(super) fn there(state: Option<&State>) -> Stored<&State> {
    state.ok_or(StoreError::NotFound)
}

impl Actor {
    pub(super) async fn create(&mut self, since: Instant, new: &NewChannel) -> Stored<()> {
        let shared = std::sync::Arc::clone(&self.shared);
        let keys = shared.options.channel_keys;
        let start = State::start(&self.channel);
        self.commit(since, |state| match state {
            Some(state) if state.admin == new.admin => Ok(Step::Done(())),
            Some(_) => Err(StoreError::Taken),
            None if new.writers.len().max(new.subscribers.len()) > keys => Err(StoreError::Quota),
            None if shared.count.full(shared.options.channels) => Err(StoreError::Quota),
            None => Ok(Step::Write(
                Change::Created {
                    admin: new.admin,
                    writers: new.writers.clone(),
                    subscribers: new.subscribers.clone(),
                    start,
                },
                (),
            )),
        })
        .await
    }

    pub(super) async fn append(&mut self, since: Instant, new: NewEntry) -> Stored<Appended> {
        let options = &self.shared.options;
        let now = options.clock.now();
        let at = coarse(now);
        let bounds = Bounds {
            bytes: options.channel_bytes,
            reserve_per_hour: options.reserve_per_hour,
            keys: options.channel_keys,
            at,
            now,
        };
        self.commit(since, |state| {
            let state = there(state)?;
            // A repetition is answered as before, whatever has happened since: the right of who
            // wrote a letter may have ended with it.
            if let Some(again) = state.repeated(&new.append) {
                return Ok(Step::Done(again));
            }
            state.needs_writer(&new.writer)?;
            may_append(state.measure(at, bounds.bytes), &new, &bounds)?;
            let position = Position(state.head).next();
            let hash = state.hash.next(position, new.lane, &new.append, &new.body);
            let trace = Trace {
                position,
                lane: new.lane,
                append: new.append,
                fence: new.fence,
                handshakes: state.handshakes + u64::from(new.lane == Lane::Handshake),
                hash,
                at,
                size: new.body.len() as u64,
                subscribers: new.subscribers.clone(),
            };
            // Who is added by it starts after it: with nobody else there, nobody will read it.
            let read = !state.subscribers.is_empty();
            let body = read.then(|| Body(new.body.clone()));
            Ok(Step::Write(
                Change::Appended { trace, body },
                Appended { position, hash },
            ))
        })
        .await
    }

    /// Where a channel stands for an ephemeral entry, which is handed to those who listen here.
    pub(super) async fn signal(
        &mut self,
        since: Instant,
        writer: &PublicKey,
        body: Vec<u8>,
    ) -> Stored<Appended> {
        let head = self
            .commit(since, |state| {
                let state = there(state)?;
                state.needs_writer(writer)?;
                if state.fenced {
                    return Err(StoreError::Fenced);
                }
                Ok(Step::Done(state.standing_head()))
            })
            .await?;
        let feeds = &self.shared.feeds;
        let _ = feeds.signal(&self.channel, body, |_| Ok::<_, ()>(head));
        Ok(head)
    }

    pub(super) async fn unsubscribe(
        &mut self,
        since: Instant,
        subscriber: PublicKey,
    ) -> Stored<()> {
        let moved = self.moved.clone();
        self.commit(since, |state| {
            let state = there(state)?;
            if !state.subscribers.contains_key(&subscriber) {
                return Err(StoreError::NotFound);
            }
            let gone = state.acknowledged(&moved, Some(&subscriber));
            Ok(Step::Write(Change::Unsubscribed { subscriber, gone }, ()))
        })
        .await?;
        self.moved.remove(&subscriber);
        self.here.remove(&subscriber);
        self.let_go_of_more().await;
        Ok(())
    }

    pub(super) async fn set_writer(
        &mut self,
        since: Instant,
        admin: &PublicKey,
        writer: PublicKey,
        card: Option<Vec<u8>>,
    ) -> Stored<()> {
        let keys = self.shared.options.channel_keys;
        let card = card.map(Body);
        self.commit(since, |state| {
            let state = there(state)?;
            state.needs_admin(admin)?;
            if !state.writers.contains(&writer) && state.writers.len() >= keys {
                return Err(StoreError::Quota);
            }
            let card = card.clone();
            Ok(Step::Write(Change::WriterSet { writer, card }, ()))
        })
        .await
    }

    pub(super) async fn revoke_writer(
        &mut self,
        since: Instant,
        admin: &PublicKey,
        writer: PublicKey,
    ) -> Stored<()> {
        self.commit(since, |state| {
            let state = there(state)?;
            state.needs_admin(admin)?;
            if state.writers.contains(&writer) {
                Ok(Step::Write(Change::WriterRevoked { writer }, ()))
            } else {
                Ok(Step::Done(()))
            }
        })
        .await
    }

    pub(super) async fn card(&mut self, since: Instant, writer: &PublicKey) -> Stored<Vec<u8>> {
        let message = self
            .commit(since, |state| {
                let state = there(state)?;
                let card = state.cards.get(writer).copied();
                card.map(Step::Done)
                    .ok_or(match state.revoked.contains(writer) {
                        true => StoreError::Revoked,
                        false => StoreError::NotFound,
                    })
            })
            .await?;
        let change = self.change(message).await.ok_or(StoreError::Unavailable)?;
        match change {
            Change::WriterSet {
                card: Some(card), ..
            } => Ok(card.0),
            _ => Err(StoreError::Unavailable),
        }
    }

    /// Each package is a message of its own, so that it can be deleted when it has been handed out;
    /// they count when one more message says so.
    pub(super) async fn deposit(&mut self, since: Instant, deposit: Deposit) -> Stored<()> {
        let most = self.shared.options.slot_packages as usize;
        let Deposit {
            admin,
            slot,
            packages,
            last_resort,
            ..
        } = deposit;
        let count = packages.len();
        let room = |state: &State| {
            let here = state.pool.get(&slot).map_or(0, |slot| slot.packages.len());
            let others = state.pool.len() - usize::from(state.pool.contains_key(&slot));
            let fits = here + count <= most && others < limits::MAX_POOL_SLOTS;
            fits.then_some(()).ok_or(StoreError::Quota)
        };
        let mut staged = Vec::new();
        for package in packages.into_iter().chain(last_resort.clone()) {
            let package = Body(package);
            let put = self.commit(since, |state| {
                let state = there(state)?;
                state.needs_admin(&admin)?;
                room(state)?;
                let package = package.clone();
                Ok(Step::Write(Change::Packaged { package }, ()))
            });
            // A package in no slot is as good as none.
            put.await.map_err(|error| match error {
                StoreError::Unsure => StoreError::Unavailable,
                error => error,
            })?;
            staged.push(self.written);
        }
        let last = last_resort.and_then(|_| staged.pop());
        self.commit(since, |state| {
            let state = there(state)?;
            state.needs_admin(&admin)?;
            room(state)?;
            if staged.is_empty() && last.is_none() {
                return Ok(Step::Done(()));
            }
            let change = Change::Deposited {
                slot,
                packages: staged.clone(),
                last_resort: last,
            };
            Ok(Step::Write(change, ()))
        })
        .await
    }

    pub(super) async fn pool(
        &mut self,
        since: Instant,
        admin: &PublicKey,
    ) -> Stored<Vec<SlotStatus>> {
        self.commit(since, |state| {
            let state = there(state)?;
            state.needs_admin(admin)?;
            Ok(Step::Done(state.slots()))
        })
        .await
    }

    /// Packages are read first and taken then, for one that is taken is deleted.
    pub(super) async fn take(
        &mut self,
        since: Instant,
        writer: &PublicKey,
        slots: &[SlotId],
    ) -> Stored<Vec<PackageOffer>> {
        /// Slot, message, and whether that is the last resort.
        type Picked = Vec<(SlotId, u64, bool)>;
        let pick = |state: Option<&State>| -> Stored<Picked> {
            let state = there(state)?;
            state.needs_writer(writer)?;
            let mut picked: Picked = Vec::new();
            for slot in slots {
                let Some(held) = state.pool.get(slot) else {
                    continue;
                };
                if picked.iter().any(|(one, ..)| one == slot) {
                    continue;
                }
                let package = held.packages.front().map(|(package, _)| (*package, false));
                let package = package.or(held.last_resort.map(|package| (package, true)));
                picked.extend(package.map(|(package, last)| (*slot, package, last)));
            }
            Ok(picked)
        };
        loop {
            let picked = self
                .commit(since, |state| pick(state).map(Step::Done))
                .await?;
            let mut offers = Vec::new();
            for (slot, message, last_resort) in &picked {
                let change = self.change(*message).await;
                if let Some(Change::Packaged { package }) = change {
                    offers.push(PackageOffer {
                        slot: *slot,
                        package: package.0,
                        last_resort: *last_resort,
                    });
                }
            }
            let taken: Vec<u64> = picked
                .iter()
                .filter(|(.., last_resort)| !last_resort)
                .map(|(_, message, _)| *message)
                .collect();
            let complete = offers.len() == picked.len();
            let done = self
                .commit(since, |state| {
                    let same = pick(state)? == picked && complete;
                    Ok(match same {
                        false => Step::Done(false),
                        true if taken.is_empty() => Step::Done(true),
                        true => {
                            let packages = taken.clone();
                            Step::Write(Change::Taken { packages }, true)
                        }
                    })
                })
                .await?;
            if done {
                return Ok(offers);
            }
            // Somebody else has taken one meanwhile.
            if since.elapsed() > self.shared.options.patience {
                return Err(StoreError::Unavailable);
            }
        }
    }

    pub(super) async fn delete(&mut self, since: Instant, admin: &PublicKey) -> Stored<()> {
        let messages = self
            .commit(since, |state| {
                let state = there(state)?;
                state.needs_admin(admin)?;
                Ok(Step::Write(Change::Deleted, state.messages()))
            })
            .await?;
        self.moved.clear();
        self.moved_since = None;
        self.here.clear();
        self.clear_away(messages).await;
        Ok(())
    }

    /// Takes out of the streams what a deleted channel has left there, its address last. What does
    /// not work now is done when the channel is looked at next.
    pub(super) async fn clear_away(&mut self, messages: Vec<u64>) {
        let (shard, before) = (self.subjects.shard, self.last() + 1);
        let streams = self.shared.streams.clone();
        let (_, left) = self.shared.erase_all(shard, Vec::new(), messages).await;
        let mut cleared = left.is_empty() && streams.drop_hint(&self.subjects).await.is_ok();
        for subject in [&self.subjects.parts, &self.subjects.log] {
            cleared = cleared && streams.purge(shard, subject, before).await.is_ok();
        }
        if cleared {
            self.replace(Some(Loaded::default()));
        }
    }

    /// Cursors that are ahead of the log.
    pub(super) async fn acknowledge(&mut self, subscriber: PublicKey, position: Position) {
        let known = self.state().is_some_and(|state| {
            state.head >= position.0 && state.subscribers.contains_key(&subscriber)
        });
        // An entry that another process has taken may not be known here yet.
        if !known && (self.ear.is_none() || self.loaded.is_none()) && self.look(None).await.is_err()
        {
            return;
        }
        let Some(state) = self.state() else { return };
        let Some(cursor) = state.subscribers.get(&subscriber) else {
            return;
        };
        let to = position.0.min(state.head);
        if to > *cursor {
            let moved = self.moved.entry(subscriber).or_insert(to);
            *moved = to.max(*moved);
            self.moved_since.get_or_insert(Instant::now());
        }
    }

    /// Writes cursors down, and lets go of what everybody has acknowledged.
    pub(super) async fn flush(&mut self) -> Stored<()> {
        if self.moved_since.is_none() {
            return Ok(());
        }
        // Not before as long again, should it not work.
        self.moved_since = Some(Instant::now());
        let moved = self.moved.clone();
        let written = self
            .commit(Instant::now(), |state| acknowledged(there(state)?, &moved))
            .await;
        match written {
            Ok(()) | Err(StoreError::NotFound) => {
                self.moved.clear();
                self.moved_since = None;
                self.let_go_of_more().await;
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// The rest, where one message could not name all.
    pub(super) async fn let_go_of_more(&mut self) {
        let none = HashMap::new();
        while self
            .state()
            .is_some_and(|state| !state.acknowledged(&none, None).is_empty())
        {
            let more = self.commit(Instant::now(), |state| acknowledged(there(state)?, &none));
            if more.await.is_err() {
                return;
            }
        }
    }

    /// Writes down what is still in memory, and deletes what is superfluous.
    pub(super) async fn settle(&mut self) -> Stored<()> {
        self.flush().await?;
        if self
            .state()
            .is_some_and(|state| state.voids.contains(&state.last))
        {
            self.nothing().await?;
        }
        let Some(state) = self.state() else {
            return Ok(());
        };
        let voids = state.voids.iter().copied().collect();
        let trash = state.trash.iter().copied().collect();
        let shard = self.subjects.shard;
        let (gone, left) = self.shared.erase_all(shard, voids, trash).await;
        self.forget_trash(&gone);
        self.tell_erased(gone).await;
        if left.is_empty() {
            Ok(())
        } else {
            Err(StoreError::Unavailable)
        }
    }

    /// Writes that nothing has changed.
    pub(super) async fn nothing(&mut self) -> Stored<()> {
        self.commit(Instant::now(), |state| {
            there(state)?;
            let (cursors, gone) = (Vec::new(), Vec::new());
            Ok(Step::Write(Change::Acknowledged { cursors, gone }, ()))
        })
        .await
    }

    /// A message's change.
    pub(super) async fn change(&self, message: u64) -> Option<Change> {
        let streams = &self.shared.streams;
        let message = streams.message(self.subjects.shard, message).await.ok()??;
        let record: Record = open(&message.payload).ok()?;
        Some(record.change)
    }
}

fn acknowledged(state: &State, moved: &HashMap<PublicKey, u64>) -> Stored<Step<()>> {
    let cursors: Vec<Cursor> = moved
        .iter()
        .filter(|(key, position)| state.subscribers.get(*key).is_some_and(|at| at < *position))
        .map(|(key, position)| Cursor {
            subscriber: *key,
            position: *position,
        })
        .collect();
    let gone = state.acknowledged(moved, None);
    if cursors.is_empty() && gone.is_empty() {
        return Ok(Step::Done(()));
    }
    Ok(Step::Write(Change::Acknowledged { cursors, gone }, ()))
}
