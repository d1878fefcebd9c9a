//! Tabs that are in: what they ask and are told, and what happens to those that misbehave.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests stop at the first surprise"
)]

mod world;

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use sotto_web::Limits;
use tokio_tungstenite::tungstenite::Message;
use world::{Running, nowhere, soon};

/// A request that is answered with at least as many bytes: its id.
fn long_request(bytes: usize) -> String {
    let id = "i".repeat(bytes);
    format!(r#"{{"jsonrpc":"2.0","id":"{id}","method":"version"}}"#)
}

#[tokio::test]
async fn alice_in_two_tabs_and_bob_elsewhere_meet_and_talk() {
    let folder = tempfile::tempdir().unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let relay = sotto_relay::Relay::bind(sotto_relay::Config::new(folder.path()), listener);
    let relay = relay.unwrap();
    let address = relay.address().to_string();
    let (stop_relay, stopped) = tokio::sync::oneshot::channel::<()>();
    let relay = tokio::spawn(relay.run(async { drop(stopped.await) }));

    let (mut at_alice, mut at_bob) = (Running::start().await, Running::start().await);
    let alices = at_alice.session().await;
    let mut alice = at_alice.tab(&alices).await;
    let mut second = at_alice.tab(&alices).await;
    let session = at_bob.session().await;
    let mut bob = at_bob.tab(&session).await;
    alice.make_profile("Alice", &address).await;
    bob.make_profile("Bob", &address).await;

    let invite = json!({ "profile": "main", "single_use": true, "lifetime_seconds": 3600 });
    let link = alice.ok("create_invite", invite).await["link"].clone();
    let opened = bob
        .ok("open_invite", json!({ "profile": "main", "link": link }))
        .await;
    let request = alice.event("request_arrived").await["request"]["request"].clone();
    let accepted = alice
        .ok(
            "accept_request",
            json!({ "profile": "main", "request": request }),
        )
        .await;
    let say = |conversation: &Value, text: &str| json!({ "profile": "main", "conversation": conversation, "text": text });
    bob.ok("send_text", say(&opened["conversation"], "Hello Alice! 👋"))
        .await;
    // Both of Alice's tabs are told, and each can answer.
    assert_eq!(alice.hear().await, "Hello Alice! 👋");
    assert_eq!(second.hear().await, "Hello Alice! 👋");
    second
        .ok("send_text", say(&accepted["conversation"], "Hello Bob!"))
        .await;
    assert_eq!(bob.hear().await, "Hello Bob!");

    // A tab that is closed and opened again is in as before, and finds everything.
    drop(alice);
    let mut alice = at_alice.tab(&alices).await;
    let page = json!({ "profile": "main", "conversation": accepted["conversation"], "limit": 10 });
    let page = alice.ok("messages", page).await;
    let texts = page["messages"].as_array().unwrap().iter();
    let texts: Vec<_> = texts
        .filter_map(|one| one["body"]["text"].as_str())
        .collect();
    assert_eq!(texts, ["Hello Alice! 👋", "Hello Bob!"]);
    at_alice.stop().await;
    at_bob.stop().await;
    drop(stop_relay);
    relay.await.unwrap();
}

#[tokio::test]
async fn mistakes_in_frames_are_answered_and_the_next_frame_works() {
    let mut web = Running::start().await;
    let session = web.session().await;
    let mut tab = web.tab(&session).await;
    for (frame, id, error) in [
        ("{", Value::Null, -32700),
        ("", Value::Null, -32700),
        ("[]", Value::Null, -32600),
        (
            r#"{"jsonrpc":"1.0","id":"x","method":"version"}"#,
            json!("x"),
            -32600,
        ),
        (
            r#"{"jsonrpc":"2.0","id":null,"method":"dance"}"#,
            Value::Null,
            -32601,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1.5,"method":"version","params":[]}"#,
            json!(1.5),
            -32602,
        ),
    ] {
        tab.write(frame).await;
        let answer = tab.line("an error", |_| true).await;
        assert_eq!(
            (&answer["id"], &answer["error"]["code"]),
            (&id, &json!(error)),
            "{frame}"
        );
    }
    // Who is in need not enter again, and can't.
    assert_eq!(tab.problem("enter", json!({})).await, "call_unknown");
    let not_open = json!({ "profile": "main" });
    assert_eq!(tab.problem("account", not_open).await, "profile_not_open");
    assert_eq!(tab.ok("version", json!({})).await["contract"], 1);
    web.stop().await;
}

