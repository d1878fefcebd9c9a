//! What a relay sends.

use minicbor::{Decode, Encode};
use sotto_suite::sign::{PublicKey, Signature};

use crate::{AppendId, ChainHash, ChannelId, Lane, Nonce, Position, RequestId, SlotId};

/// One frame from a relay.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub enum RelayFrame {
    /// Answers the client's hello.
    #[n(0)]
    Hello(#[n(0)] RelayHello),
    /// The request was carried out.
    #[n(1)]
    Reply {
        /// Of the request.
        #[n(0)]
        id: RequestId,
        /// What came of it.
        #[n(1)]
        reply: Reply,
    },
    /// The request was not carried out, and nothing of it has been kept.
    #[n(2)]
    Refused {
        /// Of the request.
        #[n(0)]
        id: RequestId,
        /// Why.
        #[n(1)]
        refusal: Refusal,
    },
    /// For a subscriber.
    #[n(3)]
    Deliver {
        /// Channel.
        #[n(0)]
        channel: ChannelId,
        /// The subscriber.
        #[n(1)]
        subscriber: PublicKey,
        /// What.
        #[n(2)]
        delivered: Delivered,
    },
    /// The relay ends the connection.
    #[n(4)]
    Closing(#[n(0)] Refusal),
}

/// The relay's side of the handshake.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct RelayHello {
    /// The version chosen from the client's list.
    #[n(0)]
    pub version: u16,
    /// Long-lived identity key; its SHA-256 stands in the relay's address.
    #[n(1)]
    pub identity: PublicKey,
    /// Fresh.
    #[n(2)]
    pub nonce: Nonce,
    /// By `identity` over [`crate::hello_transcript`].
    #[n(3)]
    pub signature: Signature,
    /// What this relay allows.
    #[n(4)]
    pub limits: Limits,
}

/// What a relay allows. All sizes in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Limits {
    /// Largest entry.
    #[n(0)]
    pub entry: u32,
    /// Entries delivered but not acknowledged, for one subscriber.
    #[n(1)]
    pub in_flight: u16,
    /// Requests a second on one connection before they are refused as too fast.
    #[n(2)]
    pub requests_per_second: u32,
    /// Blobs; none: this relay keeps no blobs.
    #[n(3)]
    pub blobs: Option<BlobLimits>,
}

/// What a relay allows of blobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct BlobLimits {
    /// Largest blob, in bytes.
    #[n(0)]
    pub size: u64,
    /// Longest life from the last `KeepBlob` on, in hours.
    #[n(1)]
    pub hours: u16,
}

/// The result of a request that was carried out.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub enum Reply {
    /// Done; nothing more to say.
    #[n(0)]
    Done,
    /// To `Append`.
    #[n(1)]
    Appended(#[n(0)] Appended),
    /// To `Subscribe`.
    #[n(2)]
    Subscribed(#[n(0)] Subscribed),
    /// To `FetchCard`.
    #[n(3)]
    Card(
        #[n(0)]
        #[cbor(with = "minicbor::bytes")]
        Vec<u8>,
    ),
    /// To `Take`: one offer for each slot that had one.
    #[n(4)]
    Taken(
        #[n(0)]
        #[cbor(decode_with = "crate::codec::slots")]
        Vec<PackageOffer>,
    ),
    /// To `PoolStatus`.
    #[n(5)]
    Pool(
        #[n(0)]
        #[cbor(decode_with = "crate::codec::statuses")]
        Vec<SlotStatus>,
    ),
    /// To `KeepBlob`.
    #[n(6)]
    Blob(#[n(0)] BlobState),
}

/// How far a blob has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct BlobState {
    /// Bytes that it will have.
    #[n(0)]
    pub size: u64,
    /// Bytes that are durable: uploading goes on here. Equal to the size, it is finished, and can
    /// be fetched.
    #[n(1)]
    pub received: u64,
    /// When it goes, in full hours since 1970. One that is not finished goes earlier: 24 hours
    /// after it was made.
    #[n(2)]
    pub until: u32,
}

/// Where an entry came to stand. On the ephemeral lane both are those of the head, unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Appended {
    /// Its position.
    #[n(0)]
    pub position: Position,
    /// Running hash after it.
    #[n(1)]
    pub hash: ChainHash,
}

