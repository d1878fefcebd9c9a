//! Two people who open each other's invites end up talking, whatever comes in between.
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
use sotto_suite::rand::{RandomExt, SeededRandom};
use sotto_wire::{ChannelId, Delivered, Invite, RefusalCode, RelayFrame, Reply};
use world::World;

type Name = &'static str;

/// Alice and Bob, strangers, with an invite of each. Alice has the smaller account id, so hers is
/// the group that stands when letters cross.
struct Two {
    world: World,
    alices_link: String,
    bobs_link: String,
}

impl Two {
    fn new() -> Self {
        let mut world = World::new();
        world.join("alice");
        world.join("bob");
        let account = |name| world.reader(name).account().unwrap().account;
        assert!(account("alice") < account("bob"), "the seeds make it so");
        let alices_link = world.invite("alice", true);
        let bobs_link = world.invite("bob", true);
        Self {
            world,
            alices_link,
            bobs_link,
        }
    }

    /// The relay keeps the letters to these people to itself until they connect again after
    /// [`Two::release`], and the answers to their own letters too, if so wanted.
    fn hold(&mut self, letters_to: &[Name], answers_to: Option<Name>) {
        let inbox = |link: &str| link.parse::<Invite>().unwrap().inbox;
        let inboxes: Vec<(Name, ChannelId)> = [
            ("alice", inbox(&self.alices_link)),
            ("bob", inbox(&self.bobs_link)),
        ]
        .into_iter()
        .filter(|(name, _)| letters_to.contains(name))
        .collect();
        self.world.relay.intercept = Some(Box::new(move |name, frame| {
            let held = match &frame {
                RelayFrame::Deliver {
                    channel,
                    delivered: Delivered::Entry(_),
                    ..
                } => inboxes.iter().any(|(_, inbox)| inbox == channel),
                RelayFrame::Reply {
                    reply: Reply::Appended(_),
                    ..
                } => answers_to == Some(name),
                RelayFrame::Refused { refusal, .. } => {
                    answers_to == Some(name) && refusal.code == RefusalCode::NotFound
                }
                _ => false,
            };
            if held { Vec::new() } else { vec![frame] }
        }));
    }

    fn release(&mut self) {
        self.world.relay.intercept = None;
    }

    fn again(&mut self, name: Name) {
        self.world.disconnect(name);
        self.world.connect(name);
        self.world.settle();
    }

    fn open(&mut self, name: Name) -> ConversationId {
        let link = match name {
            "alice" => self.bobs_link.clone(),
            _ => self.alices_link.clone(),
        };
        self.world.open_invite(name, &link).unwrap()
    }

    fn state(&self, name: Name) -> Vec<ConversationState> {
        let all = self.world.reader(name).conversations().unwrap();
        all.iter().map(|view| view.state).collect()
    }

    fn decline(&mut self, name: Name) {
        let request = self.world.reader(name).requests().unwrap()[0].request;
        let command = Command::DeclineRequest { request };
        self.world.command(name, command).unwrap();
    }

    /// Both are in the same conversation, it is their only one, and each has what the other said.
    fn talk(&mut self, said: &[(Name, &str)]) {
        let world = &mut self.world;
        world.wait(60_000);
        let of = |world: &World, name: Name| {
            let all = world.reader(name).conversations().unwrap();
            let [view] = &all[..] else {
                panic!("{name} has {all:?}")
            };
            view.clone()
        };
        for name in ["alice", "bob"] {
            let conversation = of(world, name).conversation;
            world.say(name, conversation, &format!("after all, {name}"));
            world.settle();
        }
        world.wait(60_000);
        let (alice, bob) = (of(world, "alice"), of(world, "bob"));
        assert_eq!(
            (alice.state, bob.state),
            (ConversationState::Active, ConversationState::Active)
        );
        assert_eq!((alice.name.as_str(), bob.name.as_str()), ("bob", "alice"));
        let texts = |world: &World, name, view: &ConversationView| {
            let all = world.texts(name, view.conversation);
            all.into_iter().map(|(_, text, _)| text).collect::<Vec<_>>()
        };
        let at_alice = texts(world, "alice", &alice);
        assert_eq!(
            at_alice,
            texts(world, "bob", &bob),
            "one order, nothing lost"
        );
        let mut all: Vec<String> = said.iter().map(|(_, text)| (*text).to_owned()).collect();
        all.extend(["alice", "bob"].map(|name| format!("after all, {name}")));
        all.sort();
        let mut sorted = at_alice;
        sorted.sort();
        assert_eq!(sorted, all, "everything once");
        let strangers = world.people.len() - 2;
        assert_eq!(
            world.relay.channels(),
            5 + 3 * strangers,
            "an inbox and an account group each, and what two people have begun"
        );
        for name in ["alice", "bob"] {
            assert!(world.reader(name).requests().unwrap().is_empty());
            let beside = world.beside(name);
            let rows = |table: &str| -> i64 {
                let sql = format!("SELECT count(*) FROM {table}");
                beside.query_row(&sql, [], |row| row.get(0)).unwrap()
            };
            for table in ["openings", "errands", "outbox", "requests", "intents"] {
                assert_eq!(rows(table), 0, "{table} of {name}");
            }
            assert_eq!(rows("mls_groups"), 2, "{name}'s account group and this one");
        }
    }
}

const HELLO: [(Name, &str); 4] = [
    ("alice", "Is it you?"),
    ("bob", "I was about to ask."),
    ("alice", "Then we crossed."),
    ("bob", "We did."),
];

impl Two {
    /// Both have written their letters before either read the other's.
    fn crossed(&mut self, first: Name) {
        self.hold(&["alice", "bob"], None);
        let second = if first == "alice" { "bob" } else { "alice" };
        for name in [first, second] {
            let conversation = self.open(name);
            for (_, text) in HELLO.iter().filter(|(who, _)| *who == name) {
                self.world.say(name, conversation, text);
            }
        }
        self.world.settle();
        for name in ["alice", "bob"] {
            assert_eq!(self.state(name), [ConversationState::Waiting]);
        }
        self.release();
    }
}

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
            match die(12) {
                0 => {
                    two.world.crash(name);
                    two.world.connect(name);
                }
                1 => {
                    two.world.disconnect(name);
                    two.world.connect(name);
                }
                2..=6 => two.world.up(name),
                _ => two.world.down(name, usize::from(1 + die(3))),
            }
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

/// Bob's database is put back to an older state, so that he would use message keys twice.
fn halted() -> (Two, ConversationId, ConversationId) {
    let mut two = Two::new();
    let theirs = two.open("bob");
    let mine = two.world.accept("alice");
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
    let (mut two, old, bobs_old) = halted();
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
            match die(14) {
                0 => {
                    two.world.crash(name);
                    two.world.connect(name);
                }
                1 => {
                    two.world.disconnect(name);
                    two.world.connect(name);
                }
                2 => {
                    if let Some(link) = links.pop() {
                        let command = Command::OpenInvite { link };
                        two.world.command("bob", command).unwrap();
                    }
                }
                3 => {
                    let requests = two.world.reader("alice").requests().unwrap();
                    if let Some(request) = requests.first() {
                        let request = request.request;
                        let command = Command::AcceptRequest { request };
                        two.world.command("alice", command).unwrap();
                    }
                }
                4..=8 => two.world.up(name),
                _ => two.world.down(name, usize::from(1 + die(3))),
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
