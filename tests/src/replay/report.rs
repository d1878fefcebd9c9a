//! What is told at the end.

use std::fmt;
use std::time::Duration;

use super::{Deaths, Side, Verdict};
use crate::Kept;

/// How a play went.
#[derive(Clone, Debug)]
pub struct Report {
    /// Conversations played.
    pub conversations: usize,
    /// Lines in them.
    pub lines: usize,
    /// From the first line's start to the last one's arrival.
    pub elapsed: Duration,
    /// Messages of which the sender knows that they arrived.
    pub delivered: usize,
    /// Who was ended how often.
    pub deaths: Deaths,
    /// What became of the messages.
    pub verdict: Verdict,
    /// What the relay keeps.
    pub kept: Kept,
    /// How many known texts were looked for in the relay's files.
    pub searched: usize,
    /// Those that were found there.
    pub leaks: Vec<String>,
}

impl Report {
    /// Everything that is wrong, each in a sentence; empty if nothing is.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let mut faults = self.verdict.faults.clone();
        let without = self.lines.saturating_sub(self.delivered);
        if without > 0 {
            faults.push(format!("{without} messages never got their second tick"));
        }
        if !self.leaks.is_empty() {
            let count = self.leaks.len();
            faults.push(format!("{count} known texts stand in the relay's files"));
        }
        faults
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            conversations,
            lines,
            elapsed,
            deaths,
            kept,
            ..
        } = self;
        let seconds = elapsed.as_secs_f64();
        // Exact up to nine quadrillion messages.
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let rate = *lines as f64 / seconds.max(f64::EPSILON);
        writeln!(f, "{conversations} conversations, {lines} messages")?;
        writeln!(
            f,
            "{:>12}  {:>7} {:>7} {:>8}",
            "", "sent", "arrived", "in order"
        )?;
        for (way, side) in [
            ("alice → bob", &self.verdict.alice),
            ("bob → alice", &self.verdict.bob),
        ] {
            let Side {
                sent,
                arrived,
                in_order,
                ..
            } = side;
            writeln!(f, "{way:>12}  {sent:>7} {arrived:>7} {in_order:>8}")?;
        }
        writeln!(
            f,
            "{seconds:.1} s, {rate:.0} messages a second; {} delivery receipts",
            self.delivered
        )?;
        if deaths.total() > 0 {
            let Deaths { alice, bob, relay } = deaths;
            writeln!(
                f,
                "ended without warning: alice {alice} times, bob {bob}, the relay {relay}"
            )?;
        }
        let megabytes = kept.bytes.div_ceil(100_000);
        writeln!(
            f,
            "the relay: {} entries stored, {} still waiting; {} files, {}.{} MB",
            kept.entries,
            kept.waiting,
            kept.files,
            megabytes / 10,
            megabytes % 10
        )?;
        write!(
            f,
            "{} texts, ids and names of 8 bytes and more looked for in its files: {} found",
            self.searched,
            self.leaks.len()
        )
    }
}
