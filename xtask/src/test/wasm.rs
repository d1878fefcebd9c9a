//! The types of suite, wire and engine for the browser: `cargo check` for wasm32.
//!
//! Where rustup can add the target, that is one plain check. Debian ships no standard library
//! for wasm32 but the sources of one (`rust-web-src`) beside a compiler of their age
//! (`rustc-web`): there, std is built from them. That compiler is older than this project
//! asks for, so it is told to take the language features that have become stable since; the
//! ordinary build with the real compiler is what judges the code, this looks at types only.

use std::path::Path;

use super::Said;
use crate::failure::Failure;
use crate::packages;
use crate::project;
use crate::tool::Tool;

const TARGET: &str = "wasm32-unknown-unknown";
const CRATES: &[&str] = &[
    "-p",
    "sotto-suite",
    "-p",
    "sotto-wire",
    "-p",
    "sotto-engine",
];

/// Debian's compiler and cargo of `rustc-web` and `cargo-web`.
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_CARGO: &str = "/usr/bin/cargo";
const DEBIAN_STD: &str = "/usr/lib/rustlib/src/rust/library/std";

/// The first of Debian's compilers that knows edition 2024.
const OLDEST_MINOR: u32 = 85;

pub(super) fn check() -> Result<Said, Failure> {
    if !Tool::new("clang").args(["--version"]).succeeds() {
        return Ok(skipped(
            "no clang, which compiles ring's and SQLite's C for wasm32",
        ));
    }
    if has_target() || add_target() {
        check_command(Tool::cargo(["check"])).run()?;
        return Ok(Vec::new());
    }
    if packages::is_debian() && !Path::new(DEBIAN_STD).exists() {
        // Not every release has them; then there is nothing to check with.
        let _not_there = packages::ensure(&[packages::WASM], true);
    }
    if !debian_knows_the_edition() {
        return Ok(skipped(
            "no standard library for it here (`rustup target add wasm32-unknown-unknown` brings one)",
        ));
    }
    println!(
        "With Debian's compiler and its standard library, which are older than this project asks for:"
    );
    println!("an API that is newer than they are fails here, and only here (docs/decisions, 6).");
    with_debians_compiler()?;
    Ok(vec![
        "with a standard library built from Debian's sources".to_owned(),
    ])
}

fn check_command(cargo: Tool) -> Tool {
    cargo
        .args(["--locked", "--target", TARGET, "--target-dir"])
        .args([project::target().join("wasm")])
        .args(CRATES)
}

fn skipped(why: &str) -> Said {
    let line = format!("skipped: {why}");
    println!("{line}");
    vec![line]
}

fn has_target() -> bool {
    Tool::new("rustc")
        .args(["--print", "target-libdir", "--target", TARGET])
        .quiet_output()
        .is_some_and(|folder| Path::new(folder.trim()).exists())
}

/// Asks rustup, where it manages the compiler and reaches its server.
fn add_target() -> bool {
    Tool::new("rustup")
        .args(["target", "add", TARGET])
        .succeeds()
        && has_target()
}

fn debian_knows_the_edition() -> bool {
    let version = Tool::new(DEBIAN_RUSTC)
        .args(["--version"])
        .quiet_output()
        .unwrap_or_default();
    Path::new(DEBIAN_STD).exists() && minor(&version).is_some_and(|minor| minor >= OLDEST_MINOR)
}

/// 85 of `rustc 1.85.0 (…)`.
fn minor(version: &str) -> Option<u32> {
    version
        .strip_prefix("rustc 1.")?
        .split('.')
        .next()?
        .parse()
        .ok()
}

fn with_debians_compiler() -> Result<(), Failure> {
    let here =
        std::env::current_exe().map_err(|error| Failure::check(format!("who am I: {error}")))?;
    let cargo = Tool::new(DEBIAN_CARGO).args([
        "check",
        "--ignore-rust-version",
        "-Zbuild-std=std,panic_abort",
    ]);
    check_command(cargo)
        .env("RUSTC", DEBIAN_RUSTC)
        .env("RUSTDOC", "/usr/bin/rustdoc")
        .env("RUSTC_WRAPPER", here)
        .env(wrapper::SWITCH, "1")
        // Building std is an unstable option, and so are the features that are stable by now.
        .env("RUSTC_BOOTSTRAP", "1")
        .run()
}

pub(crate) mod wrapper {
    //! This program as cargo's `RUSTC_WRAPPER`, for a compiler that is a little too old.

    use std::process::{Command, ExitCode};

    /// Set in the environment when this program is called as a compiler.
    pub(crate) const SWITCH: &str = "SOTTO_XTASK_AS_RUSTC";

    /// Stable since, with the version that made it so: const_black_box 1.86, integer_sign_cast
    /// and unsigned_is_multiple_of 1.87, let_chains and slice_as_chunks 1.88.
    const FEATURES: &str = "feature(const_black_box,integer_sign_cast,unsigned_is_multiple_of,let_chains,slice_as_chunks)";

    /// Calls the compiler that cargo names, with those features unless it builds std itself.
    pub(crate) fn run() -> ExitCode {
        let mut args = std::env::args_os().skip(1);
        let Some(compiler) = args.next() else {
            return ExitCode::FAILURE;
        };
        let args: Vec<_> = args.collect();
        let mut command = Command::new(compiler);
        command.args(&args);
        if wants_features(
            &args
                .iter()
                .map(|arg| arg.to_string_lossy().into_owned())
                .collect::<Vec<_>>(),
        ) {
            command
                .arg(format!("-Zcrate-attr={FEATURES}"))
                .args(["-A", "stable_features"]);
        }
        match command.status() {
            Ok(status) if status.success() => ExitCode::SUCCESS,
            Ok(_) | Err(_) => ExitCode::FAILURE,
        }
    }

    /// Not for questions (`--print`, source from `-`), nor for std and what std is made of.
    fn wants_features(args: &[String]) -> bool {
        !args.iter().any(|arg| {
            arg == "-"
                || arg.contains("--print")
                || arg.contains("rustlib/src/rust/")
                || arg.contains("rustc-dep-of-std")
        })
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        fn args(line: &str) -> Vec<String> {
            line.split_whitespace().map(str::to_owned).collect()
        }

        #[test]
        fn std_and_questions_are_left_alone() {
            assert!(wants_features(&args("--crate-name sotto_wire src/lib.rs")));
            assert!(!wants_features(&args("- --crate-name ___ --print=cfg")));
            assert!(!wants_features(&args(
                "--crate-name core lib/rustlib/src/rust/library/core/src/lib.rs"
            )));
            assert!(!wants_features(&args(
                "--crate-name hashbrown --cfg feature=\"rustc-dep-of-std\""
            )));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compilers_version_is_read() {
        assert_eq!(minor("rustc 1.85.0 (4d91de4e4 2025-02-17)"), Some(85));
        assert_eq!(minor("no compiler"), None);
    }
}
