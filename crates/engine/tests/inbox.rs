//! A relay that has lost an inbox, or a part of it, gets it back: no invite leads nowhere for good.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "tests"
)]

mod world;

use sotto_engine::*;
use sotto_wire::{Position, RelayFrame, Reply};
use world::World;

const MINUTE: u64 = 60_000;

fn rows(world: &World, name: &str, table: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM {table}");
    world
        .beside(name)
        .query_row(&sql, [], |row| row.get(0))
        .unwrap()
}

fn again(world: &mut World, name: &'static str) {
    world.disconnect(name);
    world.connect(name);
    world.settle();
}

/// Somebody new opens this invite, and its inviter lets them in; both talk.
fn meets(world: &mut World, inviter: &'static str, guest: &'static str, link: &str) {
    world.join(guest);
    let theirs = world.open_invite(guest, link).unwrap();
    let mine = world.accept(inviter);
    world.wait(MINUTE);
    world.say(inviter, mine, "Welcome.");
    world.settle();
    assert_eq!(world.texts(guest, theirs).len(), 1);
}

#[test]
fn an_inbox_that_the_relay_has_swallowed_is_made_again() {
    let mut world = World::new();
    world.relay.swallows = true;
    world.join("alice");
    let early = world.invite("alice", true);
    world.wait(10 * MINUTE);
    assert_eq!(world.relay.channels(), 0);
    let (errands, packages) = (
        rows(&world, "alice", "errands"),
        rows(&world, "alice", "key_packages"),
    );
    world.wait(120 * MINUTE);
    assert_eq!(
        rows(&world, "alice", "errands"),
        errands,
        "nothing piles up"
    );
    assert_eq!(rows(&world, "alice", "key_packages"), packages);
    let late = world.invite("alice", true);
    world.relay.swallows = false;
    world.wait(2 * MINUTE);
    assert_eq!(rows(&world, "alice", "errands"), 0);
    meets(&mut world, "alice", "bob", &early);
    meets(&mut world, "alice", "carol", &late);
}

#[test]
fn a_relay_from_before_the_inbox_gets_it_back_and_letters_arrive() {
    for crash in [false, true] {
        let mut world = World::new();
        let before = world.relay.backup();
        world.join("alice");
        let many = world.invite("alice", false);
        let revoked = world.invite("alice", false);
        let now = world.now;
        let invites = world.reader("alice").invites(now).unwrap();
        let invite = invites
            .iter()
            .find(|invite| invite.link.as_ref() == Some(&revoked))
            .unwrap()
            .invite;
        world
            .command("alice", Command::RevokeInvite { invite })
            .unwrap();
        // Alice has read her inbox up to the first letter.
        meets(&mut world, "alice", "bob", &many);
        world.relay.restore(&before);
        if crash {
            world.crash("alice");
            world.connect("alice");
            world.settle();
        } else {
            again(&mut world, "alice");
        }
        world.wait(2 * MINUTE);
        assert_eq!(rows(&world, "alice", "errands"), 0);
        meets(&mut world, "alice", "carol", &many);
        let now = world.now;
        let states: Vec<_> = world
            .reader("alice")
            .invites(now)
            .unwrap()
            .iter()
            .map(|invite| invite.state)
            .collect();
        assert!(states.contains(&InviteState::Open) && states.contains(&InviteState::Revoked));
    }
}

/// After the backup an invite was made, another one revoked, and a letter came, from which Alice sees
/// that the relay has forgotten.
#[test]
fn a_relay_from_before_an_invite_is_told_of_it() {
    let mut world = World::new();
    world.join("alice");
    let ended = world.invite("alice", false);
    let now = world.now;
    let invite = world.reader("alice").invites(now).unwrap()[0].invite;
    let many = world.invite("alice", false);
    meets(&mut world, "alice", "bob", &many);
    let before = world.relay.backup();
    let later = world.invite("alice", true);
    world
        .command("alice", Command::RevokeInvite { invite })
        .unwrap();
    world.join("carol");
    world.open_invite("carol", &many).unwrap();
    let request = world.reader("alice").requests().unwrap()[0].request;
    let decline = Command::DeclineRequest { request };
    world.command("alice", decline).unwrap();
    world.settle();
    world.relay.restore(&before);
    again(&mut world, "alice");
    meets(&mut world, "alice", "dave", &later);
    world.join("eve");
    world.open_invite("eve", &ended).unwrap();
    let told = world.people["eve"].events.iter().any(|event| {
        matches!(event, Event::InviteFailed { problem, .. } if problem.code == "invite_used_up")
    });
    assert!(told, "at once, and not when the invite expires");
}

#[test]
fn a_relay_that_only_says_that_it_has_forgotten_keeps_no_letter_back() {
    let mut world = World::new();
    world.join("alice");
    let many = world.invite("alice", false);
    meets(&mut world, "alice", "bob", &many);
    world.relay.lies = true;
    world.relay.intercept = Some(Box::new(|name, mut frame| {
        if let RelayFrame::Reply {
            reply: Reply::Subscribed(state),
            ..
        } = &mut frame
            && name == "alice"
        {
            state.head = Position(0);
            state.cursor = Position(0);
        }
        vec![frame]
    }));
    again(&mut world, "alice");
    world.relay.intercept = None;
    again(&mut world, "alice");
    world.relay.lies = false;
    meets(&mut world, "alice", "carol", &many);
}
