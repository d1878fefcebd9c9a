//! Alice writes, Bob reads: order, acknowledgement, cursors, limits.
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

#[tokio::test]
async fn what_alice_appends_bob_gets_in_order_and_it_goes_when_all_have_it() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Running::start(folder.path()).await;
    let mut alice = Client::connect(&relay.address).await;
    let room = Room::open(&mut alice).await;
    let mut bob = Client::connect(&relay.address).await;

    // Bob subscribes to an empty channel, and is told that he reads live.
    let stands = bob.subscribe(&room, &room.bob).await;
    assert_eq!(
        (stands.cursor, stands.head, stands.handshakes, stands.fenced),
        (Position(0), Position(0), 0, false)
    );
    assert_eq!(bob.next_delivery().await, Delivered::CaughtUp(Position(0)));

    // Three entries, with the running hash that everybody can compute.
    let mut hash = ChainHash::start(&room.channel);
    for n in 1..=3u8 {
        let body = format!("sealed envelope number {n}");
        let stood = alice.append(&room, n, body.as_bytes()).await.unwrap();
        hash = hash.next(
            Position(n.into()),
            Lane::Chat,
            &AppendId([n; 16]),
            body.as_bytes(),
        );
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
    }

    // Alice subscribes late and gets the same.
    let stands = alice.subscribe(&room, &room.alice).await;
    assert_eq!((stands.cursor, stands.head), (Position(0), Position(3)));
    for n in 1..=3 {
        assert_eq!(alice.next_entry().await.position, Position(n));
    }
    assert_eq!(
        alice.next_delivery().await,
        Delivered::CaughtUp(Position(3))
    );
    relay.stop().await;
}
