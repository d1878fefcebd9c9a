//! Worlds that bytes drive, from the corpus of the fuzz target `interaction`.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    unreachable_pub,
    reason = "a test may stop at the first surprise"
)]

mod support;

use support::holds;

#[test]
fn every_world_of_the_corpus_holds() {
    // Relative, for tests run in the crate's folder and arguments are split at spaces.
    let corpus = "fuzz/corpus/interaction";
    let mut played = 0;
    for file in std::fs::read_dir(corpus).unwrap() {
        let path = file.unwrap().path();
        holds(&format!("--chosen {}", path.display()));
        played += 1;
    }
    assert!(played >= 6, "{played} files in the corpus");
}
