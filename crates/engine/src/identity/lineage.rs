//! Who may speak for an account, as far as its rotations have been followed.

use minicbor::{Decode, Encode};
use sotto_suite::{PublicKey, SigningKey};
use sotto_wire::{decode, encode};

use super::statement::{Header, Kind, Statement, StatementHash, body_hash};
use super::{ChainError, Genesis, limits};
use crate::AccountId;

/// Body of a rotation. Besides its place among all statements it has one among the rotations
/// alone, so that a credential, which carries nothing else, can be verified by itself.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
struct Rotation {
    #[n(0)]
    account_key: PublicKey,
    /// Must have the hash that the genesis record names.
    #[n(1)]
    recovery_key: PublicKey,
    /// The rotation before; for the first the account id.
    #[n(2)]
    previous: StatementHash,
}

/// The account key in force, and the verified rotations that led to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lineage {
    genesis: Genesis,
    account: AccountId,
    account_key: PublicKey,
    rotations: Vec<StatementHash>,
}

impl Lineage {
    pub(super) fn of(genesis: Genesis) -> Self {
        Self {
            account: genesis.account_id(),
            account_key: genesis.account_key(),
            genesis,
            rotations: Vec::new(),
        }
    }

    pub(super) fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    pub(super) fn account(&self) -> AccountId {
        self.account
    }

    pub(super) fn account_key(&self) -> PublicKey {
        self.account_key
    }

    /// Rotations in order.
    pub(super) fn rotations(&self) -> &[StatementHash] {
        &self.rotations
    }

    /// Verifies one more rotation; then its key is in force.
    pub(super) fn follow(
        &mut self,
        statement: &Statement,
        header: &Header,
    ) -> Result<(), ChainError> {
        let number = header.number;
        if self.rotations.len() >= limits::MAX_ROTATIONS {
            return Err(ChainError::TooLong);
        }
        let body = statement
            .body(header)?
            .ok_or(ChainError::BodyMissing { number })?;
        let rotation: Rotation = decode(body, limits::MAX_BODY)?;
        if !self.genesis.names_recovery_key(&rotation.recovery_key) {
            return Err(ChainError::WrongRecoveryKey { number });
        }
        if rotation.previous != self.last_rotation() {
            return Err(ChainError::BrokenRotation { number });
        }
        if !statement.is_signed_by(&rotation.recovery_key, header) {
            return Err(ChainError::BadSignature { number });
        }
        self.account_key = rotation.account_key;
        self.rotations.push(statement.hash());
        Ok(())
    }

    /// Signs the next rotation.
    pub(super) fn rotate(
        &self,
        recovery: &SigningKey,
        account_key: PublicKey,
        number: u32,
        previous: StatementHash,
    ) -> Result<(Statement, Header), ChainError> {
        if !self.genesis.names_recovery_key(&recovery.public()) {
            return Err(ChainError::NotOurKey);
        }
        let body = encode(&Rotation {
            account_key,
            recovery_key: recovery.public(),
            previous: self.last_rotation(),
        });
        let header = Header {
            kind: Kind::Rotation,
            number,
            previous,
            body: body_hash(&body),
            rivals: None,
        };
        Ok((Statement::sign(&header, body, recovery), header))
    }

    fn last_rotation(&self) -> StatementHash {
        let beginning = StatementHash(self.account.0);
        self.rotations.last().copied().unwrap_or(beginning)
    }
}
