//! A relay on loopback, with TLS and a self-made certificate, as a stranger would start it.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::failure::Failure;

use super::Programs;
use super::child::Background;
use super::folder::Throwaway;

#[derive(Debug)]
pub(super) struct Relay {
    address: String,
    data: PathBuf,
    _process: Background,
}

impl Relay {
    /// Starts it on a free port and waits until it says that it is ready.
    pub(super) fn start(programs: &Programs, folder: &Throwaway) -> Result<Self, Failure> {
        let data = folder.path().join("relay");
        let log_path = folder.path().join("relay.log");
        let log = File::create(&log_path)
            .map_err(|error| Failure::machine(format!("the relay's log: {error}"), "make room"))?;
        let mut command = Command::new(&programs.relay);
        command
            .arg("--data")
            .arg(&data)
            .args(["--listen", "127.0.0.1:0"]);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log);
        let mut process = Background::start(&mut command)?;

        let mut address = String::new();
        if let Some(stdout) = process.child().stdout.take() {
            let _closed = BufReader::new(stdout).read_line(&mut address);
        }
        let address = address.trim().to_owned();
        if !address.starts_with("sotto-relay://") {
            let mut said = String::new();
            let _unreadable =
                File::open(&log_path).and_then(|mut log| log.read_to_string(&mut said));
            return Err(Failure::Program {
                what: "sotto-relay".to_owned(),
                how: format!("did not say its address. It said:\n{address}{said}\n"),
            });
        }
        Ok(Self {
            address,
            data,
            _process: process,
        })
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Where it keeps everything that it knows.
    pub(super) fn data(&self) -> &Path {
        &self.data
    }
}
