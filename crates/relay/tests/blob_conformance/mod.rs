//! What every blob store has to do. A store brings a [`Harness`], and [`blob_conformance!`] makes the tests.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "tests stop at the first surprise"
)]

use std::sync::Arc;

use bytes::Bytes;
use sotto_relay::blobs::{BlobError, BlobStore, Kept, NewBlob, Usage};
use sotto_relay::store::Seconds;
use sotto_suite::sign::PublicKey;
use sotto_wire::*;

/// A place where one blob store lives, with a clock of its own.
pub trait Harness {
    type Store: BlobStore;
    /// Opens the store: empty at first, later as it was left. Never two at once.
    fn open(&self) -> impl Future<Output = Self::Store>;
    /// What the store's clock says from now on.
    fn set_time(&self, now: Seconds);
}

/// Bounds that a harness sets, small enough to be reached.
pub const BYTES: u64 = 10 * SIZE;
pub const BLOBS: u64 = 4;
pub const UNFINISHED_HOURS: u16 = 24;
pub const HOUR: Seconds = 3600;
/// A quarter past an hour.
pub const START: Seconds = 400_000 * HOUR + 900;
pub const SIZE: u64 = 16 * 1024;

macro_rules! blob_conformance {
    ($harness:expr) => {
        blob_conformance! { $harness =>
            a_blob_is_made_once_and_kept_longer, bytes_go_in_where_they_end,
            a_finished_blob_is_read_in_ranges, only_the_owner_deletes,
            a_blob_goes_when_its_time_is_over, an_unfinished_blob_goes_after_a_day,
            room_is_reserved_when_a_blob_is_made, two_uploads_at_once_make_one_blob,
        }
    };
    ($harness:expr => $($name:ident),+ $(,)?) => {$(
        #[tokio::test]
        async fn $name() {
            blob_conformance::$name(&$harness).await;
        }
    )+};
}
pub(crate) use blob_conformance;

pub const BLOB: BlobId = BlobId([0xb1; 16]);
pub const KEY: [u8; 32] = [7; 32];
pub const OWNER: PublicKey = PublicKey([1; 32]);

pub fn new(blob: BlobId) -> NewBlob {
    NewBlob {
        blob,
        owner: OWNER,
        upload: KEY,
        size: SIZE,
        hours: 48,
    }
}

/// Bytes of which no two places are alike.
pub fn content(size: u64) -> Bytes {
    (0..size / 4)
        .flat_map(|n| (n as u32).wrapping_mul(2_654_435_761).to_be_bytes())
        .collect()
}

pub async fn fill<B: BlobStore>(store: &B, blob: BlobId) -> BlobState {
    store.keep(new(blob)).await.unwrap();
    store.write(blob, KEY, 0, content(SIZE)).await.unwrap()
}

fn again(state: BlobState) -> Kept {
    Kept { state, made: false }
}

fn all() -> ByteRange {
    ByteRange {
        from: 0,
        until: SIZE,
    }
}

fn hours(time: Seconds) -> u32 {
    u32::try_from(time / HOUR).unwrap()
}

pub async fn a_blob_is_made_once_and_kept_longer<H: Harness>(harness: &H) {
    harness.set_time(START);
    let store = harness.open().await;
    let made = store.keep(new(BLOB)).await.unwrap();
    assert!(made.made);
    let made = made.state;
    // Counted from the next full hour: never less than was asked for.
    let until = hours(START) + 1 + 48;
    let expected = BlobState {
        size: SIZE,
        received: 0,
        until,
    };
    assert_eq!(made, expected);
    // The same again, for less: nothing changes. For more: it stays longer.
    let shorter = NewBlob {
        hours: 1,
        ..new(BLOB)
    };
    assert_eq!(store.keep(shorter).await, Ok(again(expected)));
    let longer = BlobState {
        until: until + 2,
        ..expected
    };
    let asked = NewBlob {
        hours: 50,
        upload: [8; 32],
        ..new(BLOB)
    };
    assert_eq!(store.keep(asked).await, Ok(again(longer)));
    // The first key to upload stays.
    assert_eq!(
        store.progress(BLOB, [8; 32]).await,
        Err(BlobError::NotFound)
    );
    assert_eq!(store.progress(BLOB, KEY).await, Ok(longer));
    // Nobody else gets the name.
    for other in [
        NewBlob {
            owner: PublicKey([9; 32]),
            ..new(BLOB)
        },
        NewBlob {
            size: 2 * SIZE,
            ..new(BLOB)
        },
    ] {
        assert_eq!(store.keep(other).await, Err(BlobError::Taken));
    }
    drop(store);
    let store = harness.open().await;
    assert_eq!(store.keep(shorter).await, Ok(again(longer)));
    assert_eq!(
        store.usage(),
        Usage {
            blobs: 1,
            bytes: SIZE
        }
    );
}

