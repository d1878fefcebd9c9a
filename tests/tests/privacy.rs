//! Everything that a relay keeps, on disk and in memory, is searched for what it must not know; and
//! the clients' own folders for what must not lie about in the clear.
//!
//! A search that finds nothing proves nothing unless it would find: each is shown to find what is
//! there, a client's own memory included.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests stop at the first surprise"
)]

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sotto_tests::{Found, History, Key, Needles, Person, RelayProcess, Stage, kept, text};
use sotto_wire::Invite;

const ALICE: &str = "Alice Pleasance Liddell";
const BOB: &str = "Bob Dodgson of Daresbury";
const FIRST: &str = "The drawings are under the blue stone, third step.";
const SECOND: &str = "I have them; burn the map of Croft-on-Tees.";
const WAITING: &str = "Nobody has fetched this one yet, it waits for Bob.";

/// Known values, each in every spelling in which it could lie about.
#[derive(Default)]
struct Secrets(Needles);

impl Secrets {
    fn text(&mut self, what: &str, value: &str) {
        assert!(value.len() >= 8, "{what} is too short to be looked for");
        self.0.add(what, value.as_bytes());
        let utf16: Vec<u8> = value.encode_utf16().flat_map(u16::to_le_bytes).collect();
        self.0.add(&format!("{what}, UTF-16"), &utf16);
        self.0.add(
            &format!("{what}, base64"),
            STANDARD.encode(value).trim_end_matches('=').as_bytes(),
        );
    }

    fn bytes(&mut self, what: &str, value: &[u8]) {
        assert!(value.len() >= 8, "{what} is too short to be looked for");
        self.0.add(what, value);
        for (spelling, spelled) in [
            ("hex", hex::encode(value)),
            ("HEX", hex::encode_upper(value)),
            (
                "base64",
                STANDARD.encode(value).trim_end_matches('=').to_owned(),
            ),
            ("base64url", URL_SAFE_NO_PAD.encode(value)),
        ] {
            self.0
                .add(&format!("{what}, {spelling}"), spelled.as_bytes());
        }
    }

    fn hex(&mut self, what: &str, value: &str) {
        self.bytes(what, &hex::decode(value).unwrap());
    }
}

struct Scene {
    alice: Person,
    bob: Person,
    relay: RelayProcess,
    stage: Stage,
    invite: Invite,
    secrets: Secrets,
    /// What the relay does hold: an envelope that waits.
    envelope: Vec<u8>,
}

/// Two meet, talk, and leave something waiting; everything that only they should know is noted.
fn conversation() -> Scene {
    let stage = Stage::new().unwrap();
    let relay = stage.relay("relay").unwrap();
    let mut alice = stage.arrive("alice").unwrap();
    alice
        .create(ALICE, relay.address(), Key::Passphrase)
        .unwrap();
    let mut bob = stage.arrive("bob").unwrap();
    bob.create(BOB, relay.address(), Key::Passphrase).unwrap();

    let link = json!({ "single_use": false, "lifetime_seconds": 3600 });
    let link = alice.call("create_invite", link).unwrap();
    let link = text(&link, "/link").to_owned();
    let invite: Invite = link.parse().unwrap();
    let opened = bob.call("open_invite", json!({ "link": link })).unwrap();
    bob.turn_to(text(&opened, "/conversation"));
    let request = alice.rpc().event("request_arrived", |_| true).unwrap();
    let request = json!({ "request": text(&request, "/request/request") });
    let accepted = alice.call("accept_request", request).unwrap();
    alice.turn_to(text(&accepted, "/conversation"));

    let mut ids = vec![alice.say(FIRST).unwrap()];
    bob.hear().unwrap();
    ids.push(bob.say(SECOND).unwrap());
    alice.hear().unwrap();
    let typing = json!({ "conversation": bob.conversation(), "typing": true });
    bob.call("typing", typing).unwrap();
    let read = json!({ "conversation": alice.conversation(), "message": ids[1] });
    alice.call("mark_read", read).unwrap();
    bob.until_delivery(&ids[1], "read").unwrap();

    let mut secrets = Secrets::default();
    for (what, value) in [
        ("first text", FIRST),
        ("second text", SECOND),
        ("waiting text", WAITING),
        ("Alice's name", ALICE),
        ("Bob's name", BOB),
        ("invite", link.split_once('#').unwrap().1),
    ] {
        secrets.text(what, value);
    }
    secrets.bytes("invite secret", invite.secret.expose());
    secrets.bytes("invited account", &invite.account);
    for person in [&mut alice, &mut bob] {
        let account = person.call("account", json!({})).unwrap();
        secrets.hex(
            &format!("{}'s account", person.name()),
            text(&account, "/account"),
        );
        let which = json!({ "conversation": person.conversation() });
        let details = person.call("details", which).unwrap();
        for member in details["members"].as_array().unwrap() {
            secrets.hex("a device key", text(member, "/device"));
        }
        let words = person.call("recovery_code", json!({})).unwrap();
        secrets.text(
            &format!("{}'s recovery code", person.name()),
            words.as_str().unwrap(),
        );
    }
    // What is inside of the envelopes: tokens and MLS messages.
    for (number, id) in ids.iter().enumerate() {
        let sent = alice.call("sent_as", json!({ "message": id })).unwrap();
        secrets.text(&format!("token {number}"), text(&sent, "/token"));
        let mls = STANDARD.decode(text(&sent, "/mls")).unwrap();
        secrets.bytes(&format!("MLS message {number}"), &mls[..64]);
        secrets.hex(&format!("message id {number}"), id);
    }

    // One that stays: Bob's program is ended, Alice writes.
    bob.rpc().kill();
    let waiting = alice.say(WAITING).unwrap();
    alice.until_delivery(&waiting, "stored").unwrap();
    let sent = alice
        .call("sent_as", json!({ "message": waiting }))
        .unwrap();
    let envelope = STANDARD.decode(text(&sent, "/envelope")).unwrap();
    Scene {
        alice,
        bob,
        relay,
        stage,
        invite,
        secrets,
        envelope,
    }
}

