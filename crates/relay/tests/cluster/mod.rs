//! Three real NATS servers on this machine, or one, with folders and ports of their own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    dead_code,
    reason = "tests stop at the first surprise, and each uses a part of this"
)]

mod ports;

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

pub(crate) use ports::free_port;
use tempfile::TempDir;

/// Servers of one cluster, ended with this or with the process.
pub struct Cluster {
    folder: TempDir,
    nodes: Vec<Node>,
}

struct Node {
    name: String,
    config: PathBuf,
    client: u16,
    running: Mutex<Option<Child>>,
}

fn server() -> &'static str {
    // Debian puts it where only root's PATH leads.
    [
        "/usr/sbin/nats-server",
        "/usr/bin/nats-server",
        "/usr/local/bin/nats-server",
    ]
    .into_iter()
    .find(|path| Path::new(path).exists())
    .expect("nats-server is not installed; `cargo xtask test` installs it")
}

impl Cluster {
    /// Starts three servers and waits until they have a leader.
    pub fn start() -> Self {
        let routes: Vec<u16> = (0..3).map(|_| free_port()).collect();
        Self::with_routes(|_, to| routes[to], |node| routes[node], "")
    }

    /// Starts one server, which is in no cluster.
    pub fn alone() -> Self {
        Self::of(1, |_, client, data| {
            format!("listen: 127.0.0.1:{client}\njetstream {{ store_dir: \"{data}\" }}\n")
        })
    }

    /// Starts one server that asks for a password, and may keep so much for whoever knows it.
    pub fn with_password(password: &str, bytes: u64) -> Self {
        Self::of(1, |_, client, data| {
            format!(
                "listen: 127.0.0.1:{client}\njetstream {{ store_dir: \"{data}\" }}\n\
                 accounts {{ sotto {{ jetstream: {{ max_file: {bytes} }}, \
                 users: [ {{ user: sotto, password: \"{password}\" }} ] }} }}\n"
            )
        })
    }

    /// The same, with lines between the servers that can be cut.
    pub fn with_lines() -> (Self, Lines) {
        let routes: Vec<u16> = (0..3).map(|_| free_port()).collect();
        let lines = Lines::new(&routes);
        // What they tell each other of where they are would lead around the lines.
        let told = "advertise: \"127.0.0.1:1\", ";
        let at = |from: usize, to: usize| lines.lines[from][to].port;
        let cluster = Self::with_routes(at, |node| routes[node], told);
        (cluster, lines)
    }

    /// The same, where node `n` reaches node `m` at `route(n, m)` and listens at `listens(n)`.
    fn with_routes(
        route: impl Fn(usize, usize) -> u16,
        listens: impl Fn(usize) -> u16,
        more: &str,
    ) -> Self {
        Self::of(3, |n, client, data| {
            let others: Vec<String> = (0..3)
                .filter(|other| *other != n)
                .map(|other| format!("nats-route://127.0.0.1:{}", route(n, other)))
                .collect();
            format!(
                "server_name: n{n}\nlisten: 127.0.0.1:{client}\nping_interval: \"2s\"\nping_max: 2\n\
                 jetstream {{ store_dir: \"{data}\", max_mem: 64MB, max_file: 4GB }}\n\
                 cluster {{ name: test, listen: 127.0.0.1:{}, no_advertise: true, {more}routes: [{}] }}\n",
                listens(n),
                others.join(", "),
            )
        })
    }

