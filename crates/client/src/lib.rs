//! The engine on a real machine: sockets, tasks, clock, keychain and files.
//!
//! A [`Host`] holds any number of profiles. Each open [`Profile`] has one thread that owns its
//! engine and one task for each relay that the engine wants; the thread starts them, and none of
//! them outlives it. What a host may ask and what it is told is the [`contract`]: Tauri, the
//! JSON-RPC command line and the terminal chat are thin adapters of the same list.

mod clock;
mod connection;
pub mod contract;
mod files;
mod host;
mod keys;
mod profile;
pub mod rpc;
mod timing;

pub use connection::ConnectionError;
pub use host::{Events, Host, HostConfig, NewAccount, Pending};
pub use keys::{KeyError, KeySource, Passphrase, Protection};
pub use profile::{FolderError, NameError, Profile, ProfileError, ProfileName, Submitted};
pub use sotto_engine::{EngineError, Reader};
pub use timing::Timing;
