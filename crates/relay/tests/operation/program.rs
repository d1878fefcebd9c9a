//! The program `sotto-relay`, started and asked.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use sotto_wire::RelayAddress;

/// Longer than anything that works takes, on a machine that is busy with something else.
const PATIENCE: Duration = Duration::from_secs(60);

/// The program with an environment of nothing but what a test says.
pub fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sotto-relay"));
    command.args(arguments).env_clear().stdin(Stdio::null());
    command
}

/// What a command said, and how it ended.
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

pub fn ask(command: &mut Command) -> Said {
    let ended = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let said = Said {
        code: ended.status.code().unwrap(),
        out: text(ended.stdout),
        err: text(ended.stderr),
    };
    assert!(!said.err.contains("panicked"), "{}", said.err);
    said
}

/// The command on the relay of this folder.
pub fn on(data: &Path, arguments: &[&str]) -> Command {
    let mut command = program(arguments);
    command.arg("--data").arg(data);
    command
}

/// A running relay, ended with the test.
pub struct Running {
    child: Child,
    pub address: RelayAddress,
    lines: Receiver<String>,
    heard: Vec<String>,
}

impl Running {
    /// On a free port of this machine.
    pub fn on(data: &Path, arguments: &[&str]) -> Self {
        Self::start(on(data, &["--listen", "127.0.0.1:0"]).args(arguments))
    }

    pub fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (said, lines) = channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let _ = said.send(line);
            }
        });
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        if line.is_empty() {
            let said: Vec<String> = lines.iter().collect();
            panic!("no relay: {}", said.join("\n"));
        }
        Self {
            address: line.trim_end().parse().unwrap(),
            child,
            lines,
            heard: Vec::new(),
        }
    }

    /// Its address as one reaches it from here, whatever host it names.
    pub fn here(&self) -> RelayAddress {
        RelayAddress {
            host: "127.0.0.1".into(),
            ..self.address.clone()
        }
    }

    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status();
        assert!(sent.unwrap().success());
    }

    /// Waits for a line of the log that holds this; answers all lines up to it that were not
    /// waited for before.
    pub fn hear(&mut self, part: &str) -> Vec<String> {
        let mut before = Vec::new();
        loop {
            let line = self.lines.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|_| panic!("{part:?} was not said, but {before:#?}"));
            self.heard.push(line.clone());
            let found = line.contains(part);
            before.push(line);
            if found {
                return before;
            }
        }
    }

    /// Has it read its settings again, and how did that go?
    pub fn reload(&mut self) -> Vec<String> {
        self.signal("HUP");
        self.hear("settings reloaded")
    }

    pub fn wait(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Everything that it said, once it was told to stop.
    pub fn stop(mut self) -> String {
        self.signal("TERM");
        assert!(self.wait().success());
        self.heard.extend(self.lines.iter());
        self.heard.join("\n")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
