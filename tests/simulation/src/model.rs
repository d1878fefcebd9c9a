//! The reference: what everybody should see, as plain data. Written against `docs/protocol.md`
//! and the contract; it knows nothing of how the engine does it.

use std::collections::{BTreeMap, BTreeSet};

use sotto_engine::{AccountId, Author, ConversationId, MessageId};

/// A text that was accepted for sending.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) conversation: ConversationId,
    pub(crate) text: String,
    /// Counts all texts of the world in the order in which they were accepted.
    pub(crate) number: u64,
}

/// A text that a person has been shown, and must be shown from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) conversation: ConversationId,
    pub(crate) author: Author,
    pub(crate) text: String,
}

/// A text whose sender never heard whether it was accepted: the power went before the answer.
#[derive(Clone, Debug)]
pub(crate) struct Unsure {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) conversation: ConversationId,
    pub(crate) text: String,
    pub(crate) number: u64,
}

/// An invite that somebody made.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    pub(crate) inviter: usize,
    pub(crate) invite: sotto_engine::InviteId,
    pub(crate) link: String,
    pub(crate) single_use: bool,
    /// Who has opened it.
    pub(crate) opened: Vec<usize>,
    pub(crate) revoked: bool,
    /// By the inviter's clock.
    pub(crate) expires: u64,
}

/// What each person should see.
#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    pub(crate) accounts: BTreeMap<AccountId, usize>,
    pub(crate) said: BTreeMap<MessageId, Said>,
    pub(crate) unsure: Vec<Unsure>,
    pub(crate) shown: Vec<BTreeMap<MessageId, Shown>>,
    /// Conversations that ended because an invite led nowhere, and the person was told.
    pub(crate) gone: BTreeSet<ConversationId>,
    /// Those that stayed, with what was written.
    pub(crate) unreached: BTreeSet<ConversationId>,
    /// Who has accepted whom, and has not been told otherwise.
    pub(crate) accepted: BTreeSet<(usize, usize)>,
    /// Invites through which somebody was accepted.
    pub(crate) through: BTreeSet<sotto_engine::InviteId>,
    pub(crate) drafts: BTreeMap<(usize, ConversationId), String>,
    /// All drafts that somebody ever had.
    pub(crate) begun: Vec<(usize, String)>,
    pub(crate) verified: BTreeSet<(usize, ConversationId)>,
    /// All names that somebody had, the present one last.
    pub(crate) names: Vec<Vec<String>>,
    /// Up to which order somebody has read.
    pub(crate) read: BTreeMap<(usize, ConversationId), i64>,
    pub(crate) receipts: Vec<bool>,
    /// Whose receipts were ever off.
    pub(crate) receipts_off: BTreeSet<usize>,
    /// People from whom a relay has kept something back for so long that its keys were gone.
    pub(crate) outlived: BTreeSet<usize>,
    /// People to whom the relay has refused something for now: their order may change.
    pub(crate) refused: BTreeSet<usize>,
    /// People whose clocks were ever wrong by more than half an hour.
    pub(crate) skewed: BTreeSet<usize>,
    pub(crate) invites: Vec<Given>,
    /// The other side of each conversation.
    pub(crate) others: BTreeMap<(usize, ConversationId), usize>,
    /// The one place of each text in its conversation's order.
    pub(crate) places: BTreeMap<MessageId, i64>,
    texts: u64,
}

impl Model {
    pub(crate) fn new(people: usize) -> Self {
        Self {
            shown: vec![BTreeMap::new(); people],
            receipts: vec![true; people],
            names: vec![Vec::new(); people],
            ..Self::default()
        }
    }

    /// A text was taken.
    pub(crate) fn accept(&mut self, message: MessageId, text: Unsure) {
        let said = Said {
            from: text.from,
            to: text.to,
            conversation: text.conversation,
            text: text.text,
            number: text.number,
        };
        self.said.insert(message, said);
    }

    /// The number of the next text.
    pub(crate) fn next_text(&mut self) -> u64 {
        self.texts += 1;
        self.texts
    }

    /// The other side of a conversation, once its account is known.
    pub(crate) fn person(&self, account: Option<AccountId>) -> Option<usize> {
        self.accounts.get(&account?).copied()
    }
}
