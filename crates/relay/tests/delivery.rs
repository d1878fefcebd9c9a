//! Alice writes, Bob reads: order, acknowledgement, cursors, limits, signals.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests stop at the first surprise"
)]

mod common;

use std::time::Duration;

use common::*;
use sotto_relay::Config;
use sotto_wire::*;

#[tokio::test]
async fn what_alice_appends_bob_gets_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Running::start(folder.path()).await;
    let mut alice = Client::connect(&relay.address).await;
    let room = Room::open(&mut alice).await;
    let mut bob = Client::connect(&relay.address).await;

    // Bob subscribes to an empty channel, and is told that he reads live.
    let stands = bob.subscribe(&room, &room.bob).await;
    let empty = Subscribed {
        cursor: Position(0),
        head: Position(0),
        handshakes: 0,
        fenced: false,
    };
    assert_eq!(stands, empty);
    assert_eq!(bob.next_delivery().await, Delivered::CaughtUp(Position(0)));

    // Three entries, with the running hash that everybody can compute.
    let mut hash = ChainHash::start(&room.channel);
    for n in 1..=3u8 {
        let body = format!("sealed envelope number {n}");
        let stood = alice.append(&room, n, body.as_bytes()).await.unwrap();
        let append = AppendId([n; 16]);
        hash = hash.next(Position(n.into()), Lane::Chat, &append, body.as_bytes());
        assert_eq!(
            stood,
            Appended {
                position: Position(n.into()),
                hash
            }
        );
        let entry = bob.next_entry().await;
        assert_eq!(
            (entry.position, entry.body),
            (Position(n.into()), body.into_bytes())
        );
        assert_eq!(
            (entry.append, entry.lane, entry.fence),
            (append, Lane::Chat, false)
        );
    }

    // Alice subscribes late and gets the same, then reads live what she writes herself.
    let stands = alice.subscribe(&room, &room.alice).await;
    assert_eq!((stands.cursor, stands.head), (Position(0), Position(3)));
    for n in 1..=3 {
        assert_eq!(alice.next_entry().await.position, Position(n));
    }
    assert_eq!(
        alice.next_delivery().await,
        Delivered::CaughtUp(Position(3))
    );
    alice.append(&room, 4, b"mine").await.unwrap();
    assert_eq!(alice.next_entry().await.body, b"mine");
    relay.stop().await;
}

fn on_disk(folder: &std::path::Path, what: &[u8]) -> bool {
    std::fs::read_dir(folder).unwrap().any(|file| {
        let path = file.unwrap().path();
        if path.is_dir() {
            return on_disk(&path, what);
        }
        let bytes = std::fs::read(path).unwrap();
        bytes.windows(what.len()).any(|window| window == what)
    })
}

#[tokio::test]
async fn when_all_have_acknowledged_the_bytes_are_gone_from_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Running::start(folder.path()).await;
    let mut alice = Client::connect(&relay.address).await;
    let room = Room::open(&mut alice).await;
    let body = b"an envelope like no other";
    alice.append(&room, 1, body).await.unwrap();
    assert!(on_disk(folder.path(), body), "durable when answered");
    alice.subscribe(&room, &room.alice).await;
    alice
        .acknowledge(room.channel, room.alice.public(), 1)
        .await;
    let mut bob = Client::connect(&relay.address).await;
    bob.subscribe(&room, &room.bob).await;
    assert_eq!(bob.next_entry().await.body, body);
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert!(
        on_disk(folder.path(), body),
        "Bob has not said that he has it"
    );
    bob.acknowledge(room.channel, room.bob.public(), 1).await;
    let gone = async {
        while on_disk(folder.path(), body) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), gone)
        .await
        .expect("still there");
}

