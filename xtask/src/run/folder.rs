//! The folder that is gone afterwards.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::failure::Failure;

/// A fresh folder that only this person can read. Removed when dropped.
#[derive(Debug)]
pub(super) struct Throwaway {
    path: PathBuf,
    passphrase: String,
    remover: Option<Child>,
}

impl Throwaway {
    pub(super) fn new() -> Result<Self, Failure> {
        let path = std::env::temp_dir().join(format!("sotto-run-{}", unpredictable()));
        let mut made = Self {
            path,
            passphrase: unpredictable(),
            remover: None,
        };
        make(&made.path)
            .and_then(|()| std::fs::write(made.passphrase_file(), &made.passphrase))
            .map_err(|error| {
                Failure::machine(
                    format!("{} can't be used: {error}", made.path.display()),
                    "make room there, or set TMPDIR to another folder",
                )
            })?;
        made.remover = remover(&made.path);
        Ok(made)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Protects both profiles, so that nothing is left in this person's own keychain.
    pub(super) fn passphrase(&self) -> &str {
        &self.passphrase
    }

    pub(super) fn passphrase_file(&self) -> PathBuf {
        self.path.join("passphrase")
    }
}

impl Drop for Throwaway {
    fn drop(&mut self) {
        let _gone = std::fs::remove_dir_all(&self.path);
        if let Some(mut remover) = self.remover.take() {
            drop(remover.stdin.take());
            let _reaped = remover.wait();
        }
    }
}

/// Removes the folder too when this program is ended from outside, by Ctrl+C or a closed window:
/// it waits for the end of a pipe that only we hold open. Where there is no shell, the folder
/// then stays behind, encrypted.
fn remover(path: &Path) -> Option<Child> {
    let script = r#"trap "" HUP INT TERM; cat; rm -rf -- "$0"; [ ! -e "$0" ] || { sleep 2; rm -rf -- "$0"; }"#;
    let mut shell = Command::new("sh");
    shell.args(["-c", script]).arg(path);
    shell
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    shell.spawn().ok()
}

#[cfg(unix)]
fn make(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().mode(0o700).create(path)
}

#[cfg(not(unix))]
fn make(path: &Path) -> std::io::Result<()> {
    std::fs::create_dir(path)
}

/// 128 bits in hex from the standard library's own random hash keys: good for a name and for
/// a demonstration that is gone in an hour, and no reason for a dependency.
fn unpredictable() -> String {
    let word = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", word(), word())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use super::*;

    #[test]
    fn the_folder_is_private_and_gone_afterwards() {
        let folder = Throwaway::new().unwrap();
        let path = folder.path().to_owned();
        assert!(folder.passphrase_file().is_file());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o700);
        }
        drop(folder);
        assert!(!path.exists());
    }

    #[cfg(unix)]
    #[test]
    fn the_folder_is_gone_even_when_nobody_is_left_to_remove_it() {
        let mut folder = Throwaway::new().unwrap();
        let path = folder.path().to_owned();
        let mut remover = folder.remover.take().unwrap();
        drop(remover.stdin.take());
        remover.wait().unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn two_folders_have_different_names_and_passphrases() {
        let (one, other) = (Throwaway::new().unwrap(), Throwaway::new().unwrap());
        assert_ne!(one.path(), other.path());
        assert_ne!(one.passphrase(), other.passphrase());
    }
}
