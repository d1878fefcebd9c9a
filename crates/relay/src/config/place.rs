//! Where a relay keeps its things when nobody said where.

use std::path::PathBuf;

/// Name of the settings file in the data folder.
pub const FILE: &str = "sotto-relay.toml";

/// The data folder of whoever runs this, the first that applies:
///
/// 1. `$STATE_DIRECTORY`, which systemd sets for a unit with `StateDirectory=`;
/// 2. `/var/lib/sotto-relay` for root, because a relay run by root is the machine's;
/// 3. the user's own data folder (`$XDG_DATA_HOME/sotto-relay` or `~/.local/share/sotto-relay`
///    on Linux, the system's own place elsewhere).
///
/// `None`: this user has no home.
pub fn data_folder(environment: &dyn Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let state = environment("STATE_DIRECTORY").and_then(|folders| {
        let first = folders.split(':').next().unwrap_or_default();
        (!first.is_empty()).then(|| PathBuf::from(first))
    });
    if state.is_some() {
        return state;
    }
    #[cfg(unix)]
    if rustix::process::geteuid().is_root() {
        return Some(PathBuf::from("/var/lib/sotto-relay"));
    }
    directories::ProjectDirs::from("", "", "sotto-relay")
        .map(|folders| folders.data_dir().to_path_buf())
}
