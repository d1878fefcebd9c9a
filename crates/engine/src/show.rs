//! Conversations as they are shown.

use crate::api::{ConversationId, ConversationView, Event, MessageView};
use crate::conversations::{Conversation, Kind};
use crate::error::{Result, set_aside};
use crate::messages::draft;
use crate::messages::history::{self, Marks};
use crate::store::Transaction;
use crate::turn::Turn;

/// Tells the screen what a conversation looks like now. The account group is never shown.
pub(crate) fn conversation(turn: &mut Turn<'_>, id: &ConversationId) -> Result<()> {
    let conversation = turn.conversation(id)?;
    if conversation.kind == Kind::Account {
        return Ok(());
    }
    let view = view(turn.db, conversation)?;
    turn.event(Event::ConversationChanged { conversation: view });
    Ok(())
}

/// One row of the list.
pub(crate) fn view(db: &Transaction<'_>, conversation: &Conversation) -> Result<ConversationView> {
    let (shield, shield_reason) = conversation.shield();
    Ok(ConversationView {
        conversation: conversation.id,
        name: conversation.name.clone(),
        account: conversation.account,
        state: conversation.state,
        shield,
        shield_reason,
        unread: conversation.unread,
        last: last(db, conversation)?,
        draft: draft::of(db, &conversation.id)?,
        changed: conversation.changed,
        trouble: conversation.trouble.as_deref().map(set_aside),
    })
}

fn last(db: &Transaction<'_>, conversation: &Conversation) -> Result<Option<MessageView>> {
    let mut statement = db.prepare_cached(&format!(
        "{} WHERE conversation = ?1 ORDER BY ord DESC LIMIT 1",
        history::COLUMNS
    ))?;
    let mut rows = statement.query([conversation.id.0])?;
    rows.next()?
        .map(|row| history::view(row, Marks::of(conversation)))
        .transpose()
}
