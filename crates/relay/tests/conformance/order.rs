//! Entries have one order, which every writer's appends join.

use super::*;

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
