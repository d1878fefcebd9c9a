//! What a person can ask of a profile.

use serde::{Deserialize, Serialize};

use super::{ConversationId, InviteId, MessageId, RequestId};

/// A command. Whatever it changes is durable when it is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// Sets the name that accepted contacts see, 1 to 64 characters after trimming.
    SetName {
        /// The name.
        name: String,
    },
    /// Makes an invite; answered with [`Done::Invite`].
    CreateInvite {
        /// Good for one person only.
        single_use: bool,
        /// How long it is good, in seconds: 60 to 31,536,000.
        #[cfg_attr(feature = "typescript", ts(type = "number"))]
        lifetime_seconds: u64,
    },
    /// Makes an invite useless from now on.
    RevokeInvite {
        /// Which.
        invite: InviteId,
    },
    /// Opens somebody's invite; answered with [`Done::Conversation`], which waits for acceptance. If
    /// they have asked to talk already, that request is accepted. While nobody has answered, another
    /// invite of the same account takes the place of the one before.
    OpenInvite {
        /// The link, as pasted or scanned.
        link: String,
    },
    /// Accepts a request; answered with [`Done::Conversation`].
    AcceptRequest {
        /// Which.
        request: RequestId,
    },
    /// Declines a request; the stranger is told nothing.
    DeclineRequest {
        /// Which.
        request: RequestId,
    },
    /// Sends a text of 1 to 65,536 bytes; answered with [`Done::Message`].
    SendText {
        /// Where.
        conversation: ConversationId,
        /// What.
        text: String,
    },
    /// The person has seen everything up to this message.
    MarkRead {
        /// Where.
        conversation: ConversationId,
        /// Up to which message.
        message: MessageId,
    },
    /// The person is typing, or has stopped. Sent at most every three seconds; never stored.
    Typing {
        /// Where.
        conversation: ConversationId,
        /// Typing now.
        typing: bool,
    },
    /// Keeps what the person has begun to write in a conversation, up to 65,536 bytes, until it is
    /// sent or replaced. Empty: nothing.
    SetDraft {
        /// Where.
        conversation: ConversationId,
        /// All of it, as it stands.
        text: String,
    },
    /// Safety numbers were compared (true), or no longer count (false).
    SetVerified {
        /// Where.
        conversation: ConversationId,
        /// Compared and equal.
        verified: bool,
    },
    /// Switches delivery and read receipts on or off, both ways.
    SetReceipts {
        /// On.
        on: bool,
    },
    /// The recovery code is written down; it is erased from this device.
    RecoveryCodeSaved,
}

/// What a command came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(tag = "done", rename_all = "snake_case")]
pub enum Done {
    /// Nothing more to say.
    Ok,
    /// An invite was made.
    Invite {
        /// Its id.
        invite: InviteId,
        /// The link to give away. Whoever has it can ask to talk.
        link: String,
    },
    /// A conversation was begun.
    Conversation {
        /// Its id.
        conversation: ConversationId,
    },
    /// A message is kept and will be sent.
    Message {
        /// Its id.
        message: MessageId,
    },
}
