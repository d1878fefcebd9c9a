//! What a person has begun to write stays with them, and nobody else sees it.
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

fn draft(world: &mut World, name: &str, conversation: ConversationId, text: &str) {
    let command = Command::SetDraft {
        conversation,
        text: text.into(),
    };
    assert_eq!(world.command(name, command).unwrap(), Done::Ok);
}

fn view(world: &World, name: &str, conversation: ConversationId) -> ConversationView {
    world.reader(name).conversation(conversation).unwrap()
}

/// What was told of a conversation since the last time.
fn told(world: &mut World, name: &str) -> Vec<ConversationView> {
    let events = std::mem::take(&mut world.people.get_mut(name).unwrap().events);
    let changed = events.into_iter().filter_map(|event| match event {
        Event::ConversationChanged { conversation } => Some(conversation),
        _ => None,
    });
    changed.collect()
}

fn alice_and_bob() -> (World, ConversationId, ConversationId) {
    let mut world = World::new();
    world.join("alice");
    world.join("bob");
    let (alices, bobs) = world.introduce("alice", "bob");
    world.wait(2_000);
    (world, alices, bobs)
}

#[test]
fn a_draft_is_told_once_and_moves_nothing() {
    let (mut world, alices, bobs) = alice_and_bob();
    let before = view(&world, "alice", alices);
    let (stored, said) = (world.relay.stored.len(), told(&mut world, "alice"));
    assert!(said.iter().all(|view| view.draft.is_empty()));
    world.now = world.now.plus(60_000);
    draft(&mut world, "alice", alices, "  Dear Bob,\n");
    draft(&mut world, "alice", alices, "  Dear Bob,\n");
    let said = told(&mut world, "alice");
    assert_eq!(said.len(), 1, "the same again is nothing new");
    assert_eq!(said[0].draft, "  Dear Bob,\n", "as it was written");
    assert_eq!(said[0].changed, before.changed, "the list keeps its order");
    assert_eq!(view(&world, "alice", alices), said[0]);
    world.settle();
    world.wait(2_000);
    assert_eq!(view(&world, "bob", bobs).draft, "");
    assert_eq!(
        world.relay.stored.len(),
        stored,
        "nothing leaves this device"
    );
    draft(&mut world, "alice", alices, "");
    assert_eq!(told(&mut world, "alice")[0].draft, "");
    assert_eq!(view(&world, "alice", alices), before);
}

#[test]
fn a_draft_outlives_its_process_and_a_sent_text_is_none_any_more() {
    let (mut world, alices, _) = alice_and_bob();
    draft(&mut world, "alice", alices, "We meet at");
    draft(&mut world, "alice", alices, "We meet at the harbour");
    world.crash("alice");
    assert_eq!(
        view(&world, "alice", alices).draft,
        "We meet at the harbour"
    );
    world.say("alice", alices, "We meet at the harbour.");
    let last = told(&mut world, "alice").pop().unwrap();
    assert_eq!(last.draft, "");
    world.crash("alice");
    assert_eq!(view(&world, "alice", alices).draft, "");
    assert_eq!(world.texts("alice", alices).len(), 1);
}

#[test]
fn a_refused_text_leaves_the_draft() {
    let (mut world, alices, _) = alice_and_bob();
    draft(&mut world, "alice", alices, "a draft");
    let long = Command::SendText {
        conversation: alices,
        text: "x".repeat(65_537),
    };
    assert_eq!(
        world.command("alice", long).unwrap_err().code,
        "text_too_long"
    );
    assert_eq!(view(&world, "alice", alices).draft, "a draft");
}

#[test]
fn the_longest_draft_is_kept_and_a_longer_one_replaces_nothing() {
    let (mut world, alices, _) = alice_and_bob();
    let longest = "ü".repeat(32_768);
    draft(&mut world, "alice", alices, &longest);
    let longer = Command::SetDraft {
        conversation: alices,
        text: longest.clone() + "x",
    };
    assert_eq!(
        world.command("alice", longer).unwrap_err().code,
        "draft_too_long"
    );
    world.crash("alice");
    assert_eq!(view(&world, "alice", alices).draft, longest);
    let nowhere = Command::SetDraft {
        conversation: ConversationId([9; 16]),
        text: "x".into(),
    };
    let refused = world.command("alice", nowhere).unwrap_err();
    assert_eq!(refused.code, "conversation_unknown");
}

#[test]
fn there_are_drafts_before_anybody_has_accepted() {
    let mut world = World::new();
    world.join("alice");
    world.join("bob");
    let link = world.invite("alice", true);
    world.disconnect("bob");
    let bobs = world.open_invite("bob", &link).unwrap();
    assert_eq!(view(&world, "bob", bobs).state, ConversationState::Opening);
    draft(&mut world, "bob", bobs, "I have your number from Carol");
    world.connect("bob");
    world.settle();
    let waiting = view(&world, "bob", bobs);
    assert_eq!(waiting.state, ConversationState::Waiting);
    assert_eq!(waiting.draft, "I have your number from Carol");
    draft(&mut world, "bob", bobs, "I have your number from Dave");
    world.crash("bob");
    assert_eq!(
        view(&world, "bob", bobs).draft,
        "I have your number from Dave"
    );
}

/// The engine runs on, with a screen that has the database open too.
#[test]
fn an_hour_later_nothing_is_left_of_what_was_deleted() {
    let (mut world, alices, _) = alice_and_bob();
    let _screen = world.reader("alice");
    draft(&mut world, "alice", alices, "a short confession");
    draft(&mut world, "alice", alices, "nothing special");
    let path = world.path("alice");
    let log = path.with_extension("db-wal");
    let length = || std::fs::metadata(&log).map_or(0, |about| about.len());
    assert!(length() > 0, "what was replaced is in the log still");
    world.wait(3_600_000);
    assert_eq!(length(), 0, "and so in none of the two files");
    let aside = tempfile::tempdir().unwrap();
    let copy = aside.path().join("copy.db");
    std::fs::copy(&path, &copy).unwrap();
    let pages = String::from_utf8_lossy(&world.pages(&copy, "alice")).into_owned();
    assert!(pages.contains("nothing special"), "these are the pages");
    assert!(!pages.contains("confession"));
}

#[test]
fn nothing_is_left_of_a_draft_that_was_replaced_or_sent() {
    let (mut world, alices, _) = alice_and_bob();
    // One on a page of its own, and one that shares a page with others.
    let long = "A long confession. ".repeat(3_000);
    for text in [&long, "a short confession", "nothing special"] {
        draft(&mut world, "alice", alices, text);
    }
    let pages = |world: &mut World| {
        let mut pages = Vec::new();
        world.crash_and("alice", |database| {
            pages = database.serialize("main").unwrap().to_vec();
        });
        String::from_utf8_lossy(&pages).into_owned()
    };
    let replaced = pages(&mut world);
    assert!(replaced.contains("nothing special"), "these are the pages");
    assert!(!replaced.contains("confession"));
    draft(&mut world, "alice", alices, "never said like this");
    world.say("alice", alices, "said otherwise");
    let sent = pages(&mut world);
    assert!(sent.contains("said otherwise"));
    assert!(!sent.contains("never said") && !sent.contains("nothing special"));
}
