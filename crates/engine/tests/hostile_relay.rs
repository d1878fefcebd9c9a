//! A relay that lies: what it can't do, and what the people see of its attempts.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "tests"
)]

mod lying;
mod world;

use std::cell::Cell;
use std::rc::Rc;

use lying::any_relay;
use proptest::prelude::*;
use sotto_engine::*;
use sotto_wire::{
    ChainHash, Delivered, Entry, Gap, Lane, Position, RefusalCode, RelayFrame, Reply,
};
use world::World;

fn two() -> (World, ConversationId, ConversationId) {
    let mut world = World::new();
    world.join("alice");
    world.join("bob");
    let (alices, bobs) = world.introduce("alice", "bob");
    (world, alices, bobs)
}

fn entry_of(frame: &mut RelayFrame) -> Option<&mut Entry> {
    match frame {
        RelayFrame::Deliver {
            delivered: Delivered::Entry(entry),
            ..
        } => Some(entry),
        _ => None,
    }
}

#[test]
fn an_entry_that_is_replayed_is_not_shown_twice() {
    let (mut world, alices, bobs) = two();
    world.relay.lies = true;
    let mut extra = 0;
    world.relay.intercept = Some(Box::new(move |name, mut frame| {
        if name != "bob" {
            return vec![frame];
        }
        let mut again = None;
        if let Some(entry) = entry_of(&mut frame) {
            entry.position = Position(entry.position.0 + extra);
            extra += 1;
            let mut copy = frame.clone();
            if let Some(entry) = entry_of(&mut copy) {
                entry.position = entry.position.next();
            }
            again = Some(copy);
        }
        std::iter::once(frame).chain(again).collect()
    }));
    world.say("alice", alices, "only once");
    world.settle();
    assert_eq!(world.texts("bob", bobs).len(), 1);
}

#[test]
fn a_letter_that_is_replayed_asks_once() {
    let mut world = World::new();
    world.join("alice");
    world.join("bob");
    world.join("carol");
    let link = world.invite("alice", false);
    let told = |world: &World| {
        let told = world.people["alice"].events.iter();
        told.filter(|event| matches!(event, Event::RequestArrived { .. }))
            .count()
    };
    world.open_invite("carol", &link).unwrap();
    assert_eq!(told(&world), 1);
    world.relay.lies = true;
    world.relay.intercept = Some(Box::new(|name, mut frame| {
        let first = frame.clone();
        let again = entry_of(&mut frame).map(|entry| entry.position = entry.position.next());
        match again {
            Some(()) if name == "alice" => vec![first, frame],
            _ => vec![first],
        }
    }));
    world.open_invite("bob", &link).unwrap();
    assert_eq!(world.reader("alice").requests().unwrap().len(), 2);
    assert_eq!(told(&world), 2);
}

#[test]
fn other_bytes_under_an_own_append_id_turn_the_shield_red() {
    let (mut world, alices, _) = two();
    world.relay.lies = true;
    world.relay.intercept = Some(Box::new(|name, mut frame| {
        if name == "alice"
            && let Some(entry) = entry_of(&mut frame)
        {
            entry.body[40] ^= 1;
        }
        vec![frame]
    }));
    world.say("alice", alices, "changed under my name");
    world.settle();
    let shown = world.reader("alice").conversation(alices).unwrap();
    assert_eq!(
        (shown.shield, shown.shield_reason),
        (Shield::NotProtected, ShieldReason::RelayContradiction)
    );
    // Sending is held until the person has read the reason.
    let command = Command::SendText {
        conversation: alices,
        text: "more".into(),
    };
    assert_eq!(
        world.command("alice", command).unwrap_err().code,
        "conversation_held"
    );
}

