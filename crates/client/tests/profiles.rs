//! Making, opening, closing and failing to open profiles, on the engine itself.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests stop at the first surprise"
)]

use std::path::Path;
use std::time::Duration;

use serde_json::json;
use sotto_client::contract::{Call, Done, HostEvent, ProfileEvent, RelayState};
use sotto_client::{
    Events, Host, HostConfig, NewAccount, Passphrase, ProfileName, Protection, Timing,
};
use tokio_util::sync::CancellationToken;

const PASSPHRASE: &str = "correct horse battery";

fn host(data: &Path) -> Host {
    let config = HostConfig {
        data: data.to_owned(),
        timing: Timing::default(),
    };
    Host::new(config, CancellationToken::new())
}

fn name(text: &str) -> ProfileName {
    text.parse().unwrap()
}

/// An account whose relay nobody has started.
fn account(name: &str) -> NewAccount {
    NewAccount {
        name: name.into(),
        relay: format!("sotto-relay://127.0.0.1:1#{}", "A".repeat(43)),
        device_name: "test".into(),
    }
}

fn passphrase() -> Protection {
    Protection::Passphrase {
        passphrase: Passphrase::from(PASSPHRASE),
    }
}

/// The code with which opening alice's profile fails.
async fn code(host: &Host, passphrase: Option<&str>) -> String {
    let error = host
        .open(&name("alice"), passphrase.map(Passphrase::from))
        .await
        .unwrap_err();
    let problem = error.problem();
    assert!(
        [&problem.happened, &problem.safe, &problem.next]
            .iter()
            .all(|text| !text.is_empty())
    );
    problem.code
}

async fn account_id(host: &Host) -> String {
    let profile = host
        .open(&name("alice"), Some(PASSPHRASE.into()))
        .await
        .unwrap();
    profile
        .read(|reader| reader.account())
        .await
        .unwrap()
        .account
        .to_string()
}

#[tokio::test]
async fn whatever_is_wrong_has_a_name_and_the_identity_stays() {
    let folder = tempfile::tempdir().unwrap();
    let host = host(folder.path());
    let alice = name("alice");
    assert_eq!(code(&host, None).await, "profile_not_found");
    host.create(&alice, account("Alice"), passphrase())
        .await
        .unwrap();
    let id = account_id(&host).await;
    host.close_profile(&alice).await;

    assert_eq!(code(&host, None).await, "passphrase_needed");
    assert_eq!(code(&host, Some("battery horse")).await, "wrong_passphrase");
    let again = host
        .create(&alice, account("Alice"), passphrase())
        .await
        .unwrap_err();
    assert_eq!(again.problem().code, "profile_exists");

    let path = folder.path().join("profiles/alice");
    let with = |file: &str, change: &dyn Fn(Vec<u8>) -> Vec<u8>| {
        let file = path.join(file);
        let good = std::fs::read(&file).unwrap();
        std::fs::write(&file, change(good.clone())).unwrap();
        (file, good)
    };
    let text = |from: &'static str, to: &'static str| {
        move |bytes: Vec<u8>| {
            String::from_utf8(bytes)
                .unwrap()
                .replace(from, to)
                .into_bytes()
        }
    };

    let (file, good) = with("profile-key.json", &text("\"passes\": 3", "\"passes\": 4"));
    assert_eq!(code(&host, Some(PASSPHRASE)).await, "key_file_damaged");
    std::fs::write(file, good).unwrap();

    let (file, good) = with(
        "profile-key.json",
        &text("\"version\": 1", "\"version\": 2"),
    );
    assert_eq!(code(&host, Some(PASSPHRASE)).await, "key_file_newer");
    std::fs::write(file, good).unwrap();

    let (file, good) = with("profile.json", &text("\"version\": 1", "\"version\": 2"));
    assert_eq!(code(&host, Some(PASSPHRASE)).await, "profile_newer");
    std::fs::write(file, good).unwrap();

    let (file, good) = with("profile.db", &|_| vec![7; 8192]);
    let damaged = code(&host, Some(PASSPHRASE)).await;
    assert!(damaged.starts_with("database_"), "{damaged}");
    std::fs::write(file, good).unwrap();

    assert_eq!(account_id(&host).await, id);
    host.close().await;
}

