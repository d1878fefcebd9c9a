//! Reads for the screen, on a connection of their own: they never wait for the writer.

use std::collections::BTreeMap;

use crate::api::{
    AccountId, AccountView, ConversationDetails, ConversationId, ConversationView, InviteView,
    MemberView, MessageId, MessageView, Page, RequestView, SentAs, Timestamp,
};
use crate::contacts::{invite, request};
use crate::conversations::envelope::{self, Kind as EnvelopeKind};
use crate::conversations::{Conversation, Kind, order, roster_of_row, token_of};
use crate::error::{EngineError, Refused, Result};
use crate::messages::history::{self, Marks, base64};
use crate::profile::{self, Profile};
use crate::safety_number::{SafetyNumber, safety_number};
use crate::show;
use crate::store::{OptionalExtension, StoreReader, Transaction, params};
use sotto_wire::{AppendId, Lane, Position};

/// Longest page.
const MAX_PAGE: u32 = 500;

/// A read-only view of a profile. Each call sees one consistent state.
pub struct Reader {
    store: StoreReader,
    suite: String,
    /// Those that were asked for: each costs thousands of hashes, and never changes.
    safety_numbers: BTreeMap<AccountId, SafetyNumber>,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reader")
    }
}

impl Reader {
    pub(crate) fn new(store: StoreReader, suite: String) -> Result<Self> {
        Ok(Self {
            store,
            suite,
            safety_numbers: BTreeMap::new(),
        })
    }

    /// The profile itself.
    ///
    /// # Errors
    /// Trouble with the database; the same holds for every call here.
    pub fn account(&mut self) -> Result<AccountView> {
        self.store.read(|db| Ok(Profile::load(db)?.view()))
    }

    /// The conversation list, newest first.
    ///
    /// # Errors
    /// Trouble with the database.
    pub fn conversations(&mut self) -> Result<Vec<ConversationView>> {
        self.store.read(|db| {
            let mut all = Vec::new();
            for conversation in Conversation::load_all(db)?
                .iter()
                .filter(|c| c.kind == Kind::Direct)
            {
                all.push(show::view(db, conversation)?);
            }
            all.sort_by_key(|conversation| std::cmp::Reverse(conversation.changed));
            Ok(all)
        })
    }

    /// One conversation.
    ///
    /// # Errors
    /// [`Refused::NoSuchConversation`].
    pub fn conversation(&mut self, id: ConversationId) -> Result<ConversationView> {
        self.store.read(|db| show::view(db, &find(db, &id)?))
    }

