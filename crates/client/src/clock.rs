//! The wall clock as the engine's time.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use sotto_engine::Timestamp;

/// Gives the time in milliseconds since 1970, never an earlier one than before.
///
/// A wall clock can be set back. Expiries, lifetimes and the order of messages would then be
/// judged twice, so while the wall clock is behind what was already given, time goes on from
/// there by the monotonic clock until the wall clock has caught up. A jump forward (waking from
/// sleep, a corrected clock) is followed at once.
#[derive(Debug)]
pub(crate) struct Clock {
    /// The wall clock when it was last believed, and the moment of that.
    anchor: (Timestamp, Instant),
    last: Timestamp,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self {
            anchor: (Timestamp(0), Instant::now()),
            last: Timestamp(0),
        }
    }

    pub(crate) fn now(&mut self) -> Timestamp {
        let wall = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        self.advance(Timestamp(milliseconds(wall)), Instant::now())
    }

    fn advance(&mut self, wall: Timestamp, at: Instant) -> Timestamp {
        if wall >= self.last {
            self.anchor = (wall, at);
            self.last = wall;
        } else {
            // The anchor stays where it is, so that many short steps lose no fractions.
            let (wall, then) = self.anchor;
            self.last = wall
                .plus(milliseconds(at.saturating_duration_since(then)))
                .max(self.last);
        }
        self.last
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_the_wall_clock_forward_and_never_back() {
        let mut clock = Clock::new();
        let start = Instant::now();
        let after = |ms| start + Duration::from_millis(ms);
        assert_eq!(
            clock.advance(Timestamp(1_000_000), start),
            Timestamp(1_000_000)
        );
        assert_eq!(
            clock.advance(Timestamp(9_000_000), after(10)),
            Timestamp(9_000_000),
            "woken from sleep"
        );
        assert_eq!(
            clock.advance(Timestamp(2_000_000), after(30)),
            Timestamp(9_000_020),
            "set back: goes on"
        );
        assert_eq!(
            clock.advance(Timestamp(2_000_500), after(530)),
            Timestamp(9_000_520)
        );
        assert_eq!(
            clock.advance(Timestamp(9_000_100), after(530)),
            Timestamp(9_000_520),
            "still behind"
        );
        assert_eq!(
            clock.advance(Timestamp(9_000_521), after(531)),
            Timestamp(9_000_521),
            "caught up"
        );
    }

    #[test]
    fn the_real_clock_is_after_2020() {
        assert!(Clock::new().now() > Timestamp(1_577_836_800_000));
    }
}
