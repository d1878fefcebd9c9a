//! What a screen shows.

use serde::{Deserialize, Serialize};

use super::{AccountId, ConversationId, InviteId, MessageId, Problem, RequestId, Timestamp};

/// The profile itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct AccountView {
    /// Account id.
    pub account: AccountId,
    /// Name that contacts see; may be empty.
    pub name: String,
    /// Home relay, as text.
    pub relay: String,
    /// The recovery code has been written down.
    pub recovery_code_saved: bool,
    /// Receipts are on.
    pub receipts: bool,
}

/// How far a conversation has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum ConversationState {
    /// An invite is being opened.
    Opening,
    /// Waiting for the other side to accept. What is written is kept and sent then.
    Waiting,
    /// Both sides talk.
    Active,
    /// The conversation's state is damaged; sending is held and nothing is lost.
    Halted,
    /// The invite led nowhere, but something was written. It is kept, and is sent when another invite
    /// of the same account has been opened and they have accepted, or when they write.
    Unreached,
}

/// The three states of the shield.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Shield {
    /// Green: keys compared.
    Verified,
    /// Yellow: encrypted, nobody has compared keys.
    Encrypted,
    /// Red: see the reason.
    NotProtected,
}

/// Why the shield is what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum ShieldReason {
    /// Nobody has compared the safety numbers yet.
    NotCompared,
    /// The safety numbers were compared.
    Compared,
    /// The other side says that the relay showed it a different history.
    HistoryDisputed,
    /// This device saw the relay contradict itself.
    RelayContradiction,
    /// A commit could be applied only in part; the keys may differ.
    Halted,
}

/// One row of the conversation list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct ConversationView {
    /// Id.
    pub conversation: ConversationId,
    /// The other side's name; empty until known.
    pub name: String,
    /// The other side's account, once known.
    pub account: Option<AccountId>,
    /// State.
    pub state: ConversationState,
    /// Shield.
    pub shield: Shield,
    /// Why.
    pub shield_reason: ShieldReason,
    /// Messages from others that were not read.
    pub unread: u32,
    /// The newest message.
    pub last: Option<MessageView>,
    /// What the person has begun to write and not sent; empty if nothing.
    pub draft: String,
    /// When something last happened.
    pub changed: Timestamp,
    /// It is set aside: something went wrong with it inside the program. Nothing is read or sent in it
    /// until the next start.
    pub trouble: Option<Problem>,
}

/// Who wrote a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Author {
    /// This account.
    Me,
    /// The other side.
    Them,
    /// Nobody: a line that the app itself puts there.
    App,
}

/// How far a message has come. For messages from others always `Received`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// Kept on this device (clock).
    Queued,
    /// Stored at the relay (one tick).
    Stored,
    /// On the other side's device (two ticks).
    Delivered,
    /// Read (filled ticks).
    Read,
    /// Came from the other side, or is the app's own line.
    Received,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Body {
    /// Text.
    Text {
        /// Up to 65,536 bytes of UTF-8.
        text: String,
    },
    /// A kind that this version doesn't know; kept whole.
    Newer,
    /// A line of the app's own.
    Notice {
        /// Which.
        notice: Notice,
    },
}

/// Lines that the app itself puts into a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    /// An entry could not be opened. Nothing else is affected; ask for it to be sent again.
    Unopenable,
    /// Entries were so old that the relay had deleted them before this device came back.
    Gap,
    /// The conversation was accepted.
    Accepted,
    /// The conversation is halted.
    Halted,
    /// The other side's keys changed.
    KeysChanged,
}

/// A message as the screen shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct MessageView {
    /// Id.
    pub message: MessageId,
    /// Where.
    pub conversation: ConversationId,
    /// Place in the conversation: ascending; grows when a queued message gets its place.
    #[cfg_attr(feature = "typescript", ts(type = "number"))]
    pub order: i64,
    /// Who.
    pub author: Author,
    /// By the sender's clock.
    pub sent: Timestamp,
    /// What.
    pub body: Body,
    /// How far it came.
    pub delivery: Delivery,
}

/// A page of history, oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Page {
    /// Messages, oldest first.
    pub messages: Vec<MessageView>,
    /// There are more in the direction that was asked for: older ones, for which to ask again with
    /// `before` = the first one's order, or newer ones, with `after` = the last one's.
    pub more: bool,
}

/// A message as it crossed the network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct SentAs {
    /// The Fernet token that holds the text, as ASCII.
    pub token: String,
    /// The MLS PrivateMessage around it, base64 (RFC 9420, section 6.3).
    pub mls: String,
    /// The envelope that the relay stored, base64; none when it is no longer kept.
    pub envelope: Option<String>,
    /// Its size in bytes: one of 1, 4, 16, 64, 256 KiB.
    pub envelope_size: u32,
}

/// A member's device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct MemberView {
    /// Account.
    pub account: AccountId,
    /// First 16 hex digits of the device key.
    pub device: String,
    /// This device.
    pub me: bool,
}

/// What "Encryption details" shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct ConversationDetails {
    /// Cipher suite name.
    pub suite: String,
    /// MLS epoch.
    #[cfg_attr(feature = "typescript", ts(type = "number"))]
    pub epoch: u64,
    /// When that epoch began on this device, and with it the keys in use; 0 before there are any.
    pub last_key_change: Timestamp,
    /// Generation of the channel, from 0.
    pub generation: u32,
    /// Everybody's devices.
    pub members: Vec<MemberView>,
    /// 60 digits in groups of 5; empty until the other account is known.
    pub safety_number: String,
    /// When the safety numbers were last found to be equal; none where they were not compared.
    pub verified_at: Option<Timestamp>,
    /// Relay, as text.
    pub relay: String,
}

/// What an invite says before it is opened. Nobody has been asked anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct InviteGlance {
    /// The inviter's relay, as text.
    pub relay: String,
    /// The inviter's account, as the invite names it.
    pub account: AccountId,
}

/// Somebody asks to talk. Nothing of the stranger is shown before acceptance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct RequestView {
    /// Id.
    pub request: RequestId,
    /// Through which invite.
    pub invite: InviteId,
    /// When it arrived.
    pub arrived: Timestamp,
}

/// State of an invite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum InviteState {
    /// Good.
    Open,
    /// A single-use invite that somebody has used.
    Used,
    /// Revoked.
    Revoked,
    /// Too old.
    Expired,
}

/// An invite of this account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct InviteView {
    /// Id.
    pub invite: InviteId,
    /// The link, while it is good.
    pub link: Option<String>,
    /// Good for one person.
    pub single_use: bool,
    /// Until.
    pub expires: Timestamp,
    /// State.
    pub state: InviteState,
}
