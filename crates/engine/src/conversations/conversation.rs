//! A conversation as the engine holds it in memory; its row is the truth.

use sotto_suite::secret::Secret;
use sotto_suite::sign::SigningKey;
use sotto_wire::{ChainHash, ChannelId, Position, RelayAddress, decode, encode};

use super::mls::GroupId;
use super::{Generation, order};
use crate::api::{AccountId, ConversationId, ConversationState, Shield, ShieldReason, Timestamp};
use crate::error::{EngineError, Result};
use crate::store::{Row, Transaction, params};

/// What a conversation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The account's own devices.
    Account,
    /// Two accounts.
    Direct,
}

/// Where the channel stands, once there is one.
#[derive(Clone, Debug)]
pub(crate) struct Channel {
    pub(crate) relay: RelayAddress,
    pub(crate) subscriber: SigningKey,
    pub(crate) generation: Generation,
    /// When this generation began here.
    pub(crate) since: Timestamp,
    /// Last entry that has been processed.
    pub(crate) position: Position,
    /// Running hash after it.
    pub(crate) hash: ChainHash,
    /// Handshakes up to it.
    pub(crate) handshakes: u64,
    /// Being delivered on the current connection; never on disk.
    pub(crate) subscribed: bool,
    /// Caught up on the current connection; never on disk.
    pub(crate) live: bool,
    /// Where a hole was met that asking again has not filled yet; never on disk.
    pub(crate) hole: Option<Position>,
    /// Not listened to on the current connection; never on disk.
    pub(crate) deaf: bool,
    /// Said to be closed by a fence when it was last subscribed to; never on disk.
    pub(crate) fenced: bool,
    /// What the relay calls stale waits so many milliseconds, and until then; never on disk.
    stale: (u64, Timestamp),
}

/// Longest wait of what the relay calls stale, in milliseconds.
const STALE: u64 = 60_000;

impl Channel {
    pub(crate) fn id(&self) -> ChannelId {
        self.generation.channel()
    }

    /// A channel nobody has written to yet.
    pub(crate) fn fresh(
        relay: RelayAddress,
        subscriber: SigningKey,
        generation: Generation,
        now: Timestamp,
    ) -> Self {
        let hash = ChainHash::start(&generation.channel());
        Self {
            relay,
            subscriber,
            generation,
            since: now,
            position: Position(0),
            hash,
            handshakes: 0,
            subscribed: false,
            live: false,
            hole: None,
            deaf: false,
            fenced: false,
            stale: Default::default(),
        }
    }

    /// Until when to leave alone what the relay calls stale: for `least` milliseconds. What made it so is on
    /// its way; where nothing comes, it is twice as long each time, because each attempt costs a key.
    pub(crate) fn stale(&mut self, now: Timestamp, least: u64) -> Timestamp {
        let (pause, until) = self.stale;
        let left = until.since(now);
        if left == 0 || left > pause {
            let pause = pause.saturating_mul(2).clamp(least, STALE);
            self.stale = (pause, now.plus(pause));
        }
        self.stale.1
    }

    /// Something was read.
    pub(crate) fn moved(&mut self) {
        self.stale = Default::default();
    }

    /// Place of the last processed entry in the order that all members share.
    pub(crate) fn order(&self) -> i64 {
        order(self.generation.number(), self.position)
    }
}

/// A conversation.
#[derive(Clone, Debug)]
pub(crate) struct Conversation {
    pub(crate) id: ConversationId,
    pub(crate) kind: Kind,
    pub(crate) state: ConversationState,
    pub(crate) group: Option<GroupId>,
    pub(crate) account: Option<AccountId>,
    pub(crate) name: String,
    pub(crate) channel: Option<Channel>,
    /// When this device last gave the group a fresh path.
    pub(crate) refreshed: Timestamp,
    pub(crate) verified: bool,
    /// Since when, where that was kept.
    pub(crate) verified_at: Option<Timestamp>,
    /// The other side claims to have been shown another history.
    pub(crate) disputed: bool,
    /// This device saw the relay contradict itself.
    pub(crate) contradicted: bool,
    pub(crate) unread: u32,
    pub(crate) changed: Timestamp,
    /// How far the other side has got.
    pub(crate) mine_delivered: i64,
    pub(crate) mine_read: i64,
    /// How far this side has got.
    pub(crate) theirs_received: i64,
    pub(crate) theirs_read: i64,
    /// What the other side has been told of it.
    pub(crate) receipt_sent: i64,
    pub(crate) receipt_read_sent: i64,
    /// The other side has said something in the group, and so knows that it is in force.
    pub(crate) answered: bool,
    /// What went wrong with it inside this program: it is set aside until the next start.
    pub(crate) trouble: Option<String>,
}

