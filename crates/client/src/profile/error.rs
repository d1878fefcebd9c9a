//! Why a profile can't be opened or made.

use sotto_engine::{EngineError, Problem};
use sotto_wire::AddressError;

use super::FolderError;
use crate::keys::KeyError;

/// Whatever stands between a person and a profile. No variant ever leads to a new identity in the
/// place of one that is there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// The folder or its description.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The database key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The database, or what the new profile was to be.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The caller's: the new profile's relay has no such address.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The system gives no thread or runtime.
    #[error("the system can't: {0}")]
    System(String),
}

impl ProfileError {
    /// For people, with its code.
    #[must_use]
    pub fn problem(&self) -> Problem {
        match self {
            Self::Folder(error) => error.problem(),
            Self::Key(error) => error.problem(),
            Self::Engine(error) => error.problem(),
            Self::Address(error) => bad_address(*error),
            Self::System(why) => system(why),
        }
    }
}

fn bad_address(error: AddressError) -> Problem {
    Problem {
        code: "relay_address_invalid".into(),
        happened: format!("This is not the address of a relay ({error})."),
        safe: "Nothing was made or changed.".into(),
        next: "Copy the whole address, from sotto-relay:// to its end.".into(),
    }
}

/// The system gave out of what every program needs.
pub(crate) fn system(why: &str) -> Problem {
    Problem {
        code: "system".into(),
        happened: format!("The system could not do what was needed ({why})."),
        safe: "Your profile and its messages are on this device, untouched and encrypted.".into(),
        next: "Close other programs and try again.".into(),
    }
}

/// A mistake in this program ended the profile's thread.
pub(super) fn internal() -> Problem {
    Problem {
        code: "internal".into(),
        happened: "A mistake in Sotto stopped this profile.".into(),
        safe: "Everything that was done before is kept.".into(),
        next: "Open the profile again, and tell the makers of Sotto if this happens twice.".into(),
    }
}

/// The profile's thread has ended.
pub(crate) fn closed() -> Problem {
    Problem {
        code: "profile_closed".into(),
        happened: "The profile was closed before this could be done.".into(),
        safe: "Everything that was done before is kept.".into(),
        next: "Open the profile again.".into(),
    }
}
