//! What comes from relays: connections, replies, deliveries.

use sotto_wire::{
    Binding, Command, Delivered, Entry, Lane, Refusal, RefusalCode, RelayAddress, RelayFrame,
    Reply, Role,
};

use super::errand::{self, Purpose};
use super::session::Asked;
use crate::api::{ConversationId, RelayChange};
use crate::contacts::{self, inbox, meeting, opening};
use crate::conversations;
use crate::error::{Result, Within};
use crate::messages::outbox;
use crate::room::Room;
use crate::turn::Turn;

/// A connection stands: everything that waits for this relay goes on.
pub(crate) fn connected(turn: &mut Turn<'_>, relay: &RelayAddress, binding: Binding) -> Result<()> {
    turn.room.offline(relay, turn.me.relay == *relay);
    turn.room.sessions.connected(relay, binding);
    resume(turn, relay)
}

/// Sends whatever waits for this relay and is not under way.
pub(crate) fn resume(turn: &mut Turn<'_>, relay: &RelayAddress) -> Result<()> {
    errand::send(turn, relay)?;
    opening::resume(turn, relay)?;
    if turn.me.relay == *relay && !errand::inbox_pending(turn)? {
        subscribe_inbox(turn);
    }
    for id in turn.room.on_relay(relay) {
        go_on(turn, &id).within(&id)?;
    }
    Ok(())
}

fn go_on(turn: &mut Turn<'_>, id: &ConversationId) -> Result<()> {
    conversations::subscribe(turn, id)?;
    conversations::send_handshakes(turn, id)?;
    outbox::pump(turn, id)
}

fn subscribe_inbox(turn: &mut Turn<'_>) {
    if turn.room.inbox_live {
        return;
    }
    let (relay, inbox, key) = (
        turn.me.relay.clone(),
        turn.me.inbox,
        turn.me.inbox_subscriber.clone(),
    );
    if turn.room.sessions.is_asked(&relay, &Asked::SubscribeInbox) {
        return;
    }
    let command = Command::Subscribe {
        channel: inbox,
        subscriber: key.public(),
    };
    turn.room.sessions.ask(
        &relay,
        (inbox, Role::Subscriber, &key),
        command,
        Asked::SubscribeInbox,
        &mut turn.out,
    );
}

/// Frames that change nothing which has to be durable at once.
pub(crate) fn is_light(room: &Room, relay: &RelayAddress, frame: &RelayFrame) -> bool {
    match frame {
        RelayFrame::Reply { id, .. } => !room.sessions.is_errand(relay, *id),
        RelayFrame::Deliver {
            delivered: Delivered::Entry(entry),
            ..
        } => entry.lane == Lane::Chat && room.sessions.is_in_flight(relay, &entry.append),
        RelayFrame::Deliver {
            delivered: Delivered::Gap(_),
            ..
        }
        | RelayFrame::Refused { .. } => false,
        _ => true,
    }
}

/// Takes frames in order.
pub(crate) fn frames(
    turn: &mut Turn<'_>,
    relay: &RelayAddress,
    frames: Vec<RelayFrame>,
) -> Result<()> {
    for frame in frames {
        if !turn.room.sessions.is_connected(relay) {
            break;
        }
        match frame {
            RelayFrame::Reply { id, reply } => match turn.room.sessions.answered(relay, id) {
                Some(asked) => replied(turn, relay, asked, reply)?,
                None => misbehaved(turn, relay),
            },
            RelayFrame::Refused { id, refusal } => match turn.room.sessions.answered(relay, id) {
                Some(asked) => refused(turn, relay, asked, &refusal)?,
                None => misbehaved(turn, relay),
            },
            RelayFrame::Deliver {
                channel,
                subscriber: _,
                delivered,
            } => {
                if channel == turn.me.inbox && *relay == turn.me.relay {
                    inbox_delivered(turn, relay, delivered)?;
                } else if let Some(id) = turn.room.by_channel(relay, &channel) {
                    conversations::delivered(turn, relay, &id, delivered).within(&id)?;
                }
                // Of a channel that a fence has closed, something may still be on its way.
            }
            // The socket's owner sees these first; here they mean that it will reconnect.
            RelayFrame::Hello(_) | RelayFrame::Closing(_) => {}
        }
    }
    Ok(())
}

/// The relay breaks the protocol: begin anew with it.
fn misbehaved(turn: &mut Turn<'_>, relay: &RelayAddress) {
    turn.out.relays.push(RelayChange::Drop(relay.clone()));
}