#[test]
fn other_bytes_in_the_place_of_an_own_commit_are_not_taken_for_it() {
    let (mut world, alices, bobs) = two();
    world.say("alice", alices, "before");
    world.settle();
    world.relay.lies = true;
    world.relay.intercept = Some(Box::new(|_, mut frame| {
        if let Some(entry) = entry_of(&mut frame)
            && entry.lane == Lane::Handshake
        {
            entry.body[40] ^= 1;
        }
        vec![frame]
    }));
    for _ in 0..16 {
        world.now = world.now.plus(43_200_000);
        for name in ["alice", "bob"] {
            world.input(name, Input::Deadline);
        }
        world.settle();
    }
    let red = |world: &World, who, conversation| {
        let shown = world.reader(who).conversation(conversation).unwrap();
        shown.shield_reason == ShieldReason::RelayContradiction
    };
    assert!(red(&world, "alice", alices) || red(&world, "bob", bobs));
    // Nobody has applied it, so both still have the same keys.
    let epoch = |who| {
        let beside = world.beside(who);
        let sql = "SELECT max(epoch) FROM mls_epochs WHERE group_id =
            (SELECT group_id FROM conversations WHERE kind = 1)";
        beside.query_row(sql, [], |row| row.get::<_, Option<i64>>(0))
    };
    assert_eq!(epoch("alice").unwrap(), epoch("bob").unwrap());
}

/// Nothing can be said where a relay takes nothing more, and no fence leads on from there.
#[test]
fn a_channel_that_is_said_to_be_closed_and_has_no_fence_turns_the_shield_red() {
    let (mut world, alices, _) = two();
    world.relay.lies = true;
    world.relay.intercept = Some(Box::new(|_, mut frame| {
        if let RelayFrame::Reply {
            reply: Reply::Subscribed(state),
            ..
        } = &mut frame
        {
            state.fenced = true;
        }
        vec![frame]
    }));
    world.disconnect("alice");
    world.connect("alice");
    world.settle();
    let shown = world.reader("alice").conversation(alices).unwrap();
    assert_eq!(
        (shown.shield, shown.shield_reason),
        (Shield::NotProtected, ShieldReason::RelayContradiction)
    );
}

#[test]
fn members_who_are_shown_different_histories_find_out() {
    let (mut world, alices, bobs) = two();
    world.relay.lies = true;
    // Bob never gets Alice's first message; its place is given to the second.
    let mut dropped = 0;
    world.relay.intercept = Some(Box::new(move |name, mut frame| {
        if name != "bob" {
            return vec![frame];
        }
        if let Some(entry) = entry_of(&mut frame) {
            if dropped == 0 {
                dropped = 1;
                return Vec::new();
            }
            entry.position = Position(entry.position.0 - 1);
        }
        vec![frame]
    }));
    for text in ["withheld", "second", "third"] {
        world.say("alice", alices, text);
        world.settle();
    }
    let seen: Vec<_> = world
        .texts("bob", bobs)
        .into_iter()
        .map(|(_, text, _)| text)
        .collect();
    assert_eq!(seen, ["second", "third"]);
    let shown = world.reader("bob").conversation(bobs).unwrap();
    assert_eq!(
        (shown.shield, shown.shield_reason),
        (Shield::Encrypted, ShieldReason::HistoryDisputed)
    );
}

#[test]
fn a_relay_that_forgets_is_noticed() {
    let (mut world, alices, _) = two();
    world.say("alice", alices, "kept");
    world.settle();
    world.disconnect("alice");
    world.relay.lies = true;
    world.relay.intercept = Some(Box::new(|name, frame| match frame {
        RelayFrame::Reply {
            id,
            reply: Reply::Subscribed(mut state),
        } if name == "alice" => {
            state.head = Position(0);
            state.cursor = Position(0);
            vec![RelayFrame::Reply {
                id,
                reply: Reply::Subscribed(state),
            }]
        }
        other => vec![other],
    }));
    world.connect("alice");
    world.settle();
    let shown = world.reader("alice").conversation(alices).unwrap();
    assert_eq!(shown.shield_reason, ShieldReason::RelayContradiction);
}

