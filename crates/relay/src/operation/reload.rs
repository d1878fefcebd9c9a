//! New settings for a running relay.

use crate::config::load::{Loaded, Sources};
use crate::config::settings::{SETTINGS, Settings};
use crate::server::Controls;

use super::log::Log;

/// Everything that a reload needs.
pub(super) struct Reload {
    pub(super) sources: Sources,
    /// What the relay was started with: what can't change is compared with it.
    pub(super) settings: Settings,
    pub(super) controls: Controls,
    pub(super) log: Log,
}

impl Reload {
    /// Reads the settings again and puts into effect what can be. What is wrong is said, and then
    /// nothing changes.
    pub(super) fn run(&self) {
        let Loaded { settings, .. } = match self.sources.load() {
            Ok(loaded) => loaded,
            Err(error) => {
                for problem in error.0 {
                    tracing::error!(%problem, "the new settings are refused; the old ones stay");
                }
                return;
            }
        };
        if let Err(problem) = self.controls.reload(&settings.config) {
            tracing::error!(%problem, "the new settings are refused; the old ones stay");
            return;
        }
        self.log.set_level(settings.log_level);
        let waiting = self.needs_restart(&settings);
        if !waiting.is_empty() {
            let settings = waiting.join(", ");
            tracing::warn!(
                settings,
                "these take effect when the relay is started again"
            );
        }
        tracing::info!("settings reloaded");
    }

    /// Names of settings that have changed and can't change while the relay runs.
    fn needs_restart(&self, new: &Settings) -> Vec<&'static str> {
        let value = |settings: &Settings, name: &str| {
            let said = settings.said.get(name);
            said.map(|said| said.value.clone())
        };
        SETTINGS
            .iter()
            .filter(|setting| !setting.live)
            .map(|setting| setting.name)
            .filter(|name| value(&self.settings, name) != value(new, name))
            .collect()
    }
}
