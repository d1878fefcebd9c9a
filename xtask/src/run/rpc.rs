//! `sotto rpc`: the product's own contract, JSON-RPC 2.0 with one JSON a line.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::failure::Failure;

use super::child::Background;

/// Everything here happens on one machine; a slow one gets this long.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running `sotto rpc`.
#[derive(Debug)]
pub(super) struct Rpc {
    input: ChildStdin,
    lines: Receiver<Value>,
    events: VecDeque<Value>,
    asked: u64,
    process: Background,
}

impl Rpc {
    pub(super) fn start(command: &mut Command) -> Result<Self, Failure> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = Background::start(command)?;
        let (Some(input), Some(output)) =
            (process.child().stdin.take(), process.child().stdout.take())
        else {
            return Err(broken("has no input or output"));
        };
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let Ok(value) = serde_json::from_str(&line) else {
                    continue;
                };
                if sender.send(value).is_err() {
                    return;
                }
            }
        });
        Ok(Self {
            input,
            lines,
            events: VecDeque::new(),
            asked: 0,
            process,
        })
    }

    /// Calls and waits for the answer. Events that come meanwhile are kept.
    pub(super) fn call(&mut self, method: &str, params: Value) -> Result<Value, Failure> {
        self.asked += 1;
        let request =
            json!({ "jsonrpc": "2.0", "id": self.asked, "method": method, "params": params });
        writeln!(self.input, "{request}")
            .and_then(|()| self.input.flush())
            .map_err(|_| broken("has ended"))?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let mut message = self.next(deadline, method)?;
            if message.get("id").and_then(Value::as_u64) != Some(self.asked) {
                self.events.push_back(message);
                continue;
            }
            if let Some(error) = message.get("error") {
                return Err(broken(&format!("refused {method}: {error}")));
            }
            return Ok(message
                .get_mut("result")
                .map(Value::take)
                .unwrap_or_default());
        }
    }

    /// The next event of this name, among those kept or still to come.
    pub(super) fn event(&mut self, name: &str) -> Result<Value, Failure> {
        let named = |message: &Value| text(message, "/params/event/event") == name;
        if let Some(at) = self.events.iter().position(named) {
            return Ok(self.events.remove(at).unwrap_or_default());
        }
        let deadline = Instant::now() + PATIENCE;
        loop {
            let message = self.next(deadline, name)?;
            if named(&message) {
                return Ok(message);
            }
            self.events.push_back(message);
        }
    }

    /// The next notification of this method, if there is one within `patience`.
    pub(super) fn notification(&mut self, method: &str, patience: Duration) -> Option<Value> {
        let named = |message: &Value| text(message, "/method") == method;
        if let Some(at) = self.events.iter().position(named) {
            return self.events.remove(at);
        }
        let deadline = Instant::now() + patience;
        while let Ok(message) = self.next(deadline, method) {
            if named(&message) {
                return Some(message);
            }
        }
        None
    }

    /// Whether the program has ended by itself.
    pub(super) fn has_ended(&mut self) -> bool {
        self.process.ends_within(Duration::ZERO)
    }

    fn next(&mut self, deadline: Instant, wanted: &str) -> Result<Value, Failure> {
        let left = deadline.saturating_duration_since(Instant::now());
        self.lines
            .recv_timeout(left)
            .map_err(|_| broken(&format!("did not answer or ended ({wanted})")))
    }
}

/// The text at a JSON pointer, empty where there is none.
pub(super) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn broken(how: &str) -> Failure {
    Failure::Program {
        what: "sotto rpc".to_owned(),
        how: how.to_owned(),
    }
}
