//! What the relay says about itself: log and metrics.

use std::collections::BTreeMap;

use sotto_wire::{Command, Delivered, Position, RefusalCode, Role};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::cluster::free_port;
use crate::common::{Client, Room, say_bytes};
use crate::program::Running;

/// `GET path` without TLS.
pub async fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

fn values(text: &str) -> BTreeMap<&str, f64> {
    let lines = text.lines().filter(|line| line.starts_with("sotto_relay_"));
    lines
        .filter_map(|line| line.rsplit_once(' '))
        .map(|(name, value)| {
            (
                name.trim_start_matches("sotto_relay_"),
                value.parse().unwrap(),
            )
        })
        .collect()
}

#[tokio::test]
async fn metrics_count_what_was_done_and_have_an_address_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let aside = format!("127.0.0.1:{}", free_port());
    let relay = Running::on(folder.path(), &["--metrics-listen", &aside]);
    let mut alice = Client::connect(&relay.address).await;
    let mut bob = Client::connect(&relay.address).await;
    let room = Room::open(&mut alice).await;
    bob.subscribe(&room, &room.bob).await;
    assert_eq!(bob.next_delivery().await, Delivered::CaughtUp(Position(0)));
    for n in 0..4 {
        alice.append(&room, n, &[n; 100]).await.unwrap();
        let entry = bob.next_entry().await;
        bob.acknowledge(room.channel, room.bob.public(), entry.position.0)
            .await;
    }
    alice
        .ask(room.entry(sotto_wire::Lane::Ephemeral, 9, 0, b"typing"))
        .await
        .unwrap();
    let stranger = Command::Delete {
        channel: room.channel,
        admin: room.bob.public(),
    };
    assert_eq!(bob.ask(stranger).await, Err(RefusalCode::NotFound));
    bob.prove(room.channel, Role::Admin, &room.bob).await;
    say_bytes(&mut alice.socket, vec![0xff]).await;
    assert!(alice.answer().await.is_some());

    let text = get(&aside, "/metrics").await;
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    let values = values(&text);
    for (name, expected) in [
        ("connections_accepted_total", 2.0),
        ("requests_total{command=\"create\"}", 1.0),
        ("requests_total{command=\"append\"}", 5.0),
        ("requests_total{command=\"subscribe\"}", 1.0),
        ("requests_total{command=\"delete\"}", 1.0),
        ("requests_total{command=\"prove\"}", 4.0),
        ("requests_refused_total{code=\"not_found\"}", 1.0),
        ("requests_refused_total{code=\"quota\"}", 0.0),
        ("connections_closed_total{code=\"malformed\"}", 1.0),
        ("entries_stored_total", 4.0),
        ("entry_bytes_stored_total", 400.0),
        ("entries_delivered_total", 4.0),
        ("acknowledgements_total", 4.0),
        ("signals_total", 1.0),
        ("subscriptions", 1.0),
        ("store_errors_total", 0.0),
    ] {
        assert_eq!(values.get(name), Some(&expected), "{name} in\n{text}");
    }
    assert!(values["store_batch_orders_count"] >= 5.0, "{text}");
    assert!(values["store_batch_seconds_sum"] > 0.0, "{text}");
    assert!(
        values["store_bytes"] > 0.0 && values["disk_free_bytes"] > 0.0,
        "{text}"
    );
    assert!(values["certificate_expires_seconds"] > 1.7e9, "{text}");
    for (path, expected) in [
        ("/health", "ok"),
        ("/ready", "ready"),
        ("/", "404"),
        ("/v1", "404"),
    ] {
        let answer = get(&aside, path).await;
        assert!(answer.contains(expected), "{path}: {answer}");
    }
    relay.stop();
}

#[tokio::test]
async fn the_log_names_an_address_only_if_it_is_asked_to() {
    let folder = tempfile::tempdir().unwrap();
    // At the loudest, by default: nobody's address.
    let relay = Running::on(folder.path(), &["--log-level", "trace", "--log", "json"]);
    let mut alice = Client::connect(&relay.address).await;
    say_bytes(&mut alice.socket, vec![0xff]).await;
    assert!(alice.answer().await.is_some());
    drop(alice);
    let said = relay.stop();
    assert!(
        said.contains("a connection was ended by the relay"),
        "{said}"
    );
    assert!(!said.contains("127.0.0.1"), "{said}");

    let mut relay = Running::on(folder.path(), &["--log-peers"]);
    let alice = Client::connect(&relay.address).await;
    let said = relay.hear("connected").join("\n");
    assert!(said.contains("peer=127.0.0.1:"), "{said}");
    drop(alice);
    relay.hear("left");
    relay.stop();
}
