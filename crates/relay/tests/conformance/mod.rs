//! What every store has to do. A store brings a [`Harness`], and [`conformance!`] makes the tests.
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

use sotto_relay::store::{
    Deposit, Item, NewChannel, NewEntry, REVOKED_KEPT, Seconds, Store, StoreError,
};
use sotto_relay::{Listener, Wake};
use sotto_suite::sign::PublicKey;
use sotto_wire::*;

/// A place where one store lives, with a clock of its own.
pub trait Harness {
    type Store: Store;
    /// Opens the store: empty at first, later as it was left.
    fn open(&self) -> impl Future<Output = Self::Store>;
    /// What the store's clock says from now on.
    fn set_time(&self, now: Seconds);
}

/// Bounds that a harness sets, small enough to be reached.
pub const CHANNEL_BYTES: u64 = 40_000;
pub const SLOT_PACKAGES: u32 = 4;
pub const DAY: Seconds = 24 * 60 * 60;
pub const START: Seconds = 1000 * DAY;

macro_rules! conformance {
    ($harness:expr) => {
        conformance! { $harness =>
            a_channel_is_made_once, appends_get_positions_and_hashes_in_order,
            the_same_append_is_stored_once_and_answered_the_same, orders_take_effect_in_the_order_they_were_given,
            only_writers_append, stale_appends_are_refused, a_fence_closes_all_lanes,
            an_append_adds_subscribers_at_its_own_place, entries_go_when_all_have_acknowledged,
            cursors_never_go_back_or_beyond_the_head, without_subscribers_nothing_stays,
            what_is_too_old_leaves_a_gap, a_clock_that_jumps_loses_nothing, traces_go_in_the_end_and_the_order_goes_on,
            the_newer_listener_takes_over, signals_reach_listeners_and_are_not_stored,
            cards_stand_beside_writers, the_newest_revoked_writers_stay_known, packages_are_handed_out_once, quotas_refuse_and_never_evict,
            a_deleted_channel_is_gone, channels_are_counted, many_writers_make_one_order, a_channel_is_read_in_pages,
        }
    };
    ($harness:expr => $($name:ident),+ $(,)?) => {$(
        #[tokio::test]
        async fn $name() {
            conformance::$name(&$harness).await;
        }
    )+};
}
pub(crate) use conformance;

pub const CHANNEL: ChannelId = ChannelId([0xc0; 16]);

pub fn key(n: u8) -> PublicKey {
    PublicKey([n; 32])
}
const ADMIN: PublicKey = PublicKey([1; 32]);
const WRITER: PublicKey = PublicKey([2; 32]);
const ALICE: PublicKey = PublicKey([3; 32]);
const BOB: PublicKey = PublicKey([4; 32]);

pub fn channel(subscribers: &[PublicKey]) -> NewChannel {
    NewChannel {
        channel: CHANNEL,
        admin: ADMIN,
        writers: vec![WRITER],
        subscribers: subscribers.to_vec(),
    }
}

pub fn chat(append: u64, body: &[u8]) -> NewEntry {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&append.to_be_bytes());
    NewEntry {
        channel: CHANNEL,
        writer: WRITER,
        lane: Lane::Chat,
        append: AppendId(id),
        handshakes: 0,
        body: body.to_vec(),
        subscribers: vec![],
        fence: false,
    }
}

fn handshake(append: u64, handshakes: u64) -> NewEntry {
    NewEntry {
        lane: Lane::Handshake,
        handshakes,
        ..chat(append, b"handshake")
    }
}

async fn open_with<H: Harness>(harness: &H, subscribers: &[PublicKey]) -> H::Store {
    harness.set_time(START);
    let store = harness.open().await;
    store.create(channel(subscribers)).await.unwrap();
    store
}

/// Everything after `after`, page by page.
async fn read_all<S: Store>(store: &S, after: u64) -> Vec<Item> {
    let (mut items, mut at) = (Vec::new(), Position(after));
    loop {
        let page = store.read(CHANNEL, at, 16).await.unwrap();
        let Some(last) = page.last() else {
            return items;
        };
        at = last.position();
        items.extend(page);
    }
}

fn positions(items: &[Item]) -> Vec<i64> {
    // A gap as the negative of its end.
    let number = |item: &Item| {
        let position = i64::try_from(item.position().0).unwrap();
        if matches!(item, Item::Gap(_)) {
            -position
        } else {
            position
        }
    };
    items.iter().map(number).collect()
}

fn listener() -> (Arc<Listener>, Arc<Wake>) {
    let wake = Arc::new(Wake::default());
    (Listener::new(7, Arc::clone(&wake)), wake)
}

