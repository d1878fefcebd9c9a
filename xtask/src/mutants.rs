//! `cargo xtask mutants`: small changes to what refuses, which some test must catch. cargo-mutants
//! makes them, one at a time, in a throwaway copy of the sources, and runs the tests of the area.

mod areas;
mod left_out;

use std::fs;
use std::path::Path;

use areas::{AREAS, Area};

use crate::args::Args;
use crate::failure::Failure;
use crate::project;
use crate::tool::Tool;

/// Which mutants of an area are made.
struct Choice {
    /// `K/N`: of N parts of equal size the one with this number, from 0.
    shard: Option<String>,
    /// Those whose name this regular expression finds.
    only: Option<String>,
}

pub(crate) fn command(mut args: Args) -> Result<(), Failure> {
    let choice = Choice {
        shard: args.option("--shard")?,
        only: args.option("--only")?,
    };
    let wanted = args.word();
    args.finish()?;
    let areas: Vec<&Area> = AREAS
        .iter()
        .filter(|area| wanted.as_ref().is_none_or(|wanted| area.name == wanted))
        .collect();
    if areas.is_empty() {
        let names: Vec<&str> = AREAS.iter().map(|area| area.name).collect();
        return Err(Failure::usage(format!(
            "mutants wants an area or none, one of: {}",
            names.join(", ")
        )));
    }
    if !Tool::cargo(["mutants", "--version"]).succeeds() {
        println!(
            "cargo-mutants is missing: it makes the mutants and runs the tests. Building it takes some minutes, once."
        );
        Tool::cargo(["install", "cargo-mutants", "--locked", "--quiet"]).run()?;
    }
    let folder = project::target().join("mutants");
    let copy = folder.join("tree");
    project::copy_sources(&copy)?;
    let mut table = vec![
        "| area | mutants | caught | timeout | unviable | missed |\n|---|--:|--:|--:|--:|--:|"
            .to_owned(),
    ];
    let mut missed = Vec::new();
    for area in areas {
        let outcome = change(area, &choice, &copy, &folder.join(area.name))?;
        table.push(outcome.row(area.name));
        missed.extend(outcome.missed);
    }
    println!("\n{}\n", table.join("\n"));
    if missed.is_empty() {
        return Ok(());
    }
    Err(Failure::check(format!(
        "no test catches:\n  {}",
        missed.join("\n  ")
    )))
}

/// Makes the mutants of one area; what cargo-mutants says of each is in `out`.
fn change(area: &Area, choice: &Choice, copy: &Path, out: &Path) -> Result<Outcome, Failure> {
    let failed = |error: std::io::Error| Failure::check(format!("{}: {error}", out.display()));
    if out.exists() {
        fs::remove_dir_all(out).map_err(failed)?;
    }
    fs::create_dir_all(out).map_err(failed)?;
    let mut outcome = Outcome::default();
    let mut ended = pass(area, choice, copy, out, Tests::Quick, &mut outcome);
    let others = area.slow.len() + area.more.len() > 0;
    if others && !outcome.missed.is_empty() {
        ended = pass(area, choice, copy, out, Tests::All, &mut outcome);
    }
    // It ends badly when a mutant was missed or timed out, and that is told below.
    if outcome.missed.is_empty() && outcome.timeout == 0 {
        ended?;
    }
    if outcome.made() == 0 {
        return Err(Failure::check(format!("{}: no mutant was made", area.name)));
    }
    Ok(outcome)
}

/// Which tests of an area are run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tests {
    /// All but the slow ones.
    Quick,
    /// These too, and more of the room.
    All,
}

/// Makes those that no pass before has caught.
fn pass(
    area: &Area,
    choice: &Choice,
    copy: &Path,
    out: &Path,
    tests: Tests,
    outcome: &mut Outcome,
) -> Result<(), Failure> {
    let more = match tests {
        Tests::Quick => &[],
        Tests::All => area.more,
    };
    let mut tool = tool(area, choice)
        .args(more.iter().map(|test| format!("--cargo-arg=--test={test}")))
        .args(["--iterate", "--dir"])
        .args([copy])
        .args(["--output"])
        .args([out])
        // Not the project's own: cargo gives what is built of a copy the names of the original, so
        // whoever builds that meanwhile would have its tests run in the place of the mutant's.
        .env("CARGO_TARGET_DIR", copy.join("target"));
    if tests == Tests::Quick && !area.slow.is_empty() {
        let skipped = area.slow.iter().flat_map(|test| ["--skip", *test]);
        tool = tool.args(["--", "--"]).args(skipped);
    }
    let ended = tool.run();
    // A list that isn't there is empty: then cargo-mutants did not get as far.
    let lists = out.join("mutants.out");
    outcome.add(|list| fs::read_to_string(lists.join(list)).unwrap_or_default());
    ended
}

