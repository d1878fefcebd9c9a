//! Two people who write to each other: a letter from somebody whom this device wants to talk to.
//!
//! Nobody is asked then, because the person has asked for it by opening an invite of that very
//! account. Both sides have to go on in the same group, and each decides from what both know.

use sotto_suite::secret::Secret;
use sotto_wire::{Command, Invite, Position, Role, decode};

use super::card::Keys;
use super::letter::Letter;
use super::{opening, request};
use crate::api::{AccountId, ConversationId, ConversationState, Event, Notice, RequestId};
use crate::conversations::{Kind, order};
use crate::error::{EngineError, Refused, Result};
use crate::identity::UnverifiedChain;
use crate::messages::{history, outbox};
use crate::relays::{Errand, Purpose, errand};
use crate::store::{OptionalExtension, params};
use crate::turn::Turn;

/// What became of a letter that has just come.
pub(super) enum Meeting {
    /// It is from nobody whom this device wants to talk to: a request.
    Stranger,
    /// A conversation goes on in its group, or nothing follows from it.
    Settled,
    /// Which group this conversation goes on in shows when the own letter has its place.
    Undecided(ConversationId),
}

/// Looks whether a letter is from somebody whom this device talks to, or has written to.
pub(super) fn arrived(turn: &mut Turn<'_>, letter: &Letter, psk: &Secret<32>) -> Result<Meeting> {
    let Some(account) = claimed(letter) else {
        return Ok(Meeting::Stranger);
    };
    let Some((id, state)) = in_force(turn, &account) else {
        return Ok(Meeting::Stranger);
    };
    match state {
        ConversationState::Opening | ConversationState::Unreached => {}
        ConversationState::Waiting => match own_stands(turn, &id, &account, letter)? {
            Some(false) => {}
            Some(true) => return Ok(Meeting::Settled),
            None => return Ok(Meeting::Undecided(id)),
        },
        ConversationState::Active | ConversationState::Halted => {
            return begun_anew(turn, &id, letter, psk);
        }
    }
    take(turn, &id, letter, psk)?;
    Ok(Meeting::Settled)
}

/// Whose letter it says it is. Only the checks of [`request::join`] show whether that is so.
fn claimed(letter: &Letter) -> Option<AccountId> {
    let chain = UnverifiedChain::decode(&letter.chain).ok()?;
    Some(chain.claimed())
}

/// The conversation with this account that is not halted: one at most.
pub(super) fn in_force(
    turn: &Turn<'_>,
    account: &AccountId,
) -> Option<(ConversationId, ConversationState)> {
    let mut all = turn.room.conversations.values();
    all.find(|c| {
        c.kind == Kind::Direct
            && c.account == Some(*account)
            && c.state != ConversationState::Halted
    })
    .map(|c| (c.id, c.state))
}

/// Whether the group that this device has founded stands against that of a letter. None while the
/// relay has not said where the own letter is.
///
/// Whoever had read the own letter and founded a group all the same has declined or lost it, so
/// theirs stands. Otherwise the letters have crossed, and the group of the smaller account id does.
/// With the larger id that comes to one answer, and nothing has to be known.
fn own_stands(
    turn: &Turn<'_>,
    id: &ConversationId,
    theirs: &AccountId,
    letter: &Letter,
) -> Result<Option<bool>> {
    if turn.me.account > *theirs {
        return Ok(Some(false));
    }
    if let Some(Some(place)) = own_letter(turn, id)? {
        return Ok(Some(letter.seen < place));
    }
    // An earlier version did not keep the place: all that it knew is taken for a crossing.
    Ok((!errand::letter_pending(turn, id)?).then_some(true))
}

/// The own letter of a conversation that this device has founded, with its place once it is known.
fn own_letter(turn: &Turn<'_>, id: &ConversationId) -> Result<Option<Option<Position>>> {
    let place: Option<Option<i64>> = turn
        .db
        .prepare_cached("SELECT position FROM letters WHERE conversation = ?1")?
        .query_row([id.0], |row| row.get(0))
        .optional()?;
    Ok(place.map(|place| place.map(|at| Position(at.cast_unsigned()))))
}

