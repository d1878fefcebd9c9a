//! A process that ends with us, and that can be ended without warning from another thread.

use std::process::{Child, Command};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::Failure;

/// How long a program may take to end by itself.
const PATIENCE: Duration = Duration::from_secs(10);

/// Ended by its id when dropped.
#[derive(Debug)]
pub(crate) struct Background {
    child: Arc<Mutex<Child>>,
    id: u32,
}

/// A handle with which a process can be ended from anywhere.
#[derive(Clone, Debug)]
pub struct Victim(Arc<Mutex<Child>>);

impl Victim {
    /// SIGKILL (on Windows: TerminateProcess). No word of farewell is written, no buffer flushed.
    pub fn kill(&self) {
        let mut child = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // One that has ended already is as dead.
        let _ = child.kill();
    }
}

impl Background {
    pub(crate) fn start(command: &mut Command) -> Result<Self, Failure> {
        let program = std::path::PathBuf::from(command.get_program());
        let child = command.spawn().map_err(Failure::file(&program))?;
        Ok(Self {
            id: child.id(),
            child: Arc::new(Mutex::new(child)),
        })
    }

    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    pub(crate) fn victim(&self) -> Victim {
        Victim(Arc::clone(&self.child))
    }

    pub(crate) fn with<T>(&self, what: impl FnOnce(&mut Child) -> T) -> T {
        what(&mut self.child.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Has it ended?
    pub(crate) fn has_ended(&self) -> bool {
        self.with(|child| !matches!(child.try_wait(), Ok(None)))
    }

    /// Ends it without warning and waits until it is gone.
    pub(crate) fn kill(&self) {
        self.victim().kill();
        self.with(|child| {
            let _ = child.wait();
        });
    }

    /// SIGTERM, then waits; after a while without warning. Says whether it went by itself.
    pub(crate) fn ask_to_end(&self) -> bool {
        if cfg!(unix) && !self.has_ended() {
            let _ = Command::new("kill")
                .args(["-TERM", &self.id.to_string()])
                .status();
        }
        self.wait()
    }

    /// Waits for it to end by itself; after a while it is ended without warning.
    pub(crate) fn wait(&self) -> bool {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if self.has_ended() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        self.kill();
        false
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.kill();
    }
}
