//! Every frame of the wire's vectors, abused: cut, too long, repeated, too early, without the right.
//!
//! The tables are the vectors themselves, and the expectations are matches without a wildcard: a
//! new frame does not compile before somebody has said what becomes of its abuse.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests stop at the first surprise"
)]

mod common;

use std::collections::BTreeSet;

use common::*;
use sotto_wire::*;

/// Name, bytes and meaning of every frame that a client can send.
fn vectors() -> Vec<(String, Vec<u8>, ClientFrame)> {
    include_str!("../../wire/tests/vectors/client.txt")
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            let (name, bytes) = line.split_once(' ').unwrap();
            let bytes = hex::decode(bytes).unwrap();
            let frame = decode(&bytes, limits::MAX_FRAME).unwrap();
            (name.to_owned(), bytes, frame)
        })
        .collect()
}

/// What a request is answered that comes from nobody in particular.
fn without_right(command: &Command) -> RefusalCode {
    match command {
        Command::Prove { .. } => RefusalCode::BadProof,
        Command::Create { .. }
        | Command::Append { .. }
        | Command::Subscribe { .. }
        | Command::Unsubscribe { .. }
        | Command::SetWriter { .. }
        | Command::RevokeWriter { .. }
        | Command::FetchCard { .. }
        | Command::Deposit { .. }
        | Command::PoolStatus { .. }
        | Command::Take { .. }
        | Command::Delete { .. }
        | Command::KeepBlob { .. }
        | Command::DeleteBlob { .. } => RefusalCode::NotFound,
    }
}

#[test]
fn the_vectors_leave_no_command_out() {
    let number = |frame: &ClientFrame| match frame {
        ClientFrame::Request { command, .. } => {
            without_right(command);
            // [1, {0: id, 1: [number, …]}]
            let bytes = encode(command);
            Some(u32::from(bytes[1]))
        }
        ClientFrame::Hello(_) | ClientFrame::Acknowledge { .. } => None,
    };
    let seen: BTreeSet<_> = vectors()
        .iter()
        .filter_map(|(_, _, frame)| number(frame))
        .collect();
    assert_eq!(seen, (0..=13).collect());
    // The next number is nobody's yet: whoever takes it adds a vector, and this number.
    let next = [0x82, 14, 0xa0];
    assert_eq!(decode::<Command>(&next, 10), Err(DecodeError::Unknown));
}

#[tokio::test]
async fn a_frame_cut_at_any_byte_ends_the_connection() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Running::plain(folder.path()).await;
    let mut cuts = 0;
    for (name, bytes, frame) in vectors() {
        for cut in 0..bytes.len() {
            let mut socket = match frame {
                ClientFrame::Hello(_) => open(&relay.address, None).await.unwrap().0,
                _ => Client::connect(&relay.address).await.socket,
            };
            say_bytes(&mut socket, bytes[..cut].to_vec()).await;
            let code = hear_closing(&mut socket).await;
            assert_eq!(code, RefusalCode::Malformed, "{name} cut at {cut}");
            cuts += 1;
        }
    }
    assert!(cuts > 1500, "only {cuts} cuts");
}

#[tokio::test]
async fn a_frame_that_is_too_long_ends_the_connection() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Running::plain(folder.path()).await;
    for (name, bytes, frame) in vectors() {
        let most = match frame {
            ClientFrame::Hello(_) => limits::MAX_HELLO,
            _ => limits::MAX_FRAME,
        };
        for (len, expected) in [
            (bytes.len() + 1, RefusalCode::Malformed),
            (most, RefusalCode::Malformed),
            (most + 1, RefusalCode::TooLarge),
        ] {
            let mut socket = match frame {
                ClientFrame::Hello(_) => open(&relay.address, None).await.unwrap().0,
                _ => Client::connect(&relay.address).await.socket,
            };
            let mut long = bytes.clone();
            long.resize(len, 0);
            say_bytes(&mut socket, long).await;
            let code = hear_closing(&mut socket).await;
            assert_eq!(code, expected, "{name} of {len} bytes");
        }
    }
}

