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
