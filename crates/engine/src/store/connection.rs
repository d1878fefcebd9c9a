//! One connection, keyed and set up. Everything here holds for writers and readers alike.

use std::path::Path;
use std::sync::Once;
use std::time::Duration;

use rusqlite::OpenFlags;
use rusqlite::config::DbConfig;
use sotto_suite::Secret;
use zeroize::Zeroizing;

use super::{Connection, StoreError, log};

/// How long a connection waits for another one of this process.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Statements kept compiled for each connection; more than the engine has.
const STATEMENTS: usize = 256;

/// How often SQLCipher is asked whether it is ready. Once is enough, unless something else in the
/// process has begun to use SQLite at this very moment.
const BEGIN_TRIES: u32 = 10_000;

/// Bytes to which a checkpoint cuts the write-ahead log back.
const LOG_LIMIT: i64 = 8 * 1024 * 1024;

/// What is opened: a file, or in tests memory that the connections of this process share.
#[derive(Clone, Debug)]
pub(super) enum Place<'a> {
    /// A file that exists.
    File(&'a Path),
    #[cfg(test)]
    /// A database of SQLite's `memdb`, alive while any connection to it is.
    Memory(&'a str),
}

/// Opens, keys and checks that the key fits.
pub(super) fn open(
    place: &Place<'_>,
    key: &Secret<32>,
    read_only: bool,
) -> Result<Connection, StoreError> {
    let access = match (place, read_only) {
        (_, true) => OpenFlags::SQLITE_OPEN_READ_ONLY,
        (Place::File(_), false) => OpenFlags::SQLITE_OPEN_READ_WRITE,
        #[cfg(test)]
        (Place::Memory(_), false) => {
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE
        }
    };
    begin();
    // One connection is used by one thread at a time; Rust's borrow rules see to that.
    let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = match place {
        Place::File(path) => Connection::open_with_flags(path, flags),
        #[cfg(test)]
        Place::Memory(name) => Connection::open_with_flags(
            format!("file:/{name}?vfs=memdb"),
            flags | OpenFlags::SQLITE_OPEN_URI,
        ),
    }?;
    if !read_only {
        // Until it is known whose database this is, closing changes nothing in it.
        log::keep_at_closing(&connection)?;
    }
    set_key(&connection, key)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // The first page is read here: a key that doesn't fit shows now.
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| {
        row.get::<_, i64>(0)
    })?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    // Plans don't hang on the values of parameters: otherwise SQLite compiles a statement anew
    // whenever such a value changes, which costs more than running it.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.execute_batch(
        "PRAGMA foreign_keys = ON;
         PRAGMA secure_delete = ON;
         PRAGMA temp_store = MEMORY;
         PRAGMA trusted_schema = OFF;
         PRAGMA cell_size_check = ON;",
    )?;
    Ok(connection)
}

/// Makes SQLCipher ready, once in a process and before anybody opens anything.
///
/// SQLite calls itself initialised before it initialises SQLCipher (`sqlite3_initialize` sets
/// `isInit`, leaves its mutex, and only then runs `sqlcipher_extra_init`). A second thread that
/// opens a database in between is told that its key is none.
fn begin() {
    static BEGUN: Once = Once::new();
    BEGUN.call_once(|| {
        // If SQLCipher can't be made ready, opening says so better than this could.
        let _ = (0..BEGIN_TRIES).any(|_| takes_a_key());
    });
}

/// Whether a database in memory can be keyed: that is refused only while SQLCipher is not ready.
fn takes_a_key() -> bool {
    Connection::open_in_memory()
        .and_then(|empty| empty.execute_batch("PRAGMA cipher_log_level = NONE; PRAGMA key = 'x'"))
        .is_ok()
}

/// What only a writer sets. On macOS `fsync` leaves data in the drive's cache; `fullfsync` asks
/// for more there and is without effect elsewhere.
pub(super) fn make_writer(connection: &Connection, place: &Place<'_>) -> Result<(), StoreError> {
    if matches!(place, Place::File(_)) {
        let mode: String =
            connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
        if !mode.eq_ignore_ascii_case("wal") {
            return Err(StoreError::Other(format!(
                "the file system has no write-ahead log (journal mode {mode})"
            )));
        }
    }
    connection.pragma_update_and_check(None, "journal_size_limit", LOG_LIMIT, |_| Ok(()))?;
    connection.execute_batch(
        "PRAGMA synchronous = FULL;
         PRAGMA fullfsync = ON;
         PRAGMA checkpoint_fullfsync = ON;",
    )?;
    Ok(())
}

/// Gives SQLCipher the raw key: no passphrase, so no key derivation at each opening.
fn set_key(connection: &Connection, key: &Secret<32>) -> Result<(), StoreError> {
    let mut digits = Zeroizing::new([0_u8; 64]);
    hex::encode_to_slice(key.expose(), digits.as_mut_slice())
        .map_err(|_| StoreError::Other("the key could not be written as text".into()))?;
    // Allocated once and whole: growing would leave a copy of the key behind.
    let mut pragma = Zeroizing::new(String::with_capacity(96));
    pragma.push_str("PRAGMA key = \"x'");
    pragma.extend(digits.iter().map(|digit| char::from(*digit)));
    pragma.push_str("'\"");
    // SQLCipher would tell standard error about a wrong key; here it is an error value.
    connection.execute_batch("PRAGMA cipher_log_level = NONE")?;
    connection.execute_batch(&pragma)?;
    Ok(())
}
