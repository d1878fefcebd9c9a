#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use super::{HpkeError, open, seal_with};
use crate::{SealingKey, SealingPublicKey, SeededRandom};

#[test]
fn opens_only_with_the_key_info_and_data_it_was_sealed_to() {
    let mut random = SeededRandom::new([1; 32]);
    let alice = SealingKey::generate(&mut random);
    let mallory = SealingKey::generate(&mut random);
    let sealed = seal_with(&mut random, &alice.public(), b"info", b"aad", b"text").unwrap();
    assert_eq!(sealed.len(), 1120 + 4 + 16);
    assert_eq!(*open(&alice, b"info", b"aad", &sealed).unwrap(), b"text");
    for (key, info, aad) in [
        (&mallory, &b"info"[..], &b"aad"[..]),
        (&alice, b"inf", b"aad"),
        (&alice, b"info", b"aae"),
    ] {
        assert_eq!(open(key, info, aad, &sealed), Err(HpkeError::OpenFailed));
    }
    for index in (0..sealed.len()).step_by(97).chain(1120..sealed.len()) {
        let mut bad = sealed.clone();
        bad[index] ^= 1;
        assert_eq!(
            open(&alice, b"info", b"aad", &bad),
            Err(HpkeError::OpenFailed)
        );
    }
}

#[test]
fn a_public_key_is_checked_when_it_is_read() {
    let key = SealingKey::derive(&[7; 32]).public();
    assert_eq!(
        SealingPublicKey::from_slice(key.as_bytes()).unwrap(),
        key.clone()
    );
    assert!(SealingPublicKey::from_slice(&key.as_bytes()[1..]).is_err());
    let mut bad = *key.as_bytes();
    bad[..1184].fill(0xff);
    assert!(
        SealingPublicKey::from_slice(&bad).is_err(),
        "coefficients above the modulus"
    );
}