#[tokio::test]
async fn a_message_that_is_too_long_ends_its_tab_with_words_and_no_other() {
    use tokio_tungstenite::tungstenite::protocol::frame::Frame;
    use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
    const LONGEST: usize = 512 * 1024;
    let mut web = Running::start().await;
    let session = web.session().await;
    let mut bystander = web.tab(&session).await;

    // The longest that is taken is answered.
    let mut tab = web.tab(&session).await;
    let empty = long_request(0).len();
    tab.write(long_request(LONGEST - empty)).await;
    let answer = tab.line("a long answer", |_| true).await;
    assert_eq!(answer["result"]["contract"], 1);
    // A byte more is not, and a megabyte neither. What is longer than all that the system keeps on
    // the way can be sent to its end, so that the sender gets to hear why.
    for length in [LONGEST + 1, 1024 * 1024, 32 * 1024 * 1024] {
        let mut tab = web.tab(&session).await;
        tab.write(long_request(length - empty)).await;
        let (code, words) = tab.closed().await;
        assert_eq!(code, 1009, "{words}");
        assert!(words.contains("512 KiB"), "{words}");
    }
    // Nor many parts of one.
    let mut tab = web.tab(&session).await;
    let mut kind = OpCode::Data(Data::Text);
    for _ in 0..9 {
        let part = Frame::message(vec![b' '; 64 * 1024], kind, false);
        if tab.inner.send(Message::Frame(part)).await.is_err() {
            break;
        }
        kind = OpCode::Data(Data::Continue);
    }
    assert_eq!(tab.closed().await.0, 1009);

    assert_eq!(bystander.ok("version", json!({})).await["contract"], 1);
    web.stop().await;
}

#[tokio::test]
async fn what_is_no_text_or_no_websocket_ends_its_tab_with_words() {
    use tokio::io::AsyncWriteExt as _;
    let mut web = Running::start().await;
    let session = web.session().await;
    let mut tab = web.tab(&session).await;
    tab.inner.send(Message::binary("{}")).await.unwrap();
    let (code, words) = tab.closed().await;
    assert_eq!(code, 1003, "{words}");
    // No UTF-8; no mask; an opcode that means nothing.
    let wrong: [(&[u8], u16); 3] = [
        (&[0x81, 0x81, 0, 0, 0, 0, 0xFF], 1007),
        (&[0x81, 0x01, b'x'], 1002),
        (&[0x83, 0x80, 0, 0, 0, 0], 1002),
    ];
    for (bytes, expected) in wrong {
        let mut tab = web.tab(&session).await;
        tab.inner.get_mut().write_all(bytes).await.unwrap();
        let (code, words) = tab.closed().await;
        assert_eq!(code, expected, "{words}");
        assert!(words.contains("Reload"), "{words}");
    }
    web.stop().await;
}

#[tokio::test]
async fn a_tab_that_reads_nothing_is_cut_off_and_holds_up_nobody() {
    const ONE: usize = 400 * 1024;
    let mut web = Running::with(Limits {
        send: Duration::from_millis(500),
        ..Limits::default()
    })
    .await;
    let session = web.session().await;
    let mut other = web.tab(&session).await;
    let mut slow = web.tab(&session).await;
    // Asks for more and more and reads nothing: is soon not read from any more, then cut off.
    let mut sent = 0;
    let asking = async {
        while slow
            .inner
            .send(Message::text(long_request(ONE)))
            .await
            .is_ok()
        {
            sent += ONE;
        }
    };
    soon("the end of a tab that reads nothing", asking).await;
    // What it holds at most, and what the system keeps on the way in both directions.
    let held = Limits::default().calls as usize * ONE;
    assert!(sent < held + 32 * 1024 * 1024, "{sent}");
    assert_eq!(other.ok("version", json!({})).await["contract"], 1);
    // Its place is free again.
    web.tab(&session).await;
    web.stop().await;
}

