//! Which relays a profile keeps a connection to.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "tests"
)]

mod world;

use sotto_engine::*;
use sotto_wire::{Invite, Refusal, RefusalCode, RelayAddress, RelayFrame};
use world::World;

/// A relay sees when somebody who is connected to it is awake.
#[test]
fn a_relay_is_left_when_nothing_there_is_waited_for() {
    let mut world = World::new();
    world.join("alice");
    world.join("bob");
    let mut invite: Invite = world.invite("alice", true).parse().unwrap();
    let home = world.address();
    let elsewhere = RelayAddress::new("relay.example", 443, home.identity, false).unwrap();
    invite.relay = elsewhere.clone();
    world.open_invite("bob", &invite.to_string()).unwrap();
    world.wait(2 * 3_600_000);
    let both = [home.clone(), elsewhere.clone()];
    assert_eq!(world.people["bob"].wants, both, "the invite is still open");

    let binding = world.relay.connect("elsewhere");
    let relay = elsewhere.clone();
    world.input("bob", Input::Connected { relay, binding });
    // The first request was a proof, and the second asked for the card.
    let frames = vec![RelayFrame::Refused {
        id: 2,
        refusal: Refusal {
            code: RefusalCode::Revoked,
            retry_after_ms: None,
            handshakes: None,
        },
    }];
    let relay = elsewhere.clone();
    world.input("bob", Input::Frames { relay, frames });
    assert!(world.reader("bob").conversations().unwrap().is_empty());
    world.wait(2 * 3_600_000);
    assert_eq!(world.people["bob"].wants, [home]);
    // What was on its way from it means nothing any more.
    let relay = elsewhere.clone();
    world.input("bob", Input::Disconnected { relay });
    // It is asked for again where it is needed again.
    world.open_invite("bob", &invite.to_string()).unwrap();
    assert_eq!(world.people["bob"].wants, both);
}
