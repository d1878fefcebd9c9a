//! The screens: built, typed, tested alone, in real browsers, and in the app's own windows.

use super::Said;
use crate::failure::Failure;
use crate::programs;
use crate::project;
use crate::ui;

/// Before anything is compiled that embeds them.
pub(super) fn built() -> Result<Said, Failure> {
    ui::build()?;
    Ok(Vec::new())
}

pub(super) fn typed() -> Result<Said, Failure> {
    ui::install()?;
    ui::npm(["run", "--silent", "check", "-w", "ui"]).run()?;
    ui::npm(["run", "--silent", "check", "-w", "tests/ui"]).run()?;
    ui::npm(["run", "--silent", "format:check"]).run()?;
    Ok(Vec::new())
}

pub(super) fn alone() -> Result<Said, Failure> {
    ui::npm(["run", "--silent", "test", "-w", "ui"]).run_keeping(is_closing_line)
}

/// Two people in Chromium and in Firefox, against the programs built before.
pub(super) fn in_browsers() -> Result<Said, Failure> {
    ui::npm(["run", "--silent", "test:browser", "-w", "tests/ui"]).run_keeping(is_closing_line)
}

/// Two windows of the app, each with a keychain of its own.
pub(super) fn in_windows() -> Result<Said, Failure> {
    ui::npm(["run", "--silent", "test:app", "-w", "tests/ui"]).run_keeping(is_closing_line)
}

/// `cargo xtask screens`: the pictures of docs/screens, made anew by the test that looks at every
/// screen.
pub(crate) fn pictures() -> Result<(), Failure> {
    ui::build()?;
    programs::build(&["sotto", "sotto-relay"], true)?;
    ui::npm([
        "run",
        "--silent",
        "test:browser",
        "-w",
        "tests/ui",
        "--",
        "screens",
    ])
    .env("SOTTO_SCREENS", project::root().join("docs/screens"))
    .run()
}

/// Playwright's `12 passed (1.2m)` and Vitest's `Tests  34 passed (34)`.
fn is_closing_line(line: &str) -> bool {
    let counts = |text: &str| {
        let mut words = text.split_whitespace();
        words.next().is_some_and(|word| word.parse::<u32>().is_ok())
            && words
                .next()
                .is_some_and(|word| matches!(word, "passed" | "failed" | "skipped" | "flaky"))
    };
    counts(line) || line.strip_prefix("Tests").is_some_and(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_runners_closing_lines_are_known() {
        assert!(is_closing_line("12 passed (1.2m)"));
        assert!(is_closing_line("Tests  34 passed (34)"));
        assert!(!is_closing_line("Test Files  3 passed (3)"));
        assert!(!is_closing_line("3 workers"));
    }
}