#[tokio::test]
async fn cursors_and_append_ids_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let mut relay = Running::start(folder.path()).await;
    let mut alice = Client::connect(&relay.address).await;
    let room = Room::open(&mut alice).await;
    let mut first = Vec::new();
    for n in 1..=10 {
        first.push(alice.append(&room, n, &[n]).await.unwrap());
    }
    let mut bob = Client::connect(&relay.address).await;
    bob.subscribe(&room, &room.bob).await;
    for n in 1..=10 {
        assert_eq!(bob.next_entry().await.position, Position(n));
    }
    bob.acknowledge(room.channel, room.bob.public(), 4).await;
    // The acknowledgement and the stop cross: the answer to something later says it has arrived.
    bob.resubscribe(&room, &room.bob).await.unwrap();
    for round in 1..=2u64 {
        relay.stop().await;
        relay = Running::start(folder.path()).await;
        bob = Client::connect(&relay.address).await;
        let stands = bob.subscribe(&room, &room.bob).await;
        assert_eq!(
            (stands.cursor, stands.head),
            (Position(4), Position(10)),
            "round {round}"
        );
        for n in 5..=10 {
            assert_eq!(bob.next_entry().await.position, Position(n));
        }
    }
    // What was answered before is answered the same, and stored once.
    alice = Client::connect(&relay.address).await;
    alice.prove(room.channel, Role::Writer, &room.writer).await;
    for (n, stood) in (1..=10).zip(&first) {
        assert_eq!(alice.append(&room, n, &[n]).await.as_ref(), Ok(stood));
    }
    assert_eq!(
        alice.append(&room, 11, b"x").await.unwrap().position,
        Position(11)
    );
    assert_eq!(bob.next_delivery().await, Delivered::CaughtUp(Position(10)));
    assert_eq!(bob.next_entry().await.position, Position(11));
}

#[tokio::test]
async fn stale_and_fenced_appends_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Running::start(folder.path()).await;
    let mut alice = Client::connect(&relay.address).await;
    let room = Room::open(&mut alice).await;
    for n in 0..4u8 {
        let command = room.entry(Lane::Handshake, n, n.into(), b"commit");
        alice.ask(command).await.unwrap();
    }
    let refusal = alice.ask_fully(room.chat(10, b"late")).await.unwrap_err();
    let stale = Refusal {
        code: RefusalCode::Stale,
        retry_after_ms: None,
        handshakes: Some(4),
    };
    assert_eq!(refusal, stale);
    let rival = room.entry(Lane::Handshake, 11, 3, b"rival commit");
    assert_eq!(alice.ask_fully(rival).await.unwrap_err(), stale);
    alice
        .ask(room.entry(Lane::Chat, 12, 1, b"three behind"))
        .await
        .unwrap();

    // The fence brings Carol in and closes the channel; those who read see it.
    let carol = key(33);
    let mut fence = room.entry(Lane::Handshake, 13, 4, b"fence");
    if let Command::Append {
        fence, subscribers, ..
    } = &mut fence
    {
        (*fence, *subscribers) = (true, vec![carol.public()]);
    }
    appended(alice.ask(fence.clone()).await).unwrap();
    let late = room.entry(Lane::Chat, 14, 5, b"x");
    assert_eq!(alice.ask(late).await, Err(RefusalCode::Fenced));
    let signal = room.entry(Lane::Ephemeral, 15, 5, b"x");
    assert_eq!(alice.ask(signal).await, Err(RefusalCode::Fenced));
    assert_eq!(
        appended(alice.ask(fence).await).unwrap().position,
        Position(6),
        "a repetition"
    );
    let mut bob = Client::connect(&relay.address).await;
    let stands = bob.subscribe(&room, &room.bob).await;
    assert!(stands.fenced);
    assert_eq!((stands.head, stands.handshakes), (Position(6), 5));
    for _ in 0..5 {
        assert!(!bob.next_entry().await.fence);
    }
    assert!(bob.next_entry().await.fence);
    // Carol starts at the entry that added her.
    let stands = bob.subscribe(&room, &carol).await;
    assert_eq!(stands.cursor, Position(6));
}

