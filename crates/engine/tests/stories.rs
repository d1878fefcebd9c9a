//! Stories with named people over a model relay.
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

use std::cell::Cell;
use std::rc::Rc;

use sotto_engine::*;
use sotto_wire::{Invite, RefusalCode, RelayFrame, Reply};
use world::World;

fn two_people_talk(mut world: World) {
    world.join("alice");
    world.join("bob");
    let (alices, bobs) = world.introduce("alice", "bob");
    world.say("alice", alices, "The ferry is late, so no need to run.");
    world.say("bob", bobs, "Yes. I have the drawings with me.");
    world.settle();
    world.wait(2_000);
    let at_alice = world.texts("alice", alices);
    let at_bob = world.texts("bob", bobs);
    assert_eq!(at_alice.len(), 2);
    assert_eq!(at_alice[0].1, "The ferry is late, so no need to run.");
    assert_eq!(at_alice[0].2, Delivery::Delivered);
    assert_eq!(at_bob[0].1, at_alice[0].1);
    assert_eq!(
        at_bob[1],
        (Author::Me, at_alice[1].1.clone(), Delivery::Delivered)
    );
    let name = world.reader("alice").conversation(alices).unwrap();
    assert_eq!(
        (name.name.as_str(), name.state),
        ("bob", ConversationState::Active)
    );
    assert_eq!(
        world.reader("bob").conversation(bobs).unwrap().name,
        "alice"
    );
}

#[test]
fn alice_and_bob_meet_and_talk() {
    two_people_talk(World::new());
}

#[test]
fn the_same_on_a_standard_cipher_suite() {
    two_people_talk(World::on_standard_suite());
}

#[test]
fn what_bob_writes_before_alice_accepts_is_kept_and_sent_then() {
    let mut world = World::new();
    world.join("alice");
    world.join("bob");
    let link = world.invite("alice", true);
    let bobs = world.open_invite("bob", &link).unwrap();
    assert_eq!(
        world.reader("bob").conversation(bobs).unwrap().state,
        ConversationState::Waiting
    );
    world.say("bob", bobs, "Are you there?");
    world.settle();
    assert_eq!(world.texts("bob", bobs)[0].2, Delivery::Queued);
    let request = &world.reader("alice").requests().unwrap()[0];
    let shown = serde_json::to_string(request).unwrap();
    assert!(
        !shown.contains("bob"),
        "the request shows nothing of the stranger: {shown}"
    );
    let alices = world.accept("alice");
    assert_eq!(world.texts("alice", alices)[0].1, "Are you there?");
    assert_eq!(world.texts("bob", bobs)[0].2, Delivery::Stored);
}

#[test]
fn a_single_use_invite_is_good_for_one_person() {
    let mut world = World::new();
    world.join("alice");
    world.join("bob");
    world.join("carol");
    let link = world.invite("alice", true);
    world.open_invite("bob", &link).unwrap();
    let carols = world.open_invite("carol", &link).unwrap();
    let failed = world.people["carol"]
        .events
        .iter()
        .find_map(|event| match event {
            Event::InviteFailed {
                conversation,
                gone: true,
                problem,
            } if *conversation == carols => Some(problem.code.clone()),
            _ => None,
        });
    assert_eq!(failed.as_deref(), Some("invite_used_up"));
    assert_eq!(world.reader("alice").requests().unwrap().len(), 1);
    assert!(world.reader("carol").conversations().unwrap().is_empty());
}

#[test]
fn an_invite_waits_for_the_device_that_made_it() {
    let mut world = World::new();
    world.join("alice");
    world.join("bob");
    world.disconnect("alice");
    let link = world.invite("alice", true);
    let bobs = world.open_invite("bob", &link).unwrap();
    world.wait(3_600_000);
    let state = |world: &World| world.reader("bob").conversation(bobs).unwrap().state;
    assert_eq!(state(&world), ConversationState::Opening);
    world.crash("bob");
    world.connect("bob");
    world.settle();
    world.connect("alice");
    world.settle();
    assert_eq!(state(&world), ConversationState::Opening, "not asked yet");
    // Within an eighth of the time that it has waited.
    world.wait(600_000);
    assert_eq!(state(&world), ConversationState::Waiting);
    world.accept("alice");
    assert_eq!(state(&world), ConversationState::Active);
}

