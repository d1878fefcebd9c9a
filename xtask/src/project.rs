//! Where things are in the project, and what git and cargo say about it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::failure::Failure;
use crate::tool::Tool;

/// The checkout that this program was built from.
pub(crate) fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_path_buf()
}

/// Where cargo puts what it builds.
pub(crate) fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => root().join(folder),
        None => root().join("target"),
    }
}

/// A program of the project, as cargo built it: with optimisation, or for `dev` without.
pub(crate) fn program(name: &str, dev: bool) -> PathBuf {
    let profile = if dev { "debug" } else { "release" };
    target()
        .join(profile)
        .join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}

/// The files under version control, relative to the root, as `/`-separated paths.
/// `None` outside a git checkout (a source archive).
pub(crate) fn tracked_files() -> Option<Vec<String>> {
    let listing = Tool::new("git").args(["ls-files", "-z"]).output().ok()?;
    Some(
        listing
            .split('\0')
            .filter(|path| !path.is_empty())
            .map(str::to_owned)
            .collect(),
    )
}

/// Copies everything under version control, as it stands in the working folder, so that a routine may
/// change it there. What an earlier copy has and the sources no longer do goes.
pub(crate) fn copy_sources(copy: &Path) -> Result<(), Failure> {
    let files = tracked_files()
        .ok_or_else(|| Failure::check("copying the sources needs a git checkout".to_owned()))?;
    let failed = |error: std::io::Error| Failure::check(format!("copying the sources: {error}"));
    remove_others(copy, &files.iter().map(|file| copy.join(file)).collect()).map_err(failed)?;
    for file in files {
        let (from, to) = (root().join(&file), copy.join(&file));
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        let content = fs::read(from).map_err(failed)?;
        // What is the same keeps its time, so that it is not built anew.
        if fs::read(&to).ok().as_ref() != Some(&content) {
            fs::write(to, content).map_err(failed)?;
        }
    }
    Ok(())
}

/// Removes all files below a folder but these, and what was built there.
fn remove_others(folder: &Path, keep: &BTreeSet<PathBuf>) -> std::io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            if entry.file_name() != "target" {
                remove_others(&entry.path(), keep)?;
            }
        } else if !keep.contains(&entry.path()) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// `cargo metadata` of the workspace.
pub(crate) fn metadata() -> Result<Value, Failure> {
    let text =
        Tool::cargo(["metadata", "--format-version", "1", "--no-deps", "--locked"]).output()?;
    serde_json::from_str(&text)
        .map_err(|error| Failure::check(format!("`cargo metadata` is not JSON: {error}")))
}

/// Reads a file of the project; the failure names it.
pub(crate) fn read(path: &str) -> Result<String, Failure> {
    fs::read_to_string(root().join(path))
        .map_err(|error| Failure::check(format!("{path} can't be read: {error}")))
}
