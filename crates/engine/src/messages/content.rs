//! What an MLS message holds: versioned by numbered kinds. A kind that this version doesn't know
//! is kept whole and shown as "sent by a newer version".

use minicbor::{Decode, Encode};
use sotto_suite::rand::{Random, RandomExt};
use sotto_wire::{ChannelId, RelayAddress, decode, encode};

use crate::api::{MessageId, Timestamp};

/// Longest text, in bytes of UTF-8.
pub(crate) const MAX_TEXT: usize = 65_536;
/// Longest name, in characters.
pub(crate) const MAX_NAME: usize = 64;
const MAX_CONTENT: usize = 256 * 1024;

/// The frame around every kind.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Content {
    /// Chosen by the sender; the same over every retry, so receivers drop repeats.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub(crate) id: [u8; 16],
    /// Milliseconds, by the sender's clock.
    #[n(1)]
    pub(crate) sent: u64,
    /// See [`kind`].
    #[n(2)]
    pub(crate) kind: u32,
    /// Encoding of the kind's own type.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub(crate) body: Vec<u8>,
}

/// Numbers of the kinds; never used again for something else.
pub(crate) mod kind {
    /// [`super::Text`]
    pub(crate) const TEXT: u32 = 1;
    /// [`super::Receipt`]
    pub(crate) const RECEIPT: u32 = 2;
    /// [`super::Introduction`]
    pub(crate) const INTRODUCTION: u32 = 3;
    /// A line of the app itself; stored, never sent.
    pub(crate) const NOTICE: u32 = 1000;
}

/// A text message.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Text {
    #[n(0)]
    pub(crate) text: String,
}

/// How far this account has got in the conversation. Both are orders that all members share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Receipt {
    #[n(0)]
    pub(crate) delivered: i64,
    #[n(1)]
    pub(crate) read: i64,
}

/// Who this account is to an accepted contact, and a writer key of their own to its inbox.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Introduction {
    #[n(0)]
    pub(crate) name: String,
    #[n(1)]
    pub(crate) relay: RelayAddress,
    #[n(2)]
    pub(crate) inbox: ChannelId,
    /// From it derive the writer key and the card key.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub(crate) secret: [u8; 32],
}

impl std::fmt::Debug for Introduction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Introduction(redacted)")
    }
}

impl Content {
    /// A new content with a fresh id.
    pub(crate) fn new<T: Encode<()>>(
        kind: u32,
        body: &T,
        now: Timestamp,
        random: &mut dyn Random,
    ) -> Self {
        Self {
            id: random.bytes(),
            sent: now.0,
            kind,
            body: encode(body),
        }
    }

    pub(crate) fn message_id(&self) -> MessageId {
        MessageId(self.id)
    }

    /// Decodes what a member sent; the frame only.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        decode(bytes, MAX_CONTENT).ok()
    }

    /// Decodes the body as the type of its kind.
    pub(crate) fn body<T: for<'b> Decode<'b, ()>>(&self) -> Option<T> {
        decode(&self.body, MAX_CONTENT).ok()
    }
}

/// A name as it may be stored: trimmed, without control characters, 1 to 64 characters.
pub(crate) fn clean_name(name: &str) -> Option<String> {
    let name: String = name.chars().filter(|c| !c.is_control()).collect();
    let name = name.trim();
    (!name.is_empty() && name.chars().count() <= MAX_NAME).then(|| name.to_owned())
}
