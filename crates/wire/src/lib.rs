//! What crosses the network between a client and a relay: addresses, invites, frames, proofs, limits.
//!
//! Encoding and decoding only, no I/O and no state. Every message is deterministic CBOR
//! (RFC 8949, section 4.2) with numbered fields: an unknown field is passed over, a second
//! spelling of the same value is refused, and nothing is allocated before its size is checked.
//! What a peer sent is a value of this crate only after [`decode`] has accepted it.

mod address;
mod blob;
mod canonical;
mod chain;
mod codec;
mod frame;
mod id;
mod invite;
pub mod limits;
mod proof;

pub use address::{AddressError, RelayAddress, RelayIdentity, is_loopback};
pub use blob::{BlobError, ByteRange, UploadKey, blob_path, blob_size};
pub use chain::ChainHash;
pub use codec::{DecodeError, decode, encode, request_id};
pub use frame::{
    Appended, BlobLimits, BlobState, ClientFrame, ClientHello, Command, Delivered, Entry, Gap,
    Lane, Limits, PackageOffer, Refusal, RefusalCode, RelayFrame, RelayHello, Reply, SlotStatus,
    Subscribed,
};
pub use id::{AppendId, BlobId, ChannelId, Nonce, Position, RequestId, SlotId};
pub use invite::{Invite, InviteError, InviteSecret};
pub use proof::{
    Binding, EXPORTER_LABEL, HelloError, Role, TransportEnds, hello_transcript, proof_transcript,
};

/// Versions of the protocol that this build speaks, newest first.
pub const VERSIONS: &[u16] = &[1];
