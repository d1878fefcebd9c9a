//! An invite: how a stranger reaches an account, as a link of at most 220 bytes.
//!
//! `https://host:port/i#payload`, or `sotto:host:port/i#payload` for the app itself. Everything
//! that gives a right or names somebody (relay identity, inbox, account, secret) stands after the
//! `#`, and a browser that opens the link sends no part of that: to the resolver and the relay
//! goes the host, the port and `/i`, the same for every invite of that relay. Host and port stand
//! in the link itself, so that it opens the relay's page where the app is missing.
//!
//! The payload is base64url without padding of, in this order:
//!
//! | bytes | what |
//! |---|---|
//! | 1 | version (high four bits, 1) and flags (low four bits: 1 single use, 2 relay without TLS) |
//! | 4 | expiry, minutes since 1970, big endian |
//! | 32 | SHA-256 of the relay's identity key |
//! | 16 | inbox |
//! | 32 | account id |
//! | 32 | secret |
//! | 4 | start of SHA-256 over `sotto invite v1`, `host:port` and all bytes before |
//!
//! The checksum stands last in every version, so that damage is told from age.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sotto_suite::{hash::sha256, secret::Secret};
use zeroize::Zeroizing;

use crate::{AddressError, ChannelId, RelayAddress, RelayIdentity};

/// The invite's 32-byte secret, from which writer key, card key and pre-shared key derive.
pub type InviteSecret = Secret<32>;

/// What a link says.
///
/// `Display` writes the link, secret and all: it is for the person's eyes and clipboard, never for
/// a log. `Debug` leaves the secret out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invite {
    /// The inviter's relay.
    pub relay: RelayAddress,
    /// The inviter's inbox.
    pub inbox: ChannelId,
    /// The inviter's account id.
    pub account: [u8; 32],
    /// Secret of this invite.
    pub secret: InviteSecret,
    /// Unix time in seconds after which it is no longer good, rounded up to a minute.
    pub expires: u64,
    /// Good for one person only.
    pub single_use: bool,
}

/// Why a text is not a usable invite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InviteError {
    /// Not an invite at all.
    #[error("not a Sotto invite")]
    NotAnInvite,
    /// Cut short or changed: the checksum does not fit.
    #[error("the invite is damaged")]
    Damaged,
    /// Made by a newer version.
    #[error("the invite is of version {0}, which this build does not know")]
    NewerVersion(u8),
}

const VERSION: u8 = 1;
const SINGLE_USE: u8 = 1;
const PLAIN: u8 = 2;
/// Bytes of a payload of version 1.
const PAYLOAD: usize = 1 + 4 + 32 + 16 + 32 + 32 + 4;
/// Longest text that is looked at; a newer version may be longer than ours.
const MAX_TEXT: usize = 1024;

impl Invite {
    /// The link for a browser: `https://host:port/i#payload`.
    pub fn link(&self) -> String {
        format!("https://{}/i#{}", self.relay.host_port(), *self.payload())
    }

    /// The link for the app: `sotto:host:port/i#payload`.
    pub fn app_link(&self) -> String {
        format!("sotto:{}/i#{}", self.relay.host_port(), *self.payload())
    }

    fn payload(&self) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(PAYLOAD));
        let flags =
            if self.single_use { SINGLE_USE } else { 0 } | if self.relay.plain { PLAIN } else { 0 };
        bytes.push(VERSION << 4 | flags);
        let minutes = u32::try_from(self.expires.div_ceil(60)).unwrap_or(u32::MAX);
        bytes.extend_from_slice(&minutes.to_be_bytes());
        bytes.extend_from_slice(&self.relay.identity.0);
        bytes.extend_from_slice(self.inbox.as_bytes());
        bytes.extend_from_slice(&self.account);
        bytes.extend_from_slice(self.secret.expose());
        let sum = checksum(&self.relay.host_port(), &bytes);
        bytes.extend_from_slice(&sum);
        Zeroizing::new(URL_SAFE_NO_PAD.encode(&*bytes))
    }
}

impl fmt::Display for Invite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Zeroizing::new(self.link()))
    }
}

impl FromStr for Invite {
    type Err = InviteError;

