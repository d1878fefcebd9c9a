//! A channel's state: what its log amounts to, and nothing else.
//!
//! [`State::apply`] never refuses. Whether a change is allowed was decided by whoever wrote it, on
//! the state that stood right before it; that is what the log's sequence check is for.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use sotto_suite::sign::PublicKey;
use sotto_wire::{
    AppendId, Appended, ChainHash, ChannelId, Entry, Lane, Position, SlotId, SlotStatus, Subscribed,
};

use super::event::{Base, Change, Record, Trace};
use crate::feed::Standing;
use crate::store::rules::Measure;
use crate::store::{REVOKED_KEPT, Seconds, StoreError, Stored};

/// An entry of which something is remembered.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) trace: Trace,
    pub(super) kept: Kept,
}

/// Where an entry's body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// In the message of this number.
    Live(u64),
    /// Gone since then.
    Gone(Seconds),
}

/// Key packages of one slot, by the numbers of their messages.
#[derive(Clone, Debug, Default)]
pub(super) struct Slot {
    /// Oldest first, each with its age.
    pub(super) packages: VecDeque<(u64, Seconds)>,
    pub(super) last_resort: Option<u64>,
}

/// What is known of one channel.
#[derive(Clone, Debug)]
pub(super) struct State {
    /// The newest message of the log.
    pub(super) last: u64,
    pub(super) admin: PublicKey,
    pub(super) writers: Arc<HashSet<PublicKey>>,
    /// The oldest first.
    pub(super) revoked: VecDeque<PublicKey>,
    /// Numbers of the messages that hold them.
    pub(super) cards: HashMap<PublicKey, u64>,
    pub(super) subscribers: HashMap<PublicKey, u64>,
    pub(super) head: u64,
    pub(super) hash: ChainHash,
    pub(super) handshakes: u64,
    pub(super) fenced: bool,
    /// Before and with it nothing is remembered.
    pub(super) base: Base,
    pub(super) entries: BTreeMap<u64, Known>,
    /// Positions of those that are live.
    pub(super) live: BTreeSet<u64>,
    pub(super) ids: HashMap<AppendId, u64>,
    /// Bytes of live bodies.
    pub(super) bytes: u64,
    pub(super) pool: BTreeMap<SlotId, Slot>,
    /// Packages in no slot: on their way into one, or left behind by a deposit that failed.
    pub(super) staged: BTreeMap<u64, Seconds>,
    /// Day for which the channel is put down.
    pub(super) due: Option<u64>,
    /// Messages that hold nothing but what the next snapshot will hold.
    pub(super) spent: Vec<u64>,
    /// Messages that are to be deleted.
    pub(super) trash: BTreeSet<u64>,
    /// Messages that are void. They are deleted before anything else: one that raced with a message
    /// that is gone could be taken for its successor.
    pub(super) voids: BTreeSet<u64>,
    /// The newest snapshot's message; 0 for none.
    pub(super) snapshot: u64,
    /// Further messages that hold that snapshot.
    pub(super) parts: Vec<u64>,
    /// Messages since the last snapshot.
    pub(super) since: usize,
}

/// What listeners have to be told of a change.
#[derive(Debug)]
pub(super) enum News {
    Nothing,
    Entry(Arc<Entry>),
    Writers,
    Left(PublicKey),
}

/// Entries, and subscribers added by them, named as gone in one message: half a megabyte at most.
const NAMED: usize = 2048;

/// As many as one message can name, and whether there are more.
pub(super) fn some_of<'a>(gone: impl Iterator<Item = &'a Known>) -> (Vec<Trace>, bool) {
    let (mut some, mut named) = (Vec::new(), 0);
    for known in gone {
        named += 1 + known.trace.subscribers.len();
        if named > NAMED && !some.is_empty() {
            return (some, true);
        }
        some.push(known.trace.clone());
    }
    (some, false)
}

impl State {
    /// A channel that has just been made by message `last`.
    fn fresh(last: u64, admin: PublicKey, start: ChainHash) -> Self {
        Self {
            last,
            admin,
            writers: Arc::default(),
            revoked: VecDeque::new(),
            cards: HashMap::new(),
            subscribers: HashMap::new(),
            head: 0,
            hash: start,
            handshakes: 0,
            fenced: false,
            base: Base {
                position: Position(0),
                hash: start,
                handshakes: 0,
            },
            entries: BTreeMap::new(),
            live: BTreeSet::new(),
            ids: HashMap::new(),
            bytes: 0,
            pool: BTreeMap::new(),
            staged: BTreeMap::new(),
            due: None,
            spent: Vec::new(),
            trash: BTreeSet::new(),
            voids: BTreeSet::new(),
            snapshot: 0,
            parts: Vec::new(),
            since: 0,
        }
    }

