//! Group state between memory and disk, inside the engine's own transaction.

use std::collections::HashMap;

use sotto_suite::hash::sha256;
use sotto_wire::{decode, encode};
use zeroize::Zeroizing;

use super::mls::{GroupId, Groups, RosterLeaf, StoredGroup};
use crate::error::{EngineError, Result, Within};
use crate::store::{OptionalExtension, Row, Transaction, params};
use crate::turn::Turn;

const MAX_ROSTER: usize = 1 << 20;

/// Reads a group from disk.
pub(crate) fn load_group(db: &Transaction<'_>, mls: &mut dyn Groups, id: &GroupId) -> Result<()> {
    let mut epochs = Vec::new();
    let mut rosters = HashMap::new();
    {
        let mut statement =
            db.prepare_cached("SELECT epoch, data, roster FROM mls_epochs WHERE group_id = ?1")?;
        let mut rows = statement.query([id])?;
        while let Some(row) = rows.next()? {
            let epoch = row.get::<_, i64>(0)?.cast_unsigned();
            epochs.push((epoch, Zeroizing::new(row.get(1)?)));
            rosters.insert(epoch, roster_of_row(row, 2)?);
        }
    }
    let stored = db
        .prepare_cached("SELECT state, tree, tree_epoch, tree_hash FROM mls_groups WHERE id = ?1")?
        .query_row([id], |row| {
            Ok(StoredGroup {
                state: Zeroizing::new(row.get(0)?),
                epochs,
                tree: row.get(1)?,
                tree_epoch: row.get::<_, i64>(2)?.cast_unsigned(),
                tree_hash: row.get(3)?,
                rosters,
            })
        })
        .optional()?
        .ok_or_else(|| EngineError::Internal("a group's state is missing".into()))?;
    Ok(mls.load(id, stored)?)
}

/// Decodes a roster column.
pub(crate) fn roster_of_row(row: &Row<'_>, column: usize) -> Result<Vec<RosterLeaf>> {
    let bytes: Vec<u8> = row.get(column)?;
    decode(&bytes, MAX_ROSTER)
        .map_err(|_| EngineError::Internal("a stored roster is malformed".into()))
}

/// Writes what has moved: the state always, the tree only when the epoch changed.
pub(crate) fn flush_groups(turn: &mut Turn<'_>) -> Result<()> {
    let moved = turn.take_moved();
    if !moved.is_empty() && !turn.synced {
        // Keys must never move without reaching the disk: after a power cut they would be used twice.
        return Err(EngineError::Internal(
            "a group moved in a turn that is not synced".into(),
        ));
    }
    for id in &moved {
        let saved = turn.mls.save(id).map_err(EngineError::from);
        within_group(turn, id, saved)?;
    }
    let changes = turn.mls.take_changes();
    for (id, change) in changes.groups {
        let epoch = turn.mls.epoch(&id)?;
        let known: Option<i64> = turn
            .db
            .prepare_cached("SELECT tree_epoch FROM mls_groups WHERE id = ?1")?
            .query_row([id], |row| row.get(0))
            .optional()?;
        if let Some(before) = known.filter(|before| *before != epoch.cast_signed()) {
            remember_roster(turn, &id, before, &change.epochs)?;
        }
        let state = change
            .state
            .as_ref()
            .map(|state| state.as_slice())
            .unwrap_or_default();
        if known == Some(epoch.cast_signed()) {
            turn.db
                .prepare_cached("UPDATE mls_groups SET state = ?2 WHERE id = ?1")?
                .execute(params![id, state])?;
        } else {
            let tree = turn.mls.tree(&id)?;
            let roster = encode(&turn.mls.roster(&id)?);
            turn.db
                .prepare_cached(
                    "INSERT OR REPLACE INTO mls_groups (id, state, tree, tree_epoch, tree_hash, roster, since)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                )?
                .execute(params![
                    id,
                    state,
                    tree,
                    epoch.cast_signed(),
                    sha256(&[&tree]),
                    roster,
                    turn.now_sql()
                ])?;
        }
        for (past, data) in &change.epochs {
            turn.db
                .prepare_cached(
                    "UPDATE mls_epochs SET data = ?3 WHERE group_id = ?1 AND epoch = ?2",
                )?
                .execute(params![id, past.cast_signed(), data.as_slice()])?;
        }
        turn.db
            .prepare_cached("DELETE FROM mls_epochs WHERE group_id = ?1 AND epoch < ?2")?
            .execute(params![id, change.keep_from.cast_signed()])?;
    }
    for used in changes.packages_used {
        turn.db
            .prepare_cached("DELETE FROM key_packages WHERE id = ?1 AND last_resort = 0")?
            .execute([used])?;
    }
    Ok(())
}

/// Says which conversation a failure of its group concerns.
fn within_group<T>(turn: &Turn<'_>, group: &GroupId, result: Result<T>) -> Result<T> {
    let mut all = turn.room.conversations.values();
    match all.find(|conversation| conversation.group.as_ref() == Some(group)) {
        Some(conversation) => result.within(&conversation.id),
        None => result,
    }
}

/// The epoch that ended keeps its roster, so that late messages are put down to who sent them.
fn remember_roster(
    turn: &mut Turn<'_>,
    id: &GroupId,
    before: i64,
    epochs: &[(u64, Zeroizing<Vec<u8>>)],
) -> Result<()> {
    let roster: Vec<u8> = turn
        .db
        .prepare_cached("SELECT roster FROM mls_groups WHERE id = ?1")?
        .query_row([id], |row| row.get(0))?;
    for (epoch, data) in epochs {
        // Several epochs may have passed in one turn; the roster between them is the one before
        // or after, and late messages of a leaf that is in neither are refused.
        let roster = if epoch.cast_signed() == before {
            roster.clone()
        } else {
            encode(&turn.mls.roster(id)?)
        };
        turn.db
            .prepare_cached(
                "INSERT OR IGNORE INTO mls_epochs (group_id, epoch, data, roster, ended) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![id, epoch.cast_signed(), data.as_slice(), roster, turn.now_sql()])?;
    }
    Ok(())
}
