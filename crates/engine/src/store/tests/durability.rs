//! What a power cut leaves, at every moment of a database's life.
//!
//! A child process creates a database and commits, under watch of `sotto-faulty-disk`. For every
//! operation that it did on the disk a power cut is played right after it, and the database that
//! is left must open, be whole, and hold everything that the child had been promised.

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use sotto_faulty_disk::{Disk, Fate, History, Image, Watch};

use super::*;

/// Commits of the child.
const COMMITS: u32 = 24;
/// Seeds with which each moment is played.
const SEEDS: u64 = 1;
const ACKNOWLEDGED: &str = "acknowledged";

/// Commit `number`: one more row, and a count that must agree with the rows.
fn try_commit(store: &mut Store, durability: Durability, number: u32) -> Result<(), StoreError> {
    store.transaction(durability, |transaction| {
        // From a few bytes to several pages, and some rewriting of old pages.
        let size = (number * 977 % 9_000) as usize;
        put(
            transaction,
            &format!("t{number:05}"),
            &vec![number as u8; size],
        )?;
        put(transaction, "count", &number.to_be_bytes())
    })
}

fn commit(store: &mut Store, durability: Durability, number: u32) {
    try_commit(store, durability, number).unwrap();
}

/// Tells the parent, in order with everything else, what may be relied upon from now on.
fn acknowledge(folder: &Path, what: &str) {
    let mut file = OpenOptions::new()
        .append(true)
        .create(true)
        .open(folder.join(ACKNOWLEDGED))
        .unwrap();
    file.write_all(format!("{what}\n").as_bytes()).unwrap();
}

fn child_folder() -> PathBuf {
    PathBuf::from(std::env::var_os("SOTTO_TEST_FOLDER").expect("started by its parent"))
}

fn lazy(number: u32) -> bool {
    !number.is_multiple_of(3)
}

#[test]
#[ignore = "runs as the child of the tests below"]
fn child_commits() {
    let folder = child_folder();
    let path = folder.join("profile.db");
    let promise_lazy = std::env::var_os("SOTTO_TEST_PROMISE_LAZY").is_some();
    let (mut store, ()) = Store::create_with(&path, &key(), |transaction| {
        put(transaction, "count", &0_u32.to_be_bytes())
    })
    .unwrap();
    acknowledge(&folder, "0");
    for number in 1..=COMMITS {
        let durability = if lazy(number) {
            Durability::Lazy
        } else {
            Durability::Synced
        };
        commit(&mut store, durability, number);
        if promise_lazy || durability == Durability::Synced {
            acknowledge(&folder, &number.to_string());
        }
        if number.is_multiple_of(10) {
            assert!(store.truncate_log().unwrap());
            acknowledge(&folder, &number.to_string());
        }
        if number == COMMITS / 2 {
            drop(store);
            acknowledge(&folder, &number.to_string());
            store = Store::open(&path, &key()).unwrap();
        }
    }
    // Ended without a word, as a power cut would.
    std::process::exit(0);
}

fn child(name: &str, folder: &Path, watch: &Watch) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", &format!("store::tests::durability::{name}")])
        .args(["--ignored", "--nocapture"])
        .env("SOTTO_TEST_FOLDER", folder);
    watch.over(&mut command);
    command
}

