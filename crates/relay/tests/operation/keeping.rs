//! check, backup, restore and stats.

use std::path::Path;

use sotto_wire::{Position, RelayIdentity};

use crate::common::{Client, Room};
use crate::program::{Running, Said, ask, on};
use crate::reload::certificate;

const SECRET: &[u8] = b"sealed bytes that wait for Bob";

/// A relay with a channel in which this many entries wait for both.
async fn with_entries(relay: &Running, count: u8) -> Room {
    let mut alice = Client::connect(&relay.address).await;
    let room = Room::open(&mut alice).await;
    for n in 0..count {
        alice.append(&room, n, SECRET).await.unwrap();
    }
    room
}

fn finding<'a>(said: &'a Said, what: &str) -> &'a str {
    let found = said
        .out
        .lines()
        .find(|line| line.get(6..).is_some_and(|rest| rest.starts_with(what)));
    found.unwrap_or_else(|| panic!("{what} not in {}{}", said.out, said.err))
}

#[tokio::test]
async fn a_backup_made_beside_the_running_relay_brings_it_back() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("relay");
    let mut relay = Running::on(&data, &[]);
    let identity = relay.address.identity;
    let room = with_entries(&relay, 5).await;
    let mut bob = Client::connect(&relay.address).await;
    bob.subscribe(&room, &room.bob).await;

    // While it runs, and while somebody writes.
    let address = relay.address.clone();
    let writing = tokio::spawn(async move {
        let mut alice = Client::connect(&address).await;
        let other = Room::open(&mut alice).await;
        let mut n = 0;
        while alice.append(&other, n, b"more and more").await.is_ok() && n < 250 {
            n += 1;
        }
    });
    let file = folder.path().join("copy");
    let named = file.to_str().unwrap();
    let said = tokio::task::spawn_blocking({
        let mut command = on(&data, &["backup", named]);
        move || ask(&mut command)
    });
    let said = said.await.unwrap();
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.contains("identity key"), "{}", said.out);
    writing.await.unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
    // Nothing is overwritten.
    let again = ask(&mut on(&data, &["backup", named]));
    assert!(
        again.code != 0 && again.err.contains("exists already"),
        "{}",
        again.err
    );

    // More arrives after the backup; then the machine is gone.
    let mut alice = Client::connect(&relay.address).await;
    alice
        .prove(room.channel, sotto_wire::Role::Writer, &room.writer)
        .await;
    alice.append(&room, 100, b"after the backup").await.unwrap();
    relay.signal("KILL");
    relay.wait();

    // In another place, then over the old one, which is moved aside.
    let elsewhere = folder.path().join("elsewhere");
    let said = ask(&mut on(&elsewhere, &["restore", named]));
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.contains("After an old backup"), "{}", said.out);
    holds(&elsewhere, identity, &room, 5).await;
    let said = ask(&mut on(&data, &["restore", named]));
    assert!(
        said.code != 0 && said.err.contains("--force"),
        "{}",
        said.err
    );
    // Blobs are in no backup, and go on where they are.
    let blob = data.join("blobs").join("00112233445566778899aabbccddeeff");
    std::fs::write(&blob, b"sealed").unwrap();
    let said = ask(&mut on(&data, &["restore", named, "--force"]));
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(blob.exists(), "blobs were moved away");
    holds(&data, identity, &room, 5).await;
    // What was there before is whole: with what came after the backup.
    let aside = std::fs::read_dir(&data).unwrap();
    let aside = aside.map(|entry| entry.unwrap().path());
    let aside = aside.filter(|path| path.to_str().unwrap().contains("before-restore-"));
    let [aside] = aside.collect::<Vec<_>>().try_into().unwrap();
    holds(&aside, identity, &room, 6).await;
}

/// This relay runs on it and has so many entries of the channel, and no copy of its key elsewhere.
async fn holds(data: &Path, identity: RelayIdentity, room: &Room, count: u64) {
    let key = std::fs::read(data.join("identity.key")).unwrap();
    let store = std::fs::read(data.join("relay.db")).unwrap();
    let found = store.windows(32).any(|window| window == &key[..32]);
    assert!(!found, "the identity key was left in the store");
    let relay = Running::on(data, &[]);
    assert_eq!(relay.address.identity, identity);
    let mut bob = Client::connect(&relay.address).await;
    let stands = bob.subscribe(room, &room.bob).await;
    assert_eq!(stands.head, Position(count));
    assert_eq!(bob.next_entry().await.body, SECRET);
    let said = ask(&mut on(data, &["check", "--listen", &bob_port(&relay)]));
    assert_eq!(said.code, 0, "{}", said.out);
    relay.kill();
}

