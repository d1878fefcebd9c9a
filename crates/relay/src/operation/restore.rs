//! `sotto-relay restore`: puts a backup in place, whole or not at all.
//!
//! Everything is made ready and checked in a folder `restoring` inside of the data folder. While
//! that folder is there no relay starts, so a restore that is cut off in the middle can't become a
//! relay with the files of two.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::Write as _;
use std::path::{Component, Path};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use zeroize::Zeroizing;

use crate::clock::Clock;
use crate::data::{BLOBS, DataFolder, IDENTITY, LOCK, RESTORING, STORE, identity_of, private};
use crate::store::sqlite::inspect::{Inspection, Stock};

use super::backup::{APPLICATION, ASIDE};

type Failure = Box<dyn std::error::Error>;

/// Puts it in place, and says what that means.
pub(super) fn run(data: &Path, backup: &Path, force: bool) -> Result<(), String> {
    let occupied = data.join(IDENTITY).exists() || data.join(STORE).exists();
    let interrupted = data.join(RESTORING).exists();
    if (occupied || interrupted) && !force {
        return Err(format!(
            "{} holds a relay already. With --force it is moved aside into a folder beside, and the backup takes its place",
            data.display()
        ));
    }
    let file = open(backup)?;
    let lock = DataFolder::lock(data).map_err(|error| match error {
        crate::DataError::InUse(_) => {
            format!("a relay is running on {}; stop it first", data.display())
        }
        other => other.to_string(),
    })?;
    let stock = prepare(data, backup, file).map_err(|error| {
        // Nothing else has been touched.
        if !interrupted {
            drop(std::fs::remove_dir_all(data.join(RESTORING)));
        }
        format!("the backup can't be used, and nothing has been changed: {error}")
    })?;
    let aside = put_in_place(data, occupied || interrupted).map_err(|error| {
        format!("putting the backup in place was cut off: {error}. Run the same command again, with --force")
    })?;
    drop(lock);
    println!(
        "restored: {} channels, {} entries that wait",
        stock.channels, stock.waiting
    );
    if let Some(aside) = aside {
        println!("What was there before is in {}", aside.display());
    }
    println!(
        "Devices that have seen more than this backup holds will notice: they say that the relay\n\
         contradicted itself and hold back what they would send until a person has decided. Nothing\n\
         that they have received is lost. docs/operating.md, \"After an old backup\", says more.\n\
         Start the relay again; `sotto-relay check` looks whether all is well."
    );
    Ok(())
}

/// The backup, if it is one.
fn open(backup: &Path) -> Result<Connection, String> {
    let none = |why: &str| format!("{} is no backup of a relay: {why}", backup.display());
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let file =
        Connection::open_with_flags(backup, flags).map_err(|error| none(&error.to_string()))?;
    drop(file.busy_timeout(Duration::from_secs(5)));
    let application: i64 = file
        .pragma_query_value(None, "application_id", |row| row.get(0))
        .map_err(|error| none(&error.to_string()))?;
    if application == APPLICATION {
        Ok(file)
    } else {
        Err(none("`sotto-relay backup` did not make it"))
    }
}

/// Makes everything ready in the folder [`RESTORING`], and checks it.
fn prepare(data: &Path, backup: &Path, file: Connection) -> Result<Stock, Failure> {
    let fresh = data.join(RESTORING);
    if fresh.exists() {
        std::fs::remove_dir_all(&fresh)?;
    }
    make_folder(&fresh)?;
    let mut has_identity = false;
    let mut select = file.prepare("SELECT name, content FROM backup_files")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let name: String = row.get(0)?;
        let content = Zeroizing::new(row.get::<_, Vec<u8>>(1)?);
        let path = inside(&fresh, &name).ok_or_else(|| format!("it names a file {name:?}"))?;
        if let Some(folder) = path.parent() {
            make_folder(folder)?;
        }
        if name == IDENTITY {
            has_identity = identity_of(&content).is_some();
        }
        write(&path, &content)?;
    }
    drop(rows);
    drop(select);
    drop(file);
    if !has_identity {
        return Err("there is no identity key in it".into());
    }
    let store = fresh.join(STORE);
    let mut copy = private(OpenOptions::new().write(true).create_new(true)).open(&store)?;
    std::io::copy(&mut File::open(backup)?, &mut copy)?;
    drop(copy);
    let made = Connection::open(&store)?;
    // The identity key was in the table that goes: it may not stay in a free page.
    made.pragma_update(None, "secure_delete", "ON")?;
    made.pragma_update(None, "journal_mode", "MEMORY")?;
    let mine = crate::store::sqlite::inspect::application();
    made.execute_batch(&format!(
        "DROP TABLE backup_files; PRAGMA application_id = {mine}; VACUUM;"
    ))?;
    drop(made);
    let inspection = Inspection::open(&store)?;
    inspection.verify()?;
    let stock = inspection.stock()?;
    File::open(&store)?.sync_all()?;
    sync(&fresh)?;
    give_to_owner(data, &fresh)?;
    Ok(stock)
}

