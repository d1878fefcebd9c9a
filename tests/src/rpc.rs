//! A running `sotto rpc`: JSON-RPC 2.0, one JSON a line, and its events.

use std::collections::{BTreeMap, VecDeque};
use std::fs::OpenOptions;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::background::{Background, Victim};
use crate::{Failure, Problem};

/// Everything happens on one machine; one that has much else to do gets this long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A running `sotto rpc`.
#[derive(Debug)]
pub struct Rpc {
    who: String,
    input: Option<ChildStdin>,
    lines: Receiver<Value>,
    answers: BTreeMap<u64, (String, Option<Value>)>,
    events: VecDeque<Value>,
    asked: u64,
    process: Background,
}

impl Rpc {
    /// Starts it on the data folder `data`; what it says on standard error is added to `log`.
    ///
    /// # Errors
    /// The program or the log can't be had.
    pub fn start(who: &str, sotto: &Path, data: &Path, log: &Path) -> Result<Self, Failure> {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(log)
            .map_err(Failure::file(log))?;
        let mut command = Command::new(sotto);
        command.arg("rpc").arg("--data").arg(data);
        // No story ever asks the keychain of whoever runs it.
        command.env_remove("DBUS_SESSION_BUS_ADDRESS");
        command.env("XDG_RUNTIME_DIR", data);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let process = Background::start(command.stderr(log))?;
        let (input, output) = process.with(|child| (child.stdin.take(), child.stdout.take()));
        let (sender, lines) = channel();
        // Reads all the time, so that the program never waits for us to read.
        std::thread::spawn(move || {
            for line in output.into_iter().flat_map(|o| BufReader::new(o).lines()) {
                let Ok(line) = line else { return };
                let value = serde_json::from_str(&line).unwrap_or(Value::String(line));
                if sender.send(value).is_err() {
                    return;
                }
            }
        });
        Ok(Self {
            who: who.to_owned(),
            input,
            lines,
            answers: BTreeMap::new(),
            events: VecDeque::new(),
            asked: 0,
            process,
        })
    }

    /// Sends a call and leaves the answer for [`Self::finish`].
    ///
    /// # Errors
    /// [`Failure::Ended`].
    pub fn begin(&mut self, method: &str, params: &Value) -> Result<u64, Failure> {
        self.asked += 1;
        let call =
            json!({ "jsonrpc": "2.0", "id": self.asked, "method": method, "params": params });
        self.write_line(&call.to_string())?;
        self.answers.insert(self.asked, (method.to_owned(), None));
        Ok(self.asked)
    }

    /// Writes any line at all.
    ///
    /// # Errors
    /// [`Failure::Ended`].
    pub fn write_line(&mut self, line: &str) -> Result<(), Failure> {
        let ended = || Failure::Ended(self.who.clone());
        let input = self.input.as_mut().ok_or_else(ended)?;
        let line = format!("{line}\n");
        input.write_all(line.as_bytes()).map_err(|_| ended())
    }

    /// Waits for the answer to a call that was begun. Events that come meanwhile are kept.
    ///
    /// # Errors
    /// [`Failure::Refused`], [`Failure::Ended`], [`Failure::Late`].
    pub fn finish(&mut self, call: u64) -> Result<Value, Failure> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some((method, Some(_))) = self.answers.get(&call) {
                let method = method.clone();
                let answer = self.answers.remove(&call).and_then(|(_, answer)| answer);
                return self.read(&method, answer.unwrap_or_default());
            }
            if !self.take_one(deadline)? {
                let method = self.answers.get(&call).map(|(method, _)| method.clone());
                return Err(self.late(&format!("the answer to {}", method.unwrap_or_default())));
            }
        }
    }

    /// Calls and waits.
    ///
    /// # Errors
    /// As [`Self::finish`].
    pub fn call(&mut self, method: &str, params: &Value) -> Result<Value, Failure> {
        let call = self.begin(method, params)?;
        self.finish(call)
    }

    /// The next line that answers no call of ours, be it an event or a complaint; none if there
    /// is none by `deadline`.
    ///
    /// # Errors
    /// [`Failure::Ended`].
    pub fn next(&mut self, deadline: Instant) -> Result<Option<Value>, Failure> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(Some(event));
            }
            if !self.take_one(deadline)? {
                return Ok(None);
            }
        }
    }

    /// The next event of this name, among those kept or still to come. Others stay for later.
    ///
    /// # Errors
    /// [`Failure::Ended`], [`Failure::Late`].
    pub fn event(&mut self, name: &str, fits: impl Fn(&Value) -> bool) -> Result<Value, Failure> {
        let deadline = Instant::now() + PATIENCE;
        let mut looked_at = 0;
        loop {
            while let Some(line) = self.events.get(looked_at) {
                let event = line.pointer("/params/event").unwrap_or(&Value::Null);
                if text(event, "/event") == name && fits(event) {
                    let event = event.clone();
                    self.events.remove(looked_at);
                    return Ok(event);
                }
                looked_at += 1;
            }
            if !self.take_one(deadline)? {
                return Err(self.late(&format!("the event {name}")));
            }
        }
    }

    /// Takes one line in. False: none came by `deadline`.
    fn take_one(&mut self, deadline: Instant) -> Result<bool, Failure> {
        let left = deadline.saturating_duration_since(Instant::now());
        let line = match self.lines.recv_timeout(left) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) => return Ok(false),
            Err(RecvTimeoutError::Disconnected) => return Err(Failure::Ended(self.who.clone())),
        };
        let call = line.get("id").and_then(Value::as_u64);
        match call.and_then(|call| self.answers.get_mut(&call)) {
            Some((_, answer)) => *answer = Some(line),
            None => self.events.push_back(line),
        }
        Ok(true)
    }

    fn read(&self, method: &str, mut answer: Value) -> Result<Value, Failure> {
        if let Some(error) = answer.pointer_mut("/error/data") {
            let problem: Problem = serde_json::from_value(error.take())
                .map_err(|_| Failure::unexpected(&self.who, &answer))?;
            let method = method.to_owned();
            return Err(Failure::Refused { method, problem });
        }
        match answer.get_mut("result") {
            Some(result) => Ok(result.take()),
            None => Err(Failure::unexpected(&self.who, &answer)),
        }
    }

    fn late(&self, what: &str) -> Failure {
        Failure::Late {
            who: self.who.clone(),
            what: what.to_owned(),
        }
    }

    /// Has the process ended?
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.process.has_ended()
    }

    /// A handle with which it can be ended.
    #[must_use]
    pub fn victim(&self) -> Victim {
        self.process.victim()
    }

    /// The process's id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Ends it without warning.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Says that there are no more calls, and waits for it to end by itself.
    pub fn quit(&mut self) -> bool {
        self.input = None;
        self.process.wait()
    }
}

/// The text at a JSON pointer, empty where there is none.
#[must_use]
pub fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}
