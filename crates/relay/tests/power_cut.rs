//! What a power cut leaves of the embedded store, at every moment of its life.
//!
//! A child process opens the store and appends, many at once, under watch of `sotto-faulty-disk`.
//! For every operation that it did on the disk a power cut is played right after it (what was not
//! synced is lost, kept, or torn), and the store that is left must open and hold everything that
//! had been answered.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests stop at the first surprise"
)]

use std::collections::HashMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use sotto_faulty_disk::{Disk, Fate, History, Image, Watch};
use sotto_relay::Metrics;
use sotto_relay::store::sqlite::{SqliteOptions, SqliteStore};
use sotto_relay::store::{Deposit, Item, NewChannel, NewEntry, Store as _, StoreError};
use sotto_suite::sign::PublicKey;
use sotto_wire::{AppendId, Appended, ChannelId, Lane, Position, SlotId};
use tempfile::TempDir;

const CHANNEL: ChannelId = ChannelId([0xc0; 16]);
const ADMIN: PublicKey = PublicKey([1; 32]);
const WRITER: PublicKey = PublicKey([2; 32]);
const ALICE: PublicKey = PublicKey([3; 32]);
const SLOT: SlotId = SlotId([5; 16]);
/// Appends under way at once.
const AT_ONCE: u64 = 8;
const ROUNDS: u64 = 6;
/// What had been answered, a line each; in the watched folder, so that it stands in order with
/// everything else.
const ANSWERED: &str = "answered";

fn open(folder: &Path) -> SqliteStore {
    let options = SqliteOptions::default();
    SqliteStore::open(
        &folder.join("relay.db"),
        options,
        Arc::new(Metrics::default()),
    )
    .unwrap()
}

/// Entry `number`, from a few bytes to several pages.
fn entry(number: u64) -> NewEntry {
    let mut append = [0; 16];
    append[..8].copy_from_slice(&number.to_be_bytes());
    NewEntry {
        channel: CHANNEL,
        writer: WRITER,
        lane: Lane::Chat,
        append: AppendId(append),
        handshakes: 0,
        body: vec![number as u8; (number * 977 % 9_000) as usize],
        subscribers: vec![],
        fence: false,
    }
}

fn package(number: u64) -> Vec<u8> {
    number.to_be_bytes().to_vec()
}

/// What the child says and what is left of it to hold it against.
#[derive(Clone, Default, Debug)]
struct Promised {
    created: bool,
    appended: HashMap<u64, Appended>,
    taken: u64,
}

impl Promised {
    fn read(disk: &Disk) -> Self {
        let mut promised = Self::default();
        let text = disk.file(ANSWERED).unwrap_or_default();
        for line in std::str::from_utf8(text).unwrap().lines() {
            let words: Vec<&str> = line.split(' ').collect();
            match words[..] {
                ["created"] => promised.created = true,
                ["taken", number] => promised.taken = number.parse().unwrap(),
                ["appended", number, position, hash] => {
                    let hash: [u8; 32] = hex::decode(hash).unwrap().try_into().unwrap();
                    let appended = Appended {
                        position: Position(position.parse().unwrap()),
                        hash: sotto_wire::ChainHash(hash),
                    };
                    promised.appended.insert(number.parse().unwrap(), appended);
                }
                _ => panic!("{line}"),
            }
        }
        promised
    }
}

/// The child's own side.
struct Child {
    folder: PathBuf,
    next: u64,
}

impl Child {
    fn new() -> Self {
        let folder = std::env::var_os("SOTTO_TEST_FOLDER").expect("started by its parent");
        Self {
            folder: folder.into(),
            next: 1,
        }
    }

    fn flag(&self, name: &str, set: bool) {
        let flag = PathBuf::from(std::env::var_os(name).expect("under watch"));
        if set {
            std::fs::write(flag, b"").unwrap();
        } else {
            std::fs::remove_file(flag).unwrap();
        }
    }

    fn say(&self, what: &str) {
        let mut file = std::fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(self.folder.join(ANSWERED))
            .unwrap();
        file.write_all(format!("{what}\n").as_bytes()).unwrap();
    }

    fn answered(&self, number: u64, appended: Appended) {
        let (position, hash) = (appended.position.0, hex::encode(appended.hash.0));
        self.say(&format!("appended {number} {position} {hash}"));
    }

    async fn create(&self, store: &SqliteStore) {
        let new = NewChannel {
            channel: CHANNEL,
            admin: ADMIN,
            writers: vec![WRITER],
            subscribers: vec![ALICE],
        };
        store.create(new).await.unwrap();
        let deposit = Deposit {
            channel: CHANNEL,
            admin: ADMIN,
            slot: SLOT,
            packages: (1..=ROUNDS).map(package).collect(),
            last_resort: None,
        };
        store.deposit(deposit).await.unwrap();
        self.say("created");
    }

