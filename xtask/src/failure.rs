//! Why a routine stopped, in words for the person at the terminal.

use std::fmt;

/// What went wrong, whose turn it is, and the next step.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line makes no sense.
    Usage(String),
    /// The machine lacks something that the routine needs.
    Machine { what: String, next: String },
    /// A check found something wrong in the project.
    Check(String),
    /// A program that was started ended badly.
    Program { what: String, how: String },
}

impl Failure {
    pub(crate) fn usage(what: impl Into<String>) -> Self {
        Self::Usage(what.into())
    }

    pub(crate) fn machine(what: impl Into<String>, next: impl Into<String>) -> Self {
        Self::Machine {
            what: what.into(),
            next: next.into(),
        }
    }

    pub(crate) fn check(what: impl Into<String>) -> Self {
        Self::Check(what.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(what) => write!(f, "{what}. `cargo xtask help` lists every routine."),
            Self::Machine { what, next } => {
                write!(f, "This machine can't do that yet: {what}.\nNext: {next}")
            }
            Self::Check(what) => write!(f, "Wrong: {what}"),
            Self::Program { what, how } => {
                write!(f, "Failed: `{what}` {how}. Its own words are above.")
            }
        }
    }
}
