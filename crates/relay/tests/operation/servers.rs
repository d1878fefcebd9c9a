//! check, stats, backup and restore where everything is kept on NATS servers.

use std::path::Path;

use sotto_wire::{RefusalCode, Role};

use crate::cluster::{Cluster, free_port};
use crate::common::blob::Blob;
use crate::common::{Client, Room};
use crate::program::{Running, Said, ask, on};
use crate::watching::get;

fn asked(data: &Path, store: &str, arguments: &[&str]) -> Said {
    ask(on(data, arguments).args(["--listen", "127.0.0.1:0", "--store", store]))
}

/// A server as it is named to people.
fn host(address: &str) -> &str {
    address.strip_prefix("nats://").unwrap()
}

/// The line that begins with this, and how it is.
fn finding(said: &Said, what: &str) -> String {
    let lines = said.out.lines();
    let mut found = lines.filter(|line| line.get(6..).is_some_and(|rest| rest.starts_with(what)));
    let found = found.next();
    found
        .unwrap_or_else(|| panic!("{what} not in {}{}", said.out, said.err))
        .to_owned()
}

fn assert_lines(said: &Said, expected: &[(&str, &str)]) {
    for (state, what) in expected {
        let found = finding(said, what);
        assert!(found.starts_with(state), "{found}: not {state}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_over_three_servers_is_looked_at() {
    let cluster = Cluster::start();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("relay");
    let store = format!("{}?shards=2", cluster.addresses().join(","));

    // Servers that have just started have yet to find each other.
    let mut said = asked(&data, &store, &["check"]);
    for _ in 0..30 {
        if said.code == 0 {
            break;
        }
        said = asked(&data, &store, &["check"]);
    }
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert_lines(&said, &[("ok", "streams: will be made at the first start")]);

    let relay = Running::on(&data, &["--store", &store]);
    let mut alice = Client::connect(&relay.address).await;
    let room = Room::open(&mut alice).await;
    alice.append(&room, 1, b"sealed").await.unwrap();
    let blob = Blob::new(100_000);
    blob.make(&mut alice).await;
    let put = blob.patch(&relay.address, 0, blob.bytes.len()).await;
    assert_eq!(put.status, 204);

    let said = asked(&data, &store, &["check"]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    for address in cluster.addresses() {
        let server = host(&address);
        assert_lines(
            &said,
            &[("ok", &format!("server: {server} lets the relay in"))],
        );
    }
    assert_lines(
        &said,
        &[
            ("ok", "room: "),
            ("ok", "identity: the streams are this relay's"),
            (
                "ok",
                "streams: all 6 have a leader, and their copies are complete",
            ),
        ],
    );
    assert!(!said.out.contains("store: "), "{}", said.out);

    let said = asked(&data, &store, &["stats"]);
    let value = |what: &str| {
        let line = said.out.lines().find(|line| line.starts_with(what));
        let line = line.unwrap_or_else(|| panic!("no {what}: {}{}", said.out, said.err));
        line[26..].to_owned()
    };
    assert!(value("channels").starts_with("1 ("), "{}", said.out);
    assert_eq!(value("blobs"), "1");
    assert!(value("entries, cards, packages").contains("not known"));
    assert_eq!(value("copies of everything"), "3");

    // One of three servers is gone: it works, and says so.
    cluster.kill(2);
    let behind = async || {
        let (data, store) = (data.clone(), store.clone());
        let said = tokio::task::spawn_blocking(move || asked(&data, &store, &["check"]));
        let said = said.await.unwrap();
        assert_lines(
            &said,
            &[("warn", &format!("server: {}", host(&cluster.address(2))))],
        );
        (said.code == 0 && said.out.contains("n2 is behind")).then_some(())
    };
    let waited = tokio::time::timeout(std::time::Duration::from_secs(60), async {
        while behind().await.is_none() {
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
    });
    assert!(waited.await.is_ok(), "nobody is behind");
    cluster.run(2);

    // Another relay's key: refused, with what to do.
    let other = folder.path().join("other");
    let one = Running::on(&other, &[]);
    one.kill();
    let said = asked(&other, &store, &["check"]);
    assert_eq!(said.code, 1, "{}", said.out);
    assert_lines(&said, &[("fail", "identity: the stream ")]);
    assert!(
        said.out.contains("copy it from the first one's"),
        "{}",
        said.out
    );

    // One that would make a key of its own is told before it does.
    let fresh = asked(&folder.path().join("fresh"), &store, &["check"]);
    assert_eq!(fresh.code, 1, "{}", fresh.out);
    assert_lines(&fresh, &[("fail", "identity: the streams are a relay's")]);

    // Nothing is copied from where nothing is.
    for command in ["backup", "restore"] {
        let file = folder.path().join("copy");
        let said = asked(&data, &store, &[command, file.to_str().unwrap()]);
        assert_eq!(said.code, 1);
        assert!(
            said.err.contains(&format!("nats stream {command}")),
            "{}",
            said.err
        );
        assert!(
            said.err.contains("sotto-0, sotto-1, sotto-due"),
            "{}",
            said.err
        );
        assert!(!file.exists());
    }
    relay.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_can_not_be_used_are_named() {
    let cluster = Cluster::with_password("very-good-one", 100 << 20);
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("relay");
    let address = cluster.address(0);
    let host = host(&address);
    let store = |login: &str| format!("nats://{login}{host}?replicas=1&shards=1");

    let said = asked(&data, &store("sotto:wrong@"), &["check"]);
    assert_eq!(said.code, 1, "{}", said.out);
    let refused = format!("server: {host} does not let the relay in");
    assert_lines(&said, &[("fail", &refused)]);
    assert!(!said.out.contains("wrong@") && !said.err.contains("wrong@"));

    let said = asked(&data, &store("sotto:very-good-one@"), &["check"]);
    assert_eq!(said.code, 1, "{}", said.out);
    assert_lines(
        &said,
        &[("fail", "room: 100.0 MiB left of what this account may use")],
    );

    let nobody = format!("nats://127.0.0.1:{}", free_port());
    for command in ["check", "stats"] {
        let said = asked(&data, &nobody, &[command]);
        assert_eq!(said.code, 1, "{}", said.out);
        let all = said.out + &said.err;
        assert!(all.contains("can't be reached"), "{all}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn channels_of_all_relays_are_counted_and_bounded() {
    let cluster = Cluster::alone();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("relay");
    let store = format!("{}?replicas=1&shards=2", cluster.address(0));
    let relay = Running::on(&data, &["--store", &store, "--channels", "3"]);
    let mut alice = Client::connect(&relay.address).await;
    for _ in 0..3 {
        Room::open(&mut alice).await;
    }
    let other = folder.path().join("other");
    std::fs::create_dir(&other).unwrap();
    std::fs::copy(data.join("identity.key"), other.join("identity.key")).unwrap();
    let aside = format!("127.0.0.1:{}", free_port());
    let bounds = [
        "--store",
        &store,
        "--channels",
        "3",
        "--metrics-listen",
        &aside,
    ];
    let second = Running::on(&other, &bounds);
    let mut bob = Client::connect(&second.address).await;
    for client in [&mut alice, &mut bob] {
        let room = Room::new();
        client.prove(room.channel, Role::Admin, &room.admin).await;
        assert_eq!(client.ask(room.create()).await, Err(RefusalCode::Quota));
    }
    let text = get(&aside, "/metrics").await;
    assert!(text.contains("sotto_relay_channels 3"), "{text}");
}