#[test]
fn an_invite_that_nobody_hears_of_ends_when_it_expires() {
    let mut world = World::new();
    world.join("alice");
    world.join("bob");
    world.disconnect("alice");
    let link = world.invite("alice", true);
    let bobs = world.open_invite("bob", &link).unwrap();
    world.wait(86_400_000 + 700_000);
    assert!(world.people["bob"].events.iter().any(|event| matches!(
        event,
        Event::InviteFailed { conversation, gone: true, problem }
            if *conversation == bobs && problem.code == "invite_expired"
    )));
    assert!(world.reader("bob").conversations().unwrap().is_empty());
}

#[test]
fn bad_invites_are_refused_each_with_its_reason() {
    let mut world = World::new();
    world.join("alice");
    world.join("bob");
    let link = world.invite("alice", false);
    let code =
        |world: &mut World, name: &str, link: &str| world.open_invite(name, link).unwrap_err().code;
    assert_eq!(code(&mut world, "alice", &link), "invite_own");
    assert_eq!(code(&mut world, "bob", "hello"), "invite_unreadable");
    let mut damaged = link.clone();
    let last = damaged.pop().unwrap();
    damaged.push(if last == 'A' { 'B' } else { 'A' });
    assert_eq!(code(&mut world, "bob", &damaged), "invite_damaged");
    // Good until the second in which it ends.
    let expires = link.parse::<Invite>().unwrap().expires;
    world.now = Timestamp(expires * 1_000);
    world.open_invite("bob", &link).unwrap();
    world.join("carol");
    world.now = world.now.plus(1_000);
    assert_eq!(code(&mut world, "carol", &link), "invite_expired");
}

/// The same invite, as a version that doesn't exist yet would write it.
fn newer(link: &str) -> String {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
    let (place, payload) = link.split_once("/i#").unwrap();
    let mut bytes = BASE64.decode(payload).unwrap();
    bytes.truncate(bytes.len() - 4);
    bytes[0] = 2 << 4;
    let host_port = place.strip_prefix("https://").unwrap();
    let sum = sotto_suite::hash::sha256(&[b"sotto invite v1", host_port.as_bytes(), &bytes]);
    bytes.extend_from_slice(&sum[..4]);
    format!("{place}/i#{}", BASE64.encode(bytes))
}

#[test]
fn an_invite_can_be_looked_at_without_opening_it() {
    let mut world = World::new();
    world.join("alice");
    let link = world.invite("alice", true);
    let alice = world.reader("alice").account().unwrap();
    let glance = InviteGlance {
        relay: alice.relay,
        account: alice.account,
    };
    assert_eq!(inspect_invite(&format!(" <{link}>. ")).unwrap(), glance);
    let code = |link: &str| inspect_invite(link).unwrap_err().problem().code;
    assert_eq!(code("hello"), "invite_unreadable");
    assert_eq!(code(&link[..link.len() - 3]), "invite_damaged");
    assert_eq!(code(&newer(&link)), "invite_newer");
    // It is as good as before.
    world.join("bob");
    world.open_invite("bob", &link).unwrap();
    assert_eq!(world.reader("alice").requests().unwrap().len(), 1);
}

#[test]
fn a_crash_between_any_two_steps_loses_and_doubles_nothing() {
    let mut world = World::new();
    world.join("alice");
    world.join("bob");
    let (alices, bobs) = world.introduce("alice", "bob");
    for round in 0..30 {
        world.say("alice", alices, &format!("a{round}"));
        if round % 3 == 0 {
            world.crash("bob");
            world.connect("bob");
        }
        world.say("bob", bobs, &format!("b{round}"));
        if round % 4 == 0 {
            world.crash("alice");
            world.connect("alice");
        }
        if round % 5 == 0 {
            world.disconnect("alice");
            world.say("alice", alices, &format!("offline{round}"));
            world.connect("alice");
        }
        world.settle();
    }
    world.wait(5_000);
    let alice: Vec<_> = world
        .texts("alice", alices)
        .into_iter()
        .map(|(_, text, _)| text)
        .collect();
    let bob: Vec<_> = world
        .texts("bob", bobs)
        .into_iter()
        .map(|(_, text, _)| text)
        .collect();
    assert_eq!(alice, bob, "one order for both");
    let mut unique = alice.clone();
    unique.sort();
    unique.dedup();
    assert_eq!((alice.len(), unique.len()), (66, 66));
}

