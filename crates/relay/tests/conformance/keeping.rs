//! What stays, and for how long.

use super::*;

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

/// A trace is of what has gone: a handshake that waits unread is none after thirty days.
pub async fn what_waits_unread_is_no_trace<H: Harness>(harness: &H) {
    let store = open_with(harness, &[ALICE]).await;
    store.append(handshake(1, 0)).await.unwrap();
    for days in [31, 62, 89] {
        harness.set_time(START + days * DAY);
        store.expire(START + days * DAY).await.unwrap();
        assert_eq!(positions(&read_all(&store, 0).await), [1], "day {days}");
    }
    harness.set_time(START + 91 * DAY);
    store.expire(START + 91 * DAY).await.unwrap();
    assert_eq!(positions(&read_all(&store, 0).await), [-1]);
}

/// What nobody was there to read has gone at once, so its trace goes thirty days later.
pub async fn traces_of_what_nobody_read_go_too<H: Harness>(harness: &H) {
    let store = open_with(harness, &[]).await;
    store.append(chat(1, b"for nobody")).await.unwrap();
    store.expire(START + 29 * DAY).await.unwrap();
    let again = store.append(chat(1, b"for nobody")).await.unwrap();
    assert_eq!(again.position, Position(1));
    harness.set_time(START + 31 * DAY);
    store.expire(START + 31 * DAY).await.unwrap();
    let again = store.append(chat(1, b"for nobody")).await.unwrap();
    assert_eq!(again.position, Position(2));
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
