//! The hello: who is who, which version, and everything that is no hello.
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
use futures_util::{SinkExt as _, StreamExt as _};
use sotto_relay::Config;
use sotto_wire::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_tungstenite::tungstenite::{self, Message};

fn client_hello() -> ClientHello {
    ClientHello {
        versions: vec![1],
        nonce: Nonce([1; 32]),
        token: None,
    }
}

#[tokio::test]
async fn the_relay_proves_its_identity_on_this_connection() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Running::start(folder.path()).await;
    let one = Client::connect(&relay.address).await;
    let two = Client::connect(&relay.address).await;
    assert_eq!(one.binding.relay, two.binding.relay);
    assert_ne!(one.binding.relay_nonce, two.binding.relay_nonce);
    assert_ne!(one.binding.exporter, two.binding.exporter);
    assert_ne!(one.binding.certificate, [0; 32]);

    // The same relay after a restart, on another port, with another certificate.
    drop((one, two));
    let identity = relay.address.identity;
    relay.stop().await;
    std::fs::remove_file(folder.path().join("certificate")).unwrap();
    let relay = Running::start(folder.path()).await;
    assert_eq!(relay.address.identity, identity);
    Client::connect(&relay.address).await;

    // Another relay is not this one, whatever it says.
    let elsewhere = tempfile::tempdir().unwrap();
    let other = Running::start(elsewhere.path()).await;
    let (mut socket, ends) = open(&other.address, None).await.unwrap();
    say(&mut socket, &ClientFrame::Hello(client_hello())).await;
    let Some(RelayFrame::Hello(hello)) = hear(&mut socket).await else {
        panic!("no hello")
    };
    let verified = hello.verify(
        &relay.address,
        &Nonce([1; 32]),
        &ends.certificate,
        &ends.exporter,
    );
    assert_eq!(verified.map(|_| ()), Err(HelloError::OtherRelay));
}

#[tokio::test]
async fn the_newest_common_version_is_chosen_or_none() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Running::start(folder.path()).await;
    let (mut socket, _) = open(&relay.address, None).await.unwrap();
    let hello = ClientHello {
        versions: vec![9, 3, 1],
        ..client_hello()
    };
    say(&mut socket, &ClientFrame::Hello(hello)).await;
    let Some(RelayFrame::Hello(hello)) = hear(&mut socket).await else {
        panic!("no hello")
    };
    assert_eq!(hello.version, 1);
    for versions in [vec![2, 3], vec![]] {
        let (mut socket, _) = open(&relay.address, None).await.unwrap();
        say(
            &mut socket,
            &ClientFrame::Hello(ClientHello {
                versions,
                ..client_hello()
            }),
        )
        .await;
        assert_eq!(hear_closing(&mut socket).await, RefusalCode::Version);
    }
}

#[tokio::test]
async fn a_private_relay_asks_for_its_token() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config {
        token: Some("open sesame".into()),
        ..Config::new(folder.path())
    };
    let relay = Running::with(config).await;
    for (token, allowed) in [
        (None, false),
        (Some("open sesam"), false),
        (Some("open sesame "), false),
        (Some(""), false),
        (Some("open sesame"), true),
    ] {
        let (mut socket, _) = open(&relay.address, None).await.unwrap();
        let hello = ClientHello {
            token: token.map(Into::into),
            ..client_hello()
        };
        say(&mut socket, &ClientFrame::Hello(hello)).await;
        if allowed {
            assert!(matches!(
                hear(&mut socket).await,
                Some(RelayFrame::Hello(_))
            ));
        } else {
            assert_eq!(
                hear_closing(&mut socket).await,
                RefusalCode::Token,
                "{token:?}"
            );
        }
    }
}

