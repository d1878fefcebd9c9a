//! What a screen shows and what it is told: rows of the list, encryption details, events.
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

use std::collections::BTreeMap;

use sotto_engine::*;
use world::World;

const MINUTE: u64 = 60_000;
const WEEK: u64 = 7 * 24 * 60 * MINUTE;

fn alice_and_bob() -> (World, ConversationId, ConversationId) {
    let mut world = World::new();
    world.join("alice");
    world.join("bob");
    let (alices, bobs) = world.introduce("alice", "bob");
    world.wait(2_000);
    (world, alices, bobs)
}

fn details(world: &World, name: &str, conversation: ConversationId) -> ConversationDetails {
    world.reader(name).details(conversation).unwrap()
}

fn compare(world: &mut World, name: &str, conversation: ConversationId, verified: bool) {
    let command = Command::SetVerified {
        conversation,
        verified,
    };
    world.command(name, command).unwrap();
}

#[test]
fn details_say_since_when_the_keys_are_in_use() {
    let mut world = World::new();
    world.join("alice");
    world.join("bob");
    let link = world.invite("alice", true);
    world.disconnect("bob");
    let bobs = world.open_invite("bob", &link).unwrap();
    let none = details(&world, "bob", bobs).last_key_change;
    assert_eq!(none, Timestamp(0), "no keys yet");
    world.now = world.now.plus(MINUTE);
    let met = world.now;
    world.connect("bob");
    world.settle();
    assert_eq!(details(&world, "bob", bobs).last_key_change, met);
    world.now = world.now.plus(MINUTE);
    let accepted = world.now;
    let alices = world.accept("alice");
    world.wait(MINUTE);
    for (name, conversation) in [("alice", alices), ("bob", bobs)] {
        let now = details(&world, name, conversation);
        // Accepting renews the keys of whoever accepts.
        assert_eq!(now.last_key_change, accepted, "{name}");
        world.say(name, conversation, "no new epoch");
        world.wait(MINUTE);
        world.crash(name);
        assert_eq!(details(&world, name, conversation), now, "{name}");
        world.connect(name);
    }
    let before = details(&world, "alice", alices);
    world.wait(WEEK);
    let after = details(&world, "alice", alices);
    assert!(after.epoch > before.epoch);
    assert!(after.last_key_change.since(accepted) >= WEEK - MINUTE);
    assert!(after.last_key_change <= world.now);
}

#[test]
fn details_say_when_the_numbers_were_compared() {
    let (mut world, alices, bobs) = alice_and_bob();
    assert_eq!(details(&world, "alice", alices).verified_at, None);
    let at = world.now;
    compare(&mut world, "alice", alices, true);
    world.now = world.now.plus(MINUTE);
    world.say("alice", alices, "It is you.");
    world.settle();
    world.crash("alice");
    assert_eq!(details(&world, "alice", alices).verified_at, Some(at));
    let other = details(&world, "bob", bobs).verified_at;
    assert_eq!(other, None, "each side compares for itself");
    compare(&mut world, "alice", alices, true);
    assert_eq!(
        details(&world, "alice", alices).verified_at,
        Some(world.now)
    );
    compare(&mut world, "alice", alices, false);
    assert_eq!(details(&world, "alice", alices).verified_at, None);
    world.crash("alice");
    assert_eq!(details(&world, "alice", alices).verified_at, None);
}

#[test]
fn a_profile_of_version_1_keeps_all_that_it_knew() {
    let (mut world, alices, bobs) = alice_and_bob();
    world.say("alice", alices, "from long ago");
    world.wait(MINUTE);
    compare(&mut world, "alice", alices, true);
    let (before, shown) = (
        details(&world, "alice", alices),
        world.reader("alice").conversations().unwrap(),
    );
    world.crash_and("alice", |database| {
        database
            .execute_batch(
                "DROP TABLE drafts;
                 ALTER TABLE conversations DROP COLUMN trouble;
                 ALTER TABLE conversations DROP COLUMN answered;
                 ALTER TABLE conversations DROP COLUMN verified_at;
                 ALTER TABLE mls_groups DROP COLUMN since;
                 ALTER TABLE openings DROP COLUMN begun;
                 ALTER TABLE openings DROP COLUMN expires;
                 DROP TABLE letters;
                 ALTER TABLE requests DROP COLUMN held;
                 ALTER TABLE invites DROP COLUMN psk;
                 PRAGMA user_version = 1;",
            )
            .unwrap();
    });
    assert_eq!(world.reader("alice").conversations().unwrap(), shown);
    let after = details(&world, "alice", alices);
    assert_eq!(after.last_key_change, before.last_key_change);
    assert_eq!(after.verified_at, None, "compared, but nobody kept when");
    world.connect("alice");
    world.say("alice", alices, "and from now");
    world.settle();
    assert_eq!(world.texts("bob", bobs).len(), 2);
}

