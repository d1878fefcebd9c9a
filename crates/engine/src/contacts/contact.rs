//! Accepted contacts.

use sotto_suite::rand::RandomExt;
use sotto_suite::secret::Secret;
use sotto_wire::{Command, encode};

use super::card::{self, Card, Keys};
use super::inbox;
use crate::api::{AccountId, ConversationId};
use crate::error::Result;
use crate::messages::content::{Content, Introduction, kind};
use crate::messages::outbox;
use crate::relays::Purpose;
use crate::store::{OptionalExtension, params};
use crate::turn::Turn;

/// Keeps a contact's verified chain.
pub(crate) fn remember(turn: &mut Turn<'_>, account: &AccountId, chain: &[u8]) -> Result<()> {
    turn.db
        .prepare_cached(
            "INSERT INTO contacts (account, chain) VALUES (?1, ?2)
             ON CONFLICT (account) DO UPDATE SET chain = excluded.chain",
        )?
        .execute(params![account.0, chain])?;
    Ok(())
}

/// Keeps what a contact gave: name, inbox, writer key.
pub(crate) fn remember_introduction(
    turn: &mut Turn<'_>,
    account: &AccountId,
    introduction: &Introduction,
) -> Result<()> {
    turn.db
        .prepare_cached("UPDATE contacts SET introduction = ?2 WHERE account = ?1")?
        .execute(params![account.0, encode(introduction)])?;
    Ok(())
}

/// Tells an accepted contact this account's name, and gives it a writer key of its own to the
/// inbox: revoking an invite later cuts nobody off.
pub(crate) fn introduce(turn: &mut Turn<'_>, id: &ConversationId) -> Result<()> {
    let Some(account) = turn.conversation(id)?.account else {
        return Ok(());
    };
    let secret = writer_secret(turn, &account)?;
    let introduction = Introduction {
        name: turn.me.name.clone(),
        relay: turn.me.relay.clone(),
        inbox: turn.me.inbox,
        secret: *secret.expose(),
    };
    let content = Content::new(kind::INTRODUCTION, &introduction, turn.now, turn.random);
    outbox::enqueue(turn, id, &content, false)?;
    outbox::pump(turn, id)
}

fn writer_secret(turn: &mut Turn<'_>, account: &AccountId) -> Result<Secret<32>> {
    let given: Option<Option<[u8; 32]>> = turn
        .db
        .prepare_cached("SELECT given FROM contacts WHERE account = ?1")?
        .query_row([account.0], |row| row.get(0))
        .optional()?;
    if let Some(given) = given.flatten() {
        return Ok(Secret::new(given));
    }
    let secret: Secret<32> = turn.random.secret();
    turn.db
        .prepare_cached("UPDATE contacts SET given = ?2 WHERE account = ?1")?
        .execute(params![account.0, secret.expose()])?;
    allow(turn, &Keys::new(&secret), None)?;
    Ok(secret)
}

/// Lets the holder of these keys write into the inbox, with a card sealed for it; not before the
/// errand `after`.
pub(super) fn allow(turn: &mut Turn<'_>, keys: &Keys, after: Option<i64>) -> Result<()> {
    let contents = Card {
        chain: turn.me.chain.clone(),
        pool_key: *turn.me.pool_key.expose(),
    };
    let sealed = card::seal(keys, &turn.me.inbox, &contents, turn.random);
    let writer = keys.writer.public();
    let set = |channel, admin| Command::SetWriter {
        channel,
        admin,
        writer,
        card: Some(sealed),
    };
    inbox::govern(turn, set, Purpose::None, after)?;
    Ok(())
}
