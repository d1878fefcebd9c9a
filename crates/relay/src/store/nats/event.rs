//! What is written into a channel's log: one message for each change.
//!
//! A message whose bytes must not stay (an entry's body, a replaced card, a package handed out) is
//! deleted from the log one day, and the log has to be readable without it. So a change that makes
//! such a message superfluous says itself what of it is still worth knowing, and every change says
//! where the channel stands after it, not by how much it moves.

use minicbor::{Decode, Encode};
use sotto_suite::sign::PublicKey;
use sotto_wire::{AppendId, ChainHash, Gap, Lane, Position, SlotId};

use crate::store::Seconds;

/// One message of a channel's log.
#[derive(Clone, Debug, Encode, Decode)]
pub(super) struct Record {
    /// Random: tells a writer that lost the answer whether this is its own.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub(super) id: [u8; 16],
    /// The message that was the newest of this log when this one was decided, as the stream counts;
    /// 0 for none. If another came to stand between, this one is void: whoever sent it lost a race.
    #[n(1)]
    pub(super) before: u64,
    /// When, by the hour.
    #[n(2)]
    pub(super) at: Seconds,
    /// Day for which the channel has been put down to be looked at, if this changed with it.
    #[n(3)]
    pub(super) due: Option<u64>,
    /// What.
    #[n(4)]
    pub(super) change: Change,
}

/// What a message changes.
#[derive(Clone, Debug, Encode, Decode)]
pub(super) enum Change {
    /// The channel is made; whatever stood there before is no more.
    #[n(0)]
    Created {
        #[n(0)]
        admin: PublicKey,
        #[n(1)]
        writers: Vec<PublicKey>,
        #[n(2)]
        subscribers: Vec<PublicKey>,
        #[n(3)]
        start: ChainHash,
    },
    /// An entry; without its body when nobody is there to read it.
    #[n(1)]
    Appended {
        #[n(0)]
        trace: Trace,
        #[n(1)]
        body: Option<Body>,
    },
    /// Cursors have moved, and these entries are gone with that.
    #[n(2)]
    Acknowledged {
        #[n(0)]
        cursors: Vec<Cursor>,
        #[n(1)]
        gone: Vec<Trace>,
    },
    /// A subscriber has left.
    #[n(3)]
    Unsubscribed {
        #[n(0)]
        subscriber: PublicKey,
        #[n(1)]
        gone: Vec<Trace>,
    },
    /// A writer, with a card or with the one it has.
    #[n(4)]
    WriterSet {
        #[n(0)]
        writer: PublicKey,
        #[n(1)]
        card: Option<Body>,
    },
    #[n(5)]
    WriterRevoked {
        #[n(0)]
        writer: PublicKey,
    },
    /// A key package that is in no slot yet.
    #[n(6)]
    Packaged {
        #[n(0)]
        package: Body,
    },
    /// Packages, by the numbers of their messages, are in a slot now.
    #[n(7)]
    Deposited {
        #[n(0)]
        slot: SlotId,
        #[n(1)]
        packages: Vec<u64>,
        #[n(2)]
        last_resort: Option<u64>,
    },
    /// Packages have been handed out.
    #[n(8)]
    Taken {
        #[n(0)]
        packages: Vec<u64>,
    },
    /// What was too old is gone; before `base` nothing is remembered any more.
    #[n(9)]
    Expired {
        #[n(0)]
        gone: Vec<Trace>,
        #[n(1)]
        packages: Vec<u64>,
        #[n(2)]
        base: Option<Base>,
    },
    /// The channel is no more.
    #[n(10)]
    Deleted,
    /// What all before this amounts to. Where it is too large, further messages hold it, in order.
    #[n(11)]
    Snapshot {
        #[n(0)]
        state: Option<Body>,
        #[n(1)]
        parts: Vec<u64>,
    },
}

/// What is known of an entry without its body.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(super) struct Trace {
    #[n(0)]
    pub(super) position: Position,
    #[n(1)]
    pub(super) lane: Lane,
    #[n(2)]
    pub(super) append: AppendId,
    #[n(3)]
    pub(super) fence: bool,
    /// Up to and with it.
    #[n(4)]
    pub(super) handshakes: u64,
    #[n(5)]
    pub(super) hash: ChainHash,
    #[n(6)]
    pub(super) at: Seconds,
    #[n(7)]
    pub(super) size: u64,
    /// Whom it adds.
    #[n(8)]
    pub(super) subscribers: Vec<PublicKey>,
}

/// How far a subscriber has acknowledged.
#[derive(Clone, Copy, Debug, Encode, Decode)]
pub(super) struct Cursor {
    #[n(0)]
    pub(super) subscriber: PublicKey,
    #[n(1)]
    pub(super) position: u64,
}

/// Where what is remembered begins.
#[derive(Clone, Copy, Debug, Encode, Decode)]
pub(super) struct Base {
    #[n(0)]
    pub(super) position: Position,
    #[n(1)]
    pub(super) hash: ChainHash,
    #[n(2)]
    pub(super) handshakes: u64,
}

impl Base {
    pub(super) fn gap(&self) -> Gap {
        Gap {
            until: self.position,
            hash: self.hash,
            handshakes: self.handshakes,
        }
    }
}

/// Sealed bytes.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub(super) struct Body(#[cbor(n(0), with = "minicbor::bytes")] pub(super) Vec<u8>);
