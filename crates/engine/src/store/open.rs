//! The writing connection.

use std::path::{Path, PathBuf};
#[cfg(test)]
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::TransactionBehavior;
use sotto_suite::Secret;

use super::connection::{self, Place};
use super::lock::WriterLock;
use super::log::{self, DiskFailed, Grown};
use super::transaction::Durability;
use super::{Connection, StoreError, StoreReader, schema};

/// The database of a profile, open for writing. There is one at a time, in one process.
pub(crate) struct Store {
    pub(super) connection: Connection,
    /// What `PRAGMA synchronous` is set to now.
    pub(super) durability: Durability,
    pub(super) disk_failed: DiskFailed,
    /// Whether a commit has written pages.
    pub(super) grown: Grown,
    /// A lazy commit has written what no synced one has brought to the disk yet.
    pub(super) unsynced: bool,
    /// The last transaction failed: whether the disk takes anything is not known.
    pub(super) doubtful: bool,
    /// For further connections. SQLCipher holds the key in memory as long as this does.
    key: Secret<32>,
    at: At,
    /// Last, so that it is given back after the connection is closed.
    _lock: Option<WriterLock>,
}

enum At {
    File(PathBuf),
    #[cfg(test)]
    Memory(String),
}

impl At {
    fn place(&self) -> Place<'_> {
        match self {
            Self::File(path) => Place::File(path),
            #[cfg(test)]
            Self::Memory(name) => Place::Memory(name),
        }
    }
}

impl Store {
    /// Opens a database that exists, and brings its tables up to date.
    ///
    /// # Errors
    /// A [`StoreError`]; the file is then as it was.
    pub(crate) fn open(path: &Path, key: &Secret<32>) -> Result<Self, StoreError> {
        // Looked at first: taking the lock would leave a file where nothing was.
        if !path.try_exists()? {
            return Err(StoreError::Missing);
        }
        // SQLite removes the log of an empty database, and with it the last that is left.
        if path.metadata()?.len() == 0 {
            return Err(StoreError::Damaged("its file is empty".into()));
        }
        let lock = WriterLock::take(path)?;
        Self::open_locked(path, key, Some(lock))
    }

    /// A database in memory; gone when its last connection is.
    #[cfg(test)]
    pub(crate) fn in_memory(key: &Secret<32>) -> Result<Self, StoreError> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("profile-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let connection = connection::open(&Place::Memory(&name), key, false)?;
        Self::ready(connection, key, At::Memory(name), None)
    }

    /// A second connection to this database, for reading only.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub(crate) fn reader(&self) -> Result<StoreReader, StoreError> {
        StoreReader::open(&self.at.place(), &self.key)
    }

    pub(super) fn open_locked(
        path: &Path,
        key: &Secret<32>,
        lock: Option<WriterLock>,
    ) -> Result<Self, StoreError> {
        log::bring_to_disk(path)?;
        let connection = connection::open(&Place::File(path), key, false)?;
        // Before anything is written: it may belong to a newer version.
        schema::check(&connection)?;
        Self::ready(connection, key, At::File(path.to_owned()), lock)
    }

    fn ready(
        mut connection: Connection,
        key: &Secret<32>,
        at: At,
        lock: Option<WriterLock>,
    ) -> Result<Self, StoreError> {
        let disk_failed = DiskFailed::default();
        connection::make_writer(&connection, &at.place())?;
        log::take_in_at_closing(&connection)?;
        let grown = Grown::default();
        log::follow_commits(&mut connection, disk_failed.clone(), grown.clone())?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        schema::advance(&transaction)?;
        transaction.commit()?;
        let mut store = Self {
            connection,
            durability: Durability::Synced,
            disk_failed,
            grown,
            unsynced: false,
            doubtful: false,
            key: key.clone(),
            at,
            _lock: lock,
        };
        // What an earlier process left goes into the database.
        store.truncate_log()?;
        Ok(store)
    }
}

/// Closed, a profile is one file: the reader, which may be closed later, can't take the log in.
impl Drop for Store {
    fn drop(&mut self) {
        // What stays in the log is safe there, and taken in when the database is opened next.
        let _ = self.truncate_log();
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Store(..)")
    }
}
