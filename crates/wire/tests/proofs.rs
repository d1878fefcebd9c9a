//! The hello and the proofs: good on one connection to one relay, and nowhere else.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests stop at the first surprise"
)]

mod common;

use common::*;
use sotto_suite::secret::Secret;
use sotto_suite::sign::{Signature, SigningKey};
use sotto_wire::*;

fn signing_key(n: u8) -> SigningKey {
    SigningKey::from_seed(&Secret::new([n; 32]))
}

const ENDS: TransportEnds = TransportEnds {
    certificate: [0xce; 32],
    exporter: [0xe0; 32],
};
const LIMITS: Limits = Limits {
    entry: 1,
    in_flight: 1,
    requests_per_second: 1,
    blobs: None,
};
const CLIENT: Nonce = Nonce([1; 32]);
const RELAY: Nonce = Nonce([2; 32]);

fn hello(key: &SigningKey) -> (RelayHello, Binding) {
    RelayHello::sign(key, 1, CLIENT, RELAY, &ENDS, LIMITS)
}

fn address(key: &SigningKey) -> RelayAddress {
    RelayAddress::new(
        "relay.example",
        7443,
        RelayIdentity::of(&key.public()),
        false,
    )
    .unwrap()
}

#[test]
fn both_ends_hold_the_same_binding_after_the_hello() {
    let relay = signing_key(1);
    let (hello, binding) = hello(&relay);
    let verified = hello
        .verify(&address(&relay), &CLIENT, &ENDS.certificate, &ENDS.exporter)
        .unwrap();
    assert_eq!(verified, binding);
}

#[test]
fn the_transcripts_are_the_bytes_in_the_vectors() {
    let (_, binding) = hello(&signing_key(1));
    let proof = proof_transcript(&binding, &CHANNEL, Role::Subscriber, &key(3));
    let lines = format!(
        "hello {}\nproof {}\n",
        hex(&hello_transcript(&binding)),
        hex(&proof)
    );
    assert_eq!(lines, include_str!("vectors/transcripts.txt"));
}

#[test]
fn a_hello_is_good_for_one_relay_and_one_connection() {
    let relay = signing_key(1);
    let (good, _) = hello(&relay);
    let verify = |hello: &RelayHello, address: &RelayAddress| {
        hello
            .verify(address, &CLIENT, &ENDS.certificate, &ENDS.exporter)
            .map(|_| ())
    };
    assert_eq!(verify(&good, &address(&relay)), Ok(()));

    // Another relay, even one that signs correctly.
    assert_eq!(
        verify(&good, &address(&signing_key(2))),
        Err(HelloError::OtherRelay)
    );
    assert_eq!(
        verify(&hello(&signing_key(2)).0, &address(&relay)),
        Err(HelloError::OtherRelay)
    );

    // Somebody in between: another certificate, another TLS, a nonce of another connection.
    let mut certificate = ENDS.certificate;
    certificate[31] ^= 1;
    assert_eq!(
        good.verify(&address(&relay), &CLIENT, &certificate, &ENDS.exporter),
        Err(HelloError::BadSignature)
    );
    assert_eq!(
        good.verify(&address(&relay), &CLIENT, &ENDS.certificate, &[0; 32]),
        Err(HelloError::BadSignature)
    );
    assert_eq!(
        good.verify(
            &address(&relay),
            &Nonce([3; 32]),
            &ENDS.certificate,
            &ENDS.exporter
        ),
        Err(HelloError::BadSignature)
    );

    let changed = RelayHello {
        nonce: Nonce([3; 32]),
        ..good.clone()
    };
    assert_eq!(
        verify(&changed, &address(&relay)),
        Err(HelloError::BadSignature)
    );
    let changed = RelayHello {
        signature: Signature([0; 64]),
        ..good.clone()
    };
    assert_eq!(
        verify(&changed, &address(&relay)),
        Err(HelloError::BadSignature)
    );
    let changed = RelayHello { version: 2, ..good };
    assert_eq!(
        verify(&changed, &address(&relay)),
        Err(HelloError::Version(2))
    );
}

#[test]
fn a_proof_is_good_for_one_key_role_channel_and_connection() {
    let (_, binding) = hello(&signing_key(1));
    let (_, other_relay) = hello(&signing_key(2));
    let writer = signing_key(7);
    let Command::Prove {
        channel,
        role,
        key,
        signature,
    } = binding.prove(CHANNEL, Role::Writer, &writer)
    else {
        panic!("not a proof")
    };
    assert!(binding.check(&channel, role, &key, &signature).is_ok());

    assert!(
        binding
            .check(&channel, Role::Admin, &key, &signature)
            .is_err()
    );
    assert!(
        binding
            .check(&ChannelId([1; 16]), role, &key, &signature)
            .is_err()
    );
    assert!(
        binding
            .check(&channel, role, &signing_key(8).public(), &signature)
            .is_err()
    );
    assert!(other_relay.check(&channel, role, &key, &signature).is_err());
    for changed in [
        Binding {
            version: 2,
            ..binding.clone()
        },
        Binding {
            client_nonce: Nonce([3; 32]),
            ..binding.clone()
        },
        Binding {
            relay_nonce: Nonce([3; 32]),
            ..binding.clone()
        },
        Binding {
            certificate: [0; 32],
            ..binding.clone()
        },
        Binding {
            exporter: [0; 32],
            ..binding.clone()
        },
    ] {
        assert!(
            changed.check(&channel, role, &key, &signature).is_err(),
            "{changed:?}"
        );
    }
}

#[test]
fn a_relays_hello_is_no_proof_and_a_proof_no_hello() {
    // The relay's key as a writer key: what it signs as a hello must not prove a right.
    let relay = signing_key(1);
    let (hello, binding) = hello(&relay);
    let proof = binding.check(&CHANNEL, Role::Writer, &relay.public(), &hello.signature);
    assert!(proof.is_err());
    assert!(
        !proof_transcript(&binding, &CHANNEL, Role::Writer, &relay.public())
            .starts_with(&hello_transcript(&binding))
    );
}

#[test]
fn the_running_hash_tells_every_history_apart() {
    let start = ChainHash::start(&CHANNEL);
    let entry = |hash: ChainHash, position, lane, append, body: &[u8]| {
        hash.next(Position(position), lane, &AppendId([append; 16]), body)
    };
    let one = entry(start, 1, Lane::Chat, 1, b"one");
    let mut all = vec![
        start,
        one,
        entry(start, 2, Lane::Chat, 1, b"one"),
        entry(start, 1, Lane::Handshake, 1, b"one"),
        entry(start, 1, Lane::Chat, 2, b"one"),
        entry(start, 1, Lane::Chat, 1, b"two"),
        entry(start, 1, Lane::Chat, 1, b""),
        entry(one, 2, Lane::Chat, 2, b"two"),
        ChainHash::start(&ChannelId([0; 16])),
    ];
    let count = all.len();
    all.sort_by_key(|hash| hash.0);
    all.dedup();
    assert_eq!(all.len(), count);
    assert_eq!(
        hex(&entry(one, 2, Lane::Chat, 2, b"two").0),
        include_str!("vectors/chain.txt").trim()
    );
}
