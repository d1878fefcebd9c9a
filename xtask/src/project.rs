//! Where things are in the project, and what git and cargo say about it.

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

/// `cargo metadata` of the workspace.
pub(crate) fn metadata() -> Result<Value, Failure> {
    let text =
        Tool::cargo(["metadata", "--format-version", "1", "--no-deps", "--locked"]).output()?;
    serde_json::from_str(&text)
        .map_err(|error| Failure::check(format!("`cargo metadata` is not JSON: {error}")))
}

/// Reads a file of the project; the failure names it.
pub(crate) fn read(path: &str) -> Result<String, Failure> {
    std::fs::read_to_string(root().join(path))
        .map_err(|error| Failure::check(format!("{path} can't be read: {error}")))
}
