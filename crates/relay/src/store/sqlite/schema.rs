//! The file: its tables, its settings, and the ways in which it can be unusable.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::SqliteOptions;

/// Version of the tables; a newer one is not touched.
pub(super) const VERSION: i64 = 2;
/// `sOtR`: this file is a Sotto relay's.
pub(super) const APPLICATION: i64 = 0x734f_7452;

/// Why a store can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Made by a newer relay; this one leaves it alone.
    #[error("the store was made by a newer version of the relay (store version {0})")]
    Newer(i64),
    /// An SQLite file, but another program's.
    #[error("the store file belongs to another program")]
    Foreign,
    /// Damaged.
    #[error("the store file is damaged: {0}")]
    Damaged(String),
    /// The folder, the disk or its rights.
    #[error("the store file can't be used: {0}")]
    Unusable(#[from] std::io::Error),
    /// SQLite says why.
    #[error("the store file can't be used: {0}")]
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for OpenError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::NotADatabase | rusqlite::ErrorCode::DatabaseCorrupt) => {
                Self::Damaged(error.to_string())
            }
            _ => Self::Sqlite(error),
        }
    }
}

const TABLES: &str = "
CREATE TABLE channels (
    no INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    admin BLOB NOT NULL,
    fenced INTEGER NOT NULL DEFAULT 0,
    base INTEGER NOT NULL DEFAULT 0,
    base_hash BLOB NOT NULL,
    base_handshakes INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE writers (
    channel INTEGER NOT NULL,
    key BLOB NOT NULL,
    card BLOB,
    UNIQUE (channel, key)
) STRICT;
CREATE TABLE subscribers (
    channel INTEGER NOT NULL,
    key BLOB NOT NULL,
    cursor INTEGER NOT NULL,
    PRIMARY KEY (channel, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE packages (
    id INTEGER PRIMARY KEY,
    channel INTEGER NOT NULL,
    slot BLOB NOT NULL,
    at INTEGER NOT NULL,
    last_resort INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;
CREATE INDEX packages_by_slot ON packages (channel, slot, last_resort, id);
";

/// A row stays without its body after the entry has gone: its append id answers a repetition, its
/// hash a gap. Rows are numbered in the order of writing, so that entries of many channels share the
/// pages that one commit writes; the one page that is a channel's own is the index's. It holds
/// append ids and sizes too, so that memory learns a channel's by reading what lies side by side.
/// `size` is of the body, and 0 once that went by age; what all have acknowledged keeps it.
const ENTRIES: &str = "
CREATE TABLE entries (
    id INTEGER PRIMARY KEY,
    channel INTEGER NOT NULL,
    position INTEGER NOT NULL,
    append BLOB NOT NULL,
    lane INTEGER NOT NULL,
    fence INTEGER NOT NULL,
    handshakes INTEGER NOT NULL,
    hash BLOB NOT NULL,
    at INTEGER NOT NULL,
    gone INTEGER,
    size INTEGER NOT NULL,
    body BLOB
) STRICT;
CREATE UNIQUE INDEX entries_in_order ON entries (channel, position, append, size);
";

/// Writers that were revoked, the oldest first.
const REVOKED: &str = "
CREATE TABLE revoked (
    id INTEGER PRIMARY KEY,
    channel INTEGER NOT NULL,
    key BLOB NOT NULL,
    UNIQUE (channel, key)
) STRICT;
";

/// A file up to this size, in bytes, is looked through when it is opened: half a second or so.
const CHECKED: u64 = 256 << 20;

/// Opens the file for writing, making it if it is not there.
pub(super) fn open(path: &Path, options: &SqliteOptions) -> Result<Connection, OpenError> {
    super::log::bring_to_disk(path)?;
    let connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.set_prepared_statement_cache_capacity(64);
    plan_once(&connection)?;
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let application: i64 =
        connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let fresh = version == 0 && application == 0 && tables == 0;
    if !fresh && application != APPLICATION {
        return Err(OpenError::Foreign);
    }
    if version > VERSION {
        return Err(OpenError::Newer(version));
    }
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // Every commit is synced before it is answered.
    connection.pragma_update(None, "synchronous", "FULL")?;
    // What is deleted is overwritten, in the file now and in the log when it is next truncated.
    connection.pragma_update(None, "secure_delete", "ON")?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "cache_size", -16_384)?;
    if options.max_pages > 0 {
        connection.pragma_update(None, "max_page_count", options.max_pages)?;
    }
    if fresh {
        connection.execute_batch(&format!(
            "BEGIN IMMEDIATE; {TABLES} {ENTRIES} {REVOKED} PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION}; COMMIT;"
        ))?;
    } else {
        if std::fs::metadata(path)?.len() <= CHECKED {
            let verdict: String =
                connection.pragma_query_value(None, "quick_check", |row| row.get(0))?;
            if verdict != "ok" {
                return Err(OpenError::Damaged(verdict));
            }
        } else {
            // It would take minutes, and beside a running relay nothing could be wiped meanwhile.
            // What SQLite finds on the way is refused and logged.
            tracing::info!("a large store is not looked through: `sotto-relay check` does that");
        }
        if version < VERSION {
            // Version 1 had an index for the append ids, and forgot who was revoked. Every entry is
            // written once more, and until the commit the old ones stand as they were.
            let size = std::fs::metadata(path)?.len() >> 20;
            tracing::info!(
                "the store's {size} MiB are brought from version {version} to {VERSION}, which needs as much room again and some minutes a GiB; stopped halfway, it begins again at the next start"
            );
            connection.execute_batch(&format!(
                "BEGIN IMMEDIATE; ALTER TABLE entries RENAME TO before; {ENTRIES}
                 INSERT INTO entries SELECT * FROM before ORDER BY id; DROP TABLE before;
                 UPDATE entries SET size = 0 WHERE body IS NULL;
                 {REVOKED} PRAGMA user_version = {VERSION}; COMMIT;"
            ))?;
        }
    }
    Ok(connection)
}

/// Opens the file for reading beside the writer.
pub(super) fn open_reader(path: &Path) -> Result<Connection, OpenError> {
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "cache_size", -4_096)?;
    plan_once(&connection)?;
    Ok(connection)
}

/// Without this a statement is compiled anew whenever another value is bound to a variable that could
/// have mattered to its plan, which was a third of the time of an append to a channel not in memory
/// (<https://sqlite.org/c3ref/c_dbconfig_defensive.html>, `SQLITE_DBCONFIG_ENABLE_QPSG`).
fn plan_once(file: &Connection) -> rusqlite::Result<()> {
    file.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
        .map(drop)
}

/// How many channels there are.
pub(super) fn channels(file: &Connection) -> rusqlite::Result<u64> {
    file.query_row("SELECT count(*) FROM channels", [], |row| row.get(0))
}
