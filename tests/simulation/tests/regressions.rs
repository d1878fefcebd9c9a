//! Worlds in which something broke once. What, why and how it was found stands in docs/testing.md.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    unreachable_pub,
    reason = "a test may stop at the first surprise"
)]

mod support;

use support::holds;

#[test]
fn receipts_that_a_killed_program_owed_are_sent() {
    holds(
        "--seed 22 --steps 200 --without read,type,draft,name,verify,receipts,revoke,decline,recovery,nonsense,cut,partition,disk-full,disk-fails,clock,sleep,time,relay-restart,relay-cursors,relay-refuses --skip 0-47,50-59,62,67,72-149,152,160,165,168-174,177,186,191-197",
    );
}
