//! Who a leaf is: a pure function of its credential's bytes (no clock, no contact list), so that
//! every member gives the same verdict on the same commit.

use mls_rs::identity::{
    Credential as MlsCredential, CredentialType, CustomCredential, SigningIdentity,
};
use mls_rs::{ExtensionList, IdentityProvider};
use mls_rs_core::error::IntoAnyError;
use mls_rs_core::identity::MemberValidationContext;
use mls_rs_core::time::MlsTime;
use sotto_suite::sign::PublicKey;

use crate::identity::{Credential, CredentialError, UnverifiedCredential};

/// Private-use credential type (RFC 9420, section 17.5).
pub(super) const CREDENTIAL: CredentialType = CredentialType::new(0xF001);

/// Why a leaf's identity is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LeafIdentityError {
    #[error("not a Sotto credential")]
    WrongType,
    #[error("the leaf's signature key is not an Ed25519 key")]
    WrongKey,
    #[error(transparent)]
    Credential(#[from] CredentialError),
}

impl IntoAnyError for LeafIdentityError {
    fn into_dyn_error(self) -> Result<Box<dyn std::error::Error + Send + Sync>, Self> {
        Ok(self.into())
    }
}

/// Builds the MLS identity of this device.
pub(super) fn signing_identity(credential: Vec<u8>, device: &PublicKey) -> SigningIdentity {
    let credential = MlsCredential::Custom(CustomCredential::new(CREDENTIAL, credential));
    SigningIdentity::new(credential, device.0.to_vec().into())
}

/// Verifies a leaf's identity.
pub(super) fn verify(
    identity: &SigningIdentity,
) -> Result<(Credential, PublicKey), LeafIdentityError> {
    let custom = identity
        .credential
        .as_custom()
        .ok_or(LeafIdentityError::WrongType)?;
    if custom.credential_type() != CREDENTIAL {
        return Err(LeafIdentityError::WrongType);
    }
    let device: [u8; 32] = identity
        .signature_key
        .as_ref()
        .try_into()
        .map_err(|_| LeafIdentityError::WrongKey)?;
    let device = PublicKey(device);
    let credential = UnverifiedCredential::decode(custom.data())?.verify(&device)?;
    Ok((credential, device))
}

/// mls-rs asks this for every leaf.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Identities;

impl IdentityProvider for Identities {
    type Error = LeafIdentityError;

    fn validate_member(
        &self,
        identity: &SigningIdentity,
        _: Option<MlsTime>,
        _: MemberValidationContext<'_>,
    ) -> Result<(), Self::Error> {
        verify(identity).map(|_| ())
    }

    fn validate_external_sender(
        &self,
        _: &SigningIdentity,
        _: Option<MlsTime>,
        _: Option<&ExtensionList>,
    ) -> Result<(), Self::Error> {
        Err(LeafIdentityError::WrongType)
    }

    /// Account id and device key: one leaf a device.
    fn identity(
        &self,
        identity: &SigningIdentity,
        _: &ExtensionList,
    ) -> Result<Vec<u8>, Self::Error> {
        let (credential, device) = verify(identity)?;
        let mut id = credential.account_id().0.to_vec();
        id.extend_from_slice(&device.0);
        Ok(id)
    }

    /// A leaf is followed only by one of the same account whose rotations extend or equal its own.
    fn valid_successor(
        &self,
        predecessor: &SigningIdentity,
        successor: &SigningIdentity,
        _: &ExtensionList,
    ) -> Result<bool, Self::Error> {
        let (before, _) = verify(predecessor)?;
        let (after, _) = verify(successor)?;
        Ok(after.is_successor_of(&before))
    }

    fn supported_types(&self) -> Vec<CredentialType> {
        vec![CREDENTIAL]
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use mls_rs::identity::basic::BasicCredential;
    use sotto_suite::secret::Secret;
    use sotto_suite::sign::SigningKey;

    use super::*;
    use crate::identity::NewAccount;
    use crate::identity::tests::{NOW, account};

    /// The leaf of an account's first device.
    fn leaf(account: &NewAccount) -> SigningIdentity {
        let credential = account.credential.encoded().to_vec();
        signing_identity(credential, &account.device_key.public())
    }

    #[test]
    fn a_leaf_is_its_account_and_device() {
        let alice = account(1, "laptop");
        let (credential, device) = verify(&leaf(&alice)).unwrap();
        assert_eq!(credential.account_id(), alice.account_id());
        assert_eq!(device, alice.device_key.public());
        let none = ExtensionList::new();
        let id = Identities.identity(&leaf(&alice), &none).unwrap();
        assert_eq!(id[..32], alice.account_id().0);
        assert_eq!(id[32..], device.0);
        assert_eq!(Identities.supported_types(), [CREDENTIAL]);
    }

    #[test]
    fn what_does_not_hold_is_no_member_and_nobody_speaks_from_outside() {
        let (alice, mallory) = (account(1, "laptop"), account(66, "terminal"));
        let credential = alice.credential.encoded().to_vec();
        let custom = |kind, data| MlsCredential::Custom(CustomCredential::new(kind, data));
        let device = alice.device_key.public().0.to_vec();
        let other_kind = CredentialType::new(0xF002);
        let basic = BasicCredential::new(credential.clone()).into_credential();
        let member = |credential, key: &[u8]| {
            let identity = SigningIdentity::new(credential, key.to_vec().into());
            let context = MemberValidationContext::None;
            Identities.validate_member(&identity, None, context)
        };
        assert!(member(custom(CREDENTIAL, credential.clone()), &device).is_ok());
        for refused in [
            member(custom(other_kind, credential.clone()), &device),
            member(basic, &device),
        ] {
            assert!(matches!(refused, Err(LeafIdentityError::WrongType)));
        }
        let short = member(custom(CREDENTIAL, credential.clone()), &device[1..]);
        assert!(matches!(short, Err(LeafIdentityError::WrongKey)));
        let stolen = member(
            custom(CREDENTIAL, credential),
            &mallory.device_key.public().0,
        );
        assert!(matches!(stolen, Err(LeafIdentityError::Credential(_))));
        let outside = Identities.validate_external_sender(&leaf(&alice), None, None);
        assert!(outside.is_err());
    }

    #[test]
    fn a_leaf_is_followed_by_one_that_knows_no_less() {
        let (alice, bob) = (account(1, "laptop"), account(2, "laptop"));
        let key = SigningKey::from_seed(&Secret::new([5; 32]));
        let recovery = alice.recovery.signing_key();
        let rotated = alice
            .chain
            .rotated(&recovery, &key, alice.chain.device_list())
            .unwrap();
        let device = alice.device_key.public();
        let renewed = Credential::issue(&rotated, &key, &device, NOW).unwrap();
        let renewed = signing_identity(renewed.encoded().to_vec(), &device);
        let none = ExtensionList::new();
        let follows = |before: &SigningIdentity, after: &SigningIdentity| {
            Identities.valid_successor(before, after, &none).unwrap()
        };
        assert!(follows(&leaf(&alice), &leaf(&alice)));
        assert!(follows(&leaf(&alice), &renewed));
        assert!(!follows(&renewed, &leaf(&alice)));
        assert!(!follows(&leaf(&alice), &leaf(&bob)));
    }
}
