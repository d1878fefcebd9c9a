//! A web host, and whoever comes to it: browsers that keep the rules, and others that don't.
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

use std::collections::VecDeque;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use sotto_client::contract::{self, Start};
use sotto_client::{Host, HostConfig, Timing};
use sotto_web::{Config, File, Limits, Screens, Told, Web};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_util::sync::CancellationToken;

const PATIENCE: Duration = Duration::from_secs(30);

/// Not the real ones: whether those are built is not what is asked here.
pub static SCREENS: &[File] = &[
    File {
        path: "index.html",
        content_type: "text/html; charset=utf-8",
        mark: "0123",
        raw: b"<!doctype html><title>Sotto</title>",
        gzip: Some(b"shorter"),
    },
    File {
        path: "assets/main-abc.js",
        content_type: "text/javascript; charset=utf-8",
        mark: "4567",
        raw: b"void 0",
        gzip: None,
    },
];

/// Whatever is waited for comes, or the test says what did not.
pub async fn soon<T>(what: &str, waiting: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, waiting).await {
        Ok(done) => done,
        Err(_) => panic!("{what} did not come"),
    }
}

/// A web host in this process, with profiles of its own.
pub struct Running {
    pub port: u16,
    pub host: Arc<Host>,
    told: mpsc::UnboundedReceiver<Told>,
    stop: CancellationToken,
    task: JoinHandle<()>,
    data: PathBuf,
    _folder: tempfile::TempDir,
}

impl Running {
    pub async fn start() -> Self {
        Self::with(Limits::default()).await
    }

    pub async fn with(limits: Limits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let config = HostConfig {
            data: data.clone(),
            timing: Timing::default(),
        };
        let host = Arc::new(Host::new(config, CancellationToken::new()));
        let start = Start {
            profile: "main".parse().unwrap(),
            relay: Some(nowhere()),
            device_name: "browser".into(),
        };
        let config = Config {
            limits,
            ..Config::new(start, Screens::of(SCREENS).unwrap())
        };
        let (tell, mut told) = mpsc::unbounded_channel();
        let web = Web::bind(config, Arc::clone(&host), tell).await.unwrap();
        let stop = CancellationToken::new();
        let task = tokio::spawn(web.run(stop.clone()));
        let first = soon("the first address", told.recv()).await.unwrap();
        let Told::Address(address) = &first else {
            panic!("{first:?}");
        };
        let rest = address.strip_prefix("http://127.0.0.1:").unwrap();
        let port = rest.split('/').next().unwrap().parse().unwrap();
        let (again, all) = mpsc::unbounded_channel();
        again.send(first).unwrap();
        tokio::spawn(async move {
            while let Some(told) = told.recv().await {
                let _ = again.send(told);
            }
        });
        Self {
            port,
            host,
            told: all,
            stop,
            task,
            data,
            _folder: folder,
        }
    }

    pub fn data(&self) -> &Path {
        &self.data
    }

    pub fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub async fn told(&mut self) -> Told {
        soon("something to tell", self.told.recv()).await.unwrap()
    }

    pub fn nothing_told(&mut self) -> bool {
        self.told.try_recv().is_err()
    }

    /// The token of the next address.
    pub async fn token(&mut self) -> String {
        let told = self.told().await;
        let Told::Address(address) = told else {
            panic!("{told:?}");
        };
        let start = format!("{}/#", self.origin());
        address.strip_prefix(&start).unwrap().to_owned()
    }

    /// A session, bought as the page does it.
    pub async fn session(&mut self) -> String {
        let token = self.token().await;
        let response = self.exchange(&token, &[("Origin", &self.origin())]).await;
        assert_eq!(response.status, 200, "{response:?}");
        response.json()["session"].as_str().unwrap().to_owned()
    }

    pub async fn exchange(&self, token: &str, headers: &[(&str, &str)]) -> Response {
        let body = json!({ "token": token }).to_string();
        self.ask("POST", "/session", headers, body.as_bytes()).await
    }

    /// A request under the right name.
    pub async fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Response {
        let host = format!("127.0.0.1:{}", self.port);
        let mut all = vec![("Host", host.as_str())];
        all.extend_from_slice(headers);
        self.raw(method, path, &all, body).await
    }

