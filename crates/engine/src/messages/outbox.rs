//! The outbox: content waits under its message id and is encrypted only when this device has
//! read to the channel's head. Ciphertext and MLS state become durable together, then it is sent;
//! retries send the same bytes.

use sotto_suite::rand::RandomExt;
use sotto_wire::{
    AppendId, Command, Entry, Lane, Refusal, RefusalCode, RelayAddress, Role, encode, limits,
};

use super::content::Content;
use super::history;
use crate::api::{ConversationId, ConversationState, Event, MessageId, Timestamp};
use crate::conversations::envelope::{self, Kind};
use crate::conversations::{Channel, Intent, Kind as ConversationKind, QUEUED, seen_by_me, want};
use crate::error::{EngineError, Result};
use crate::relays::Asked;
use crate::store::{OptionalExtension, params};
use crate::turn::Turn;

/// Puts content into the outbox; `shown` says that it has a row in the history.
/// Answers with its number in the outbox.
pub(crate) fn enqueue(
    turn: &mut Turn<'_>,
    id: &ConversationId,
    content: &Content,
    shown: bool,
) -> Result<i64> {
    turn.db
        .prepare_cached(
            "INSERT INTO outbox (conversation, message, content, shown) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![id.0, content.id, encode(content), shown])?;
    Ok(turn.db.last_insert_rowid())
}

/// Texts that could not be sent in a conversation with the same account that is halted now go on in
/// this one, before what was written here. Their message ids stay, so whoever has one of them all the
/// same is shown nothing twice.
pub(crate) fn take_over(turn: &mut Turn<'_>, id: &ConversationId) -> Result<()> {
    let account = turn.conversation(id)?.account;
    let halted: Vec<_> = turn
        .room
        .conversations
        .values()
        .filter(|c| c.kind == ConversationKind::Direct && c.state == ConversationState::Halted)
        .filter(|c| c.account.is_some() && c.account == account)
        .map(|c| c.id)
        .collect();
    for from in halted {
        forget_in_flight(turn, &from)?;
        turn.db
            .prepare_cached("DELETE FROM outbox WHERE conversation = ?1 AND shown = 0")?
            .execute([from.0])?;
        let texts: Vec<[u8; 16]> = {
            let mut statement = turn.db.prepare_cached(
                "SELECT message FROM outbox WHERE conversation = ?1 ORDER BY seq",
            )?;
            let rows = statement.query_map([from.0], |row| row.get(0))?;
            rows.collect::<std::result::Result<_, _>>()?
        };
        if texts.is_empty() {
            continue;
        }
        turn.db
            .prepare_cached(
                "UPDATE outbox SET conversation = ?2, append = NULL, body = NULL, not_before = 0
                 WHERE conversation = ?1",
            )?
            .execute(params![from.0, id.0])?;
        for text in texts {
            turn.db
                .prepare_cached(
                    "UPDATE messages SET conversation = ?2, mls = NULL, salt = NULL, append = NULL,
                         seen = NULL
                     WHERE id = ?1",
                )?
                .execute(params![text, id.0])?;
            show_changed(turn, id, &MessageId(text))?;
        }
        // Both are shown anew: the newest message of each may be another one.
        turn.conversation_mut(&from)?;
        turn.conversation_mut(id)?;
    }
    Ok(())
}

/// Takes everything out of the outbox of a conversation whose group goes.
pub(crate) fn take_back(turn: &mut Turn<'_>, id: &ConversationId) -> Result<()> {
    forget_in_flight(turn, id)?;
    turn.db
        .prepare_cached("DELETE FROM outbox WHERE conversation = ?1")?
        .execute([id.0])?;
    Ok(())
}

/// Says all that this account has said in a conversation once more: nobody has heard it.
pub(crate) fn say_again(turn: &mut Turn<'_>, id: &ConversationId) -> Result<()> {
    let texts: Vec<Content> = {
        let mut statement = turn.db.prepare_cached(
            "SELECT id, sent, kind, body FROM messages WHERE conversation = ?1 AND author = 0
             ORDER BY ord",
        )?;
        let rows = statement.query_map([id.0], |row| {
            Ok(Content {
                id: row.get(0)?,
                sent: row.get::<_, i64>(1)?.cast_unsigned(),
                kind: row.get(2)?,
                body: row.get(3)?,
            })
        })?;
        rows.collect::<std::result::Result<_, _>>()?
    };
    for content in texts {
        let seq = enqueue(turn, id, &content, true)?;
        turn.db
            .prepare_cached(
                "UPDATE messages SET ord = ?2, mls = NULL, salt = NULL, append = NULL, seen = NULL
                 WHERE id = ?1",
            )?
            .execute(params![content.id, QUEUED.saturating_add(seq)])?;
        show_changed(turn, id, &content.message_id())?;
    }
    turn.pump.insert(*id);
    Ok(())
}

/// The relay need not answer any more for what is under way in this conversation.
fn forget_in_flight(turn: &mut Turn<'_>, id: &ConversationId) -> Result<()> {
    let Some(channel) = &turn.conversation(id)?.channel else {
        return Ok(());
    };
    let relay = channel.relay.clone();
    let mut statement = turn.db.prepare_cached(
        "SELECT append FROM outbox WHERE conversation = ?1 AND append IS NOT NULL",
    )?;
    let rows = statement.query_map([id.0], |row| row.get(0))?;
    for append in rows {
        turn.room.sessions.landed(&relay, &AppendId(append?));
    }
    Ok(())
}

fn show_changed(turn: &mut Turn<'_>, id: &ConversationId, message: &MessageId) -> Result<()> {
    let marks = history::Marks::of(turn.conversation(id)?);
    if let Some(message) = history::one(turn.db, message, marks)? {
        turn.event(Event::MessageChanged { message });
    }
    Ok(())
}

struct Waiting {
    seq: i64,
    message: MessageId,
    content: Vec<u8>,
    append: Option<[u8; 16]>,
    body: Option<Vec<u8>>,
    handshakes: Option<i64>,
    not_before: i64,
}

/// Encrypts and sends what waits, as far as the channel allows.
///
/// Nothing overtakes what waits before it: behind a message that was refused for now the others
/// wait too, and it goes alone until the relay has taken it.
pub(crate) fn pump(turn: &mut Turn<'_>, id: &ConversationId) -> Result<()> {
    let conversation = turn.conversation(id)?;
    if conversation.state != ConversationState::Active {
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
    let room = usize::from(limits::MAX_IN_FLIGHT)
        .saturating_sub(turn.room.sessions.in_flight(&channel.relay));
    if room == 0 {
        return Ok(());
    }
    let waiting: Vec<Waiting> = {
        let mut statement = turn.db.prepare_cached(
            "SELECT seq, message, content, append, body, handshakes, not_before FROM outbox
             WHERE conversation = ?1 ORDER BY seq LIMIT ?2",
        )?;
        let rows = statement.query_map(params![id.0, i64::from(limits::MAX_IN_FLIGHT)], |row| {
            Ok(Waiting {
                seq: row.get(0)?,
                message: MessageId(row.get(1)?),
                content: row.get(2)?,
                append: row.get(3)?,
                body: row.get(4)?,
                handshakes: row.get(5)?,
                not_before: row.get(6)?,
            })
        })?;
        rows.collect::<std::result::Result<_, _>>()?
    };
    let mut sent = 0;
    for waiting in waiting {
        if sent >= room {
            break;
        }
        let until = Timestamp(waiting.not_before.cast_unsigned());
        if until > turn.now && until <= turn.longest_pause() {
            // Said here too, because no timer outlives the process that set it.
            turn.room.timers.retry(until);
            break;
        }
        let refused_before = waiting.not_before > 0;
        let (append, body, handshakes) = match (waiting.append, waiting.body, waiting.handshakes) {
            (Some(append), Some(body), Some(handshakes)) => {
                (AppendId(append), body, handshakes.cast_unsigned())
            }
            _ if !turn.synced => {
                // Ciphertext leaves only after a synced commit: the next turn has one.
                turn.defer(id);
                break;
            }
            // Behind the commit that must come first this goes on.
            _ if commit_required(turn, id)? => {
                want(turn, id, Intent::Proposed)?;
                break;
            }
            _ => encrypt(
                turn,
                id,
                &channel,
                waiting.seq,
                &waiting.message,
                &waiting.content,
            )?,
        };
        if turn.room.sessions.is_in_flight(&channel.relay, &append) {
            if refused_before {
                break;
            }
            continue;
        }
        let writer = channel.generation.writer();
        let command = Command::Append {
            channel: channel.id(),
            writer: writer.public(),
            lane: Lane::Chat,
            append,
            handshakes,
            body,
            subscribers: Vec::new(),
            fence: false,
        };
        let right = (channel.id(), Role::Writer, writer);
        turn.room.sessions.ask(
            &channel.relay,
            right,
            command,
            Asked::Message(append),
            &mut turn.out,
        );
        sent += 1;
        if refused_before {
            break;
        }
    }
    Ok(())
}

/// Whether something was proposed in the group that nobody has committed yet.
fn commit_required(turn: &mut Turn<'_>, id: &ConversationId) -> Result<bool> {
    let group = turn.group(id)?;
    Ok(turn.mls.commit_required(&group)?)
}

fn encrypt(
    turn: &mut Turn<'_>,
    id: &ConversationId,
    channel: &Channel,
    seq: i64,
    message: &MessageId,
    content: &[u8],
) -> Result<(AppendId, Vec<u8>, u64)> {
    let group = turn.group(id)?;
    let mls = turn.mls.encrypt(&group, content)?;
    turn.group_moved(group);
    let append = AppendId(turn.random.bytes());
    let salt: [u8; 32] = turn.random.bytes();
    let sealed = envelope::Content {
        kind: Kind::Mls,
        body: mls,
        seen: Some(seen_by_me(turn, id)?),
    };
    let body = envelope::seal_with(&channel.generation, Lane::Chat, &append, &sealed, salt)
        .map_err(|error| EngineError::Internal(error.to_string()))?;
    turn.db
        .prepare_cached("UPDATE outbox SET append = ?2, body = ?3, handshakes = ?4 WHERE seq = ?1")?
        .execute(params![
            seq,
            append.0,
            body,
            channel.handshakes.cast_signed()
        ])?;
    turn.db
        .prepare_cached(
            "UPDATE messages SET mls = ?2, salt = ?3, append = ?4, seen = ?5 WHERE id = ?1",
        )?
        .execute(params![
            message.0,
            sealed.body,
            salt,
            append.0,
            encode(&sealed.seen)
        ])?;
    Ok((append, body, channel.handshakes))
}

/// If this entry is an own one, gives it its place. Own entries are known by their append id.
pub(crate) fn came_back(
    turn: &mut Turn<'_>,
    relay: &RelayAddress,
    id: &ConversationId,
    entry: &Entry,
    place: i64,
) -> Result<bool> {
    let found: Option<(i64, [u8; 16], bool, bool)> = turn
        .db
        .prepare_cached(
            "SELECT seq, message, shown, body = ?3 FROM outbox WHERE append = ?1 AND conversation = ?2",
        )?
        .query_row(params![entry.append.0, id.0, entry.body], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })
        .optional()?;
    let Some((seq, message, shown, same)) = found else {
        return Ok(false);
    };
    if !same {
        // The relay put other bytes under our append id: seen with our own eyes.
        turn.conversation_mut(id)?.contradicted = true;
        return Ok(false);
    }
    turn.room.sessions.landed(relay, &entry.append);
    let not_before: i64 = turn
        .db
        .prepare_cached("DELETE FROM outbox WHERE seq = ?1 RETURNING not_before")?
        .query_row([seq], |row| row.get(0))?;
    if not_before > 0 {
        // The relay takes messages again: those behind need not go one by one.
        turn.db
            .prepare_cached("UPDATE outbox SET not_before = 0 WHERE conversation = ?1")?
            .execute([id.0])?;
    }
    if shown {
        turn.db
            .prepare_cached("UPDATE messages SET ord = ?2 WHERE id = ?1")?
            .execute(params![message, place])?;
        show_changed(turn, id, &MessageId(message))?;
        turn.conversation_mut(id)?;
    }
    turn.pump.insert(*id);
    Ok(true)
}

/// The relay did not take it.
pub(crate) fn refused(turn: &mut Turn<'_>, append: &AppendId, refusal: &Refusal) -> Result<()> {
    let retry = match refusal.code {
        // Proof that it was not accepted: encrypted anew under the same message id once caught up.
        RefusalCode::Stale | RefusalCode::Fenced => {
            let of: Option<[u8; 16]> = turn
                .db
                .prepare_cached("SELECT conversation FROM outbox WHERE append = ?1")?
                .query_row([append.0], |row| row.get(0))
                .optional()?;
            let Some(of) = of else {
                return Ok(());
            };
            let again = turn.room.stale(&ConversationId(of), turn.now, 100);
            turn.db
                .prepare_cached("UPDATE outbox SET append = NULL, body = NULL, not_before = ?2 WHERE append = ?1")?
                .execute(params![append.0, turn.sql_time(again)])?;
            again
        }
        // The same bytes again, later.
        _ => {
            let at = turn.pause(u64::from(refusal.retry_after_ms.unwrap_or(5_000)));
            turn.db
                .prepare_cached("UPDATE outbox SET not_before = ?2 WHERE append = ?1")?
                .execute(params![append.0, turn.sql_time(at)])?;
            at
        }
    };
    turn.room.timers.retry(retry);
    Ok(())
}
