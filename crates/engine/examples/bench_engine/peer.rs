//! The peer: SQLCipher and nothing else.

use std::path::Path;

use rusqlite::{Connection, params};

use crate::clock::Spent;

pub struct Bare {
    db: Connection,
    row: Vec<u8>,
    count: u64,
    _folder: tempfile::TempDir,
}

impl Bare {
    /// The engine's pragmas, one table, rows of `size` bytes under 16-byte keys.
    pub fn new(folder: &Path, size: usize) -> Self {
        let folder = tempfile::tempdir_in(folder).unwrap();
        let db = Connection::open(folder.path().join("bare.db")).unwrap();
        db.execute_batch(&format!("PRAGMA key = \"x'{}'\"", hex::encode([3_u8; 32])))
            .unwrap();
        db.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get::<_, String>(0))
            .unwrap();
        db.execute_batch(
            "PRAGMA synchronous = FULL;
             PRAGMA secure_delete = ON;
             PRAGMA temp_store = MEMORY;
             PRAGMA cell_size_check = ON;
             CREATE TABLE rows (id BLOB PRIMARY KEY, place INTEGER NOT NULL, body BLOB NOT NULL) STRICT;",
        )
        .unwrap();
        Self {
            db,
            row: vec![0x61; size],
            count: 0,
            _folder: folder,
        }
    }

    /// One synced transaction of `count` rows.
    pub fn insert(&mut self, count: usize, spent: &mut Spent) {
        let work = || {
            let transaction = self.db.transaction().unwrap();
            for _ in 0..count {
                self.count += 1;
                // Ids come in no order, as the engine's do.
                let id = self.count.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes();
                let id: Vec<u8> = id.iter().chain(&id).copied().collect();
                transaction
                    .prepare_cached("INSERT INTO rows VALUES (?1, ?2, ?3)")
                    .unwrap()
                    .execute(params![id, self.count.cast_signed(), self.row])
                    .unwrap();
            }
            transaction.commit().unwrap();
        };
        if count > 1 {
            spent.time_long(work);
        } else {
            spent.time(work);
        }
    }
}
