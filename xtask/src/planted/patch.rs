//! A planted bug: its patch file, what it is, and what must catch it.
//!
//! Above the patch stands what the bug is, and, where the worlds of the test run are not meant, one
//! line `Simulate: ARGUMENTS` (a slice of worlds that a test plays) or `Test: --test NAME [FILTER]`.

use std::fs;
use std::path::PathBuf;

use crate::failure::Failure;
use crate::project;
use crate::tool::Tool;

/// Where they are.
const PATCHES: &str = "tests/simulation/planted";
/// The tests that play worlds.
const SLICES: &str = "tests/simulation/tests";
/// The worlds of the test run.
const WORLDS: &str = "--small --from 1000 --worlds 200";

pub(super) struct Patch {
    pub(super) name: String,
    pub(super) path: PathBuf,
    /// Its first sentence.
    pub(super) what: String,
    pub(super) plays: Plays,
}

/// What must not hold with the bug in place.
pub(super) enum Plays {
    /// Arguments of the simulator.
    Worlds(String),
    /// Arguments of `cargo test`.
    Test(String),
}

impl Patch {
    fn read(path: PathBuf) -> Result<Self, Failure> {
        let name = path.file_stem().unwrap_or_default();
        let name = name.to_string_lossy().into_owned();
        let text = fs::read_to_string(&path)
            .map_err(|error| Failure::check(format!("{name} can't be read: {error}")))?;
        let head = || text.lines().take_while(|line| !line.starts_with("diff "));
        let line = |begin: &str| head().find_map(|line| line.strip_prefix(begin));
        let plays = match (line("Test: "), line("Simulate: ")) {
            (Some(test), _) => Plays::Test(test.to_owned()),
            (None, worlds) => Plays::Worlds(worlds.unwrap_or(WORLDS).to_owned()),
        };
        let said: Vec<&str> = head().take_while(|line| !line.is_empty()).collect();
        let said: Vec<&str> = said
            .into_iter()
            .filter(|line| !line.starts_with("Test: ") && !line.starts_with("Simulate: "))
            .collect();
        Ok(Self {
            what: said.join(" "),
            name,
            path,
            plays,
        })
    }

    /// Why it would catch nothing any more.
    fn wrong(&self, slices: &str) -> Option<&'static str> {
        let applies = Tool::new("git")
            .args(["apply", "--check", "--whitespace=nowarn"])
            .args([&self.path])
            .succeeds();
        if !applies {
            return Some("doesn't apply to the sources any more: make it anew");
        }
        if self.what.is_empty() {
            return Some("doesn't say what it is");
        }
        match &self.plays {
            Plays::Worlds(worlds) if worlds != WORLDS && !slices.contains(worlds.as_str()) => {
                Some("plays worlds that no test plays")
            }
            Plays::Test(test) if !test.starts_with("--test ") => {
                Some("names a test otherwise than by --test")
            }
            _ => None,
        }
    }
}

/// All of them, by name.
pub(super) fn all() -> Result<Vec<Patch>, Failure> {
    let entries = fs::read_dir(project::root().join(PATCHES));
    let mut paths: Vec<PathBuf> = entries
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|end| end == "patch"))
        .collect();
    paths.sort();
    paths.into_iter().map(Patch::read).collect()
}

/// What is wrong with any of them: cheap enough for every test run, so that they don't rot.
pub(crate) fn wrong() -> Result<Vec<String>, Failure> {
    let files = fs::read_dir(project::root().join(SLICES));
    let slices: String = files
        .into_iter()
        .flatten()
        .filter_map(|file| fs::read_to_string(file.ok()?.path()).ok())
        .collect();
    let patches = all()?;
    let wrong = patches.iter().filter_map(|patch| {
        let why = patch.wrong(&slices)?;
        Some(format!("{PATCHES}/{}.patch {why}", patch.name))
    });
    Ok(wrong.collect())
}
