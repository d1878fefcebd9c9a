//! The machine: one input, one transaction, outputs.

use std::collections::BTreeSet;
use std::path::Path;

use sotto_suite::rand::Random;
use sotto_suite::secret::Secret;
use sotto_wire::RelayAddress;

use crate::api::{Command, Done, Input, Outputs, RelayChange, SetAside, Timestamp};
use crate::commands;
use crate::contacts::{invite, list, opening, pool, request};
use crate::conversations::{Conversation, Groups, flush_groups, send_handshakes};
use crate::error::{EngineError, Result, Within};
use crate::messages::{outbox, receipts};
use crate::profile::{NewProfile, Profile};
use crate::reader::Reader;
use crate::relays::arrival;
use crate::room::Room;
use crate::store::{Durability, Store, savepoint};
use crate::suite::Suite;
use crate::turn::Turn;
use crate::{founding, show};

/// How long the database's log stays when a reader was in the way of cutting it, in milliseconds.
const CUT_AGAIN: u64 = 60_000;
/// How long receipts wait after a turn that failed, in milliseconds.
const RECEIPTS_AGAIN: u64 = 1_000;

/// A profile at work. One task owns it; [`Engine::reader`] serves everybody else.
pub struct Engine {
    store: Store,
    mls: Box<dyn Groups>,
    room: Room,
    me: Profile,
    random: Box<dyn Random>,
    /// Connections whose state in memory is no longer what the relay believes.
    drop_next: Vec<RelayChange>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Engine({:?})", self.me.account)
    }
}

impl Engine {
    /// Makes a profile in a fresh database file.
    ///
    /// # Errors
    /// If there is a file already, it is left alone: nobody is given a new identity because the
    /// old one could not be opened.
    pub fn create(
        path: &Path,
        key: &Secret<32>,
        new: NewProfile,
        random: Box<dyn Random>,
        now: Timestamp,
    ) -> Result<Self> {
        Self::create_on(&Suite::sotto(), path, key, new, random, now)
    }

    /// The same on another cipher suite.
    ///
    /// # Errors
    /// As [`Engine::create`].
    pub fn create_on(
        suite: &Suite,
        path: &Path,
        key: &Secret<32>,
        new: NewProfile,
        mut random: Box<dyn Random>,
        now: Timestamp,
    ) -> Result<Self> {
        // Keys, inbox, pool and account group in one transaction: after a crash there is either
        // no profile, or a whole one.
        let (store, ()) = Store::create_with(path, key, |db| {
            Profile::create(db, &new, &mut *random, now)?;
            let mut me = Profile::load(db)?;
            let mut mls = suite.groups(&me);
            let mut room = Room::default();
            let mut turn = Turn::new(db, &mut *mls, &mut room, &mut me, &mut *random, now, true);
            founding::account(&mut turn)?;
            finish(&mut turn)
        })?;
        Self::begin(suite, store, random)
    }

    /// Opens a profile.
    ///
    /// # Errors
    /// Each reason why it can't be opened has its own; nothing is changed.
    pub fn open(path: &Path, key: &Secret<32>, random: Box<dyn Random>) -> Result<Self> {
        Self::open_on(&Suite::sotto(), path, key, random)
    }

    /// The same on another cipher suite; a profile keeps the one that it was made with.
    ///
    /// # Errors
    /// As [`Engine::open`].
    pub fn open_on(
        suite: &Suite,
        path: &Path,
        key: &Secret<32>,
        random: Box<dyn Random>,
    ) -> Result<Self> {
        Self::begin(suite, Store::open(path, key)?, random)
    }

    fn begin(suite: &Suite, mut store: Store, random: Box<dyn Random>) -> Result<Self> {
        let (me, conversations) = store
            .read(|db| Ok::<_, EngineError>((Profile::load(db)?, Conversation::load_all(db)?)))?;
        let mut room = Room::default();
        conversations
            .into_iter()
            .for_each(|conversation| room.add(conversation));
        let mls = suite.groups(&me);
        Ok(Self {
            store,
            mls,
            room,
            me,
            random,
            drop_next: Vec::new(),
        })
    }

    /// A second, read-only connection for the screen.
    ///
    /// # Errors
    /// If the database can't be opened once more.
    pub fn reader(&self) -> Result<Reader> {
        Reader::new(self.store.reader()?, self.mls.suite_name())
    }

    /// After opening: which connections are wanted, and when to call next.
    ///
    /// # Errors
    /// Trouble with the database.
    pub fn start(&mut self, now: Timestamp) -> Result<Outputs> {
        self.run(now, false, |turn| {
            try_again(turn)?;
            needed(turn)?.iter().for_each(|relay| turn.want(relay));
            // No timer outlives the process that set it.
            receipts::resume(turn)
        })
    }