pub async fn bytes_go_in_where_they_end<H: Harness>(harness: &H) {
    harness.set_time(START);
    let mut store = harness.open().await;
    let bytes = content(SIZE);
    assert_eq!(
        store.write(BLOB, KEY, 0, bytes.slice(..10)).await,
        Err(BlobError::NotFound)
    );
    store.keep(new(BLOB)).await.unwrap();
    let mut at = 0;
    for end in [1, 1000, 1000, 9000, SIZE as usize] {
        let state = store
            .write(BLOB, KEY, at as u64, bytes.slice(at..end))
            .await
            .unwrap();
        assert_eq!(state.received, end as u64);
        assert_eq!(
            store.finished(BLOB).await.is_ok(),
            end == SIZE as usize,
            "{end}"
        );
        at = end;
        // Anywhere else nothing is taken, and the answer says where.
        let received = at as u64;
        for elsewhere in [0, received - 1, received + 1, u64::MAX] {
            assert_eq!(
                store.write(BLOB, KEY, elsewhere, bytes.slice(..1)).await,
                Err(BlobError::Offset { received })
            );
        }
        // Nor with another key.
        assert_eq!(
            store.write(BLOB, [8; 32], received, bytes.slice(..1)).await,
            Err(BlobError::NotFound)
        );
        // More than it was made for is not taken, not even in part.
        let over = Bytes::from(vec![0; (SIZE - received) as usize + 1]);
        assert_eq!(
            store.write(BLOB, KEY, received, over).await,
            Err(BlobError::TooLarge)
        );
        drop(store);
        store = harness.open().await;
        assert_eq!(store.progress(BLOB, KEY).await.unwrap().received, received);
    }
    assert_eq!(store.read(BLOB, all()).await, Ok(bytes));
}

pub async fn a_finished_blob_is_read_in_ranges<H: Harness>(harness: &H) {
    harness.set_time(START);
    let store = harness.open().await;
    let bytes = content(SIZE);
    store.keep(new(BLOB)).await.unwrap();
    store
        .write(BLOB, KEY, 0, bytes.slice(..SIZE as usize - 1))
        .await
        .unwrap();
    for unfinished in [BLOB, BlobId([9; 16])] {
        assert_eq!(
            store
                .read(unfinished, ByteRange { from: 0, until: 1 })
                .await,
            Err(BlobError::NotFound)
        );
        assert_eq!(store.finished(unfinished).await, Err(BlobError::NotFound));
    }
    store
        .write(BLOB, KEY, SIZE - 1, bytes.slice(SIZE as usize - 1..))
        .await
        .unwrap();
    assert_eq!(store.finished(BLOB).await.unwrap().size, SIZE);
    for (from, until) in [(0, SIZE), (0, 1), (5, 5000), (SIZE - 1, SIZE)] {
        let part = store.read(BLOB, ByteRange { from, until }).await.unwrap();
        assert_eq!(part, bytes.slice(from as usize..until as usize));
    }
}

pub async fn only_the_owner_deletes<H: Harness>(harness: &H) {
    harness.set_time(START);
    let store = harness.open().await;
    let other = BlobId([0xb2; 16]);
    fill(&store, BLOB).await;
    fill(&store, other).await;
    let unfinished = BlobId([0xb3; 16]);
    store.keep(new(unfinished)).await.unwrap();
    assert_eq!(
        store.delete(BLOB, PublicKey([9; 32])).await,
        Err(BlobError::NotFound)
    );
    assert!(store.finished(BLOB).await.is_ok());
    assert_eq!(store.delete(BLOB, OWNER).await, Ok(()));
    assert_eq!(store.delete(unfinished, OWNER).await, Ok(()));
    let gone = async |store: &H::Store| {
        assert_eq!(store.delete(BLOB, OWNER).await, Err(BlobError::NotFound));
        assert_eq!(store.read(BLOB, all()).await, Err(BlobError::NotFound));
        assert_eq!(store.progress(BLOB, KEY).await, Err(BlobError::NotFound));
        assert_eq!(store.read(other, all()).await, Ok(content(SIZE)));
        let one = Usage {
            blobs: 1,
            bytes: SIZE,
        };
        assert_eq!(store.usage(), one);
    };
    gone(&store).await;
    drop(store);
    let store = harness.open().await;
    gone(&store).await;
    // The name is free, for anybody.
    let anew = NewBlob {
        owner: PublicKey([9; 32]),
        ..new(BLOB)
    };
    assert_eq!(store.keep(anew).await.unwrap().state.received, 0);
}

