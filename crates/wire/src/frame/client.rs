//! What a client sends.

use minicbor::{Decode, Encode};
use sotto_suite::sign::{PublicKey, Signature};

use crate::{AppendId, BlobId, ChannelId, Nonce, Position, RequestId, Role, SlotId};

/// A part of a channel with a retention of its own. Stored lanes share one order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
#[repr(u8)]
pub enum Lane {
    /// Commits, proposals and fences: kept at most 90 days.
    #[n(0)]
    Handshake = 0,
    /// Messages: kept at most 30 days.
    #[n(1)]
    Chat = 1,
    /// Signals such as typing: handed to whoever is subscribed now, never stored, no position.
    #[n(2)]
    Ephemeral = 2,
}

/// One frame from a client.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub enum ClientFrame {
    /// First frame of a connection.
    #[n(0)]
    Hello(#[n(0)] ClientHello),
    /// Asks for something; answered by exactly one [`crate::RelayFrame::Reply`].
    #[n(1)]
    Request {
        /// Carried back in the reply.
        #[n(0)]
        id: RequestId,
        /// What is asked.
        #[n(1)]
        command: Command,
    },
    /// Everything up to and including `position` is safe on this subscriber's disk. Not answered.
    #[n(2)]
    Acknowledge {
        /// Channel.
        #[n(0)]
        channel: ChannelId,
        /// The subscriber whose cursor moves; proven before on this connection.
        #[n(1)]
        subscriber: PublicKey,
        /// New cursor; an older one changes nothing.
        #[n(2)]
        position: Position,
    },
}

/// Opens the conversation with a relay.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ClientHello {
    /// Versions that the client speaks, newest first, at most 16.
    #[n(0)]
    #[cbor(decode_with = "crate::codec::versions")]
    pub versions: Vec<u16>,
    /// Fresh.
    #[n(1)]
    pub nonce: Nonce,
    /// Access token of a private relay, at most 256 bytes.
    #[n(2)]
    pub token: Option<String>,
}

