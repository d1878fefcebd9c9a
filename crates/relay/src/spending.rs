//! What one connection, or one address, may ask for in a time.

use std::time::{Duration, Instant};

use sotto_wire::limits;

use crate::config::Rates;
use crate::pace::Pace;

/// What a request costs.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    pub(crate) requests: u32,
    /// Of the frame.
    pub(crate) bytes: u64,
    /// Channels to be made.
    pub(crate) channels: u32,
    /// Bytes of blobs to be reserved.
    pub(crate) blob_bytes: u64,
}

/// When something can be paid for.
pub(crate) enum Wait {
    /// In a moment: it went too fast.
    Pace(Duration),
    /// An hour's share is used up.
    Quota(Duration),
}

/// The budgets.
#[derive(Debug)]
pub(crate) struct Spending {
    requests: Pace,
    bytes: Pace,
    channels: Pace,
    blob_bytes: Pace,
}

impl Spending {
    pub(crate) fn new(rates: &Rates, now: Instant) -> Self {
        Self {
            requests: Pace::a_second(f64::from(rates.requests_per_second), 0.0, now),
            // The largest frame has to fit.
            bytes: Pace::a_second(
                number(rates.bytes_per_second),
                number(limits::MAX_FRAME as u64),
                now,
            ),
            channels: Pace::an_hour(f64::from(rates.channels_per_hour), now),
            blob_bytes: Pace::an_hour(number(rates.blob_bytes_per_hour), now),
        }
    }

    /// What to wait for, if anything; nothing has been taken then.
    pub(crate) fn wait(&mut self, cost: &Cost, now: Instant) -> Option<Wait> {
        let mut short = None;
        for (pace, cost) in [
            (&mut self.requests, f64::from(cost.requests)),
            (&mut self.bytes, number(cost.bytes)),
        ] {
            short = short.max(pace.wait(cost, now));
        }
        let mut long = None;
        for (pace, cost) in [
            (&mut self.channels, f64::from(cost.channels)),
            (&mut self.blob_bytes, number(cost.blob_bytes)),
        ] {
            long = long.max(pace.wait(cost, now));
        }
        long.map(Wait::Quota).or(short.map(Wait::Pace))
    }

    pub(crate) fn take(&mut self, cost: &Cost) {
        self.requests.take(f64::from(cost.requests));
        self.bytes.take(number(cost.bytes));
        self.channels.take(f64::from(cost.channels));
        self.blob_bytes.take(number(cost.blob_bytes));
    }

    /// A blob was there already.
    pub(crate) fn give_back(&mut self, blob_bytes: u64) {
        self.blob_bytes.give_back(number(blob_bytes));
    }

    /// Pays for a frame that can't be refused.
    pub(crate) fn owe(&mut self, bytes: usize, now: Instant) -> bool {
        self.requests.owe(1.0, now) && self.bytes.owe(number(bytes as u64), now)
    }

    pub(crate) fn rested(&mut self, now: Instant) -> bool {
        self.requests.rested(now)
            && self.bytes.rested(now)
            && self.channels.rested(now)
            && self.blob_bytes.rested(now)
    }
}

/// Exact up to 2^53, which is more than any budget.
fn number(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATES: Rates = Rates {
        requests_per_second: 10,
        bytes_per_second: 1_000_000,
        channels_per_hour: 5,
        blob_bytes_per_hour: 1000,
    };

    fn costs() -> [Cost; 4] {
        let [mut requests, mut bytes, mut channels, mut blobs] = [Cost::default(); 4];
        requests.requests = 1;
        bytes.bytes = 100_000;
        channels.channels = 1;
        blobs.blob_bytes = 250;
        [requests, bytes, channels, blobs]
    }

    fn pay(spending: &mut Spending, cost: &Cost, now: Instant) -> bool {
        let enough = spending.wait(cost, now).is_none();
        if enough {
            spending.take(cost);
        }
        enough
    }

    /// Pays until it can't; how often that was.
    fn use_up(spending: &mut Spending, cost: &Cost, now: Instant) -> usize {
        let paid = (0..100).take_while(|_| pay(spending, cost, now));
        paid.count()
    }

    #[test]
    fn each_budget_runs_out_by_itself_and_comes_back() {
        let now = Instant::now();
        for (cost, times) in costs().iter().zip([10, 10, 5, 4]) {
            let mut spending = Spending::new(&RATES, now);
            assert!(spending.rested(now));
            assert_eq!(use_up(&mut spending, cost, now), times, "{cost:?}");
            let others = costs();
            let left = others.iter().filter(|other| pay(&mut spending, other, now));
            assert_eq!(left.count(), 3, "the others are untouched");
        }
        for cost in &costs() {
            let mut spending = Spending::new(&RATES, now);
            spending.take(cost);
            assert!(!spending.rested(now), "{cost:?}");
            assert!(spending.rested(now + Duration::from_secs(3600)));
        }
    }

    #[test]
    fn the_longer_wait_is_told() {
        let now = Instant::now();
        let mut spending = Spending::new(&RATES, now);
        for cost in &costs() {
            use_up(&mut spending, cost, now);
        }
        let [request, _, channel, blob] = costs();
        assert!(matches!(spending.wait(&request, now), Some(Wait::Pace(_))));
        for mut cost in [channel, blob] {
            cost.requests = 1;
            assert!(matches!(spending.wait(&cost, now), Some(Wait::Quota(_))));
        }
    }

    #[test]
    fn a_blob_that_was_there_costs_nothing() {
        let now = Instant::now();
        let mut spending = Spending::new(&RATES, now);
        let [.., blob] = costs();
        use_up(&mut spending, &blob, now);
        spending.give_back(blob.blob_bytes);
        assert_eq!(use_up(&mut spending, &blob, now), 1);
    }

    #[test]
    fn frames_that_can_not_be_refused_make_debts_of_both_kinds() {
        let now = Instant::now();
        for (len, times) in [(0, 20), (500_000, 4)] {
            let mut spending = Spending::new(&RATES, now);
            let owed = (0..100).take_while(|_| spending.owe(len, now));
            assert_eq!(owed.count(), times, "{len} bytes");
        }
    }
}
