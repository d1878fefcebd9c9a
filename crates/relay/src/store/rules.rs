//! What every engine decides alike, so that two engines can't come to differ about a right.

use sotto_wire::{Lane, limits};

use super::{NewEntry, Seconds, StoreError, Stored};

/// What an append is measured against.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measure {
    /// Closed by a fence.
    pub(super) fenced: bool,
    /// Handshake entries so far.
    pub(super) handshakes: u64,
    /// Bytes of bodies that are still there.
    pub(super) bytes: u64,
    /// Of these, bytes of handshakes that went into their reserved room in this hour.
    pub(super) reserved: u64,
    /// Subscribers.
    pub(super) subscribers: usize,
}

/// What one channel may hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Live bytes; handshakes may use a quarter more.
    pub(super) bytes: u64,
    /// Of that quarter, bytes in an hour.
    pub(super) reserve_per_hour: u64,
    /// Subscribers.
    pub(super) keys: usize,
    /// The hour, in seconds since 1970.
    pub(super) at: Seconds,
    /// The second.
    pub(super) now: Seconds,
}

/// The rules of an append, save the writer's right and repetition.
pub(super) fn may_append(now: Measure, new: &NewEntry, bounds: &Bounds) -> Stored<()> {
    let quota = bounds.bytes;
    if now.fenced {
        return Err(StoreError::Fenced);
    }
    let behind = now.handshakes.checked_sub(new.handshakes);
    let (most_behind, room) = match new.lane {
        // Room that chat can't use up, so that members can still be removed from a full channel.
        Lane::Handshake => (0, quota + quota / 4),
        Lane::Chat | Lane::Ephemeral => (limits::MAX_HANDSHAKES_BEHIND, quota),
    };
    if behind.is_none_or(|behind| behind > most_behind) {
        return Err(StoreError::Stale {
            handshakes: now.handshakes,
        });
    }
    let len = new.body.len() as u64;
    if now.bytes + len > room || now.subscribers + new.subscribers.len() > bounds.keys {
        return Err(StoreError::Quota);
    }
    // One is always let in, however large; the reserve would be of no use otherwise.
    if now.bytes + len > quota && now.reserved > 0 && now.reserved + len > bounds.reserve_per_hour {
        return Err(StoreError::TooFast {
            wait: (bounds.at + 3600).saturating_sub(bounds.now),
        });
    }
    Ok(())
}

/// Ages are kept by the hour: retention needs no more, and nobody should learn more from the disk.
pub(super) fn coarse(seconds: Seconds) -> Seconds {
    seconds - seconds % 3600
}
