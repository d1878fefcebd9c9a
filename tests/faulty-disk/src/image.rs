//! The contents of a folder.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Contents of a folder after a power cut, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Image {
    pub(crate) folders: BTreeSet<PathBuf>,
    pub(crate) files: BTreeMap<PathBuf, Vec<u8>>,
}

impl Image {
    /// Content of a file.
    #[must_use]
    pub fn file(&self, name: impl AsRef<Path>) -> Option<&[u8]> {
        self.files.get(name.as_ref()).map(Vec::as_slice)
    }

    /// Every file with its content, by name.
    pub fn files(&self) -> impl Iterator<Item = (&Path, &[u8])> {
        self.files
            .iter()
            .map(|(name, content)| (name.as_path(), content.as_slice()))
    }

    /// Writes the contents into a folder that exists.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write_to(&self, folder: &Path) -> io::Result<()> {
        for name in &self.folders {
            fs::create_dir_all(folder.join(name))?;
        }
        for (name, content) in &self.files {
            fs::write(folder.join(name), content)?;
        }
        Ok(())
    }
}

/// Reads a folder with everything in it.
pub(crate) fn image_of(folder: &Path) -> io::Result<Image> {
    let mut image = Image::default();
    let mut open = vec![PathBuf::new()];
    while let Some(below) = open.pop() {
        for entry in fs::read_dir(folder.join(&below))? {
            let entry = entry?;
            let name = below.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                image.folders.insert(name.clone());
                open.push(name);
            } else {
                image.files.insert(name, fs::read(entry.path())?);
            }
        }
    }
    Ok(image)
}
