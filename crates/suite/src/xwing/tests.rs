#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use minicbor::bytes::ByteVec;
use serde::Deserialize;
use x_wing::kem::common::rand_core::TryRng as _;

use super::{Adapter, BadEncapsulation, BadPublicKey, SealingKey, SealingPublicKey, encapsulate};
use crate::{Random, Secret};

#[derive(Deserialize)]
struct File {
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    #[serde(with = "hex::serde")]
    seed: [u8; 32],
    #[serde(with = "hex::serde")]
    eseed: [u8; 64],
    #[serde(with = "hex::serde")]
    ss: [u8; 32],
    #[serde(with = "hex::serde")]
    pk: Vec<u8>,
    #[serde(with = "hex::serde")]
    ct: Vec<u8>,
}

/// Randomness that was written down.
struct Given(Vec<u8>);

impl Random for Given {
    fn fill(&mut self, out: &mut [u8]) {
        out.copy_from_slice(&self.0.drain(..out.len()).collect::<Vec<_>>());
    }
}

#[test]
fn keys_encapsulations_and_secrets_match_the_draft() {
    let file: File = serde_json::from_str(include_str!("../../tests/vectors/xwing.json")).unwrap();
    assert_eq!(file.vectors.len(), 3);
    for vector in file.vectors {
        let key = SealingKey::from_seed(&Secret::new(vector.seed));
        assert_eq!(key.public().as_bytes()[..], vector.pk);
        let mut random = Given(vector.eseed.to_vec());
        let (enc, shared) = encapsulate(&vector.pk, &mut random).unwrap();
        assert_eq!(enc, vector.ct);
        assert_eq!(shared.expose(), &vector.ss);
        assert!(random.0.is_empty(), "all of the randomness was used");
        assert_eq!(key.decapsulate(&vector.ct).unwrap(), shared);
        // Another implementation's secret is not ours by accident.
        let mut forged = vector.ct.clone();
        forged[0] ^= 1;
        assert_ne!(key.decapsulate(&forged).unwrap(), shared);
    }
}

/// The draft gives no vector for this; the value is SHAKE-256 from Python's hashlib.
#[test]
fn derive_key_pair_is_shake_256_of_its_input() {
    let ikm: [u8; 40] = core::array::from_fn(|index| index as u8);
    let seed = "791574f3e1a66d208c1f6183f989e2b636bc040ec7aaeae417bc598803d6ee90";
    assert_eq!(hex::encode(SealingKey::derive(&ikm).seed().expose()), seed);
}

#[test]
fn wrong_lengths_are_refused() {
    let key = SealingKey::derive(&[1; 32]);
    for len in [0, 1119, 1121] {
        assert_eq!(key.decapsulate(&vec![0; len]), Err(BadEncapsulation));
    }
    for len in [0, 1215, 1217] {
        let refused = encapsulate(&vec![0; len], &mut Given(vec![0; 64]));
        assert_eq!(refused.err(), Some(BadPublicKey));
    }
}

#[test]
fn a_public_key_travels_as_its_bytes_and_is_checked_when_it_is_read() {
    let key = SealingKey::derive(&[1; 32]).public();
    let sent = minicbor::to_vec(&key).unwrap();
    assert_eq!(minicbor::decode::<SealingPublicKey>(&sent).unwrap(), key);
    let mut unreduced = key.as_bytes().to_vec();
    unreduced[..1184].fill(0xff);
    for bad in [unreduced, key.as_bytes()[1..].to_vec()] {
        let sent = minicbor::to_vec(ByteVec::from(bad)).unwrap();
        assert!(minicbor::decode::<SealingPublicKey>(&sent).is_err());
    }
}

#[test]
fn numbers_for_the_library_come_from_our_randomness_too() {
    let mut given = Given((1..=12).collect());
    let mut random = Adapter(&mut given);
    assert_eq!(random.try_next_u32(), Ok(0x0403_0201));
    assert_eq!(random.try_next_u64(), Ok(0x0c0b_0a09_0807_0605));
}
