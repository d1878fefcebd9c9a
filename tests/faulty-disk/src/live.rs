//! A process under watch that plays power cuts on itself, while it goes on.

use std::collections::VecDeque;
use std::fs::{self, OpenOptions};
use std::path::PathBuf;

use crate::disk::Disk;
use crate::log::{self, Broken, Record};

/// The disk under this very process, which was started by [`crate::Watch::over`] with an empty
/// folder. For one thread: while it reads the log nobody else may write to the folder.
#[derive(Debug)]
pub struct Live {
    root: PathBuf,
    log: PathBuf,
    full: PathBuf,
    sync_fails: PathBuf,
    disk: Disk,
    waiting: VecDeque<Record>,
}

impl Live {
    /// The watch over this process; none if it was started without one.
    #[must_use]
    pub fn of_this_process() -> Option<Self> {
        let path = |name| std::env::var_os(name).map(PathBuf::from);
        Some(Self {
            root: path("FAULTY_DISK_ROOT")?,
            log: path("FAULTY_DISK_LOG")?,
            full: path("FAULTY_DISK_FULL")?,
            sync_fails: path("FAULTY_DISK_SYNC_FAILS")?,
            disk: Disk::default(),
            waiting: VecDeque::new(),
        })
    }

    /// The folder under watch.
    #[must_use]
    pub fn root(&self) -> &std::path::Path {
        &self.root
    }

    /// Reads what was done since the last look. Answers with how many operations now wait to be
    /// played by [`Live::play`].
    ///
    /// # Errors
    /// When the log can't be read, or tells of something that can't be played.
    pub fn look(&mut self) -> Result<usize, Broken> {
        let unreadable = |error: std::io::Error| Broken::Unreadable(error.to_string());
        let bytes = fs::read(&self.log).map_err(unreadable)?;
        // The shim appends: what has been read may go, so that the log stays small.
        OpenOptions::new()
            .write(true)
            .open(&self.log)
            .and_then(|log| log.set_len(0))
            .map_err(unreadable)?;
        self.waiting.extend(log::read(&bytes)?);
        Ok(self.waiting.len())
    }

    /// Lets so many of the waiting operations happen to the played disk.
    pub fn play(&mut self, operations: usize) {
        for record in self.waiting.drain(..operations.min(self.waiting.len())) {
            self.disk.step(&record);
        }
    }

    /// The disk after everything that was played.
    #[must_use]
    pub fn disk(&self) -> &Disk {
        &self.disk
    }

    /// Begins anew with an empty folder.
    ///
    /// # Errors
    /// As [`Live::look`].
    pub fn forget(&mut self) -> Result<(), Broken> {
        self.look()?;
        self.waiting.clear();
        self.disk = Disk::default();
        Ok(())
    }

    /// From now on no file can grow, or again can.
    ///
    /// # Errors
    /// What the file system says.
    pub fn set_full(&self, full: bool) -> std::io::Result<()> {
        set(&self.full, full)
    }

    /// From now on every sync fails, or again works.
    ///
    /// # Errors
    /// What the file system says.
    pub fn set_sync_fails(&self, fails: bool) -> std::io::Result<()> {
        set(&self.sync_fails, fails)
    }
}

fn set(flag: &std::path::Path, on: bool) -> std::io::Result<()> {
    if on {
        return fs::write(flag, []);
    }
    match fs::remove_file(flag) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