#[tokio::test]
async fn a_missing_database_is_not_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let host = host(folder.path());
    host.create(&name("alice"), account("Alice"), passphrase())
        .await
        .unwrap();
    host.close_profile(&name("alice")).await;
    let database = folder.path().join("profiles/alice/profile.db");
    std::fs::remove_file(&database).unwrap();
    let code = code(&host, Some(PASSPHRASE)).await;
    assert!(code.starts_with("database_"), "{code}");
    assert!(!database.exists());
}

#[tokio::test]
async fn a_throwaway_profile_can_not_be_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let host = host(folder.path());
    host.create(&name("alice"), account("Alice"), Protection::Memory)
        .await
        .unwrap();
    host.close_profile(&name("alice")).await;
    assert_eq!(code(&host, None).await, "key_in_memory_only");
}

#[tokio::test]
async fn what_a_new_profile_can_not_be_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let host = host(folder.path());
    let alice = name("alice");
    for (account, protection, code) in [
        (
            NewAccount {
                relay: "relay".into(),
                ..account("Alice")
            },
            passphrase(),
            "relay_address_invalid",
        ),
        (
            account("Alice"),
            Protection::Passphrase {
                passphrase: "short".into(),
            },
            "passphrase_too_short",
        ),
    ] {
        let error = host.create(&alice, account, protection).await.unwrap_err();
        assert_eq!(error.problem().code, code);
        assert!(!host.exists(&alice));
    }
    let left = std::fs::read_dir(folder.path().join("profiles")).map_or(0, Iterator::count);
    assert_eq!(left, 0);
}

#[tokio::test]
async fn one_process_at_a_time_and_several_profiles_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let host = host(folder.path());
    for who in ["alice", "bob"] {
        host.create(&name(who), account(who), passphrase())
            .await
            .unwrap();
    }
    let same = host.open(&name("alice"), None).await.unwrap();
    assert!(!same.is_closed());
    let views = host.list().unwrap();
    assert!(views.len() == 2 && views.iter().all(|view| view.open));

    let other = self::host(folder.path());
    let error = other
        .open(&name("alice"), Some(PASSPHRASE.into()))
        .await
        .unwrap_err();
    assert_eq!(error.problem().code, "profile_in_use");

    host.close_profile(&name("alice")).await;
    assert!(same.is_closed());
    other
        .open(&name("alice"), Some(PASSPHRASE.into()))
        .await
        .unwrap();
    other.close().await;
    host.close().await;
}

/// What happened to profiles as a whole, up to the last of `count` such events.
async fn openings(events: &mut Events, count: usize) -> Vec<(String, HostEvent)> {
    let mut seen = Vec::new();
    while seen.len() < count {
        let event = tokio::time::timeout(Duration::from_secs(10), events.next()).await;
        let event = event.unwrap().unwrap();
        if let ProfileEvent::Host(what @ (HostEvent::Opened {} | HostEvent::Closed { .. })) =
            &event.event
        {
            seen.push((event.profile.to_string(), what.clone()));
        }
    }
    seen
}

#[tokio::test]
async fn a_second_screen_follows_what_the_first_one_opens_and_closes() {
    let folder = tempfile::tempdir().unwrap();
    let host = host(folder.path());
    let (mut second, mut to_the_end) = (host.events(), host.events());
    host.create(&name("alice"), account("Alice"), passphrase())
        .await
        .unwrap();
    let opened = |who: &str| (who.to_owned(), HostEvent::Opened {});
    let closed = |who: &str| (who.to_owned(), HostEvent::Closed { problem: None });
    assert_eq!(openings(&mut second, 1).await, [opened("alice")]);
    // Whoever has heard of it may ask at once.
    let call: Call = serde_json::from_value(json!({
        "profile": "alice", "request": { "read": "account" },
    }))
    .unwrap();
    host.call(call).await.unwrap();

    // It is open already: nothing has happened.
    host.open(&name("alice"), None).await.unwrap();
    host.close_profile(&name("alice")).await;
    host.open(&name("alice"), Some("wrong".into()))
        .await
        .unwrap_err();
    host.open(&name("alice"), Some(PASSPHRASE.into()))
        .await
        .unwrap();
    host.create(&name("bob"), account("Bob"), Protection::Memory)
        .await
        .unwrap();
    assert_eq!(
        openings(&mut to_the_end, 4).await,
        [
            opened("alice"),
            closed("alice"),
            opened("alice"),
            opened("bob")
        ]
    );
    let event = serde_json::to_value(ProfileEvent::Host(HostEvent::Opened {})).unwrap();
    assert_eq!(event, json!({ "event": "opened" }));
    host.close().await;
}

