//! Arguments, the process under watch, figures, and what is said about a world that fails.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Instant;

use clap::Parser;
use sotto_faulty_disk::{Live, Watch, supported};
use sotto_simulation::plan::{Deed, Hostile, Plan, range};
use sotto_simulation::run::{Outcome, Stage, is_playing, memory, play, rate};
use sotto_simulation::shrink::shrink;

/// Worlds that the shrinker may try.
const TRIES: u64 = 300;

/// Plays worlds, each from one number.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask simulate")]
struct Line {
    /// The world, or the first of several.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Steps, instead of as many as the seed says.
    #[arg(long)]
    steps: Option<u64>,
    /// People, instead of as many as the seed says.
    #[arg(long)]
    people: Option<usize>,
    /// How the relay lies: drop, delay, replay, reorder, fork, roll-back, swap, inject, lie.
    #[arg(long)]
    hostile: Option<Hostile>,
    /// Deeds that are left out, with commas between.
    #[arg(long, value_delimiter = ',')]
    without: Vec<Deed>,
    /// Steps that are left out, like 3-17,40.
    #[arg(long, value_delimiter = ',', value_parser = range)]
    skip: Vec<std::ops::RangeInclusive<u64>>,
    /// A file of the fuzz target `interaction`: its bytes decide instead of the seed.
    #[arg(long, value_name = "FILE", value_parser = Chosen::read)]
    chosen: Option<Chosen>,
    /// So many worlds, one after the other, from the seed on.
    #[arg(long)]
    worlds: Option<u64>,
    /// The same as --seed, for the slice that goes on.
    #[arg(long)]
    from: Option<u64>,
    /// Every world small: at most 6 people and 300 steps.
    #[arg(long)]
    small: bool,
    /// A world that fails is not made shorter.
    #[arg(long)]
    no_shrink: bool,
    /// Goes on with the next world after one that fails, and makes none shorter.
    #[arg(long)]
    keep_going: bool,
    /// Prints the story of a world that holds, too.
    #[arg(long)]
    tell: bool,
    /// Where stories are written.
    #[arg(long, default_value = "target/simulation")]
    stories: PathBuf,
}

/// After so many worlds a long run says how far it is, and how it can be taken up again.
const PROGRESS: u64 = 500;

/// What an input of the fuzz target holds.
#[derive(Clone, Debug)]
struct Chosen(Vec<u8>);

impl Chosen {
    fn read(file: &str) -> Result<Self, String> {
        fs::read(file).map(Self).map_err(|error| error.to_string())
    }
}

impl Line {
    fn plan(&self, seed: u64) -> Plan {
        let mut plan = match &self.chosen {
            Some(Chosen(bytes)) => Plan::driven(bytes),
            None => Plan::of(seed),
        };
        if self.small {
            plan.people = plan.people.min(6);
            plan.steps = plan.steps.min(300);
        }
        plan.steps = self.steps.unwrap_or(plan.steps).max(1);
        plan.people = self.people.unwrap_or(plan.people).clamp(2, 26);
        plan.hostile = self.hostile.or(plan.hostile);
        plan.without = self.without.iter().copied().collect();
        plan.skip.clone_from(&self.skip);
        plan
    }
}

pub(crate) fn main() -> ExitCode {
    let line = Line::parse();
    if supported() && Live::of_this_process().is_none() {
        return match under_watch() {
            Ok(code) => code,
            Err(error) => {
                eprintln!("the disk can't be watched: {error}");
                ExitCode::FAILURE
            }
        };
    }
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !is_playing() {
            usual(panic);
        }
    }));
    worlds(&line)
}

/// Starts this program once more, on a disk that forgets what was not synced.
fn under_watch() -> std::io::Result<ExitCode> {
    let place = memory();
    let folder = tempfile::tempdir_in(&place)?;
    let aside = tempfile::tempdir_in(&place)?;
    let watch = Watch::new(folder.path(), aside.path())?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(std::env::args_os().skip(1));
    let status = watch.over(&mut command).status()?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

fn worlds(line: &Line) -> ExitCode {
    let mut stage = Stage::new();
    if !stage.watched() {
        println!("On this system the power never goes; processes are only killed.");
    }
    let first = line.from.unwrap_or(line.seed);
    let count = line.worlds.unwrap_or(1);
    let begin = Instant::now();
    let (mut steps, mut events, mut fingerprint, mut broken) = (0, 0, 0_u64, 0);
    let mut sum = sotto_simulation::run::Figures::default();
    let hostile = line
        .hostile
        .map_or(String::new(), |kind| format!(" --hostile {kind}"));
    for seed in first..first + count {
        let done = seed - first;
        if done > 0 && done.is_multiple_of(PROGRESS) {
            println!(
                "{} of {done} worlds held so far; the rest: cargo xtask simulate --from {seed} --worlds {}{hostile}",
                done - broken,
                count - done
            );
        }
        let plan = line.plan(seed);
        let outcome = play(&plan, &mut stage);
        steps += plan.taken();
        fingerprint = fingerprint.rotate_left(7) ^ digest(&outcome.story);
        events += outcome.events;
        sum.said += outcome.figures.said;
        sum.shown += outcome.figures.shown;
        sum.accepted += outcome.figures.accepted;
        sum.starts += outcome.figures.starts;
        sum.days += outcome.figures.days;
        if outcome.broken.is_some() {
            broken += 1;
            failed(line, plan, outcome, &mut stage);
            if !line.keep_going {
                return ExitCode::FAILURE;
            }
            continue;
        }
        if line.tell {
            println!("{}", outcome.story);
        }
    }
    let (took, a_second) = rate(steps, begin);
    println!(
        "{} worlds held: {steps} steps ({events} events) in {:.1} s, {a_second:.0} steps a second",
        count - broken,
        took.as_secs_f64()
    );
    println!(
        "{} texts said, {} shown; {} conversations accepted; {} starts; {} days; stories {fingerprint:016x}",
        sum.said, sum.shown, sum.accepted, sum.starts, sum.days
    );
    if count > 1 {
        println!(
            "go on with: cargo xtask simulate --from {} --worlds {count}{hostile}",
            first + count
        );
    }
    if broken == 0 {
        ExitCode::SUCCESS
    } else {
        println!("{broken} worlds did not hold");
        ExitCode::FAILURE
    }
}

/// Tells two stories apart (FNV-1a); nothing secret depends on it.
fn digest(story: &str) -> u64 {
    story.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn failed(line: &Line, plan: Plan, outcome: Outcome, stage: &mut Stage) {
    println!("BROKEN in step {}: {}", outcome.step, outcome.detail);
    println!("play it again: cargo xtask simulate {plan} --no-shrink");
    write_story(line, &plan, &outcome, "whole");
    if line.no_shrink || line.keep_going {
        return;
    }
    let before = plan.taken();
    let (short, outcome) = shrink(&plan, &outcome, stage, TRIES);
    println!(
        "the same in {} steps of {before}: cargo xtask simulate {short} --no-shrink",
        short.taken()
    );
    write_story(line, &short, &outcome, "short");
}

fn write_story(line: &Line, plan: &Plan, outcome: &Outcome, which: &str) {
    let path = line.stories.join(format!("{}-{which}.txt", plan.seed));
    let text = format!(
        "cargo xtask simulate {plan} --no-shrink\n{}\n\n{}",
        outcome.detail, outcome.story
    );
    match fs::create_dir_all(&line.stories).and_then(|()| fs::write(&path, text)) {
        Ok(()) => println!("the story: {}", path.display()),
        Err(error) => println!("the story can't be written: {error}"),
    }
}
