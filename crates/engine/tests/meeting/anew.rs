//! Out of a conversation that is halted, and what becomes of its texts.

use super::*;

/// Bob's database is put back to an older state, so that he would use message keys twice.
fn halted() -> (Two, ConversationId, ConversationId) {
    halted_after("bob")
}

/// The same, where this one has asked the other.
fn halted_after(asks: Name) -> (Two, ConversationId, ConversationId) {
    let mut two = Two::new();
    let (mine, theirs) = match asks {
        "alice" => (two.open("alice"), two.world.accept("bob")),
        _ => {
            let theirs = two.open("bob");
            (two.world.accept("alice"), theirs)
        }
    };
    two.world.say("alice", mine, "Before");
    two.world.settle();
    two.world.crash_and("bob", |database| {
        let sql = "UPDATE conversations SET position = position - 1 WHERE kind = 1";
        database.execute(sql, []).unwrap();
    });
    two.world.connect("bob");
    two.world.settle();
    assert_eq!(two.state("bob"), [ConversationState::Halted]);
    two.alices_link = two.world.invite("alice", true);
    (two, mine, theirs)
}

#[test]
fn a_new_invite_leads_out_of_a_halted_conversation() {
    for asks in ["alice", "bob"] {
        leads_out_after(asks);
    }
}

fn leads_out_after(asks: Name) {
    let (mut two, old, bobs_old) = halted_after(asks);
    let bobs_new = two.open("bob");
    assert_ne!(bobs_new, bobs_old);
    two.world.say("bob", bobs_new, "Here I am again.");
    two.world.settle();
    // Alice is asked: she has not opened anything.
    assert_eq!(two.state("alice"), [ConversationState::Active]);
    let alices_new = two.world.accept("alice");
    two.world.say("alice", alices_new, "Good.");
    two.world.settle();
    let texts = |name, id| {
        let all = two.world.texts(name, id);
        all.into_iter().map(|(_, text, _)| text).collect::<Vec<_>>()
    };
    assert_eq!(texts("alice", alices_new), ["Here I am again.", "Good."]);
    assert_eq!(texts("bob", bobs_new), ["Here I am again.", "Good."]);
    // What was said before stays where it was, and nothing more can be said there.
    assert_eq!(texts("alice", old), ["Before"]);
    for (name, old) in [("alice", old), ("bob", bobs_old)] {
        let view = two.world.reader(name).conversation(old).unwrap();
        assert_eq!(view.state, ConversationState::Halted, "{name}");
    }
}

#[test]
fn two_who_are_both_halted_can_open_each_others_invites() {
    let (mut two, _, _) = halted();
    two.world.crash_and("alice", |database| {
        let sql = "UPDATE conversations SET position = position - 1 WHERE kind = 1";
        database.execute(sql, []).unwrap();
    });
    two.world.connect("alice");
    two.world.settle();
    two.hold(&["alice", "bob"], None);
    for name in ["alice", "bob"] {
        two.open(name);
    }
    two.release();
    for name in ["bob", "alice", "bob"] {
        two.again(name);
    }
    for name in ["alice", "bob"] {
        let mut states = two.state(name);
        states.sort_by_key(|state| *state == ConversationState::Halted);
        let expected = [ConversationState::Active, ConversationState::Halted];
        assert_eq!(states, expected, "{name}");
    }
}

/// What each of the two reads in all conversations together.
fn all_texts(world: &World, name: Name) -> Vec<String> {
    let all = world.reader(name).conversations().unwrap();
    let mut texts: Vec<String> = all
        .iter()
        .flat_map(|view| world.texts(name, view.conversation))
        .map(|(_, text, _)| text)
        .collect();
    texts.sort();
    texts
}

