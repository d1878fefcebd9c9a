//! Chains that hold, and every way in which one doesn't.

use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use sotto_wire::encode;

use super::super::statement::{Header, Kind, Statement, StatementHash, body_hash};
use super::super::{ChainError, Genesis};
use super::*;

/// A chain's outer shape, to forge with.
#[derive(Clone, Encode, Decode)]
#[cbor(map)]
pub(super) struct Forged {
    #[n(0)]
    genesis: ByteVec,
    #[n(1)]
    pub(super) statements: Vec<Statement>,
}

impl Forged {
    pub(super) fn from(chain: &Chain) -> Self {
        sotto_wire::decode(&chain.encoded(), usize::MAX).unwrap()
    }

    pub(super) fn verify(&self, as_of: &NewAccount) -> Result<Chain, ChainError> {
        UnverifiedChain::decode(&encode(self))?.verify(&as_of.account_id())
    }
}

pub(super) fn header_of(list: &DeviceList, number: u32, previous: StatementHash) -> Header {
    Header {
        kind: Kind::List,
        number,
        previous,
        body: body_hash(&list.encode()),
        rivals: None,
    }
}

#[test]
fn a_life_of_lists_and_rotations_holds() {
    let alice = alice();
    let recovery = alice.recovery.signing_key();
    let (second_key, third_key) = (key(101), key(102));
    let chain = alice
        .chain
        .with_list(&alice.account_key, &list(10, 2))
        .unwrap();
    let chain = chain.rotated(&recovery, &second_key, &list(20, 1)).unwrap();
    let chain = chain.with_list(&second_key, &list(30, 3)).unwrap();
    let chain = chain.rotated(&recovery, &third_key, &list(40, 1)).unwrap();

    let received = sent(&chain);
    assert_eq!(received, chain);
    assert_eq!(received.account_id(), alice.account_id());
    assert_eq!(received.number(), 7);
    assert_eq!(received.rotations_len(), 2);
    assert_eq!(received.account_key(), third_key.public());
    assert_eq!(received.device_list(), &list(40, 1));
    assert_eq!(received.head(), chain.head());
    assert!(received.extends(&alice.chain));
    assert!(!received.extends(&chain) && received.is_prefix_of(&chain));
}

#[test]
fn the_first_device_is_on_the_first_list() {
    let alice = alice();
    let device = alice
        .chain
        .device_list()
        .device(&alice.device_key.public())
        .unwrap();
    assert_eq!(
        (device.name.as_str(), device.slot),
        ("Alice's laptop", alice.slot)
    );
    assert_eq!(
        alice.chain.device_list().inbox_sealing_key,
        alice.sealing_key.public()
    );
    assert!(!alice.chain.device_list().is_expired(NOW + MONTH - 1));
    assert!(alice.chain.device_list().is_expired(NOW + MONTH));
    assert_eq!(alice.chain.number(), 1);
}

#[test]
fn no_byte_of_a_chain_can_be_changed() {
    let alice = alice();
    let chain = alice
        .chain
        .with_list(&alice.account_key, &list(10, 1))
        .unwrap();
    let chain = chain
        .rotated(&alice.recovery.signing_key(), &key(101), &list(20, 1))
        .unwrap();
    let bytes = chain.encoded();
    for place in 0..bytes.len() {
        for flip in [0x01, 0x80] {
            let mut changed = bytes.clone();
            changed[place] ^= flip;
            let verdict = UnverifiedChain::decode(&changed)
                .and_then(|chain| chain.verify(&alice.account_id()));
            assert!(
                verdict.is_err(),
                "byte {place} ^ {flip:#x} of {}",
                bytes.len()
            );
        }
    }
    for len in 0..bytes.len() {
        assert!(
            UnverifiedChain::decode(&bytes[..len]).is_err(),
            "cut to {len}"
        );
    }
    let longer = [&bytes[..], &[0]].concat();
    assert!(UnverifiedChain::decode(&longer).is_err());
}

