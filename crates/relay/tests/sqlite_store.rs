//! The embedded store: the suite of every store, and what is its own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests stop at the first surprise"
)]

mod conformance;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use conformance::{
    CHANNEL_BYTES, DAY, Harness, SLOT_PACKAGES, START, channel, chat, conformance, key,
};
use sotto_relay::store::sqlite::{OpenError, SqliteOptions, SqliteStore};
use sotto_relay::store::{Deposit, Item, NewChannel, Seconds, Store as _, StoreError};
use sotto_relay::{Clock, Metrics};
use sotto_wire::{Position, SlotId};
use tempfile::TempDir;

struct Sqlite {
    folder: TempDir,
    options: SqliteOptions,
    time: Arc<AtomicU64>,
}

impl Sqlite {
    fn new() -> Self {
        let time = Arc::new(AtomicU64::new(START));
        let read = Arc::clone(&time);
        let options = SqliteOptions {
            channel_bytes: CHANNEL_BYTES,
            slot_packages: SLOT_PACKAGES,
            // Two channels in memory at most, so that the others are read again and again.
            cached_channels: 2,
            clock: Clock::new(move || read.load(Ordering::SeqCst)),
            ..SqliteOptions::default()
        };
        Self {
            folder: tempfile::tempdir().unwrap(),
            options,
            time,
        }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("relay.db")
    }

    fn try_open(&self) -> Result<SqliteStore, OpenError> {
        SqliteStore::open(
            &self.file(),
            self.options.clone(),
            Arc::new(Metrics::default()),
        )
    }

    /// Everything on the disk, of all files.
    fn bytes(&self) -> Vec<u8> {
        let files = std::fs::read_dir(self.folder.path()).unwrap();
        files
            .flat_map(|file| std::fs::read(file.unwrap().path()).unwrap())
            .collect()
    }
}

impl Harness for Sqlite {
    type Store = SqliteStore;

    async fn open(&self) -> SqliteStore {
        self.try_open().unwrap()
    }

    fn set_time(&self, now: Seconds) {
        self.time.store(now, Ordering::SeqCst);
    }
}

conformance!(Sqlite::new());

fn holds(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}

const MARK: &[u8] = b"a body that nobody else would write";

#[tokio::test]
async fn what_was_acknowledged_is_on_the_disk_no_more() {
    let harness = Sqlite::new();
    let store = harness.open().await;
    store.create(channel(&[key(3)])).await.unwrap();
    // One small, one on overflow pages.
    store.append(chat(1, MARK)).await.unwrap();
    store.append(chat(2, &MARK.repeat(300))).await.unwrap();
    store
        .set_writer(channel(&[]).channel, key(1), key(9), Some(MARK.to_vec()))
        .await
        .unwrap();
    assert!(holds(&harness.bytes(), MARK));
    store.acknowledge(channel(&[]).channel, key(3), Position(2));
    store
        .revoke_writer(channel(&[]).channel, key(1), key(9))
        .await
        .unwrap();
    mark_goes(&harness).await;
    store.append(chat(3, b"x")).await.unwrap();
}

/// By itself, within a moment, and while the store goes on.
async fn mark_goes(harness: &Sqlite) {
    let gone = async {
        while holds(&harness.bytes(), MARK) {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), gone)
        .await
        .unwrap();
}