#[test]
fn what_was_not_sent_when_a_conversation_ended_goes_on_in_the_new_one() {
    let (mut two, old, _) = halted();
    let bobs_new = two.open("bob");
    two.world.say("bob", bobs_new, "Here I am again.");
    two.world.settle();
    two.world.disconnect("alice");
    let first = two.world.say("alice", old, "Did you hear?");
    two.world.say("alice", old, "Listen to this.");
    let alices_new = two.world.accept("alice");
    two.world.say("alice", alices_new, "There you are.");
    let moved = two.world.people["alice"].events.iter().any(|event| {
        matches!(event, Event::MessageChanged { message }
            if message.message == first && message.conversation == alices_new)
    });
    assert!(moved, "the screen is told where they went");
    let queued = |text: &str| (Author::Me, text.to_owned(), Delivery::Queued);
    assert_eq!(
        two.world.texts("alice", alices_new),
        ["Did you hear?", "Listen to this.", "There you are."].map(queued)
    );
    two.world.connect("alice");
    two.world.wait(60_000);
    for (name, id) in [("alice", alices_new), ("bob", bobs_new)] {
        let texts: Vec<_> = two.world.texts(name, id).into_iter().map(|t| t.1).collect();
        let own: Vec<_> = texts.iter().filter(|t| *t != "Here I am again.").collect();
        assert_eq!(
            own,
            ["Did you hear?", "Listen to this.", "There you are."],
            "{name}"
        );
    }
    let texts: Vec<_> = two
        .world
        .texts("alice", old)
        .into_iter()
        .map(|t| t.1)
        .collect();
    assert_eq!(texts, ["Before"], "what was said before stays where it was");
    assert_eq!(all_texts(&two.world, "alice"), all_texts(&two.world, "bob"));
}

/// Bob is halted with Alice and with Carol, and has a text for each. He meets Alice anew.
#[test]
fn what_was_for_somebody_else_stays_with_them() {
    let mut two = Two::new();
    let alices = two.open("bob");
    let mine = two.world.accept("alice");
    two.world.say("alice", mine, "Before");
    two.world.join("carol");
    let (_, carols) = two.world.introduce("carol", "bob");
    let carol = two.world.reader("carol").conversations().unwrap()[0].conversation;
    two.world.say("carol", carol, "Before, too");
    two.world.settle();
    two.world.disconnect("bob");
    two.world.say("bob", alices, "For Alice");
    two.world.say("bob", carols, "For Carol");
    two.world.crash_and("bob", |database| {
        let sql = "UPDATE conversations SET position = position - 1 WHERE kind = 1";
        database.execute(sql, []).unwrap();
    });
    two.world.connect("bob");
    two.world.settle();
    assert_eq!(two.state("bob"), [ConversationState::Halted; 2]);
    two.alices_link = two.world.invite("alice", true);
    let anew = two.open("bob");
    two.world.accept("alice");
    two.world.wait(60_000);
    let texts = |id| {
        let all = two.world.texts("bob", id).into_iter();
        all.map(|(_, text, _)| text).collect::<Vec<_>>()
    };
    assert_eq!(texts(anew), ["For Alice"]);
    assert_eq!(texts(carols), ["Before, too", "For Carol"]);
}

/// As many as may be under way at once have not come back to Alice when she goes on anew: they leave
/// room for themselves.
#[test]
fn what_was_under_way_in_the_old_conversation_blocks_nothing_in_the_new_one() {
    let (mut two, old, _) = halted();
    two.without_an_echo();
    for number in 0..256 {
        two.world.say("alice", old, &format!("text {number}"));
    }
    two.world.settle();
    let anew = two.open("bob");
    two.world.accept("alice");
    two.world.settle();
    assert_eq!(two.world.texts("bob", anew).len(), 256);
}

/// Bob's text was sent, and he never learns that Alice has it.
#[test]
fn what_may_have_been_sent_when_a_conversation_ended_is_shown_once() {
    for sent in [false, true] {
        let mut two = Two::new();
        let theirs = two.open("bob");
        let mine = two.world.accept("alice");
        two.world.say("alice", mine, "Before");
        two.world.settle();
        if !sent {
            two.world.disconnect("bob");
        }
        two.world.say("bob", theirs, "Did you get this?");
        for _ in 0..8 {
            two.world.up("bob");
        }
        two.world.down("alice", 256);
        let at_alice = two.world.texts("alice", mine).len();
        assert_eq!(at_alice, 1 + usize::from(sent));
        two.world.crash_and("bob", |database| {
            let sql = "UPDATE conversations SET position = position - 1 WHERE kind = 1";
            database.execute(sql, []).unwrap();
        });
        two.world.connect("bob");
        two.world.settle();
        assert_eq!(two.state("bob"), [ConversationState::Halted]);
        two.alices_link = two.world.invite("alice", true);
        two.open("bob");
        two.world.accept("alice");
        two.world.wait(60_000);
        for name in ["alice", "bob"] {
            assert_eq!(all_texts(&two.world, name), ["Before", "Did you get this?"]);
        }
        let outbox = "SELECT count(*) FROM outbox";
        let waiting: i64 = two
            .world
            .beside("bob")
            .query_row(outbox, [], |row| row.get(0))
            .unwrap();
        assert_eq!(waiting, 0);
    }
}
