//! `sotto-replay`: real conversations between two headless clients, through a real relay.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::SystemTime;

use clap::Parser;
use sotto_tests::replay::{Settings, play};
use sotto_tests::{Failure, Programs, load};

/// Plays conversations between two clients through a relay, all real processes, and checks that
/// every message arrives once and in order.
#[derive(Parser)]
#[command(
    version,
    after_help = "Exit codes: 0 all is well, 1 something is not, 2 wrong arguments."
)]
struct Arguments {
    /// Conversations, one JSON a line: {"messages": [{"from": "alice", "text": "…"}, …]}
    file: PathBuf,
    /// Only the first N messages
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// End clients and relay without warning at random moments; the same seed, the same choices
    #[arg(long, value_name = "SEED", num_args = 0..=1)]
    kill: Option<Option<u64>>,
    /// N messages under way at once instead of taking turns
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=512))]
    burst: Option<u16>,
    /// The relay's program, instead of the one beside this one
    #[arg(long, value_name = "FILE")]
    relay: Option<PathBuf>,
    /// The client's program, instead of the one beside this one
    #[arg(long, value_name = "FILE")]
    sotto: Option<PathBuf>,
    /// Leave the folder with everything behind
    #[arg(long)]
    keep: bool,
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(faults) if faults.is_empty() => ExitCode::SUCCESS,
        Ok(faults) => {
            for fault in faults {
                eprintln!("sotto-replay: {fault}.");
            }
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("sotto-replay: {error}.");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<Vec<String>, Failure> {
    let Arguments {
        file,
        limit,
        kill,
        burst,
        relay,
        sotto,
        keep,
    } = arguments;
    let programs = match (sotto, relay) {
        (Some(sotto), Some(relay)) => Programs { sotto, relay },
        (sotto, relay) => {
            let beside = Programs::beside()?;
            Programs {
                sotto: sotto.unwrap_or(beside.sotto),
                relay: relay.unwrap_or(beside.relay),
            }
        }
    };
    let mut conversations = load(&file)?;
    let mut left = limit.unwrap_or(usize::MAX);
    for conversation in &mut conversations {
        conversation.truncate(left);
        left -= conversation.len();
    }
    conversations.retain(|conversation| !conversation.is_empty());
    let kill = kill.map(|seed| seed.unwrap_or_else(seed_of_now));
    if let Some(seed) = kill {
        println!("Seed {seed}.");
    }
    let settings = Settings {
        programs,
        burst: burst.map(usize::from),
        kill,
        keep,
    };
    let report = play(&conversations, &settings)?;
    println!("{report}");
    Ok(report.faults())
}

/// Another one every time, short enough to type again.
fn seed_of_now() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.map_or(0, |now| now.as_secs() % 1_000_000)
}