pub async fn a_channel_is_made_once<H: Harness>(harness: &H) {
    let store = open_with(harness, &[ALICE]).await;
    store.append(chat(1, b"one")).await.unwrap();
    // The same again changes nothing, not even with other keys.
    store.create(channel(&[ALICE])).await.unwrap();
    store
        .create(NewChannel {
            writers: vec![key(9)],
            ..channel(&[BOB])
        })
        .await
        .unwrap();
    assert_eq!(
        store
            .append(NewEntry {
                writer: key(9),
                ..chat(2, b"")
            })
            .await,
        Err(StoreError::NotFound)
    );
    assert_eq!(
        store.attach(CHANNEL, BOB, listener().0).await,
        Err(StoreError::NotFound)
    );
    // Another admin can't have it.
    assert_eq!(
        store
            .create(NewChannel {
                admin: key(9),
                ..channel(&[])
            })
            .await,
        Err(StoreError::Taken)
    );
    drop(store);
    let store = harness.open().await;
    assert_eq!(
        store
            .create(NewChannel {
                admin: key(9),
                ..channel(&[])
            })
            .await,
        Err(StoreError::Taken)
    );
    assert_eq!(positions(&read_all(&store, 0).await), [1]);
}

pub async fn appends_get_positions_and_hashes_in_order<H: Harness>(harness: &H) {
    let mut store = open_with(harness, &[ALICE]).await;
    let mut hash = ChainHash::start(&CHANNEL);
    for n in 1..=20u64 {
        let new = if n == 5 {
            handshake(n, 0)
        } else {
            NewEntry {
                handshakes: u64::from(n > 5),
                ..chat(n, &n.to_be_bytes())
            }
        };
        hash = hash.next(Position(n), new.lane, &new.append, &new.body);
        let stood = store.append(new).await.unwrap();
        assert_eq!(
            stood,
            Appended {
                position: Position(n),
                hash
            }
        );
        if n % 7 == 0 {
            // Everything that decides survives.
            drop(store);
            store = harness.open().await;
        }
    }
    let subscribed = store.attach(CHANNEL, ALICE, listener().0).await.unwrap();
    assert_eq!(
        subscribed,
        Subscribed {
            cursor: Position(0),
            head: Position(20),
            handshakes: 1,
            fenced: false
        }
    );
    let items = read_all(&store, 0).await;
    assert_eq!(positions(&items), (1..=20).collect::<Vec<_>>());
    let Item::Entry(fifth) = &items[4] else {
        panic!("a gap")
    };
    assert_eq!(
        (fifth.lane, &fifth.body[..], fifth.fence),
        (Lane::Handshake, &b"handshake"[..], false)
    );
}

pub async fn the_same_append_is_stored_once_and_answered_the_same<H: Harness>(harness: &H) {
    let store = open_with(harness, &[ALICE]).await;
    let first = store.append(chat(1, b"one")).await.unwrap();
    // At once, together, and after others.
    let (again, second, still) = tokio::join!(
        store.append(chat(1, b"one")),
        store.append(chat(2, b"two")),
        store.append(chat(1, b"one"))
    );
    let second = second.unwrap();
    assert_eq!(
        (again, still, second.position),
        (Ok(first), Ok(first), Position(2))
    );
    // After the entry has gone, after a restart, and when the append would be refused by now.
    store.acknowledge(CHANNEL, ALICE, Position(2));
    store.settle().await.unwrap();
    drop(store);
    let store = harness.open().await;
    assert_eq!(store.append(chat(1, b"one")).await, Ok(first));
    for n in 0..5 {
        store.append(handshake(100 + n, n)).await.unwrap();
    }
    assert_eq!(store.append(chat(2, b"two")).await, Ok(second));
    store
        .append(NewEntry {
            fence: true,
            ..handshake(200, 5)
        })
        .await
        .unwrap();
    assert_eq!(store.append(chat(1, b"one")).await, Ok(first));
    // Fresh ones are refused at the same moment.
    assert_eq!(
        store.append(chat(3, b"three")).await,
        Err(StoreError::Fenced)
    );
    // Whose right was taken away learns what it would have been told, and adds nothing.
    store.revoke_writer(CHANNEL, ADMIN, WRITER).await.unwrap();
    assert_eq!(store.append(chat(1, b"one")).await, Ok(first));
    assert_eq!(
        store.append(chat(3, b"three")).await,
        Err(StoreError::NotFound)
    );
}

pub async fn orders_take_effect_in_the_order_they_were_given<H: Harness>(harness: &H) {
    harness.set_time(START);
    let store = harness.open().await;
    // Nobody waits in between.
    let made = store.create(channel(&[ALICE]));
    let appended: Vec<_> = (1..=50).map(|n| store.append(chat(n, b"x"))).collect();
    let attached = store.attach(CHANNEL, ALICE, listener().0);
    let deleted = store.delete(CHANNEL, ADMIN);
    let too_late = store.append(chat(51, b"x"));
    // Asked for in the opposite order, too.
    assert_eq!(too_late.await, Err(StoreError::NotFound));
    assert_eq!(deleted.await, Ok(()));
    assert_eq!(attached.await.unwrap().head, Position(50));
    for (n, append) in appended.into_iter().enumerate().rev() {
        assert_eq!(append.await.unwrap().position, Position(n as u64 + 1));
    }
    made.await.unwrap();
}

