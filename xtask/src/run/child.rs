//! A program in the background that ends with us.

use std::process::{Child, Command};
use std::time::{Duration, Instant};

use crate::failure::Failure;

/// How long a program may take to end by itself.
const PATIENCE: Duration = Duration::from_secs(5);

/// Ended, politely first, when dropped.
#[derive(Debug)]
pub(super) struct Background(Child);

impl Background {
    pub(super) fn start(command: &mut Command) -> Result<Self, Failure> {
        let shown = command.get_program().to_string_lossy().into_owned();
        command.spawn().map(Self).map_err(|error| Failure::Program {
            what: shown,
            how: format!("could not be started ({error})"),
        })
    }

    pub(super) fn child(&mut self) -> &mut Child {
        &mut self.0
    }

    /// Waits for it to end by itself.
    pub(super) fn ends_within(&mut self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        loop {
            match self.0.try_wait() {
                Ok(Some(_)) | Err(_) => return true,
                Ok(None) if Instant::now() >= deadline => return false,
                Ok(None) => std::thread::sleep(Duration::from_millis(10)),
            }
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // A program that reads commands ends when there are no more.
        drop(self.0.stdin.take());
        if self.ends_within(Duration::ZERO) {
            return;
        }
        ask_to_end(self.0.id());
        if !self.ends_within(PATIENCE) {
            let _gone = self.0.kill();
            let _reaped = self.0.wait();
        }
    }
}

/// SIGTERM, where there are signals; elsewhere the end is not polite.
fn ask_to_end(id: u32) {
    if cfg!(unix) {
        let _sent = Command::new("kill")
            .args(["-TERM", &id.to_string()])
            .status();
    }
}