#[tokio::test]
async fn before_the_hello_and_after_it_each_frame_has_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Running::plain(folder.path()).await;
    for (name, bytes, frame) in vectors() {
        let mut socket = match frame {
            // A second hello.
            ClientFrame::Hello(_) => Client::connect(&relay.address).await.socket,
            // Before any.
            ClientFrame::Request { .. } | ClientFrame::Acknowledge { .. } => {
                open(&relay.address, None).await.unwrap().0
            }
        };
        say_bytes(&mut socket, bytes).await;
        let code = hear_closing(&mut socket).await;
        assert_eq!(code, RefusalCode::Unexpected, "{name}");
    }
}

#[tokio::test]
async fn without_the_right_a_frame_is_refused_and_again_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Running::plain(folder.path()).await;
    for (name, bytes, frame) in vectors() {
        let mut client = Client::connect(&relay.address).await;
        match frame {
            ClientFrame::Hello(_) => continue,
            ClientFrame::Acknowledge { .. } => {
                say_bytes(&mut client.socket, bytes).await;
                let code = hear_closing(&mut client.socket).await;
                assert_eq!(code, RefusalCode::Unexpected, "{name}");
            }
            ClientFrame::Request { id, command } => {
                let expected = RelayFrame::Refused {
                    id,
                    refusal: Refusal {
                        code: without_right(&command),
                        retry_after_ms: None,
                        handshakes: None,
                    },
                };
                for _ in 0..3 {
                    say_bytes(&mut client.socket, bytes.clone()).await;
                    assert_eq!(client.answer().await, Some(expected.clone()), "{name}");
                }
                // The connection is good for what it has a right to.
                Room::open(&mut client).await;
            }
        }
    }
}

