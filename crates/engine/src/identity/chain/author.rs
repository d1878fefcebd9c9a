//! Writing one's own chain.

use sotto_suite::SigningKey;

use super::Chain;
use super::verify::Walk;
use crate::identity::statement::{Header, Kind, Statement, StatementHash, body_hash};
use crate::identity::{ChainError, DeviceList, Genesis, limits};

impl Chain {
    /// The chain of a new account, with its first device list.
    ///
    /// # Errors
    /// [`ChainError::NotOurKey`] when `account_key` is not the one of the genesis record,
    /// [`ChainError::List`] when the list breaks a rule.
    pub fn begin(
        genesis: Genesis,
        account_key: &SigningKey,
        list: &DeviceList,
    ) -> Result<Self, ChainError> {
        append(Walk::from(genesis), account_key, list, None)
    }

    /// This chain and one more device list.
    ///
    /// # Errors
    /// [`ChainError::NotOurKey`], [`ChainError::List`], or [`ChainError::TooLong`] after 1,024
    /// statements.
    pub fn with_list(
        &self,
        account_key: &SigningKey,
        list: &DeviceList,
    ) -> Result<Self, ChainError> {
        append(Walk::on(self), account_key, list, None)
    }

    /// This chain and one more device list, which also puts an end to other lists that have the
    /// number of this chain's newest statement: whoever saw one of those follows again.
    ///
    /// # Errors
    /// As [`Chain::with_list`]; [`ChainError::TooLong`] also for more than
    /// [`limits::MAX_RIVALS`] of them.
    pub fn with_list_ending(
        &self,
        rivals: &[StatementHash],
        account_key: &SigningKey,
        list: &DeviceList,
    ) -> Result<Self, ChainError> {
        if rivals.len() > limits::MAX_RIVALS {
            return Err(ChainError::TooLong);
        }
        append(Walk::on(self), account_key, list, Some(rivals.to_vec()))
    }

    /// This chain with a new account key in force, and the first device list signed by it.
    ///
    /// # Errors
    /// [`ChainError::NotOurKey`] when `recovery_key` is not the one that the genesis record
    /// names; otherwise as [`Chain::with_list`], and after 64 rotations [`ChainError::TooLong`].
    pub fn rotated(
        &self,
        recovery_key: &SigningKey,
        account_key: &SigningKey,
        list: &DeviceList,
    ) -> Result<Self, ChainError> {
        let mut walk = Walk::on(self);
        let (statement, _) = walk.lineage().rotate(
            recovery_key,
            account_key.public(),
            walk.next_number(),
            walk.head(),
        )?;
        walk.step(statement)?;
        append(walk, account_key, list, None)
    }
}

/// Signs the next list. What was signed is verified like anybody else's, so that nobody is ever
/// sent a chain that they would refuse.
fn append(
    mut walk: Walk,
    account_key: &SigningKey,
    list: &DeviceList,
    rivals: Option<Vec<StatementHash>>,
) -> Result<Chain, ChainError> {
    if account_key.public() != walk.lineage().account_key() {
        return Err(ChainError::NotOurKey);
    }
    list.check()?;
    let body = list.encode();
    let header = Header {
        kind: Kind::List,
        number: walk.next_number(),
        previous: walk.head(),
        body: body_hash(&body),
        rivals: rivals.filter(|rivals| !rivals.is_empty()),
    };
    walk.step(Statement::sign(&header, body, account_key))?;
    walk.finish()
}
