//! Errands: commands for a relay that must be carried out, whatever happens in between.
//!
//! Each is idempotent at the relay and is sent again on every connection until it is answered,
//! so a crash at any moment neither loses nor doubles it.

use sotto_suite::secret::Secret;
use sotto_suite::sign::SigningKey;
use sotto_wire::{ChannelId, Command, RelayAddress, Role, decode, encode, limits};

use crate::api::{ConversationId, Timestamp};
use crate::error::{EngineError, Result};
use crate::relays::Asked;
use crate::store::{OptionalExtension, params};
use crate::turn::Turn;

/// What follows when an errand is done or refused for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i64)]
pub(crate) enum Purpose {
    /// Nothing.
    None = 0,
    /// A conversation's channel exists now: subscribe. The subject is the conversation.
    Channel = 1,
    /// The own inbox exists now: subscribe.
    Inbox = 2,
    /// The founder's letter lies in the other side's inbox. The subject is the conversation.
    Letter = 3,
}

impl Purpose {
    fn from_row(number: i64) -> Self {
        match number {
            1 => Self::Channel,
            2 => Self::Inbox,
            3 => Self::Letter,
            _ => Self::None,
        }
    }
}

/// One errand, to be queued.
pub(crate) struct Errand<'a> {
    pub(crate) relay: &'a RelayAddress,
    pub(crate) channel: ChannelId,
    pub(crate) role: Role,
    pub(crate) key: &'a SigningKey,
    pub(crate) command: Command,
    pub(crate) purpose: Purpose,
    pub(crate) subject: Option<ConversationId>,
    /// Not before that errand is done.
    pub(crate) after: Option<i64>,
}

/// Queues an errand, and sends it at once if it may go.
pub(crate) fn queue(turn: &mut Turn<'_>, errand: Errand<'_>) -> Result<i64> {
    turn.db
        .prepare_cached(
            "INSERT INTO errands (relay, command, role, seed, after, purpose, subject)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            encode(errand.relay),
            encode(&errand.command),
            errand.role as u8,
            errand.key.seed().expose(),
            errand.after,
            errand.purpose as i64,
            errand.subject.map(|id| id.0),
        ])?;
    let id = turn.db.last_insert_rowid();
    turn.want(errand.relay);
    if errand.after.is_none() {
        let right = (errand.channel, errand.role, errand.key);
        turn.room.sessions.ask(
            errand.relay,
            right,
            errand.command,
            Asked::Errand(id),
            &mut turn.out,
        );
    }
    Ok(id)
}

struct Row {
    id: i64,
    relay: Vec<u8>,
    command: Vec<u8>,
    role: u8,
    seed: [u8; 32],
}

impl Row {
    fn command(&self) -> Result<Command> {
        decode(&self.command, limits::MAX_FRAME).map_err(malformed)
    }
}

fn malformed<E>(_: E) -> EngineError {
    EngineError::Internal("a stored errand is malformed".into())
}

const COLUMNS: &str = "SELECT id, relay, command, role, seed FROM errands";

fn rows(turn: &Turn<'_>, condition: &str, given: &[&dyn crate::store::ToSql]) -> Result<Vec<Row>> {
    let mut statement = turn
        .db
        .prepare_cached(&format!("{COLUMNS} WHERE {condition} ORDER BY id"))?;
    let rows = statement.query_map(given, |row| {
        Ok(Row {
            id: row.get(0)?,
            relay: row.get(1)?,
            command: row.get(2)?,
            role: row.get(3)?,
            seed: row.get(4)?,
        })
    })?;
    Ok(rows.collect::<std::result::Result<_, _>>()?)
}

/// Sends the errands of a relay that may go and are not under way.
pub(crate) fn send(turn: &mut Turn<'_>, relay: &RelayAddress) -> Result<()> {
    let address = encode(relay);
    let waiting = rows(
        turn,
        "relay = ?1 AND (not_before <= ?2 OR not_before > ?3) AND after IS NULL",
        &[
            &address,
            &turn.now_sql(),
            &turn.sql_time(turn.longest_pause()),
        ],
    )?;
    for row in waiting {
        send_row(turn, row)?;
    }
    // No timer outlives the process that set it: what was postponed says its time again.
    let later: Option<i64> = turn
        .db
        .prepare_cached("SELECT min(not_before) FROM errands WHERE relay = ?1 AND not_before > ?2")?
        .query_row(params![address, turn.now_sql()], |row| row.get(0))?;
    if let Some(later) = later {
        turn.room.timers.retry(Timestamp(later.cast_unsigned()));
    }
    Ok(())
}