#[test]
fn a_hole_is_never_passed_over() {
    let (mut world, alices, bobs) = two();
    world.relay.lies = true;
    let mut dropped = false;
    world.relay.intercept = Some(Box::new(move |name, mut frame| {
        if name == "bob" && entry_of(&mut frame).is_some() && !dropped {
            dropped = true;
            return Vec::new();
        }
        vec![frame]
    }));
    world.say("alice", alices, "first");
    world.settle();
    world.say("alice", alices, "second");
    world.settle();
    assert!(
        world.texts("bob", bobs).is_empty(),
        "nothing is shown out of order"
    );
    world.disconnect("bob");
    world.relay.intercept = None;
    world.connect("bob");
    world.settle();
    let seen: Vec<_> = world
        .texts("bob", bobs)
        .into_iter()
        .map(|(_, text, _)| text)
        .collect();
    assert_eq!(seen, ["first", "second"]);
}

#[test]
fn a_hole_that_stays_does_not_keep_the_other_conversations_from_going_on() {
    let (mut world, alices, bobs) = two();
    world.join("carol");
    let (carols, with_carol) = world.introduce("carol", "bob");
    world.relay.lies = true;
    // In the channel in which Bob hears something first, one entry never comes.
    let mut torn = None;
    world.relay.intercept = Some(Box::new(move |name, mut frame| {
        let RelayFrame::Deliver { channel, .. } = &frame else {
            return vec![frame];
        };
        let channel = *channel;
        if name == "bob"
            && let Some(entry) = entry_of(&mut frame)
            && *torn.get_or_insert(channel) == channel
        {
            entry.position = entry.position.next();
        }
        vec![frame]
    }));
    world.say("alice", alices, "lost on the way");
    world.settle();
    for _ in 0..3 {
        world.disconnect("bob");
        world.connect("bob");
        world.settle();
    }
    assert_eq!(world.people["bob"].drops, 1, "it is asked again once");
    world.say("carol", carols, "hello Bob");
    world.settle();
    assert!(
        world.texts("bob", bobs).is_empty(),
        "no hole is passed over"
    );
    assert_eq!(world.texts("bob", with_carol).len(), 1);

    world.relay.intercept = None;
    world.disconnect("bob");
    world.connect("bob");
    world.settle();
    assert_eq!(world.texts("bob", bobs).len(), 1, "what was there comes");
}

/// Each attempt costs a key of the group, so it is made less and less often.
#[test]
fn what_is_stale_for_no_reason_is_tried_every_minute_and_arrives_in_the_end() {
    let (mut world, alices, bobs) = two();
    const ENDLESS: usize = 100_000;
    world.relay.refuse = vec![RefusalCode::Stale; ENDLESS];
    world.say("alice", alices, "hello Bob");
    world.settle();
    world.wait(3_600_000);
    let tried = ENDLESS - world.relay.refuse.len();
    assert!((60..=80).contains(&tried), "{tried} times in an hour");
    world.relay.refuse.clear();
    world.wait(61_000);
    assert_eq!(world.texts("bob", bobs).len(), 1);

    // Something was read since: whatever is stale now has a reason, and it goes again at once.
    world.relay.refuse = vec![RefusalCode::Stale];
    world.say("alice", alices, "and again");
    world.settle();
    world.wait(1_000);
    assert_eq!(world.texts("bob", bobs).len(), 2);
}

#[test]
fn a_hole_in_the_inbox_that_stays_does_not_keep_conversations_from_going_on() {
    let (mut world, alices, bobs) = two();
    world.join("carol");
    let link = world.invite("alice", true);
    world.disconnect("alice");
    world.open_invite("carol", &link).unwrap();
    world.say("bob", bobs, "hello Alice");
    world.settle();
    world.relay.lies = true;
    // The inbox comes first, and one letter in it never does.
    let mut inbox = None;
    world.relay.intercept = Some(Box::new(move |name, mut frame| {
        let RelayFrame::Deliver { channel, .. } = &frame else {
            return vec![frame];
        };
        let channel = *channel;
        if name == "alice"
            && *inbox.get_or_insert(channel) == channel
            && let Some(entry) = entry_of(&mut frame)
        {
            entry.position = entry.position.next();
        }
        vec![frame]
    }));
    for _ in 0..3 {
        world.connect("alice");
        world.settle();
        world.disconnect("alice");
    }
    assert_eq!(world.people["alice"].drops, 1, "it is asked again once");
    assert!(world.reader("alice").requests().unwrap().is_empty());
    assert_eq!(world.texts("alice", alices).len(), 1);

    world.relay.intercept = None;
    world.connect("alice");
    world.settle();
    assert_eq!(world.reader("alice").requests().unwrap().len(), 1);
}

