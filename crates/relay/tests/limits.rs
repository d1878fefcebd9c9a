//! Limits and abuse: whatever somebody does, the relay stays small, answers the others, and says
//! when to come back.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests stop at the first surprise"
)]

mod common;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use common::http::http;
use common::*;
use sotto_relay::Config;
use sotto_suite::sign::SigningKey;
use sotto_suite::{RandomExt as _, SystemRandom};
use sotto_wire::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

/// Patience that no test needs when all is well.
const LONG: Duration = Duration::from_secs(20);

/// Counts this machine by its addresses in 127.0.0.0/8, and cuts nobody off by time.
fn config(folder: &Path) -> Config {
    let mut config = Config::new(folder);
    config.plain = true;
    config.limits.addresses.loopback = true;
    config.limits.handshake = Duration::from_secs(600);
    config
}

/// A TCP connection that comes from 127.0.0.`from`.
async fn tcp(address: &RelayAddress, from: u8) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket
        .bind(SocketAddr::from(([127, 0, 0, from], 0)))
        .unwrap();
    let to = SocketAddr::from(([127, 0, 0, 1], address.port));
    socket.connect(to).await.unwrap()
}

/// Has the relay closed it, without a word? It has no other reason to, so this is no race: a
/// connection that it keeps stays open, and then this waits in vain.
async fn turned_away(stream: &mut TcpStream) -> bool {
    let mut byte = [0];
    let read = tokio::time::timeout(LONG, stream.read(&mut byte)).await;
    matches!(read, Ok(Ok(0) | Err(_)))
}

/// Does the relay answer on it? HTTP, so that the connection is settled neither way.
async fn answers(stream: &mut TcpStream) -> bool {
    let asked = stream.write_all(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n");
    if asked.await.is_err() {
        return false;
    }
    let mut answer = [0; 12];
    let read = tokio::time::timeout(LONG, stream.read_exact(&mut answer)).await;
    matches!(read, Ok(Ok(_))) && &answer == b"HTTP/1.1 200"
}

/// A place becomes free again.
async fn comes_free(address: &RelayAddress, from: u8) -> TcpStream {
    let free = async {
        loop {
            let mut stream = tcp(address, from).await;
            if answers(&mut stream).await {
                return stream;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(LONG, free).await.expect("no place")
}

/// A client that comes from there, with its hello complete.
async fn client(address: &RelayAddress, from: u8) -> Client {
    let stream: Box<dyn Stream> = Box::new(tcp(address, from).await);
    Client::over(address, stream, TransportEnds::NONE).await
}

#[tokio::test]
async fn beyond_an_addresses_share_connections_are_closed_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    config.limits.addresses.connections = 3;
    let relay = Running::with(config).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(client(&relay.address, 2).await);
    }
    for _ in 0..20 {
        assert!(turned_away(&mut tcp(&relay.address, 2).await).await);
    }
    assert_eq!(relay.metrics.turned_away.load(Ordering::Relaxed), 20);
    // Others are served, and those that were there still are.
    let _other = client(&relay.address, 3).await;
    for client in &mut held {
        Room::open(client).await;
    }
    held.pop();
    comes_free(&relay.address, 2).await;
}

#[tokio::test]
async fn half_open_connections_have_a_share_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    config.limits.addresses.half_open = 2;
    let relay = Running::with(config).await;
    // Who has said hello is no longer half open.
    let mut held = Vec::new();
    for _ in 0..5 {
        held.push(client(&relay.address, 2).await);
    }
    let mut silent = [tcp(&relay.address, 2).await, tcp(&relay.address, 2).await];
    assert!(turned_away(&mut tcp(&relay.address, 2).await).await);
    let _other = client(&relay.address, 3).await;
    // HTTP alone, and a WebSocket without a hello, stay half open.
    assert!(answers(&mut silent[0]).await);
    assert!(turned_away(&mut tcp(&relay.address, 2).await).await);
    drop(silent);
    comes_free(&relay.address, 2).await;
}

#[tokio::test]
async fn all_connections_together_are_bounded_and_nobody_waits() {
    let folder = tempfile::tempdir().unwrap();
    for half_open in [false, true] {
        let mut config = config(folder.path());
        if half_open {
            config.limits.half_open = 4;
        } else {
            config.limits.connections = 4;
        }
        let relay = Running::with(config).await;
        let mut held = Vec::new();
        for from in 2..6 {
            held.push(tcp(&relay.address, from).await);
        }
        for from in 2..12 {
            assert!(turned_away(&mut tcp(&relay.address, from).await).await);
        }
        // A flood does not keep the places: with one gone, the next is let in.
        held.pop();
        comes_free(&relay.address, 20).await;
        drop(held);
        relay.stop().await;
    }
}

#[tokio::test]
async fn behind_a_proxy_nobody_is_counted_by_address() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    config.limits.addresses.connections = 1;
    config.limits.addresses.counted = false;
    let relay = Running::with(config).await;
    let _held = [
        client(&relay.address, 2).await,
        client(&relay.address, 2).await,
    ];
}