    /// As many servers, of which number `n`, with this port and this folder, has such a configuration.
    fn of(count: usize, configuration: impl Fn(usize, u16, &str) -> String) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let nodes = (0..count).map(|n| {
            let (name, client) = (format!("n{n}"), free_port());
            let data = folder.path().join(&name);
            let config = folder.path().join(format!("{name}.conf"));
            let text = configuration(n, client, data.to_str().unwrap());
            std::fs::write(&config, text).unwrap();
            Node {
                name,
                config,
                client,
                running: Mutex::new(None),
            }
        });
        let nodes = nodes.collect();
        let cluster = Self { folder, nodes };
        for node in 0..count {
            cluster.run(node);
        }
        cluster
    }

    /// Starts a server; it ends when this process does, however that ends.
    pub fn run(&self, node: usize) {
        let node = &self.nodes[node];
        let pid = self.folder.path().join(format!("{}.pid", node.name));
        let log = self.folder.path().join(format!("{}.log", node.name));
        let kept = self.kept(node);
        let _ = std::fs::remove_file(&kept);
        // What is shared by all tests of a program is never dropped, so that the folder goes here.
        let script = format!(
            "{} -c {} -P {} -l {} & child=$!; cat > /dev/null; kill -CONT $child; kill -KILL $child; wait $child; \
             [ -e {} ] || rm -rf {}/{}*; rmdir {} 2> /dev/null",
            server(),
            node.config.display(),
            pid.display(),
            log.display(),
            kept.display(),
            self.folder.path().display(),
            node.name,
            self.folder.path().display(),
        );
        let child = Command::new("sh")
            .args(["-c", &script])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        *node.running.lock().unwrap() = Some(child);
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", node.client)).is_err() {
            assert!(
                started.elapsed() < Duration::from_secs(60),
                "the server does not start: {}",
                std::fs::read_to_string(&log).unwrap_or_default()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Says that what a server has on its disk is still needed when it ends.
    fn kept(&self, node: &Node) -> PathBuf {
        self.folder.path().join(format!("keep-{}", node.name))
    }

    /// SIGKILL.
    pub fn kill(&self, node: usize) {
        std::fs::write(self.kept(&self.nodes[node]), b"").unwrap();
        let mut child = self.nodes[node].running.lock().unwrap().take().unwrap();
        drop(child.stdin.take());
        child.wait().unwrap();
    }

    /// SIGSTOP: it keeps its connections and says nothing.
    pub fn pause(&self, node: usize) {
        self.signal(node, "-STOP");
    }

    pub fn go_on(&self, node: usize) {
        self.signal(node, "-CONT");
    }

    fn signal(&self, node: usize, signal: &str) {
        let name = &self.nodes[node].name;
        let pid = std::fs::read_to_string(self.folder.path().join(format!("{name}.pid"))).unwrap();
        let status = Command::new("kill").args([signal, pid.trim()]).status();
        assert!(status.unwrap().success());
    }

    /// Addresses for clients.
    pub fn addresses(&self) -> Vec<String> {
        self.nodes.iter().map(|node| node.address()).collect()
    }

    pub fn address(&self, node: usize) -> String {
        self.nodes[node].address()
    }

    /// Everything on the disks of all three.
    pub fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut files = Vec::new();
        for node in &self.nodes {
            gather(&self.folder.path().join(&node.name), &mut files);
        }
        files
    }
}

impl Node {
    fn address(&self) -> String {
        format!("nats://127.0.0.1:{}", self.client)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for node in &self.nodes {
            let running = node.running.lock().map(|mut running| running.take());
            if let Ok(Some(mut child)) = running {
                drop(child.stdin.take());
                let _ = child.wait();
            }
        }
    }
}

/// Lines from each server to each other, which can be cut.
pub struct Lines {
    lines: Vec<Vec<Line>>,
}

struct Line {
    port: u16,
    cut: Arc<AtomicBool>,
}

impl Lines {
    fn new(routes: &[u16]) -> Self {
        let line = |to: &u16| Line::new(*to);
        let lines = (0..routes.len()).map(|_| routes.iter().map(line).collect());
        Self {
            lines: lines.collect(),
        }
    }

    /// Cuts a server off from the others, or lets it come back.
    pub fn cut(&self, node: usize, cut: bool) {
        for (from, lines) in self.lines.iter().enumerate() {
            for (to, line) in lines.iter().enumerate() {
                if from == node || to == node {
                    line.cut.store(cut, Ordering::SeqCst);
                }
            }
        }
    }
}

impl Line {
    fn new(to: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let cut = Arc::new(AtomicBool::new(false));
        let now = Arc::clone(&cut);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let Ok(other) = TcpStream::connect(("127.0.0.1", to)) else {
                    continue;
                };
                for (from, to) in [(&stream, &other), (&other, &stream)] {
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    let cut = Arc::clone(&now);
                    std::thread::spawn(move || pass_on(from, to, &cut));
                }
            }
        });
        Self { port, cut }
    }
}

/// As a network does that is down: nothing arrives, and nobody is told.
fn pass_on(mut from: TcpStream, mut to: TcpStream, cut: &AtomicBool) {
    let mut bytes = [0; 64 * 1024];
    while let Ok(read) = from.read(&mut bytes) {
        while cut.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(20));
        }
        if read == 0 || to.write_all(&bytes[..read]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}

fn gather(folder: &Path, files: &mut Vec<(PathBuf, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            gather(&path, files);
        } else if let Ok(bytes) = std::fs::read(&path) {
            // A file may go while it is looked at.
            files.push((path, bytes));
        }
    }
}
