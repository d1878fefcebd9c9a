//! The process: starting, refusing to start, stopping, and being killed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests stop at the first surprise"
)]

mod common;

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command as Process, Stdio};
use std::time::{Duration, Instant};

use common::*;
use sotto_relay::{Config, Relay, StartError};
use sotto_wire::*;
use tokio::net::TcpListener;

/// A relay in a process of its own, ended with the test.
struct Spawned {
    child: Child,
    address: RelayAddress,
}

impl Spawned {
    fn start(data: &Path) -> Self {
        Self::on(data, "127.0.0.1:0").unwrap_or_else(|why| panic!("no relay: {why}"))
    }

    /// Starts, or says what the process said on standard error.
    fn on(data: &Path, listen: &str) -> Result<Self, String> {
        Self::with(data, &["--listen", listen])
    }

    fn with(data: &Path, arguments: &[&str]) -> Result<Self, String> {
        let mut child = Process::new(env!("CARGO_BIN_EXE_sotto-relay"))
            .arg("--data")
            .arg(data)
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap())
            .read_line(&mut line)
            .unwrap();
        if line.is_empty() {
            let mut why = String::new();
            child
                .stderr
                .as_mut()
                .unwrap()
                .read_to_string(&mut why)
                .unwrap();
            assert!(!child.wait().unwrap().success());
            return Err(why);
        }
        assert!(line.ends_with('\n'));
        let address = line.trim_end().parse().unwrap();
        Ok(Self { child, address })
    }

    /// SIGKILL.
    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, and what it said meanwhile.
    fn stop(mut self) -> String {
        let id = self.child.id().to_string();
        assert!(Process::new("kill").arg(&id).status().unwrap().success());
        let mut said = String::new();
        self.child
            .stderr
            .as_mut()
            .unwrap()
            .read_to_string(&mut said)
            .unwrap();
        assert!(self.child.wait().unwrap().success(), "{said}");
        said
    }
}