fn bob_port(relay: &Running) -> String {
    format!("127.0.0.1:{}", relay.address.port)
}

#[tokio::test]
async fn what_is_no_whole_backup_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("relay");
    let relay = Running::on(&data, &[]);
    with_entries(&relay, 20).await;
    let file = folder.path().join("copy");
    let named = file.to_str().unwrap();
    assert_eq!(ask(&mut on(&data, &["backup", named])).code, 0);
    let whole = std::fs::read(&file).unwrap();

    // Not while a relay runs on the folder.
    let said = ask(&mut on(&data, &["restore", named, "--force"]));
    assert!(
        said.code != 0 && said.err.contains("stop it first"),
        "{}",
        said.err
    );
    relay.stop();

    let target = folder.path().join("target");
    let refused = |bytes: &[u8], expected: &str| {
        std::fs::write(&file, bytes).unwrap();
        let said = ask(&mut on(&target, &["restore", named]));
        assert!(
            said.code != 0 && said.err.contains(expected),
            "{expected}: {}{}",
            said.out,
            said.err
        );
        let left = std::fs::read_dir(&target).into_iter().flatten();
        let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
        assert!(left.iter().all(|name| name == "lock"), "{left:?}");
    };
    refused(b"", "no backup");
    refused(
        b"nothing like a backup, but long enough to be one",
        "no backup",
    );
    refused(
        &std::fs::read(data.join("relay.db")).unwrap(),
        "did not make it",
    );
    refused(&whole[..whole.len() / 2], "");
    // One byte of one entry is another: nothing in SQLite notices, the running hash does.
    let at = whole
        .windows(SECRET.len())
        .position(|window| window == SECRET)
        .unwrap();
    let mut damaged = whole.clone();
    damaged[at + 3] ^= 1;
    refused(&damaged, "1 entries are not what was stored");

    std::fs::write(&file, &whole).unwrap();
    assert_eq!(ask(&mut on(&target, &["restore", named])).code, 0);

    // Cut off in the middle: no relay starts on what may be two, until it is done again.
    std::fs::create_dir(target.join("restoring")).unwrap();
    let said = ask(&mut on(&target, &["--listen", "127.0.0.1:0"]));
    assert!(
        said.code != 0 && said.err.contains("a restore into"),
        "{}",
        said.err
    );
    assert!(
        finding(
            &ask(&mut on(&target, &["check"])),
            "a restore was interrupted"
        )
        .starts_with("fail")
    );
    assert_eq!(
        ask(&mut on(&target, &["restore", named, "--force"])).code,
        0
    );
    Running::on(&target, &[]).stop();
}

