//! What a person has begun to write. It is kept, encrypted like everything else, until it is sent
//! or replaced; no other device learns of it.

use crate::api::ConversationId;
use crate::error::Result;
use crate::store::{OptionalExtension, Transaction, params};
use crate::turn::Turn;

/// The draft of a conversation; empty if there is none.
pub(crate) fn of(db: &Transaction<'_>, id: &ConversationId) -> Result<String> {
    let text = db
        .prepare_cached("SELECT text FROM drafts WHERE conversation = ?1")?
        .query_row([id.0], |row| row.get(0))
        .optional()?;
    Ok(text.unwrap_or_default())
}

/// Keeps `text` in place of what was there; an empty one leaves none. False: it was there already.
pub(crate) fn keep(turn: &Turn<'_>, id: &ConversationId, text: &str) -> Result<bool> {
    if of(turn.db, id)? == text {
        return Ok(false);
    }
    if text.is_empty() {
        clear(turn, id)?;
    } else {
        turn.db
            .prepare_cached("INSERT OR REPLACE INTO drafts (conversation, text) VALUES (?1, ?2)")?
            .execute(params![id.0, text])?;
    }
    Ok(true)
}

/// Forgets what was begun, for it is a message now, or given up.
pub(crate) fn clear(turn: &Turn<'_>, id: &ConversationId) -> Result<()> {
    turn.db
        .prepare_cached("DELETE FROM drafts WHERE conversation = ?1")?
        .execute([id.0])?;
    Ok(())
}
