//! The MLS credential of a device: everything that is needed to know for whom it speaks.

use minicbor::bytes::ByteVec;
use minicbor::{Decode, Decoder, Encode};
use sotto_suite::{PublicKey, SigningKey};
use sotto_wire::{decode, encode};

use super::certificate::{DeviceCertificate, SignedCertificate};
use super::chain::{Rotations, at_most, order};
use super::lineage::Lineage;
use super::statement::{Kind, Statement, StatementHash};
use super::{Chain, ChainError, CredentialError, Genesis, limits};
use crate::AccountId;

/// A credential as it came from outside: well formed, and nothing more is known of it.
#[derive(Clone)]
pub struct UnverifiedCredential {
    bytes: Vec<u8>,
    genesis: Genesis,
    rotations: Vec<Statement>,
    certificate: SignedCertificate,
}

/// A verified credential: this device key speaks for this account, as of these rotations.
///
/// Whether the account still lists the device, or has rotated since, the bytes can't tell; what
/// a client knows of that gives warnings and removals, never another verdict on the credential.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    bytes: Vec<u8>,
    lineage: Lineage,
    certificate: DeviceCertificate,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct Encoded {
    #[n(0)]
    genesis: ByteVec,
    #[cbor(n(1), decode_with = "bounded")]
    rotations: Vec<Statement>,
    #[n(2)]
    certificate: SignedCertificate,
}

fn bounded<'b, Ctx>(
    decoder: &mut Decoder<'b>,
    context: &mut Ctx,
) -> Result<Vec<Statement>, minicbor::decode::Error> {
    at_most(limits::MAX_ROTATIONS, decoder, context)
}

impl UnverifiedCredential {
    /// Reads a credential's bytes, at most [`limits::MAX_CREDENTIAL`].
    ///
    /// # Errors
    /// [`CredentialError::Encoding`].
    pub fn decode(bytes: &[u8]) -> Result<Self, CredentialError> {
        let encoded: Encoded = decode(bytes, limits::MAX_CREDENTIAL)?;
        Ok(Self {
            bytes: bytes.to_vec(),
            genesis: Genesis::decode(&encoded.genesis)?,
            rotations: encoded.rotations,
            certificate: encoded.certificate,
        })
    }

    /// Verifies that the account at the end of the rotations speaks through the key `device`.
    ///
    /// # Errors
    /// The first thing found wrong.
    pub fn verify(self, device: &PublicKey) -> Result<Credential, CredentialError> {
        let mut lineage = Lineage::of(self.genesis);
        let mut last_number = 0;
        for rotation in &self.rotations {
            let header = rotation.header()?;
            let number = header.number;
            if header.kind != Kind::Rotation || number <= last_number {
                return Err(ChainError::Misnumbered { number }.into());
            }
            lineage.follow(rotation, &header)?;
            last_number = number;
        }
        let certificate = self.certificate.verify(&lineage.account_key())?;
        if certificate.account != lineage.account() {
            return Err(CredentialError::OtherAccount);
        }
        if certificate.device != *device {
            return Err(CredentialError::OtherDevice);
        }
        Ok(Credential {
            bytes: self.bytes,
            lineage,
            certificate,
        })
    }
}

impl Credential {
    /// Issues the credential of a device of one's own account (`issued`: Unix time in seconds).
    ///
    /// # Errors
    /// [`ChainError::NotOurKey`] when `account_key` is not the one in force.
    pub fn issue(
        chain: &Chain,
        account_key: &SigningKey,
        device: &PublicKey,
        issued: u64,
    ) -> Result<Self, CredentialError> {
        if account_key.public() != chain.account_key() {
            return Err(ChainError::NotOurKey.into());
        }
        let certificate = DeviceCertificate {
            device: *device,
            account: chain.account_id(),
            issued,
        };
        let bytes = encode(&Encoded {
            genesis: chain.genesis().encoded().to_vec().into(),
            rotations: chain.rotation_statements(),
            certificate: SignedCertificate::sign(&certificate, account_key),
        });
        Ok(Self {
            bytes,
            lineage: chain.lineage().clone(),
            certificate,
        })
    }

    /// The bytes that were verified.
    #[must_use]
    pub fn encoded(&self) -> &[u8] {
        &self.bytes
    }

    /// The account that the device speaks for.
    #[must_use]
    pub fn account_id(&self) -> AccountId {
        self.lineage.account()
    }

    /// The device key that the certificate names.
    #[must_use]
    pub fn device(&self) -> PublicKey {
        self.certificate.device
    }

    /// What the certificate says.
    #[must_use]
    pub fn certificate(&self) -> &DeviceCertificate {
        &self.certificate
    }

    /// The account key that the rotations lead to.
    #[must_use]
    pub fn account_key(&self) -> PublicKey {
        self.lineage.account_key()
    }

    /// How often the account key had been replaced.
    #[must_use]
    pub fn rotations_len(&self) -> usize {
        self.lineage.rotations().len()
    }

    /// The rotations, by hash.
    #[must_use]
    pub fn rotations(&self) -> &[StatementHash] {
        self.lineage.rotations()
    }

    /// Whether this may take the place of `other`: the same account, with the same rotations or
    /// further ones.
    #[must_use]
    pub fn is_successor_of(&self, other: &Self) -> bool {
        self.relation(other)
            .is_some_and(|order| matches!(order, Rotations::Equal | Rotations::More))
    }

    /// Whether `other` is of the same account and knows of rotations that this one doesn't:
    /// then this device's leaf may only be removed.
    #[must_use]
    pub fn is_outdated_by(&self, other: &Self) -> bool {
        self.relation(other) == Some(Rotations::Fewer)
    }

    /// Whether `other` is of the same account with rotations that contradict these: red, and
    /// neither is accepted.
    #[must_use]
    pub fn contradicts(&self, other: &Self) -> bool {
        self.relation(other) == Some(Rotations::Different)
    }

    fn relation(&self, other: &Self) -> Option<Rotations> {
        (self.account_id() == other.account_id())
            .then(|| order(self.rotations(), other.rotations()))
    }
}

impl std::fmt::Debug for UnverifiedCredential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "UnverifiedCredential({} bytes)", self.bytes.len())
    }
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Credential({:?}, {:?}, {} rotations)",
            self.account_id(),
            self.device(),
            self.rotations_len()
        )
    }
}
