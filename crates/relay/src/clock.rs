//! The machine's clock. Only ages are computed from it: no order depends on it.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::store::Seconds;

/// Says what time it is; tests bring their own.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Seconds + Send + Sync>);

impl Clock {
    /// A clock that says what `now` says.
    pub fn new(now: impl Fn() -> Seconds + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// Seconds since 1970.
    pub fn now(&self) -> Seconds {
        (self.0)()
    }
}

impl Default for Clock {
    /// The machine's.
    fn default() -> Self {
        Self::new(|| {
            SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| since.as_secs())
        })
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clock({})", self.now())
    }
}

/// A jump ahead counts once it has lasted so long.
const BELIEVED_AFTER: Duration = Duration::from_secs(24 * 3600);

/// The time to delete by. A clock that is set wrong, or that was wrong and is set right, makes
/// everything look old at once; so this one follows a jump ahead only after a day, in which whoever
/// runs the relay can notice. A jump back it follows at once: that deletes nothing.
#[derive(Debug)]
pub(crate) struct DeletingClock {
    clock: Clock,
    started: Instant,
    /// When it was read, and how far the clock was ahead of the time the relay had run, in seconds.
    readings: VecDeque<(Instant, Seconds)>,
}

impl DeletingClock {
    pub(crate) fn new(clock: Clock, now: Instant) -> Self {
        Self {
            clock,
            started: now,
            readings: VecDeque::new(),
        }
    }

    /// Seconds since 1970, never later than the clock says.
    pub(crate) fn now(&mut self, now: Instant) -> Seconds {
        let run = now.duration_since(self.started).as_secs();
        let says = self.clock.now();
        let ahead = says.saturating_sub(run);
        self.readings.push_back((now, ahead));
        while let Some((at, _)) = self.readings.front()
            && now.duration_since(*at) > BELIEVED_AFTER
        {
            self.readings.pop_front();
        }
        let least = self.readings.iter().map(|(_, ahead)| *ahead).min();
        let believed = least.unwrap_or(ahead) + run;
        if says > believed + BELIEVED_AFTER.as_secs() / 2 {
            tracing::warn!(
                days = (says - believed) / 86_400,
                "the clock has jumped ahead: nothing is deleted for its age until it has stood so for a day"
            );
        }
        believed.min(says)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

    use super::*;

    const HOUR: u64 = 3600;
    const DAY: u64 = 24 * HOUR;
    const NOW: u64 = 1_800_000_000;

    /// What a clock that is so many seconds off in each hour makes of the time.
    fn hours(off: impl Fn(u64) -> i64, count: u64) -> Vec<i64> {
        let says = Arc::new(AtomicU64::new(0));
        let clock = Clock::new({
            let says = Arc::clone(&says);
            move || says.load(Relaxed)
        });
        let start = Instant::now();
        let mut deleting = DeletingClock::new(clock, start);
        let read = |hour: u64| {
            let true_time = NOW + hour * HOUR;
            says.store(true_time.saturating_add_signed(off(hour)), Relaxed);
            let believed = deleting.now(start + Duration::from_secs(hour * HOUR));
            believed.cast_signed() - true_time.cast_signed()
        };
        (0..count).map(read).collect()
    }

    #[test]
    fn a_steady_clock_is_believed() {
        assert!(hours(|_| 0, 100).iter().all(|off| *off == 0));
    }

    #[test]
    fn a_jump_ahead_counts_after_a_day() {
        let year = 365 * DAY.cast_signed();
        let off = hours(|hour| if hour < 10 { 0 } else { year }, 50);
        assert!(off[..34].iter().all(|off| *off == 0), "{off:?}");
        assert!(off[35..].iter().all(|off| *off == year), "{off:?}");
    }

    #[test]
    fn a_jump_ahead_that_is_mended_in_time_never_counts() {
        let off = hours(
            |hour| if (10..30).contains(&hour) { 1 << 30 } else { 0 },
            100,
        );
        assert!(off.iter().all(|off| *off == 0), "{off:?}");
    }

    #[test]
    fn a_jump_back_counts_at_once_and_its_end_after_a_day() {
        let back = -DAY.cast_signed();
        let off = hours(|hour| if (10..20).contains(&hour) { back } else { 0 }, 100);
        assert_eq!(off[9..11], [0, back]);
        assert!(off[10..43].iter().all(|off| *off == back), "{off:?}");
        assert!(off[45..].iter().all(|off| *off == 0), "{off:?}");
    }
}
