//! The web host: the screens and the contract, for browsers on this machine.
//!
//! It listens on 127.0.0.1 alone. An address with a one-time token lets one browser in; the token
//! is exchanged for a session, and the session opens a WebSocket that speaks JSON-RPC, as `sotto
//! rpc` does. Who is kept out, and how, is in `docs/web-host.md`.

mod config;
mod enter;
mod guard;
mod http;
mod problem;
mod screens;
mod server;
mod session;
mod sessions;
mod socket;

pub use config::{Config, Limits};
pub use problem::StartError;
pub use screens::{File, Screens};
pub use server::{Told, Web};

/// The readers of what comes from outside, for the fuzz target and the replay of its corpus.
#[doc(hidden)]
pub mod outside {
    pub use crate::enter::judge;
    pub use crate::session::token_of;
}
