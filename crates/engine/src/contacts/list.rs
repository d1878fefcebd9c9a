//! Renewal of the device list: it introduces the account to new people only until it expires.

use sotto_suite::secret::Secret;

use super::card::Keys;
use super::contact::allow;
use super::opening::verified_chain;
use crate::error::{EngineError, Result};
use crate::turn::Turn;

/// How long a list introduces: 90 days, in seconds; renewed when a third of it is left.
pub(crate) const LIFETIME: u64 = 90 * 86_400;

/// Signs the next list in time and renews every card that shows it.
pub(crate) fn housekeeping(turn: &mut Turn<'_>) -> Result<()> {
    let now = turn.now.seconds();
    if now.saturating_add(LIFETIME / 3) < turn.me.list_expires {
        return Ok(());
    }
    let chain = verified_chain(&turn.me.chain, &turn.me.account)
        .ok_or_else(|| EngineError::Internal("the stored chain does not hold".into()))?;
    let mut list = chain.device_list().clone();
    list.issued = now;
    list.expires = now.saturating_add(LIFETIME);
    let chain = chain
        .with_list(&turn.me.account_key, &list)
        .map_err(|error| EngineError::Internal(error.to_string()))?;
    turn.me.chain = chain.encoded();
    turn.me.list_expires = list.expires;
    turn.me.save(turn.db)?;
    for secret in holders(turn)? {
        allow(turn, &Keys::new(&secret), None)?;
    }
    Ok(())
}

/// Secrets of everybody who may write into the inbox.
pub(super) fn holders(turn: &Turn<'_>) -> Result<Vec<Secret<32>>> {
    let mut statement = turn.db.prepare_cached(
        "SELECT secret FROM invites WHERE state = 0 UNION ALL SELECT given FROM contacts WHERE given IS NOT NULL",
    )?;
    let rows = statement.query_map([], |row| row.get::<_, [u8; 32]>(0))?;
    let secrets: Vec<[u8; 32]> = rows.collect::<std::result::Result<_, _>>()?;
    Ok(secrets.into_iter().map(Secret::new).collect())
}
