//! `cargo xtask ui`: the screens, built into `ui/dist`, which the app and the web host embed.

use std::path::Path;
use std::time::SystemTime;

use crate::args::Args;
use crate::failure::Failure;
use crate::project;
use crate::tool::Tool;

/// Oldest Node.js that the screens' tools run on.
const NODE: (u32, u32) = (20, 19);

/// What the built screens are made of, relative to the root.
const SOURCES: &[&str] = &[
    "ui",
    "package.json",
    "package-lock.json",
    "crates/client/bindings/contract.ts",
];

/// Folders below them that say nothing about whether the screens are current.
const NOT_SOURCES: &[&str] = &["dist", "node_modules"];

pub(crate) fn command(args: Args) -> Result<(), Failure> {
    args.finish()?;
    build()
}

/// Installs the tools where the lock file is newer than they are, and builds the screens where
/// something is newer than they are: what embeds them is compiled anew only then.
pub(crate) fn build() -> Result<(), Failure> {
    install()?;
    let root = project::root();
    let built = changed(&root.join("ui/dist/index.html"));
    let sources = SOURCES
        .iter()
        .filter_map(|path| newest(&root.join(path)))
        .max();
    if built.is_some() && built >= sources {
        return Ok(());
    }
    println!("Building the screens ...");
    npm(["run", "--silent", "build", "-w", "ui"]).run()
}

/// The tools of `package-lock.json`.
pub(crate) fn install() -> Result<(), Failure> {
    node()?;
    let root = project::root();
    let installed = changed(&root.join("node_modules/.package-lock.json"));
    if installed.is_some() && installed >= changed(&root.join("package-lock.json")) {
        return Ok(());
    }
    println!("Installing the screens' tools (npm ci) ...");
    npm(["ci", "--no-audit", "--no-fund"]).run()
}

/// npm, on Windows through its script.
pub(crate) fn npm<'a>(args: impl IntoIterator<Item = &'a str>) -> Tool {
    Tool::new(if cfg!(windows) { "npm.cmd" } else { "npm" }).args(args)
}

fn node() -> Result<(), Failure> {
    let said = Tool::new("node").args(["--version"]).quiet_output();
    let found = said.as_deref().and_then(version);
    if found.is_some_and(|found| found >= NODE) {
        return Ok(());
    }
    Err(Failure::machine(
        format!(
            "the screens are built with Node.js {}.{} or newer, and here is {}",
            NODE.0,
            NODE.1,
            said.as_deref().map_or("none", str::trim)
        ),
        "install Node.js (nodejs.org, or your system's package), then run this again",
    ))
}

/// (20, 19) of `v20.19.4`.
fn version(said: &str) -> Option<(u32, u32)> {
    let mut parts = said.trim().strip_prefix('v')?.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

fn changed(path: &Path) -> Option<SystemTime> {
    path.metadata().ok()?.modified().ok()
}

/// When the newest file at or below `path` changed.
fn newest(path: &Path) -> Option<SystemTime> {
    if !path.is_dir() {
        return changed(path);
    }
    std::fs::read_dir(path)
        .ok()?
        .flatten()
        .filter(|entry| !NOT_SOURCES.iter().any(|name| entry.file_name() == *name))
        .filter_map(|entry| newest(&entry.path()))
        .max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_node_is_read_and_compared() {
        assert_eq!(version("v20.19.4\n"), Some((20, 19)));
        assert!(version("v18.20.1") < Some(NODE));
        assert!(version("v26.0.0") > Some(NODE));
        assert_eq!(version("command not found"), None);
    }
}
