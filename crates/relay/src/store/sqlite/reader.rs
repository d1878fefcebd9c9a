//! The reading thread: entries for subscribers that lag behind what memory holds.

use std::sync::Arc;
use std::sync::mpsc::Receiver;

use rusqlite::{Connection, OptionalExtension as _, Result};
use sotto_wire::{AppendId, ChainHash, ChannelId, Entry, Gap, Lane, Position};
use tokio::sync::oneshot::Sender;

use super::writer::failed;
use crate::store::{Item, StoreError, Stored};

/// Bodies in one answer, in bytes, save that one entry always fits.
const BYTES: usize = 512 * 1024;
/// Rows of gone entries looked at for one answer.
const ROWS: usize = 4096;

pub(super) struct Read {
    pub(super) channel: ChannelId,
    pub(super) after: Position,
    pub(super) limit: usize,
    pub(super) answer: Sender<Stored<Vec<Item>>>,
}

/// Works until the other side has gone.
pub(super) fn run(file: &Connection, waiting: &Receiver<Read>) {
    while let Ok(Read {
        channel,
        after,
        limit,
        answer,
    }) = waiting.recv()
    {
        let items = read(file, &channel, after, limit).unwrap_or_else(|error| Err(failed(&error)));
        let _ = answer.send(items);
    }
}

fn read(
    file: &Connection,
    channel: &ChannelId,
    after: Position,
    limit: usize,
) -> Result<Stored<Vec<Item>>> {
    // One transaction, so that the channel's beginning and its rows are of one moment.
    let file = file.unchecked_transaction()?;
    let base = file
        .prepare_cached("SELECT no, base, base_hash, base_handshakes FROM channels WHERE id = ?1")?
        .query_row([channel.as_bytes()], |row| {
            let until = Position(row.get(1)?);
            Ok((
                row.get::<_, i64>(0)?,
                Gap {
                    until,
                    hash: ChainHash(row.get(2)?),
                    handshakes: row.get(3)?,
                },
            ))
        })
        .optional()?;
    let Some((no, base)) = base else {
        return Ok(Err(StoreError::NotFound));
    };
    let mut items = Vec::new();
    // Gone entries in a row make one gap, named by its last.
    let mut gap = (base.until > after).then_some(base);
    let mut bytes = 0;
    let mut select = file.prepare_cached(
        "SELECT position, lane, append, fence, hash, handshakes, body FROM entries
         WHERE channel = ?1 AND position > ?2 ORDER BY position LIMIT ?3",
    )?;
    let mut rows = select.query((no, after.0, ROWS))?;
    while items.len() < limit
        && bytes < BYTES
        && let Some(row) = rows.next()?
    {
        let position = Position(row.get(0)?);
        let Some(body) = row.get::<_, Option<Vec<u8>>>(6)? else {
            gap = Some(Gap {
                until: position,
                hash: ChainHash(row.get(4)?),
                handshakes: row.get(5)?,
            });
            continue;
        };
        items.extend(gap.take().map(Item::Gap));
        bytes += body.len();
        let lane = if row.get::<_, u8>(1)? == Lane::Handshake as u8 {
            Lane::Handshake
        } else {
            Lane::Chat
        };
        let entry = Entry {
            position,
            lane,
            append: AppendId(row.get(2)?),
            body,
            fence: row.get(3)?,
        };
        items.push(Item::Entry(Arc::new(entry)));
    }
    items.extend(gap.map(Item::Gap));
    Ok(Ok(items))
}
