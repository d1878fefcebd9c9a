//! Bytes that were once sent must be believed for ever, and the same seed must give them again.

use super::super::{Credential, Genesis, RecoveryCode, UnverifiedCredential};
use super::*;

/// SHA-256 of the label and the genesis record in the chain, computed by another program.
const ACCOUNT: &str = "5fad79b2aec4ed0894ac70ad253a325b3f7b0217a81f483d3fe5e692b687d5ce";
const CHAIN: &str = include_str!("vectors/chain.hex");
const CREDENTIAL: &str = include_str!("vectors/credential.hex");

/// Randomness of which there is nothing to guess.
struct Same(u8);

impl sotto_suite::Random for Same {
    fn fill(&mut self, out: &mut [u8]) {
        out.fill(self.0);
    }
}

fn code() -> RecoveryCode {
    RecoveryCode::from_entropy(&Secret::new([0x7f; 32]))
}

pub(super) fn genesis() -> Genesis {
    let recovery = code().signing_key().public();
    Genesis::new(key(1).public(), recovery, &mut Same(5))
}

#[test]
fn the_same_keys_give_the_same_bytes() {
    // A second device, a recovery, a third device.
    let recovery = code().signing_key();
    let chain = Chain::begin(genesis(), &key(1), &list(10, 1)).unwrap();
    let chain = chain.with_list(&key(1), &list(10, 2)).unwrap();
    let chain = chain.rotated(&recovery, &key(101), &list(20, 1)).unwrap();
    let chain = chain.with_list(&key(101), &list(20, 2)).unwrap();
    let credential = Credential::issue(&chain, &key(101), &key(21).public(), NOW).unwrap();
    assert_eq!(hex::encode(chain.encoded()), CHAIN.trim());
    assert_eq!(hex::encode(credential.encoded()), CREDENTIAL.trim());
}

#[test]
fn old_bytes_are_still_believed() {
    assert_eq!(genesis().account_id().to_string(), ACCOUNT);
    let account = genesis().account_id();
    let chain = UnverifiedChain::decode(&hex::decode(CHAIN.trim()).unwrap())
        .unwrap()
        .verify(&account)
        .unwrap();
    assert_eq!((chain.number(), chain.rotations_len()), (5, 1));
    assert_eq!(chain.device_list().devices.len(), 2);
    let credential = UnverifiedCredential::decode(&hex::decode(CREDENTIAL.trim()).unwrap())
        .unwrap()
        .verify(&key(21).public())
        .unwrap();
    assert_eq!(credential.account_id(), account);
}

/// Computed by another program from the description in the protocol document: HKDF-Expand with
/// SHA-256 and Ed25519.
#[test]
fn recovery_keys_are_as_described() {
    let code = code();
    assert_eq!(
        hex::encode(code.signing_key().public().0),
        "facbacb03b82b6b67ccc9e6169ae63d3f36e36cafb6966a1b35b78de2f906e32"
    );
    assert_eq!(
        hex::encode(code.vault_address()),
        "d0fb3af0425e0b69fcc11465502cb188"
    );
    assert_eq!(
        hex::encode(code.vault_key().seed().expose()),
        "01d93aff62289f209f5ce20efa6bdd179bd69aca5bc8c23767f291252603fab4"
    );
}
