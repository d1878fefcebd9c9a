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

#[cfg(test)]
mod tests {
    use super::*;
    use sotto_suite::sign::PublicKey;
    use sotto_wire::{AppendId, ChannelId};

    const BOUNDS: Bounds = Bounds {
        bytes: 1000,
        reserve_per_hour: 100,
        keys: 3,
        at: 7200,
        now: 7300,
    };
    const NOW: Measure = Measure {
        fenced: false,
        handshakes: 10,
        bytes: 0,
        reserved: 0,
        subscribers: 1,
    };

    /// An entry of a sender who has processed so many handshakes.
    fn entry(lane: Lane, handshakes: u64, len: usize) -> NewEntry {
        NewEntry {
            channel: ChannelId([1; 16]),
            writer: PublicKey([2; 32]),
            lane,
            append: AppendId([3; 16]),
            handshakes,
            body: vec![0; len],
            subscribers: vec![],
            fence: false,
        }
    }

    #[test]
    fn after_a_fence_nothing_is_taken() {
        let fenced = Measure {
            fenced: true,
            ..NOW
        };
        for lane in [Lane::Handshake, Lane::Chat] {
            let refused = may_append(fenced, &entry(lane, 10, 0), &BOUNDS);
            assert_eq!(refused, Err(StoreError::Fenced));
        }
    }

    #[test]
    fn a_handshake_needs_exactly_the_count_and_chat_may_be_three_behind() {
        for (lane, handshakes, taken) in [
            (Lane::Handshake, 9, false),
            (Lane::Handshake, 10, true),
            (Lane::Handshake, 11, false),
            (Lane::Chat, 6, false),
            (Lane::Chat, 7, true),
            (Lane::Chat, 10, true),
            (Lane::Chat, 11, false),
        ] {
            let answer = may_append(NOW, &entry(lane, handshakes, 0), &BOUNDS);
            let stale = Err(StoreError::Stale { handshakes: 10 });
            let expected = if taken { Ok(()) } else { stale };
            assert_eq!(answer, expected, "{lane:?} after {handshakes}");
        }
    }

    #[test]
    fn chat_fills_a_channel_and_handshakes_a_quarter_more() {
        for (lane, bytes, len, taken) in [
            (Lane::Chat, 990, 10, true),
            (Lane::Chat, 990, 11, false),
            (Lane::Handshake, 990, 11, true),
            (Lane::Handshake, 1240, 10, true),
            (Lane::Handshake, 1240, 11, false),
        ] {
            let answer = may_append(Measure { bytes, ..NOW }, &entry(lane, 10, len), &BOUNDS);
            let expected = if taken {
                Ok(())
            } else {
                Err(StoreError::Quota)
            };
            assert_eq!(answer, expected, "{lane:?}: {bytes} and {len}");
        }
    }

    #[test]
    fn subscribers_are_bounded() {
        for (more, expected) in [(2, Ok(())), (3, Err(StoreError::Quota))] {
            let mut entry = entry(Lane::Handshake, 10, 0);
            entry.subscribers = vec![PublicKey([4; 32]); more];
            assert_eq!(may_append(NOW, &entry, &BOUNDS), expected, "{more} more");
        }
    }

    #[test]
    fn the_reserve_is_given_out_by_the_hour() {
        let too_fast = Err(StoreError::TooFast { wait: 3500 });
        for (bytes, reserved, len, expected) in [
            // The hour's share, and not a byte more.
            (1000, 50, 50, Ok(())),
            (1000, 50, 51, too_fast),
            (1000, 1, 100, too_fast),
            // One is let in, however large.
            (1000, 0, 150, Ok(())),
            // Up to the quota nothing is taken of the reserve.
            (950, 90, 50, Ok(())),
            (950, 90, 51, too_fast),
        ] {
            let now = Measure {
                bytes,
                reserved,
                ..NOW
            };
            let answer = may_append(now, &entry(Lane::Handshake, 10, len), &BOUNDS);
            assert_eq!(answer, expected, "{bytes}, {reserved} and {len}");
        }
    }

    #[test]
    fn ages_are_whole_hours() {
        for (seconds, hour) in [(0, 0), (3599, 0), (3600, 3600), (10_799, 7200)] {
            assert_eq!(coarse(seconds), hour);
        }
    }
}