fn names(found: &[Found]) -> Vec<&str> {
    found.iter().map(|found| found.what.as_str()).collect()
}

/// What of `needles` stands in the readable memory of a process. None: this system shows none.
fn in_memory(needles: &Needles, process: u32) -> Option<(Vec<Found>, u64)> {
    use std::os::unix::fs::FileExt as _;
    let folder = std::path::PathBuf::from(format!("/proc/{process}"));
    let maps = std::fs::read_to_string(folder.join("maps")).ok()?;
    let memory = std::fs::File::open(folder.join("mem")).ok()?;
    let (mut found, mut searched) = (Vec::new(), 0);
    for line in maps.lines() {
        let mut words = line.split_whitespace();
        let (range, rights) = (words.next()?, words.next()?);
        // The kernel's own pages can't be read this way.
        if !rights.starts_with('r') || line.ends_with("[vvar]") || line.ends_with("[vsyscall]") {
            continue;
        }
        let (from, to) = range.split_once('-')?;
        let at = |number| u64::from_str_radix(number, 16).ok();
        let (mut from, to) = (at(from)?, at(to)?);
        // Pieces that overlap, so that nothing hides on a border.
        while from < to {
            let length = (to - from).min(1 << 22) as usize;
            let mut piece = vec![0; length];
            let read = memory.read_at(&mut piece, from).unwrap_or(0);
            searched += read as u64;
            found.extend(needles.search(&piece[..read], from));
            from += if length < 1 << 22 {
                length as u64
            } else {
                (length - 65_536) as u64
            };
        }
    }
    Some((found, searched))
}

