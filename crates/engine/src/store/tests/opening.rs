//! Every way in which a database can't be opened, each with its own reason, and none with a
//! new identity as its answer.

use std::fs;

use rusqlite::OpenFlags;

use super::super::{Connection, connection, schema};
use super::*;

#[test]
fn what_was_written_is_there_after_opening_again() {
    let (_folder, path) = place();
    let mut store = Store::create(&path, &key()).unwrap();
    store
        .transaction(Durability::Synced, |transaction| {
            put(transaction, "t1", b"one")
        })
        .unwrap();
    drop(store);
    assert_eq!(names(&mut Store::open(&path, &key()).unwrap()), ["t1"]);
}

#[test]
fn nothing_is_opened_where_nothing_is() {
    let (folder, path) = place();
    assert!(matches!(
        Store::open(&path, &key()),
        Err(StoreError::Missing)
    ));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_taken_name_is_never_written_over() {
    let (_folder, path) = place();
    fs::write(&path, b"something of somebody").unwrap();
    assert!(matches!(
        Store::create(&path, &key()),
        Err(StoreError::Exists)
    ));
    assert_eq!(fs::read(&path).unwrap(), b"something of somebody");
}

#[cfg(unix)]
#[test]
fn a_link_to_nowhere_takes_the_name_too() {
    let (folder, path) = place();
    std::os::unix::fs::symlink(folder.path().join("elsewhere"), &path).unwrap();
    assert!(matches!(
        Store::create(&path, &key()),
        Err(StoreError::Exists)
    ));
    assert!(!folder.path().join("elsewhere").exists());
}

#[test]
fn a_wrong_key_is_refused_and_changes_nothing() {
    let (_folder, path) = place();
    drop(Store::create(&path, &key()).unwrap());
    let before = fs::read(&path).unwrap();
    let wrong = Secret::new([8; 32]);
    assert!(matches!(
        Store::open(&path, &wrong),
        Err(StoreError::WrongKeyOrNotADatabase)
    ));
    assert!(matches!(
        reader(&path, &wrong),
        Err(StoreError::WrongKeyOrNotADatabase)
    ));
    assert_eq!(fs::read(&path).unwrap(), before);
    drop(Store::open(&path, &key()).unwrap());
}

#[test]
fn a_file_that_is_no_database_is_refused_and_kept() {
    let (_folder, path) = place();
    for content in [vec![b'x'; 10_000], vec![0; 4096], b"short".to_vec()] {
        fs::write(&path, &content).unwrap();
        let error = Store::open(&path, &key()).unwrap_err();
        assert!(
            matches!(error, StoreError::WrongKeyOrNotADatabase),
            "{} bytes: {error:?}",
            content.len()
        );
        assert_eq!(fs::read(&path).unwrap(), content);
    }
}

#[test]
fn an_empty_file_is_damage_and_not_a_new_profile() {
    let (_folder, path) = place();
    fs::write(&path, b"").unwrap();
    assert!(matches!(
        Store::open(&path, &key()),
        Err(StoreError::Damaged(_))
    ));
    assert_eq!(fs::read(&path).unwrap(), b"");
}

#[test]
fn a_changed_page_is_noticed() {
    let (_folder, path) = place();
    let mut store = Store::create(&path, &key()).unwrap();
    store
        .transaction(Durability::Synced, |transaction| {
            for number in 0..200 {
                put(transaction, &format!("t{number}"), &[number; 500])?;
            }
            Ok::<_, StoreError>(())
        })
        .unwrap();
    store.check().unwrap();
    drop(store);
    let whole = fs::read(&path).unwrap();
    let pages = whole.len() / 4096;
    assert!(pages > 20, "{pages} pages");
    for page in 1..pages {
        let mut bytes = whole.clone();
        bytes[page * 4096 + 2000] ^= 1;
        fs::write(&path, &bytes).unwrap();
        let opened = Store::open(&path, &key());
        let error = opened.and_then(|mut store| store.check()).unwrap_err();
        assert!(
            matches!(error, StoreError::Damaged(_)),
            "page {page}: {error:?}"
        );
    }

    // Whoever doesn't check first meets it when opening or when reading.
    let mut bytes = whole;
    for page in bytes.chunks_mut(4096).skip(1) {
        page[2000] ^= 1;
    }
    fs::write(&path, &bytes).unwrap();
    let read = reader(&path, &key()).and_then(|mut reader| {
        reader.read(|transaction| {
            transaction
                .query_row("SELECT sum(length(key || value)) FROM meta", [], |row| {
                    row.get::<_, i64>(0)
                })
                .map_err(StoreError::from)
        })
    });
    assert!(matches!(read, Err(StoreError::Damaged(_))), "{read:?}");
}

#[test]
fn a_newer_version_is_left_alone() {
    let (_folder, path) = place();
    drop(Store::create(&path, &key()).unwrap());
    let newer = schema::newest() + 1;
    let raw = connection::open(&connection::Place::File(&path), &key(), false).unwrap();
    raw.pragma_update(None, "user_version", newer).unwrap();
    drop(raw);
    for error in [
        Store::open(&path, &key()).unwrap_err(),
        reader(&path, &key()).unwrap_err(),
    ] {
        assert!(
            matches!(error, StoreError::NewerVersion { found, known }
                if found == newer && known == schema::newest()),
            "{error:?}"
        );
    }
}

#[test]
fn a_database_of_any_earlier_version_is_brought_up_to_date() {
    let tables = |store: &mut Store| -> Vec<String> {
        store
            .read(|db| {
                let mut columns = db.prepare(
                    "SELECT t.name || '.' || c.name FROM sqlite_schema t, pragma_table_info(t.name) c
                     WHERE t.type = 'table' ORDER BY 1",
                )?;
                let rows = columns.query_map([], |row| row.get(0))?;
                Ok::<_, StoreError>(rows.collect::<Result<_, _>>()?)
            })
            .unwrap()
    };
    let (_folder, path) = place();
    let newest = tables(&mut Store::create(&path, &key()).unwrap());
    for version in 1..schema::newest() {
        let (_folder, path) = place();
        fs::write(&path, b"").unwrap();
        let old = connection::open(&connection::Place::File(&path), &key(), false).unwrap();
        schema::as_of(&old, version).unwrap();
        let writing = old.unchecked_transaction().unwrap();
        put(&writing, "t1", b"kept").unwrap();
        writing.commit().unwrap();
        drop(old);
        // A reader changes nothing, so it can't read these tables.
        let error = reader(&path, &key()).unwrap_err();
        assert!(matches!(error, StoreError::Damaged(_)), "{error:?}");
        let mut store = Store::open(&path, &key()).unwrap();
        assert_eq!(tables(&mut store), newest, "from version {version}");
        assert_eq!(names(&mut store), ["t1"]);
        store.reader().unwrap();
        store.check().unwrap();
    }
}

#[test]
fn one_writer_at_a_time_and_any_number_of_readers() {
    let (_folder, path) = place();
    let mut writer = Store::create(&path, &key()).unwrap();
    assert!(matches!(Store::open(&path, &key()), Err(StoreError::InUse)));
    assert!(matches!(
        Store::create(&path, &key()),
        Err(StoreError::InUse)
    ));
    let count = |transaction: &Transaction<'_>| {
        transaction
            .query_row("SELECT count(*) FROM meta WHERE key LIKE 't%'", [], |row| {
                row.get::<_, i64>(0)
            })
            .map_err(StoreError::from)
    };
    let mut first = writer.reader().unwrap();
    let mut second = reader(&path, &key()).unwrap();
    writer
        .transaction(Durability::Synced, |transaction| {
            put(transaction, "t1", b"")?;
            // Readers neither see what is not committed nor wait for it.
            assert_eq!(first.read(count)?, 0);
            assert_eq!(second.read(count)?, 0);
            Ok::<_, StoreError>(())
        })
        .unwrap();
    assert_eq!(first.read(count).unwrap(), 1);
    assert_eq!(second.read(count).unwrap(), 1);
    drop(writer);
    drop(Store::open(&path, &key()).unwrap());
}

