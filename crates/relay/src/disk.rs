//! How much room the disk has, and how much of it is ours.

use std::path::Path;

/// Bytes of all files in the folder and below.
pub(crate) fn used(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return 0;
    };
    entries
        .flatten()
        .filter_map(|entry| {
            let about = entry.metadata().ok()?;
            Some(if about.is_dir() {
                used(&entry.path())
            } else {
                about.len()
            })
        })
        .sum()
}

/// Bytes that the disk under the folder has left for this user. None where the system does not say.
pub(crate) fn free(folder: &Path) -> Option<u64> {
    #[cfg(unix)]
    {
        let about = rustix::fs::statvfs(folder).ok()?;
        Some(about.f_bavail.saturating_mul(about.f_frsize))
    }
    #[cfg(not(unix))]
    {
        let _ = folder;
        None
    }
}
