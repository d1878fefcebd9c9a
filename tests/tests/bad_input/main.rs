//! Whatever can be wrong with what a person, a relay or a disk hands in: each has its own code, says
//! what happened, what is safe and what to do, and loses nothing.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "tests stop at the first surprise"
)]

mod databases;
mod full_disk;
mod invites;
mod meddler;
mod relays;

use serde_json::Value;
use sotto_tests::{Failure, Problem};

/// The refusal, whole: every sentence is there, and none of them speaks of the inside.
fn problem(result: Result<Value, Failure>) -> Problem {
    let failure = result.expect_err("it should have been refused");
    let problem = failure.problem().unwrap_or_else(|| panic!("{failure}"));
    whole(problem);
    problem.clone()
}

fn whole(problem: &Problem) {
    for sentence in [&problem.happened, &problem.safe, &problem.next] {
        assert!(sentence.len() > 8, "{problem:?}");
        assert!(sentence.ends_with('.'), "{problem:?}");
    }
}

/// A problem that came as a value, checked the same way.
fn told(value: &Value) -> Option<Problem> {
    let problem: Problem = serde_json::from_value(value.clone()).ok()?;
    whole(&problem);
    Some(problem)
}
