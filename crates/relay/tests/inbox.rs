//! The inbox: cards beside writers, and the pool of key packages.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests stop at the first surprise"
)]

mod common;

use common::*;
use sotto_wire::*;

/// Alice invites Bob: a writer key and a card for him; he fetches it and takes her packages.
#[tokio::test]
async fn bob_opens_alices_invite() {
    let folder = tempfile::tempdir().unwrap();
    let mut relay = Running::start(folder.path()).await;
    let mut alice = Client::connect(&relay.address).await;
    let inbox = Room::open(&mut alice).await;
    let (channel, admin) = (inbox.channel, inbox.admin.public());
    let invited = key(77);
    let set = |card: Option<&[u8]>| Command::SetWriter {
        channel,
        admin,
        writer: invited.public(),
        card: card.map(Into::into),
    };
    let (phone, laptop) = (SlotId([1; 16]), SlotId([2; 16]));
    let deposit = |slot, packages: &[&[u8]], last_resort: Option<&[u8]>| Command::Deposit {
        channel,
        admin,
        slot,
        packages: packages
            .iter()
            .map(|package| package.to_vec().into())
            .collect(),
        last_resort: last_resort.map(Into::into),
    };
    assert_eq!(alice.ask(set(Some(b"sealed card"))).await, Ok(Reply::Done));
    assert_eq!(
        alice
            .ask(deposit(phone, &[b"p1", b"p2"], Some(b"last")))
            .await,
        Ok(Reply::Done)
    );
    assert_eq!(
        alice.ask(deposit(laptop, &[b"l1"], None)).await,
        Ok(Reply::Done)
    );
    relay.stop().await;
    relay = Running::start(folder.path()).await;

    let mut bob = Client::connect(&relay.address).await;
    bob.prove(channel, Role::Writer, &invited).await;
    let fetch = Command::FetchCard {
        channel,
        writer: invited.public(),
    };
    assert_eq!(
        bob.ask(fetch.clone()).await,
        Ok(Reply::Card(b"sealed card".to_vec()))
    );
    let take = |slots: &[SlotId]| Command::Take {
        channel,
        writer: invited.public(),
        slots: slots.to_vec(),
    };
    let offer = |slot, package: &[u8], last_resort| PackageOffer {
        slot,
        package: package.to_vec(),
        last_resort,
    };
    assert_eq!(
        bob.ask(take(&[phone, laptop])).await,
        Ok(Reply::Taken(vec![
            offer(phone, b"p1", false),
            offer(laptop, b"l1", false)
        ]))
    );
    // The Welcome goes into the inbox, by the same key.
    let welcome = Command::Append {
        channel,
        writer: invited.public(),
        lane: Lane::Chat,
        append: AppendId([1; 16]),
        handshakes: 0,
        body: b"sealed welcome".to_vec(),
        subscribers: vec![],
        fence: false,
    };
    bob.ask(welcome).await.unwrap();

    let mut alice = Client::connect(&relay.address).await;
    alice.prove(channel, Role::Admin, &inbox.admin).await;
    alice.subscribe(&inbox, &inbox.alice).await;
    assert_eq!(alice.next_entry().await.body, b"sealed welcome");
    assert_eq!(
        alice.ask(Command::PoolStatus { channel, admin }).await,
        Ok(Reply::Pool(vec![SlotStatus {
            slot: phone,
            packages: 1,
            last_resort: true
        }]))
    );

    // When the packages run out there is the last resort, marked, again and again.
    assert_eq!(
        bob.ask(take(&[phone])).await,
        Ok(Reply::Taken(vec![offer(phone, b"p2", false)]))
    );
    for _ in 0..2 {
        assert_eq!(
            bob.ask(take(&[phone, laptop])).await,
            Ok(Reply::Taken(vec![offer(phone, b"last", true)]))
        );
    }
    // Revoked: neither card nor packages nor inbox, and nobody else is cut off.
    let revoke = Command::RevokeWriter {
        channel,
        admin,
        writer: invited.public(),
    };
    assert_eq!(alice.ask(revoke).await, Ok(Reply::Done));
    assert_eq!(bob.ask(fetch).await, Err(RefusalCode::Revoked));
    assert_eq!(bob.ask(take(&[phone])).await, Err(RefusalCode::NotFound));
    alice.prove(channel, Role::Writer, &inbox.writer).await;
    alice.append(&inbox, 9, b"still open").await.unwrap();
}

/// Many take at the same time: every package is handed to exactly one.
#[tokio::test(flavor = "multi_thread")]
async fn no_package_is_handed_out_twice() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Running::start(folder.path()).await;
    let mut alice = Client::connect(&relay.address).await;
    let inbox = Room::open(&mut alice).await;
    let slot = SlotId([1; 16]);
    let deposit = Command::Deposit {
        channel: inbox.channel,
        admin: inbox.admin.public(),
        slot,
        packages: (0..100u8).map(|n| vec![n].into()).collect(),
        last_resort: None,
    };
    assert_eq!(alice.ask(deposit).await, Ok(Reply::Done));
    let mut takers = Vec::new();
    for _ in 0..5 {
        let (address, channel) = (relay.address.clone(), inbox.channel);
        let writer = inbox.writer.clone();
        takers.push(tokio::spawn(async move {
            let mut taker = Client::connect(&address).await;
            taker.prove(channel, Role::Writer, &writer).await;
            let mut taken = Vec::new();
            loop {
                let take = Command::Take {
                    channel,
                    writer: writer.public(),
                    slots: vec![slot],
                };
                match taker.ask(take).await.unwrap() {
                    Reply::Taken(offers) if offers.is_empty() => return taken,
                    Reply::Taken(offers) => taken.push(offers[0].package[0]),
                    other => panic!("{other:?}"),
                }
            }
        }));
    }
    let mut all = Vec::new();
    for taker in takers {
        all.extend(taker.await.unwrap());
    }
    all.sort_unstable();
    assert_eq!(all, (0..100).collect::<Vec<u8>>());
}