    /// A request with these headers and no others.
    pub async fn raw(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Response {
        let mut text = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        if !body.is_empty() {
            text.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        text.push_str("\r\n");
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(body);
        let mut stream = self.connect().await;
        // It may be answered and closed before all of it was sent.
        let _ = stream.write_all(&bytes).await;
        Response::read(&mut stream).await
    }

    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(("127.0.0.1", self.port)).await.unwrap()
    }

    /// A WebSocket of a page of this origin, before anything was said on it.
    pub async fn socket(&self) -> Socket {
        self.socket_from(Some(&self.origin())).await.unwrap()
    }

    pub async fn socket_from(&self, origin: Option<&str>) -> Result<Socket, Error> {
        let address = format!("ws://127.0.0.1:{}/contract", self.port);
        let mut request = address.into_client_request().unwrap();
        if let Some(origin) = origin {
            let origin = origin.parse().unwrap();
            request.headers_mut().insert("origin", origin);
        }
        let stream = self.connect().await;
        let (socket, response) = tokio_tungstenite::client_async(request, stream).await?;
        has_policies(
            response
                .headers()
                .iter()
                .map(|(n, v)| (n.as_str(), v.to_str().unwrap())),
            self.port,
        );
        Ok(Socket {
            inner: socket,
            kept: VecDeque::new(),
            asked: 0,
        })
    }

    /// A tab that is in.
    pub async fn tab(&self, session: &str) -> Socket {
        let mut socket = self.socket().await;
        let start = socket.enter(session).await;
        assert_eq!(start["profile"], "main");
        socket
    }

    /// Ends it, and waits until everything of it has ended.
    pub async fn stop(self) {
        self.stop.cancel();
        soon("the end", self.task).await.unwrap();
        soon("the host's end", self.host.close()).await;
    }
}

/// A relay's address where none is.
pub fn nowhere() -> String {
    format!("sotto-relay://127.0.0.1:1#{}", "A".repeat(43))
}

/// What was answered over HTTP.
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Response {
    async fn read(stream: &mut TcpStream) -> Self {
        let mut bytes = Vec::new();
        let _ = soon("an answer", stream.read_to_end(&mut bytes)).await;
        let end = bytes
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
            .expect("headers");
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap();
        let header = |line: &str| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.to_ascii_lowercase(), value.to_owned())
        };
        Self {
            status: status.parse().unwrap(),
            headers: lines.map(header).collect(),
            body: bytes[end + 4..].to_vec(),
        }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(known, _)| known == name);
        found.next().map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The problem's code; all of its words are there.
    pub fn problem(&self) -> (u16, String) {
        assert_eq!(self.header("content-type"), Some("application/json"));
        let problem = self.json();
        (self.status, code(&problem))
    }

    pub fn has_policies(&self, port: u16) {
        let headers = self.headers.iter();
        has_policies(headers.map(|(n, v)| (n.as_str(), v.as_str())), port);
    }
}

fn has_policies<'a>(headers: impl Iterator<Item = (&'a str, &'a str)>, port: u16) {
    let headers: Vec<_> = headers.collect();
    let one = |name: &str| {
        let mut found = headers.iter().filter(|(known, _)| *known == name);
        let value = found.next().map(|(_, value)| *value);
        assert!(found.next().is_none(), "{name} twice");
        value.unwrap_or_else(|| panic!("{name} is missing among {headers:?}"))
    };
    assert_eq!(
        one("content-security-policy"),
        format!(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; \
             font-src 'self'; connect-src 'self' ws://127.0.0.1:{port}; base-uri 'none'; \
             form-action 'none'; frame-ancestors 'none'"
        )
    );
    assert_eq!(one("x-content-type-options"), "nosniff");
    assert_eq!(one("referrer-policy"), "no-referrer");
    assert_eq!(one("cross-origin-opener-policy"), "same-origin");
    assert_eq!(one("cross-origin-resource-policy"), "same-origin");
    let closed = one("permissions-policy");
    assert!(closed.contains("camera=()") && closed.contains("geolocation=()"));
    let cors = headers.iter().any(|(name, _)| name.starts_with("access-"));
    assert!(!cors, "{headers:?}");
    let cookie = headers.iter().any(|(name, _)| *name == "set-cookie");
    assert!(!cookie, "{headers:?}");
}

