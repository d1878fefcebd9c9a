//! Where the programs are.

use std::path::{Path, PathBuf};

use crate::Failure;

/// The two programs that are driven.
#[derive(Clone, Debug)]
pub struct Programs {
    /// `sotto`.
    pub sotto: PathBuf,
    /// `sotto-relay`.
    pub relay: PathBuf,
}

impl Programs {
    /// Those beside this executable, or for a test beside its folder.
    ///
    /// # Errors
    /// They have not been built.
    pub fn beside() -> Result<Self, Failure> {
        let here = std::env::current_exe().map_err(Failure::file(Path::new("this program")))?;
        let folders = [here.parent(), here.parent().and_then(Path::parent)];
        let named = |folder: &Path, name: &str| {
            folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
        };
        for folder in folders.into_iter().flatten() {
            let (sotto, relay) = (named(folder, "sotto"), named(folder, "sotto-relay"));
            if sotto.is_file() && relay.is_file() {
                return Ok(Self { sotto, relay });
            }
        }
        Err(Failure::Broken(format!(
            "sotto and sotto-relay are not beside {}: build them first \
             (cargo build -p sotto-cli -p sotto-relay)",
            here.display()
        )))
    }
}
