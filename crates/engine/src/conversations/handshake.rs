//! Commits and fences of this device: built apart, sent, and merged only when exactly they come
//! back as the winner. A loser's secrets are destroyed unsent and its intent is tried again.

use sotto_suite::rand::RandomExt;
use sotto_wire::{AppendId, Command, Entry, Lane, Refusal, RefusalCode, Role};
use zeroize::Zeroizing;

use super::envelope::{self, Content, Kind};
use super::mls::PendingCommit;
use super::receive::seen_by_me;
use crate::api::{ConversationId, ConversationState};
use crate::error::{EngineError, Result};
use crate::relays::Asked;
use crate::store::{OptionalExtension, params};
use crate::turn::Turn;

/// What is wanted of the group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i64)]
pub(crate) enum Intent {
    /// A commit with a fresh path: heals this device's leaf.
    Refresh = 0,
    /// A fence: the next generation of the channel.
    Fence = 1,
    /// A commit of what others have proposed: until there is one, nothing can be said.
    Proposed = 2,
}

/// Notes an intent; it is carried out as soon as the channel allows.
pub(crate) fn want(turn: &mut Turn<'_>, id: &ConversationId, intent: Intent) -> Result<()> {
    turn.db
        .prepare_cached("INSERT OR IGNORE INTO intents (conversation, kind) VALUES (?1, ?2)")?
        .execute(params![id.0, intent as i64])?;
    send(turn, id)
}

/// The intent is fulfilled.
pub(super) fn fulfilled(turn: &mut Turn<'_>, id: &ConversationId, intent: Intent) -> Result<()> {
    turn.db
        .prepare_cached("DELETE FROM intents WHERE conversation = ?1 AND kind = ?2")?
        .execute(params![id.0, intent as i64])?;
    Ok(())
}

/// A handshake on its way.
pub(super) struct Pending {
    pub(super) append: AppendId,
    body: Vec<u8>,
    handshakes: u64,
    pub(super) fence: bool,
    pub(super) commit: PendingCommit,
}

impl Pending {
    /// Whether the entry is this handshake, byte for byte.
    pub(super) fn is(&self, entry: &Entry) -> bool {
        entry.append == self.append
            && entry.lane == Lane::Handshake
            && entry.fence == self.fence
            && entry.body == self.body
    }
}

/// What is on its way in this conversation.
pub(super) fn pending(turn: &Turn<'_>, id: &ConversationId) -> Result<Option<Pending>> {
    let row = turn
        .db
        .prepare_cached(
            "SELECT append, body, handshakes, fence, epoch, hash, message, secrets
             FROM pending_handshakes WHERE conversation = ?1",
        )?
        .query_row([id.0], |row| {
            Ok(Pending {
                append: AppendId(row.get(0)?),
                body: row.get(1)?,
                handshakes: row.get::<_, i64>(2)?.cast_unsigned(),
                fence: row.get(3)?,
                commit: PendingCommit {
                    epoch: row.get::<_, i64>(4)?.cast_unsigned(),
                    hash: row.get(5)?,
                    message: row.get(6)?,
                    secrets: Zeroizing::new(row.get(7)?),
                },
            })
        })
        .optional()?;
    Ok(row)
}

/// Destroys what is on its way, secrets and all.
pub(super) fn destroy(turn: &mut Turn<'_>, id: &ConversationId) -> Result<()> {
    turn.db
        .prepare_cached("DELETE FROM pending_handshakes WHERE conversation = ?1")?
        .execute([id.0])?;
    Ok(())
}

