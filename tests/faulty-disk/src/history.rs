//! Everything that a process did to a folder, to be played up to any moment.

use crate::disk::Disk;
use crate::image::Image;
use crate::log::{self, Broken, Record};

/// The folder as it was at first, and what was done to it.
#[derive(Clone, Debug)]
pub struct History {
    initial: Image,
    records: Vec<Record>,
}

impl History {
    pub(crate) fn read(initial: Image, log: &[u8]) -> Result<Self, Broken> {
        Ok(Self {
            initial,
            records: log::read(log)?,
        })
    }

    /// Operations.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether nothing was done.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The disk before the first operation, after the first, and so on: `len() + 1` moments.
    pub fn moments(&self) -> impl Iterator<Item = Disk> {
        let before = Disk::of(&self.initial);
        let after = self.records.iter().scan(before.clone(), |disk, record| {
            disk.step(record);
            Some(disk.clone())
        });
        std::iter::once(before).chain(after)
    }

    /// The disk after the last operation.
    #[must_use]
    pub fn end(&self) -> Disk {
        let mut disk = Disk::of(&self.initial);
        for record in &self.records {
            disk.step(record);
        }
        disk
    }
}