/// The code of a problem, all of whose parts are there.
pub fn code(problem: &Value) -> String {
    for part in ["code", "happened", "safe", "next"] {
        let words = problem[part].as_str().unwrap_or_default();
        assert!(!words.is_empty(), "{part} of {problem}");
    }
    problem["code"].as_str().unwrap().to_owned()
}

/// A WebSocket, seen from the page.
pub struct Socket {
    pub inner: WebSocketStream<TcpStream>,
    kept: VecDeque<Value>,
    asked: u64,
}

impl Socket {
    /// Enters, or answers the error object.
    pub async fn enter(&mut self, session: &str) -> Value {
        self.enter_as(session, contract::VERSION).await
    }

    pub async fn enter_as(&mut self, session: &str, contract: u32) -> Value {
        let params = json!({ "session": session, "contract": contract });
        let answer = self.answer("enter", params).await;
        answer
            .get("result")
            .or(answer.get("error"))
            .unwrap()
            .clone()
    }

    pub async fn write(&mut self, text: impl Into<String>) {
        let text = text.into();
        self.inner.send(Message::text(text)).await.unwrap();
    }

    /// Asks without waiting; answers the id.
    pub async fn ask(&mut self, method: &str, params: Value) -> u64 {
        self.asked += 1;
        let id = self.asked;
        let line = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        self.write(line.to_string()).await;
        id
    }

    /// Asks and waits for the whole answer.
    pub async fn answer(&mut self, method: &str, params: Value) -> Value {
        let id = self.ask(method, params).await;
        self.line("an answer", |line| line["id"] == id).await
    }

    pub async fn ok(&mut self, method: &str, params: Value) -> Value {
        let answer = self.answer(method, params).await;
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].clone()
    }

    /// The code of the problem with which a call is refused.
    pub async fn problem(&mut self, method: &str, params: Value) -> String {
        let answer = self.answer(method, params).await;
        code(&answer["error"]["data"])
    }

    pub async fn event(&mut self, name: &str) -> Value {
        let event = |line: &Value| line["params"]["event"]["event"] == name;
        self.line(name, event).await["params"]["event"].clone()
    }

    /// The next text from the other side.
    pub async fn hear(&mut self) -> String {
        let text = |line: &Value| {
            let event = &line["params"]["event"];
            event["event"] == "message_added"
                && event["message"]["author"] == "them"
                && event["message"]["body"]["kind"] == "text"
        };
        let line = self.line("a text", text).await;
        let text = &line["params"]["event"]["message"]["body"]["text"];
        text.as_str().unwrap().to_owned()
    }

    /// The first message, kept or to come, that fits.
    pub async fn line(&mut self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        if let Some(at) = self.kept.iter().position(&fits) {
            return self.kept.remove(at).unwrap();
        }
        let waiting = async {
            loop {
                let message = self.inner.next().await;
                let message = message.unwrap_or_else(|| panic!("{what}: the end"));
                let text = match message.unwrap() {
                    Message::Text(text) => text,
                    other => panic!("{what}: {other:?}; kept {:?}", self.kept),
                };
                let line = serde_json::from_str(&text).unwrap();
                if fits(&line) {
                    return line;
                }
                self.kept.push_back(line);
            }
        };
        soon(what, waiting).await
    }

    /// Lets go of what came and was not asked for.
    pub fn forget(&mut self) {
        self.kept.clear();
    }

    /// Code and words with which the other side closes; messages before are passed over.
    pub async fn closed(&mut self) -> (u16, String) {
        loop {
            let message = soon("a close", self.inner.next()).await;
            match message.expect("a close before the end").unwrap() {
                Message::Close(Some(CloseFrame { code, reason })) => {
                    let end = soon("the end", self.inner.next()).await;
                    assert!(end.is_none() || end.unwrap().is_err());
                    return (code.into(), reason.to_string());
                }
                Message::Close(None) => panic!("a close without a reason"),
                _ => {}
            }
        }
    }

    /// Makes the profile `main` with its key in memory alone.
    pub async fn make_profile(&mut self, name: &str, relay: &str) {
        let params = json!({
            "profile": "main", "name": name, "relay": relay, "device_name": "browser",
            "protection": { "by": "memory" },
        });
        self.ok("create_profile", params).await;
    }
}
