//! ChaCha20-Poly1305 (RFC 8439), from `ring`.

use core::fmt;

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::Secret;

/// Bytes that sealing adds.
pub const TAG_LEN: usize = 16;

/// A key of ChaCha20-Poly1305. **One nonce seals one message**: the caller
/// uses a counter, or a key of its own for each message.
pub struct AeadKey(LessSafeKey);

/// What was to be opened was not sealed with this key, nonce and associated
/// data: the fault of whoever sent it.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the sealed bytes can't be opened with this key")]
pub struct OpenFailed;

impl AeadKey {
    /// The key of these 32 bytes.
    #[must_use]
    pub fn new(key: &Secret<32>) -> Self {
        Self::from_array(key.expose())
    }

    #[allow(
        clippy::expect_used,
        reason = "ring refuses a key for its length alone, and the type fixes the length"
    )]
    fn from_array(key: &[u8; 32]) -> Self {
        let key = UnboundKey::new(&CHACHA20_POLY1305, key).expect("a key of 32 bytes");
        Self(LessSafeKey::new(key))
    }

    /// Encrypts `plain` and authenticates it with `aad`: ciphertext ‖ tag,
    /// [`TAG_LEN`] bytes longer than `plain`.
    #[must_use]
    pub fn seal(&self, nonce: [u8; 12], aad: &[u8], plain: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(plain.len() + TAG_LEN);
        out.extend_from_slice(plain);
        self.seal_in_place(nonce, aad, &mut out);
        out
    }

    /// [`AeadKey::seal`] without a copy: `message` turns from plain to sealed.
    /// Reserve [`TAG_LEN`] bytes beforehand, or growing may leave plain bytes
    /// behind in freed memory.
    #[allow(
        clippy::expect_used,
        reason = "ring refuses only messages of 256 GiB and more, which no Vec in this program reaches"
    )]
    pub fn seal_in_place(&self, nonce: [u8; 12], aad: &[u8], message: &mut Vec<u8>) {
        self.0
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), message)
            .expect("a message that fits in memory");
    }

    /// Checks and decrypts.
    ///
    /// # Errors
    /// [`OpenFailed`] when one bit of `sealed`, `nonce` or `aad` differs.
    pub fn open(
        &self,
        nonce: [u8; 12],
        aad: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, OpenFailed> {
        let mut buffer = Zeroizing::new(sealed.to_vec());
        let plain_len = self
            .0
            .open_in_place(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(aad),
                &mut buffer,
            )
            .map_err(|_| OpenFailed)?
            .len();
        buffer.truncate(plain_len);
        Ok(buffer)
    }
}

impl From<&Secret<32>> for AeadKey {
    fn from(key: &Secret<32>) -> Self {
        Self::new(key)
    }
}

impl fmt::Debug for AeadKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AeadKey(redacted)")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::{AeadKey, OpenFailed, TAG_LEN};
    use crate::Secret;

    #[test]
    fn opens_only_what_was_sealed_under_the_same_nonce_and_data() {
        let key = AeadKey::new(&Secret::new([5; 32]));
        let sealed = key.seal([1; 12], b"about", b"text");
        assert_eq!(sealed.len(), 4 + TAG_LEN);
        assert_eq!(*key.open([1; 12], b"about", &sealed).unwrap(), b"text");
        assert_eq!(key.open([2; 12], b"about", &sealed), Err(OpenFailed));
        assert_eq!(key.open([1; 12], b"abouT", &sealed), Err(OpenFailed));
        for index in 0..sealed.len() {
            let mut bad = sealed.clone();
            bad[index] ^= 1;
            assert_eq!(key.open([1; 12], b"about", &bad), Err(OpenFailed));
        }
        assert_eq!(key.open([1; 12], b"about", &sealed[..15]), Err(OpenFailed));
    }
}
