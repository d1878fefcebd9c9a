//! How fast one connection may ask.

use std::time::{Duration, Instant};

/// A bucket that fills at the allowed rate and holds a second's worth.
pub(super) struct Pace {
    rate: f64,
    left: f64,
    at: Instant,
}

impl Pace {
    pub(super) fn new(a_second: u32, now: Instant) -> Self {
        let rate = f64::from(a_second.max(1));
        Self {
            rate,
            left: rate,
            at: now,
        }
    }

    /// Pays for a request, or says how long to wait before it can be paid for.
    pub(super) fn pay(&mut self, cost: u32, now: Instant) -> Result<(), Duration> {
        self.fill(now);
        let cost = f64::from(cost);
        if self.left >= cost {
            self.left -= cost;
            return Ok(());
        }
        // At least a millisecond, for that is what a refusal can say.
        Err(Duration::from_secs_f64((cost - self.left) / self.rate).max(Duration::from_millis(1)))
    }

    /// Pays for what can't be refused. False when the debt has become more than a second's worth.
    pub(super) fn owe(&mut self, cost: u32, now: Instant) -> bool {
        self.fill(now);
        self.left -= f64::from(cost);
        self.left >= -self.rate
    }

    fn fill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.left = (self.left + passed * self.rate).min(self.rate);
        self.at = now;
    }
}

#[cfg(test)]
mod tests {
    use super::Pace;
    use std::time::{Duration, Instant};

    #[test]
    fn refuses_above_the_rate_and_says_when_to_come_back() {
        let start = Instant::now();
        let mut pace = Pace::new(10, start);
        for _ in 0..10 {
            assert_eq!(pace.pay(1, start), Ok(()));
        }
        let wait = pace.pay(2, start).unwrap_err();
        assert_eq!(wait, Duration::from_millis(200));
        assert!(pace.pay(2, start + wait / 2).is_err());
        assert_eq!(pace.pay(2, start + wait), Ok(()));
        // A long pause saves up no more than a second's worth.
        let later = start + Duration::from_secs(60);
        assert_eq!((0..100).filter(|_| pace.pay(1, later).is_ok()).count(), 10);
    }

    #[test]
    fn debt_has_an_end() {
        let start = Instant::now();
        let mut pace = Pace::new(10, start);
        assert_eq!((0..100).take_while(|_| pace.owe(1, start)).count(), 20);
    }
}
