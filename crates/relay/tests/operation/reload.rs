//! SIGHUP and SIGTERM.

use std::path::Path;

use sotto_wire::{
    ClientFrame, ClientHello, Delivered, Nonce, Position, RefusalCode, RelayAddress, RelayFrame,
    VERSIONS,
};

use crate::common::{Client, Room, hear, hear_closing, open, say};
use crate::program::Running;

/// What the relay answers to a hello with this token.
async fn hello(address: &RelayAddress, token: Option<&str>) -> Result<u32, RefusalCode> {
    let (mut socket, _) = open(address, None).await.unwrap();
    let hello = ClientHello {
        versions: VERSIONS.to_vec(),
        nonce: Nonce([7; 32]),
        token: token.map(str::to_owned),
    };
    say(&mut socket, &ClientFrame::Hello(hello)).await;
    match hear(&mut socket).await {
        Some(RelayFrame::Hello(hello)) => Ok(hello.limits.requests_per_second),
        Some(RelayFrame::Closing(refusal)) => Err(refusal.code),
        other => panic!("{other:?}"),
    }
}

fn write(folder: &Path, text: &str) {
    std::fs::write(folder.join("sotto-relay.toml"), text).unwrap();
}

#[tokio::test]
async fn new_settings_reach_the_next_connection_and_cut_nobody_off() {
    let folder = tempfile::tempdir().unwrap();
    let mut relay = Running::on(folder.path(), &[]);
    let mut alice = Client::connect(&relay.address).await;
    let mut bob = Client::connect(&relay.address).await;
    let room = Room::open(&mut alice).await;
    bob.subscribe(&room, &room.bob).await;
    assert_eq!(bob.next_delivery().await, Delivered::CaughtUp(Position(0)));
    assert!(
        open(&relay.address, Some("https://chat.example"))
            .await
            .is_err()
    );

    write(
        folder.path(),
        "token = \"a long enough token\"\nallow-origin = [\"https://chat.example\"]\n\
         requests-per-second = 77\nlog-level = \"debug\"\nlog = \"json\"\n",
    );
    let said = relay.reload().join("\n");
    assert!(
        said.contains("take effect when the relay is started again"),
        "{said}"
    );
    assert!(said.contains("settings=\"log\""), "{said}");
    // Who is there stays there.
    alice.append(&room, 1, b"still here").await.unwrap();
    assert_eq!(bob.next_entry().await.body, b"still here");
    // Who comes meets the new rules.
    assert_eq!(hello(&relay.address, None).await, Err(RefusalCode::Token));
    relay.hear("a connection was ended by the relay");
    let token = Some("a long enough token");
    assert_eq!(hello(&relay.address, token).await, Ok(77));
    assert!(
        open(&relay.address, Some("https://chat.example"))
            .await
            .is_ok()
    );

    // A mistake changes nothing, and says where it is.
    write(folder.path(), "requests-per-second = 88\ntoken = 12\n");
    relay.signal("HUP");
    let said = relay.hear("the old ones stay").join("\n");
    assert!(
        said.contains("sotto-relay.toml:2:9: token: this is a whole number"),
        "{said}"
    );
    assert_eq!(hello(&relay.address, token).await, Ok(77));
    assert_eq!(hello(&relay.address, None).await, Err(RefusalCode::Token));
    alice.append(&room, 2, b"and still").await.unwrap();

    // The log does not repeat a token, right or wrong.
    let said = relay.stop();
    assert!(!said.contains("long enough"), "{said}");
}

#[tokio::test]
async fn places_for_connections_can_be_fewer_and_more() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "connections = 3\n");
    let mut relay = Running::on(folder.path(), &[]);
    let mut alice = Client::connect(&relay.address).await;
    let bob = Client::connect(&relay.address).await;
    write(folder.path(), "connections = 1\n");
    relay.reload();
    let room = Room::open(&mut alice).await;
    // A third is turned away: two are in, and there is one place. With one gone it is taken still.
    let mut bob = Some(bob);
    for _ in 0..5 {
        let to = (relay.address.host.as_str(), relay.address.port);
        let mut early = tokio::net::TcpStream::connect(to).await.unwrap();
        let read = tokio::io::AsyncReadExt::read(&mut early, &mut [0]).await;
        assert!(!matches!(read, Ok(1..)), "two connections at one place");
        drop(bob.take());
    }
    write(folder.path(), "connections = 2\n");
    relay.reload();
    let mut carol = loop {
        let address = relay.address.clone();
        // Turned away until Bob's place has been given back.
        if let Ok(carol) = tokio::spawn(async move { Client::connect(&address).await }).await {
            break carol;
        }
    };
    carol.subscribe(&room, &room.alice).await;
    assert_eq!(
        carol.next_delivery().await,
        Delivered::CaughtUp(Position(0))
    );
    alice.append(&room, 1, b"x").await.unwrap();
    assert_eq!(carol.next_entry().await.body, b"x");
}

