//! HPKE (RFC 9180): sealing to somebody's public key.
//!
//! One suite: X-Wing, HKDF-SHA256, ChaCha20-Poly1305. The primitives come from
//! their libraries; what is composed here is the key schedule (section 5.1) and
//! the counting of nonces (section 5.2), checked against the RFC's vectors.
//!
//! Base mode authenticates nobody: whoever has the public key can seal to it.
//! What is sealed must carry its own proof of origin where that matters.

mod context;
mod schedule;
#[cfg(test)]
mod tests;

pub use context::{Receiver, Sender};
pub use schedule::Psk;

use thiserror::Error;
use zeroize::Zeroizing;

use crate::xwing::{self, BadEncapsulation, BadPublicKey, ENCAPSULATION_LEN};
use crate::{Random, SealingKey, SealingPublicKey, Secret, SystemRandom};
use schedule::{SuiteId, key_schedule};

/// X-Wing, HKDF-SHA256, ChaCha20-Poly1305 in the HPKE registries.
const SUITE: SuiteId = SuiteId::new(0x647a, 0x0001, 0x0003);

/// Why sealing or opening failed.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum HpkeError {
    /// The recipient's public key is malformed: the fault of who published it.
    #[error(transparent)]
    BadPublicKey(#[from] BadPublicKey),
    /// The encapsulation is malformed: the sender's fault.
    #[error(transparent)]
    BadEncapsulation(#[from] BadEncapsulation),
    /// Not sealed to this key with this info and associated data: the sender's
    /// fault, or that of whoever changed it.
    #[error("the sealed bytes can't be opened with this key")]
    OpenFailed,
    /// A pre-shared key of fewer than 32 bytes, or without an id: the caller's mistake.
    #[error("a pre-shared key has at least 32 bytes and an id")]
    BadPsk,
    /// An exported secret longer than HKDF can give: the caller's mistake.
    #[error("an exported secret has at most 8,160 bytes")]
    ExportTooLong,
    /// One context sealed 2^64 messages.
    #[error("this HPKE context is used up")]
    UsedUp,
}

/// Seals `plain` to `to`, bound to `info` and `aad`: encapsulation
/// ([`ENCAPSULATION_LEN`] bytes) ‖ ciphertext (16 bytes longer than `plain`).
///
/// # Errors
/// None in practice: the key was checked when it was read.
pub fn seal(
    to: &SealingPublicKey,
    info: &[u8],
    aad: &[u8],
    plain: &[u8],
) -> Result<Vec<u8>, HpkeError> {
    seal_with(&mut SystemRandom::new(), to, info, aad, plain)
}

/// [`seal`] with randomness given.
///
/// # Errors
/// As [`seal`].
pub fn seal_with(
    random: &mut dyn Random,
    to: &SealingPublicKey,
    info: &[u8],
    aad: &[u8],
    plain: &[u8],
) -> Result<Vec<u8>, HpkeError> {
    let (mut sealed, mut sender) = setup_sender(to.as_bytes(), info, None, random)?;
    sealed.extend_from_slice(&sender.seal(aad, plain)?);
    Ok(sealed)
}

/// Opens what [`seal`] made.
///
/// # Errors
/// [`HpkeError::BadEncapsulation`] when it is too short, [`HpkeError::OpenFailed`]
/// when it was sealed to another key, with other `info` or `aad`, or changed.
pub fn open(
    key: &SealingKey,
    info: &[u8],
    aad: &[u8],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, HpkeError> {
    let (enc, ciphertext) = sealed
        .split_at_checked(ENCAPSULATION_LEN)
        .ok_or(BadEncapsulation)?;
    setup_receiver(key, enc, info, None)?.open(aad, ciphertext)
}

/// `SetupBaseS`, or `SetupPSKS` when `psk` is given: the encapsulation to send,
/// and a context to seal with.
///
/// # Errors
/// [`HpkeError::BadPublicKey`] when `to` is no X-Wing key, [`HpkeError::BadPsk`].
pub fn setup_sender(
    to: &[u8],
    info: &[u8],
    psk: Option<Psk<'_>>,
    random: &mut dyn Random,
) -> Result<(Vec<u8>, Sender), HpkeError> {
    let (enc, shared) = xwing::encapsulate(to, random)?;
    Ok((enc, Sender(key_schedule(SUITE, &shared, info, psk)?)))
}

/// `SetupBaseR`, or `SetupPSKR` when `psk` is given: a context to open with.
///
/// # Errors
/// [`HpkeError::BadEncapsulation`] when `enc` has the wrong length, [`HpkeError::BadPsk`].
pub fn setup_receiver(
    key: &SealingKey,
    enc: &[u8],
    info: &[u8],
    psk: Option<Psk<'_>>,
) -> Result<Receiver, HpkeError> {
    let shared: Secret<32> = key.decapsulate(enc)?;
    Ok(Receiver(key_schedule(SUITE, &shared, info, psk)?))
}
