//! "Is typing": an ephemeral signal. It never uses an MLS generation, so that a thousand of them
//! cost nothing: Fernet under a key from the epoch's exporter and a random salt, signed by the
//! device, inside an envelope like everything else.

use minicbor::{Decode, Encode};
use sotto_suite::fernet::FernetKey;
use sotto_suite::kdf::derive;
use sotto_suite::rand::RandomExt;
use sotto_suite::secret::Secret;
use sotto_suite::sign::Signature;
use sotto_wire::{AppendId, ChannelId, Command, Lane, Role, decode, encode};

use crate::api::{ConversationId, ConversationState, Event};
use crate::conversations::GroupId;
use crate::conversations::envelope::{self, Kind};
use crate::error::{EngineError, Result};
use crate::relays::Asked;
use crate::turn::Turn;

/// A signal has no place in the order, so its envelope names no append.
const NO_APPEND: AppendId = AppendId([0; 16]);
/// At most one signal in so many milliseconds, unless it changes.
const PAUSE: u64 = 3_000;

#[derive(Encode, Decode)]
#[cbor(map)]
pub(crate) struct Signal {
    #[n(0)]
    pub(crate) leaf: u32,
    #[n(1)]
    pub(crate) typing: bool,
    #[n(2)]
    pub(crate) signature: Signature,
}

#[derive(Encode, Decode)]
#[cbor(map)]
pub(crate) struct Sealed {
    #[cbor(n(0), with = "minicbor::bytes")]
    pub(crate) salt: [u8; 32],
    #[cbor(n(1), with = "minicbor::bytes")]
    pub(crate) token: Vec<u8>,
}

fn signed_bytes(channel: &ChannelId, salt: &[u8; 32], leaf: u32, typing: bool) -> Vec<u8> {
    let mut out = b"sotto typing v1".to_vec();
    out.extend_from_slice(channel.as_bytes());
    out.extend_from_slice(salt);
    out.extend_from_slice(&leaf.to_be_bytes());
    out.push(u8::from(typing));
    out
}

fn key(
    turn: &Turn<'_>,
    group: &GroupId,
    channel: &ChannelId,
    salt: &[u8; 32],
) -> Result<FernetKey> {
    let secret: Secret<32> = turn
        .mls
        .export(group, b"sotto ephemeral v1", channel.as_bytes())?;
    Ok(FernetKey::new(derive(&secret, "ephemeral", &[salt])))
}

/// Tells the other side, if it is there to see it. Nothing is stored.
pub(crate) fn send(turn: &mut Turn<'_>, id: &ConversationId, typing: bool) -> Result<()> {
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
    let recent = turn.room.typing_sent.get(id);
    if recent.is_some_and(|(at, said)| *said == typing && turn.now.since(*at) < PAUSE) {
        return Ok(());
    }
    turn.room.typing_sent.insert(*id, (turn.now, typing));
    let group = turn.group(id)?;
    let leaf = turn.mls.me(&group)?;
    let salt = turn.random.bytes();
    let signature = turn
        .me
        .device
        .sign(&signed_bytes(&channel.id(), &salt, leaf, typing));
    let token = key(turn, &group, &channel.id(), &salt)?.seal(&encode(&Signal {
        leaf,
        typing,
        signature,
    }));
    let append = AppendId(turn.random.bytes());
    let content = envelope::Content {
        kind: Kind::Signal,
        body: encode(&Sealed {
            salt,
            token: token.into(),
        }),
        seen: None,
    };
    let body = envelope::seal(
        &channel.generation,
        Lane::Ephemeral,
        &NO_APPEND,
        &content,
        turn.random,
    )
    .map_err(|error| EngineError::Internal(error.to_string()))?;
    let writer = channel.generation.writer();
    let command = Command::Append {
        channel: channel.id(),
        writer: writer.public(),
        lane: Lane::Ephemeral,
        append,
        handshakes: channel.handshakes,
        body,
        subscribers: Vec::new(),
        fence: false,
    };
    let right = (channel.id(), Role::Writer, writer);
    turn.room
        .sessions
        .ask(&channel.relay, right, command, Asked::Signal, &mut turn.out);
    Ok(())
}

/// A signal arrived. Whatever is wrong with it, it is simply not shown.
pub(crate) fn received(turn: &mut Turn<'_>, id: &ConversationId, body: &[u8]) -> Result<()> {
    let Some(channel) = turn.conversation(id)?.channel.clone() else {
        return Ok(());
    };
    let Ok((content, _)) = envelope::open(&channel.generation, Lane::Ephemeral, &NO_APPEND, body)
    else {
        return Ok(());
    };
    let Ok(sealed) = decode::<Sealed>(&content.body, 4096) else {
        return Ok(());
    };
    let group = turn.group(id)?;
    let Ok(plain) = key(turn, &group, &channel.id(), &sealed.salt)?.open(&sealed.token) else {
        return Ok(());
    };
    let Ok(signal) = decode::<Signal>(&plain, 1024) else {
        return Ok(());
    };
    let leaves = turn.mls.leaves(&group)?;
    let Some(leaf) = leaves.iter().find(|leaf| leaf.index == signal.leaf) else {
        return Ok(());
    };
    let signed = signed_bytes(&channel.id(), &sealed.salt, signal.leaf, signal.typing);
    if leaf.account != turn.me.account && leaf.device.verify(&signed, &signal.signature).is_ok() {
        turn.event(Event::Typing {
            conversation: *id,
            typing: signal.typing,
        });
    }
    Ok(())
}