#[test]
fn weeks_pass_and_keys_and_channels_are_renewed() {
    let mut world = World::new();
    world.join("alice");
    world.join("bob");
    let (alices, bobs) = world.introduce("alice", "bob");
    let before = world.reader("alice").details(alices).unwrap();
    for week in 0..5 {
        world.say("alice", alices, &format!("week {week}"));
        world.wait(7 * 86_400_000 + 3_600_000);
        world.say("bob", bobs, &format!("answer {week}"));
        world.settle();
    }
    let after = world.reader("alice").details(alices).unwrap();
    assert!(
        after.epoch >= before.epoch + 8,
        "both refresh weekly: {} then {}",
        before.epoch,
        after.epoch
    );
    assert!(after.generation >= 4, "fenced weekly: {}", after.generation);
    assert_eq!(
        after.generation,
        world.reader("bob").details(bobs).unwrap().generation
    );
    assert_eq!(world.texts("alice", alices).len(), 10);
    let texts = |name, id| {
        world
            .texts(name, id)
            .into_iter()
            .map(|(_, text, _)| text)
            .collect::<Vec<_>>()
    };
    assert_eq!(texts("alice", alices), texts("bob", bobs));
}

/// As when the other side's commit is there first.
#[test]
fn a_commit_that_comes_too_late_is_destroyed_and_made_anew() {
    let mut world = World::new();
    world.join("alice");
    world.join("bob");
    let (alices, bobs) = world.introduce("alice", "bob");
    let epoch = |world: &World| world.reader("alice").details(alices).unwrap().epoch;
    let rows = |world: &World, table: &str| -> i64 {
        let sql = format!("SELECT count(*) FROM {table}");
        let beside = world.beside("alice");
        beside.query_row(&sql, [], |row| row.get(0)).unwrap()
    };
    let before = epoch(&world);
    world.relay.refuse = vec![RefusalCode::Stale; 16];
    world.now = world.now.plus(8 * 86_400_000);
    world.settle();
    assert!(world.relay.refuse.len() < 16, "it was time for a commit");
    world.relay.refuse.clear();
    assert_eq!(rows(&world, "pending_handshakes"), 0, "secrets and all");
    assert!(
        rows(&world, "intents") > 0,
        "what was wanted is still wanted"
    );
    assert_eq!(epoch(&world), before);
    world.wait(10_000);
    let left = (rows(&world, "pending_handshakes"), rows(&world, "intents"));
    assert_eq!(left, (0, 0));
    assert!(epoch(&world) > before);
    world.say("bob", bobs, "Still here.");
    world.settle();
    assert_eq!(world.texts("alice", alices).len(), 1);
}

#[test]
fn a_channel_is_subscribed_to_once() {
    let mut world = World::new();
    let answers = Rc::new(Cell::new(0));
    let counted = Rc::clone(&answers);
    world.relay.intercept = Some(Box::new(move |name, frame| {
        let subscribed = matches!(
            frame,
            RelayFrame::Reply {
                reply: Reply::Subscribed(_),
                ..
            }
        );
        counted.set(counted.get() + u32::from(subscribed && name == "bob"));
        vec![frame]
    }));
    world.join("alice");
    world.join("bob");
    world.introduce("alice", "bob");
    assert_eq!(answers.get(), 3, "inbox, account group, conversation");
    world.disconnect("bob");
    world.connect("bob");
    world.settle();
    assert_eq!(answers.get(), 6);
}

#[test]
fn typing_is_seen_and_never_stored() {
    let mut world = World::new();
    world.join("alice");
    world.join("bob");
    let (alices, bobs) = world.introduce("alice", "bob");
    let stored = world.relay.stored.len();
    world
        .command(
            "alice",
            Command::Typing {
                conversation: alices,
                typing: true,
            },
        )
        .unwrap();
    world.settle();
    assert!(world.people["bob"].events.contains(&Event::Typing {
        conversation: bobs,
        typing: true
    }));
    assert!(
        !world.people["alice"]
            .events
            .iter()
            .any(|event| matches!(event, Event::Typing { .. }))
    );
    assert_eq!(world.relay.stored.len(), stored);
}

