//! Rights: proven once, on this connection, for this channel; the answer tells nothing else.
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
use sotto_relay::Config;
use sotto_wire::*;

#[tokio::test]
async fn a_proof_is_good_on_its_own_connection_alone() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Running::start(folder.path()).await;
    let mut alice = Client::connect(&relay.address).await;
    let room = Room::open(&mut alice).await;
    let proof = alice
        .binding
        .prove(room.channel, Role::Writer, &room.writer);
    assert_eq!(alice.ask(proof.clone()).await, Ok(Reply::Done));

    // Replayed to another connection of the same relay, and to another relay.
    let elsewhere = tempfile::tempdir().unwrap();
    let other = Running::start(elsewhere.path()).await;
    for address in [&relay.address, &other.address] {
        let mut mallory = Client::connect(address).await;
        assert_eq!(mallory.ask(proof.clone()).await, Err(RefusalCode::BadProof));
        assert_eq!(
            mallory.append(&room, 1, b"forged").await,
            Err(RefusalCode::NotFound)
        );
    }
    // Changed in role, channel or key.
    let Command::Prove {
        channel,
        role,
        key,
        signature,
    } = proof
    else {
        panic!("no proof")
    };
    for changed in [
        Command::Prove {
            channel,
            role: Role::Admin,
            key,
            signature,
        },
        Command::Prove {
            channel: ChannelId([1; 16]),
            role,
            key,
            signature,
        },
        Command::Prove {
            channel,
            role,
            key: room.bob.public(),
            signature,
        },
    ] {
        assert_eq!(alice.ask(changed).await, Err(RefusalCode::BadProof));
    }
    assert_eq!(
        alice.append(&room, 1, b"real").await.unwrap().position,
        Position(1)
    );
}

/// Every command by somebody who has proven keys of their own, but has no right in the channel;
/// then by somebody who has proven nothing; then in a channel that does not exist. One answer.
#[tokio::test]
async fn without_the_right_nothing_can_be_learnt() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Running::start(folder.path()).await;
    let mut alice = Client::connect(&relay.address).await;
    let room = Room::open(&mut alice).await;
    let mine = key(9);
    let commands = |channel, key: sotto_suite::sign::PublicKey| {
        vec![
            Command::Append {
                channel,
                writer: key,
                lane: Lane::Chat,
                append: AppendId([1; 16]),
                handshakes: 0,
                body: vec![],
                subscribers: vec![],
                fence: false,
            },
            Command::Append {
                channel,
                writer: key,
                lane: Lane::Ephemeral,
                append: AppendId([1; 16]),
                handshakes: 0,
                body: vec![],
                subscribers: vec![],
                fence: false,
            },
            Command::Subscribe {
                channel,
                subscriber: key,
            },
            Command::Unsubscribe {
                channel,
                subscriber: key,
            },
            Command::SetWriter {
                channel,
                admin: key,
                writer: key,
                card: None,
            },
            Command::RevokeWriter {
                channel,
                admin: key,
                writer: key,
            },
            Command::FetchCard {
                channel,
                writer: key,
            },
            Command::Deposit {
                channel,
                admin: key,
                slot: SlotId([1; 16]),
                packages: vec![],
                last_resort: None,
            },
            Command::PoolStatus {
                channel,
                admin: key,
            },
            Command::Take {
                channel,
                writer: key,
                slots: vec![SlotId([1; 16])],
            },
            Command::Delete {
                channel,
                admin: key,
            },
        ]
    };
    let mut mallory = Client::connect(&relay.address).await;
    let nowhere = ChannelId([0x77; 16]);
    for channel in [room.channel, nowhere] {
        for role in [Role::Writer, Role::Subscriber, Role::Admin] {
            mallory.prove(channel, role, &mine).await;
        }
        for command in commands(channel, mine.public()) {
            let refusal = mallory.ask_fully(command.clone()).await.unwrap_err();
            let expected = Refusal {
                code: RefusalCode::NotFound,
                retry_after_ms: None,
                handshakes: None,
            };
            assert_eq!(refusal, expected, "{command:?}");
        }
    }
    // Naming the right keys without having proven them.
    for key in [&room.writer, &room.alice, &room.admin] {
        for command in commands(room.channel, key.public()) {
            assert_eq!(mallory.ask(command).await, Err(RefusalCode::NotFound));
        }
    }
    assert_eq!(mallory.ask(room.create()).await, Err(RefusalCode::NotFound));
    // A proof for one role is none for another.
    mallory
        .prove(room.channel, Role::Subscriber, &room.writer)
        .await;
    assert_eq!(
        mallory.append(&room, 1, b"").await,
        Err(RefusalCode::NotFound)
    );
    assert_eq!(
        alice.append(&room, 1, b"").await.unwrap().position,
        Position(1)
    );
}

#[tokio::test]
async fn a_revoked_writer_is_refused_from_that_moment() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Running::start(folder.path()).await;
    let mut alice = Client::connect(&relay.address).await;
    let room = Room::open(&mut alice).await;
    let mut bob = Client::connect(&relay.address).await;
    bob.prove(room.channel, Role::Writer, &room.writer).await;
    bob.append(&room, 1, b"").await.unwrap();
    let (admin, writer) = (room.admin.public(), room.writer.public());
    let revoke = Command::RevokeWriter {
        channel: room.channel,
        admin,
        writer,
    };
    assert_eq!(alice.ask(revoke).await, Ok(Reply::Done));
    assert_eq!(bob.append(&room, 2, b"").await, Err(RefusalCode::NotFound));
    let signal = room.entry(Lane::Ephemeral, 3, 0, b"");
    assert_eq!(bob.ask(signal).await, Err(RefusalCode::NotFound));
}