#[tokio::test]
async fn what_is_no_hello_ends_the_connection() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Running::start(folder.path()).await;
    let request = ClientFrame::Request {
        id: 1,
        command: Room::new().create(),
    };
    for (bytes, code) in [
        (encode(&request), RefusalCode::Unexpected),
        (b"GET / HTTP/1.1".to_vec(), RefusalCode::Malformed),
        (vec![], RefusalCode::Malformed),
        (vec![0xff; 100], RefusalCode::Malformed),
        (vec![0; limits::MAX_HELLO + 1], RefusalCode::TooLarge),
        (vec![0; 300_000], RefusalCode::TooLarge),
    ] {
        let (mut socket, _) = open(&relay.address, None).await.unwrap();
        // The relay may cut a frame that is too long before it has all been sent.
        let _ = socket.send(Message::Binary(bytes.into())).await;
        assert_eq!(hear_closing(&mut socket).await, code);
    }
    let (mut socket, _) = open(&relay.address, None).await.unwrap();
    socket.send(Message::text("hello")).await.unwrap();
    assert_eq!(hear_closing(&mut socket).await, RefusalCode::Malformed);

    // Two hellos, the second at once or later.
    let (mut socket, _) = open(&relay.address, None).await.unwrap();
    let hello = encode(&ClientFrame::Hello(client_hello()));
    socket
        .feed(Message::Binary(hello.clone().into()))
        .await
        .unwrap();
    socket
        .feed(Message::Binary(hello.clone().into()))
        .await
        .unwrap();
    socket.flush().await.unwrap();
    assert_eq!(hear_closing(&mut socket).await, RefusalCode::Unexpected);
    let mut client = Client::connect(&relay.address).await;
    say_bytes(&mut client.socket, hello).await;
    assert_eq!(
        hear_closing(&mut client.socket).await,
        RefusalCode::Unexpected
    );
    let gone = async {
        while relay
            .metrics
            .connections
            .load(std::sync::atomic::Ordering::Relaxed)
            > 0
        {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    drop(client);
    tokio::time::timeout(Duration::from_secs(5), gone)
        .await
        .expect("connections left over");
}

#[tokio::test]
async fn whoever_says_nothing_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::new(folder.path());
    config.limits.handshake = Duration::from_millis(300);
    config.limits.idle = Duration::from_millis(400);
    let relay = Running::with(config).await;
    let cut = Duration::from_secs(5);

    // On TCP, before TLS; on TLS, before HTTP; on the WebSocket, before the hello.
    let mut tcp = tokio::net::TcpStream::connect(("127.0.0.1", relay.address.port))
        .await
        .unwrap();
    let (mut tls, _) = transport(&relay.address).await;
    let (mut socket, _) = open(&relay.address, None).await.unwrap();
    let mut nothing = Vec::new();
    tokio::time::timeout(cut, tcp.read_to_end(&mut nothing))
        .await
        .unwrap()
        .unwrap();
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(cut, tls.read_to_end(&mut answer))
        .await
        .unwrap();
    assert!(
        tokio::time::timeout(cut, hear(&mut socket))
            .await
            .unwrap()
            .is_none()
    );

    // After the hello a sign of life is asked for; who gives it stays.
    let mut alive = Client::connect(&relay.address).await;
    let mut dead = Client::connect(&relay.address).await;
    let staying = async {
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(2)) => {}
            frame = hear(&mut alive.socket) => panic!("{frame:?}"),
        }
    };
    staying.await;
    assert!(alive.ask(Room::new().create()).await.is_err(), "answered");
    // Whoever does not even read gives none.
    let end = tokio::time::timeout(cut, async {
        while let Some(Ok(message)) = dead.socket.next().await {
            assert!(matches!(message, Message::Ping(_)), "{message:?}");
        }
    });
    end.await.unwrap();
}

#[tokio::test]
async fn browsers_are_let_in_from_listed_origins_alone() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config {
        allow_origins: vec!["https://sotto.example".into()],
        ..Config::new(folder.path())
    };
    let relay = Running::with(config).await;
    for origin in [
        "https://evil.example",
        "null",
        "https://sotto.example.evil.example",
        "http://sotto.example",
    ] {
        match open(&relay.address, Some(origin)).await {
            Err(tungstenite::Error::Http(response)) => {
                assert_eq!(response.status(), 403, "{origin}")
            }
            other => panic!("{origin} was let in: {:?}", other.err()),
        }
    }
    // A browser can't look into its TLS: neither side names it in what is signed.
    let (mut socket, ends) = open(&relay.address, Some("https://sotto.example"))
        .await
        .unwrap();
    say(&mut socket, &ClientFrame::Hello(client_hello())).await;
    let Some(RelayFrame::Hello(hello)) = hear(&mut socket).await else {
        panic!("no hello")
    };
    let nonce = Nonce([1; 32]);
    assert!(
        hello
            .verify(&relay.address, &nonce, &[0; 32], &[0; 32])
            .is_ok()
    );
    // So a client that can look is not taken in by somebody who passes it off as a browser.
    assert_eq!(
        hello
            .verify(&relay.address, &nonce, &ends.certificate, &ends.exporter)
            .map(|_| ()),
        Err(HelloError::BadSignature)
    );
}

