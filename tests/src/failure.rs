//! What can go wrong while driving the programs, in sentences.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

/// An error as the contract words it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Problem {
    /// Stable, for programs.
    pub code: String,
    /// What happened.
    pub happened: String,
    /// What is safe.
    pub safe: String,
    /// What to do.
    pub next: String,
}

/// Why a story could not go on.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A program ended, or was ended, while something was asked of it.
    #[error("{0} has ended")]
    Ended(String),
    /// A program did not say in time what it was waited for.
    #[error("{who} did not come to this in time: {what}")]
    Late {
        /// Which program.
        who: String,
        /// What was waited for.
        what: String,
    },
    /// The contract refused a call.
    #[error("{method} was refused: {} [{}]", problem.happened, problem.code)]
    Refused {
        /// Which call.
        method: String,
        /// Why.
        problem: Problem,
    },
    /// A program said something that the contract does not allow.
    #[error("{who} said something unexpected: {what}")]
    Unexpected {
        /// Which program.
        who: String,
        /// What.
        what: String,
    },
    /// A file or folder.
    #[error("{path}: {error}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The relay's store could not be looked into.
    #[error("the relay's store: {0}")]
    Store(#[from] rusqlite::Error),
    /// What was promised did not come true.
    #[error("{0}")]
    Broken(String),
}

impl Failure {
    /// For `map_err`: what the system said about `path`.
    pub(crate) fn file(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |error| Self::File { path, error }
    }

    pub(crate) fn unexpected(who: &str, what: &Value) -> Self {
        Self::Unexpected {
            who: who.to_owned(),
            what: what.to_string(),
        }
    }

    /// The contract's problem, if that is what it was.
    #[must_use]
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Refused { problem, .. } => Some(problem),
            _ => None,
        }
    }

    /// Did a program end under us?
    #[must_use]
    pub fn is_end(&self) -> bool {
        matches!(self, Self::Ended(_))
    }
}
