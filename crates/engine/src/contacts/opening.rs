//! Opening somebody's invite: card, key packages, group, letter. Each step is on disk before the
//! next one is asked for, and the whole can begin again at the card.

use sotto_suite::rand::RandomExt;
use sotto_suite::secret::Secret;
use sotto_suite::sign::{PublicKey, SigningKey};
use sotto_wire::{
    AppendId, ChannelId, Command, Invite, Lane, PackageOffer, Refusal, RefusalCode, RelayAddress,
    Role, decode, encode, limits,
};

use super::card::{self, Card, Keys};
use super::letter::{self, Letter};
use super::offer::{self, Use};
use super::{invite, meeting, remember};
use crate::api::{AccountId, ConversationId, ConversationState, Done, Event, Timestamp};
use crate::conversations::{
    Channel, Conversation, Generation, Kind, LeafChannel, Roles, create_channel, halt,
};
use crate::error::{EngineError, Refused, Result, Within};
use crate::identity::{Chain, UnverifiedChain};
use crate::relays::{Asked, Errand, Purpose, errand};
use crate::store::params;
use crate::turn::Turn;

/// How often a taker asks for other packages when those handed out are of no use.
const MAX_TRIES: i64 = 4;
/// The same when they were merely too old: the oldest are handed out first, and a slot holds 200.
const MAX_TRIES_OLD: i64 = 200;
/// Pauses before the relay is asked again for a card that it does not have yet: an eighth of the
/// time waited so far, within these bounds, in milliseconds.
const PAUSES: (u64, u64) = (2_000, 600_000);

struct Opening {
    relay: RelayAddress,
    inbox: ChannelId,
    account: AccountId,
    keys: Keys,
    card: Option<Card>,
    tries: i64,
    begun: Timestamp,
    expires: Timestamp,
}

/// Begins: the conversation stands in the list at once, and waits.
pub(crate) fn begin(turn: &mut Turn<'_>, link: &str) -> Result<Done> {
    let invite = invite::read(link)?;
    let account = AccountId(invite.account);
    if account == turn.me.account {
        return Err(Refused::InviteOwn.into());
    }
    if invite.expires < turn.now.seconds() {
        return Err(Refused::InviteExpired.into());
    }
    let in_force = match meeting::in_force(turn, &account) {
        // What stays set aside is left by a new invite, as what is halted.
        Some((id, ConversationState::Active)) if turn.conversation(&id)?.trouble.is_some() => {
            halt(turn, &id)?;
            None
        }
        in_force => in_force,
    };
    if let Some((id, state)) = in_force {
        // Opened twice, or a contact's: the conversation is there already.
        let anew = match state {
            // The first invite may lead nowhere.
            ConversationState::Opening => true,
            ConversationState::Unreached => {
                turn.conversation_mut(&id)?.state = ConversationState::Opening;
                true
            }
            // What was written through the first one may have been declined, or lost.
            ConversationState::Waiting => meeting::may_write_again(turn, &id, &invite)?,
            ConversationState::Active | ConversationState::Halted => false,
        };
        if anew {
            set_out(turn, &id, &invite)?;
        }
        return Ok(Done::Conversation { conversation: id });
    }
    if let Some(conversation) = meeting::accept_from(turn, &account)? {
        return Ok(Done::Conversation { conversation });
    }
    let id = ConversationId(turn.random.bytes());
    let mut conversation =
        Conversation::new(id, Kind::Direct, ConversationState::Opening, turn.now);
    conversation.account = Some(account);
    turn.add_conversation(conversation);
    set_out(turn, &id, &invite)?;
    Ok(Done::Conversation { conversation: id })
}

/// Begins at the card of this invite.
fn set_out(turn: &mut Turn<'_>, id: &ConversationId, invite: &Invite) -> Result<()> {
    turn.db
        .prepare_cached(
            "INSERT OR REPLACE INTO openings
                 (conversation, relay, inbox, account, secret, begun, expires)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            id.0,
            encode(&invite.relay),
            invite.inbox.0,
            invite.account,
            invite.secret.expose(),
            turn.now_sql(),
            turn.sql_time(Timestamp(invite.expires.saturating_mul(1_000))),
        ])?;
    turn.want(&invite.relay);
    ask_card(turn, id)
}

