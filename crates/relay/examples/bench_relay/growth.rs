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
use super::figure;

/// Appends that wait for their commit at the same time.
const UNDER_WAY: usize = 64;
/// Channels in use while something is measured.
const IN_USE: u64 = 1_000;
/// Subscriptions measured.
const SUBSCRIPTIONS: u64 = 2_000;
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

/// Measures beside `entries` in `channels`.
pub(crate) async fn measure(entries: u64, channels: u64) {
    let folder = tempfile::tempdir_in(".").unwrap();
    let store = open(folder.path());
    let mut sent = 1 << 40;
    let fresh = |family| Channels {
        family,
        count: IN_USE,
    };
    make(&store, fresh(1)).await;
    let empty = rate(&store, fresh(1), &mut sent).await;
    let empty_subscription = subscription(&store, fresh(1)).await;

    let old = Channels {
        family: 2,
        count: channels,
    };
    make(&store, old).await;
    let mut waiting = FuturesUnordered::new();
    let started = Instant::now();
    for n in 0..entries {
        // Any order but the one in which the channels were made.
        waiting.push(store.append(old.new_entry(n.wrapping_mul(7_919))));
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
    drop(waiting);
    store.settle().await.unwrap();

    let told = format!("{entries} entries in {channels} channels");
    let peer = |value| Some(("the empty store", value));
    make(&store, fresh(3)).await;
    let grown = rate(&store, fresh(3), &mut sent).await;
    let any = rate(&store, old, &mut sent).await;
    let name = |what: &str| format!("{what}, beside {told}");
    figure(
        &name("appends a second to channels in use"),
        grown,
        "1/s",
        peer(empty),
    );
    figure(
        &name("appends a second to any channel"),
        any,
        "1/s",
        peer(empty),
    );
    let grown = subscription(&store, fresh(3)).await;
    let any = subscription(&store, old).await;
    let peer = peer(empty_subscription);
    figure(&name("subscription to a channel in use"), grown, "us", peer);
    figure(&name("subscription to any channel"), any, "us", peer);
    drop(store);
    let started = Instant::now();
    let store = open(folder.path());
    let took = started.elapsed().as_secs_f64() * 1e3;
    figure(&name("opening the store"), took, "ms", None);
    drop(store);
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

/// Microseconds until a reader knows where it stands and has its first page.
async fn subscription(store: &SqliteStore, channels: Channels) -> f64 {
    let mut times = Vec::new();
    for n in 0..SUBSCRIPTIONS {
        let channel = channels.address(n.wrapping_mul(104_729));
        let start = Instant::now();
        let listener = Listener::new(n, Arc::default());
        store.attach(channel, READER, listener).await.unwrap();
        store.read(channel, Position(0), 10).await.unwrap();
        times.push(start.elapsed().as_secs_f64() * 1e6);
    }
    super::quantile(&mut times, 0.5)
}
