//! The hot state of one channel, as the writing thread keeps it in memory.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension as _, Result};
use sotto_suite::sign::PublicKey;
use sotto_wire::{AppendId, Appended, ChainHash, ChannelId, Position, Subscribed};

use crate::feed::Standing;
use crate::store::rules::Measure;
use crate::store::{StoreError, Stored};

/// Everything that decides about an append, a subscription or a right.
pub(super) struct Channel {
    /// Number of its rows.
    pub(super) no: i64,
    pub(super) admin: PublicKey,
    pub(super) writers: Arc<HashSet<PublicKey>>,
    /// Cursors; as far as they are acknowledged, which the file may not know yet.
    pub(super) subscribers: HashMap<PublicKey, u64>,
    pub(super) head: u64,
    pub(super) hash: ChainHash,
    pub(super) handshakes: u64,
    pub(super) fenced: bool,
    /// Where each append that is remembered came to stand.
    pub(super) appends: HashMap<AppendId, u64>,
    /// Entries up to here have gone.
    pub(super) low: u64,
    /// Bytes of bodies that are still there.
    pub(super) bytes: u64,
    /// Bytes of handshakes that went into their reserved room in the hour that begins at the second
    /// named first. Forgotten with the memory of the channel.
    pub(super) reserved: (u64, u64),
}

impl Channel {
    /// Reads a channel's state from the file.
    pub(super) fn load(file: &Connection, id: &ChannelId) -> Result<Option<Self>> {
        let row = file
            .prepare_cached("SELECT no, admin, fenced, base, base_hash, base_handshakes FROM channels WHERE id = ?1")?
            .query_row([id.as_bytes()], |row| {
                let admin = PublicKey(row.get(1)?);
                let base = (row.get(3)?, ChainHash(row.get(4)?), row.get(5)?);
                Ok((row.get(0)?, admin, row.get(2)?, base))
            })
            .optional()?;
        let Some((no, admin, fenced, base)) = row else {
            return Ok(None);
        };
        let (head, hash, handshakes) = file
            .prepare_cached("SELECT position, hash, handshakes FROM entries WHERE channel = ?1 ORDER BY position DESC LIMIT 1")?
            .query_row([no], |row| Ok((row.get(0)?, ChainHash(row.get(1)?), row.get(2)?)))
            .optional()?
            .unwrap_or(base);
        let writers = file
            .prepare_cached("SELECT key FROM writers WHERE channel = ?1")?
            .query_map([no], |row| row.get(0).map(PublicKey))?
            .collect::<Result<_>>()?;
        let subscribers: HashMap<_, _> = file
            .prepare_cached("SELECT key, cursor FROM subscribers WHERE channel = ?1")?
            .query_map([no], |row| Ok((PublicKey(row.get(0)?), row.get(1)?)))?
            .collect::<Result<_>>()?;
        let low = subscribers.values().copied().min().unwrap_or(head);
        let (mut appends, mut bytes) = (HashMap::new(), 0);
        let mut select = file.prepare_cached(
            "SELECT position, append, size FROM entries WHERE channel = ?1 ORDER BY position",
        )?;
        let mut rows = select.query([no])?;
        while let Some(row) = rows.next()? {
            let position: u64 = row.get(0)?;
            appends.insert(AppendId(row.get(1)?), position);
            if position > low {
                bytes += row.get::<_, u64>(2)?;
            }
        }
        let writers = Arc::new(writers);
        Ok(Some(Self {
            no,
            admin,
            writers,
            subscribers,
            head,
            hash,
            handshakes,
            fenced,
            appends,
            low,
            bytes,
            reserved: (0, 0),
        }))
    }

    /// Bytes of handshakes that went into their reserved room in this hour.
    pub(super) fn reserved_in(&self, hour: u64) -> u64 {
        let (at, bytes) = self.reserved;
        if at == hour { bytes } else { 0 }
    }

    /// The newest entry.
    pub(super) fn standing_head(&self) -> Appended {
        Appended {
            position: Position(self.head),
            hash: self.hash,
        }
    }

    pub(super) fn standing(&self) -> Standing {
        Standing {
            writers: Arc::clone(&self.writers),
            head: self.standing_head(),
            fenced: self.fenced,
        }
    }

    pub(super) fn measure(&self, hour: u64) -> Measure {
        Measure {
            fenced: self.fenced,
            handshakes: self.handshakes,
            bytes: self.bytes,
            reserved: self.reserved_in(hour),
            subscribers: self.subscribers.len(),
        }
    }

    pub(super) fn subscribed(&self, subscriber: &PublicKey) -> Stored<Subscribed> {
        let cursor = *self
            .subscribers
            .get(subscriber)
            .ok_or(StoreError::NotFound)?;
        Ok(Subscribed {
            cursor: Position(cursor),
            head: Position(self.head),
            handshakes: self.handshakes,
            fenced: self.fenced,
        })
    }

    pub(super) fn needs_admin(&self, key: &PublicKey) -> Stored<()> {
        if self.admin == *key {
            Ok(())
        } else {
            Err(StoreError::NotFound)
        }
    }

    pub(super) fn needs_writer(&self, key: &PublicKey) -> Stored<()> {
        if self.writers.contains(key) {
            Ok(())
        } else {
            Err(StoreError::NotFound)
        }
    }

    /// The position up to which every subscriber has acknowledged. Whoever is added later starts
    /// at its own entry, so with no subscriber nobody will ever read what is there.
    pub(super) fn acknowledged(&self) -> u64 {
        self.subscribers
            .values()
            .copied()
            .min()
            .unwrap_or(self.head)
    }
}
