//! Sets a process under watch.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::history::History;
use crate::image::{Image, image_of};
use crate::log::Broken;

const SHIM: &str = include_str!("shim.c");

/// Whether this machine can run the shim at all.
#[must_use]
pub fn supported() -> bool {
    cfg!(all(target_os = "linux", target_env = "gnu"))
}

/// Watches what processes do to one folder.
#[derive(Debug)]
pub struct Watch {
    folder: PathBuf,
    aside: PathBuf,
    initial: Image,
}

impl Watch {
    /// Watches `folder`, whose present content counts as synced. `aside` is another folder, for
    /// the shim and its log.
    ///
    /// # Errors
    /// When the folder can't be read or the shim not be compiled (`CC`, or else `cc`).
    pub fn new(folder: &Path, aside: &Path) -> io::Result<Self> {
        let watch = Self {
            folder: folder.canonicalize()?,
            aside: aside.canonicalize()?,
            initial: image_of(folder)?,
        };
        let source = watch.aside.join("shim.c");
        fs::write(&source, SHIM)?;
        let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
        let output = Command::new(&compiler)
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .arg(watch.shim())
            .arg(&source)
            .args(["-ldl", "-lpthread"])
            .output()?;
        if !output.status.success() {
            return Err(io::Error::other(format!(
                "{} can't compile the shim: {}",
                compiler.display(),
                String::from_utf8_lossy(&output.stderr)
            )));
        }
        Ok(watch)
    }

    /// Has this command, and what it starts, watched.
    pub fn over<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command
            .env("LD_PRELOAD", self.shim())
            .env("FAULTY_DISK_ROOT", &self.folder)
            .env("FAULTY_DISK_LOG", self.log())
            .env("FAULTY_DISK_FULL", self.full_flag())
            .env("FAULTY_DISK_READ_ONLY", self.read_only_flag())
            .env("FAULTY_DISK_SYNC_FAILS", self.sync_flag())
    }

    /// While this file exists no file of the folder can grow. The process under watch may make
    /// and remove it too.
    #[must_use]
    pub fn full_flag(&self) -> PathBuf {
        self.aside.join("full")
    }

    /// While this file exists nothing in the folder can be written.
    #[must_use]
    pub fn read_only_flag(&self) -> PathBuf {
        self.aside.join("read-only")
    }

    /// While this file exists every sync fails, and what was to be synced is lost without ever
    /// being reported again.
    #[must_use]
    pub fn sync_flag(&self) -> PathBuf {
        self.aside.join("sync-fails")
    }

    /// Everything that has been done to the folder up to now.
    ///
    /// # Errors
    /// When the log can't be read, or tells of something that can't be played.
    pub fn history(&self) -> Result<History, Broken> {
        let log = fs::read(self.log()).map_err(|error| {
            Broken::Unreadable(format!("no log, so nothing was watched: {error}"))
        })?;
        History::read(self.initial.clone(), &log)
    }

    fn shim(&self) -> PathBuf {
        self.aside.join("shim.so")
    }

    fn log(&self) -> PathBuf {
        self.aside.join("log")
    }
}
