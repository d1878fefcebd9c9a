//! A busy day on a relay, and then everything that it keeps and has logged: each value of each
//! column has to be of a kind that it may be, and nothing of what was said or who said it may stand
//! anywhere.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests stop at the first surprise"
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rusqlite::types::Value as Stored;
use rusqlite::{Connection, OpenFlags};
use serde_json::json;
use sotto_suite::{RandomExt as _, SystemRandom};
use sotto_tests::{Found, Key, Needles, Person, Stage, introduce, kept, load, text};

/// What a value in the store may be.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    /// Counts up; says how many, which the relay knows.
    Count,
    /// A flag, a lane or the like.
    Small,
    /// 16 random bytes.
    Id,
    /// A public key or a running hash: 32 bytes.
    Key,
    /// Seconds since 1970, on the hour.
    Hour,
    /// The size of an entry's body.
    Size,
    /// Sealed bytes, of whatever size their kind has.
    Sealed,
}

/// Every column there is. One that is not here fails the test: whoever adds it says what it holds.
const COLUMNS: &[(&str, &[(&str, Kind)])] = &[
    (
        "channels",
        &[
            ("no", Kind::Count),
            ("id", Kind::Id),
            ("admin", Kind::Key),
            ("fenced", Kind::Small),
            ("base", Kind::Count),
            ("base_hash", Kind::Key),
            ("base_handshakes", Kind::Count),
        ],
    ),
    (
        "writers",
        &[
            ("channel", Kind::Count),
            ("key", Kind::Key),
            ("card", Kind::Sealed),
        ],
    ),
    (
        "subscribers",
        &[
            ("channel", Kind::Count),
            ("key", Kind::Key),
            ("cursor", Kind::Count),
        ],
    ),
    (
        "entries",
        &[
            ("id", Kind::Count),
            ("channel", Kind::Count),
            ("position", Kind::Count),
            ("append", Kind::Id),
            ("lane", Kind::Small),
            ("fence", Kind::Small),
            ("handshakes", Kind::Count),
            ("hash", Kind::Key),
            ("at", Kind::Hour),
            ("gone", Kind::Hour),
            ("size", Kind::Size),
            ("body", Kind::Sealed),
        ],
    ),
    // In a file of its own, beside the blobs. Times are counted in hours there.
    (
        "blobs",
        &[
            ("id", Kind::Id),
            ("owner", Kind::Key),
            ("upload", Kind::Key),
            ("size", Kind::Count),
            ("received", Kind::Count),
            ("until", Kind::Count),
            ("finish_until", Kind::Count),
            ("doomed", Kind::Small),
        ],
    ),
    (
        "revoked",
        &[
            ("id", Kind::Count),
            ("channel", Kind::Count),
            ("key", Kind::Key),
        ],
    ),
    (
        "packages",
        &[
            ("id", Kind::Count),
            ("channel", Kind::Count),
            ("slot", Kind::Id),
            ("at", Kind::Hour),
            ("last_resort", Kind::Small),
            ("body", Kind::Sealed),
        ],
    ),
];

/// Files that a relay keeps.
const FILES: &[&str] = &[
    "certificate",
    "identity.key",
    "lock",
    "records.db",
    "records.db-shm",
    "records.db-wal",
    "relay.db",
    "relay.db-shm",
    "relay.db-wal",
];
/// Envelopes have these sizes; what is sealed for an inbox has a header more.
const STEPS: [u64; 5] = [1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10];
const HEADER: u64 = 1024;

/// Bits a byte, as the bytes are spread.
fn entropy(bytes: &[u8]) -> f64 {
    let mut counts = [0u32; 256];
    for byte in bytes {
        counts[usize::from(*byte)] += 1;
    }
    let all = bytes.len() as f64;
    let shares = counts
        .iter()
        .filter(|n| **n > 0)
        .map(|n| f64::from(*n) / all);
    shares.map(|share| -share * share.log2()).sum()
}

/// As random as randomness of that length, and without a word in it.
fn looks_sealed(bytes: &[u8]) -> bool {
    let mut random = vec![0; bytes.len()];
    for piece in random.chunks_mut(32) {
        let fresh: [u8; 32] = SystemRandom::new().bytes();
        piece.copy_from_slice(&fresh[..piece.len()]);
    }
    let words = bytes.split(|byte| !byte.is_ascii_alphanumeric() && *byte != b' ');
    let longest = words.map(<[u8]>::len).max().unwrap_or(0);
    bytes.len() >= 64 && entropy(bytes) > entropy(&random) - 0.3 && longest < 24
}

