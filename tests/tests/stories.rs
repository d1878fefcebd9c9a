//! Alice and Bob as everybody else will be: a program each, a relay, nothing else.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests stop at the first surprise"
)]

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sotto_tests::{Failure, History, Key, Person, RelayProcess, Stage, introduce, text};

/// Most bytes that a text may have.
const LONGEST: usize = 65_536;

/// Two who have just met. Fields are dropped in order: the people, the relay, the folders.
struct Met {
    alice: Person,
    bob: Person,
    relay: RelayProcess,
    _stage: Stage,
}

fn met(key: Key) -> Met {
    let stage = Stage::new().unwrap();
    let relay = stage.relay("relay").unwrap();
    let mut alice = stage.person("alice", relay.address(), key).unwrap();
    let mut bob = stage.person("bob", relay.address(), key).unwrap();
    introduce(&mut alice, &mut bob).unwrap();
    Met {
        alice,
        bob,
        relay,
        _stage: stage,
    }
}

fn texts(person: &mut Person) -> Vec<String> {
    let history = History::read(person).unwrap();
    assert_eq!(history.troubles(), Vec::<&str>::new(), "{}", person.name());
    history.texts().into_iter().map(str::to_owned).collect()
}

fn code(result: Result<Value, Failure>) -> String {
    let failure = result.unwrap_err();
    failure.problem().expect("a refusal").code.clone()
}

fn in_this_chat(person: &Person) -> Value {
    json!({ "conversation": person.conversation() })
}

#[test]
fn they_meet_talk_and_know_how_far_each_message_came() {
    let mut here = met(Key::Memory);
    let (alice, bob) = (&mut here.alice, &mut here.bob);
    let hello = alice.say("The ferry is late, so no need to run.").unwrap();
    let heard = bob.hear().unwrap();
    assert_eq!(
        (heard.text.as_str(), heard.id.as_str()),
        ("The ferry is late, so no need to run.", hello.as_str())
    );
    alice.until_delivery(&hello, "delivered").unwrap();
    let which = in_this_chat(bob);
    let view = bob.call("conversation", which).unwrap();
    assert_eq!(
        (&view["unread"], text(&view, "/name")),
        (&json!(1), "Alice")
    );

    let read = json!({ "conversation": bob.conversation(), "message": hello });
    bob.call("mark_read", read).unwrap();
    alice.until_delivery(&hello, "read").unwrap();
    let answer = bob.say("Good, I have the drawings with me.").unwrap();
    assert_eq!(alice.hear().unwrap().id, answer);
    bob.until_delivery(&answer, "delivered").unwrap();
    assert_eq!(texts(alice), texts(bob));
}

#[test]
fn typing_is_seen_by_the_other_and_leaves_nothing() {
    let mut here = met(Key::Memory);
    let (alice, bob) = (&mut here.alice, &mut here.bob);
    let typing = json!({ "conversation": alice.conversation(), "typing": true });
    alice.call("typing", typing).unwrap();
    let seen = bob.rpc().event("typing", |_| true).unwrap();
    assert_eq!(seen["typing"], true);
    assert_eq!(text(&seen, "/conversation"), bob.conversation());
    assert_eq!(texts(bob), Vec::<String>::new());
}

#[test]
fn receipts_that_are_switched_off_tell_nothing_and_ask_nothing() {
    let mut here = met(Key::Memory);
    let (alice, bob) = (&mut here.alice, &mut here.bob);
    bob.call("set_receipts", json!({ "on": false })).unwrap();
    let first = alice.say("Did this arrive?").unwrap();
    let heard = bob.hear().unwrap();
    let read = json!({ "conversation": bob.conversation(), "message": heard.id });
    bob.call("mark_read", read).unwrap();
    // His answer passes every receipt that he might have sent.
    bob.say("Yes, but I don't tell.").unwrap();
    alice.hear().unwrap();
    std::thread::sleep(Duration::from_secs(2));
    alice.until_delivery(&first, "stored").unwrap();
}

