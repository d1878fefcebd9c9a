//! One channel: its log, its readers, and what lies beside it in an inbox.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use sotto_suite::sign::PublicKey;
use sotto_wire::{
    AppendId, Appended, ChainHash, ChannelId, Delivered, Entry, Gap, Lane, Position, RefusalCode,
    SlotId, limits,
};

const DAY: u64 = 86_400_000;
/// How long a chat entry is kept, in milliseconds.
const CHAT_KEPT: u64 = 30 * DAY;
/// The same for handshakes.
const HANDSHAKE_KEPT: u64 = 90 * DAY;
/// How long the id of an entry that has gone is remembered, in milliseconds.
const ID_KEPT: u64 = 30 * DAY;
/// Packages that one slot holds.
const SLOT_HOLDS: usize = 200;

/// Packages, oldest first, and the last resort.
type Slot = (VecDeque<Vec<u8>>, Option<Vec<u8>>);

/// An entry with the time at which it came.
#[derive(Clone, Debug)]
struct Kept {
    entry: Entry,
    since: u64,
}

/// What stood at a position, once the entry itself may be gone.
#[derive(Clone, Copy, Debug)]
struct Trace {
    hash: ChainHash,
    handshakes: u64,
}

/// Entries that went by age before this reader had acknowledged them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost {
    /// The channel.
    pub channel: ChannelId,
    /// Who can't read it any more.
    pub subscriber: PublicKey,
    /// Where it stood.
    pub position: Position,
    /// In which lane.
    pub lane: Lane,
}

/// A reader's place: what it has acknowledged, and how much of that has been written down.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cursor {
    pub(crate) acknowledged: u64,
    written: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct Channel {
    pub(crate) admin: PublicKey,
    pub(crate) writers: HashSet<[u8; 32]>,
    pub(crate) revoked: HashSet<[u8; 32]>,
    pub(crate) cursors: BTreeMap<[u8; 32], Cursor>,
    entries: BTreeMap<u64, Kept>,
    traces: Vec<Trace>,
    /// With the time at which the entry went, once it has.
    appended: HashMap<AppendId, (Appended, Option<u64>)>,
    start: ChainHash,
    pub(crate) fenced: bool,
    pub(crate) cards: HashMap<[u8; 32], Vec<u8>>,
    pub(crate) pool: BTreeMap<SlotId, Slot>,
}

/// An entry that a writer wants to add.
pub(crate) struct Wanted {
    pub(crate) lane: Lane,
    pub(crate) append: AppendId,
    pub(crate) handshakes: u64,
    pub(crate) body: Vec<u8>,
    pub(crate) subscribers: Vec<PublicKey>,
    pub(crate) fence: bool,
}

impl Channel {
    pub(crate) fn new(
        id: &ChannelId,
        admin: PublicKey,
        writers: Vec<PublicKey>,
        subscribers: Vec<PublicKey>,
    ) -> Self {
        Self {
            admin,
            writers: writers.into_iter().map(|key| key.0).collect(),
            revoked: HashSet::new(),
            cursors: subscribers
                .into_iter()
                .map(|key| (key.0, Cursor::default()))
                .collect(),
            entries: BTreeMap::new(),
            traces: Vec::new(),
            appended: HashMap::new(),
            start: ChainHash::start(id),
            fenced: false,
            cards: HashMap::new(),
            pool: BTreeMap::new(),
        }
    }

    pub(crate) fn head(&self) -> u64 {
        self.traces.len() as u64
    }

    pub(crate) fn handshakes(&self) -> u64 {
        self.traces.last().map_or(0, |trace| trace.handshakes)
    }

    fn hash(&self) -> ChainHash {
        self.traces.last().map_or(self.start, |trace| trace.hash)
    }

    fn appended_at_head(&self) -> Appended {
        Appended {
            position: Position(self.head()),
            hash: self.hash(),
        }
    }

    /// The place of an entry that is there already, or was.
    pub(crate) fn repeated(&self, append: &AppendId) -> Option<Appended> {
        self.appended.get(append).map(|(before, _)| *before)
    }

    /// Everything that can be said before something is stored.
    pub(crate) fn admits(&self, wanted: &Wanted) -> Result<Option<Appended>, RefusalCode> {
        if self.fenced {
            return Err(RefusalCode::Fenced);
        }
        let behind = self.handshakes().checked_sub(wanted.handshakes);
        match (wanted.lane, behind) {
            (Lane::Ephemeral, _) => Ok(Some(self.appended_at_head())),
            (Lane::Handshake, Some(0)) => Ok(None),
            (Lane::Chat, Some(behind)) if behind <= limits::MAX_HANDSHAKES_BEHIND => Ok(None),
            _ => Err(RefusalCode::Stale),
        }
    }

