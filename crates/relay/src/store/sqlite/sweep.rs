//! Letting go by age: bodies first, then the traces that answer repetitions, and old key packages.

use rusqlite::{OptionalExtension as _, Result};

use super::writer::Writer;
use crate::store::Seconds;
use crate::store::rules::coarse;

impl Writer {
    /// Deletes what is too old at `now`.
    pub(super) fn expire(&mut self, now: Seconds) -> Result<()> {
        let keep = self.options.retention;
        let before = |age: Seconds| now.saturating_sub(age);
        let gone = self
            .file
            .prepare_cached(
                "UPDATE entries SET body = NULL, gone = ?3, size = 0
                 WHERE id < ?4 AND body IS NOT NULL AND (lane = 0 AND at < ?1 OR lane = 1 AND at < ?2)",
            )?
            .execute((
                before(keep.handshake),
                before(keep.chat),
                coarse(now),
                self.first_since(before(keep.handshake.min(keep.chat)))?,
            ))?;
        let packages = self
            .file
            .prepare_cached("DELETE FROM packages WHERE last_resort = 0 AND at < ?1")?
            .execute([before(keep.packages)])?;
        let traces = self.forget_traces(before(keep.traces))?;
        if gone + packages > 0 {
            self.wipe = true;
        }
        if gone + traces > 0 {
            // What memory knows of sizes is no longer so; cursors are written before it goes.
            self.write_cursors()?;
            self.memory.clear();
        }
        Ok(())
    }

    /// Number of the first row written since `time`. Rows are numbered as they are written, so
    /// what is older is below; this spares a look at every newer row, every hour.
    fn first_since(&self, time: Seconds) -> Result<i64> {
        self.file
            .prepare_cached("SELECT id FROM entries WHERE at >= ?1 ORDER BY id LIMIT 1")?
            .query_row([time], |row| row.get(0))
            .optional()
            .map(|id| id.unwrap_or(i64::MAX))
    }

    /// Deletes rows of entries that went before `before`, from the start of each channel up to the
    /// first that has to stay; where the history begins from then on stays with the channel.
    fn forget_traces(&self, before: Seconds) -> Result<usize> {
        let file = &self.file;
        let candidates: Vec<i64> = file
            .prepare_cached("SELECT DISTINCT channel FROM entries WHERE id < ?2 AND gone < ?1")?
            .query_map((before, self.first_since(before)?), |row| row.get(0))?
            .collect::<Result<_>>()?;
        let mut forgotten = 0;
        for channel in candidates {
            let stays: Option<u64> = file
                .prepare_cached("SELECT min(position) FROM entries WHERE channel = ?1 AND (gone IS NULL OR gone >= ?2)")?
                .query_row((channel, before), |row| row.get(0))?;
            let stays = stays.unwrap_or(u64::MAX >> 1);
            file.prepare_cached(
                "UPDATE channels SET (base, base_hash, base_handshakes) =
                 (SELECT position, hash, handshakes FROM entries WHERE channel = ?1 AND position < ?2 ORDER BY position DESC LIMIT 1)
                 WHERE no = ?1 AND EXISTS (SELECT 1 FROM entries WHERE channel = ?1 AND position < ?2)",
            )?
            .execute((channel, stays))?;
            forgotten += file
                .prepare_cached("DELETE FROM entries WHERE channel = ?1 AND position < ?2")?
                .execute((channel, stays))?;
        }
        Ok(forgotten)
    }
}
