//! Something goes wrong with one conversation inside the program: it alone stands still, says so, and
//! goes on when it is mended.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "tests"
)]

mod world;

use rusqlite::Connection;
use sotto_engine::*;
use sotto_wire::{Delivered, RelayFrame};
use world::World;

const WEEK: u64 = 7 * 86_400_000;

/// Alice, who talks with Bob and with Carol.
struct Scene {
    world: World,
    /// Her conversations, and theirs.
    bob: (ConversationId, ConversationId),
    carol: (ConversationId, ConversationId),
}

impl Scene {
    fn new() -> Self {
        let mut world = World::new();
        for name in ["alice", "bob", "carol"] {
            world.join(name);
        }
        let bob = world.introduce("alice", "bob");
        let carol = world.introduce("alice", "carol");
        world.breaks = true;
        Self { world, bob, carol }
    }

    /// Alice's device starts with a group of hers that can't be read any more. Gives what stood there.
    fn break_group(&mut self, id: ConversationId) -> Vec<u8> {
        let mut before = Vec::new();
        self.world
            .crash_and("alice", |db| before = put(db, id, b"not a group".to_vec()));
        before
    }

    /// The same, and she is online. Nothing has happened in it yet.
    fn start_broken(&mut self, id: ConversationId) {
        self.break_group(id);
        self.world.connect("alice");
        self.world.settle();
    }

    fn mend_group(&mut self, id: ConversationId, state: Vec<u8>) {
        self.world
            .crash_and("alice", |db| _ = put(db, id, state.clone()));
    }

    /// What the relay delivers to Alice, one by one, until it has nothing more or she is gone.
    fn read_on(&mut self) -> Vec<RelayFrame> {
        let mut all = Vec::new();
        for _ in 0..100 {
            self.world.up("alice");
            let frames = self.world.relay.take("alice", 1);
            if !frames.is_empty() && self.world.people["alice"].connected {
                all.extend(frames.clone());
                self.world.frames("alice", frames);
            }
        }
        all.retain(|frame| matches!(frame, RelayFrame::Deliver { .. }));
        all
    }

    fn trouble(&self, id: ConversationId) -> Option<Problem> {
        self.world.reader("alice").conversation(id).unwrap().trouble
    }

    fn shown(&self, name: &str, id: ConversationId) -> Vec<(Author, String)> {
        let texts = self.world.texts(name, id).into_iter();
        texts.map(|(author, text, _)| (author, text)).collect()
    }
}

fn put(db: &mut Connection, id: ConversationId, state: Vec<u8>) -> Vec<u8> {
    const GROUP: &str = "id = (SELECT group_id FROM conversations WHERE id = ?1)";
    let before = format!("SELECT state FROM mls_groups WHERE {GROUP}");
    let before = db.query_row(&before, [id.0], |row| row.get(0)).unwrap();
    let change = format!("UPDATE mls_groups SET state = ?2 WHERE {GROUP}");
    assert_eq!(db.execute(&change, (id.0, state)).unwrap(), 1);
    before
}

fn entries(mut frames: Vec<RelayFrame>) -> Vec<RelayFrame> {
    frames.retain(|frame| {
        matches!(
            frame,
            RelayFrame::Deliver {
                delivered: Delivered::Entry(_),
                ..
            }
        )
    });
    frames
}

fn said(author: Author, texts: &[&str]) -> Vec<(Author, String)> {
    let texts = texts.iter();
    texts.map(|text| (author, (*text).to_owned())).collect()
}

