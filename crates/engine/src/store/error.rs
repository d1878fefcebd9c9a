//! Why the database can't be opened or written, one reason a variant.

use rusqlite::ErrorCode;
use rusqlite::ffi::{
    SQLITE_IOERR_DIR_FSYNC, SQLITE_IOERR_FSYNC, SQLITE_IOERR_SHMSIZE, SQLITE_READONLY_DIRECTORY,
};

use super::SqlError;
use crate::Problem;

/// What is wrong with the database, and whose fault it is. Nothing here ever justifies a new
/// identity: every variant but [`StoreError::Missing`] means that there is one.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no database under this name. The caller's mistake, or the file was removed.
    #[error("there is no database here")]
    Missing,
    /// There is a database under this name already; it was left as it is.
    #[error("there is a database here already")]
    Exists,
    /// The key doesn't fit, or the file is no database: SQLCipher can't tell the two apart.
    #[error("the key does not fit, or this is no database")]
    WrongKeyOrNotADatabase,
    /// The file was changed or damaged from outside.
    #[error("the database is damaged: {0}")]
    Damaged(String),
    /// A newer version of the program changed the tables.
    #[error("the database is of version {found}, this program knows up to {known}")]
    NewerVersion {
        /// Version of the file.
        found: u32,
        /// Newest version that this program knows.
        known: u32,
    },
    /// The disk is full. Nothing of the transaction was kept.
    #[error("the disk is full")]
    Full,
    /// The disk or the file may only be read.
    #[error("the database may only be read")]
    ReadOnly,
    /// The operating system refuses access to the file or its folder.
    #[error("the operating system refuses access")]
    Permission,
    /// A connection of this process held the database for too long. May be tried again.
    #[error("the database is busy")]
    Busy,
    /// Another process has this profile open.
    #[error("another program has this profile open")]
    InUse,
    /// The disk failed to take what was written: until the profile is opened again nothing is
    /// written, because the disk may have forgotten earlier writes too. Whether the transaction
    /// that met this is kept shows after opening; everything synced before is.
    #[error("the disk failed to store what was written")]
    DiskFailed,
    /// Something else; a mistake in this program unless the text names the system.
    #[error("{0}")]
    Other(String),
}

impl From<SqlError> for StoreError {
    fn from(error: SqlError) -> Self {
        let SqlError::SqliteFailure(code, text) = error else {
            return Self::Other(error.to_string());
        };
        let text = text.unwrap_or_else(|| code.to_string());
        match (code.code, code.extended_code) {
            (_, SQLITE_IOERR_FSYNC | SQLITE_IOERR_DIR_FSYNC) => Self::DiskFailed,
            // The shared-memory file of the log could not grow.
            (_, SQLITE_IOERR_SHMSIZE) => Self::Full,
            (_, SQLITE_READONLY_DIRECTORY) => Self::Permission,
            (ErrorCode::NotADatabase, _) => Self::WrongKeyOrNotADatabase,
            (ErrorCode::DatabaseCorrupt, _) => Self::Damaged(text),
            (ErrorCode::DiskFull, _) => Self::Full,
            (ErrorCode::ReadOnly, _) => Self::ReadOnly,
            (ErrorCode::PermissionDenied | ErrorCode::CannotOpen, _) => Self::Permission,
            (ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked, _) => Self::Busy,
            _ => Self::Other(text),
        }
    }
}

impl From<std::io::Error> for StoreError {
    fn from(error: std::io::Error) -> Self {
        use std::io::ErrorKind;
        match error.kind() {
            ErrorKind::NotFound => Self::Missing,
            ErrorKind::AlreadyExists => Self::Exists,
            ErrorKind::PermissionDenied => Self::Permission,
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::Full,
            ErrorKind::ReadOnlyFilesystem => Self::ReadOnly,
            _ => Self::Other(error.to_string()),
        }
    }
}

impl StoreError {
    /// Stable name for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing => "database_missing",
            Self::Exists => "database_exists",
            Self::WrongKeyOrNotADatabase => "database_wrong_key",
            Self::Damaged(_) => "database_damaged",
            Self::NewerVersion { .. } => "database_newer",
            Self::Full => "disk_full",
            Self::ReadOnly => "database_read_only",
            Self::Permission => "database_no_permission",
            Self::Busy => "database_busy",
            Self::InUse => "profile_in_use",
            Self::DiskFailed => "disk_failed",
            Self::Other(_) => "database_failed",
        }
    }

    /// The same for a person.
    #[must_use]
    pub fn problem(&self) -> Problem {
        let (happened, safe, next) = self.words();
        Problem {
            code: self.code().into(),
            happened,
            safe: safe.into(),
            next: next.into(),
        }
    }

    fn words(&self) -> (String, &'static str, &'static str) {
        match self {
            Self::Missing => (
                "This profile's database is not where it should be.".into(),
                "No new profile was made in its place.",
                "Put the folder back where it was, or restore the profile from a backup or with its recovery code.",
            ),
            Self::Exists => (
                "There is a profile in this place already.".into(),
                "It was left as it is.",
                "Open that profile, or choose another place for the new one.",
            ),
            Self::WrongKeyOrNotADatabase => (
                "This profile could not be unlocked: its key does not fit, or the file is damaged at its beginning.".into(),
                "The file was not changed.",
                "Check the passphrase or the keychain entry. If they are right, restore the file from a backup.",
            ),
            Self::Damaged(_) => (
                "This profile's database is damaged.".into(),
                "Nothing was written to it, and what can be read is still there.",
                "Make a copy of the profile's folder, check the disk, and restore the folder from a backup.",
            ),
            Self::NewerVersion { found, known } => (
                format!("This profile was last used by a newer version of Sotto (its database is version {found}, this program knows {known})."),
                "Nothing was changed.",
                "Update Sotto on this device.",
            ),
            Self::Full => (
                "The disk is full.".into(),
                "Everything from before is kept; the last step was not begun.",
                "Free some space and try again.",
            ),
            Self::ReadOnly => (
                "This profile's database may only be read.".into(),
                "Everything in it is kept.",
                "Make the disk and the profile's files writable.",
            ),
            Self::Permission => (
                "The system does not let Sotto use this profile's folder.".into(),
                "Nothing was changed.",
                "Give your user the right to read and write the folder and what is in it.",
            ),
            Self::Busy => (
                "This profile's database is busy.".into(),
                "Nothing was changed.",
                "Try again in a moment.",
            ),
            Self::InUse => (
                "Another program has this profile open.".into(),
                "Nothing was changed.",
                "Close the other one first.",
            ),
            Self::DiskFailed => (
                "The disk failed to store what was written.".into(),
                "Everything confirmed before is kept. Nothing more is written; the last step may or may not be there.",
                "Close Sotto, check the disk, and open the profile again.",
            ),
            Self::Other(detail) => (
                format!("The database reported an error: {detail}."),
                "The last step was undone; everything from before is kept.",
                "Try again. If it happens again, close Sotto and open it anew.",
            ),
        }
    }
}
