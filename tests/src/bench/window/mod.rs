//! Rounds of the app's window and its peers'.

mod desk;
mod ended;
mod profile;
mod run;
mod screen;
mod tree;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use sotto_tests::{Programs, RelayProcess};

use crate::figure::line;
use desk::Desk;
use run::Run;
use screen::Screen;

/// What a start still does after its first letters is not idleness.
const SETTLED: Duration = Duration::from_secs(10);
/// How long a window is watched when nothing happens.
const WATCHED: Duration = Duration::from_secs(20);
/// While the caret blinks for sure.
const BLINKING: Duration = Duration::from_secs(7);
/// GTK's caret blinks for 10 s after the last key.
const RESTING: Duration = Duration::from_secs(6);
/// Where the first conversation stands in the list, in pixels of the window.
const CONVERSATION: (u32, u32) = (200, 92);
/// In the peer's field.
const FIELD: (u32, u32) = (60, 140);

/// All measurements of one window, one value a round.
#[derive(Default)]
struct Taken {
    window: Vec<f64>,
    painted: Vec<f64>,
    memory: Vec<f64>,
    idle: Vec<f64>,
    blinking: Vec<f64>,
    resting: Vec<f64>,
}

pub fn measure(rounds: usize) {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let screen = Screen::new(folder.path());
    let desk = Desk::new(&at("home"), &screen);
    let Programs { sotto, relay } = Programs::beside().unwrap();
    let (app, empty) = (
        beside(&sotto, "sotto-app"),
        beside(&sotto, "examples/empty_window"),
    );
    let relay = RelayProcess::start(&relay, &at("relay"), &at("relay.log"), &[]).unwrap();
    profile::make(&desk, &app, &sotto, &at("data"), &relay);

    let sotto = || {
        let mut command = desk.command(&app);
        command
            .args(["--profile", "alice", "--data"])
            .arg(at("data"));
        command
    };
    let empty = |field: bool| {
        let mut command = desk.command(&empty);
        command.args(field.then_some("--field"));
        command
    };
    // The first start of each fills caches.
    for mut command in [sotto(), empty(false), empty(true)] {
        drop(Run::start(&screen, &mut command));
    }
    let (mut ours, mut theirs, mut field) = <(Taken, Taken, Taken)>::default();
    for round in 1..=rounds {
        eprintln!("round {round} of {rounds}");
        ours.take(&screen, sotto(), Some(CONVERSATION));
        theirs.take(&screen, empty(false), None);
        field.take(&screen, empty(true), Some(FIELD));
    }
    report(&ours, &theirs, &field);
}

impl Taken {
    /// One round; `caret` is where to press for one.
    fn take(&mut self, screen: &Screen, mut command: Command, caret: Option<(u32, u32)>) {
        let run = Run::start(screen, &mut command);
        self.window.push(run.window.as_secs_f64() * 1e3);
        self.painted.push(run.painted.as_secs_f64() * 1e3);
        std::thread::sleep(SETTLED);
        self.idle.push(run.processor(WATCHED));
        self.memory.push(run.memory());
        screen.focus();
        if let Some((x, y)) = caret {
            screen.click(x, y);
            std::thread::sleep(Duration::from_secs(2));
            screen.press("h");
            std::thread::sleep(Duration::from_secs(1));
            self.blinking.push(run.processor(BLINKING));
            std::thread::sleep(RESTING);
        } else {
            std::thread::sleep(SETTLED);
        }
        self.resting.push(run.processor(WATCHED));
    }
}

/// Name, rounds, unit, peer and its rounds.
type Figure<'a> = (&'a str, &'a [f64], &'a str, &'a str, &'a [f64]);

fn report(ours: &Taken, theirs: &Taken, field: &Taken) {
    let peer = "empty Tauri window";
    let with_field = "empty Tauri window with a field";
    let figures: [Figure<'_>; 7] = [
        (
            "window to be seen",
            &ours.window,
            "ms",
            peer,
            &theirs.window,
        ),
        ("first paint", &ours.painted, "ms", peer, &theirs.painted),
        (
            "memory, whole tree, idle",
            &ours.memory,
            "MiB PSS",
            peer,
            &theirs.memory,
        ),
        (
            "idle processor time, without focus",
            &ours.idle,
            "% of a core",
            peer,
            &theirs.idle,
        ),
        (
            "idle processor time, with focus",
            &ours.resting,
            "% of a core",
            with_field,
            &field.resting,
        ),
        (
            "the same against no field",
            &ours.resting,
            "% of a core",
            peer,
            &theirs.resting,
        ),
        (
            "while the caret blinks",
            &ours.blinking,
            "% of a core",
            with_field,
            &field.blinking,
        ),
    ];
    for (name, ours, unit, peer, theirs) in figures {
        line(
            &format!("app window: {name}"),
            median(ours),
            unit,
            peer,
            median(theirs),
        );
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 {
        sorted[middle]
    } else {
        (sorted[middle - 1] + sorted[middle]) / 2.0
    }
}

fn beside(program: &Path, name: &str) -> PathBuf {
    let path = program.with_file_name(name);
    assert!(path.is_file(), "{} is not built", path.display());
    path
}
