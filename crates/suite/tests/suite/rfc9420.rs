//! RFC 9420's passive-client vectors through mls-rs on its standard suites: the
//! library under our suite follows the standard.

use mls_rs::client_builder::MlsConfig;
use mls_rs::identity::basic::BasicIdentityProvider;
use mls_rs::mls_rs_codec::MlsEncode as _;
use mls_rs::psk::ExternalPskId;
use mls_rs::storage_provider::in_memory::InMemoryKeyPackageStorage;
use mls_rs::{CipherSuite, Client, CryptoProvider, Group, MlsMessage};
use mls_rs_core::key_package::KeyPackageData;
use mls_rs_crypto_rustcrypto::RustCryptoProvider;
use serde::Deserialize;

use crate::vectors;

#[derive(Deserialize)]
struct Bytes(#[serde(with = "hex::serde")] Vec<u8>);

#[derive(Deserialize)]
struct Vector {
    cipher_suite: u16,
    external_psks: Vec<Psk>,
    key_package: Bytes,
    signature_priv: Bytes,
    encryption_priv: Bytes,
    init_priv: Bytes,
    welcome: Bytes,
    ratchet_tree: Option<Bytes>,
    initial_epoch_authenticator: Bytes,
    epochs: Vec<Epoch>,
}

#[derive(Deserialize)]
struct Psk {
    psk_id: Bytes,
    psk: Bytes,
}

#[derive(Deserialize)]
struct Epoch {
    proposals: Vec<Bytes>,
    commit: Bytes,
    epoch_authenticator: Bytes,
}

fn message(bytes: &Bytes) -> MlsMessage {
    MlsMessage::from_bytes(&bytes.0).unwrap()
}

/// The client that the vector describes, with its key package in the store.
fn client(vector: &Vector) -> Client<impl MlsConfig + use<>> {
    let suite = CipherSuite::from(vector.cipher_suite);
    let crypto = RustCryptoProvider::new();
    let provider = crypto.cipher_suite_provider(suite).unwrap();
    let package = message(&vector.key_package);
    let reference = package.key_package_reference(&provider).unwrap().unwrap();
    let package = package.into_key_package().unwrap();
    let identity = package.signing_identity().clone();

    let store = InMemoryKeyPackageStorage::new();
    store.insert(
        reference.to_vec(),
        KeyPackageData::new(
            package.mls_encode_to_vec().unwrap(),
            vector.init_priv.0.clone().into(),
            vector.encryption_priv.0.clone().into(),
            u64::MAX,
        ),
    );
    let mut builder = Client::builder()
        .identity_provider(BasicIdentityProvider)
        .crypto_provider(crypto)
        .key_package_repo(store);
    for psk in &vector.external_psks {
        let id = ExternalPskId::new(psk.psk_id.0.clone());
        builder = builder.psk(id, psk.psk.0.clone().into());
    }
    builder
        .signing_identity(identity, vector.signature_priv.0.clone().into(), suite)
        .build()
}

fn agrees(group: &Group<impl MlsConfig>, authenticator: &Bytes) {
    assert_eq!(
        group.epoch_authenticator().unwrap().to_vec(),
        authenticator.0
    );
}

fn follow(json: &str) -> usize {
    let mut epochs = 0;
    for vector in vectors::<Vector>(json) {
        let tree = vector
            .ratchet_tree
            .as_ref()
            .map(|tree| mls_rs::group::ExportedTree::from_bytes(&tree.0).unwrap());
        let joined = client(&vector).join_group(tree, &message(&vector.welcome), None);
        let (mut group, _) = joined.unwrap();
        agrees(&group, &vector.initial_epoch_authenticator);
        for epoch in &vector.epochs {
            for proposal in &epoch.proposals {
                group.process_incoming_message(message(proposal)).unwrap();
            }
            let commit = message(&epoch.commit);
            group.process_incoming_message(commit).unwrap();
            agrees(&group, &epoch.epoch_authenticator);
            epochs += 1;
        }
    }
    epochs
}

#[test]
fn a_client_joins_by_every_welcome() {
    assert_eq!(follow(include_str!("../vectors/mls-welcome.json")), 0);
}

#[test]
fn a_client_follows_every_kind_of_commit() {
    assert_eq!(follow(include_str!("../vectors/mls-commit.json")), 26 * 2);
}

#[test]
fn a_client_follows_a_random_history() {
    assert_eq!(follow(include_str!("../vectors/mls-random.json")), 15);
}
