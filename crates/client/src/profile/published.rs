//! Where a profile's events go.

use std::sync::Arc;

use tokio::sync::broadcast;

use super::ProfileName;
use crate::contract::{ProfileEvent, Published};

/// Publishes the events of one profile to whoever listens. Never waits: a listener that is too
/// slow is told that it missed some.
#[derive(Clone, Debug)]
pub(crate) struct Publisher {
    profile: ProfileName,
    to: broadcast::Sender<Arc<Published>>,
}

impl Publisher {
    pub(crate) fn new(profile: ProfileName, to: broadcast::Sender<Arc<Published>>) -> Self {
        Self { profile, to }
    }

    pub(crate) fn publish(&self, event: ProfileEvent) {
        let published = Published {
            profile: self.profile.clone(),
            event,
        };
        // An error says that nobody listens, which is fine.
        let _ = self.to.send(Arc::new(published));
    }
}
