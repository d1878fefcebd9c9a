//! The chain of statements: what was verified, and what it says.

mod author;
mod compare;
mod verify;

pub use compare::Relation;
pub(super) use compare::{Rotations, order};
pub use verify::UnverifiedChain;
pub(super) use verify::at_most;

use sotto_suite::PublicKey;
use sotto_wire::encode;

use super::lineage::Lineage;
use super::statement::{Statement, StatementHash};
use super::{DeviceList, Genesis};
use crate::AccountId;
use verify::Encoded;

/// A verified chain. There is no other way to one than [`UnverifiedChain::verify`] or having
/// signed it oneself, and it always ends with a device list in force.
#[derive(Clone, PartialEq, Eq)]
pub struct Chain {
    lineage: Lineage,
    /// Older lists without their bodies.
    statements: Vec<Statement>,
    links: Vec<Link>,
    list: DeviceList,
}

/// What comparing needs of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Link {
    hash: StatementHash,
    rivals: Vec<StatementHash>,
}

impl Chain {
    /// Whose chain it is.
    #[must_use]
    pub fn account_id(&self) -> AccountId {
        self.lineage.account()
    }

    /// The record that it begins with.
    #[must_use]
    pub fn genesis(&self) -> &Genesis {
        self.lineage.genesis()
    }

    /// The account key in force.
    #[must_use]
    pub fn account_key(&self) -> PublicKey {
        self.lineage.account_key()
    }

    /// The device list in force.
    #[must_use]
    pub fn device_list(&self) -> &DeviceList {
        &self.list
    }

    /// Number of statements, and the number of the newest.
    #[must_use]
    pub fn number(&self) -> u32 {
        u32::try_from(self.links.len()).unwrap_or(u32::MAX)
    }

    /// Hash of the newest statement: whoever has the same one has the same chain.
    #[must_use]
    pub fn head(&self) -> StatementHash {
        let beginning = StatementHash(self.account_id().0);
        self.links.last().map_or(beginning, |link| link.hash)
    }

    /// Rotations so far.
    #[must_use]
    pub fn rotations_len(&self) -> usize {
        self.lineage.rotations().len()
    }

    /// The chain as it travels and is stored, at most [`super::limits::MAX_CHAIN`] bytes.
    #[must_use]
    pub fn encoded(&self) -> Vec<u8> {
        encode(&Encoded::of(self.genesis(), self.statements.clone()))
    }

    /// The rotations alone, for a credential.
    pub(super) fn rotation_statements(&self) -> Vec<Statement> {
        let rotations = self.lineage.rotations();
        let places = self.links.iter().zip(&self.statements);
        places
            .filter(|(link, _)| rotations.contains(&link.hash))
            .map(|(_, statement)| statement.clone())
            .collect()
    }

    pub(super) fn lineage(&self) -> &Lineage {
        &self.lineage
    }
}

impl std::fmt::Debug for Chain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Chain({:?}, statement {}, {:?})",
            self.account_id(),
            self.number(),
            self.head()
        )
    }
}