#[test]
fn a_card_that_is_not_the_inviters_is_refused() {
    let mut world = World::new();
    world.join("alice");
    world.join("bob");
    let link = world.invite("alice", true);
    world.relay.lies = true;
    world.relay.intercept = Some(Box::new(|_, frame| match frame {
        RelayFrame::Reply {
            id,
            reply: Reply::Card(mut card),
        } => {
            let last = card.len() - 1;
            card[last] ^= 1;
            vec![RelayFrame::Reply {
                id,
                reply: Reply::Card(card),
            }]
        }
        other => vec![other],
    }));
    let conversation = world.open_invite("bob", &link).unwrap();
    let told = world.people["bob"].events.iter().any(|event| {
        matches!(event, Event::InviteFailed { conversation: of, problem, .. } if *of == conversation && problem.code == "invite_forged")
    });
    assert!(told);
    assert!(
        world.reader("alice").requests().unwrap().is_empty(),
        "nothing was sent"
    );
}

#[test]
fn packages_that_are_not_the_inviters_are_refused() {
    let mut world = World::new();
    world.join("alice");
    world.join("bob");
    let link = world.invite("alice", true);
    world.relay.lies = true;
    let tries = Rc::new(Cell::new(0));
    let counted = Rc::clone(&tries);
    world.relay.intercept = Some(Box::new(move |_, frame| match frame {
        RelayFrame::Reply {
            id,
            reply: Reply::Taken(mut offers),
        } => {
            counted.set(counted.get() + 1);
            offers.iter_mut().for_each(|offer| offer.package.reverse());
            vec![RelayFrame::Reply {
                id,
                reply: Reply::Taken(offers),
            }]
        }
        other => vec![other],
    }));
    world.open_invite("bob", &link).unwrap();
    let told = world.people["bob"].events.iter().any(
        |event| matches!(event, Event::InviteFailed { problem, .. } if problem.code == "invite_no_package"),
    );
    assert!(told);
    assert_eq!(tries.get(), 5, "after a few tries");
    assert!(world.reader("alice").requests().unwrap().is_empty());
}

#[test]
fn random_garbage_from_a_relay_breaks_nothing() {
    let (mut world, alices, bobs) = two();
    world.relay.lies = true;
    let mut state = 7_u64;
    world.relay.intercept = Some(Box::new(move |_, mut frame| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        if let Some(entry) = entry_of(&mut frame)
            && state >> 62 == 0
        {
            let length = entry.body.len() as u64;
            entry.body[(state % length) as usize] ^= 0x40;
        }
        vec![frame]
    }));
    for round in 0..20 {
        let _ = world.command(
            "alice",
            Command::SendText {
                conversation: alices,
                text: format!("a{round}"),
            },
        );
        let _ = world.command(
            "bob",
            Command::SendText {
                conversation: bobs,
                text: format!("b{round}"),
            },
        );
        world.settle();
    }
    for (name, id) in [("alice", alices), ("bob", bobs)] {
        let texts = world.texts(name, id);
        let mut unique: Vec<_> = texts.iter().map(|(_, text, _)| text.clone()).collect();
        unique.sort();
        unique.dedup();
        assert_eq!(unique.len(), texts.len(), "{name} sees nothing twice");
    }
}

#[test]
fn what_is_delivered_again_has_to_be_the_same() {
    for changed in [false, true] {
        let (mut world, alices, bobs) = two();
        world.relay.lies = true;
        world.relay.intercept = Some(Box::new(move |name, mut frame| {
            if name != "bob" || entry_of(&mut frame).is_none() {
                return vec![frame];
            }
            let mut again = frame.clone();
            if let Some(entry) = entry_of(&mut again) {
                entry.body[40] ^= u8::from(changed);
            }
            vec![frame, again]
        }));
        world.say("alice", alices, "once");
        world.settle();
        assert_eq!(world.texts("bob", bobs).len(), 1);
        let shown = world.reader("bob").conversation(bobs).unwrap();
        let expected = if changed {
            ShieldReason::RelayContradiction
        } else {
            ShieldReason::NotCompared
        };
        assert_eq!(shown.shield_reason, expected);
    }
}