/// A self-signed certificate and its key, in PEM, in this folder.
pub fn certificate(folder: &Path, name: &str, host: &str, until: Option<i32>) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(vec![host.to_owned()]).unwrap();
    if let Some(year) = until {
        params.not_before = rcgen::date_time_ymd(year - 1, 1, 1);
        params.not_after = rcgen::date_time_ymd(year, 1, 1);
    }
    let made = params.self_signed(&key).unwrap();
    std::fs::write(folder.join(format!("{name}.crt")), made.pem()).unwrap();
    std::fs::write(folder.join(format!("{name}.private")), key.serialize_pem()).unwrap();
}

#[tokio::test]
async fn a_new_certificate_is_shown_from_the_next_connection_on() {
    let folder = tempfile::tempdir().unwrap();
    let keep = |name: &str| {
        for end in ["crt", "private"] {
            let from = folder.path().join(format!("{name}.{end}"));
            std::fs::copy(from, folder.path().join(format!("in-use.{end}"))).unwrap();
        }
    };
    certificate(folder.path(), "first", "relay.example", None);
    certificate(folder.path(), "second", "relay.example", None);
    certificate(folder.path(), "over", "relay.example", Some(2001));
    keep("first");
    let text = "certificate = \"in-use.crt\"\nkey = \"in-use.private\"\nhost = \"relay.example\"\n";
    write(folder.path(), text);
    let mut relay = Running::on(folder.path(), &[]);
    let here = relay.here();
    let mut alice = Client::connect(&here).await;
    let first = alice.binding.certificate;
    let room = Room::open(&mut alice).await;

    keep("second");
    relay.reload();
    let second = Client::connect(&here).await.binding.certificate;
    assert_ne!(first, second);
    alice
        .append(&room, 1, b"the old one still holds")
        .await
        .unwrap();

    let mut refused = async |expected: &str| {
        relay.signal("HUP");
        let said = relay.hear("the old ones stay").join("\n");
        assert!(said.contains(expected), "{expected} not in {said}");
        let shown = Client::connect(&here).await.binding.certificate;
        assert_eq!(shown, second, "{expected}");
    };
    // The key of another.
    std::fs::copy(
        folder.path().join("first.private"),
        folder.path().join("in-use.private"),
    )
    .unwrap();
    refused("is another certificate's").await;
    keep("over");
    refused("expired on").await;
    std::fs::write(folder.path().join("in-use.crt"), "nothing").unwrap();
    refused("holds no certificate in PEM").await;
    std::fs::remove_file(folder.path().join("in-use.private")).unwrap();
    keep("second");
    std::fs::remove_file(folder.path().join("in-use.private")).unwrap();
    refused("No such file").await;
    alice
        .append(&room, 2, b"through all of that")
        .await
        .unwrap();
}

/// Somebody who does not listen holds the first stop up; the second does not wait for anybody.
#[tokio::test]
async fn told_twice_to_stop_it_ends_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut relay = Running::on(
        folder.path(),
        &["--stop-seconds", "600", "--send-seconds", "600"],
    );
    let mut alice = Client::connect(&relay.address).await;
    let room = Room::open(&mut alice).await;
    let stood = alice.append(&room, 1, b"kept").await.unwrap();
    relay.signal("TERM");
    relay.hear("stopping");
    // She has been told, and does not close: the relay would wait for her for a minute.
    assert_eq!(hear_closing_frame(&mut alice).await, RefusalCode::Stopping);
    relay.signal("TERM");
    assert_eq!(relay.wait().code(), Some(143));
    relay.hear("ending at once");

    let relay = Running::on(folder.path(), &[]);
    let mut bob = Client::connect(&relay.address).await;
    assert_eq!(bob.subscribe(&room, &room.bob).await.head, stood.position);
    relay.stop();
}

async fn hear_closing_frame(client: &mut Client) -> RefusalCode {
    match hear(&mut client.socket).await {
        Some(RelayFrame::Closing(refusal)) => refusal.code,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_wrong_token_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Running::on(folder.path(), &["--token", "a long enough token"]);
    let (mut socket, _) = open(&relay.address, None).await.unwrap();
    let hello = ClientHello {
        versions: VERSIONS.to_vec(),
        nonce: Nonce([7; 32]),
        token: Some("another token".into()),
    };
    say(&mut socket, &ClientFrame::Hello(hello)).await;
    assert_eq!(hear_closing(&mut socket).await, RefusalCode::Token);
}
