//! Credentials that hold, and every way in which one doesn't.

use super::super::{ChainError, Credential, CredentialError, UnverifiedCredential};
use super::*;

fn verify(bytes: &[u8], device: &SigningKey) -> Result<Credential, CredentialError> {
    UnverifiedCredential::decode(bytes)?.verify(&device.public())
}

#[test]
fn the_first_device_speaks_for_its_account() {
    let alice = alice();
    let credential = verify(alice.credential.encoded(), &alice.device_key).unwrap();
    assert_eq!(credential, alice.credential);
    assert_eq!(credential.account_id(), alice.account_id());
    assert_eq!(credential.device(), alice.device_key.public());
    assert_eq!(credential.certificate().issued, NOW);
    assert_eq!(credential.rotations_len(), 0);
    assert!(
        credential.encoded().len() < 400,
        "{}",
        credential.encoded().len()
    );
}

#[test]
fn after_rotations_the_new_key_certifies_and_the_old_no_more() {
    let alice = alice();
    let recovery = alice.recovery.signing_key();
    let chain = alice
        .chain
        .with_list(&alice.account_key, &list(5, 1))
        .unwrap();
    let once = chain.rotated(&recovery, &key(101), &list(10, 1)).unwrap();
    let once = once.with_list(&key(101), &list(11, 1)).unwrap();
    let twice = once.rotated(&recovery, &key(102), &list(12, 1)).unwrap();
    let device = key(12);
    let credential = Credential::issue(&twice, &key(102), &device.public(), NOW).unwrap();
    let received = verify(credential.encoded(), &device).unwrap();
    assert_eq!(received, credential);
    assert_eq!(received.rotations_len(), 2);
    assert_eq!(received.account_key(), key(102).public());
    for old in [&alice.account_key, &key(101)] {
        assert_eq!(
            Credential::issue(&twice, old, &device.public(), NOW),
            Err(CredentialError::Rotations(ChainError::NotOurKey))
        );
    }
}

#[test]
fn no_byte_of_a_credential_can_be_changed() {
    let alice = alice();
    let chain = alice
        .chain
        .rotated(&alice.recovery.signing_key(), &key(101), &list(10, 1))
        .unwrap();
    let device = key(10);
    let bytes = Credential::issue(&chain, &key(101), &device.public(), NOW)
        .unwrap()
        .encoded()
        .to_vec();
    let account = verify(&bytes, &device).unwrap().account_id();
    for place in 0..bytes.len() {
        for flip in [0x01, 0x80] {
            let mut changed = bytes.clone();
            changed[place] ^= flip;
            let verdict = verify(&changed, &device);
            // Never another account, and never this one from other bytes.
            assert!(
                verdict.is_err(),
                "byte {place} ^ {flip:#x} gives {verdict:?}, was {account:?}"
            );
        }
    }
    for len in 0..bytes.len() {
        assert!(verify(&bytes[..len], &device).is_err(), "cut to {len}");
    }
}

#[test]
fn a_credential_belongs_to_one_device() {
    let (alice, mallory) = (alice(), mallory());
    assert_eq!(
        verify(alice.credential.encoded(), &mallory.device_key),
        Err(CredentialError::OtherDevice)
    );
}

