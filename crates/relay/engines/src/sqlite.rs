//! SQLite, as the relay uses it.

use std::path::Path;

use rusqlite::Connection;

use crate::engine::{Engine, Entry};

pub struct Sqlite {
    file: Connection,
    count: u64,
}

impl Sqlite {
    pub fn open(folder: &Path) -> Self {
        let file = Connection::open(folder.join("relay.db")).expect("a file");
        file.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;
             PRAGMA cache_size = -16384;
             CREATE TABLE entries (id INTEGER PRIMARY KEY, channel INTEGER NOT NULL,
                position INTEGER NOT NULL, append BLOB NOT NULL, body BLOB,
                UNIQUE (channel, position), UNIQUE (channel, append)) STRICT;",
        )
        .expect("tables");
        Self { file, count: 0 }
    }

    fn each(
        &mut self,
        sql: &str,
        group: &[Entry],
        with: impl Fn(&Entry) -> Vec<rusqlite::types::Value>,
    ) {
        let step = self.file.transaction().expect("begin");
        {
            let mut statement = step.prepare_cached(sql).expect("a statement");
            for entry in group {
                statement
                    .execute(rusqlite::params_from_iter(with(entry)))
                    .expect("a row");
            }
        }
        step.commit().expect("commit");
    }
}

impl Engine for Sqlite {
    fn append(&mut self, group: &[Entry]) {
        self.each(
            "INSERT INTO entries (channel, position, append, body) VALUES (?1, ?2, ?3, ?4)",
            group,
            |entry| {
                vec![
                    (entry.channel as i64).into(),
                    (entry.position as i64).into(),
                    entry.append.to_vec().into(),
                    entry.body.clone().into(),
                ]
            },
        );
        self.count += group.len() as u64;
    }

    fn count(&self) -> u64 {
        self.count
    }

    fn page(&mut self, channel: u64, limit: usize) -> usize {
        let mut read = self
            .file
            .prepare_cached("SELECT body FROM entries WHERE channel = ?1 AND body IS NOT NULL ORDER BY position LIMIT ?2")
            .expect("a statement");
        read.query_map((channel as i64, limit as i64), |row| {
            row.get::<_, Vec<u8>>(0)
        })
        .expect("rows")
        .map(|body| body.expect("a body"))
        .count()
    }

    fn let_go(&mut self, group: &[Entry]) {
        self.each(
            "UPDATE entries SET body = NULL WHERE channel = ?1 AND position = ?2",
            group,
            |entry| {
                vec![
                    (entry.channel as i64).into(),
                    (entry.position as i64).into(),
                ]
            },
        );
    }

    fn forget_all(&mut self) {
        self.file
            .execute("UPDATE entries SET body = NULL WHERE body IS NOT NULL", [])
            .expect("deleted");
    }

    fn settle(&mut self) {
        self.file
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .expect("a checkpoint");
    }
}
