//! What a relay costs, beside a bare forwarder with the same TLS, in the same run: one JSON line
//! a figure.
//!
//! Relay, forwarder and the holders of idle connections are processes of their own (this program
//! again, with a word that says what to be). Latency is measured with all of them on one core
//! where `taskset` is there, for on two cores the scheduler's choice outweighs everything else;
//! ours and the peer take turns, batch by batch.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a benchmark"
)]

mod appends;
#[path = "../../tests/common/mod.rs"]
mod common;
mod forwarder;
mod growth;
mod idle;
mod passing;
mod peers;
#[path = "../../tests/cluster/ports.rs"]
mod ports;
mod xmpp;

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use sotto_relay::{Config, Relay};
use sotto_wire::RelayAddress;
use tokio::net::TcpListener;

/// A kibibyte: what a short text is padded to.
const BODY: usize = 1024;

fn main() {
    // Thousands of connections are files; those who hold them inherit this.
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let most = rustix::process::Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    let _ = rustix::process::setrlimit(rustix::process::Resource::Nofile, most);
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["be-relay", folder, port] => {
            block_on(be_relay(Path::new(folder), port.parse().unwrap()));
        }
        ["be-forwarder"] => block_on(forwarder::be()),
        ["be-idle", count, address] => {
            block_on(idle::be(count.parse().unwrap(), &address.parse().unwrap()));
        }
        ["latency"] => latency(),
        ["durable"] => durable(),
        ["fan-out"] => fan_out(),
        ["throughput"] => throughput(),
        ["idle"] => idle::measure(),
        ["growth", entries, channels] => block_on(growth::measure(
            entries.parse().unwrap(),
            channels.parse().unwrap(),
        )),
        _ => {
            // On one core, in a process of its own.
            let this = std::env::current_exe().unwrap();
            let pinned = Command::new("taskset")
                .args(["-c", "0"])
                .arg(&this)
                .arg("latency")
                .status();
            if !pinned.is_ok_and(|status| status.success()) {
                eprintln!("no taskset here: latency is measured on all cores");
                latency();
            }
            throughput();
            durable();
            fan_out();
            idle::measure();
            // Ten million take half an hour: `bench_relay growth 10000000 1000000`.
            block_on(growth::measure(1_000_000, 100_000));
        }
    }
}

fn block_on(future: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future);
}

async fn be_relay(folder: &Path, port: u16) {
    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    let mut config = Config::new(folder);
    config.limits.rates.requests_per_second = 1_000_000;
    config.limits.rates.bytes_per_second = 1 << 40;
    config.limits.addresses.counted = false;
    config.store.channel_bytes = 1 << 40;
    let relay = Relay::bind(config, listener).unwrap();
    say_address(relay.address());
    relay.run(std::future::pending()).await;
}

fn say_address(address: &RelayAddress) {
    println!("{address}");
    std::io::stdout().flush().unwrap();
}

/// A process of ours, ended with its owner.
struct Process {
    child: Child,
    address: RelayAddress,
}

impl Process {
    fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap())
            .read_line(&mut line)
            .unwrap();
        let address = line.trim_end().parse().unwrap();
        Self { child, address }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// Prints a figure; the ratio is ours to the peer's.
fn figure(name: &str, value: f64, unit: &str, peer: Option<(&str, f64)>) {
    let peer = match peer {
        Some((peer, theirs)) => format!(r#""{peer} {theirs:.1}","ratio":{:.2}"#, value / theirs),
        None => "null,\"ratio\":null".into(),
    };
    println!(r#"{{"name":"{name}","value":{value:.1},"unit":"{unit}","peer":{peer}}}"#);
}

/// The value below which `part` of them lie.
fn quantile(times: &mut [f64], part: f64) -> f64 {
    times.sort_by(f64::total_cmp);
    times[((times.len() - 1) as f64 * part) as usize]
}

fn latency() {
    let folder = tempfile::tempdir_in(".").unwrap();
    let relay = Process::start(&["be-relay", folder.path().to_str().unwrap(), "0"]);
    let forwarder = Process::start(&["be-forwarder"]);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut peer = passing::Forwarded::open(&forwarder.address).await;
        let mut ours = passing::Relayed::open(&relay.address).await;
        let mut xmpp = xmpp_servers(folder.path()).await;
        let (mut bare, mut ephemeral, mut durable) = (vec![], vec![], vec![]);
        for _ in 0..40 {
            for (_, server, times) in &mut xmpp {
                server.one_by_one(50, times).await;
            }
            peer.one_by_one(50, &mut bare).await;
            ours.one_by_one(sotto_wire::Lane::Ephemeral, 50, &mut ephemeral)
                .await;
            ours.one_by_one(sotto_wire::Lane::Chat, 50, &mut durable)
                .await;
        }
        let mut sync = synced_writes(folder.path());
        for (part, name) in [(0.5, "p50"), (0.99, "p99")] {
            let bare = quantile(&mut bare, part);
            let peer = Some(("tokio-tungstenite forwarder, same TLS", bare));
            let ephemeral = quantile(&mut ephemeral, part);
            let told = format!("relay one-way latency, ephemeral, {name}");
            figure(&told, ephemeral, "us", peer);
            for (server, _, times) in &mut xmpp {
                figure(
                    &told,
                    ephemeral,
                    "us",
                    Some((server, quantile(times, part))),
                );
            }
            let durable = quantile(&mut durable, part);
            figure(
                &format!("relay one-way latency, durable, {name}"),
                durable,
                "us",
                peer,
            );
            let sync = quantile(&mut sync, part);
            figure(
                &format!("disk: write and sync of 4 KiB, {name}"),
                sync,
                "us",
                None,
            );
        }
    });
}

