//! The engine's side of its relays: sessions, proofs, requests under way, errands.

pub(crate) mod arrival;
pub(crate) mod errand;
pub(crate) mod session;

pub(crate) use errand::{Errand, Purpose};
pub(crate) use session::{Asked, Sessions};
