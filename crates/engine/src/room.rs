//! What the engine keeps in memory between turns: all of it can be thrown away and read again.
//!
//! What is ever gone through in order is sorted: the same inputs must give the same outputs.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use sotto_suite::sign::PublicKey;
use sotto_wire::{ChannelId, Position, RelayAddress};

use crate::api::{ConversationId, Timestamp};
use crate::conversations::Conversation;
use crate::relays::Sessions;

/// Memory.
#[derive(Default)]
pub(crate) struct Room {
    pub(crate) conversations: BTreeMap<ConversationId, Conversation>,
    pub(crate) sessions: Sessions,
    /// The inbox is being delivered on the current connection.
    pub(crate) inbox_live: bool,
    /// All that lay in it when the current connection began has been read.
    pub(crate) inbox_read: bool,
    /// Where a hole was met in it that asking again has not filled yet.
    pub(crate) inbox_hole: Option<Position>,
    /// It is not listened to on the current connection.
    pub(crate) inbox_deaf: bool,
    /// Processed, but not yet acknowledged because no synced commit has come since.
    pub(crate) unacknowledged: BTreeMap<(RelayAddress, ChannelId, PublicKey), Position>,
    pub(crate) timers: Timers,
    /// What waits for a synced turn to be encrypted.
    pub(crate) deferred: BTreeSet<ConversationId>,
    /// When the other side was last told that this side types.
    pub(crate) typing_sent: HashMap<ConversationId, (Timestamp, bool)>,
    by_channel: HashMap<ChannelId, ConversationId>,
}

impl Room {
    pub(crate) fn add(&mut self, conversation: Conversation) {
        self.conversations.insert(conversation.id, conversation);
    }

    pub(crate) fn remove(&mut self, id: &ConversationId) {
        self.conversations.remove(id);
    }

    /// Which conversation a channel belongs to.
    pub(crate) fn by_channel(
        &mut self,
        relay: &RelayAddress,
        channel: &ChannelId,
    ) -> Option<ConversationId> {
        let fits = |conversation: &Conversation| {
            let found = conversation.channel.as_ref();
            found.is_some_and(|found| found.id() == *channel && found.relay == *relay)
        };
        let remembered = self
            .by_channel
            .get(channel)
            .and_then(|id| self.conversations.get(id));
        if let Some(conversation) = remembered.filter(|conversation| fits(conversation)) {
            return Some(conversation.id);
        }
        // Channels change at every fence: what is remembered is only ever a hint.
        let found = self
            .conversations
            .values()
            .find(|conversation| fits(conversation))
            .map(|c| c.id);
        self.by_channel.retain(|_, id| Some(*id) != found);
        self.by_channel.extend(found.map(|id| (*channel, id)));
        found
    }

    /// Until when to leave alone what the relay calls stale in this conversation: `least` milliseconds or
    /// more.
    pub(crate) fn stale(&mut self, id: &ConversationId, now: Timestamp, least: u64) -> Timestamp {
        let conversation = self.conversations.get_mut(id);
        let channel = conversation.and_then(|conversation| conversation.channel.as_mut());
        channel.map_or(now.plus(least), |channel| channel.stale(now, least))
    }

    /// Conversations on a relay.
    pub(crate) fn on_relay(&self, relay: &RelayAddress) -> Vec<ConversationId> {
        let on = |c: &&Conversation| {
            c.channel
                .as_ref()
                .is_some_and(|channel| channel.relay == *relay)
        };
        let mut ids: Vec<_> = self
            .conversations
            .values()
            .filter(on)
            .map(|c| c.id)
            .collect();
        ids.sort_unstable();
        ids
    }

    /// A relay's connection is gone: nothing on it is live.
    pub(crate) fn offline(&mut self, relay: &RelayAddress, home: bool) {
        self.inbox_live &= !home;
        self.inbox_read &= !home;
        self.inbox_deaf &= !home;
        for conversation in self.conversations.values_mut() {
            if let Some(channel) = conversation.channel.as_mut().filter(|c| c.relay == *relay) {
                channel.live = false;
                channel.subscribed = false;
                channel.deaf = false;
            }
        }
        self.unacknowledged.retain(|(of, _, _), _| of != relay);
    }