    /// Reads a link as people paste it: white space, quotes or brackets around it and a full stop
    /// after it are passed over.
    fn from_str(text: &str) -> Result<Self, InviteError> {
        if text.len() > MAX_TEXT {
            return Err(InviteError::NotAnInvite);
        }
        let (place, payload) = split(strip(text))?;
        let (host, port) =
            RelayAddress::split_host_port(place).map_err(|_| InviteError::Damaged)?;
        let bytes = URL_SAFE_NO_PAD
            .decode(payload)
            .map_err(|_| InviteError::Damaged)?;
        let bytes = Zeroizing::new(bytes);
        let (body, sum) = bytes.split_last_chunk::<4>().ok_or(InviteError::Damaged)?;
        // The checksum was made over the one spelling of the host, which is found by building the
        // address; a made-up identity serves until the real one has been read.
        let relay = RelayAddress::new(host, port, RelayIdentity([0; 32]), false)
            .map_err(|_| InviteError::Damaged)?;
        if checksum(&relay.host_port(), body) != *sum {
            return Err(InviteError::Damaged);
        }
        read(relay, body)
    }
}

/// Reads what the checksum has vouched for.
fn read(relay: RelayAddress, body: &[u8]) -> Result<Invite, InviteError> {
    let (first, rest) = body.split_first().ok_or(InviteError::Damaged)?;
    let (version, flags) = (first >> 4, first & 15);
    if version > VERSION {
        return Err(InviteError::NewerVersion(version));
    }
    let known = flags & !(SINGLE_USE | PLAIN) == 0;
    if version != VERSION || !known {
        return Err(InviteError::Damaged);
    }
    let (minutes, rest) = chunk::<4>(rest)?;
    let (identity, rest) = chunk::<32>(rest)?;
    let (inbox, rest) = chunk::<16>(rest)?;
    let (account, rest) = chunk::<32>(rest)?;
    let (secret, rest) = chunk::<32>(rest)?;
    if !rest.is_empty() {
        return Err(InviteError::Damaged);
    }
    let relay = RelayAddress::new(
        &relay.host,
        relay.port,
        RelayIdentity(*identity),
        flags & PLAIN != 0,
    )
    .map_err(|_: AddressError| InviteError::Damaged)?;
    Ok(Invite {
        relay,
        inbox: ChannelId(*inbox),
        account: *account,
        secret: Secret::new(*secret),
        expires: u64::from(u32::from_be_bytes(*minutes)) * 60,
        single_use: flags & SINGLE_USE != 0,
    })
}

fn chunk<const N: usize>(bytes: &[u8]) -> Result<(&[u8; N], &[u8]), InviteError> {
    bytes.split_first_chunk().ok_or(InviteError::Damaged)
}

fn checksum(host_port: &str, body: &[u8]) -> [u8; 4] {
    let [a, b, c, d, ..] = sha256(&[b"sotto invite v1", host_port.as_bytes(), body]);
    [a, b, c, d]
}

/// What people and their programs put around a link. None of it can begin or end one.
fn strip(text: &str) -> &str {
    let around = |c: char| c.is_whitespace() || "<>()[]{}\"'`“”„‘’«»*".contains(c);
    text.trim_start_matches(around)
        .trim_end_matches(|c: char| around(c) || ".,;:!?…".contains(c))
}

/// Host with port, and payload. A link of ours that lost its end is damaged; any other text is none.
fn split(link: &str) -> Result<(&str, &str), InviteError> {
    let prefix = |scheme: &str| {
        let (start, rest) = link.split_at_checked(scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then_some(rest)
    };
    let (rest, own) = match (prefix("https://"), prefix("sotto://"), prefix("sotto:")) {
        (Some(rest), _, _) => (rest, false),
        (_, Some(rest), _) | (_, None, Some(rest)) => (rest, true),
        (None, None, None) => return Err(InviteError::NotAnInvite),
    };
    match rest.split_once("/i#") {
        Some((place, payload)) if !place.contains(['/', '#', '?', '@']) => Ok((place, payload)),
        _ if own => Err(InviteError::Damaged),
        _ if rest.ends_with("/i") => Err(InviteError::Damaged),
        _ => Err(InviteError::NotAnInvite),
    }
}
