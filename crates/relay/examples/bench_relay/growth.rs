//! What an append and a subscription cost beside what is stored already: the embedded store, empty
//! and grown, without sockets. Appends go to channels that are in use (their state is in memory) and, once
//! it has grown, to any of the old ones.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use sotto_relay::store::sqlite::{SqliteOptions, SqliteStore};
use sotto_relay::store::{NewChannel, NewEntry, Store as _};
use sotto_relay::{Clock, Listener, Metrics};
use sotto_suite::sign::PublicKey;
use sotto_wire::{AppendId, ChannelId, Lane, Position};

use super::appends::EACH;
use super::{figure, quantile};

/// Appends that wait for their commit at the same time.
const UNDER_WAY: usize = 64;
/// Channels in use while something is measured.
const IN_USE: u64 = 1_000;
/// Times that each store has its turn.
const ROUNDS: u64 = 3;
/// Subscriptions measured in one.
const SUBSCRIPTIONS: u64 = 1_000;
/// Smallest step that a body is padded to.
const SMALL: usize = 256;
const ADMIN: PublicKey = PublicKey([1; 32]);
const WRITER: PublicKey = PublicKey([2; 32]);
const READER: PublicKey = PublicKey([3; 32]);

/// Channels of one family, numbered.
#[derive(Clone, Copy)]
struct Channels {
    family: u8,
    count: u64,
}

impl Channels {
    /// Spread over the whole of the address space, as random addresses are.
    fn address(self, n: u64) -> ChannelId {
        let mut input = [self.family; 9];
        input[1..].copy_from_slice(&(n % self.count).to_be_bytes());
        let hash = sotto_suite::hash::sha256(&[&input]);
        let mut id = [0; 16];
        id.copy_from_slice(&hash[..16]);
        ChannelId(id)
    }

    fn new_channel(self, n: u64) -> NewChannel {
        NewChannel {
            channel: self.address(n),
            admin: ADMIN,
            writers: vec![WRITER],
            subscribers: vec![READER],
        }
    }

    fn new_entry(self, n: u64) -> NewEntry {
        let mut input = [0xee; 9];
        input[1..].copy_from_slice(&n.to_be_bytes());
        let hash = sotto_suite::hash::sha256(&[&input]);
        let mut append = [0; 16];
        append.copy_from_slice(&hash[..16]);
        NewEntry {
            channel: self.address(n),
            writer: WRITER,
            lane: Lane::Chat,
            append: AppendId(append),
            handshakes: 0,
            body: vec![7; SMALL],
            subscribers: vec![],
            fence: false,
        }
    }
}

fn open(folder: &Path) -> SqliteStore {
    let options = SqliteOptions {
        clock: Clock::default(),
        ..SqliteOptions::default()
    };
    SqliteStore::open(
        &folder.join("relay.db"),
        options,
        Arc::new(Metrics::default()),
    )
    .unwrap()
}

/// Measures beside `entries` in `channels`, in turns with an empty store, so that both meet the same
/// moods of the disk.
pub(crate) async fn measure(entries: u64, channels: u64) {
    let folder = tempfile::tempdir_in(".").unwrap();
    let grown = folder.path().join("grown");
    let empty = folder.path().join("empty");
    std::fs::create_dir(&grown).unwrap();
    std::fs::create_dir(&empty).unwrap();
    let store = open(&grown);
    let old = Channels {
        family: 2,
        count: channels,
    };
    fill(&store, old, entries).await;
    let in_use = |family| Channels {
        family,
        count: IN_USE,
    };
    let fresh = open(&empty);
    make(&store, in_use(1)).await;
    make(&fresh, in_use(1)).await;
    let told = format!("{entries} entries in {channels} channels");
    eprintln!("measuring beside {told}");

    let mut sent = 1 << 40;
    let (mut without, mut used, mut any) = (vec![], vec![], vec![]);
    for _ in 0..ROUNDS {
        without.push(rate(&fresh, in_use(1), &mut sent).await);
        used.push(rate(&store, in_use(1), &mut sent).await);
        any.push(rate(&store, old, &mut sent).await);
    }
    let name = |what: &str| format!("{what}, beside {told}");
    let peer = Some(("the empty store", quantile(&mut without, 0.5)));
    for (what, mut rates) in [("channels in use", used), ("any channel", any)] {
        let name = name(&format!("appends a second to {what}"));
        figure(&name, quantile(&mut rates, 0.5), "1/s", peer);
    }
    let (mut without, mut used, mut any) = (vec![], vec![], vec![]);
    for round in 0..ROUNDS {
        without.push(subscription(&fresh, in_use(1), round).await);
        used.push(subscription(&store, in_use(1), round).await);
        any.push(subscription(&store, old, round).await);
    }
    let peer = Some(("the empty store", quantile(&mut without, 0.5)));
    for (what, mut times) in [("a channel in use", used), ("any channel", any)] {
        let name = name(&format!("subscription to {what}"));
        figure(&name, quantile(&mut times, 0.5), "us", peer);
    }
    drop(store);
    let started = Instant::now();
    let store = open(&grown);
    let took = started.elapsed().as_secs_f64() * 1e3;
    figure(&name("opening the store"), took, "ms", None);
    drop(store);
}

async fn fill(store: &SqliteStore, channels: Channels, entries: u64) {
    make(store, channels).await;
    let mut waiting = FuturesUnordered::new();
    let started = Instant::now();
    for n in 0..entries {
        // Any order but the one in which the channels were made.
        waiting.push(store.append(channels.new_entry(n.wrapping_mul(7_919))));
        if waiting.len() >= 512 {
            waiting.next().await.unwrap().unwrap();
        }
        if n % 1_000_000 == 0 {
            eprintln!("{n} entries after {:?}", started.elapsed());
        }
    }
    while let Some(done) = waiting.next().await {
        done.unwrap();
    }
    store.settle().await.unwrap();
}

async fn make(store: &SqliteStore, channels: Channels) {
    let mut waiting = FuturesUnordered::new();
    for n in 0..channels.count {
        waiting.push(store.create(channels.new_channel(n)));
        if waiting.len() >= 512 {
            waiting.next().await.unwrap().unwrap();
        }
    }
    while let Some(done) = waiting.next().await {
        done.unwrap();
    }
}

/// Appends a second, spread over the channels.
async fn rate(store: &SqliteStore, channels: Channels, sent: &mut u64) -> f64 {
    let mut waiting = FuturesUnordered::new();
    let (start, mut done) = (Instant::now(), 0);
    loop {
        while waiting.len() < UNDER_WAY && start.elapsed() < EACH {
            *sent += 1;
            waiting.push(store.append(channels.new_entry(sent.wrapping_mul(7_919))));
        }
        match waiting.next().await {
            Some(appended) => {
                appended.unwrap();
                done += 1;
            }
            None => return f64::from(done) / start.elapsed().as_secs_f64(),
        }
    }
}

/// Microseconds until a reader knows where it stands and has its first page, the median of many.
async fn subscription(store: &SqliteStore, channels: Channels, round: u64) -> f64 {
    let mut times = Vec::new();
    for n in 0..SUBSCRIPTIONS {
        let n = round * SUBSCRIPTIONS + n;
        let channel = channels.address(n.wrapping_mul(104_729));
        let start = Instant::now();
        let listener = Listener::new(n, Arc::default());
        store.attach(channel, READER, listener).await.unwrap();
        store.read(channel, Position(0), 10).await.unwrap();
        times.push(start.elapsed().as_secs_f64() * 1e6);
    }
    quantile(&mut times, 0.5)
}
