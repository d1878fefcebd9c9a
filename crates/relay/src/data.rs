//! The data folder: one process at a time, and the identity key that the address names.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};

use sotto_suite::sign::SigningKey;
use sotto_suite::{RandomExt as _, Secret, SystemRandom};
use zeroize::Zeroizing;

/// Why the data folder can't be used.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// Another relay runs on it.
    #[error("another relay is running on the data folder {0}")]
    InUse(PathBuf),
    /// There is a store, but no identity key: a new key would be another relay, whom no client trusts.
    #[error(
        "the identity key {0} is missing although there is a store; put it back from a backup, or use an empty folder for a new relay"
    )]
    IdentityMissing(PathBuf),
    /// Files of two relays may lie beside each other.
    #[error(
        "a restore into {0} was interrupted; run `sotto-relay restore FILE --force` again, with the same backup"
    )]
    RestoreInterrupted(PathBuf),
    /// Not a key.
    #[error("the identity key {0} is damaged; put it back from a backup")]
    IdentityDamaged(PathBuf),
    /// The system says why.
    #[error("{path}: {error}")]
    Unusable {
        /// Where.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// No certificate could be made.
    #[error("making a certificate failed: {0}")]
    Certificate(String),
}

/// An open data folder.
#[derive(Debug)]
pub(crate) struct DataFolder {
    path: PathBuf,
    // Held for as long as the relay runs.
    _lock: File,
}

/// The identity key's file.
pub(crate) const IDENTITY: &str = "identity.key";
/// The store's file.
pub(crate) const STORE: &str = "relay.db";
/// The folder of blobs.
pub(crate) const BLOBS: &str = "blobs";
/// Locked for as long as a process works on the folder.
pub(crate) const LOCK: &str = "lock";
/// A folder that is there while a backup is being put in place.
pub(crate) const RESTORING: &str = "restoring";

/// Does a process work on this folder?
pub(crate) fn in_use(path: &Path) -> bool {
    File::open(path.join(LOCK)).is_ok_and(|lock| {
        matches!(
            lock.try_lock_shared(),
            Err(std::fs::TryLockError::WouldBlock)
        )
    })
}

/// The key in an identity file's text.
pub(crate) fn identity_of(text: &[u8]) -> Option<SigningKey> {
    let seed = Zeroizing::new(hex::decode(text.trim_ascii()).ok()?);
    let seed = Secret::from_slice(&seed).ok()?;
    Some(SigningKey::from_seed(&seed))
}

impl DataFolder {
    /// Opens the folder for this process alone, making it if it is missing.
    pub(crate) fn open(path: &Path) -> Result<Self, DataError> {
        let folder = Self::lock(path)?;
        if path.join(RESTORING).exists() {
            return Err(DataError::RestoreInterrupted(path.into()));
        }
        Ok(folder)
    }

    /// The same for whoever repairs it.
    pub(crate) fn lock(path: &Path) -> Result<Self, DataError> {
        let unusable = |error| DataError::Unusable {
            path: path.into(),
            error,
        };
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(path).map_err(unusable)?;
        let lock = private(OpenOptions::new().write(true).create(true).truncate(false))
            .open(path.join(LOCK))
            .map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                path: path.into(),
                _lock: lock,
            }),
            Err(std::fs::TryLockError::WouldBlock) => Err(DataError::InUse(path.into())),
            Err(std::fs::TryLockError::Error(error)) => Err(unusable(error)),
        }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Where the store is; the file is made here if it is missing, for this user alone. Its
    /// companions (SQLite's log) take their rights from it.
    pub(crate) fn store(&self) -> Result<PathBuf, DataError> {
        let path = self.path.join(STORE);
        match private(OpenOptions::new().append(true).create(true)).open(&path) {
            Ok(_) => Ok(path),
            Err(error) => Err(DataError::Unusable { path, error }),
        }
    }

    /// The folder of blobs.
    pub(crate) fn blobs(&self) -> PathBuf {
        self.path.join(BLOBS)
    }

    /// The identity key; made on the very first start, never again.
    pub(crate) fn identity(&self) -> Result<SigningKey, DataError> {
        let path = self.path.join(IDENTITY);
        if let Some(text) = self.read(IDENTITY)? {
            return identity_of(&text).ok_or(DataError::IdentityDamaged(path));
        }
        if self.path.join(STORE).exists() {
            return Err(DataError::IdentityMissing(path));
        }
        let seed: Secret<32> = SystemRandom::new().secret();
        let text = Zeroizing::new(hex::encode(seed.expose()) + "\n");
        self.write(IDENTITY, text.as_bytes())?;
        Ok(SigningKey::from_seed(&seed))
    }

    /// A small file's content, if it is there.
    pub(crate) fn read(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, DataError> {
        let path = self.path.join(name);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(DataError::Unusable { path, error }),
        };
        let mut bytes = Zeroizing::new(Vec::with_capacity(4096));
        file.take(64 * 1024)
            .read_to_end(&mut bytes)
            .map_err(|error| DataError::Unusable { path, error })?;
        Ok(Some(bytes))
    }

    /// Puts a file there whole or not at all, for this user alone, synced with its folder.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), DataError> {
        let path = self.path.join(name);
        let put = || {
            let fresh = self.path.join(format!("{name}.new"));
            let mut file =
                private(OpenOptions::new().write(true).create(true).truncate(true)).open(&fresh)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            std::fs::rename(&fresh, &path)?;
            // Windows syncs folders by itself and can't open them as files.
            if cfg!(unix) {
                File::open(&self.path)?.sync_all()
            } else {
                Ok(())
            }
        };
        put().map_err(|error| DataError::Unusable {
            path: path.clone(),
            error,
        })
    }
}

/// Files that are made are for this user alone.
pub(crate) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}