#[test]
fn a_reader_cannot_write() {
    let (_folder, path) = place();
    let store = Store::create(&path, &key()).unwrap();
    let error = store
        .reader()
        .unwrap()
        .read(|transaction| put(transaction, "t1", b""))
        .unwrap_err();
    assert!(matches!(error, StoreError::ReadOnly), "{error:?}");
}

#[test]
fn a_failed_creation_leaves_nothing_and_can_be_repeated() {
    let (folder, path) = place();
    let failed = Store::create_with(&path, &key(), |transaction| {
        put(transaction, "t1", b"")?;
        Err::<(), _>(StoreError::Other("the caller changed its mind".into()))
    });
    assert!(matches!(failed, Err(StoreError::Other(_))));
    assert!(!path.exists());
    // What a crash in the middle leaves behind is swept away as well.
    fs::write(folder.path().join("profile.db.new"), b"half").unwrap();
    let (mut store, made) = Store::create_with(&path, &key(), |transaction| {
        put(transaction, "t1", b"")?;
        Ok::<_, StoreError>(42)
    })
    .unwrap();
    assert_eq!((made, names(&mut store)), (42, vec!["t1".to_owned()]));
    let mut left: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    assert_eq!(
        left,
        [
            "profile.db",
            "profile.db-shm",
            "profile.db-wal",
            "profile.db.lock"
        ]
    );
}