fn history_of(name: &str, promise_lazy: bool) -> History {
    let (folder, aside) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let watch = Watch::new(folder.path(), aside.path()).unwrap();
    let mut command = child(name, folder.path(), &watch);
    if promise_lazy {
        command.env("SOTTO_TEST_PROMISE_LAZY", "1");
    }
    let output = command.output().unwrap();
    let history = watch.history().unwrap();
    assert!(
        output.status.success() && !history.is_empty(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    history
}

/// The last commit that the child was promised; `None` before the database itself was.
fn promised(disk: &Disk) -> Option<u32> {
    let text = String::from_utf8(disk.file(ACKNOWLEDGED)?.to_vec()).unwrap();
    text.lines().last().map(|line| line.parse().unwrap())
}

/// What power cuts left, by what the disk then held: many moments leave the same.
#[derive(Default)]
struct Aftermath(HashMap<Image, Option<u32>>);

impl Aftermath {
    /// The last commit that a power cut now leaves; `None` when it leaves no database.
    ///
    /// # Panics
    /// When what it leaves doesn't open, is damaged, or holds half a commit.
    fn left(&mut self, disk: &Disk, fate: Fate) -> Option<u32> {
        let image = disk.after_power_cut(fate);
        if let Some(known) = self.0.get(&image) {
            return *known;
        }
        let left = open(&image, fate);
        self.0.insert(image, left);
        left
    }
}

fn open(image: &Image, fate: Fate) -> Option<u32> {
    // Syncing is for nothing here, and costs nothing in memory.
    let folder = TempDir::new_in("/dev/shm")
        .or_else(|_| TempDir::new())
        .unwrap();
    image.write_to(folder.path()).unwrap();
    let path = folder.path().join("profile.db");
    let mut store = match Store::open(&path, &key()) {
        Ok(store) => store,
        Err(StoreError::Missing) => return None,
        Err(error) => panic!("after {fate:?}: {error:?}"),
    };
    store.check().unwrap();
    let count = count(&mut store);
    let rows: Vec<String> = (1..=count).map(|number| format!("t{number:05}")).collect();
    assert_eq!(names(&mut store), rows, "after {fate:?}");
    // Life goes on.
    commit(&mut store, Durability::Synced, count + 1);
    Some(count)
}

fn count(store: &mut Store) -> u32 {
    let read = store.read(|transaction| {
        transaction
            .query_row("SELECT value FROM meta WHERE key = 'count'", [], |row| {
                row.get::<_, [u8; 4]>(0)
            })
            .map_err(StoreError::from)
    });
    u32::from_be_bytes(read.unwrap())
}

#[test]
fn what_was_promised_survives_a_power_cut_at_any_moment() {
    let history = history_of("child_commits", false);
    let mut aftermath = Aftermath::default();
    let (mut moments, mut vanished) = (0, 0);
    for (moment, disk) in history.moments().enumerate() {
        let promised = promised(&disk);
        let fates = [Fate::Nothing, Fate::Everything];
        let seeds = (0..SEEDS).map(|seed| Fate::Any(seed + moment as u64 * SEEDS));
        for fate in fates.into_iter().chain(seeds) {
            let left = aftermath.left(&disk, fate);
            assert!(
                left >= promised,
                "moment {moment}, {fate:?}: promised {promised:?}, left {left:?}"
            );
        }
        let (least, most) = (Fate::Nothing, Fate::Everything);
        vanished += u32::from(aftermath.left(&disk, least) < aftermath.left(&disk, most));
        moments += 1;
    }
    assert_eq!(promised(&history.end()), Some(COMMITS));
    println!("{moments} moments, {} disks", aftermath.0.len());
    // The child did enough for this to mean something, and the disk did forget.
    assert!(
        moments > 200 && vanished > 50,
        "{moments} moments, {vanished} of them with a loss"
    );
}

/// The test above can fail: with a promise that the store doesn't make, it would.
#[test]
fn what_was_not_synced_can_vanish() {
    let history = history_of("child_commits", true);
    let mut aftermath = Aftermath::default();
    let broken = history
        .moments()
        .filter(|disk| aftermath.left(disk, Fate::Nothing) < promised(disk))
        .count();
    assert!(broken > 20, "{broken} moments");
}

#[test]
#[ignore = "runs as the child of the test below"]
fn child_only_syncs() {
    let folder = child_folder();
    let path = folder.join("profile.db");
    let (mut store, ()) = Store::create_with(&path, &key(), |transaction| {
        put(transaction, "count", &0_u32.to_be_bytes())
    })
    .unwrap();
    for number in 1..=6 {
        commit(&mut store, Durability::Lazy, number);
        // The engine's clock does this: there is nothing to write, only to be sure of. Or what there is
        // stands there already.
        let nothing = store.transaction(Durability::Synced, |transaction| {
            if number % 2 == 0 {
                transaction.execute("UPDATE meta SET value = value WHERE key = 'count'", [])?;
            }
            Ok::<_, StoreError>(())
        });
        nothing.unwrap();
        acknowledge(&folder, &number.to_string());
    }
    std::process::exit(0);
}

#[test]
fn a_synced_commit_without_content_makes_the_lazy_ones_durable() {
    let history = history_of("child_only_syncs", false);
    let mut aftermath = Aftermath::default();
    for (moment, disk) in history.moments().enumerate() {
        let (promised, left) = (promised(&disk), aftermath.left(&disk, Fate::Nothing));
        assert!(
            left >= promised,
            "moment {moment}: promised {promised:?}, left {left:?}"
        );
    }
    assert_eq!(promised(&history.end()), Some(6));
}

#[test]
#[ignore = "runs as the child of the test below"]
fn child_meets_faults() {
    let folder = child_folder();
    let flag = |name| PathBuf::from(std::env::var_os(name).expect("under watch"));
    let (full, sync_fails) = (flag("FAULTY_DISK_FULL"), flag("FAULTY_DISK_SYNC_FAILS"));
    let path = folder.join("profile.db");
    std::fs::write(&full, b"").unwrap();
    assert!(matches!(
        Store::create(&path, &key()),
        Err(StoreError::Full)
    ));
    assert!(!path.exists());
    std::fs::remove_file(&full).unwrap();

    let (mut store, ()) = Store::create_with(&path, &key(), |transaction| {
        put(transaction, "count", &0_u32.to_be_bytes())
    })
    .unwrap();
    commit(&mut store, Durability::Synced, 1);
    std::fs::write(&full, b"").unwrap();
    let refused = store.transaction(Durability::Synced, |transaction| {
        put(transaction, "t00002", &[0; 50_000])
    });
    assert!(matches!(refused, Err(StoreError::Full)), "{refused:?}");
    assert_eq!(count(&mut store), 1);
    // Nobody takes a transaction that writes nothing for room on the disk.
    for durability in [Durability::Lazy, Durability::Synced] {
        let empty = store.transaction(durability, |_| Ok::<_, StoreError>(()));
        assert!(matches!(empty, Err(StoreError::Full)), "{empty:?}");
    }
    std::fs::remove_file(&full).unwrap();
    store
        .transaction(Durability::Lazy, |_| Ok::<_, StoreError>(()))
        .unwrap();
    commit(&mut store, Durability::Synced, 2);
    acknowledge(&folder, "2");

    // The system forgets what this commit wrote and will not say so again.
    commit(&mut store, Durability::Lazy, 3);
    std::fs::write(&sync_fails, b"").unwrap();
    let refused = try_commit(&mut store, Durability::Synced, 4);
    assert!(
        matches!(refused, Err(StoreError::DiskFailed)),
        "{refused:?}"
    );
    std::fs::remove_file(&sync_fails).unwrap();
    let refused = try_commit(&mut store, Durability::Synced, 4);
    assert!(
        matches!(refused, Err(StoreError::DiskFailed)),
        "{refused:?}"
    );
    drop(store);
    let mut store = Store::open(&path, &key()).unwrap();
    let number = count(&mut store);
    acknowledge(&folder, &number.to_string());
    commit(&mut store, Durability::Synced, number + 1);
    acknowledge(&folder, &(number + 1).to_string());
    std::process::exit(0);
}

#[test]
fn a_full_or_failing_disk_breaks_no_promise() {
    let history = history_of("child_meets_faults", false);
    let mut aftermath = Aftermath::default();
    for (moment, disk) in history.moments().enumerate() {
        let seeds = (0..4).map(|seed| Fate::Any(seed + moment as u64 * 4));
        for fate in [Fate::Nothing, Fate::Everything].into_iter().chain(seeds) {
            let left = aftermath.left(&disk, fate);
            assert!(
                left >= promised(&disk),
                "moment {moment}, {fate:?}: {left:?}"
            );
        }
    }
    assert!(promised(&history.end()) >= Some(3));
}

#[test]
#[ignore = "runs as the child of the test below"]
fn child_copies_a_long_log() {
    let folder = child_folder();
    let flag = std::env::var_os("FAULTY_DISK_SYNC_FAILS").expect("under watch");
    let path = folder.join("profile.db");
    let size = |name: &str| std::fs::metadata(folder.join(name)).map_or(0, |about| about.len());
    let mut store = Store::create(&path, &key()).unwrap();
    let long = vec![7; 5_000_000];
    let write = |store: &mut Store, name: &str| {
        store.transaction(Durability::Lazy, |transaction| {
            put(transaction, name, &long)
        })
    };
    write(&mut store, "t1").unwrap();
    assert!(
        size("profile.db") > 5_000_000,
        "the log was copied into the database"
    );

    // The log begins anew, which is synced; only then the disk fails.
    commit(&mut store, Durability::Lazy, 2);
    // The commit stands; that copying failed shows at the next one.
    std::fs::write(&flag, b"").unwrap();
    write(&mut store, "t2").unwrap();
    std::fs::remove_file(&flag).unwrap();
    let before = size("profile.db");
    assert!(matches!(
        write(&mut store, "t3"),
        Err(StoreError::DiskFailed)
    ));
    drop(store);
    assert_eq!(
        size("profile.db"),
        before,
        "nothing is copied from a log that may have holes"
    );
    assert!(size("profile.db-wal") > 5_000_000);

    let mut store = Store::open(&path, &key()).unwrap();
    assert_eq!(names(&mut store), ["t00002", "t1", "t2"]);
    std::process::exit(0);
}

#[test]
fn a_log_that_may_have_holes_is_not_copied() {
    let end = history_of("child_copies_a_long_log", false).end();
    for fate in [Fate::Nothing, Fate::Any(1), Fate::Any(2), Fate::Everything] {
        let folder = TempDir::new_in("/dev/shm")
            .or_else(|_| TempDir::new())
            .unwrap();
        end.after_power_cut(fate).write_to(folder.path()).unwrap();
        let mut store = Store::open(&folder.path().join("profile.db"), &key()).unwrap();
        store.check().unwrap();
        assert_eq!(names(&mut store), ["t00002", "t1", "t2"]);
    }
}
