//! `cargo xtask fuzz TARGET`: one fuzz target for a while, or for so many inputs, on the stable
//! compiler.

use std::path::{Path, PathBuf};

use crate::args::Args;
use crate::failure::Failure;
use crate::packages;
use crate::project;
use crate::tool::Tool;

/// Long enough to find something shallow, short enough to wait for.
const SECONDS: u64 = 60;

/// For a target in which cryptography takes the time: without what slows that down most. Memory can't
/// be misused by what is ours, compared values tell nothing about ciphertext, and our own assertions
/// stay, as the profiles of the fuzz folders say.
const LIGHT: [&str; 4] = ["--sanitizer", "none", "--no-trace-compares", "--release"];

pub(crate) fn command(mut args: Args) -> Result<(), Failure> {
    let runs = args.number("--runs")?;
    let seconds = args.number("--seconds")?;
    let light = args.flag("--light");
    let yes = args.flag("--yes");
    let wanted = args.word();
    args.finish()?;

    let targets = targets();
    let Some(wanted) = wanted else {
        let names: Vec<&str> = targets.iter().map(|(name, _)| name.as_str()).collect();
        return Err(Failure::usage(format!(
            "fuzz wants a target, one of: {}",
            names.join(", ")
        )));
    };
    let Some((_, folder)) = targets.iter().find(|(name, _)| *name == wanted) else {
        return Err(Failure::usage(format!(
            "there is no fuzz target `{wanted}`"
        )));
    };
    packages::ensure(&[packages::BUILD, packages::FUZZ], yes)?;
    if !Tool::cargo(["fuzz", "--version"]).succeeds() {
        println!(
            "cargo-fuzz is missing: it builds a target with libFuzzer and runs it. Installing it, once."
        );
        Tool::cargo(["install", "cargo-fuzz", "--locked", "--quiet"]).run()?;
    }
    let failed = |path: &Path, error| Failure::check(format!("{}: {error}", path.display()));
    let found = project::target().join("fuzz").join(&wanted);
    std::fs::create_dir_all(&found).map_err(|error| failed(&found, error))?;
    // A workspace of its own would choose its own versions: what is fuzzed is what is shipped.
    let lock = folder.join("Cargo.lock");
    std::fs::copy(project::root().join("Cargo.lock"), &lock)
        .map_err(|error| failed(&lock, error))?;
    let until = match (runs, seconds) {
        (Some(runs), None) => vec![format!("-runs={runs}")],
        (Some(runs), Some(seconds)) => {
            vec![
                format!("-runs={runs}"),
                format!("-max_total_time={seconds}"),
            ]
        }
        (None, seconds) => vec![format!("-max_total_time={}", seconds.unwrap_or(SECONDS))],
    };
    Tool::cargo(["fuzz", "run", "--fuzz-dir"])
        .args([folder])
        // The targets have most of their libraries in common.
        .args(["--target-dir"])
        .args([project::target().join("fuzz").join("built")])
        .args(light.then_some(LIGHT).into_iter().flatten())
        .args([&wanted])
        // Into the first go the inputs that are new; those of the repository stay few.
        .args([&found, &folder.join("corpus").join(&wanted)])
        .args(["--"])
        .args(until)
        .args(longest(folder, &wanted))
        // The sanitizers are unstable options; this lets the stable compiler take them.
        .env("RUSTC_BOOTSTRAP", "1")
        .run()
}

/// What a target asks of libFuzzer about the length of its inputs: the line `max_len = N` of
/// `<target>.options` beside its sources, as OSS-Fuzz reads it.
fn longest(folder: &Path, target: &str) -> Option<String> {
    let options = folder.join("fuzz_targets").join(target);
    let options = std::fs::read_to_string(options.with_extension("options")).ok()?;
    let mut settings = options.lines().filter_map(|line| line.split_once('='));
    let (_, bytes) = settings.find(|(name, _)| name.trim() == "max_len")?;
    Some(format!("-max_len={}", bytes.trim()))
}

/// Every target's name and its fuzz folder: `crates/<crate>/fuzz/fuzz_targets/<name>.rs`, and the
/// same below `tests`.
fn targets() -> Vec<(String, PathBuf)> {
    let mut found = Vec::new();
    let rooms = ["crates", "tests"].map(|folder| files_in(project::root().join(folder)));
    for room in rooms.into_iter().flatten() {
        let folder = room.join("fuzz");
        for source in files_in(folder.join("fuzz_targets")) {
            if source
                .extension()
                .is_some_and(|extension| extension == "rs")
                && let Some(name) = source.file_stem().and_then(|name| name.to_str())
            {
                found.push((name.to_owned(), folder.clone()));
            }
        }
    }
    found.sort();
    found
}

fn files_in(folder: PathBuf) -> Vec<PathBuf> {
    std::fs::read_dir(folder)
        .map(|entries| {
            entries
                .filter_map(|entry| entry.ok().map(|entry| entry.path()))
                .collect()
        })
        .unwrap_or_default()
}
