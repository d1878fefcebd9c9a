//! The whole contract over two `sotto rpc` processes and a real relay.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests stop at the first surprise"
)]

mod common;

use common::{PASSPHRASE, Person, Relay, introduce, sotto};
use serde_json::{Value, json};

#[test]
fn alice_and_bob_meet_and_talk() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(&folder.path().join("relay"));
    let mut alice = Person::create("alice", folder.path(), &relay.address);
    let mut bob = Person::create("bob", folder.path(), &relay.address);
    let (at_alice, at_bob) = introduce(&mut alice, &mut bob);

    // They talk, and each reads what the other wrote.
    let first = alice.say(&at_alice, "Hello Bob!");
    assert_eq!(bob.hear(), "Hello Bob!");
    bob.say(&at_bob, "Hi Alice, nice to see you. 👋");
    assert_eq!(alice.hear(), "Hi Alice, nice to see you. 👋");

    // Typing is seen, and never stored.
    bob.ok("typing", json!({ "conversation": at_bob, "typing": true }));
    let typing = alice.event("typing");
    assert_eq!(
        (&typing["conversation"], &typing["typing"]),
        (&at_alice, &json!(true))
    );

    // Bob reads; Alice sees it.
    let newest = bob.ok("messages", json!({ "conversation": at_bob, "limit": 50 }));
    let hello = newest["messages"].as_array().unwrap().iter();
    let hello = hello
        .into_iter()
        .find(|message| message["message"] == first)
        .unwrap();
    bob.ok(
        "mark_read",
        json!({ "conversation": at_bob, "message": hello["message"] }),
    );
    alice.line("a read mark", |line| {
        let event = &line["params"]["event"];
        event["event"] == "marks" && event["read"].as_i64().is_some_and(|read| read > 0)
    });
    assert_eq!(
        alice.ok("message", json!({ "message": first }))["delivery"],
        "read"
    );

    // How it crossed the network.
    let sent = alice.ok("sent_as", json!({ "message": first }));
    assert!(sent["token"].as_str().unwrap().starts_with("gAAAAA"));
    assert_eq!(sent["envelope_size"], 1024);

    // Both see the same safety number, and each other's names.
    let details = |person: &mut Person, conversation: &Value| {
        let details = person.ok("details", json!({ "conversation": conversation }));
        details["safety_number"].as_str().unwrap().to_owned()
    };
    let number = details(&mut alice, &at_alice);
    assert_eq!(number, details(&mut bob, &at_bob));
    assert_eq!(number.chars().filter(char::is_ascii_digit).count(), 60);
    let view = alice.ok("conversation", json!({ "conversation": at_alice }));
    assert_eq!(
        (&view["name"], &view["state"], &view["shield"]),
        (&json!("bob"), &json!("active"), &json!("encrypted"))
    );
    alice.ok(
        "set_verified",
        json!({ "conversation": at_alice, "verified": true }),
    );
    let view = alice.ok("conversation", json!({ "conversation": at_alice }));
    assert_eq!(view["shield"], "verified");

    // What else can be read.
    assert_eq!(alice.ok("account", json!({}))["name"], "alice");
    assert_eq!(
        alice
            .ok("conversations", json!({}))
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(alice.ok("invites", json!({}))[0]["state"], "used");
    assert_eq!(alice.ok("requests", json!({})), json!([]));
    let relays = alice.ok("relays", json!({}));
    assert_eq!(
        (&relays[0]["relay"], &relays[0]["state"]),
        (&json!(relay.address), &json!("connected"))
    );
    let words = alice.ok("recovery_code", json!({}));
    assert_eq!(words.as_str().unwrap().split(' ').count(), 24);
    alice.ok("recovery_code_saved", json!({}));
    assert_eq!(alice.ok("recovery_code", json!({})), Value::Null);

    alice.leave();
    bob.leave();
}

#[test]
fn a_burst_that_nobody_waits_for_arrives_whole_and_in_order() {
    const BURST: usize = 300;
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(&folder.path().join("relay"));
    let mut alice = Person::create("alice", folder.path(), &relay.address);
    let mut bob = Person::create("bob", folder.path(), &relay.address);
    let (at_alice, at_bob) = introduce(&mut alice, &mut bob);
    let ids: Vec<u64> = (0..BURST)
        .map(|n| {
            alice.ask(
                "send_text",
                json!({ "conversation": at_alice, "text": format!("message {n}") }),
            )
        })
        .collect();
    for id in ids {
        assert_eq!(alice.answer(id)["result"]["done"], "message");
    }
    let expected: Vec<String> = (0..BURST).map(|n| format!("message {n}")).collect();
    for text in &expected {
        assert_eq!(bob.hear(), *text);
    }
    assert_eq!(bob.texts(&at_bob), expected);
    assert_eq!(alice.texts(&at_alice), expected);
}

#[test]
fn a_relay_that_restarts_and_a_client_that_is_killed_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let relay_data = folder.path().join("relay");
    let relay = Relay::start(&relay_data);
    let (listen, address) = (relay.listen(), relay.address.clone());
    let mut alice = Person::create("alice", folder.path(), &address);
    let mut bob = Person::create("bob", folder.path(), &address);
    let (at_alice, at_bob) = introduce(&mut alice, &mut bob);
    alice.say(&at_alice, "one");
    assert_eq!(bob.hear(), "one");

    // While the relay is away, both write; the state is told.
    drop(relay);
    let offline = alice.line("offline", |line| {
        line["params"]["event"]["state"] == "offline"
    });
    assert!(
        offline["params"]["event"]["problem"]["code"]
            .as_str()
            .unwrap()
            .starts_with("relay_")
    );
    alice.say(&at_alice, "two");
    bob.say(&at_bob, "three");
    // Bob's machine loses power.
    let data = bob.kill();

    let relay = Relay::start_at(&relay_data, &listen);
    assert_eq!(relay.address, address);
    alice.ok("reconnect_relays", json!({}));
    let mut bob = Person::start("bob", &data);
    bob.open();
    assert_eq!(alice.hear(), "three");
    alice.say(&at_alice, "four");
    while bob.texts(&at_bob).len() < 4 {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let mut texts = bob.texts(&at_bob);
    texts.sort();
    assert_eq!(texts, ["four", "one", "three", "two"]);
    assert_eq!(alice.texts(&at_alice).len(), 4);
}

