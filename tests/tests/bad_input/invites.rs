//! Invites that are damaged, old, used, forged or one's own.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sotto_suite::hash::sha256;
use sotto_suite::secret::Secret;
use sotto_tests::{History, Key, Person, Stage, introduce, text};
use sotto_wire::{ChannelId, Invite, RelayIdentity};

use super::{problem, told};

fn invite(person: &mut Person, single_use: bool) -> String {
    let params = json!({ "single_use": single_use, "lifetime_seconds": 3600 });
    text(&person.call("create_invite", params).unwrap(), "/link").to_owned()
}

fn refusal(person: &mut Person, link: &str) -> String {
    problem(person.call("open_invite", json!({ "link": link }))).code
}

/// Opens it, and tells with which code that failed in the end.
fn failure(person: &mut Person, link: &str) -> String {
    let opened = person.call("open_invite", json!({ "link": link })).unwrap();
    let conversation = text(&opened, "/conversation").to_owned();
    let failed = person
        .rpc()
        .event("invite_failed", |event| {
            text(event, "/conversation") == conversation
        })
        .unwrap();
    // The conversation that waited for it is gone.
    let which = json!({ "conversation": conversation });
    assert_eq!(
        problem(person.call("conversation", which)).code,
        "conversation_unknown"
    );
    told(&failed["problem"]).unwrap().code
}

/// Opens one that the relay has not heard of: it might yet, so that waits.
fn opening(person: &mut Person, link: &str) -> String {
    let opened = person.call("open_invite", json!({ "link": link })).unwrap();
    let conversation = text(&opened, "/conversation").to_owned();
    // Longer than the first pause before the relay is asked again.
    std::thread::sleep(std::time::Duration::from_millis(2_500));
    let which = json!({ "conversation": conversation });
    let view = person.call("conversation", which).unwrap();
    assert_eq!(text(&view, "/state"), "opening");
    conversation
}

/// The link with its payload changed, and with a checksum that fits again.
fn forged(link: &str, change: impl Fn(&mut Vec<u8>)) -> String {
    let (place, payload) = link.split_once("/i#").unwrap();
    let mut bytes = URL_SAFE_NO_PAD.decode(payload).unwrap();
    bytes.truncate(bytes.len() - 4);
    change(&mut bytes);
    let host_port = place.strip_prefix("https://").unwrap();
    let sum = sha256(&[b"sotto invite v1", host_port.as_bytes(), &bytes]);
    bytes.extend_from_slice(&sum[..4]);
    format!("{place}/i#{}", URL_SAFE_NO_PAD.encode(bytes))
}

fn changed(link: &str, change: impl Fn(&mut Invite)) -> String {
    let mut invite: Invite = link.parse().unwrap();
    change(&mut invite);
    invite.link()
}

