//! Requests: somebody opened an invite. Before acceptance nothing of the stranger is shown, and no
//! relay that the letter names is contacted.

use sotto_suite::rand::RandomExt;
use sotto_suite::secret::Secret;
use sotto_suite::sign::SigningKey;
use sotto_wire::decode;

use super::letter::Letter;
use super::opening::verified_chain;
use super::{introduce, pool, remember};
use crate::api::{
    AccountId, ConversationId, ConversationState, Done, Event, InviteId, RequestId, RequestView,
    Timestamp,
};
use crate::conversations::{Channel, Conversation, Generation, GroupId, Intent, Kind, Roles, want};
use crate::error::{EngineError, Refused, Result};
use crate::identity::Chain;
use crate::store::{OptionalExtension, Transaction};
use crate::turn::Turn;

struct Stored {
    letter: Letter,
    psk: Secret<32>,
}

fn take(turn: &mut Turn<'_>, id: &RequestId) -> Result<Stored> {
    let row: Option<(Vec<u8>, [u8; 32])> = turn
        .db
        .prepare_cached("DELETE FROM requests WHERE id = ?1 RETURNING letter, psk")?
        .query_row([id.0], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let (letter, psk) = row.ok_or(Refused::NoSuchRequest)?;
    let letter = decode(&letter, 1 << 20)
        .map_err(|_| EngineError::Internal("a stored letter is malformed".into()))?;
    Ok(Stored {
        letter,
        psk: Secret::new(psk),
    })
}

/// Accepts: joins the group, gives it a fresh path, and says who one is.
pub(crate) fn accept(turn: &mut Turn<'_>, id: &RequestId) -> Result<Done> {
    let stored = take(turn, id)?;
    let letter = &stored.letter;
    let packages = pool::rows(turn)?;
    let psk = (letter.invite.as_slice(), &stored.psk);
    let joined = turn
        .mls
        .join(&letter.welcome, &letter.tree, &packages, psk)
        .map_err(|_| Refused::RequestInvalid)?;
    let group = joined.group;
    let inviter = joined.inviter.account;
    let (chain, subscriber) = match check(turn, &group, &inviter, letter) {
        Ok(checked) => checked,
        Err(error) => {
            turn.mls.discard(&group);
            return Err(error);
        }
    };
    turn.group_moved(group);
    remember(turn, &inviter, &chain.encoded())?;
    let conversation_id = ConversationId(turn.random.bytes());
    let mut conversation = Conversation::new(
        conversation_id,
        Kind::Direct,
        ConversationState::Active,
        turn.now,
    );
    let generation = Generation::new(0, joined.generation);
    conversation.account = Some(inviter);
    conversation.group = Some(group);
    conversation.channel = Some(Channel::fresh(
        letter.relay.clone(),
        subscriber,
        generation,
        turn.now,
    ));
    turn.add_conversation(conversation);
    turn.want(&letter.relay);
    // The acceptance commit: a fresh path, so that nothing of the package stays in use.
    want(turn, &conversation_id, Intent::Refresh)?;
    introduce(turn, &conversation_id)?;
    crate::conversations::subscribe(turn, &conversation_id)?;
    pool::deposit(turn, 1, false)?;
    turn.event(Event::RequestGone { request: *id });
    Ok(Done::Conversation {
        conversation: conversation_id,
    })
}

/// Exactly the two of us, with equal rights, and nobody whom we talk to already; answers with the
/// other side's chain and this leaf's subscriber key.
fn check(
    turn: &Turn<'_>,
    group: &GroupId,
    inviter: &AccountId,
    letter: &Letter,
) -> Result<(Chain, SigningKey)> {
    let chain = verified_chain(&letter.chain, inviter).ok_or(Refused::RequestInvalid)?;
    let expected = Roles::owners(&[*inviter, turn.me.account]);
    let leaves = turn.mls.leaves(group)?;
    let only_us = leaves
        .iter()
        .all(|leaf| leaf.account == *inviter || leaf.account == turn.me.account);
    let me = leaves
        .iter()
        .find(|leaf| leaf.device == turn.me.device.public());
    let known = turn
        .room
        .conversations
        .values()
        .any(|known| known.account == Some(*inviter));
    let Some(me) = me.filter(|_| {
        only_us && !known && turn.mls.roles(group).is_ok_and(|roles| roles == expected)
    }) else {
        return Err(Refused::RequestInvalid.into());
    };
    let subscriber =
        pool::subscriber(turn, &me.channel.subscriber)?.ok_or(Refused::RequestInvalid)?;
    Ok((chain, subscriber))
}

/// Declines: the letter is forgotten, and nobody is told.
pub(crate) fn decline(turn: &mut Turn<'_>, id: &RequestId) -> Result<Done> {
    take(turn, id)?;
    turn.event(Event::RequestGone { request: *id });
    Ok(Done::Ok)
}

/// All requests, oldest first.
pub(crate) fn list(db: &Transaction<'_>) -> Result<Vec<RequestView>> {
    let mut statement =
        db.prepare_cached("SELECT id, invite, arrived FROM requests ORDER BY arrived")?;
    let rows = statement.query_map([], |row| {
        Ok(RequestView {
            request: RequestId(row.get(0)?),
            invite: InviteId(row.get(1)?),
            arrived: Timestamp(row.get::<_, i64>(2)?.cast_unsigned()),
        })
    })?;
    Ok(rows.collect::<std::result::Result<_, _>>()?)
}
