//! Somebody sleeps longer than the relay keeps what it is given.
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

const WEEK: u64 = 7 * 86_400_000;

/// So many weeks pass at the relay as well.
fn weeks(world: &mut World, count: usize) {
    for _ in 0..count {
        world.wait(WEEK);
        world.relay.now = world.now.0;
        world.relay.age();
    }
}

#[test]
fn who_sleeps_over_the_retention_learns_name_and_marks_all_the_same() {
    let mut world = World::new();
    world.relay.now = world.now.0;
    world.join("alice");
    world.join("bob");
    let (alices, bobs) = world.introduce("alice", "bob");
    world.wait(60_000);
    let text = world.say("bob", bobs, "Do you read me?");
    world.settle();
    world.disconnect("bob");
    let name = "Alice B.".to_owned();
    world.command("alice", Command::SetName { name }).unwrap();
    let read = Command::MarkRead {
        conversation: alices,
        message: text,
    };
    world.command("alice", read).unwrap();
    weeks(&mut world, 6);
    assert!(!world.relay.lost().is_empty(), "the relay has kept neither");
    world.connect("bob");
    world.settle();
    world.wait(60_000);
    let view = world.reader("bob").conversation(bobs).unwrap();
    assert_eq!(view.name, "Alice B.");
    let marks: Vec<_> = world
        .texts("bob", bobs)
        .into_iter()
        .map(|text| text.2)
        .collect();
    assert_eq!(marks, [Delivery::Read]);
}
