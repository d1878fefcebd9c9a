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
