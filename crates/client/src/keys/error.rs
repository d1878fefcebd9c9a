//! Why a database key can't be had.

use sotto_engine::Problem;

/// Each says what is wrong with the key alone; the profile and its database are untouched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The system's: this session has no keychain. Says why.
    #[error("no keychain: {0}")]
    KeychainMissing(String),
    /// The person's: the keychain is locked, or the question to unlock it was not answered.
    #[error("the keychain is locked")]
    KeychainLocked,
    /// The system's: the keychain is there and failed.
    #[error("the keychain failed: {0}")]
    KeychainFailed(String),
    /// Somebody's: the keychain is open and holds no key of this profile.
    #[error("the keychain holds no key of this profile")]
    KeyNotFound,
    /// Somebody's: the keychain's entry is no key.
    #[error("the keychain's entry of this profile is damaged")]
    KeyDamaged,
    /// The caller's: this profile opens with a passphrase, and none was given.
    #[error("this profile opens with a passphrase")]
    PassphraseNeeded,
    /// The person's.
    #[error("the passphrase is shorter than 8 characters")]
    PassphraseTooShort,
    /// The person's: not the passphrase that wraps the key.
    #[error("wrong passphrase")]
    WrongPassphrase,
    /// The disk's, or somebody's who changed it: the key file can't be read.
    #[error("the key file is missing or damaged: {0}")]
    KeyFileDamaged(String),
    /// Neither's: a newer program wrote the key file.
    #[error("the key file is of version {0}, which this program does not know")]
    KeyFileNewer(u32),
    /// The caller's: the key was in the memory of a process that has ended.
    #[error("the key was in memory alone")]
    MemoryOnly,
    /// The system's: the key file could not be written.
    #[error("the key file can't be written: {0}")]
    Write(#[source] std::io::Error),
    /// The system's: not enough memory to try a passphrase, or no thread to ask the keychain.
    #[error("the system can't: {0}")]
    System(String),
}

impl KeyError {
    /// Stable, for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::KeychainMissing(_) => "keychain_missing",
            Self::KeychainLocked => "keychain_locked",
            Self::KeychainFailed(_) => "keychain_failed",
            Self::KeyNotFound => "key_not_found",
            Self::KeyDamaged => "key_damaged",
            Self::PassphraseNeeded => "passphrase_needed",
            Self::PassphraseTooShort => "passphrase_too_short",
            Self::WrongPassphrase => "wrong_passphrase",
            Self::KeyFileDamaged(_) => "key_file_damaged",
            Self::KeyFileNewer(_) => "key_file_newer",
            Self::MemoryOnly => "key_in_memory_only",
            Self::Write(error) if is_full(error) => "disk_full",
            Self::Write(_) => "key_file_write",
            Self::System(_) => "key_system",
        }
    }

    /// For people.
    #[must_use]
    pub fn problem(&self) -> Problem {
        const SAFE: &str =
            "Your profile and its messages are on this device, untouched and encrypted.";
        const BACKUP: &str = "Put the key back from a backup of this device, or use your recovery code to \
                              take your account to a new profile.";
        let (happened, safe, next): (String, _, _) = match self {
            Self::KeychainMissing(why) => (
                format!("This session has no keychain to keep the key of your messages in ({why})."),
                "Nothing was made or changed.",
                "Protect the profile with a passphrase instead, or start the keychain of your desktop and try again.",
            ),
            Self::KeychainLocked => (
                "The keychain is locked, or the question to unlock it was not answered.".into(),
                SAFE,
                "Unlock the keychain of your desktop and try again.",
            ),
            Self::KeychainFailed(why) => (
                format!("The keychain did not do what it was asked ({why})."),
                SAFE,
                "Try again; if it stays like this, restart the keychain of your desktop.",
            ),
            Self::KeyNotFound => ("The keychain holds no key for this profile.".into(), SAFE, BACKUP),
            Self::KeyDamaged => ("The key of this profile in the keychain is damaged.".into(), SAFE, BACKUP),
            Self::PassphraseNeeded => (
                "This profile opens with a passphrase.".into(), SAFE, "Enter the passphrase."),
            Self::PassphraseTooShort => (
                "The passphrase is too short.".into(),
                "Nothing was made or changed.",
                "Choose at least 8 characters; five random words are better.",
            ),
            Self::WrongPassphrase => (
                "This is not the passphrase of this profile.".into(),
                SAFE,
                "Try again; upper and lower case count.",
            ),
            Self::KeyFileDamaged(why) => (
                format!("The file that holds the wrapped key of this profile can't be read ({why})."),
                SAFE,
                BACKUP,
            ),
            Self::KeyFileNewer(_) => (
                "A newer version of Sotto made the key file of this profile.".into(),
                SAFE,
                "Update Sotto.",
            ),
            Self::MemoryOnly => (
                "This was a throwaway profile: its key was only in the memory of a program that has ended.".into(),
                "Its database stays encrypted; nobody can read it.",
                "Delete the profile's folder and make a new profile.",
            ),
            Self::Write(error) if is_full(error) => (
                "The disk is full.".into(),
                "Nothing was made or changed.",
                "Make room on the disk and try again.",
            ),
            Self::Write(why) => (
                format!("The key file could not be written ({why})."),
                "Nothing was made or changed.",
                "Make room on the disk, or check the rights of the data folder, and try again.",
            ),
            Self::System(why) => (
                format!("The system could not do what was needed for the key ({why})."),
                SAFE,
                "Close other programs and try again.",
            ),
        };
        Problem {
            code: self.code().into(),
            happened,
            safe: safe.into(),
            next: next.into(),
        }
    }
}

fn is_full(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded)
}
