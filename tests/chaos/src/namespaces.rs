//! A machine of their own for everybody, as the system's network namespaces make one: real routes,
//! real links that go down, real addresses that change under standing connections.
//!
//! Each person has one cable to the relay's machine. All of it is gone with the namespaces.

use std::path::{Path, PathBuf};
use std::process::Command;

use sotto_tests::{Failure, RelayProcess, Stage};

use crate::network::wrapper;
use crate::plan::{PEOPLE, Trouble};

/// The relay, on its machine's loopback, reachable over every cable.
const RELAY: &str = "10.77.0.1";
const PORT: u16 = 7443;
/// A place that nobody has.
const NOWHERE: &str = "02:00:00:00:00:99";

/// Everybody's machine.
#[derive(Debug)]
pub(crate) struct Namespaces {
    /// Begins every name, so that two runs at once are not in each other's way.
    prefix: String,
    /// How often each has moved to another address.
    moves: Vec<u8>,
    /// Whether the system can spoil packets, and slow them down.
    netem: bool,
    tbf: bool,
}

impl Namespaces {
    /// Whether this system has them and this user may make them: tried out.
    pub(crate) fn allowed() -> bool {
        Self::make().is_ok()
    }

    pub(crate) fn make() -> Result<Self, Failure> {
        let mut made = Self {
            prefix: format!("sotto{}", std::process::id()),
            moves: vec![0; PEOPLE.len()],
            netem: false,
            tbf: false,
        };
        made.ip(&["netns", "add", &made.namespace("relay")])?;
        made.at("relay", &["link", "set", "lo", "up"])?;
        made.at(
            "relay",
            &["addr", "add", &format!("{RELAY}/32"), "dev", "lo"],
        )?;
        for (who, name) in PEOPLE.iter().enumerate() {
            let (here, there) = (made.namespace(name), made.namespace("relay"));
            made.ip(&["netns", "add", &here])?;
            made.ip(&[
                "link", "add", "eth0", "netns", &here, "type", "veth", "peer", "name", name,
                "netns", &there,
            ])?;
            made.at(name, &["link", "set", "lo", "up"])?;
            let gate = format!("{}/24", made.gate(who));
            made.at("relay", &["addr", "add", &gate, "dev", name])?;
            made.at("relay", &["link", "set", name, "up"])?;
            made.move_in(who)?;
        }
        made.netem = made.try_discipline(&["netem", "loss", "1%"]);
        made.tbf = made.try_discipline(&["tbf", "rate", "64kbit", "burst", "4kb", "latency", "9s"]);
        Ok(made)
    }