#[test]
fn the_file_is_encrypted_for_its_owner_alone() {
    let (folder, path) = place();
    let mut store = Store::create(&path, &key()).unwrap();
    store
        .transaction(Durability::Synced, |transaction| {
            put(transaction, "t1", b"the plain words of a person")
        })
        .unwrap();
    for entry in fs::read_dir(folder.path()).unwrap() {
        let file = entry.unwrap().path();
        let bytes = fs::read(&file).unwrap();
        for needle in [&b"plain words"[..], b"SQLite format", b"CREATE TABLE"] {
            let found = bytes.windows(needle.len()).any(|window| window == needle);
            assert!(!found, "{} shows {needle:?}", file.display());
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(&file).unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{} is {mode:o}", file.display());
        }
    }
}

#[test]
fn a_plain_database_is_not_taken_for_a_profile() {
    let (_folder, path) = place();
    Connection::open_with_flags(
        &path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
    )
    .unwrap()
    .execute_batch("CREATE TABLE plain (x)")
    .unwrap();
    assert!(matches!(
        Store::open(&path, &key()),
        Err(StoreError::WrongKeyOrNotADatabase)
    ));
}

#[cfg(unix)]
#[test]
fn a_folder_without_permission_is_named_as_that() {
    use std::os::unix::fs::PermissionsExt as _;
    let (folder, path) = place();
    drop(Store::create(&path, &key()).unwrap());
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o000)).unwrap();
    let opened = Store::open(&path, &key());
    let permitted = fs::read_dir(folder.path()).is_ok();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
    // The superuser is refused nothing; everybody else must be told.
    assert!(permitted || matches!(opened, Err(StoreError::Permission)));
}

#[test]
fn every_reason_has_its_own_code_and_three_sentences() {
    let all = [
        StoreError::Missing,
        StoreError::Exists,
        StoreError::WrongKeyOrNotADatabase,
        StoreError::Damaged("page 3".into()),
        StoreError::NewerVersion { found: 9, known: 1 },
        StoreError::Full,
        StoreError::ReadOnly,
        StoreError::Permission,
        StoreError::Busy,
        StoreError::InUse,
        StoreError::DiskFailed,
        StoreError::Other("no such table: t".into()),
    ];
    let mut codes: Vec<_> = all.iter().map(StoreError::code).collect();
    for error in &all {
        let problem = error.problem();
        assert_eq!(problem.code, error.code());
        for sentence in [&problem.happened, &problem.safe, &problem.next] {
            assert!(sentence.ends_with('.') && sentence.len() > 10, "{sentence}");
        }
    }
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), all.len());
}

/// How many databases a fresh process opens in one moment.
const AT_ONCE: usize = 16;

#[test]
#[ignore = "runs as the child of the test below"]
fn child_opens_many_at_once() {
    let start = std::sync::Barrier::new(AT_ONCE);
    let open = |number: usize| {
        start.wait();
        connection::open(&Place::Memory(&format!("at-once-{number}")), &key(), false).map(drop)
    };
    std::thread::scope(|scope| {
        let open = &open;
        let all: Vec<_> = (0..AT_ONCE)
            .map(|number| scope.spawn(move || open(number)))
            .collect();
        for one in all {
            one.join().unwrap().unwrap();
        }
    });
}

#[test]
fn the_first_databases_of_a_process_may_be_opened_at_once() {
    for _ in 0..10 {
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "store::tests::opening::child_opens_many_at_once"])
            .args(["--ignored", "--nocapture"])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && said.contains("1 passed"),
            "{said}{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}
