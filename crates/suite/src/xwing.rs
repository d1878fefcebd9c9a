//! X-Wing (draft-connolly-cfrg-xwing-kem-10): X25519 and ML-KEM-768 as one key
//! agreement that stands as long as either of them stands. From `x-wing`.

#[cfg(test)]
mod tests;

use core::fmt;

use shake::Shake256;
use shake::digest::{ExtendableOutput as _, Update as _, XofReader as _};
use thiserror::Error;
use x_wing::{
    Ciphertext, Decapsulate as _, DecapsulationKey, Decapsulator as _, Encapsulate as _,
    EncapsulationKey, KeyExport as _, SharedKey, TryKeyInit as _,
};
use zeroize::Zeroize as _;

use crate::{Random, Secret};

/// Bytes of a public key.
pub const PUBLIC_LEN: usize = 1216;
/// Bytes of an encapsulation: what a sender adds to a message.
pub const ENCAPSULATION_LEN: usize = 1120;

/// A private key: 32 bytes from which both halves are expanded at each use.
#[derive(Clone, PartialEq, Eq)]
pub struct SealingKey(Secret<32>);

/// A public key, checked: its ML-KEM half is reduced (FIPS 203 section 7.2).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SealingPublicKey(Box<[u8; PUBLIC_LEN]>);

/// The bytes are no X-Wing public key: the fault of whoever published them.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("not an X-Wing public key")]
pub struct BadPublicKey;

/// The bytes are no X-Wing encapsulation: the fault of whoever sent them.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("not an X-Wing encapsulation")]
pub struct BadEncapsulation;

impl SealingKey {
    /// The key of this seed, which must be uniformly random (section 5.2).
    #[must_use]
    pub fn from_seed(seed: &Secret<32>) -> Self {
        Self(seed.clone())
    }

    /// A fresh key.
    #[must_use]
    pub fn generate(random: &mut dyn Random) -> Self {
        Self(Secret::fill(|out| random.fill(out)))
    }

    /// `DeriveKeyPair` of the draft's section 5.6: a key from secret input of
    /// any length, of at least 32 bytes' worth of entropy.
    #[must_use]
    pub fn derive(ikm: &[u8]) -> Self {
        let mut shake = Shake256::default();
        shake.update(ikm);
        let mut reader = shake.finalize_xof();
        Self(Secret::fill(|out| reader.read(out)))
    }

    /// The seed, to store the key.
    #[must_use]
    pub fn seed(&self) -> &Secret<32> {
        &self.0
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> SealingPublicKey {
        SealingPublicKey(boxed(
            &self.decapsulation_key().encapsulation_key().to_bytes(),
        ))
    }

    fn decapsulation_key(&self) -> DecapsulationKey {
        DecapsulationKey::from(*self.0.expose())
    }

    /// The shared secret of an encapsulation (section 5.5). A forged one gives
    /// an unrelated secret, not an error: what is sealed under it tells.
    ///
    /// # Errors
    /// [`BadEncapsulation`] when the length is wrong.
    pub(crate) fn decapsulate(&self, enc: &[u8]) -> Result<Secret<32>, BadEncapsulation> {
        let enc = Ciphertext::try_from(enc).map_err(|_| BadEncapsulation)?;
        Ok(take(self.decapsulation_key().decapsulate(&enc)))
    }
}

impl SealingPublicKey {
    /// Reads and checks a public key of [`PUBLIC_LEN`] bytes.
    ///
    /// # Errors
    /// [`BadPublicKey`] when the length is wrong or the ML-KEM half is not reduced.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, BadPublicKey> {
        parse(bytes).map(|key| Self(boxed(&key.to_bytes())))
    }

    /// The bytes, as they travel.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; PUBLIC_LEN] {
        &self.0
    }
}

// On the wire a key is a CBOR byte string, and a decoded one has been checked.
impl<C> minicbor::Encode<C> for SealingPublicKey {
    fn encode<W: minicbor::encode::Write>(
        &self,
        encoder: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        encoder.bytes(self.as_bytes())?.ok()
    }
}

impl<'b, C> minicbor::Decode<'b, C> for SealingPublicKey {
    fn decode(
        decoder: &mut minicbor::Decoder<'b>,
        _: &mut C,
    ) -> Result<Self, minicbor::decode::Error> {
        Self::from_slice(decoder.bytes()?)
            .map_err(|_| minicbor::decode::Error::message("not an X-Wing public key"))
    }
}

/// Encapsulates to the key in `bytes` (section 5.4): what to send, and the shared secret.
///
/// # Errors
/// [`BadPublicKey`] when the bytes are no key.
pub(crate) fn encapsulate(
    bytes: &[u8],
    random: &mut dyn Random,
) -> Result<(Vec<u8>, Secret<32>), BadPublicKey> {
    let (enc, shared) = parse(bytes)?.encapsulate_with_rng(&mut Adapter(random));
    Ok((enc.to_vec(), take(shared)))
}

/// Reads and checks a public key.
///
/// # Errors
/// [`BadPublicKey`] when the bytes are no key.
pub(crate) fn parse(bytes: &[u8]) -> Result<EncapsulationKey, BadPublicKey> {
    EncapsulationKey::new_from_slice(bytes).map_err(|_| BadPublicKey)
}

fn boxed(bytes: &[u8]) -> Box<[u8; PUBLIC_LEN]> {
    let mut out = Box::new([0; PUBLIC_LEN]);
    for (to, from) in out.iter_mut().zip(bytes) {
        *to = *from;
    }
    out
}

/// Moves a shared secret into its wrapper and wipes where it was.
fn take(mut shared: SharedKey) -> Secret<32> {
    let secret = Secret::fill(|out| out.copy_from_slice(&shared));
    shared.as_mut_slice().zeroize();
    secret
}

/// Our randomness in the shape `x-wing` asks for.
pub(crate) struct Adapter<'a>(pub(crate) &'a mut dyn Random);

impl x_wing::TryCryptoRng for Adapter<'_> {}

impl x_wing::kem::common::rand_core::TryRng for Adapter<'_> {
    type Error = core::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        let mut out = [0; 4];
        self.0.fill(&mut out);
        Ok(u32::from_le_bytes(out))
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        let mut out = [0; 8];
        self.0.fill(&mut out);
        Ok(u64::from_le_bytes(out))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
        self.0.fill(out);
        Ok(())
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingKey(redacted)")
    }
}

impl fmt::Debug for SealingPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingPublicKey(")?;
        // The X25519 half at the end: the other begins alike in no useful way.
        for byte in self.0.iter().rev().take(4).rev() {
            write!(f, "{byte:02x}")?;
        }
        f.write_str("…)")
    }
}