impl Drop for Spawned {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How often the relay is killed: `SOTTO_KILL_ROUNDS`, or 200 times.
fn kill_rounds() -> u64 {
    std::env::var("SOTTO_KILL_ROUNDS").map_or(200, |rounds| rounds.parse().unwrap())
}

/// Alice writes without waiting while the relay is killed again and again, in the middle of group
/// commits. After each start she sends again whatever was not answered, and Bob reads and
/// acknowledges. In the end every entry came once for certain, in her order, and every position
/// that was ever answered still holds.
#[tokio::test(flavor = "multi_thread")]
async fn killed_in_group_commits_it_keeps_what_it_acknowledged() {
    /// Entries under way at once; a commit takes whatever of them waits.
    const UNDER_WAY: u64 = 64;
    let folder = tempfile::tempdir().unwrap();
    let mut room = None;
    let mut answered: Vec<Appended> = Vec::new();
    // What Bob has read, and how far he had acknowledged when the relay said so.
    let (mut read, mut cursor) = (0, 0);
    let mut hash = None;
    for round in 0..=kill_rounds() {
        let relay = Spawned::start(folder.path());
        let mut alice = Client::connect(&relay.address).await;
        let mut bob = Client::connect(&relay.address).await;
        let room = match &room {
            None => room.insert(Room::open(&mut alice).await),
            Some(room) => {
                alice.prove(room.channel, Role::Writer, &room.writer).await;
                room
            }
        };
        let stands = bob.subscribe(room, &room.bob).await;
        assert!(
            stands.cursor.0 >= cursor,
            "what Bob acknowledged came to be unread"
        );
        assert!(
            stands.head.0 >= answered.len() as u64,
            "answered entries are gone"
        );
        cursor = stands.cursor.0;
        let first = answered.len() as u64;
        let mut asked = std::collections::HashMap::new();
        for n in first..first + UNDER_WAY {
            let mut command = room.chat(0, &n.to_be_bytes());
            if let Command::Append { append, .. } = &mut command {
                append.0[..8].copy_from_slice(&n.to_be_bytes());
            }
            asked.insert(alice.request(command).await, n);
        }
        // After some answers, another number each time; all of them in the last round.
        let last = round == kill_rounds();
        let enough = if last {
            UNDER_WAY
        } else {
            round * 37 % (UNDER_WAY - 1) + 1
        };
        let mut stood = std::collections::BTreeMap::new();
        while (stood.len() as u64) < enough {
            match alice.answer().await {
                Some(RelayFrame::Reply {
                    id,
                    reply: Reply::Appended(appended),
                }) => stood.insert(asked[&id], appended),
                other => panic!("{other:?}"),
            };
        }
        // Bob reads what there is before the next entries of this round, and says so.
        while read < stands.head.0 {
            let entry = bob.next_entry().await;
            bob.acknowledge(room.channel, room.bob.public(), entry.position.0)
                .await;
            // Again, for what he acknowledged just before the relay died may have been lost.
            if entry.position.0 <= read {
                continue;
            }
            read += 1;
            assert_eq!(entry.position.0, read);
            assert_eq!(entry.body, (read - 1).to_be_bytes());
            let before = hash.unwrap_or_else(|| ChainHash::start(&room.channel));
            let next = before.next(entry.position, entry.lane, &entry.append, &entry.body);
            if let Some(answered) = answered.get(read as usize - 1) {
                assert_eq!((answered.position, answered.hash), (entry.position, next));
            }
            hash = Some(next);
        }
        relay.kill();
        // Answers that were under way when it died count as well.
        while let Some(RelayFrame::Reply {
            id,
            reply: Reply::Appended(appended),
        }) = alice.answer().await
        {
            stood.insert(asked[&id], appended);
        }
        for (n, appended) in stood {
            assert_eq!(n, answered.len() as u64, "answered out of order");
            answered.push(appended);
        }
    }

    let relay = Spawned::start(folder.path());
    let room = room.unwrap();
    let mut bob = Client::connect(&relay.address).await;
    let stands = bob.subscribe(&room, &room.bob).await;
    assert!(stands.cursor.0 >= cursor && stands.head.0 >= answered.len() as u64);
    // And a cursor that had its moment to be written stays, however the relay ends.
    bob.acknowledge(room.channel, room.bob.public(), read).await;
    // An answer shows that what was said before it has been heard.
    bob.prove(room.channel, Role::Writer, &room.writer).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    relay.kill();
    let relay = Spawned::start(folder.path());
    let mut bob = Client::connect(&relay.address).await;
    let stands = bob.subscribe(&room, &room.bob).await;
    assert_eq!(stands.cursor.0, read);
}

/// Told to stop, it answers what the store has committed, says why it goes, and ends soon.
/// A blob comes in parts while the relay is killed again and again. What was answered is there after
/// each start, what was half done is written over, and in the end it is whole, and alone.
#[tokio::test(flavor = "multi_thread")]
async fn killed_while_a_blob_comes_it_keeps_what_it_acknowledged() {
    const PART: usize = 20_000;
    let folder = tempfile::tempdir().unwrap();
    let owner = key(1);
    let blob = BlobId([0xb1; 16]);
    let upload = UploadKey::from_secret(sotto_suite::Secret::new([2; 32]));
    let authorization = upload.authorization();
    let path = blob_path(&blob);
    let bytes: Vec<u8> = (0..1u32 << 18).flat_map(u32::to_be_bytes).collect();
    let (mut answered, mut kills) = (0, 0u64);
    while answered < bytes.len() {
        let relay = Spawned::start(folder.path());
        let mut alice = Client::connect(&relay.address).await;
        alice
            .ask(alice.binding.prove_owner(blob, &owner))
            .await
            .unwrap();
        let keep = Command::KeepBlob {
            blob,
            owner: owner.public(),
            upload: upload.hash(),
            size: bytes.len() as u64,
            hours: 24,
        };
        let Ok(Reply::Blob(state)) = alice.ask(keep).await else {
            panic!("no blob")
        };
        let mut at = usize::try_from(state.received).unwrap();
        assert!(at >= answered, "{at} of {answered} that were answered");
        answered = at;
        let uploading = async {
            while at < bytes.len() {
                let until = bytes.len().min(at + PART);
                let offset = at.to_string();
                let headers = [
                    ("authorization", &*authorization),
                    ("upload-offset", &*offset),
                ];
                let part =
                    common::http::http(&relay.address, "PATCH", &path, &headers, &bytes[at..until]);
                at = usize::try_from(part.await.offset()).unwrap();
                answered = at;
            }
        };
        // Another moment each time.
        let moment = Duration::from_millis(20 + kills * 37 % 200);
        let _ = tokio::time::timeout(moment, uploading).await;
        kills += 1;
        relay.kill();
    }
    assert!(kills > 1, "never killed in the middle");
    let relay = Spawned::start(folder.path());
    let whole = common::http::http(&relay.address, "GET", &path, &[], b"").await;
    assert!(whole.body == bytes, "not what was put in");
    let files = std::fs::read_dir(folder.path().join("blobs")).unwrap();
    let blobs = files.filter(|file| {
        let name = file.as_ref().unwrap().file_name();
        !name.to_str().unwrap().starts_with("records.db")
    });
    assert_eq!(blobs.count(), 1);
}

#[tokio::test]
async fn told_to_stop_it_answers_says_why_and_ends() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Spawned::start(folder.path());
    let mut alice = Client::connect(&relay.address).await;
    let mut bob = Client::connect(&relay.address).await;
    let room = Room::open(&mut alice).await;
    bob.subscribe(&room, &room.bob).await;
    for n in 0..100 {
        alice.request(room.chat(n, b"x")).await;
    }
    let started = Instant::now();
    let stopping = tokio::task::spawn_blocking(move || relay.stop());
    let mut answered = 0;
    let code = loop {
        match alice.answer().await {
            Some(RelayFrame::Reply { .. }) => answered += 1,
            Some(RelayFrame::Closing(refusal)) => {
                assert!(refusal.retry_after_ms.is_some());
                break refusal.code;
            }
            other => panic!("{other:?} after {answered} answers"),
        }
    };
    assert_eq!(code, RefusalCode::Stopping);
    assert!(hear(&mut alice.socket).await.is_none());
    // Bob gets what was delivered, and is told the same.
    loop {
        match hear(&mut bob.socket).await {
            Some(RelayFrame::Deliver { .. }) => {}
            Some(RelayFrame::Closing(refusal)) => {
                assert_eq!(refusal.code, RefusalCode::Stopping);
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    stopping.await.unwrap();
    assert!(
        started.elapsed() < Duration::from_secs(8),
        "{:?}",
        started.elapsed()
    );
    // Exactly what was answered is there, for nothing is taken that can't be answered.
    let relay = Spawned::start(folder.path());
    let mut bob = Client::connect(&relay.address).await;
    assert_eq!(
        bob.subscribe(&room, &room.bob).await.head,
        Position(answered)
    );
}

#[tokio::test]
async fn what_it_says_names_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let relay =
        Spawned::with(folder.path(), &["--listen", "127.0.0.1:0", "--log", "json"]).unwrap();
    let identity = hex::encode(relay.address.identity.0);
    let mut alice = Client::connect(&relay.address).await;
    let room = Room::open(&mut alice).await;
    alice.subscribe(&room, &room.alice).await;
    alice.append(&room, 1, b"x").await.unwrap();
    say_bytes(&mut alice.socket, vec![0xff]).await;
    assert!(alice.answer().await.is_some());
    drop(alice);
    let said = relay.stop();
    assert!(said.contains("stopping"), "{said}");
    for line in said.lines() {
        assert!(line.starts_with('{') && line.ends_with('}'), "{line}");
    }
    for name in [
        room.channel.0.as_slice(),
        &room.alice.public().0,
        &room.writer.public().0,
    ] {
        assert!(!said.contains(&hex::encode(&name[..4])), "{said}");
    }
    assert!(
        !said.contains("127.0.0.1") && !said.contains(&identity[..8]),
        "{said}"
    );
}

#[test]
fn what_keeps_it_from_starting_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Spawned::start(folder.path());
    let refused = |data: &Path, arguments: &[&str], expected: &str| {
        let why = Spawned::with(data, arguments).err().expect("started");
        assert!(why.contains(expected), "{expected:?} expected: {why}");
        assert!(!why.contains("panicked"), "{why}");
    };
    let any = ["--listen", "127.0.0.1:0"];

    let elsewhere = tempfile::tempdir().unwrap();
    let taken = format!("127.0.0.1:{}", relay.address.port);
    refused(elsewhere.path(), &["--listen", &taken], "is in use");
    refused(
        elsewhere.path(),
        &["--listen", "nonsense"],
        "\"nonsense\" is no address with a port",
    );
    refused(folder.path(), &any, "another relay is running");
    refused(elsewhere.path(), &["--listen", "0.0.0.0:0"], "host name");
    refused(
        elsewhere.path(),
        &["--listen", "0.0.0.0:0", "--host", "x", "--plain"],
        "loopback",
    );
    refused(
        elsewhere.path(),
        &["--listen", "127.0.0.1:0", "--host", "not a host"],
        "neither a name",
    );

    // A file where the folder should be.
    let file = elsewhere.path().join("file");
    std::fs::write(&file, b"").unwrap();
    refused(&file, &any, "file");
    refused(&file.join("below"), &any, "below");

    // A store without its identity: never another one.
    let identity = folder.path().join("identity.key");
    let address = relay.address.clone();
    relay.stop();
    let key = std::fs::read(&identity).unwrap();
    std::fs::remove_file(&identity).unwrap();
    refused(folder.path(), &any, "is missing although there is a store");
    assert!(!identity.exists());
    for damaged in [&b""[..], b"not hex", &key[..40]] {
        std::fs::write(&identity, damaged).unwrap();
        refused(folder.path(), &any, "damaged");
        assert_eq!(std::fs::read(&identity).unwrap(), damaged, "left alone");
    }
    std::fs::write(&identity, &key).unwrap();
    let relay = Spawned::start(folder.path());
    assert_eq!(relay.address.identity, address.identity);
    relay.stop();

    // A store that is no store, or of a newer version.
    let store = folder.path().join("relay.db");
    let newer = rusqlite::Connection::open(&store).unwrap();
    newer.pragma_update(None, "user_version", 99).unwrap();
    drop(newer);
    refused(folder.path(), &any, "newer version");
    std::fs::write(
        &store,
        b"nothing like a database, but long enough to be one",
    )
    .unwrap();
    refused(folder.path(), &any, "damaged");
}

#[cfg(unix)]
#[test]
fn the_data_folder_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("new").join("relay");
    let relay = Spawned::start(&data);
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    let files: Vec<_> = std::fs::read_dir(&data)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    assert!(files.len() >= 4, "{files:?}");
    for file in files {
        let expected = if file.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode(&file), expected, "{}", file.display());
    }
    relay.stop();
}

