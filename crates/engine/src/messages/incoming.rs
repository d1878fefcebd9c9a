//! Content of other members, verified and opened.

use super::content::{Content, Introduction, Receipt, clean_name, kind};
use super::history::{self, AsSent, NewRow};
use super::{outbox, receipts};
use crate::api::{AccountId, Author, ConversationId, ConversationState, Notice};
use crate::contacts;
use crate::conversations::Leaf;
use crate::error::Result;
use crate::turn::Turn;

/// Takes content that MLS has opened.
pub(crate) fn take(
    turn: &mut Turn<'_>,
    id: &ConversationId,
    sender: &Leaf,
    content: &[u8],
    as_sent: &AsSent<'_>,
    place: i64,
) -> Result<()> {
    let own = sender.account == turn.me.account;
    if !own {
        accepted(turn, id, place.saturating_sub(1))?;
    }
    let Some(content) = Content::decode(content) else {
        return history::notice(turn, id, Notice::Unopenable, place);
    };
    match content.kind {
        kind::RECEIPT if !own => match content.body::<Receipt>() {
            Some(receipt) => receipts::received(turn, id, receipt),
            None => Ok(()),
        },
        kind::INTRODUCTION if !own => match content.body::<Introduction>() {
            Some(introduction) => introduced(turn, id, sender, &introduction),
            None => Ok(()),
        },
        // Lines of the app itself are never sent; whoever sends one is not believed.
        kind::NOTICE | kind::RECEIPT | kind::INTRODUCTION => Ok(()),
        _ => shown(turn, id, own, &content, as_sent, place),
    }
}

fn shown(
    turn: &mut Turn<'_>,
    id: &ConversationId,
    own: bool,
    content: &Content,
    as_sent: &AsSent<'_>,
    place: i64,
) -> Result<()> {
    let row = NewRow {
        order: place,
        author: if own { Author::Me } else { Author::Them },
        content,
        as_sent: Some(as_sent),
    };
    if !history::add(turn, id, &row)? {
        return Ok(());
    }
    let now = turn.now;
    let conversation = turn.conversation_mut(id)?;
    conversation.changed = now;
    if !own {
        conversation.theirs_received = place;
        conversation.unread = conversation.unread.saturating_add(1);
        receipts::due(turn, id)?;
    }
    history::show_added(turn, id, &content.message_id())
}

fn introduced(
    turn: &mut Turn<'_>,
    id: &ConversationId,
    sender: &Leaf,
    introduction: &Introduction,
) -> Result<()> {
    contacts::remember_introduction(turn, &sender.account, introduction)?;
    if let Some(name) = clean_name(&introduction.name) {
        turn.conversation_mut(id)?.name = name;
    }
    Ok(())
}

/// A commit of another device began a new epoch.
pub(crate) fn epoch_began(
    turn: &mut Turn<'_>,
    id: &ConversationId,
    committer: &AccountId,
    place: i64,
) -> Result<()> {
    if *committer != turn.me.account {
        accepted(turn, id, place)?;
    }
    Ok(())
}

/// The first thing that the other side does in the group is the acceptance of the invitation, or says
/// that it knows of being accepted.
fn accepted(turn: &mut Turn<'_>, id: &ConversationId, place: i64) -> Result<()> {
    let conversation = turn.conversation(id)?;
    if !conversation.answered {
        turn.conversation_mut(id)?.answered = true;
        return Ok(());
    }
    if conversation.state != ConversationState::Waiting {
        return Ok(());
    }
    turn.conversation_mut(id)?.state = ConversationState::Active;
    contacts::opening::stop(turn, id)?;
    history::notice(turn, id, Notice::Accepted, place)?;
    contacts::introduce(turn, id)?;
    outbox::take_over(turn, id)?;
    outbox::pump(turn, id)
}
