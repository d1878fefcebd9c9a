//! How fast somebody may ask.

use std::time::{Duration, Instant};

/// A bucket that fills at the allowed rate up to what may be saved up.
#[derive(Debug)]
pub(crate) struct Pace {
    /// A second.
    rate: f64,
    most: f64,
    left: f64,
    at: Instant,
}

impl Pace {
    /// So much a second, a second's worth saved up, but at least `least`.
    pub(crate) fn a_second(rate: f64, least: f64, now: Instant) -> Self {
        let rate = rate.max(1.0);
        Self::new(rate, rate.max(least), now)
    }

    /// So much an hour, an hour's worth saved up.
    pub(crate) fn an_hour(rate: f64, now: Instant) -> Self {
        let rate = rate.max(1.0);
        Self::new(rate / 3600.0, rate, now)
    }

    fn new(rate: f64, most: f64, now: Instant) -> Self {
        Self {
            rate,
            most,
            left: most,
            at: now,
        }
    }

    /// How long to wait before this can be paid for; nothing when it can be now.
    pub(crate) fn wait(&mut self, cost: f64, now: Instant) -> Option<Duration> {
        self.fill(now);
        if self.left >= cost {
            return None;
        }
        // At least a millisecond, for that is what a refusal can say. What is more than can ever be
        // saved up has no time of its own; whoever asks for less then may have it.
        let missing = (cost.min(self.most) - self.left) / self.rate;
        Some(Duration::from_secs_f64(missing.max(0.001)))
    }

    /// Takes what [`Self::wait`] said can be paid for.
    pub(crate) fn take(&mut self, cost: f64) {
        self.left -= cost;
    }

    /// Gives back what turned out to cost nothing.
    pub(crate) fn give_back(&mut self, cost: f64) {
        self.left = (self.left + cost).min(self.most);
    }

    /// Pays for what can't be refused. False when the debt has become more than what may be saved up.
    pub(crate) fn owe(&mut self, cost: f64, now: Instant) -> bool {
        self.fill(now);
        self.left -= cost;
        self.left >= -self.most
    }

    /// Is it as if nothing had ever been asked?
    pub(crate) fn rested(&mut self, now: Instant) -> bool {
        self.fill(now);
        self.left >= self.most
    }

    fn fill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.left = (self.left + passed * self.rate).min(self.most);
        self.at = now;
    }
}

#[cfg(test)]
mod tests {
    use super::Pace;
    use std::time::{Duration, Instant};

    fn pay(pace: &mut Pace, cost: f64, now: Instant) -> Result<(), Duration> {
        match pace.wait(cost, now) {
            None => {
                pace.take(cost);
                Ok(())
            }
            Some(wait) => Err(wait),
        }
    }

    #[test]
    fn refuses_above_the_rate_and_says_when_to_come_back() {
        let start = Instant::now();
        let mut pace = Pace::a_second(10.0, 0.0, start);
        for _ in 0..10 {
            assert_eq!(pay(&mut pace, 1.0, start), Ok(()));
        }
        let wait = pay(&mut pace, 2.0, start).unwrap_err();
        assert_eq!(wait, Duration::from_millis(200));
        assert!(pay(&mut pace, 2.0, start + wait / 2).is_err());
        assert_eq!(pay(&mut pace, 2.0, start + wait), Ok(()));
        // A long pause saves up no more than a second's worth.
        let later = start + Duration::from_secs(60);
        let paid = (0..100).filter(|_| pay(&mut pace, 1.0, later).is_ok());
        assert_eq!(paid.count(), 10);
    }

    #[test]
    fn an_hour_s_worth_comes_back_over_an_hour() {
        let start = Instant::now();
        let mut pace = Pace::an_hour(3600.0, start);
        assert_eq!(pay(&mut pace, 3600.0, start), Ok(()));
        assert_eq!(pay(&mut pace, 60.0, start), Err(Duration::from_secs(60)));
        assert!(!pace.rested(start + Duration::from_secs(3599)));
        assert!(pace.rested(start + Duration::from_secs(3600)));
        // More than there ever is: no wait is promised beyond a full bucket.
        let wait = pay(&mut pace, 1e9, start + Duration::from_secs(3600));
        assert_eq!(wait, Err(Duration::from_millis(1)));
    }

    #[test]
    fn what_is_given_back_can_be_paid_with_and_is_not_saved_up() {
        let start = Instant::now();
        let mut pace = Pace::a_second(10.0, 0.0, start);
        assert_eq!(pay(&mut pace, 10.0, start), Ok(()));
        for (back, more) in [(4.0, 4.0), (100.0, 10.0)] {
            pace.give_back(back);
            assert_eq!(pay(&mut pace, more, start), Ok(()));
            assert!(pay(&mut pace, 0.5, start).is_err());
        }
    }

    #[test]
    fn debt_has_an_end() {
        let start = Instant::now();
        let mut pace = Pace::a_second(10.0, 0.0, start);
        let paid = (0..100).take_while(|_| pace.owe(1.0, start));
        assert_eq!(paid.count(), 20);
    }
}
