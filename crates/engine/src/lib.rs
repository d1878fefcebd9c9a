//! The client without I/O: profile, contacts, conversations, outbox and history.
//!
//! [`Engine::handle`] takes one [`Input`] and the time, runs one transaction on the profile's
//! encrypted database, and returns what is to be done: frames to send, connections wanted, events
//! for the screen, the next deadline. It opens no socket, starts no thread and reads no clock;
//! time and randomness are arguments, so a seed replays a whole world. What [`Outputs`] names may
//! be carried out only because the transaction behind it has been committed durably.

mod api;
mod commands;
mod contacts;
mod conversations;
mod engine;
mod error;
mod founding;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod identity;
mod messages;
mod profile;
mod reader;
mod relays;
mod room;
mod safety_number;
mod show;
mod store;
mod suite;
mod turn;

pub use api::*;
pub use contacts::inspect_invite;
pub use engine::Engine;
pub use error::{EngineError, Refused};
pub use profile::NewProfile;
pub use reader::Reader;
pub use safety_number::{SafetyNumber, ShortCode, safety_number, short_code};
pub use store::StoreError;
pub use suite::Suite;
