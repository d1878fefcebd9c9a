//! Reading a channel: subscription and where it stands.

use sotto_wire::{ChannelId, Command, Position, Role, Subscribed};

use super::fence;
use crate::api::{ConversationId, ConversationState, Notice};
use crate::contacts::inbox;
use crate::error::Result;
use crate::messages::history;
use crate::relays::{Asked, errand};
use crate::turn::Turn;

/// Asks for delivery, unless the channel is still to be made or is being read already.
pub(crate) fn subscribe(turn: &mut Turn<'_>, id: &ConversationId) -> Result<()> {
    let conversation = turn.conversation(id)?;
    if conversation.rests() {
        return Ok(());
    }
    let Some(channel) = conversation
        .channel
        .as_ref()
        .filter(|channel| !channel.subscribed)
        .cloned()
    else {
        return Ok(());
    };
    let asked = Asked::Subscribe(*id, channel.id());
    if errand::channel_pending(turn, id)? || turn.room.sessions.is_asked(&channel.relay, &asked) {
        return Ok(());
    }
    let command = Command::Subscribe {
        channel: channel.id(),
        subscriber: channel.subscriber.public(),
    };
    let right = (channel.id(), Role::Subscriber, &channel.subscriber);
    turn.room
        .sessions
        .ask(&channel.relay, right, command, asked, &mut turn.out);
    Ok(())
}

/// The relay says where the subscription stands.
pub(crate) fn subscribed(
    turn: &mut Turn<'_>,
    id: &ConversationId,
    of: &ChannelId,
    state: &Subscribed,
) -> Result<()> {
    let Some(conversation) = turn.room.conversations.get_mut(id) else {
        return Ok(());
    };
    let channel = conversation.channel.as_mut();
    let Some(channel) = channel.filter(|channel| channel.id() == *of) else {
        return Ok(());
    };
    channel.subscribed = true;
    channel.fenced = state.fenced;
    let (position, place) = (channel.position, channel.order());
    let at_home = channel.relay == turn.me.relay;
    if state.cursor > position {
        // Only what is durable here is ever acknowledged: this database is older than what this
        // device had told the relay. Going on would use message keys twice.
        turn.conversation_mut(id)?.state = ConversationState::Halted;
        return history::notice(turn, id, Notice::Halted, place.saturating_add(1));
    }
    if state.head < position && !conversation.contradicted {
        // The relay has forgotten what it had delivered, and perhaps who may write into the inbox.
        turn.conversation_mut(id)?.contradicted = true;
        if at_home {
            inbox::again(turn)?;
        }
    }
    Ok(())
}

/// The relay knows no such channel, or nobody of this device in it. It is made again, which comes to the
/// same for all members; if anything of it was read before, the relay has contradicted itself.
pub(crate) fn missing(turn: &mut Turn<'_>, id: &ConversationId, of: &ChannelId) -> Result<()> {
    let Some(conversation) = turn.room.conversations.get(id) else {
        return Ok(());
    };
    let channel = conversation.channel.as_ref();
    let Some(channel) = channel.filter(|channel| channel.id() == *of) else {
        return Ok(());
    };
    if channel.position > Position(0) && !conversation.contradicted {
        turn.conversation_mut(id)?.contradicted = true;
    }
    turn.room.timers.retry(turn.now.plus(inbox::AGAIN));
    if turn.room.timers.take_lost(*of, turn.now, inbox::AGAIN) {
        fence::create(turn, id)?;
    }
    Ok(())
}