/// With the right, a request that comes twice does no more than one that comes once, or is refused.
#[tokio::test]
async fn a_frame_that_is_replayed_does_nothing_more() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Running::plain(folder.path()).await;
    let mut client = Client::connect(&relay.address).await;
    let room = Room::open(&mut client).await;
    client
        .prove(room.channel, Role::Subscriber, &room.alice)
        .await;
    client
        .prove(room.channel, Role::Subscriber, &room.bob)
        .await;
    let owner = key(5);
    let blob = BlobId([0xb1; 16]);
    let (channel, admin, writer) = (room.channel, room.admin.public(), room.writer.public());
    let slot = SlotId([1; 16]);
    let alice = room.alice.public();
    let appended = |position| {
        let again = position;
        move |reply: &Reply| matches!(reply, Reply::Appended(at) if at.position == Position(again))
    };
    type Fits = Box<dyn Fn(&Reply) -> bool>;
    let done = || -> Fits { Box::new(|reply| *reply == Reply::Done) };
    // A command, what it is answered, and what the same is answered when it comes again.
    let table: Vec<(Command, Fits, Result<Fits, RefusalCode>)> = vec![
        (client.binding.prove_owner(blob, &owner), done(), Ok(done())),
        (room.create(), done(), Ok(done())),
        (
            room.chat(1, b"once"),
            Box::new(appended(1)),
            Ok(Box::new(appended(1))),
        ),
        (
            room.entry(Lane::Handshake, 2, 0, b"once"),
            Box::new(appended(2)),
            Ok(Box::new(appended(2))),
        ),
        (
            room.entry(Lane::Ephemeral, 3, 0, b"typing"),
            Box::new(appended(2)),
            Ok(Box::new(appended(2))),
        ),
        (
            Command::Subscribe {
                channel,
                subscriber: alice,
            },
            Box::new(|reply| matches!(reply, Reply::Subscribed(at) if at.head == Position(2))),
            Ok(Box::new(
                |reply| matches!(reply, Reply::Subscribed(at) if at.head == Position(2)),
            )),
        ),
        (
            Command::Unsubscribe {
                channel,
                subscriber: alice,
            },
            done(),
            Err(RefusalCode::NotFound),
        ),
        (
            Command::SetWriter {
                channel,
                admin,
                writer,
                card: Some(b"card".to_vec()),
            },
            done(),
            Ok(done()),
        ),
        (
            Command::FetchCard { channel, writer },
            Box::new(|reply| *reply == Reply::Card(b"card".to_vec())),
            Ok(Box::new(|reply| *reply == Reply::Card(b"card".to_vec()))),
        ),
        (
            Command::Deposit {
                channel,
                admin,
                slot,
                packages: vec![],
                last_resort: Some(b"last".to_vec()),
            },
            done(),
            Ok(done()),
        ),
        (
            Command::PoolStatus { channel, admin },
            Box::new(|reply| matches!(reply, Reply::Pool(slots) if slots.len() == 1)),
            Ok(Box::new(
                |reply| matches!(reply, Reply::Pool(slots) if slots.len() == 1),
            )),
        ),
        (
            Command::Take {
                channel,
                writer,
                slots: vec![slot],
            },
            Box::new(|reply| matches!(reply, Reply::Taken(offers) if offers[0].last_resort)),
            Ok(Box::new(
                |reply| matches!(reply, Reply::Taken(offers) if offers[0].last_resort),
            )),
        ),
        (
            Command::KeepBlob {
                blob,
                owner: owner.public(),
                upload: [1; 32],
                size: limits::MIN_BLOB,
                hours: 1,
            },
            Box::new(|reply| matches!(reply, Reply::Blob(state) if state.received == 0)),
            Ok(Box::new(
                |reply| matches!(reply, Reply::Blob(state) if state.received == 0),
            )),
        ),
        (
            Command::DeleteBlob {
                blob,
                owner: owner.public(),
            },
            done(),
            Err(RefusalCode::NotFound),
        ),
        (
            Command::RevokeWriter {
                channel,
                admin,
                writer,
            },
            done(),
            Ok(done()),
        ),
        (
            Command::Delete { channel, admin },
            done(),
            Err(RefusalCode::NotFound),
        ),
    ];
    let kinds: BTreeSet<u8> = table
        .iter()
        .map(|(command, ..)| encode(command)[1])
        .collect();
    assert_eq!(kinds, (0..=13).collect(), "a command is left out");
    for (command, first, again) in table {
        let reply = client.ask(command.clone()).await.unwrap();
        assert!(first(&reply), "{command:?}: {reply:?}");
        match (client.ask(command.clone()).await, again) {
            (Ok(reply), Ok(fits)) => assert!(fits(&reply), "{command:?} again: {reply:?}"),
            (answer, Err(code)) => assert_eq!(answer, Err(code), "{command:?} again"),
            (Err(code), Ok(_)) => panic!("{command:?} again: {code:?}"),
        }
    }
}

#[tokio::test]
async fn a_signature_holds_for_one_relay_one_role_and_all_its_bits() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Running::plain(folder.path()).await;
    let elsewhere = tempfile::tempdir().unwrap();
    let other = Running::plain(elsewhere.path()).await;
    let mut client = Client::connect(&relay.address).await;
    let mut there = Client::connect(&other.address).await;
    let channel = ChannelId([7; 16]);
    let roles = [Role::Writer, Role::Subscriber, Role::Admin, Role::Owner];
    for role in roles {
        let good = client.binding.prove(channel, role, &key(1));
        let Command::Prove { key, signature, .. } = good.clone() else {
            panic!("no proof")
        };
        assert_eq!(
            there.ask(good.clone()).await,
            Err(RefusalCode::BadProof),
            "made for another relay"
        );
        let claim = |role, signature| Command::Prove {
            channel,
            role,
            key,
            signature,
        };
        for bit in 0..512 {
            let mut signature = signature;
            signature.0[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(
                client.ask(claim(role, signature)).await,
                Err(RefusalCode::BadProof),
                "{role:?}, bit {bit}"
            );
        }
        for other in roles.into_iter().filter(|other| *other != role) {
            assert_eq!(
                client.ask(claim(other, signature)).await,
                Err(RefusalCode::BadProof)
            );
        }
        assert_eq!(client.ask(good).await, Ok(Reply::Done));
    }
}
