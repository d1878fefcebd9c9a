//! The repository itself: no path of somebody's machine, nothing in a wrong place, no test
//! that is switched off without a reason, no planted bug that nobody could plant any more.

use std::path::Path;

use super::Said;
use crate::failure::Failure;
use crate::{planted, project};

/// What may stand at the top of the repository.
const TOP: &[&str] = &[
    ".cargo",
    ".ci",
    ".config",
    ".gitattributes",
    ".github",
    ".gitignore",
    ".npmrc",
    ".prettierignore",
    ".prettierrc.json",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "SECURITY.md",
    "clippy.toml",
    "crates",
    "deny.toml",
    "deploy",
    "docs",
    "icons",
    "package-lock.json",
    "package.json",
    "rustfmt.toml",
    "src-tauri",
    "tests",
    "ui",
    "xtask",
];

/// Where Rust sources live.
const RUST_ROOTS: &[&str] = &["crates/", "tests/", "xtask/", "src-tauri/"];

/// Names that editors, systems and unfinished work leave behind.
const LEFTOVERS: &[&str] = &[
    ".orig",
    ".rej",
    ".bak",
    ".swp",
    "~",
    ".DS_Store",
    "Thumbs.db",
    ".tmp",
    ".log",
    ".pem",
    ".key",
];

/// Beyond this a file is data that wants another home.
const LARGEST_BYTES: u64 = 1024 * 1024;

/// From here on a source file should be one thing, and say so. Only a notice.
const LONG_LINES: usize = 400;

pub(super) fn check() -> Result<Said, Failure> {
    let Some(files) = project::tracked_files() else {
        return Ok(vec!["skipped: this is no git checkout".to_owned()]);
    };
    let mut wrong = Vec::new();
    let mut said = Vec::new();
    for file in &files {
        wrong.extend(wrong_place(file));
        let path = project::root().join(file);
        let Ok(about) = path.metadata() else {
            continue; // deleted, and the deletion not yet committed
        };
        if about.len() > LARGEST_BYTES {
            wrong.push(format!("{file} is over {LARGEST_BYTES} bytes"));
        }
        let Ok(text) = std::fs::read_to_string(&path) else {
            continue; // not text
        };
        wrong.extend(text.lines().enumerate().filter_map(|(at, line)| {
            wrong_line(file, line).map(|what| format!("{file}:{} {what}", at + 1))
        }));
        let lines = text.lines().count();
        if has_extension(file, "rs") && lines > LONG_LINES {
            said.push(format!(
                "notice: {file} has {lines} lines; is it one thing?"
            ));
        }
    }
    wrong.extend(not_executable());
    wrong.extend(planted::wrong()?);
    if wrong.is_empty() {
        return Ok(said);
    }
    Err(Failure::check(format!(
        "repository hygiene:\n  {}",
        wrong.join("\n  ")
    )))
}

fn wrong_place(file: &str) -> Option<String> {
    let top = file.split('/').next().unwrap_or(file);
    if !TOP.contains(&top) {
        return Some(format!("{file} has no place at the top of the repository"));
    }
    if let Some(leftover) = LEFTOVERS.iter().find(|leftover| file.ends_with(**leftover)) {
        return Some(format!("{file} is left over from something (`{leftover}`)"));
    }
    if has_extension(file, "rs") && !RUST_ROOTS.iter().any(|root| file.starts_with(root)) {
        return Some(format!(
            "{file} is Rust outside of {}",
            RUST_ROOTS.join(", ")
        ));
    }
    if file.contains(' ') {
        return Some(format!("{file} has a space in its name"));
    }
    None
}

fn wrong_line(file: &str, line: &str) -> Option<&'static str> {
    if names_a_machine(line) {
        return Some("names a path of somebody's machine");
    }
    if has_extension(file, "rs") {
        let line = line.trim_start();
        if line.starts_with("#[ignore]") || line.starts_with("#[ignore ]") {
            return Some("switches a test off without a reason (`#[ignore = \"why\"]`)");
        }
    }
    if line.starts_with("<<<<<<< ") || line.starts_with(">>>>>>> ") {
        return Some("is an unfinished merge");
    }
    None
}

/// Whether `line` holds an absolute path that only exists on one machine.
fn names_a_machine(line: &str) -> bool {
    const FOLDERS: &[&str] = &["work", "root", "farm", "home", "Users"];
    FOLDERS.iter().any(|folder| {
        let path = format!("/{folder}/");
        line.match_indices(&path).any(|(at, _)| {
            let before = line.get(..at).and_then(|before| before.chars().next_back());
            !before.is_some_and(|c| {
                c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '/' | '*' | '}' | ')')
            })
        })
    })
}

fn has_extension(file: &str, extension: &str) -> bool {
    Path::new(file)
        .extension()
        .is_some_and(|found| found == extension)
}

#[cfg(unix)]
fn not_executable() -> Option<String> {
    use std::os::unix::fs::PermissionsExt;
    let about = project::root().join(".ci/run").metadata();
    let runs = about.is_ok_and(|about| about.permissions().mode() & 0o111 != 0);
    (!runs).then(|| ".ci/run is missing or has no run bit".to_owned())
}

#[cfg(not(unix))]
fn not_executable() -> Option<String> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_a_machine_are_found_and_parts_of_longer_paths_are_not() {
        for folder in ["work", "root", "home"] {
            assert!(names_a_machine(&format!("see `/{folder}/sotto/x`")));
            assert!(names_a_machine(&format!("/{folder}/sotto")));
            assert!(!names_a_machine(&format!("crates/{folder}/x")));
        }
        assert!(!names_a_machine("https://example.org/path"));
    }

    #[test]
    fn things_in_wrong_places_are_found() {
        assert!(wrong_place("NOTES.md").is_some());
        assert!(wrong_place("docs/scratch.rs").is_some());
        assert!(wrong_place("crates/wire/src/lib.rs.orig").is_some());
        assert!(wrong_place("crates/wire/src/lib.rs").is_none());
        assert!(wrong_place("docs/protocol.md").is_none());
    }

    #[test]
    fn a_test_may_only_be_switched_off_with_a_reason() {
        let bare = ["#[ig", "nore]"].concat();
        assert!(wrong_line("tests/a.rs", &bare).is_some());
        assert!(wrong_line("tests/a.rs", "#[ignore = \"needs a phone\"]").is_none());
    }
}