    pub(crate) fn append(&mut self, wanted: Wanted, now: u64) -> Appended {
        let position = Position(self.head() + 1);
        let hash = self
            .hash()
            .next(position, wanted.lane, &wanted.append, &wanted.body);
        let handshakes = self.handshakes() + u64::from(wanted.lane == Lane::Handshake);
        self.traces.push(Trace { hash, handshakes });
        self.fenced |= wanted.fence;
        for key in wanted.subscribers {
            self.cursors.entry(key.0).or_insert(Cursor {
                acknowledged: position.0,
                written: position.0,
            });
        }
        let appended = Appended { position, hash };
        self.appended.insert(wanted.append, (appended, None));
        let entry = Entry {
            position,
            lane: wanted.lane,
            append: wanted.append,
            body: wanted.body,
            fence: wanted.fence,
        };
        self.entries.insert(position.0, Kept { entry, since: now });
        self.forget_read(now);
        appended
    }

    /// What a reader is handed after `position`: the next entry, or a gap up to it.
    pub(crate) fn after(&self, position: u64) -> Option<Delivered> {
        if position >= self.head() {
            return None;
        }
        match self.entries.range(position + 1..).next() {
            Some((at, kept)) if *at == position + 1 => Some(Delivered::Entry(kept.entry.clone())),
            Some((at, _)) => self.gap(at - 1),
            None => self.gap(self.head()),
        }
    }

    fn gap(&self, until: u64) -> Option<Delivered> {
        let index = usize::try_from(until.checked_sub(1)?).ok()?;
        let trace = self.traces.get(index)?;
        Some(Delivered::Gap(Gap {
            until: Position(until),
            hash: trace.hash,
            handshakes: trace.handshakes,
        }))
    }

    pub(crate) fn acknowledge(&mut self, subscriber: &PublicKey, position: Position) {
        let head = self.head();
        if let Some(cursor) = self.cursors.get_mut(&subscriber.0) {
            cursor.acknowledged = cursor.acknowledged.max(position.0.min(head));
        }
    }

    /// Cursors reach the disk, and with them entries go that everybody has read.
    pub(crate) fn write_cursors(&mut self, now: u64) {
        for cursor in self.cursors.values_mut() {
            cursor.written = cursor.acknowledged;
        }
        self.forget_read(now);
    }

    /// What a crash leaves of the cursors.
    pub(crate) fn crash(&mut self) {
        for cursor in self.cursors.values_mut() {
            cursor.acknowledged = cursor.written;
        }
    }

    fn forget_read(&mut self, now: u64) {
        let all = self.cursors.values().map(|cursor| cursor.written).min();
        let all = all.unwrap_or(u64::MAX);
        self.forget(now, |at, _| at <= all);
    }

    /// What is too old goes, read or not. Says who lost what by it.
    pub(crate) fn age(&mut self, id: &ChannelId, now: u64) -> Vec<Lost> {
        let old = |kept: &Kept| {
            let most = match kept.entry.lane {
                Lane::Handshake => HANDSHAKE_KEPT,
                _ => CHAT_KEPT,
            };
            now.saturating_sub(kept.since) > most
        };
        let mut lost = Vec::new();
        for (at, kept) in self.entries.iter().filter(|(_, kept)| old(kept)) {
            for (key, cursor) in &self.cursors {
                if cursor.acknowledged < *at {
                    lost.push(Lost {
                        channel: *id,
                        subscriber: PublicKey(*key),
                        position: Position(*at),
                        lane: kept.entry.lane,
                    });
                }
            }
        }
        self.forget(now, |_, kept| old(kept));
        self.appended
            .retain(|_, (_, gone)| gone.is_none_or(|at| now.saturating_sub(at) <= ID_KEPT));
        lost
    }

    fn forget(&mut self, now: u64, goes: impl Fn(u64, &Kept) -> bool) {
        let appended = &mut self.appended;
        self.entries.retain(|at, kept| {
            let stays = !goes(*at, kept);
            if !stays && let Some((_, gone)) = appended.get_mut(&kept.entry.append) {
                *gone = Some(now);
            }
            stays
        });
    }

    pub(crate) fn deposit(
        &mut self,
        slot: SlotId,
        packages: Vec<Vec<u8>>,
        last_resort: Option<Vec<u8>>,
    ) -> Result<(), RefusalCode> {
        let (stock, last) = self.pool.entry(slot).or_default();
        if stock.len() + packages.len() > SLOT_HOLDS {
            return Err(RefusalCode::Quota);
        }
        stock.extend(packages);
        if last_resort.is_some() {
            *last = last_resort;
        }
        Ok(())
    }

    /// Every entry that is stored, for those who change or steal them.
    pub(crate) fn stored_mut(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.entries.values_mut().map(|kept| &mut kept.entry)
    }
}
