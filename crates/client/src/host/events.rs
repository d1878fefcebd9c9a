//! What happens, as it happens.

use std::sync::Arc;

use tokio::sync::broadcast;

use crate::contract::{HostEvent, ProfileEvent, Published};
use crate::profile::ProfileName;

/// What happens, as it happens.
#[derive(Debug)]
pub struct Events {
    pub(super) from: broadcast::Receiver<Arc<Published>>,
    /// Profiles that still have to be told that they missed something.
    pub(super) missed_for: Vec<ProfileName>,
    /// Profiles seen so far.
    pub(super) known: Vec<ProfileName>,
}

impl Events {
    /// The next event; none when the host is gone.
    pub async fn next(&mut self) -> Option<Arc<Published>> {
        loop {
            if let Some(profile) = self.missed_for.pop() {
                let event = ProfileEvent::Host(HostEvent::Missed {});
                return Some(Arc::new(Published { profile, event }));
            }
            match self.from.recv().await {
                Ok(published) => {
                    if !self.known.contains(&published.profile) {
                        self.known.push(published.profile.clone());
                    }
                    return Some(published);
                }
                Err(broadcast::error::RecvError::Lagged(_)) => {
                    self.missed_for.clone_from(&self.known);
                }
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }
}
