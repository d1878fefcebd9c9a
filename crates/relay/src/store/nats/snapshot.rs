//! A state as bytes, so that opening a channel needs the newest part of its log alone.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use minicbor::{Decode, Encode};
use sotto_suite::sign::PublicKey;
use sotto_wire::{ChainHash, SlotId};

use super::event::{Base, Cursor, Trace};
use super::state::{Kept, Known, Slot, State};
use crate::store::Seconds;

/// A state, as it is written.
#[derive(Debug, Encode, Decode)]
pub(super) struct Image {
    #[n(0)]
    voids: Vec<u64>,
    #[n(1)]
    admin: PublicKey,
    #[n(2)]
    writers: Vec<Writer>,
    #[n(3)]
    subscribers: Vec<Cursor>,
    #[n(4)]
    head: u64,
    #[n(5)]
    hash: ChainHash,
    #[n(6)]
    handshakes: u64,
    #[n(7)]
    fenced: bool,
    #[n(8)]
    base: Base,
    #[n(9)]
    entries: Vec<Row>,
    #[n(10)]
    pool: Vec<SlotRow>,
    #[n(11)]
    staged: Vec<Package>,
    #[n(12)]
    due: Option<u64>,
    #[n(13)]
    trash: Vec<u64>,
    #[cbor(n(14), default)]
    revoked: Vec<PublicKey>,
}

#[derive(Debug, Encode, Decode)]
struct Writer {
    #[n(0)]
    key: PublicKey,
    #[n(1)]
    card: Option<u64>,
}

#[derive(Debug, Encode, Decode)]
struct Row {
    #[n(0)]
    trace: Trace,
    #[n(1)]
    live: Option<u64>,
    #[n(2)]
    gone: Option<Seconds>,
}

#[derive(Debug, Encode, Decode)]
struct SlotRow {
    #[n(0)]
    slot: SlotId,
    #[n(1)]
    packages: Vec<Package>,
    #[n(2)]
    last_resort: Option<u64>,
}

#[derive(Debug, Encode, Decode)]
struct Package {
    #[n(0)]
    message: u64,
    #[n(1)]
    at: Seconds,
}

impl Image {
    /// Of a state. What is spent is not in it: whoever writes this deletes that.
    pub(super) fn of(state: &State) -> Self {
        let replaced = [state.snapshot].into_iter().filter(|number| *number > 0);
        let replaced = replaced.chain(state.parts.iter().copied());
        Self {
            voids: state.voids.iter().copied().collect(),
            admin: state.admin,
            writers: state
                .writers
                .iter()
                .map(|key| Writer {
                    key: *key,
                    card: state.cards.get(key).copied(),
                })
                .collect(),
            subscribers: state
                .subscribers
                .iter()
                .map(|(subscriber, position)| Cursor {
                    subscriber: *subscriber,
                    position: *position,
                })
                .collect(),
            head: state.head,
            hash: state.hash,
            handshakes: state.handshakes,
            fenced: state.fenced,
            base: state.base,
            entries: state
                .entries
                .values()
                .map(|known| Row {
                    trace: known.trace.clone(),
                    live: match known.kept {
                        Kept::Live(number) => Some(number),
                        Kept::Gone(_) => None,
                    },
                    gone: match known.kept {
                        Kept::Live(_) => None,
                        Kept::Gone(at) => Some(at),
                    },
                })
                .collect(),
            pool: state
                .pool
                .iter()
                .map(|(slot, held)| SlotRow {
                    slot: *slot,
                    packages: held
                        .packages
                        .iter()
                        .map(|(message, at)| Package {
                            message: *message,
                            at: *at,
                        })
                        .collect(),
                    last_resort: held.last_resort,
                })
                .collect(),
            staged: state
                .staged
                .iter()
                .map(|(message, at)| Package {
                    message: *message,
                    at: *at,
                })
                .collect(),
            due: state.due,
            trash: state.trash.iter().copied().chain(replaced).collect(),
            revoked: state.revoked.iter().copied().collect(),
        }
    }

    /// The state again, from the snapshot in message `number` and in `parts`.
    pub(super) fn state(self, number: u64, parts: Vec<u64>) -> State {
        let mut entries = BTreeMap::new();
        let (mut live, mut ids, mut bytes) = (BTreeSet::new(), HashMap::new(), 0);
        for row in self.entries {
            let position = row.trace.position.0;
            ids.insert(row.trace.append, position);
            let kept = match row.live {
                Some(number) => {
                    live.insert(position);
                    bytes += row.trace.size;
                    Kept::Live(number)
                }
                None => Kept::Gone(row.gone.unwrap_or(0)),
            };
            let trace = row.trace;
            entries.insert(position, Known { trace, kept });
        }
        let cards = self.writers.iter();
        let cards = cards.filter_map(|writer| Some((writer.key, writer.card?)));
        let pool = self.pool.into_iter().map(|row| {
            let packages = row.packages.iter();
            let slot = Slot {
                packages: packages.map(|one| (one.message, one.at)).collect(),
                last_resort: row.last_resort,
            };
            (row.slot, slot)
        });
        State {
            last: number,
            snapshot: number,
            parts,
            voids: self.voids.into_iter().collect(),
            admin: self.admin,
            cards: cards.collect(),
            revoked: self.revoked.into(),
            writers: Arc::new(self.writers.iter().map(|writer| writer.key).collect()),
            subscribers: self
                .subscribers
                .iter()
                .map(|cursor| (cursor.subscriber, cursor.position))
                .collect(),
            head: self.head,
            hash: self.hash,
            handshakes: self.handshakes,
            fenced: self.fenced,
            base: self.base,
            entries,
            live,
            ids,
            bytes,
            pool: pool.collect(),
            staged: self
                .staged
                .iter()
                .map(|one| (one.message, one.at))
                .collect(),
            due: self.due,
            spent: Vec::new(),
            trash: self.trash.into_iter().collect(),
            since: 0,
        }
    }
}