#[test]
fn what_goes_wrong_in_one_conversation_costs_no_other_and_nothing_is_lost() {
    let mut scene = Scene::new();
    let (bob, carol) = (scene.bob, scene.carol);
    let state = scene.break_group(bob.0);
    scene.world.say("bob", bob.1, "Are you there?");
    scene.world.say("carol", carol.1, "Good morning");
    scene.world.settle();
    scene.world.connect("alice");
    scene.world.settle();
    // It began anew with the relay, because what was known of the connection is gone.
    assert!(!scene.world.people["alice"].connected);
    scene.world.connect("alice");
    scene.world.settle();

    let aside: Vec<_> = scene.world.people["alice"].set_aside.iter().collect();
    assert_eq!(aside.len(), 1, "{aside:?}");
    assert_eq!(aside[0].conversation, bob.0);
    let problem = scene.trouble(bob.0).unwrap();
    assert_eq!(problem.code, "conversation_set_aside");
    assert!(problem.happened.contains(&aside[0].detail));
    assert!(scene.world.people["alice"].events.iter().any(|event| matches!(
        event,
        Event::ConversationChanged { conversation }
            if conversation.conversation == bob.0 && conversation.trouble.as_ref() == Some(&problem)
    )));
    assert_eq!(scene.trouble(carol.0), None);
    assert_eq!(
        scene.shown("alice", carol.0),
        said(Author::Them, &["Good morning"])
    );
    assert_eq!(scene.shown("alice", bob.0), []);

    // She goes on with Carol; what she writes to Bob is kept.
    scene.world.say("alice", carol.0, "Good morning, Carol");
    scene.world.say("alice", bob.0, "One moment");
    scene.world.say("bob", bob.1, "Take your time");
    scene.world.wait(2 * 3_600_000);
    assert_eq!(scene.shown("carol", carol.1).len(), 2);
    let kept = scene.world.texts("alice", bob.0);
    assert_eq!(kept, [(Author::Me, "One moment".into(), Delivery::Queued)]);

    scene.mend_group(bob.0, state);
    assert_eq!(scene.trouble(bob.0), None);
    scene.world.connect("alice");
    scene.world.wait(10_000);
    let both = [
        (Author::Them, "Are you there?".to_owned()),
        (Author::Them, "Take your time".to_owned()),
        (Author::Me, "One moment".to_owned()),
    ];
    assert_eq!(scene.shown("alice", bob.0), both);
    assert_eq!(scene.shown("bob", bob.1).len(), 3);
    assert_eq!(scene.world.people["alice"].set_aside, []);
}

#[test]
fn whoever_asks_for_several_things_at_once_is_answered() {
    let mut scene = Scene::new();
    let (bob, carol) = (scene.bob, scene.carol);
    scene.start_broken(bob.0);
    let text = |conversation, text: &str| Command::SendText {
        conversation,
        text: text.into(),
    };
    let commands = vec![
        text(bob.0, "To Bob"),
        text(carol.0, ""),
        text(carol.0, "To Carol"),
    ];
    let done = scene.world.input("alice", Input::Commands(commands));
    assert!(matches!(
        done.as_slice(),
        [Ok(Done::Message { .. }), Err(_), Ok(Done::Message { .. })]
    ));
    scene.world.connect("alice");
    scene.world.settle();
    assert_eq!(
        scene.shown("carol", carol.1),
        said(Author::Them, &["To Carol"])
    );
    assert_eq!(scene.shown("alice", bob.0), said(Author::Me, &["To Bob"]));
    assert_eq!(scene.world.people["alice"].set_aside.len(), 1);
}

#[test]
fn typing_in_one_that_can_not_be_read_is_no_trouble_for_another() {
    let mut scene = Scene::new();
    let bob = scene.bob;
    scene.start_broken(bob.0);
    let typing = || Command::Typing {
        conversation: bob.0,
        typing: true,
    };
    assert!(scene.world.command("alice", typing()).is_ok());
    assert!(scene.trouble(bob.0).is_some());
    scene.world.connect("alice");
    scene.world.settle();
    assert!(scene.world.command("alice", typing()).is_ok());
    assert!(scene.world.people["alice"].connected);
}

#[test]
fn what_is_due_every_week_is_done_in_the_others() {
    let mut scene = Scene::new();
    let (bob, carol) = (scene.bob, scene.carol);
    scene.start_broken(bob.0);
    let epoch = |scene: &Scene| scene.world.reader("alice").details(carol.0).unwrap().epoch;
    let before = epoch(&scene);
    // Nobody else renews it in her place.
    scene.world.disconnect("carol");
    scene.world.wait(WEEK - 3_600_000);
    let mut minutes = 0;
    while scene.trouble(bob.0).is_none() {
        scene.world.wait(60_000);
        minutes += 1;
        assert!(minutes <= 180);
    }
    // Now, and not an hour later.
    scene.world.connect("alice");
    scene.world.wait(1_000);
    assert!(epoch(&scene) > before);
}