    /// All relays that conversations live on.
    pub(crate) fn relays(&self) -> HashSet<RelayAddress> {
        let channels = self
            .conversations
            .values()
            .filter_map(|c| c.channel.as_ref());
        channels.map(|channel| channel.relay.clone()).collect()
    }
}

/// When something is to be done, each at most once.
#[derive(Default)]
pub(crate) struct Timers {
    /// What the clock said last.
    seen: Timestamp,
    sync: Option<Timestamp>,
    retry: Option<Timestamp>,
    receipts: Option<Timestamp>,
    housekeeping: Timestamp,
    cut: Option<Timestamp>,
    /// When channels that the relay has lost may be made again, the inbox among them.
    lost: BTreeMap<ChannelId, Timestamp>,
}

impl Timers {
    /// The clock says this now. Where it went back, what was due in an hour still is: otherwise
    /// everything would wait until the old time has come round again.
    pub(crate) fn look(&mut self, now: Timestamp) {
        let back = self.seen.since(now);
        self.seen = now;
        if back > 0 {
            let earlier = |at: &mut Timestamp| at.0 = at.0.saturating_sub(back);
            [
                &mut self.sync,
                &mut self.retry,
                &mut self.receipts,
                &mut self.cut,
            ]
            .into_iter()
            .flatten()
            .for_each(earlier);
            earlier(&mut self.housekeeping);
        }
    }

    /// A synced commit is due, so that lazily committed entries can be acknowledged.
    pub(crate) fn sync(&mut self, at: Timestamp) {
        self.sync = Some(self.sync.map_or(at, |before| before.min(at)));
    }

    pub(crate) fn synced(&mut self) {
        self.sync = None;
    }

    /// Something that a relay refused for now is to be tried again.
    pub(crate) fn retry(&mut self, at: Timestamp) {
        self.retry = Some(self.retry.map_or(at, |before| before.min(at)));
    }

    /// Receipts are due.
    pub(crate) fn receipts(&mut self, at: Timestamp) {
        self.receipts = Some(self.receipts.map_or(at, |before| before.min(at)));
    }

    pub(crate) fn take_retry(&mut self, now: Timestamp) -> bool {
        self.retry.take_if(|at| *at <= now).is_some()
    }

    pub(crate) fn take_receipts(&mut self, now: Timestamp) -> bool {
        self.receipts.take_if(|at| *at <= now).is_some()
    }

    /// Once an hour.
    pub(crate) fn take_housekeeping(&mut self, now: Timestamp) -> bool {
        let due = self.housekeeping <= now;
        if due {
            self.housekeeping = now.plus(3_600_000);
        }
        due
    }

    /// Something has come up that is otherwise done once an hour.
    pub(crate) fn housekeeping(&mut self, at: Timestamp) {
        self.housekeeping = self.housekeeping.min(at);
    }

    /// The database's log is to be cut, so that what was deleted is on no disk any more.
    pub(crate) fn cut(&mut self, at: Timestamp) {
        self.cut = Some(self.cut.map_or(at, |before| before.min(at)));
    }

    pub(crate) fn take_cut(&mut self, now: Timestamp) -> bool {
        self.cut.take_if(|at| *at <= now).is_some()
    }

    /// Whether a channel that the relay has lost may be made again now: not more often than every `pause`
    /// milliseconds.
    pub(crate) fn take_lost(&mut self, channel: ChannelId, now: Timestamp, pause: u64) -> bool {
        self.lost
            .retain(|_, at| *at > now && *at <= now.plus(pause));
        let due = !self.lost.contains_key(&channel);
        if due {
            self.lost.insert(channel, now.plus(pause));
        }
        due
    }

    /// The earliest of all.
    pub(crate) fn next(&self) -> Timestamp {
        [
            self.sync,
            self.retry,
            self.receipts,
            self.cut,
            Some(self.housekeeping),
        ]
        .into_iter()
        .flatten()
        .min()
        .unwrap_or(self.housekeeping)
    }
}
