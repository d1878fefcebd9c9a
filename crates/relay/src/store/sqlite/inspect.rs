//! A look at a store from outside, beside the relay that runs on it or without one: how much there
//! is, whether it is whole, and a copy of it. Nothing is written into it.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension as _};
use sotto_wire::{AppendId, ChainHash, ChannelId, Lane, Position};

use super::schema::{APPLICATION, OpenError, VERSION};
use crate::store::Seconds;

/// A store that is looked at.
pub(crate) struct Inspection(Connection);

/// How much there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stock {
    pub(crate) channels: u64,
    pub(crate) fenced: u64,
    pub(crate) writers: u64,
    pub(crate) subscribers: u64,
    /// Entries that wait for somebody.
    pub(crate) waiting: u64,
    /// Bytes of their bodies.
    pub(crate) waiting_bytes: u64,
    /// The hour of the oldest of them.
    pub(crate) oldest: Option<Seconds>,
    /// Traces of entries that are gone.
    pub(crate) gone: u64,
    pub(crate) packages: u64,
}

/// What is wrong with a store.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Damage {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error("SQLite finds it damaged: {0}")]
    Structure(String),
    #[error("{0} entries are not what was stored: their running hash does not hold")]
    Entries(u64),
    #[error("it can't be read: {0}")]
    Read(#[from] rusqlite::Error),
}

impl Inspection {
    /// Opens a store that has to be there and has to be a relay's, of a version that is known.
    pub(crate) fn open(path: &Path) -> Result<Self, OpenError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let file = Connection::open_with_flags(path, flags)?;
        file.busy_timeout(Duration::from_secs(10))?;
        let application: i64 = file.pragma_query_value(None, "application_id", |row| row.get(0))?;
        let version: i64 = file.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if application != APPLICATION {
            return Err(OpenError::Foreign);
        }
        if version > VERSION {
            return Err(OpenError::Newer(version));
        }
        Ok(Self(file))
    }

    /// Counts everything; takes as long as reading the file once.
    pub(crate) fn stock(&self) -> rusqlite::Result<Stock> {
        // One transaction, so that all numbers are of one moment.
        let file = self.0.unchecked_transaction()?;
        let one = |sql: &str| file.query_row(sql, [], |row| row.get::<_, u64>(0));
        let (waiting, waiting_bytes, oldest) = file.query_row(
            "SELECT count(*), ifnull(sum(size), 0), min(at) FROM entries WHERE gone IS NULL",
            [],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )?;
        Ok(Stock {
            channels: one("SELECT count(*) FROM channels")?,
            fenced: one("SELECT count(*) FROM channels WHERE fenced <> 0")?,
            writers: one("SELECT count(*) FROM writers")?,
            subscribers: one("SELECT count(*) FROM subscribers")?,
            waiting,
            waiting_bytes,
            oldest,
            gone: one("SELECT count(*) FROM entries WHERE gone IS NOT NULL")?,
            packages: one("SELECT count(*) FROM packages")?,
        })
    }

    /// Channels alone, which is quick.
    pub(crate) fn channels(&self) -> rusqlite::Result<u64> {
        self.0
            .query_row("SELECT count(*) FROM channels", [], |row| row.get(0))
    }

    /// The hour in which the newest entry was stored.
    pub(crate) fn newest(&self) -> rusqlite::Result<Option<Seconds>> {
        self.0
            .query_row(
                "SELECT at FROM entries ORDER BY id DESC LIMIT 1",
                [],
                |row| row.get(0),
            )
            .optional()
    }

    /// Is the file sound, and is every entry what was stored? The first is SQLite's to say, the
    /// second follows from the running hash.
    pub(crate) fn verify(&self) -> Result<(), Damage> {
        let verdict: String = self
            .0
            .pragma_query_value(None, "integrity_check", |row| row.get(0))
            .map_err(OpenError::from)?;
        if verdict != "ok" {
            return Err(Damage::Structure(verdict));
        }
        match self.entries_that_do_not_hold()? {
            0 => Ok(()),
            wrong => Err(Damage::Entries(wrong)),
        }
    }

    fn entries_that_do_not_hold(&self) -> rusqlite::Result<u64> {
        let file = self.0.unchecked_transaction()?;
        let mut wrong = 0;
        let mut select = file.prepare(
            "SELECT c.id, c.base, c.base_hash, e.position, e.lane, e.append, e.hash, e.body, e.size
             FROM entries e JOIN channels c ON c.no = e.channel ORDER BY e.channel, e.position",
        )?;
        let mut rows = select.query([])?;
        let mut before: Option<(ChannelId, Position, ChainHash)> = None;
        while let Some(row) = rows.next()? {
            let channel = ChannelId(row.get(0)?);
            let (_, at, hash) = match before.take() {
                Some(before) if before.0 == channel => before,
                _ => (channel, Position(row.get(1)?), ChainHash(row.get(2)?)),
            };
            let position = Position(row.get(3)?);
            let stored = ChainHash(row.get(6)?);
            let lane = if row.get::<_, u8>(4)? == Lane::Handshake as u8 {
                Lane::Handshake
            } else {
                Lane::Chat
            };
            let holds = match row.get::<_, Option<Vec<u8>>>(7)? {
                Some(body) => {
                    let append = AppendId(row.get(5)?);
                    body.len() as u64 == row.get::<_, u64>(8)?
                        && hash.next(position, lane, &append, &body) == stored
                }
                None => true,
            };
            // Positions have no holes.
            wrong += u64::from(!holds || position.0 != at.0 + 1);
            before = Some((channel, position, stored));
        }
        Ok(wrong)
    }

    /// A copy of this moment into a file that must not be there yet; without what was deleted.
    pub(crate) fn copy_to(&self, path: &Path) -> rusqlite::Result<()> {
        self.0
            .execute("VACUUM INTO ?1", [path.to_string_lossy()])
            .map(drop)
    }
}

/// What marks a file as a relay's store.
pub(crate) fn application() -> i64 {
    APPLICATION
}