/// Changes a row and leaves the columns that have an index alone: this runs in every turn, and
/// touches one page where replacing the row touches one of each index, too.
const UPDATE: &str = "UPDATE conversations SET kind = ?2, state = ?3, account = ?5, name = ?6,
        relay = ?7, subscriber_seed = ?8, generation = ?9, generation_secret = ?10,
        generation_since = ?11, position = ?12, hash = ?13, handshakes = ?14, refreshed = ?15,
        verified = ?16, disputed = ?17, contradicted = ?18, unread = ?19, changed = ?20,
        mine_delivered = ?21, mine_read = ?22, theirs_received = ?23, theirs_read = ?24,
        receipt_sent = ?25, receipt_read_sent = ?26, verified_at = ?27, answered = ?28,
        trouble = ?29
    WHERE id = ?1 AND group_id IS ?4";

/// Adds a row, or replaces one that has got its group now.
const REPLACE: &str = "INSERT OR REPLACE INTO conversations (id, kind, state, group_id, account, name,
        relay, subscriber_seed, generation, generation_secret, generation_since, position, hash,
        handshakes, refreshed, verified, disputed, contradicted, unread, changed, mine_delivered,
        mine_read, theirs_received, theirs_read, receipt_sent, receipt_read_sent, verified_at, answered,
        trouble)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20,
        ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29)";