fn fits(kind: Kind, value: &Stored, now: i64) -> bool {
    match (kind, value) {
        (Kind::Count, Stored::Integer(n)) => (0..1_000_000).contains(n),
        (Kind::Small, Stored::Integer(n)) => (0..=2).contains(n),
        (Kind::Id, Stored::Blob(bytes)) => bytes.len() == 16,
        (Kind::Key, Stored::Blob(bytes)) => bytes.len() == 32,
        (Kind::Hour, Stored::Null) => true,
        (Kind::Hour, Stored::Integer(at)) => at % 3600 == 0 && (now - 7200..=now).contains(at),
        (Kind::Size, Stored::Integer(size)) => {
            let size = size.unsigned_abs();
            STEPS
                .iter()
                .any(|step| (*step..=step + HEADER).contains(&size))
        }
        (Kind::Sealed, Stored::Null) => true,
        (Kind::Sealed, Stored::Blob(bytes)) => looks_sealed(bytes),
        _ => false,
    }
}

/// Looks at every value; answers what the relay itself must never log: its ids and keys.
fn look_at_every_value(data: &Path) -> Vec<Vec<u8>> {
    let mut names = look_into(&data.join("relay.db"));
    assert!(names.len() > 100, "a busy day leaves more than that");
    names.extend(look_into(&data.join("blobs").join("records.db")));
    names
}

/// The same for one file.
fn look_into(file: &Path) -> Vec<Vec<u8>> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let now = i64::try_from(now.as_secs()).unwrap();
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let store = Connection::open_with_flags(file, flags).unwrap();
    store.busy_timeout(Duration::from_secs(5)).unwrap();
    let mut tables = store
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        .unwrap();
    let tables = tables.query_map([], |row| row.get::<_, String>(0)).unwrap();
    let known: BTreeMap<_, _> = COLUMNS.iter().copied().collect();
    let mut names = Vec::new();
    for table in tables.map(Result::unwrap) {
        let columns = known.get(table.as_str()).copied();
        let columns = columns.unwrap_or_else(|| panic!("what does the table {table} hold?"));
        let mut select = store.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let held: Vec<String> = select.column_names().map(ToString::to_string).collect();
        let expected: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
        assert_eq!(held, expected, "what do the columns of {table} hold?");
        let mut rows = select.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            for (at, (column, kind)) in columns.iter().enumerate() {
                let value: Stored = row.get(at).unwrap();
                assert!(
                    fits(*kind, &value, now),
                    "{table}.{column} is no {kind:?}: {value:?}"
                );
                if let (Kind::Id | Kind::Key, Stored::Blob(bytes)) = (*kind, value) {
                    names.push(bytes);
                }
            }
        }
    }
    names
}

fn add(needles: &mut Needles, what: &str, bytes: &[u8]) {
    needles.add(what, bytes);
    for spelled in [
        hex::encode(bytes),
        STANDARD.encode(bytes).trim_end_matches('=').to_owned(),
        URL_SAFE_NO_PAD.encode(bytes),
        format!("{bytes:?}").trim_matches(['[', ']']).to_owned(),
    ] {
        needles.add(what, spelled.as_bytes());
    }
}

fn in_files(needles: &Needles, data: &Path) -> Vec<Found> {
    let found = kept::search(needles, data).unwrap();
    found.into_iter().map(|(_, found)| found).collect()
}

/// One says it, the other hears it. Answers the envelope that the relay got.
fn say(from: &mut Person, to: &mut Person, words: &str, needles: &mut Needles) -> Vec<u8> {
    let id = from.say(words).unwrap();
    assert_eq!(to.hear().unwrap().text, words);
    add(needles, words, words.as_bytes());
    add(needles, "a message's id", &hex::decode(&id).unwrap());
    let sent = from.call("sent_as", json!({ "message": id })).unwrap();
    STANDARD.decode(text(&sent, "/envelope")).unwrap()
}

