//! Alice and Bob over mls-rs on the suite `0xF0F1`.

use mls_rs::{CipherSuite, CryptoProvider, MlsMessage};
use mls_rs_crypto_rustcrypto::RustCryptoProvider;
use sotto_suite::SeededRandom;
use sotto_suite::provider::{SUITE, SottoCrypto};

use crate::people::{alice_and_bob, client, text};

/// One story for every suite, so that nothing hangs on ours.
fn they_talk_and_heal<P: CryptoProvider + Clone>(crypto: P, suite: CipherSuite) {
    let (mut alice, mut bob) = alice_and_bob(crypto, suite);
    for round in 0..3_u8 {
        let hello = alice
            .encrypt_application_message(&[round; 20], vec![])
            .unwrap();
        assert_eq!(
            text(bob.process_incoming_message(hello).unwrap()),
            [round; 20]
        );
        let reply = bob
            .encrypt_application_message(b"", b"seen by all".to_vec())
            .unwrap();
        assert_eq!(text(alice.process_incoming_message(reply).unwrap()), b"");
        // A commit with a path: the KEM between them, a new epoch for both.
        let commit = bob.commit(vec![]).unwrap();
        bob.apply_pending_commit().unwrap();
        alice
            .process_incoming_message(commit.commit_message)
            .unwrap();
        assert_eq!(
            alice.epoch_authenticator().unwrap().to_vec(),
            bob.epoch_authenticator().unwrap().to_vec()
        );
    }
    assert_eq!(alice.current_epoch(), 4);
}

#[test]
fn two_people_talk_and_heal() {
    they_talk_and_heal(SottoCrypto::new(), SUITE);
    they_talk_and_heal(SottoCrypto::with_random(SeededRandom::new([1; 32])), SUITE);
}

#[test]
fn two_people_talk_and_heal_on_a_standard_suite() {
    they_talk_and_heal(RustCryptoProvider::new(), CipherSuite::CURVE25519_CHACHA);
}

#[test]
fn a_message_changed_anywhere_on_the_way_is_refused() {
    let (mut alice, bob) = alice_and_bob(SottoCrypto::new(), SUITE);
    let message = alice
        .encrypt_application_message(b"text", b"open to all".to_vec())
        .unwrap();
    let bytes = message.to_bytes().unwrap();
    for index in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[index] ^= 1;
        let Ok(changed) = MlsMessage::from_bytes(&changed) else {
            continue;
        };
        // A message that fails may use up its key, so each try has its own Bob.
        assert!(bob.clone().process_incoming_message(changed).is_err());
    }
    let genuine = bob.clone().process_incoming_message(message);
    assert_eq!(text(genuine.unwrap()), b"text");
}

#[test]
fn suites_do_not_mix() {
    let alice = client(SottoCrypto::new(), SUITE, "Alice");
    let bob = client(
        RustCryptoProvider::new(),
        CipherSuite::CURVE25519_CHACHA,
        "Bob",
    );
    let package = bob
        .generate_key_package_message(Default::default(), Default::default(), None)
        .unwrap();
    let mut alice = alice.group_builder().unwrap().build().unwrap();
    let refused = alice.commit_builder().add_member(package);
    assert!(refused.and_then(|builder| builder.build()).is_err());
}

#[test]
fn a_seed_replays_keys_but_never_tokens() {
    let run = || {
        let crypto = SottoCrypto::with_random(SeededRandom::new([9; 32]));
        let bob = client(crypto, SUITE, "Bob");
        let package = bob
            .generate_key_package_message(Default::default(), Default::default(), None)
            .unwrap();
        let package = package.into_key_package().unwrap();
        (
            package.hpke_init_key.to_vec(),
            package.signing_identity().signature_key.to_vec(),
        )
    };
    assert_eq!(run(), run());
}
