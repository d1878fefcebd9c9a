//! Meeting someone: invites, cards, the pool of key packages, letters, requests, contacts.

pub(crate) mod card;
mod contact;
pub(crate) mod inbox;
pub(crate) mod invite;
pub(crate) mod letter;
pub(crate) mod list;
pub(crate) mod meeting;
mod offer;
pub(crate) mod opening;
pub(crate) mod pool;
pub(crate) mod request;

pub(crate) use contact::{introduce, remember, remember_introduction};
pub use invite::inspect as inspect_invite;
pub(crate) use letter::arrived as letter_arrived;