pub async fn only_writers_append<H: Harness>(harness: &H) {
    let store = open_with(harness, &[ALICE]).await;
    let refused = Err(StoreError::NotFound);
    for other in [ADMIN, ALICE, key(9)] {
        assert_eq!(
            store
                .append(NewEntry {
                    writer: other,
                    ..chat(1, b"")
                })
                .await,
            refused
        );
        assert_eq!(store.signal(CHANNEL, other, vec![]).await, refused);
    }
    assert_eq!(
        store
            .append(NewEntry {
                channel: ChannelId([9; 16]),
                ..chat(1, b"")
            })
            .await,
        refused
    );
    store
        .set_writer(CHANNEL, ADMIN, key(9), None)
        .await
        .unwrap();
    store
        .append(NewEntry {
            writer: key(9),
            ..chat(1, b"")
        })
        .await
        .unwrap();
    store.revoke_writer(CHANNEL, ADMIN, key(9)).await.unwrap();
    assert_eq!(
        store
            .append(NewEntry {
                writer: key(9),
                ..chat(2, b"")
            })
            .await,
        refused
    );
    for other in [WRITER, ALICE, key(9)] {
        assert_eq!(
            store.set_writer(CHANNEL, other, other, None).await,
            Err(StoreError::NotFound)
        );
        assert_eq!(
            store.revoke_writer(CHANNEL, other, WRITER).await,
            Err(StoreError::NotFound)
        );
    }
    drop(store);
    let store = harness.open().await;
    assert_eq!(
        store
            .append(NewEntry {
                writer: key(9),
                ..chat(2, b"")
            })
            .await,
        refused
    );
    store.append(chat(2, b"")).await.unwrap();
}

pub async fn stale_appends_are_refused<H: Harness>(harness: &H) {
    let store = open_with(harness, &[ALICE]).await;
    let stale = |handshakes| Err(StoreError::Stale { handshakes });
    // Two rivals for the first place: the earlier wins, the other is told how many there are.
    let (one, two) = tokio::join!(store.append(handshake(1, 0)), store.append(handshake(2, 0)));
    assert!(one.is_ok());
    assert_eq!(two, stale(1));
    assert_eq!(
        store.append(handshake(2, 2)).await,
        stale(1),
        "ahead of the relay"
    );
    for n in 1..4 {
        store.append(handshake(10 + n, n)).await.unwrap();
    }
    // Four handshakes: a chat entry may be three behind.
    for (handshakes, allowed) in [(0, false), (1, true), (3, true), (4, true), (5, false)] {
        let answer = store
            .append(NewEntry {
                handshakes,
                ..chat(20 + handshakes, b"")
            })
            .await;
        assert_eq!(answer.is_ok(), allowed, "{handshakes}: {answer:?}");
        if !allowed {
            assert_eq!(answer, stale(4));
        }
    }
    // Nothing of what was refused has been kept.
    assert_eq!(read_all(&store, 0).await.len(), 7);
}

pub async fn a_fence_closes_all_lanes<H: Harness>(harness: &H) {
    let store = open_with(harness, &[ALICE]).await;
    store.append(chat(1, b"")).await.unwrap();
    store
        .append(NewEntry {
            fence: true,
            ..handshake(2, 0)
        })
        .await
        .unwrap();
    let (ear, _) = listener();
    let subscribed = store
        .attach(CHANNEL, ALICE, Arc::clone(&ear))
        .await
        .unwrap();
    assert!(subscribed.fenced);
    for store in [store] {
        assert_eq!(store.append(handshake(3, 1)).await, Err(StoreError::Fenced));
        assert_eq!(
            store
                .append(NewEntry {
                    handshakes: 1,
                    ..chat(4, b"")
                })
                .await,
            Err(StoreError::Fenced)
        );
        assert_eq!(
            store.signal(CHANNEL, WRITER, vec![]).await,
            Err(StoreError::Fenced)
        );
        assert_eq!(positions(&read_all(&store, 0).await), [1, 2]);
    }
    let store = harness.open().await;
    assert_eq!(store.append(handshake(3, 1)).await, Err(StoreError::Fenced));
    assert_eq!(
        store.signal(CHANNEL, WRITER, vec![]).await,
        Err(StoreError::Fenced)
    );
    let items = read_all(&store, 1).await;
    assert!(matches!(&items[..], [Item::Entry(fence)] if fence.fence));
}

pub async fn an_append_adds_subscribers_at_its_own_place<H: Harness>(harness: &H) {
    let store = open_with(harness, &[ALICE]).await;
    store.append(chat(1, b"before")).await.unwrap();
    store
        .append(NewEntry {
            subscribers: vec![BOB, ALICE],
            ..handshake(2, 0)
        })
        .await
        .unwrap();
    store
        .append(NewEntry {
            handshakes: 1,
            ..chat(3, b"after")
        })
        .await
        .unwrap();
    let cursor = |subscriber| {
        let attached = store.attach(CHANNEL, subscriber, listener().0);
        async move { attached.await.unwrap().cursor }
    };
    assert_eq!(cursor(BOB).await, Position(2));
    assert_eq!(
        cursor(ALICE).await,
        Position(0),
        "who was there keeps her place"
    );
    // A refused append adds nobody.
    let refused = NewEntry {
        subscribers: vec![key(9)],
        ..handshake(4, 0)
    };
    assert!(store.append(refused).await.is_err());
    assert_eq!(
        store.attach(CHANNEL, key(9), listener().0).await,
        Err(StoreError::NotFound)
    );
}

