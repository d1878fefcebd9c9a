//! What cargo itself checks. Everything is built as one workspace with one set of features,
//! so that no dependency compiles twice.

use super::Said;
use crate::failure::Failure;
use crate::tool::Tool;

pub(super) fn formatting() -> Result<Said, Failure> {
    Tool::cargo(["fmt", "--all", "--check"]).run()?;
    Ok(Vec::new())
}

pub(super) fn lints() -> Result<Said, Failure> {
    Tool::cargo([
        "clippy",
        "--workspace",
        "--all-targets",
        "--locked",
        "--",
        "--deny",
        "warnings",
    ])
    .run()?;
    Ok(Vec::new())
}

pub(super) fn documentation() -> Result<Said, Failure> {
    Tool::cargo(["doc", "--workspace", "--no-deps", "--locked"])
        .env("RUSTDOCFLAGS", "--deny warnings")
        .run()?;
    Ok(Vec::new())
}

/// The programs that the stories start, with everything else that is tested: programs alone
/// would have other features than their tests, and SQLCipher would compile twice.
pub(super) fn programs() -> Result<Said, Failure> {
    Tool::cargo(["build", "--workspace", "--all-targets", "--locked"]).run()?;
    Ok(Vec::new())
}

/// With cargo-nextest where it is there (a process a test), else with cargo's own runner.
pub(super) fn tests() -> Result<Said, Failure> {
    let nextest = Tool::cargo(["nextest", "--version"]).succeeds();
    let tool = if nextest {
        Tool::cargo([
            "nextest",
            "run",
            "--workspace",
            "--locked",
            "--no-fail-fast",
        ])
    } else {
        Tool::cargo([
            "test",
            "--workspace",
            "--lib",
            "--bins",
            "--tests",
            "--locked",
        ])
    };
    let said = tool.run_keeping(is_closing_line)?;
    if said.iter().all(|line| counted(line, "passed") == 0) {
        return Err(Failure::check(
            "the test runner ended well, but ran no test",
        ));
    }
    Ok(summed_up(&said))
}

pub(super) fn doc_tests() -> Result<Said, Failure> {
    let said =
        Tool::cargo(["test", "--workspace", "--doc", "--locked"]).run_keeping(is_closing_line)?;
    Ok(summed_up(&said))
}

fn is_closing_line(line: &str) -> bool {
    line.starts_with("Summary [") || line.starts_with("test result: ")
}

/// cargo's own runner closes once a program, nextest once for all: one line of the whole.
fn summed_up(lines: &[String]) -> Said {
    let total = |word: &str| -> u64 { lines.iter().map(|line| counted(line, word)).sum() };
    let skipped = total("ignored") + total("skipped");
    vec![format!(
        "{} passed, {} failed, {skipped} skipped",
        total("passed"),
        total("failed")
    )]
}

/// The number before `word` in `test result: ok. 3 passed; 0 failed; …`.
fn counted(line: &str, word: &str) -> u64 {
    let words: Vec<&str> = line
        .split([' ', ';', ',', '.'])
        .filter(|part| !part.is_empty())
        .collect();
    let at = words.iter().position(|part| *part == word);
    at.and_then(|at| words.get(at.checked_sub(1)?)?.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_of_several_programs_are_added_up() {
        let lines = [
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out".to_owned(),
            "test result: ok. 14 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out"
                .to_owned(),
        ];
        assert_eq!(summed_up(&lines), ["17 passed, 0 failed, 1 skipped"]);
    }

    #[test]
    fn the_line_of_the_one_runner_says_the_same() {
        let line = "Summary [  55.902s] 426 tests run: 426 passed, 13 skipped".to_owned();
        assert!(is_closing_line(&line));
        assert_eq!(summed_up(&[line]), ["426 passed, 0 failed, 13 skipped"]);
    }
}
