//! The disks under the people: one folder each, on a disk that forgets what was not synced.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use sotto_faulty_disk::{Fate, Live};

use crate::chance::Chance;

/// A folder in memory, where there is one: nothing here has to outlive the process.
#[must_use]
pub fn memory() -> PathBuf {
    let memory = Path::new("/dev/shm");
    match memory.is_dir() {
        true => memory.to_owned(),
        false => std::env::temp_dir(),
    }
}

/// All disks of a world.
#[derive(Debug)]
pub(crate) struct Machines {
    root: PathBuf,
    /// None where the disk can't be watched: then the power never goes, processes are only killed.
    live: Option<Live>,
    _folder: Option<tempfile::TempDir>,
    world: u64,
}

/// What is wrong with a disk while something is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Nothing can grow.
    Full,
    /// Syncing fails.
    SyncFails,
}

/// What a power cut left.
pub(crate) struct Left {
    pub(crate) words: String,
    /// It came after the last operation, so that the process could go on and say what it did.
    pub(crate) everything_done: bool,
}

impl Machines {
    /// Empty disks. Under watch if this process is.
    pub(crate) fn new() -> Self {
        let live = Live::of_this_process();
        let folder = live
            .is_none()
            .then(|| tempfile::tempdir_in(memory()).unwrap());
        let root = match (&live, &folder) {
            (Some(live), _) => live.root().to_owned(),
            (None, folder) => folder.as_ref().unwrap().path().to_owned(),
        };
        let mut machines = Self {
            root,
            live,
            _folder: folder,
            world: 0,
        };
        machines.begin();
        machines
    }

    /// Throws away the disks of the world before.
    pub(crate) fn begin(&mut self) {
        for entry in fs::read_dir(&self.root).unwrap() {
            fs::remove_dir_all(entry.unwrap().path()).unwrap();
        }
        self.world += 1;
        if let Some(live) = &mut self.live {
            live.set_full(false).unwrap();
            live.set_sync_fails(false).unwrap();
            live.forget().unwrap();
        }
    }

    pub(crate) fn watched(&self) -> bool {
        self.live.is_some()
    }

    /// A new folder for somebody, certain to be there.
    pub(crate) fn folder(&self, person: usize, life: u64) -> PathBuf {
        let folder = self.root.join(format!("{person}-{life}"));
        fs::create_dir(&folder).unwrap();
        sync(&self.root);
        folder
    }

    /// Does something while the disk has a trouble.
    pub(crate) fn with<T>(&self, trouble: Option<Trouble>, act: impl FnOnce() -> T) -> T {
        let set = |on| {
            let Some(live) = &self.live else { return };
            match trouble {
                Some(Trouble::Full) => live.set_full(on).unwrap(),
                Some(Trouble::SyncFails) => live.set_sync_fails(on).unwrap(),
                None => {}
            }
        };
        set(true);
        let done = act();
        set(false);
        done
    }

    /// From here on every operation may be the last.
    pub(crate) fn mark(&mut self) {
        if let Some(live) = &mut self.live {
            let operations = live.look().unwrap();
            live.play(operations);
        }
    }

    /// The power goes at some moment since [`Machines::mark`]; `folder` is what was on the disk,
    /// `next` gets what is left of it.
    pub(crate) fn power_cut(&mut self, folder: &Path, next: &Path, chance: &mut Chance) -> Left {
        let Some(live) = &mut self.live else {
            lay(&image(folder), next);
            return Left {
                words: "nothing is lost".into(),
                everything_done: true,
            };
        };
        let operations = live.look().unwrap();
        let at = if chance.one_in(2) {
            operations
        } else {
            chance.index(operations + 1)
        };
        live.play(at);
        let (fate, words) = match chance.below(4) {
            0 => (Fate::Nothing, "all that was not synced is lost"),
            1 => (Fate::Everything, "nothing is lost"),
            _ => (
                Fate::Any(chance.any()),
                "some of what was not synced is lost or torn",
            ),
        };
        let below = folder.strip_prefix(&self.root).unwrap();
        let image = live.disk().after_power_cut_below(below, fate);
        let rest = live.look().unwrap();
        live.play(rest);
        let files = image.files().map(|(name, content)| {
            let name = name.strip_prefix(below).unwrap();
            (name.into(), content.to_vec())
        });
        lay(&files.collect(), next);
        Left {
            words: format!("after operation {at} of {operations}; {words}"),
            everything_done: at == operations,
        }
    }

    /// Throws away what is on a disk.
    pub(crate) fn scrap(&self, folder: &Path) {
        fs::remove_dir_all(folder).unwrap();
    }
}

fn sync(path: &Path) {
    File::open(path).unwrap().sync_all().unwrap();
}

/// What lies in the folder of a process that has ended: names and contents.
pub(crate) type Image = Vec<(OsString, Vec<u8>)>;

pub(crate) fn image(folder: &Path) -> Image {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    let kept = entries.filter(|entry| {
        let name = entry.file_name();
        let shown = name.to_string_lossy();
        !shown.ends_with("-shm") && !shown.ends_with(".lock")
    });
    kept.map(|entry| (entry.file_name(), fs::read(entry.path()).unwrap()))
        .collect()
}

/// Lays an image into a folder, certain to be there.
pub(crate) fn lay(image: &Image, folder: &Path) {
    for (name, content) in image {
        let path = folder.join(name);
        fs::write(&path, content).unwrap();
        sync(&path);
    }
    sync(folder);
}
