//! The database key: 32 random bytes, kept in the OS keychain, or wrapped by a passphrase where
//! there is none, or in memory alone for a throwaway profile.
//!
//! A key that can't be had is an error that says why. It is never a reason to make a new profile:
//! the database it belongs to holds somebody's identity.

mod error;
mod key_file;
mod keychain;
mod passphrase;

use std::path::Path;

use serde::{Deserialize, Serialize};
use sotto_suite::{RandomExt as _, Secret, SystemRandom};

pub use error::KeyError;
pub use passphrase::Passphrase;

/// Where a profile's database key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum KeySource {
    /// In the keychain of the operating system.
    Keychain,
    /// In a file, wrapped by a passphrase.
    Passphrase,
    /// In the memory of the process that made the profile, and nowhere else.
    Memory,
}

/// How a new profile's key is to be kept.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "by", rename_all = "snake_case", deny_unknown_fields)]
pub enum Protection {
    /// In the keychain of the operating system.
    Keychain,
    /// Wrapped by a passphrase of at least 8 characters.
    Passphrase {
        /// The passphrase.
        passphrase: Passphrase,
    },
    /// In memory alone: the profile is gone when the process ends. For demonstrations.
    Memory,
}

impl Protection {
    /// What is remembered of it.
    #[must_use]
    pub fn source(&self) -> KeySource {
        match self {
            Self::Keychain => KeySource::Keychain,
            Self::Passphrase { .. } => KeySource::Passphrase,
            Self::Memory => KeySource::Memory,
        }
    }
}

/// Makes a database key for the profile `id` in `folder` and keeps it safe before it is used.
///
/// # Errors
/// [`KeyError`]; nothing is left behind.
pub(crate) async fn create(
    id: &str,
    folder: &Path,
    protection: Protection,
) -> Result<Secret<32>, KeyError> {
    let key: Secret<32> = SystemRandom::new().secret();
    match protection {
        Protection::Keychain => keychain::store(id, &key).await?,
        Protection::Passphrase { passphrase } => {
            passphrase.long_enough()?;
            key_file::write(folder.to_owned(), id.to_owned(), key.clone(), passphrase).await?;
        }
        Protection::Memory => {}
    }
    Ok(key)
}

/// Gets the database key of the profile `id`.
///
/// # Errors
/// [`KeyError`], with the reason. The profile is as it was.
pub(crate) async fn load(
    id: &str,
    folder: &Path,
    source: KeySource,
    passphrase: Option<Passphrase>,
) -> Result<Secret<32>, KeyError> {
    match source {
        KeySource::Keychain => keychain::load(id).await,
        KeySource::Passphrase => {
            let passphrase = passphrase.ok_or(KeyError::PassphraseNeeded)?;
            key_file::read(folder.to_owned(), id.to_owned(), passphrase).await
        }
        KeySource::Memory => Err(KeyError::MemoryOnly),
    }
}

/// Removes what [`create`] left outside the profile's folder, after something else failed.
pub(crate) async fn forget(id: &str, source: KeySource) {
    if source == KeySource::Keychain {
        keychain::remove(id).await;
    }
}