#[tokio::test]
async fn no_more_than_the_limit_is_in_flight() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Running::start(folder.path()).await;
    let mut alice = Client::connect(&relay.address).await;
    let room = Room::open(&mut alice).await;
    let most = u64::from(limits::MAX_IN_FLIGHT);
    let count = most + 150;
    for n in 0..count {
        let mut command = room.chat(0, b"x");
        if let Command::Append { append, .. } = &mut command {
            append.0[..8].copy_from_slice(&n.to_be_bytes());
        }
        alice.request(command).await;
    }
    for _ in 0..count {
        assert!(matches!(
            alice.answer().await,
            Some(RelayFrame::Reply { .. })
        ));
    }
    let mut bob = Client::connect(&relay.address).await;
    bob.subscribe(&room, &room.bob).await;
    for n in 1..=most {
        assert_eq!(bob.next_entry().await.position, Position(n));
    }
    bob.nothing_comes().await;
    // Room for exactly as many as were acknowledged; other channels of the connection go on.
    let other = Room::open(&mut bob).await;
    bob.subscribe(&other, &other.alice).await;
    bob.append(&other, 1, b"elsewhere").await.unwrap();
    assert_eq!(bob.next_delivery().await, Delivered::CaughtUp(Position(0)));
    assert_eq!(bob.next_entry().await.body, b"elsewhere");
    bob.acknowledge(room.channel, room.bob.public(), 7).await;
    for n in most + 1..=most + 7 {
        assert_eq!(bob.next_entry().await.position, Position(n));
    }
    bob.nothing_comes().await;
    // Never told that he is up to date before he is.
    bob.acknowledge(room.channel, room.bob.public(), most + 7)
        .await;
    for n in most + 8..=count {
        assert_eq!(bob.next_entry().await.position, Position(n));
    }
    assert_eq!(
        bob.next_delivery().await,
        Delivered::CaughtUp(Position(count))
    );
}

#[tokio::test]
async fn ephemeral_entries_reach_who_is_there_and_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Running::start(folder.path()).await;
    let mut alice = Client::connect(&relay.address).await;
    let room = Room::open(&mut alice).await;
    let typing = || room.entry(Lane::Ephemeral, 1, 0, b"a signal like no other");
    let nowhere = appended(alice.ask(typing()).await).unwrap();
    assert_eq!(nowhere.position, Position(0));
    let mut bob = Client::connect(&relay.address).await;
    bob.subscribe(&room, &room.bob).await;
    assert_eq!(bob.next_delivery().await, Delivered::CaughtUp(Position(0)));
    for _ in 0..3 {
        // The same id three times: signals are not told apart.
        alice.ask(typing()).await.unwrap();
        let signal = Delivered::Signal(b"a signal like no other".to_vec());
        assert_eq!(bob.next_delivery().await, signal);
    }
    assert!(!on_disk(folder.path(), b"a signal like no other"));
    let stands = bob.resubscribe(&room, &room.bob).await.unwrap();
    assert_eq!(stands.head, Position(0));
    assert_eq!(bob.next_delivery().await, Delivered::CaughtUp(Position(0)));
    bob.nothing_comes().await;
}

#[tokio::test]
async fn the_newer_of_two_connections_takes_a_subscription_over() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Running::start(folder.path()).await;
    let mut alice = Client::connect(&relay.address).await;
    let room = Room::open(&mut alice).await;
    let mut older = Client::connect(&relay.address).await;
    older.subscribe(&room, &room.bob).await;
    assert_eq!(
        older.next_delivery().await,
        Delivered::CaughtUp(Position(0))
    );
    alice.append(&room, 1, b"one").await.unwrap();
    assert_eq!(older.next_entry().await.position, Position(1));

    let mut newer = Client::connect(&relay.address).await;
    newer.subscribe(&room, &room.bob).await;
    assert_eq!(
        newer.next_entry().await.position,
        Position(1),
        "not acknowledged, so once more"
    );
    assert_eq!(
        newer.next_delivery().await,
        Delivered::CaughtUp(Position(1))
    );
    alice.append(&room, 2, b"two").await.unwrap();
    assert_eq!(newer.next_entry().await.position, Position(2));
    older.nothing_comes().await;
    // The older is a connection like any other, and may take over again.
    let stands = older.resubscribe(&room, &room.bob).await.unwrap();
    assert_eq!(stands.head, Position(2));
    assert_eq!(older.next_entry().await.position, Position(1));
    assert_eq!(older.next_entry().await.position, Position(2));
    alice.append(&room, 3, b"three").await.unwrap();
    newer.nothing_comes().await;
}

#[tokio::test]
async fn subscribing_again_starts_again_at_the_cursor() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Running::start(folder.path()).await;
    let mut alice = Client::connect(&relay.address).await;
    let room = Room::open(&mut alice).await;
    for n in 1..=3 {
        alice.append(&room, n, &[n]).await.unwrap();
    }
    alice.subscribe(&room, &room.alice).await;
    for round in 0..3 {
        for n in 1..=3 {
            assert_eq!(
                alice.next_entry().await.position,
                Position(n),
                "round {round}"
            );
        }
        assert_eq!(
            alice.next_delivery().await,
            Delivered::CaughtUp(Position(3))
        );
        alice.resubscribe(&room, &room.alice).await.unwrap();
    }
    // Ending it is for good.
    let end = Command::Unsubscribe {
        channel: room.channel,
        subscriber: room.alice.public(),
    };
    assert_eq!(alice.ask(end.clone()).await, Ok(Reply::Done));
    assert_eq!(alice.ask(end).await, Err(RefusalCode::NotFound));
    assert_eq!(
        alice.resubscribe(&room, &room.alice).await,
        Err(RefusalCode::NotFound)
    );
}

