//! Why the engine could not do something.

use crate::api::{ConversationId, Problem};
use crate::conversations::MlsFailure;
use crate::store::StoreError;

/// An error of the engine: trouble with the database, or a command that was refused.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The database. Nothing of the input was kept; it may be given again.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What the person asked for can't be done. Nothing was changed.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// A mistake in this program, or in what it had stored. Nothing of the input was kept.
    #[error("internal: {0}")]
    Internal(String),
    /// The same in what concerns one conversation alone. The engine sets that one aside and goes on, so
    /// nobody outside is given this.
    #[error("internal: {1}")]
    InternalIn(ConversationId, String),
}

/// Why a command was refused. The person's to mend.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The text is empty.
    #[error("the text is empty")]
    EmptyText,
    /// The text is longer than 65,536 bytes.
    #[error("the text has {0} bytes, more than 65,536")]
    TextTooLong(usize),
    /// The draft is longer than 65,536 bytes.
    #[error("the draft has {0} bytes, more than 65,536")]
    DraftTooLong(usize),
    /// A name is 1 to 64 characters.
    #[error("a name has 1 to 64 characters")]
    BadName,
    /// An invite is good for 60 seconds to a year.
    #[error("an invite is good for 60 seconds to one year")]
    BadLifetime,
    /// No such conversation on this profile.
    #[error("no such conversation")]
    NoSuchConversation,
    /// No such message on this profile.
    #[error("no such message")]
    NoSuchMessage,
    /// The message has not been encrypted yet.
    #[error("the message has not been sent yet")]
    NotSentYet,
    /// No such request; it was answered already, perhaps.
    #[error("no such request")]
    NoSuchRequest,
    /// No such invite.
    #[error("no such invite")]
    NoSuchInvite,
    /// The conversation is halted: sending is held.
    #[error("the conversation is halted")]
    Halted,
    /// The relay was caught lying: sending is held until the person has decided.
    #[error("the relay was caught lying")]
    Held,
    /// Not an invite at all.
    #[error("not an invite")]
    NotAnInvite,
    /// The link is cut short or changed.
    #[error("the invite is damaged")]
    InviteDamaged,
    /// Made by a newer version of Sotto.
    #[error("the invite is of a newer version")]
    InviteNewer,
    /// Too old.
    #[error("the invite has expired")]
    InviteExpired,
    /// One's own.
    #[error("this is one's own invite")]
    InviteOwn,
    /// The relay says that the invite is good no longer: used up, or revoked.
    #[error("the invite is used up or revoked")]
    InviteUsedUp,
    /// What the relay handed out for this invite is not the inviter's.
    #[error("the relay's answer does not belong to the inviter")]
    InviteForged,
    /// The inviter's key packages are not good at the time that this device's clock shows.
    #[error("the inviter's key packages are not good yet by this device's clock")]
    ClocksDiffer,
    /// The inviter's devices left no key package.
    #[error("the inviter has no key package left")]
    InviteNoPackage,
    /// The request can't be accepted: what the stranger sent breaks a rule.
    #[error("the request is invalid")]
    RequestInvalid,
}

