//! Fernet as an AEAD: one record, one derived key, one token.
//!
//! MLS hands its cipher a key, a nonce and associated data. Fernet knows only a
//! key, so nonce and data go into it:
//!
//! ```text
//! token key = HKDF-Expand(key, info, 32)
//! info      = "sotto fernet aead v1" ‖ suite (2 bytes) ‖ len(nonce) ‖ nonce ‖ len(aad) ‖ aad
//! ```
//!
//! Lengths are 8 bytes, all numbers big-endian. Two records that differ in key,
//! nonce or associated data have unrelated token keys, so a token opens only
//! where it was made to. `docs/cipher-suite.md` gives the argument.

use zeroize::Zeroizing;

use crate::fernet::FernetError;
use crate::{FernetKey, Secret, kdf};

/// Number of the MLS cipher suite, from the range for private use (RFC 9420 section 17.1).
pub const SUITE_ID: u16 = 0xF0F1;
/// Bytes of a record key.
pub const KEY_LEN: usize = 32;
/// Bytes of a record nonce.
pub const NONCE_LEN: usize = 12;

const LABEL: &[u8] = b"sotto fernet aead v1";

/// The Fernet key of one record: whoever has it opens that one token, with any
/// Fernet implementation, and no other.
#[must_use]
pub fn record_key(key: &[u8], nonce: &[u8], aad: &[u8]) -> FernetKey {
    let info: [&[u8]; 6] = [
        LABEL,
        &SUITE_ID.to_be_bytes(),
        &(nonce.len() as u64).to_be_bytes(),
        nonce,
        &(aad.len() as u64).to_be_bytes(),
        aad,
    ];
    FernetKey::new(kdf::first_block(key, &info))
}

/// Seals one record: the ASCII bytes of a Fernet token.
#[must_use]
pub fn seal(key: &Secret<KEY_LEN>, nonce: &[u8; NONCE_LEN], aad: &[u8], plain: &[u8]) -> Vec<u8> {
    record_key(key.expose(), nonce, aad)
        .seal(plain)
        .into_bytes()
}

/// Opens one record.
///
/// # Errors
/// [`FernetError`], also when nonce or associated data differ.
pub fn open(
    key: &Secret<KEY_LEN>,
    nonce: &[u8; NONCE_LEN],
    aad: &[u8],
    token: &[u8],
) -> Result<Zeroizing<Vec<u8>>, FernetError> {
    record_key(key.expose(), nonce, aad).open(token)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::{open, record_key, seal};
    use crate::Secret;
    use crate::fernet::FernetError;

    #[test]
    fn the_token_key_is_hkdf_expand_of_the_documented_info() {
        let mut info = b"sotto fernet aead v1".to_vec();
        info.extend_from_slice(&[0xf0, 0xf1, 0, 0, 0, 0, 0, 0, 0, 12]);
        info.extend_from_slice(&[8; 12]);
        info.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 3]);
        info.extend_from_slice(b"aad");
        let mut expected = [0; 32];
        crate::kdf::expand(&Secret::new([7; 32]), &[&info], &mut expected).unwrap();
        let key = record_key(&[7; 32], &[8; 12], b"aad");
        assert_eq!(key.secret().expose(), &expected);
    }

    #[test]
    fn a_record_opens_only_under_its_key_nonce_and_data() {
        let key = Secret::new([1; 32]);
        let token = seal(&key, &[2; 12], b"aad", b"text");
        assert_eq!(*open(&key, &[2; 12], b"aad", &token).unwrap(), b"text");
        for (key, nonce, aad) in [
            ([9; 32], [2; 12], &b"aad"[..]),
            ([1; 32], [9; 12], b"aad"),
            ([1; 32], [2; 12], b"aae"),
            ([1; 32], [2; 12], b""),
        ] {
            assert_eq!(
                open(&Secret::new(key), &nonce, aad, &token),
                Err(FernetError::OpenFailed)
            );
        }
    }
}
