//! Who is let in, and who is not.
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

use serde_json::json;
use sotto_web::{Limits, Told};
use tokio::io::AsyncWriteExt as _;
use tokio_tungstenite::tungstenite::Error;
use world::{Running, code};

#[tokio::test]
async fn an_address_lets_in_one_browser_and_the_next_one_another() {
    let mut web = Running::start().await;
    let origin = web.origin();
    let ours = [("Origin", origin.as_str())];
    let first = web.token().await;
    let response = web.exchange(&first, &ours).await;
    assert_eq!(response.status, 200);
    assert_eq!(response.header("cache-control"), Some("no-store"));
    let alice = response.json()["session"].as_str().unwrap().to_owned();
    assert_eq!(alice.len(), 43);

    let again = web.exchange(&first, &ours).await.problem();
    assert_eq!(again, (401, "session_token_used".into()));

    let bob = web.session().await;
    assert_ne!(alice, bob);
    // Both are in, also at once.
    let mut one = web.tab(&alice).await;
    let mut other = web.tab(&bob).await;
    for tab in [&mut one, &mut other] {
        assert_eq!(tab.ok("version", json!({})).await["contract"], 1);
    }
    web.stop().await;
}

#[tokio::test]
async fn a_wrong_token_does_not_let_in_and_costs_the_right_one_nothing() {
    let mut web = Running::start().await;
    let origin = web.origin();
    let ours = [("Origin", origin.as_str())];
    let guesses = ["", "x", &"A".repeat(43), &"A".repeat(44), &"é".repeat(43)];
    for guess in guesses {
        let refused = web.exchange(guess, &ours).await.problem();
        assert_eq!(refused, (401, "session_token_unknown".into()), "{guess}");
    }
    let long = json!({ "token": "A".repeat(5000) }).to_string();
    let no_requests = [
        "",
        "{",
        "[]",
        "\"token\"",
        r#"{"token":7}"#,
        r#"{"token":"a","more":1}"#,
        &long,
    ];
    for body in no_requests {
        let refused = web.ask("POST", "/session", &ours, body.as_bytes()).await;
        assert_eq!(refused.problem(), (400, "web_unreadable".into()), "{body}");
    }
    web.session().await;
    web.stop().await;
}

#[tokio::test]
async fn a_token_that_another_site_knows_is_dead_from_then_on() {
    let mut web = Running::start().await;
    let origin = web.origin();
    let stolen = web.token().await;
    let thief = web
        .exchange(&stolen, &[("Origin", "https://mallory.example")])
        .await;
    assert_eq!(thief.problem(), (403, "web_other_site".into()));
    let told = web.told().await;
    let problem = told.problem().unwrap();
    assert!(problem.happened.contains("https://mallory.example"));
    assert_eq!(
        told,
        Told::TokenStolen(Some("https://mallory.example".into()))
    );
    // Neither the thief nor the right page gets in with it; with the next one the page does.
    let next = web.token().await;
    let page = web.exchange(&stolen, &[("Origin", &origin)]).await;
    assert_eq!(page.problem(), (401, "session_token_used".into()));
    let page = web.exchange(&next, &[("Origin", &origin)]).await;
    assert_eq!(page.status, 200);
    web.stop().await;
}

