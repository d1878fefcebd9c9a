//! The distributed store: the suite of every store, and what is its own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests stop at the first surprise"
)]

mod cluster;
mod conformance;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use cluster::Cluster;
use std::time::Duration;

use conformance::{
    CHANNEL_BYTES, DAY, Harness, SLOT_PACKAGES, START, channel, chat, conformance, key,
};
use sotto_relay::store::nats::{NatsOptions, NatsStore, OpenError};
use sotto_relay::store::{Deposit, Item, NewChannel, NewEntry, Seconds, Store as _, StoreError};
use sotto_relay::{Clock, Listener, Metrics, Wake};
use sotto_suite::{RandomExt as _, SystemRandom};
use sotto_wire::{ChainHash, ChannelId, Lane, Position, SlotId};

/// One cluster for all tests of this program, ended with it.
fn servers() -> &'static Cluster {
    static SERVERS: OnceLock<Cluster> = OnceLock::new();
    SERVERS.get_or_init(Cluster::start)
}

struct Nats {
    options: NatsOptions,
    time: Arc<AtomicU64>,
}

impl Nats {
    fn new() -> Self {
        let time = Arc::new(AtomicU64::new(START));
        let read = Arc::clone(&time);
        let options = NatsOptions {
            servers: servers().addresses(),
            shards: 1,
            prefix: format!("t{}", hex::encode(SystemRandom::new().bytes::<6>())),
            channel_bytes: CHANNEL_BYTES,
            slot_packages: SLOT_PACKAGES,
            // Two channels in memory at most, so that the others are read again and again.
            cached_channels: 2,
            // Often, so that everything is read from a snapshot at some time.
            snapshot_every: 5,
            snapshot_part: 1000,
            clock: Clock::new(move || read.load(Ordering::SeqCst)),
            ..NatsOptions::default()
        };
        Self { options, time }
    }
}

impl Harness for Nats {
    type Store = NatsStore;

    async fn open(&self) -> NatsStore {
        NatsStore::open(self.options.clone(), "test", Arc::new(Metrics::default()))
            .await
            .unwrap()
    }

    fn set_time(&self, now: Seconds) {
        self.time.store(now, Ordering::SeqCst);
    }
}

conformance!(Nats::new());

const MARK: &[u8] = b"a body that nobody else would write";

fn listener() -> (Arc<Listener>, Arc<Wake>) {
    let wake = Arc::new(Wake::default());
    (Listener::new(7, Arc::clone(&wake)), wake)
}

/// Waits until something is so; the tests' own limit ends what never comes.
async fn until(what: &str, mut so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !so().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(60), waiting).await;
    assert!(waited.is_ok(), "{what}");
}

/// Everything from the start, as positions; a gap counts by its end.
async fn positions(store: &NatsStore) -> Vec<u64> {
    let (mut at, mut all) = (Position(0), Vec::new());
    loop {
        let page = store.read(channel(&[]).channel, at, 50).await.unwrap();
        let Some(last) = page.last() else { return all };
        at = last.position();
        all.extend(page.iter().map(|item| item.position().0));
    }
}