pub async fn a_blob_goes_when_its_time_is_over<H: Harness>(harness: &H) {
    harness.set_time(START);
    let store = harness.open().await;
    let short = NewBlob {
        hours: 1,
        ..new(BLOB)
    };
    store.keep(short).await.unwrap();
    store.write(BLOB, KEY, 0, content(SIZE)).await.unwrap();
    let other = BlobId([0xb2; 16]);
    let until = Seconds::from(fill(&store, other).await.until) * HOUR;
    // An hour at least, two at most.
    let end = START.next_multiple_of(HOUR) + HOUR;
    harness.set_time(end - 1);
    store.expire(end - 1).await.unwrap();
    assert_eq!(store.read(BLOB, all()).await, Ok(content(SIZE)));
    // Nobody finds it any more, even before anybody has cleaned up.
    harness.set_time(end);
    assert_eq!(store.read(BLOB, all()).await, Err(BlobError::NotFound));
    assert_eq!(store.delete(BLOB, OWNER).await, Err(BlobError::NotFound));
    assert_eq!(store.usage().blobs, 2);
    store.expire(end).await.unwrap();
    assert_eq!(store.usage().blobs, 1);
    assert_eq!(store.read(other, all()).await, Ok(content(SIZE)));
    drop(store);
    harness.set_time(until);
    let store = harness.open().await;
    // Asked for again before anybody has cleaned up: made anew, from the start.
    assert_eq!(store.keep(new(other)).await.unwrap().state.received, 0);
    assert_eq!(
        store.usage(),
        Usage {
            blobs: 1,
            bytes: SIZE
        }
    );
}

pub async fn an_unfinished_blob_goes_after_a_day<H: Harness>(harness: &H) {
    harness.set_time(START);
    let store = harness.open().await;
    store.keep(new(BLOB)).await.unwrap();
    let part = content(SIZE).slice(..100);
    store.write(BLOB, KEY, 0, part).await.unwrap();
    let finished = BlobId([0xb2; 16]);
    fill(&store, finished).await;
    let end = START.next_multiple_of(HOUR) + Seconds::from(UNFINISHED_HOURS) * HOUR;
    harness.set_time(end - 1);
    store.expire(end - 1).await.unwrap();
    // Asking to keep it longer doesn't help an upload that never ends.
    assert_eq!(store.keep(new(BLOB)).await.unwrap().state.received, 100);
    harness.set_time(end);
    assert_eq!(store.progress(BLOB, KEY).await, Err(BlobError::NotFound));
    store.expire(end).await.unwrap();
    assert_eq!(
        store.usage(),
        Usage {
            blobs: 1,
            bytes: SIZE
        }
    );
    assert_eq!(store.read(finished, all()).await, Ok(content(SIZE)));
}

pub async fn room_is_reserved_when_a_blob_is_made<H: Harness>(harness: &H) {
    harness.set_time(START);
    let store = harness.open().await;
    let blob = |n| BlobId([n; 16]);
    let large = NewBlob {
        size: 8 * SIZE,
        ..new(blob(1))
    };
    // Nothing of it has come, and its room is gone.
    store.keep(large).await.unwrap();
    for n in 2..4 {
        store.keep(new(blob(n))).await.unwrap();
    }
    assert_eq!(store.keep(new(blob(4))).await, Err(BlobError::Quota));
    store.keep(large).await.unwrap();
    store.delete(blob(2), OWNER).await.unwrap();
    store.keep(new(blob(4))).await.unwrap();
    // Nor more blobs than there may be.
    store.delete(blob(1), OWNER).await.unwrap();
    for n in 5..7 {
        store.keep(new(blob(n))).await.unwrap();
    }
    assert_eq!(store.usage().blobs, BLOBS);
    drop(store);
    let store = harness.open().await;
    assert_eq!(store.keep(new(blob(7))).await, Err(BlobError::Quota));
    store.expire(START + 1000 * HOUR).await.unwrap();
    assert_eq!(store.usage(), Usage::default());
}

pub async fn two_uploads_at_once_make_one_blob<H: Harness>(harness: &H) {
    harness.set_time(START);
    let store = Arc::new(harness.open().await);
    uploads_at_once(&[store], SIZE, 1024).await;
}

/// Four uploads of one blob, a part at a time, over these stores of one harness in turn.
pub async fn uploads_at_once<S: BlobStore + 'static>(stores: &[Arc<S>], size: u64, part: u64) {
    let large = NewBlob { size, ..new(BLOB) };
    stores[0].keep(large).await.unwrap();
    let bytes = content(size);
    let uploads: Vec<_> = (0..4)
        .map(|n| {
            let (store, bytes) = (Arc::clone(&stores[n % stores.len()]), bytes.clone());
            tokio::spawn(async move {
                let (mut at, mut wrote) = (0, 0u64);
                while at < size {
                    let piece = bytes.slice(at as usize..(at + part) as usize);
                    at = match store.write(BLOB, KEY, at, piece).await {
                        Ok(state) => {
                            wrote += 1;
                            state.received
                        }
                        Err(BlobError::Offset { received }) => received,
                        Err(error) => panic!("{error}"),
                    };
                }
                wrote
            })
        })
        .collect();
    let mut wrote = 0;
    for upload in uploads {
        wrote += upload.await.unwrap();
    }
    assert_eq!(wrote, size / part, "each part was taken once");
    let all = ByteRange {
        from: 0,
        until: size,
    };
    for store in stores {
        assert_eq!(store.read(BLOB, all).await, Ok(bytes.clone()));
    }
}