    /// Says what this system can't do to packets.
    pub(crate) fn notices(&self) -> Vec<&'static str> {
        let spoil = "this system can't lose, delay and spoil packets (no netem): left out";
        let slow = "this system can't slow a link down (no tbf): left out";
        let all = [(self.netem, spoil), (self.tbf, slow)];
        all.iter()
            .filter(|(can, _)| !can)
            .map(|(_, what)| *what)
            .collect()
    }

    pub(crate) fn relay(&self, stage: &Stage) -> Result<RelayProcess, Failure> {
        let program = self.inside(stage, "relay", &stage.programs().relay)?;
        let (data, log) = (
            stage.folder().join("relay"),
            stage.folder().join("relay.log"),
        );
        RelayProcess::start_at(&format!("{RELAY}:{PORT}"), &program, &data, &log, &[])
    }

    pub(crate) fn client(&self, stage: &Stage, who: usize) -> Result<PathBuf, Failure> {
        let name = PEOPLE.get(who).copied().unwrap_or_default();
        self.inside(stage, name, &stage.programs().sotto)
    }

    fn inside(&self, stage: &Stage, name: &str, program: &Path) -> Result<PathBuf, Failure> {
        let script = stage.folder().join(format!("start-{name}"));
        let before = format!("ip netns exec {}", self.namespace(name));
        wrapper(&script, &before, program)?;
        Ok(script)
    }

    pub(crate) fn begin(&mut self, who: usize, trouble: Trouble) -> Result<String, Failure> {
        let name = PEOPLE.get(who).copied().unwrap_or_default();
        let said = match trouble {
            Trouble::Cut { abruptly: false } => {
                // Connections from the old address hear nothing more, ever.
                self.at(name, &["addr", "flush", "dev", "eth0"])?;
                if let Some(moves) = self.moves.get_mut(who) {
                    *moves = moves.wrapping_add(1) % 200;
                }
                self.move_in(who)?;
                "has another address"
            }
            Trouble::Cut { abruptly: true } => {
                self.at(name, &["link", "set", "eth0", "down"])?;
                self.move_in(who)?;
                "has a cable that was pulled and put back"
            }
            Trouble::HalfOpen {
                to_relay,
                from_relay,
            } => {
                let (gate, home) = (self.gate(who), self.home(who));
                if to_relay {
                    self.misdirect(name, &gate, "eth0")?;
                }
                if from_relay {
                    self.misdirect("relay", &home, name)?;
                }
                match (to_relay, from_relay) {
                    (true, true) => "has a cable into which everything vanishes",
                    (true, false) => "has a cable into which what goes to the relay vanishes",
                    _ => "has a cable into which what comes from the relay vanishes",
                }
            }
            Trouble::Corrupt(_) if self.netem => {
                self.discipline(
                    name,
                    &[
                        "netem",
                        "loss",
                        "15%",
                        "corrupt",
                        "10%",
                        "duplicate",
                        "10%",
                        "delay",
                        "40ms",
                        "40ms",
                        "reorder",
                        "20%",
                    ],
                )?;
                "has a cable that loses, spoils, doubles, delays and mixes up packets"
            }
            Trouble::Slow(rate) if self.tbf => {
                let rate = format!("{rate}bps");
                self.discipline(
                    name,
                    &["tbf", "rate", &rate, "burst", "4kb", "latency", "9s"],
                )?;
                "has a slow cable"
            }
            Trouble::Corrupt(_) | Trouble::Slow(_) => "would have a worse cable on another system",
            Trouble::Closed => {
                self.at("relay", &["link", "set", name, "down"])?;
                "has a cable that ends somewhere"
            }
        };
        Ok(said.to_owned())
    }

    pub(crate) fn end(&mut self, who: usize, trouble: Trouble) -> Result<(), Failure> {
        let name = PEOPLE.get(who).copied().unwrap_or_default();
        match trouble {
            Trouble::HalfOpen { .. } => {
                let (gate, home) = (self.gate(who), self.home(who));
                self.forget(name, &gate, "eth0");
                self.forget("relay", &home, name);
                Ok(())
            }
            Trouble::Corrupt(_) | Trouble::Slow(_) => {
                self.no_discipline(name);
                Ok(())
            }
            Trouble::Closed => self.at("relay", &["link", "set", name, "up"]),
            Trouble::Cut { .. } => Ok(()),
        }
    }

    pub(crate) fn mend(&mut self) -> Result<(), Failure> {
        for (who, name) in PEOPLE.iter().enumerate() {
            self.at("relay", &["link", "set", name, "up"])?;
            self.no_discipline(name);
            self.at(name, &["neigh", "flush", "nud", "permanent", "dev", "eth0"])?;
            self.at(
                "relay",
                &["neigh", "flush", "nud", "permanent", "dev", name],
            )?;
            self.move_in(who)?;
        }
        Ok(())
    }

    /// An address on the cable, and the way to the relay.
    fn move_in(&self, who: usize) -> Result<(), Failure> {
        let name = PEOPLE.get(who).copied().unwrap_or_default();
        let home = format!("{}/24", self.home(who));
        self.at(name, &["link", "set", "eth0", "up"])?;
        self.at(name, &["addr", "replace", &home, "dev", "eth0"])?;
        let gate = self.gate(who);
        self.at(
            name,
            &["route", "replace", RELAY, "via", &gate, "dev", "eth0"],
        )
    }

    fn gate(&self, who: usize) -> String {
        format!("10.77.{}.1", who + 1)
    }

    fn home(&self, who: usize) -> String {
        let moves = self.moves.get(who).copied().unwrap_or_default();
        format!("10.77.{}.{}", who + 1, u16::from(moves) + 2)
    }

    fn namespace(&self, name: &str) -> String {
        format!("{}-{name}", self.prefix)
    }

    /// What goes to `address` arrives at a machine that is not there. No side is told.
    fn misdirect(&self, name: &str, address: &str, device: &str) -> Result<(), Failure> {
        let place = ["neigh", "replace", address, "lladdr", NOWHERE, "nud"];
        self.at(name, &[&place[..], &["permanent", "dev", device]].concat())
    }

    fn forget(&self, name: &str, address: &str, device: &str) {
        // One that has moved meanwhile is forgotten already.
        let _ = self.at(name, &["neigh", "del", address, "dev", device]);
    }

    fn discipline(&self, name: &str, how: &[&str]) -> Result<(), Failure> {
        let namespace = self.namespace(name);
        let which = ["-n", &namespace, "qdisc", "replace", "dev", "eth0", "root"];
        run("tc", &[&which[..], how].concat())
    }

    fn no_discipline(&self, name: &str) {
        // There may be none.
        let _ = run(
            "tc",
            &[
                "-n",
                &self.namespace(name),
                "qdisc",
                "del",
                "dev",
                "eth0",
                "root",
            ],
        );
    }

    fn try_discipline(&self, how: &[&str]) -> bool {
        let name = PEOPLE.first().copied().unwrap_or_default();
        let can = self.discipline(name, how).is_ok();
        self.no_discipline(name);
        can
    }

    /// `ip` in the namespace of `name`.
    fn at(&self, name: &str, what: &[&str]) -> Result<(), Failure> {
        self.ip(&[&["-n", self.namespace(name).as_str()], what].concat())
    }

    fn ip(&self, what: &[&str]) -> Result<(), Failure> {
        run("ip", what)
    }
}

impl Drop for Namespaces {
    fn drop(&mut self) {
        for name in PEOPLE.iter().chain(&["relay"]) {
            let _ = self.ip(&["netns", "del", &self.namespace(name)]);
        }
    }
}

fn run(program: &str, what: &[&str]) -> Result<(), Failure> {
    let output = Command::new(program).args(what).output();
    let said = match output {
        Ok(output) if output.status.success() => return Ok(()),
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        Err(error) => error.to_string(),
    };
    Err(Failure::Broken(format!(
        "{program} {}: {said}",
        what.join(" ")
    )))
}
