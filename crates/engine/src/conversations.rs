//! Conversations: MLS groups over channels, one order for all members.

mod conversation;
pub(crate) mod envelope;
mod fence;
mod generation;
mod handshake;
mod keep;
mod mls;
mod receive;
mod subscribe;

pub(crate) use conversation::{Channel, Conversation, Kind};
pub(crate) use fence::{create as create_channel, housekeeping};
pub(crate) use generation::Generation;
pub(crate) use handshake::{Intent, refused as handshake_refused, send as send_handshakes, want};
pub(crate) use keep::{flush_groups, load_group, roster_of_row};
pub(crate) use mls::{
    GroupId, Groups, KeyPackageRow, Leaf, LeafChannel, MlsFailure, MlsGroups, Opened, PackageOwner,
    Roles, token_of,
};
pub(crate) use receive::{delivered, halt, seen_by_me};
pub(crate) use subscribe::{missing, subscribe, subscribed};

use sotto_wire::Position;

/// Place of an entry in the order that all members of a conversation share.
pub(crate) fn order(generation: u32, position: Position) -> i64 {
    (i64::from(generation) << 40).saturating_add(position.0.min(1 << 39).cast_signed())
}

/// Queued messages stand behind all that have a place.
pub(crate) const QUEUED: i64 = 1 << 52;
