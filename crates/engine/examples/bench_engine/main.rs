//! What one text costs the engine, storage included: one JSON line a figure.
//!
//! Alice and Bob have real engines and real databases; between them stands the model relay of the
//! stories, which costs nothing that is measured here. Each figure has its peer in the same run,
//! batch by batch in turn: a bare SQLCipher table with the engine's own pragmas, into which one
//! row of the same size goes a transaction.
//!
//! `bench_engine FOLDER COUNT` prints nothing: it says 20,000 texts, COUNT in one input, with the
//! databases in FOLDER, for a profiler to look at.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "a benchmark"
)]

mod clock;
mod figures;
mod peer;
mod talk;
#[path = "../../tests/world/mod.rs"]
mod world;

use std::path::Path;

use figures::Place;

/// Where nothing is synced, because nothing is on a disk.
const MEMORY: &str = "/dev/shm";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [folder, count] = &arguments[..] {
        return figures::busy(Path::new(folder), count.parse().unwrap());
    }
    let disk = figures::all(&Place {
        name: "disk",
        folder: &std::env::temp_dir(),
    });
    figures::state(&disk);
    if Path::new(MEMORY).is_dir() {
        figures::all(&Place {
            name: "memory disk",
            folder: Path::new(MEMORY),
        });
    }
    figures::sync_cost(&std::env::temp_dir());
}
