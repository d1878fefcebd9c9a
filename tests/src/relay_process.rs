//! A real `sotto-relay`, on loopback, with TLS, on a folder of its own.

use std::fs::OpenOptions;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::Failure;
use crate::background::{Background, Victim};

/// A port that was just given back may be taken for a moment.
const PORT_PATIENCE: Duration = Duration::from_secs(10);

/// A relay process, running or ended.
#[derive(Debug)]
pub struct RelayProcess {
    program: PathBuf,
    data: PathBuf,
    log: PathBuf,
    options: Vec<String>,
    address: String,
    process: Background,
}

impl RelayProcess {
    /// Starts it on `data` and a free port, and waits until it is ready. What it logs is added
    /// to `log`. `options` are further arguments.
    ///
    /// # Errors
    /// It does not start.
    pub fn start(
        program: &Path,
        data: &Path,
        log: &Path,
        options: &[&str],
    ) -> Result<Self, Failure> {
        Self::start_at("127.0.0.1:0", program, data, log, options)
    }

    /// The same, listening on `listen` (`host:port`).
    ///
    /// # Errors
    /// It does not start.
    pub fn start_at(
        listen: &str,
        program: &Path,
        data: &Path,
        log: &Path,
        options: &[&str],
    ) -> Result<Self, Failure> {
        let options: Vec<String> = options.iter().map(|option| (*option).to_owned()).collect();
        let (process, address) = run(program, data, log, &options, listen)?;
        Ok(Self {
            program: program.to_owned(),
            data: data.to_owned(),
            log: log.to_owned(),
            options,
            address,
            process,
        })
    }

    /// Its address, `sotto-relay://…`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// `127.0.0.1:port`.
    #[must_use]
    pub fn host_port(&self) -> &str {
        let rest = self.address.split_once("://").map_or("", |(_, rest)| rest);
        rest.split_once('#').map_or(rest, |(place, _)| place)
    }

    /// The folder with everything that it keeps.
    #[must_use]
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Where its log goes.
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// The process's id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
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

    /// Ends it without warning.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Asks it to end and waits. True: it went by itself.
    pub fn stop(&mut self) -> bool {
        self.process.ask_to_end()
    }

    /// Starts it again on the same folder and port. One that still runs is ended without warning.
    ///
    /// # Errors
    /// It does not start, or has become another relay.
    pub fn restart(&mut self) -> Result<(), Failure> {
        self.process.kill();
        let deadline = Instant::now() + PORT_PATIENCE;
        let (process, address) = loop {
            let (log, options) = (&self.log, &self.options);
            match run(&self.program, &self.data, log, options, self.host_port()) {
                Ok(running) => break running,
                Err(error) if Instant::now() > deadline => return Err(error),
                Err(_) => std::thread::sleep(Duration::from_millis(50)),
            }
        };
        if address != self.address {
            return Err(Failure::Broken(format!(
                "the relay came back as another: {address}, not {}",
                self.address
            )));
        }
        self.process = process;
        Ok(())
    }
}

fn run(
    program: &Path,
    data: &Path,
    log: &Path,
    options: &[String],
    listen: &str,
) -> Result<(Background, String), Failure> {
    let log_file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(log)
        .map_err(Failure::file(log))?;
    let mut command = Command::new(program);
    command.arg("--data").arg(data).args(["--listen", listen]);
    command.args(options);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let process = Background::start(command.stderr(log_file))?;
    let mut address = String::new();
    if let Some(stdout) = process.with(|child| child.stdout.take()) {
        // An error shows in the line that is missing.
        let _ = BufReader::new(stdout).read_line(&mut address);
    }
    let address = address.trim();
    if address.starts_with("sotto-relay") {
        return Ok((process, address.to_owned()));
    }
    let said = std::fs::read_to_string(log).unwrap_or_default();
    let last = said.lines().last().unwrap_or("nothing").to_owned();
    Err(Failure::Unexpected {
        who: "sotto-relay".to_owned(),
        what: format!("{address}{last}"),
    })
}
