//! What the disk takes.

use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::time::Instant;

use super::clock::Times;
use super::figure::line;

/// What the disk takes to make four KiB durable: three of these lie between send and event.
pub fn sync_cost(folder: &Path) {
    let mut file = tempfile::tempfile_in(folder).unwrap();
    file.write_all(&vec![0; 1 << 22]).unwrap();
    file.sync_all().unwrap();
    let (mut synced, mut plain) = (Times::default(), Times::default());
    for turn in 0..400_u64 {
        let write = |file: &mut std::fs::File| {
            file.seek(SeekFrom::Start(turn * 4096)).unwrap();
            file.write_all(&[7; 4096]).unwrap();
        };
        let start = Instant::now();
        write(&mut file);
        plain.add(start.elapsed());
        let start = Instant::now();
        write(&mut file);
        file.sync_data().unwrap();
        synced.add(start.elapsed());
    }
    let (synced, plain) = (synced.quantile(0.5), plain.quantile(0.5));
    let name = "sync of a 4 KiB write, disk";
    line(name, synced, "ms", "the same write without sync", plain);
}
