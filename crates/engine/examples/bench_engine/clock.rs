//! Time on the wall and on the processor.

use std::time::{Duration, Instant};

/// What was spent on one operation after another.
#[derive(Default)]
pub struct Spent {
    each: Vec<Duration>,
    /// On the processor, all operations together.
    cpu: Duration,
}

impl Spent {
    /// Runs one operation and books it.
    pub fn time<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let value = work();
        self.each.push(start.elapsed());
        value
    }

    /// The same, with the processor's share: this gives the processor away before and after, so
    /// it is for operations that take milliseconds.
    pub fn time_long<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let before = on_processor();
        let value = self.time(work);
        self.cpu += on_processor() - before;
        value
    }

    /// Median, in seconds: what disturbs less than half of the operations doesn't show.
    pub fn median(&self) -> f64 {
        let mut sorted = self.each.clone();
        sorted.sort_unstable();
        sorted
            .get(sorted.len() / 2)
            .map_or(f64::NAN, Duration::as_secs_f64)
    }

    /// Seconds on the processor an operation; meant for [`Self::time_long`].
    pub fn processor(&self) -> f64 {
        self.cpu.as_secs_f64() / self.each.len() as f64
    }
}

/// What this thread has used of the processor so far (Linux; nothing elsewhere). The kernel
/// brings its account up to date when the thread gives the processor away.
fn on_processor() -> Duration {
    std::thread::yield_now();
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = text.split(' ').next().and_then(|first| first.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or(0))
}

/// Bytes that this process has handed to the system for writing (Linux; nothing elsewhere).
pub fn written() -> u64 {
    let text = std::fs::read_to_string("/proc/self/io").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("wchar: "));
    line.and_then(|bytes| bytes.parse().ok()).unwrap_or(0)
}
