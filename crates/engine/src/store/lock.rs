//! One process writes a profile: an advisory lock on a file beside the database.

use std::ffi::OsString;
use std::fs::OpenOptions;
#[cfg(not(target_family = "wasm"))]
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use super::StoreError;

/// Held while it lives; the operating system lets go of it when the process ends, however it
/// ends. The file stays: removing it would let two processes lock two files of one name.
#[derive(Debug)]
pub(super) struct WriterLock {
    #[cfg(not(target_family = "wasm"))]
    _file: File,
}

impl WriterLock {
    /// Takes the lock of the database at `path`.
    ///
    /// # Errors
    /// [`StoreError::InUse`] when somebody holds it; otherwise what the file system says.
    #[cfg(not(target_family = "wasm"))]
    pub(super) fn take(path: &Path) -> Result<Self, StoreError> {
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).read(true).write(true);
        owner_only(&mut options);
        let file = options.open(beside(path, ".lock"))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(StoreError::InUse),
            Err(TryLockError::Error(error)) => Err(StoreError::Other(format!(
                "the file system gives no lock: {error}"
            ))),
        }
    }

    /// A browser has no files to lock: the page that hosts the engine there holds the origin's
    /// Web Lock before it opens a profile.
    #[cfg(target_family = "wasm")]
    pub(super) fn take(_: &Path) -> Result<Self, StoreError> {
        Ok(Self {})
    }
}

/// `path` with `suffix` after its last name.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path.as_os_str());
    name.push(suffix);
    PathBuf::from(name)
}

/// Files of a profile are for their owner alone. SQLite gives its log the database's mode.
#[cfg(unix)]
pub(super) fn owner_only(options: &mut OpenOptions) {
    use std::os::unix::fs::OpenOptionsExt as _;
    options.mode(0o600);
}

/// Elsewhere the folder's access list decides.
#[cfg(not(unix))]
pub(super) fn owner_only(_: &mut OpenOptions) {}