#[test]
fn what_is_written_while_the_relay_is_away_goes_out_when_it_is_back() {
    let mut here = met(Key::Memory);
    let (alice, bob, relay) = (&mut here.alice, &mut here.bob, &mut here.relay);
    assert!(relay.stop(), "the relay goes when it is asked to");
    let offline = |status: &Value| text(status, "/state") == "offline";
    for person in [&mut *alice, &mut *bob] {
        person.until_relay(offline).unwrap();
    }
    let from_alice = alice.say("Are you there?").unwrap();
    let from_bob = bob.say("Is anybody there?").unwrap();
    alice.until_delivery(&from_alice, "queued").unwrap();
    relay.restart().unwrap();
    alice.until_delivery(&from_alice, "delivered").unwrap();
    bob.until_delivery(&from_bob, "delivered").unwrap();
    let (at_alice, at_bob) = (texts(alice), texts(bob));
    assert_eq!(at_alice.len(), 2);
    assert_eq!(at_alice, at_bob);
}

#[test]
fn what_is_written_to_somebody_who_is_away_waits_at_the_relay() {
    let mut here = met(Key::Passphrase);
    let (alice, bob) = (&mut here.alice, &mut here.bob);
    assert!(bob.quit(), "the program ends when there are no more calls");
    let mut last = String::new();
    for number in 0..300 {
        last = alice.say(&format!("message {number}")).unwrap();
    }
    alice.until_delivery(&last, "stored").unwrap();
    bob.start_again().unwrap();
    bob.open().unwrap();
    alice.until_delivery(&last, "delivered").unwrap();
    let expected: Vec<String> = (0..300).map(|n| format!("message {n}")).collect();
    assert_eq!(texts(bob), expected);
}

#[test]
fn texts_arrive_byte_for_byte_and_names_steer_no_terminal() {
    let stage = Stage::new().unwrap();
    let relay = stage.relay("relay").unwrap();
    // Right-to-left override, a bell, an escape sequence, a zero-width joiner, a line break.
    let odd = "\u{202e}ecilA\u{7}\u{1b}[31m\u{200d}\nx";
    let mut alice = stage.arrive("alice").unwrap();
    alice.create(odd, relay.address(), Key::Memory).unwrap();
    let mut bob = stage.person("bob", relay.address(), Key::Memory).unwrap();
    introduce(&mut alice, &mut bob).unwrap();
    let view = bob.until("conversation", in_this_chat(&bob), |view| {
        !text(view, "/name").is_empty()
    });
    let view = view.unwrap();
    // What steers a terminal is taken out of names; which way they are read is the screen's work.
    assert_eq!(text(&view, "/name"), "\u{202e}ecilA[31m\u{200d}x");

    for words in [
        "\u{0}\u{1}\u{7f}\u{85}\r\n\t\u{1b}]0;title\u{7}",
        "\u{202a}\u{2066}bidi\u{2069}\u{202c} \u{feff}",
        "e\u{301} é ß 𝔄 ﷽ 👩‍👩‍👧‍👦 🏳️‍🌈 नमस्ते שלום مرحبا",
        " \u{a0}x\n\n\n ",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":null}",
        "'; DROP TABLE messages; --",
    ] {
        alice.say(words).unwrap();
        assert_eq!(bob.hear().unwrap().text, words);
    }
    // A name is told by its length in characters, and can be changed.
    let code = code(alice.call("set_name", json!({ "name": "n".repeat(65) })));
    assert_eq!(code, "name_invalid");
    let longest = "ñ".repeat(64);
    alice.call("set_name", json!({ "name": longest })).unwrap();
    bob.until("conversation", in_this_chat(&bob), |view| {
        text(view, "/name") == longest
    })
    .unwrap();
}

