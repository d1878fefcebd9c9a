//! Counters by name, histograms, and how Prometheus wants them written.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counters of a fixed set of names.
#[derive(Debug)]
pub(super) struct Tally<const N: usize> {
    names: [&'static str; N],
    counts: [AtomicU64; N],
}

impl<const N: usize> Tally<N> {
    pub(super) fn new(names: [&'static str; N]) -> Self {
        Self {
            names,
            counts: std::array::from_fn(|_| AtomicU64::default()),
        }
    }

    pub(super) fn count(&self, which: usize) {
        if let Some(count) = self.counts.get(which) {
            count.fetch_add(1, Relaxed);
        }
    }
}

/// How often values fell under each bound.
#[derive(Debug)]
pub(super) struct Histogram<const N: usize> {
    bounds: [f64; N],
    /// Values up to the bound of the same place and above the one before.
    buckets: [AtomicU64; N],
    count: AtomicU64,
    /// Bits of an `f64`.
    sum: AtomicU64,
}

impl<const N: usize> Histogram<N> {
    pub(super) fn new(bounds: [f64; N]) -> Self {
        Self {
            bounds,
            buckets: std::array::from_fn(|_| AtomicU64::default()),
            count: AtomicU64::default(),
            sum: AtomicU64::new(0f64.to_bits()),
        }
    }

    pub(super) fn observe(&self, value: f64) {
        let bucket = self.bounds.iter().position(|bound| value <= *bound);
        if let Some(bucket) = bucket.and_then(|at| self.buckets.get(at)) {
            bucket.fetch_add(1, Relaxed);
        }
        self.count.fetch_add(1, Relaxed);
        let added = |sum: u64| Some((f64::from_bits(sum) + value).to_bits());
        let _ = self.sum.fetch_update(Relaxed, Relaxed, added);
    }
}

/// The text. Writing into a String does not fail.
#[derive(Default)]
pub(super) struct Page(String);

impl Page {
    pub(super) fn about(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(
            self.0,
            "# HELP sotto_relay_{name} {help}\n# TYPE sotto_relay_{name} {kind}"
        );
    }

    pub(super) fn line(&mut self, name: &str, value: u64) {
        let _ = writeln!(self.0, "sotto_relay_{name} {value}");
    }

    pub(super) fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.about(name, "counter", help);
        self.line(name, value);
    }

    pub(super) fn gauge(&mut self, name: &str, help: &str, value: u64) {
        self.about(name, "gauge", help);
        self.line(name, value);
    }

    pub(super) fn tally<const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        tally: &Tally<N>,
    ) {
        self.about(name, "counter", help);
        for (which, count) in tally.names.iter().zip(&tally.counts) {
            self.line(
                &format!("{name}{{{label}=\"{which}\"}}"),
                count.load(Relaxed),
            );
        }
    }

    pub(super) fn histogram<const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        histogram: &Histogram<N>,
    ) {
        self.about(name, "histogram", help);
        // Read last, so that it is never below what the buckets add up to.
        let mut below = 0;
        for (bound, bucket) in histogram.bounds.iter().zip(&histogram.buckets) {
            below += bucket.load(Relaxed);
            self.line(&format!("{name}_bucket{{le=\"{bound}\"}}"), below);
        }
        let count = histogram.count.load(Relaxed).max(below);
        self.line(&format!("{name}_bucket{{le=\"+Inf\"}}"), count);
        let sum = f64::from_bits(histogram.sum.load(Relaxed));
        let _ = writeln!(self.0, "sotto_relay_{name}_sum {sum}");
        self.line(&format!("{name}_count"), count);
    }
}

impl From<Page> for String {
    fn from(page: Page) -> Self {
        page.0
    }
}
