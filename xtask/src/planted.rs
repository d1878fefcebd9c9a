//! `cargo xtask planted`: bugs that the tests must catch. Each is a patch file, put into a
//! throwaway copy of the sources, built there, and played.

mod patch;

use std::path::Path;
use std::time::{Duration, Instant};

pub(crate) use patch::wrong;
use patch::{Patch, Plays};

use crate::args::Args;
use crate::failure::Failure;
use crate::programs::SAME_FEATURES;
use crate::project;
use crate::tool::Tool;

/// What became of one.
struct Caught {
    /// What broke first, as it was said.
    by: String,
    /// Without building.
    after: Duration,
}

pub(crate) fn command(mut args: Args) -> Result<(), Failure> {
    let wanted: Vec<String> = std::iter::from_fn(|| args.word()).collect();
    args.finish()?;
    let mut patches = patch::all()?;
    if !wanted.is_empty() {
        patches.retain(|patch| wanted.contains(&patch.name));
    }
    if patches.len() < wanted.len() || patches.is_empty() {
        return Err(Failure::usage("there is no planted bug of this name"));
    }
    let copy = project::target().join("planted");
    project::copy_sources(&copy)?;
    let mut table = vec!["| planted bug | caught by | after |\n|---|---|---|".to_owned()];
    let mut missed = Vec::new();
    for patch in &patches {
        println!("planting {}: {}", patch.name, patch.what);
        in_copy(&copy, ["apply", "--whitespace=nowarn"], &patch.path)?;
        let caught = catch(&copy, patch);
        in_copy(&copy, ["apply", "--reverse"], &patch.path)?;
        match caught? {
            Some(Caught { by, after }) => {
                println!("caught: {by}");
                let after = after.as_secs_f64();
                table.push(format!("| {} | {by} | {after:.0} s |", patch.name));
            }
            None => missed.push(patch.name.clone()),
        }
    }
    println!("\n{}\n", table.join("\n"));
    if missed.is_empty() {
        println!("all {} planted bugs were caught", patches.len());
        return Ok(());
    }
    Err(Failure::check(format!(
        "the tests do not catch: {}",
        missed.join(", ")
    )))
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

/// Builds and plays what is said to catch it. A bug that doesn't build is not caught: it is stale.
fn catch(copy: &Path, patch: &Patch) -> Result<Option<Caught>, Failure> {
    match &patch.plays {
        Plays::Worlds(worlds) => {
            let features = ["--example", SAME_FEATURES];
            let program = ["--bin", "sotto-simulate"];
            in_place(copy, "build", &[program, features].concat()).run()?;
            let begun = Instant::now();
            let program = format!("sotto-simulate{}", std::env::consts::EXE_SUFFIX);
            let said = Tool::new(copy.join("target/debug").join(program))
                .args(worlds.split_whitespace())
                .args(["--no-shrink"])
                .said();
            Ok(broken(&said).map(|by| Caught {
                by,
                after: begun.elapsed(),
            }))
        }
        Plays::Test(test) => {
            let words: Vec<&str> = test.split_whitespace().collect();
            let (target, filter) = words.split_at(words.len().min(2));
            in_place(copy, "test", &[target, &["--no-run"]].concat()).run()?;
            let begun = Instant::now();
            let said = in_place(copy, "test", &[target, filter].concat()).said();
            Ok(failed(&said).map(|name| Caught {
                by: format!("`{}::{name}`", target.last().unwrap_or(&"")),
                after: begun.elapsed(),
            }))
        }
    }
}

/// In a folder of its own: cargo gives what is built of a copy the names of the original, and took a
/// library with a planted bug for the project's own afterwards, as new as it was.
fn in_place(copy: &Path, verb: &str, what: &[&str]) -> Tool {
    Tool::cargo([verb, "--workspace", "--locked"])
        .args(what)
        .args(["--manifest-path"])
        .args([copy.join("Cargo.toml")])
        .env("CARGO_TARGET_DIR", copy.join("target"))
        .env("CARGO_TERM_QUIET", "false")
}

/// What the simulator says first, if it says that a promise broke: which, and the world.
fn broken(said: &str) -> Option<String> {
    let mut lines = said.lines();
    let promise = lines.find(|line| line.starts_with("BROKEN"))?;
    let promise = promise.split_once(": ").map_or(promise, |(_, what)| what);
    let world = lines.find_map(|line| line.split_once("--seed "))?.1;
    let seed = world.split_whitespace().next()?;
    Some(format!("{promise} (seed {seed})"))
}

/// The first test that failed.
fn failed(said: &str) -> Option<String> {
    said.lines().find_map(|line| {
        let name = line.strip_prefix("test ")?.strip_suffix(" ... FAILED")?;
        Some(name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_broken_promise_is_told_with_its_world() {
        let said = "BROKEN in step 3: Bob: nothing is shown twice: hello\n\
                    play it again: cargo xtask simulate --seed 1007 --steps 120 --no-shrink\n";
        let told = "Bob: nothing is shown twice: hello (seed 1007)";
        assert_eq!(broken(said).as_deref(), Some(told));
        assert_eq!(broken("4 worlds held"), None);
    }

    #[test]
    fn the_first_test_that_fails_is_told() {
        let said = "test one ... ok\ntest inner::two ... FAILED\ntest three ... FAILED\n";
        assert_eq!(failed(said).as_deref(), Some("inner::two"));
        assert_eq!(failed("test one ... ok\n"), None);
    }
}