/// Those that are installed, with room for what is measured.
async fn xmpp_servers(folder: &Path) -> Vec<(&'static str, xmpp::Xmpp, Vec<f64>)> {
    let below = |name: &str| {
        let path = folder.join(name);
        std::fs::create_dir(&path).unwrap();
        std::fs::canonicalize(path).unwrap()
    };
    let prosody = xmpp::Xmpp::prosody(&below("prosody")).await;
    let ejabberd = xmpp::Xmpp::ejabberd(&below("ejabberd")).await;
    let mut there = Vec::new();
    for (name, server) in [
        ("prosody, nothing kept, no TLS", prosody),
        ("ejabberd, nothing kept, no TLS", ejabberd),
    ] {
        match server {
            Some(server) => there.push((name, server, Vec::new())),
            None => eprintln!("not here, so not a peer: {name}"),
        }
    }
    there
}

/// What the disk itself takes, in microseconds: appending 4 KiB to a file and syncing it.
fn synced_writes(folder: &Path) -> Vec<f64> {
    let mut file = std::fs::File::create(folder.join("sync")).unwrap();
    let times = (0..500).map(|_| {
        let start = Instant::now();
        file.write_all(&[7; 4096]).unwrap();
        file.sync_data().unwrap();
        start.elapsed().as_secs_f64() * 1e6
    });
    times.collect()
}

/// Appends that are on the disk when they are answered, by how many are under way, beside other
/// durable logs on the same disk.
fn durable() {
    let folder = tempfile::tempdir_in(".").unwrap();
    let below = |name: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir(&path).unwrap();
        path
    };
    let relay = Process::start(&["be-relay", below("relay").to_str().unwrap(), "0"]);
    let jetstream = peers::JetStream::start(&below("jetstream"));
    let redis = peers::Redis::start(&below("redis"), false);
    let redis_over_tls = peers::Redis::start(&below("redis-tls"), true);
    let postgres = peers::Postgres::start(&std::fs::canonicalize(below("postgres")).unwrap());
    block_on(async {
        for (connections, under_way) in [(1, 1), (1, 64), (1, 512), (64, 1)] {
            let name = match connections {
                1 => format!("durable appends, one connection, {under_way} under way"),
                _ => format!("durable appends, {connections} connections, one each"),
            };
            let ours = appends::appends(&relay.address, connections, under_way);
            let under_way = under_way as usize;
            let mut theirs = Vec::new();
            if let Some(jetstream) = &jetstream {
                let rate = jetstream.publishes(connections, under_way).await;
                theirs.push(("NATS JetStream, file, not synced", Some(rate)));
            }
            if let Some(redis) = &redis {
                let rate = redis.adds(connections, under_way);
                theirs.push(("Redis streams, appendfsync always, no TLS", rate));
            }
            if let Some(redis) = &redis_over_tls {
                let rate = redis.adds(connections, under_way);
                theirs.push(("Redis streams, appendfsync always, TLS", rate));
            }
            if let Some(postgres) = &postgres {
                // It has one transaction a connection, and a hundred connections at most.
                let rate = postgres.inserts((connections * under_way).min(90));
                theirs.push(("PostgreSQL, insert and commit", rate));
            }
            let known: Vec<_> = theirs
                .into_iter()
                .filter_map(|(peer, rate)| Some((peer, rate?)))
                .collect();
            if known.is_empty() {
                figure(&name, ours, "1/s", None);
            }
            for peer in known {
                figure(&name, ours, "1/s", Some(peer));
            }
        }
    });
}

/// One entry to a thousand connections.
fn fan_out() {
    const SUBSCRIBERS: usize = 1_000;
    let folder = tempfile::tempdir_in(".").unwrap();
    let relay = Process::start(&["be-relay", folder.path().to_str().unwrap(), "0"]);
    block_on(async {
        let time = appends::fan_out(&relay.address, SUBSCRIBERS).await;
        figure(
            &format!("one entry to {SUBSCRIBERS} subscribers, until the last has it"),
            time,
            "ms",
            None,
        );
    });
}

fn throughput() {
    let folder = tempfile::tempdir_in(".").unwrap();
    let relay = Process::start(&["be-relay", folder.path().to_str().unwrap(), "0"]);
    let forwarder = Process::start(&["be-forwarder"]);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut peer = passing::Forwarded::open(&forwarder.address).await;
        let mut ours = passing::Relayed::open(&relay.address).await;
        let mut xmpp = xmpp_servers(folder.path()).await;
        let (mut bare, mut ephemeral, mut durable) = (vec![], vec![], vec![]);
        for _ in 0..5 {
            for (_, server, rates) in &mut xmpp {
                rates.push(server.streamed(5_000).await);
            }
            bare.push(peer.streamed(10_000).await);
            ephemeral.push(ours.streamed(sotto_wire::Lane::Ephemeral, 10_000).await);
            durable.push(ours.streamed(sotto_wire::Lane::Chat, 10_000).await);
        }
        let bare = quantile(&mut bare, 0.5);
        let peer = Some(("tokio-tungstenite forwarder, same TLS", bare));
        let ephemeral = quantile(&mut ephemeral, 0.5);
        figure("relay throughput, ephemeral", ephemeral, "1/s", peer);
        for (server, _, rates) in &mut xmpp {
            let theirs = Some((*server, quantile(rates, 0.5)));
            figure("relay throughput, ephemeral", ephemeral, "1/s", theirs);
        }
        figure(
            "relay throughput, durable",
            quantile(&mut durable, 0.5),
            "1/s",
            peer,
        );
    });
}
