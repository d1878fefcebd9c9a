//! Conversations over mls-rs on the suite `0xF0F1`.
#![cfg(feature = "mls")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

mod common;

use common::alice_and_bob;
use mls_rs::group::ReceivedMessage;
use sotto_suite::provider::{SUITE, SottoCrypto};

fn text(received: ReceivedMessage) -> Vec<u8> {
    match received {
        ReceivedMessage::ApplicationMessage(message) => message.data().to_vec(),
        other => panic!("expected a message, got {other:?}"),
    }
}

#[test]
fn two_people_talk_and_heal() {
    let (mut alice, mut bob) = alice_and_bob(SottoCrypto::new(), SUITE);
    for round in 0..3_u8 {
        let hello = alice
            .encrypt_application_message(&[round; 20], vec![])
            .unwrap();
        assert_eq!(
            text(bob.process_incoming_message(hello).unwrap()),
            [round; 20]
        );
        let reply = bob.encrypt_application_message(b"", vec![]).unwrap();
        assert_eq!(text(alice.process_incoming_message(reply).unwrap()), b"");
        // A commit with a path: X-Wing between them, a new epoch for both.
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