#[tokio::test]
async fn commands_of_a_closed_profile_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let host = host(folder.path());
    let profile = host
        .create(&name("alice"), account("Alice"), passphrase())
        .await
        .unwrap();
    host.close().await;
    let call: Call = serde_json::from_value(json!({
        "profile": "alice", "request": { "do": "set_name", "name": "A" },
    }))
    .unwrap();
    assert_eq!(host.call(call).await.unwrap_err().code, "profile_not_open");
    let command = sotto_client::contract::Command::SetName { name: "A".into() };
    assert_eq!(
        profile.command(command).await.unwrap_err().code,
        "profile_closed"
    );
}

#[tokio::test]
async fn a_relay_that_is_not_there_shows_as_state_and_problem() {
    let folder = tempfile::tempdir().unwrap();
    let host = host(folder.path());
    let mut events = host.events();
    let profile = host
        .create(&name("alice"), account("Alice"), passphrase())
        .await
        .unwrap();
    let status = loop {
        let event = tokio::time::timeout(Duration::from_secs(10), events.next()).await;
        let event = event.unwrap().unwrap();
        if let ProfileEvent::Host(HostEvent::Relay(status)) = &event.event
            && status.state == RelayState::Offline
        {
            break status.clone();
        }
    };
    assert_eq!(status.problem.as_ref().unwrap().code, "relay_unreachable");
    assert!(status.retry_in_ms.unwrap() <= 200);
    let now = profile.relays();
    assert_eq!(now.len(), 1);
    assert!(now[0].relay.starts_with("sotto-relay://127.0.0.1:1#"));
    // What is asked is done without a relay.
    let call: Call = serde_json::from_value(json!({
        "profile": "alice", "request": { "do": "set_name", "name": "Alice B" },
    }))
    .unwrap();
    host.call(call).await.unwrap();
    host.close().await;
}

#[tokio::test]
async fn malformed_calls_get_their_own_errors() {
    let read = |value: serde_json::Value| {
        serde_json::from_value::<Call>(value)
            .unwrap_err()
            .to_string()
    };
    let bad = read(json!({ "profile": "alice", "request": { "do": "dance" } }));
    assert!(bad.contains("dance") && bad.contains("send_text"), "{bad}");
    let bad = read(json!({ "profile": "alice", "request": { "what": "ever" } }));
    assert!(bad.contains("`do`"), "{bad}");
    let bad = read(json!({ "profile": "../x", "request": { "read": "account" } }));
    assert!(bad.contains("profile"), "{bad}");

    let folder = tempfile::tempdir().unwrap();
    let host = host(folder.path());
    let call: Call = serde_json::from_value(json!({ "request": { "read": "account" } })).unwrap();
    assert_eq!(
        host.call(call).await.unwrap_err().code,
        "call_without_profile"
    );
}

#[tokio::test]
async fn an_invite_can_be_looked_at_before_there_is_a_profile() {
    let folder = tempfile::tempdir().unwrap();
    let host = host(folder.path());
    let profile = host
        .create(&name("alice"), account("Alice"), Protection::Memory)
        .await
        .unwrap();
    let me = profile.read(|reader| reader.account()).await.unwrap();
    let command = sotto_client::contract::Command::CreateInvite {
        single_use: true,
        lifetime_seconds: 3600,
    };
    let Done::Invite { link, .. } = profile.command(command).await.unwrap() else {
        panic!("no invite")
    };
    host.close().await;

    let elsewhere = tempfile::tempdir().unwrap();
    let host = self::host(elsewhere.path());
    let look = async |link: &str| {
        let params = json!({ "link": link }).as_object().unwrap().clone();
        host.call(Call::from_method("inspect_invite", params).unwrap())
            .await
    };
    let glance = look(&format!(" <{link}>. ")).await.unwrap();
    assert_eq!(
        serde_json::to_value(glance).unwrap(),
        json!({ "relay": me.relay, "account": me.account })
    );
    let code = async |link: &str| look(link).await.unwrap_err().code;
    assert_eq!(code("hello").await, "invite_unreadable");
    assert_eq!(code(&link[..link.len() - 3]).await, "invite_damaged");
    let left = std::fs::read_dir(elsewhere.path()).unwrap().count();
    assert_eq!(left, 0, "nothing is stored");
}
