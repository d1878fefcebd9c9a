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
    ("TcpStream", "sockets are the client's"),
    ("TcpListener", "sockets are the client's"),
    ("UdpSocket", "sockets are the client's"),
    ("ToSocketAddrs", "names are looked up by the client"),
    ("std::thread", "tasks are the client's"),
    ("std::process", "programs are the hosts'"),
    ("std::env", "settings are arguments"),
    ("Instant::now", "time is an argument"),
    ("SystemTime", "time is an argument"),
    ("println!", "what a person sees is an event"),
    ("eprintln!", "what a person sees is an event"),
];

/// Where a name is at home all the same.
const AT_HOME: &[(&str, &str)] = &[
    // The one module that opens databases makes, locks and renames their files too; the
    // browser's build brings its own.
    ("crates/engine/src/store/", "std::fs"),
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
            wrong.extend(violations(&shown, &text));
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

/// A sentence for each line that asks. Comments and what follows a file's `#[cfg(test)]`
/// module are free: tests stand last in a file here.
fn violations(file: &str, text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().map(str::trim_start).collect();
    let end = lines
        .windows(2)
        .position(begins_tests)
        .unwrap_or(lines.len());
    let mut wrong = Vec::new();
    for (at, line) in lines.iter().take(end).enumerate() {
        let asks = FORBIDDEN.iter().find(|(name, _)| line.contains(name));
        if let Some((name, instead)) = asks
            && !line.starts_with("//")
            && !at_home(file, name)
        {
            wrong.push(format!("{file}:{} names `{name}`, but {instead}", at + 1));
        }
    }
    wrong
}

fn begins_tests(pair: &[&str]) -> bool {
    matches!(pair, ["#[cfg(test)]", module] if module.starts_with("mod ") && module.ends_with('{'))
}

fn at_home(file: &str, name: &str) -> bool {
    AT_HOME
        .iter()
        .any(|(folder, allowed)| file.starts_with(folder) && *allowed == name)
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
        let found = violations("a.rs", "fn now() {\n    std::time::Instant::now();\n}");
        assert_eq!(
            found,
            ["a.rs:2 names `Instant::now`, but time is an argument"]
        );
    }

    #[test]
    fn comments_and_tests_are_free() {
        let text = "// std::fs is the client's\n#[cfg(test)]\nmod tests {\n    use std::fs;\n}\n";
        assert!(violations("a.rs", text).is_empty());
        assert_eq!(
            violations("a.rs", "#[cfg(test)]\nmod tests;\nuse std::fs;").len(),
            1
        );
    }

    #[test]
    fn files_are_at_home_where_databases_are_opened_and_threads_are_not() {
        let store = "crates/engine/src/store/create.rs";
        assert!(violations(store, "use std::fs;").is_empty());
        assert_eq!(violations(store, "use std::thread;").len(), 1);
        assert_eq!(
            violations("crates/engine/src/messages.rs", "use std::fs;").len(),
            1
        );
    }
}
