//! What the relay delivers to a conversation, in the order that all members share.

use sotto_wire::{ChainHash, Delivered, Entry, Gap, Lane, Position, RelayAddress};

use super::envelope::{self, Kind as EnvelopeKind, Seen};
use super::handshake::{self, Intent, Pending};
use super::{Channel, MlsFailure, Opened, fence, order};
use crate::api::{ConversationId, ConversationState, Event, Notice, RelayChange};
use crate::error::{EngineError, Result};
use crate::messages::history::AsSent;
use crate::messages::{history, incoming, outbox, typing};
use crate::store::{OptionalExtension, params};
use crate::turn::Turn;

/// What this device has seen of the channel, for the envelopes that it sends.
pub(crate) fn seen_by_me(turn: &mut Turn<'_>, id: &ConversationId) -> Result<Seen> {
    let group = turn.group(id)?;
    let authenticator = turn.mls.authenticator(&group)?;
    let [a, b, c, d, e, f, g, h, ..] = *authenticator.expose();
    let epoch = turn.mls.epoch(&group)?;
    let channel = channel(turn, id)?;
    Ok(Seen {
        position: channel.position,
        hash: channel.hash,
        authenticator: [a, b, c, d, e, f, g, h],
        epoch,
    })
}

fn channel<'t>(turn: &'t Turn<'_>, id: &ConversationId) -> Result<&'t Channel> {
    let channel = turn.conversation(id)?.channel.as_ref();
    channel.ok_or_else(|| EngineError::Internal("a conversation without a channel".into()))
}

fn channel_mut<'t>(turn: &'t mut Turn<'_>, id: &ConversationId) -> Result<&'t mut Channel> {
    let channel = turn.conversation_mut(id)?.channel.as_mut();
    channel.ok_or_else(|| EngineError::Internal("a conversation without a channel".into()))
}

/// Takes one delivery.
pub(crate) fn delivered(
    turn: &mut Turn<'_>,
    relay: &RelayAddress,
    id: &ConversationId,
    delivered: Delivered,
) -> Result<()> {
    if turn.conversation(id)?.rests() {
        // Nothing is applied and nothing acknowledged: what comes now may be needed for mending.
        return Ok(());
    }
    if channel(turn, id)?.deaf {
        return Ok(());
    }
    match delivered {
        Delivered::Entry(entry) => take_entry(turn, relay, id, &entry),
        Delivered::Signal(body) => typing::received(turn, id, &body),
        Delivered::Gap(gap) => cross_gap(turn, id, gap),
        Delivered::CaughtUp(position) => caught_up(turn, relay, id, position),
    }
}

fn caught_up(
    turn: &mut Turn<'_>,
    relay: &RelayAddress,
    id: &ConversationId,
    position: Position,
) -> Result<()> {
    if channel(turn, id)?.position < position {
        // It says that we have everything, but never sent it.
        return hole(turn, relay, id);
    }
    if channel(turn, id)?.fenced && !turn.conversation(id)?.contradicted {
        // It takes nothing more here, and all that it has shown is no fence that can be crossed.
        turn.conversation_mut(id)?.contradicted = true;
    }
    if let Some(channel) = turn
        .room
        .conversations
        .get_mut(id)
        .and_then(|c| c.channel.as_mut())
    {
        channel.live = true;
    }
    handshake::send(turn, id)?;
    outbox::pump(turn, id)
}

/// Asks again from our cursor, over a new connection. Where that has brought nothing further, this
/// channel is not listened to until the next one: the relay's other channels are not to suffer for it.
fn hole(turn: &mut Turn<'_>, relay: &RelayAddress, id: &ConversationId) -> Result<()> {
    let channel = channel_mut(turn, id)?;
    if channel.hole.replace(channel.position) == Some(channel.position) {
        (channel.deaf, channel.live) = (true, false);
    } else {
        turn.out.relays.push(RelayChange::Drop(relay.clone()));
    }
    Ok(())
}