    /// The state after message `number`, which is not void.
    pub(super) fn apply(state: &mut Option<Self>, number: u64, record: Record) -> News {
        if let Change::Created {
            admin,
            writers,
            subscribers,
            start,
        } = record.change
        {
            let mut made = Self::fresh(number, admin, start);
            made.writers = Arc::new(writers.into_iter().collect());
            made.subscribers = subscribers.into_iter().map(|key| (key, 0)).collect();
            made.due = record.due;
            made.spent.push(number);
            *state = Some(made);
            return News::Nothing;
        }
        if matches!(record.change, Change::Deleted) {
            *state = None;
            return News::Nothing;
        }
        match state {
            Some(state) => state.change(number, record),
            None => News::Nothing,
        }
    }

    fn change(&mut self, number: u64, record: Record) -> News {
        self.last = number;
        self.since += 1;
        if let Some(day) = record.due {
            self.due = Some(self.due.map_or(day, |earlier| earlier.min(day)));
        }
        let mut holds_bytes = false;
        let news = match record.change {
            Change::Created { .. } | Change::Deleted => News::Nothing,
            Change::Snapshot { parts, .. } => {
                holds_bytes = true;
                self.since = 0;
                self.trash.extend(self.spent.drain(..));
                if self.snapshot > 0 {
                    self.trash.insert(self.snapshot);
                }
                self.trash.extend(std::mem::replace(&mut self.parts, parts));
                self.snapshot = number;
                News::Nothing
            }
            Change::Appended { trace, body } => match body {
                Some(body) => {
                    holds_bytes = true;
                    let entry = Entry {
                        position: trace.position,
                        lane: trace.lane,
                        append: trace.append,
                        body: body.0,
                        fence: trace.fence,
                    };
                    self.remember(trace, Kept::Live(number));
                    News::Entry(Arc::new(entry))
                }
                None => {
                    self.remember(trace, Kept::Gone(record.at));
                    News::Nothing
                }
            },
            Change::Acknowledged { cursors, gone } => {
                for cursor in cursors {
                    if let Some(at) = self.subscribers.get_mut(&cursor.subscriber) {
                        *at = cursor.position.max(*at);
                    }
                }
                self.let_go(gone, record.at);
                News::Nothing
            }
            Change::Unsubscribed { subscriber, gone } => {
                self.subscribers.remove(&subscriber);
                self.let_go(gone, record.at);
                News::Left(subscriber)
            }
            Change::WriterSet { writer, card } => {
                Arc::make_mut(&mut self.writers).insert(writer);
                self.revoked.retain(|key| *key != writer);
                if card.is_some() {
                    holds_bytes = true;
                    let replaced = self.cards.insert(writer, number);
                    self.trash.extend(replaced);
                }
                News::Writers
            }
            Change::WriterRevoked { writer } => {
                Arc::make_mut(&mut self.writers).remove(&writer);
                if self.revoked.len() >= REVOKED_KEPT {
                    self.revoked.pop_front();
                }
                self.revoked.push_back(writer);
                self.trash.extend(self.cards.remove(&writer));
                News::Writers
            }
            Change::Packaged { .. } => {
                holds_bytes = true;
                self.staged.insert(number, record.at);
                News::Nothing
            }
            Change::Deposited {
                slot,
                packages,
                last_resort,
            } => {
                for package in packages.iter().chain(&last_resort) {
                    self.staged.remove(package);
                }
                let slot = self.pool.entry(slot).or_default();
                slot.packages
                    .extend(packages.into_iter().map(|package| (package, record.at)));
                if last_resort.is_some() {
                    self.trash
                        .extend(std::mem::replace(&mut slot.last_resort, last_resort));
                }
                News::Nothing
            }
            Change::Taken { packages } => {
                self.drop_packages(packages);
                News::Nothing
            }
            Change::Expired {
                gone,
                packages,
                base,
            } => {
                self.due = record.due;
                self.let_go(gone, record.at);
                self.drop_packages(packages);
                if let Some(base) = base {
                    let stays = self.entries.split_off(&base.position.next().0);
                    for known in std::mem::replace(&mut self.entries, stays).into_values() {
                        self.ids.remove(&known.trace.append);
                    }
                    self.base = base;
                }
                News::Nothing
            }
        };
        if !holds_bytes {
            self.spent.push(number);
        }
        news
    }

    /// An entry is known from now on; also one whose own message has been deleted already.
    fn remember(&mut self, trace: Trace, kept: Kept) {
        let position = trace.position.0;
        for key in &trace.subscribers {
            self.subscribers.entry(*key).or_insert(position);
        }
        if position > self.head {
            (self.head, self.hash, self.handshakes) = (position, trace.hash, trace.handshakes);
        }
        self.fenced |= trace.fence;
        self.ids.insert(trace.append, position);
        if matches!(kept, Kept::Live(_)) {
            self.bytes += trace.size;
            self.live.insert(position);
        }
        self.entries.insert(position, Known { trace, kept });
    }

