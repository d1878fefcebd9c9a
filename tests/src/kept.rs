//! What a relay keeps: everything in its folder.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};

use crate::{Failure, Found, Needles};

/// A count of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Entries stored so far, those included that are gone again.
    pub entries: u64,
    /// Entries that are still there, because somebody has yet to fetch them.
    pub waiting: u64,
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Kept {
    /// Counts what the relay on the folder `data` keeps. It may be running.
    ///
    /// # Errors
    /// The folder or the store in it can't be read.
    pub fn count(data: &Path) -> Result<Self, Failure> {
        let store = data.join("relay.db");
        let store = Connection::open_with_flags(store, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        store.busy_timeout(Duration::from_secs(5))?;
        let one = |sql| store.query_row(sql, [], |row| row.get::<_, i64>(0));
        let entries = one("SELECT count(*) FROM entries")?;
        let waiting = one("SELECT count(*) FROM entries WHERE body IS NOT NULL")?;
        let files = files(data)?;
        let sizes = files.iter().filter_map(|path| path.metadata().ok());
        Ok(Self {
            entries: entries.unsigned_abs(),
            waiting: waiting.unsigned_abs(),
            files: files.len() as u64,
            bytes: sizes.map(|file| file.len()).sum(),
        })
    }

    /// The same, once everything was fetched or after a while without that.
    ///
    /// # Errors
    /// As [`Self::count`].
    pub fn when_fetched(data: &Path, patience: Duration) -> Result<Self, Failure> {
        let deadline = Instant::now() + patience;
        loop {
            let kept = Self::count(data)?;
            if kept.waiting == 0 || Instant::now() > deadline {
                return Ok(kept);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// All files under `folder`.
///
/// # Errors
/// A folder can't be read.
pub fn files(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).map_err(Failure::file(&folder))? {
            let path = entry.map_err(Failure::file(&folder))?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// What of `needles` stands in any file under `folder`, or in a file's name.
///
/// # Errors
/// A file can't be read.
pub fn search(needles: &Needles, folder: &Path) -> Result<Vec<(PathBuf, Found)>, Failure> {
    let mut found = Vec::new();
    for path in files(folder)? {
        let name = needles.search(path.as_os_str().as_encoded_bytes(), 0);
        let content = match needles.search_file(&path) {
            // One that was removed meanwhile (SQLite's log) holds nothing any more.
            Err(Failure::File { error, .. }) if error.kind() == std::io::ErrorKind::NotFound => {
                Vec::new()
            }
            content => content?,
        };
        let all = name.into_iter().chain(content);
        found.extend(all.map(|found| (path.clone(), found)));
    }
    Ok(found)
}