    /// Does what one input asks, in one transaction.
    ///
    /// # Errors
    /// Trouble with the database: nothing of the input was kept, and it may be given again.
    /// A refused command is not an error here; it stands in [`Outputs::done`].
    pub fn handle(&mut self, input: Input, now: Timestamp) -> Result<Outputs> {
        match input {
            Input::Commands(list) => self.commands(&list, now),
            Input::Connected { relay, binding } => {
                self.run(now, true, |turn| arrival::connected(turn, &relay, binding))
            }
            Input::Disconnected { relay } => {
                if self.room.sessions.disconnected(&relay) {
                    self.room.offline(&relay, self.me.relay == relay);
                }
                self.run(now, false, |_| Ok(()))
            }
            Input::Frames { relay, frames } => {
                // Own entries that come back may wait for the next sync: losing their places
                // again costs nothing, because they are acknowledged only after it.
                let synced = !frames
                    .iter()
                    .all(|frame| arrival::is_light(&self.room, &relay, frame));
                self.run(now, synced, |turn| arrival::frames(turn, &relay, frames))
            }
            Input::Deadline => {
                let synced = self.room.timers.next() <= now;
                self.run(now, synced, deadline)
            }
        }
    }

    /// Commands are answered all the same when one conversation had to be set aside for them.
    fn commands(&mut self, list: &[Command], now: Timestamp) -> Result<Outputs> {
        let synced = list
            .iter()
            .any(|command| !matches!(command, Command::Typing { .. }));
        let mut outputs = Outputs::default();
        loop {
            match self.attempt(now, synced, |turn| carry_out(turn, list)) {
                Ok(done) => {
                    outputs.then(done);
                    return Ok(self.anew(outputs));
                }
                Err(error) => outputs.then(self.set_aside(error, now)?),
            }
        }
    }