#[test]
fn bad_invites_each_have_their_own_error() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(&folder.path().join("relay"));
    let mut alice = Person::create("alice", folder.path(), &relay.address);
    let invite = alice.ok(
        "create_invite",
        json!({ "single_use": true, "lifetime_seconds": 3600 }),
    );
    let link = invite["link"].as_str().unwrap().to_owned();
    let mut code =
        |link: &str| alice.problem("open_invite", json!({ "link": link }))["code"].clone();
    assert_eq!(code("hello"), "invite_unreadable");
    assert_eq!(code(&link[..link.len() - 5]), "invite_damaged");
    assert_eq!(code(&link), "invite_own");
    assert_eq!(code(""), "invite_unreadable");
}

#[test]
fn mistakes_in_lines_are_answered_and_the_next_line_works() {
    let folder = tempfile::tempdir().unwrap();
    let mut alice = Person::start("alice", folder.path());
    let mut code = |line: &str, id: Value| {
        alice.write(line);
        let answer = alice.line("an error", |line| line.get("error").is_some());
        assert_eq!(answer["id"], id, "{answer}");
        answer["error"]["code"].as_i64().unwrap()
    };
    assert_eq!(code("{", Value::Null), -32700);
    assert_eq!(code("[]", Value::Null), -32600);
    assert_eq!(
        code(
            r#"{"jsonrpc":"1.0","id":"x","method":"version"}"#,
            json!("x")
        ),
        -32600
    );
    assert_eq!(
        code(
            r#"{"jsonrpc":"2.0","id":null,"method":"dance"}"#,
            Value::Null
        ),
        -32601
    );
    assert_eq!(
        code(
            r#"{"jsonrpc":"2.0","id":1.5,"method":"version","params":[]}"#,
            json!(1.5)
        ),
        -32602
    );
    assert_eq!(code(&"x".repeat(600_000), Value::Null), -32700);
    // Nobody waits for this one.
    alice.write(r#"{"jsonrpc":"2.0","method":"version"}"#);
    alice.write("");
    alice.write(r#"{"jsonrpc":"2.0","id":[1],"method":"version"}"#);
    let answer = alice.line("an answer", |line| line.get("result").is_some());
    assert_eq!(
        (&answer["id"], &answer["result"]["contract"]),
        (&json!([1]), &json!(1))
    );
    assert_eq!(
        alice.problem("account", json!({}))["code"],
        "profile_not_open"
    );
    assert_eq!(
        alice.problem("open_profile", json!({}))["code"],
        "profile_not_found"
    );
    alice.leave();
}

/// Runs `sotto` to its end with `input`, and gives exit code, output and what it said to people.
fn run(args: &[&str], input: &str) -> (Option<i32>, String, String) {
    use std::io::Write as _;
    use std::process::Stdio;
    let mut process = sotto(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may end before it has read everything.
    let _ = process.stdin.take().unwrap().write_all(input.as_bytes());
    let output = process.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[test]
fn exit_codes_and_three_sentences() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let (code, _, words) = run(&["chat", "--data", data], "");
    assert_eq!(code, Some(1), "{words}");
    assert!(
        words.contains("name is needed") && words.contains("--name NAME"),
        "{words}"
    );

    let relay = format!("sotto-relay://127.0.0.1:1#{}", "A".repeat(43));
    let create = [
        "profile",
        "create",
        "alice",
        "--data",
        data,
        "--name",
        "Alice",
        "--relay",
        &relay,
        "--passphrase-fd",
        "0",
    ];
    let (code, output, words) = run(&create, &format!("{PASSPHRASE}\n"));
    assert_eq!(
        (code, output.as_str()),
        (Some(0), "The profile alice is made.\n"),
        "{words}"
    );
    let (code, _, words) = run(&create, &format!("{PASSPHRASE}\n"));
    assert_eq!(code, Some(4), "{words}");
    assert!(words.contains("[profile_exists]"), "{words}");

    let (code, output, _) = run(&["profile", "list", "--data", data], "");
    assert!(
        code == Some(0) && output.contains("alice") && output.contains("passphrase"),
        "{output}"
    );

    let chat = [
        "chat",
        "--data",
        data,
        "--profile",
        "alice",
        "--passphrase-fd",
        "0",
    ];
    let (code, _, words) = run(&chat, "battery horse\n");
    assert_eq!(code, Some(3), "{words}");
    assert!(words.contains("[wrong_passphrase]"), "{words}");
    let (code, output, words) = run(&chat, &format!("{PASSPHRASE}\n/list\n/dance\n/quit\n"));
    assert_eq!(code, Some(0), "{words}");
    assert!(
        output.contains("No conversation yet.") && output.contains("/dance is nothing"),
        "{output}"
    );
    assert!(
        !output.contains('\u{1b}'),
        "no colours in a pipe: {output:?}"
    );

    let (code, _, _) = run(&["chat", "--dance"], "");
    assert_eq!(code, Some(2));
}
