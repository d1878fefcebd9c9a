//! Invites that end while somebody is on the way.

use std::cell::Cell;
use std::rc::Rc;

use super::*;

const DAY: u64 = 86_400_000;

impl Two {
    /// States of Alice's invites of this kind.
    fn invites(&self, single_use: bool) -> Vec<InviteState> {
        let all = self.world.reader("alice").invites(self.world.now).unwrap();
        let of_kind = all.iter().filter(|view| view.single_use == single_use);
        of_kind.map(|view| view.state).collect()
    }
}

/// Alice's invite was good for a day, Bob has opened it at once, and she was away for three days.
#[test]
fn a_letter_that_was_written_in_time_waits_for_its_reader() {
    for restarted in [false, true] {
        let mut two = Two::new();
        let link = two.world.invite("alice", false);
        two.world.disconnect("alice");
        two.world.open_invite("bob", &link).unwrap();
        two.world.wait(3 * DAY);
        if restarted {
            two.world.crash("alice");
            two.world.wait(1_000);
        }
        assert_eq!(two.invites(false), [InviteState::Expired]);
        two.world.connect("alice");
        two.world.settle();
        // All that lay in the inbox has been read: nobody comes through it any more.
        assert_eq!(two.invites(false), [InviteState::Revoked]);
        two.world.accept("alice");
        two.talk(&[]);
    }
}

/// Whoever keeps Alice from hearing that she has read everything does not keep an invite open for ever.
#[test]
fn an_invite_ends_whatever_the_relay_says() {
    let mut two = Two::new();
    let link = two.world.invite("alice", false);
    two.world.relay.lies = true;
    two.world.relay.intercept = Some(Box::new(|name, frame| match &frame {
        RelayFrame::Deliver {
            delivered: Delivered::CaughtUp(_),
            ..
        } if name == "alice" => Vec::new(),
        _ => vec![frame],
    }));
    two.again("alice");
    two.world.wait(30 * DAY);
    assert_eq!(two.invites(false), [InviteState::Expired]);
    two.world.wait(2 * DAY);
    assert_eq!(two.invites(false), [InviteState::Revoked]);
    assert!(two.world.open_invite("bob", &link).is_err());
}

/// Bob has written through one invite, and writes once more through another. He gives up what he has
/// asked before, so Alice must not go on with that.
#[test]
fn a_second_letter_counts_although_its_invite_has_ended() {
    let mut two = Two::new();
    let second = two.world.invite("alice", false);
    two.open("bob");
    two.hold(&["alice"], None);
    two.world.open_invite("bob", &second).unwrap();
    let invites = two.world.reader("alice").invites(two.world.now).unwrap();
    let many = invites.iter().find(|view| !view.single_use).unwrap();
    let invite = many.invite;
    let revoke = Command::RevokeInvite { invite };
    two.world.command("alice", revoke).unwrap();
    two.release();
    two.again("alice");
    assert_eq!(two.world.reader("alice").requests().unwrap().len(), 1);
    two.world.accept("alice");
    two.talk(&[]);
}

/// Alice made an invite that her relay never heard of before it had expired.
#[test]
fn a_card_that_comes_too_late_is_not_written_to() {
    let mut two = Two::new();
    two.world.disconnect("alice");
    let link = two.world.invite("alice", false);
    let conversation = two.world.open_invite("bob", &link).unwrap();
    two.world.wait(DAY + 120_000);
    two.world.connect("alice");
    two.world.wait(3_600_000);
    assert!(two.world.reader("alice").requests().unwrap().is_empty());
    let told = two.world.people["bob"].events.iter().find_map(|event| {
        let Event::InviteFailed { problem, .. } = event else {
            return None;
        };
        Some(problem.code.clone())
    });
    assert_eq!(told.as_deref(), Some("invite_expired"));
    assert!(two.world.reader("bob").conversation(conversation).is_err());
}

