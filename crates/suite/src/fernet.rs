//! Fernet tokens, read more strictly than the specification asks.
//!
//! A token is the URL-safe base64 of version ‖ timestamp ‖ IV ‖ ciphertext ‖
//! HMAC: AES-128-CBC, then HMAC-SHA-256 over all before it. The cipher is the
//! `fernet` crate's; any Fernet implementation opens a token given the key.
//! What is stricter here, so that one message has exactly one token form:
//!
//! 1. the timestamp is 0: a token tells nobody when it was made, and there is
//!    no time to live to check;
//! 2. the text must be the one base64 form of its bytes: no missing or extra
//!    padding, no stray bits;
//! 3. all of this is checked before the key is used.

use core::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use thiserror::Error;
use zeroize::{Zeroize as _, Zeroizing};

use crate::{Random, Secret};

/// The first byte of every token.
const VERSION: u8 = 0x80;
/// Bytes of a cipher block.
const BLOCK: usize = 16;
/// Bytes around the ciphertext: version, timestamp, IV, HMAC.
const FRAME: usize = 1 + 8 + BLOCK + 32;
/// Timestamp in every token, seconds since 1970: always none.
const NO_TIME: u64 = 0;

/// A Fernet key: 16 bytes to authenticate, 16 to encrypt.
#[derive(Clone, PartialEq, Eq)]
pub struct FernetKey(Secret<32>);

/// Why a token was refused: always the fault of whoever made or changed it.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum FernetError {
    /// Not base64 in its one canonical form, or not of a token's length.
    #[error("not a Fernet token")]
    Malformed,
    /// A version other than 0x80.
    #[error("a Fernet token of unknown version")]
    Version,
    /// A timestamp other than 0.
    #[error("a Fernet token with a timestamp")]
    Timestamp,
    /// The token was not made with this key, or was changed since.
    #[error("the Fernet token can't be opened with this key")]
    OpenFailed,
}

impl FernetKey {
    /// The key of these 32 bytes: the first half authenticates, the second encrypts.
    #[must_use]
    pub fn new(key: Secret<32>) -> Self {
        Self(key)
    }

    /// A fresh key.
    #[must_use]
    pub fn generate(random: &mut dyn Random) -> Self {
        Self(Secret::fill(|out| random.fill(out)))
    }

    /// The key's bytes.
    #[must_use]
    pub fn secret(&self) -> &Secret<32> {
        &self.0
    }

    /// The key as other Fernet implementations take it: 44 characters of base64.
    #[must_use]
    pub fn to_base64(&self) -> Zeroizing<String> {
        Zeroizing::new(URL_SAFE.encode(self.0.expose()))
    }

    /// Encrypts and authenticates `plain` under a random IV. The token is ASCII.
    #[must_use]
    pub fn seal(&self, plain: &[u8]) -> String {
        self.cipher().encrypt_at_time(plain, NO_TIME)
    }

    /// Checks and decrypts a token.
    ///
    /// # Errors
    /// [`FernetError`] says which rule the token breaks; nothing of it was used.
    pub fn open(&self, token: &[u8]) -> Result<Zeroizing<Vec<u8>>, FernetError> {
        let token = canonical(token)?;
        // Without a time to live the time given only has to be no earlier than
        // the token's, which is 0.
        self.cipher()
            .decrypt_at_time(token, None, NO_TIME)
            .map(Zeroizing::new)
            .map_err(|_| FernetError::OpenFailed)
    }

    #[allow(
        clippy::expect_used,
        reason = "the crate refuses a key for its length alone, and the type fixes the length"
    )]
    fn cipher(&self) -> fernet::Fernet {
        let text = self.to_base64();
        let cipher = fernet::Fernet::new(&text).expect("a key of 32 bytes");
        scrub();
        cipher
    }
}

/// The crate decodes the key into a heap buffer and frees it unwiped. Taking
/// buffers of that size at once and wiping them overwrites the same memory on
/// allocators that hand out first what was freed last; a test searches the
/// memory of a Linux process to see that it works there. Two kinds of buffer,
/// because allocators serve memory to be zeroed from another list.
fn scrub() {
    /// What the crate reserves for a key of 32 bytes.
    const LEN: usize = 33;
    let mut zeroed = vec![0_u8; LEN];
    let mut plain = Vec::with_capacity(LEN);
    plain.resize(LEN, 0xff_u8);
    core::hint::black_box(&mut zeroed).zeroize();
    core::hint::black_box(&mut plain).zeroize();
}

/// Applies the rules at the top of this module that need no key.
fn canonical(token: &[u8]) -> Result<&str, FernetError> {
    let text = core::str::from_utf8(token).map_err(|_| FernetError::Malformed)?;
    let bytes = URL_SAFE.decode(text).map_err(|_| FernetError::Malformed)?;
    let (version, rest) = bytes.split_first().ok_or(FernetError::Malformed)?;
    let ciphertext = bytes.len().checked_sub(FRAME);
    if ciphertext.is_none_or(|len| len == 0 || len % BLOCK != 0) {
        return Err(FernetError::Malformed);
    }
    if *version != VERSION {
        return Err(FernetError::Version);
    }
    if rest.get(..8) != Some(&NO_TIME.to_be_bytes()) {
        return Err(FernetError::Timestamp);
    }
    if URL_SAFE.encode(&bytes) != text {
        return Err(FernetError::Malformed);
    }
    Ok(text)
}

impl From<Secret<32>> for FernetKey {
    fn from(key: Secret<32>) -> Self {
        Self::new(key)
    }
}

impl fmt::Debug for FernetKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FernetKey(redacted)")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::{FernetError, FernetKey};
    use crate::Secret;

    #[test]
    fn opens_what_it_sealed_and_nothing_else() {
        let key = FernetKey::new(Secret::new([4; 32]));
        for plain in [&b""[..], b"a", b"exactly sixteen!", &[0; 1000]] {
            let token = key.seal(plain);
            assert!(token.starts_with("gAAAAAAAAAAA"), "version, then no time");
            assert_eq!(*key.open(token.as_bytes()).unwrap(), plain);
        }
        let token = key.seal(b"text");
        let other = FernetKey::new(Secret::new([5; 32]));
        assert_eq!(other.open(token.as_bytes()), Err(FernetError::OpenFailed));
    }
}