#[tokio::test]
async fn what_was_replaced_or_handed_out_is_on_the_disk_no_more() {
    let harness = Sqlite::new();
    let store = harness.open().await;
    store.create(channel(&[key(3)])).await.unwrap();
    let (inbox, slot) = (channel(&[]).channel, SlotId([1; 16]));
    let deposit = |packages: &[&[u8]], last_resort: Option<&[u8]>| {
        store.deposit(Deposit {
            channel: inbox,
            admin: key(1),
            slot,
            packages: packages.iter().map(|package| package.to_vec()).collect(),
            last_resort: last_resort.map(<[u8]>::to_vec),
        })
    };
    deposit(&[], Some(MARK)).await.unwrap();
    deposit(&[], Some(b"newer")).await.unwrap();
    // Nothing that comes after it keeps it there.
    store.append(chat(1, b"x")).await.unwrap();
    deposit(&[b"first"], None).await.unwrap();
    let refused = store.take(inbox, key(9), vec![slot]).await;
    assert_eq!(refused, Err(StoreError::NotFound));
    mark_goes(&harness).await;

    deposit(&[MARK], None).await.unwrap();
    for package in [&b"first"[..], MARK] {
        let taken = store.take(inbox, key(2), vec![slot]).await.unwrap();
        assert_eq!(taken[0].package, package);
    }
    mark_goes(&harness).await;
}

#[tokio::test]
async fn keys_of_a_channel_are_bounded() {
    let mut harness = Sqlite::new();
    harness.options.channel_keys = 3;
    let store = harness.open().await;
    let keys = |count: u8| (10..10 + count).map(key).collect::<Vec<_>>();
    let new = |writers, subscribers| NewChannel {
        writers: keys(writers),
        ..channel(&keys(subscribers))
    };
    for (writers, subscribers) in [(4, 0), (0, 4), (5, 5)] {
        let refused = store.create(new(writers, subscribers)).await;
        assert_eq!(refused, Err(StoreError::Quota));
    }
    store.create(new(3, 3)).await.unwrap();
    // Whose key is there already may get a card; another one has to wait until there is room.
    let set = |writer, card| store.set_writer(channel(&[]).channel, key(1), key(writer), card);
    assert_eq!(set(99, None).await, Err(StoreError::Quota));
    set(10, Some(b"card".to_vec())).await.unwrap();
    let revoked = store.revoke_writer(channel(&[]).channel, key(1), key(11));
    revoked.await.unwrap();
    set(99, None).await.unwrap();
}

/// Whoever gets hold of the disk learns the hour of what happened there, and no more.
#[tokio::test]
async fn times_on_the_disk_are_whole_hours() {
    let harness = Sqlite::new();
    harness.set_time(START + 1234);
    let store = harness.open().await;
    store.create(channel(&[key(3), key(4)])).await.unwrap();
    store.append(chat(1, b"acknowledged")).await.unwrap();
    store.append(chat(2, b"too old")).await.unwrap();
    // Late enough that the trace outlives the expiry below.
    harness.set_time(START + 5 * DAY + 777);
    for reader in [key(3), key(4)] {
        store.acknowledge(channel(&[]).channel, reader, Position(1));
    }
    store.settle().await.unwrap();
    store.expire(START + 31 * DAY + 2345).await.unwrap();
    drop(store);
    let file = rusqlite::Connection::open(harness.file()).unwrap();
    let mut select = file
        .prepare("SELECT at FROM entries UNION ALL SELECT gone FROM entries")
        .unwrap();
    let times = select.query_map([], |row| row.get::<_, u64>(0)).unwrap();
    let times: Vec<u64> = times.map(Result::unwrap).collect();
    assert_eq!(times.len(), 4);
    assert!(times.iter().all(|time| time % 3600 == 0), "{times:?}");
}

#[tokio::test]
async fn many_channels_are_kept_with_memory_for_two() {
    let harness = Sqlite::new();
    let store = harness.open().await;
    for n in 0..20 {
        let channel = sotto_wire::ChannelId([n; 16]);
        store
            .create(sotto_relay::store::NewChannel {
                channel,
                ..self::channel(&[key(3)])
            })
            .await
            .unwrap();
    }
    for round in 1..=5u64 {
        for n in 0..20 {
            let channel = sotto_wire::ChannelId([n; 16]);
            let new = sotto_relay::store::NewEntry {
                channel,
                ..chat(round, b"x")
            };
            assert_eq!(store.append(new).await.unwrap().position, Position(round));
            store.acknowledge(channel, key(3), Position(round));
        }
    }
    store.settle().await.unwrap();
    for n in 0..20 {
        let items = store
            .read(sotto_wire::ChannelId([n; 16]), Position(0), 10)
            .await
            .unwrap();
        assert!(
            matches!(&items[..], [Item::Gap(gap)] if gap.until == Position(5)),
            "{items:?}"
        );
    }
}