/// The state of a subscription when delivery starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Subscribed {
    /// Delivery starts after this position.
    #[n(0)]
    pub cursor: Position,
    /// Position of the newest entry.
    #[n(1)]
    pub head: Position,
    /// Handshake entries in the channel so far.
    #[n(2)]
    pub handshakes: u64,
    /// The channel is closed by a fence.
    #[n(3)]
    pub fenced: bool,
}

/// What a subscriber gets.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub enum Delivered {
    /// A stored entry. Entries come in order, without holes except where a gap is named.
    #[n(0)]
    Entry(#[n(0)] Entry),
    /// An ephemeral entry.
    #[n(1)]
    Signal(
        #[n(0)]
        #[cbor(with = "minicbor::bytes")]
        Vec<u8>,
    ),
    /// Entries are gone, by age.
    #[n(2)]
    Gap(#[n(0)] Gap),
    /// Everything up to this position has been delivered: the subscriber reads live now.
    #[n(3)]
    CaughtUp(#[n(0)] Position),
}

/// A stored entry.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Entry {
    /// Place in the channel.
    #[n(0)]
    pub position: Position,
    /// Lane.
    #[n(1)]
    pub lane: Lane,
    /// The sender's append id.
    #[n(2)]
    pub append: AppendId,
    /// The sealed envelope.
    #[n(3)]
    #[cbor(with = "minicbor::bytes")]
    pub body: Vec<u8>,
    /// This entry closed the channel.
    #[n(4)]
    pub fence: bool,
}

/// Entries before and including `until` are gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Gap {
    /// Last missing position.
    #[n(0)]
    pub until: Position,
    /// Running hash after it.
    #[n(1)]
    pub hash: ChainHash,
    /// Handshake entries up to and including it.
    #[n(2)]
    pub handshakes: u64,
}

/// A key package from the pool.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct PackageOffer {
    /// From this slot.
    #[n(0)]
    pub slot: SlotId,
    /// Sealed under the pool key.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub package: Vec<u8>,
    /// The last-resort package: others may have been handed the same.
    #[n(2)]
    pub last_resort: bool,
}

/// How full a slot is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SlotStatus {
    /// Slot.
    #[n(0)]
    pub slot: SlotId,
    /// Packages left, without the last resort.
    #[n(1)]
    pub packages: u32,
    /// There is a last-resort package.
    #[n(2)]
    pub last_resort: bool,
}

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Refusal {
    /// For programs.
    #[n(0)]
    pub code: RefusalCode,
    /// Trying again makes sense after so many milliseconds; none: not without a change.
    #[n(1)]
    pub retry_after_ms: Option<u32>,
    /// The channel's handshake count, with `Stale`.
    #[n(2)]
    pub handshakes: Option<u64>,
}

/// The kinds of refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum RefusalCode {
    /// The frame could not be decoded, or breaks a rule of its type.
    #[n(0)]
    Malformed,
    /// None of the client's versions is spoken here.
    #[n(1)]
    Version,
    /// This relay asks for an access token, and this one is missing or wrong.
    #[n(2)]
    Token,
    /// The signature of a proof does not hold.
    #[n(3)]
    BadProof,
    /// No such channel, or no such card or writer in it. Also said where the right is missing,
    /// so that nobody can ask which channels exist.
    #[n(4)]
    NotFound,
    /// The channel exists with another admin key.
    #[n(5)]
    Taken,
    /// The sender has not processed enough handshakes; not stored.
    #[n(6)]
    Stale,
    /// The channel is closed by a fence; not stored.
    #[n(7)]
    Fenced,
    /// Larger than allowed.
    #[n(8)]
    TooLarge,
    /// A quota is used up: of the channel, of this connection or address, or of the whole relay.
    #[n(9)]
    Quota,
    /// Too fast.
    #[n(10)]
    TooFast,
    /// The relay can't store at the moment (disk full, say).
    #[n(11)]
    Unavailable,
    /// The relay is being stopped.
    #[n(12)]
    Stopping,
    /// A frame that does not belong here (a second hello, a request before it).
    #[n(13)]
    Unexpected,
    /// A blob does not go on at this offset (HTTP alone).
    #[n(14)]
    Offset,
    /// This writer key had a right here, and it was taken away: another answer than `NotFound`, so
    /// that an invite that is used up is told from one that the relay hasn't heard of yet.
    #[n(15)]
    Revoked,
}
