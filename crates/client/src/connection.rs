//! One relay, one connection, one task.
//!
//! [`link::run`] owns everything about a relay: it dials, proves whom it talks to, moves frames
//! both ways, notices a dead peer, and comes back after a pause. It speaks with its owner through
//! two bounded queues and knows nothing of what the frames mean.

mod backoff;
mod danger;
mod dial;
mod error;
mod hello;
mod life;
pub(crate) mod link;
mod socket;
#[cfg(test)]
mod tests;
mod tls;

pub use error::ConnectionError;
