//! Invites of this account.

use sotto_suite::rand::RandomExt;
use sotto_suite::secret::Secret;
use sotto_suite::sign::PublicKey;
use sotto_wire::{Command, Invite, InviteError};

use super::card::Keys;
use super::contact::allow;
use super::inbox;
use crate::api::{
    AccountId, Done, Event, InviteGlance, InviteId, InviteState, InviteView, Timestamp,
};
use crate::error::{Refused, Result};
use crate::profile::Profile;
use crate::relays::{Purpose, errand};
use crate::store::{OptionalExtension, Transaction, params};
use crate::turn::Turn;

const SHORTEST: u64 = 60;
const LONGEST: u64 = 365 * 86_400;

/// Milliseconds for which an expired invite is still good to whoever has opened it in time and is
/// writing.
const WRITING: u64 = 3_600_000;
/// The same while this device has not read what lies in its inbox: as long as a key package can be used.
const UNREAD: u64 = 30 * 86_400_000;

/// States as stored.
const OPEN: i64 = 0;
const USED: i64 = 1;
const REVOKED: i64 = 2;

/// Reads somebody's link.
pub(super) fn read(link: &str) -> Result<Invite, Refused> {
    link.parse().map_err(|error| match error {
        InviteError::Damaged => Refused::InviteDamaged,
        InviteError::NewerVersion(_) => Refused::InviteNewer,
        InviteError::NotAnInvite => Refused::NotAnInvite,
    })
}

/// Looks at somebody's invite without opening it: nothing is stored, nobody is asked.
///
/// # Errors
/// [`Refused::NotAnInvite`], [`Refused::InviteDamaged`] or [`Refused::InviteNewer`]. Whether the
/// invite is still good shows when it is opened.
pub fn inspect(link: &str) -> Result<InviteGlance, Refused> {
    let invite = read(link)?;
    Ok(InviteGlance {
        relay: invite.relay.to_string(),
        account: AccountId(invite.account),
    })
}

/// Makes an invite.
pub(crate) fn create(turn: &mut Turn<'_>, single_use: bool, lifetime: u64) -> Result<Done> {
    if !(SHORTEST..=LONGEST).contains(&lifetime) {
        return Err(Refused::BadLifetime.into());
    }
    let secret: Secret<32> = turn.random.secret();
    let keys = Keys::new(&secret);
    // The link counts in minutes, so the inviter does too.
    let expires = Timestamp((turn.now.seconds() + lifetime).div_ceil(60) * 60_000);
    turn.db
        .prepare_cached("INSERT INTO invites (id, secret, writer, expires, single_use) VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute(params![
            keys.name,
            secret.expose(),
            keys.writer.public().0,
            turn.sql_time(expires),
            single_use
        ])?;
    allow(turn, &keys, None)?;
    let link = link(turn.me, secret, expires, single_use);
    Ok(Done::Invite {
        invite: InviteId(keys.name),
        link,
    })
}

fn link(me: &Profile, secret: Secret<32>, expires: Timestamp, single_use: bool) -> String {
    let invite = Invite {
        relay: me.relay.clone(),
        inbox: me.inbox,
        account: me.account.0,
        secret,
        expires: expires.seconds(),
        single_use,
    };
    invite.to_string()
}

/// Makes an invite useless.
pub(crate) fn revoke(turn: &mut Turn<'_>, id: &InviteId) -> Result<Done> {
    end(turn, id, REVOKED)?.ok_or(Refused::NoSuchInvite)?;
    Ok(Done::Ok)
}

/// A single-use invite has been used: its writer key goes with it.
pub(super) fn use_up(turn: &mut Turn<'_>, id: &InviteId) -> Result<()> {
    end(turn, id, USED)?;
    Ok(())
}

