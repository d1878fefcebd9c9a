//! The running hash over a channel's stored entries: two readers with the same hash at the same
//! position have seen the same history. The relay computes it, and every reader computes it again.

use minicbor::{Decode, Encode};
use sotto_suite::hash::sha256;

use crate::{AppendId, ChannelId, Lane, Position};

/// Running hash of a channel after some entry (SHA-256).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct ChainHash(#[cbor(with = "minicbor::bytes")] pub [u8; 32]);

impl ChainHash {
    /// The hash before the first entry of `channel`.
    pub fn start(channel: &ChannelId) -> Self {
        Self(sha256(&[b"sotto chain v1 start", channel.as_bytes()]))
    }

    /// The hash after one more entry.
    #[must_use]
    pub fn next(&self, position: Position, lane: Lane, append: &AppendId, body: &[u8]) -> Self {
        Self(sha256(&[
            b"sotto chain v1 entry",
            &self.0,
            &position.0.to_be_bytes(),
            &[lane as u8],
            append.as_bytes(),
            &sha256(&[body]),
        ]))
    }
}

impl std::fmt::Debug for ChainHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [a, b, c, d, ..] = self.0;
        write!(f, "ChainHash({a:02x}{b:02x}{c:02x}{d:02x}…)")
    }
}
