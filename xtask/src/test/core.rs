//! The core asks nothing of the machine: no clock, thread, file, socket or environment in the
//! sources of suite, wire and engine. Their manifests can't show it, because all of it is in
//! the standard library.

use std::path::{Path, PathBuf};

use super::Said;
use crate::failure::Failure;
use crate::project;

const CORE: &[&str] = &["crates/suite/src", "crates/wire/src", "crates/engine/src"];

/// What the core may not name, and what it is given instead.
const FORBIDDEN: &[(&str, &str)] = &[
    (
        "std::fs",
        "files are the client's; the engine has its database",
    ),
    ("std::net", "sockets are the client's"),
    ("std::thread", "tasks are the client's"),
    ("std::process", "programs are the hosts'"),
    ("std::env", "settings are arguments"),
    ("Instant::now", "time is an argument"),
    ("SystemTime", "time is an argument"),
    ("println!", "what a person sees is an event"),
    ("eprintln!", "what a person sees is an event"),
];

pub(super) fn check() -> Result<Said, Failure> {
    let mut wrong = Vec::new();
    for folder in CORE {
        for file in rust_files(&project::root().join(folder)) {
            let text = std::fs::read_to_string(&file).unwrap_or_default();
            let shown = file
                .strip_prefix(project::root())
                .unwrap_or(&file)
                .display()
                .to_string();
            wrong.extend(violations(&text).map(|(line, what)| format!("{shown}:{line} {what}")));
        }
    }
    if wrong.is_empty() {
        return Ok(Vec::new());
    }
    Err(Failure::check(format!(
        "the core asks something of the machine:\n  {}",
        wrong.join("\n  ")
    )))
}

/// Line numbers and sentences. Comments and what follows a file's `#[cfg(test)]` module are
/// free: tests stand last in a file here.
fn violations(text: &str) -> impl Iterator<Item = (usize, String)> {
    let lines: Vec<&str> = text.lines().map(str::trim_start).collect();
    let is_test_module = |pair: &[&str]| matches!(pair, [attribute, module] if *attribute == "#[cfg(test)]" && module.starts_with("mod ") && module.ends_with('{'));
    let end = lines
        .windows(2)
        .position(is_test_module)
        .unwrap_or(lines.len());
    lines
        .into_iter()
        .take(end)
        .enumerate()
        .filter(|(_, line)| !line.starts_with("//"))
        .filter_map(|(at, line)| {
            let (name, instead) = FORBIDDEN.iter().find(|(name, _)| line.contains(name))?;
            Some((at + 1, format!("names `{name}`, but {instead}")))
        })
}

/// Every `.rs` file below `folder` that is part of the crate itself and not of its tests.
fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = path
            .file_stem()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        if name == "tests" || name.ends_with("_tests") {
            continue;
        }
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_in_the_core_is_found_with_its_line() {
        let found: Vec<_> = violations("fn now() {\n    std::time::Instant::now();\n}").collect();
        assert_eq!(found.len(), 1);
        assert!(
            found
                .iter()
                .all(|(line, what)| *line == 2 && what.contains("time is an argument"))
        );
    }

    #[test]
    fn comments_and_tests_are_free() {
        let text = "// std::fs is the client's\n#[cfg(test)]\nmod tests {\n    use std::fs;\n}\n";
        assert_eq!(violations(text).count(), 0);
        assert_eq!(
            violations("#[cfg(test)]\nmod tests;\nuse std::fs;").count(),
            1
        );
    }
}
