//! Why a relay can't be talked to, and whose fault it is.

use std::io;

use sotto_engine::Problem;
use sotto_wire::{HelloError, Refusal, RefusalCode};
use tokio_tungstenite::tungstenite::Error as WsError;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};

/// The end of a connection, or of an attempt to make one. None of them loses anything: what was
/// not acknowledged is sent again after the next hello.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectionError {
    /// The network: no such host, nobody listens, no route.
    #[error("the relay can't be reached: {0}")]
    Unreachable(io::Error),
    /// The network: no WebSocket within the deadline.
    #[error("the relay did not take the connection in time")]
    ConnectTimeout,
    /// Ours: the address names no host that TLS could name.
    #[error("the relay's address can't be used")]
    BadAddress,
    /// Ours or the caller's: without TLS a relay is talked to on this machine alone.
    #[error("a relay without TLS is allowed on this machine alone")]
    PlainNotAllowed,
    /// The relay's: no TLS 1.3, or a broken handshake.
    #[error("no secure connection: {0}")]
    Tls(String),
    /// The relay's: a web server answered, with this HTTP status, but no Sotto relay.
    #[error("no relay answers there (HTTP {0})")]
    NotARelay(u16),
    /// The relay's: it took the connection and then said nothing.
    #[error("the relay did not say hello in time")]
    HelloTimeout,
    /// The relay's, or somebody's in between: not the identity that the address names, or no proof
    /// of it on this connection.
    #[error("the relay is not the one that its address names: {0}")]
    WrongIdentity(HelloError),
    /// Neither side's: no version in common.
    #[error("the relay speaks no version that this program speaks")]
    OtherVersion,
    /// The relay's: what it sent can't be read.
    #[error("the relay sent {0}")]
    Garbage(&'static str),
    /// The relay's: larger than the protocol allows.
    #[error("the relay sent more at once than is allowed")]
    Oversized,
    /// The relay's: a frame that has no place here.
    #[error("the relay sent {0}")]
    OutOfOrder(&'static str),
    /// The relay says that it will not serve this connection, and why.
    #[error("the relay refuses: {:?}", .0.code)]
    Refused(Refusal),
    /// The relay ended the connection.
    #[error("the relay closed the connection")]
    Closed,
    /// The network: the connection broke.
    #[error("the connection broke: {0}")]
    Lost(String),
    /// The network, or a relay that hangs: nothing was heard for too long, pings included.
    #[error("the relay has fallen silent")]
    Silent,
    /// The relay's: it broke a rule that only the engine can check.
    #[error("the relay broke the rules")]
    BrokeRules,
    /// The relay's or the network's: it takes nothing any more, and what waits for it grew too long.
    #[error("the relay takes nothing any more")]
    Stuck,
    /// Ours: what arrived could not be stored, so the relay is to keep it and send it again.
    #[error("what arrived could not be stored")]
    NotStored,
}

impl ConnectionError {
    pub(super) fn tls(error: rustls::Error) -> Self {
        Self::Tls(error.to_string())
    }

    /// A TLS handshake that failed: rustls wraps its own errors into `io::Error`.
    pub(super) fn handshake(error: io::Error) -> Self {
        match error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<rustls::Error>())
        {
            Some(tls) => Self::Tls(tls.to_string()),
            None if error.kind() == io::ErrorKind::UnexpectedEof => Self::Tls("cut short".into()),
            None => Self::Unreachable(error),
        }
    }

    /// The WebSocket handshake failed.
    pub(super) fn upgrade(error: WsError) -> Self {
        match error {
            WsError::Http(response) => Self::NotARelay(response.status().as_u16()),
            WsError::Io(error) => Self::handshake(error),
            WsError::Protocol(ProtocolError::HandshakeIncomplete) => Self::Closed,
            _ => Self::Garbage("no WebSocket handshake"),
        }
    }

    /// A standing WebSocket failed.
    pub(super) fn lost(error: WsError) -> Self {
        match error {
            WsError::Capacity(CapacityError::MessageTooLong { .. }) => Self::Oversized,
            WsError::ConnectionClosed
            | WsError::AlreadyClosed
            | WsError::Protocol(ProtocolError::ResetWithoutClosingHandshake) => Self::Closed,
            // Gone without a goodbye; the frames that came are authentic and whole all the same.
            WsError::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => Self::Closed,
            WsError::Protocol(_) | WsError::Utf8(_) | WsError::Capacity(_) => {
                Self::Garbage("a WebSocket frame that can't be read")
            }
            error => Self::Lost(error.to_string()),
        }
    }

    /// Stable, for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "relay_unreachable",
            Self::ConnectTimeout => "relay_timeout",
            Self::BadAddress => "relay_bad_address",
            Self::PlainNotAllowed => "relay_plain_not_allowed",
            Self::Tls(_) => "relay_tls_failed",
            Self::NotARelay(_) => "relay_not_a_relay",
            Self::HelloTimeout => "relay_hello_timeout",
            Self::WrongIdentity(_) => "relay_wrong_identity",
            Self::OtherVersion => "relay_other_version",
            Self::Garbage(_) => "relay_garbage",
            Self::Oversized => "relay_oversized",
            Self::OutOfOrder(_) => "relay_out_of_order",
            Self::Refused(refusal) => match refusal.code {
                RefusalCode::Token => "relay_token",
                RefusalCode::Stopping => "relay_stopping",
                RefusalCode::Quota | RefusalCode::TooFast | RefusalCode::Unavailable => {
                    "relay_busy"
                }
                _ => "relay_refused",
            },
            Self::Closed => "relay_closed",
            Self::Lost(_) => "relay_lost",
            Self::Silent => "relay_silent",
            Self::BrokeRules => "relay_broke_rules",
            Self::Stuck => "relay_stuck",
            Self::NotStored => "not_stored",
        }
    }

    /// For people.
    #[must_use]
    pub fn problem(&self) -> Problem {
        let (happened, next) = self.words();
        let safe = match self {
            Self::WrongIdentity(_) => {
                "Nothing was sent to it. Your messages are kept on this device and stay encrypted."
            }
            _ => {
                "Your messages are kept on this device and will be sent when the connection is back."
            }
        };
        Problem {
            code: self.code().into(),
            happened: happened.into(),
            safe: safe.into(),
            next: next.into(),
        }
    }

    fn words(&self) -> (&'static str, &'static str) {
        const WAIT: &str = "Nothing to do: Sotto keeps trying.";
        const TELL: &str =
            "Sotto keeps trying. If it stays like this, tell whoever runs the relay.";
        match self {
            Self::Unreachable(_) => (
                "The relay could not be reached.",
                "Check your network connection. Sotto keeps trying.",
            ),
            Self::ConnectTimeout => (
                "The relay did not answer in time.",
                "Check your network connection. Sotto keeps trying.",
            ),
            Self::BadAddress => (
                "The relay's address can't be used.",
                "Ask whoever gave you the address for the right one.",
            ),
            Self::PlainNotAllowed => (
                "The address names a relay without TLS on another machine.",
                "Ask whoever runs the relay for its address with TLS.",
            ),
            Self::Tls(_) => ("No secure connection to the relay could be made.", TELL),
            Self::NotARelay(_) => (
                "Something answers at the relay's address, but it is no Sotto relay.",
                "Check the address. A network that asks for a sign-in first can cause this too.",
            ),
            Self::HelloTimeout => ("The relay took the connection and then said nothing.", TELL),
            Self::WrongIdentity(_) => (
                "Whoever answers at the relay's address is not that relay.",
                "Somebody may be in between, or the relay was set up anew. Ask whoever runs it \
                 before you use a new address.",
            ),
            Self::OtherVersion => (
                "The relay speaks another version of the protocol.",
                "Look for an update of Sotto, or tell whoever runs the relay to update it.",
            ),
            Self::Garbage(_) => ("The relay sent something that can't be read.", TELL),
            Self::Oversized => ("The relay sent more at once than is allowed.", TELL),
            Self::OutOfOrder(_) => ("The relay sent something out of order.", TELL),
            Self::Refused(refusal) => match refusal.code {
                RefusalCode::Token => (
                    "This relay is private and asks for an access token.",
                    "Ask whoever runs the relay for the token.",
                ),
                RefusalCode::Stopping => ("The relay is being restarted.", WAIT),
                RefusalCode::Quota | RefusalCode::TooFast | RefusalCode::Unavailable => {
                    ("The relay has too much to do at the moment.", WAIT)
                }
                _ => (
                    "The relay ended the connection over what this device sent.",
                    TELL,
                ),
            },
            Self::Closed | Self::Lost(_) => ("The connection to the relay ended.", WAIT),
            Self::Silent => (
                "The relay has fallen silent.",
                "Check your network connection. Sotto keeps trying.",
            ),
            Self::BrokeRules => (
                "The relay broke the rules, so the connection was ended.",
                TELL,
            ),
            Self::Stuck => ("The relay takes nothing any more.", WAIT),
            Self::NotStored => (
                "What the relay brought could not be stored on this device.",
                "Sotto says what is in the way. The relay keeps everything until it is stored here.",
            ),
        }
    }
}

impl From<HelloError> for ConnectionError {
    fn from(error: HelloError) -> Self {
        match error {
            HelloError::Version(_) => Self::OtherVersion,
            HelloError::OtherRelay | HelloError::BadSignature => Self::WrongIdentity(error),
        }
    }
}