/// Somebody whom this device talks to writes as if for the first time. A letter that had crossed
/// with the own one is stale; any other says that they can't go on in the conversation, and may
/// ask for a new one.
fn begun_anew(
    turn: &mut Turn<'_>,
    id: &ConversationId,
    letter: &Letter,
    psk: &Secret<32>,
) -> Result<Meeting> {
    let crossed =
        own_letter(turn, id)?.is_some_and(|place| place.is_none_or(|place| letter.seen < place));
    if crossed {
        return Ok(Meeting::Settled);
    }
    // The relay can repeat what it has seen, and a stranger can name anybody: only what holds is
    // worth a question.
    let Some(joined) = request::join(turn, letter, psk)? else {
        return Ok(Meeting::Settled);
    };
    if turn.conversation(id)?.answered {
        turn.mls.discard(&joined.group);
        return Ok(Meeting::Stranger);
    }
    // They wrote once more before they could hear that they were accepted. Nobody has read what was
    // said in the group that they gave up: all of it is said in the new one.
    outbox::take_back(turn, id)?;
    let_go(turn, id)?;
    request::enter(turn, id, letter, joined)?;
    outbox::say_again(turn, id)?;
    Ok(Meeting::Settled)
}

/// Whether a letter may be written through this invite, too, to somebody who has not answered: it is
/// another one than before, and they have not written themselves meanwhile.
pub(super) fn may_write_again(
    turn: &Turn<'_>,
    id: &ConversationId,
    invite: &Invite,
) -> Result<bool> {
    let name = Keys::new(&invite.secret).name;
    let same = turn
        .db
        .prepare_cached("SELECT 1 FROM letters WHERE conversation = ?1 AND invite = ?2")?
        .exists(params![id.0, name])?;
    let held = turn
        .db
        .prepare_cached("SELECT 1 FROM requests WHERE held = ?1")?
        .exists([id.0])?;
    Ok(!same && !held)
}

/// Whoever asks once more has given up what they asked before, which could lead nowhere any more.
/// True if there was such a request.
pub(super) fn replace_earlier(
    turn: &mut Turn<'_>,
    letter: &Letter,
    psk: &Secret<32>,
    request: &RequestId,
) -> Result<bool> {
    let Some(account) = claimed(letter) else {
        return Ok(false);
    };
    let earlier = requests_of(turn, &account)?;
    if earlier.is_empty() || earlier.iter().any(|(id, _, _)| id == request) {
        return Ok(false);
    }
    // A stranger can name anybody.
    let Some(joined) = request::join(turn, letter, psk)? else {
        return Ok(false);
    };
    turn.mls.discard(&joined.group);
    for (id, _, _) in &earlier {
        forget_request(turn, id)?;
    }
    Ok(true)
}

/// Requests that name this account, newest first.
fn requests_of(
    turn: &Turn<'_>,
    account: &AccountId,
) -> Result<Vec<(RequestId, Letter, Secret<32>)>> {
    let rows: Vec<([u8; 16], Vec<u8>, [u8; 32])> = {
        let mut statement = turn.db.prepare_cached(
            "SELECT id, letter, psk FROM requests WHERE held IS NULL ORDER BY rowid DESC",
        )?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        rows.collect::<std::result::Result<_, _>>()?
    };
    let mut found = Vec::new();
    for (id, letter, psk) in rows {
        let letter = stored(&letter)?;
        if claimed(&letter) == Some(*account) {
            found.push((RequestId(id), letter, Secret::new(psk)));
        }
    }
    Ok(found)
}

fn forget_request(turn: &mut Turn<'_>, id: &RequestId) -> Result<()> {
    turn.db
        .prepare_cached("DELETE FROM requests WHERE id = ?1")?
        .execute([id.0])?;
    turn.event(Event::RequestGone { request: *id });
    Ok(())
}

/// Goes on in the group of this letter. False if the letter does not hold: nothing has changed then.
fn take(
    turn: &mut Turn<'_>,
    id: &ConversationId,
    letter: &Letter,
    psk: &Secret<32>,
) -> Result<bool> {
    // The chain that names the account is checked to be that of whoever founded the group.
    let Some(joined) = request::join(turn, letter, psk)? else {
        return Ok(false);
    };
    go_on(turn, id, letter, joined)?;
    Ok(true)
}

/// A conversation that nobody has accepted goes on in a group that was joined.
pub(super) fn go_on(
    turn: &mut Turn<'_>,
    id: &ConversationId,
    letter: &Letter,
    joined: request::Joined,
) -> Result<()> {
    let_go(turn, id)?;
    request::enter(turn, id, letter, joined)?;
    // Where this device's own acceptance will stand: before everything that is said.
    history::notice(turn, id, Notice::Accepted, order(0, Position(1)))
}

/// Lets go of whatever this device has begun in a conversation that nobody has accepted. What was
/// written in it has not been encrypted yet, and stays.
pub(super) fn let_go(turn: &mut Turn<'_>, id: &ConversationId) -> Result<()> {
    opening::stop(turn, id)?;
    let_go_of_group(turn, id)
}

