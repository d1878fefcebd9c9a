//! Writing: all or nothing, and durable when asked for.

use std::time::Duration;

use rusqlite::TransactionBehavior;

use super::{Connection, Store, StoreError, Transaction, connection, log, schema};

/// What a commit waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    /// On the disk when `transaction` returns, and with it everything committed before.
    Synced,
    /// May vanish at a power cut, but only together with all that came after it; never half.
    Lazy,
}

impl Store {
    /// Runs `write` in one transaction: committed when it answers `Ok`, otherwise undone. The first
    /// success after a failure is one on a disk with room, whatever `write` did.
    ///
    /// # Errors
    /// What `write` answers, or a [`StoreError`] of beginning or committing. Nothing of it is
    /// then kept; only after [`StoreError::DiskFailed`] it may turn out to be, when the database
    /// is opened again.
    pub(crate) fn transaction<T, E: From<StoreError>>(
        &mut self,
        durability: Durability,
        write: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let result = self.try_transaction(durability, write);
        self.doubtful = result.is_err();
        result
    }

    fn try_transaction<T, E: From<StoreError>>(
        &mut self,
        durability: Durability,
        write: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        if self.disk_failed.is_set() {
            return Err(StoreError::DiskFailed.into());
        }
        self.set_durability(durability)?;
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(StoreError::from)?;
        // When this or the commit fails, dropping the transaction undoes it.
        let value = write(&transaction)?;
        if self.doubtful {
            // What writes nothing, or next to nothing, succeeds on a full disk too.
            schema::try_room(&transaction)?;
        }
        let committed = transaction.commit().map_err(StoreError::from);
        self.note(committed)?;
        let wrote = self.grown.take();
        self.unsynced |= wrote;
        if durability == Durability::Synced {
            if self.unsynced && !wrote {
                self.sync_a_page()?;
            }
            self.unsynced = false;
        }
        Ok(value)
    }

    /// SQLite syncs behind the pages that it writes, and without a page not at all; a row that is written
    /// as it was is none. The lazy commits before it would be promised and not on the disk.
    fn sync_a_page(&mut self) -> Result<(), StoreError> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        schema::write_version_again(&transaction)?;
        let committed = transaction.commit().map_err(StoreError::from);
        self.note(committed)
    }

    /// Reads with the writing connection, outside of any transaction of its own.
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
        read(&transaction)
    }

    /// Moves the write-ahead log into the database, syncs it and cuts the log to nothing, so
    /// that what was deleted is nowhere in either file. False when a reader was in the way:
    /// call again later.
    ///
    /// # Errors
    /// A [`StoreError`]; nothing is lost.
    pub(crate) fn truncate_log(&mut self) -> Result<bool, StoreError> {
        if self.disk_failed.is_set() {
            return Err(StoreError::DiskFailed);
        }
        self.set_durability(Durability::Synced)?;
        let done = self
            .connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| {
                row.get::<_, i64>(0)
            })
            .map(|busy| busy == 0)
            .map_err(StoreError::from);
        self.note(done)
    }

    /// The same, at once or not at all: it waits for no reader.
    ///
    /// # Errors
    /// A [`StoreError`]; nothing is lost.
    pub(crate) fn cut_log(&mut self) -> Result<bool, StoreError> {
        self.connection.busy_timeout(Duration::ZERO)?;
        let cut = self.truncate_log();
        self.connection.busy_timeout(connection::BUSY_TIMEOUT)?;
        cut
    }

    /// `PRAGMA synchronous` costs a statement, so it is set only when it changes. It can't be
    /// changed inside a transaction.
    fn set_durability(&mut self, durability: Durability) -> Result<(), StoreError> {
        if self.durability == durability {
            return Ok(());
        }
        let sql = match durability {
            Durability::Synced => "PRAGMA synchronous = FULL",
            Durability::Lazy => "PRAGMA synchronous = NORMAL",
        };
        self.connection.execute_batch(sql)?;
        self.durability = durability;
        Ok(())
    }

    /// From the first failed sync on nothing is written; see [`super::log`].
    fn note<T>(&mut self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        if matches!(result, Err(StoreError::DiskFailed)) {
            self.disk_failed.set();
        }
        if self.disk_failed.is_set() {
            log::keep_at_closing(&self.connection)?;
        }
        result
    }
}

/// Runs `write` so that it can be undone alone: an error rolls back to before it and leaves the
/// transaction as it was.
///
/// # Errors
/// What `write` answers, or a [`StoreError`] of the savepoint itself.
pub(crate) fn savepoint<T, E: From<StoreError>>(
    transaction: &Transaction<'_>,
    write: impl FnOnce() -> Result<T, E>,
) -> Result<T, E> {
    let savepoint = Savepoint::begin(transaction)?;
    let value = write()?;
    savepoint.keep()?;
    Ok(value)
}

/// An open savepoint. Dropping it rolls back, also when `write` panics.
struct Savepoint<'a> {
    connection: &'a Connection,
    open: bool,
}

impl<'a> Savepoint<'a> {
    fn begin(connection: &'a Connection) -> Result<Self, StoreError> {
        // Savepoints of one name nest: the innermost is meant.
        run(connection, "SAVEPOINT entry")?;
        Ok(Self {
            connection,
            open: true,
        })
    }

    fn keep(mut self) -> Result<(), StoreError> {
        run(self.connection, "RELEASE entry")?;
        self.open = false;
        Ok(())
    }
}

impl Drop for Savepoint<'_> {
    fn drop(&mut self) {
        if self.open {
            // If this fails the transaction is gone as a whole, and its commit will say so.
            let _ = run(self.connection, "ROLLBACK TO entry")
                .and_then(|()| run(self.connection, "RELEASE entry"));
        }
    }
}

fn run(connection: &Connection, sql: &str) -> Result<(), StoreError> {
    connection.prepare_cached(sql)?.execute([])?;
    Ok(())
}