    fn let_go(&mut self, gone: Vec<Trace>, at: Seconds) {
        for trace in gone {
            match self.entries.get_mut(&trace.position.0) {
                Some(known) => {
                    if let Kept::Live(number) = known.kept {
                        known.kept = Kept::Gone(at);
                        // Whom it added is in the list of subscribers.
                        known.trace.subscribers = Vec::new();
                        self.live.remove(&trace.position.0);
                        self.bytes = self.bytes.saturating_sub(trace.size);
                        self.trash.insert(number);
                    }
                }
                None if trace.position > self.base.position => {
                    self.remember(trace, Kept::Gone(at));
                }
                None => {}
            }
        }
    }

    fn drop_packages(&mut self, packages: Vec<u64>) {
        for slot in self.pool.values_mut() {
            slot.packages
                .retain(|(package, _)| !packages.contains(package));
        }
        self.pool
            .retain(|_, slot| !slot.packages.is_empty() || slot.last_resort.is_some());
        for package in &packages {
            self.staged.remove(package);
        }
        self.trash.extend(packages);
    }

    /// The newest entry.
    pub(super) fn standing_head(&self) -> Appended {
        Appended {
            position: Position(self.head),
            hash: self.hash,
        }
    }

    pub(super) fn standing(&self) -> Standing {
        Standing {
            writers: Arc::clone(&self.writers),
            head: self.standing_head(),
            fenced: self.fenced,
        }
    }

    pub(super) fn subscribed(&self, subscriber: &PublicKey) -> Stored<Subscribed> {
        let cursor = *self
            .subscribers
            .get(subscriber)
            .ok_or(StoreError::NotFound)?;
        Ok(Subscribed {
            cursor: Position(cursor),
            head: Position(self.head),
            handshakes: self.handshakes,
            fenced: self.fenced,
        })
    }

    pub(super) fn needs_admin(&self, key: &PublicKey) -> Stored<()> {
        (self.admin == *key)
            .then_some(())
            .ok_or(StoreError::NotFound)
    }

    pub(super) fn needs_writer(&self, key: &PublicKey) -> Stored<()> {
        (self.writers.contains(key))
            .then_some(())
            .ok_or(StoreError::NotFound)
    }

    /// With `bytes` for all but handshakes, what of the handshakes' own room is in use by those of
    /// this hour.
    pub(super) fn measure(&self, hour: Seconds, bytes: u64) -> Measure {
        let over = self.bytes.saturating_sub(bytes);
        let newest = || self.entries.values().rev().map(|known| &known.trace);
        let handshakes = || {
            newest()
                .take_while(|trace| trace.at >= hour)
                .filter(|trace| trace.lane == Lane::Handshake)
        };
        let reserved = match over {
            0 => 0,
            _ => handshakes().map(|trace| trace.size).sum::<u64>().min(over),
        };
        Measure {
            fenced: self.fenced,
            handshakes: self.handshakes,
            bytes: self.bytes,
            reserved,
            subscribers: self.subscribers.len(),
        }
    }

    /// The answer to the first append with this id.
    pub(super) fn repeated(&self, append: &AppendId) -> Option<Appended> {
        let known = self.entries.get(self.ids.get(append)?)?;
        Some(Appended {
            position: known.trace.position,
            hash: known.trace.hash,
        })
    }

    pub(super) fn slots(&self) -> Vec<SlotStatus> {
        let slots = self.pool.iter().map(|(slot, held)| SlotStatus {
            slot: *slot,
            packages: u32::try_from(held.packages.len()).unwrap_or(u32::MAX),
            last_resort: held.last_resort.is_some(),
        });
        slots.collect()
    }

    /// Live entries that nobody will read once cursors stand at `cursors` for
    /// those named there. Whoever is added later starts at its own entry, so with no subscriber
    /// that is everything.
    pub(super) fn acknowledged(
        &self,
        cursors: &HashMap<PublicKey, u64>,
        without: Option<&PublicKey>,
    ) -> Vec<Trace> {
        let until = self
            .subscribers
            .iter()
            .filter(|(key, _)| Some(*key) != without)
            .map(|(key, cursor)| cursors.get(key).copied().unwrap_or(0).max(*cursor))
            .min()
            .unwrap_or(self.head);
        let gone = self.live.range(..=until);
        some_of(gone.filter_map(|position| self.entries.get(position))).0
    }

    /// All messages that are known: with them the channel goes.
    pub(super) fn messages(&self) -> Vec<u64> {
        let live = self.entries.values().filter_map(|known| match known.kept {
            Kept::Live(number) => Some(number),
            Kept::Gone(_) => None,
        });
        let pool = self.pool.values().flat_map(|slot| {
            slot.packages
                .iter()
                .map(|(package, _)| *package)
                .chain(slot.last_resort)
        });
        live.chain(pool)
            .chain(self.cards.values().copied())
            .chain(self.staged.keys().copied())
            .chain(self.trash.iter().copied())
            .chain(self.spent.iter().copied())
            .chain(self.parts.iter().copied())
            .chain((self.snapshot > 0).then_some(self.snapshot))
            .collect()
    }

    /// Hash before the first entry.
    pub(super) fn start(channel: &ChannelId) -> ChainHash {
        ChainHash::start(channel)
    }
}
