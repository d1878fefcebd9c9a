//! Engines for the relay's embedded store, beside each other: what a group commit costs, what an
//! append costs once there are many entries, how large the files are, and whether a deleted body
//! is still in them. One JSON line a figure; the engines take turns, group by group.
//!
//!     cargo run --release -- [ENTRIES]

mod engine;
mod fjall;
mod redb;
mod sqlite;

use std::path::Path;
use std::time::{Duration, Instant};

use engine::{Engine, Entry};

/// A kibibyte: what a short text is padded to.
const BODY: usize = 1024;
/// How long each size of group is measured, on each engine.
const EACH: Duration = Duration::from_secs(4);
/// Stands in every body, so that it can be looked for in the files.
const MARK: &[u8] = b"a body that nobody else would write";

fn main() {
    let entries: u64 = std::env::args().nth(1).map_or(1_000_000, |count| {
        count.parse().expect("how many entries to grow to")
    });
    let folder = tempfile::tempdir_in(".").expect("a folder on the disk to be measured");
    let path = |name: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir(&path).expect("a folder");
        path
    };
    let mut engines: Vec<(&str, std::path::PathBuf, Box<dyn Engine>)> = Vec::new();
    for name in ["SQLite WAL", "redb", "fjall"] {
        let path = path(name);
        let engine: Box<dyn Engine> = match name {
            "redb" => Box::new(redb::Redb::open(&path)),
            "fjall" => Box::new(fjall::Fjall::open(&path)),
            _ => Box::new(sqlite::Sqlite::open(&path)),
        };
        engines.push((name, path, engine));
    }

    for group in [1, 64, 512] {
        for (name, _, engine) in &mut engines {
            let rate = rate(engine.as_mut(), group, 0);
            say(
                name,
                &format!("appends a second, {group} in a group"),
                rate,
                "1/s",
            );
        }
    }
    for (name, path, engine) in &mut engines {
        let started = Instant::now();
        let mut made = 0;
        while made < entries {
            let group: Vec<Entry> = (0..512)
                .map(|n| Entry::new(made + n, entries / 10, 1))
                .collect();
            engine.append(&group);
            made += 512;
        }
        say(
            name,
            "seconds to grow",
            started.elapsed().as_secs_f64(),
            "s",
        );
        say(
            name,
            "bytes on disk an entry, grown",
            bytes(path) as f64 / entries as f64,
            "B",
        );
    }
    for group in [1, 64, 512] {
        for (name, _, engine) in &mut engines {
            let rate = rate(engine.as_mut(), group, entries / 10);
            say(
                name,
                &format!("appends a second, {group} in a group, grown"),
                rate,
                "1/s",
            );
        }
    }
    for (name, _, engine) in &mut engines {
        let started = Instant::now();
        let mut read = 0;
        for n in 0..2_000 {
            read += engine.page(Entry::new(n * 7_919, entries / 10, 1).channel, 100);
        }
        let each = started.elapsed().as_secs_f64() * 1e6 / 2_000.0;
        say(
            name,
            &format!("page of a random channel ({} entries)", read / 2_000),
            each,
            "µs",
        );
    }
    for (name, path, engine) in &mut engines {
        let started = Instant::now();
        let mut at = 0;
        while at < entries {
            let group: Vec<Entry> = (0..512)
                .map(|n| Entry::new(at + n, entries / 10, 1))
                .collect();
            engine.let_go(&group);
            at += 512;
        }
        let rate = entries as f64 / started.elapsed().as_secs_f64();
        say(name, "bodies let go a second, 512 in a group", rate, "1/s");
        engine.forget_all();
        engine.settle();
        say(
            name,
            "deleted bodies still in the files",
            found(path) as f64,
            "1",
        );
        say(
            name,
            "bytes on disk an entry, bodies deleted",
            bytes(path) as f64 / entries as f64,
            "B",
        );
    }
}

/// Appends a second, in groups, each synced.
fn rate(engine: &mut dyn Engine, group: u64, channels: u64) -> f64 {
    let (started, mut made) = (Instant::now(), 0_u64);
    // Numbers of their own, so that no append is met twice.
    let first = (1 << 40) + engine.count();
    while started.elapsed() < EACH {
        let entries: Vec<Entry> = (0..group)
            .map(|n| Entry::new(first + made + n, channels.max(1_000), 2))
            .collect();
        engine.append(&entries);
        made += group;
    }
    made as f64 / started.elapsed().as_secs_f64()
}

fn files(path: &Path) -> Vec<std::path::PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(path).expect("the folder").flatten() {
        let path = entry.path();
        match path.is_dir() {
            true => all.extend(files(&path)),
            false => all.push(path),
        }
    }
    all
}

fn bytes(path: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    let size =
        |file: std::path::PathBuf| std::fs::metadata(file).map_or(0, |about| about.blocks() * 512);
    files(path).into_iter().map(size).sum()
}

/// How often a body's mark stands in the files.
fn found(path: &Path) -> usize {
    let mut count = 0;
    for file in files(path) {
        let content = std::fs::read(file).expect("a file of the engine");
        count += content
            .windows(MARK.len())
            .filter(|window| *window == MARK)
            .count();
    }
    count
}

fn say(name: &str, figure: &str, value: f64, unit: &str) {
    println!(r#"{{"name":"{name}: {figure}","value":{value:.1},"unit":"{unit}"}}"#);
}
