//! What a person asks for, one verb each.

use crate::api::{Author, Command, ConversationId, ConversationState, Done, MessageId};
use crate::contacts::{invite, opening, request};
use crate::conversations::{Kind, QUEUED};
use crate::engine::Answer;
use crate::error::{Refused, Result, Within};
use crate::messages::content::{Content, MAX_TEXT, Text, clean_name, kind};
use crate::messages::history::{self, NewRow};
use crate::messages::{draft, outbox, receipts, typing};
use crate::store::{OptionalExtension, params};
use crate::turn::Turn;

/// Carries out one command.
pub(crate) fn carry_out(turn: &mut Turn<'_>, command: Command) -> Answer {
    match command {
        Command::SetName { name } => set_name(turn, &name),
        Command::CreateInvite {
            single_use,
            lifetime_seconds,
        } => invite::create(turn, single_use, lifetime_seconds),
        Command::RevokeInvite { invite } => invite::revoke(turn, &invite),
        Command::OpenInvite { link } => opening::begin(turn, &link),
        Command::AcceptRequest { request } => request::accept(turn, &request),
        Command::DeclineRequest { request } => request::decline(turn, &request),
        Command::SendText { conversation, text } => send_text(turn, &conversation, text),
        Command::MarkRead {
            conversation,
            message,
        } => mark_read(turn, &conversation, &message),
        Command::Typing {
            conversation,
            typing,
        } => {
            typing::send(turn, &conversation, typing).within(&conversation)?;
            Ok(Done::Ok)
        }
        Command::SetDraft { conversation, text } => set_draft(turn, &conversation, &text),
        Command::SetVerified {
            conversation,
            verified,
        } => {
            let now = turn.now;
            let conversation = turn.conversation_mut(&conversation)?;
            conversation.verified = verified;
            conversation.verified_at = verified.then_some(now);
            Ok(Done::Ok)
        }
        Command::SetReceipts { on } => {
            turn.me.receipts = on;
            turn.me.save(turn.db)?;
            Ok(Done::Ok)
        }
        Command::RecoveryCodeSaved => {
            turn.db.execute("UPDATE profile SET recovery = NULL", [])?;
            turn.me.recovery_saved = true;
            Ok(Done::Ok)
        }
    }
}

fn set_name(turn: &mut Turn<'_>, name: &str) -> Answer {
    turn.me.name = clean_name(name).ok_or(Refused::BadName)?;
    turn.me.save(turn.db)?;
    let known: Vec<_> = turn
        .room
        .conversations
        .values()
        .filter(|c| c.kind == Kind::Direct && c.state == ConversationState::Active)
        .map(|c| c.id)
        .collect();
    for id in known {
        crate::contacts::introduce(turn, &id).within(&id)?;
    }
    Ok(Done::Ok)
}

fn send_text(turn: &mut Turn<'_>, id: &ConversationId, text: String) -> Answer {
    if text.trim().is_empty() {
        return Err(Refused::EmptyText.into());
    }
    if text.len() > MAX_TEXT {
        return Err(Refused::TextTooLong(text.len()).into());
    }
    let conversation = turn.conversation(id)?;
    if conversation.kind != Kind::Direct {
        return Err(Refused::NoSuchConversation.into());
    }
    if conversation.state == ConversationState::Halted {
        return Err(Refused::Halted.into());
    }
    if conversation.contradicted {
        return Err(Refused::Held.into());
    }
    let content = Content::new(kind::TEXT, &Text { text }, turn.now, turn.random);
    let seq = outbox::enqueue(turn, id, &content, true)?;
    let row = NewRow {
        order: QUEUED.saturating_add(seq),
        author: Author::Me,
        content: &content,
        as_sent: None,
    };
    history::add(turn, id, &row)?;
    draft::clear(turn, id)?;
    let now = turn.now;
    turn.conversation_mut(id)?.changed = now;
    history::show_added(turn, id, &content.message_id())?;
    turn.pump.insert(*id);
    Ok(Done::Message {
        message: content.message_id(),
    })
}

fn set_draft(turn: &mut Turn<'_>, id: &ConversationId, text: &str) -> Answer {
    if text.len() > MAX_TEXT {
        return Err(Refused::DraftTooLong(text.len()).into());
    }
    if turn.conversation(id)?.kind != Kind::Direct {
        return Err(Refused::NoSuchConversation.into());
    }
    if draft::keep(turn, id, text)? {
        // Shown, and not moved up in the list: nothing has happened between the two.
        turn.conversation_mut(id)?;
    }
    Ok(Done::Ok)
}

fn mark_read(turn: &mut Turn<'_>, id: &ConversationId, message: &MessageId) -> Answer {
    turn.conversation(id)?;
    let order: Option<i64> = turn
        .db
        .prepare_cached("SELECT ord FROM messages WHERE id = ?1 AND conversation = ?2")?
        .query_row(params![message.0, id.0], |row| row.get(0))
        .optional()?;
    let order = order.ok_or(Refused::NoSuchMessage)?;
    let conversation = turn.conversation(id)?;
    // Only what came from others is ever told as read, and what was read stays read.
    let read = order
        .min(conversation.theirs_received)
        .max(conversation.theirs_read);
    let unread = count_unread(turn, id, read)?;
    if (read, unread) == (conversation.theirs_read, conversation.unread) {
        return Ok(Done::Ok);
    }
    let conversation = turn.conversation_mut(id)?;
    conversation.theirs_read = read;
    conversation.unread = unread;
    receipts::due(turn, id)?;
    Ok(Done::Ok)
}

fn count_unread(turn: &Turn<'_>, id: &ConversationId, read: i64) -> Result<u32> {
    Ok(turn
        .db
        .prepare_cached(
            "SELECT count(*) FROM messages WHERE conversation = ?1 AND ord > ?2 AND author = 1",
        )?
        .query_row(params![id.0, read], |row| row.get(0))?)
}
