//! The inbox: a channel at the home relay, in which letters of strangers arrive.
//!
//! It is made once, and made again where the relay has lost it: a relay that lies, or that came back
//! from an old backup, knows no such channel any more. Address and keys are the same, so every
//! invite that was given away stays good; who may write, and what lies in the pool, is told anew.

use std::collections::HashSet;

use sotto_suite::sign::PublicKey;
use sotto_wire::{ChainHash, ChannelId, Command, RefusalCode, Role, Subscribed};

use super::card::Keys;
use super::contact::allow;
use super::{invite, list, pool};
use crate::error::Result;
use crate::relays::{Errand, Purpose, errand};
use crate::turn::Turn;

/// Milliseconds between two attempts: a relay that goes on swallowing them has little work with it.
pub(crate) const AGAIN: u64 = 60_000;
/// The same where somebody else has the address now; only who knew it from an invite can.
const TAKEN: u64 = 3_600_000;

/// An errand of whoever governs the inbox, made from its address and the governing key; not before the
/// errand `after`.
pub(super) fn govern(
    turn: &mut Turn<'_>,
    command: impl FnOnce(ChannelId, PublicKey) -> Command,
    purpose: Purpose,
    after: Option<i64>,
) -> Result<i64> {
    let relay = turn.me.relay.clone();
    let key = turn.me.inbox_admin.clone();
    let channel = turn.me.inbox;
    let errand = Errand {
        relay: &relay,
        channel,
        role: Role::Admin,
        key: &key,
        command: command(channel, key.public()),
        purpose,
        subject: None,
        after,
    };
    errand::queue(turn, errand)
}

/// Asks the relay for the inbox. Asked twice, it comes to the same.
pub(crate) fn create(turn: &mut Turn<'_>) -> Result<i64> {
    let subscribers = vec![turn.me.inbox_subscriber.public()];
    let create = |channel, admin| Command::Create {
        channel,
        admin,
        writers: Vec::new(),
        subscribers,
    };
    govern(turn, create, Purpose::Inbox, None)
}

/// The relay answers an errand as if there were no inbox. Nothing of it is given up: it goes again
/// when the inbox is there. False if it was no errand of the inbox.
pub(crate) fn refused(turn: &mut Turn<'_>, id: i64, code: RefusalCode) -> Result<bool> {
    let queued = errand::at_inbox(turn)?;
    let Some((_, command)) = queued.iter().find(|(of, _)| *of == id) else {
        return Ok(false);
    };
    if matches!(command, Command::Create { .. }) {
        let pause = match code {
            RefusalCode::Taken => TAKEN,
            _ => AGAIN,
        };
        errand::postpone(turn, id, pause)?;
        return Ok(true);
    }
    match again(turn)? {
        Some(first) => errand::put_behind(turn, id, first)?,
        None => errand::postpone(turn, id, AGAIN)?,
    }
    Ok(true)
}

/// The relay has lost the inbox, or a part of it: it is made, and everybody who may write into it
/// is let in again. Answers with the errand that comes first, or with none where all this was done a
/// moment ago.
pub(crate) fn again(turn: &mut Turn<'_>) -> Result<Option<i64>> {
    let queued = errand::at_inbox(turn)?;
    let mut creating = queued
        .iter()
        .filter(|(_, command)| matches!(command, Command::Create { .. }));
    if let Some((id, _)) = creating.next() {
        return Ok(Some(*id));
    }
    if !turn.room.timers.take_lost(turn.me.inbox, turn.now, AGAIN) {
        return Ok(None);
    }
    let first = create(turn)?;
    // What waits already is not told twice, however often a relay loses everything.
    let (mut allowed, mut revoked, mut stocked) = (HashSet::new(), HashSet::new(), false);
    for (_, command) in queued {
        match command {
            Command::SetWriter { writer, .. } => _ = allowed.insert(writer),
            Command::RevokeWriter { writer, .. } => _ = revoked.insert(writer),
            Command::Deposit { last_resort, .. } => stocked |= last_resort.is_some(),
            _ => {}
        }
    }
    for secret in list::holders(turn)? {
        let keys = Keys::new(&secret);
        if !allowed.contains(&keys.writer.public()) {
            allow(turn, &keys, Some(first))?;
        }
    }
    for writer in invite::ended_writers(turn)? {
        if !revoked.contains(&writer) {
            invite::forbid(turn, writer, Some(first))?;
        }
    }
    if !stocked {
        pool::stock(turn, Some(first))?;
    }
    Ok(Some(first))
}

/// The relay knows no inbox that this device may read.
pub(crate) fn missing(turn: &mut Turn<'_>) -> Result<()> {
    again(turn)?;
    turn.room.timers.retry(turn.now.plus(AGAIN));
    Ok(())
}

/// All that lay in the inbox has been read.
pub(crate) fn read(turn: &mut Turn<'_>) -> Result<()> {
    turn.room.inbox_read = true;
    if !invite::expired(turn)?.is_empty() {
        turn.room.timers.housekeeping(turn.now);
    }
    Ok(())
}

/// The relay says where this device stands in the inbox, and how far that goes.
///
/// Where it ends before what was read of it, the relay has forgotten, and letters get places again
/// that others had before. Where it says that more was acknowledged than this device knows of, that
/// was its word a moment ago, or this database is an old copy. It will deliver from there on, in any
/// case: a letter less is withheld, which a relay can always do.
pub(crate) fn subscribed(turn: &mut Turn<'_>, state: &Subscribed) -> Result<()> {
    turn.room.inbox_live = true;
    let forgot = state.head < turn.me.inbox_position;
    if !forgot && state.cursor <= turn.me.inbox_position {
        return Ok(());
    }
    turn.me.inbox_position = state.cursor.min(state.head);
    // Nobody here knows the hash at that place; it is compared with nothing either.
    turn.me.inbox_hash = ChainHash::start(&turn.me.inbox);
    turn.me.save(turn.db)?;
    if forgot {
        again(turn)?;
    }
    Ok(())
}