/// cargo-mutants for this area, but where it works.
fn tool(area: &Area, choice: &Choice) -> Tool {
    let mut tool = Tool::cargo(["mutants", "--in-place", "--no-config", "--colors=never"])
        .args(["--package", area.package])
        .args(
            area.features
                .map(|features| format!("--features={features}")),
        );
    for (file, _) in area.files {
        tool = tool.args(["--file", *file]);
    }
    for (pattern, _) in left_out::NO_CHECK.iter().chain(left_out::EQUIVALENT) {
        tool = tool.args(["--exclude-re", *pattern]);
    }
    if let Some(shard) = &choice.shard {
        tool = tool.args(["--shard", shard.as_str()]);
    }
    if let Some(only) = &choice.only {
        tool = tool.args(["--re", only.as_str()]);
    }
    if Tool::cargo(["nextest", "--version"]).succeeds() {
        tool = tool.args(["--test-tool=nextest"]);
    }
    // What has to catch it, and nothing else: what is built and run for each mutant decides how long
    // the whole takes.
    tool = tool.args(["--cargo-arg=--locked", "--cargo-arg=--lib"]);
    tool.args(
        area.tests
            .iter()
            .map(|test| format!("--cargo-arg=--test={test}")),
    )
}

/// What became of an area's mutants, as cargo-mutants sorts them.
#[derive(Debug, Default, PartialEq, Eq)]
struct Outcome {
    caught: usize,
    /// Tests that did not come to an end, which is noticed as well.
    timeout: usize,
    /// Not Rust: the change does not compile.
    unviable: usize,
    missed: Vec<String>,
}

impl Outcome {
    /// Adds the lists of a pass, one mutant a line, named by `list`. It made those again that had
    /// been missed or had timed out before.
    fn add(&mut self, list: impl Fn(&str) -> String) {
        let lines = |name: &str| -> Vec<String> { list(name).lines().map(str::to_owned).collect() };
        self.caught += lines("caught.txt").len();
        self.timeout = lines("timeout.txt").len();
        self.unviable += lines("unviable.txt").len();
        self.missed = lines("missed.txt");
    }

    fn made(&self) -> usize {
        self.caught + self.timeout + self.unviable + self.missed.len()
    }

    fn row(&self, name: &str) -> String {
        format!(
            "| `{name}` | {} | {} | {} | {} | {} |",
            self.made(),
            self.caught,
            self.timeout,
            self.unviable,
            self.missed.len()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_and_test_of_an_area_is_there() {
        for area in AREAS {
            let room = area.room();
            for (file, _) in area.files {
                let found = project::root().join(file.trim_end_matches("/**"));
                assert!(file.starts_with(&room), "{file} is not in {room}");
                assert!(found.exists(), "{file}");
            }
            for test in area.tests.iter().chain(area.more) {
                let tests = project::root().join(&room).join("tests");
                let found = [tests.join(format!("{test}.rs")), tests.join(test)];
                assert!(found.iter().any(|path| path.exists()), "{test}");
            }
        }
    }

    #[test]
    fn the_lists_are_counted_and_what_was_missed_is_named() {
        let mut outcome = Outcome::default();
        outcome.add(|list| {
            let lines = match list {
                "caught.txt" => "one\ntwo\n",
                "missed.txt" => "three\n",
                _ => "",
            };
            lines.to_owned()
        });
        assert_eq!(outcome.missed, ["three"]);
        assert_eq!(outcome.row("suite"), "| `suite` | 3 | 2 | 0 | 0 | 1 |");
        // Once more, with the slow tests.
        outcome.add(|list| match list {
            "caught.txt" => "three\n".to_owned(),
            _ => String::new(),
        });
        assert_eq!(outcome.row("suite"), "| `suite` | 3 | 3 | 0 | 0 | 0 |");
    }
}