    /// One turn. If a conversation had to be set aside for it, what else was in the input comes again
    /// with the next connection, or at the next deadline.
    fn run(
        &mut self,
        now: Timestamp,
        synced: bool,
        work: impl FnOnce(&mut Turn<'_>) -> Result<()>,
    ) -> Result<Outputs> {
        let outputs = match self.attempt(now, synced, work) {
            Ok(outputs) => outputs,
            Err(error) => self.set_aside(error, now)?,
        };
        Ok(self.anew(outputs))
    }

    /// With the connections that begin anew.
    fn anew(&mut self, mut outputs: Outputs) -> Outputs {
        let first = std::mem::take(&mut self.drop_next);
        outputs.relays.splice(0..0, first);
        outputs
    }

    /// Sets aside the conversation that this mistake concerns. Any other error stays one, and so does a
    /// mistake in a conversation that is only being made, or that is set aside already.
    fn set_aside(&mut self, error: EngineError, now: Timestamp) -> Result<Outputs> {
        let EngineError::InternalIn(id, detail) = error else {
            return Err(error);
        };
        let conversation = self.room.conversations.get(&id);
        if conversation.is_none_or(|conversation| conversation.trouble.is_some()) {
            return Err(EngineError::Internal(detail));
        }
        self.room.timers.housekeeping(now);
        self.attempt(now, true, |turn| {
            turn.conversation_mut(&id)?.trouble = Some(detail.clone());
            turn.out.set_aside.push(SetAside {
                conversation: id,
                detail,
            });
            Ok(())
        })
    }

    fn attempt(
        &mut self,
        now: Timestamp,
        synced: bool,
        work: impl FnOnce(&mut Turn<'_>) -> Result<()>,
    ) -> Result<Outputs> {
        let Self {
            store,
            mls,
            room,
            me,
            random,
            ..
        } = self;
        room.timers.look(now);
        let durability = if synced {
            Durability::Synced
        } else {
            Durability::Lazy
        };
        let result = store.transaction(durability, |db| {
            let mut turn = Turn::new(db, &mut **mls, room, me, &mut **random, now, synced);
            work(&mut turn)?;
            finish(&mut turn)?;
            Ok::<_, EngineError>(std::mem::take(&mut turn.out))
        });
        match result {
            Ok(mut outputs) => {
                for change in &outputs.relays {
                    if let RelayChange::Disconnect(relay) = change {
                        self.room.sessions.unwant(relay);
                        self.room.offline(relay, false);
                    }
                }
                if self.room.timers.take_cut(now) {
                    self.cut_log(now);
                }
                outputs.deadline = Some(self.room.timers.next());
                Ok(outputs)
            }
            Err(error) => {
                self.reload();
                // The turn may have been the one in which they were due. Everything else begins anew with
                // its connection.
                self.room.timers.receipts(now.plus(RECEIPTS_AGAIN));
                Err(error)
            }
        }
    }

    /// What this turn did is durable, and what it deleted goes from the disk. Where a reader is in the
    /// way or the disk has no room it is tried again; a disk that failed shows at the next turn.
    fn cut_log(&mut self, now: Timestamp) {
        if !self.store.cut_log().is_ok_and(|cut| cut) {
            self.room.timers.cut(now.plus(CUT_AGAIN));
        }
    }

    /// Nothing was kept: memory goes back to what is on disk, and connections begin anew.
    fn reload(&mut self) {
        self.mls.forget();
        for relay in self.room.sessions.connections() {
            self.room.sessions.disconnected(&relay);
            self.drop_next.push(RelayChange::Anew(relay));
        }
        let read = self
            .store
            .read(|db| Ok::<_, EngineError>((Profile::load(db)?, Conversation::load_all(db)?)));
        if let Ok((me, conversations)) = read {
            self.me = me;
            self.room.conversations.clear();
            self.room.unacknowledged.clear();
            self.room.inbox_live = false;
            self.room.inbox_read = false;
            self.room.inbox_deaf = false;
            conversations
                .into_iter()
                .for_each(|conversation| self.room.add(conversation));
        }
    }
}

/// Each command in a savepoint: a refused one leaves nothing behind.
fn carry_out(turn: &mut Turn<'_>, list: &[Command]) -> Result<()> {
    for command in list {
        let db = turn.db;
        match savepoint(db, || commands::carry_out(turn, command.clone())) {
            Ok(done) => turn.out.done.push(Ok(done)),
            Err(error @ EngineError::Refused(_)) => turn.out.done.push(Err(error.problem())),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// After a start nothing is set aside any more: it may be another version of this program by now.
fn try_again(turn: &mut Turn<'_>) -> Result<()> {
    let all = turn.room.conversations.values();
    let aside: Vec<_> = all.filter(|c| c.trouble.is_some()).map(|c| c.id).collect();
    for id in aside {
        turn.conversation_mut(&id)?.trouble = None;
    }
    Ok(())
}

fn deadline(turn: &mut Turn<'_>) -> Result<()> {
    let now = turn.now;
    for id in std::mem::take(&mut turn.room.deferred) {
        if turn.room.conversations.contains_key(&id) {
            send_handshakes(turn, &id).within(&id)?;
            outbox::pump(turn, &id).within(&id)?;
        }
    }
    if turn.room.timers.take_receipts(now) {
        receipts::send(turn)?;
    }
    if turn.room.timers.take_retry(now) {
        for relay in turn.room.sessions.connections() {
            arrival::resume(turn, &relay)?;
        }
    }
    if turn.room.timers.take_housekeeping(now) {
        invite::housekeeping(turn)?;
        request::housekeeping(turn)?;
        pool::housekeeping(turn)?;
        list::housekeeping(turn)?;
        crate::conversations::housekeeping(turn)?;
        turn.room.timers.cut(now);
        let needed = needed(turn)?;
        let mut wanted: Vec<_> = turn.room.sessions.wanted().into_iter().collect();
        wanted.retain(|relay| !needed.contains(relay));
        wanted.sort_unstable();
        let gone = wanted.into_iter().map(RelayChange::Disconnect);
        turn.out.relays.extend(gone);
    }
    Ok(())
}

/// The relays that something of this profile lives on or waits for.
fn needed(turn: &Turn<'_>) -> Result<BTreeSet<RelayAddress>> {
    let mut relays: BTreeSet<_> = turn.room.relays().into_iter().collect();
    relays.insert(turn.me.relay.clone());
    relays.extend(opening::relays(turn)?);
    relays.extend(crate::relays::errand::relays(turn)?);
    Ok(relays)
}

/// What every turn ends with, inside its transaction.
fn finish(turn: &mut Turn<'_>) -> Result<()> {
    for id in std::mem::take(&mut turn.pump) {
        if turn.room.conversations.contains_key(&id) {
            outbox::pump(turn, &id).within(&id)?;
        }
    }
    flush_groups(turn)?;
    for id in turn.take_changed() {
        if let Some(conversation) = turn.room.conversations.get(&id) {
            conversation.save(turn.db)?;
            show::conversation(turn, &id)?;
        }
    }
    turn.acknowledge_safe();
    Ok(())
}

/// What [`commands::carry_out`] answers.
pub(crate) type Answer = Result<Done>;