/// Goes on with everything that waits for this relay.
pub(crate) fn resume(turn: &mut Turn<'_>, relay: &RelayAddress) -> Result<()> {
    let ids: Vec<[u8; 16]> = {
        let mut statement = turn
            .db
            .prepare_cached("SELECT conversation FROM openings WHERE relay = ?1")?;
        let rows = statement.query_map([encode(relay)], |row| row.get(0))?;
        rows.collect::<std::result::Result<_, _>>()?
    };
    for id in ids.into_iter().map(ConversationId) {
        let conversation = turn.room.conversations.get(&id);
        if conversation.is_some_and(|conversation| !conversation.rests()) {
            ask_card(turn, &id).within(&id)?;
        }
    }
    Ok(())
}

/// Relays that openings wait for.
pub(crate) fn relays(turn: &Turn<'_>) -> Result<Vec<RelayAddress>> {
    let mut statement = turn
        .db
        .prepare_cached("SELECT DISTINCT relay FROM openings")?;
    let rows = statement.query_map([], |row| row.get::<_, Vec<u8>>(0))?;
    let encoded: Vec<Vec<u8>> = rows.collect::<std::result::Result<_, _>>()?;
    encoded.iter().map(|bytes| address(bytes)).collect()
}

fn address(bytes: &[u8]) -> Result<RelayAddress> {
    decode(bytes, 4096)
        .map_err(|_| EngineError::Internal("a stored relay address is malformed".into()))
}

/// The opening that an answer belongs to, unless another invite has taken its place meanwhile.
fn asked_with(turn: &Turn<'_>, id: &ConversationId, writer: &PublicKey) -> Result<Option<Opening>> {
    let opening = load(turn, id)?;
    Ok(opening.filter(|opening| opening.keys.writer.public() == *writer))
}

fn load(turn: &Turn<'_>, id: &ConversationId) -> Result<Option<Opening>> {
    let mut statement = turn.db.prepare_cached(
        "SELECT relay, inbox, account, secret, card, tries, begun, expires FROM openings
         WHERE conversation = ?1",
    )?;
    let mut rows = statement.query([id.0])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let card: Option<Vec<u8>> = row.get(4)?;
    Ok(Some(Opening {
        relay: address(&row.get::<_, Vec<u8>>(0)?)?,
        inbox: ChannelId(row.get(1)?),
        account: AccountId(row.get(2)?),
        keys: Keys::new(&Secret::new(row.get(3)?)),
        card: card.and_then(|card| decode(&card, limits::MAX_CARD).ok()),
        tries: row.get(5)?,
        begun: Timestamp(row.get::<_, i64>(6)?.cast_unsigned()),
        expires: Timestamp(row.get::<_, i64>(7)?.cast_unsigned()),
    }))
}

fn ask_card(turn: &mut Turn<'_>, id: &ConversationId) -> Result<()> {
    let Some(opening) = load(turn, id)? else {
        return Ok(());
    };
    let writer = &opening.keys.writer;
    let command = Command::FetchCard {
        channel: opening.inbox,
        writer: writer.public(),
    };
    let right = (opening.inbox, Role::Writer, writer);
    turn.room.sessions.ask(
        &opening.relay,
        right,
        command,
        Asked::Card(*id, writer.public()),
        &mut turn.out,
    );
    Ok(())
}

fn ask_packages(turn: &mut Turn<'_>, id: &ConversationId, opening: &Opening, chain: &Chain) {
    let writer = &opening.keys.writer;
    let slots = chain
        .device_list()
        .devices
        .iter()
        .map(|device| device.slot)
        .take(limits::MAX_SLOTS)
        .collect();
    let command = Command::Take {
        channel: opening.inbox,
        writer: writer.public(),
        slots,
    };
    let right = (opening.inbox, Role::Writer, writer);
    turn.room.sessions.ask(
        &opening.relay,
        right,
        command,
        Asked::Packages(*id, writer.public()),
        &mut turn.out,
    );
}

