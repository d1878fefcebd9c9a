//! Where things of this window are: the profiles, and beside them what belongs to the window alone.

use std::io;
use std::path::{Path, PathBuf};

use sotto_client::{HostConfig, ProfileName, Timing};
use tauri::utils::config::{AppDirectoriesOverride, AppDirectoryOverrides};

use crate::args::Args;
use crate::failure::Failure;

/// The data folder, made and found, and a folder in it for each profile's window.
#[derive(Debug)]
pub(crate) struct Place {
    data: PathBuf,
    /// `<data>/app/<profile>`: settings, the window's size and place, what the web view keeps. Not
    /// in the profile's own folder, because that one appears whole or not at all.
    window: PathBuf,
}

impl Place {
    /// Finds the folders, or makes them for this user alone.
    pub(crate) fn new(args: &Args) -> Result<Self, Failure> {
        let data = match &args.data {
            Some(data) => data.clone(),
            None => HostConfig::standard()
                .map(|config| config.data)
                .ok_or_else(Failure::no_data_folder)?,
        };
        Self::make(&data, &args.profile).map_err(|error| Failure::data_folder(&data, &error))
    }

    fn make(data: &Path, profile: &ProfileName) -> io::Result<Self> {
        create_private_folder(data)?;
        // One name for one folder, whatever way leads to it.
        let data = data.canonicalize()?;
        let window = data.join("app").join(profile.as_str());
        create_private_folder(&window)?;
        Ok(Self { data, window })
    }

    /// The host's set-up.
    pub(crate) fn host(&self) -> HostConfig {
        HostConfig {
            data: self.data.clone(),
            timing: Timing::default(),
        }
    }

    /// For Tauri: where it and its plugins keep things. What the web view itself leaves is apart
    /// from that, so that it can be thrown away.
    pub(crate) fn directories(&self) -> AppDirectoriesOverride {
        let ours = Some(self.window.clone());
        let view = Some(self.window.join("webview"));
        AppDirectoriesOverride::Directories(AppDirectoryOverrides {
            config: ours.clone(),
            data: ours,
            local_data: view.clone(),
            cache: view.clone(),
            log: view,
        })
    }

    /// The D-Bus name by which a second start finds the first: one for each folder.
    pub(crate) fn bus_name(&self) -> String {
        let digest = sotto_suite::hash::sha256(&[self.window.as_os_str().as_encoded_bytes()]);
        let short = digest.get(..16).unwrap_or(&digest);
        // A part of such a name begins with a letter.
        format!("chat.sotto.app.w{}", hex::encode(short))
    }
}

fn create_private_folder(path: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_has_one_name_whatever_way_leads_to_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let name = |data: &Path, profile: &str| {
            let place = Place::make(data, &profile.parse().unwrap()).unwrap();
            place.bus_name()
        };
        let straight = name(folder.path(), "main");
        assert_eq!(straight, name(&folder.path().join("app/.."), "main"));
        assert_ne!(straight, name(folder.path(), "other"));
        assert_ne!(straight, name(&folder.path().join("deeper"), "main"));
    }

    #[cfg(unix)]
    #[test]
    fn others_on_the_machine_can_not_look_in() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let place = Place::make(&data, &"main".parse().unwrap()).unwrap();
        for path in [&place.data, &place.window] {
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o700);
        }
    }
}
