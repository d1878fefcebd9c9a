//! The project's programs, built.
//!
//! With the features of the whole workspace, those that only tests ask for included: then what
//! `cargo xtask test`, `run`, `replay` and `bench` build is the same, and SQLCipher and the window's
//! crates compile once. A selection by `-p`, or of programs alone, has other features and compiles
//! dozens of crates anew.

use crate::failure::Failure;
use crate::tool::Tool;

/// Asks cargo for the features of the tests; see there.
pub(crate) const SAME_FEATURES: &str = "same_features";

/// Builds these binaries: with optimisation, or for `dev` without.
pub(crate) fn build(names: &[&str], dev: bool) -> Result<(), Failure> {
    build_with_examples(names, &[], dev)
}

/// The same, and these examples.
pub(crate) fn build_with_examples(
    names: &[&str],
    examples: &[&str],
    dev: bool,
) -> Result<(), Failure> {
    let mut tool = Tool::cargo(["build", "--locked", "--workspace"]);
    for name in names {
        tool = tool.args(["--bin", name]);
    }
    for name in examples.iter().chain(&[SAME_FEATURES]) {
        tool = tool.args(["--example", name]);
    }
    if !dev {
        tool = tool.args(["--release"]);
    }
    tool.run()
}