/// A screen that reads once and then believes what it is told.
struct Screen {
    name: &'static str,
    conversations: BTreeMap<ConversationId, ConversationView>,
    messages: BTreeMap<MessageId, MessageView>,
}

impl Screen {
    fn new(world: &mut World, name: &'static str) -> Self {
        world.people.get_mut(name).unwrap().events.clear();
        let mut screen = Self {
            name,
            conversations: BTreeMap::new(),
            messages: BTreeMap::new(),
        };
        let mut reader = world.reader(name);
        for view in reader.conversations().unwrap() {
            let page = reader.messages(view.conversation, None, 500).unwrap();
            let messages = page.messages.into_iter();
            screen.messages.extend(messages.map(|m| (m.message, m)));
            screen.conversations.insert(view.conversation, view);
        }
        screen
    }

    fn hear(&mut self, event: Event) {
        match event {
            Event::ConversationChanged { conversation } => {
                self.conversations
                    .insert(conversation.conversation, conversation);
            }
            Event::MessageAdded { message } => {
                let before = self.messages.insert(message.message, message);
                assert_eq!(before, None, "added once");
            }
            Event::MessageChanged { message } => {
                let before = self.messages.insert(message.message, message);
                assert!(before.is_some(), "changed after it was added");
            }
            Event::Marks {
                conversation,
                delivered,
                read,
            } => {
                let mine = self.messages.values_mut().filter(|message| {
                    message.conversation == conversation
                        && message.author == Author::Me
                        && message.delivery != Delivery::Queued
                });
                for message in mine {
                    if message.order <= read {
                        message.delivery = Delivery::Read;
                    } else if message.order <= delivered {
                        message.delivery = Delivery::Delivered;
                    }
                }
            }
            Event::InviteFailed {
                conversation,
                gone: true,
                ..
            } => {
                self.conversations.remove(&conversation);
                self.messages.retain(|_, m| m.conversation != conversation);
            }
            _ => {}
        }
    }

    /// Takes in what was told, and compares with what is there.
    fn follow(&mut self, world: &mut World, step: &str) {
        let events = std::mem::take(&mut world.people.get_mut(self.name).unwrap().events);
        events.into_iter().for_each(|event| self.hear(event));
        let there = Self::new(world, self.name);
        assert_eq!(
            self.conversations, there.conversations,
            "{step}: {}",
            self.name
        );
        assert_eq!(self.messages, there.messages, "{step}: {}", self.name);
        for view in self.conversations.values() {
            let of = |m: &&MessageView| m.conversation == view.conversation;
            let newest = self.messages.values().filter(of).max_by_key(|m| m.order);
            assert_eq!(view.last.as_ref(), newest, "{step}: {}", self.name);
        }
    }
}

/// What two people do, one step after the other, each followed on both screens.
#[test]
fn whoever_believes_the_events_shows_what_is_there() {
    let mut world = World::new();
    world.join("alice");
    world.join("bob");
    let mut screens = [
        Screen::new(&mut world, "alice"),
        Screen::new(&mut world, "bob"),
    ];
    let mut follow = |world: &mut World, step: &str| {
        screens
            .iter_mut()
            .for_each(|screen| screen.follow(world, step));
    };
    let link = world.invite("alice", true);
    let bobs = world.open_invite("bob", &link).unwrap();
    follow(&mut world, "opened");
    let early = world.say("bob", bobs, "Are you there?");
    follow(&mut world, "written before acceptance");
    let alices = world.accept("alice");
    follow(&mut world, "accepted");
    world.wait(2_000);
    follow(&mut world, "names and receipts exchanged");
    world.say("alice", alices, "Yes.");
    follow(&mut world, "said");
    world.settle();
    follow(&mut world, "arrived");
    let shown = |world: &World| world.reader("bob").conversation(bobs).unwrap();
    assert_eq!(shown(&world).unread, 1);
    let last = shown(&world).last.unwrap().message;
    let read = |message| Command::MarkRead {
        conversation: bobs,
        message,
    };
    world.command("bob", read(last)).unwrap();
    follow(&mut world, "read");
    assert_eq!(shown(&world).unread, 0);
    world.wait(2_000);
    follow(&mut world, "receipt sent");
    world.command("bob", read(early)).unwrap();
    follow(&mut world, "an earlier one read again");
    assert_eq!(shown(&world).unread, 0, "what was read stays read");
    compare(&mut world, "alice", alices, true);
    follow(&mut world, "compared");
    compare(&mut world, "alice", alices, false);
    follow(&mut world, "no longer counts");
    let draft = |text: &str| Command::SetDraft {
        conversation: alices,
        text: text.into(),
    };
    world.command("alice", draft("And then")).unwrap();
    follow(&mut world, "begun to write");
    world.disconnect("alice");
    world.say("alice", alices, "And then the train stopped.");
    world.say("alice", alices, "In the middle of the bridge.");
    follow(&mut world, "queued");
    world.connect("alice");
    follow(&mut world, "connected");
    world.settle();
    follow(&mut world, "stored");
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
    follow(&mut world, "could not be opened");
    world.say("alice", alices, "genuine");
    world.settle();
    follow(&mut world, "disputed");
    assert_eq!(shown(&world).shield_reason, ShieldReason::HistoryDisputed);
    world.relay.refuse = vec![sotto_wire::RefusalCode::Unavailable];
    world.say("bob", bobs, "refused for now");
    world.settle();
    follow(&mut world, "refused");
    world.wait(MINUTE);
    follow(&mut world, "taken");
    let name = Command::SetName {
        name: "Alice B.".into(),
    };
    world.command("alice", name).unwrap();
    world.settle();
    follow(&mut world, "renamed");
    assert_eq!(shown(&world).name, "Alice B.");
    world.wait(WEEK + MINUTE);
    follow(&mut world, "keys and channel renewed");
}

