//! The records: what each blob is, whose, how far it has come and when it goes.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Result};
use sotto_suite::sign::PublicKey;
use sotto_wire::BlobId;

use crate::blobs::Usage;
use crate::blobs::record::Record;
use crate::store::sqlite::OpenError;

/// Version of the table; a newer one is not touched.
const VERSION: i64 = 1;
/// `sOtL`: this file is the records of a Sotto relay's blobs.
const APPLICATION: i64 = 0x734f_744c;

const TABLE: &str = "
CREATE TABLE blobs (
    id BLOB PRIMARY KEY,
    owner BLOB NOT NULL,
    upload BLOB NOT NULL,
    size INTEGER NOT NULL,
    received INTEGER NOT NULL,
    until INTEGER NOT NULL,
    finish_until INTEGER NOT NULL,
    doomed INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
";

/// The file of records.
pub(super) struct Records(Connection);

impl Records {
    /// Opens or makes the file; also says whether it was made.
    pub(super) fn open(path: &Path) -> Result<(Self, bool), OpenError> {
        let file = Connection::open(path)?;
        file.busy_timeout(Duration::from_secs(5))?;
        let pragma = |name| file.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        let (version, application) = (pragma("user_version")?, pragma("application_id")?);
        let tables: i64 =
            file.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        let fresh = version == 0 && application == 0 && tables == 0;
        if !fresh && application != APPLICATION {
            return Err(OpenError::Foreign);
        }
        if version > VERSION {
            return Err(OpenError::Newer(version));
        }
        file.pragma_update(None, "journal_mode", "WAL")?;
        file.pragma_update(None, "synchronous", "FULL")?;
        file.pragma_update(None, "secure_delete", "ON")?;
        if fresh {
            file.execute_batch(&format!(
                "BEGIN IMMEDIATE; {TABLE} PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION}; COMMIT;"
            ))?;
        } else {
            let verdict: String = file.pragma_query_value(None, "quick_check", |row| row.get(0))?;
            if verdict != "ok" {
                return Err(OpenError::Damaged(verdict));
            }
        }
        Ok((Self(file), fresh))
    }

    /// Opens a file that has to be there, to look at it beside a relay that may be running.
    pub(super) fn look(path: &Path) -> Result<Self, OpenError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let file = Connection::open_with_flags(path, flags)?;
        file.busy_timeout(Duration::from_secs(5))?;
        let pragma = |name| file.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        if pragma("application_id")? != APPLICATION {
            return Err(OpenError::Foreign);
        }
        let version = pragma("user_version")?;
        if version > VERSION {
            return Err(OpenError::Newer(version));
        }
        let verdict: String = file.pragma_query_value(None, "quick_check", |row| row.get(0))?;
        if verdict != "ok" {
            return Err(OpenError::Damaged(verdict));
        }
        Ok(Self(file))
    }

    /// Blobs that have bytes on the disk, and how many.
    pub(super) fn with_bytes(&self) -> Result<Vec<(BlobId, u64)>> {
        self.0
            .prepare("SELECT id, received FROM blobs WHERE doomed = 0 AND received > 0")?
            .query_map([], |row| Ok((BlobId(row.get(0)?), row.get(1)?)))?
            .collect()
    }

    /// A blob's record, unless it is marked as going.
    pub(super) fn find(&self, blob: &BlobId) -> Result<Option<Record>> {
        self.0
            .prepare_cached("SELECT owner, upload, size, received, until, finish_until FROM blobs WHERE id = ?1 AND doomed = 0")?
            .query_row([blob.as_bytes()], |row| {
                Ok(Record {
                    owner: PublicKey(row.get(0)?),
                    upload: row.get(1)?,
                    size: row.get(2)?,
                    received: row.get(3)?,
                    until: row.get(4)?,
                    finish_until: row.get(5)?,
                })
            })
            .optional()
    }

    pub(super) fn add(&self, blob: &BlobId, record: &Record) -> Result<()> {
        self.0
            .prepare_cached("INSERT INTO blobs (id, owner, upload, size, received, until, finish_until) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?
            .execute((
                blob.as_bytes(),
                record.owner.as_bytes(),
                &record.upload,
                record.size,
                record.received,
                record.until,
                record.finish_until,
            ))
            .map(drop)
    }

    pub(super) fn keep_until(&self, blob: &BlobId, until: u32) -> Result<()> {
        self.0
            .prepare_cached("UPDATE blobs SET until = ?2 WHERE id = ?1 AND doomed = 0")?
            .execute((blob.as_bytes(), until))
            .map(drop)
    }

    pub(super) fn set_received(&self, blob: &BlobId, received: u64) -> Result<()> {
        self.0
            .prepare_cached("UPDATE blobs SET received = ?2 WHERE id = ?1")?
            .execute((blob.as_bytes(), received))
            .map(drop)
    }

    /// Marks a blob as going: from now on nobody finds it.
    pub(super) fn doom(&self, blob: &BlobId) -> Result<()> {
        self.0
            .prepare_cached("UPDATE blobs SET doomed = 1 WHERE id = ?1")?
            .execute([blob.as_bytes()])
            .map(drop)
    }

    /// Forgets a blob, and says what size it had.
    pub(super) fn forget(&self, blob: &BlobId) -> Result<Option<u64>> {
        self.0
            .prepare_cached("DELETE FROM blobs WHERE id = ?1 RETURNING size")?
            .query_row([blob.as_bytes()], |row| row.get(0))
            .optional()
    }

    /// Blobs that are marked as going.
    pub(super) fn doomed(&self) -> Result<Vec<BlobId>> {
        self.0
            .prepare_cached("SELECT id FROM blobs WHERE doomed = 1")?
            .query_map([], |row| row.get(0).map(BlobId))?
            .collect()
    }

    /// Blobs whose time is over.
    pub(super) fn over(&self, hour: u32) -> Result<Vec<BlobId>> {
        self.0
            .prepare_cached(
                "SELECT id FROM blobs WHERE until <= ?1 OR received < size AND finish_until <= ?1",
            )?
            .query_map([hour], |row| row.get(0).map(BlobId))?
            .collect()
    }

    /// Is there any record of this blob?
    pub(super) fn knows(&self, blob: &BlobId) -> Result<bool> {
        self.0
            .prepare_cached("SELECT 1 FROM blobs WHERE id = ?1")?
            .exists([blob.as_bytes()])
    }

    pub(super) fn usage(&self) -> Result<Usage> {
        self.0.query_row(
            "SELECT count(*), coalesce(sum(size), 0) FROM blobs",
            [],
            |row| {
                Ok(Usage {
                    blobs: row.get(0)?,
                    bytes: row.get(1)?,
                })
            },
        )
    }

    /// Empties the log into the file, so that what was forgotten is in neither.
    pub(super) fn wipe(&self) -> Result<()> {
        self.0
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
    }
}
