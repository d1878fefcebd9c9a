//! What a host is told without asking.

use serde::{Deserialize, Serialize};
use sotto_engine::{Event, Problem};

use crate::profile::ProfileName;

/// An event and whose it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Published {
    /// Which profile.
    pub profile: ProfileName,
    /// What happened.
    pub event: ProfileEvent,
}

/// What happened. Told apart by the key `event`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(untagged)]
pub enum ProfileEvent {
    /// In the engine; durable.
    Engine(Event),
    /// Around the engine.
    Host(HostEvent),
}

/// What happened around the engine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum HostEvent {
    /// The profile was opened, or made, in this host: calls about it are answered from now on. What
    /// its relays do may be told before.
    Opened {},
    /// The connection to a relay stands differently now.
    Relay(RelayStatus),
    /// What arrives can't be stored at the moment; or, without a problem, it can again.
    Storage {
        /// Why not.
        problem: Option<Problem>,
    },
    /// Events were left out because they were read too slowly. Nothing else is lost: read the
    /// pages that are shown again.
    Missed {},
    /// The profile was closed, or closed itself over a problem.
    Closed {
        /// Why, if nobody asked for it.
        problem: Option<Problem>,
    },
}

/// A relay of the profile and the connection to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct RelayStatus {
    /// Address, as text.
    pub relay: String,
    /// How the connection stands.
    pub state: RelayState,
    /// Why it is not connected, if there is more to say than that it is being tried.
    pub problem: Option<Problem>,
    /// How long until the next attempt, in milliseconds, when this was said.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub retry_in_ms: Option<u64>,
}

/// How a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum RelayState {
    /// Being made.
    Connecting,
    /// The relay has proven who it is.
    Connected,
    /// Not there; tried again after a pause.
    Offline,
}
