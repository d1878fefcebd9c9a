//! `<data>/profiles/<name>/`: `profile.json` (version, id, where the key is), `profile.db` with
//! what SQLite keeps beside it, and `profile-key.json` where a passphrase protects the key.
//!
//! A profile is made in a folder with a temporary name and gets its own by one rename, so that it
//! is there whole or not at all.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sotto_engine::Problem;
use sotto_suite::{RandomExt as _, SystemRandom};

use super::ProfileName;
use crate::files;
use crate::keys::KeySource;

/// Version of `profile.json` that is written.
const VERSION: u32 = 1;
const DESCRIPTION: &str = "profile.json";
const DATABASE: &str = "profile.db";
/// Folders with this in their name are not finished; no profile name holds a dot.
const UNFINISHED: &str = ".unfinished-";

/// `profile.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Description {
    version: u32,
    /// 32 hex digits, random: the keychain entry is named by it.
    pub(crate) id: String,
    pub(crate) key: KeySource,
}

/// Every version of the file says this much.
#[derive(Deserialize)]
struct AnyVersion {
    version: u32,
}

/// Why a profile's folder can't be used. None of them is a reason to make a new one in its place.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FolderError {
    /// The caller's: no profile has this name.
    #[error("there is no profile {0}")]
    NotFound(ProfileName),
    /// The caller's: a profile has this name already.
    #[error("there is a profile {0} already")]
    Exists(ProfileName),
    /// The disk's, or somebody's who changed it.
    #[error("the profile's description is damaged: {0}")]
    Damaged(String),
    /// Neither's: a newer program made the profile.
    #[error("the profile is of version {0}, which this program does not know")]
    Newer(u32),
    /// The system's.
    #[error("the data folder can't be used: {0}")]
    Io(#[from] io::Error),
}

/// The folder of one profile.
#[derive(Clone, Debug)]
pub(crate) struct ProfileFolder {
    path: PathBuf,
    name: ProfileName,
}

impl ProfileFolder {
    /// Where `name` lives under `data`. Nothing is looked at yet.
    pub(crate) fn new(data: &Path, name: &ProfileName) -> Self {
        Self {
            path: data.join("profiles").join(name.as_str()),
            name: name.clone(),
        }
    }

    /// The finished profiles under `data`, by name.
    pub(crate) fn list(data: &Path) -> Result<Vec<(ProfileName, KeySource)>, FolderError> {
        let entries = match std::fs::read_dir(data.join("profiles")) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut found = Vec::new();
        for entry in entries {
            let Some(name) = entry?
                .file_name()
                .to_str()
                .and_then(|name| name.parse().ok())
            else {
                continue;
            };
            // One that can't be read is left out here and says why when it is opened.
            if let Ok(description) = Self::new(data, &name).describe() {
                found.push((name, description.key));
            }
        }
        found.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(found)
    }

    /// Is there anything under this name, finished or damaged?
    pub(crate) fn is_taken(&self) -> bool {
        self.path.symlink_metadata().is_ok()
    }

    /// Reads `profile.json`.
    pub(crate) fn describe(&self) -> Result<Description, FolderError> {
        if !self.is_taken() {
            return Err(FolderError::NotFound(self.name.clone()));
        }
        let damaged = |why: &str| FolderError::Damaged(why.into());
        let bytes = match files::read_small(&self.path.join(DESCRIPTION)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(damaged("profile.json is missing"));
            }
            bytes => bytes?,
        };
        let any: AnyVersion =
            serde_json::from_slice(&bytes).map_err(|_| damaged("profile.json can't be read"))?;
        if any.version > VERSION {
            return Err(FolderError::Newer(any.version));
        }
        let description: Description =
            serde_json::from_slice(&bytes).map_err(|_| damaged("profile.json can't be read"))?;
        if description.id.len() == 32 && description.id.bytes().all(|b| b.is_ascii_hexdigit()) {
            Ok(description)
        } else {
            Err(damaged("profile.json names no id"))
        }
    }

    /// The database.
    pub(crate) fn database(&self) -> PathBuf {
        self.path.join(DATABASE)
    }

    /// The folder itself.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Begins a profile of this name.
    pub(crate) fn begin(&self, key: KeySource) -> Result<Unfinished, FolderError> {
        if self.is_taken() {
            return Err(FolderError::Exists(self.name.clone()));
        }
        let id = hex::encode(SystemRandom::new().bytes::<16>());
        let path = self
            .path
            .with_file_name(format!("{}{UNFINISHED}{id}", self.name));
        files::create_private_folder(&path)?;
        Ok(Unfinished {
            building: Self {
                path,
                name: self.name.clone(),
            },
            target: self.clone(),
            description: Description {
                version: VERSION,
                id,
                key,
            },
        })
    }
}

/// A profile that is being made. Dropped before [`Unfinished::finish`], it leaves nothing.
#[derive(Debug)]
pub(crate) struct Unfinished {
    pub(crate) building: ProfileFolder,
    target: ProfileFolder,
    pub(crate) description: Description,
}

