//! The pool: key packages that this device leaves at the inbox, so that others can begin a
//! conversation while it sleeps. The relay sees no identity in them.

use minicbor::bytes::ByteVec;
use sotto_suite::rand::RandomExt;
use sotto_suite::secret::Secret;
use sotto_suite::sign::{PublicKey, SigningKey};
use sotto_wire::{ChannelId, Command};

use super::card::{open_small, seal_small};
use super::inbox;
use crate::api::Timestamp;
use crate::conversations::{KeyPackageRow, LeafChannel};
use crate::error::Result;
use crate::relays::Purpose;
use crate::store::{OptionalExtension, params};
use crate::turn::Turn;

/// Packages at the start, each for one conversation.
const STOCK: usize = 12;
/// A package is used for at most 30 days; the last resort is renewed after 20.
const RENEW: u64 = 20 * 86_400_000;
/// Private keys are kept ten days longer than anybody may use the package.
const FORGET: u64 = 40 * 86_400_000;
/// The same while this device has not read what lies in its inbox: a letter may have used the package on
/// its last day, and lies there for 30 days at most.
const FORGET_UNREAD: u64 = 61 * 86_400_000;

/// Leaves `count` packages, and a new last resort if asked for; not before the errand `after`.
pub(crate) fn deposit(
    turn: &mut Turn<'_>,
    count: usize,
    last_resort: bool,
    after: Option<i64>,
) -> Result<()> {
    let mut packages = Vec::with_capacity(count);
    for _ in 0..count {
        packages.push(ByteVec::from(package(turn, false)?));
    }
    let last_resort = if last_resort {
        Some(package(turn, true)?)
    } else {
        None
    };
    let slot = turn.me.slot;
    let deposit = |channel, admin| Command::Deposit {
        channel,
        admin,
        slot,
        packages,
        last_resort,
    };
    inbox::govern(turn, deposit, Purpose::None, after)?;
    Ok(())
}

/// A whole stock.
pub(crate) fn stock(turn: &mut Turn<'_>, after: Option<i64>) -> Result<()> {
    deposit(turn, STOCK, true, after)
}

fn package(turn: &mut Turn<'_>, last_resort: bool) -> Result<Vec<u8>> {
    let subscriber = SigningKey::from_seed(&turn.random.secret());
    let leaf = LeafChannel {
        subscriber: subscriber.public(),
        rescue: Some(vec![turn.me.relay.clone()]),
    };
    let (message, row) = turn.mls.key_package(&leaf, last_resort, turn.now)?;
    turn.db
        .prepare_cached(
            "INSERT INTO key_packages (id, data, subscriber, subscriber_seed, made, last_resort)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            row.id,
            row.data.as_slice(),
            subscriber.public().0,
            subscriber.seed().expose(),
            turn.now_sql(),
            last_resort
        ])?;
    let (key, inbox) = (turn.me.pool_key.clone(), turn.me.inbox);
    Ok(seal_small(&key, &inbox, &message, turn.random))
}

/// Opens a package that the relay handed out.
pub(super) fn open_package(
    pool_key: &Secret<32>,
    inbox: &ChannelId,
    sealed: &[u8],
) -> Option<Vec<u8>> {
    open_small(pool_key, inbox, sealed)
}

/// All private halves, to join a group.
pub(super) fn rows(turn: &Turn<'_>) -> Result<Vec<KeyPackageRow>> {
    let mut statement = turn
        .db
        .prepare_cached("SELECT id, data FROM key_packages")?;
    let rows = statement.query_map([], |row| {
        Ok(KeyPackageRow {
            id: row.get(0)?,
            data: zeroize::Zeroizing::new(row.get(1)?),
        })
    })?;
    Ok(rows.collect::<std::result::Result<_, _>>()?)
}

/// The private half of a leaf's subscriber key.
pub(super) fn subscriber(turn: &Turn<'_>, public: &PublicKey) -> Result<Option<SigningKey>> {
    let seed: Option<[u8; 32]> = turn
        .db
        .prepare_cached("SELECT subscriber_seed FROM key_packages WHERE subscriber = ?1")?
        .query_row([public.0], |row| row.get(0))
        .optional()?;
    Ok(seed.map(|seed| SigningKey::from_seed(&Secret::new(seed))))
}

/// Renews the stock in time, and forgets what nobody may use any more.
pub(crate) fn housekeeping(turn: &mut Turn<'_>) -> Result<()> {
    let newest: Option<i64> = turn
        .db
        .prepare_cached("SELECT max(made) FROM key_packages WHERE last_resort = 1")?
        .query_row([], |row| row.get(0))?;
    let newest = Timestamp(newest.unwrap_or(0).cast_unsigned());
    if turn.now.since(newest) > RENEW {
        stock(turn, None)?;
    }
    let kept = if turn.room.inbox_read {
        FORGET
    } else {
        FORGET_UNREAD
    };
    let old = turn.sql_time(Timestamp(turn.now.0.saturating_sub(kept)));
    turn.db
        .prepare_cached("DELETE FROM key_packages WHERE made < ?1")?
        .execute([old])?;
    Ok(())
}
