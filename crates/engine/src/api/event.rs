//! What a screen is told. Events say what changed; pages are read through [`crate::Reader`].

use serde::{Deserialize, Serialize};

use super::ConversationId;
use super::{ConversationView, InviteId, MessageView, RequestView};

/// Something changed, and is durable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A message was added, by either side.
    MessageAdded {
        /// The message.
        message: MessageView,
    },
    /// A message changed: its delivery mark, its place in the order, or the conversation that it stands
    /// in. What was not sent when a conversation halted goes on in the next one with that account.
    MessageChanged {
        /// As it is now.
        message: MessageView,
    },
    /// A conversation appeared or changed (name, state, shield, unread count, newest message, draft).
    ConversationChanged {
        /// As it is now.
        conversation: ConversationView,
    },
    /// How far the other side has got: own messages up to these orders are delivered or read.
    Marks {
        /// Where.
        conversation: ConversationId,
        /// Own messages up to this order are on the other side's device.
        #[cfg_attr(feature = "typescript", ts(type = "number"))]
        delivered: i64,
        /// Own messages up to this order have been read.
        #[cfg_attr(feature = "typescript", ts(type = "number"))]
        read: i64,
    },
    /// The other side types, or has stopped.
    Typing {
        /// Where.
        conversation: ConversationId,
        /// Typing now.
        typing: bool,
    },
    /// Somebody opened an invite and asks to talk.
    RequestArrived {
        /// The request; it shows nothing of the stranger.
        request: RequestView,
    },
    /// A request was accepted, declined or found invalid.
    RequestGone {
        /// Which.
        request: super::RequestId,
    },
    /// An invite was used up, revoked or expired.
    InviteEnded {
        /// Which.
        invite: InviteId,
    },
    /// Opening an invite failed.
    InviteFailed {
        /// The conversation that [`super::Done::Conversation`] had named.
        conversation: ConversationId,
        /// It is gone. Otherwise the answer to an invite of the same account that was opened before is
        /// still waited for in it.
        gone: bool,
        /// Why, in words and code.
        problem: super::Problem,
    },
}
