//! The machine's clock. Only ages are computed from it: no order depends on it.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::store::Seconds;

/// Seconds since 1970.
pub(crate) fn now() -> Seconds {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
