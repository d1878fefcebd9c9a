//! Two XMPP servers as peers: prosody and ejabberd, two anonymous people on each, nothing kept,
//! and no TLS, which is to their advantage.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::BODY;
use super::passing::WINDOW;
use super::peers::{Server, reachable, start};
use super::ports::free_port;

/// A server with two people on it, the first of whom writes to the second.
pub(crate) struct Xmpp {
    _server: Server,
    from: TcpStream,
    to: TcpStream,
    message: Vec<u8>,
    /// What came after the last whole message.
    rest: Vec<u8>,
}

/// What ends a message.
const END: &[u8] = b"</message>";

impl Xmpp {
    pub(crate) async fn prosody(folder: &Path) -> Option<Self> {
        let port = free_port();
        let at = folder.display();
        let settings = format!(
            r#"run_as_root = true
data_path = "{at}"
pidfile = "{at}/pid"
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {port} }}
s2s_ports = {{ }}
modules_enabled = {{ "saslauth" }}
modules_disabled = {{ "s2s", "offline", "tls" }}
c2s_require_encryption = false
authentication = "anonymous"
storage = "memory"
VirtualHost "localhost"
"#
        );
        let file = folder.join("prosody.cfg.lua");
        std::fs::write(&file, settings).ok()?;
        let mut command = Command::new("prosody");
        command.arg("--config").arg(file).arg("-F");
        Self::on(start(&mut command)?, port).await
    }

    /// Started by its own runtime, for its script wants to be another user.
    pub(crate) async fn ejabberd(folder: &Path) -> Option<Self> {
        let port = free_port();
        let settings = format!(
            r#"hosts: ["localhost"]
loglevel: error
auth_method: [anonymous]
anonymous_protocol: sasl_anon
listen:
  - port: {port}
    ip: "127.0.0.1"
    module: ejabberd_c2s
modules: {{}}
"#
        );
        let file = folder.join("ejabberd.yml");
        std::fs::write(&file, settings).ok()?;
        let libraries = glob_first("/usr/lib", "ejabberd-")?;
        let mut command = Command::new("erl");
        command
            .args(["+K", "true", "-noinput", "-mnesia", "dir"])
            .arg(format!("\"{}\"", folder.display()))
            .args(["-s", "ejabberd"])
            .env("ERL_LIBS", libraries)
            .env("EJABBERD_CONFIG_PATH", file)
            .env("SPOOL_DIR", folder)
            .env("EJABBERD_LOG_PATH", folder.join("log"))
            .env("HOME", folder);
        Self::on(start(&mut command)?, port).await
    }

    async fn on(server: Server, port: u16) -> Option<Self> {
        if !reachable(port) {
            return None;
        }
        let (from, _) = log_in(port).await?;
        let (to, address) = log_in(port).await?;
        let body = "7".repeat(BODY);
        let message = format!("<message type='chat' to='{address}'><body>{body}</body></message>");
        Some(Self {
            _server: server,
            from,
            to,
            message: message.into_bytes(),
            rest: Vec::new(),
        })
    }

    /// Sends a message when the one before has arrived; microseconds from sending to arrival.
    pub(crate) async fn one_by_one(&mut self, count: usize, times: &mut Vec<f64>) {
        for _ in 0..count {
            let start = Instant::now();
            self.from.write_all(&self.message).await.unwrap();
            while arrived(&mut self.to, &mut self.rest).await == 0 {}
            times.push(start.elapsed().as_secs_f64() * 1e6);
        }
    }

    /// Messages a second, with a window of them on their way.
    pub(crate) async fn streamed(&mut self, count: usize) -> f64 {
        let start = Instant::now();
        let window = tokio::sync::Semaphore::new(WINDOW);
        let Self {
            from,
            to,
            message,
            rest,
            ..
        } = self;
        let sending = async {
            let mut sent = 0;
            while sent < count {
                window.acquire().await.unwrap().forget();
                let more = window.available_permits().min(count - sent - 1);
                window.acquire_many(more as u32).await.unwrap().forget();
                from.write_all(&message.repeat(more + 1)).await.unwrap();
                sent += more + 1;
            }
        };
        let receiving = async {
            let mut received = 0;
            while received < count {
                let some = arrived(to, rest).await;
                window.add_permits(some);
                received += some;
            }
        };
        tokio::join!(sending, receiving);
        count as f64 / start.elapsed().as_secs_f64()
    }
}

/// Reads once; how many messages have ended by then.
async fn arrived(socket: &mut TcpStream, rest: &mut Vec<u8>) -> usize {
    rest.reserve(1 << 16);
    assert_ne!(
        socket.read_buf(rest).await.unwrap(),
        0,
        "the peer went away"
    );
    let (mut count, mut last) = (0, 0);
    for (at, here) in rest.windows(END.len()).enumerate() {
        if here == END {
            count += 1;
            last = at + END.len();
        }
    }
    rest.drain(..last);
    count
}

/// Logs in as nobody, and answers with the address that this connection has.
async fn log_in(port: u16) -> Option<(TcpStream, String)> {
    const STREAM: &str = "<stream:stream to='localhost' version='1.0' xmlns='jabber:client' \
                          xmlns:stream='http://etherx.jabber.org/streams'>";
    let mut socket = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
    socket.set_nodelay(true).ok()?;
    ask(&mut socket, STREAM, "</stream:features>").await?;
    let auth = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>";
    ask(&mut socket, auth, "<success").await?;
    ask(&mut socket, STREAM, "</stream:features>").await?;
    let bind = "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>";
    let bound = ask(&mut socket, bind, "</iq>").await?;
    let (_, rest) = bound.split_once("<jid>")?;
    let (address, _) = rest.split_once("</jid>")?;
    let address = address.to_owned();
    Some((socket, address))
}

async fn ask(socket: &mut TcpStream, words: &str, until: &str) -> Option<String> {
    socket.write_all(words.as_bytes()).await.ok()?;
    let mut heard = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&heard);
        if text.contains(until) {
            return Some(text.into_owned());
        }
        let more = socket.read_buf(&mut heard);
        let more = tokio::time::timeout(std::time::Duration::from_secs(10), more).await;
        more.ok()?.ok().filter(|len| *len > 0)?;
    }
}

/// The folder under `below`, or one further down, that holds something of this name.
fn glob_first(below: &str, name: &str) -> Option<std::path::PathBuf> {
    let holds = |folder: &Path| {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let mut names = entries.map(|entry| entry.file_name());
        names.any(|found| found.to_string_lossy().starts_with(name))
    };
    let further = std::fs::read_dir(below).ok()?.flatten();
    further.map(|entry| entry.path()).find(|path| holds(path))
}
