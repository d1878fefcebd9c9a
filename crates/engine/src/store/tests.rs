#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise"
)]

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod durability;
mod opening;
mod writing;

use std::path::PathBuf;

use sotto_suite::Secret;
use tempfile::TempDir;

use super::connection::Place;
use super::{Durability, Store, StoreError, StoreReader, Transaction, params};

fn key() -> Secret<32> {
    Secret::new([7; 32])
}

/// A folder of its own, and the database's name in it.
fn place() -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("profile.db");
    (folder, path)
}

fn put(transaction: &Transaction<'_>, name: &str, value: &[u8]) -> Result<(), StoreError> {
    transaction
        .prepare_cached("INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)")?
        .execute(params![name, value])?;
    Ok(())
}

fn names(store: &mut Store) -> Vec<String> {
    store
        .read(|transaction| {
            let mut statement = transaction
                .prepare_cached("SELECT key FROM meta WHERE key LIKE 't%' ORDER BY key")?;
            let rows = statement.query_map([], |row| row.get(0))?;
            Ok::<_, StoreError>(rows.collect::<Result<_, _>>()?)
        })
        .unwrap()
}

impl Store {
    /// A database with empty tables.
    fn create(path: &std::path::Path, key: &Secret<32>) -> Result<Self, StoreError> {
        Self::create_with(path, key, |_| Ok(())).map(|(store, ())| store)
    }

    /// Reads the whole file and compares it with its checksums and itself.
    fn check(&mut self) -> Result<(), StoreError> {
        let mut found: Vec<String> = Vec::new();
        for pragma in ["PRAGMA cipher_integrity_check", "PRAGMA integrity_check"] {
            let mut statement = self.connection.prepare(pragma)?;
            for row in statement.query_map([], |row| row.get(0))? {
                found.push(row?);
            }
        }
        match found.as_slice() {
            [only] if only == "ok" => Ok(()),
            other => Err(StoreError::Damaged(format!("{other:?}"))),
        }
    }
}

/// A reader of a database that nobody need have open for writing.
fn reader(path: &std::path::Path, key: &Secret<32>) -> Result<StoreReader, StoreError> {
    StoreReader::open(&Place::File(path), key)
}
