//! Starts the simulator as its own process, because it plays power cuts on the disk under itself.
#![allow(dead_code, reason = "each test uses a part")]

use std::process::Command;

/// Plays worlds; fails with everything that the simulator says.
pub fn holds(arguments: &str) -> String {
    let (held, said) = simulate(arguments);
    assert!(
        held,
        "`cargo xtask simulate {arguments}` did not hold:\n{said}"
    );
    said
}

/// Whether the worlds held, and what was said.
pub fn simulate(arguments: &str) -> (bool, String) {
    let stories = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("stories");
    let output = Command::new(env!("CARGO_BIN_EXE_sotto-simulate"))
        .args(arguments.split_whitespace())
        .arg("--stories")
        .arg(stories)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    (output.status.success(), said)
}

/// The fingerprint of all stories that were played.
pub fn fingerprint(said: &str) -> String {
    let (_, rest) = said.split_once("stories ").unwrap();
    rest.lines().next().unwrap().to_owned()
}
