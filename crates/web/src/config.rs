//! What can be set.

use std::time::Duration;

use sotto_client::contract::Start;

use crate::screens::Screens;

/// How a web host is run.
#[derive(Clone, Debug)]
pub struct Config {
    /// What a screen is started with.
    pub start: Start,
    /// The screens.
    pub screens: Screens,
    /// Port on 127.0.0.1; 0: one that is free.
    pub port: u16,
    /// Bounds.
    pub limits: Limits,
}

impl Config {
    /// The usual bounds, on a port that is free.
    #[must_use]
    pub fn new(start: Start, screens: Screens) -> Self {
        Self {
            start,
            screens,
            port: 0,
            limits: Limits::default(),
        }
    }
}

/// Bounds on connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once, of every kind; more wait to be accepted.
    pub connections: usize,
    /// Tabs that are in at once.
    pub tabs: usize,
    /// Calls of one tab that may be under way, or answered and not yet read.
    pub calls: u32,
    /// Messages that may wait for one tab.
    pub messages: usize,
    /// Time for a request to arrive, and for an answer to leave.
    pub request: Duration,
    /// Time from the standing WebSocket to `enter`.
    pub enter: Duration,
    /// Time that one message may take to be read by a tab; then it is cut off.
    pub send: Duration,
    /// Time for tabs to end when the host stops.
    pub stop: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 256,
            tabs: 64,
            calls: 32,
            messages: 64,
            request: Duration::from_secs(10),
            enter: Duration::from_secs(5),
            send: Duration::from_secs(30),
            stop: Duration::from_secs(10),
        }
    }
}