#[tokio::test]
async fn a_certificate_is_kept_until_it_is_of_no_use() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("certificate");
    let spki = async |host: Option<&str>| {
        let config = Config {
            host: host.map(Into::into),
            ..Config::new(folder.path())
        };
        let relay = Running::with(config).await;
        let address = RelayAddress {
            host: "127.0.0.1".into(),
            ..relay.address.clone()
        };
        let spki = Client::connect(&address).await.binding.certificate;
        relay.stop().await;
        spki
    };
    let first = spki(None).await;
    assert_eq!(spki(None).await, first);
    // For another host, damaged, missing: another.
    let other = spki(Some("relay.example")).await;
    assert_ne!(other, first);
    std::fs::write(&file, b"damaged").unwrap();
    let third = spki(Some("relay.example")).await;
    assert_ne!(third, other);
    // About to expire: another, in time.
    let config = |days: u64| {
        let mut config = Config {
            host: Some("relay.example".into()),
            ..Config::new(folder.path())
        };
        let now = sotto_relay::Clock::default().now() + days * 24 * 60 * 60;
        config.store.clock = sotto_relay::Clock::new(move || now);
        config
    };
    for (days, same) in [(300, true), (340, false)] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let before = std::fs::read(&file).unwrap();
        drop(Relay::bind(config(days), listener).unwrap());
        assert_eq!(
            std::fs::read(&file).unwrap() == before,
            same,
            "after {days} days"
        );
    }
}

#[tokio::test]
async fn two_relays_can_not_share_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Running::start(folder.path()).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let refused = Relay::bind(Config::new(folder.path()), listener)
        .err()
        .unwrap();
    assert!(matches!(
        refused,
        StartError::Data(sotto_relay::DataError::InUse(_))
    ));
    relay.stop().await;
    Running::start(folder.path()).await.stop().await;
}
