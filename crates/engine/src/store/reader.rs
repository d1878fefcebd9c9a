//! A connection that reads.

use rusqlite::TransactionBehavior;
use sotto_suite::Secret;

use super::connection::{self, Place};
use super::{Connection, StoreError, Transaction, log, schema};

/// Reads beside the writer and never waits for it. It can be sent to another thread.
pub(crate) struct StoreReader {
    connection: Connection,
}

impl StoreReader {
    pub(super) fn open(place: &Place<'_>, key: &Secret<32>) -> Result<Self, StoreError> {
        let connection = connection::open(place, key, true)?;
        if schema::check(&connection)? != schema::newest() {
            return Err(StoreError::Damaged(
                "its tables are of an older version, which only a writer changes".into(),
            ));
        }
        connection.pragma_update(None, "query_only", true)?;
        log::keep_at_closing(&connection)?;
        Ok(Self { connection })
    }

    /// Everything that `read` sees is of one moment.
    ///
    /// # Errors
    /// What `read` answers, or a [`StoreError`].
    pub(crate) fn read<T, E: From<StoreError>>(
        &mut self,
        read: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Deferred)
            .map_err(StoreError::from)?;
        // Dropping it ends the reading; there is nothing to commit.
        read(&transaction)
    }
}

impl std::fmt::Debug for StoreReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StoreReader(..)")
    }
}
