//! Sotto's relay: a log with rights that can't read what it keeps.
//!
//! [`Relay::bind`] opens the data folder (identity key, certificate, store) and [`Relay::run`]
//! serves until a future says stop. The relay knows channels under random addresses, public keys
//! and sealed bytes; it has no accounts, and its logs and metrics name nothing of that.

mod addresses;
mod aside;
pub mod blobs;
mod certificate;
mod clock;
pub mod config;
mod connection;
mod data;
mod disk;
mod feed;
mod http;
mod jetstream;
mod live;
mod metrics;
mod open_files;
pub mod operation;
mod pace;
mod page;
mod patience;
mod server;
mod spending;
mod stock;
pub mod store;
mod transport;

pub use certificate::CertificateError;
pub use clock::Clock;
pub use config::{AcmeOptions, AddressLimits, CertificateSource, Config, ConnectionLimits, Rates};
pub use data::DataError;
pub use feed::{Listener, Wake};
pub use metrics::Metrics;
pub use server::{Controls, Relay, StartError};