#[test]
fn the_longest_text_arrives_and_one_byte_more_is_refused() {
    let mut here = met(Key::Memory);
    let (alice, bob) = (&mut here.alice, &mut here.bob);
    // Quotes, so that every byte takes two in JSON; and three bytes a letter.
    for longest in [
        "\"".repeat(LONGEST),
        format!("a{}", "漢".repeat(LONGEST / 3)),
    ] {
        assert_eq!(longest.len(), LONGEST);
        let id = alice.say(&longest).unwrap();
        assert!(bob.hear().unwrap().text == longest);
        let sent = alice.call("sent_as", json!({ "message": id })).unwrap();
        assert_eq!(sent["envelope_size"], 256 * 1024);
        let too_long = json!({
            "conversation": alice.conversation(), "text": format!("{longest}x"),
        });
        let failure = alice.call("send_text", too_long).unwrap_err();
        let problem = failure.problem().unwrap();
        assert_eq!(problem.code, "text_too_long");
        assert!(problem.happened.contains("65,536"), "{problem:?}");
    }
    let empty = json!({ "conversation": alice.conversation(), "text": "" });
    assert_eq!(code(alice.call("send_text", empty)), "text_empty");
    // The refused ones left nothing, and the way is free.
    alice.say("short").unwrap();
    assert_eq!(bob.hear().unwrap().text, "short");
    assert_eq!(texts(bob).len(), 3);
}

#[test]
fn everything_ends_and_begins_again_and_nothing_is_forgotten() {
    let mut here = met(Key::Passphrase);
    let (alice, bob, relay) = (&mut here.alice, &mut here.bob, &mut here.relay);
    let account = |person: &mut Person| person.call("account", json!({})).unwrap();
    let accounts = (account(alice), account(bob));
    for (round, words) in ["one", "two", "three"].into_iter().enumerate() {
        alice.say(words).unwrap();
        assert_eq!(bob.hear().unwrap().text, words);
        bob.say(&format!("{words} it is")).unwrap();
        alice.hear().unwrap();
        let before = (texts(alice), texts(bob));
        assert!(alice.quit() && bob.quit() && relay.stop());
        relay.restart().unwrap();
        for person in [&mut *alice, &mut *bob] {
            person.start_again().unwrap();
            person.open().unwrap();
        }
        assert_eq!((texts(alice), texts(bob)), before);
        assert_eq!((account(alice), account(bob)), accounts);
        assert_eq!(before.0, before.1);
        assert_eq!(before.0.len(), 2 * (round + 1));
    }
}

#[test]
fn both_read_the_same_safety_number_and_members() {
    let mut here = met(Key::Memory);
    let (alice, bob, relay) = (&mut here.alice, &mut here.bob, &here.relay);
    let details = |person: &mut Person| {
        let which = in_this_chat(person);
        person.call("details", which).unwrap()
    };
    let (at_alice, at_bob) = (details(alice), details(bob));
    let number = text(&at_alice, "/safety_number");
    assert_eq!(number, text(&at_bob, "/safety_number"));
    let groups: Vec<&str> = number.split_whitespace().collect();
    assert_eq!(groups.len(), 12);
    let five_digits = |group: &&str| group.len() == 5 && group.bytes().all(|b| b.is_ascii_digit());
    assert!(groups.iter().all(five_digits), "{number}");
    assert_eq!(
        text(&at_alice, "/suite"),
        "SOTTO_128_XWING_FERNET_SHA256_Ed25519 (0xF0F1)"
    );
    assert_eq!(text(&at_alice, "/relay"), relay.address());
    let members = |details: &Value| {
        let members = details["members"].as_array().unwrap().iter();
        let mut keys: Vec<_> = members.map(|m| text(m, "/device").to_owned()).collect();
        keys.sort();
        keys
    };
    assert_eq!(members(&at_alice), members(&at_bob));
    assert_eq!(members(&at_alice).len(), 2);

    // Comparing turns the shield of the one who compared.
    let verified = json!({ "conversation": alice.conversation(), "verified": true });
    alice.call("set_verified", verified).unwrap();
    let shield = |person: &mut Person| {
        let which = in_this_chat(person);
        text(&person.call("conversation", which).unwrap(), "/shield").to_owned()
    };
    assert_eq!(shield(alice), "verified");
    assert_eq!(shield(bob), "encrypted");
}

