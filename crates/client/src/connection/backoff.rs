//! How long to wait before trying a relay again.

use std::time::Duration;

use sotto_suite::{Random, RandomExt as _};

use crate::Timing;

/// Exponential pauses with jitter, so that thousands of clients that lost the same relay at the
/// same moment don't come back at the same moment.
#[derive(Debug)]
pub(super) struct Backoff {
    min: Duration,
    max: Duration,
    next: Duration,
}

impl Backoff {
    pub(super) fn new(timing: &Timing) -> Self {
        Self {
            min: timing.pause_min,
            max: timing.pause_max,
            next: timing.pause_min,
        }
    }

    /// The next pause: between half of the current step and the whole of it.
    pub(super) fn pause(&mut self, random: &mut dyn Random) -> Duration {
        let step = self.next.min(self.max);
        self.next = step.saturating_mul(2).min(self.max);
        let dice = u32::from_be_bytes(random.bytes());
        step.mul_f64(0.5 + 0.5 * f64::from(dice) / f64::from(u32::MAX))
    }

    /// The connection was stable: start from the shortest pause again.
    pub(super) fn reset(&mut self) {
        self.next = self.min;
    }
}

#[cfg(test)]
mod tests {
    use sotto_suite::SeededRandom;

    use super::*;

    #[test]
    fn doubles_with_jitter_up_to_the_longest_and_starts_again() {
        let timing = Timing::default();
        let mut random = SeededRandom::new([7; 32]);
        let mut backoff = Backoff::new(&timing);
        let mut step = timing.pause_min;
        for _ in 0..20 {
            let pause = backoff.pause(&mut random);
            assert!(pause >= step / 2 && pause <= step, "{pause:?} for {step:?}");
            step = (step * 2).min(timing.pause_max);
        }
        assert_eq!(step, timing.pause_max);
        backoff.reset();
        assert!(backoff.pause(&mut random) <= timing.pause_min);
    }

    #[test]
    fn two_clients_wait_differently() {
        let timing = Timing::default();
        let one = Backoff::new(&timing).pause(&mut SeededRandom::new([1; 32]));
        let two = Backoff::new(&timing).pause(&mut SeededRandom::new([2; 32]));
        assert_ne!(one, two);
    }
}