/// Proves and creates, all sent without waiting; how many were made, and the last refusal.
async fn create_many(client: &mut Client, count: usize) -> (usize, Option<Refusal>) {
    let (mut made, mut last) = (0, None);
    for _ in 0..count / 50 {
        for _ in 0..50 {
            let room = Room::new();
            let proof = client.binding.prove(room.channel, Role::Admin, &room.admin);
            client.request(proof).await;
            client.request(room.create()).await;
        }
        for n in 0..100 {
            match client.answer().await.unwrap() {
                // Answers of proofs come at once, those of channels when they are durable.
                RelayFrame::Reply { .. } => made += 1,
                RelayFrame::Refused { refusal, .. } => last = Some(refusal),
                other => panic!("{n}: {other:?}"),
            }
        }
    }
    (made - count, last)
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_channels_from_one_address_are_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    // Four connections try; together they get what their address may have.
    config.limits.rates.channels_per_hour = 400;
    config.limits.addresses.rates.channels_per_hour = 1000;
    config.limits.rates.requests_per_second = 1_000_000;
    config.limits.addresses.rates.requests_per_second = 1_000_000;
    let relay = Running::with(config).await;
    let mut all = 0;
    for connection in 0..4 {
        let mut mallory = client(&relay.address, 2).await;
        let (made, refusal) = create_many(&mut mallory, 2500).await;
        all += made;
        let refusal = refusal.expect("more than its share");
        assert_eq!(refusal.code, RefusalCode::Quota);
        let wait = refusal.retry_after_ms.expect("when to come back");
        // One of 400, or of 1000, an hour.
        assert!((1..=9000).contains(&wait), "{wait}");
        let share = if connection < 2 { 400 } else { 200 };
        assert!(made <= share + 10, "{made} on connection {connection}");
    }
    // What comes back while the test runs is little.
    assert!((1000..1100).contains(&all), "{all}");
    let mut alice = client(&relay.address, 3).await;
    Room::open(&mut alice).await;
}

#[tokio::test]
async fn channels_in_all_are_bounded_and_deleting_makes_room() {
    let folder = tempfile::tempdir().unwrap();
    let limited = |folder: &Path| {
        let mut config = config(folder);
        config.store.channels = 3;
        config
    };
    let relay = Running::with(limited(folder.path())).await;
    let mut alice = client(&relay.address, 2).await;
    let mut rooms = Vec::new();
    for _ in 0..3 {
        rooms.push(Room::open(&mut alice).await);
    }
    let one_more = async |client: &mut Client| {
        let room = Room::new();
        client.prove(room.channel, Role::Admin, &room.admin).await;
        client.ask_fully(room.create()).await
    };
    let refusal = one_more(&mut alice).await.unwrap_err();
    assert_eq!(refusal.code, RefusalCode::Quota);
    assert!(refusal.retry_after_ms.is_some());
    // What is there already is answered as ever.
    assert_eq!(alice.ask(rooms[0].create()).await, Ok(Reply::Done));
    drop(alice);
    relay.stop().await;
    // Counted again after a start.
    let relay = Running::with(limited(folder.path())).await;
    let mut alice = client(&relay.address, 2).await;
    assert!(one_more(&mut alice).await.is_err());
    let room = &rooms[0];
    alice.prove(room.channel, Role::Admin, &room.admin).await;
    let delete = Command::Delete {
        channel: room.channel,
        admin: room.admin.public(),
    };
    assert_eq!(alice.ask(delete).await, Ok(Reply::Done));
    assert_eq!(one_more(&mut alice).await, Ok(Reply::Done));
}