#[tokio::test]
async fn two_processes_share_a_channel() {
    let harness = Nats::new();
    let (here, there) = (harness.open().await, harness.open().await);
    let id = channel(&[]).channel;
    let (alice, bob) = (key(3), key(4));
    here.create(channel(&[alice, bob])).await.unwrap();
    // Bob listens there and is woken by what is written here.
    let (ear, wake) = listener();
    there.attach(id, bob, Arc::clone(&ear)).await.unwrap();
    here.append(chat(1, b"one")).await.unwrap();
    until("not woken", async || !wake.take_ready().is_empty()).await;
    ear.calm();
    let read = there.read(id, Position(0), 10).await.unwrap();
    assert!(matches!(&read[..], [Item::Entry(entry)] if entry.body == b"one"));
    // A signal as well; and it comes once to a listener beside the sender.
    let (own, own_wake) = listener();
    here.attach(id, alice, Arc::clone(&own)).await.unwrap();
    here.signal(id, key(2), b"typing".to_vec()).await.unwrap();
    until("no signal", async || ear.next_signal().is_some()).await;
    assert!(own.next_signal().is_some() && own.next_signal().is_none());
    drop(own_wake);

    // What is acknowledged there counts here, and lets go.
    there.acknowledge(id, bob, Position(1));
    here.acknowledge(id, alice, Position(1));
    until("not let go", async || {
        let read = here.read(id, Position(0), 10).await.unwrap();
        matches!(&read[..], [Item::Gap(gap)] if gap.until == Position(1))
    })
    .await;

    // Rights count from the moment on, whoever asks where.
    here.set_writer(id, key(1), key(9), Some(b"card".to_vec()))
        .await
        .unwrap();
    assert_eq!(there.card(id, key(9)).await, Ok(b"card".to_vec()));
    there.revoke_writer(id, key(1), key(9)).await.unwrap();
    let theirs = NewEntry {
        writer: key(9),
        ..chat(9, b"")
    };
    assert_eq!(here.append(theirs).await, Err(StoreError::NotFound));

    // The newer listener takes over, from one process to the other and back.
    let (newer, _) = listener();
    let subscribed = here.attach(id, bob, Arc::clone(&newer)).await.unwrap();
    assert_eq!(subscribed.cursor, Position(1));
    until("not taken over", async || ear.ended()).await;
    assert!(!newer.ended() && !own.ended());
    let (newest, _) = listener();
    there.attach(id, bob, Arc::clone(&newest)).await.unwrap();
    until("not taken back", async || newer.ended()).await;
    assert!(!newest.ended());

    // Deleted here, it is gone there, and its address is free.
    here.delete(id, key(1)).await.unwrap();
    until("still listening", async || newest.ended()).await;
    assert_eq!(there.append(chat(2, b"")).await, Err(StoreError::NotFound));
    there.create(channel(&[alice])).await.unwrap();
    assert_eq!(
        here.append(chat(1, b"")).await.unwrap().position,
        Position(1)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_at_two_processes_make_one_order() {
    const EACH: u64 = 60;
    let harness = Nats::new();
    let stores = [
        Arc::new(harness.open().await),
        Arc::new(harness.open().await),
    ];
    let id = channel(&[]).channel;
    stores[0].create(channel(&[key(3), key(4)])).await.unwrap();
    let mut writing = Vec::new();
    for (n, store) in stores.iter().enumerate() {
        for part in 0..2u64 {
            let (store, first) = (Arc::clone(store), (n as u64 * 2 + part) << 32);
            writing.push(tokio::spawn(async move {
                let mut answers = Vec::new();
                for at in 0..EACH {
                    let new = chat(first | at, &(first | at).to_be_bytes());
                    answers.push(store.append(new).await.unwrap());
                    // One of two reads, so that snapshots and deletions happen in between.
                    store.acknowledge(channel(&[]).channel, key(3), Position(u64::MAX));
                }
                answers
            }));
        }
    }
    let mut answers = Vec::new();
    for task in writing {
        let own = task.await.unwrap();
        assert!(own.is_sorted_by_key(|answer| answer.position));
        answers.extend(own);
    }
    // Every position once, each with the hash that a reader computes.
    answers.sort_by_key(|answer| answer.position);
    let third = harness.open().await;
    let mut hash = ChainHash::start(&id);
    for (n, answer) in answers.iter().enumerate() {
        let at = Position(n as u64);
        let read = third.read(id, at, 1).await.unwrap();
        let [Item::Entry(entry)] = &read[..] else {
            panic!("no entry at {}", n + 1)
        };
        assert_eq!(entry.position, at.next());
        hash = hash.next(entry.position, Lane::Chat, &entry.append, &entry.body);
        assert_eq!((answer.position, answer.hash), (entry.position, hash));
    }
    // And what both knew of it is what is there.
    for store in &stores {
        assert_eq!(positions(store).await, (1..=4 * EACH).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_package_is_taken_by_one_of_two_processes() {
    let harness = Nats::new();
    let (here, there) = (harness.open().await, harness.open().await);
    let (id, slot) = (channel(&[]).channel, SlotId([1; 16]));
    here.create(channel(&[])).await.unwrap();
    let (mut taken, mut unsure) = (Vec::new(), 0);
    for round in 0..5u8 {
        let (mut lost, mut behind) = (0, 0);
        let deposit = Deposit {
            channel: id,
            admin: key(1),
            slot,
            packages: (0..4).map(|n| vec![round, n]).collect(),
            last_resort: None,
        };
        here.deposit(deposit).await.unwrap();
        let four = tokio::join!(
            here.take(id, key(2), vec![slot]),
            there.take(id, key(2), vec![slot]),
            there.take(id, key(2), vec![slot]),
            here.take(id, key(2), vec![slot]),
        );
        for offers in [four.0, four.1, four.2, four.3] {
            match offers {
                Ok(offers) => taken.extend(offers.into_iter().map(|offer| offer.package)),
                // Its own message was gone before it could look for it: with the answer of a taker
                // the package is lost, or it is there still.
                Err(StoreError::Unsure) => lost += 1,
                // It waited behind such a one in the same process, and must not overtake it.
                Err(StoreError::Unavailable) => behind += 1,
                Err(error) => panic!("{error}"),
            }
        }
        assert!(behind <= lost, "{behind} were refused behind {lost}");
        for _ in 0..lost + behind {
            let left = here.take(id, key(2), vec![slot]).await.unwrap();
            taken.extend(left.into_iter().map(|offer| offer.package));
        }
        unsure += lost;
    }
    taken.sort();
    let once = taken.len();
    taken.dedup();
    assert_eq!(taken.len(), once, "one was handed out twice");
    assert!(taken.len() + unsure >= 20, "{unsure} unsure, of {taken:?}");
    assert!(unsure <= 10, "{unsure} of 20 takers were not answered");
}

#[tokio::test]
async fn many_channels_are_kept_with_memory_for_two() {
    let harness = Nats::new();
    let store = harness.open().await;
    let id = |n| ChannelId([n; 16]);
    for n in 0..20 {
        let channel = NewChannel {
            channel: id(n),
            ..channel(&[key(3)])
        };
        store.create(channel).await.unwrap();
    }
    for round in 1..=12u64 {
        let appends = (0..20).map(|n| {
            let new = NewEntry {
                channel: id(n),
                ..chat(round, b"x")
            };
            store.append(new)
        });
        for append in appends.collect::<Vec<_>>() {
            assert_eq!(append.await.unwrap().position, Position(round));
        }
        for n in 0..20 {
            store.acknowledge(id(n), key(3), Position(round));
        }
        // Time for those that nobody asks for to leave the memory.
        tokio::time::sleep(Duration::from_millis(120)).await;
    }
    store.settle().await.unwrap();
    for n in 0..20 {
        let items = store.read(id(n), Position(0), 10).await.unwrap();
        assert!(
            matches!(&items[..], [Item::Gap(gap)] if gap.until == Position(12)),
            "{items:?}"
        );
    }
}

#[tokio::test]
async fn a_store_of_another_relay_is_refused() {
    let harness = Nats::new();
    let store = harness.open().await;
    store.ready().await.unwrap();
    let other = NatsStore::open(harness.options.clone(), "other", Arc::default()).await;
    let Err(OpenError::Other { there, .. }) = other else {
        panic!("two relays in one store")
    };
    assert!(there.contains("relay test"), "{there}");
    // How many streams there are is known to the store, whatever is asked for.
    let options = NatsOptions {
        shards: 4,
        ..harness.options.clone()
    };
    let again = NatsStore::open(options, "test", Arc::default())
        .await
        .unwrap();
    store.create(channel(&[])).await.unwrap();
    again.append(chat(1, b"")).await.unwrap();
}

#[tokio::test]
async fn expiry_finds_what_is_old_among_what_is_new() {
    let harness = Nats::new();
    let store = harness.open().await;
    store.create(channel(&[key(3)])).await.unwrap();
    for day in 0..40 {
        harness.set_time(START + day * DAY);
        store.append(chat(day, b"x")).await.unwrap();
    }
    // Day after day, as a relay does it.
    for day in 38..=40 {
        store.expire(START + day * DAY).await.unwrap();
    }
    let items = store
        .read(channel(&[]).channel, Position(0), 100)
        .await
        .unwrap();
    assert!(
        matches!(&items[0], Item::Gap(gap) if gap.until == Position(10)),
        "{:?}",
        items[0]
    );
    assert_eq!(items.len(), 31);
}

/// Bodies are overwritten in the streams' files. The servers' replication logs (`_js_`) hold a copy
/// until they are next compacted, which NATS does every two minutes or so: docs/operating.md.
#[tokio::test]
async fn what_was_acknowledged_is_in_no_stream() {
    let harness = Nats::new();
    let store = harness.open().await;
    let id = channel(&[]).channel;
    store.create(channel(&[key(3)])).await.unwrap();
    store.append(chat(1, MARK)).await.unwrap();
    store.append(chat(2, &MARK.repeat(300))).await.unwrap();
    let card = Some(MARK.to_vec());
    store
        .set_writer(id, key(1), key(9), card.clone())
        .await
        .unwrap();
    let deposit = Deposit {
        channel: id,
        admin: key(1),
        slot: SlotId([1; 16]),
        packages: vec![MARK.to_vec()],
        last_resort: card,
    };
    store.deposit(deposit).await.unwrap();
    let holding = || {
        let files = servers().files().into_iter();
        let holding = files
            .filter(|(_, bytes)| bytes.windows(MARK.len()).any(|at| at == MARK))
            .map(|(path, _)| path.display().to_string())
            .filter(|path| !path.contains("/_js_/"));
        holding.collect::<Vec<_>>()
    };
    until("not on three disks", async || holding().len() >= 3).await;
    store.acknowledge(id, key(3), Position(2));
    store.revoke_writer(id, key(1), key(9)).await.unwrap();
    assert_eq!(
        store
            .take(id, key(2), vec![SlotId([1; 16])])
            .await
            .unwrap()
            .len(),
        1
    );
    let newer = Deposit {
        channel: id,
        admin: key(1),
        slot: SlotId([1; 16]),
        packages: vec![],
        last_resort: Some(b"another".to_vec()),
    };
    store.deposit(newer).await.unwrap();
    // By itself, within a moment, and while the store goes on.
    until("still on a disk", async || holding().is_empty()).await;
    // And a deleted channel leaves nothing.
    store.append(chat(3, MARK)).await.unwrap();
    store.delete(id, key(1)).await.unwrap();
    until("left behind", async || holding().is_empty()).await;
}