fn send_row(turn: &mut Turn<'_>, row: Row) -> Result<()> {
    let relay: RelayAddress = decode(&row.relay, limits::MAX_FRAME).map_err(malformed)?;
    let command = row.command()?;
    let Some(channel) = channel_of(&command) else {
        return Ok(());
    };
    let asked = Asked::Errand(row.id);
    if turn.room.sessions.is_asked(&relay, &asked) {
        return Ok(());
    }
    let role = match row.role {
        0 => Role::Writer,
        1 => Role::Subscriber,
        _ => Role::Admin,
    };
    let key = SigningKey::from_seed(&Secret::new(row.seed));
    turn.room
        .sessions
        .ask(&relay, (channel, role, &key), command, asked, &mut turn.out);
    Ok(())
}

/// Takes an answered errand out of the queue and sends those that waited for it. Says what it
/// was for.
pub(crate) fn done(turn: &mut Turn<'_>, id: i64) -> Result<(Purpose, Option<ConversationId>)> {
    let found: Option<(i64, Option<[u8; 16]>)> = turn
        .db
        .prepare_cached("DELETE FROM errands WHERE id = ?1 RETURNING purpose, subject")?
        .query_row([id], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let waiting = rows(turn, "after = ?1", &[&id])?;
    turn.db
        .prepare_cached("UPDATE errands SET after = NULL WHERE after = ?1")?
        .execute([id])?;
    for row in waiting {
        send_row(turn, row)?;
    }
    let (purpose, subject) = found.unwrap_or((0, None));
    Ok((Purpose::from_row(purpose), subject.map(ConversationId)))
}

/// Tries an errand again after a pause.
pub(crate) fn postpone(turn: &mut Turn<'_>, id: i64, milliseconds: u64) -> Result<()> {
    let at = turn.pause(milliseconds);
    turn.db
        .prepare_cached("UPDATE errands SET not_before = ?2 WHERE id = ?1")?
        .execute(params![id, turn.sql_time(at)])?;
    turn.room.timers.retry(at);
    Ok(())
}

/// Lets an errand wait until another one is done.
pub(crate) fn put_behind(turn: &mut Turn<'_>, id: i64, first: i64) -> Result<()> {
    turn.db
        .prepare_cached("UPDATE errands SET after = ?2 WHERE id = ?1")?
        .execute([id, first])?;
    Ok(())
}

/// What is still to be done by whoever governs the own inbox, oldest first.
pub(crate) fn at_inbox(turn: &Turn<'_>) -> Result<Vec<(i64, Command)>> {
    let address = encode(&turn.me.relay);
    let admin: &[u8] = turn.me.inbox_admin.seed().expose();
    let mut found = Vec::new();
    for row in rows(turn, "relay = ?1 AND seed = ?2", &[&address, &admin])? {
        found.push((row.id, row.command()?));
    }
    Ok(found)
}

/// Relays that errands wait for.
pub(crate) fn relays(turn: &Turn<'_>) -> Result<Vec<RelayAddress>> {
    let mut statement = turn
        .db
        .prepare_cached("SELECT DISTINCT relay FROM errands")?;
    let rows = statement.query_map([], |row| row.get::<_, Vec<u8>>(0))?;
    let encoded: Vec<Vec<u8>> = rows.collect::<std::result::Result<_, _>>()?;
    encoded
        .iter()
        .map(|bytes| {
            decode(bytes, 4096)
                .map_err(|_| EngineError::Internal("a stored relay address is malformed".into()))
        })
        .collect()
}

/// Whether the own inbox is still to be made.
pub(crate) fn inbox_pending(turn: &Turn<'_>) -> Result<bool> {
    Ok(turn
        .db
        .prepare_cached("SELECT 1 FROM errands WHERE purpose = 2")?
        .exists([])?)
}

/// Whether a channel is still to be made by this device.
pub(crate) fn channel_pending(turn: &Turn<'_>, conversation: &ConversationId) -> Result<bool> {
    Ok(turn
        .db
        .prepare_cached("SELECT 1 FROM errands WHERE purpose = 1 AND subject = ?1")?
        .exists([conversation.0])?)
}

/// Whether the letter of this conversation is still to be answered.
pub(crate) fn letter_pending(turn: &Turn<'_>, conversation: &ConversationId) -> Result<bool> {
    Ok(turn
        .db
        .prepare_cached("SELECT 1 FROM errands WHERE purpose = 3 AND subject = ?1")?
        .exists([conversation.0])?)
}

/// Whatever was to be done for this conversation need not be done any more; an answer to what is
/// under way is not waited for.
pub(crate) fn cancel(turn: &mut Turn<'_>, conversation: &ConversationId) -> Result<()> {
    turn.db
        .prepare_cached("DELETE FROM errands WHERE subject = ?1")?
        .execute([conversation.0])?;
    Ok(())
}

fn channel_of(command: &Command) -> Option<ChannelId> {
    match command {
        Command::Create { channel, .. }
        | Command::Append { channel, .. }
        | Command::Unsubscribe { channel, .. }
        | Command::SetWriter { channel, .. }
        | Command::RevokeWriter { channel, .. }
        | Command::Deposit { channel, .. }
        | Command::Delete { channel, .. } => Some(*channel),
        _ => None,
    }
}
