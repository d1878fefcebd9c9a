//! Fences: the end of a generation, and what is due every week.

use sotto_wire::{ChannelId, Command, Role};

use super::handshake::{self, Intent};
use super::keep::flush_groups;
use super::{Channel, Generation, Kind, generation};
use crate::api::{ConversationId, ConversationState, Timestamp};
use crate::contacts::introduce;
use crate::error::{EngineError, Result, Within};
use crate::messages::receipts;
use crate::relays::{Errand, Purpose, errand};
use crate::store::params;
use crate::turn::Turn;

const WEEK: u64 = 7 * 86_400_000;

/// Moves to the next generation: its secret is exported from the epoch in force at the fence,
/// under the old channel's address, whatever anybody claims beside it.
pub(super) fn cross(turn: &mut Turn<'_>, id: &ConversationId) -> Result<()> {
    let group = turn.group(id)?;
    let old = turn
        .conversation(id)?
        .channel
        .clone()
        .ok_or_else(|| EngineError::Internal("a fence without a channel".into()))?;
    let secret = turn
        .mls
        .export(&group, generation::EXPORT_LABEL, old.id().as_bytes())?;
    let next = Generation::new(old.generation.number().saturating_add(1), secret);
    // Whatever was under way in the old channel stands before the fence or was refused.
    handshake::destroy(turn, id)?;
    handshake::fulfilled(turn, id, Intent::Fence)?;
    turn.db
        .prepare_cached("UPDATE outbox SET append = NULL, body = NULL WHERE conversation = ?1")?
        .execute([id.0])?;
    let fresh = Channel::fresh(old.relay.clone(), old.subscriber.clone(), next, turn.now);
    turn.conversation_mut(id)?.channel = Some(fresh);
    create(turn, id)?;
    let subscriber = old.subscriber.public();
    errand::queue(
        turn,
        Errand {
            relay: &old.relay,
            channel: old.id(),
            role: Role::Subscriber,
            key: &old.subscriber,
            command: Command::Unsubscribe {
                channel: old.id(),
                subscriber,
            },
            purpose: Purpose::None,
            subject: None,
            after: None,
        },
    )?;
    if turn.conversation(id)?.kind == Kind::Direct {
        // Told once each, these are lost to whoever sleeps over the relay's retention; who wakes up
        // reads the newest generation whole, because it is never older than a week.
        introduce(turn, id)?;
        receipts::tell_again(turn, id)?;
    }
    Ok(())
}

/// Asks the relay for the conversation's channel, which every leaf of the group reads; every member does,
/// and it comes to the same.
pub(crate) fn create(turn: &mut Turn<'_>, id: &ConversationId) -> Result<i64> {
    let group = turn.group(id)?;
    let subscribers = turn
        .mls
        .leaves(&group)?
        .into_iter()
        .map(|leaf| leaf.channel.subscriber)
        .collect();
    let Channel {
        relay, generation, ..
    } = turn
        .conversation(id)?
        .channel
        .clone()
        .ok_or_else(|| EngineError::Internal("a conversation without a channel".into()))?;
    let channel: ChannelId = generation.channel();
    let admin = generation.admin();
    errand::queue(
        turn,
        Errand {
            relay: &relay,
            channel,
            role: Role::Admin,
            key: admin,
            command: Command::Create {
                channel,
                admin: admin.public(),
                writers: vec![generation.writer().public()],
                subscribers,
            },
            purpose: Purpose::Channel,
            subject: Some(*id),
            after: None,
        },
    )
}

/// What is due by time: weekly refresh and fence of every conversation, and the end of old keys.
pub(crate) fn housekeeping(turn: &mut Turn<'_>) -> Result<()> {
    let now = turn.now;
    let ids: Vec<_> = turn.room.conversations.keys().copied().collect();
    for id in ids {
        if turn.conversation(&id)?.state == ConversationState::Active {
            weekly(turn, &id).within(&id)?;
        }
    }
    let old = turn.sql_time(Timestamp(now.0.saturating_sub(90 * 86_400_000)));
    turn.db
        .prepare_cached("DELETE FROM entries WHERE seen < ?1")?
        .execute([old])?;
    Ok(())
}

/// What is due in one conversation.
fn weekly(turn: &mut Turn<'_>, id: &ConversationId) -> Result<()> {
    let now = turn.now;
    let conversation = turn.conversation(id)?;
    let refresh = now.since(conversation.refreshed) >= WEEK;
    let since = conversation
        .channel
        .as_ref()
        .map_or(Timestamp(now.0), |channel| channel.since);
    let fence = now.since(since) >= WEEK;
    let live = conversation
        .channel
        .as_ref()
        .is_some_and(|channel| channel.live);
    let group = conversation.group;
    if refresh {
        handshake::want(turn, id, Intent::Refresh)?;
    }
    if fence {
        handshake::want(turn, id, Intent::Fence)?;
    }
    // Seven days, counted from when this device has read to the channel's head.
    if let Some(group) = group.filter(|_| live) {
        let old = turn.sql_time(Timestamp(now.0.saturating_sub(WEEK)));
        let ended = turn
            .db
            .prepare_cached("SELECT 1 FROM mls_epochs WHERE group_id = ?1 AND ended < ?2")?
            .exists(params![group, old])?;
        if ended {
            // What moved in this turn is written before the group leaves memory.
            flush_groups(turn)?;
            // With the old ones whatever went before them: a clock that was put back lets a later
            // epoch end earlier, and MLS goes on from the newest that is kept.
            turn.db
                .prepare_cached(
                    "DELETE FROM mls_epochs WHERE group_id = ?1 AND epoch <=
                         (SELECT max(epoch) FROM mls_epochs WHERE group_id = ?1 AND ended < ?2)",
                )?
                .execute(params![group, old])?;
            turn.mls.unload(&group);
        }
    }
    Ok(())
}
