//! A run: what is played, and playing it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sotto_tests::{Failure, Stage};

pub use crate::network::Kind;
pub use crate::report::Report;
use crate::scene::Scene;

/// What is played.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Chooses faults and texts.
    pub seed: u64,
    /// How long things go wrong.
    pub length: Duration,
    /// What lies between people and relay.
    pub network: Kind,
}

/// Plays it.
///
/// # Errors
/// The stage could not be set. What went wrong afterwards is in the report.
pub fn play(settings: &Settings) -> Result<Report, Failure> {
    let stage = Stage::new()?;
    let mut scene = Scene::set(&stage, settings)?;
    let mut report = scene.play(settings);
    drop(scene);
    if !report.faults.is_empty() {
        report.folder = Some(stage.keep());
    }
    Ok(report)
}

impl Settings {
    /// The line that repeats it.
    #[must_use]
    pub fn line(&self) -> String {
        let seconds = self.length.as_secs();
        let namespaces = match self.network {
            Kind::Proxy => "",
            Kind::Namespaces => " --namespaces",
        };
        let seed = self.seed;
        format!("cargo xtask chaos --seed {seed} --seconds {seconds}{namespaces}")
    }

    /// Writes the story to `folder`, and the programs' logs beside it if something is wrong.
    ///
    /// # Errors
    /// What the system says.
    pub fn write(&self, report: &Report, folder: &Path) -> std::io::Result<PathBuf> {
        let folder = folder.join(format!("{}-{}", self.seed, self.network.name()));
        std::fs::create_dir_all(&folder)?;
        let path = folder.join("story.txt");
        let mut text = format!("{}\n{report}\n", self.line());
        for fault in &report.faults {
            let _ = writeln!(text, "WRONG: {fault}");
        }
        std::fs::write(&path, format!("{text}\n{}", report.story))?;
        let Some(from) = &report.folder else {
            return Ok(path);
        };
        for file in from.read_dir()? {
            let file = file?.path();
            if file.extension().is_some_and(|end| end == "log") {
                let name = file.file_name().unwrap_or_default();
                std::fs::copy(&file, folder.join(name))?;
            }
        }
        Ok(path)
    }
}