/// Sends what is on its way again, or builds what is wanted.
pub(crate) fn send(turn: &mut Turn<'_>, id: &ConversationId) -> Result<()> {
    let conversation = turn.conversation(id)?;
    if !matches!(conversation.state, ConversationState::Active) {
        return Ok(());
    }
    let Some(channel) = conversation
        .channel
        .as_ref()
        .filter(|channel| channel.live)
        .cloned()
    else {
        return Ok(());
    };
    let pending = match pending(turn, id)? {
        Some(pending) => pending,
        None => match build(turn, id)? {
            Some(pending) => pending,
            None => return Ok(()),
        },
    };
    if turn
        .room
        .sessions
        .is_in_flight(&channel.relay, &pending.append)
    {
        return Ok(());
    }
    let writer = channel.generation.writer();
    let command = Command::Append {
        channel: channel.id(),
        writer: writer.public(),
        lane: Lane::Handshake,
        append: pending.append,
        handshakes: pending.handshakes,
        body: pending.body,
        subscribers: Vec::new(),
        fence: pending.fence,
    };
    let right = (channel.id(), Role::Writer, writer);
    let asked = Asked::Handshake(*id, pending.append);
    turn.room
        .sessions
        .ask(&channel.relay, right, command, asked, &mut turn.out);
    Ok(())
}

fn build(turn: &mut Turn<'_>, id: &ConversationId) -> Result<Option<Pending>> {
    // A fence goes last: the next generation then derives from healed keys.
    let wanted: Option<i64> = turn
        .db
        .prepare_cached(
            "SELECT kind FROM intents WHERE conversation = ?1 ORDER BY kind = ?2 LIMIT 1",
        )?
        .query_row(params![id.0, Intent::Fence as i64], |row| row.get(0))
        .optional()?;
    let Some(wanted) = wanted else {
        return Ok(None);
    };
    if !turn.synced {
        turn.defer(id);
        return Ok(None);
    }
    let fence = wanted == Intent::Fence as i64;
    let group = turn.group(id)?;
    let commit = if fence {
        let epoch = turn.mls.epoch(&group)?;
        PendingCommit {
            message: Vec::new(),
            hash: [0; 32],
            epoch,
            secrets: Zeroizing::default(),
        }
    } else {
        turn.mls.commit(&group, turn.now)?
    };
    let seen = seen_by_me(turn, id)?;
    let conversation = turn.conversation(id)?;
    let Some(channel) = conversation.channel.clone() else {
        return Ok(None);
    };
    let append = AppendId(turn.random.bytes());
    let kind = if fence { Kind::Fence } else { Kind::Mls };
    let content = Content {
        kind,
        body: commit.message.clone(),
        seen: Some(seen),
    };
    let body = envelope::seal(
        &channel.generation,
        Lane::Handshake,
        &append,
        &content,
        turn.random,
    )
    .map_err(|error| EngineError::Internal(error.to_string()))?;
    turn.db
        .prepare_cached(
            "INSERT INTO pending_handshakes (conversation, append, body, handshakes, fence, epoch, hash, message, secrets)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            id.0,
            append.0,
            body,
            channel.handshakes.cast_signed(),
            fence,
            commit.epoch.cast_signed(),
            commit.hash,
            commit.message,
            commit.secrets.as_slice(),
        ])?;
    Ok(Some(Pending {
        append,
        body,
        handshakes: channel.handshakes,
        fence,
        commit,
    }))
}

/// The relay did not take it: proof that it was not accepted.
pub(crate) fn refused(
    turn: &mut Turn<'_>,
    id: &ConversationId,
    append: &AppendId,
    refusal: &Refusal,
) -> Result<()> {
    match refusal.code {
        RefusalCode::Stale
        | RefusalCode::Fenced
        | RefusalCode::NotFound
        | RefusalCode::TooLarge => {
            if pending(turn, id)?.is_some_and(|pending| pending.append == *append) {
                destroy(turn, id)?;
            }
            // What made it stale is on its way here; the intent is tried again behind it.
            let again = turn.room.stale(id, turn.now, 1_000);
            turn.room.timers.retry(again);
        }
        _ => {
            let pause = u64::from(refusal.retry_after_ms.unwrap_or(5_000));
            turn.room.timers.retry(turn.now.plus(pause));
        }
    }
    Ok(())
}
