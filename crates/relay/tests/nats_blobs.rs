//! Blobs over NATS: the suite of every blob store, on one server and on three, and what is its own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests stop at the first surprise"
)]

mod blob_conformance;
mod cluster;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use async_nats::jetstream;
use blob_conformance::{
    BLOB, BLOBS, BYTES, Harness, KEY, OWNER, SIZE, START, UNFINISHED_HOURS, blob_conformance,
    content, fill, new, uploads_at_once,
};
use cluster::Cluster;
use sotto_relay::blobs::nats::NatsBlobs;
use sotto_relay::blobs::{BlobError, BlobOptions, BlobStore, NewBlob, Usage};
use sotto_relay::store::Seconds;
use sotto_relay::store::nats::{NatsOptions, NatsStore};
use sotto_relay::{Clock, Metrics};
use sotto_suite::{RandomExt as _, SystemRandom};
use sotto_wire::{BlobId, ByteRange};

/// One cluster for all tests of this program, ended with it.
fn three() -> &'static Cluster {
    static SERVERS: OnceLock<Cluster> = OnceLock::new();
    SERVERS.get_or_init(Cluster::start)
}

fn one() -> &'static Cluster {
    static SERVER: OnceLock<Cluster> = OnceLock::new();
    SERVER.get_or_init(Cluster::alone)
}

struct Nats {
    options: NatsOptions,
    blobs: BlobOptions,
    time: Arc<AtomicU64>,
    /// The stores of channels, without which nobody looks after the connection.
    stores: Mutex<Vec<NatsStore>>,
}

impl Nats {
    fn new(servers: &Cluster, replicas: usize) -> Self {
        let time = Arc::new(AtomicU64::new(START));
        let read = Arc::clone(&time);
        Self {
            options: NatsOptions {
                servers: servers.addresses(),
                replicas,
                shards: 1,
                prefix: format!("t{}", hex::encode(SystemRandom::new().bytes::<6>())),
                ..NatsOptions::default()
            },
            blobs: BlobOptions {
                bytes: BYTES,
                blobs: BLOBS,
                unfinished_hours: UNFINISHED_HOURS,
                clock: Clock::new(move || read.load(Ordering::SeqCst)),
                ..BlobOptions::default()
            },
            time,
            stores: Mutex::default(),
        }
    }

    /// Without the small bounds of the suite.
    fn roomy() -> Self {
        let mut harness = Self::new(three(), 3);
        harness.blobs = BlobOptions {
            clock: harness.blobs.clock.clone(),
            ..BlobOptions::default()
        };
        harness
    }

    /// One of the streams, as anybody sees it who may ask the servers.
    async fn stream(&self, name: &str) -> jetstream::stream::Stream {
        let client = async_nats::connect(self.options.servers.clone())
            .await
            .unwrap();
        let stream = format!("{}-{name}", self.options.prefix);
        jetstream::new(client).get_stream(stream).await.unwrap()
    }

    /// Messages in it.
    async fn messages(&self, name: &str) -> u64 {
        self.stream(name)
            .await
            .get_info()
            .await
            .unwrap()
            .state
            .messages
    }
}

impl Harness for Nats {
    type Store = NatsBlobs;

    async fn open(&self) -> NatsBlobs {
        let store = NatsStore::open(self.options.clone(), "test", Arc::new(Metrics::default()));
        let store = store.await.unwrap();
        let blobs = NatsBlobs::open(&store, self.blobs.clone()).await.unwrap();
        self.stores.lock().unwrap().push(store);
        blobs
    }

    fn set_time(&self, now: Seconds) {
        self.time.store(now, Ordering::SeqCst);
    }
}

mod on_three_servers {
    use super::*;
    blob_conformance!(Nats::new(three(), 3));
}

mod on_one_server {
    use super::*;
    blob_conformance!(Nats::new(one(), 1));
}

fn range(from: u64, until: u64) -> ByteRange {
    ByteRange { from, until }
}

/// Waits until something is so; the tests' own limit ends what never comes.
async fn until(what: &str, mut so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !so().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(60), waiting).await;
    assert!(waited.is_ok(), "{what}");
}