#[tokio::test]
async fn bytes_and_requests_have_a_pace_for_a_connection_and_an_address() {
    let folder = tempfile::tempdir().unwrap();
    for address in [false, true] {
        for bytes in [false, true] {
            let mut config = config(folder.path());
            let rates = if address {
                &mut config.limits.addresses.rates
            } else {
                &mut config.limits.rates
            };
            if bytes {
                rates.bytes_per_second = 1;
            } else {
                rates.requests_per_second = 100;
            }
            let relay = Running::with(config).await;
            let mut refused = None;
            // Over two connections, so that neither alone is over its share.
            for _ in 0..2 {
                let mut mallory = client(&relay.address, 2).await;
                let room = Room::open(&mut mallory).await;
                for n in 0..if bytes { 1 } else { 60 } {
                    let body = vec![0; if bytes { limits::MAX_ENTRY } else { 0 }];
                    mallory.request(room.chat(n, &body)).await;
                }
                if !address {
                    for n in 60..if bytes { 61 } else { 160 } {
                        let body = vec![0; if bytes { limits::MAX_ENTRY } else { 0 }];
                        mallory.request(room.chat(n, &body)).await;
                    }
                }
                // In order: when this is answered or refused, all before it is.
                let last = mallory.request(room.chat(250, b"")).await;
                loop {
                    match mallory.answer().await.unwrap() {
                        RelayFrame::Reply { id, .. } if id == last => break,
                        RelayFrame::Refused { refusal, id } => {
                            refused = Some(refusal);
                            if id == last {
                                break;
                            }
                        }
                        _ => {}
                    }
                }
            }
            let refusal = refused.unwrap_or_else(|| panic!("{address} {bytes}"));
            assert_eq!(refusal.code, RefusalCode::TooFast, "{address} {bytes}");
            assert!(refusal.retry_after_ms.is_some());
            // Another address is not concerned.
            let mut alice = client(&relay.address, 3).await;
            Room::open(&mut alice).await;
            drop(alice);
            relay.stop().await;
        }
    }
}

#[tokio::test]
async fn blobs_of_an_address_are_bounded_and_asking_again_is_free() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    config.limits.addresses.rates.blob_bytes_per_hour = 1 << 20;
    config.limits.addresses.fetch_bytes_per_hour = 1 << 20;
    let relay = Running::with(config).await;
    let upload = UploadKey::random(&mut SystemRandom::new());
    let keep = async |client: &mut Client, blob: u8| {
        let owner = key(blob);
        let blob = BlobId([blob; 16]);
        client
            .ask(client.binding.prove_owner(blob, &owner))
            .await
            .unwrap();
        client
            .ask_fully(Command::KeepBlob {
                blob,
                owner: owner.public(),
                upload: upload.hash(),
                size: 512 << 10,
                hours: 1,
            })
            .await
    };
    let mut mallory = client(&relay.address, 2).await;
    for _ in 0..5 {
        keep(&mut mallory, 1).await.unwrap();
    }
    let mut second = client(&relay.address, 2).await;
    keep(&mut second, 2).await.unwrap();
    let refusal = keep(&mut second, 3).await.unwrap_err();
    assert_eq!(refusal.code, RefusalCode::Quota);
    // Half of an hour's share.
    let wait = refusal.retry_after_ms.unwrap();
    assert!((1_700_000..=1_800_000).contains(&wait), "{wait}");
    let mut alice = client(&relay.address, 3).await;
    keep(&mut alice, 4).await.unwrap();

    // Fetching the same again and again has an end, too.
    let authorization = upload.authorization();
    let path = blob_path(&BlobId([1; 16]));
    let body = vec![1; 512 << 10];
    let headers = [("authorization", &*authorization), ("upload-offset", "0")];
    let put = http(&relay.address, "PATCH", &path, &headers, &body).await;
    assert_eq!(put.status, 204);
    for _ in 0..2 {
        let whole = http(&relay.address, "GET", &path, &[], b"").await;
        assert_eq!((whole.status, whole.body.len()), (200, 512 << 10));
    }
    let enough = http(&relay.address, "GET", &path, &[], b"").await;
    assert_eq!(enough.status, 429);
    assert_eq!(enough.refusal().code, RefusalCode::TooFast);
    let seconds: u32 = enough.header("retry-after").unwrap().parse().unwrap();
    assert!((1_700..=1_800).contains(&seconds), "{seconds}");
}

