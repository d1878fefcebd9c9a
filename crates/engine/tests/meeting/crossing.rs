//! Letters that cross, come late, or come twice.

use super::*;

#[test]
fn letters_that_cross_lead_into_one_conversation() {
    for (opens_first, reads_first) in [
        ("alice", "alice"),
        ("alice", "bob"),
        ("bob", "alice"),
        ("bob", "bob"),
    ] {
        let mut two = Two::new();
        two.crossed(opens_first);
        two.again(reads_first);
        for name in ["alice", "bob"] {
            assert!(two.world.reader(name).requests().unwrap().is_empty());
        }
        two.again("alice");
        two.again("bob");
        two.talk(&HELLO);
    }
}

#[test]
fn drafts_and_conversations_stay_when_the_own_group_goes() {
    let mut two = Two::new();
    two.crossed("bob");
    let before = two.world.reader("bob").conversations().unwrap()[0].conversation;
    let command = Command::SetDraft {
        conversation: before,
        text: "half a sen".into(),
    };
    two.world.command("bob", command).unwrap();
    two.world.people.get_mut("bob").unwrap().events.clear();
    two.again("bob");
    let told = two.world.people["bob"].events.iter();
    let told: Vec<_> = told
        .filter_map(|event| match event {
            Event::ConversationChanged { conversation } => Some(conversation),
            Event::RequestArrived { .. } => panic!("nobody is asked"),
            _ => None,
        })
        .collect();
    assert!(told.iter().all(|view| view.conversation == before));
    let last = told.last().unwrap();
    assert_eq!(last.state, ConversationState::Active);
    assert_eq!(last.draft, "half a sen");
}

#[test]
fn a_letter_that_comes_while_an_invite_is_opened_is_the_answer() {
    for (opening, writing) in [("alice", "bob"), ("bob", "alice")] {
        let mut two = Two::new();
        two.world.disconnect(opening);
        let conversation = two.open(opening);
        two.world.say(opening, conversation, "I begin, offline.");
        assert_eq!(two.state(opening), [ConversationState::Opening]);
        two.open(writing);
        two.world.connect(opening);
        two.world.settle();
        two.talk(&[(opening, "I begin, offline.")]);
    }
}

#[test]
fn whoever_opens_the_invite_of_somebody_who_asks_accepts() {
    for (asks, answers) in [("alice", "bob"), ("bob", "alice")] {
        let mut two = Two::new();
        let conversation = two.open(asks);
        two.world.say(asks, conversation, "May I?");
        two.world.settle();
        assert_eq!(two.world.reader(answers).requests().unwrap().len(), 1);
        two.open(answers);
        assert_eq!(two.state(answers), [ConversationState::Active]);
        two.talk(&[(asks, "May I?")]);
    }
}

#[test]
fn whoever_declined_can_still_open_the_others_invite() {
    for (asks, declines) in [("alice", "bob"), ("bob", "alice")] {
        let mut two = Two::new();
        let conversation = two.open(asks);
        two.world.say(asks, conversation, "May I?");
        two.world.settle();
        two.decline(declines);
        let conversation = two.open(declines);
        two.world
            .say(declines, conversation, "On second thoughts …");
        two.world.settle();
        two.talk(&[(asks, "May I?"), (declines, "On second thoughts …")]);
    }
}

/// Alice does not know yet where her letter is when Bob's comes.
fn undecided(declined: bool) -> Two {
    let mut two = Two::new();
    if declined {
        two.hold(&["alice"], Some("alice"));
        two.open("alice");
        two.decline("bob");
    } else {
        two.hold(&["alice", "bob"], Some("alice"));
        two.open("alice");
    }
    two.open("bob");
    two.hold(&[], Some("alice"));
    two.again("alice");
    assert_eq!(two.state("alice"), [ConversationState::Waiting]);
    assert!(two.world.reader("alice").requests().unwrap().is_empty());
    let mut told = two.world.people["alice"].events.iter();
    assert!(!told.any(|event| matches!(event, Event::RequestArrived { .. })));
    two
}