pub async fn entries_go_when_all_have_acknowledged<H: Harness>(harness: &H) {
    let store = open_with(harness, &[ALICE, BOB]).await;
    for n in 1..=6 {
        store.append(chat(n, b"sealed")).await.unwrap();
    }
    store.acknowledge(CHANNEL, ALICE, Position(6));
    store.acknowledge(CHANNEL, BOB, Position(2));
    store.settle().await.unwrap();
    assert_eq!(positions(&read_all(&store, 0).await), [-2, 3, 4, 5, 6]);
    drop(store);
    // Cursors survive.
    let store = harness.open().await;
    assert_eq!(
        store
            .attach(CHANNEL, ALICE, listener().0)
            .await
            .unwrap()
            .cursor,
        Position(6)
    );
    assert_eq!(
        store
            .attach(CHANNEL, BOB, listener().0)
            .await
            .unwrap()
            .cursor,
        Position(2)
    );
    // One who ends the subscription no longer holds entries back, and can't come back.
    store.unsubscribe(CHANNEL, BOB).await.unwrap();
    assert_eq!(positions(&read_all(&store, 0).await), [-6]);
    assert_eq!(
        store.unsubscribe(CHANNEL, BOB).await,
        Err(StoreError::NotFound)
    );
    assert_eq!(
        store.attach(CHANNEL, BOB, listener().0).await,
        Err(StoreError::NotFound)
    );
    // The gap carries on the running hash and the count.
    let next = store.append(chat(7, b"sealed")).await.unwrap();
    let [Item::Gap(gap), Item::Entry(_)] = &read_all(&store, 0).await[..] else {
        panic!("no gap")
    };
    assert_eq!(
        gap.hash
            .next(Position(7), Lane::Chat, &chat(7, b"").append, b"sealed"),
        next.hash
    );
    assert_eq!(gap.handshakes, 0);
}

pub async fn cursors_never_go_back_or_beyond_the_head<H: Harness>(harness: &H) {
    let store = open_with(harness, &[ALICE]).await;
    for n in 1..=3 {
        store.append(chat(n, b"")).await.unwrap();
    }
    for (to, expected) in [(2, 2), (1, 2), (u64::MAX, 3)] {
        store.acknowledge(CHANNEL, ALICE, Position(to));
        let attached = store.attach(CHANNEL, ALICE, listener().0).await.unwrap();
        assert_eq!(attached.cursor, Position(expected));
    }
    // Strangers move nothing.
    store.acknowledge(CHANNEL, BOB, Position(3));
    store.acknowledge(ChannelId([9; 16]), ALICE, Position(3));
    store.append(chat(4, b"")).await.unwrap();
    store.settle().await.unwrap();
    assert_eq!(positions(&read_all(&store, 3).await), [4]);
}

pub async fn without_subscribers_nothing_stays<H: Harness>(harness: &H) {
    let store = open_with(harness, &[]).await;
    store.append(chat(1, b"for nobody")).await.unwrap();
    assert_eq!(positions(&read_all(&store, 0).await), [-1]);
    store
        .append(NewEntry {
            subscribers: vec![BOB],
            ..handshake(2, 0)
        })
        .await
        .unwrap();
    store
        .append(NewEntry {
            handshakes: 1,
            ..chat(3, b"for Bob")
        })
        .await
        .unwrap();
    assert_eq!(positions(&read_all(&store, 2).await), [3]);
}

/// An hour ahead, an hour back, as when the time of a machine is set right.
pub async fn a_clock_that_jumps_loses_nothing<H: Harness>(harness: &H) {
    const HOUR: Seconds = 60 * 60;
    let store = open_with(harness, &[ALICE]).await;
    let mut now = START;
    for (number, jump) in [0, 1, -1, -1, 1, 1, -2, 0].into_iter().enumerate() {
        now = now.saturating_add_signed(jump * HOUR as i64);
        harness.set_time(now);
        let number = number as u64 + 1;
        let stood = store.append(chat(number, b"x")).await.unwrap();
        assert_eq!(stood.position, Position(number));
        store.expire(now).await.unwrap();
    }
    // A month less the jumps later everything is still there.
    store.expire(START + 30 * DAY - 2 * HOUR).await.unwrap();
    let expected: Vec<i64> = (1..=8).collect();
    assert_eq!(positions(&read_all(&store, 0).await), expected);
    store.acknowledge(CHANNEL, ALICE, Position(4));
    store.settle().await.unwrap();
    assert_eq!(positions(&read_all(&store, 0).await), [-4, 5, 6, 7, 8]);
}

