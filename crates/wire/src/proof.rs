//! What is signed on a connection: the relay's hello and the client's rights.
//!
//! Both are bound to the relay's identity key, to both nonces and, where the transport gives one,
//! to the TLS exporter (RFC 9266 style), so that neither can be carried to another connection.

use minicbor::{Decode, Encode};
use sotto_suite::sign::{BadSignature, PublicKey, Signature, SigningKey};

use crate::{BlobId, ChannelId, Command, Limits, Nonce, RelayAddress, RelayHello, RelayIdentity};

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
    /// Make, keep and delete a blob. The channel of such a proof is the blob's id.
    #[n(3)]
    Owner = 3,
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
pub fn proof_transcript(
    binding: &Binding,
    channel: &ChannelId,
    role: Role,
    key: &PublicKey,
) -> Vec<u8> {
    let mut out = transcript(b"sotto proof v1", binding);
    out.extend_from_slice(channel.as_bytes());
    out.push(role as u8);
    out.extend_from_slice(&key.0);
    out
}

/// Why a relay's hello is not to be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HelloError {
    /// The relay chose a version that the client did not offer: the relay's fault.
    #[error("the relay chose version {0}, which was not offered")]
    Version(u16),
    /// Another identity key than the address names: a wrong address, another relay in its place,
    /// or somebody in between.
    #[error("the relay has another identity than its address says")]
    OtherRelay,
    /// The identity key did not sign this connection: somebody is in between.
    #[error("the relay did not prove its identity on this connection")]
    BadSignature,
}

impl RelayHello {
    /// The relay's side: chooses nothing, signs what was chosen.
    pub fn sign(
        key: &SigningKey,
        version: u16,
        client_nonce: Nonce,
        relay_nonce: Nonce,
        ends: &TransportEnds,
        limits: Limits,
    ) -> (Self, Binding) {
        let binding = Binding {
            version,
            relay: key.public(),
            client_nonce,
            relay_nonce,
            certificate: ends.certificate,
            exporter: ends.exporter,
        };
        let signature = key.sign(&hello_transcript(&binding));
        let hello = Self {
            version,
            identity: binding.relay,
            nonce: relay_nonce,
            signature,
            limits,
        };
        (hello, binding)
    }

    /// The client's side: is this the relay of `address`, at the other end of this connection?
    ///
    /// `certificate` and `exporter` are what the client's own TLS stack says (zeros without TLS or
    /// in a browser); a man in the middle has others, and the signature then does not hold.
    ///
    /// # Errors
    /// [`HelloError`]; the connection must be dropped before anything else is sent on it.
    pub fn verify(
        &self,
        address: &RelayAddress,
        client_nonce: &Nonce,
        certificate: &[u8; 32],
        exporter: &[u8; 32],
    ) -> Result<Binding, HelloError> {
        if !crate::VERSIONS.contains(&self.version) {
            return Err(HelloError::Version(self.version));
        }
        if RelayIdentity::of(&self.identity) != address.identity {
            return Err(HelloError::OtherRelay);
        }
        let binding = Binding {
            version: self.version,
            relay: self.identity,
            client_nonce: *client_nonce,
            relay_nonce: self.nonce,
            certificate: *certificate,
            exporter: *exporter,
        };
        self.identity
            .verify(&hello_transcript(&binding), &self.signature)
            .map_err(|_| HelloError::BadSignature)?;
        Ok(binding)
    }
}

/// What TLS says about the two ends of a connection; [`Self::NONE`] without TLS or in a browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransportEnds {
    /// SHA-256 of the certificate's SubjectPublicKeyInfo (DER).
    pub certificate: [u8; 32],
    /// TLS exporter, label [`EXPORTER_LABEL`], no context.
    pub exporter: [u8; 32],
}

impl TransportEnds {
    /// No TLS, or none that the client can look into.
    pub const NONE: Self = Self {
        certificate: [0; 32],
        exporter: [0; 32],
    };
}

/// Label of the TLS exporter (RFC 8446, section 7.5; RFC 9266 for the idea).
pub const EXPORTER_LABEL: &[u8] = b"EXPORTER-sotto-v1";

impl Binding {
    /// The request that proves `key` for `role` in `channel` on this connection.
    pub fn prove(&self, channel: ChannelId, role: Role, key: &SigningKey) -> Command {
        let public = key.public();
        let signature = key.sign(&proof_transcript(self, &channel, role, &public));
        Command::Prove {
            channel,
            role,
            key: public,
            signature,
        }
    }

    /// The request that proves `key` as the owner of `blob` on this connection.
    pub fn prove_owner(&self, blob: BlobId, key: &SigningKey) -> Command {
        self.prove(ChannelId(blob.0), Role::Owner, key)
    }

    /// Does the signature prove `key` for `role` in `channel` on this connection, and no other?
    ///
    /// # Errors
    /// [`BadSignature`], whatever the reason.
    pub fn check(
        &self,
        channel: &ChannelId,
        role: Role,
        key: &PublicKey,
        signature: &Signature,
    ) -> Result<(), BadSignature> {
        key.verify(&proof_transcript(self, channel, role, key), signature)
    }
}
