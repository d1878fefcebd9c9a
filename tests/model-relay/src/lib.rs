//! A relay that keeps the protocol exactly, in memory and in one thread: `docs/protocol-relay.md`
//! as plain data. Engine tests and the simulation talk to it.
//!
//! It knows no sockets. Whoever plays the network gives it a name for each connection, hands it
//! frames, takes frames out, and says what time it is ([`ModelRelay::now`]).
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")
)]

mod channel;
mod commands;
mod connection;
mod delivery;
mod relay;

pub use channel::Lost;
pub use relay::{Intercept, Memory, ModelRelay};
