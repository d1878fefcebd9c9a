//! A card: what the holder of a writer key may know of the inbox's owner, sealed for it alone.

use minicbor::{Decode, Encode};
use sotto_suite::aead::AeadKey;
use sotto_suite::kdf::derive;
use sotto_suite::rand::{Random, RandomExt};
use sotto_suite::secret::Secret;
use sotto_suite::sign::SigningKey;
use sotto_wire::{ChannelId, decode, encode, limits};

/// What derives from an invite's or an introduction's secret.
pub(crate) struct Keys {
    /// Right to write into the inbox, to fetch the card and to take packages.
    pub(crate) writer: SigningKey,
    /// Opens the card.
    card: Secret<32>,
    /// Goes into the founding commit: who makes the group knew the secret.
    pub(crate) psk: Secret<32>,
    /// Names the secret without betraying it; also the pre-shared key's id.
    pub(crate) name: [u8; 16],
}

impl Keys {
    /// Derives all of them.
    pub(crate) fn new(secret: &Secret<32>) -> Self {
        let name = derive(secret, "invite name", &[]);
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, ..] = *name.expose();
        Self {
            writer: SigningKey::from_seed(&derive(secret, "invite writer", &[])),
            card: derive(secret, "invite card", &[]),
            psk: derive(secret, "invite psk", &[]),
            name: [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p],
        }
    }
}

/// What a card says.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Card {
    /// Genesis and signed statements, unverified.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub(crate) chain: Vec<u8>,
    /// Opens the packages in the pool.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub(crate) pool_key: [u8; 32],
}

/// Seals a card for whoever has the secret.
pub(crate) fn seal(
    keys: &Keys,
    inbox: &ChannelId,
    card: &Card,
    random: &mut dyn Random,
) -> Vec<u8> {
    seal_small(&keys.card, inbox, &encode(card), random)
}

/// Opens a card that the relay handed out.
pub(crate) fn open(keys: &Keys, inbox: &ChannelId, sealed: &[u8]) -> Option<Card> {
    decode(&open_small(&keys.card, inbox, sealed)?, limits::MAX_CARD).ok()
}

/// nonce (12) ‖ ChaCha20-Poly1305, bound to the inbox.
pub(super) fn seal_small(
    key: &Secret<32>,
    inbox: &ChannelId,
    plain: &[u8],
    random: &mut dyn Random,
) -> Vec<u8> {
    let nonce: [u8; 12] = random.bytes();
    let mut out = nonce.to_vec();
    out.extend_from_slice(&AeadKey::new(key).seal(nonce, inbox.as_bytes(), plain));
    out
}

pub(super) fn open_small(key: &Secret<32>, inbox: &ChannelId, sealed: &[u8]) -> Option<Vec<u8>> {
    let (nonce, sealed) = sealed.split_first_chunk::<12>()?;
    AeadKey::new(key)
        .open(*nonce, inbox.as_bytes(), sealed)
        .ok()
        .map(|plain| plain.to_vec())
}