impl Unfinished {
    /// Gives the profile its name, durably.
    pub(crate) fn finish(self) -> Result<(), FolderError> {
        let mut bytes = serde_json::to_vec_pretty(&self.description).map_err(io::Error::other)?;
        bytes.push(b'\n');
        files::write_atomically(&self.building.path.join(DESCRIPTION), &bytes)?;
        // A folder is renamed over an empty one on some systems, so look once more.
        if self.target.is_taken() {
            return Err(FolderError::Exists(self.target.name.clone()));
        }
        std::fs::rename(&self.building.path, &self.target.path)?;
        if let Some(profiles) = self.target.path.parent() {
            files::sync_folder(profiles)?;
        }
        Ok(())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // After the rename there is nothing under this name; a folder that can't be removed stays
        // unfinished and is never listed.
        let _ = std::fs::remove_dir_all(&self.building.path);
    }
}

impl FolderError {
    /// Stable, for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "profile_not_found",
            Self::Exists(_) => "profile_exists",
            Self::Damaged(_) => "profile_damaged",
            Self::Newer(_) => "profile_newer",
            Self::Io(error) if error.kind() == io::ErrorKind::StorageFull => "disk_full",
            Self::Io(_) => "data_folder",
        }
    }

    /// For people.
    #[must_use]
    pub fn problem(&self) -> Problem {
        const UNTOUCHED: &str = "Your profiles are untouched.";
        let (happened, safe, next): (String, _, _) = match self {
            Self::NotFound(name) => (
                format!("There is no profile with the name {name} here."),
                "Nothing was made or changed.",
                "Check the name and the data folder, or make the profile first.",
            ),
            Self::Exists(name) => (
                format!("There is a profile with the name {name} already."),
                "It is untouched.",
                "Open it, or choose another name.",
            ),
            Self::Damaged(why) => (
                format!("The profile can't be read ({why})."),
                "Its database is untouched, and no new identity was made.",
                "Put the profile's folder back from a backup of this device.",
            ),
            Self::Newer(_) => (
                "A newer version of Sotto made this profile.".into(),
                "It is untouched.",
                "Update Sotto.",
            ),
            Self::Io(error) if error.kind() == io::ErrorKind::StorageFull => (
                "The disk is full.".into(),
                UNTOUCHED,
                "Make room on the disk and try again.",
            ),
            Self::Io(error) => (
                format!("The data folder can't be used ({error})."),
                UNTOUCHED,
                "Check that the folder exists and is yours, then try again.",
            ),
        };
        Problem {
            code: self.code().into(),
            happened,
            safe: safe.into(),
            next: next.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> ProfileName {
        text.parse().unwrap()
    }

    #[test]
    fn a_profile_appears_whole_or_not_at_all() {
        let data = tempfile::tempdir().unwrap();
        let folder = ProfileFolder::new(data.path(), &name("alice"));
        assert!(matches!(folder.describe(), Err(FolderError::NotFound(_))));

        drop(folder.begin(KeySource::Memory).unwrap());
        assert_eq!(
            std::fs::read_dir(data.path().join("profiles"))
                .unwrap()
                .count(),
            0
        );

        let unfinished = folder.begin(KeySource::Keychain).unwrap();
        std::fs::write(unfinished.building.database(), "db").unwrap();
        assert!(ProfileFolder::list(data.path()).unwrap().is_empty());
        unfinished.finish().unwrap();
        assert_eq!(
            ProfileFolder::list(data.path()).unwrap(),
            [(name("alice"), KeySource::Keychain)]
        );
        assert_eq!(std::fs::read(folder.database()).unwrap(), b"db");
        assert!(matches!(
            folder.begin(KeySource::Memory),
            Err(FolderError::Exists(_))
        ));
    }

    #[test]
    fn two_who_make_the_same_profile_do_not_mix() {
        let data = tempfile::tempdir().unwrap();
        let folder = ProfileFolder::new(data.path(), &name("alice"));
        let (one, two) = (
            folder.begin(KeySource::Memory).unwrap(),
            folder.begin(KeySource::Memory).unwrap(),
        );
        let first = one.description.id.clone();
        one.finish().unwrap();
        assert!(matches!(two.finish(), Err(FolderError::Exists(_))));
        assert_eq!(folder.describe().unwrap().id, first);
    }

    #[test]
    fn what_is_wrong_with_a_profile_is_named() {
        let data = tempfile::tempdir().unwrap();
        let folder = ProfileFolder::new(data.path(), &name("alice"));
        folder.begin(KeySource::Memory).unwrap().finish().unwrap();
        let file = folder.path().join(DESCRIPTION);
        let good = std::fs::read_to_string(&file).unwrap();
        let code = |text: &str| {
            std::fs::write(&file, text).unwrap();
            folder.describe().unwrap_err().code()
        };
        assert_eq!(
            code(&good.replace("\"version\": 1", "\"version\": 2")),
            "profile_newer"
        );
        assert_eq!(code("{"), "profile_damaged");
        assert_eq!(
            code(r#"{"version":1,"id":"../../x","key":"memory"}"#),
            "profile_damaged"
        );
        assert_eq!(code(&"x".repeat(70_000)), "data_folder");
        std::fs::remove_file(&file).unwrap();
        assert_eq!(folder.describe().unwrap_err().code(), "profile_damaged");
    }

    #[cfg(unix)]
    #[test]
    fn others_on_the_machine_can_not_look_in() {
        use std::os::unix::fs::PermissionsExt as _;
        let data = tempfile::tempdir().unwrap();
        let folder = ProfileFolder::new(data.path(), &name("alice"));
        folder.begin(KeySource::Memory).unwrap().finish().unwrap();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(folder.path()), 0o700);
        assert_eq!(mode(&folder.path().join(DESCRIPTION)), 0o600);
    }
}