/// The card came: is it the inviter's?
pub(crate) fn card_came(
    turn: &mut Turn<'_>,
    id: &ConversationId,
    writer: &PublicKey,
    sealed: &[u8],
) -> Result<()> {
    let Some(opening) = asked_with(turn, id, writer)? else {
        return Ok(());
    };
    if opening.expires < turn.now {
        // The inviter came back too late, and would take no letter any more.
        return fail(turn, id, Refused::InviteExpired);
    }
    let verified = card::open(&opening.keys, &opening.inbox, sealed)
        .and_then(|card| verified_chain(&card.chain, &opening.account).map(|chain| (card, chain)));
    let Some((card, chain)) = verified else {
        return fail(turn, id, Refused::InviteForged);
    };
    if chain.device_list().is_expired(turn.now.seconds()) {
        return fail(turn, id, Refused::InviteNoPackage);
    }
    turn.db
        .prepare_cached("UPDATE openings SET card = ?2 WHERE conversation = ?1")?
        .execute(params![id.0, encode(&card)])?;
    ask_packages(turn, id, &opening, &chain);
    Ok(())
}

pub(super) fn verified_chain(bytes: &[u8], account: &AccountId) -> Option<Chain> {
    UnverifiedChain::decode(bytes).ok()?.verify(account).ok()
}

/// Key packages came: found the group, and write the letter.
pub(crate) fn packages_came(
    turn: &mut Turn<'_>,
    id: &ConversationId,
    writer: &PublicKey,
    offers: &[PackageOffer],
) -> Result<()> {
    let Some(opening) = asked_with(turn, id, writer)? else {
        return Ok(());
    };
    let Some(card) = &opening.card else {
        return ask_card(turn, id);
    };
    let Some(chain) = verified_chain(&card.chain, &opening.account) else {
        return fail(turn, id, Refused::InviteForged);
    };
    let pool_key = Secret::new(card.pool_key);
    let (mut usable, mut only_old) = (Vec::new(), true);
    for offer in offers {
        let pool = (&pool_key, &opening.inbox);
        match offer::look(turn, &chain, &opening.account, pool, offer) {
            Use::Good(package) => usable.push(package),
            Use::TooOld => {}
            Use::Bad => only_old = false,
        }
    }
    if usable.is_empty() {
        let tries = if only_old { MAX_TRIES_OLD } else { MAX_TRIES };
        if offers.is_empty() || opening.tries >= tries {
            return fail(turn, id, Refused::InviteNoPackage);
        }
        turn.db
            .prepare_cached("UPDATE openings SET tries = tries + 1 WHERE conversation = ?1")?
            .execute([id.0])?;
        ask_packages(turn, id, &opening, &chain);
        return Ok(());
    }
    found(turn, id, &opening, &chain, &usable)
}

fn found(
    turn: &mut Turn<'_>,
    id: &ConversationId,
    opening: &Opening,
    chain: &Chain,
    packages: &[Vec<u8>],
) -> Result<()> {
    let group = turn.random.bytes();
    let subscriber = SigningKey::from_seed(&turn.random.secret());
    let generation = Generation::new(0, turn.random.secret());
    let home = turn.me.relay.clone();
    let leaf = LeafChannel {
        subscriber: subscriber.public(),
        rescue: Some(vec![home.clone()]),
    };
    let roles = Roles::owners(&[turn.me.account, opening.account]);
    turn.mls.create(&group, &roles, &leaf, turn.now)?;
    let psk = (opening.keys.name.as_slice(), &opening.keys.psk);
    let founded = match turn
        .mls
        .found(&group, packages, psk, generation.secret(), turn.now)
    {
        Ok(founded) => founded,
        Err(failure) => {
            turn.mls.discard(&group);
            let why = if failure.is_of_the_clock() {
                Refused::ClocksDiffer
            } else {
                Refused::InviteForged
            };
            return fail(turn, id, why);
        }
    };
    turn.group_moved(group);
    let letter = Letter {
        invite: opening.keys.name,
        welcome: founded.welcome,
        tree: founded.tree,
        relay: home.clone(),
        chain: turn.me.chain.clone(),
        seen: turn.me.inbox_position,
    };
    let Some(body) = letter::seal(
        &chain.device_list().inbox_sealing_key,
        &opening.inbox,
        &letter,
    ) else {
        turn.drop_group(&group)?;
        return fail(turn, id, Refused::InviteForged);
    };
    remember(turn, &opening.account, &chain.encoded())?;
    // What was written through an earlier invite is given up only now that there is something else.
    meeting::let_go(turn, id)?;
    let now = turn.now;
    let conversation = turn.conversation_mut(id)?;
    conversation.group = Some(group);
    conversation.state = ConversationState::Waiting;
    conversation.channel = Some(Channel::fresh(home, subscriber, generation, now));
    // The letter goes out only when the channel that it leads to exists.
    let channel_first = create_channel(turn, id)?;
    let writer = &opening.keys.writer;
    let append = AppendId(turn.random.bytes());
    errand::queue(
        turn,
        Errand {
            relay: &opening.relay,
            channel: opening.inbox,
            role: Role::Writer,
            key: writer,
            command: Command::Append {
                channel: opening.inbox,
                writer: writer.public(),
                lane: Lane::Chat,
                append,
                handshakes: 0,
                body,
                subscribers: Vec::new(),
                fence: false,
            },
            purpose: Purpose::Letter,
            subject: Some(*id),
            after: Some(channel_first),
        },
    )?;
    turn.db
        .prepare_cached("INSERT INTO letters (conversation, invite) VALUES (?1, ?2)")?
        .execute(params![id.0, opening.keys.name])?;
    Ok(())
}