pub async fn what_is_too_old_leaves_a_gap<H: Harness>(harness: &H) {
    let store = open_with(harness, &[ALICE]).await;
    store.append(chat(1, b"old")).await.unwrap();
    store.append(handshake(2, 0)).await.unwrap();
    let third = store
        .append(NewEntry {
            handshakes: 1,
            ..chat(3, b"old")
        })
        .await
        .unwrap();
    harness.set_time(START + 20 * DAY);
    store
        .append(NewEntry {
            handshakes: 1,
            ..chat(4, b"young")
        })
        .await
        .unwrap();
    store.expire(START + 29 * DAY).await.unwrap();
    assert_eq!(positions(&read_all(&store, 0).await), [1, 2, 3, 4]);
    // Chat goes after thirty days, handshakes after ninety.
    store.expire(START + 31 * DAY).await.unwrap();
    let items = read_all(&store, 0).await;
    assert_eq!(positions(&items), [-1, 2, -3, 4]);
    let Item::Gap(gap) = &items[2] else {
        panic!("no gap")
    };
    assert_eq!(
        *gap,
        Gap {
            until: Position(3),
            hash: third.hash,
            handshakes: 1
        }
    );
    // Acknowledging goes on from there, over a restart.
    store.acknowledge(CHANNEL, ALICE, Position(3));
    store.settle().await.unwrap();
    drop(store);
    let store = harness.open().await;
    assert_eq!(positions(&read_all(&store, 0).await), [-3, 4]);
    store.expire(START + 91 * DAY).await.unwrap();
    assert_eq!(positions(&read_all(&store, 0).await), [-4]);
    assert_eq!(
        store
            .attach(CHANNEL, ALICE, listener().0)
            .await
            .unwrap()
            .handshakes,
        1
    );
}

pub async fn traces_go_in_the_end_and_the_order_goes_on<H: Harness>(harness: &H) {
    let store = open_with(harness, &[ALICE]).await;
    for n in 0..3 {
        store.append(handshake(n, n)).await.unwrap();
    }
    let third = store
        .append(NewEntry {
            handshakes: 3,
            ..chat(3, b"")
        })
        .await
        .unwrap();
    store.acknowledge(CHANNEL, ALICE, Position(3));
    store.settle().await.unwrap();
    // Gone, but remembered for thirty days.
    store.expire(START + 29 * DAY).await.unwrap();
    assert_eq!(
        store.append(handshake(0, 0)).await.unwrap().position,
        Position(1)
    );
    harness.set_time(START + 31 * DAY);
    store.expire(START + 31 * DAY).await.unwrap();
    // The fourth has gone by age just now; the three before are forgotten.
    let items = read_all(&store, 0).await;
    assert_eq!(positions(&items), [-4]);
    let Item::Gap(gap) = &items[0] else {
        panic!("no gap")
    };
    assert_eq!(
        *gap,
        Gap {
            until: Position(4),
            hash: third.hash,
            handshakes: 3
        }
    );
    assert_eq!(
        store.append(handshake(0, 0)).await,
        Err(StoreError::Stale { handshakes: 3 })
    );
    store.expire(START + 99 * DAY).await.unwrap();
    drop(store);
    // Nothing is left but the place where the order goes on.
    let store = harness.open().await;
    let next = store.append(handshake(9, 3)).await.unwrap();
    let append = handshake(9, 3).append;
    assert_eq!(next.position, Position(5));
    assert_eq!(
        next.hash,
        third
            .hash
            .next(Position(5), Lane::Handshake, &append, b"handshake")
    );
    assert_eq!(positions(&read_all(&store, 0).await), [-4, 5]);
    assert_eq!(
        store
            .attach(CHANNEL, ALICE, listener().0)
            .await
            .unwrap()
            .handshakes,
        4
    );
}

pub async fn the_newer_listener_takes_over<H: Harness>(harness: &H) {
    let store = open_with(harness, &[ALICE, BOB]).await;
    let ((older, older_wake), (newer, newer_wake), (bobs, bobs_wake)) =
        (listener(), listener(), listener());
    store
        .attach(CHANNEL, ALICE, Arc::clone(&older))
        .await
        .unwrap();
    store.attach(CHANNEL, BOB, Arc::clone(&bobs)).await.unwrap();
    assert!(older_wake.take_ready().is_empty());
    store
        .attach(CHANNEL, ALICE, Arc::clone(&newer))
        .await
        .unwrap();
    older_wake.woken().await;
    assert!(older.ended() && !newer.ended() && !bobs.ended());
    assert_eq!(older_wake.take_ready(), [7]);

    store.append(chat(1, b"")).await.unwrap();
    newer_wake.woken().await;
    bobs_wake.woken().await;
    assert_eq!(
        (newer_wake.take_ready(), bobs_wake.take_ready()),
        (vec![7], vec![7])
    );
    // Not woken again before it has looked.
    store.append(chat(2, b"")).await.unwrap();
    assert!(newer_wake.take_ready().is_empty());
    newer.calm();
    store.append(chat(3, b"")).await.unwrap();
    assert_eq!(newer_wake.take_ready(), [7]);

    store.detach(&CHANNEL, &older);
    store.detach(&CHANNEL, &newer);
    newer.calm();
    store.append(chat(4, b"")).await.unwrap();
    assert!(
        newer_wake.take_ready().is_empty(),
        "nobody listens there any more"
    );
    store.unsubscribe(CHANNEL, BOB).await.unwrap();
    assert!(bobs.ended());
}

