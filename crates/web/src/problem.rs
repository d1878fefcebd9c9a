//! What can go wrong between a browser and this host, in words.

use axum::http::StatusCode;
use sotto_client::contract::Problem;

/// Why a web host does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The program was built without them.
    #[error("this build was made without the screens")]
    ScreensMissing,
    /// The port can't be listened on.
    #[error("port {port} can't be used: {error}")]
    Port {
        /// Which.
        port: u16,
        /// Why not.
        error: std::io::Error,
    },
}

impl StartError {
    /// For people.
    #[must_use]
    pub fn problem(&self) -> Problem {
        let (code, happened, next) = match self {
            Self::ScreensMissing => (
                "screens_missing",
                "This build of Sotto was made without the screens.".to_owned(),
                "Build the screens with `cargo xtask ui`, then build Sotto again.",
            ),
            Self::Port { port, error } => (
                "web_port",
                format!("Port {port} of this machine can't be used ({error})."),
                "Choose another with --port, or leave it out and a free one is taken.",
            ),
        };
        Problem {
            code: code.into(),
            happened,
            safe: "Your profiles are untouched.".into(),
            next: next.into(),
        }
    }
}

/// Why a browser is not let in or not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The request comes from a page of another origin, or from no page.
    OtherSite,
    /// No token was ever like this.
    TokenUnknown,
    /// The token was good once.
    TokenUsed,
    /// What should name a token or enter does not.
    Unreadable,
    /// The WebSocket's first message is not `enter`.
    NotEntered,
    /// No session is like this.
    SessionUnknown,
    /// As many tabs as there may be.
    TooManyTabs,
    /// There is no such page.
    NoSuchPage,
    /// The page is there, and not for this.
    OtherMethod,
    /// Only a WebSocket is spoken here.
    NoWebSocket,
}

const NOT_LET_IN: &str = "It was not let in and has seen nothing.";
const STILL_OUT: &str = "Nothing was opened. Your profiles are untouched.";

impl Refused {
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::OtherSite => StatusCode::FORBIDDEN,
            Self::TokenUnknown | Self::TokenUsed | Self::NotEntered | Self::SessionUnknown => {
                StatusCode::UNAUTHORIZED
            }
            Self::Unreadable => StatusCode::BAD_REQUEST,
            Self::TooManyTabs => StatusCode::SERVICE_UNAVAILABLE,
            Self::NoSuchPage => StatusCode::NOT_FOUND,
            Self::OtherMethod => StatusCode::METHOD_NOT_ALLOWED,
            Self::NoWebSocket => StatusCode::UPGRADE_REQUIRED,
        }
    }

    pub(crate) fn problem(self) -> Problem {
        let (code, happened, safe, next) = match self {
            Self::OtherSite => (
                "web_other_site",
                "Another site or program asked for Sotto's screens.",
                NOT_LET_IN,
                "Open the address that Sotto printed in the terminal.",
            ),
            Self::TokenUnknown => (
                "session_token_unknown",
                "This address does not let anybody in: its last part is not what Sotto printed.",
                STILL_OUT,
                "Copy the newest address from the terminal, all of it.",
            ),
            Self::TokenUsed => (
                "session_token_used",
                "This address was used before, and each lets in one browser only.",
                STILL_OUT,
                "Open the newest address that Sotto printed in the terminal. If you did not use \
                 this one yourself, somebody else did: end Sotto there and start it again.",
            ),
            Self::Unreadable => (
                "web_unreadable",
                "The page asked in a way that this version of Sotto does not understand.",
                STILL_OUT,
                "Reload the page.",
            ),
            Self::NotEntered => (
                "web_not_entered",
                "The page asked for something before it said who it is.",
                STILL_OUT,
                "Reload the page.",
            ),
            Self::SessionUnknown => (
                "session_unknown",
                "Sotto does not know this page any more: it was started again since.",
                "Your profiles and messages are on this device, untouched.",
                "Open the newest address that Sotto printed in the terminal.",
            ),
            Self::TooManyTabs => (
                "web_too_many_tabs",
                "Sotto is open in as many tabs as it serves at once.",
                "The other tabs go on.",
                "Close some of them, then reload this page.",
            ),
            Self::NoSuchPage => (
                "web_no_such_page",
                "Sotto has no page at this address.",
                "Nothing was opened.",
                "Go to the address that Sotto printed in the terminal.",
            ),
            Self::OtherMethod => (
                "web_other_method",
                "This address is there, and not for what was asked of it.",
                "Nothing was done.",
                "Go to the address that Sotto printed in the terminal.",
            ),
            Self::NoWebSocket => (
                "web_no_websocket",
                "A WebSocket is spoken at this address, and something else was sent.",
                "Nothing was opened.",
                "Go to the address that Sotto printed in the terminal.",
            ),
        };
        Problem {
            code: code.into(),
            happened: happened.into(),
            safe: safe.into(),
            next: next.into(),
        }
    }
}

/// The good token came from a page that must not know it.
pub(crate) fn stolen(origin: Option<&str>) -> Problem {
    let happened = match origin {
        Some(origin) => format!("A page of {origin} knew the address that lets into Sotto."),
        None => "A program that is no page of Sotto knew the address that lets into it.".to_owned(),
    };
    Problem {
        code: "session_token_stolen".into(),
        happened,
        safe: "It was not let in, and that address lets nobody in any more.".into(),
        next: "Close it, and use the new address that follows. Give it to no other page.".into(),
    }
}