#[test]
fn mallory_cannot_speak_for_alice() {
    use minicbor::bytes::ByteVec;
    use minicbor::{Decode, Encode};
    #[derive(Clone, Encode, Decode)]
    #[cbor(map)]
    struct Forged {
        #[n(0)]
        genesis: ByteVec,
        #[n(1)]
        rotations: Vec<super::super::statement::Statement>,
        #[n(2)]
        certificate: super::super::certificate::SignedCertificate,
    }
    let open = |bytes: &[u8]| sotto_wire::decode::<Forged>(bytes, usize::MAX).unwrap();
    let (alice, mallory) = (alice(), mallory());
    // Her own certificate under Alice's genesis.
    let mut forged = open(alice.credential.encoded());
    forged.certificate = open(mallory.credential.encoded()).certificate;
    assert_eq!(
        verify(&sotto_wire::encode(&forged), &mallory.device_key),
        Err(CredentialError::BadSignature)
    );
    // A genesis of her own that names Alice's account key, and Alice's certificate.
    let genesis = super::super::Genesis::new(
        alice.account_key.public(),
        mallory.recovery.signing_key().public(),
        &mut SeededRandom::new([9; 32]),
    );
    let mut forged = open(alice.credential.encoded());
    forged.genesis = genesis.encoded().to_vec().into();
    assert_eq!(
        verify(&sotto_wire::encode(&forged), &alice.device_key),
        Err(CredentialError::OtherAccount)
    );
    // A rotation of her own account, put before Alice's certificate.
    let rotated = mallory
        .chain
        .rotated(&mallory.recovery.signing_key(), &key(66), &list(66, 1))
        .unwrap();
    let rotations = Credential::issue(&rotated, &key(66), &key(66).public(), NOW).unwrap();
    let mut forged = open(alice.credential.encoded());
    forged.rotations = open(rotations.encoded()).rotations;
    assert_eq!(
        verify(&sotto_wire::encode(&forged), &alice.device_key),
        Err(CredentialError::Rotations(ChainError::WrongRecoveryKey {
            number: 2
        }))
    );
    // The same rotation twice; a list in a rotation's place.
    let mut forged = open(rotations.encoded());
    forged.rotations.push(forged.rotations[0].clone());
    assert_eq!(
        verify(&sotto_wire::encode(&forged), &key(66)),
        Err(CredentialError::Rotations(ChainError::Misnumbered {
            number: 2
        }))
    );
    // More of them than an account can have, refused before the first is read.
    let mut forged = open(rotations.encoded());
    forged.rotations = vec![forged.rotations[0].clone(); 65];
    assert!(matches!(
        verify(&sotto_wire::encode(&forged), &key(66)),
        Err(CredentialError::Encoding(_))
    ));
}

#[test]
fn a_successor_is_of_the_same_account_and_knows_no_less() {
    let (alice, bob) = (alice(), bob());
    let recovery = alice.recovery.signing_key();
    let issue = |chain: &Chain, account_key: &SigningKey, device: u8| {
        Credential::issue(chain, account_key, &key(device).public(), NOW).unwrap()
    };
    let once = alice
        .chain
        .rotated(&recovery, &key(101), &list(10, 1))
        .unwrap();
    let twice = once.rotated(&recovery, &key(102), &list(20, 1)).unwrap();
    let rival = alice
        .chain
        .rotated(&recovery, &key(103), &list(30, 1))
        .unwrap();
    let zero = &alice.credential;
    let one = issue(&once, &key(101), 10);
    let two = issue(&twice, &key(102), 20);
    let other = issue(&rival, &key(103), 30);
    let sibling = issue(&once, &key(101), 11);

    assert!(one.is_successor_of(zero) && two.is_successor_of(zero) && two.is_successor_of(&one));
    assert!(one.is_successor_of(&sibling) && sibling.is_successor_of(&one));
    assert!(!zero.is_successor_of(&one) && !one.is_successor_of(&two));
    assert!(zero.is_outdated_by(&one) && one.is_outdated_by(&two));
    assert!(!one.is_outdated_by(&sibling) && !one.is_outdated_by(zero));
    assert!(one.contradicts(&other) && !other.is_successor_of(&one));
    assert!(!one.is_outdated_by(&other) && !one.contradicts(&two));
    assert!(!bob.credential.is_successor_of(zero));
    assert!(!bob.credential.contradicts(zero) && !bob.credential.is_outdated_by(&one));
}

#[test]
fn the_largest_credential_fits() {
    let alice = alice();
    let recovery = alice.recovery.signing_key();
    let mut chain = alice.chain.clone();
    for _ in 0..super::super::limits::MAX_ROTATIONS {
        chain = chain.rotated(&recovery, &key(101), &list(10, 1)).unwrap();
    }
    let credential = Credential::issue(&chain, &key(101), &key(10).public(), NOW).unwrap();
    assert_eq!(verify(credential.encoded(), &key(10)), Ok(credential));
}