pub async fn signals_reach_listeners_and_are_not_stored<H: Harness>(harness: &H) {
    let store = open_with(harness, &[ALICE]).await;
    let first = store.append(chat(1, b"")).await.unwrap();
    // Nobody listens: answered all the same.
    assert_eq!(
        store.signal(CHANNEL, WRITER, b"typing".to_vec()).await,
        Ok(first)
    );
    let (ear, wake) = listener();
    store
        .attach(CHANNEL, ALICE, Arc::clone(&ear))
        .await
        .unwrap();
    assert_eq!(ear.next_signal(), None);
    assert_eq!(
        store.signal(CHANNEL, WRITER, b"typing".to_vec()).await,
        Ok(first)
    );
    wake.woken().await;
    assert_eq!(ear.next_signal().as_deref(), Some(&b"typing"[..]));
    // Rights are those of the moment.
    store
        .set_writer(CHANNEL, ADMIN, key(9), None)
        .await
        .unwrap();
    assert_eq!(store.signal(CHANNEL, key(9), vec![]).await, Ok(first));
    store.revoke_writer(CHANNEL, ADMIN, key(9)).await.unwrap();
    assert_eq!(
        store.signal(CHANNEL, key(9), vec![]).await,
        Err(StoreError::NotFound)
    );
    // A listener that does not look keeps few of them, the newest.
    for n in 0..600u16 {
        let body = n.to_be_bytes().to_vec();
        store.signal(CHANNEL, WRITER, body).await.unwrap();
    }
    let waiting = || std::iter::from_fn(|| ear.next_signal());
    let kept: Vec<Arc<[u8]>> = waiting().collect();
    assert!(kept.len() <= 256, "{} signals wait", kept.len());
    assert_eq!(kept.last().unwrap()[..], 599u16.to_be_bytes());
    // And fewer of large ones.
    for _ in 0..20 {
        store
            .signal(CHANNEL, WRITER, vec![7; 64 << 10])
            .await
            .unwrap();
    }
    let bytes: usize = waiting().map(|body| body.len()).sum();
    assert!(bytes <= 256 << 10, "{bytes} bytes wait");
    let second = store.append(chat(2, b"")).await.unwrap();
    assert_eq!(store.signal(CHANNEL, WRITER, vec![]).await, Ok(second));
    assert_eq!(positions(&read_all(&store, 0).await), [1, 2]);
}

pub async fn cards_stand_beside_writers<H: Harness>(harness: &H) {
    let store = open_with(harness, &[ALICE]).await;
    let card = |key| store.card(CHANNEL, key);
    assert_eq!(
        card(WRITER).await,
        Err(StoreError::NotFound),
        "a writer without a card"
    );
    assert_eq!(card(key(9)).await, Err(StoreError::NotFound), "no writer");
    store
        .set_writer(CHANNEL, ADMIN, key(9), Some(b"card 1".to_vec()))
        .await
        .unwrap();
    assert_eq!(card(key(9)).await, Ok(b"card 1".to_vec()));
    store
        .set_writer(CHANNEL, ADMIN, key(9), None)
        .await
        .unwrap();
    assert_eq!(
        card(key(9)).await,
        Ok(b"card 1".to_vec()),
        "no card leaves the card"
    );
    store
        .set_writer(CHANNEL, ADMIN, key(9), Some(b"card 2".to_vec()))
        .await
        .unwrap();
    store
        .set_writer(CHANNEL, ADMIN, WRITER, Some(b"other".to_vec()))
        .await
        .unwrap();
    drop(store);
    let store = harness.open().await;
    assert_eq!(store.card(CHANNEL, key(9)).await, Ok(b"card 2".to_vec()));
    store.revoke_writer(CHANNEL, ADMIN, key(9)).await.unwrap();
    store.revoke_writer(CHANNEL, ADMIN, key(9)).await.unwrap();
    store.revoke_writer(CHANNEL, ADMIN, key(10)).await.unwrap();
    let card = |key| store.card(CHANNEL, key);
    assert_eq!(card(key(9)).await, Err(StoreError::Revoked));
    assert_eq!(card(key(10)).await, Err(StoreError::NotFound), "never one");
    assert_eq!(card(WRITER).await, Ok(b"other".to_vec()));
    drop(store);
    let store = harness.open().await;
    let card = |key| store.card(CHANNEL, key);
    assert_eq!(card(key(9)).await, Err(StoreError::Revoked));
    store
        .set_writer(CHANNEL, ADMIN, key(9), None)
        .await
        .unwrap();
    assert_eq!(card(key(9)).await, Err(StoreError::NotFound), "back, bare");
}

