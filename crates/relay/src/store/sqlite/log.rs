//! The write-ahead log, and what a failed sync means for it.
//!
//! After a failed sync the system may count as written what never reached the disk, and report
//! success the next time. Cursors are committed without a sync of their own, so the log could then
//! have a hole in front of entries whose sync succeeded, and a power cut would take these too. So
//! from the first failed sync on nothing is written and nothing copied into the database, until
//! the log's own bytes have been written over themselves, which makes the system bring them to the
//! disk anew. SQLite copies the log in a hook of ours for the same reason: its own would swallow
//! the error.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Read as _, Result, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use rusqlite::hooks::Wal;

/// Pages in the log from which on it is copied into the database: 32 MiB. Pages that were written
/// several times meanwhile are copied once, and whoever waits for the writing thread waits for it
/// less often: with SQLite's own 1,000 an append took 1.5 times as long. What was deleted doesn't wait
/// for it (see `wipe_if_due`).
const COPY_AT: i32 = 8_000;

/// Whether the disk has failed to keep the log since it was last known to be whole.
#[derive(Clone, Debug, Default)]
pub(super) struct DiskFailed(Arc<AtomicBool>);

impl DiskFailed {
    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn unset(&self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// Whether this error says that the disk failed, not only that it is full.
pub(super) fn says_disk_failed(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::SystemIoFailure)
}

/// Has the log copied into the database whenever it has grown long. A reader in the way, or a
/// full disk, only puts it off: the commit before it stands.
pub(super) fn copy_after_commits(
    file: &mut Connection,
    failed: DiskFailed,
) -> rusqlite::Result<()> {
    file.wal_hook(Some(move |log: &mut Wal, pages: i32| {
        if pages >= COPY_AT
            && !failed.is_set()
            && let Err(error) = log.checkpoint()
            && says_disk_failed(&error)
        {
            failed.set();
        }
        Ok(())
    }))
}

/// Whether closing takes the log into the database: not while the log may have holes.
pub(super) fn take_in_at_closing(file: &Connection, take: bool) {
    // Fails for no reason that could be met here; the log then stays as SQLite has it.
    let _ = file.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, !take);
}

/// Brings the log to the disk after a failure; the store may write again when this succeeds.
pub(super) fn mend(database: &Path, file: &Connection, failed: &DiskFailed) -> Result<()> {
    bring_to_disk(database)?;
    take_in_at_closing(file, true);
    failed.unset();
    Ok(())
}

/// Writes the log's bytes over themselves and syncs them. Usually there is no log before the
/// store is open: closing removes it.
pub(super) fn bring_to_disk(database: &Path) -> Result<()> {
    let log = OpenOptions::new()
        .read(true)
        .write(true)
        .open(beside(database));
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
        log.sync_all()?;
    }
    Ok(())
}

/// The log's file.
fn beside(database: &Path) -> PathBuf {
    let mut name: OsString = database.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}
