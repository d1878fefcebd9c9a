//! One turn: everything that one input does, inside one transaction.

use std::collections::BTreeSet;

use sotto_suite::rand::Random;
use sotto_wire::{ClientFrame, RelayAddress};

use crate::api::{ConversationId, Event, Outputs, RelayChange, Timestamp};
use crate::conversations::{Conversation, GroupId, Groups, load_group};
use crate::error::{EngineError, Refused, Result};
use crate::profile::Profile;
use crate::room::Room;
use crate::store::Transaction;

/// Longest pause that a relay's refusal brings, in milliseconds.
const LONGEST_PAUSE: u64 = 3_600_000;

/// What the verbs work with.
pub(crate) struct Turn<'a> {
    pub(crate) db: &'a Transaction<'a>,
    pub(crate) mls: &'a mut dyn Groups,
    pub(crate) room: &'a mut Room,
    pub(crate) me: &'a mut Profile,
    pub(crate) random: &'a mut dyn Random,
    pub(crate) now: Timestamp,
    /// This turn's commit will be synced.
    pub(crate) synced: bool,
    pub(crate) out: Outputs,
    /// Conversations in whose window there is room again: pumped once, at the end of the turn.
    pub(crate) pump: BTreeSet<ConversationId>,
    /// Conversations whose row must be written and, unless it is the account group, shown.
    changed: BTreeSet<ConversationId>,
    /// Groups whose MLS state moved.
    moved: BTreeSet<GroupId>,
}

impl<'a> Turn<'a> {
    pub(crate) fn new(
        db: &'a Transaction<'a>,
        mls: &'a mut dyn Groups,
        room: &'a mut Room,
        me: &'a mut Profile,
        random: &'a mut dyn Random,
        now: Timestamp,
        synced: bool,
    ) -> Self {
        Self {
            db,
            mls,
            room,
            me,
            random,
            now,
            synced,
            out: Outputs::default(),
            pump: BTreeSet::new(),
            changed: BTreeSet::new(),
            moved: BTreeSet::new(),
        }
    }

    pub(crate) fn sql_time(&self, time: Timestamp) -> i64 {
        time.0.cast_signed()
    }

    pub(crate) fn now_sql(&self) -> i64 {
        self.sql_time(self.now)
    }

    /// Until when to leave alone what a relay has refused for now.
    pub(crate) fn pause(&self, milliseconds: u64) -> Timestamp {
        self.now.plus(milliseconds.min(LONGEST_PAUSE))
    }

    /// The latest time that such a pause can end at. One that is stored as ending later was begun
    /// under a clock that has been put back since, and is over.
    pub(crate) fn longest_pause(&self) -> Timestamp {
        self.now.plus(LONGEST_PAUSE)
    }

    pub(crate) fn event(&mut self, event: Event) {
        self.out.events.push(event);
    }

    /// A connection to this relay is wanted from now on.
    pub(crate) fn want(&mut self, relay: &RelayAddress) {
        if !self.room.sessions.wanted().contains(relay) {
            self.room.sessions.want(relay);
            self.out.relays.push(RelayChange::Connect(relay.clone()));
        }
    }

    /// The conversation, or why not.
    pub(crate) fn conversation(&self, id: &ConversationId) -> Result<&Conversation> {
        Ok(self
            .room
            .conversations
            .get(id)
            .ok_or(Refused::NoSuchConversation)?)
    }

    /// The conversation, to be changed: it will be written and shown at the end of the turn.
    pub(crate) fn conversation_mut(&mut self, id: &ConversationId) -> Result<&mut Conversation> {
        self.changed.insert(*id);
        Ok(self
            .room
            .conversations
            .get_mut(id)
            .ok_or(Refused::NoSuchConversation)?)
    }

    /// Puts a new conversation into memory; it is written at the end of the turn.
    pub(crate) fn add_conversation(&mut self, conversation: Conversation) {
        self.changed.insert(conversation.id);
        self.room.add(conversation);
    }

    /// Takes a conversation away, from memory and disk.
    pub(crate) fn drop_conversation(&mut self, id: &ConversationId) -> Result<()> {
        self.changed.remove(id);
        self.room.remove(id);
        self.db
            .prepare_cached("DELETE FROM conversations WHERE id = ?1")?
            .execute([id.0])?;
        Ok(())
    }

    /// The conversation's group, loaded.
    pub(crate) fn group(&mut self, id: &ConversationId) -> Result<GroupId> {
        let group = self.conversation(id)?.group;
        let group =
            group.ok_or_else(|| EngineError::Internal("a conversation without a group".into()))?;
        if !self.mls.loaded(&group) {
            load_group(self.db, self.mls, &group)?;
        }
        Ok(group)
    }

    /// The group's state moved and must be written.
    pub(crate) fn group_moved(&mut self, group: GroupId) {
        self.moved.insert(group);
    }

    /// Lets a group go, from memory and disk, whatever this turn has done to it.
    pub(crate) fn drop_group(&mut self, group: &GroupId) -> Result<()> {
        self.moved.remove(group);
        self.mls.unload(group);
        for sql in [
            "DELETE FROM mls_groups WHERE id = ?1",
            "DELETE FROM mls_epochs WHERE group_id = ?1",
        ] {
            self.db.prepare_cached(sql)?.execute([group])?;
        }
        Ok(())
    }

    /// This conversation has something to encrypt, and this turn's commit will not be synced: a
    /// synced turn follows at once.
    pub(crate) fn defer(&mut self, id: &ConversationId) {
        self.room.deferred.insert(*id);
        self.room.timers.sync(self.now);
    }

    pub(crate) fn take_moved(&mut self) -> BTreeSet<GroupId> {
        std::mem::take(&mut self.moved)
    }

    pub(crate) fn take_changed(&mut self) -> BTreeSet<ConversationId> {
        std::mem::take(&mut self.changed)
    }

    /// Acknowledges whatever this turn's commit makes safe; after a lazy turn it waits for the
    /// next synced one.
    pub(crate) fn acknowledge_safe(&mut self) {
        if !self.synced {
            if !self.room.unacknowledged.is_empty() {
                self.room.timers.sync(self.now.plus(200));
            }
            return;
        }
        self.room.timers.synced();
        for ((relay, channel, subscriber), position) in
            std::mem::take(&mut self.room.unacknowledged)
        {
            let frame = ClientFrame::Acknowledge {
                channel,
                subscriber,
                position,
            };
            self.room.sessions.acknowledge(&relay, frame, &mut self.out);
        }
    }
}
