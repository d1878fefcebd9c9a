//! Other durable logs on the same disk, each with the tool that its own people measure it with,
//! where there is one. `None` where a program is missing.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use futures_util::stream::{FuturesUnordered, StreamExt as _};

use super::BODY;
use super::appends::EACH;
use super::ports::free_port;

/// A server of somebody else, ended with its owner.
pub(crate) struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(crate) fn start(command: &mut Command) -> Option<Server> {
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().ok().map(Server)
}

pub(crate) fn reachable(port: u16) -> bool {
    let patience = Instant::now();
    while patience.elapsed() < Duration::from_secs(10) {
        if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    false
}

/// NATS JetStream, one server, file storage: acknowledged before it is synced (2.9).
pub(crate) struct JetStream {
    _server: Server,
    port: u16,
}

impl JetStream {
    pub(crate) fn start(folder: &Path) -> Option<Self> {
        let port = free_port();
        let mut command = Command::new("nats-server");
        command
            .args(["-a", "127.0.0.1", "-p", &port.to_string(), "-js", "-sd"])
            .arg(folder);
        let server = start(&mut command)?;
        reachable(port).then_some(Self {
            _server: server,
            port,
        })
    }

    /// Acknowledged publishes a second.
    pub(crate) async fn publishes(&self, connections: usize, under_way: usize) -> f64 {
        let url = format!("nats://127.0.0.1:{}", self.port);
        let first = async_nats::connect(&url).await.unwrap();
        async_nats::jetstream::new(first)
            .get_or_create_stream(async_nats::jetstream::stream::Config {
                name: "bench".into(),
                subjects: vec!["bench.>".into()],
                storage: async_nats::jetstream::stream::StorageType::File,
                ..Default::default()
            })
            .await
            .unwrap();
        let mut tasks = Vec::new();
        for n in 0..connections {
            let client = async_nats::connect(&url).await.unwrap();
            let stream = async_nats::jetstream::new(client);
            tasks.push(tokio::spawn(async move {
                let subject = format!("bench.{n}");
                let publish = || {
                    let (stream, subject) = (stream.clone(), subject.clone());
                    async move {
                        let body = vec![7; BODY].into();
                        stream.publish(subject, body).await.unwrap().await.unwrap();
                    }
                };
                let (start, mut done) = (Instant::now(), 0_u64);
                let mut waiting: FuturesUnordered<_> = (0..under_way).map(|_| publish()).collect();
                while waiting.next().await.is_some() {
                    done += 1;
                    if start.elapsed() < EACH {
                        waiting.push(publish());
                    }
                }
                done
            }));
        }
        let start = Instant::now();
        let mut done = 0;
        for task in tasks {
            done += task.await.unwrap();
        }
        done as f64 / start.elapsed().as_secs_f64()
    }
}

/// Redis streams, synced always; measured by `redis-benchmark`.
pub(crate) struct Redis {
    _server: Server,
    port: u16,
    tls: bool,
}

impl Redis {
    /// Clients reach it bare, as its people measure it, or over TLS, as clients reach a relay.
    pub(crate) fn start(folder: &Path, tls: bool) -> Option<Self> {
        let port = free_port();
        let mut command = Command::new("redis-server");
        command
            .args(["--bind", "127.0.0.1"])
            .args(["--appendonly", "yes", "--appendfsync", "always"])
            .args(["--save", "", "--dir"])
            .arg(folder);
        if tls {
            let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).ok()?;
            let (certificate, key) = (folder.join("cert.pem"), folder.join("key.pem"));
            std::fs::write(&certificate, made.cert.pem()).ok()?;
            std::fs::write(&key, made.signing_key.serialize_pem()).ok()?;
            command
                .args(["--port", "0", "--tls-port", &port.to_string()])
                .args(["--tls-auth-clients", "no", "--tls-ca-cert-file"])
                .arg(&certificate)
                .arg("--tls-cert-file")
                .arg(&certificate)
                .arg("--tls-key-file")
                .arg(&key);
        } else {
            command.args(["--port", &port.to_string()]);
        }
        let server = start(&mut command)?;
        reachable(port).then_some(Self {
            _server: server,
            port,
            tls,
        })
    }

    /// Entries a second.
    pub(crate) fn adds(&self, connections: usize, under_way: usize) -> Option<f64> {
        let count = if connections * under_way == 1 {
            10_000
        } else {
            80_000
        };
        let output = Command::new("redis-benchmark")
            .args(["-p", &self.port.to_string(), "-q", "--csv"])
            .args(self.tls.then_some(["--tls", "--insecure"]).iter().flatten())
            .args(["-c", &connections.to_string(), "-P", &under_way.to_string()])
            .args(["-n", &count.to_string()])
            .args(["XADD", "bench", "*", "body", &"7".repeat(BODY)])
            .output()
            .ok()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        // The name of the test holds the body, and no comma.
        let row = text.lines().last()?;
        row.split(',').nth(1)?.trim_matches('"').parse().ok()
    }
}

/// PostgreSQL, a row a transaction; measured by `pgbench`.
pub(crate) struct Postgres {
    _server: Server,
    programs: PathBuf,
    folder: PathBuf,
    port: u16,
}

impl Postgres {
    pub(crate) fn start(folder: &Path) -> Option<Self> {
        let programs = std::fs::read_dir("/usr/lib/postgresql")
            .ok()?
            .filter_map(|version| Some(version.ok()?.path().join("bin")))
            .max()?;
        let port = free_port();
        // It refuses to run as root.
        let owned = Command::new("chown").arg("postgres").arg(folder).status();
        if !owned.is_ok_and(|status| status.success()) {
            return None;
        }
        let this = |program: &str| {
            let mut command = Command::new("setpriv");
            command
                .args(["--reuid=postgres", "--regid=postgres", "--clear-groups"])
                .arg(programs.join(program))
                .current_dir(folder);
            command
        };
        let made = this("initdb")
            .args(["-A", "trust", "-D", "data"])
            .output()
            .ok()?;
        if !made.status.success() {
            return None;
        }
        let mut command = this("postgres");
        command
            .args(["-D", "data", "-h", "127.0.0.1", "-k", "."])
            .args(["-p", &port.to_string()]);
        let server = start(&mut command)?;
        let postgres = Self {
            _server: server,
            folder: folder.to_owned(),
            programs,
            port,
        };
        let table = "CREATE TABLE entries (id bigserial PRIMARY KEY, body bytea NOT NULL)";
        let ready = reachable(port)
            && (0..50).any(|_| {
                std::thread::sleep(Duration::from_millis(200));
                let made = postgres.tool("psql").args(["-c", table]).output();
                made.is_ok_and(|made| made.status.success())
            });
        ready.then_some(postgres)
    }

    fn tool(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command
            .args(["-h", "127.0.0.1", "-U", "postgres"])
            .args(["-p", &self.port.to_string()]);
        command
    }

    /// Transactions a second.
    pub(crate) fn inserts(&self, connections: usize) -> Option<f64> {
        let script = self.folder.join("insert.sql");
        let body = "37".repeat(BODY);
        std::fs::write(
            &script,
            format!("INSERT INTO entries (body) VALUES ('\\x{body}');"),
        )
        .ok()?;
        let output = self
            .tool("pgbench")
            .args(["-n", "-M", "prepared", "-j", "2", "-T"])
            .arg(EACH.as_secs().to_string())
            .args(["-c", &connections.to_string(), "-f"])
            .arg(&script)
            .arg("postgres")
            .output()
            .ok()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let row = text.lines().find(|line| line.starts_with("tps ="))?;
        row.split_whitespace().nth(2)?.parse().ok()
    }
}
