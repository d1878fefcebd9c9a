//! A profile as it is after a first day: in the keychain, with one conversation.

use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::path::Path;
use std::process::{ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};
use sotto_tests::RelayProcess;

use super::desk::Desk;
use super::ended::Ended;

/// Messages in the conversation: more than the window shows.
const MESSAGES: usize = 40;

/// Makes "alice" in `data`, by the app's own program, so that what it opens later is its own.
pub fn make(desk: &Desk, app: &Path, sotto: &Path, data: &Path, relay: &RelayProcess) {
    let mut command = desk.command(app);
    command.args(["--profile", "alice", "--rpc", "--data"]);
    let mut alice = Talk::start(command.arg(data));
    let mut command = desk.command(sotto);
    let mut bob = Talk::start(command.arg("rpc").arg("--data").arg(data.join("bob")));
    let new = |name: &str, by: &str| {
        json!({ "profile": name.to_lowercase(), "name": name, "relay": relay.address(),
                "device_name": "bench", "protection": { "by": by } })
    };
    alice.call("create_profile", new("Alice", "keychain"));
    bob.call("create_profile", new("Bob", "memory"));
    let once = json!({ "profile": "alice", "single_use": true, "lifetime_seconds": 3600 });
    let invite = alice.call("create_invite", once);
    let link = json!({ "profile": "bob", "link": invite["link"] });
    let conversation = bob.call("open_invite", link)["conversation"].take();
    let request = alice.event("request_arrived")["request"]["request"].take();
    alice.call(
        "accept_request",
        json!({ "profile": "alice", "request": request }),
    );
    for turn in 0..MESSAGES {
        let text = format!("Message {turn}: the ferry is late, so there is no need to run.");
        let said = json!({ "profile": "bob", "conversation": conversation, "text": text });
        bob.call("send_text", said);
    }
    let mut arrived = 0;
    while arrived < MESSAGES {
        let event = alice.event("message_added");
        arrived += usize::from(event["message"]["body"]["kind"] == "text");
    }
}

/// A program that speaks the contract on its standard input and output.
struct Talk {
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    events: Vec<Value>,
    asked: u64,
    _program: Ended,
}

impl Talk {
    fn start(command: &mut Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut program = Ended::start(command.stderr(Stdio::null()));
        Self {
            input: program.0.stdin.take().unwrap(),
            output: BufReader::new(program.0.stdout.take().unwrap()).lines(),
            events: Vec::new(),
            asked: 0,
            _program: program,
        }
    }

    fn line(&mut self) -> Value {
        let line = self.output.next().expect("the program has ended").unwrap();
        serde_json::from_str(&line).unwrap()
    }

    fn call(&mut self, method: &str, params: Value) -> Value {
        self.asked += 1;
        let call =
            json!({ "jsonrpc": "2.0", "id": self.asked, "method": method, "params": params });
        writeln!(self.input, "{call}").unwrap();
        loop {
            let mut line = self.line();
            if line["id"] == self.asked {
                assert!(line["error"].is_null(), "{method}: {line}");
                return line["result"].take();
            }
            self.keep(line);
        }
    }

    /// The next event of this name, among those that came already and those to come.
    fn event(&mut self, name: &str) -> Value {
        loop {
            if let Some(at) = self.events.iter().position(|event| event["event"] == name) {
                return self.events.remove(at);
            }
            let line = self.line();
            self.keep(line);
        }
    }

    fn keep(&mut self, mut line: Value) {
        if line["method"] == "event" {
            self.events.push(line["params"]["event"].take());
        }
    }
}
