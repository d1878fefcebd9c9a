//! `sotto-relay settings`: what is in effect, and who said so.

use std::io::Write as _;

use crate::config::load::{ConfigError, Sources};
use crate::config::settings::SETTINGS;

pub(super) fn print(sources: &Sources) -> Result<(), ConfigError> {
    let loaded = sources.load()?;
    let mut out = std::io::stdout().lock();
    let file = loaded.file.map_or_else(
        || {
            format!(
                "none ({} would be read)",
                loaded
                    .settings
                    .config
                    .data
                    .join(crate::config::place::FILE)
                    .display()
            )
        },
        |file| file.display().to_string(),
    );
    // Whoever has stopped reading does not want the rest.
    let _ = writeln!(out, "settings file: {file}\n");
    for setting in SETTINGS {
        let (value, place) = match loaded.settings.said.get(setting.name) {
            Some(said) if setting.is_secret() => ("(set)", said.place.as_str()),
            Some(said) => (said.value.as_str(), said.place.as_str()),
            None if setting.name == "data" => ("", "default"),
            None => (setting.default, "default"),
        };
        let folder = loaded.settings.config.data.display().to_string();
        let value = if value.is_empty() { &folder } else { value };
        let reload = if setting.live {
            ", can be reloaded"
        } else {
            ""
        };
        let _ = writeln!(
            out,
            "{} = {value}    ({place}{reload})\n    {}",
            setting.name, setting.what
        );
    }
    Ok(())
}