fn end(turn: &mut Turn<'_>, id: &InviteId, state: i64) -> Result<Option<()>> {
    let found: Option<([u8; 32], [u8; 32])> = turn
        .db
        .prepare_cached("SELECT writer, secret FROM invites WHERE id = ?1 AND state = 0")?
        .query_row([id.0], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((writer, secret)) = found else {
        return Ok(None);
    };
    let psk = Keys::new(&Secret::new(secret)).psk;
    turn.db
        .prepare_cached("UPDATE invites SET state = ?2, secret = x'', psk = ?3 WHERE id = ?1")?
        .execute(params![id.0, state, psk.expose()])?;
    forbid(turn, PublicKey(writer), None)?;
    turn.event(Event::InviteEnded { invite: *id });
    Ok(Some(()))
}

/// Takes a writer's right to the inbox away; not before the errand `after`, and not before the relay has
/// granted that right: one that had put it off would grant it later, and one that never knew it can't
/// tell its holder that it was taken away.
pub(super) fn forbid(turn: &mut Turn<'_>, writer: PublicKey, after: Option<i64>) -> Result<()> {
    let granting = |command: &Command| matches!(command, Command::SetWriter { writer: of, .. } if *of == writer);
    let queued = errand::at_inbox(turn)?;
    let granting = queued.iter().rev().find(|(_, command)| granting(command));
    let after = granting.map(|(id, _)| *id).or(after);
    let revoke = |channel, admin| Command::RevokeWriter {
        channel,
        admin,
        writer,
    };
    inbox::govern(turn, revoke, Purpose::None, after)?;
    Ok(())
}

/// Writer keys of invites that have ended before their time was up: somebody may still hold one.
pub(super) fn ended_writers(turn: &Turn<'_>) -> Result<Vec<PublicKey>> {
    let mut statement = turn
        .db
        .prepare_cached("SELECT writer FROM invites WHERE state <> 0 AND expires >= ?1")?;
    let rows = statement.query_map([turn.now_sql()], |row| row.get::<_, [u8; 32]>(0))?;
    let writers: Vec<[u8; 32]> = rows.collect::<std::result::Result<_, _>>()?;
    Ok(writers.into_iter().map(PublicKey).collect())
}

/// Invites that have expired, and through which nothing can come any more that was written in time:
/// a letter may have lain in the inbox while this device was away.
pub(super) fn expired(turn: &Turn<'_>) -> Result<Vec<InviteId>> {
    let after = if turn.room.inbox_read {
        WRITING
    } else {
        UNREAD
    };
    let mut statement = turn
        .db
        .prepare_cached("SELECT id FROM invites WHERE state = 0 AND expires < ?1")?;
    let before = turn.sql_time(Timestamp(turn.now.0.saturating_sub(after)));
    let rows = statement.query_map([before], |row| row.get(0).map(InviteId))?;
    Ok(rows.collect::<std::result::Result<_, _>>()?)
}

/// Expired invites lose their writer key at the relay too.
pub(crate) fn housekeeping(turn: &mut Turn<'_>) -> Result<()> {
    for id in expired(turn)? {
        end(turn, &id, REVOKED)?;
    }
    // A key package is used for 30 days and kept for 40: nothing more can come of an invite then.
    let old = turn.sql_time(Timestamp(turn.now.0.saturating_sub(40 * 86_400_000)));
    turn.db
        .prepare_cached("DELETE FROM invites WHERE expires < ?1 AND state <> 0")?
        .execute([old])?;
    Ok(())
}

/// An invite through which a letter has come.
pub(super) struct Entrance {
    /// Strangers may come through it; otherwise it has ended.
    pub(super) open: bool,
    pub(super) single_use: bool,
    pub(super) psk: Secret<32>,
}

/// The invite of this name, if anything of it is still here.
pub(super) fn entrance(turn: &Turn<'_>, id: &InviteId) -> Result<Option<Entrance>> {
    let row: Option<(bool, Vec<u8>, Option<[u8; 32]>)> = turn
        .db
        .prepare_cached("SELECT single_use, secret, psk FROM invites WHERE id = ?1")?
        .query_row([id.0], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    let Some((single_use, secret, psk)) = row else {
        return Ok(None);
    };
    let secret = Secret::from_slice(&secret).ok();
    let open = secret.is_some();
    let psk = match secret {
        Some(secret) => Some(Keys::new(&secret).psk),
        None => psk.map(Secret::new),
    };
    Ok(psk.map(|psk| Entrance {
        open,
        single_use,
        psk,
    }))
}

/// All invites, newest first.
pub(crate) fn list(db: &Transaction<'_>, me: &Profile, now: Timestamp) -> Result<Vec<InviteView>> {
    let mut statement = db.prepare_cached(
        "SELECT id, secret, expires, single_use, state FROM invites ORDER BY expires DESC",
    )?;
    let mut rows = statement.query([])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let expires = Timestamp(row.get::<_, i64>(2)?.cast_unsigned());
        let single_use = row.get(3)?;
        let state = match row.get::<_, i64>(4)? {
            OPEN if expires < now => InviteState::Expired,
            OPEN => InviteState::Open,
            USED => InviteState::Used,
            _ => InviteState::Revoked,
        };
        let secret: Vec<u8> = row.get(1)?;
        let good = (state == InviteState::Open)
            .then(|| Secret::from_slice(&secret).ok())
            .flatten();
        all.push(InviteView {
            invite: InviteId(row.get(0)?),
            link: good.map(|secret| link(me, secret, expires, single_use)),
            single_use,
            expires,
            state,
        });
    }
    Ok(all)
}