fn take_entry(
    turn: &mut Turn<'_>,
    relay: &RelayAddress,
    id: &ConversationId,
    entry: &Entry,
) -> Result<()> {
    let before = channel(turn, id)?.clone();
    if entry.position <= before.position {
        compare_with_own_record(turn, id, &before, entry)?;
        acknowledge(turn, relay, &before);
        return Ok(());
    }
    if entry.position != before.position.next() || entry.lane == Lane::Ephemeral {
        // A hole without a gap marker, or a place for what has none.
        return hole(turn, relay, id);
    }
    let hash = before
        .hash
        .next(entry.position, entry.lane, &entry.append, &entry.body);
    let outcome = open(turn, relay, id, &before, entry)?;
    if matches!(outcome, Outcome::Stranded) {
        return halt(turn, id);
    }
    let unopenable = match &outcome {
        Outcome::Unopenable(reason) => Some(reason.as_str()),
        _ => None,
    };
    turn.db
        .prepare_cached(
            "INSERT OR REPLACE INTO entries (conversation, generation, position, hash, seen, unopenable)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            id.0,
            before.generation.number(),
            entry.position.0.cast_signed(),
            hash.0,
            turn.now_sql(),
            unopenable
        ])?;
    if unopenable.is_some() && entry.lane == Lane::Chat {
        // A commit that lost, or that nobody can apply, changes nothing for the person.
        let place = order(before.generation.number(), entry.position);
        history::notice(turn, id, Notice::Unopenable, place)?;
    }
    {
        let channel = channel_mut(turn, id)?;
        channel.moved();
        channel.position = entry.position;
        channel.hash = hash;
        channel.handshakes = channel
            .handshakes
            .saturating_add(u64::from(entry.lane == Lane::Handshake));
    }
    let after = channel(turn, id)?.clone();
    acknowledge(turn, relay, &after);
    if matches!(outcome, Outcome::Fence) {
        return fence::cross(turn, id);
    }
    match outcome {
        Outcome::Proposal => handshake::want(turn, id, Intent::Proposed),
        Outcome::Epoch => {
            handshake::send(turn, id)?;
            // What was proposed before it had kept everything from being said.
            outbox::pump(turn, id)
        }
        _ => Ok(()),
    }
}

fn acknowledge(turn: &mut Turn<'_>, relay: &RelayAddress, channel: &Channel) {
    let key = (relay.clone(), channel.id(), channel.subscriber.public());
    turn.room.unacknowledged.insert(key, channel.position);
}

enum Outcome {
    Done,
    Epoch,
    Proposal,
    Fence,
    Unopenable(String),
    Stranded,
}

fn open(
    turn: &mut Turn<'_>,
    relay: &RelayAddress,
    id: &ConversationId,
    before: &Channel,
    entry: &Entry,
) -> Result<Outcome> {
    let place = order(before.generation.number(), entry.position);
    // Own entries first: MLS never opens what it has sealed itself.
    if outbox::came_back(turn, relay, id, entry, place)? {
        return Ok(Outcome::Done);
    }
    if let Some(pending) =
        handshake::pending(turn, id)?.filter(|pending| pending.append == entry.append)
    {
        turn.room.sessions.landed(relay, &entry.append);
        handshake::destroy(turn, id)?;
        if pending.is(entry) {
            return handshake_came_back(turn, id, &pending);
        }
        // The relay put something else under our append id: seen with our own eyes. What the others
        // have got there is no handshake of ours, so ours is none either.
        turn.conversation_mut(id)?.contradicted = true;
    }
    let (content, salt) =
        match envelope::open(&before.generation, entry.lane, &entry.append, &entry.body) {
            Ok(opened) => opened,
            Err(error) => return Ok(Outcome::Unopenable(error.to_string())),
        };
    if let Some(seen) = &content.seen {
        compare_with_claim(turn, id, before, entry.position, seen)?;
    }
    match (content.kind, entry.lane, entry.fence) {
        (EnvelopeKind::Fence, Lane::Handshake, true) => {
            compare_epochs(turn, id, content.seen.as_ref())?;
            Ok(Outcome::Fence)
        }
        (EnvelopeKind::Mls, _, false) => {
            let as_sent = AsSent {
                mls: &content.body,
                salt: &salt,
                append: &entry.append,
                seen: &content.seen,
            };
            open_mls(turn, id, entry.lane, &as_sent, place)
        }
        _ => Ok(Outcome::Unopenable(
            "the entry is in a lane where its kind does not belong".into(),
        )),
    }
}

/// Exactly the own handshake has won.
fn handshake_came_back(
    turn: &mut Turn<'_>,
    id: &ConversationId,
    pending: &Pending,
) -> Result<Outcome> {
    if pending.fence {
        return Ok(Outcome::Fence);
    }
    let group = turn.group(id)?;
    turn.mls.merge(&group, &pending.commit)?;
    turn.group_moved(group);
    turn.conversation_mut(id)?.refreshed = turn.now;
    handshake::fulfilled(turn, id, Intent::Refresh)?;
    handshake::fulfilled(turn, id, Intent::Proposed)?;
    Ok(Outcome::Epoch)
}

fn open_mls(
    turn: &mut Turn<'_>,
    id: &ConversationId,
    lane: Lane,
    as_sent: &AsSent<'_>,
    place: i64,
) -> Result<Outcome> {
    let group = turn.group(id)?;
    turn.mls.checkpoint(&group)?;
    let opened = turn.mls.open(&group, as_sent.mls);
    let outcome = match opened {
        Ok(Opened::Content { sender, content }) if lane == Lane::Chat => {
            incoming::take(turn, id, &sender, &content, as_sent, place)?;
            Ok(Outcome::Done)
        }
        Ok(Opened::Epoch { committer, removed }) if lane == Lane::Handshake => {
            handshake::destroy(turn, id)?;
            if removed {
                return Ok(Outcome::Stranded);
            }
            handshake::fulfilled(turn, id, Intent::Proposed)?;
            incoming::epoch_began(turn, id, &committer, place)?;
            Ok(Outcome::Epoch)
        }
        Ok(Opened::Proposal) if lane == Lane::Handshake => Ok(Outcome::Proposal),
        Ok(_) => Err("the message is in a lane where it does not belong".to_owned()),
        Err(MlsFailure::Stranded(_)) => {
            turn.mls.rollback(&group);
            return Ok(Outcome::Stranded);
        }
        Err(failure @ MlsFailure::State(_)) => return Err(failure.into()),
        Err(failure) => Err(failure.to_string()),
    };
    match outcome {
        Ok(outcome) => {
            turn.group_moved(group);
            Ok(outcome)
        }
        Err(reason) => {
            // A message that fails has burned its key in memory: the genuine one must still open.
            turn.mls.rollback(&group);
            Ok(Outcome::Unopenable(reason))
        }
    }
}

