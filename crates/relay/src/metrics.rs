//! Counters for operators, as Prometheus text. They say how much, never who or which.

mod shape;

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use sotto_wire::{Command, RefusalCode};

use shape::{Histogram, Page, Tally};

/// Orders in one transaction of the store: upper ends of the histogram's buckets.
const BATCH: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 512.0];
/// Seconds of one transaction.
const LATENCY: [f64; 11] = [
    0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5,
];
/// Codes in the order of their numbers (`docs/protocol-relay.md`, section 7).
const CODES: [&str; 15] = [
    "malformed",
    "version",
    "token",
    "bad_proof",
    "not_found",
    "taken",
    "stale",
    "fenced",
    "too_large",
    "quota",
    "too_fast",
    "unavailable",
    "stopping",
    "unexpected",
    "offset",
];
/// Commands in the order of their numbers (`docs/protocol-relay.md`, section 5).
const COMMANDS: [&str; 14] = [
    "prove",
    "create",
    "append",
    "subscribe",
    "unsubscribe",
    "set_writer",
    "revoke_writer",
    "fetch_card",
    "deposit",
    "pool_status",
    "take",
    "delete",
    "keep_blob",
    "delete_blob",
];
/// A gauge that nobody has set.
const UNKNOWN: u64 = u64::MAX;

/// All counters of one relay.
#[derive(Debug)]
pub struct Metrics {
    /// Connections open now.
    pub connections: AtomicU64,
    /// Connections accepted so far.
    pub accepted: AtomicU64,
    /// Connections closed at once, because there were enough.
    pub turned_away: AtomicU64,
    /// Connections that failed before their hello was complete.
    pub failed_hellos: AtomicU64,
    /// Frames received.
    pub frames_in: AtomicU64,
    /// Frames sent.
    pub frames_out: AtomicU64,
    /// Entries stored.
    pub appended: AtomicU64,
    /// Bytes of their bodies.
    pub appended_bytes: AtomicU64,
    /// Ephemeral entries handed on.
    pub signalled: AtomicU64,
    /// Entries delivered.
    pub delivered: AtomicU64,
    /// Gaps named to subscribers who came too late.
    pub gaps: AtomicU64,
    /// Cursors moved.
    pub acknowledged: AtomicU64,
    /// Subscriptions now.
    pub subscriptions: AtomicU64,
    /// Requests that the store could not carry out.
    pub store_errors: AtomicU64,
    /// Times that settings were reloaded.
    pub reloads: AtomicU64,
    commands: Tally<14>,
    refusals: Tally<15>,
    closings: Tally<15>,
    batch_sizes: Histogram<9>,
    batch_seconds: Histogram<11>,
    channels: AtomicU64,
    store_bytes: AtomicU64,
    disk_free: AtomicU64,
    certificate_until: AtomicU64,
}

impl Default for Metrics {
    fn default() -> Self {
        let zero = AtomicU64::default;
        let unknown = || AtomicU64::new(UNKNOWN);
        Self {
            connections: zero(),
            accepted: zero(),
            turned_away: zero(),
            failed_hellos: zero(),
            frames_in: zero(),
            frames_out: zero(),
            appended: zero(),
            appended_bytes: zero(),
            signalled: zero(),
            delivered: zero(),
            gaps: zero(),
            acknowledged: zero(),
            subscriptions: zero(),
            store_errors: zero(),
            reloads: zero(),
            commands: Tally::new(COMMANDS),
            refusals: Tally::new(CODES),
            closings: Tally::new(CODES),
            batch_sizes: Histogram::new(BATCH),
            batch_seconds: Histogram::new(LATENCY),
            channels: unknown(),
            store_bytes: unknown(),
            disk_free: unknown(),
            certificate_until: unknown(),
        }
    }
}

