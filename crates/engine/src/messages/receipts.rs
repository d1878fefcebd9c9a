//! Receipts: how far the other side has got, told in batches and with jitter.

use sotto_suite::rand::RandomExt;

use super::content::{Content, Receipt, kind};
use super::outbox;
use crate::api::{ConversationId, ConversationState, Event};
use crate::error::{Result, Within};
use crate::turn::Turn;

/// Shortest and longest wait before a receipt goes out, in milliseconds.
const JITTER: std::ops::Range<u64> = 200..800;

/// There is something to tell; it is told soon, but not at a moment that betrays the reader's.
pub(crate) fn due(turn: &mut Turn<'_>, id: &ConversationId) -> Result<()> {
    if turn.me.receipts && turn.conversation(id)?.state == ConversationState::Active {
        let [a, b] = turn.random.bytes::<2>();
        let spread = u64::from(u16::from_be_bytes([a, b])) % (JITTER.end - JITTER.start);
        turn.room
            .timers
            .receipts(turn.now.plus(JITTER.start + spread));
    }
    Ok(())
}

/// After a start: what an earlier process had received and not told is due again.
pub(crate) fn resume(turn: &mut Turn<'_>) -> Result<()> {
    untold(turn).iter().try_for_each(|id| due(turn, id))
}

/// What was told before is told once more: it may never have been read.
pub(crate) fn tell_again(turn: &mut Turn<'_>, id: &ConversationId) -> Result<()> {
    let conversation = turn.conversation_mut(id)?;
    (conversation.receipt_sent, conversation.receipt_read_sent) = (0, 0);
    if conversation.theirs_received > 0 {
        due(turn, id)?;
    }
    Ok(())
}

/// Conversations in which this side has got further than the other has been told.
fn untold(turn: &Turn<'_>) -> Vec<ConversationId> {
    turn.room
        .conversations
        .values()
        .filter(|c| c.state == ConversationState::Active)
        .filter(|c| c.theirs_received > c.receipt_sent || c.theirs_read > c.receipt_read_sent)
        .map(|c| c.id)
        .collect()
}

/// Sends what is due, one receipt a conversation.
pub(crate) fn send(turn: &mut Turn<'_>) -> Result<()> {
    if !turn.me.receipts {
        return Ok(());
    }
    for id in untold(turn) {
        let conversation = turn.conversation_mut(&id)?;
        let receipt = Receipt {
            delivered: conversation.theirs_received,
            read: conversation.theirs_read,
        };
        conversation.receipt_sent = receipt.delivered;
        conversation.receipt_read_sent = receipt.read;
        let content = Content::new(kind::RECEIPT, &receipt, turn.now, turn.random);
        outbox::enqueue(turn, &id, &content, false)?;
        outbox::pump(turn, &id).within(&id)?;
    }
    Ok(())
}

/// The other side tells how far it has got. It can't have got further than the channel.
pub(crate) fn received(turn: &mut Turn<'_>, id: &ConversationId, receipt: Receipt) -> Result<()> {
    if !turn.me.receipts {
        return Ok(());
    }
    let conversation = turn.conversation(id)?;
    let head = conversation
        .channel
        .as_ref()
        .map_or(0, |channel| channel.order());
    let delivered = receipt
        .delivered
        .max(receipt.read)
        .min(head)
        .max(conversation.mine_delivered);
    let read = receipt.read.min(head).max(conversation.mine_read);
    if delivered == conversation.mine_delivered && read == conversation.mine_read {
        return Ok(());
    }
    let conversation = turn.conversation_mut(id)?;
    conversation.mine_delivered = delivered;
    conversation.mine_read = read;
    turn.event(Event::Marks {
        conversation: *id,
        delivered,
        read,
    });
    Ok(())
}
