//! Mutants that are not made, as regular expressions over the names that cargo-mutants gives them.
//! Each with the reason: one without would hide a hole.

/// They weaken no check.
pub(super) const NO_CHECK: &[(&str, &str)] = &[
    (
        "<impl (core::|std::)?fmt::(Debug|Display) for ",
        "what is printed; that no secret is has tests of its own, and these mutants print less",
    ),
    (
        r"(Zeroizing|Secret)::(new\(\)|new\(Default|from\(|from_iter)",
        "the mutant `Zeroizing::new(vec![])` again, or not Rust",
    ),
    (
        r"(vec!\[1\]|\[1; )",
        "the mutant with zeros in their place again, with ones",
    ),
    (
        "sqlite/inbox.rs.* replace && with \\|\\| in Writer::deposit",
        "the log is emptied once more than it has to be",
    ),
    (
        "Groups for MlsGroups<P>>::suite_name",
        "what is shown of the suite: a test of the command line reads it",
    ),
];

/// Nobody could notice them: the program does the same.
pub(super) const EQUIVALENT: &[(&str, &str)] = &[
    (
        "match guard x25519.len\\(\\) == 32 with true in split",
        "ring refuses an X25519 share of another length as well, with the same error",
    ),
    (
        "sqlite/apply.rs.* replace < with <= in Writer::acknowledge",
        "a cursor that is acknowledged again is written again as it is",
    ),
    (
        "rules.rs.* replace match guard info.is_by_reference\\(\\) with true in Epoch",
        "mls-rs refuses an update or a leave by value, before or after",
    ),
    (
        "open.rs.* replace > with >= in Open<P>::epoch_ended",
        "a roster more is kept, of an epoch whose messages MLS opens no more",
    ),
    (
        "meeting.rs.* replace > with >= in own_stands",
        "the two differ where a letter names this very account, and nobody talks to their own",
    ),
    (
        "incoming.rs.* replace match guard !own with true in take",
        "an account has one device, and MLS opens nothing that it has sealed itself; to go with linked devices",
    ),
];