fn replied(turn: &mut Turn<'_>, relay: &RelayAddress, asked: Asked, reply: Reply) -> Result<()> {
    match (asked, reply) {
        (Asked::Errand(id), reply) => {
            let (purpose, subject) = errand::done(turn, id)?;
            match (purpose, subject) {
                (Purpose::Inbox, _) => subscribe_inbox(turn),
                (Purpose::Channel, Some(id)) if turn.room.conversations.contains_key(&id) => {
                    conversations::subscribe(turn, &id).within(&id)?;
                }
                (Purpose::Letter, Some(id)) => {
                    if let Reply::Appended(placed) = reply {
                        meeting::placed(turn, &id, placed.position).within(&id)?;
                    }
                }
                _ => {}
            }
            Ok(())
        }
        (Asked::Card(id, writer), Reply::Card(card)) => {
            opening::card_came(turn, &id, &writer, &card).within(&id)
        }
        (Asked::Packages(id, writer), Reply::Taken(offers)) => {
            opening::packages_came(turn, &id, &writer, &offers).within(&id)
        }
        (Asked::SubscribeInbox, Reply::Subscribed(state)) => inbox::subscribed(turn, &state),
        (Asked::Subscribe(id, channel), Reply::Subscribed(state)) => {
            conversations::subscribed(turn, &id, &channel, &state).within(&id)
        }
        // The place in the order comes with the entry itself.
        (Asked::Message(..) | Asked::Handshake(..) | Asked::Signal | Asked::Proof, _) => Ok(()),
        (
            Asked::Card(..) | Asked::Packages(..) | Asked::Subscribe(..) | Asked::SubscribeInbox,
            _,
        ) => {
            misbehaved(turn, relay);
            Ok(())
        }
    }
}

fn refused(
    turn: &mut Turn<'_>,
    relay: &RelayAddress,
    asked: Asked,
    refusal: &Refusal,
) -> Result<()> {
    match asked {
        Asked::Message(append) => {
            turn.room.sessions.landed(relay, &append);
            outbox::refused(turn, &append, refusal)
        }
        Asked::Handshake(id, append) => {
            turn.room.sessions.landed(relay, &append);
            conversations::handshake_refused(turn, &id, &append, refusal).within(&id)
        }
        Asked::Card(id, writer) | Asked::Packages(id, writer) => {
            opening::refused(turn, &id, &writer, refusal).within(&id)
        }
        Asked::Errand(id) => errand_refused(turn, id, refusal),
        Asked::SubscribeInbox if refusal.code == RefusalCode::NotFound => inbox::missing(turn),
        Asked::Subscribe(id, channel) if refusal.code == RefusalCode::NotFound => {
            conversations::missing(turn, &id, &channel).within(&id)
        }
        Asked::Subscribe(..) | Asked::SubscribeInbox => {
            let pause = u64::from(refusal.retry_after_ms.unwrap_or(5_000));
            turn.room.timers.retry(turn.now.plus(pause));
            Ok(())
        }
        Asked::Proof => {
            misbehaved(turn, relay);
            Ok(())
        }
        Asked::Signal => Ok(()),
    }
}

fn errand_refused(turn: &mut Turn<'_>, id: i64, refusal: &Refusal) -> Result<()> {
    if matches!(refusal.code, RefusalCode::NotFound | RefusalCode::Taken)
        && inbox::refused(turn, id, refusal.code)?
    {
        return Ok(());
    }
    let final_answer = matches!(
        refusal.code,
        RefusalCode::NotFound
            | RefusalCode::Taken
            | RefusalCode::TooLarge
            | RefusalCode::Malformed
            | RefusalCode::Fenced
    );
    if !final_answer {
        return errand::postpone(turn, id, u64::from(refusal.retry_after_ms.unwrap_or(5_000)));
    }
    match errand::done(turn, id)? {
        (Purpose::Letter, Some(id)) => meeting::refused(turn, &id).within(&id),
        _ => Ok(()),
    }
}

fn inbox_delivered(turn: &mut Turn<'_>, relay: &RelayAddress, delivered: Delivered) -> Result<()> {
    if turn.room.inbox_deaf {
        return Ok(());
    }
    match delivered {
        Delivered::Entry(entry) => {
            let before = turn.me.inbox_position;
            if entry.position > before {
                if entry.position != before.next() {
                    inbox_hole(turn, relay);
                    return Ok(());
                }
                contacts::letter_arrived(turn, &entry)?;
                advance_inbox(turn, &entry)?;
            }
            let key = (
                relay.clone(),
                turn.me.inbox,
                turn.me.inbox_subscriber.public(),
            );
            turn.room.unacknowledged.insert(key, turn.me.inbox_position);
            Ok(())
        }
        Delivered::Gap(gap) => {
            if gap.until > turn.me.inbox_position {
                turn.me.inbox_position = gap.until;
                turn.me.inbox_hash = gap.hash;
                turn.me.save(turn.db)?;
            }
            Ok(())
        }
        Delivered::CaughtUp(_) => inbox::read(turn),
        Delivered::Signal(_) => Ok(()),
    }
}

/// As in a conversation: it is asked for again once, over a new connection. Where that has brought nothing
/// further, the inbox is not listened to until the next one, so that conversations can go on.
fn inbox_hole(turn: &mut Turn<'_>, relay: &RelayAddress) {
    let at = turn.me.inbox_position;
    if turn.room.inbox_hole.replace(at) == Some(at) {
        turn.room.inbox_deaf = true;
    } else {
        misbehaved(turn, relay);
    }
}

fn advance_inbox(turn: &mut Turn<'_>, entry: &Entry) -> Result<()> {
    turn.me.inbox_hash =
        turn.me
            .inbox_hash
            .next(entry.position, entry.lane, &entry.append, &entry.body);
    turn.me.inbox_position = entry.position;
    turn.me.save(turn.db)
}