/// The sender says what it has seen: compare with what this device was shown at that place.
fn compare_with_claim(
    turn: &mut Turn<'_>,
    id: &ConversationId,
    channel: &Channel,
    at: Position,
    seen: &Seen,
) -> Result<()> {
    // Nobody has seen what stands at or behind the place of the entry that it wrote.
    let differs = seen.position >= at
        || hash_at(turn, id, channel, seen.position)?.is_some_and(|mine| mine != seen.hash);
    if differs && !turn.conversation(id)?.disputed {
        // One member's word: yellow, never red.
        turn.conversation_mut(id)?.disputed = true;
    }
    Ok(())
}

/// Who closes a generation has seen every handshake before, or the relay would have refused it. One
/// in another epoch goes to another channel than this device, and can't be heard there any more.
fn compare_epochs(turn: &mut Turn<'_>, id: &ConversationId, theirs: Option<&Seen>) -> Result<()> {
    let mine = seen_by_me(turn, id)?;
    let same = theirs.is_some_and(|theirs| {
        (theirs.epoch, theirs.authenticator) == (mine.epoch, mine.authenticator)
    });
    if !same && !turn.conversation(id)?.disputed {
        // Again one member's word.
        turn.conversation_mut(id)?.disputed = true;
    }
    Ok(())
}

fn hash_at(
    turn: &Turn<'_>,
    id: &ConversationId,
    channel: &Channel,
    position: Position,
) -> Result<Option<ChainHash>> {
    if position == Position(0) {
        return Ok(Some(ChainHash::start(&channel.id())));
    }
    if position == channel.position {
        return Ok(Some(channel.hash));
    }
    let found = turn
        .db
        .prepare_cached("SELECT hash FROM entries WHERE conversation = ?1 AND generation = ?2 AND position = ?3")?
        .query_row(params![id.0, channel.generation.number(), position.0.cast_signed()], |row| row.get(0))
        .optional()?;
    Ok(found.map(ChainHash))
}

/// The relay delivers again what was processed before: it must be the same.
fn compare_with_own_record(
    turn: &mut Turn<'_>,
    id: &ConversationId,
    channel: &Channel,
    entry: &Entry,
) -> Result<()> {
    let Some(previous) = entry.position.0.checked_sub(1).map(Position) else {
        return Ok(());
    };
    let earlier = hash_at(turn, id, channel, previous)?;
    let recorded = hash_at(turn, id, channel, entry.position)?;
    if let (Some(earlier), Some(recorded)) = (earlier, recorded) {
        let again = earlier.next(entry.position, entry.lane, &entry.append, &entry.body);
        if again != recorded && !turn.conversation(id)?.contradicted {
            turn.conversation_mut(id)?.contradicted = true;
        }
    }
    Ok(())
}

fn cross_gap(turn: &mut Turn<'_>, id: &ConversationId, gap: Gap) -> Result<()> {
    let before = channel(turn, id)?.clone();
    if gap.until <= before.position {
        let mine = hash_at(turn, id, &before, gap.until)?;
        if mine.is_some_and(|mine| mine != gap.hash) {
            turn.conversation_mut(id)?.contradicted = true;
        }
        return Ok(());
    }
    if gap.handshakes != before.handshakes {
        // Commits are missing: nothing after them can be opened here.
        return halt(turn, id);
    }
    {
        let channel = channel_mut(turn, id)?;
        channel.position = gap.until;
        channel.hash = gap.hash;
    }
    history::notice(
        turn,
        id,
        Notice::Gap,
        order(before.generation.number(), gap.until),
    )
}

/// The conversation can't go on; nothing of it is lost.
pub(crate) fn halt(turn: &mut Turn<'_>, id: &ConversationId) -> Result<()> {
    let place = channel(turn, id)?.order();
    let conversation = turn.conversation_mut(id)?;
    (conversation.state, conversation.trouble) = (ConversationState::Halted, None);
    handshake::destroy(turn, id)?;
    history::notice(turn, id, Notice::Halted, place.saturating_add(1))?;
    turn.event(Event::Typing {
        conversation: *id,
        typing: false,
    });
    Ok(())
}