#[test]
fn a_letter_waits_for_the_place_of_the_own_one() {
    for (declined, crash) in [(false, false), (true, false), (false, true), (true, true)] {
        let mut two = undecided(declined);
        two.release();
        if crash {
            two.world.crash("alice");
            two.world.connect("alice");
            two.world.settle();
        }
        two.again("alice");
        two.again("bob");
        two.talk(&[]);
    }
}

#[test]
fn where_the_own_letter_is_refused_the_other_one_stands() {
    let mut two = Two::new();
    two.hold(&["alice"], Some("alice"));
    two.world.relay.refuse = vec![RefusalCode::NotFound];
    let conversation = two.open("alice");
    two.world
        .say("alice", conversation, "Through a closed door");
    two.open("bob");
    two.hold(&[], Some("alice"));
    two.world.relay.refuse = vec![RefusalCode::NotFound];
    two.again("alice");
    assert_eq!(two.state("alice"), [ConversationState::Waiting]);
    two.release();
    two.world.relay.refuse = vec![RefusalCode::NotFound];
    two.again("alice");
    assert_eq!(two.state("alice"), [ConversationState::Active]);
    two.talk(&[("alice", "Through a closed door")]);
}

#[test]
fn an_invite_for_one_is_not_lost_to_an_answer_that_never_came() {
    let mut two = Two::new();
    two.hold(&[], Some("alice"));
    two.open("alice");
    // Bob has the letter, so the invite is used up; Alice asks again whether it arrived.
    assert_eq!(two.world.reader("bob").requests().unwrap().len(), 1);
    two.release();
    two.again("alice");
    assert_eq!(two.state("alice"), [ConversationState::Waiting]);
    two.world.accept("bob");
    two.talk(&[]);
}

/// A letter that names Alice's account, from somebody who is not her: Mallory writes to Bob, and the
/// chain in the letter is exchanged for Alice's.
#[test]
fn a_letter_that_only_names_the_other_disturbs_nobody() {
    let mut two = Two::new();
    two.world.join("mallory");
    let open_to_all = two.world.invite("bob", false);
    two.open("bob");
    assert_eq!(two.state("bob"), [ConversationState::Waiting]);
    let chain: Vec<u8> = two
        .world
        .beside("alice")
        .query_row("SELECT chain FROM profile", [], |row| row.get(0))
        .unwrap();
    two.world.crash_and("mallory", |database| {
        let sql = "UPDATE profile SET chain = ?1";
        database.execute(sql, [chain]).unwrap();
    });
    two.world.connect("mallory");
    two.world.open_invite("mallory", &open_to_all).unwrap();
    assert_eq!(two.state("bob"), [ConversationState::Waiting]);
    assert!(two.world.reader("bob").requests().unwrap().is_empty());
    // The same before Bob has written, and for somebody who asks nobody.
    two.world.accept("alice");
    two.talk(&[]);
}

/// Steps in any order, with crashes and lost connections between any two of them.
#[test]
fn whatever_happens_in_between_they_end_up_talking() {
    for seed in 0..40 {
        let mut dice = SeededRandom::new([seed; 32]);
        let mut die = move |sides: u8| dice.bytes::<1>()[0] % sides;
        let mut two = Two::new();
        let names = ["alice", "bob"];
        let mut said = Vec::new();
        for (name, text) in HELLO.iter().take(2) {
            let link = match *name {
                "alice" => two.bobs_link.clone(),
                _ => two.alices_link.clone(),
            };
            let command = Command::OpenInvite { link };
            let Ok(Done::Conversation { conversation }) = two.world.command(name, command) else {
                panic!("it is opened")
            };
            two.world.say(name, conversation, text);
            said.push((*name, *text));
            for _ in 0..die(10) {
                two.world.up(name);
                two.world.down(name, 1);
            }
        }
        for _ in 0..60 {
            let name = names[usize::from(die(2))];
            two.something_happens(name, &mut die);
        }
        two.world.settle();
        if let Some(name) = names
            .into_iter()
            .find(|name| !two.world.reader(name).requests().unwrap().is_empty())
        {
            panic!("seed {seed}: {name} is asked")
        }
        two.talk(&said);
    }
}

