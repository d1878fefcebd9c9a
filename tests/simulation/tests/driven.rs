//! Worlds that bytes drive, from the corpus of the fuzz target `interaction`.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    unreachable_pub,
    reason = "a test may stop at the first surprise"
)]

mod support;

use sotto_simulation::plan::Plan;
use sotto_simulation::run::{Stage, play};
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
    assert!(played >= 8, "{played} files in the corpus");
}

/// What came before is played once, and every world goes on from it as if it had been played for it.
#[test]
fn a_beginning_that_is_kept_is_the_same_for_all() {
    let driven = |first: u8, second: u8| {
        let mut bytes = vec![first];
        bytes.extend((0..96_u8).map(|n| n.wrapping_mul(second)));
        Plan::driven(&bytes)
    };
    let mut stage = Stage::new();
    for first in [9, 29, 129, 149] {
        let plan = driven(first, 91);
        let once = play(&plan, &mut stage);
        assert_eq!(once.broken, None, "{}", once.detail);
        assert_ne!(play(&driven(first, 57), &mut stage).story, once.story);
        assert_eq!(play(&plan, &mut stage), once);
        assert_eq!(play(&plan, &mut Stage::new()), once);
    }
}