#[test]
fn every_bad_invite_has_its_own_reason_and_costs_nothing() {
    let stage = Stage::new().unwrap();
    let relay = stage.relay("relay").unwrap();
    let [mut alice, mut bob, mut carol, mut eve] = ["alice", "bob", "carol", "eve"]
        .map(|name| stage.person(name, relay.address(), Key::Memory).unwrap());
    introduce(&mut alice, &mut bob).unwrap();
    bob.say("Before all this.").unwrap();
    alice.hear().unwrap();
    let link = invite(&mut alice, false);

    // Known at once, from the link alone.
    assert_eq!(refusal(&mut bob, ""), "invite_unreadable");
    assert_eq!(
        refusal(&mut bob, "https://example.org/"),
        "invite_unreadable"
    );
    assert_eq!(refusal(&mut bob, &"x".repeat(100_000)), "invite_unreadable");
    for length in [link.len() - 1, link.len() - 30, link.find('#').unwrap() + 1] {
        assert_eq!(
            refusal(&mut bob, &link[..length]),
            "invite_damaged",
            "{length}"
        );
    }
    let at = link.len() - 20;
    let other = if &link[at..=at] == "A" { "B" } else { "A" };
    let damaged = format!("{}{other}{}", &link[..at], &link[at + 1..]);
    assert_eq!(refusal(&mut bob, &damaged), "invite_damaged");
    let moved = link.replacen("127.0.0.1", "127.0.0.2", 1);
    assert_eq!(
        refusal(&mut bob, &moved),
        "invite_damaged",
        "the checksum names the relay"
    );
    assert_eq!(refusal(&mut alice, &link), "invite_own");
    let newer = forged(&link, |bytes| {
        bytes[0] = 0x20 | bytes[0] & 0x0f;
        bytes.extend_from_slice(b"something that only a newer version knows");
    });
    assert_eq!(refusal(&mut bob, &newer), "invite_newer");
    let expired = changed(&link, |invite| invite.expires = 1_700_000_000);
    assert_eq!(refusal(&mut bob, &expired), "invite_expired");

    // Known once the relay has been asked.
    let stranger = changed(&link, |invite| invite.account = [7; 32]);
    assert_eq!(failure(&mut carol, &stranger), "invite_forged");
    let secret = changed(&link, |invite| invite.secret = Secret::new([7; 32]));
    let waits = opening(&mut carol, &secret);
    let inbox = changed(&link, |invite| invite.inbox = ChannelId([7; 16]));
    assert_eq!(opening(&mut carol, &inbox), waits, "the same, begun anew");

    let single = invite(&mut alice, true);
    let opened = eve.call("open_invite", json!({ "link": single })).unwrap();
    assert_eq!(text(&opened, "/done"), "conversation");
    alice.rpc().event("request_arrived", |_| true).unwrap();
    assert_eq!(failure(&mut carol, &single), "invite_used_up");

    let params = json!({ "single_use": false, "lifetime_seconds": 3600 });
    let revoked = alice.call("create_invite", params).unwrap();
    let which = json!({ "invite": text(&revoked, "/invite") });
    alice.call("revoke_invite", which).unwrap();
    let ended = |event: &Value| text(event, "/invite") == text(&revoked, "/invite");
    alice.rpc().event("invite_ended", ended).unwrap();
    // What the person was told is what the relay knows, once it has been told too.
    alice
        .until("relays", json!({}), |r| text(r, "/0/state") == "connected")
        .unwrap();
    std::thread::sleep(std::time::Duration::from_millis(500));
    assert_eq!(
        failure(&mut carol, text(&revoked, "/link")),
        "invite_used_up"
    );

    // What there was is still there, and works.
    alice.say("After all this.").unwrap();
    assert_eq!(bob.hear().unwrap().text, "After all this.");
    let history = History::read(&mut bob).unwrap();
    assert_eq!(history.texts(), ["Before all this.", "After all this."]);
    assert_eq!(history.troubles(), Vec::<&str>::new());
    introduce(&mut alice, &mut carol).unwrap();
}

#[test]
fn an_invite_for_a_relay_that_is_not_the_one_it_names_waits_and_says_so() {
    let stage = Stage::new().unwrap();
    let relay = stage.relay("relay").unwrap();
    let mut alice = stage.person("alice", relay.address(), Key::Memory).unwrap();
    let link = invite(&mut alice, false);
    // Somebody else answers where the relay should be; nobody does: port 1 is never used.
    let other_identity = changed(&link, |i| i.relay.identity = RelayIdentity([7; 32]));
    let nowhere = changed(&link, |i| i.relay.port = 1);
    for (name, link_elsewhere, code) in [
        ("bob", other_identity, "relay_wrong_identity"),
        ("carol", nowhere, "relay_unreachable"),
    ] {
        let mut guest = stage.person(name, relay.address(), Key::Memory).unwrap();
        let before = guest.call("account", json!({})).unwrap();
        let opened = json!({ "link": link_elsewhere });
        let opened = guest.call("open_invite", opened).unwrap();
        let which = json!({ "conversation": text(&opened, "/conversation") });
        let relays = guest.until("relays", json!({}), |relays| {
            let relays = relays.as_array().unwrap();
            let connected = |relay: &Value| text(relay, "/state") == "connected";
            relays
                .iter()
                .any(|relay| text(relay, "/problem/code") == code)
                && relays.iter().any(connected)
        });
        let relays = relays.unwrap();
        let problem = |relay: &Value| told(&relay["problem"]);
        assert_eq!(
            relays
                .as_array()
                .unwrap()
                .iter()
                .filter_map(problem)
                .count(),
            1
        );
        let view = guest.call("conversation", which).unwrap();
        assert_eq!(text(&view, "/state"), "opening");
        // The way to the real relay isn't touched by it.
        let home = relays.as_array().unwrap().iter();
        let mut home = home.filter(|status| text(status, "/relay") == relay.address());
        assert_eq!(text(home.next().unwrap(), "/state"), "connected");

        // Nor does it stand in the way of the genuine invite.
        guest.call("open_invite", json!({ "link": link })).unwrap();
        let request = alice.rpc().event("request_arrived", |_| true).unwrap();
        let request = json!({ "request": text(&request, "/request/request") });
        let accepted = alice.call("accept_request", request).unwrap();
        alice.turn_to(text(&accepted, "/conversation"));
        alice.say(code).unwrap();
        assert_eq!(guest.hear().unwrap().text, code);
        assert_eq!(guest.call("account", json!({})).unwrap(), before);
    }
}
