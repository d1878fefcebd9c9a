//! A new database appears under its name whole or not at all.
//!
//! It is made under another name, with all tables and the first content in one transaction,
//! synced, and then renamed. A crash on the way leaves a file that the next attempt removes; a
//! database under its own name always holds a profile.

use std::fs::{self, OpenOptions};
use std::path::Path;

use rusqlite::TransactionBehavior;
use sotto_suite::Secret;

use super::connection::{self, Place};
use super::lock::{WriterLock, beside, owner_only};
use super::{Store, StoreError, Transaction, schema};

impl Store {
    /// Makes a database whose first content is what `first` writes: after a crash there is
    /// either no database, or one with that content, durable.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when the name is taken, whatever takes it; otherwise as opening,
    /// or what `first` answers. On any error nothing is left under `path`; only after
    /// [`StoreError::DiskFailed`] the whole database may be.
    pub(crate) fn create_with<T, E: From<StoreError>>(
        path: &Path,
        key: &Secret<32>,
        first: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<(Self, T), E> {
        let lock = WriterLock::take(path)?;
        refuse_existing(path)?;
        let draft = beside(path, ".new");
        let made = make(&draft, key, first);
        if made.is_err() {
            // Best effort: the next attempt removes it too.
            let _ = remove_draft(&draft);
        }
        let value = made?;
        publish(&draft, path)?;
        Ok((Self::open_locked(path, key, Some(lock))?, value))
    }
}

/// `try_exists` follows links; a link to nowhere takes the name as well.
fn refuse_existing(path: &Path) -> Result<(), StoreError> {
    match fs::symlink_metadata(path) {
        Ok(_) => Err(StoreError::Exists),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn make<T, E: From<StoreError>>(
    draft: &Path,
    key: &Secret<32>,
    first: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
) -> Result<T, E> {
    remove_draft(draft)?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    owner_only(&mut options);
    options.open(draft).map_err(StoreError::from)?;
    let mut connection = connection::open(&Place::File(draft), key, false)?;
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Exclusive)
        .map_err(StoreError::from)?;
    schema::advance(&transaction)?;
    let value = first(&transaction)?;
    transaction.commit().map_err(StoreError::from)?;
    connection
        .close()
        .map_err(|(_, error)| StoreError::from(error))?;
    Ok(value)
}

fn publish(draft: &Path, path: &Path) -> Result<(), StoreError> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .open(draft)?
        .sync_all()
        .map_err(|_| StoreError::DiskFailed)?;
    // Under the lock nobody of ours can have taken the name since it was looked at.
    fs::rename(draft, path)?;
    sync_folder(path)
}

fn remove_draft(draft: &Path) -> Result<(), StoreError> {
    for suffix in ["", "-journal", "-wal", "-shm"] {
        match fs::remove_file(beside(draft, suffix)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    Ok(())
}

/// Makes the new name durable.
#[cfg(unix)]
fn sync_folder(path: &Path) -> Result<(), StoreError> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    fs::File::open(folder)?
        .sync_all()
        .map_err(|_| StoreError::DiskFailed)
}

/// Elsewhere a rename is durable, or can't be made so.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> Result<(), StoreError> {
    Ok(())
}
