//! Ed25519 signatures (RFC 8032), from `ring`.

use core::fmt;
use std::sync::{Arc, OnceLock};

use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use thiserror::Error;

use crate::Secret;

/// A private signing key, kept with its 32-byte seed.
///
/// The pair is made of the seed when it is first asked for its public half or a signature, and shared
/// by clones: whoever only keeps or copies the key (a list of conversations, of which each has three)
/// pays nothing, and derived secrets lie in memory only for keys that are used.
#[derive(Clone)]
pub struct SigningKey {
    seed: Secret<32>,
    // `ring` wipes nothing of its own; it keeps a scalar and a prefix derived
    // from the seed for as long as the key pair lives.
    pair: Arc<OnceLock<Ed25519KeyPair>>,
}

/// A public signing key, 32 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PublicKey(pub [u8; 32]);

/// A signature, 64 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Signature(pub [u8; 64]);

/// The signature is not this key's over this message: the fault of whoever sent it.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the signature is not valid")]
pub struct BadSignature;

impl SigningKey {
    /// The key of an RFC 8032 seed.
    #[must_use]
    pub fn from_seed(seed: &Secret<32>) -> Self {
        Self {
            seed: seed.clone(),
            pair: Arc::new(OnceLock::new()),
        }
    }

    fn pair(&self) -> &Ed25519KeyPair {
        self.pair.get_or_init(|| key_pair(&self.seed))
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        let mut public = [0; 32];
        public.copy_from_slice(self.pair().public_key().as_ref());
        PublicKey(public)
    }

    /// The seed, to store the key.
    #[must_use]
    pub fn seed(&self) -> &Secret<32> {
        &self.seed
    }

    /// Signs `message`; the same key and message always give the same signature.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Signature {
        let mut out = [0; 64];
        out.copy_from_slice(self.pair().sign(message).as_ref());
        Signature(out)
    }
}

#[allow(
    clippy::expect_used,
    reason = "ring refuses a seed for its length alone, and the type fixes the length"
)]
fn key_pair(seed: &Secret<32>) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(seed.expose()).expect("a seed of 32 bytes")
}

impl PublicKey {
    /// Checks that `signature` is this key's over `message`.
    ///
    /// Strict as in RFC 8032 section 5.1.7: the scalar must be reduced, and the
    /// recomputed point must match byte for byte, so signatures are not malleable.
    ///
    /// # Errors
    /// [`BadSignature`], whatever the reason: also for bytes that are no valid key.
    pub fn verify(&self, message: &[u8], signature: &Signature) -> Result<(), BadSignature> {
        verify_slices(&self.0, message, &signature.0)
    }

    /// The bytes, as they travel.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// [`PublicKey::verify`] for a key and signature of any length, as MLS holds them.
pub(crate) fn verify_slices(
    public: &[u8],
    message: &[u8],
    signature: &[u8],
) -> Result<(), BadSignature> {
    UnparsedPublicKey::new(&ED25519, public)
        .verify(message, signature)
        .map_err(|_| BadSignature)
}

impl Signature {
    /// The bytes, as they travel.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 64] {
        &self.0
    }
}

impl PartialEq for SigningKey {
    fn eq(&self, other: &Self) -> bool {
        self.seed == other.seed
    }
}

impl Eq for SigningKey {}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey(redacted, {:?})", self.public())
    }
}

// On the wire both are CBOR byte strings of exactly their length.
macro_rules! cbor_bytes {
    ($name:ident, $len:literal) => {
        impl<C> minicbor::Encode<C> for $name {
            fn encode<W: minicbor::encode::Write>(
                &self,
                encoder: &mut minicbor::Encoder<W>,
                _: &mut C,
            ) -> Result<(), minicbor::encode::Error<W::Error>> {
                encoder.bytes(&self.0)?.ok()
            }
        }

        impl<'b, C> minicbor::Decode<'b, C> for $name {
            fn decode(
                decoder: &mut minicbor::Decoder<'b>,
                _: &mut C,
            ) -> Result<Self, minicbor::decode::Error> {
                let bytes = decoder.bytes()?;
                <[u8; $len]>::try_from(bytes)
                    .map(Self)
                    .map_err(|_| minicbor::decode::Error::message("byte string of another length"))
            }
        }
    };
}

cbor_bytes!(PublicKey, 32);
cbor_bytes!(Signature, 64);

/// The first four bytes in hexadecimal: enough to tell keys apart in a test's output.
fn short(f: &mut fmt::Formatter<'_>, name: &str, bytes: &[u8]) -> fmt::Result {
    write!(f, "{name}(")?;
    for byte in bytes.iter().take(4) {
        write!(f, "{byte:02x}")?;
    }
    f.write_str("…)")
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        short(f, "PublicKey", &self.0)
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        short(f, "Signature", &self.0)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::{BadSignature, PublicKey, SigningKey};
    use crate::Secret;

    #[test]
    fn private_keys_are_equal_by_their_seeds() {
        let key = |seed| SigningKey::from_seed(&Secret::new([seed; 32]));
        assert_eq!(key(1), key(1));
        assert_ne!(key(1), key(2));
    }

    #[test]
    fn a_pair_is_made_when_it_is_used_and_once_for_all_clones() {
        let key = SigningKey::from_seed(&Secret::new([9; 32]));
        let clone = key.clone();
        assert!(key.pair.get().is_none());
        let public = clone.public();
        assert!(key.pair.get().is_some());
        assert_eq!(key.public(), public);
    }

    #[test]
    fn signs_and_refuses_what_was_not_signed() {
        let key = SigningKey::from_seed(&Secret::new([9; 32]));
        let signature = key.sign(b"hello");
        assert_eq!(key.public().verify(b"hello", &signature), Ok(()));
        assert_eq!(key.public().verify(b"hellp", &signature), Err(BadSignature));
        assert_eq!(
            PublicKey([0xff; 32]).verify(b"hello", &signature),
            Err(BadSignature)
        );
        for index in 0..64 {
            let mut bad = signature;
            bad.0[index] ^= 0x20;
            assert_eq!(key.public().verify(b"hello", &bad), Err(BadSignature));
        }
    }
}
