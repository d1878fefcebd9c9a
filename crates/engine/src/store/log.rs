//! The write-ahead log, and what a failed sync means for it.
//!
//! After a failed sync the system may count as written what never reached the disk, and report
//! success the next time. Pages of the log that are lost this way must not be copied into the
//! database: a power cut in the middle of copying could then not be mended. So SQLite copies
//! nothing of its own accord here. Copying is done after a commit, by a hook that sees its
//! errors; a failed sync ends all writing and copying until the database is opened again, and
//! opening first writes the log's own bytes over themselves, so that the system has to bring
//! them to the disk anew.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::config::DbConfig;
use rusqlite::hooks::Wal;

use super::lock::beside;
use super::{Connection, StoreError};

/// Pages in the log from which on it is copied into the database.
const COPY_AT: i32 = 1_000;

/// Set once a sync has failed, and never unset.
#[derive(Clone, Debug, Default)]
pub(super) struct DiskFailed(Arc<AtomicBool>);

impl DiskFailed {
    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Whether commits have written pages since this was last asked.
#[derive(Clone, Debug, Default)]
pub(super) struct Grown(Arc<AtomicBool>);

impl Grown {
    pub(super) fn take(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}

/// Says that a commit has written pages, and has the log copied into the database whenever it has grown
/// long. A reader in the way, or a full disk, only puts it off: the commit before it stands.
pub(super) fn follow_commits(
    connection: &mut Connection,
    failed: DiskFailed,
    grown: Grown,
) -> Result<(), StoreError> {
    connection.wal_hook(Some(move |log: &mut Wal, pages: i32| {
        grown.0.store(true, Ordering::Relaxed);
        if pages >= COPY_AT
            && !failed.is_set()
            && let Err(error) = log.checkpoint()
            && matches!(StoreError::from(error), StoreError::DiskFailed)
        {
            failed.set();
        }
        Ok(())
    }))?;
    Ok(())
}

/// Leaves the log where it is when the connection is closed.
pub(super) fn keep_at_closing(connection: &Connection) -> Result<(), StoreError> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    Ok(())
}

/// Closing takes the log into the database again.
pub(super) fn take_in_at_closing(connection: &Connection) -> Result<(), StoreError> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    Ok(())
}

/// Writes the log's bytes over themselves and syncs them. Usually there is no log: closing
/// removes it.
pub(super) fn bring_to_disk(database: &Path) -> Result<(), StoreError> {
    let log = OpenOptions::new()
        .read(true)
        .write(true)
        .open(beside(database, "-wal"));
    let mut log = match log {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        log => log?,
    };
    let mut piece = vec![0; 64 * 1024];
    let mut place = 0;
    loop {
        let read = log.read(&mut piece)?;
        let Some(bytes) = piece.get(..read).filter(|bytes| !bytes.is_empty()) else {
            break;
        };
        log.seek(SeekFrom::Start(place))?;
        log.write_all(bytes)?;
        place += read as u64;
    }
    if place > 0 {
        log.sync_all().map_err(|_| StoreError::DiskFailed)?;
    }
    Ok(())
}
