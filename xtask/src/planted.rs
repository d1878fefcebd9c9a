//! `cargo xtask planted`: bugs that the simulator must catch. Each is a patch file, put into a
//! throwaway copy of the sources, built there, and played.

use std::fs;
use std::path::{Path, PathBuf};

use crate::args::Args;
use crate::failure::Failure;
use crate::project;
use crate::tool::Tool;

/// Where the patches are.
const PATCHES: &str = "tests/simulation/planted";
/// What is played unless the patch's line `Simulate:` says otherwise: the worlds of the test run.
const WORLDS: &str = "--small --from 1000 --worlds 200";

pub(crate) fn command(mut args: Args) -> Result<(), Failure> {
    let wanted = args.word();
    args.finish()?;
    let patches: Vec<PathBuf> = patches()
        .into_iter()
        .filter(|path| wanted.as_deref().is_none_or(|name| stem(path) == name))
        .collect();
    if patches.is_empty() {
        return Err(Failure::usage("there is no planted bug of this name"));
    }
    let copy = project::target().join("planted");
    copy_sources(&copy)?;
    let mut missed = Vec::new();
    for patch in &patches {
        let name = stem(patch);
        let text = fs::read_to_string(patch)
            .map_err(|error| Failure::check(format!("{name} can't be read: {error}")))?;
        println!("planting {name}");
        in_copy(&copy, ["apply", "--whitespace=nowarn"], patch)?;
        let caught = build(&copy).map(|()| play(&text));
        in_copy(&copy, ["apply", "--reverse"], patch)?;
        match caught? {
            Some(how) => println!("caught: {how}"),
            None => missed.push(name),
        }
    }
    if missed.is_empty() {
        println!("all {} planted bugs were caught", patches.len());
        return Ok(());
    }
    Err(Failure::check(format!(
        "the simulator does not catch: {}",
        missed.join(", ")
    )))
}

fn patches() -> Vec<PathBuf> {
    let entries = fs::read_dir(project::root().join(PATCHES));
    let mut found: Vec<PathBuf> = entries
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|end| end == "patch"))
        .collect();
    found.sort();
    found
}

fn stem(path: &Path) -> String {
    path.file_stem()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// Everything under version control, as it stands in the working folder.
fn copy_sources(copy: &Path) -> Result<(), Failure> {
    let files = project::tracked_files()
        .ok_or_else(|| Failure::check("planting bugs needs a git checkout".to_owned()))?;
    let failed = |error: std::io::Error| Failure::check(format!("copying the sources: {error}"));
    for file in files {
        let (from, to) = (project::root().join(&file), copy.join(&file));
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

fn in_copy(copy: &Path, git: [&str; 2], patch: &Path) -> Result<(), Failure> {
    // A folder inside the checkout: without this git would look for the paths from its top.
    Tool::new("git")
        .args(git)
        .args([patch])
        .env("GIT_CEILING_DIRECTORIES", project::target())
        .in_folder(copy)
        .run()
}

/// With the libraries that are built already: only what is ours is of another place.
fn build(copy: &Path) -> Result<(), Failure> {
    Tool::cargo(["build", "--workspace", "--locked", "--quiet"])
        .args(["--bin", "sotto-simulate", "--manifest-path"])
        .args([copy.join("Cargo.toml")])
        .env("CARGO_TARGET_DIR", project::target())
        .run()
}

/// What the simulator says first, if it says that a promise broke.
fn play(patch: &str) -> Option<String> {
    let worlds = patch
        .lines()
        .find_map(|line| line.strip_prefix("Simulate: "))
        .unwrap_or(WORLDS);
    let said = Tool::new(project::program("sotto-simulate", true))
        .args(worlds.split_whitespace())
        .args(["--no-shrink"])
        .said();
    said.lines()
        .find(|line| line.starts_with("BROKEN"))
        .map(str::to_owned)
}
