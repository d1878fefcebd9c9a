#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "tests"
)]

use serde::Deserialize;

use super::schedule::{Psk, SuiteId, key_schedule};
use super::{HpkeError, Receiver, Sender, open, seal, seal_with, setup_receiver, setup_sender};
use crate::{SealingKey, SealingPublicKey, Secret, SeededRandom};

#[derive(Deserialize)]
struct File {
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    mode: u8,
    kem_id: u16,
    kdf_id: u16,
    aead_id: u16,
    #[serde(with = "hex::serde")]
    info: Vec<u8>,
    #[serde(default, with = "hex::serde")]
    psk: Vec<u8>,
    #[serde(default, with = "hex::serde")]
    psk_id: Vec<u8>,
    #[serde(default, rename = "skRm", with = "hex::serde")]
    private: Vec<u8>,
    #[serde(default, rename = "pkRm", with = "hex::serde")]
    public: Vec<u8>,
    #[serde(default, with = "hex::serde")]
    enc: Vec<u8>,
    #[serde(with = "hex::serde")]
    shared_secret: [u8; 32],
    encryptions: Vec<Encryption>,
    exports: Vec<Export>,
}

#[derive(Deserialize)]
struct Encryption {
    seq: u64,
    #[serde(with = "hex::serde")]
    pt: Vec<u8>,
    #[serde(with = "hex::serde")]
    aad: Vec<u8>,
    #[serde(with = "hex::serde")]
    ct: Vec<u8>,
}

#[derive(Deserialize)]
struct Export {
    #[serde(with = "hex::serde")]
    context: Vec<u8>,
    len: usize,
    #[serde(with = "hex::serde")]
    value: Vec<u8>,
}

fn load(json: &str) -> Vec<Vector> {
    let file: File = serde_json::from_str(json).unwrap();
    assert!(!file.vectors.is_empty());
    file.vectors
}

impl Vector {
    fn psk(&self) -> Option<Psk<'_>> {
        (self.mode == 1).then_some(Psk {
            id: &self.psk_id,
            value: &self.psk,
        })
    }

    /// Everything after the KEM: key, nonces, exports.
    fn check(&self, sender: &mut Sender, receiver: &mut Receiver) {
        let mut checked = 0;
        for seq in 0..=256 {
            let Some(case) = self.encryptions.iter().find(|case| case.seq == seq) else {
                let sealed = sender.seal(b"", b"between").unwrap();
                receiver.open(b"", &sealed).unwrap();
                continue;
            };
            assert_eq!(sender.seal(&case.aad, &case.pt).unwrap(), case.ct);
            assert_eq!(*receiver.open(&case.aad, &case.ct).unwrap(), case.pt);
            checked += 1;
        }
        assert_eq!(checked, self.encryptions.len());
        for case in &self.exports {
            let sent = sender.export(&case.context, case.len).unwrap();
            assert_eq!(*sent, case.value);
            let received = receiver.export(&case.context, case.len).unwrap();
            assert_eq!(*received, case.value);
        }
    }
}

/// The same key schedule, with another KEM's number: RFC 9180 appendix A.2.
#[test]
fn key_schedule_and_contexts_match_rfc_9180() {
    let vectors = load(include_str!("../../tests/vectors/rfc9180.json"));
    assert_eq!(vectors.len(), 2, "base and PSK mode");
    for vector in vectors {
        let suite = SuiteId::new(vector.kem_id, vector.kdf_id, vector.aead_id);
        let shared = Secret::new(vector.shared_secret);
        let context = || key_schedule(suite, &shared, &vector.info, vector.psk()).unwrap();
        vector.check(&mut Sender(context()), &mut Receiver(context()));
    }
}

/// The whole of our suite, KEM included: draft-ietf-hpke-pq.
#[test]
fn our_suite_matches_the_drafts_vectors() {
    for vector in load(include_str!("../../tests/vectors/hpke-xwing.json")) {
        let id = (vector.kem_id, vector.kdf_id, vector.aead_id);
        assert_eq!(id, (0x647a, 1, 3));
        let key = SealingKey::from_seed(&Secret::from_slice(&vector.private).unwrap());
        assert_eq!(key.public().as_bytes()[..], vector.public);
        let shared = key.decapsulate(&vector.enc).unwrap();
        assert_eq!(shared.expose(), &vector.shared_secret);
        let mut receiver = setup_receiver(&key, &vector.enc, &vector.info, None).unwrap();
        let sender = key_schedule(super::SUITE, &shared, &vector.info, None).unwrap();
        vector.check(&mut Sender(sender), &mut receiver);
        let first = &vector.encryptions[0];
        let sealed = [&vector.enc[..], &first.ct].concat();
        assert_eq!(
            *open(&key, &vector.info, &first.aad, &sealed).unwrap(),
            first.pt
        );
    }
}

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
    for len in [0, 1, 1119, 1120, 1135] {
        assert!(open(&alice, b"info", b"aad", &sealed[..len]).is_err());
    }
}

#[test]
fn what_is_sealed_twice_is_new_each_time_and_opens() {
    let alice = SealingKey::generate(&mut SeededRandom::new([1; 32]));
    let [first, second] = [(); 2].map(|()| seal(&alice.public(), b"info", b"", b"text").unwrap());
    assert_ne!(first[..1120], second[..1120]);
    for sealed in [first, second] {
        assert_eq!(*open(&alice, b"info", b"", &sealed).unwrap(), b"text");
    }
}

#[test]
fn a_message_that_does_not_open_does_not_count() {
    let mut random = SeededRandom::new([2; 32]);
    let key = SealingKey::generate(&mut random);
    let (enc, mut sender) = setup_sender(key.public().as_bytes(), b"", None, &mut random).unwrap();
    let mut receiver = setup_receiver(&key, &enc, b"", None).unwrap();
    let first = sender.seal(b"", b"first").unwrap();
    let second = sender.seal(b"", b"second").unwrap();
    assert_eq!(receiver.open(b"", &second), Err(HpkeError::OpenFailed));
    assert_eq!(*receiver.open(b"", &first).unwrap(), b"first");
    assert_eq!(*receiver.open(b"", &second).unwrap(), b"second");
    assert_eq!(receiver.open(b"", &second), Err(HpkeError::OpenFailed));
}

#[test]
fn a_weak_pre_shared_key_is_refused() {
    let mut random = SeededRandom::new([3; 32]);
    let key = SealingKey::generate(&mut random);
    for (id, value) in [(&b"id"[..], &[1; 31][..]), (b"", &[1; 32])] {
        let psk = Some(Psk { id, value });
        let refused = setup_sender(key.public().as_bytes(), b"", psk, &mut random);
        assert_eq!(refused.err(), Some(HpkeError::BadPsk));
    }
}

#[test]
fn an_export_is_bounded_before_it_is_allocated() {
    let mut random = SeededRandom::new([4; 32]);
    let key = SealingKey::generate(&mut random);
    let (_, sender) = setup_sender(key.public().as_bytes(), b"", None, &mut random).unwrap();
    assert_eq!(sender.export(b"", 8160).unwrap().len(), 8160);
    for len in [8161, usize::MAX] {
        assert_eq!(sender.export(b"", len), Err(HpkeError::ExportTooLong));
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
