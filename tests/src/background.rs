//! A process that ends with us, and that can be ended without warning from another thread.

use std::process::{Child, Command};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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
        let mut child = self.child();
        // One that has ended already is as dead.
        let _ = child.kill();
    }

    /// SIGSTOP: it stands still with everything that it holds open, as a laptop does whose lid is
    /// shut. False: it has ended, or this system can't.
    pub fn pause(&self) -> bool {
        signal(&mut self.child(), "-STOP")
    }

    /// SIGCONT: it goes on where it stood.
    pub fn go_on(&self) -> bool {
        signal(&mut self.child(), "-CONT")
    }

    fn child(&self) -> MutexGuard<'_, Child> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Only to one that has not been waited for: until then its id is nobody else's.
fn signal(child: &mut Child, signal: &str) -> bool {
    if !cfg!(unix) || !matches!(child.try_wait(), Ok(None)) {
        return false;
    }
    let mut kill = Command::new("kill");
    let sent = kill.args([signal, &child.id().to_string()]).status();
    sent.is_ok_and(|status| status.success())
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
        self.with(|child| signal(child, "-TERM"));
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
