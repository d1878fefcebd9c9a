//! The contract as JSON-RPC 2.0, for whatever carries messages: lines of a pipe, frames of a
//! WebSocket.
//!
//! Methods are the contract's calls, parameters are named; events come as notifications of the
//! method `event`. Commands of a profile are carried out in the order in which they were sent,
//! also when the answers are not waited for; reads may overtake.

mod dialogue;
mod lines;
mod message;

pub use dialogue::{Bounds, Dialogue, Outgoing};
pub use lines::{serve, serve_and_tell};
pub use message::{Id, LONGEST_MESSAGE, Request, Unreadable, answer, notification};