/// The same, but an invite that is being opened goes on.
fn let_go_of_group(turn: &mut Turn<'_>, id: &ConversationId) -> Result<()> {
    for sql in [
        "DELETE FROM letters WHERE conversation = ?1",
        "DELETE FROM requests WHERE held = ?1",
        "DELETE FROM entries WHERE conversation = ?1",
        "DELETE FROM intents WHERE conversation = ?1",
        "DELETE FROM pending_handshakes WHERE conversation = ?1",
    ] {
        turn.db.prepare_cached(sql)?.execute([id.0])?;
    }
    errand::cancel(turn, id)?;
    let conversation = turn.conversation_mut(id)?;
    let (group, channel) = (conversation.group.take(), conversation.channel.take());
    if let Some(group) = group {
        turn.drop_group(&group)?;
    }
    let Some(channel) = channel else {
        return Ok(());
    };
    // It may have been made, or be made by what is under way: what comes later undoes it.
    let admin = channel.generation.admin();
    errand::queue(
        turn,
        Errand {
            relay: &channel.relay,
            channel: channel.id(),
            role: Role::Admin,
            key: admin,
            command: Command::Delete {
                channel: channel.id(),
                admin: admin.public(),
            },
            purpose: Purpose::None,
            subject: None,
            after: None,
        },
    )?;
    Ok(())
}

/// The own letter lies at this place of the other side's inbox.
pub(crate) fn placed(turn: &mut Turn<'_>, id: &ConversationId, place: Position) -> Result<()> {
    turn.db
        .prepare_cached(
            "INSERT INTO letters (conversation, position) VALUES (?1, ?2)
             ON CONFLICT (conversation) DO UPDATE SET position = excluded.position",
        )?
        .execute(params![id.0, place.0.cast_signed()])?;
    for (letter, psk) in held(turn, id)? {
        let Some(account) = turn.conversation(id)?.account.filter(|_| waits(turn, id)) else {
            break;
        };
        if own_stands(turn, id, &account, &letter)? == Some(false) && take(turn, id, &letter, &psk)?
        {
            break;
        }
    }
    Ok(())
}

/// The own letter was refused for good. One that has come meanwhile stands, or an invite that was
/// opened meanwhile; otherwise the person is told that the invite leads nowhere.
pub(crate) fn refused(turn: &mut Turn<'_>, id: &ConversationId) -> Result<()> {
    if !waits(turn, id) {
        return Ok(());
    }
    for (letter, psk) in held(turn, id)? {
        if take(turn, id, &letter, &psk)? {
            return Ok(());
        }
    }
    if opening::is_under_way(turn, id)? {
        let_go_of_group(turn, id)?;
        turn.conversation_mut(id)?.state = ConversationState::Opening;
        return Ok(());
    }
    opening::give_up(turn, id, Refused::InviteUsedUp)
}

pub(super) fn waits(turn: &Turn<'_>, id: &ConversationId) -> bool {
    turn.conversation(id)
        .is_ok_and(|c| c.state == ConversationState::Waiting)
}

/// Takes out the letters that waited for the own one's place, newest first: who wrote a newer one has
/// given up the one before.
fn held(turn: &Turn<'_>, id: &ConversationId) -> Result<Vec<(Letter, Secret<32>)>> {
    let rows: Vec<(Vec<u8>, [u8; 32])> = {
        let mut statement = turn.db.prepare_cached(
            "SELECT letter, psk FROM requests WHERE held = ?1 ORDER BY rowid DESC",
        )?;
        let rows = statement.query_map([id.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.collect::<std::result::Result<_, _>>()?
    };
    turn.db
        .prepare_cached("DELETE FROM requests WHERE held = ?1")?
        .execute([id.0])?;
    rows.iter()
        .map(|(letter, psk)| Ok((stored(letter)?, Secret::new(*psk))))
        .collect()
}

/// A letter as it was kept.
pub(super) fn stored(letter: &[u8]) -> Result<Letter> {
    decode(letter, 1 << 20)
        .map_err(|_| EngineError::Internal("a stored letter is malformed".into()))
}

/// Accepts the newest request of this very account, if there is one: whoever opens its invite means to
/// talk to it. Its other requests go.
pub(super) fn accept_from(
    turn: &mut Turn<'_>,
    account: &AccountId,
) -> Result<Option<ConversationId>> {
    let mut accepted = None;
    for (id, letter, psk) in requests_of(turn, account)? {
        forget_request(turn, &id)?;
        if accepted.is_none()
            && let Some(joined) = request::join(turn, &letter, &psk)?
        {
            accepted = Some(request::begin(turn, &letter, joined)?);
        }
    }
    Ok(accepted)
}
