//! What can be set.

use std::path::PathBuf;
use std::time::Duration;

use crate::store::sqlite::SqliteOptions;

/// How a relay is run.
#[derive(Clone)]
pub struct Config {
    /// Folder of identity key, certificate and store; made if missing, for this user alone.
    pub data: PathBuf,
    /// Host name in the relay's address; without it the IP address that it listens on.
    pub host: Option<String>,
    /// WebSocket without TLS; only on a loopback address.
    pub plain: bool,
    /// Values of the `Origin` header that are let in. Browsers always send one, other clients none.
    pub allow_origins: Vec<String>,
    /// Access token that every client has to name.
    pub token: Option<String>,
    /// Bounds on connections.
    pub limits: ConnectionLimits,
    /// Bounds on what is kept.
    pub store: SqliteOptions,
}

impl Config {
    /// Defaults, with everything kept in `data`.
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Self {
            data: data.into(),
            host: None,
            plain: false,
            allow_origins: Vec::new(),
            token: None,
            limits: ConnectionLimits::default(),
            store: SqliteOptions::default(),
        }
    }
}

/// Bounds on connections.
#[derive(Clone, Debug)]
pub struct ConnectionLimits {
    /// Connections at once; more wait to be accepted.
    pub connections: usize,
    /// Requests a second on one connection, with as many again saved up; see
    /// [`sotto_wire::Limits`]. A proof counts as four, making a channel as eight.
    pub requests_per_second: u32,
    /// Requests of one connection that wait for the store; more are not read before.
    pub waiting_requests: usize,
    /// Rights remembered for one connection.
    pub proofs: usize,
    /// Channels that one connection listens to.
    pub subscriptions: usize,
    /// Entries delivered but not acknowledged, for one subscriber.
    pub in_flight: u16,
    /// Time for TLS, HTTP and the hello, each.
    pub handshake: Duration,
    /// A connection on which nothing came for so long is asked for a sign of life, and cut after
    /// as long again.
    pub idle: Duration,
    /// Time that one frame may take to be sent.
    pub send: Duration,
    /// Time for connections to end when the relay stops.
    pub stop: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            connections: 15_000,
            requests_per_second: 20_000,
            waiting_requests: 256,
            proofs: 16_384,
            subscriptions: 8_192,
            in_flight: sotto_wire::limits::MAX_IN_FLIGHT,
            handshake: Duration::from_secs(10),
            idle: Duration::from_secs(60),
            send: Duration::from_secs(60),
            stop: Duration::from_secs(10),
        }
    }
}
