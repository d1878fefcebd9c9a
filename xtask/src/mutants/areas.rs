//! What is changed, and which tests have to catch it.

/// A part of the product whose work is to refuse.
pub(super) struct Area {
    /// What it is called on the command line.
    pub(super) name: &'static str,
    /// The package, which lies in `crates` under its name without `sotto-`.
    pub(super) package: &'static str,
    /// Features that its tests need beside the package's own.
    pub(super) features: Option<&'static str>,
    /// The files (a folder ends in `/**`), each with what it decides.
    pub(super) files: &'static [(&'static str, &'static str)],
    /// Tests of the room, beside those that stand in its sources: the fewest that have to catch it.
    /// They are built and run for every mutant.
    pub(super) tests: &'static [&'static str],
    /// Those of them, by a part of the name, that take longer than all others together. They are run
    /// for what the others have missed,
    pub(super) slow: &'static [&'static str],
    /// and with them these of the room.
    pub(super) more: &'static [&'static str],
}

#[cfg(test)]
impl Area {
    /// Where the package lies.
    pub(super) fn room(&self) -> String {
        self.package.replacen("sotto-", "crates/", 1)
    }
}

pub(super) const AREAS: &[Area] = &[
    Area {
        name: "suite",
        package: "sotto-suite",
        features: Some("tls"),
        files: &[("crates/suite/src/**", "which bytes open, and which verify")],
        tests: &["suite"],
        slow: &[],
        more: &[],
    },
    Area {
        name: "limits",
        package: "sotto-relay",
        features: None,
        files: &[
            (
                "crates/relay/src/store/rules.rs",
                "whether an entry may be appended",
            ),
            ("crates/relay/src/pace.rs", "how fast somebody may ask"),
            ("crates/relay/src/spending.rs", "what somebody may use up"),
            (
                "crates/relay/src/addresses.rs",
                "how much may come from one address",
            ),
        ],
        tests: &[],
        slow: &[],
        more: &[],
    },
    Area {
        name: "rights",
        package: "sotto-relay",
        features: None,
        files: &[
            (
                "crates/relay/src/connection/hello.rs",
                "who is let in: version and token",
            ),
            (
                "crates/relay/src/connection/commands.rs",
                "which key a command needs, and what it may weigh",
            ),
            (
                "crates/relay/src/store/sqlite/channel.rs",
                "who has a right in a channel",
            ),
            (
                "crates/relay/src/store/sqlite/apply.rs",
                "what an order may do",
            ),
            (
                "crates/relay/src/store/sqlite/inbox.rs",
                "who may write, be forgotten, leave and take packages",
            ),
        ],
        // With the embedded store alone: the one over NATS would start servers for every mutant.
        tests: &[
            "rights",
            "hello",
            "limits",
            "delivery",
            "blob_transfer",
            "sqlite_store",
        ],
        slow: &[],
        more: &[],
    },
    Area {
        name: "identity",
        package: "sotto-engine",
        features: None,
        files: &[
            (
                "crates/engine/src/identity/genesis.rs",
                "which account it is, and which recovery key is its own",
            ),
            (
                "crates/engine/src/identity/statement.rs",
                "what a header says of its body, and who signed it",
            ),
            (
                "crates/engine/src/identity/chain/verify.rs",
                "which chain is an account's",
            ),
            (
                "crates/engine/src/identity/chain/compare.rs",
                "which of two chains counts",
            ),
            (
                "crates/engine/src/identity/lineage.rs",
                "which rotation counts",
            ),
            (
                "crates/engine/src/identity/list.rs",
                "which list of devices is one",
            ),
            (
                "crates/engine/src/identity/certificate.rs",
                "what the account key has signed",
            ),
            (
                "crates/engine/src/identity/credential.rs",
                "which credential is a device's",
            ),
        ],
        tests: &[],
        slow: &[],
        more: &[],
    },
    Area {
        name: "acceptance",
        package: "sotto-engine",
        features: None,
        files: &[
            (
                "crates/engine/src/conversations/mls/rules.rs",
                "what a commit may contain",
            ),
            (
                "crates/engine/src/conversations/mls/identity.rs",
                "whom a leaf speaks for",
            ),
            (
                "crates/engine/src/conversations/mls/extension.rs",
                "who has which role",
            ),
            (
                "crates/engine/src/conversations/mls/failure.rs",
                "which commit strands this device",
            ),
            (
                "crates/engine/src/conversations/mls/groups.rs",
                "which package and Welcome is taken, which commit is merged",
            ),
            (
                "crates/engine/src/conversations/mls/groups/open.rs",
                "who sent what",
            ),
            (
                "crates/engine/src/conversations/receive.rs",
                "which entry counts; gaps, forks, a relay that contradicts itself",
            ),
            (
                "crates/engine/src/conversations/subscribe.rs",
                "whether this database is an old copy, and whether the relay has forgotten",
            ),
            (
                "crates/engine/src/conversations/handshake.rs",
                "which own commit is merged, and when its secrets go",
            ),
            (
                "crates/engine/src/messages/outbox.rs",
                "whether an own entry came back as it went, and when a key is used",
            ),
            (
                "crates/engine/src/conversations/envelope.rs",
                "which envelope opens, and where",
            ),
            (
                "crates/engine/src/contacts/card.rs",
                "which card is of this invite",
            ),
            (
                "crates/engine/src/contacts/opening.rs",
                "which card is the inviter's, and when an invite has ended",
            ),
            (
                "crates/engine/src/contacts/offer.rs",
                "which packages are the inviter's",
            ),
            (
                "crates/engine/src/contacts/meeting.rs",
                "which of two groups stands",
            ),
            (
                "crates/engine/src/contacts/request.rs",
                "whether the group of a letter is what it says",
            ),
            (
                "crates/engine/src/contacts/letter.rs",
                "which letter becomes a request",
            ),
            (
                "crates/engine/src/messages/incoming.rs",
                "what content of a member is believed",
            ),
        ],
        tests: &[
            "hostile_member",
            "hostile_relay",
            "meeting",
            "sending",
            "stories",
        ],
        slow: &[
            "store::tests::durability",
            "they_end_up_talking",
            "whatever_",
            "what_the_fuzz_target",
        ],
        more: &["drafts", "inbox", "relays", "retention", "screen"],
    },
];