impl Refused {
    /// Stable name for programs.
    pub fn code(&self) -> &'static str {
        self.words().0
    }

    fn words(&self) -> (&'static str, &'static str, &'static str, &'static str) {
        const NOTHING: &str = "Nothing was changed.";
        match self {
            Self::EmptyText => (
                "text_empty",
                "The message is empty.",
                NOTHING,
                "Write something first.",
            ),
            Self::TextTooLong(_) => (
                "text_too_long",
                "The message is longer than 65,536 bytes.",
                "It was not sent, and your text is still where you wrote it.",
                "Split it into several messages.",
            ),
            Self::DraftTooLong(_) => (
                "draft_too_long",
                "What you are writing is longer than 65,536 bytes, which is more than one message holds.",
                "It is still where you write it, but this device does not keep it until you send it.",
                "Send a part of it, or split it into several messages.",
            ),
            Self::BadName => (
                "name_invalid",
                "A name needs 1 to 64 characters.",
                NOTHING,
                "Choose another name.",
            ),
            Self::BadLifetime => (
                "lifetime_invalid",
                "An invite is good for 60 seconds to one year.",
                NOTHING,
                "Choose a time in between.",
            ),
            Self::NoSuchConversation => (
                "conversation_unknown",
                "There is no such conversation on this profile.",
                NOTHING,
                "Look at the list of conversations and try again.",
            ),
            Self::NoSuchMessage => (
                "message_unknown",
                "There is no such message on this profile.",
                NOTHING,
                "Read the conversation again.",
            ),
            Self::NotSentYet => (
                "message_not_sent",
                "This message has not been encrypted yet: it waits for a connection.",
                "It is kept on this device and will be sent.",
                "Look again when it has one tick.",
            ),
            Self::NoSuchRequest => (
                "request_unknown",
                "There is no such request; it may have been answered already.",
                NOTHING,
                "Look at the list of requests.",
            ),
            Self::NoSuchInvite => (
                "invite_unknown",
                "There is no such invite.",
                NOTHING,
                "Look at the list of invites.",
            ),
            Self::Halted => (
                "conversation_halted",
                "This conversation's keys are damaged, so sending is held.",
                "Everything received is kept, and nothing was sent.",
                "Open a new invite with the other person to go on in a new conversation; what was not sent yet goes along.",
            ),
            Self::Held => (
                "conversation_held",
                "The relay contradicted itself about this conversation, so sending is held.",
                "Nobody can read or change your messages; some may have been withheld or repeated.",
                "Ask the other person by another way what arrived, then go on in a new conversation on another relay.",
            ),
            Self::NotAnInvite => (
                "invite_unreadable",
                "This is not a Sotto invite.",
                NOTHING,
                "Copy the whole link, from its beginning to its end.",
            ),
            Self::InviteDamaged => (
                "invite_damaged",
                "The invite is cut short or was changed on the way.",
                NOTHING,
                "Ask for it again, or copy the whole link.",
            ),
            Self::InviteNewer => (
                "invite_newer",
                "The invite was made by a newer version of Sotto.",
                NOTHING,
                "Update Sotto on this device.",
            ),
            Self::InviteExpired => (
                "invite_expired",
                "The invite has expired.",
                NOTHING,
                "Ask for a new one.",
            ),
            Self::InviteOwn => (
                "invite_own",
                "This is your own invite.",
                NOTHING,
                "Give it to the person you want to talk to.",
            ),
            Self::InviteUsedUp => (
                "invite_used_up",
                "The invite has been used already, or was revoked.",
                "Nobody learned anything about you.",
                "Ask for a new one.",
            ),
            Self::InviteForged => (
                "invite_forged",
                "The relay's answer does not belong to the person who made the invite.",
                "Nothing was sent to anybody.",
                "Ask for the invite again over a channel that you trust.",
            ),
            Self::ClocksDiffer => (
                "invite_clocks_differ",
                "The other person's keys were made at a time that has not come yet by this device's clock.",
                "Nothing was sent to anybody.",
                "Check date and time of this device, then open the invite again.",
            ),
            Self::InviteNoPackage => (
                "invite_no_package",
                "None of the other person's devices has left a key for new conversations.",
                "Nothing was sent to anybody.",
                "Ask them to open Sotto once, then open the invite again.",
            ),
            Self::RequestInvalid => (
                "request_invalid",
                "The request can't be accepted: what was sent with it does not hold.",
                "No conversation was begun, and nothing about you was sent.",
                "Give the person a new invite.",
            ),
        }
    }

    /// The same for a person.
    pub fn problem(&self) -> Problem {
        let (code, happened, safe, next) = self.words();
        Problem {
            code: code.into(),
            happened: happened.into(),
            safe: safe.into(),
            next: next.into(),
        }
    }
}

impl EngineError {
    /// Stable name for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Store(error) => error.code(),
            Self::Refused(refused) => refused.code(),
            Self::Internal(_) | Self::InternalIn(..) => "internal",
        }
    }

    /// The same for a person.
    pub fn problem(&self) -> Problem {
        match self {
            Self::Store(error) => error.problem(),
            Self::Refused(refused) => refused.problem(),
            Self::Internal(detail) | Self::InternalIn(_, detail) => Problem {
                code: "internal".into(),
                happened: format!("Something went wrong inside Sotto ({detail})."),
                safe: "The last step was undone; everything from before is kept.".into(),
                next: "Try again. If it happens again, please report it.".into(),
            },
        }
    }
}

impl From<MlsFailure> for EngineError {
    fn from(failure: MlsFailure) -> Self {
        Self::Internal(failure.to_string())
    }
}

impl From<crate::store::SqlError> for EngineError {
    fn from(error: crate::store::SqlError) -> Self {
        Self::Store(error.into())
    }
}

/// Why a conversation is set aside, for a person.
pub(crate) fn set_aside(detail: &str) -> Problem {
    Problem {
        code: "conversation_set_aside".into(),
        happened: format!("Something went wrong inside Sotto in this conversation ({detail})."),
        safe: "Everything in it is kept, and so is what you write. What comes meanwhile waits at the relay, for up to 30 days; your other conversations go on.".into(),
        next: "Start Sotto again, and update it if you can: then it is tried once more. If it stays so, please report it, and open a new invite of theirs to go on in a new conversation.".into(),
    }
}

/// Says of a mistake in this program which conversation it concerns.
pub(crate) trait Within {
    /// In this one, unless it is known already.
    fn within(self, id: &ConversationId) -> Self;
}

impl<T> Within for Result<T> {
    fn within(self, id: &ConversationId) -> Self {
        self.map_err(|error| match error {
            EngineError::Internal(detail) => EngineError::InternalIn(*id, detail),
            other => other,
        })
    }
}

/// Short form used throughout.
pub(crate) type Result<T, E = EngineError> = std::result::Result<T, E>;
