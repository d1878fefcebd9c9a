//! `sotto-chaos`: real programs under real faults. `cargo xtask chaos` builds and starts it.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use clap::Parser;
use sotto_chaos::run::{Kind, Settings, play};

/// Four people keep talking through a real relay while connections and programs fail.
#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask chaos",
    after_help = "Exit codes: 0 all is well, 1 something is not, 2 wrong arguments."
)]
struct Line {
    /// Chooses the faults; the same seed, the same faults. Left out: another one every time
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// How long things go wrong
    #[arg(long, value_name = "M", default_value_t = 10)]
    minutes: u64,
    /// The same in seconds
    #[arg(long, value_name = "S", conflicts_with = "minutes")]
    seconds: Option<u64>,
    /// So many runs, each with the next seed; stops at the first that fails
    #[arg(long, value_name = "K", default_value_t = 1)]
    runs: u64,
    /// Machines of their own for everybody instead of a proxy: network namespaces (Linux, root)
    #[arg(long)]
    namespaces: bool,
    /// Where stories are written
    #[arg(long, value_name = "DIR", default_value = "target/chaos")]
    stories: PathBuf,
}

fn main() -> ExitCode {
    let line = Line::parse();
    let first = line.seed.unwrap_or_else(seed_of_now);
    for seed in first..first.saturating_add(line.runs) {
        let seconds = line.seconds.unwrap_or(line.minutes * 60);
        let settings = Settings {
            seed,
            length: Duration::from_secs(seconds),
            network: if line.namespaces {
                Kind::Namespaces
            } else {
                Kind::Proxy
            },
        };
        println!("{}", settings.line());
        if !run(&settings, &line) {
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// Whether all is well.
fn run(settings: &Settings, line: &Line) -> bool {
    let report = match play(settings) {
        Ok(report) => report,
        Err(failure) => {
            eprintln!("sotto-chaos: the stage could not be set: {failure}.");
            return false;
        }
    };
    println!("{report}");
    match settings.write(&report, &line.stories) {
        Ok(path) => println!("the story: {}", path.display()),
        Err(error) => println!("the story can't be written: {error}"),
    }
    for fault in &report.faults {
        println!("WRONG: {fault}");
    }
    if !report.faults.is_empty() {
        println!("play it again: {}", settings.line());
    }
    report.faults.is_empty()
}

/// Another one every time, short enough to type again.
fn seed_of_now() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.map_or(0, |now| now.as_secs() % 1_000_000)
}