#[test]
fn nobody_writes_who_has_not_been_shown_what_is_there() {
    let (mut world, alices, bobs) = two();
    world.disconnect("bob");
    world.say("alice", alices, "kept from Bob");
    world.settle();
    world.relay.lies = true;
    world.relay.intercept = Some(Box::new(|name, mut frame| {
        if name == "bob" && entry_of(&mut frame).is_some() {
            return Vec::new();
        }
        vec![frame]
    }));
    world.connect("bob");
    world.settle();
    world.say("bob", bobs, "to be sent later");
    world.settle();
    assert_eq!(world.texts("bob", bobs)[0].2, Delivery::Queued);
    assert_eq!(world.texts("alice", alices).len(), 1, "only her own");
}

/// Bob comes back, and the relay says that what Alice has written meanwhile is gone.
fn after_a_gap(hidden_handshakes: u64) -> ConversationState {
    let (mut world, alices, bobs) = two();
    world.disconnect("bob");
    world.say("alice", alices, "gone");
    world.settle();
    world.relay.lies = true;
    let mut known = 0;
    world.relay.intercept = Some(Box::new(move |name, mut frame| {
        if name != "bob" {
            return vec![frame];
        }
        if let RelayFrame::Reply {
            reply: Reply::Subscribed(state),
            ..
        } = &frame
        {
            known = known.max(state.handshakes);
        }
        let position = entry_of(&mut frame).map(|entry| entry.position);
        if let (Some(until), RelayFrame::Deliver { delivered, .. }) = (position, &mut frame) {
            *delivered = Delivered::Gap(Gap {
                until,
                hash: ChainHash([5; 32]),
                handshakes: known + hidden_handshakes,
            });
        }
        vec![frame]
    }));
    world.connect("bob");
    world.settle();
    assert!(world.texts("bob", bobs).is_empty());
    world.reader("bob").conversation(bobs).unwrap().state
}

#[test]
fn a_gap_may_hide_texts_and_no_commits() {
    assert_eq!(after_a_gap(0), ConversationState::Active);
    assert_eq!(after_a_gap(1), ConversationState::Halted);
}

#[test]
fn a_gap_over_what_was_read_has_to_lead_to_the_same_history() {
    let (mut world, alices, bobs) = two();
    world.relay.lies = true;
    world.relay.intercept = Some(Box::new(|name, mut frame| {
        let position = entry_of(&mut frame).map(|entry| entry.position);
        let mut gap = frame.clone();
        match (position, &mut gap) {
            (Some(position), RelayFrame::Deliver { delivered, .. }) if name == "bob" => {
                *delivered = Delivered::Gap(Gap {
                    until: Position(position.0 - 1),
                    hash: ChainHash([5; 32]),
                    handshakes: 0,
                });
                vec![gap, frame]
            }
            _ => vec![frame],
        }
    }));
    world.say("alice", alices, "next");
    world.settle();
    assert_eq!(world.texts("bob", bobs).len(), 1);
    let shown = world.reader("bob").conversation(bobs).unwrap();
    assert_eq!(shown.shield_reason, ShieldReason::RelayContradiction);
}

/// What the fuzz target `lies` begins with, and what it ever found.
#[test]
fn what_the_fuzz_target_has_kept_is_survived() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/lies");
    let mut inputs = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        any_relay(&std::fs::read(entry.unwrap().path()).unwrap());
        inputs += 1;
    }
    assert!(inputs >= 5);
}

proptest! {
    #![proptest_config(ProptestConfig {
        max_shrink_iters: 100,
        ..ProptestConfig::with_cases(32)
    })]

    #[test]
    fn whatever_it_says_people_keep_what_they_have(
        bytes in proptest::collection::vec(any::<u8>(), 0..600),
    ) {
        any_relay(&bytes);
    }
}
