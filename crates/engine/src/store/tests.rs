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

use super::{Durability, Store, StoreError, Transaction, params};

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
