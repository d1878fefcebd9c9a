//! A relay that has lost an inbox, a part of it or a channel gets it back: no invite leads nowhere for
//! good, and nobody is asked in vain for ever.
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
use sotto_wire::{Position, Refusal, RefusalCode, RelayFrame, Reply};
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

/// No letter came after the backup; that the relay has forgotten shows in a conversation alone.
#[test]
fn a_relay_that_has_forgotten_texts_is_told_of_an_invite_made_meanwhile() {
    let mut world = World::new();
    world.join("alice");
    world.join("bob");
    let (alices, bobs) = world.introduce("alice", "bob");
    let before = world.relay.backup();
    world.say("bob", bobs, "Are you there?");
    let later = world.invite("alice", true);
    world.relay.restore(&before);
    again(&mut world, "alice");
    let view = world.reader("alice").conversation(alices).unwrap();
    assert_eq!(view.shield_reason, ShieldReason::RelayContradiction);
    meets(&mut world, "alice", "carol", &later);
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

/// The relay says "later" when the invite is made, and it is revoked before that.
#[test]
fn who_was_to_be_let_in_later_is_not_let_in_after_the_revocation() {
    let mut world = World::new();
    world.join("alice");
    world.join("bob");
    let mut first = true;
    world.relay.intercept = Some(Box::new(move |name, frame| match frame {
        RelayFrame::Reply {
            id,
            reply: Reply::Done,
        } if name == "alice" && std::mem::take(&mut first) => vec![RelayFrame::Refused {
            id,
            refusal: Refusal {
                code: RefusalCode::TooFast,
                retry_after_ms: Some(5 * 60_000),
                handshakes: None,
            },
        }],
        frame => vec![frame],
    }));
    let link = world.invite("alice", false);
    assert_eq!(rows(&world, "alice", "errands"), 1, "postponed");
    let now = world.now;
    let invite = world.reader("alice").invites(now).unwrap()[0].invite;
    world
        .command("alice", Command::RevokeInvite { invite })
        .unwrap();
    world.wait(10 * MINUTE);
    assert_eq!(rows(&world, "alice", "errands"), 0);
    world.open_invite("bob", &link).unwrap();
    let told = world.people["bob"].events.iter().any(|event| {
        matches!(event, Event::InviteFailed { problem, .. } if problem.code == "invite_used_up")
    });
    assert!(told);
}

/// Nobody waits until it expires for an invite that was revoked before its relay knew of it.
#[test]
fn an_invite_that_was_made_and_revoked_offline_says_so() {
    let mut world = World::new();
    world.join("alice");
    world.join("bob");
    world.disconnect("alice");
    let link = world.invite("alice", false);
    let now = world.now;
    let invite = world.reader("alice").invites(now).unwrap()[0].invite;
    world
        .command("alice", Command::RevokeInvite { invite })
        .unwrap();
    world.connect("alice");
    world.settle();
    world.open_invite("bob", &link).unwrap();
    let told = world.people["bob"].events.iter().any(|event| {
        matches!(event, Event::InviteFailed { problem, .. } if problem.code == "invite_used_up")
    });
    assert!(told);
}

#[test]
fn a_channel_that_the_relay_has_swallowed_is_made_again() {
    let mut world = World::new();
    world.join("alice");
    world.join("bob");
    let link = world.invite("alice", true);
    world.relay.swallows = true;
    let bobs = world.open_invite("bob", &link).unwrap();
    world.say("bob", bobs, "Are you there?");
    world.wait(10 * MINUTE);
    world.relay.swallows = false;
    world.wait(2 * MINUTE);
    let alices = world.accept("alice");
    world.wait(2 * MINUTE);
    assert_eq!(world.texts("alice", alices)[0].1, "Are you there?");
    for (name, conversation) in [("alice", alices), ("bob", bobs)] {
        let view = world.reader(name).conversation(conversation).unwrap();
        assert_eq!(view.shield, Shield::Encrypted);
    }
}

/// A relay that has lost the conversation of Alice and Bob, and what each of them has of it.
fn lost() -> (World, [(&'static str, ConversationId); 2]) {
    let mut world = World::new();
    world.join("alice");
    world.join("bob");
    let before = world.relay.backup();
    let (alices, bobs) = world.introduce("alice", "bob");
    world.say("bob", bobs, "Are you there?");
    world.settle();
    world.relay.restore(&before);
    (world, [("alice", alices), ("bob", bobs)])
}

#[test]
fn a_relay_that_has_lost_a_channel_is_noticed() {
    let (mut world, two) = lost();
    again(&mut world, "alice");
    again(&mut world, "bob");
    world.wait(2 * MINUTE);
    for (name, conversation) in two {
        let view = world.reader(name).conversation(conversation).unwrap();
        assert_eq!(view.shield_reason, ShieldReason::RelayContradiction);
    }
}

/// It says each time that it has made the channel, and makes none: nothing but its absence tells.
#[test]
fn a_relay_that_has_lost_a_channel_and_swallows_it_from_then_on_is_noticed() {
    let (mut world, two) = lost();
    world.relay.swallows = true;
    for (name, conversation) in two {
        again(&mut world, name);
        let view = world.reader(name).conversation(conversation).unwrap();
        assert_eq!(view.shield_reason, ShieldReason::RelayContradiction);
    }
}
