//! HKDF with SHA-256 (RFC 5869), on `ring`'s HMAC.
//!
//! `ring` has an HKDF of its own, but it never gives out the pseudorandom key,
//! which MLS needs; extract and expand are therefore composed here.

use ring::hmac::{Context, HMAC_SHA256, Key};
use thiserror::Error;

use crate::Secret;

/// Bytes that SHA-256 gives at once.
const HASH_LEN: usize = 32;

/// The longest output of one expansion, in bytes (RFC 5869 section 2.3).
pub const MAX_EXPAND: usize = 255 * HASH_LEN;

/// The caller asked for more than HKDF can give.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum KdfError {
    /// More than [`MAX_EXPAND`] bytes were asked for: the caller's mistake.
    #[error("HKDF gives at most {MAX_EXPAND} bytes, {0} were asked for")]
    TooLong(usize),
}

/// HKDF-Extract (RFC 5869 section 2.2): one pseudorandom key from input of any quality.
#[must_use]
pub fn extract(salt: &[u8], ikm: &[u8]) -> Secret<32> {
    extract_parts(salt, &[ikm])
}

/// [`extract`] over the concatenation of `ikm`.
pub(crate) fn extract_parts(salt: &[u8], ikm: &[&[u8]]) -> Secret<32> {
    let key = Key::new(HMAC_SHA256, salt);
    let mut context = Context::with_key(&key);
    for part in ikm {
        context.update(part);
    }
    Secret::fill(|out| out.copy_from_slice(context.sign().as_ref()))
}

/// HKDF-Expand (RFC 5869 section 2.3): fills `out` from `prk` and the
/// concatenation of `info`.
///
/// # Errors
/// [`KdfError::TooLong`] when `out` is longer than [`MAX_EXPAND`]; `out` is then untouched.
pub fn expand(prk: &Secret<32>, info: &[&[u8]], out: &mut [u8]) -> Result<(), KdfError> {
    expand_slice(prk.expose(), info, out)
}

/// [`expand`] from a pseudorandom key that some library holds as a slice.
pub(crate) fn expand_slice(prk: &[u8], info: &[&[u8]], out: &mut [u8]) -> Result<(), KdfError> {
    if out.len() > MAX_EXPAND {
        return Err(KdfError::TooLong(out.len()));
    }
    // One HMAC key for all blocks: its two padded blocks are hashed once.
    let key = Key::new(HMAC_SHA256, prk);
    let mut previous = None;
    for (chunk, counter) in out.chunks_mut(HASH_LEN).zip(1_u8..=255) {
        let block = block(&key, previous.as_ref(), info, counter);
        for (to, from) in chunk.iter_mut().zip(block.as_ref()) {
            *to = *from;
        }
        previous = Some(block);
    }
    Ok(())
}

/// One block of expansion: `HMAC(key, previous ‖ info ‖ counter)`.
fn block(
    key: &Key,
    previous: Option<&ring::hmac::Tag>,
    info: &[&[u8]],
    counter: u8,
) -> ring::hmac::Tag {
    let mut context = Context::with_key(key);
    if let Some(previous) = previous {
        context.update(previous.as_ref());
    }
    for part in info {
        context.update(part);
    }
    context.update(&[counter]);
    context.sign()
}

/// A key for one purpose: 32 bytes expanded from `secret` with the info
/// `"sotto v1 " ‖ label`, preceded by its length, followed by each part of
/// `context` preceded by its own. Lengths are 4 bytes, big-endian, so that no
/// two lists of parts give the same info.
#[must_use]
pub fn derive(secret: &Secret<32>, label: &str, context: &[&[u8]]) -> Secret<32> {
    let key = Key::new(HMAC_SHA256, secret.expose());
    let mut hmac = Context::with_key(&key);
    hmac.update(&length(PREFIX.len() + label.len()));
    hmac.update(PREFIX);
    hmac.update(label.as_bytes());
    for part in context {
        hmac.update(&length(part.len()));
        hmac.update(part);
    }
    // A 32-byte output is exactly the first block of HKDF-Expand.
    hmac.update(&[1]);
    Secret::fill(|out| out.copy_from_slice(hmac.sign().as_ref()))
}

/// HKDF-Expand to exactly 32 bytes: the first block, which cannot fail.
pub(crate) fn first_block(prk: &[u8], info: &[&[u8]]) -> Secret<32> {
    let key = Key::new(HMAC_SHA256, prk);
    Secret::fill(|out| out.copy_from_slice(block(&key, None, info, 1).as_ref()))
}

const PREFIX: &[u8] = b"sotto v1 ";

/// A length as 4 bytes. Nothing in memory here comes near 4 GiB; longer would saturate.
fn length(bytes: usize) -> [u8; 4] {
    u32::try_from(bytes).unwrap_or(u32::MAX).to_be_bytes()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::{KdfError, MAX_EXPAND, derive, expand};
    use crate::Secret;

    #[test]
    fn derive_is_hkdf_expand_with_unambiguous_info() {
        let secret = Secret::new([3; 32]);
        let mut expected = [0; 32];
        let info: [&[u8]; 5] = [
            &[0, 0, 0, 12],
            b"sotto v1 inb",
            &[0, 0, 0, 2],
            b"ab",
            &[0, 0, 0, 0],
        ];
        expand(&secret, &info, &mut expected).unwrap();
        assert_eq!(derive(&secret, "inb", &[b"ab", b""]).expose(), &expected);
        assert_ne!(
            derive(&secret, "inb", &[b"ab"]),
            derive(&secret, "inb", &[b"a", b"b"])
        );
        assert_ne!(derive(&secret, "a", &[]), derive(&secret, "b", &[]));
    }

    #[test]
    fn refuses_more_than_hkdf_can_give() {
        let mut out = vec![0; MAX_EXPAND + 1];
        assert_eq!(
            expand(&Secret::new([1; 32]), &[], &mut out),
            Err(KdfError::TooLong(MAX_EXPAND + 1))
        );
        out.truncate(MAX_EXPAND);
        assert_eq!(expand(&Secret::new([1; 32]), &[], &mut out), Ok(()));
    }
}
