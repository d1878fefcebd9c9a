//! Sotto's relay: a log with rights that can't read what it keeps.
//!
//! [`Relay::bind`] opens the data folder (identity key, certificate, store) and [`Relay::run`]
//! serves until a future says stop. The relay knows channels under random addresses, public keys
//! and sealed bytes; it has no accounts, and its logs and metrics name nothing of that.

mod certificate;
mod clock;
mod config;
mod connection;
mod data;
mod feed;
mod http;
mod metrics;
mod server;
pub mod store;
mod transport;

pub use clock::Clock;
pub use config::{Config, ConnectionLimits};
pub use data::DataError;
pub use feed::{Listener, Wake};
pub use metrics::Metrics;
pub use server::{Relay, StartError};
