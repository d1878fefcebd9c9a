//! Small files that are written whole or not at all.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

/// No file of a profile folder that is read into memory comes near this, in bytes.
const LARGEST: u64 = 64 * 1024;

/// Writes `bytes` to `path`: beside it, synced, then renamed over it, and the folder synced, so
/// that a crash leaves the old file or the new one. Readable by this user alone.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let mut file = options.open(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    drop(file);
    std::fs::rename(&beside, path)?;
    path.parent().map_or(Ok(()), sync_folder)
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    // Windows has no handle on a folder to sync; NTFS journals its names.
    if cfg!(unix) {
        File::open(path)?.sync_all()
    } else {
        Ok(())
    }
}

/// Makes a folder, and those above it, for this user alone.
pub(crate) fn create_private_folder(path: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(path)
}

/// Reads a small file; a larger one is an error before it is read.
pub(crate) fn read_small(path: &Path) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    let read = File::open(path)?.take(LARGEST + 1).read_to_end(&mut out)?;
    if u64::try_from(read).unwrap_or(u64::MAX) > LARGEST {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "larger than it can be",
        ));
    }
    Ok(out)
}
