//! What a screen is started with.

use serde::{Deserialize, Serialize};

use crate::profile::ProfileName;

/// What whoever starts a screen tells it before its first call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Start {
    /// The profile that it shows. It need not be there yet.
    pub profile: ProfileName,
    /// Home relay that is proposed for a new profile, `sotto-relay://…`.
    pub relay: Option<String>,
    /// What this device is called in a new profile.
    pub device_name: String,
}