#[test]
fn a_queued_message_is_told_again_when_it_is_stored() {
    let (mut world, alices, _) = alice_and_bob();
    world.disconnect("alice");
    let queued = world.say("alice", alices, "waits");
    world.crash("alice");
    world.connect("alice");
    world.settle();
    let told: Vec<_> = world.people["alice"]
        .events
        .iter()
        .filter_map(|event| match event {
            Event::MessageChanged { message } if message.message == queued => {
                Some(message.delivery)
            }
            _ => None,
        })
        .collect();
    assert_eq!(told, [Delivery::Stored]);
}

#[test]
fn typing_and_reading_again_write_nothing() {
    let (mut world, alices, bobs) = alice_and_bob();
    let message = world.say("alice", alices, "read me twice");
    world.settle();
    world.wait(2_000);
    let read = Command::MarkRead {
        conversation: bobs,
        message,
    };
    world.command("bob", read.clone()).unwrap();
    world.wait(2_000);
    world.people.get_mut("bob").unwrap().events.clear();
    let (alice, bob) = (world.database("alice"), world.database("bob"));
    let stored = world.relay.stored.len();
    world.command("bob", read).unwrap();
    for typing in [true, false, true] {
        let command = Command::Typing {
            conversation: bobs,
            typing,
        };
        world.command("bob", command).unwrap();
        world.settle();
        world.wait(3_000);
    }
    let heard = |event: &&Event| matches!(event, Event::Typing { .. });
    let heard = world.people["alice"].events.iter().filter(heard).count();
    assert_eq!(heard, 3);
    assert_eq!(world.people["bob"].events, [], "nothing new to show");
    assert_eq!(world.relay.stored.len(), stored);
    // Without a byte there is nothing that a disk is waited for.
    assert!(world.database("bob") == bob && world.database("alice") == alice);
}

#[test]
fn a_history_reads_the_same_in_both_directions() {
    let mut world = World::new();
    world.join("alice");
    world.join("bob");
    let (alices, _) = world.introduce("alice", "bob");
    world.settle();
    for number in 0..23 {
        world.say("alice", alices, &format!("No. {number}"));
    }
    world.settle();
    // Two wait without a connection: they stand at the end, whatever their order.
    world.disconnect("alice");
    world.say("alice", alices, "waits");
    world.say("alice", alices, "waits too");
    let mut reader = world.reader("alice");
    let all = reader.messages(alices, None, 500).unwrap().messages;
    let mut forwards: Vec<MessageView> = Vec::new();
    loop {
        let after = forwards.last().map_or(i64::MIN, |message| message.order);
        let page = reader.messages_after(alices, after, 4).unwrap();
        let short = page.messages.len() < 4;
        forwards.extend(page.messages);
        if !page.more {
            break;
        }
        assert!(!short, "only the last page is short");
    }
    assert_eq!(forwards, all);
    assert_eq!(all.last().unwrap().delivery, Delivery::Queued);
    let end = reader
        .messages_after(alices, all.last().unwrap().order, 4)
        .unwrap();
    assert_eq!((end.messages, end.more), (vec![], false));
    // Exactly as many as are left: nothing more is promised.
    let order = all[all.len() - 5].order;
    assert!(!reader.messages_after(alices, order, 4).unwrap().more);
}
