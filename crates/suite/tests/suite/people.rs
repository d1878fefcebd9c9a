//! Two people in one MLS group, on any provider's suite.

use mls_rs::client_builder::MlsConfig;
use mls_rs::group::ReceivedMessage;
use mls_rs::identity::SigningIdentity;
use mls_rs::identity::basic::{BasicCredential, BasicIdentityProvider};
use mls_rs::{CipherSuite, CipherSuiteProvider, Client, CryptoProvider, Group};

/// A client named `name` with a fresh signature key.
pub(crate) fn client<P: CryptoProvider + Clone>(
    crypto: P,
    suite: CipherSuite,
    name: &str,
) -> Client<impl MlsConfig + use<P>> {
    let (secret, public) = crypto
        .cipher_suite_provider(suite)
        .unwrap()
        .signature_key_generate()
        .unwrap();
    let credential = BasicCredential::new(name.as_bytes().to_vec());
    let identity = SigningIdentity::new(credential.into_credential(), public);
    Client::builder()
        .identity_provider(BasicIdentityProvider)
        .crypto_provider(crypto)
        .signing_identity(identity, secret, suite)
        .build()
}

/// Alice founds a group and adds Bob.
pub(crate) fn alice_and_bob<P: CryptoProvider + Clone>(
    crypto: P,
    suite: CipherSuite,
) -> (
    Group<impl MlsConfig + use<P>>,
    Group<impl MlsConfig + use<P>>,
) {
    let alice = client(crypto.clone(), suite, "Alice");
    let bob = client(crypto, suite, "Bob");
    let mut alice = alice.group_builder().unwrap().build().unwrap();
    let package = bob
        .generate_key_package_message(Default::default(), Default::default(), None)
        .unwrap();
    let commit = alice
        .commit_builder()
        .add_member(package)
        .unwrap()
        .build()
        .unwrap();
    alice.apply_pending_commit().unwrap();
    let (bob, _) = bob
        .join_group(None, &commit.welcome_messages[0], None)
        .unwrap();
    (alice, bob)
}

/// The text of a received message.
pub(crate) fn text(received: ReceivedMessage) -> Vec<u8> {
    match received {
        ReceivedMessage::ApplicationMessage(message) => message.data().to_vec(),
        other => panic!("expected a message, got {other:?}"),
    }
}