pub async fn the_newest_revoked_writers_stay_known<H: Harness>(harness: &H) {
    let store = open_with(harness, &[ALICE]).await;
    let mut keys = Vec::new();
    for n in 0..=REVOKED_KEPT {
        let mut key = [7; 32];
        key[..8].copy_from_slice(&n.to_be_bytes());
        keys.push(PublicKey(key));
    }
    for key in &keys {
        store.set_writer(CHANNEL, ADMIN, *key, None).await.unwrap();
        store.revoke_writer(CHANNEL, ADMIN, *key).await.unwrap();
    }
    let card = |key: PublicKey| store.card(CHANNEL, key);
    assert_eq!(card(keys[0]).await, Err(StoreError::NotFound));
    assert_eq!(card(keys[1]).await, Err(StoreError::Revoked));
    assert_eq!(card(keys[REVOKED_KEPT]).await, Err(StoreError::Revoked));
}

pub async fn packages_are_handed_out_once<H: Harness>(harness: &H) {
    let store = open_with(harness, &[ALICE]).await;
    let (phone, laptop) = (SlotId([1; 16]), SlotId([2; 16]));
    let deposit = |slot, packages: &[&str], last: Option<&str>| {
        store.deposit(Deposit {
            channel: CHANNEL,
            admin: ADMIN,
            slot,
            packages: packages
                .iter()
                .map(|package| package.as_bytes().to_vec())
                .collect(),
            last_resort: last.map(|last| last.as_bytes().to_vec()),
        })
    };
    deposit(phone, &["p1", "p2"], Some("last")).await.unwrap();
    deposit(laptop, &["l1"], None).await.unwrap();
    let status = |slot, packages, last_resort| SlotStatus {
        slot,
        packages,
        last_resort,
    };
    assert_eq!(
        store.pool(CHANNEL, ADMIN).await.unwrap(),
        [status(phone, 2, true), status(laptop, 1, false)]
    );

    let take = |slots: &[SlotId]| {
        let taken = store.take(CHANNEL, WRITER, slots.to_vec());
        async move {
            let offers = taken.await.unwrap();
            offers
                .into_iter()
                .map(|offer| {
                    (
                        offer.slot,
                        String::from_utf8(offer.package).unwrap(),
                        offer.last_resort,
                    )
                })
                .collect::<Vec<_>>()
        }
    };
    let offer = |slot, package: &str, last| (slot, package.to_owned(), last);
    // Named twice, taken once; an unknown slot is passed over.
    assert_eq!(
        take(&[phone, phone, laptop, SlotId([9; 16])]).await,
        [offer(phone, "p1", false), offer(laptop, "l1", false)]
    );
    assert_eq!(take(&[phone, laptop]).await, [offer(phone, "p2", false)]);
    // Two at once get different ones.
    deposit(laptop, &["l2", "l3"], None).await.unwrap();
    let (one, two) = tokio::join!(take(&[laptop]), take(&[laptop]));
    assert_eq!(
        [one, two].concat(),
        [offer(laptop, "l2", false), offer(laptop, "l3", false)]
    );
    // The last resort stays, says so, and is replaced.
    for _ in 0..2 {
        assert_eq!(take(&[phone]).await, [offer(phone, "last", true)]);
    }
    deposit(phone, &[], Some("newer")).await.unwrap();
    assert_eq!(take(&[phone]).await, [offer(phone, "newer", true)]);

    // Rights.
    let refused = Deposit {
        channel: CHANNEL,
        admin: WRITER,
        slot: phone,
        packages: vec![],
        last_resort: None,
    };
    assert_eq!(store.deposit(refused).await, Err(StoreError::NotFound));
    assert_eq!(store.pool(CHANNEL, WRITER).await, Err(StoreError::NotFound));
    assert_eq!(
        store.take(CHANNEL, ADMIN, vec![phone]).await,
        Err(StoreError::NotFound)
    );
    // Quota, of which the last resort is no part.
    deposit(laptop, &["a", "b", "c", "d"], Some("last"))
        .await
        .unwrap();
    assert_eq!(deposit(laptop, &["e"], None).await, Err(StoreError::Quota));
    // What was taken stays taken; what is too old goes, but not the last resort.
    drop(store);
    let store = harness.open().await;
    assert_eq!(
        store.pool(CHANNEL, ADMIN).await.unwrap(),
        [status(phone, 0, true), status(laptop, SLOT_PACKAGES, true)]
    );
    store.expire(START + 31 * DAY).await.unwrap();
    assert_eq!(
        store.pool(CHANNEL, ADMIN).await.unwrap(),
        [status(phone, 0, true), status(laptop, 0, true)]
    );
}

