//! Who listens and reads.

use super::*;

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
