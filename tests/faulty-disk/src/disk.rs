//! What a process sees, and what a power cut would leave of it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use crate::chance::Chance;
use crate::image::Image;
use crate::log::Record;

/// Bytes that a disk writes whole.
const SECTOR: usize = 512;

/// What becomes of the operations that no sync has made certain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// None reached the disk.
    Nothing,
    /// All did: what a killed process leaves, and the machine lives.
    Everything,
    /// Any of them, in any order and torn at sectors, as this seed has it.
    Any(u64),
}

/// A folder at one moment of a history.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    files: Vec<File>,
    /// The shim's name for a file, and its place above.
    known: HashMap<u64, usize>,
    seen: Names,
    certain: Names,
    /// What was done to names since their folder was synced.
    pending: Vec<Renaming>,
}

#[derive(Clone, Debug, Default)]
struct File {
    seen: Vec<u8>,
    certain: Vec<u8>,
    pending: Vec<Change>,
}

#[derive(Clone, Debug)]
enum Change {
    Write { offset: usize, data: Vec<u8> },
    Truncate(usize),
}

#[derive(Clone, Debug, Default)]
struct Names {
    folders: BTreeSet<PathBuf>,
    files: BTreeMap<PathBuf, usize>,
}

#[derive(Clone, Debug)]
enum Renaming {
    Add(PathBuf, usize),
    Remove(PathBuf),
    Move(PathBuf, PathBuf),
    Folder(PathBuf),
}

impl Disk {
    /// Everything in `image`, all of it certain.
    pub(crate) fn of(image: &Image) -> Self {
        let mut disk = Self::default();
        disk.seen.folders = image.folders.clone();
        for (name, content) in &image.files {
            disk.seen.files.insert(name.clone(), disk.files.len());
            disk.files.push(File {
                seen: content.clone(),
                certain: content.clone(),
                pending: Vec::new(),
            });
        }
        disk.certain = disk.seen.clone();
        disk
    }

    /// A file as the process sees it.
    #[must_use]
    pub fn file(&self, name: impl AsRef<Path>) -> Option<&[u8]> {
        let place = *self.seen.files.get(name.as_ref())?;
        self.files.get(place).map(|file| file.seen.as_slice())
    }

    /// Whether a power cut now could lose anything.
    #[must_use]
    pub fn has_unsynced(&self) -> bool {
        !self.pending.is_empty() || self.files.iter().any(|file| !file.pending.is_empty())
    }

    pub(crate) fn step(&mut self, record: &Record) {
        match record {
            Record::Open { file, name } => {
                if let Some(place) = self.seen.files.get(name) {
                    self.known.insert(*file, *place);
                }
            }
            Record::Create { file, name } => {
                let place = self.files.len();
                self.files.push(File::default());
                // The number of a removed file may be used again.
                self.known.insert(*file, place);
                self.rename(Renaming::Add(name.clone(), place));
            }
            Record::Write { file, offset, data } => {
                let offset = usize::try_from(*offset).unwrap_or(usize::MAX);
                let data = data.clone();
                self.change(*file, Change::Write { offset, data });
            }
            Record::Truncate { file, len } => {
                let len = usize::try_from(*len).unwrap_or(usize::MAX);
                self.change(*file, Change::Truncate(len));
            }
            Record::Sync { file } => self.with(*file, |file| {
                for change in std::mem::take(&mut file.pending) {
                    change.apply(&mut file.certain);
                }
            }),
            Record::SyncFailed { file } => self.with(*file, |file| file.pending.clear()),
            Record::SyncFolder { name } => self.sync_folder(name),
            Record::Rename { from, to } => self.rename(Renaming::Move(from.clone(), to.clone())),
            Record::Unlink { name } => self.rename(Renaming::Remove(name.clone())),
            Record::MakeFolder { name } => self.rename(Renaming::Folder(name.clone())),
        }
    }

    /// What the folder holds after a power cut now.
    #[must_use]
    pub fn after_power_cut(&self, fate: Fate) -> Image {
        self.after_power_cut_below("", fate)
    }

    /// The same for one folder alone, which is somebody's whole disk; names are still those of
    /// the whole.
    #[must_use]
    pub fn after_power_cut_below(&self, folder: impl AsRef<Path>, fate: Fate) -> Image {
        let folder = folder.as_ref();
        let pending: Vec<_> = self
            .pending
            .iter()
            .filter(|renaming| renaming.folder().starts_with(folder))
            .collect();
        let mut chance = Chance::new(match fate {
            Fate::Any(seed) => seed,
            _ => 0,
        });
        let mut names = self.certain.clone();
        // File systems keep the order of what is done to names, if not of data.
        let survive = match fate {
            Fate::Nothing => 0,
            Fate::Everything => pending.len(),
            Fate::Any(_) => chance.below(pending.len() + 1),
        };
        for renaming in pending.into_iter().take(survive) {
            names.apply(renaming);
        }
        let mut image = Image {
            folders: names.folders.clone(),
            files: BTreeMap::new(),
        };
        image.folders.retain(|name| name.starts_with(folder));
        for (name, place) in &names.files {
            if !name.starts_with(folder) {
                continue;
            }
            let Some(file) = self.files.get(*place) else {
                continue;
            };
            if names.holds_folder_of(name) {
                image
                    .files
                    .insert(name.clone(), file.after(fate, &mut chance));
            }
        }
        image
    }