#[test]
fn one_that_stays_so_is_left_by_a_new_invite_and_what_was_not_sent_goes_along() {
    let mut scene = Scene::new();
    let bob = scene.bob;
    scene.start_broken(bob.0);
    scene.world.say("alice", bob.0, "One moment");
    scene.world.connect("alice");
    scene.world.settle();
    let link = scene.world.invite("bob", true);
    let anew = scene.world.open_invite("alice", &link).unwrap();
    assert_ne!(anew, bob.0);
    let theirs = scene.world.accept("bob");
    scene.world.wait(10_000);
    assert_eq!(
        scene.shown("bob", theirs),
        said(Author::Them, &["One moment"])
    );
    assert_eq!(
        scene.shown("alice", anew),
        said(Author::Me, &["One moment"])
    );
    let old = scene.world.reader("alice").conversation(bob.0).unwrap();
    assert_eq!((old.state, old.trouble), (ConversationState::Halted, None));
    scene.world.say("bob", theirs, "There you are");
    scene.world.wait(10_000);
    assert_eq!(scene.shown("alice", anew).len(), 2);
}

#[test]
fn it_is_tried_again_at_every_start_and_once_only() {
    let mut scene = Scene::new();
    let bob = scene.bob;
    scene.break_group(bob.0);
    scene.world.say("bob", bob.1, "Are you there?");
    for start in 1..=3 {
        scene.world.connect("alice");
        scene.world.settle();
        scene.world.connect("alice");
        scene.world.wait(3 * 3_600_000);
        assert!(scene.world.people["alice"].connected);
        assert_eq!(scene.world.people["alice"].set_aside.len(), 1, "{start}");
        assert!(scene.trouble(bob.0).is_some());
        scene.world.crash("alice");
    }
}

#[test]
fn a_receipt_that_can_not_be_sent_keeps_no_other_from_going_out() {
    let mut scene = Scene::new();
    let (bob, carol) = (scene.bob, scene.carol);
    scene.world.say("bob", bob.1, "Are you there?");
    scene.world.say("carol", carol.1, "Good morning");
    scene.world.settle();
    assert_eq!(scene.shown("alice", bob.0).len(), 1);
    scene.break_group(bob.0);
    scene.world.connect("alice");
    scene.world.wait(1_000);
    assert!(scene.trouble(bob.0).is_some());
    scene.world.connect("alice");
    scene.world.wait(2_000);
    let delivery = |name, id| scene.world.texts(name, id)[0].2;
    assert_eq!(delivery("carol", carol.1), Delivery::Delivered);
    assert_eq!(delivery("bob", bob.1), Delivery::Stored);
}

#[test]
fn what_a_relay_delivers_into_it_unasked_is_not_looked_at() {
    let mut scene = Scene::new();
    let (bob, carol) = (scene.bob, scene.carol);
    scene.break_group(bob.0);
    scene.world.say("bob", bob.1, "Are you there?");
    scene.world.settle();
    scene.world.connect("alice");
    let unasked = entries(scene.read_on());
    assert!(scene.trouble(bob.0).is_some());
    assert!(!unasked.is_empty());
    scene.world.connect("alice");
    // She asks for Carol's channel and her inbox, and for Bob's no more.
    let came = scene.read_on();
    assert!(!came.is_empty());
    assert_eq!(entries(came), []);
    scene.world.frames("alice", unasked);
    assert!(scene.world.people["alice"].connected);
    assert_eq!(scene.world.people["alice"].set_aside.len(), 1);
    scene.world.say("alice", carol.0, "Good morning");
    scene.world.settle();
    assert_eq!(scene.shown("carol", carol.1).len(), 1);
}

/// What concerns the whole profile has nobody to be put down to: it fails as before, and changes nothing.
#[test]
fn what_concerns_no_single_conversation_is_no_conversations_fault() {
    let mut scene = Scene::new();
    scene.world.crash_and("alice", |db| {
        db.execute("UPDATE profile SET list_expires = 0, chain = x'00'", [])
            .unwrap();
    });
    let now = scene.world.now;
    let alice = scene.world.people.get_mut("alice").unwrap();
    let failed = alice.engine.handle(Input::Deadline, now).unwrap_err();
    assert_eq!(failed.code(), "internal");
    assert!(matches!(failed, EngineError::Internal(_)));
    let all = scene.world.reader("alice").conversations().unwrap();
    assert!(all.iter().all(|view| view.trouble.is_none()));
}
