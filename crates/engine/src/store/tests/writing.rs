//! Transactions, savepoints, the log, and a disk without room.

use super::super::savepoint;
use super::*;

#[test]
fn an_error_undoes_the_whole_transaction() {
    let mut store = Store::in_memory(&key()).unwrap();
    let refused = store.transaction(Durability::Synced, |transaction| {
        put(transaction, "t1", b"")?;
        Err::<(), _>(StoreError::Busy)
    });
    assert!(matches!(refused, Err(StoreError::Busy)));
    assert_eq!(names(&mut store), Vec::<String>::new());
    store
        .transaction(Durability::Synced, |transaction| {
            put(transaction, "t2", b"")
        })
        .unwrap();
    assert_eq!(names(&mut store), ["t2"]);
}

#[test]
fn a_panic_undoes_the_whole_transaction() {
    let mut store = Store::in_memory(&key()).unwrap();
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        store.transaction(Durability::Synced, |transaction| {
            put(transaction, "t1", b"")?;
            panic!("on purpose");
            #[allow(unreachable_code, reason = "gives the closure its type")]
            Ok::<_, StoreError>(())
        })
    }));
    assert!(caught.is_err());
    store
        .transaction(Durability::Lazy, |transaction| put(transaction, "t2", b""))
        .unwrap();
    assert_eq!(names(&mut store), ["t2"]);
}

#[test]
fn savepoints_are_undone_alone_and_nest() {
    let mut store = Store::in_memory(&key()).unwrap();
    store
        .transaction(Durability::Synced, |transaction| {
            put(transaction, "t1", b"")?;
            let bad = savepoint(transaction, || {
                put(transaction, "t2", b"")?;
                savepoint(transaction, || put(transaction, "t3", b""))?;
                Err::<(), _>(StoreError::Busy)
            });
            assert!(matches!(bad, Err(StoreError::Busy)));
            savepoint(transaction, || {
                put(transaction, "t4", b"")?;
                let inner = savepoint(transaction, || {
                    put(transaction, "t5", b"")?;
                    Err::<(), _>(StoreError::Busy)
                });
                assert!(inner.is_err());
                Ok::<_, StoreError>(())
            })
        })
        .unwrap();
    assert_eq!(names(&mut store), ["t1", "t4"]);
}

#[test]
fn readers_of_memory_see_what_the_writer_committed() {
    let mut store = Store::in_memory(&key()).unwrap();
    let other = Store::in_memory(&key()).unwrap();
    store
        .transaction(Durability::Synced, |transaction| {
            put(transaction, "t1", b"x")
        })
        .unwrap();
    let read = |transaction: &Transaction<'_>| {
        transaction
            .query_row("SELECT count(*) FROM meta WHERE key = 't1'", [], |row| {
                row.get::<_, i64>(0)
            })
            .map_err(StoreError::from)
    };
    assert_eq!(store.reader().unwrap().read(read).unwrap(), 1);
    assert_eq!(other.reader().unwrap().read(read).unwrap(), 0);
}

#[test]
fn what_was_deleted_is_in_neither_file_after_the_log_is_cut() {
    let (folder, path) = place();
    let mut store = Store::create(&path, &key()).unwrap();
    let log = folder.path().join("profile.db-wal");
    let size = |path: &std::path::Path| std::fs::metadata(path).map_or(0, |about| about.len());
    let secret = vec![0xAB_u8; 3_000];
    store
        .transaction(Durability::Lazy, |transaction| {
            put(transaction, "t1", &secret)
        })
        .unwrap();
    assert!(size(&log) > 3_000);
    store
        .transaction(Durability::Synced, |transaction| {
            transaction
                .execute("DELETE FROM meta WHERE key = 't1'", [])
                .map_err(StoreError::from)
        })
        .unwrap();
    assert!(store.truncate_log().unwrap());
    assert_eq!(size(&log), 0);
    // Decrypted, the file holds no trace either: freed pages were overwritten.
    let copy = folder.path().join("plain.db");
    std::fs::write(&copy, b"").unwrap();
    let sql = format!(
        "ATTACH DATABASE '{}' AS plain KEY ''; SELECT sqlcipher_export('plain'); DETACH DATABASE plain;",
        copy.display()
    );
    store.connection.execute_batch(&sql).unwrap();
    let plain = std::fs::read(&copy).unwrap();
    assert!(plain.starts_with(b"SQLite format 3"));
    assert!(!plain.windows(64).any(|window| window == &secret[..64]));
    let free: i64 = store
        .connection
        .pragma_query_value(None, "secure_delete", |row| row.get(0))
        .unwrap();
    assert_eq!(free, 1);
}

