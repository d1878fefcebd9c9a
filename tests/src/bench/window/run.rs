//! One start of a program, watched.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::ended::Ended;
use super::screen::{Screen, Seen};
use super::tree;

/// Between two looks at the screen.
const LOOK: Duration = Duration::from_millis(5);
/// A window that shows nothing for this long is broken.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Run {
    program: Ended,
    /// From the start of the process until a window stood on the screen.
    pub window: Duration,
    /// From there until there were letters in it.
    pub painted: Duration,
}

impl Run {
    /// Starts it on an empty screen and waits for its content.
    pub fn start(screen: &Screen, command: &mut Command) -> Self {
        let deadline = Instant::now() + PATIENCE;
        while screen.look() != Seen::Nothing {
            assert!(Instant::now() < deadline, "the last window is still there");
            std::thread::sleep(LOOK);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let begun = Instant::now();
        let program = Ended::start(command);
        let mut window = None;
        loop {
            let seen = screen.look();
            let now = begun.elapsed();
            if seen != Seen::Nothing {
                window = window.or(Some(now));
            }
            if seen == Seen::Content {
                return Self {
                    program,
                    window: window.unwrap_or(now),
                    painted: now,
                };
            }
            assert!(now < PATIENCE, "no content");
            std::thread::sleep(LOOK);
        }
    }

    /// MiB of the whole tree.
    pub fn memory(&self) -> f64 {
        tree::memory(self.program.0.id())
    }

    /// The share of one core, in percent, that the whole tree uses for `time`.
    pub fn processor(&self, time: Duration) -> f64 {
        let (begun, before) = (Instant::now(), tree::used(self.program.0.id()));
        std::thread::sleep(time);
        let used = tree::used(self.program.0.id()) - before;
        used.as_secs_f64() / begun.elapsed().as_secs_f64() * 100.0
    }
}