#[tokio::test]
async fn a_tab_that_fell_behind_is_told_that_it_missed_something() {
    // More than the host keeps for a listener, and the tab's own queue.
    const CHANGES: usize = 5000;
    let mut web = Running::with(Limits {
        send: Duration::from_secs(120),
        ..Limits::default()
    })
    .await;
    let session = web.session().await;
    let mut quick = web.tab(&session).await;
    let mut slow = web.tab(&session).await;
    quick.make_profile("Alice", &nowhere()).await;
    slow.event("relay").await;
    // The way to the slow tab is full of answers that it does not read.
    let filling = async {
        loop {
            let sending = slow.inner.send(Message::text(long_request(400 * 1024)));
            if tokio::time::timeout(Duration::from_millis(300), sending)
                .await
                .is_err()
            {
                break;
            }
        }
    };
    soon("a full way", filling).await;
    // Every attempt to reach a relay that is not there tells two changes.
    let again = json!({ "profile": "main" });
    for _ in 0..CHANGES {
        quick.ok("reconnect_relays", again.clone()).await;
        quick.event("relay").await;
        quick.forget();
    }
    // Now it reads, and is told that something did not come.
    let reading = async {
        loop {
            let Message::Text(text) = slow.inner.next().await.unwrap().unwrap() else {
                panic!("the end");
            };
            if text.contains(r#""event":"missed""#) {
                return text;
            }
        }
    };
    let missed: Value = serde_json::from_str(&soon("`missed`", reading).await).unwrap();
    assert_eq!(missed["params"]["profile"], "main");
    // From then on it is told again.
    slow.event("relay").await;
    web.stop().await;
}

#[tokio::test]
async fn a_page_that_is_reloaded_while_a_profile_is_made_leaves_it_whole() {
    let mut web = Running::start().await;
    let session = web.session().await;
    let mut tab = web.tab(&session).await;
    let params = json!({
        "profile": "main", "name": "Alice", "relay": nowhere(), "device_name": "browser",
        "protection": { "by": "passphrase", "passphrase": "correct horse battery" },
    });
    tab.ask("create_profile", params).await;
    drop(tab);
    let mut tab = web.tab(&session).await;
    let listed = async {
        loop {
            let listed = tab.ok("list_profiles", json!({})).await;
            if listed[0]["open"] == true {
                return listed;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let listed = soon("the profile", listed).await;
    assert_eq!(listed.as_array().unwrap().len(), 1);
    assert_eq!(
        tab.ok("account", json!({ "profile": "main" })).await["name"],
        "Alice"
    );
    let folders = std::fs::read_dir(web.data().join("profiles")).unwrap();
    let names: Vec<_> = folders.map(|one| one.unwrap().file_name()).collect();
    assert_eq!(names, ["main"], "nothing unfinished is left");
    web.stop().await;
}

#[tokio::test]
async fn a_profile_that_another_program_has_open_is_refused_in_words() {
    let mut web = Running::start().await;
    let session = web.session().await;
    let mut tab = web.tab(&session).await;
    let params = json!({
        "profile": "main", "name": "Alice", "relay": nowhere(), "device_name": "browser",
        "protection": { "by": "passphrase", "passphrase": "correct horse battery" },
    });
    tab.ok("create_profile", params).await;
    tab.ok("close_profile", json!({ "profile": "main" })).await;
    let other = sotto_client::Host::new(
        sotto_client::HostConfig {
            data: web.data().to_owned(),
            timing: sotto_client::Timing::default(),
        },
        tokio_util::sync::CancellationToken::new(),
    );
    let passphrase = || sotto_client::Passphrase::new("correct horse battery".into());
    let name = "main".parse().unwrap();
    other.open(&name, Some(passphrase())).await.unwrap();
    let open = json!({ "profile": "main", "passphrase": "correct horse battery" });
    assert_eq!(
        tab.problem("open_profile", open.clone()).await,
        "profile_in_use"
    );
    other.close().await;
    tab.ok("open_profile", open).await;
    web.stop().await;
}

#[tokio::test]
async fn when_it_ends_every_tab_is_told_and_what_was_asked_is_answered() {
    let mut web = Running::start().await;
    let session = web.session().await;
    let mut tabs = Vec::new();
    for _ in 0..5 {
        tabs.push(web.tab(&session).await);
    }
    let not_in = web.socket().await;
    tabs.push(not_in);
    let origin = web.origin();
    web.stop().await;
    for mut tab in tabs {
        let (code, words) = tab.closed().await;
        assert_eq!(code, 1001);
        assert!(words.contains("Start it again"), "{words}");
    }
    let port = origin.rsplit(':').next().unwrap().parse::<u16>().unwrap();
    assert!(
        tokio::net::TcpStream::connect(("127.0.0.1", port))
            .await
            .is_err()
    );
}