#[test]
fn the_log_is_not_cut_under_a_reader_and_nothing_is_lost() {
    let (_folder, path) = place();
    let mut store = Store::create(&path, &key()).unwrap();
    store
        .connection
        .busy_timeout(std::time::Duration::ZERO)
        .unwrap();
    let mut reader = store.reader().unwrap();
    store
        .transaction(Durability::Synced, |transaction| {
            put(transaction, "t1", b"")
        })
        .unwrap();
    reader
        .read(|transaction| {
            transaction.query_row("SELECT count(*) FROM meta", [], |row| row.get::<_, i64>(0))?;
            store.transaction(Durability::Synced, |writing| put(writing, "t2", b""))?;
            assert!(!store.truncate_log()?);
            Ok::<_, StoreError>(())
        })
        .unwrap();
    assert!(store.truncate_log().unwrap());
    assert_eq!(names(&mut store), ["t1", "t2"]);
}

#[test]
fn a_full_disk_undoes_the_step_and_says_so() {
    let (_folder, path) = place();
    let mut store = Store::create(&path, &key()).unwrap();
    store
        .transaction(Durability::Synced, |transaction| {
            put(transaction, "t1", b"")
        })
        .unwrap();
    let pages: i64 = store
        .connection
        .pragma_query_value(None, "page_count", |row| row.get(0))
        .unwrap();
    store
        .connection
        .pragma_update_and_check(None, "max_page_count", pages + 1, |_| Ok(()))
        .unwrap();
    let full = store.transaction(Durability::Synced, |transaction| {
        put(transaction, "t2", &[1; 100_000])
    });
    assert!(matches!(full, Err(StoreError::Full)), "{full:?}");
    assert_eq!(names(&mut store), ["t1"]);
    store
        .connection
        .pragma_update_and_check(None, "max_page_count", 1_000_000, |_| Ok(()))
        .unwrap();
    store
        .transaction(Durability::Synced, |transaction| {
            put(transaction, "t2", &[1; 100_000])
        })
        .unwrap();
    assert_eq!(names(&mut store), ["t1", "t2"]);
}

#[test]
fn after_a_failed_sync_nothing_more_is_written() {
    let mut store = Store::in_memory(&key()).unwrap();
    store.disk_failed.set();
    let refused = store.transaction(Durability::Lazy, |transaction| put(transaction, "t1", b""));
    assert!(matches!(refused, Err(StoreError::DiskFailed)));
    assert!(matches!(store.truncate_log(), Err(StoreError::DiskFailed)));
    assert_eq!(names(&mut store), Vec::<String>::new());
}

#[test]
fn sensible_settings_are_in_force() {
    let (_folder, path) = place();
    let mut store = Store::create(&path, &key()).unwrap();
    let number = |store: &Store, name: &str| -> i64 {
        store
            .connection
            .pragma_query_value(None, name, |row| row.get(0))
            .unwrap()
    };
    for (name, value) in [
        ("foreign_keys", 1),
        ("secure_delete", 1),
        ("temp_store", 2),
        ("trusted_schema", 0),
        ("synchronous", 2),
        ("fullfsync", 1),
        ("checkpoint_fullfsync", 1),
    ] {
        assert_eq!(number(&store, name), value, "{name}");
    }
    store
        .transaction(Durability::Lazy, |_| Ok::<_, StoreError>(()))
        .unwrap();
    assert_eq!(number(&store, "synchronous"), 1);
    store
        .transaction(Durability::Synced, |_| Ok::<_, StoreError>(()))
        .unwrap();
    assert_eq!(number(&store, "synchronous"), 2);
    let mode: String = store
        .connection
        .pragma_query_value(None, "journal_mode", |row| row.get(0))
        .unwrap();
    assert_eq!(mode, "wal");
}
