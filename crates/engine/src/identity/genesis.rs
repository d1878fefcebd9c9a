//! The record that an account id is the hash of.

use minicbor::{Decode, Encode};
use sotto_suite::hash::sha256;
use sotto_suite::{PublicKey, Random, RandomExt as _};
use sotto_wire::{DecodeError, decode, encode};

use super::{label, limits};
use crate::AccountId;

/// An account's beginning. Kept as the bytes that were hashed, so that a field which a later
/// version adds doesn't change the account.
#[derive(Clone, PartialEq, Eq)]
pub struct Genesis {
    bytes: Vec<u8>,
    fields: Fields,
}

#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
struct Fields {
    #[n(0)]
    account_key: PublicKey,
    #[cbor(n(1), with = "minicbor::bytes")]
    recovery_hash: [u8; 32],
    #[cbor(n(2), with = "minicbor::bytes")]
    random: [u8; 32],
}

impl Genesis {
    /// The record of a new account. The random part makes two accounts of one key pair differ.
    #[must_use]
    pub fn new(account_key: PublicKey, recovery_key: PublicKey, random: &mut dyn Random) -> Self {
        let fields = Fields {
            account_key,
            recovery_hash: recovery_hash(&recovery_key),
            random: random.bytes(),
        };
        Self {
            bytes: encode(&fields),
            fields,
        }
    }

    /// Reads a record. Any well-formed one is a genesis; whose, its [`Genesis::account_id`] says.
    ///
    /// # Errors
    /// [`DecodeError`]: the sender's fault.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        Ok(Self {
            fields: decode(bytes, limits::MAX_GENESIS)?,
            bytes: bytes.to_vec(),
        })
    }

    /// The record's bytes.
    #[must_use]
    pub fn encoded(&self) -> &[u8] {
        &self.bytes
    }

    /// SHA-256 of the record, under its label.
    #[must_use]
    pub fn account_id(&self) -> AccountId {
        AccountId(sha256(&[label::GENESIS, &self.bytes]))
    }

    /// The account key before any rotation.
    #[must_use]
    pub fn account_key(&self) -> PublicKey {
        self.fields.account_key
    }

    /// The one key that may rotate the account key is the one with this hash.
    pub(super) fn names_recovery_key(&self, key: &PublicKey) -> bool {
        self.fields.recovery_hash == recovery_hash(key)
    }
}

fn recovery_hash(key: &PublicKey) -> [u8; 32] {
    sha256(&[label::RECOVERY_KEY, &key.0])
}

impl std::fmt::Debug for Genesis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Genesis({:?})", self.account_id())
    }
}