/// A header that promises more than is allowed ends the connection before anything is kept for it.
#[tokio::test]
async fn frames_that_lie_about_their_size_are_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Running::with(config(folder.path())).await;
    for hello in [false, true] {
        for claimed in [limits::MAX_FRAME as u64 + 1, 1 << 40, u64::MAX >> 1] {
            let mut socket = if hello {
                client(&relay.address, 2).await.socket
            } else {
                open(&relay.address, None).await.unwrap().0
            };
            // FIN and binary; masked, length in eight bytes; the mask; one byte of all.
            let mut lie = vec![0x82, 0xff];
            lie.extend_from_slice(&claimed.to_be_bytes());
            lie.extend_from_slice(&[0, 0, 0, 0, 1]);
            socket.get_mut().write_all(&lie).await.unwrap();
            socket.get_mut().flush().await.unwrap();
            assert_eq!(hear_closing(&mut socket).await, RefusalCode::TooLarge);
        }
    }
    // In pieces: each small, all together too large.
    let mut socket = client(&relay.address, 2).await.socket;
    let piece = vec![0; 65_000];
    for n in 0..6u8 {
        let mut frame = vec![if n == 0 { 0x02 } else { 0x00 }, 0xfe];
        frame.extend_from_slice(&65_000u16.to_be_bytes());
        frame.extend_from_slice(&[0; 4]);
        frame.extend_from_slice(&piece);
        if socket.get_mut().write_all(&frame).await.is_err() {
            break;
        }
    }
    let _ = socket.get_mut().flush().await;
    assert_eq!(hear_closing(&mut socket).await, RefusalCode::TooLarge);
}

#[tokio::test]
async fn no_address_reaches_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Running::with(config(folder.path())).await;
    let mut alice = client(&relay.address, 97).await;
    let room = Room::open(&mut alice).await;
    alice.append(&room, 1, b"hello").await.unwrap();
    let owner = SigningKey::from_seed(&SystemRandom::new().secret());
    let blob = BlobId(SystemRandom::new().bytes());
    alice
        .ask(alice.binding.prove_owner(blob, &owner))
        .await
        .unwrap();
    alice
        .ask(Command::KeepBlob {
            blob,
            owner: owner.public(),
            upload: [1; 32],
            size: limits::MIN_BLOB,
            hours: 1,
        })
        .await
        .unwrap();
    drop(alice);
    relay.stop().await;
    let mut folders = vec![folder.path().to_path_buf()];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = std::fs::read(&path).unwrap();
            for address in [&b"127.0.0.97"[..], &[127, 0, 0, 97]] {
                let found = bytes.windows(address.len()).any(|window| window == address);
                assert!(!found, "{path:?}");
            }
            files += 1;
        }
    }
    assert!(files >= 3, "only {files} files");
}
