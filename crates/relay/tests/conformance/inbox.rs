//! Cards, writers and the pool of packages.

use super::*;

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
