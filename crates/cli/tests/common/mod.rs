//! A real relay, and real `sotto` processes.
#![allow(dead_code, reason = "each test program uses its own part of this")]

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

pub(crate) const PASSPHRASE: &str = "correct horse battery";
const PATIENCE: Duration = Duration::from_secs(60);

/// A relay in this process, on a port of its own.
pub(crate) struct Relay {
    pub(crate) address: String,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Relay {
    pub(crate) fn start(data: &Path) -> Self {
        Self::start_at(data, "127.0.0.1:0")
    }

    pub(crate) fn start_at(data: &Path, listen: &str) -> Self {
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let (ready, address) = channel();
        let (data, listen) = (data.to_owned(), listen.to_owned());
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::bind(listen).await.unwrap();
                let config = sotto_relay::Config::new(data);
                let relay = sotto_relay::Relay::bind(config, listener).unwrap();
                ready.send(relay.address().to_string()).unwrap();
                relay.run(async { drop(stopped.await) }).await;
            });
        });
        let address = address.recv_timeout(PATIENCE).unwrap();
        Self {
            address,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// `host:port`, to start another one in its place.
    pub(crate) fn listen(&self) -> String {
        let rest = self.address.strip_prefix("sotto-relay://").unwrap();
        rest.split('#').next().unwrap().to_owned()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A person with a `sotto rpc` process.
pub(crate) struct Person {
    pub(crate) name: &'static str,
    pub(crate) data: PathBuf,
    process: Child,
    input: Option<ChildStdin>,
    lines: Receiver<Value>,
    kept: VecDeque<Value>,
    asked: u64,
}

impl Person {
    /// Starts the process; the profile is not open yet.
    pub(crate) fn start(name: &'static str, data: &Path) -> Self {
        let mut process = sotto(&["rpc", "--data", data.to_str().unwrap()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let value = serde_json::from_str(&line).expect("every line is JSON");
                if sender.send(value).is_err() {
                    return;
                }
            }
        });
        let input = process.stdin.take();
        let data = data.to_owned();
        Self {
            name,
            data,
            process,
            input,
            lines,
            kept: VecDeque::new(),
            asked: 0,
        }
    }

    /// Starts with a new profile on this relay.
    pub(crate) fn create(name: &'static str, folder: &Path, relay: &str) -> Self {
        let mut person = Self::start(name, &folder.join(name));
        person.ok(
            "create_profile",
            json!({
                "name": name, "relay": relay, "device_name": "test",
                "protection": { "by": "passphrase", "passphrase": PASSPHRASE },
            }),
        );
        person
    }

    pub(crate) fn open(&mut self) {
        self.ok("open_profile", json!({ "passphrase": PASSPHRASE }));
    }

    /// Writes a line as it is.
    pub(crate) fn write(&mut self, line: &str) {
        let input = self.input.as_mut().unwrap();
        writeln!(input, "{line}").unwrap();
        input.flush().unwrap();
    }

    /// Asks without waiting; answers the id.
    pub(crate) fn ask(&mut self, method: &str, mut params: Value) -> u64 {
        self.asked += 1;
        params["profile"] = self.name.into();
        let id = self.asked;
        self.write(
            &json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }).to_string(),
        );
        id
    }

    /// The first line, kept or to come, that fits.
    pub(crate) fn line(&mut self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        if let Some(at) = self.kept.iter().position(&fits) {
            return self.kept.remove(at).unwrap();
        }
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left);
            let line = line
                .unwrap_or_else(|_| panic!("{} waits for {what}; kept {:?}", self.name, self.kept));
            if fits(&line) {
                return line;
            }
            self.kept.push_back(line);
        }
    }

    pub(crate) fn answer(&mut self, id: u64) -> Value {
        self.line("an answer", |line| line["id"] == id)
    }

    pub(crate) fn ok(&mut self, method: &str, params: Value) -> Value {
        let id = self.ask(method, params);
        let answer = self.answer(id);
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].clone()
    }

    /// The problem with which a call is refused.
    pub(crate) fn problem(&mut self, method: &str, params: Value) -> Value {
        let id = self.ask(method, params);
        let answer = self.answer(id);
        let problem = answer["error"]["data"].clone();
        for part in ["code", "happened", "safe", "next"] {
            assert!(
                problem[part].as_str().is_some_and(|text| !text.is_empty()),
                "{method}: {answer}"
            );
        }
        problem
    }

    pub(crate) fn event(&mut self, name: &str) -> Value {
        let line = self.line(name, |line| line["params"]["event"]["event"] == name);
        line["params"]["event"].clone()
    }

    /// The next text from the other side.
    pub(crate) fn hear(&mut self) -> String {
        let line = self.line("a text", |line| {
            let event = &line["params"]["event"];
            event["event"] == "message_added"
                && event["message"]["author"] == "them"
                && event["message"]["body"]["kind"] == "text"
        });
        line["params"]["event"]["message"]["body"]["text"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    pub(crate) fn say(&mut self, conversation: &Value, text: &str) -> Value {
        self.ok(
            "send_text",
            json!({ "conversation": conversation, "text": text }),
        )["message"]
            .clone()
    }

    /// All texts of a conversation, oldest first.
    pub(crate) fn texts(&mut self, conversation: &Value) -> Vec<String> {
        let mut texts = Vec::new();
        let mut params = json!({ "conversation": conversation, "limit": 50 });
        loop {
            let page = self.ok("messages", params.clone());
            let messages = page["messages"].as_array().unwrap().clone();
            let mut older: Vec<String> = messages
                .iter()
                .filter_map(|message| message["body"]["text"].as_str().map(str::to_owned))
                .collect();
            older.extend(texts);
            texts = older;
            if page["more"] != true {
                return texts;
            }
            params["before"] = messages[0]["order"].clone();
        }
    }

    /// Ends the process the hard way.
    pub(crate) fn kill(mut self) -> PathBuf {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        self.data.clone()
    }

    /// Ends the input and waits for the process to end by itself.
    pub(crate) fn leave(mut self) {
        drop(self.input.take());
        assert!(self.process.wait().unwrap().success());
    }
}

impl Drop for Person {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The program, without anything of the machine's own set-up.
pub(crate) fn sotto(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sotto"));
    command
        .args(args)
        .env_remove("SOTTO_DATA")
        .env_remove("SOTTO_RELAY");
    command
}

/// One invites, the other opens, the first accepts; answers both conversations.
pub(crate) fn introduce(inviter: &mut Person, guest: &mut Person) -> (Value, Value) {
    let invite = inviter.ok(
        "create_invite",
        json!({ "single_use": true, "lifetime_seconds": 3600 }),
    );
    let opened = guest.ok("open_invite", json!({ "link": invite["link"] }));
    let request = inviter.event("request_arrived")["request"]["request"].clone();
    let accepted = inviter.ok("accept_request", json!({ "request": request }));
    (
        accepted["conversation"].clone(),
        opened["conversation"].clone(),
    )
}
