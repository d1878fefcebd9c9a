//! A second invite of somebody who has not answered.

use super::*;

impl Two {
    /// Bob has written to Alice, and she has a second invite for him.
    fn waiting(said: &[&str]) -> (Self, String) {
        let mut two = Self::new();
        let second = two.world.invite("alice", true);
        let conversation = two.open("bob");
        for text in said {
            two.world.say("bob", conversation, text);
        }
        two.world.settle();
        assert_eq!(two.state("bob"), [ConversationState::Waiting]);
        (two, second)
    }

    fn invite_failures(&self, name: Name) -> Vec<(bool, &str)> {
        let told = self.world.people[name].events.iter();
        told.filter_map(|event| match event {
            Event::InviteFailed { gone, problem, .. } => Some((*gone, problem.code.as_str())),
            _ => None,
        })
        .collect()
    }
}

#[test]
fn whoever_is_not_answered_can_open_another_invite() {
    for declined in [false, true] {
        let (mut two, second) = Two::waiting(&["May I?"]);
        if declined {
            two.decline("alice");
        }
        two.world.open_invite("bob", &second).unwrap();
        assert_eq!(two.state("bob"), [ConversationState::Waiting]);
        let requests = two.world.reader("alice").requests().unwrap();
        assert_eq!(requests.len(), 1, "what was asked before is asked no more");
        two.world.accept("alice");
        two.talk(&[("bob", "May I?")]);
    }
}

#[test]
fn opening_the_same_invite_again_writes_nothing() {
    let (mut two, _) = Two::waiting(&[]);
    let stored = two.world.relay.stored.len();
    two.open("bob");
    assert_eq!(two.world.relay.stored.len(), stored);
    assert_eq!(two.state("bob"), [ConversationState::Waiting]);
    assert!(two.invite_failures("bob").is_empty());
    two.world.accept("alice");
    two.talk(&[]);
}

#[test]
fn a_second_invite_that_leads_nowhere_costs_nothing() {
    let (mut two, second) = Two::waiting(&["May I?"]);
    two.world.join("carol");
    two.world.open_invite("carol", &second).unwrap();
    two.world.open_invite("bob", &second).unwrap();
    assert_eq!(two.invite_failures("bob"), [(false, "invite_used_up")]);
    assert_eq!(two.state("bob"), [ConversationState::Waiting]);
    for request in two.world.reader("alice").requests().unwrap() {
        let request = request.request;
        let command = Command::AcceptRequest { request };
        two.world.command("alice", command).unwrap();
    }
    two.world.settle();
    assert_eq!(two.state("bob"), [ConversationState::Active]);
}

/// Alice accepts, and speaks, before she can know that Bob has written once more.
#[test]
fn an_acceptance_that_meets_a_second_letter_is_the_answer_to_it() {
    for offline in [false, true] {
        let (mut two, second) = Two::waiting(&["May I?"]);
        if offline {
            two.world.disconnect("alice");
        } else {
            // What Alice writes stays at the relay, and goes with the channel that Bob gives up.
            let inbox = two.bobs_link.parse::<Invite>().unwrap().inbox;
            two.world.relay.lies = true;
            two.world.relay.intercept = Some(Box::new(move |name, frame| match &frame {
                RelayFrame::Deliver {
                    channel,
                    delivered: Delivered::Entry(_),
                    ..
                } if name == "bob" && *channel != inbox => Vec::new(),
                _ => vec![frame],
            }));
            two.world.disconnect("bob");
        }
        let mine = two.world.accept("alice");
        two.world.say("alice", mine, "You may.");
        two.world.settle();
        if !offline {
            two.world.connect("bob");
        }
        two.world.open_invite("bob", &second).unwrap();
        two.release();
        // What was held back is delivered again only on another connection.
        two.again("bob");
        two.without_an_echo();
        two.again("alice");
        let queued = "SELECT count(*), count(DISTINCT message) FROM outbox WHERE shown = 1";
        let queued = two
            .world
            .beside("alice")
            .query_row(queued, [], |row| Ok((row.get::<_, i64>(0)?, row.get(1)?)));
        let waiting = i64::from(offline);
        assert_eq!(queued.unwrap(), (waiting, waiting), "it is said once");
        two.release();
        two.world.relay.lies = false;
        two.again("alice");
        assert!(two.world.reader("alice").requests().unwrap().is_empty());
        two.talk(&[("bob", "May I?"), ("alice", "You may.")]);
    }
}