/// Below `folder`, without a way out of it.
fn inside(folder: &Path, name: &str) -> Option<std::path::PathBuf> {
    let relative = Path::new(name);
    let plain = relative
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    (plain && !name.is_empty()).then(|| folder.join(relative))
}

/// Moves what is there aside and what was made ready in; the identity key goes first and comes
/// last, and the marker goes when all is done. Blobs are in no backup and stay where they are:
/// their ids are random, and whoever knows one gets it as before.
fn put_in_place(data: &Path, move_aside: bool) -> Result<Option<std::path::PathBuf>, Failure> {
    let fresh = data.join(RESTORING);
    let mut aside = None;
    if move_aside {
        let now = Clock::default().now();
        let mut numbers = now..;
        let folder = loop {
            // Never into one that is there: what was moved aside stays what it was.
            let folder = data.join(format!("{ASIDE}{}", numbers.next().unwrap_or(now)));
            if !folder.exists() {
                break folder;
            }
        };
        make_folder(&folder)?;
        for name in in_order(data, |name| {
            name != RESTORING && name != LOCK && name != BLOBS && !name.starts_with(ASIDE)
        })? {
            std::fs::rename(data.join(&name), folder.join(&name))?;
        }
        sync(data)?;
        aside = Some(folder);
    }
    let mut names = in_order(&fresh, |_| true)?;
    names.reverse();
    for name in names {
        // An operator's own settings file may be there already.
        if !data.join(&name).exists() {
            std::fs::rename(fresh.join(&name), data.join(&name))?;
        }
    }
    sync(data)?;
    std::fs::remove_dir_all(&fresh)?;
    sync(data)?;
    Ok(aside)
}

/// Names in a folder, the identity key first.
fn in_order(folder: &Path, wanted: impl Fn(&str) -> bool) -> std::io::Result<Vec<String>> {
    let mut names: Vec<String> = std::fs::read_dir(folder)?
        .map(|entry| Ok(entry?.file_name().into_string().unwrap_or_default()))
        .collect::<std::io::Result<_>>()?;
    names.retain(|name| !name.is_empty() && wanted(name));
    names.sort_by_key(|name| name != IDENTITY);
    Ok(names)
}

fn make_folder(path: &Path) -> std::io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = private(OpenOptions::new().write(true).create_new(true)).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Windows syncs folders by itself and can't open them as files.
fn sync(folder: &Path) -> std::io::Result<()> {
    if cfg!(unix) {
        File::open(folder)?.sync_all()
    } else {
        Ok(())
    }
}

/// What root restores belongs to the relay's user, who owns the data folder.
fn give_to_owner(data: &Path, fresh: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt as _, chown};
        let owner = data.metadata()?;
        let mut folders = vec![fresh.to_path_buf()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder)? {
                let path = entry?.path();
                let about = path.symlink_metadata()?;
                if about.uid() != owner.uid() {
                    chown(&path, Some(owner.uid()), Some(owner.gid()))?;
                }
                if about.is_dir() {
                    folders.push(path);
                }
            }
        }
    }
    #[cfg(not(unix))]
    let _ = (data, fresh);
    Ok(())
}
