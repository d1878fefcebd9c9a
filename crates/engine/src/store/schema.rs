//! The tables, as a list of forward steps. `PRAGMA user_version` counts the steps taken.

use super::{Connection, StoreError};

/// "Sott", so that tools that know the key see whose file it is (`PRAGMA application_id`).
pub(super) const APPLICATION_ID: i32 = 0x536f_7474;

/// Steps in order. A released step is never edited: what changes is a further one.
const STEPS: &[&str] = &[
    include_str!("schema/0001.sql"),
    include_str!("schema/0002.sql"),
    include_str!("schema/0003.sql"),
    include_str!("schema/0004.sql"),
    include_str!("schema/0005.sql"),
    include_str!("schema/0006.sql"),
];

/// Version of a database that has taken every step.
pub(super) fn newest() -> u32 {
    u32::try_from(STEPS.len()).unwrap_or(u32::MAX)
}

/// Version of this database; 0 for one without tables.
pub(super) fn version(connection: &Connection) -> Result<u32, StoreError> {
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    u32::try_from(found).map_err(|_| StoreError::Damaged("its version is negative".into()))
}

/// Writes one page without changing anything.
pub(super) fn write_version_again(connection: &Connection) -> Result<(), StoreError> {
    connection.pragma_update(None, "user_version", newest())?;
    Ok(())
}

/// Bytes for which there must be room before a disk counts as mended.
const ROOM: i64 = 64 * 1024;

/// Writes so much and takes it away again.
pub(super) fn try_room(connection: &Connection) -> Result<(), StoreError> {
    connection.execute(
        "INSERT OR REPLACE INTO meta (key, value) VALUES ('room', zeroblob(?1))",
        [ROOM],
    )?;
    connection.execute("DELETE FROM meta WHERE key = 'room'", [])?;
    Ok(())
}

/// The tables as an earlier version made them.
#[cfg(test)]
pub(super) fn as_of(connection: &Connection, version: u32) -> Result<(), StoreError> {
    for step in STEPS.iter().take(version as usize) {
        connection.execute_batch(step)?;
    }
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    connection.pragma_update(None, "user_version", version)?;
    Ok(())
}

/// Takes the steps that are missing. The caller has begun a transaction, so that either all of
/// them are taken or none.
pub(super) fn advance(connection: &Connection) -> Result<(), StoreError> {
    let found = version(connection)?;
    if found > newest() {
        return Err(StoreError::NewerVersion {
            found,
            known: newest(),
        });
    }
    if found == newest() {
        return Ok(());
    }
    for step in STEPS.iter().skip(found as usize) {
        connection.execute_batch(step)?;
    }
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    connection.pragma_update(None, "user_version", newest())?;
    Ok(())
}

/// Refuses a database that this program did not make, or that a newer one changed.
pub(super) fn check(connection: &Connection) -> Result<u32, StoreError> {
    let application: i32 =
        connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let found = version(connection)?;
    if application != APPLICATION_ID || found == 0 {
        return Err(StoreError::Damaged("it holds no profile".into()));
    }
    if found > newest() {
        return Err(StoreError::NewerVersion {
            found,
            known: newest(),
        });
    }
    Ok(found)
}