#[test]
fn reading_is_told_and_marks_the_message() {
    let mut world = World::new();
    world.join("alice");
    world.join("bob");
    let (alices, bobs) = world.introduce("alice", "bob");
    let message = world.say("alice", alices, "read me");
    world.settle();
    assert_eq!(world.reader("bob").conversation(bobs).unwrap().unread, 1);
    world
        .command(
            "bob",
            Command::MarkRead {
                conversation: bobs,
                message,
            },
        )
        .unwrap();
    world.wait(3_000);
    assert_eq!(world.reader("bob").conversation(bobs).unwrap().unread, 0);
    assert_eq!(
        world.reader("alice").message(message).unwrap().delivery,
        Delivery::Read
    );
}

#[test]
fn a_tampered_entry_leaves_a_line_and_blocks_nothing() {
    let mut world = World::new();
    world.join("alice");
    world.join("bob");
    let (alices, bobs) = world.introduce("alice", "bob");
    world.disconnect("bob");
    world.say("alice", alices, "changed on the way");
    world.settle();
    world.relay.tamper(|entry| {
        if let Some(byte) = entry.body.last_mut() {
            *byte ^= 1;
        }
    });
    world.connect("bob");
    world.settle();
    world.say("alice", alices, "genuine");
    world.settle();
    let page = world.reader("bob").messages(bobs, None, 10).unwrap();
    let unopenable = page.messages.iter().any(|m| {
        m.body
            == Body::Notice {
                notice: Notice::Unopenable,
            }
    });
    assert!(unopenable, "never silent");
    assert_eq!(
        world.texts("bob", bobs),
        vec![(Author::Them, "genuine".into(), Delivery::Received)]
    );
    assert_eq!(
        world
            .reader("bob")
            .conversation(bobs)
            .unwrap()
            .shield_reason,
        ShieldReason::HistoryDisputed,
        "alice saw another history, and says so"
    );
}

#[test]
fn shown_as_sent_is_the_envelope_that_the_relay_stored() {
    let mut world = World::new();
    world.join("alice");
    world.join("bob");
    let (alices, _) = world.introduce("alice", "bob");
    let message = world.say("alice", alices, "look at me");
    world.settle();
    for name in ["alice", "bob"] {
        let sent = world.reader(name).sent_as(message).unwrap();
        assert!(sent.token.starts_with("gAAAAA"), "{}", sent.token);
        assert_eq!(sent.envelope_size, 1024);
        let envelope = sent.envelope.unwrap();
        let stored = world.relay.stored.iter().any(|body| {
            use base64::Engine as _;
            base64::engine::general_purpose::STANDARD.encode(body) == envelope
        });
        assert!(stored, "{name} sees what the relay stored");
    }
}

#[test]
fn whatever_the_relay_stores_has_one_of_five_sizes() {
    let mut world = World::new();
    world.join("alice");
    world.join("bob");
    let (alices, _) = world.introduce("alice", "bob");
    world.say("alice", alices, &"long ".repeat(2000));
    world.settle();
    let sizes = [1024, 4096, 16_384, 65_536, 262_144];
    let stored = world.relay.stored.iter().map(Vec::len);
    assert!(stored.len() >= 4, "a letter, a commit, names and a text");
    for size in stored {
        assert!(sizes.contains(&size), "{size}");
    }
}

#[test]
fn a_backlog_of_a_thousand_messages_goes_out_in_order() {
    let mut world = World::new();
    world.join("alice");
    world.join("bob");
    let (alices, bobs) = world.introduce("alice", "bob");
    world.disconnect("alice");
    let texts: Vec<String> = (0..1_000)
        .map(|number| format!("message {number}"))
        .collect();
    let send = |text: &String| Command::SendText {
        conversation: alices,
        text: text.clone(),
    };
    for part in texts.chunks(256) {
        let results = world.input("alice", Input::Commands(part.iter().map(send).collect()));
        assert!(results.iter().all(Result::is_ok));
    }
    world.connect("alice");
    world.settle();
    let seen: Vec<_> = world
        .texts("bob", bobs)
        .into_iter()
        .map(|(_, text, _)| text)
        .collect();
    assert_eq!(seen, texts);
    assert!(
        world
            .texts("alice", alices)
            .iter()
            .all(|(_, _, delivery)| *delivery >= Delivery::Stored)
    );
}