#[test]
fn a_relay_has_nothing_readable_on_disk_or_in_memory() {
    let mut scene = conversation();
    let needles = &scene.secrets.0;
    let data = scene.relay.data().to_owned();

    // What the relay must hold: the envelope that waits, and the inbox that it serves.
    let mut known = Needles::default();
    known.add("the envelope that waits", &scene.envelope[..128]);
    known.add("the inbox", scene.invite.inbox.as_bytes());
    let on_disk = |needles: &Needles| -> Vec<Found> {
        let found = kept::search(needles, &data).unwrap();
        found.into_iter().map(|(_, found)| found).collect()
    };
    let must = on_disk(&known);
    for what in ["the envelope that waits", "the inbox"] {
        assert!(
            names(&must).contains(&what),
            "the search is blind on disk: {must:?}"
        );
    }
    assert_eq!(names(&on_disk(needles)), Vec::<&str>::new());
    // Its log too.
    let log = scene.relay.log().to_owned();
    let in_log = |needles: &Needles| needles.search_file(&log).unwrap();
    assert_eq!(names(&in_log(needles)), Vec::<&str>::new());
    let mut address = Needles::default();
    address.add(
        "the inbox",
        hex::encode(scene.invite.inbox.as_bytes()).as_bytes(),
    );
    assert_eq!(names(&in_log(&address)), Vec::<&str>::new());

    let Some((found, searched)) = in_memory(needles, scene.relay.id()) else {
        eprintln!("the memory was not searched: this system does not show it");
        return;
    };
    assert_eq!(names(&found), Vec::<&str>::new());
    assert!(searched > 1 << 20, "{searched} bytes are no program");
    // The same search sees what the relay does have in memory …
    let (found, _) = in_memory(&known, scene.relay.id()).unwrap();
    assert!(
        names(&found).contains(&"the envelope that waits"),
        "the search is blind: {found:?}"
    );
    // … and, in Alice's own program, the very things that it looks for.
    let (found, _) = in_memory(needles, scene.alice.rpc().id()).unwrap();
    for what in [
        "Alice's name",
        "waiting text",
        "invite secret",
        "alice's account",
        "a device key",
    ] {
        assert!(
            names(&found).contains(&what),
            "{what} would not have been found: {found:?}"
        );
    }

    // When Bob has fetched it, the relay lets go of the envelope, and still knows nothing.
    scene.bob.start_again().unwrap();
    scene.bob.open().unwrap();
    assert_eq!(scene.bob.hear().unwrap().text, WAITING);
    let patience = std::time::Duration::from_secs(20);
    assert_eq!(
        kept::Kept::when_fetched(&data, patience).unwrap().waiting,
        0
    );
    assert!(scene.relay.stop());
    assert_eq!(names(&on_disk(needles)), Vec::<&str>::new());
    assert!(!names(&on_disk(&known)).contains(&"the envelope that waits"));
}

#[test]
fn a_clients_folder_and_log_hold_nothing_readable() {
    let mut scene = conversation();
    let needles = &scene.secrets.0;
    let in_folder = |folder: &std::path::Path| -> Vec<Found> {
        let found = kept::search(needles, folder).unwrap();
        found.into_iter().map(|(_, found)| found).collect()
    };
    // While it is open, its write-ahead log beside it; killed; and closed.
    let (alice, bob) = (scene.alice.data().to_owned(), scene.bob.data().to_owned());
    assert_eq!(names(&in_folder(&alice)), Vec::<&str>::new(), "open");
    let sizes: u64 = kept::files(&alice)
        .unwrap()
        .iter()
        .map(|f| f.metadata().unwrap().len())
        .sum();
    assert!(
        sizes > 100_000,
        "there is something to search: {sizes} bytes"
    );
    assert_eq!(names(&in_folder(&bob)), Vec::<&str>::new(), "killed");
    let texts = History::read(&mut scene.alice).unwrap();
    assert_eq!(texts.texts(), [FIRST, SECOND, WAITING], "it was all there");
    assert!(scene.alice.quit());
    assert_eq!(names(&in_folder(&alice)), Vec::<&str>::new(), "closed");
    for person in [&scene.alice, &scene.bob] {
        let said = needles.search_file(person.log()).unwrap();
        assert_eq!(names(&said), Vec::<&str>::new(), "{}", person.name());
    }
    // The search would have seen it, in a file's content or name.
    for (file, content) in [("planted", FIRST), (ALICE, "nothing")] {
        let planted = alice.join(file);
        std::fs::write(&planted, content).unwrap();
        assert_eq!(in_folder(&alice).len(), 1);
        std::fs::remove_file(planted).unwrap();
    }
    drop(scene.stage);
}

#[test]
fn what_a_request_shows_before_it_is_accepted_names_nobody() {
    let stage = Stage::new().unwrap();
    let relay = stage.relay("relay").unwrap();
    let mut alice = stage.person("alice", relay.address(), Key::Memory).unwrap();
    let mut bob = stage.arrive("bob").unwrap();
    bob.create(BOB, relay.address(), Key::Memory).unwrap();
    let link = json!({ "single_use": true, "lifetime_seconds": 3600 });
    let link = alice.call("create_invite", link).unwrap();
    let link = json!({ "link": text(&link, "/link") });
    bob.call("open_invite", link).unwrap();
    let request = alice
        .until("requests", json!({}), |r| !r[0].is_null())
        .unwrap();
    let account = bob.call("account", json!({})).unwrap();
    let shown = [
        request,
        alice.call("conversations", json!({})).unwrap(),
        alice.call("relays", json!({})).unwrap(),
    ];
    let shown = Value::from(shown.to_vec()).to_string();
    assert!(
        !shown.contains(BOB) && !shown.contains(text(&account, "/account")),
        "{shown}"
    );
}
