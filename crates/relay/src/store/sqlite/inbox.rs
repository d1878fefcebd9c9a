//! Orders about what stands beside a channel's entries: who may write, with a card, and the pool of
//! packages. As in [`super::apply`], everything is checked before anything is written.

use std::sync::Arc;

use rusqlite::{OptionalExtension as _, Result};
use sotto_suite::sign::PublicKey;
use sotto_wire::{ChannelId, PackageOffer, SlotId, SlotStatus, limits};

use super::writer::Writer;
use crate::store::rules::coarse;
use crate::store::{Deposit, REVOKED_KEPT, StoreError, Stored};

impl Writer {
    pub(super) fn set_writer(
        &mut self,
        channel: ChannelId,
        admin: &PublicKey,
        writer: PublicKey,
        card: Option<&[u8]>,
    ) -> Result<Stored<()>> {
        let keys = self.options.channel_keys;
        let set = self.with(&channel, |file, state| {
            if let Err(error) = state.needs_admin(admin) {
                return Ok(Err(error));
            }
            if !state.writers.contains(&writer) && state.writers.len() >= keys {
                return Ok(Err(StoreError::Quota));
            }
            file.prepare_cached(
                "INSERT INTO writers (channel, key, card) VALUES (?1, ?2, ?3)
                 ON CONFLICT (channel, key) DO UPDATE SET card = coalesce(excluded.card, card)",
            )?
            .execute((state.no, writer.as_bytes(), card))?;
            file.prepare_cached("DELETE FROM revoked WHERE channel = ?1 AND key = ?2")?
                .execute((state.no, writer.as_bytes()))?;
            Arc::make_mut(&mut state.writers).insert(writer);
            Ok(Ok(Arc::clone(&state.writers)))
        })?;
        Ok(set.map(|writers| {
            // A card that was replaced is to vanish from the log as an entry does.
            self.wipe = true;
            self.then(move |feeds| feeds.set_writers(&channel, writers));
        }))
    }

    pub(super) fn revoke_writer(
        &mut self,
        channel: ChannelId,
        admin: &PublicKey,
        writer: &PublicKey,
    ) -> Result<Stored<()>> {
        let set = self.with(&channel, |file, state| {
            if let Err(error) = state.needs_admin(admin) {
                return Ok(Err(error));
            }
            let mut delete =
                file.prepare_cached("DELETE FROM writers WHERE channel = ?1 AND key = ?2")?;
            if delete.execute((state.no, writer.as_bytes()))? > 0 {
                remember_revoked(file, state.no, writer)?;
            }
            Arc::make_mut(&mut state.writers).remove(writer);
            Ok(Ok(Arc::clone(&state.writers)))
        })?;
        Ok(set.map(|writers| {
            self.wipe = true;
            self.then(move |feeds| feeds.set_writers(&channel, writers));
        }))
    }

    pub(super) fn card(
        &mut self,
        channel: &ChannelId,
        writer: &PublicKey,
    ) -> Result<Stored<Vec<u8>>> {
        self.with(channel, |file, state| {
            let card = file
                .prepare_cached("SELECT card FROM writers WHERE channel = ?1 AND key = ?2")?
                .query_row((state.no, writer.as_bytes()), |row| {
                    row.get::<_, Option<Vec<u8>>>(0)
                })
                .optional()?;
            let Some(card) = card else {
                let revoked = file
                    .prepare_cached("SELECT 1 FROM revoked WHERE channel = ?1 AND key = ?2")?
                    .exists((state.no, writer.as_bytes()))?;
                return Ok(Err(match revoked {
                    true => StoreError::Revoked,
                    false => StoreError::NotFound,
                }));
            };
            Ok(card.ok_or(StoreError::NotFound))
        })
    }