#[tokio::test]
async fn what_one_process_begins_another_goes_on_with() {
    let harness = Nats::new(three(), 3);
    let (here, there) = (harness.open().await, harness.open().await);
    let bytes = content(SIZE);
    let made = here.keep(new(BLOB)).await.unwrap();
    here.write(BLOB, KEY, 0, bytes.slice(..5000)).await.unwrap();
    assert_eq!(there.progress(BLOB, KEY).await.unwrap().received, 5000);
    // The same part again, as after an answer that got lost.
    let again = there.write(BLOB, KEY, 0, bytes.slice(..5000)).await;
    assert_eq!(again, Err(BlobError::Offset { received: 5000 }));
    there
        .write(BLOB, KEY, 5000, bytes.slice(5000..))
        .await
        .unwrap();
    assert_eq!(here.read(BLOB, range(0, SIZE)).await, Ok(bytes.clone()));
    assert_eq!(
        there.read(BLOB, range(1, 9000)).await,
        Ok(bytes.slice(1..9000))
    );
    let longer = NewBlob {
        hours: 100,
        ..new(BLOB)
    };
    let kept = there.keep(longer).await.unwrap();
    assert_eq!(kept.state.until, made.state.until + 52);
    assert_eq!(here.finished(BLOB).await, Ok(kept.state));
    // What one keeps takes the other's room.
    let one = Usage {
        blobs: 1,
        bytes: SIZE,
    };
    until("not heard of", async || {
        there.usage() == one && here.usage() == one
    })
    .await;
    let large = NewBlob {
        size: 9 * SIZE,
        ..new(BlobId([2; 16]))
    };
    here.keep(large).await.unwrap();
    until("not heard of", async || there.usage().blobs == 2).await;
    assert_eq!(
        there.keep(new(BlobId([3; 16]))).await,
        Err(BlobError::Quota)
    );
    // Deleted here, it is gone there, with its room.
    here.delete(BLOB, OWNER).await.unwrap();
    assert_eq!(there.finished(BLOB).await, Err(BlobError::NotFound));
    assert_eq!(there.delete(BLOB, OWNER).await, Err(BlobError::NotFound));
    until("its room is not free", async || there.usage().blobs == 1).await;
    there.keep(new(BlobId([3; 16]))).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_over_two_processes_at_once_make_one_blob() {
    const PART: u64 = 4096;
    let harness = Nats::roomy();
    let stores = [
        Arc::new(harness.open().await),
        Arc::new(harness.open().await),
    ];
    let size = 64 * PART;
    uploads_at_once(&stores, size, PART).await;
    // Nobody's parts are left, nor, after another change, more of the record than one message.
    let parts = harness.messages("parts").await;
    assert!(parts <= 20, "{parts} parts");
    let hours = 100;
    let longer = NewBlob {
        size,
        hours,
        ..new(BLOB)
    };
    stores[1].keep(longer).await.unwrap();
    until("old records are left", async || {
        harness.messages("blobs").await == 1
    })
    .await;
}

#[tokio::test]
async fn a_blob_of_odd_pieces_has_few_parts_and_is_read_anywhere() {
    const CELL: u64 = 512 * 1024;
    let harness = Nats::roomy();
    let store = harness.open().await;
    let size = 3 * CELL + 4096;
    let bytes = content(size);
    let large = NewBlob { size, ..new(BLOB) };
    store.keep(large).await.unwrap();
    let (mut at, mut piece) = (0, 1);
    while at < size {
        let end = size.min(at + piece);
        let part = bytes.slice(at as usize..end as usize);
        at = store.write(BLOB, KEY, at, part).await.unwrap().received;
        piece = piece * 3 % 400_009;
    }
    for (from, until) in [
        (0, size),
        (CELL - 1, CELL + 1),
        (CELL, 2 * CELL),
        (5, size - 5),
        (size - 1, size),
    ] {
        let part = store.read(BLOB, range(from, until)).await.unwrap();
        assert!(part == bytes.slice(from as usize..until as usize), "{from}");
    }
    let parts = harness.messages("parts").await;
    assert!(parts <= 3 + 20, "{parts} parts");
    store.delete(BLOB, OWNER).await.unwrap();
    assert_eq!(harness.messages("parts").await, 0);
    assert_eq!(harness.messages("blobs").await, 0);
}

/// The servers' replication logs (`_js_`) hold a copy until they are next compacted:
/// docs/operating-nats.md.
#[tokio::test]
async fn a_deleted_blob_is_in_no_stream() {
    let harness = Nats::new(three(), 3);
    let store = harness.open().await;
    let id = BlobId(SystemRandom::new().bytes());
    let mark = SystemRandom::new().bytes::<32>();
    let name = hex::encode(id.as_bytes());
    let holding = |what: &[u8]| {
        let files = three().files().into_iter();
        let holding = files
            .filter(|(path, _)| !path.to_str().unwrap().contains("/_js_/"))
            .filter(|(_, bytes)| bytes.windows(what.len()).any(|at| at == what));
        holding.map(|(path, _)| path).collect::<Vec<_>>()
    };
    store.keep(new(id)).await.unwrap();
    let bytes = mark.repeat(SIZE as usize / mark.len());
    // In two parts, of which the second takes in the first.
    store
        .write(id, KEY, 0, bytes[..320].to_vec().into())
        .await
        .unwrap();
    store
        .write(id, KEY, 320, bytes[320..].to_vec().into())
        .await
        .unwrap();
    until("not on three disks", async || holding(&mark).len() >= 3).await;
    store.delete(id, OWNER).await.unwrap();
    until("still on a disk", async || holding(&mark).is_empty()).await;
    until("its name is still on a disk", async || {
        holding(name.as_bytes()).is_empty()
    })
    .await;
}

#[tokio::test]
async fn what_belongs_to_no_blob_goes_with_the_second_sweep() {
    let harness = Nats::new(three(), 3);
    let store = harness.open().await;
    fill(&store, BLOB).await;
    // As a process leaves it that ends between a part and the record: of a blob, and of none.
    let client = async_nats::connect(harness.options.servers.clone())
        .await
        .unwrap();
    let context = jetstream::new(client);
    for blob in [BLOB, BlobId([9; 16])] {
        let subject = format!(
            "{}.o.{}",
            harness.options.prefix,
            hex::encode(blob.as_bytes())
        );
        let stored = context.publish(subject, "nobody's".into()).await.unwrap();
        stored.await.unwrap();
    }
    store.expire(START).await.unwrap();
    assert_eq!(
        harness.messages("parts").await,
        3,
        "a part may be about to be named"
    );
    store.expire(START).await.unwrap();
    assert_eq!(harness.messages("parts").await, 1);
    assert_eq!(store.read(BLOB, range(0, SIZE)).await, Ok(content(SIZE)));
    // What is over goes by whichever process looks.
    let other = harness.open().await;
    drop(store);
    harness.set_time(START + 1000 * 3600);
    other.expire(START + 1000 * 3600).await.unwrap();
    assert_eq!(other.usage(), Usage::default());
    assert_eq!(harness.messages("parts").await, 0);
    assert_eq!(harness.messages("blobs").await, 0);
}

#[tokio::test]
async fn a_deletion_that_was_interrupted_is_finished_by_another_process() {
    let harness = Nats::new(one(), 1);
    let store = harness.open().await;
    fill(&store, BLOB).await;
    // Nothing can be erased where nothing is; the next that opens the store makes it again.
    let client = async_nats::connect(harness.options.servers.clone())
        .await
        .unwrap();
    let parts = format!("{}-parts", harness.options.prefix);
    jetstream::new(client).delete_stream(parts).await.unwrap();
    store.delete(BLOB, OWNER).await.unwrap();
    assert_eq!(store.finished(BLOB).await, Err(BlobError::NotFound));
    assert_eq!(store.delete(BLOB, OWNER).await, Err(BlobError::NotFound));
    assert_ne!(harness.messages("blobs").await, 0);
    drop(store);
    let other = harness.open().await;
    assert_eq!(other.usage(), Usage::default());
    other.expire(START).await.unwrap();
    assert_eq!(harness.messages("blobs").await, 0);
    assert!(other.keep(new(BLOB)).await.unwrap().made);
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_are_killed_while_a_blob_comes() {
    const PART: u64 = 64 * 1024;
    let cluster = Cluster::start();
    let mut harness = Nats::new(&cluster, 3);
    harness.blobs.bytes = 1 << 30;
    let store = Arc::new(harness.open().await);
    let size = 100 * PART;
    let bytes = content(size);
    store.keep(NewBlob { size, ..new(BLOB) }).await.unwrap();
    let come = Arc::new(AtomicU64::new(0));
    let upload = tokio::spawn({
        let (store, bytes, come) = (Arc::clone(&store), bytes.clone(), Arc::clone(&come));
        async move {
            let mut at = 0;
            while at < size {
                let part = bytes.slice(at as usize..(at + PART) as usize);
                match store.write(BLOB, KEY, at, part).await {
                    Ok(state) => at = state.received,
                    Err(BlobError::Offset { received }) => at = received,
                    // As a client does it: ask how far, and go on.
                    Err(BlobError::Unavailable) => {
                        if let Ok(state) = store.progress(BLOB, KEY).await {
                            at = state.received;
                        }
                    }
                    Err(error) => panic!("{error}"),
                }
                come.store(at, Ordering::SeqCst);
            }
        }
    });
    let after = async |parts: u64| {
        until("it goes no further", async || {
            come.load(Ordering::SeqCst) >= parts * PART
        })
        .await;
    };
    for node in 0..3 {
        after(10 + 30 * node as u64).await;
        cluster.kill(node);
        after(20 + 30 * node as u64).await;
        cluster.run(node);
    }
    upload.await.unwrap();
    let mut got = Vec::new();
    while (got.len() as u64) < size {
        let from = got.len() as u64;
        match store
            .read(BLOB, range(from, size.min(from + 8 * PART)))
            .await
        {
            Ok(part) => got.extend_from_slice(&part),
            Err(BlobError::Unavailable) => tokio::time::sleep(Duration::from_millis(100)).await,
            Err(error) => panic!("{error}"),
        }
    }
    assert!(got == bytes, "not what was put in");
}