#[tokio::test]
async fn a_full_disk_refuses_and_loses_nothing() {
    let mut harness = Sqlite::new();
    harness.options.max_pages = 60;
    harness.options.channel_bytes = u64::MAX / 4;
    let store = harness.open().await;
    store.create(channel(&[key(3)])).await.unwrap();
    let body = vec![7; 9000];
    let mut kept = 0;
    let refused = loop {
        match store.append(chat(kept + 1, &body)).await {
            Ok(_) => kept += 1,
            Err(error) => break error,
        }
        assert!(kept < 100, "the bound on pages does nothing");
    };
    assert_eq!(refused, StoreError::Unavailable);
    assert!(kept > 3);
    // Nothing of the refused one, all of the others, and no hole where it would have stood.
    for _ in 0..2 {
        assert_eq!(
            store.append(chat(kept + 1, &body)).await,
            Err(StoreError::Unavailable)
        );
    }
    assert_eq!(
        store
            .read(channel(&[]).channel, Position(0), 100)
            .await
            .unwrap()
            .len(),
        kept as usize
    );
    // Acknowledging makes room again: what is deleted is reused.
    store.acknowledge(channel(&[]).channel, key(3), Position(kept));
    store.settle().await.unwrap();
    let stood = store.append(chat(kept + 1, &body)).await.unwrap();
    assert_eq!(stood.position, Position(kept + 1));
}

#[tokio::test]
async fn expiry_finds_what_is_old_among_what_is_new() {
    let harness = Sqlite::new();
    let store = harness.open().await;
    store.create(channel(&[key(3)])).await.unwrap();
    for day in 0..40 {
        harness.set_time(START + day * DAY);
        store.append(chat(day, b"x")).await.unwrap();
    }
    store.expire(START + 40 * DAY).await.unwrap();
    let items = store
        .read(channel(&[]).channel, Position(0), 100)
        .await
        .unwrap();
    // Positions 1 to 10 were written on days 0 to 9, and one day is as good as another hour.
    assert!(
        matches!(&items[0], Item::Gap(gap) if gap.until == Position(10)),
        "{:?}",
        items[0]
    );
    assert_eq!(items.len(), 31);
}

/// The quarter that only handshakes may use is used up in hours, not at once, by whoever floods; and
/// what fits beneath it has no pace.
#[tokio::test]
async fn room_for_handshakes_is_given_out_by_the_hour() {
    let mut harness = Sqlite::new();
    harness.options.reserve_per_hour = 3000;
    let store = harness.open().await;
    store.create(channel(&[key(3)])).await.unwrap();
    let handshake = |n: u64, len: usize| sotto_relay::store::NewEntry {
        lane: sotto_wire::Lane::Handshake,
        handshakes: n,
        ..chat(1000 + n, &vec![7; len])
    };
    // Beneath the quota nothing counts for the hour's share, however much it is.
    let full = usize::try_from(CHANNEL_BYTES).unwrap();
    store.append(handshake(0, 1000)).await.unwrap();
    store.append(handshake(1, full - 1000)).await.unwrap();
    // Past it now: one is always taken, then the share.
    store.append(handshake(2, 2000)).await.unwrap();
    store.append(handshake(3, 1000)).await.unwrap();
    harness.set_time(START + 600);
    assert_eq!(
        store.append(handshake(4, 1)).await,
        Err(StoreError::TooFast { wait: 3000 })
    );
    harness.set_time(START + 3600);
    store.append(handshake(4, 5000)).await.unwrap();
    assert_eq!(
        store.append(handshake(5, 1)).await,
        Err(StoreError::TooFast { wait: 3600 })
    );
    // In the end there is no room at all.
    harness.set_time(START + 7200);
    assert_eq!(
        store.append(handshake(5, 3000)).await,
        Err(StoreError::Quota)
    );
    // Reading makes room, and then nothing is paced.
    store.acknowledge(channel(&[]).channel, key(3), Position(5));
    store.settle().await.unwrap();
    for n in 5..9 {
        store.append(handshake(n, 5000)).await.unwrap();
    }
}

