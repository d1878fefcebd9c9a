//! How texts go: together or alone, after a refusal, a lost connection or a crash, and each once.
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

use std::cell::RefCell;
use std::rc::Rc;

use sotto_engine::*;
use sotto_wire::{Delivered, RefusalCode, RelayFrame};
use world::World;

#[test]
fn a_refused_append_is_sent_again_under_the_same_message_id() {
    let mut world = World::new();
    world.join("alice");
    world.join("bob");
    let (alices, bobs) = world.introduce("alice", "bob");
    world.relay.refuse = vec![
        RefusalCode::Stale,
        RefusalCode::Unavailable,
        RefusalCode::Stale,
        RefusalCode::TooFast,
    ];
    let sent = world.say("alice", alices, "once");
    world.settle();
    world.wait(60_000);
    assert_eq!(world.texts("bob", bobs).len(), 1);
    assert_eq!(
        world.reader("bob").message(sent).unwrap().body,
        Body::Text {
            text: "once".into()
        }
    );
}

#[test]
fn nothing_overtakes_a_message_that_was_refused_for_now() {
    let mut world = World::new();
    world.join("alice");
    world.join("bob");
    let (alices, bobs) = world.introduce("alice", "bob");
    world.relay.refuse = vec![RefusalCode::Unavailable];
    world.say("alice", alices, "first");
    world.settle();
    world.say("alice", alices, "second");
    world.say("alice", alices, "third");
    world.settle();
    assert!(world.texts("bob", bobs).is_empty(), "not yet");
    world.wait(60_000);
    let texts = |world: &World, name, id| {
        let texts = world.texts(name, id).into_iter();
        texts.map(|(_, text, _)| text).collect::<Vec<_>>()
    };
    assert_eq!(texts(&world, "bob", bobs), ["first", "second", "third"]);
    assert_eq!(texts(&world, "alice", alices), ["first", "second", "third"]);
}

/// Alice and Bob, who is away; what Alice sends does not come back to her.
fn without_an_echo() -> (World, ConversationId) {
    let mut world = World::new();
    world.join("alice");
    world.join("bob");
    let (alices, _) = world.introduce("alice", "bob");
    world.disconnect("bob");
    world.relay.intercept = Some(Box::new(|_, frame| match frame {
        RelayFrame::Deliver {
            delivered: Delivered::Entry(_),
            ..
        } => Vec::new(),
        other => vec![other],
    }));
    (world, alices)
}

#[test]
fn texts_go_together_but_one_that_was_refused_goes_alone() {
    for refused in [false, true] {
        let (mut world, alices) = without_an_echo();
        let stored = world.relay.stored.len();
        if refused {
            world.relay.refuse = vec![RefusalCode::Unavailable];
        }
        world.say("alice", alices, "first");
        if refused {
            world.settle();
        }
        world.say("alice", alices, "second");
        world.say("alice", alices, "third");
        world.wait(10_000);
        let went = world.relay.stored.len() - stored;
        assert_eq!(went, if refused { 1 } else { 3 });
    }
}

#[test]
fn what_did_not_reach_the_relay_is_sent_again_as_it_was() {
    let encrypted = |world: &World| -> (Option<[u8; 16]>, Option<Vec<u8>>) {
        let beside = world.beside("alice");
        let row = beside.query_row("SELECT append, body FROM outbox", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        });
        row.unwrap()
    };
    for crash in [false, true] {
        let (mut world, alices) = without_an_echo();
        world.say("alice", alices, "Are you there?");
        world.input("alice", Input::Deadline);
        let before = encrypted(&world);
        assert!(before.0.is_some(), "it is on its way");
        world.disconnect("alice");
        if crash {
            world.crash("alice");
        }
        world.connect("alice");
        world.settle();
        assert_eq!(encrypted(&world), before);
        assert_eq!(world.relay.stored.last(), before.1.as_ref());
    }
}

/// Three texts are refused for now. The first goes alone, and when it has come back the others go together.
#[test]
fn when_the_relay_takes_texts_again_the_others_need_not_go_one_by_one() {
    let (mut world, alices) = without_an_echo();
    let mut echoes = 0;
    world.relay.intercept = Some(Box::new(move |_, frame| {
        let entry = matches!(
            frame,
            RelayFrame::Deliver {
                delivered: Delivered::Entry(_),
                ..
            }
        );
        echoes += u32::from(entry);
        if entry && echoes > 1 {
            Vec::new()
        } else {
            vec![frame]
        }
    }));
    let stored = world.relay.stored.len();
    world.relay.refuse = vec![RefusalCode::Unavailable; 3];
    for text in ["first", "second", "third"] {
        world.say("alice", alices, text);
    }
    world.settle();
    assert!(world.relay.refuse.is_empty());
    world.wait(10_000);
    assert_eq!(world.relay.stored.len(), stored + 3);
}

/// The first is taken and comes back late; the second is refused for now meanwhile.
#[test]
fn a_refusal_counts_although_an_earlier_text_comes_back() {
    let (mut world, alices) = without_an_echo();
    let late = Rc::new(RefCell::new(Vec::new()));
    let kept = Rc::clone(&late);
    world.relay.intercept = Some(Box::new(move |_, frame| match frame {
        RelayFrame::Deliver { .. } => {
            kept.borrow_mut().push(frame);
            Vec::new()
        }
        other => vec![other],
    }));
    world.say("alice", alices, "first");
    world.settle();
    world.relay.refuse = vec![RefusalCode::Unavailable];
    world.say("alice", alices, "second");
    world.settle();
    assert!(world.relay.refuse.is_empty());
    let stored = world.relay.stored.len();
    let frames = late.take();
    assert_eq!(frames.len(), 1);
    world.frames("alice", frames);
    world.settle();
    assert_eq!(world.relay.stored.len(), stored, "not yet");
    world.wait(10_000);
    assert_eq!(world.relay.stored.len(), stored + 1);
}

#[test]
fn no_more_texts_are_under_way_than_a_relay_takes() {
    let (mut world, alices) = without_an_echo();
    let stored = world.relay.stored.len();
    world.disconnect("alice");
    for number in 0..300 {
        world.say("alice", alices, &format!("text {number}"));
    }
    world.connect("alice");
    world.settle();
    assert_eq!(world.relay.stored.len(), stored + 256);
}

#[test]
fn what_was_refused_before_a_crash_goes_out_by_itself_after_it() {
    let mut world = World::new();
    world.join("alice");
    world.join("bob");
    let (alices, bobs) = world.introduce("alice", "bob");
    world.relay.refuse = vec![RefusalCode::Unavailable];
    world.say("alice", alices, "still there");
    world.settle();
    world.crash("alice");
    world.connect("alice");
    world.settle();
    world.wait(60_000);
    assert_eq!(world.texts("bob", bobs).len(), 1);
}
