//! Does nothing. cargo counts the features that only tests and examples ask for when it is asked
//! for an example; with this one, programs are built with the features that the tests were built
//! with, and nothing compiles twice. `xtask/src/programs.rs` names it.

fn main() {}