impl Metrics {
    /// One more.
    pub fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Relaxed);
    }

    /// A command has come.
    pub fn command(&self, command: &Command) {
        self.commands.count(number(command));
    }

    /// A request was refused.
    pub fn refused(&self, code: RefusalCode) {
        self.refusals.count(code as usize);
    }

    /// A connection was ended by the relay.
    pub fn closed(&self, code: RefusalCode) {
        self.closings.count(code as usize);
    }

    /// A batch of `works` orders took `time` to become durable.
    pub fn batch(&self, works: usize, time: Duration) {
        #[allow(
            clippy::cast_precision_loss,
            reason = "a batch is far smaller than 2^52"
        )]
        self.batch_sizes.observe(works as f64);
        self.batch_seconds.observe(time.as_secs_f64());
    }

    /// What the store holds: channels, and bytes of its files.
    pub fn set_stock(&self, channels: Option<u64>, bytes: u64, free: Option<u64>) {
        self.channels.store(channels.unwrap_or(UNKNOWN), Relaxed);
        self.store_bytes.store(bytes, Relaxed);
        self.disk_free.store(free.unwrap_or(UNKNOWN), Relaxed);
    }

    /// Until when the certificate is good, in seconds since 1970.
    pub fn set_certificate_until(&self, until: u64) {
        self.certificate_until.store(until, Relaxed);
    }

    /// Prometheus text exposition format, version 0.0.4.
    pub fn render(&self) -> String {
        let mut page = Page::default();
        let value = |counter: &AtomicU64| counter.load(Relaxed);
        let version = env!("CARGO_PKG_VERSION");
        page.about("build_info", "gauge", "The program's version.");
        page.line(&format!("build_info{{version=\"{version}\"}}"), 1);
        page.gauge(
            "connections",
            "Connections open now.",
            value(&self.connections),
        );
        page.counter(
            "connections_accepted_total",
            "Connections accepted.",
            value(&self.accepted),
        );
        page.counter(
            "connections_turned_away_total",
            "Connections closed at once because there were enough.",
            value(&self.turned_away),
        );
        page.counter(
            "hellos_failed_total",
            "Connections that failed before their hello.",
            value(&self.failed_hellos),
        );
        let help = "Connections ended by the relay, by the code it gave.";
        page.tally("connections_closed_total", help, "code", &self.closings);
        page.gauge(
            "subscriptions",
            "Subscriptions now.",
            value(&self.subscriptions),
        );
        page.counter(
            "frames_received_total",
            "Frames received.",
            value(&self.frames_in),
        );
        page.counter("frames_sent_total", "Frames sent.", value(&self.frames_out));
        page.tally(
            "requests_total",
            "Requests, by command.",
            "command",
            &self.commands,
        );
        let help = "Requests refused, by the code given.";
        page.tally("requests_refused_total", help, "code", &self.refusals);
        page.counter(
            "entries_stored_total",
            "Entries stored.",
            value(&self.appended),
        );
        page.counter(
            "entry_bytes_stored_total",
            "Bytes of the bodies of entries stored.",
            value(&self.appended_bytes),
        );
        page.counter(
            "signals_total",
            "Ephemeral entries handed on.",
            value(&self.signalled),
        );
        page.counter(
            "entries_delivered_total",
            "Entries delivered.",
            value(&self.delivered),
        );
        page.counter(
            "gaps_delivered_total",
            "Gaps named to subscribers who came too late.",
            value(&self.gaps),
        );
        page.counter(
            "acknowledgements_total",
            "Acknowledgements taken.",
            value(&self.acknowledged),
        );
        page.histogram(
            "store_batch_orders",
            "Orders that one transaction of the store made durable.",
            &self.batch_sizes,
        );
        page.histogram(
            "store_batch_seconds",
            "Seconds that one transaction took, its sync included.",
            &self.batch_seconds,
        );
        page.counter(
            "store_errors_total",
            "Requests that the store could not carry out.",
            value(&self.store_errors),
        );
        for (name, help, gauge) in [
            (
                "channels",
                "Channels, counted every few minutes.",
                &self.channels,
            ),
            (
                "store_bytes",
                "Bytes of everything in the data folder.",
                &self.store_bytes,
            ),
            (
                "disk_free_bytes",
                "Bytes that the disk has left.",
                &self.disk_free,
            ),
            (
                "certificate_expires_seconds",
                "Until when the certificate is good, in seconds since 1970.",
                &self.certificate_until,
            ),
        ] {
            if value(gauge) != UNKNOWN {
                page.gauge(name, help, value(gauge));
            }
        }
        page.counter(
            "reloads_total",
            "Reloads of the settings.",
            value(&self.reloads),
        );
        page.into()
    }
}

/// Place in [`COMMANDS`].
fn number(command: &Command) -> usize {
    match command {
        Command::Prove { .. } => 0,
        Command::Create { .. } => 1,
        Command::Append { .. } => 2,
        Command::Subscribe { .. } => 3,
        Command::Unsubscribe { .. } => 4,
        Command::SetWriter { .. } => 5,
        Command::RevokeWriter { .. } => 6,
        Command::FetchCard { .. } => 7,
        Command::Deposit { .. } => 8,
        Command::PoolStatus { .. } => 9,
        Command::Take { .. } => 10,
        Command::Delete { .. } => 11,
        Command::KeepBlob { .. } => 12,
        Command::DeleteBlob { .. } => 13,
    }
}