/// As above, with second invites among the steps.
#[test]
fn whatever_is_opened_twice_they_end_up_talking() {
    for seed in 100..140 {
        let mut dice = SeededRandom::new([seed; 32]);
        let mut die = move |sides: u8| dice.bytes::<1>()[0] % sides;
        let (mut two, second) = Two::waiting(&["First"]);
        let third = two.world.invite("alice", false);
        let mut links = vec![second, third];
        for _ in 0..60 {
            let name = ["alice", "bob"][usize::from(die(2))];
            match die(7) {
                0 if die(2) == 0 => {
                    if let Some(link) = links.pop() {
                        let command = Command::OpenInvite { link };
                        two.world.command("bob", command).unwrap();
                    }
                }
                0 => {
                    let requests = two.world.reader("alice").requests().unwrap();
                    if let Some(request) = requests.first() {
                        let request = request.request;
                        let command = Command::AcceptRequest { request };
                        two.world.command("alice", command).unwrap();
                    }
                }
                _ => two.something_happens(name, &mut die),
            }
        }
        two.world.settle();
        if !two.world.reader("alice").requests().unwrap().is_empty() {
            two.world.accept("alice");
        }
        assert_eq!(
            two.state("alice"),
            [ConversationState::Active],
            "seed {seed}"
        );
        two.talk(&[("bob", "First")]);
    }
}

/// Bob's letter is refused while he opens another invite, of which Alice's relay does not know yet.
#[test]
fn an_invite_that_is_opened_meanwhile_stands_when_the_letter_is_refused() {
    let mut two = Two::new();
    two.hold(&["alice"], Some("bob"));
    two.world.relay.refuse = vec![RefusalCode::NotFound];
    let conversation = two.open("bob");
    two.world.say("bob", conversation, "Me again.");
    two.world.disconnect("alice");
    let second = two.world.invite("alice", false);
    two.world.open_invite("bob", &second).unwrap();
    assert_eq!(two.state("bob"), [ConversationState::Waiting]);
    two.release();
    two.world.relay.refuse = vec![RefusalCode::NotFound];
    two.again("bob");
    assert_eq!(two.state("bob"), [ConversationState::Opening]);
    two.world.connect("alice");
    two.world.wait(60_000);
    two.world.accept("alice");
    two.talk(&[("bob", "Me again.")]);
}

/// Alice's commit is there, and what she says after it is still on its way.
#[test]
fn the_commit_alone_says_that_somebody_was_accepted() {
    let mut two = Two::new();
    two.open("bob");
    let mut late = false;
    two.world.relay.intercept = Some(Box::new(move |name, frame| {
        let text = matches!(&frame, RelayFrame::Deliver { delivered: Delivered::Entry(entry), .. }
            if entry.lane == Lane::Chat);
        late |= text && name == "bob";
        if late && name == "bob" {
            Vec::new()
        } else {
            vec![frame]
        }
    }));
    two.world.accept("alice");
    assert_eq!(two.state("bob"), [ConversationState::Active]);
    two.release();
    two.again("bob");
    two.talk(&[]);
}

/// Carol was quicker with the invite. What Bob had written stays his, and goes out when he has another
/// invite, or when Alice writes to him.
#[test]
fn what_was_written_goes_out_with_another_invite() {
    for alice_opens_his in [false, true] {
        let mut two = Two::new();
        let second = two.world.invite("alice", true);
        two.world.join("carol");
        two.world.disconnect("bob");
        let conversation = two.open("bob");
        two.world.say("bob", conversation, "May I?");
        let link = two.alices_link.clone();
        two.world.open_invite("carol", &link).unwrap();
        let request = two.world.reader("alice").requests().unwrap()[0].request;
        let decline = Command::DeclineRequest { request };
        two.world.command("alice", decline).unwrap();
        two.world.connect("bob");
        two.world.settle();
        assert_eq!(two.invite_failures("bob"), [(false, "invite_used_up")]);
        two.world.crash("bob");
        two.world.connect("bob");
        two.world.settle();
        assert_eq!(two.state("bob"), [ConversationState::Unreached]);
        two.world.say("bob", conversation, "Still here.");
        let draft = Command::SetDraft {
            conversation,
            text: "And".into(),
        };
        two.world.command("bob", draft).unwrap();
        if alice_opens_his {
            two.open("alice");
        } else {
            let same = two.world.open_invite("bob", &second).unwrap();
            assert_eq!(same, conversation);
            two.world.accept("alice");
        }
        let view = two.world.reader("bob").conversation(conversation).unwrap();
        assert_eq!(view.draft, "And");
        two.talk(&[("bob", "May I?"), ("bob", "Still here.")]);
    }
}

#[test]
fn a_draft_is_something_written_and_an_empty_field_is_not() {
    for written in [false, true] {
        let mut two = Two::new();
        two.world.join("carol");
        two.world.disconnect("bob");
        let conversation = two.open("bob");
        for text in ["May I", if written { "May I?" } else { "" }] {
            let text = text.into();
            let draft = Command::SetDraft { conversation, text };
            two.world.command("bob", draft).unwrap();
        }
        let link = two.alices_link.clone();
        two.world.open_invite("carol", &link).unwrap();
        two.world.connect("bob");
        two.world.settle();
        assert_eq!(two.invite_failures("bob"), [(!written, "invite_used_up")]);
        assert_eq!(two.state("bob").is_empty(), !written);
    }
}