    fn with(&mut self, file: u64, act: impl FnOnce(&mut File)) {
        let place = self.known.get(&file).copied();
        if let Some(file) = place.and_then(|place| self.files.get_mut(place)) {
            act(file);
        }
    }

    fn change(&mut self, file: u64, change: Change) {
        self.with(file, |file| {
            change.clone().apply(&mut file.seen);
            file.pending.push(change);
        });
    }

    fn rename(&mut self, renaming: Renaming) {
        self.seen.apply(&renaming);
        self.pending.push(renaming);
    }

    fn sync_folder(&mut self, folder: &Path) {
        for renaming in std::mem::take(&mut self.pending) {
            if renaming.folder() == folder {
                self.certain.apply(&renaming);
            } else {
                self.pending.push(renaming);
            }
        }
    }
}

impl File {
    fn after(&self, fate: Fate, chance: &mut Chance) -> Vec<u8> {
        match fate {
            Fate::Nothing => return self.certain.clone(),
            Fate::Everything => return self.seen.clone(),
            Fate::Any(_) => {}
        }
        let mut content = self.certain.clone();
        for change in &self.pending {
            match change {
                Change::Truncate(_) if chance.coin() => change.clone().apply(&mut content),
                Change::Truncate(_) => {}
                Change::Write { offset, data } => match chance.below(3) {
                    0 => {}
                    1 => change.clone().apply(&mut content),
                    _ => torn(*offset, data, &mut content, chance),
                },
            }
        }
        content
    }
}

/// Some sectors of a write reach the disk, some don't.
fn torn(mut offset: usize, mut data: &[u8], content: &mut Vec<u8>, chance: &mut Chance) {
    while !data.is_empty() {
        let to_border = SECTOR - offset % SECTOR;
        let (sector, rest) = data.split_at(to_border.min(data.len()));
        if chance.coin() {
            let data = sector.to_vec();
            Change::Write { offset, data }.apply(content);
        }
        offset += sector.len();
        data = rest;
    }
}

impl Change {
    fn apply(self, content: &mut Vec<u8>) {
        match self {
            Self::Truncate(len) => content.resize(len, 0),
            Self::Write { offset, data } => {
                let end = offset.saturating_add(data.len());
                if content.len() < end {
                    content.resize(end, 0);
                }
                if let Some(place) = content.get_mut(offset..end) {
                    place.copy_from_slice(&data);
                }
            }
        }
    }
}

impl Names {
    fn apply(&mut self, renaming: &Renaming) {
        match renaming {
            Renaming::Add(name, place) => {
                self.files.insert(name.clone(), *place);
            }
            Renaming::Remove(name) => {
                self.files.remove(name);
                self.folders.remove(name);
            }
            Renaming::Folder(name) => {
                self.folders.insert(name.clone());
            }
            Renaming::Move(from, to) => self.rename(from, to),
        }
    }

    /// A folder takes everything in it along.
    fn rename(&mut self, from: &Path, to: &Path) {
        let moved = |name: &PathBuf| {
            let rest = name.strip_prefix(from).ok()?;
            Some(if rest.as_os_str().is_empty() {
                to.to_owned()
            } else {
                to.join(rest)
            })
        };
        self.files = std::mem::take(&mut self.files)
            .into_iter()
            // What had the new name is gone.
            .filter(|(name, _)| name != to)
            .map(|(name, place)| (moved(&name).unwrap_or(name), place))
            .collect();
        self.folders = std::mem::take(&mut self.folders)
            .into_iter()
            .map(|name| moved(&name).unwrap_or(name))
            .collect();
    }

    fn holds_folder_of(&self, name: &Path) -> bool {
        name.ancestors()
            .skip(1)
            .all(|folder| folder.as_os_str().is_empty() || self.folders.contains(folder))
    }
}

impl Renaming {
    /// The folder whose sync makes it certain.
    fn folder(&self) -> &Path {
        let name = match self {
            Self::Add(name, _) | Self::Remove(name) | Self::Folder(name) => name,
            Self::Move(_, to) => to,
        };
        name.parent().unwrap_or(Path::new(""))
    }
}

#[cfg(test)]
mod tests;