#[test]
fn a_chain_of_another_account_is_refused() {
    let verdict = UnverifiedChain::decode(&mallory().chain.encoded())
        .unwrap()
        .verify(&alice().account_id());
    assert_eq!(verdict, Err(ChainError::WrongAccount));
}

#[test]
fn only_the_key_in_force_signs_lists() {
    let (alice, mallory) = (alice(), mallory());
    let list = list(10, 1);
    assert_eq!(
        alice.chain.with_list(&mallory.account_key, &list),
        Err(ChainError::NotOurKey)
    );
    let mut forged = Forged::from(&alice.chain);
    let header = header_of(&list, 2, alice.chain.head());
    forged.statements.push(Statement::sign(
        &header,
        list.encode(),
        &mallory.account_key,
    ));
    assert_eq!(
        forged.verify(&alice),
        Err(ChainError::BadSignature { number: 2 })
    );
    // A device key is not an account key either.
    forged.statements.pop();
    forged
        .statements
        .push(Statement::sign(&header, list.encode(), &alice.device_key));
    assert_eq!(
        forged.verify(&alice),
        Err(ChainError::BadSignature { number: 2 })
    );
}

#[test]
fn a_replaced_account_key_signs_nothing_more() {
    let alice = alice();
    let chain = alice
        .chain
        .rotated(&alice.recovery.signing_key(), &key(101), &list(10, 1))
        .unwrap();
    let mut forged = Forged::from(&chain);
    let list = list(66, 1);
    let header = header_of(&list, 4, chain.head());
    forged
        .statements
        .push(Statement::sign(&header, list.encode(), &alice.account_key));
    assert_eq!(
        forged.verify(&alice),
        Err(ChainError::BadSignature { number: 4 })
    );
}

#[test]
fn only_the_recovery_key_of_the_genesis_rotates() {
    let (alice, mallory) = (alice(), mallory());
    let others = mallory.recovery.signing_key();
    assert_eq!(
        alice.chain.rotated(&others, &key(101), &list(10, 1)),
        Err(ChainError::NotOurKey)
    );
    // Mallory's own rotation, fitted into Alice's chain.
    let stolen = mallory
        .chain
        .rotated(&others, &key(101), &list(10, 1))
        .unwrap();
    let mut forged = Forged::from(&alice.chain);
    forged
        .statements
        .extend(Forged::from(&stolen).statements.drain(1..));
    assert_eq!(
        forged.verify(&alice),
        Err(ChainError::BrokenLink { number: 2 })
    );

    #[derive(Encode)]
    #[cbor(map)]
    struct Rotation {
        #[n(0)]
        account_key: sotto_suite::PublicKey,
        #[n(1)]
        recovery_key: sotto_suite::PublicKey,
        #[n(2)]
        previous: StatementHash,
    }
    let rotation = |recovery_key, previous, signer: &SigningKey| {
        let body = encode(&Rotation {
            account_key: key(101).public(),
            recovery_key,
            previous,
        });
        let header = Header {
            kind: Kind::Rotation,
            number: 2,
            previous: alice.chain.head(),
            body: body_hash(&body),
            rivals: None,
        };
        let mut forged = Forged::from(&alice.chain);
        forged
            .statements
            .push(Statement::sign(&header, body, signer));
        forged.verify(&alice)
    };
    let beginning = StatementHash(alice.account_id().0);
    let right = alice.recovery.signing_key();
    assert_eq!(
        rotation(others.public(), beginning, &others),
        Err(ChainError::WrongRecoveryKey { number: 2 })
    );
    assert_eq!(
        rotation(right.public(), beginning, &others),
        Err(ChainError::BadSignature { number: 2 })
    );
    assert_eq!(
        rotation(right.public(), beginning, &alice.account_key),
        Err(ChainError::BadSignature { number: 2 })
    );
    assert_eq!(
        rotation(right.public(), alice.chain.head(), &right),
        Err(ChainError::BrokenRotation { number: 2 })
    );
    // In order, but nobody has signed a list since.
    assert_eq!(
        rotation(right.public(), beginning, &right),
        Err(ChainError::NoDeviceList)
    );
}

