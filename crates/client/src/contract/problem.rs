//! Calls that can't be carried out because of how they were made.

use sotto_engine::Problem;

/// The host's mistakes. Nothing was done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// No call has this name.
    #[error("no call has this name")]
    UnknownCall,
    /// The call is there, but what was given with it is not what it takes.
    #[error("the call takes something else: {0}")]
    BadParameters(String),
    /// The call is about a profile, and none was named.
    #[error("the call names no profile")]
    ProfileMissing,
    /// The profile that it names is not open.
    #[error("the profile is not open")]
    NotOpen,
    /// The host was built for another contract.
    #[error("this is contract {ours}, the host speaks {theirs}")]
    OtherContract {
        /// [`super::VERSION`].
        ours: u32,
        /// What the host speaks.
        theirs: u32,
    },
}

impl CallError {
    /// Stable, for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownCall => "call_unknown",
            Self::BadParameters(_) => "call_parameters",
            Self::ProfileMissing => "call_without_profile",
            Self::NotOpen => "profile_not_open",
            Self::OtherContract { .. } => "contract_other",
        }
    }

    /// For people; most of them write a program at the moment.
    #[must_use]
    pub fn problem(&self) -> Problem {
        let (happened, next) = match self {
            Self::UnknownCall => (
                "The program asked for something that this version of Sotto does not know.".into(),
                "Update the older of the two.",
            ),
            Self::BadParameters(why) => (
                format!("The program asked in a way that can't be understood ({why})."),
                "Compare the call with the contract.",
            ),
            Self::ProfileMissing => (
                "The program did not say which profile it means.".into(),
                "Name the profile in the call.",
            ),
            Self::NotOpen => ("This profile is not open.".into(), "Open it first."),
            Self::OtherContract { ours, theirs } => (
                format!(
                    "The program speaks version {theirs} of the contract, Sotto speaks {ours}."
                ),
                "Update the older of the two.",
            ),
        };
        Problem {
            code: self.code().into(),
            happened,
            safe: "Nothing was done.".into(),
            next: next.into(),
        }
    }
}
