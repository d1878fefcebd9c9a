//! Person to person: from the command "send this text" to the event "a message was added" at the
//! other side. Everything is real: two client runtimes, a relay behind TLS on loopback, synced
//! storage at all three. One JSON line a figure, beside a bare forwarder in the same run.
//!
//! `bench_person` runs itself on one core and on all of them, with the data on the disk and in
//! memory; `bench_person here FOLDER LABEL` does one of these runs.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "a benchmark"
)]

#[path = "../bench/clock.rs"]
mod clock;
#[path = "../bench/disk.rs"]
mod disk;
#[path = "../bench/figure.rs"]
mod figure;
#[path = "../bench/forwarder.rs"]
mod forwarder;
#[path = "../bench/measure.rs"]
mod measure;
#[path = "../bench/people.rs"]
mod people;

use std::path::Path;
use std::process::Command;

/// Where nothing is synced, because nothing is on a disk.
const MEMORY: &str = "/dev/shm";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["here", folder, label] => measure::run(Path::new(folder), label),
        [] => everywhere(),
        _ => panic!("bench_person, or bench_person here FOLDER LABEL"),
    }
}

fn everywhere() {
    let disk = std::env::temp_dir();
    for (cores, pinned) in [("one core", true), ("all cores", false)] {
        for (place, folder) in [("disk", disk.as_path()), ("memory disk", Path::new(MEMORY))] {
            if folder.is_dir() {
                again(pinned, folder, &format!("{cores}, {place}"));
            }
        }
    }
    disk::sync_cost(&disk);
}

/// Runs this program once more, on the first core alone if it is to be pinned.
fn again(pinned: bool, folder: &Path, label: &str) {
    let program = std::env::current_exe().unwrap();
    let mut command = if pinned {
        let mut command = Command::new("taskset");
        command.args(["--cpu-list", "0"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    match command.arg("here").arg(folder).arg(label).status() {
        Ok(status) => assert!(status.success(), "the run \"{label}\" failed"),
        Err(error) if pinned => eprintln!("\"{label}\" is left out: no taskset here ({error})"),
        Err(error) => panic!("{error}"),
    }
}
