//! What is known of all blobs in memory: how much room they take, and when they go. It follows the
//! records; whatever is decided of one blob is decided on its record.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use sotto_wire::BlobId;

use super::log::Held;
use crate::blobs::{BlobError, BlobOptions, Usage};

/// One blob.
#[derive(Debug)]
struct Row {
    /// The message of its record.
    number: u64,
    size: u64,
    /// The hour in which it goes, as it is now.
    until: u32,
    parts: usize,
    kept: Kept,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    Yes,
    /// Deleted, and not cleared away.
    Gone,
    /// Cleared away; remembered until its old messages can't come any more.
    Cleared,
}

#[derive(Debug, Default)]
struct Rows {
    rows: HashMap<BlobId, Row>,
    usage: Usage,
    reserved: Usage,
    /// All messages up to this one have been heard of.
    heard: u64,
}

/// All blobs.
#[derive(Debug, Default)]
pub(super) struct Table(Mutex<Rows>);

/// Room for a blob that is being made.
#[derive(Debug)]
pub(super) struct Reserved<'a> {
    table: &'a Table,
    size: u64,
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        take(&mut self.table.lock().reserved, self.size);
    }
}

fn take(usage: &mut Usage, size: u64) {
    usage.blobs = usage.blobs.saturating_sub(1);
    usage.bytes = usage.bytes.saturating_sub(size);
}

fn add(usage: &mut Usage, size: u64) {
    usage.blobs = usage.blobs.saturating_add(1);
    usage.bytes = usage.bytes.saturating_add(size);
}

impl Rows {
    fn set(&mut self, blob: BlobId, row: Row) {
        if row.kept == Kept::Yes {
            add(&mut self.usage, row.size);
        }
        let old = self.rows.insert(blob, row);
        if let Some(old) = old.filter(|old| old.kept == Kept::Yes) {
            take(&mut self.usage, old.size);
        }
    }
}

impl Table {
    fn lock(&self) -> MutexGuard<'_, Rows> {
        // What it guards is whole after every step.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn usage(&self) -> Usage {
        self.lock().usage
    }

    /// Room for one more of this size, as far as is known here.
    pub(super) fn reserve(
        &self,
        options: &BlobOptions,
        size: u64,
    ) -> Result<Reserved<'_>, BlobError> {
        let mut rows = self.lock();
        let now = Usage {
            blobs: rows.usage.blobs.saturating_add(rows.reserved.blobs),
            bytes: rows.usage.bytes.saturating_add(rows.reserved.bytes),
        };
        options.with_one_more(now, size)?;
        add(&mut rows.reserved, size);
        Ok(Reserved { table: self, size })
    }

    /// The record of a blob is in this message now.
    pub(super) fn learn(&self, blob: &BlobId, number: u64, held: &Held) {
        let mut rows = self.lock();
        if rows.rows.get(blob).is_some_and(|row| row.number >= number) {
            return;
        }
        let record = &held.record;
        let unfinished = (!record.finished()).then_some(record.finish_until);
        let row = Row {
            number,
            size: record.size,
            until: unfinished.map_or(record.until, |until| until.min(record.until)),
            parts: held.parts.len(),
            kept: if held.gone { Kept::Gone } else { Kept::Yes },
        };
        rows.set(*blob, row);
    }

    /// A message has come; one of these that names an older one than the record lost a race.
    pub(super) fn hear(&self, blob: &BlobId, number: u64, before: u64, held: &Held) {
        if before >= self.number(blob) {
            self.learn(blob, number, held);
        }
    }

    /// All messages up to this one have been heard of.
    pub(super) fn heard(&self, number: u64) {
        let mut rows = self.lock();
        rows.heard = rows.heard.max(number);
    }

    pub(super) fn heard_until(&self) -> u64 {
        self.lock().heard
    }

    /// The message of a blob's record that is known; 0 for none.
    pub(super) fn number(&self, blob: &BlobId) -> u64 {
        self.lock().rows.get(blob).map_or(0, |row| row.number)
    }

    /// There is nothing of this blob any more up to message `until`.
    pub(super) fn forget(&self, blob: &BlobId, until: u64) {
        let mut rows = self.lock();
        let heard = rows.heard;
        let Some(row) = rows.rows.get_mut(blob).filter(|row| row.number <= until) else {
            return;
        };
        let (size, kept) = (row.size, row.kept);
        row.kept = Kept::Cleared;
        let late = row.number > heard;
        if kept == Kept::Yes {
            take(&mut rows.usage, size);
        }
        if !late {
            rows.rows.remove(blob);
        }
    }

    /// Blobs that were known up to message `heard` and are not among those that there are have gone.
    pub(super) fn keep_only(&self, there: &HashSet<BlobId>, heard: u64) {
        let gone: Vec<BlobId> = {
            let rows = self.lock();
            let missing =
                |(blob, row): &(&BlobId, &Row)| row.number <= heard && !there.contains(*blob);
            rows.rows
                .iter()
                .filter(missing)
                .map(|(blob, _)| *blob)
                .collect()
        };
        for blob in gone {
            self.forget(&blob, heard);
        }
    }

    /// Blobs that are over or deleted.
    pub(super) fn over(&self, hour: u32) -> Vec<BlobId> {
        let rows = self.lock();
        let over = |row: &Row| row.kept == Kept::Gone || row.kept == Kept::Yes && row.until <= hour;
        let over = rows.rows.iter().filter(|(_, row)| over(row));
        over.map(|(blob, _)| *blob).collect()
    }

    /// How many parts the record of a blob names.
    pub(super) fn parts(&self, blob: &BlobId) -> usize {
        self.lock().rows.get(blob).map_or(0, |row| row.parts)
    }
}
