//! `sotto-relay backup`: everything that the relay keeps, of one moment, in one file.
//!
//! The file is an SQLite database: a copy of the store, made by SQLite beside a relay that may be
//! running, and the other files of the data folder in a table of their own.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use zeroize::Zeroizing;

use crate::config::CertificateSource;
use crate::config::settings::Settings;
use crate::data::{BLOBS, IDENTITY, LOCK, RESTORING, STORE, private};
use crate::store::sqlite::inspect::{Inspection, Stock};

use super::stats::size;

/// `sOtB`: this file is a backup of a Sotto relay.
pub(super) const APPLICATION: i64 = 0x734f_7442;
/// What folders that a restore moved aside begin with.
pub(super) const ASIDE: &str = "before-restore-";

/// Makes it, and says so.
pub(super) fn run(settings: &Settings, path: &Path) -> Result<(), String> {
    let data = &settings.config.data;
    if !data.join(IDENTITY).exists() || !data.join(STORE).exists() {
        return Err(format!(
            "there is no relay in {}; name its folder with --data",
            data.display()
        ));
    }
    let path = target(path, settings.config.store.clock.now());
    if path.exists() {
        return Err(format!(
            "{} exists already, and a backup overwrites nothing; choose another name",
            path.display()
        ));
    }
    let stock = make(data, &path).map_err(|why| {
        // What is half done is of no use; that it can't be removed changes nothing.
        drop(std::fs::remove_file(unfinished(&path)));
        format!("no backup was made: {why}")
    })?;
    let bytes = path.metadata().map_or(0, |about| about.len());
    println!(
        "{} ({}): {} channels, {} entries that wait",
        path.display(),
        size(bytes),
        stock.channels,
        stock.waiting
    );
    println!(
        "It holds the relay's identity key{}: whoever has it can pass for this relay.\nKeep it on another machine, where nobody else reads it. To put it in place:\n    sotto-relay restore FILE",
        if data.join(crate::config::place::FILE).exists() {
            " and its settings"
        } else {
            ""
        }
    );
    if data.join(BLOBS).exists() {
        println!(
            "Not in it: {}. To keep blobs (large attachments) too, copy that folder while the relay is stopped.",
            data.join(BLOBS).display()
        );
    }
    if let CertificateSource::Files { certificate, key } = &settings.config.certificate {
        let outside = [certificate, key]
            .into_iter()
            .filter(|file| !file.starts_with(data));
        for file in outside {
            println!("Not in it: {}", file.display());
        }
    }
    Ok(())
}

/// A folder gets a file named after the hour.
fn target(path: &Path, now: u64) -> PathBuf {
    if path.is_dir() {
        path.join(format!("sotto-relay-{now}.backup"))
    } else {
        path.to_path_buf()
    }
}

fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    name.into()
}

fn make(data: &Path, path: &Path) -> Result<Stock, String> {
    let fresh = unfinished(path);
    let words = |what: &str| {
        let what = what.to_owned();
        move |error: &dyn std::fmt::Display| format!("{what}: {error}")
    };
    let on_target = words(&fresh.display().to_string());
    // Made empty first, so that it is this user's alone before anything is in it.
    private(OpenOptions::new().write(true).create(true).truncate(true))
        .open(&fresh)
        .map_err(|error| on_target(&error))?;
    let store = Inspection::open(&data.join(STORE)).map_err(|error| words("the store")(&error))?;
    store.copy_to(&fresh).map_err(|error| on_target(&error))?;
    let copy = Inspection::open(&fresh).map_err(|error| on_target(&error))?;
    copy.verify().map_err(|error| words("the copy")(&error))?;
    let stock = copy.stock().map_err(|error| on_target(&error))?;
    drop(copy);
    // After the store: what an entry of the copy names was there when the copy was made.
    add_files(data, &fresh).map_err(|error| on_target(&error))?;
    let finish = || {
        File::open(&fresh)?.sync_all()?;
        std::fs::rename(&fresh, path)?;
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        if cfg!(unix) {
            File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
        }
        Ok::<_, std::io::Error>(())
    };
    finish().map_err(|error| on_target(&error))?;
    Ok(stock)
}

/// Puts all other files of the data folder beside the tables of the store.
fn add_files(data: &Path, backup: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let mut file = Connection::open(backup)?;
    file.pragma_update(None, "synchronous", "FULL")?;
    let adding = file.transaction()?;
    adding.execute_batch(
        "CREATE TABLE backup_files (name TEXT PRIMARY KEY, content BLOB NOT NULL) STRICT",
    )?;
    for (name, path) in files(data)? {
        let content = match std::fs::read(&path) {
            Ok(content) => Zeroizing::new(content),
            // Gone since: nothing that the copy needs.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(format!("{}: {error}", path.display()).into()),
        };
        adding.execute(
            "INSERT INTO backup_files (name, content) VALUES (?1, ?2)",
            (&name, content.as_slice()),
        )?;
    }
    adding.pragma_update(None, "application_id", APPLICATION)?;
    adding.commit()?;
    Ok(())
}

/// Name in the backup, with `/` between folders, and path of everything but the store itself.
fn files(data: &Path) -> std::io::Result<Vec<(String, PathBuf)>> {
    let mut found = Vec::new();
    let mut folders = vec![(String::new(), data.to_path_buf())];
    while let Some((before, folder)) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            let kind = entry.file_type()?;
            let top = before.is_empty();
            // Blobs may be more than a file like this can hold.
            let left_out = name == LOCK
                || name == BLOBS
                || name == RESTORING
                || name.starts_with(STORE)
                || name.starts_with(ASIDE);
            if (top && left_out) || name.ends_with(".new") {
                continue;
            }
            let path = entry.path();
            if kind.is_dir() {
                folders.push((format!("{before}{name}/"), path));
            } else if kind.is_file() {
                found.push((format!("{before}{name}"), path));
            }
        }
    }
    Ok(found)
}
