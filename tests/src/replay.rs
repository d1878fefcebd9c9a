//! Real conversations between two headless clients, through a real relay.
//!
//! Both are processes of their own on folders of their own, introduced by an invite. Played in
//! turns, nobody answers before having heard what is answered, so both must end up with the
//! conversation exactly as it was. Played in bursts, both talk at once, and each one's lines must
//! arrive in their order. Either way processes may be ended without warning on the way; they are
//! started again on the same folders and ports.

mod deaths;
mod report;
mod scene;
mod verdict;

use std::time::{Duration, Instant};

use crate::{Failure, History, Kept, Line, Needles, Programs, Stage, Who, kept};

pub use deaths::Deaths;
pub use report::Report;
pub use verdict::{Side, Verdict};

use scene::Scene;

/// How long the last receipts and acknowledgements may take when everything has arrived.
const SETTLING: Duration = Duration::from_secs(30);

/// What is played, and how.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The programs.
    pub programs: Programs,
    /// How many lines are under way at once, without waiting for answers; none: in turns.
    pub burst: Option<usize>,
    /// End processes without warning, at moments chosen by this seed.
    pub kill: Option<u64>,
    /// Leave the folder behind.
    pub keep: bool,
}

/// Plays the conversations, one after the other, and judges.
///
/// # Errors
/// What kept it from being played to the end. What went wrong with messages is in the verdict.
pub fn play(conversations: &[Vec<Line>], settings: &Settings) -> Result<Report, Failure> {
    let stage = Stage::with(settings.programs.clone())?;
    let outcome = play_on(&stage, conversations, settings);
    if settings.keep || outcome.is_err() {
        eprintln!("The folder is {}.", stage.keep().display());
    }
    outcome
}

fn play_on(
    stage: &Stage,
    conversations: &[Vec<Line>],
    settings: &Settings,
) -> Result<Report, Failure> {
    let lines: Vec<Line> = conversations.iter().flatten().cloned().collect();
    let mut scene = Scene::set(stage, &lines, settings.kill)?;

    let began = Instant::now();
    match settings.burst {
        None => {
            // A turn is what one says before the other answers.
            for turn in lines.chunk_by(|a, b| a.from == b.from) {
                scene.say(turn)?;
                scene.listen()?;
            }
        }
        Some(at_once) => {
            for burst in lines.chunks(at_once.max(1)) {
                scene.say(burst)?;
            }
            scene.listen()?;
        }
    }
    let elapsed = began.elapsed();

    let (histories, delivered) = scene.settle(SETTLING)?;
    let [alice, bob] = &histories;
    let verdict = Verdict::of(&lines, alice, bob, settings.burst.is_none());
    let relay = scene.relay_data();
    let kept = Kept::when_fetched(relay, SETTLING)?;
    let needles = needles(&lines, &histories);
    let leaks = kept::search(&needles, relay)?;
    Ok(Report {
        conversations: conversations.len(),
        lines: lines.len(),
        elapsed,
        delivered,
        deaths: scene.deaths(),
        verdict,
        kept,
        searched: needles.count(),
        leaks: leaks.into_iter().map(|(_, found)| found.what).collect(),
    })
}

/// What the relay must not keep: every text, and both names.
fn needles(lines: &[Line], histories: &[History]) -> Needles {
    let mut needles = Needles::default();
    for line in lines {
        needles.add(&line.text, line.text.as_bytes());
    }
    for heard in histories.iter().take(1).flat_map(|history| &history.0) {
        needles.add(&heard.id, heard.id.as_bytes());
        needles.add(&heard.id, &hex::decode(&heard.id).unwrap_or_default());
    }
    for who in Who::BOTH {
        needles.add(who.name(), who.name().as_bytes());
    }
    needles
}
