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
                 ALTER TABLE conversations DROP COLUMN verified_at;
                 ALTER TABLE mls_groups DROP COLUMN since;
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
