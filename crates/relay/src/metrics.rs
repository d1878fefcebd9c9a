//! Counters for operators, as Prometheus text. They say how much, never who or which.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// All counters of one relay.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Connections open now.
    pub connections: AtomicU64,
    /// Connections accepted so far.
    pub accepted: AtomicU64,
    /// Connections that failed before their hello was complete.
    pub failed_hellos: AtomicU64,
    /// Frames received.
    pub frames_in: AtomicU64,
    /// Frames sent.
    pub frames_out: AtomicU64,
    /// Entries stored.
    pub appended: AtomicU64,
    /// Ephemeral entries handed on.
    pub signalled: AtomicU64,
    /// Entries delivered.
    pub delivered: AtomicU64,
    /// Requests refused.
    pub refused: AtomicU64,
    /// Connections closed because the other side broke a rule.
    pub closed: AtomicU64,
    batches: AtomicU64,
    batched: AtomicU64,
    batch_micros: AtomicU64,
}

impl Metrics {
    /// One more.
    pub fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Relaxed);
    }

    /// A batch of `works` orders took `time` to become durable.
    pub fn batch(&self, works: usize, time: Duration) {
        self.batches.fetch_add(1, Relaxed);
        self.batched.fetch_add(works as u64, Relaxed);
        self.batch_micros
            .fetch_add(u64::try_from(time.as_micros()).unwrap_or(u64::MAX), Relaxed);
    }

    /// Prometheus text exposition format, version 0.0.4.
    pub fn render(&self) -> String {
        let mut out = String::new();
        let mut line = |name: &str, kind: &str, help: &str, value: u64| {
            // Writing into a String does not fail.
            let _ = writeln!(
                out,
                "# HELP sotto_relay_{name} {help}\n# TYPE sotto_relay_{name} {kind}\nsotto_relay_{name} {value}"
            );
        };
        let value = |counter: &AtomicU64| counter.load(Relaxed);
        line(
            "connections",
            "gauge",
            "Connections open now.",
            value(&self.connections),
        );
        line(
            "connections_accepted_total",
            "counter",
            "Connections accepted.",
            value(&self.accepted),
        );
        line(
            "hellos_failed_total",
            "counter",
            "Connections that failed before their hello.",
            value(&self.failed_hellos),
        );
        line(
            "frames_received_total",
            "counter",
            "Frames received.",
            value(&self.frames_in),
        );
        line(
            "frames_sent_total",
            "counter",
            "Frames sent.",
            value(&self.frames_out),
        );
        line(
            "entries_stored_total",
            "counter",
            "Entries stored.",
            value(&self.appended),
        );
        line(
            "signals_total",
            "counter",
            "Ephemeral entries handed on.",
            value(&self.signalled),
        );
        line(
            "entries_delivered_total",
            "counter",
            "Entries delivered.",
            value(&self.delivered),
        );
        line(
            "requests_refused_total",
            "counter",
            "Requests refused.",
            value(&self.refused),
        );
        line(
            "connections_closed_total",
            "counter",
            "Connections closed for breaking a rule.",
            value(&self.closed),
        );
        line(
            "store_batches_total",
            "counter",
            "Transactions of the store.",
            value(&self.batches),
        );
        line(
            "store_orders_total",
            "counter",
            "Orders in those transactions.",
            value(&self.batched),
        );
        line(
            "store_batch_microseconds_total",
            "counter",
            "Time in those transactions.",
            value(&self.batch_micros),
        );
        out
    }
}