#[test]
fn after_a_busy_day_a_relay_holds_keys_random_ids_ciphertext_and_hours() {
    let stage = Stage::new().unwrap();
    let loud = ["--log-level", "trace", "--log", "json"];
    let mut relay = stage.relay_with("relay", &loud).unwrap();
    let (data, log) = (relay.data().to_owned(), relay.log().to_owned());
    let mut secrets = Needles::default();
    let mut people: Vec<Person> = Vec::new();
    for name in ["Alice Pleasance", "Bob of Daresbury", "Carol Liddell"] {
        let profile = name.split(' ').next().unwrap().to_lowercase();
        let mut person = stage.arrive(&profile).unwrap();
        person
            .create(name, relay.address(), Key::Passphrase)
            .unwrap();
        let account = person.call("account", json!({})).unwrap();
        let account = hex::decode(text(&account, "/account")).unwrap();
        add(&mut secrets, "an account", &account);
        add(&mut secrets, "a name", name.as_bytes());
        people.push(person);
    }
    let [mut alice, mut bob, mut carol] = <[Person; 3]>::try_from(people).unwrap();

    // Real conversations between two, with the relay killed in the middle, and with somebody
    // typing; then one who is away.
    introduce(&mut alice, &mut bob).unwrap();
    let conversations = load(Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/data/conversations.jsonl"
    )));
    let mut delivered = Vec::new();
    for (at, line) in conversations.unwrap().iter().take(3).flatten().enumerate() {
        if line.text.trim().len() < 8 {
            continue;
        }
        if at == 8 {
            relay.kill();
            relay.restart().unwrap();
        }
        let (from, to) = match line.from {
            sotto_tests::Who::Alice => (&mut alice, &mut bob),
            sotto_tests::Who::Bob => (&mut bob, &mut alice),
        };
        let typing = json!({ "conversation": from.conversation(), "typing": true });
        from.call("typing", typing).unwrap();
        delivered.push(say(from, to, &line.text, &mut secrets));
    }
    // A long one, in a larger step.
    let long = "A story that does not end. ".repeat(200);
    delivered.push(say(&mut alice, &mut bob, &long, &mut secrets));
    let both = alice.conversation().to_owned();
    introduce(&mut carol, &mut alice).unwrap();
    delivered.push(say(
        &mut carol,
        &mut alice,
        "Did Bob tell you about the map?",
        &mut secrets,
    ));
    delivered.push(say(
        &mut alice,
        &mut carol,
        "He did, burn it tonight.",
        &mut secrets,
    ));

    // Invites that nobody opens yet, and one that is opened and not answered.
    for single in [true, false] {
        let asked = json!({ "single_use": single, "lifetime_seconds": 3600 });
        let invite = carol.call("create_invite", asked).unwrap();
        let link = text(&invite, "/link").to_owned();
        secrets.add("an invite", link.split_once('#').unwrap().1.as_bytes());
        if !single {
            bob.call("open_invite", json!({ "link": link })).unwrap();
            carol.rpc().event("request_arrived", |_| true).unwrap();
        }
    }

    // Bob's program is gone, and Alice writes to him.
    bob.rpc().kill();
    alice.turn_to(&both);
    let waiting = "This waits until Bob is back from the river.";
    let id = alice.say(waiting).unwrap();
    alice.until_delivery(&id, "stored").unwrap();
    add(&mut secrets, "waiting", waiting.as_bytes());
    let sent = alice.call("sent_as", json!({ "message": id })).unwrap();
    let waits = STANDARD.decode(text(&sent, "/envelope")).unwrap();

    // What was acknowledged is gone from the files within a minute, while the relay runs on.
    assert!(delivered.len() > 20, "{} messages", delivered.len());
    let mut gone = Needles::default();
    for envelope in &delivered {
        gone.add("an envelope that was delivered", &envelope[..64]);
        gone.add(
            "an envelope that was delivered",
            &envelope[envelope.len() / 2..][..64],
        );
    }
    let within = Instant::now() + Duration::from_secs(60);
    while !in_files(&gone, &data).is_empty() {
        assert!(
            Instant::now() < within,
            "still there: {:?}",
            in_files(&gone, &data)
        );
        std::thread::sleep(Duration::from_millis(100));
    }
    // The search sees what has to be there.
    let mut there = Needles::default();
    there.add("what waits", &waits[..64]);
    assert!(!in_files(&there, &data).is_empty(), "the search is blind");

    // While it runs, and once it has stopped.
    for running in [true, false] {
        if !running {
            assert!(relay.stop());
        }
        let names = look_at_every_value(&data);
        for file in kept::files(&data).unwrap() {
            let name = file.file_name().unwrap().to_str().unwrap();
            // A blob is named by its random id, and sealed.
            let blob = name.len() == 32 && hex::decode(name).is_ok();
            let sealed = blob && looks_sealed(&std::fs::read(&file).unwrap());
            assert!(FILES.contains(&name) || sealed, "what does {name} hold?");
        }
        assert_eq!(in_files(&secrets, &data), []);
        assert_eq!(in_files(&gone, &data), []);
        let mut logged = Needles::default();
        for name in &names {
            // The first nine bytes are as good as all of them, and whole in base64.
            add(&mut logged, "an id or a key of the store", &name[..9]);
            // As they print themselves.
            logged.add("the start of an id", hex::encode(&name[..4]).as_bytes());
        }
        logged.add("a network address", b"127.0.0.1");
        assert_eq!(logged.search_file(&log).unwrap(), []);
        assert_eq!(secrets.search_file(&log).unwrap(), []);
    }
    let said = std::fs::read_to_string(&log).unwrap();
    assert!(
        said.lines().count() >= 3 && said.contains("stopping"),
        "{said}"
    );
}

#[test]
fn the_search_would_see_what_must_not_be_there() {
    let now = 1_800_000_000 / 3600 * 3600;
    let text = Stored::Blob("We meet at six under the bridge. ".repeat(40).into_bytes());
    for (kind, value) in [
        (Kind::Hour, Stored::Integer(now - 1)),
        (Kind::Hour, Stored::Integer(now - 86_400)),
        (Kind::Size, Stored::Integer(907)),
        (Kind::Size, Stored::Integer(3000)),
        (Kind::Id, Stored::Blob(vec![1; 15])),
        (Kind::Key, Stored::Text("alice".into())),
        (Kind::Sealed, text),
        (Kind::Sealed, Stored::Blob(vec![0; 1024])),
        (Kind::Count, Stored::Blob(b"alice".to_vec())),
    ] {
        assert!(!fits(kind, &value, now), "{kind:?} {value:?}");
    }
}
