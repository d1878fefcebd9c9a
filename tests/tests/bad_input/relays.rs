//! Relays that are not there, are others, or speak nonsense. Whatever they do, what was written
//! meanwhile arrives once they behave.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sotto_tests::{History, Key, Person, Problem, Stage, introduce, text};
use sotto_wire::{Refusal, RefusalCode, RelayFrame, RelayHello, Reply, decode, encode, limits};

use super::meddler::{Meddler, Message, Mode};
use super::told;

/// Waits until the connection to the first relay fails with this code, trying again and again.
fn until_problem(person: &mut Person, code: &str) -> Problem {
    let deadline = Instant::now() + Duration::from_secs(40);
    let mut last = Value::Null;
    while Instant::now() < deadline {
        let relays = person.call("relays", json!({})).unwrap();
        last = relays[0].clone();
        if text(&last, "/problem/code") == code {
            return told(&last["problem"]).unwrap();
        }
        person.call("reconnect_relays", json!({})).unwrap();
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("{}: not {code} but {last}", person.name());
}

fn until_connected(person: &mut Person) {
    let deadline = Instant::now() + Duration::from_secs(40);
    while text(&person.call("relays", json!({})).unwrap(), "/0/state") != "connected" {
        assert!(
            Instant::now() < deadline,
            "{} never came back",
            person.name()
        );
        person.call("reconnect_relays", json!({})).unwrap();
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn says(message: Message) -> Mode {
    Mode::Hello(Arc::new(move |_| vec![message.clone()]))
}

fn adds(message: Message) -> Mode {
    Mode::Hello(Arc::new(move |hello| {
        vec![Message::binary(hello), message.clone()]
    }))
}

fn changes(change: fn(&mut RelayHello)) -> Mode {
    Mode::Hello(Arc::new(move |hello| {
        let RelayFrame::Hello(mut hello) = decode(&hello, limits::MAX_HELLO).unwrap() else {
            panic!("not a hello");
        };
        change(&mut hello);
        vec![Message::binary(encode(&RelayFrame::Hello(hello)))]
    }))
}

fn closing(code: RefusalCode) -> Mode {
    says(closing_message(code))
}

fn closing_message(code: RefusalCode) -> Message {
    let refusal = Refusal {
        code,
        retry_after_ms: None,
        handshakes: None,
    };
    Message::binary(encode(&RelayFrame::Closing(refusal)))
}

fn answer_to_nothing() -> Message {
    let (id, reply) = (4_000_000, Reply::Done);
    Message::binary(encode(&RelayFrame::Reply { id, reply }))
}

/// Plays all modes one after the other between two people who talk through the meddler.
fn nothing_is_lost(cases: Vec<(&str, Mode)>) {
    let stage = Stage::new().unwrap();
    let relay = stage.relay_with("relay", &["--plain"]).unwrap();
    let meddler = Meddler::before(relay.host_port());
    let address = meddler.address(relay.address());
    let mut alice = stage.person("alice", &address, Key::Memory).unwrap();
    let mut bob = stage.person("bob", &address, Key::Memory).unwrap();
    introduce(&mut alice, &mut bob).unwrap();
    let account = alice.call("account", json!({})).unwrap();
    let mut said = Vec::new();
    for (number, (code, mode)) in cases.into_iter().enumerate() {
        meddler.set(mode);
        until_problem(&mut alice, code);
        let words = format!("{number}: {code}");
        let id = alice.say(&words).unwrap();
        let kept = alice.call("message", json!({ "message": id })).unwrap();
        assert_eq!(text(&kept, "/delivery"), "queued", "{code}");

        meddler.set(Mode::Honest);
        until_connected(&mut alice);
        until_connected(&mut bob);
        let heard = bob.hear().unwrap();
        assert_eq!((&heard.text, &heard.id), (&words, &id));
        said.push(words);
    }
    assert_eq!(alice.call("account", json!({})).unwrap(), account);
    for person in [&mut alice, &mut bob] {
        let history = History::read(person).unwrap();
        assert_eq!(history.texts(), said);
        assert_eq!(history.troubles(), Vec::<&str>::new());
        let which = json!({ "conversation": person.conversation() });
        let view = person.call("conversation", which).unwrap();
        assert_eq!(text(&view, "/shield"), "encrypted", "nobody was blamed");
    }
}

#[test]
fn before_and_in_the_hello() {
    let stage = Stage::new().unwrap();
    let other = stage.relay_with("other", &["--plain"]).unwrap();
    let other = other.host_port().parse().unwrap();
    let not_found = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    nothing_is_lost(vec![
        ("relay_not_a_relay", Mode::Http(not_found)),
        (
            "relay_garbage",
            Mode::Http("220 mail.example.org ESMTP\r\n\r\n"),
        ),
        ("relay_wrong_identity", Mode::Elsewhere(other)),
        (
            "relay_wrong_identity",
            changes(|hello| hello.signature.0[0] ^= 1),
        ),
        ("relay_other_version", changes(|hello| hello.version = 2)),
        ("relay_other_version", closing(RefusalCode::Version)),
        ("relay_token", closing(RefusalCode::Token)),
        ("relay_stopping", closing(RefusalCode::Stopping)),
        ("relay_busy", closing(RefusalCode::Quota)),
        ("relay_garbage", says(Message::binary(vec![0xff; 200]))),
        ("relay_garbage", says(Message::text("hello"))),
        (
            "relay_oversized",
            says(Message::binary(vec![0; limits::MAX_HELLO + 1])),
        ),
        ("relay_out_of_order", says(answer_to_nothing())),
        ("relay_closed", says(Message::closing())),
    ]);
}

#[test]
fn after_the_hello() {
    let twice = |hello: Vec<u8>| vec![Message::binary(hello.clone()), Message::binary(hello)];
    nothing_is_lost(vec![
        ("relay_garbage", adds(Message::binary(vec![0xff; 200]))),
        ("relay_garbage", adds(Message::binary(Vec::new()))),
        ("relay_garbage", adds(Message::text("{}"))),
        (
            "relay_oversized",
            adds(Message::binary(vec![0; limits::MAX_FRAME + 1])),
        ),
        ("relay_out_of_order", Mode::Hello(Arc::new(twice))),
        ("relay_broke_rules", adds(answer_to_nothing())),
        (
            "relay_refused",
            adds(closing_message(RefusalCode::Malformed)),
        ),
        (
            "relay_stopping",
            adds(closing_message(RefusalCode::Stopping)),
        ),
    ]);
}

#[test]
fn a_relay_that_says_nothing_at_all() {
    nothing_is_lost(vec![("relay_timeout", Mode::Mute)]);
}

#[test]
fn a_relay_that_never_says_hello() {
    let nothing = |_| Vec::new();
    nothing_is_lost(vec![(
        "relay_hello_timeout",
        Mode::Hello(Arc::new(nothing)),
    )]);
}

#[test]
fn a_relay_that_is_not_there_has_another_key_or_no_tls() {
    let stage = Stage::new().unwrap();
    let mut relay = stage.relay("relay").unwrap();
    let plain = stage.relay_with("plain", &["--plain"]).unwrap();
    let mut alice = stage.person("alice", relay.address(), Key::Memory).unwrap();
    until_connected(&mut alice);
    // The very first word that a profile hears of its relay can be that it is another.
    let (_, identity) = plain.address().split_once('#').unwrap();
    let swapped = format!("sotto-relay://{}#{identity}", relay.host_port());
    let mut bob = stage.person("bob", &swapped, Key::Memory).unwrap();
    let problem = until_problem(&mut bob, "relay_wrong_identity");
    assert!(problem.safe.contains("Nothing was sent"), "{problem:?}");

    let tls = format!("sotto-relay://{}#{identity}", plain.host_port());
    let mut carol = stage.person("carol", &tls, Key::Memory).unwrap();
    until_problem(&mut carol, "relay_tls_failed");

    relay.kill();
    until_problem(&mut alice, "relay_unreachable");
    // Everything that needs no relay works without one.
    for person in [&mut alice, &mut bob, &mut carol] {
        person
            .call("set_name", json!({ "name": "Patience" }))
            .unwrap();
        let invite = json!({ "single_use": true, "lifetime_seconds": 3600 });
        person.call("create_invite", invite).unwrap();
        let account = person.call("account", json!({})).unwrap();
        assert_eq!(text(&account, "/name"), "Patience");
    }
    relay.restart().unwrap();
    until_connected(&mut alice);
}

#[test]
fn a_relay_address_that_can_not_be_is_refused_before_anything_is_made() {
    let stage = Stage::new().unwrap();
    let mut alice = stage.arrive("alice").unwrap();
    let identity = "A".repeat(43);
    for address in [
        String::new(),
        "sotto-relay://127.0.0.1:7443".to_owned(),
        format!("sotto-relay://127.0.0.1:0#{identity}"),
        format!("sotto-relay+plain://relay.example.org:7443#{identity}"),
        format!("https://127.0.0.1:7443#{identity}"),
        format!("sotto-relay://127.0.0.1:7443#{}", &identity[1..]),
    ] {
        let failure = alice.create("Alice", &address, Key::Memory).unwrap_err();
        let problem = failure.problem().unwrap();
        assert_eq!(problem.code, "relay_address_invalid", "{address}");
        super::whole(problem);
    }
    let listed = alice.rpc().call("list_profiles", &json!({})).unwrap();
    assert_eq!(listed, json!([]));
}