#[tokio::test]
async fn a_deleted_channel_delivers_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Running::start(folder.path()).await;
    let mut alice = Client::connect(&relay.address).await;
    let room = Room::open(&mut alice).await;
    alice.append(&room, 1, b"x").await.unwrap();
    let mut bob = Client::connect(&relay.address).await;
    bob.subscribe(&room, &room.bob).await;
    assert_eq!(bob.next_entry().await.position, Position(1));
    assert_eq!(bob.next_delivery().await, Delivered::CaughtUp(Position(1)));
    let delete = Command::Delete {
        channel: room.channel,
        admin: room.admin.public(),
    };
    assert_eq!(alice.ask(delete).await, Ok(Reply::Done));
    assert_eq!(
        alice.append(&room, 2, b"x").await,
        Err(RefusalCode::NotFound)
    );
    assert_eq!(
        bob.resubscribe(&room, &room.bob).await,
        Err(RefusalCode::NotFound)
    );
    // Made anew it is another: with other subscribers, and Bob's old listening hears nothing.
    assert_eq!(alice.ask(room.create()).await, Ok(Reply::Done));
    alice.append(&room, 2, b"x").await.unwrap();
    bob.nothing_comes().await;
}

/// A client that stops reading is not read from either; its relay's memory does not grow, and
/// when it reads again nothing is missing.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_is_paused_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Running::with(Config::new(folder.path())).await;
    let mut alice = Client::connect(&relay.address).await;
    let room = Room::open(&mut alice).await;
    let mut bob = Client::connect(&relay.address).await;
    bob.subscribe(&room, &room.bob).await;
    // 100 entries of 200 kB, far more than the sockets hold, while Bob reads nothing.
    let body = vec![7; 200_000];
    for n in 0..100 {
        alice.append(&room, n, &body).await.unwrap();
    }
    let before = relay
        .metrics
        .delivered
        .load(std::sync::atomic::Ordering::Relaxed);
    assert!(
        before < 100,
        "all {before} were pushed into a socket that nobody reads"
    );
    assert_eq!(bob.next_delivery().await, Delivered::CaughtUp(Position(0)));
    for n in 1..=100 {
        let entry = bob.next_entry().await;
        assert_eq!(
            (entry.position, entry.body.len()),
            (Position(n), body.len())
        );
        bob.acknowledge(room.channel, room.bob.public(), n).await;
    }
}

#[tokio::test]
async fn a_connection_holds_many_channels() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Running::start(folder.path()).await;
    let mut alice = Client::connect(&relay.address).await;
    let mut rooms = Vec::new();
    for _ in 0..200 {
        let room = Room::open(&mut alice).await;
        alice.subscribe(&room, &room.alice).await;
        assert_eq!(
            alice.next_delivery_from().await,
            (room.channel, Delivered::CaughtUp(Position(0)))
        );
        rooms.push(room);
    }
    let mut waiting = std::collections::HashMap::new();
    for round in 0..3u8 {
        for room in &rooms {
            alice.request(room.chat(round, &[round])).await;
            *waiting.entry(room.channel).or_insert(0) += 1;
        }
    }
    let mut answered = 0;
    let mut seen: std::collections::HashMap<ChannelId, u8> = std::collections::HashMap::new();
    while answered < 600 || seen.values().map(|n| u32::from(*n)).sum::<u32>() < 600 {
        match hear(&mut alice.socket).await.unwrap() {
            RelayFrame::Reply { .. } => answered += 1,
            RelayFrame::Deliver {
                channel,
                delivered: Delivered::Entry(entry),
                ..
            } => {
                let before = seen.entry(channel).or_insert(0);
                assert_eq!(entry.body, [*before]);
                *before += 1;
            }
            other => panic!("{other:?}"),
        }
    }
}