#[tokio::test]
async fn only_this_very_origin_buys_a_session() {
    let mut web = Running::start().await;
    let port = web.port;
    let others = [
        "null".to_owned(),
        format!("http://localhost:{port}"),
        format!("https://127.0.0.1:{port}"),
        format!("http://127.0.0.1:{port}/"),
        format!("http://127.0.0.1:{}", port ^ 1),
        "http://127.0.0.1".to_owned(),
        format!("http://127.0.0.1:{port}.mallory.example"),
        format!("HTTP://127.0.0.1:{port}"),
    ];
    for other in &others {
        let token = web.token().await;
        let refused = web.exchange(&token, &[("Origin", other)]).await;
        assert_eq!(refused.problem().0, 403, "{other}");
        assert_eq!(web.told().await, Told::TokenStolen(Some(other.clone())));
    }
    // No origin at all: a program, not a page.
    let token = web.token().await;
    assert_eq!(web.exchange(&token, &[]).await.problem().0, 403);
    assert_eq!(web.told().await, Told::TokenStolen(None));
    // Two are none that can be believed.
    let token = web.token().await;
    let (good, bad) = (web.origin(), "https://mallory.example");
    let two = [("Origin", good.as_str()), ("Origin", bad)];
    assert_eq!(web.exchange(&token, &two).await.problem().0, 403);
    assert!(matches!(web.told().await, Told::TokenStolen(_)));
    // Who has no token is refused as well, and nothing is said about it.
    let token = web.token().await;
    let guess = web.exchange(&"A".repeat(43), &[("Origin", bad)]).await;
    assert_eq!(guess.problem(), (403, "web_other_site".into()));
    assert!(web.nothing_told());
    assert_eq!(web.exchange(&token, &[("Origin", &good)]).await.status, 200);
    web.stop().await;
}

#[tokio::test]
async fn it_answers_to_one_name_alone() {
    let mut web = Running::start().await;
    let session = web.session().await;
    let port = web.port;
    let good = format!("127.0.0.1:{port}");
    let origin = web.origin();
    let others = [
        format!("localhost:{port}"),
        format!("mallory.example:{port}"),
        format!("[::1]:{port}"),
        "127.0.0.1".to_owned(),
        format!("127.0.0.1:{}", port ^ 1),
        format!("127.0.0.1.:{port}"),
        format!("0.0.0.0:{port}"),
    ];
    let mut refused = Vec::new();
    for other in &others {
        for (method, path) in [("GET", "/"), ("POST", "/session"), ("GET", "/contract")] {
            let headers = [("Host", other.as_str()), ("Origin", origin.as_str())];
            refused.push(web.raw(method, path, &headers, b"").await);
        }
    }
    refused.push(web.raw("GET", "/", &[], b"").await);
    let two = [("Host", good.as_str()), ("Host", "mallory.example")];
    refused.push(web.raw("GET", "/", &two, b"").await);
    let absolute = format!("http://mallory.example:{port}/");
    refused.push(web.raw("GET", &absolute, &[("Host", &good)], b"").await);
    for response in refused {
        response.has_policies(port);
        assert_eq!(response.status, 403);
        assert!(response.text().starts_with("Sotto is not at this name."));
        assert!(response.text().contains(&origin), "{}", response.text());
        assert!(!response.text().contains("<title>"));
    }
    // The same with the right name is let through.
    let absolute = format!("http://127.0.0.1:{port}/");
    let page = web.raw("GET", &absolute, &[("Host", &good)], b"").await;
    assert_eq!(page.status, 200);
    web.tab(&session).await;
    web.stop().await;
}

#[tokio::test]
async fn a_websocket_of_another_site_is_not_opened() {
    let mut web = Running::start().await;
    let session = web.session().await;
    let local = format!("http://localhost:{}", web.port);
    for other in [
        None,
        Some("https://mallory.example"),
        Some("null"),
        Some(&local),
    ] {
        match web.socket_from(other).await {
            Err(Error::Http(response)) => {
                assert_eq!(response.status(), 403, "{other:?}");
                let body = response.into_body().unwrap();
                let problem = serde_json::from_slice(&body).unwrap();
                assert_eq!(code(&problem), "web_other_site");
            }
            Err(other) => panic!("{other}"),
            Ok(_) => panic!("{other:?} was let in"),
        }
    }
    let origin = web.origin();
    let ours = [("Origin", origin.as_str())];
    let plain = web.ask("GET", "/contract", &ours, b"").await;
    assert_eq!(plain.problem(), (426, "web_no_websocket".into()));
    web.tab(&session).await;
    web.stop().await;
}

