//! The channels that the writing thread keeps in memory, and how many they may be.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use rusqlite::Result;
use sotto_wire::ChannelId;

use super::channel::Channel;

/// Append ids in memory: some 50 bytes each.
const APPENDS: usize = 1_000_000;

/// What is not here is read from the file when it is needed.
pub(super) struct Memory {
    channels: HashMap<ChannelId, Kept>,
    /// Append ids that they remember, no fewer than there are.
    appends: usize,
    uses: u64,
    most_channels: usize,
    most_appends: usize,
}

struct Kept {
    channel: Channel,
    /// When it was last needed, counted in uses.
    used: u64,
}

impl Memory {
    /// Room for so many channels.
    pub(super) fn new(most_channels: usize) -> Self {
        Self {
            channels: HashMap::new(),
            appends: 0,
            uses: 0,
            most_channels,
            most_appends: APPENDS,
        }
    }

    /// A channel's state, from memory or from where `load` finds it; none where there is none.
    pub(super) fn get(
        &mut self,
        id: &ChannelId,
        load: impl FnOnce() -> Result<Option<Channel>>,
    ) -> Result<Option<&mut Channel>> {
        self.uses += 1;
        let kept = match self.channels.entry(*id) {
            Entry::Occupied(slot) => slot.into_mut(),
            Entry::Vacant(slot) => match load()? {
                Some(channel) => {
                    self.appends += channel.appends.len();
                    slot.insert(Kept { channel, used: 0 })
                }
                None => return Ok(None),
            },
        };
        kept.used = self.uses;
        Ok(Some(&mut kept.channel))
    }

    /// One of the channels remembers an append more.
    pub(super) fn count_append(&mut self) {
        self.appends += 1;
    }

    pub(super) fn remove(&mut self, id: &ChannelId) {
        self.channels.remove(id);
    }

    pub(super) fn clear(&mut self) {
        self.channels.clear();
        self.appends = 0;
    }

    /// Keeps the bounds: where they are passed, the half goes that was needed longest ago, but for
    /// what `stays` for another reason.
    pub(super) fn keep_bounds(&mut self, stays: impl Fn(&ChannelId) -> bool) {
        if self.channels.len() <= self.most_channels && self.appends <= self.most_appends {
            return;
        }
        let mut uses: Vec<u64> = self.channels.values().map(|kept| kept.used).collect();
        let middle = uses.len() / 2;
        let (_, median, _) = uses.select_nth_unstable(middle);
        let median = *median;
        self.channels
            .retain(|id, kept| kept.used >= median || stays(id));
        self.appends = self
            .channels
            .values()
            .map(|kept| kept.channel.appends.len())
            .sum();
    }
}

#[cfg(test)]
mod tests {
    use sotto_suite::sign::PublicKey;
    use sotto_wire::{AppendId, ChainHash};

    use super::*;

    fn id(n: u8) -> ChannelId {
        ChannelId([n; 16])
    }

    fn channel(appends: u8) -> Channel {
        Channel {
            no: 1,
            admin: PublicKey([1; 32]),
            writers: std::sync::Arc::default(),
            subscribers: HashMap::new(),
            head: 0,
            hash: ChainHash([0; 32]),
            handshakes: 0,
            fenced: false,
            appends: (0..appends).map(|n| (AppendId([n; 16]), 0)).collect(),
            low: 0,
            bytes: 0,
            reserved: (0, 0),
        }
    }

    /// Asks for it, and puts it there if it isn't; says whether it was.
    fn was_there(memory: &mut Memory, n: u8, appends: u8) -> bool {
        let mut there = true;
        let load = || {
            there = false;
            Ok(Some(channel(appends)))
        };
        assert!(memory.get(&id(n), load).unwrap().is_some());
        there
    }

    #[test]
    fn a_channel_that_does_not_exist_is_not_remembered() {
        let mut memory = Memory::new(1);
        assert!(memory.get(&id(1), || Ok(None)).unwrap().is_none());
        assert!(!was_there(&mut memory, 1, 0));
        assert!(was_there(&mut memory, 1, 0));
        memory.remove(&id(1));
        assert!(!was_there(&mut memory, 1, 0));
        memory.clear();
        assert!(!was_there(&mut memory, 1, 0));
    }

    #[test]
    fn above_its_bound_the_half_goes_that_was_needed_longest_ago() {
        let mut memory = Memory::new(4);
        for n in 1..=4 {
            was_there(&mut memory, n, 0);
        }
        memory.keep_bounds(|_| false);
        // Four are allowed; the first was needed again just now, a fifth is one too many, and the
        // second has cursors that the file does not know yet.
        assert!(was_there(&mut memory, 1, 0));
        was_there(&mut memory, 5, 0);
        memory.keep_bounds(|kept| *kept == id(2));
        let mut left: Vec<u8> = memory.channels.keys().map(|kept| kept.0[0]).collect();
        left.sort_unstable();
        assert_eq!(left, [1, 2, 4, 5]);
    }

    #[test]
    fn appends_that_are_remembered_are_bounded() {
        let mut memory = Memory::new(100);
        memory.most_appends = 9;
        was_there(&mut memory, 1, 4);
        was_there(&mut memory, 2, 4);
        memory.count_append();
        memory.keep_bounds(|_| false);
        assert_eq!(memory.channels.len(), 2, "nine are allowed");
        memory.count_append();
        memory.keep_bounds(|_| false);
        assert!(!memory.channels.contains_key(&id(1)));
        assert_eq!(memory.appends, 4, "counted anew");
        // What comes back counts again.
        was_there(&mut memory, 1, 6);
        memory.keep_bounds(|_| false);
        assert_eq!(memory.channels.len(), 1);
        memory.clear();
        was_there(&mut memory, 1, 9);
        memory.keep_bounds(|_| false);
        assert_eq!(memory.channels.len(), 1, "what was cleared counts no more");
    }
}
