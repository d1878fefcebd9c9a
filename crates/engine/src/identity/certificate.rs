//! The account key's word for one device key.

use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use sotto_suite::{PublicKey, Signature, SigningKey};
use sotto_wire::{decode, encode};

use super::{CredentialError, label, limits};
use crate::AccountId;

/// What a verified certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceCertificate {
    /// The device's MLS signature key.
    pub device: PublicKey,
    /// The account that it speaks for.
    pub account: AccountId,
    /// Unix time in seconds by the issuing device's clock. For people to read; validity never
    /// depends on it.
    pub issued: u64,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct Body {
    #[n(0)]
    device: PublicKey,
    #[cbor(n(1), with = "minicbor::bytes")]
    account: [u8; 32],
    #[n(2)]
    issued: u64,
}

/// A certificate as it travels.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(super) struct SignedCertificate {
    #[n(0)]
    body: ByteVec,
    #[n(1)]
    signature: Signature,
}

impl SignedCertificate {
    pub(super) fn sign(certificate: &DeviceCertificate, account_key: &SigningKey) -> Self {
        let body = encode(&Body {
            device: certificate.device,
            account: certificate.account.0,
            issued: certificate.issued,
        });
        Self {
            signature: account_key.sign(&label::signed(label::CERTIFICATE, &body)),
            body: body.into(),
        }
    }

    /// The certificate, if `account_key` signed it.
    pub(super) fn verify(
        &self,
        account_key: &PublicKey,
    ) -> Result<DeviceCertificate, CredentialError> {
        account_key
            .verify(
                &label::signed(label::CERTIFICATE, &self.body),
                &self.signature,
            )
            .map_err(|_| CredentialError::BadSignature)?;
        let body: Body = decode(&self.body, limits::MAX_CERTIFICATE)?;
        Ok(DeviceCertificate {
            device: body.device,
            account: AccountId(body.account),
            issued: body.issued,
        })
    }
}
