//! How an error crosses the contract: a code for programs, three sentences for people.

use serde::{Deserialize, Serialize};

/// What happened, what is safe, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Problem {
    /// Stable, snake_case; screens and programs match on it.
    pub code: String,
    /// What happened.
    pub happened: String,
    /// What is safe.
    pub safe: String,
    /// What to do.
    pub next: String,
}
