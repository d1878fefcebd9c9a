//! SHA-256 (FIPS 180-4), from `ring`.

use ring::digest::{Context, SHA256};

/// The SHA-256 digest of the concatenation of `parts`, 32 bytes.
///
/// Nothing separates the parts: a caller whose parts vary in length puts the
/// lengths in, or uses [`crate::kdf::derive`], which does.
#[must_use]
pub fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(part);
    }
    let mut out = [0; 32];
    out.copy_from_slice(context.finish().as_ref());
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::sha256;

    #[test]
    fn matches_fips_180_and_ignores_how_the_input_is_cut() {
        let abc = hex::encode(sha256(&[b"abc"]));
        assert_eq!(
            abc,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(sha256(&[b"a", b"", b"bc"]), sha256(&[b"abc"]));
    }
}