pub async fn quotas_refuse_and_never_evict<H: Harness>(harness: &H) {
    let mut store = open_with(harness, &[ALICE]).await;
    let body = vec![7; 10_000];
    for n in 1..=CHANNEL_BYTES / 10_000 {
        store.append(chat(n, &body)).await.unwrap();
    }
    assert_eq!(store.append(chat(90, b"x")).await, Err(StoreError::Quota));
    // Handshakes have room of their own.
    store
        .append(NewEntry {
            body: body.clone(),
            ..handshake(91, 0)
        })
        .await
        .unwrap();
    assert_eq!(store.append(handshake(92, 1)).await, Err(StoreError::Quota));
    drop(store);
    store = harness.open().await;
    assert_eq!(
        store
            .append(NewEntry {
                handshakes: 1,
                ..chat(93, b"x")
            })
            .await,
        Err(StoreError::Quota)
    );
    assert_eq!(positions(&read_all(&store, 0).await), [1, 2, 3, 4, 5]);
    // Reading makes room, and is counted alike after a restart.
    store.acknowledge(CHANNEL, ALICE, Position(2));
    store.settle().await.unwrap();
    drop(store);
    store = harness.open().await;
    let last = |n, body: &[u8]| NewEntry {
        handshakes: 1,
        ..chat(n, body)
    };
    store.append(last(94, &body)).await.unwrap();
    assert_eq!(store.append(last(95, b"x")).await, Err(StoreError::Quota));
}

pub async fn a_deleted_channel_is_gone<H: Harness>(harness: &H) {
    let store = open_with(harness, &[ALICE]).await;
    store.append(chat(1, b"")).await.unwrap();
    store
        .set_writer(CHANNEL, ADMIN, WRITER, Some(b"card".to_vec()))
        .await
        .unwrap();
    let (ear, _) = listener();
    store
        .attach(CHANNEL, ALICE, Arc::clone(&ear))
        .await
        .unwrap();
    assert_eq!(
        store.delete(CHANNEL, WRITER).await,
        Err(StoreError::NotFound)
    );
    store.delete(CHANNEL, ADMIN).await.unwrap();
    assert!(ear.ended());
    assert_eq!(
        store.delete(CHANNEL, ADMIN).await,
        Err(StoreError::NotFound)
    );
    assert_eq!(
        store.read(CHANNEL, Position(0), 10).await,
        Err(StoreError::NotFound)
    );
    assert_eq!(store.card(CHANNEL, WRITER).await, Err(StoreError::NotFound));
    // The address is free again, with nothing of before.
    store
        .create(NewChannel {
            admin: key(9),
            ..channel(&[ALICE])
        })
        .await
        .unwrap();
    assert_eq!(
        store.append(chat(1, b"")).await.unwrap().position,
        Position(1)
    );
    assert_eq!(store.card(CHANNEL, WRITER).await, Err(StoreError::NotFound));
}

pub async fn channels_are_counted<H: Harness>(harness: &H) {
    let store = open_with(harness, &[]).await;
    let other = NewChannel {
        channel: ChannelId([9; 16]),
        ..channel(&[ALICE])
    };
    store.create(other.clone()).await.unwrap();
    store.create(other).await.unwrap();
    store.append(chat(1, b"x")).await.unwrap();
    assert_eq!(store.channels().await, Some(2));
    store.delete(CHANNEL, ADMIN).await.unwrap();
    assert_eq!(store.channels().await, Some(1));
}

pub async fn many_writers_make_one_order<H: Harness>(harness: &H) {
    let store = Arc::new(open_with(harness, &[ALICE]).await);
    let writing = (0..50u64).map(|writer| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let mut before = 0;
            for n in 0..10 {
                let position = store
                    .append(chat(writer << 8 | n, &[7]))
                    .await
                    .unwrap()
                    .position
                    .0;
                assert!(position > before, "a writer's own entries keep their order");
                before = position;
            }
        })
    });
    for task in writing.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    drop(store);
    let store = harness.open().await;
    let items = read_all(&store, 0).await;
    assert_eq!(positions(&items), (1..=500).collect::<Vec<_>>());
    // Whoever reads computes the relay's hash.
    let mut hash = ChainHash::start(&CHANNEL);
    for item in &items {
        let Item::Entry(entry) = item else {
            panic!("a gap")
        };
        hash = hash.next(entry.position, entry.lane, &entry.append, &entry.body);
    }
    let last = store.append(chat(0, &[7])).await.unwrap();
    assert!(last.position <= Position(500), "a repetition");
    let head = store.signal(CHANNEL, WRITER, vec![]).await.unwrap();
    assert_eq!(
        head,
        Appended {
            position: Position(500),
            hash
        }
    );
}

pub async fn a_channel_is_read_in_pages<H: Harness>(harness: &H) {
    let store = open_with(harness, &[ALICE]).await;
    let body = vec![1; 300];
    // One listener, so that a store may keep what is new in memory.
    store.attach(CHANNEL, ALICE, listener().0).await.unwrap();
    for n in 1..=100 {
        store.append(chat(n, &body)).await.unwrap();
    }
    for after in [0, 1, 50, 98, 99] {
        let page = store.read(CHANNEL, Position(after), 10).await.unwrap();
        let expected: Vec<i64> = (after as i64 + 1..=100).take(10).collect();
        assert_eq!(positions(&page), expected);
    }
    assert_eq!(store.read(CHANNEL, Position(100), 10).await, Ok(vec![]));
    assert_eq!(store.read(CHANNEL, Position(1000), 10).await, Ok(vec![]));
    assert_eq!(
        store.read(ChannelId([9; 16]), Position(0), 10).await,
        Err(StoreError::NotFound)
    );
}
