//! The one module that names mls-rs (RFC 9420). Everything else speaks of groups by id and gets
//! plain values back, so the library could be replaced without touching the rest.
//!
//! mls-rs storage traits need `Send + Sync`, which a database connection is not: they write to a
//! [`shelf::Shelf`] in memory, and the engine flushes it inside its own transaction
//! ([`Groups::take_changes`]). If that transaction fails, [`Groups::forget`] drops whatever is in
//! memory, and the group is loaded again from what is on disk.

mod asked;
mod extension;
mod failure;
mod groups;
mod identity;
mod rules;
mod shelf;
mod token;

pub(crate) use asked::{Groups, Leaf, Opened, PackageOwner, PendingCommit, StoredGroup};
pub(crate) use extension::{LeafChannel, Roles};
pub(crate) use failure::MlsFailure;
pub(crate) use groups::MlsGroups;
pub(crate) use shelf::{KeyPackageRow, RosterLeaf};
pub(crate) use token::token_of;

/// MLS group id: 32 random bytes, never seen by the relay.
pub(crate) type GroupId = [u8; 32];
