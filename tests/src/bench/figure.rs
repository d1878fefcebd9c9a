//! The lines that are printed.

use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::time::Instant;

use serde_json::json;

use super::clock::Times;

/// One figure beside its peer's.
pub fn line(name: &str, value: f64, unit: &str, peer: &str, theirs: f64) {
    let round = |value: f64| (value * 1000.0).round() / 1000.0;
    let line = json!({
        "name": name,
        "value": round(value),
        "unit": unit,
        "peer": format!("{peer} {}", round(theirs)),
        "ratio": round(value / theirs),
    });
    println!("{line}");
}

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