#[tokio::test]
async fn a_file_that_is_not_ours_is_refused_and_left_alone() {
    // Not a database at all.
    let harness = Sqlite::new();
    std::fs::write(
        harness.file(),
        b"Dear diary, today nothing happened. ".repeat(100),
    )
    .unwrap();
    let before = harness.bytes();
    assert!(matches!(harness.try_open(), Err(OpenError::Damaged(_))));
    assert_eq!(harness.bytes(), before);

    // Another program's.
    let harness = Sqlite::new();
    let other = rusqlite::Connection::open(harness.file()).unwrap();
    other
        .execute_batch("CREATE TABLE recipes (cake TEXT)")
        .unwrap();
    drop(other);
    assert!(matches!(harness.try_open(), Err(OpenError::Foreign)));

    // Of a newer version.
    let harness = Sqlite::new();
    drop(harness.open().await);
    let newer = rusqlite::Connection::open(harness.file()).unwrap();
    newer.pragma_update(None, "user_version", 3).unwrap();
    drop(newer);
    let before = std::fs::read(harness.file()).unwrap();
    assert!(matches!(harness.try_open(), Err(OpenError::Newer(3))));
    assert_eq!(std::fs::read(harness.file()).unwrap(), before);

    // Ours, damaged.
    let harness = Sqlite::new();
    let store = harness.open().await;
    store.create(channel(&[key(3)])).await.unwrap();
    for n in 0..200 {
        store.append(chat(n, MARK)).await.unwrap();
    }
    drop(store);
    let mut bytes = std::fs::read(harness.file()).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 4096].fill(0xff);
    std::fs::write(harness.file(), bytes).unwrap();
    assert!(matches!(harness.try_open(), Err(OpenError::Damaged(_))));
}

/// What the first version of the tables held is there afterwards, and answers as before.
#[tokio::test]
async fn a_store_of_the_first_version_is_taken_over() {
    let harness = Sqlite::new();
    let store = harness.open().await;
    store.create(channel(&[key(3)])).await.unwrap();
    for n in 0..20 {
        store.append(chat(n, MARK)).await.unwrap();
    }
    let tenth = store.append(chat(10, MARK)).await.unwrap();
    drop(store);
    let file = rusqlite::Connection::open(harness.file()).unwrap();
    file.execute_batch(
        "ALTER TABLE entries RENAME TO newer;
         CREATE TABLE entries (id INTEGER PRIMARY KEY, channel INTEGER NOT NULL,
             position INTEGER NOT NULL, append BLOB NOT NULL, lane INTEGER NOT NULL,
             fence INTEGER NOT NULL, handshakes INTEGER NOT NULL, hash BLOB NOT NULL,
             at INTEGER NOT NULL, gone INTEGER, size INTEGER NOT NULL, body BLOB,
             UNIQUE (channel, position), UNIQUE (channel, append)) STRICT;
         INSERT INTO entries SELECT * FROM newer;
         DROP TABLE newer; DROP TABLE revoked; PRAGMA user_version = 1;",
    )
    .unwrap();
    drop(file);

    let store = harness.open().await;
    assert_eq!(store.append(chat(10, MARK)).await, Ok(tenth));
    let next = store.append(chat(20, MARK)).await.unwrap();
    assert_eq!(next.position, Position(21));
    let all = store.read(conformance::CHANNEL, Position(0), 100).await;
    assert_eq!(all.unwrap().len(), 21);
}
