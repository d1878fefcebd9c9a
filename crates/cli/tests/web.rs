//! `sotto web`, from the outside: what it prints, and whom it serves.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests stop at the first surprise"
)]

mod common;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use common::sotto;
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(60);

/// A running `sotto web`.
struct Web {
    process: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Web {
    /// None: this build was made without the screens, and the program has said so.
    fn start(data: &Path, more: &[&str]) -> Option<Self> {
        let data = data.to_str().unwrap();
        let args = [&["web", "--data", data], more].concat();
        let mut process = sotto(&args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        if sotto_web::Screens::built_in().is_err() {
            let output = process.wait_with_output().unwrap();
            let words = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(1), "{words}");
            assert!(words.contains("[screens_missing]"), "{words}");
            assert!(words.contains("cargo xtask ui"), "{words}");
            return None;
        }
        let output = BufReader::new(process.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let input = process.stdin.take();
        Some(Self {
            process,
            input,
            lines,
        })
    }

    fn line(&self) -> String {
        self.lines.recv_timeout(PATIENCE).expect("a line")
    }

    /// The next line that is a message of this method, or the answer under this id.
    fn message(&self, of: impl Fn(&Value) -> bool) -> Value {
        loop {
            let line = serde_json::from_str(&self.line()).expect("every line is JSON");
            if of(&line) {
                return line;
            }
        }
    }

    fn address(&self) -> String {
        let message = self.message(|line| line["method"] == "address");
        message["params"]["url"].as_str().unwrap().to_owned()
    }

    /// What it said to people, once it ended by itself.
    fn end(mut self) -> String {
        drop(self.input.take());
        let status = self.process.wait().unwrap();
        let mut words = String::new();
        let mut errors = self.process.stderr.take().unwrap();
        errors.read_to_string(&mut words).unwrap();
        assert!(status.success(), "{status}: {words}");
        words
    }

    #[cfg(unix)]
    fn terminate(&self) {
        let id = self.process.id().to_string();
        let sent = std::process::Command::new("kill").arg(id).status();
        assert!(sent.unwrap().success());
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Origin and token of an address.
fn parts(address: &str) -> (&str, &str) {
    let (origin, token) = address.split_once("/#").expect("an address");
    assert!(origin.starts_with("http://127.0.0.1:"), "{address}");
    assert_eq!(token.len(), 43, "{address}");
    (origin, token)
}

/// Status line and body.
fn ask(origin: &str, request: &str, headers: &str, body: &str) -> (String, String) {
    let host = origin.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    let length = body.len();
    write!(
        stream,
        "{request} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.lines().next().unwrap();
    (status.to_owned(), body.to_owned())
}

fn exchange(origin: &str, token: &str, from: &str) -> (String, Value) {
    let body = json!({ "token": token }).to_string();
    let headers = format!("Origin: {from}\r\n");
    let (status, body) = ask(origin, "POST /session", &headers, &body);
    (status, serde_json::from_str(&body).unwrap())
}

#[cfg(unix)]
#[test]
fn it_prints_an_address_for_each_browser_and_serves_the_screens() {
    let folder = tempfile::tempdir().unwrap();
    let Some(web) = Web::start(folder.path(), &[]) else {
        return;
    };
    let first = web.line();
    let (origin, token) = parts(&first);
    let (status, page) = ask(origin, "GET /", "", "");
    assert_eq!(status, "HTTP/1.1 200 OK");
    assert!(page.contains("<title>Sotto</title>"), "{page}");
    let (status, answer) = exchange(origin, token, origin);
    assert_eq!(status, "HTTP/1.1 200 OK");
    assert_eq!(answer["session"].as_str().unwrap().len(), 43);
    // The next one, which somebody steals.
    let second = web.line();
    let (same, token) = parts(&second);
    assert_eq!(same, origin);
    assert_ne!(first, second);
    let (status, answer) = exchange(origin, token, "https://mallory.example");
    assert_eq!(status, "HTTP/1.1 403 Forbidden");
    assert_eq!(answer["code"], "web_other_site");
    let third = web.line();
    assert_ne!(second, third);
    assert_eq!(
        exchange(origin, token, origin).1["code"],
        "session_token_used"
    );
    // The port is its own.
    let port = origin.rsplit(':').next().unwrap();
    let data = folder.path().to_str().unwrap();
    let other = sotto(&["web", "--data", data, "--port", port]).output();
    let other = other.unwrap();
    let words = String::from_utf8(other.stderr).unwrap();
    assert_eq!(other.status.code(), Some(1));
    assert!(
        words.contains("[web_port]") && words.contains("--port"),
        "{words}"
    );
    web.terminate();
    let words = web.end();
    assert!(
        words.contains("A page of https://mallory.example knew the address"),
        "{words}"
    );
    assert!(!words.contains(token), "no secret among the words");
    let printed = TcpStream::connect(origin.strip_prefix("http://").unwrap());
    assert!(printed.is_err(), "it has ended");
}

#[test]
fn beside_the_browsers_it_speaks_json_rpc() {
    let folder = tempfile::tempdir().unwrap();
    let more = ["--rpc", "--profile", "alice"];
    let Some(mut web) = Web::start(folder.path(), &more) else {
        return;
    };
    let first = web.address();
    let (origin, token) = parts(&first);
    let relay = format!("sotto-relay://127.0.0.1:1#{}", "A".repeat(43));
    let params = json!({
        "profile": "alice", "name": "Alice", "relay": relay, "device_name": "test",
        "protection": { "by": "memory" },
    });
    let create = json!({ "jsonrpc": "2.0", "id": 1, "method": "create_profile", "params": params });
    writeln!(web.input.as_mut().unwrap(), "{create}").unwrap();
    let answer = web.message(|line| line["id"] == 1);
    assert_eq!(answer["result"], Value::Null, "{answer}");
    assert!(answer.get("error").is_none(), "{answer}");
    // Told as notifications, not as lines.
    let (status, _) = exchange(origin, token, origin);
    assert_eq!(status, "HTTP/1.1 200 OK");
    let second = web.address();
    let (_, token) = parts(&second);
    exchange(origin, token, "null");
    let problem = web.message(|line| line["method"] == "problem");
    assert_eq!(problem["params"]["code"], "session_token_stolen");
    assert_ne!(web.address(), second);
    web.end();
}
