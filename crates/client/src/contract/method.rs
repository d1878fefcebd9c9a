//! The calls by name, for hosts that speak in methods and parameters.

use serde_json::{Map, Value};

use super::{Call, CallError, Request};

/// A call's name and what stands behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Method {
    /// Name, the same as its tag in JSON.
    pub name: &'static str,
    /// Which kind of request.
    pub kind: Kind,
    /// TypeScript type of the answer.
    pub answer: &'static str,
}

/// The kinds of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// [`Request::Command`].
    Command,
    /// [`Request::Query`].
    Query,
    /// [`Request::Manage`] with a profile.
    Manage,
    /// [`Request::Manage`] without one.
    Host,
}

impl Kind {
    /// The key that names the request in JSON.
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Self::Command => "do",
            Self::Query => "read",
            Self::Manage | Self::Host => "manage",
        }
    }
}

const fn m(name: &'static str, kind: Kind, answer: &'static str) -> Method {
    Method { name, kind, answer }
}

const OK: &str = r#"Extract<Done, { done: "ok" }>"#;
const CONVERSATION: &str = r#"Extract<Done, { done: "conversation" }>"#;

/// Every call of the contract.
pub const METHODS: &[Method] = &[
    m("version", Kind::Host, "VersionView"),
    m("list_profiles", Kind::Host, "Array<ProfileView>"),
    m("inspect_invite", Kind::Host, "InviteGlance"),
    m("create_profile", Kind::Manage, "null"),
    m("open_profile", Kind::Manage, "null"),
    m("close_profile", Kind::Manage, "null"),
    m("reconnect_relays", Kind::Manage, "null"),
    m("set_name", Kind::Command, OK),
    m(
        "create_invite",
        Kind::Command,
        r#"Extract<Done, { done: "invite" }>"#,
    ),
    m("revoke_invite", Kind::Command, OK),
    m("open_invite", Kind::Command, CONVERSATION),
    m("accept_request", Kind::Command, CONVERSATION),
    m("decline_request", Kind::Command, OK),
    m(
        "send_text",
        Kind::Command,
        r#"Extract<Done, { done: "message" }>"#,
    ),
    m("mark_read", Kind::Command, OK),
    m("typing", Kind::Command, OK),
    m("set_draft", Kind::Command, OK),
    m("set_verified", Kind::Command, OK),
    m("set_receipts", Kind::Command, OK),
    m("recovery_code_saved", Kind::Command, OK),
    m("account", Kind::Query, "AccountView"),
    m("conversations", Kind::Query, "Array<ConversationView>"),
    m("conversation", Kind::Query, "ConversationView"),
    m("messages", Kind::Query, "Page"),
    m("message", Kind::Query, "MessageView"),
    m("sent_as", Kind::Query, "SentAs"),
    m("details", Kind::Query, "ConversationDetails"),
    m("requests", Kind::Query, "Array<RequestView>"),
    m("invites", Kind::Query, "Array<InviteView>"),
    m("recovery_code", Kind::Query, "string | null"),
    m("relays", Kind::Query, "Array<RelayStatus>"),
];

/// The call of this name.
#[must_use]
pub fn method(name: &str) -> Option<Method> {
    METHODS.iter().find(|method| method.name == name).copied()
}

impl Call {
    /// A call from a method's name and its parameters: the profile's name under `profile`, the
    /// rest as the request takes it.
    ///
    /// # Errors
    /// [`CallError`], the caller's mistake.
    pub fn from_method(name: &str, mut params: Map<String, Value>) -> Result<Self, CallError> {
        let method = method(name).ok_or(CallError::UnknownCall)?;
        let bad = |error: serde_json::Error| CallError::BadParameters(error.to_string());
        let profile = match params.remove("profile") {
            Some(profile) => Some(serde_json::from_value(profile).map_err(bad)?),
            None => None,
        };
        if params.contains_key(method.kind.tag()) {
            return Err(CallError::BadParameters(format!(
                "unknown field `{}`",
                method.kind.tag()
            )));
        }
        params.insert(method.kind.tag().into(), method.name.into());
        let request: Request = serde_json::from_value(Value::Object(params)).map_err(bad)?;
        match (&profile, method.kind) {
            (None, Kind::Host) | (Some(_), Kind::Command | Kind::Query | Kind::Manage) => {
                Ok(Self { profile, request })
            }
            (None, _) => Err(CallError::ProfileMissing),
            (Some(_), Kind::Host) => {
                Err(CallError::BadParameters("unknown field `profile`".into()))
            }
        }
    }
}