#[test]
fn what_bob_writes_before_alice_accepts_is_kept_and_sent_then() {
    let stage = Stage::new().unwrap();
    let relay = stage.relay("relay").unwrap();
    let mut alice = stage.person("alice", relay.address(), Key::Memory).unwrap();
    let mut bob = stage.person("bob", relay.address(), Key::Memory).unwrap();
    let invite = json!({ "single_use": true, "lifetime_seconds": 60 });
    let invite = alice.call("create_invite", invite).unwrap();
    let opened = json!({ "link": text(&invite, "/link") });
    let opened = bob.call("open_invite", opened).unwrap();
    bob.turn_to(text(&opened, "/conversation"));
    let early = bob.say("Are you there?").unwrap();
    let request = alice.rpc().event("request_arrived", |_| true).unwrap();
    let shown = request.to_string().to_lowercase();
    assert!(
        !shown.contains("bob"),
        "a request shows nothing of the stranger: {shown}"
    );
    bob.until_delivery(&early, "queued").unwrap();

    let request = json!({ "request": text(&request, "/request/request") });
    let accepted = alice.call("accept_request", request).unwrap();
    alice.turn_to(text(&accepted, "/conversation"));
    bob.until_delivery(&early, "delivered").unwrap();
    assert_eq!(texts(&mut alice), ["Are you there?"]);
}

#[test]
fn a_burst_from_both_at_once_is_one_conversation_on_both_sides() {
    const EACH: usize = 100;
    let mut here = met(Key::Memory);
    let (alice, bob) = (&mut here.alice, &mut here.bob);
    let mut calls = Vec::new();
    for number in 0..EACH {
        for person in [&mut *alice, &mut *bob] {
            let words = format!("{} {number}", person.name());
            let params = json!({ "conversation": person.conversation(), "text": words });
            calls.push(person.begin("send_text", params).unwrap());
        }
    }
    for pair in calls.chunks(2) {
        alice.rpc().finish(pair[0]).unwrap();
        bob.rpc().finish(pair[1]).unwrap();
    }
    let deadline = Instant::now() + Duration::from_secs(30);
    let (at_alice, at_bob) = loop {
        let both = (texts(alice), texts(bob));
        if both.0.len() == 2 * EACH && both.0 == both.1 || Instant::now() > deadline {
            break both;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(at_alice, at_bob, "one order for both");
    for name in ["alice", "bob"] {
        let own: Vec<_> = at_alice
            .iter()
            .filter(|text| text.starts_with(name))
            .collect();
        let expected: Vec<String> = (0..EACH).map(|n| format!("{name} {n}")).collect();
        assert_eq!(own, expected.iter().collect::<Vec<_>>());
    }
}

#[test]
fn shown_as_sent_both_sides_see_the_same_token_and_the_relay_stored_that_envelope() {
    let mut here = met(Key::Memory);
    let (alice, bob, relay) = (&mut here.alice, &mut here.bob, &here.relay);
    // While Bob is away the envelope stays at the relay.
    bob.rpc().kill();
    let id = alice.say("look at me").unwrap();
    alice.until_delivery(&id, "stored").unwrap();
    let sent = alice.call("sent_as", json!({ "message": id })).unwrap();
    assert!(text(&sent, "/token").starts_with("gAAAAA"), "{sent}");
    assert_eq!(sent["envelope_size"], 1024);
    let decode = |part: &str| base64_decode(text(&sent, part));
    let (mls, envelope) = (decode("/mls"), decode("/envelope"));
    assert_eq!(envelope.len(), 1024);
    let token = text(&sent, "/token").as_bytes();
    let holds = |heap: &[u8], needle: &[u8]| heap.windows(needle.len()).any(|w| w == needle);
    assert!(
        holds(&mls, token),
        "the token stands inside the MLS message"
    );
    assert!(
        !holds(&envelope, &mls[..32]),
        "and the MLS message in the envelope doesn't show"
    );
    let stored = sotto_tests::kept::files(relay.data()).unwrap();
    let mut stored = stored.iter().map(|file| std::fs::read(file).unwrap());
    // A page of the store may break an envelope in two; its start stands together.
    assert!(
        stored.any(|file| holds(&file, &envelope[..256])),
        "what the relay stored"
    );
}

fn base64_decode(text: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD
        .decode(text)
        .unwrap()
}
