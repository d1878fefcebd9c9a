//! A letter: what a stranger puts into the inbox to begin a conversation, sealed to the inbox key.
//!
//! Layout: HPKE (RFC 9180, X-Wing) over length ‖ content ‖ zeros, padded like an envelope; the
//! inbox's channel id is the associated data, so a letter can't be carried to another inbox.

use minicbor::{Decode, Encode};
use sotto_suite::hpke;
use sotto_suite::xwing::SealingPublicKey;
use sotto_wire::{ChannelId, Entry, Position, RelayAddress, decode, encode};

use super::invite;
use super::meeting::{self, Meeting};
use crate::api::{Event, InviteId, RequestId, RequestView};
use crate::conversations::envelope::{padded, unpadded};
use crate::error::Result;
use crate::store::params;
use crate::turn::Turn;

const INFO: &[u8] = b"sotto letter v1";
/// X-Wing encapsulation (1,120), AEAD tag (16) and the length before the content (4).
const OVERHEAD: usize = 1_120 + 16 + 4;
const MAX_LETTER: usize = 256 << 10;
/// Requests kept at once: a link in the wrong hands must not fill the disk.
const MAX_REQUESTS: i64 = 200;

/// What it says. The tree travels here, beside the Welcome: two leaves fit; a larger one goes as
/// a blob.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Letter {
    /// Name of the invite ([`super::card::Keys::name`]).
    #[cbor(n(0), with = "minicbor::bytes")]
    pub(crate) invite: [u8; 16],
    /// MLS Welcome.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub(crate) welcome: Vec<u8>,
    /// Ratchet tree of the epoch that the Welcome leads into.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub(crate) tree: Vec<u8>,
    /// Where the conversation's channel is.
    #[n(3)]
    pub(crate) relay: RelayAddress,
    /// The founder's identity chain, unverified.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub(crate) chain: Vec<u8>,
    /// How far the founder had read its own inbox: whether it knew of a letter that had come from
    /// the other side. 0 in letters of earlier versions.
    #[cbor(n(5), default)]
    pub(crate) seen: Position,
}

/// Seals a letter. None if it is larger than an entry.
pub(super) fn seal(to: &SealingPublicKey, inbox: &ChannelId, letter: &Letter) -> Option<Vec<u8>> {
    let plain = padded(&encode(letter), OVERHEAD)?;
    hpke::seal(to, INFO, inbox.as_bytes(), &plain).ok()
}

/// Takes an entry of the inbox. Whatever does not open, or names no usable invite, is dropped: an
/// inbox takes letters from strangers, and they must not be able to fill a screen or a disk.
pub(crate) fn arrived(turn: &mut Turn<'_>, entry: &Entry) -> Result<()> {
    let inbox = turn.me.inbox;
    let Ok(plain) = hpke::open(&turn.me.sealing, INFO, inbox.as_bytes(), &entry.body) else {
        return Ok(());
    };
    let Some(letter) = unpadded(&plain).and_then(|plain| decode::<Letter>(plain, MAX_LETTER).ok())
    else {
        return Ok(());
    };
    let id = InviteId(letter.invite);
    let Some(entrance) = invite::entrance(turn, &id)? else {
        return Ok(());
    };
    let psk = &entrance.psk;
    // The relay gives an append id once: a letter that it repeats makes the same request.
    let request = RequestId(entry.append.0);
    let held = match meeting::arrived(turn, &letter, psk)? {
        Meeting::Settled => return use_up(turn, &id, &entrance),
        Meeting::Stranger => {
            // Whoever asks already may ask once more, even if this invite has ended on the way.
            let asked = meeting::replace_earlier(turn, &letter, psk, &request)?;
            if !entrance.open && !asked {
                return Ok(());
            }
            None
        }
        Meeting::Undecided(conversation) => Some(conversation.0),
    };
    let waiting: i64 = turn
        .db
        .query_row("SELECT count(*) FROM requests", [], |row| row.get(0))?;
    if waiting >= MAX_REQUESTS {
        return Ok(());
    }
    let added = turn
        .db
        .prepare_cached(
            "INSERT OR IGNORE INTO requests (id, invite, arrived, psk, letter, held)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            request.0,
            id.0,
            turn.now_sql(),
            psk.expose(),
            encode(&letter),
            held
        ])?;
    use_up(turn, &id, &entrance)?;
    if added > 0 && held.is_none() {
        let request = RequestView {
            request,
            invite: id,
            arrived: turn.now,
        };
        turn.event(Event::RequestArrived { request });
    }
    Ok(())
}

/// An invite for one: the first letter in inbox order has it, whoever else comes later.
fn use_up(turn: &mut Turn<'_>, id: &InviteId, entrance: &invite::Entrance) -> Result<()> {
    if entrance.single_use {
        invite::use_up(turn, id)?;
    }
    Ok(())
}
