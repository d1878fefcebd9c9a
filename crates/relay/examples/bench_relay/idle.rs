//! What a connection costs on which nothing happens.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use sotto_wire::RelayAddress;

use super::{Process, figure};
use crate::common::{Client, open};

/// Opens connections, says so, and holds them until it is ended.
pub(crate) async fn be(count: usize, address: &RelayAddress) {
    // The forwarder has no identity, and no hello.
    let bare = address.identity.0 == [0; 32];
    let mut held = Vec::new();
    for _ in 0..count {
        if bare {
            held.push(open(address, None).await.unwrap().0);
        } else {
            held.push(Client::connect(address).await.socket);
        }
    }
    println!("{}", held.len());
    std::future::pending::<()>().await;
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

/// KiB a connection, at several numbers of them.
pub(crate) fn measure() {
    if !std::path::Path::new("/proc/self/status").exists() {
        eprintln!("no /proc here: the memory of idle connections is not measured");
        return;
    }
    for count in [1000, 5000] {
        let folder = tempfile::tempdir_in(".").unwrap();
        let relay = Process::start(&["be-relay", folder.path().to_str().unwrap()]);
        let forwarder = Process::start(&["be-forwarder"]);
        let ours = an_idle_connection(&relay, count);
        let peer = an_idle_connection(&forwarder, count);
        figure(
            &format!("relay memory of an idle connection, {count} of them"),
            ours,
            "KiB",
            Some(("tokio-tungstenite forwarder, same TLS", peer)),
        );
    }
}

fn an_idle_connection(server: &Process, count: usize) -> f64 {
    let before = resident(server.child.id());
    let mut holder = Command::new(std::env::current_exe().unwrap())
        .args(["be-idle", &count.to_string(), &server.address.to_string()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(holder.stdout.as_mut().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert_eq!(line.trim().parse::<usize>().unwrap(), count);
    std::thread::sleep(std::time::Duration::from_secs(1));
    let after = resident(server.child.id());
    holder.kill().unwrap();
    holder.wait().unwrap();
    (after - before) / count as f64
}