/// What a client can ask for. Rights come from proofs made earlier on the same connection.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub enum Command {
    /// Shows that this connection holds `key`. Says nothing about whether the channel exists;
    /// later commands look up whether the channel grants `key` the role.
    #[n(0)]
    Prove {
        /// Channel.
        #[n(0)]
        channel: ChannelId,
        /// Role claimed.
        #[n(1)]
        role: Role,
        /// Key held.
        #[n(2)]
        key: PublicKey,
        /// Over [`crate::proof_transcript`].
        #[n(3)]
        signature: Signature,
    },
    /// Makes a channel (needs a proof of `admin` as admin). Repeating it with the same admin key
    /// changes nothing and is answered the same; another admin key is refused.
    #[n(1)]
    Create {
        /// Chosen by the client.
        #[n(0)]
        channel: ChannelId,
        /// Admin key.
        #[n(1)]
        admin: PublicKey,
        /// Writer keys at the start.
        #[n(2)]
        #[cbor(decode_with = "crate::codec::keys")]
        writers: Vec<PublicKey>,
        /// Subscriber keys at the start; their cursors stand at 0.
        #[n(3)]
        #[cbor(decode_with = "crate::codec::keys")]
        subscribers: Vec<PublicKey>,
    },
    /// Adds an entry (needs writer). Durable before it is answered, except on the ephemeral lane.
    #[n(2)]
    Append {
        /// Channel.
        #[n(0)]
        channel: ChannelId,
        /// The proven writer key.
        #[n(1)]
        writer: PublicKey,
        /// Lane.
        #[n(2)]
        lane: Lane,
        /// The same id is answered the same and stored once.
        #[n(3)]
        append: AppendId,
        /// How many handshake entries of this channel the sender has processed. A handshake entry
        /// is refused as stale unless it is equal to the relay's count; a chat entry, if it is more
        /// than 3 behind.
        #[n(4)]
        handshakes: u64,
        /// The sealed envelope, at most [`crate::limits::MAX_ENTRY`] bytes.
        #[n(5)]
        #[cbor(with = "minicbor::bytes")]
        body: Vec<u8>,
        /// Subscribers that this entry adds (handshake lane): cursor at the entry's own position.
        #[n(6)]
        #[cbor(decode_with = "crate::codec::keys")]
        subscribers: Vec<PublicKey>,
        /// This entry closes all lanes of the channel for good (handshake lane).
        #[n(7)]
        fence: bool,
    },
    /// Starts delivery to a proven subscriber from its cursor.
    #[n(3)]
    Subscribe {
        /// Channel.
        #[n(0)]
        channel: ChannelId,
        /// The subscriber.
        #[n(1)]
        subscriber: PublicKey,
    },
    /// Ends a subscription for good; its cursor no longer holds entries back.
    #[n(4)]
    Unsubscribe {
        /// Channel.
        #[n(0)]
        channel: ChannelId,
        /// The subscriber.
        #[n(1)]
        subscriber: PublicKey,
    },
    /// Adds a writer, or replaces the card beside its key (needs admin).
    #[n(5)]
    SetWriter {
        /// Channel, normally an inbox.
        #[n(0)]
        channel: ChannelId,
        /// The proven admin key.
        #[n(1)]
        admin: PublicKey,
        /// Writer.
        #[n(2)]
        writer: PublicKey,
        /// Sealed for the holder of the writer key, at most [`crate::limits::MAX_CARD`] bytes.
        #[n(3)]
        #[cbor(with = "minicbor::bytes")]
        card: Option<Vec<u8>>,
    },
    /// Takes a writer's right away, and its card with it (needs admin).
    #[n(6)]
    RevokeWriter {
        /// Channel.
        #[n(0)]
        channel: ChannelId,
        /// The proven admin key.
        #[n(1)]
        admin: PublicKey,
        /// Writer.
        #[n(2)]
        writer: PublicKey,
    },
    /// Fetches the card beside a proven writer key.
    #[n(7)]
    FetchCard {
        /// Channel.
        #[n(0)]
        channel: ChannelId,
        /// The proven writer key.
        #[n(1)]
        writer: PublicKey,
    },
    /// Puts sealed key packages into a slot of the inbox's pool (needs admin).
    #[n(8)]
    Deposit {
        /// Inbox.
        #[n(0)]
        channel: ChannelId,
        /// The proven admin key.
        #[n(1)]
        admin: PublicKey,
        /// One device's slot.
        #[n(2)]
        slot: SlotId,
        /// Sealed packages, each handed out once; each at most [`crate::limits::MAX_PACKAGE`] bytes.
        #[n(3)]
        #[cbor(decode_with = "crate::codec::packages")]
        packages: Vec<minicbor::bytes::ByteVec>,
        /// Sealed last-resort package, handed out (marked as such) when the others are gone;
        /// replaces the one before.
        #[n(4)]
        #[cbor(with = "minicbor::bytes")]
        last_resort: Option<Vec<u8>>,
    },
    /// How many packages each slot still holds (needs admin).
    #[n(9)]
    PoolStatus {
        /// Inbox.
        #[n(0)]
        channel: ChannelId,
        /// The proven admin key.
        #[n(1)]
        admin: PublicKey,
    },
    /// Takes one package from each of the slots (needs writer).
    #[n(10)]
    Take {
        /// Inbox.
        #[n(0)]
        channel: ChannelId,
        /// The proven writer key.
        #[n(1)]
        writer: PublicKey,
        /// At most 16.
        #[n(2)]
        #[cbor(decode_with = "crate::codec::slots")]
        slots: Vec<SlotId>,
    },
    /// Deletes the channel with all it holds (needs admin).
    #[n(11)]
    Delete {
        /// Channel.
        #[n(0)]
        channel: ChannelId,
        /// The proven admin key.
        #[n(1)]
        admin: PublicKey,
    },
    /// Makes a blob, or asks how far it has come and keeps it longer (needs a proof of `owner` as
    /// its owner). Repeating it never shortens its life; another owner or size is refused as taken.
    #[n(12)]
    KeepBlob {
        /// Chosen by the client.
        #[n(0)]
        blob: BlobId,
        /// Owner key.
        #[n(1)]
        owner: PublicKey,
        /// [`crate::UploadKey::hash`] of the key that lets bytes be put in; the first one stays.
        #[n(2)]
        #[cbor(with = "minicbor::bytes")]
        upload: [u8; 32],
        /// Bytes that it will have: a step of [`crate::blob_size`].
        #[n(3)]
        size: u64,
        /// How long it stays from now on, in hours, at least 1; counted in full hours.
        #[n(4)]
        hours: u16,
    },
    /// Deletes a blob, finished or not (needs a proof of `owner` as its owner).
    #[n(13)]
    DeleteBlob {
        /// The blob.
        #[n(0)]
        blob: BlobId,
        /// The proven owner key.
        #[n(1)]
        owner: PublicKey,
    },
}