    /// A page of history, oldest first: the newest `limit` (at most 500) messages, or those before
    /// an order.
    ///
    /// # Errors
    /// [`Refused::NoSuchConversation`].
    pub fn messages(
        &mut self,
        id: ConversationId,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Page> {
        let limit = i64::from(limit.clamp(1, MAX_PAGE));
        self.store.read(|db| {
            let marks = Marks::of(&find(db, &id)?);
            let mut statement = db.prepare_cached(&format!(
                "{} WHERE conversation = ?1 AND ord < ?2 ORDER BY ord DESC LIMIT ?3",
                history::COLUMNS
            ))?;
            let mut rows = statement.query(params![id.0, before.unwrap_or(i64::MAX), limit + 1])?;
            let mut messages = Vec::new();
            while let Some(row) = rows.next()? {
                messages.push(history::view(row, marks)?);
            }
            let more = messages.len() as i64 > limit;
            messages.truncate(limit as usize);
            messages.reverse();
            Ok(Page { messages, more })
        })
    }

    /// A page of history towards the newest: the oldest `limit` (at most 500) of the messages after
    /// an order, oldest first. Its `more` says that newer ones follow.
    ///
    /// # Errors
    /// [`Refused::NoSuchConversation`].
    pub fn messages_after(&mut self, id: ConversationId, after: i64, limit: u32) -> Result<Page> {
        let limit = i64::from(limit.clamp(1, MAX_PAGE));
        self.store.read(|db| {
            let marks = Marks::of(&find(db, &id)?);
            let mut statement = db.prepare_cached(&format!(
                "{} WHERE conversation = ?1 AND ord > ?2 ORDER BY ord LIMIT ?3",
                history::COLUMNS
            ))?;
            let mut rows = statement.query(params![id.0, after, limit + 1])?;
            let mut messages = Vec::new();
            while let Some(row) = rows.next()? {
                messages.push(history::view(row, marks)?);
            }
            let more = messages.len() as i64 > limit;
            messages.truncate(limit as usize);
            Ok(Page { messages, more })
        })
    }

    /// One message.
    ///
    /// # Errors
    /// [`Refused::NoSuchMessage`].
    pub fn message(&mut self, id: MessageId) -> Result<MessageView> {
        self.store.read(|db| {
            let of = conversation_of(db, &id)?;
            let marks = Marks::of(&find(db, &of)?);
            Ok(history::one(db, &id, marks)?.ok_or(Refused::NoSuchMessage)?)
        })
    }

    /// A message as it crossed the network: token, MLS message, envelope.
    ///
    /// # Errors
    /// [`Refused::NoSuchMessage`], also for a message that has not been encrypted yet.
    pub fn sent_as(&mut self, id: MessageId) -> Result<SentAs> {
        self.store.read(|db| sent_as(db, &id))
    }

    /// Encryption details.
    ///
    /// # Errors
    /// [`Refused::NoSuchConversation`].
    pub fn details(&mut self, id: ConversationId) -> Result<ConversationDetails> {
        let suite = self.suite.clone();
        self.store.read(|db| {
            let conversation = find(db, &id)?;
            let me = Profile::load(db)?;
            let Epoch {
                epoch,
                since,
                members,
            } = match &conversation.group {
                Some(group) => epoch_of(db, group, &me)?,
                None => Epoch::default(),
            };
            let safety_number = match &conversation.account {
                Some(account) => self
                    .safety_numbers
                    .entry(*account)
                    .or_insert_with(|| safety_number(&me.account, account))
                    .to_string(),
                None => String::new(),
            };
            let channel = conversation.channel.as_ref();
            Ok(ConversationDetails {
                suite,
                epoch,
                last_key_change: since,
                generation: channel.map_or(0, |channel| channel.generation.number()),
                members,
                safety_number,
                verified_at: conversation.verified_at,
                relay: channel.map_or_else(String::new, |channel| channel.relay.to_string()),
            })
        })
    }

    /// Requests, oldest first.
    ///
    /// # Errors
    /// Trouble with the database.
    pub fn requests(&mut self) -> Result<Vec<RequestView>> {
        self.store.read(request::list)
    }

    /// Invites of this account, as they stand at `now`.
    ///
    /// # Errors
    /// Trouble with the database.
    pub fn invites(&mut self, now: Timestamp) -> Result<Vec<InviteView>> {
        self.store
            .read(|db| invite::list(db, &Profile::load(db)?, now))
    }

    /// The 24 words of the recovery code, until they have been written down.
    ///
    /// # Errors
    /// Trouble with the database.
    pub fn recovery_code(&mut self) -> Result<Option<String>> {
        self.store.read(profile::recovery_code)
    }
}

fn find(db: &Transaction<'_>, id: &ConversationId) -> Result<Conversation> {
    Conversation::load(db, id)?
        .filter(|c| c.kind == Kind::Direct)
        .ok_or(Refused::NoSuchConversation.into())
}

fn conversation_of(db: &Transaction<'_>, id: &MessageId) -> Result<ConversationId> {
    let found: Option<[u8; 16]> = db
        .prepare_cached("SELECT conversation FROM messages WHERE id = ?1")?
        .query_row([id.0], |row| row.get(0))
        .optional()?;
    Ok(ConversationId(found.ok_or(Refused::NoSuchMessage)?))
}

/// What is in force in a group.
#[derive(Default)]
struct Epoch {
    epoch: u64,
    since: Timestamp,
    members: Vec<MemberView>,
}

fn epoch_of(db: &Transaction<'_>, group: &[u8; 32], me: &Profile) -> Result<Epoch> {
    let mut statement =
        db.prepare_cached("SELECT tree_epoch, roster, since FROM mls_groups WHERE id = ?1")?;
    let mut rows = statement.query([group])?;
    let Some(row) = rows.next()? else {
        return Ok(Epoch::default());
    };
    let epoch = row.get::<_, i64>(0)?.cast_unsigned();
    let since = Timestamp(row.get::<_, i64>(2)?.cast_unsigned());
    let members = roster_of_row(row, 1)?
        .into_iter()
        .map(|leaf| MemberView {
            account: AccountId(leaf.account),
            device: hex::encode(
                leaf.device
                    .0
                    .first_chunk::<8>()
                    .copied()
                    .unwrap_or_default(),
            ),
            me: leaf.device == me.device.public(),
        })
        .collect();
    Ok(Epoch {
        epoch,
        since,
        members,
    })
}

struct Sent {
    conversation: [u8; 16],
    order: i64,
    mls: Vec<u8>,
    salt: [u8; 32],
    append: [u8; 16],
    seen: Vec<u8>,
}

fn sent_as(db: &Transaction<'_>, id: &MessageId) -> Result<SentAs> {
    conversation_of(db, id)?;
    let sent = db
        .prepare_cached(
            "SELECT conversation, ord, mls, salt, append, seen FROM messages WHERE id = ?1 AND mls IS NOT NULL",
        )?
        .query_row([id.0], |row| {
            Ok(Sent {
                conversation: row.get(0)?,
                order: row.get(1)?,
                mls: row.get(2)?,
                salt: row.get(3)?,
                append: row.get(4)?,
                seen: row.get(5)?,
            })
        })
        .optional()?
        .ok_or(Refused::NotSentYet)?;
    let token =
        token_of(&sent.mls).ok_or_else(|| EngineError::Internal("not a PrivateMessage".into()))?;
    let envelope = envelope_of(db, &sent)?;
    Ok(SentAs {
        token,
        mls: base64(&sent.mls),
        envelope_size: u32::try_from(envelope.as_ref().map_or(0, Vec::len)).unwrap_or(u32::MAX),
        envelope: envelope.as_deref().map(base64),
    })
}

/// The envelope once more, as long as its generation's keys are here.
fn envelope_of(db: &Transaction<'_>, sent: &Sent) -> Result<Option<Vec<u8>>> {
    let conversation = Conversation::load(db, &ConversationId(sent.conversation))?;
    let Some(channel) = conversation.and_then(|conversation| conversation.channel) else {
        return Ok(None);
    };
    let start = order(channel.generation.number(), Position(0));
    if sent.order < start {
        return Ok(None);
    }
    let seen = sotto_wire::decode(&sent.seen, 1024)
        .map_err(|_| EngineError::Internal("a stored message is malformed".into()))?;
    let content = envelope::Content {
        kind: EnvelopeKind::Mls,
        body: sent.mls.clone(),
        seen,
    };
    let sealed = envelope::seal_with(
        &channel.generation,
        Lane::Chat,
        &AppendId(sent.append),
        &content,
        sent.salt,
    );
    Ok(sealed.ok())
}