/// Bob has the card and the packages, and then somebody else was quicker.
#[test]
fn whose_letter_is_refused_is_told_that_the_invite_is_used_up() {
    let mut two = Two::new();
    two.world.relay.refuse = vec![RefusalCode::NotFound];
    let conversation = two.open("bob");
    assert!(two.world.relay.refuse.is_empty(), "it was the letter");
    let failed = two.world.people["bob"].events.iter().any(|event| {
        matches!(event, Event::InviteFailed { conversation: of, gone: true, problem }
            if *of == conversation && problem.code == "invite_used_up")
    });
    assert!(failed);
    assert!(two.state("bob").is_empty());
}

/// Alice's device has not told her relay of an invite. Bob's asks often at first, and every ten minutes
/// in the end.
#[test]
fn a_card_that_is_not_there_yet_is_asked_for_more_and_more_rarely() {
    let mut two = Two::new();
    two.world.disconnect("alice");
    let link = two.world.invite("alice", false);
    let asked = Rc::new(Cell::new(0));
    let counted = Rc::clone(&asked);
    two.world.relay.intercept = Some(Box::new(move |_, frame| {
        counted.set(counted.get() + u32::from(matches!(frame, RelayFrame::Refused { .. })));
        vec![frame]
    }));
    two.world.open_invite("bob", &link).unwrap();
    two.world.wait(60_000);
    assert!((15..30).contains(&asked.get()), "{}", asked.get());
    two.world.wait(20 * 3_600_000);
    assert!((140..190).contains(&asked.get()), "{}", asked.get());
}

/// A card that comes just in time: in the very moment.
#[test]
fn a_card_that_comes_in_the_last_moment_is_written_to() {
    let mut two = Two::new();
    two.world.disconnect("alice");
    let link = two.world.invite("alice", false);
    two.world.open_invite("bob", &link).unwrap();
    let expires = link.parse::<Invite>().unwrap().expires;
    two.world.now = Timestamp(expires * 1_000);
    two.again("bob");
    assert_eq!(two.state("bob"), [ConversationState::Opening]);
    two.world.connect("alice");
    two.world.settle();
    two.again("bob");
    assert_eq!(two.world.reader("alice").requests().unwrap().len(), 1);
}

/// Alice is away while Carol opens the invite that Bob has opened, or she revokes one that Carol has.
#[test]
fn whoever_is_late_is_not_asked_in_by_an_invite_that_has_ended() {
    for revoked in [false, true] {
        let mut two = Two::new();
        two.world.join("carol");
        let link = two.world.invite("alice", !revoked);
        two.world.disconnect("alice");
        if revoked {
            let invites = two.world.reader("alice").invites(two.world.now).unwrap();
            let many = invites.iter().find(|view| !view.single_use).unwrap();
            let invite = many.invite;
            let revoke = Command::RevokeInvite { invite };
            two.world.command("alice", revoke).unwrap();
        } else {
            two.world.open_invite("bob", &link).unwrap();
        }
        two.world.open_invite("carol", &link).unwrap();
        two.world.connect("alice");
        two.world.settle();
        let requests = two.world.reader("alice").requests().unwrap();
        assert_eq!(requests.len(), usize::from(!revoked));
        if !revoked {
            two.world.accept("alice");
            let views = two.world.reader("alice").conversations().unwrap();
            assert_eq!(views[0].name, "bob");
        }
    }
}

/// Bob has asked, and Alice has not looked at it for a month.
#[test]
fn what_is_never_answered_goes_and_the_screen_hears_of_it() {
    let mut two = Two::new();
    two.open("bob");
    let request = two.world.reader("alice").requests().unwrap()[0].request;
    let gone = |two: &Two| {
        let told = two.world.people["alice"].events.iter();
        told.filter(|event| matches!(event, Event::RequestGone { request: of } if *of == request))
            .count()
    };
    two.world.wait(29 * DAY);
    assert_eq!(
        (
            two.world.reader("alice").requests().unwrap().len(),
            gone(&two)
        ),
        (1, 0)
    );
    two.world.wait(2 * DAY);
    assert_eq!(
        (
            two.world.reader("alice").requests().unwrap().len(),
            gone(&two)
        ),
        (0, 1)
    );
    // The invite stands in the list for as long as anything can come of it.
    assert_eq!(two.invites(true), [InviteState::Used]);
    two.world.wait(12 * DAY);
    assert!(two.invites(true).is_empty());
}