    /// Several appends at once, which the store commits together.
    async fn append(&mut self, store: &SqliteStore) {
        let numbers: Vec<u64> = (self.next..self.next + AT_ONCE).collect();
        self.next += AT_ONCE;
        let waiting: Vec<_> = numbers
            .iter()
            .map(|&number| (number, store.append(entry(number))))
            .collect();
        for (number, appended) in waiting {
            self.answered(number, appended.await.unwrap());
        }
    }

    async fn take(&self, store: &SqliteStore) {
        let offers = store.take(CHANNEL, WRITER, vec![SLOT]).await.unwrap();
        let number = u64::from_be_bytes(offers[0].package[..].try_into().unwrap());
        self.say(&format!("taken {number}"));
    }
}

/// Runs a test of this file as a child, and gives the history of its disk.
fn history_of(name: &str) -> History {
    let (folder, aside) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let watch = Watch::new(folder.path(), aside.path()).unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", name, "--ignored", "--nocapture"])
        .env("SOTTO_TEST_FOLDER", folder.path());
    watch.over(&mut command);
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

/// What a disk holds of the store.
#[derive(Clone, Default, Debug)]
struct Left {
    created: bool,
    appended: HashMap<u64, Appended>,
    /// Next package that would be handed out.
    package: u64,
}

/// What power cuts left, by what the disk then held: many moments leave the same.
#[derive(Default)]
struct Aftermath(HashMap<Image, Left>);

impl Aftermath {
    /// Whether what is left keeps what was promised.
    async fn keeps(&mut self, disk: &Disk, fate: Fate, promised: &Promised) -> bool {
        let image = disk.after_power_cut(fate);
        let left = match self.0.get(&image) {
            Some(left) => left.clone(),
            None => {
                let left = left(&image, fate).await;
                self.0.insert(image, left.clone());
                left
            }
        };
        left.created >= promised.created
            && (promised.taken == 0 || left.package > promised.taken)
            && promised
                .appended
                .iter()
                .all(|(number, stood)| left.appended.get(number) == Some(stood))
    }
}

async fn left(image: &Image, fate: Fate) -> Left {
    let mut left = Left::default();
    if image.file("relay.db").is_none() {
        return left;
    }
    // Syncing is for nothing here, and costs nothing in memory.
    let folder = TempDir::new_in("/dev/shm")
        .or_else(|_| TempDir::new())
        .unwrap();
    image.write_to(folder.path()).unwrap();
    let store = open(folder.path());
    let mut after = Position(0);
    loop {
        let items = match store.read(CHANNEL, after, 1000).await {
            Ok(items) => items,
            Err(StoreError::NotFound) => return left,
            Err(error) => panic!("after {fate:?}: {error}"),
        };
        let Some(last) = items.last() else { break };
        // Without holes, and each with its own body.
        let mut expected = after;
        for item in &items {
            match item {
                Item::Gap(gap) => expected = gap.until,
                Item::Entry(entry) => {
                    expected = Position(expected.0 + 1);
                    assert_eq!(entry.position, expected, "after {fate:?}");
                    let number = u64::from_be_bytes(entry.append.0[..8].try_into().unwrap());
                    assert_eq!(entry.body, self::entry(number).body, "after {fate:?}");
                }
            }
        }
        after = last.position();
    }
    left.created = true;
    // The same append is answered the same, if it is there; a new one goes behind all others.
    for number in 1.. {
        let stood = store.append(entry(number)).await.unwrap();
        if stood.position > after {
            break;
        }
        left.appended.insert(number, stood);
    }
    let offers = store.take(CHANNEL, WRITER, vec![SLOT]).await.unwrap();
    left.package = offers.first().map_or(u64::MAX, |offer| {
        u64::from_be_bytes(offer.package[..].try_into().unwrap())
    });
    left
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs as the child of the test below"]
async fn child_appends() {
    let mut child = Child::new();
    let mut store = open(&child.folder);
    child.create(&store).await;
    for round in 1..=ROUNDS {
        child.append(&store).await;
        child.take(&store).await;
        store.acknowledge(CHANNEL, ALICE, Position(child.next / 2));
        if round % 4 == 0 {
            store.settle().await.unwrap();
        }
        if round == ROUNDS / 2 {
            drop(store);
            store = open(&child.folder);
        }
    }
    // Ended without a word, as a power cut would.
    std::process::exit(0);
}

#[tokio::test]
async fn what_was_answered_survives_a_power_cut_at_any_moment() {
    let history = history_of("child_appends");
    let mut aftermath = Aftermath::default();
    let mut moments = 0;
    for (moment, disk) in history.moments().enumerate() {
        let promised = Promised::read(&disk);
        for fate in [Fate::Nothing, Fate::Everything, Fate::Any(moment as u64)] {
            assert!(
                aftermath.keeps(&disk, fate, &promised).await,
                "moment {moment}, {fate:?}: of {} answers some are lost",
                promised.appended.len()
            );
        }
        moments += 1;
    }
    let end = Promised::read(&history.end());
    assert_eq!(end.appended.len() as u64, AT_ONCE * ROUNDS);
    println!("{moments} moments, {} disks", aftermath.0.len());
    assert!(moments > 120, "{moments} moments say little");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs as the child of the test below"]
async fn child_meets_a_failing_sync() {
    let mut child = Child::new();
    let store = open(&child.folder);
    child.create(&store).await;
    child.append(&store).await;
    // Cursors are written without a sync of their own, so there is something before the next one.
    store.acknowledge(CHANNEL, ALICE, Position(3));
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    child.flag("FAULTY_DISK_SYNC_FAILS", true);
    // Nobody may be told that this was kept, nor that it was not.
    let outcome = store.append(entry(child.next)).await;
    assert_eq!(outcome, Err(StoreError::Unsure));
    child.flag("FAULTY_DISK_SYNC_FAILS", false);
    ready_again(&store).await;
    for _ in 0..3 {
        child.append(&store).await;
        child.take(&store).await;
    }
    std::process::exit(0);
}

/// The disk works again. Whatever is answered from now on is kept.
async fn ready_again(store: &SqliteStore) {
    let patience = std::time::Instant::now();
    while store.ready().await.is_err() {
        assert!(patience.elapsed().as_secs() < 30, "never ready again");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// Plays power cuts at every moment of a child's life, and holds what they leave against what had
/// been answered; `answers` in the end.
async fn keeps_its_word(child: &str, answers: u64) {
    let history = history_of(child);
    let mut aftermath = Aftermath::default();
    for (moment, disk) in history.moments().enumerate() {
        let promised = Promised::read(&disk);
        let seeds = (0..3).map(|seed| Fate::Any(seed + moment as u64 * 3));
        for fate in [Fate::Nothing, Fate::Everything].into_iter().chain(seeds) {
            assert!(
                aftermath.keeps(&disk, fate, &promised).await,
                "moment {moment}, {fate:?}: of {} answers some are lost",
                promised.appended.len()
            );
        }
    }
    let end = Promised::read(&history.end());
    assert_eq!(end.appended.len() as u64, answers);
}

/// After a failed sync the system may count as written what never reached the disk, and report
/// success the next time.
#[tokio::test]
async fn a_failed_sync_is_never_followed_by_an_empty_promise() {
    keeps_its_word("child_meets_a_failing_sync", AT_ONCE * 4).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs as the child of the test below"]
async fn child_meets_a_full_disk() {
    let mut child = Child::new();
    let store = open(&child.folder);
    child.create(&store).await;
    child.append(&store).await;
    child.flag("FAULTY_DISK_FULL", true);
    let mut big = entry(child.next);
    big.body = vec![7; 200_000];
    assert_eq!(store.append(big).await, Err(StoreError::Unavailable));
    child.flag("FAULTY_DISK_FULL", false);
    child.append(&store).await;
    child.append(&store).await;
    std::process::exit(0);
}

#[tokio::test]
async fn a_full_disk_refuses_and_later_goes_on() {
    keeps_its_word("child_meets_a_full_disk", AT_ONCE * 3).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs as the child of the test below"]
async fn child_meets_a_disk_that_is_read_only() {
    let mut child = Child::new();
    let store = open(&child.folder);
    child.create(&store).await;
    child.append(&store).await;
    child.flag("FAULTY_DISK_READ_ONLY", true);
    // The first to notice can't say what became of it; who asks later knows that nothing did.
    let outcome = store.append(entry(child.next)).await;
    assert_eq!(outcome, Err(StoreError::Unsure));
    let outcome = store.append(entry(child.next)).await;
    assert_eq!(outcome, Err(StoreError::Unavailable));
    assert_eq!(store.ready().await, Err(StoreError::Unavailable));
    // What is there can still be read.
    let items = store.read(CHANNEL, Position(0), 100).await.unwrap();
    assert_eq!(items.len() as u64, AT_ONCE);
    child.flag("FAULTY_DISK_READ_ONLY", false);
    ready_again(&store).await;
    child.append(&store).await;
    child.append(&store).await;
    std::process::exit(0);
}

#[tokio::test]
async fn a_disk_that_turns_read_only_stops_the_writing_and_nothing_else() {
    keeps_its_word("child_meets_a_disk_that_is_read_only", AT_ONCE * 3).await;
}
