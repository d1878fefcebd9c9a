//! What a call is answered with.

use serde::Serialize;
use sotto_engine::{
    AccountView, ConversationDetails, ConversationView, Done, InviteGlance, InviteView,
    MessageView, Page, RequestView, SentAs,
};

use super::RelayStatus;
use crate::keys::KeySource;
use crate::profile::ProfileName;

/// The answer to a call. In JSON it is the bare value; the call says which type it has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// To every command.
    Done(Done),
    /// To `account`.
    Account(AccountView),
    /// To `conversations`.
    Conversations(Vec<ConversationView>),
    /// To `conversation`.
    Conversation(ConversationView),
    /// To `messages`.
    Messages(Page),
    /// To `message`.
    Message(MessageView),
    /// To `sent_as`.
    SentAs(SentAs),
    /// To `details`.
    Details(ConversationDetails),
    /// To `requests`.
    Requests(Vec<RequestView>),
    /// To `invites`.
    Invites(Vec<InviteView>),
    /// To `recovery_code`: none once it is written down.
    RecoveryCode(Option<String>),
    /// To `relays`.
    Relays(Vec<RelayStatus>),
    /// To `version`.
    Version(VersionView),
    /// To `inspect_invite`.
    InviteGlance(InviteGlance),
    /// To `list_profiles`.
    Profiles(Vec<ProfileView>),
    /// To calls that have nothing to say but that it is done.
    Nothing(()),
}

/// Which contract and program this is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct VersionView {
    /// Version of the contract.
    pub contract: u32,
    /// Version of the program.
    pub program: String,
}

/// A profile on this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ProfileView {
    /// Its name here.
    pub profile: ProfileName,
    /// Where its key is.
    pub key: KeySource,
    /// Open in this process.
    pub open: bool,
}