    pub(super) fn deposit(&mut self, deposit: &Deposit) -> Result<Stored<()>> {
        let at = coarse(self.options.clock.now());
        let most = u64::from(self.options.slot_packages);
        let done = self.with(&deposit.channel, |file, state| {
            if let Err(error) = state.needs_admin(&deposit.admin) {
                return Ok(Err(error));
            }
            let slot = deposit.slot.as_bytes();
            let (here, slots): (u64, usize) = file
                .prepare_cached(
                    "SELECT count(*) FILTER (WHERE slot = ?2 AND last_resort = 0), count(DISTINCT slot) FILTER (WHERE slot <> ?2)
                     FROM packages WHERE channel = ?1",
                )?
                .query_row((state.no, slot), |row| Ok((row.get(0)?, row.get(1)?)))?;
            if here + deposit.packages.len() as u64 > most || slots >= limits::MAX_POOL_SLOTS {
                return Ok(Err(StoreError::Quota));
            }
            if deposit.last_resort.is_some() {
                file.prepare_cached("DELETE FROM packages WHERE channel = ?1 AND slot = ?2 AND last_resort = 1")?
                    .execute((state.no, slot))?;
            }
            let mut insert = file
                .prepare_cached("INSERT INTO packages (channel, slot, at, last_resort, body) VALUES (?1, ?2, ?3, ?4, ?5)")?;
            for package in &deposit.packages {
                insert.execute((state.no, slot, at, false, package))?;
            }
            if let Some(package) = &deposit.last_resort {
                insert.execute((state.no, slot, at, true, package))?;
            }
            Ok(Ok(()))
        })?;
        self.wipe |= done.is_ok() && deposit.last_resort.is_some();
        Ok(done)
    }

    pub(super) fn pool(
        &mut self,
        channel: &ChannelId,
        admin: &PublicKey,
    ) -> Result<Stored<Vec<SlotStatus>>> {
        self.with(channel, |file, state| {
            if let Err(error) = state.needs_admin(admin) {
                return Ok(Err(error));
            }
            file.prepare_cached(
                "SELECT slot, count(*) FILTER (WHERE last_resort = 0), max(last_resort)
                 FROM packages WHERE channel = ?1 GROUP BY slot ORDER BY slot",
            )?
            .query_map([state.no], |row| {
                Ok(SlotStatus {
                    slot: SlotId(row.get(0)?),
                    packages: row.get(1)?,
                    last_resort: row.get(2)?,
                })
            })?
            .collect::<Result<_>>()
            .map(Ok)
        })
    }

    pub(super) fn take(
        &mut self,
        channel: &ChannelId,
        writer: &PublicKey,
        slots: &[SlotId],
    ) -> Result<Stored<Vec<PackageOffer>>> {
        let taken = self.with(channel, |file, state| {
            if let Err(error) = state.needs_writer(writer) {
                return Ok(Err(error));
            }
            let mut offers: Vec<PackageOffer> = Vec::new();
            for slot in slots {
                if offers.iter().any(|offer| offer.slot == *slot) {
                    continue;
                }
                let found = file
                    .prepare_cached(
                        "SELECT id, last_resort, body FROM packages WHERE channel = ?1 AND slot = ?2
                         ORDER BY last_resort, id LIMIT 1",
                    )?
                    .query_row((state.no, slot.as_bytes()), |row| Ok((row.get::<_, i64>(0)?, row.get::<_, bool>(1)?, row.get(2)?)))
                    .optional()?;
                let Some((id, last_resort, package)) = found else { continue };
                if !last_resort {
                    file.prepare_cached("DELETE FROM packages WHERE id = ?1")?.execute([id])?;
                }
                offers.push(PackageOffer { slot: *slot, package, last_resort });
            }
            Ok(Ok(offers))
        })?;
        self.wipe |= taken.is_ok();
        Ok(taken)
    }
}

/// Of a channel's revoked writers the newest stay known.
fn remember_revoked(file: &rusqlite::Connection, no: i64, writer: &PublicKey) -> Result<()> {
    file.prepare_cached("INSERT OR IGNORE INTO revoked (channel, key) VALUES (?1, ?2)")?
        .execute((no, writer.as_bytes()))?;
    file.prepare_cached(
        "DELETE FROM revoked WHERE channel = ?1 AND id <= (
             SELECT id FROM revoked WHERE channel = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
    )?
    .execute((no, REVOKED_KEPT))?;
    Ok(())
}
