//! HKDF, Ed25519 and ChaCha20-Poly1305 against the vectors of their RFCs.

use serde::Deserialize;
use sotto_suite::aead::{AeadKey, OpenFailed};
use sotto_suite::sign::BadSignature;
use sotto_suite::{PublicKey, Secret, Signature, SigningKey, kdf};

use crate::vectors;

#[derive(Deserialize)]
struct Hkdf {
    #[serde(with = "hex::serde")]
    ikm: Vec<u8>,
    #[serde(with = "hex::serde")]
    salt: Vec<u8>,
    #[serde(with = "hex::serde")]
    info: Vec<u8>,
    #[serde(with = "hex::serde")]
    prk: Vec<u8>,
    #[serde(with = "hex::serde")]
    okm: Vec<u8>,
}

#[test]
fn hkdf_matches_rfc_5869() {
    for vector in vectors::<Hkdf>(include_str!("../vectors/rfc5869.json")) {
        let prk = kdf::extract(&vector.salt, &vector.ikm);
        assert_eq!(prk.expose()[..], vector.prk);
        let mut okm = vec![0; vector.okm.len()];
        kdf::expand(&prk, &[&vector.info], &mut okm).unwrap();
        assert_eq!(okm, vector.okm);
        // However the info is cut into parts, it is one string.
        let (a, b) = vector.info.split_at(vector.info.len() / 2);
        kdf::expand(&prk, &[a, b"", b], &mut okm).unwrap();
        assert_eq!(okm, vector.okm);
    }
}

#[derive(Deserialize)]
struct Ed25519 {
    name: String,
    #[serde(with = "hex::serde")]
    seed: [u8; 32],
    #[serde(with = "hex::serde")]
    public: [u8; 32],
    #[serde(with = "hex::serde")]
    message: Vec<u8>,
    #[serde(with = "hex::serde")]
    signature: [u8; 64],
}

#[test]
fn ed25519_matches_rfc_8032() {
    for vector in vectors::<Ed25519>(include_str!("../vectors/rfc8032.json")) {
        let key = SigningKey::from_seed(&Secret::new(vector.seed));
        assert_eq!(key.public(), PublicKey(vector.public), "{}", vector.name);
        let signature = key.sign(&vector.message);
        assert_eq!(signature, Signature(vector.signature), "{}", vector.name);
        assert_eq!(key.public().verify(&vector.message, &signature), Ok(()));
    }
}

/// RFC 8032 section 5.1.7: adding the group's order to the scalar gives the
/// same point, but not a valid signature.
#[test]
fn a_signature_is_not_malleable() {
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let key = SigningKey::from_seed(&Secret::new([1; 32]));
    let mut signature = key.sign(b"text");
    let mut carry = 0;
    for (byte, order) in signature.0[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    assert_eq!(carry, 0, "still 256 bits");
    assert_eq!(key.public().verify(b"text", &signature), Err(BadSignature));
}

#[derive(Deserialize)]
struct Aead {
    #[serde(with = "hex::serde")]
    key: [u8; 32],
    #[serde(with = "hex::serde")]
    nonce: [u8; 12],
    #[serde(with = "hex::serde")]
    aad: Vec<u8>,
    #[serde(with = "hex::serde")]
    plain: Vec<u8>,
    #[serde(with = "hex::serde")]
    sealed: Vec<u8>,
}

#[test]
fn chacha20_poly1305_matches_rfc_8439() {
    for vector in vectors::<Aead>(include_str!("../vectors/rfc8439.json")) {
        let key = AeadKey::new(&Secret::new(vector.key));
        assert_eq!(
            key.seal(vector.nonce, &vector.aad, &vector.plain),
            vector.sealed
        );
        let mut message = vector.plain.clone();
        key.seal_in_place(vector.nonce, &vector.aad, &mut message);
        assert_eq!(message, vector.sealed);
        let opened = key.open(vector.nonce, &vector.aad, &vector.sealed);
        assert_eq!(*opened.unwrap(), vector.plain);
        let other = AeadKey::new(&Secret::new([0; 32]));
        assert_eq!(
            other.open(vector.nonce, &vector.aad, &vector.sealed),
            Err(OpenFailed)
        );
    }
}
