//! What is told at the end.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::proxy::Damage;

/// How it went.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Everything that is wrong, each in a sentence; empty if nothing is.
    pub faults: Vec<String>,
    /// Texts that clients took.
    pub accepted: usize,
    /// Faults, by name.
    pub befell: BTreeMap<&'static str, usize>,
    /// How often clients were killed, and started again.
    pub restarts: u64,
    /// What the proxy did.
    pub damage: Damage,
    /// How long the quiet took to come.
    pub settled: Duration,
    /// What the system could not do.
    pub notices: Vec<&'static str>,
    /// What happened, for people.
    pub story: String,
    /// The folder with everything, kept if something is wrong.
    pub folder: Option<PathBuf>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for notice in &self.notices {
            writeln!(f, "{notice}")?;
        }
        let befell = self
            .befell
            .iter()
            .map(|(name, count)| format!("{name} {count}"));
        let Damage {
            connections,
            corrupted,
            swallowed,
            ..
        } = self.damage;
        writeln!(f, "faults: {}", befell.collect::<Vec<_>>().join(", "))?;
        writeln!(
            f,
            "{connections} connections through the proxy, {corrupted} of them corrupted and ended; {swallowed} bytes swallowed"
        )?;
        write!(
            f,
            "{} texts accepted, clients killed {} times and started again; everything in its place after {:.1} s",
            self.accepted,
            self.restarts,
            self.settled.as_secs_f64()
        )
    }
}