#[test]
fn statements_can_be_neither_left_out_nor_moved_nor_doubled() {
    let alice = alice();
    let mut chain = alice.chain.clone();
    for first in [10, 20, 30] {
        chain = chain
            .with_list(&alice.account_key, &list(first, 1))
            .unwrap();
    }
    let whole = Forged::from(&chain);
    let verdict = |change: fn(&mut Vec<Statement>)| {
        let mut forged = whole.clone();
        change(&mut forged.statements);
        forged.verify(&alice).unwrap_err()
    };
    let left_out = verdict(|statements| drop(statements.remove(1)));
    assert_eq!(left_out, ChainError::Misnumbered { number: 2 });
    assert_eq!(
        verdict(|statements| statements.swap(1, 2)),
        ChainError::Misnumbered { number: 2 }
    );
    let doubled = verdict(|statements| statements.insert(1, statements[1].clone()));
    assert_eq!(doubled, ChainError::Misnumbered { number: 3 });
    // Cutting the end off gives an older chain, whose list did not come along.
    let cut = verdict(|statements| drop(statements.pop()));
    assert_eq!(cut, ChainError::BodyMissing { number: 3 });
    assert_eq!(verdict(Vec::clear), ChainError::NoDeviceList);
}

#[test]
fn a_number_alone_does_not_make_a_successor() {
    let alice = alice();
    let other = alice
        .chain
        .with_list(&alice.account_key, &list(10, 1))
        .unwrap();
    let mut forged = Forged::from(&other);
    let next = list(20, 1);
    let header = header_of(&next, 3, alice.chain.head());
    forged
        .statements
        .push(Statement::sign(&header, next.encode(), &alice.account_key));
    assert_eq!(
        forged.verify(&alice),
        Err(ChainError::BrokenLink { number: 3 })
    );
}

#[test]
fn the_content_must_be_the_one_that_was_signed() {
    let alice = alice();
    let honest = header_of(&list(10, 1), 2, alice.chain.head());
    let mut forged = Forged::from(&alice.chain);
    forged.statements.push(Statement::sign(
        &honest,
        list(66, 1).encode(),
        &alice.account_key,
    ));
    assert_eq!(
        forged.verify(&alice),
        Err(ChainError::BodyMismatch { number: 2 })
    );
}

#[test]
fn a_chain_prints_nothing_but_its_names() {
    let alice = alice();
    let printed = format!("{alice:?}");
    let id = hex::encode(&alice.account_id().0[..4]);
    assert!(printed.contains(&id), "{printed}");
    for secret in [
        hex::encode(&alice.account_key.seed().expose()[..4]),
        hex::encode(&alice.device_key.seed().expose()[..4]),
        hex::encode(&alice.sealing_key.seed().expose()[..4]),
        hex::encode(&alice.recovery.entropy().expose()[..4]),
        alice.recovery.words().split(' ').next().unwrap().to_owned(),
    ] {
        assert!(!printed.contains(&secret), "{printed}");
    }
}

#[test]
fn a_field_of_a_later_version_neither_disturbs_nor_gets_lost() {
    // A genesis with a field that this version doesn't know is another account, and stays it.
    #[derive(Encode)]
    #[cbor(map)]
    struct Later {
        #[n(0)]
        account_key: sotto_suite::PublicKey,
        #[cbor(n(1), with = "minicbor::bytes")]
        recovery_hash: [u8; 32],
        #[cbor(n(2), with = "minicbor::bytes")]
        random: [u8; 32],
        #[n(9)]
        later: u32,
    }
    let bytes = encode(&Later {
        account_key: key(1).public(),
        recovery_hash: [2; 32],
        random: [3; 32],
        later: 4,
    });
    let genesis = Genesis::decode(&bytes).unwrap();
    assert_eq!(genesis.encoded(), bytes);
    let chain = Chain::begin(genesis.clone(), &key(1), &list(10, 1)).unwrap();
    assert_eq!(sent(&chain).account_id(), genesis.account_id());
}