#[tokio::test]
async fn requests_that_break_a_rule_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Running::start(folder.path()).await;
    let mut client = Client::connect(&relay.address).await;
    let room = Room::open(&mut client).await;
    let with = |change: fn(&mut Command)| {
        let mut command = room.chat(1, b"x");
        change(&mut command);
        command
    };
    for (command, code) in [
        (
            with(|command| {
                let Command::Append { body, .. } = command else {
                    return;
                };
                *body = vec![0; limits::MAX_ENTRY + 1];
            }),
            RefusalCode::TooLarge,
        ),
        (
            with(|command| {
                let Command::Append { fence, .. } = command else {
                    return;
                };
                *fence = true;
            }),
            RefusalCode::Malformed,
        ),
        (
            with(|command| {
                let Command::Append {
                    subscribers, lane, ..
                } = command
                else {
                    return;
                };
                *subscribers = vec![key(1).public()];
                *lane = Lane::Ephemeral;
            }),
            RefusalCode::Malformed,
        ),
        (
            Command::SetWriter {
                channel: room.channel,
                admin: room.admin.public(),
                writer: key(1).public(),
                card: Some(vec![0; limits::MAX_CARD + 1]),
            },
            RefusalCode::TooLarge,
        ),
        (
            Command::Deposit {
                channel: room.channel,
                admin: room.admin.public(),
                slot: SlotId([1; 16]),
                packages: vec![vec![0; limits::MAX_PACKAGE + 1].into()],
                last_resort: None,
            },
            RefusalCode::TooLarge,
        ),
    ] {
        assert_eq!(client.ask(command).await, Err(code));
    }
    // A command of a later version: [1, {0: 500, 1: [99, {}]}].
    let unknown = [
        0x82, 0x01, 0xa2, 0x00, 0x19, 0x01, 0xf4, 0x01, 0x82, 0x18, 0x63, 0xa0,
    ];
    say_bytes(&mut client.socket, unknown.to_vec()).await;
    match client.answer().await {
        Some(RelayFrame::Refused { id: 500, refusal }) => {
            assert_eq!(refusal.code, RefusalCode::Malformed);
        }
        other => panic!("{other:?}"),
    }
    // The connection is as good as before, and the largest entry fits.
    let stood = client
        .append(&room, 9, &vec![7; limits::MAX_ENTRY])
        .await
        .unwrap();
    assert_eq!(stood.position, Position(1));
}

#[tokio::test]
async fn frames_that_can_not_be_answered_end_the_connection() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Running::start(folder.path()).await;
    let room = Room::new();
    let acknowledge = ClientFrame::Acknowledge {
        channel: room.channel,
        subscriber: room.alice.public(),
        position: Position(1),
    };
    for (bytes, code) in [
        (vec![0xff], RefusalCode::Malformed),
        (vec![0x82, 0x07, 0xa0], RefusalCode::Malformed),
        (encode(&acknowledge), RefusalCode::Unexpected),
        (vec![0; limits::MAX_FRAME + 1], RefusalCode::TooLarge),
    ] {
        let mut client = Client::connect(&relay.address).await;
        say_bytes(&mut client.socket, bytes).await;
        assert_eq!(hear_closing(&mut client.socket).await, code);
    }
    // The others are not concerned.
    let mut client = Client::connect(&relay.address).await;
    Room::open(&mut client).await;
}

#[tokio::test]
async fn too_fast_is_refused_with_a_time_to_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::new(folder.path());
    config.limits.rates.requests_per_second = 50;
    let relay = Running::with(config).await;
    let mut client = Client::connect(&relay.address).await;
    let room = Room::open(&mut client).await;
    let mut refused = None;
    for n in 0..100 {
        client.request(room.chat(n, b"x")).await;
    }
    for _ in 0..100 {
        match client.answer().await.unwrap() {
            RelayFrame::Reply { .. } => {}
            RelayFrame::Refused { refusal, .. } => refused = Some(refusal),
            other => panic!("{other:?}"),
        }
    }
    let refusal = refused.expect("a hundred requests at once on fifty a second");
    assert_eq!(refusal.code, RefusalCode::TooFast);
    let wait = refusal.retry_after_ms.unwrap();
    assert!((1..1000).contains(&wait), "{wait}");
    tokio::time::sleep(std::time::Duration::from_millis(u64::from(wait) + 300)).await;
    client.append(&room, 200, b"x").await.unwrap();
    // Acknowledgements can't be refused: a flood of them ends the connection.
    client.subscribe(&room, &room.alice).await;
    let mut cut = false;
    for n in 0..500 {
        let frame = ClientFrame::Acknowledge {
            channel: room.channel,
            subscriber: room.alice.public(),
            position: Position(n),
        };
        let message = tokio_tungstenite::tungstenite::Message::Binary(encode(&frame).into());
        cut |= futures_util::SinkExt::send(&mut client.socket, message)
            .await
            .is_err();
    }
    let closed = async {
        loop {
            match hear(&mut client.socket).await {
                Some(RelayFrame::Closing(refusal)) => return Some(refusal.code),
                Some(_) => {}
                None => return None,
            }
        }
    };
    let closed = closed.await;
    assert!(closed == Some(RefusalCode::TooFast) || cut, "{closed:?}");
}