#[tokio::test]
async fn plain_websocket_is_for_loopback_and_only_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Running::plain(folder.path()).await;
    assert!(
        relay
            .address
            .to_string()
            .starts_with("sotto-relay+plain://127.0.0.1:")
    );
    let mut client = Client::connect(&relay.address).await;
    assert_eq!(
        (client.binding.certificate, client.binding.exporter),
        ([0; 32], [0; 32])
    );
    let room = Room::open(&mut client).await;
    client.append(&room, 1, b"x").await.unwrap();
    relay.stop().await;

    // TLS when not asked for plain: a plain client gets nowhere.
    let relay = Running::start(folder.path()).await;
    let plain = RelayAddress {
        plain: true,
        ..relay.address.clone()
    };
    assert!(open(&plain, None).await.is_err());
    relay.stop().await;

    // Not on addresses that others can reach.
    let listener = tokio::net::TcpListener::bind("0.0.0.0:0").await.unwrap();
    let config = Config {
        plain: true,
        host: Some("localhost".into()),
        ..Config::new(folder.path())
    };
    let refused = sotto_relay::Relay::bind(config, listener).err().unwrap();
    assert!(matches!(refused, sotto_relay::StartError::PlainRemote));
}

#[tokio::test]
async fn tls_older_than_1_3_is_not_spoken() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Running::start(folder.path()).await;
    // A ClientHello of TLS 1.2, as OpenSSL would send it: version, random, no session, three
    // suites, no compression, and the extensions that 1.2 wants.
    let mut hello = vec![3, 3];
    hello.extend_from_slice(&[7; 32]);
    hello.extend_from_slice(&[0, 0, 6, 0xc0, 0x2f, 0xc0, 0x2b, 0, 0xff, 1, 0, 0, 30]);
    hello.extend_from_slice(&[0, 10, 0, 4, 0, 2, 0, 29, 0, 11, 0, 2, 1, 0]);
    hello.extend_from_slice(&[0, 13, 0, 8, 0, 6, 4, 3, 8, 4, 4, 1, 0, 23, 0, 0]);
    let mut record = vec![22, 3, 1, 0, u8::try_from(hello.len() + 4).unwrap(), 1, 0, 0];
    record.push(u8::try_from(hello.len()).unwrap());
    record.extend_from_slice(&hello);
    let mut tcp = tokio::net::TcpStream::connect(("127.0.0.1", relay.address.port))
        .await
        .unwrap();
    tcp.write_all(&record).await.unwrap();
    let mut answer = Vec::new();
    tcp.read_to_end(&mut answer).await.unwrap();
    // An alert: fatal, protocol version.
    assert_eq!(answer, [21, 3, 3, 0, 2, 2, 70]);
}

#[tokio::test]
async fn people_and_operators_find_a_page() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Running::start(folder.path()).await;
    for (path, status, expected) in [
        ("/health", 200, "ok"),
        ("/ready", 200, "ready"),
        ("/metrics", 200, "# TYPE sotto_relay_connections gauge"),
        ("/", 200, "can't read"),
        ("/i", 200, "after the #"),
        ("/v1", 426, "WebSocket"),
        ("/admin", 404, ""),
    ] {
        let (mut stream, _) = transport(&relay.address).await;
        let request = format!("GET {path} HTTP/1.1\r\nhost: relay\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{path}: {answer}"
        );
        assert!(answer.contains(expected), "{path}: {answer}");
    }
    // A header without end does not make the relay keep it.
    let (mut stream, _) = transport(&relay.address).await;
    let mut sent = 0;
    let line = format!("x: {}\r\n", "y".repeat(1000));
    stream.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    while sent < 1_000_000 && stream.write_all(line.as_bytes()).await.is_ok() {
        sent += line.len();
        tokio::task::yield_now().await;
    }
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(
        answer.is_empty() || answer.starts_with(b"HTTP/1.1 431"),
        "kept reading"
    );
}
