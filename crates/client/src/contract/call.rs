//! What a host may ask.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use sotto_engine::{Command, ConversationId, MessageId};

use crate::keys::{Passphrase, Protection};
use crate::profile::ProfileName;

/// One question or order.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// Which profile; left out where the request is about none.
    #[serde(default)]
    #[cfg_attr(test, ts(optional))]
    pub profile: Option<ProfileName>,
    /// What.
    pub request: Request,
}

/// What is asked. Told apart by the key that names it: `do`, `read` or `manage`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(test, derive(ts_rs::TS), ts(untagged))]
pub enum Request {
    /// Changes something; durable when it is answered.
    Command(Command),
    /// Reads; never waits for a command.
    Query(Query),
    /// About profiles themselves.
    Manage(Manage),
}

/// Reads something from an open profile.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "read", rename_all = "snake_case", deny_unknown_fields)]
pub enum Query {
    /// The profile's account.
    Account {},
    /// All conversations, the one with the latest change first.
    Conversations {},
    /// One conversation.
    Conversation {
        /// Which.
        conversation: ConversationId,
    },
    /// A page of a conversation, the newest messages unless `before` or `after` says otherwise.
    Messages {
        /// Which conversation.
        conversation: ConversationId,
        /// Only messages whose order is lower than this.
        #[serde(default)]
        #[cfg_attr(test, ts(optional, type = "number"))]
        before: Option<i64>,
        /// Only messages whose order is higher than this, the oldest of them; `before` is not looked
        /// at then.
        #[serde(default)]
        #[cfg_attr(test, ts(optional, type = "number"))]
        after: Option<i64>,
        /// How many: 1 to 200.
        limit: u32,
    },
    /// One message.
    Message {
        /// Which.
        message: MessageId,
    },
    /// A message as it crossed the network.
    SentAs {
        /// Which.
        message: MessageId,
    },
    /// What stands behind a conversation's shield.
    Details {
        /// Which conversation.
        conversation: ConversationId,
    },
    /// Who asks to talk.
    Requests {},
    /// The account's invites.
    Invites {},
    /// The 24 words, until they are written down.
    RecoveryCode {},
    /// The relays that this profile needs, and how each connection stands.
    Relays {},
}

/// About profiles themselves.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "manage", rename_all = "snake_case", deny_unknown_fields)]
pub enum Manage {
    /// Which contract this is. Names no profile.
    Version {},
    /// The profiles on this machine. Names no profile.
    ListProfiles {},
    /// What an invite says, without opening it: whoever has no profile yet can make one at the same
    /// relay. Nothing is contacted or stored. Names no profile.
    InspectInvite {
        /// The link, as pasted or scanned.
        link: String,
    },
    /// Makes a profile and opens it.
    CreateProfile {
        /// Name that contacts will see, 1 to 64 characters.
        name: String,
        /// Home relay, `sotto-relay://…`.
        relay: String,
        /// What this device is called.
        device_name: String,
        /// How the key of the database is kept.
        protection: Protection,
    },
    /// Opens a profile; does nothing if it is open.
    OpenProfile {
        /// The passphrase, where one protects the profile.
        #[serde(default)]
        #[cfg_attr(test, ts(optional))]
        passphrase: Option<Passphrase>,
    },
    /// Closes a profile. Nothing is lost; connections end.
    CloseProfile {},
    /// Tries the relays again now, for a host that knows that the network is back.
    ReconnectRelays {},
}

impl<'de> Deserialize<'de> for Request {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        // serde's untagged enums forget why each attempt failed; the key says which one was meant.
        let has = |key| value.get(key).is_some();
        let read = if has("do") {
            Command::deserialize(value).map(Self::Command)
        } else if has("read") {
            Query::deserialize(value).map(Self::Query)
        } else if has("manage") {
            Manage::deserialize(value).map(Self::Manage)
        } else {
            return Err(D::Error::custom(
                "a request has one of the keys `do`, `read`, `manage`",
            ));
        };
        read.map_err(D::Error::custom)
    }
}