impl Conversation {
    pub(crate) fn new(
        id: ConversationId,
        kind: Kind,
        state: ConversationState,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            kind,
            state,
            group: None,
            account: None,
            name: String::new(),
            channel: None,
            refreshed: now,
            verified: false,
            verified_at: None,
            disputed: false,
            contradicted: false,
            unread: 0,
            changed: now,
            mine_delivered: 0,
            mine_read: 0,
            theirs_received: 0,
            theirs_read: 0,
            receipt_sent: 0,
            receipt_read_sent: 0,
            answered: true,
            trouble: None,
        }
    }

    /// Nothing is read of it: what comes stays at the relay, unacknowledged. Nor is anything sent, because
    /// that begins where all has been read.
    pub(crate) fn rests(&self) -> bool {
        self.state == ConversationState::Halted || self.trouble.is_some()
    }

    /// Colour of the shield and the reason for it.
    pub(crate) fn shield(&self) -> (Shield, ShieldReason) {
        if self.state == ConversationState::Halted {
            (Shield::NotProtected, ShieldReason::Halted)
        } else if self.contradicted {
            (Shield::NotProtected, ShieldReason::RelayContradiction)
        } else if self.disputed {
            (Shield::Encrypted, ShieldReason::HistoryDisputed)
        } else if self.verified {
            (Shield::Verified, ShieldReason::Compared)
        } else {
            (Shield::Encrypted, ShieldReason::NotCompared)
        }
    }

    /// Writes the whole row.
    pub(crate) fn save(&self, db: &Transaction<'_>) -> Result<()> {
        let channel = self.channel.as_ref();
        for sql in [UPDATE, REPLACE] {
            let written = db.prepare_cached(sql)?.execute(params![
                self.id.0,
                matches!(self.kind, Kind::Direct) as i64,
                state_number(self.state),
                self.group,
                self.account.map(|account| account.0),
                self.name,
                channel.map(|c| encode(&c.relay)),
                channel.map(|c| *c.subscriber.seed().expose()),
                channel.map_or(0, |c| c.generation.number()),
                channel.map(|c| *c.generation.secret().expose()),
                channel.map_or(0, |c| c.since.0.cast_signed()),
                channel.map_or(0, |c| c.position.0.cast_signed()),
                channel.map(|c| c.hash.0),
                channel.map_or(0, |c| c.handshakes.cast_signed()),
                self.refreshed.0.cast_signed(),
                self.verified,
                self.disputed,
                self.contradicted,
                self.unread,
                self.changed.0.cast_signed(),
                self.mine_delivered,
                self.mine_read,
                self.theirs_received,
                self.theirs_read,
                self.receipt_sent,
                self.receipt_read_sent,
                self.verified_at.map(|at| at.0.cast_signed()),
                self.answered,
                self.trouble,
            ])?;
            if written > 0 {
                break;
            }
        }
        Ok(())
    }

    /// Reads one row.
    pub(crate) fn load(db: &Transaction<'_>, id: &ConversationId) -> Result<Option<Self>> {
        let mut statement = db.prepare_cached("SELECT * FROM conversations WHERE id = ?1")?;
        let mut rows = statement.query([id.0])?;
        rows.next()?.map(Self::from_row).transpose()
    }

    /// Reads all rows.
    pub(crate) fn load_all(db: &Transaction<'_>) -> Result<Vec<Self>> {
        let mut statement = db.prepare_cached("SELECT * FROM conversations")?;
        let mut rows = statement.query([])?;
        let mut all = Vec::new();
        while let Some(row) = rows.next()? {
            all.push(Self::from_row(row)?);
        }
        Ok(all)
    }

    fn from_row(row: &Row<'_>) -> Result<Self> {
        let time = |name: &str| -> Result<Timestamp> {
            Ok(Timestamp(row.get::<_, i64>(name)?.cast_unsigned()))
        };
        let relay: Option<Vec<u8>> = row.get("relay")?;
        let seed: Option<[u8; 32]> = row.get("subscriber_seed")?;
        let secret: Option<[u8; 32]> = row.get("generation_secret")?;
        let hash: Option<[u8; 32]> = row.get("hash")?;
        let channel = match (relay, seed, secret, hash) {
            (Some(relay), Some(seed), Some(secret), Some(hash)) => Some(Channel {
                relay: decode(&relay, 4096).map_err(|_| {
                    EngineError::Internal("a stored relay address is malformed".into())
                })?,
                subscriber: SigningKey::from_seed(&Secret::new(seed)),
                generation: Generation::new(row.get("generation")?, Secret::new(secret)),
                since: time("generation_since")?,
                position: Position(row.get::<_, i64>("position")?.cast_unsigned()),
                hash: ChainHash(hash),
                handshakes: row.get::<_, i64>("handshakes")?.cast_unsigned(),
                subscribed: false,
                live: false,
                hole: None,
                deaf: false,
                fenced: false,
                stale: Default::default(),
            }),
            _ => None,
        };
        Ok(Self {
            id: ConversationId(row.get("id")?),
            kind: if row.get::<_, i64>("kind")? == 0 {
                Kind::Account
            } else {
                Kind::Direct
            },
            state: state_of(row.get("state")?),
            group: row.get("group_id")?,
            account: row.get::<_, Option<[u8; 32]>>("account")?.map(AccountId),
            name: row.get("name")?,
            channel,
            refreshed: time("refreshed")?,
            verified: row.get("verified")?,
            verified_at: row
                .get::<_, Option<i64>>("verified_at")?
                .map(|at| Timestamp(at.cast_unsigned())),
            disputed: row.get("disputed")?,
            contradicted: row.get("contradicted")?,
            unread: row.get("unread")?,
            changed: time("changed")?,
            mine_delivered: row.get("mine_delivered")?,
            mine_read: row.get("mine_read")?,
            theirs_received: row.get("theirs_received")?,
            theirs_read: row.get("theirs_read")?,
            receipt_sent: row.get("receipt_sent")?,
            receipt_read_sent: row.get("receipt_read_sent")?,
            answered: row.get("answered")?,
            trouble: row.get("trouble")?,
        })
    }
}

fn state_number(state: ConversationState) -> i64 {
    match state {
        ConversationState::Opening => 0,
        ConversationState::Waiting => 1,
        ConversationState::Active => 2,
        ConversationState::Halted => 3,
        ConversationState::Unreached => 4,
    }
}

/// A state that this version doesn't know can only come from damage: the safe reading is "halted".
fn state_of(number: i64) -> ConversationState {
    match number {
        0 => ConversationState::Opening,
        1 => ConversationState::Waiting,
        2 => ConversationState::Active,
        4 => ConversationState::Unreached,
        _ => ConversationState::Halted,
    }
}