#[tokio::test]
async fn check_says_what_is_wrong_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("relay");
    let check = |arguments: &[&str]| ask(on(&data, &["check"]).args(arguments));
    let any = ["--listen", "127.0.0.1:0"];
    // Before the first start.
    let said = check(&any);
    assert_eq!(said.code, 0, "{}", said.out);
    finding(&said, "folder: will be made at the first start");
    assert!(!data.exists(), "check makes nothing");

    let relay = Running::on(&data, &[]);
    with_entries(&relay, 3).await;
    let port = bob_port(&relay);
    let said = check(&["--listen", &port]);
    assert_eq!(said.code, 0, "{}", said.out);
    assert!(
        said.out.lines().all(|line| line.starts_with("ok")),
        "{}",
        said.out
    );
    assert!(
        finding(&said, "port:").contains("the relay answers"),
        "{}",
        said.out
    );
    assert!(
        finding(&said, "address:").contains(&relay.address.to_string()),
        "{}",
        said.out
    );
    assert_eq!(check(&["--health", "--listen", &port]).code, 0);
    // Asked with other settings than it runs with.
    let said = check(&["--listen", "127.0.0.1:1"]);
    assert!(finding(&said, "port:").starts_with("fail"), "{}", said.out);
    assert_eq!(said.code, 1);
    assert_eq!(check(&["--health", "--listen", "127.0.0.1:1"]).code, 1);
    relay.kill();

    // After SIGKILL, before the next start.
    let said = check(&any);
    assert_eq!(said.code, 0, "{}", said.out);
    assert!(finding(&said, "store:").contains("sound"), "{}", said.out);

    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = other.local_addr().unwrap().to_string();
    let said = check(&["--listen", &taken]);
    assert!(
        finding(&said, "port:").contains("another program"),
        "{}",
        said.out
    );
    assert_eq!(said.code, 1);

    certificate(folder.path(), "over", "relay.example", Some(2001));
    certificate(folder.path(), "good", "relay.example", None);
    let with = |name: &str, host: &str| {
        let file = |end| {
            folder
                .path()
                .join(format!("{name}.{end}"))
                .display()
                .to_string()
        };
        let (certificate, key) = (file("crt"), file("private"));
        check(&["--certificate", &certificate, "--key", &key, "--host", host])
    };
    let said = with("over", "relay.example");
    assert!(
        finding(&said, "certificate:").contains("expired on"),
        "{}",
        said.out
    );
    let said = with("good", "other.example");
    assert!(
        said.out
            .contains("warn  certificate: not for other.example"),
        "{}",
        said.out
    );
    let said = with("good", "relay.example");
    assert!(
        said.out.contains("ok    certificate: for this host"),
        "{}",
        said.out
    );
    let said = check(&["--listen", "nonsense"]);
    assert_eq!(said.code, 78, "{}", said.out);

    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |mode| std::fs::set_permissions(&data, std::fs::Permissions::from_mode(mode));
        mode(0o755).unwrap();
        let said = check(&any);
        assert!(
            finding(&said, "folder:").starts_with("warn"),
            "{}",
            said.out
        );
        assert_eq!(said.code, 0, "a warning is no failure");
        mode(0o700).unwrap();
    }
    // A blob whose bytes are gone.
    assert!(finding(&check(&any), "blobs: 0").starts_with("ok"));
    let records = rusqlite::Connection::open(data.join("blobs").join("records.db")).unwrap();
    records
        .execute(
            "INSERT INTO blobs VALUES (zeroblob(16), zeroblob(32), zeroblob(32), 4096, 4096, 1, 1, 0)",
            [],
        )
        .unwrap();
    drop(records);
    let said = check(&any);
    assert!(finding(&said, "blobs:").starts_with("fail"), "{}", said.out);
    // An entry that is another than was stored.
    let store = rusqlite::Connection::open(data.join("relay.db")).unwrap();
    store
        .execute(
            "UPDATE entries SET body = zeroblob(30) WHERE position = 2",
            [],
        )
        .unwrap();
    drop(store);
    let said = check(&any);
    assert!(
        finding(&said, "store:").contains("1 entries are not what was stored"),
        "{}",
        said.out
    );
    assert!(
        said.out.contains("restore the newest backup"),
        "{}",
        said.out
    );
    std::fs::write(
        data.join("relay.db"),
        "no database, but something longer than a header",
    )
    .unwrap();
    assert!(finding(&check(&any), "store:").starts_with("fail"));
    std::fs::remove_file(data.join("identity.key")).unwrap();
    assert!(finding(&check(&any), "identity:").starts_with("fail"));
}

#[tokio::test]
async fn stats_count_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("relay");
    let said = ask(&mut on(&data, &["stats"]));
    assert!(
        said.code != 0 && said.err.contains("there is no relay"),
        "{}",
        said.err
    );
    let relay = Running::on(&data, &[]);
    with_entries(&relay, 3).await;
    let connected = Client::connect(&relay.address).await;
    let port = bob_port(&relay);
    let line = |said: &Said, what: &str| {
        let line = said.out.lines().find_map(|line| line.strip_prefix(what));
        line.unwrap_or_else(|| panic!("{what}: {}{}", said.out, said.err))
            .trim()
            .to_owned()
    };
    let said = ask(&mut on(&data, &["stats", "--listen", &port]));
    assert_eq!(line(&said, "channels"), "1 (0 closed by a fence)");
    assert_eq!(
        line(&said, "entries that wait"),
        format!("3 ({} bytes)", 3 * SECRET.len())
    );
    assert_eq!(line(&said, "the oldest of them"), "from 0 hours ago");
    assert_eq!(line(&said, "blobs"), "0 (0 bytes)");
    assert_eq!(line(&said, "connections"), "1");
    drop(connected);
    relay.stop();
    let said = ask(&mut on(&data, &["stats"]));
    assert_eq!(line(&said, "connections"), "the relay is not running");
}
