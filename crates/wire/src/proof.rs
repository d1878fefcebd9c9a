//! What is signed on a connection: the relay's hello and the client's rights.
//!
//! Both are bound to the relay's identity key, to both nonces and, where the transport gives one,
//! to the TLS exporter (RFC 9266 style), so that neither can be carried to another connection.

use minicbor::{Decode, Encode};
use sotto_suite::sign::PublicKey;

use crate::{ChannelId, Nonce};

/// What a key may do in a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
#[repr(u8)]
pub enum Role {
    /// Append; in an inbox also fetch the card and take packages.
    #[n(0)]
    Writer = 0,
    /// Read, acknowledge, end the subscription.
    #[n(1)]
    Subscriber = 1,
    /// Create and delete the channel, set writers, cards and pool.
    #[n(2)]
    Admin = 2,
}

/// What ties a signature to one connection. Both ends hold the same value after the hello.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// Negotiated protocol version.
    pub version: u16,
    /// The relay's long-lived identity key.
    pub relay: PublicKey,
    /// From the client's hello.
    pub client_nonce: Nonce,
    /// From the relay's hello.
    pub relay_nonce: Nonce,
    /// SHA-256 of the certificate's SubjectPublicKeyInfo; zeros without TLS or in a browser.
    pub certificate: [u8; 32],
    /// TLS exporter, label `EXPORTER-sotto-v1`, no context, 32 bytes; zeros without TLS or in a browser.
    pub exporter: [u8; 32],
}

fn transcript(label: &[u8], binding: &Binding) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    out.extend_from_slice(label);
    out.extend_from_slice(&binding.version.to_be_bytes());
    out.extend_from_slice(&binding.relay.0);
    out.extend_from_slice(&binding.client_nonce.0);
    out.extend_from_slice(&binding.relay_nonce.0);
    out.extend_from_slice(&binding.certificate);
    out.extend_from_slice(&binding.exporter);
    out
}

/// What the relay signs in its hello.
pub fn hello_transcript(binding: &Binding) -> Vec<u8> {
    transcript(b"sotto relay hello v1", binding)
}

/// What a client signs to prove that it holds `key` for `role` in `channel`.
pub fn proof_transcript(binding: &Binding, channel: &ChannelId, role: Role, key: &PublicKey) -> Vec<u8> {
    let mut out = transcript(b"sotto proof v1", binding);
    out.extend_from_slice(channel.as_bytes());
    out.push(role as u8);
    out.extend_from_slice(&key.0);
    out
}
