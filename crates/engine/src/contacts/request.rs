//! Requests: somebody opened an invite. Before acceptance nothing of the stranger is shown, and no
//! relay that the letter names is contacted.

use sotto_suite::rand::RandomExt;
use sotto_suite::secret::Secret;
use sotto_suite::sign::SigningKey;

use super::letter::Letter;
use super::opening::verified_chain;
use super::{introduce, meeting, pool, remember};
use crate::api::{
    AccountId, ConversationId, ConversationState, Done, Event, InviteId, RequestId, RequestView,
    Timestamp,
};
use crate::conversations::{
    Channel, Conversation, Generation, GroupId, Intent, Kind, Roles, halt, want,
};
use crate::error::{Refused, Result};
use crate::identity::Chain;
use crate::messages::outbox;
use crate::store::{OptionalExtension, Transaction};
use crate::turn::Turn;

/// Milliseconds for which a request waits to be answered.
const KEPT: u64 = 30 * 86_400_000;

/// A group that a letter leads to, joined and found to be what the letter says.
pub(super) struct Joined {
    pub(super) group: GroupId,
    generation: Secret<32>,
    inviter: AccountId,
    chain: Chain,
    /// Of this device's own leaf.
    subscriber: SigningKey,
}

fn take(turn: &mut Turn<'_>, id: &RequestId) -> Result<(Letter, Secret<32>)> {
    let row: Option<(Vec<u8>, [u8; 32])> = turn
        .db
        .prepare_cached(
            "DELETE FROM requests WHERE id = ?1 AND held IS NULL RETURNING letter, psk",
        )?
        .query_row([id.0], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let (letter, psk) = row.ok_or(Refused::NoSuchRequest)?;
    Ok((meeting::stored(&letter)?, Secret::new(psk)))
}

/// Accepts what somebody has asked for.
pub(crate) fn accept(turn: &mut Turn<'_>, id: &RequestId) -> Result<Done> {
    let (letter, psk) = take(turn, id)?;
    let joined = join(turn, &letter, &psk)?.ok_or(Refused::RequestInvalid)?;
    let conversation = begin(turn, &letter, joined)?;
    turn.event(Event::RequestGone { request: *id });
    Ok(Done::Conversation { conversation })
}

/// Joins the group of a letter. None if anything about it does not hold: nothing of it is left then.
pub(super) fn join(
    turn: &mut Turn<'_>,
    letter: &Letter,
    psk: &Secret<32>,
) -> Result<Option<Joined>> {
    let packages = pool::rows(turn)?;
    let psk = (letter.invite.as_slice(), psk);
    let joined = turn.mls.join(&letter.welcome, &letter.tree, &packages, psk);
    let Ok(joined) = joined else {
        return Ok(None);
    };
    let inviter = joined.inviter.account;
    match check(turn, &joined.group, &inviter, letter) {
        Ok(Some((chain, subscriber))) => Ok(Some(Joined {
            group: joined.group,
            generation: joined.generation,
            inviter,
            chain,
            subscriber,
        })),
        other => {
            turn.mls.discard(&joined.group);
            other.map(|_| None)
        }
    }
}

/// Exactly the two of us, with equal rights, in a group that is new to this device; answers with
/// the other side's chain and this leaf's subscriber key.
fn check(
    turn: &Turn<'_>,
    group: &GroupId,
    inviter: &AccountId,
    letter: &Letter,
) -> Result<Option<(Chain, SigningKey)>> {
    // Storage is keyed by group id, and a letter can come twice.
    let known = turn
        .db
        .prepare_cached("SELECT 1 FROM mls_groups WHERE id = ?1")?
        .exists([group])?;
    let Some(chain) = verified_chain(&letter.chain, inviter).filter(|_| !known) else {
        return Ok(None);
    };
    let expected = Roles::owners(&[*inviter, turn.me.account]);
    let leaves = turn.mls.leaves(group)?;
    let only_us = leaves
        .iter()
        .all(|leaf| leaf.account == *inviter || leaf.account == turn.me.account);
    let equal = turn.mls.roles(group).is_ok_and(|roles| roles == expected);
    let mut own = leaves
        .iter()
        .filter(|leaf| leaf.device == turn.me.device.public());
    let Some(own) = own.next().filter(|_| only_us && equal) else {
        return Ok(None);
    };
    let subscriber = pool::subscriber(turn, &own.channel.subscriber)?;
    Ok(subscriber.map(|subscriber| (chain, subscriber)))
}

/// A conversation in a group that was joined. One in which the two talked is over with it: whoever
/// writes as if for the first time can't go on there.
pub(super) fn begin(
    turn: &mut Turn<'_>,
    letter: &Letter,
    joined: Joined,
) -> Result<ConversationId> {
    match meeting::in_force(turn, &joined.inviter) {
        Some((
            id,
            ConversationState::Opening | ConversationState::Waiting | ConversationState::Unreached,
        )) => {
            meeting::go_on(turn, &id, letter, joined)?;
            return Ok(id);
        }
        Some((earlier, _)) => halt(turn, &earlier)?,
        None => {}
    }
    let id = ConversationId(turn.random.bytes());
    let mut conversation =
        Conversation::new(id, Kind::Direct, ConversationState::Opening, turn.now);
    conversation.account = Some(joined.inviter);
    turn.add_conversation(conversation);
    enter(turn, &id, letter, joined)?;
    Ok(id)
}

/// Goes on in a group that was joined: gives it a fresh path, and says who one is.
pub(super) fn enter(
    turn: &mut Turn<'_>,
    id: &ConversationId,
    letter: &Letter,
    joined: Joined,
) -> Result<()> {
    turn.group_moved(joined.group);
    remember(turn, &joined.inviter, &joined.chain.encoded())?;
    let now = turn.now;
    let generation = Generation::new(0, joined.generation);
    let conversation = turn.conversation_mut(id)?;
    conversation.state = ConversationState::Active;
    conversation.group = Some(joined.group);
    conversation.channel = Some(Channel::fresh(
        letter.relay.clone(),
        joined.subscriber,
        generation,
        now,
    ));
    conversation.refreshed = now;
    conversation.answered = false;
    turn.want(&letter.relay);
    // The acceptance commit: a fresh path, so that nothing of the package stays in use.
    want(turn, id, Intent::Refresh)?;
    introduce(turn, id)?;
    outbox::take_over(turn, id)?;
    crate::conversations::subscribe(turn, id)?;
    pool::deposit(turn, 1, false, None)
}

/// Declines: the letter is forgotten, and nobody is told.
pub(crate) fn decline(turn: &mut Turn<'_>, id: &RequestId) -> Result<Done> {
    take(turn, id)?;
    turn.event(Event::RequestGone { request: *id });
    Ok(Done::Ok)
}

/// A letter is good as long as the key package that it used: what was never answered goes.
pub(crate) fn housekeeping(turn: &mut Turn<'_>) -> Result<()> {
    let old = turn.sql_time(Timestamp(turn.now.0.saturating_sub(KEPT)));
    let gone: Vec<([u8; 16], bool)> = {
        let mut statement = turn
            .db
            .prepare_cached("DELETE FROM requests WHERE arrived < ?1 RETURNING id, held IS NULL")?;
        let rows = statement.query_map([old], |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.collect::<std::result::Result<_, _>>()?
    };
    for (id, shown) in gone {
        if shown {
            turn.event(Event::RequestGone {
                request: RequestId(id),
            });
        }
    }
    Ok(())
}

/// All requests, oldest first.
pub(crate) fn list(db: &Transaction<'_>) -> Result<Vec<RequestView>> {
    let mut statement = db.prepare_cached(
        "SELECT id, invite, arrived FROM requests WHERE held IS NULL ORDER BY arrived",
    )?;
    let rows = statement.query_map([], |row| {
        Ok(RequestView {
            request: RequestId(row.get(0)?),
            invite: InviteId(row.get(1)?),
            arrived: Timestamp(row.get::<_, i64>(2)?.cast_unsigned()),
        })
    })?;
    Ok(rows.collect::<std::result::Result<_, _>>()?)
}
