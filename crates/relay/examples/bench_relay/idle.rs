//! What connections cost on which nothing happens, and how soon all are back after a restart.

use std::io::{BufRead as _, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use sotto_wire::RelayAddress;
use tokio::sync::Semaphore;

use super::{Process, figure};
use crate::common::{Client, open};

/// Connections that one holder opens at the same time.
const AT_ONCE: usize = 32;
/// Connections that one holder holds: fewer than files it may open.
const HELD: usize = 5_000;
/// How long processor time is watched.
const WATCHED: Duration = Duration::from_secs(20);

/// Opens connections and says so; opens those that end again, and says when all are back.
pub(crate) async fn be(count: usize, address: &RelayAddress) {
    // While the relay is away, connecting fails, and the client of the tests says so by a panic.
    std::panic::set_hook(Box::new(|_| {}));
    let there = Arc::new(Semaphore::new(0));
    let at_once = Arc::new(Semaphore::new(AT_ONCE));
    for _ in 0..count {
        let (there, at_once, address) = (there.clone(), at_once.clone(), address.clone());
        tokio::spawn(async move {
            loop {
                let turn = at_once.acquire().await.unwrap();
                let Ok(mut socket) = tokio::spawn(connect(address.clone())).await else {
                    drop(turn);
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                };
                drop(turn);
                there.add_permits(1);
                while let Some(Ok(_)) = socket.next().await {}
            }
        });
    }
    loop {
        there.acquire_many(count as u32).await.unwrap().forget();
        println!("{count}");
    }
}

type Socket = tokio_tungstenite::WebSocketStream<Box<dyn crate::common::Stream>>;

async fn connect(address: RelayAddress) -> Socket {
    // The forwarder has no identity, and no hello.
    if address.identity.0 == [0; 32] {
        open(&address, None).await.unwrap().0
    } else {
        Client::connect(&address).await.socket
    }
}

/// A process that holds connections.
struct Holder {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Holder {
    fn start(count: usize, address: &RelayAddress) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["be-idle", &count.to_string(), &address.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    fn all_there(&mut self) {
        self.lines.next().unwrap().unwrap();
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn hold(count: usize, address: &RelayAddress) -> Vec<Holder> {
    let mut holders: Vec<Holder> = (0..count.div_ceil(HELD))
        .map(|n| Holder::start(HELD.min(count - n * HELD), address))
        .collect();
    holders.iter_mut().for_each(Holder::all_there);
    holders
}

/// Resident memory of a process, in KiB.
fn resident(id: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Processor time that a process has used, in milliseconds, to ten of them.
fn worked(id: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap();
    // The name stands in brackets, and may hold anything.
    let (_, fields) = status.rsplit_once(") ").unwrap();
    let ticks = |at: usize| {
        let field = fields.split_whitespace().nth(at).unwrap();
        field.parse::<f64>().unwrap()
    };
    // utime and stime, in hundredths of a second.
    (ticks(11) + ticks(12)) * 10.0
}

pub(crate) fn measure() {
    if !std::path::Path::new("/proc/self/stat").exists() {
        eprintln!("no such /proc here: idle connections are not measured");
        return;
    }
    for count in [1_000, 5_000, 15_000] {
        let folder = tempfile::tempdir_in(".").unwrap();
        let path = folder.path().to_str().unwrap();
        let forwarder = Process::start(&["be-forwarder"]);
        let (peer, holders) = a_connection(&forwarder, count);
        drop((holders, forwarder));

        let relay = Process::start(&["be-relay", path, "0"]);
        let (ours, mut holders) = a_connection(&relay, count);
        figure(
            &format!("relay memory of an idle connection, {count} of them"),
            ours,
            "KiB",
            Some(("tokio-tungstenite forwarder, same TLS", peer)),
        );
        let before = worked(relay.child.id());
        std::thread::sleep(WATCHED);
        let busy = (worked(relay.child.id()) - before) / WATCHED.as_secs_f64() / 10.0;
        figure(
            &format!("processor of {count} idle connections"),
            busy,
            "% of a core",
            None,
        );

        let port = relay.address.port.to_string();
        drop(relay);
        let restarted = Instant::now();
        let relay = Process::start(&["be-relay", path, &port]);
        let ready = restarted.elapsed().as_secs_f64() * 1e3;
        holders.iter_mut().for_each(Holder::all_there);
        let back = restarted.elapsed().as_secs_f64();
        figure("relay ready again after a restart", ready, "ms", None);
        figure(
            &format!("all {count} connections back after a restart, holders on the same cores"),
            back,
            "s",
            None,
        );
        drop((holders, relay));
    }
}

/// KiB that one of so many connections takes, and those who hold them.
fn a_connection(server: &Process, count: usize) -> (f64, Vec<Holder>) {
    let before = resident(server.child.id());
    let holders = hold(count, &server.address);
    std::thread::sleep(Duration::from_secs(1));
    let after = resident(server.child.id());
    ((after - before) / count as f64, holders)
}