#[tokio::test]
async fn who_does_not_enter_is_shown_out_with_words() {
    let mut web = Running::start().await;
    let session = web.session().await;
    let next = web.token().await;
    // A token is no session, and a guess is none either.
    for wrong in ["", &next, &"A".repeat(43)] {
        let mut socket = web.socket().await;
        let error = socket.enter(wrong).await;
        assert_eq!(code(&error["data"]), "session_unknown", "{error}");
        assert_eq!(socket.closed().await.0, 1008);
    }
    // Screens of another contract must not go on.
    for other in [0, 2] {
        let mut socket = web.socket().await;
        let error = socket.enter_as(&session, other).await;
        assert_eq!(code(&error["data"]), "contract_other");
        assert_eq!(socket.closed().await.0, 1008);
    }
    // Without a session nobody learns which contract it is.
    let mut socket = web.socket().await;
    let error = socket.enter_as("", 2).await;
    assert_eq!(code(&error["data"]), "session_unknown");
    // Nothing is done before.
    let mut socket = web.socket().await;
    assert_eq!(
        socket.problem("list_profiles", json!({})).await,
        "web_not_entered"
    );
    assert_eq!(socket.closed().await.0, 1008);
    for (garbage, error) in [("{", -32700), ("[]", -32600), ("7", -32600)] {
        let mut socket = web.socket().await;
        socket.write(garbage).await;
        let answer = socket.line("an error", |_| true).await;
        assert_eq!(answer["error"]["code"], error);
        assert_eq!(socket.closed().await.0, 1008);
    }
    for params in [
        json!({}),
        json!([session, 1]),
        json!({ "session": session }),
        json!({ "session": 7, "contract": 1 }),
        json!({ "session": session, "contract": 1, "more": 1 }),
    ] {
        let mut socket = web.socket().await;
        let answer = socket.answer("enter", params).await;
        assert_eq!(answer["error"]["code"], -32602, "{answer}");
        assert_eq!(socket.closed().await.0, 1008);
    }
    web.stop().await;
}

#[tokio::test]
async fn who_says_nothing_is_cut_off() {
    let web = Running::with(Limits {
        enter: Duration::from_millis(100),
        request: Duration::from_millis(100),
        ..Limits::default()
    })
    .await;
    let (code, words) = web.socket().await.closed().await;
    assert_eq!(code, 1008);
    assert!(words.contains("did not enter in time"), "{words}");
    // A request that never ends, and one whose body never comes.
    for start in [
        "GET / HTTP/1.1\r\nHost: ".to_owned(),
        format!(
            "POST /session HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Length: 9\r\n\r\n",
            web.port
        ),
    ] {
        let mut stream = web.connect().await;
        stream.write_all(start.as_bytes()).await.unwrap();
        let mut rest = Vec::new();
        let reading = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut rest);
        let _ = world::soon("the end of a slow request", reading).await;
    }
    web.stop().await;
}

#[tokio::test]
async fn no_more_tabs_than_there_is_room_for() {
    let mut web = Running::with(Limits {
        tabs: 2,
        ..Limits::default()
    })
    .await;
    let session = web.session().await;
    let one = web.tab(&session).await;
    let mut two = web.tab(&session).await;
    let mut three = web.socket().await;
    let error = three.enter(&session).await;
    assert_eq!(code(&error["data"]), "web_too_many_tabs");
    assert_eq!(three.closed().await.0, 1008);
    // Who only knocks takes nobody's place.
    let _knocking = web.socket().await;
    assert_eq!(two.ok("version", json!({})).await["contract"], 1);
    drop(one);
    loop {
        let mut again = web.socket().await;
        if again.enter(&session).await.get("profile").is_some() {
            break;
        }
        assert_eq!(again.closed().await.0, 1008);
    }
    web.stop().await;
}