/// This invite need not be opened any more.
pub(crate) fn stop(turn: &mut Turn<'_>, id: &ConversationId) -> Result<()> {
    turn.db
        .prepare_cached("DELETE FROM openings WHERE conversation = ?1")?
        .execute([id.0])?;
    Ok(())
}

/// Whether an invite is being opened in this conversation.
pub(super) fn is_under_way(turn: &Turn<'_>, id: &ConversationId) -> Result<bool> {
    Ok(turn
        .db
        .prepare_cached("SELECT 1 FROM openings WHERE conversation = ?1")?
        .exists([id.0])?)
}

/// The relay would not hand out card or packages, or take the letter.
pub(crate) fn refused(
    turn: &mut Turn<'_>,
    id: &ConversationId,
    writer: &PublicKey,
    refusal: &Refusal,
) -> Result<()> {
    let Some(opening) = asked_with(turn, id, writer)? else {
        return Ok(());
    };
    match refusal.code {
        RefusalCode::Revoked | RefusalCode::BadProof => fail(turn, id, Refused::InviteUsedUp),
        // The inviter's device has not told its relay yet: it may be offline still.
        RefusalCode::NotFound if opening.expires < turn.now => {
            fail(turn, id, Refused::InviteExpired)
        }
        RefusalCode::NotFound => {
            let (shortest, longest) = PAUSES;
            let pause = (turn.now.since(opening.begun) / 8).clamp(shortest, longest);
            turn.room.timers.retry(turn.now.plus(pause));
            Ok(())
        }
        _ => {
            let pause = u64::from(refusal.retry_after_ms.unwrap_or(5_000));
            turn.room.timers.retry(turn.now.plus(pause));
            Ok(())
        }
    }
}

/// This invite leads nowhere, and the person is told why. Where one was opened before, its answer is
/// waited for as it was.
fn fail(turn: &mut Turn<'_>, id: &ConversationId, why: Refused) -> Result<()> {
    if !meeting::waits(turn, id) {
        return give_up(turn, id, why);
    }
    stop(turn, id)?;
    turn.event(Event::InviteFailed {
        conversation: *id,
        gone: false,
        problem: why.problem(),
    });
    Ok(())
}

/// Gives up, and the person is told why: the conversation that waited is gone, unless something was
/// written in it. That is kept for another invite.
pub(super) fn give_up(turn: &mut Turn<'_>, id: &ConversationId, why: Refused) -> Result<()> {
    meeting::let_go(turn, id)?;
    let written = anything_written(turn, id)?;
    let mut problem = why.problem();
    if written {
        turn.conversation_mut(id)?.state = ConversationState::Unreached;
        problem.safe.push_str(" What you wrote is kept.");
    } else {
        turn.drop_conversation(id)?;
    }
    turn.event(Event::InviteFailed {
        conversation: *id,
        gone: !written,
        problem,
    });
    Ok(())
}

/// Whether the person has written anything here, be it a draft.
fn anything_written(turn: &Turn<'_>, id: &ConversationId) -> Result<bool> {
    Ok(turn
        .db
        .prepare_cached(
            "SELECT 1 FROM messages WHERE conversation = ?1
             UNION ALL SELECT 1 FROM drafts WHERE conversation = ?1",
        )?
        .exists([id.0])?)
}
