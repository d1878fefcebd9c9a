//! Clients and relay are ended by SIGKILL at random moments. Afterwards every message is there,
//! once, in order. `SOTTO_LONG=1` plays all conversations instead of the first 400 messages.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests stop at the first surprise"
)]

use std::path::Path;

use serde_json::{Value, json};
use sotto_tests::replay::{Settings, play};
use sotto_tests::{History, Key, Person, Programs, RelayProcess, Stage, load, text};

fn replay(seed: u64, burst: Option<usize>) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/conversations.jsonl");
    let mut conversations = load(&file).unwrap();
    if std::env::var_os("SOTTO_LONG").is_none() {
        let mut left = 400;
        for conversation in &mut conversations {
            conversation.truncate(left);
            left -= conversation.len();
        }
    }
    let settings = Settings {
        programs: Programs::beside().unwrap(),
        burst,
        kill: Some(seed),
        keep: false,
    };
    let report = play(&conversations, &settings).unwrap();
    assert_eq!(
        report.faults(),
        Vec::<String>::new(),
        "seed {seed}\n{report}"
    );
    assert_eq!(report.delivered, report.lines);
    let deaths = report.deaths;
    assert!(
        deaths.alice > 0 && deaths.bob > 0 && deaths.relay > 0,
        "{deaths:?}"
    );
    eprintln!("{report}");
}

#[test]
fn in_turns_nothing_is_lost_doubled_or_out_of_order() {
    replay(1, None);
}

#[test]
fn in_bursts_nothing_is_lost_doubled_or_out_of_order() {
    replay(2, Some(40));
}

/// Whom to end, and after which step of meeting somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    GuestHasOpened,
    RelayWhileOpening,
    InviterHasAccepted,
    RelayWhileAccepting,
    Everybody,
}

/// The last step of the introduction, with a death in it.
fn meet(alice: &mut Person, bob: &mut Person, relay: &mut RelayProcess, end: End) {
    let again = |person: &mut Person| {
        person.start_again().unwrap();
        person.open().unwrap();
    };
    let invite = json!({ "single_use": true, "lifetime_seconds": 3600 });
    let invite = alice.call("create_invite", invite).unwrap();
    let opened = json!({ "link": text(&invite, "/link") });
    let opened = bob.call("open_invite", opened).unwrap();
    bob.turn_to(text(&opened, "/conversation"));
    match end {
        End::GuestHasOpened => again(bob),
        End::RelayWhileOpening => relay.restart().unwrap(),
        _ => {}
    }
    bob.say("Are you there?").unwrap();
    let request = alice
        .until("requests", json!({}), |r| !r[0].is_null())
        .unwrap();
    let request = json!({ "request": text(&request, "/0/request") });
    let accepted = alice.call("accept_request", request).unwrap();
    alice.turn_to(text(&accepted, "/conversation"));
    match end {
        End::InviterHasAccepted => again(alice),
        End::RelayWhileAccepting => relay.restart().unwrap(),
        End::Everybody => {
            relay.kill();
            again(alice);
            again(bob);
            relay.restart().unwrap();
        }
        _ => {}
    }
}

#[test]
fn a_death_while_meeting_somebody_costs_nothing() {
    let stage = Stage::new().unwrap();
    let mut relay = stage.relay("relay").unwrap();
    let mut alice = stage
        .person("alice", relay.address(), Key::Passphrase)
        .unwrap();
    for (guest, end) in [
        ("bob", End::GuestHasOpened),
        ("carol", End::RelayWhileOpening),
        ("mallory", End::InviterHasAccepted),
        ("eve", End::RelayWhileAccepting),
    ] {
        let mut guest = stage
            .person(guest, relay.address(), Key::Passphrase)
            .unwrap();
        meet_and_talk(&mut alice, &mut guest, &mut relay, end);
    }
    let conversations = alice.call("conversations", json!({})).unwrap();
    assert_eq!(
        conversations.as_array().unwrap().len(),
        4,
        "each meeting once"
    );
}

#[test]
fn the_death_of_all_while_meeting_costs_nothing() {
    let stage = Stage::new().unwrap();
    let mut relay = stage.relay("relay").unwrap();
    let [mut alice, mut bob] = ["alice", "bob"].map(|name| {
        stage
            .person(name, relay.address(), Key::Passphrase)
            .unwrap()
    });
    meet_and_talk(&mut alice, &mut bob, &mut relay, End::Everybody);
}

fn meet_and_talk(alice: &mut Person, guest: &mut Person, relay: &mut RelayProcess, end: End) {
    meet(alice, guest, relay, end);
    for person in [&mut *alice, &mut *guest] {
        person.call("reconnect_relays", json!({})).unwrap();
        let which = json!({ "conversation": person.conversation() });
        let active = |view: &Value| text(view, "/state") == "active";
        person
            .until("conversation", which, active)
            .unwrap_or_else(|e| panic!("{end:?}: {e}"));
    }
    let id = alice.say("Yes, I am.").unwrap();
    alice
        .until_delivery(&id, "delivered")
        .unwrap_or_else(|e| panic!("{end:?}: {e}"));
    for person in [alice, guest] {
        let history = History::read(person).unwrap();
        assert_eq!(history.texts(), ["Are you there?", "Yes, I am."], "{end:?}");
        assert_eq!(history.troubles(), Vec::<&str>::new(), "{end:?}");
    }
}