#[test]
fn a_letter_may_come_in_the_very_turn_in_which_the_own_one_is_written() {
    let mut two = Two::new();
    let link = two.alices_link.clone();
    let done = two.world.command("bob", Command::OpenInvite { link });
    let Ok(Done::Conversation { conversation }) = done else {
        panic!("it is opened")
    };
    two.world.say("bob", conversation, "At once");
    // Card and packages are on their way to Bob when Alice's letter is put beside them.
    for _ in 0..4 {
        two.world.up("bob");
    }
    two.world.down("bob", 2);
    for _ in 0..4 {
        two.world.up("bob");
    }
    let link = two.bobs_link.clone();
    let done = two.world.command("alice", Command::OpenInvite { link });
    assert!(done.is_ok());
    while two.state("alice") != [ConversationState::Waiting] {
        two.world.up("alice");
        two.world.down("alice", 256);
    }
    // Her channel is made before her letter goes.
    for _ in 0..2 {
        for _ in 0..8 {
            two.world.up("alice");
        }
        two.world.down("alice", 256);
    }
    assert_eq!(two.state("bob"), [ConversationState::Opening]);
    two.world.down("bob", 256);
    assert_eq!(two.state("bob"), [ConversationState::Active]);
    two.world.settle();
    two.talk(&[("bob", "At once")]);
}

/// The relay shows a letter that was taken long ago once more, at another place. It had handed out
/// the package of last resort for it, whose keys are still there.
#[test]
fn a_letter_that_is_repeated_asks_nobody() {
    let mut two = Two::new();
    two.alices_link = two.world.invite("alice", false);
    let inbox = two.alices_link.parse::<Invite>().unwrap().inbox;
    two.world.relay.intercept = Some(Box::new(|_, frame| match &frame {
        RelayFrame::Reply {
            reply: Reply::Taken(_),
            ..
        } => Vec::new(),
        _ => vec![frame],
    }));
    two.open("bob");
    for _ in 0..12 {
        two.again("bob");
    }
    let mut letter = None;
    two.world.relay.intercept = Some(Box::new(move |name, frame| {
        let RelayFrame::Deliver {
            channel, delivered, ..
        } = &frame
        else {
            return vec![frame];
        };
        if name != "alice" || *channel != inbox {
            return vec![frame];
        }
        match delivered {
            Delivered::Entry(_) => letter = Some(frame.clone()),
            Delivered::CaughtUp(_) => {
                let mut again = letter.clone();
                if let Some(RelayFrame::Deliver {
                    delivered: Delivered::Entry(entry),
                    ..
                }) = &mut again
                {
                    entry.position = entry.position.next();
                    entry.append.0[0] ^= 1;
                }
                return again.into_iter().chain([frame]).collect();
            }
            _ => {}
        }
        vec![frame]
    }));
    two.again("bob");
    two.world.accept("alice");
    two.world.crash("alice");
    two.world.connect("alice");
    two.world.settle();
    assert!(two.world.reader("alice").requests().unwrap().is_empty());
    two.release();
    two.talk(&[]);
}

#[test]
fn a_letter_that_need_not_go_any_more_stays_and_uses_up_nothing() {
    let mut two = Two::new();
    two.world.relay.refuse = vec![RefusalCode::TooFast];
    two.open("bob");
    assert_eq!(two.state("bob"), [ConversationState::Waiting]);
    two.open("alice");
    assert_eq!(two.state("bob"), [ConversationState::Active]);
    two.talk(&[]);
    let now = two.world.now;
    let invites = two.world.reader("alice").invites(now).unwrap();
    assert_eq!(invites[0].state, InviteState::Open);
}

/// Alice's letter comes through an invite that Bob has revoked meanwhile. He has dropped letters of
/// strangers then, and would drop hers while she drops his, which crossed.
#[test]
fn a_letter_through_an_invite_that_has_ended_is_the_answer_all_the_same() {
    let mut two = Two::new();
    two.hold(&["alice", "bob"], None);
    two.open("alice");
    two.open("bob");
    let now = two.world.now;
    let invite = two.world.reader("bob").invites(now).unwrap()[0].invite;
    let command = Command::RevokeInvite { invite };
    two.world.command("bob", command).unwrap();
    two.world.settle();
    two.release();
    two.again("alice");
    assert_eq!(two.state("alice"), [ConversationState::Waiting]);
    two.again("bob");
    two.talk(&[]);
}
