//! What a relay keeps, as a trait: channels with their entries, cursors, cards and key packages.
//!
//! A store decides rights and refusals in the same step in which it changes anything, so that a
//! right taken away counts from that moment on. It answers a change only when it is durable. Any
//! store has to pass the suite in `tests/conformance`; [`sqlite`] is the embedded one, [`nats`] is
//! for several relay processes that serve one address.

use std::future::Future;
use std::sync::Arc;

use sotto_suite::sign::PublicKey;
use sotto_wire::{
    AppendId, Appended, ChannelId, Entry, Gap, Lane, PackageOffer, Position, SlotId, SlotStatus,
    Subscribed,
};

use crate::feed::Listener;

pub mod nats;
mod rules;
pub mod sqlite;

/// Seconds since 1970, as the relay's clock says.
pub type Seconds = u64;

/// Ages after which things go, in seconds.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// Handshake entries.
    pub handshake: Seconds,
    /// Chat entries.
    pub chat: Seconds,
    /// Append ids and hashes, after their entry has gone.
    pub traces: Seconds,
    /// Key packages, without last resorts.
    pub packages: Seconds,
}

const DAY: Seconds = 24 * 60 * 60;

impl Default for Retention {
    fn default() -> Self {
        Self {
            handshake: 90 * DAY,
            chat: 30 * DAY,
            traces: 30 * DAY,
            packages: 30 * DAY,
        }
    }
}

impl Retention {
    /// How long an entry of a lane stays.
    pub(crate) fn of(&self, lane: Lane) -> Seconds {
        match lane {
            Lane::Handshake => self.handshake,
            Lane::Chat | Lane::Ephemeral => self.chat,
        }
    }
}

/// A channel to be made.
#[derive(Clone, Debug)]
pub struct NewChannel {
    /// Its address.
    pub channel: ChannelId,
    /// Its admin key.
    pub admin: PublicKey,
    /// Writers at the start.
    pub writers: Vec<PublicKey>,
    /// Subscribers at the start; cursors at 0.
    pub subscribers: Vec<PublicKey>,
}

/// An entry to be stored; never of the ephemeral lane.
#[derive(Clone, Debug)]
pub struct NewEntry {
    /// Where.
    pub channel: ChannelId,
    /// By whom; the writer's right is checked in the step that stores.
    pub writer: PublicKey,
    /// Lane, handshake or chat.
    pub lane: Lane,
    /// The same id is stored once and answered the same.
    pub append: AppendId,
    /// Handshakes that the sender has processed.
    pub handshakes: u64,
    /// The sealed envelope.
    pub body: Vec<u8>,
    /// Subscribers to be added, cursor at this entry.
    pub subscribers: Vec<PublicKey>,
    /// Closes the channel.
    pub fence: bool,
}

/// Key packages for a slot.
#[derive(Clone, Debug)]
pub struct Deposit {
    /// Inbox.
    pub channel: ChannelId,
    /// Its admin.
    pub admin: PublicKey,
    /// One device's slot.
    pub slot: SlotId,
    /// Handed out once each, in this order.
    pub packages: Vec<Vec<u8>>,
    /// Handed out when the others are gone.
    pub last_resort: Option<Vec<u8>>,
}

/// One step of reading a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// A stored entry.
    Entry(Arc<Entry>),
    /// Entries that are gone.
    Gap(Gap),
}

impl Item {
    /// The position that a reader has reached with this item.
    pub fn position(&self) -> Position {
        match self {
            Self::Entry(entry) => entry.position,
            Self::Gap(gap) => gap.until,
        }
    }
}

/// Revoked writer keys that a channel remembers, newest first to stay.
pub const REVOKED_KEPT: usize = 256;

/// Why a store did not do what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// No such channel, key, card or right; deliberately one answer.
    #[error("not found")]
    NotFound,
    /// The writer's right was taken away. Said where a card is asked for, by the last
    /// [`REVOKED_KEPT`] that were revoked; of others it is [`Self::NotFound`].
    #[error("the writer was revoked")]
    Revoked,
    /// The channel exists with another admin key.
    #[error("the channel exists with another admin key")]
    Taken,
    /// The sender's handshake count does not allow the append.
    #[error("the channel has {handshakes} handshakes")]
    Stale {
        /// The channel's count.
        handshakes: u64,
    },
    /// The channel is closed by a fence.
    #[error("the channel is fenced")]
    Fenced,
    /// A quota is used up.
    #[error("a quota is used up")]
    Quota,
    /// This hour's share of something is used up.
    #[error("too much for this hour")]
    TooFast {
        /// Seconds until the next.
        wait: u64,
    },
    /// Can't store at the moment (disk full, say): nothing of this has been kept.
    #[error("can't store at the moment")]
    Unavailable,
    /// The store failed in a way that leaves open whether this has been kept. Must not be answered
    /// as a refusal, for a refusal proves that nothing was kept.
    #[error("the store failed; unknown whether this was kept")]
    Unsure,
}

/// Result of a step of the store.
pub type Stored<T> = Result<T, StoreError>;

/// Keeps channels. Every method checks the right of the key that it names.
///
/// Commands for one channel handed over one after another by one caller take effect in that order,
/// even when the caller does not wait in between.
pub trait Store: Send + Sync + 'static {
    /// Makes a channel; the same again changes nothing.
    fn create(&self, new: NewChannel) -> impl Future<Output = Stored<()>> + Send + 'static;

    /// Stores an entry, at its place in the channel's one order. Durable when answered.
    fn append(&self, new: NewEntry) -> impl Future<Output = Stored<Appended>> + Send + 'static;

    /// Hands an ephemeral entry to whoever listens now; answers the head.
    fn signal(
        &self,
        channel: ChannelId,
        writer: PublicKey,
        body: Vec<u8>,
    ) -> impl Future<Output = Stored<Appended>> + Send + 'static;

    /// Registers `listener` for what comes, in place of an earlier one for the same subscriber
    /// (which is ended), and says where the subscriber stands.
    fn attach(
        &self,
        channel: ChannelId,
        subscriber: PublicKey,
        listener: Arc<Listener>,
    ) -> impl Future<Output = Stored<Subscribed>> + Send + 'static;

    /// Takes a listener out again; nothing if it is not there any more.
    fn detach(&self, channel: &ChannelId, listener: &Arc<Listener>);

    /// Up to `limit` items after `after`, in order, none newer than what is durable. Empty at the
    /// head. May stop early so as not to hold many large bodies at once.
    fn read(
        &self,
        channel: ChannelId,
        after: Position,
        limit: usize,
    ) -> impl Future<Output = Stored<Vec<Item>>> + Send;

    /// Moves a cursor forward, soon. May be lost in a crash: the subscriber then gets entries
    /// again that it has.
    fn acknowledge(&self, channel: ChannelId, subscriber: PublicKey, position: Position);

    /// Ends a subscription for good.
    fn unsubscribe(
        &self,
        channel: ChannelId,
        subscriber: PublicKey,
    ) -> impl Future<Output = Stored<()>> + Send + 'static;

    /// Adds a writer or replaces its card; without a card, an existing one stays.
    fn set_writer(
        &self,
        channel: ChannelId,
        admin: PublicKey,
        writer: PublicKey,
        card: Option<Vec<u8>>,
    ) -> impl Future<Output = Stored<()>> + Send + 'static;

    /// Takes a writer's right and card away. One who is no writer stays none.
    fn revoke_writer(
        &self,
        channel: ChannelId,
        admin: PublicKey,
        writer: PublicKey,
    ) -> impl Future<Output = Stored<()>> + Send + 'static;

    /// The card beside a writer key.
    fn card(
        &self,
        channel: ChannelId,
        writer: PublicKey,
    ) -> impl Future<Output = Stored<Vec<u8>>> + Send + 'static;

    /// Puts key packages into a slot.
    fn deposit(&self, deposit: Deposit) -> impl Future<Output = Stored<()>> + Send + 'static;

    /// What the slots hold.
    fn pool(
        &self,
        channel: ChannelId,
        admin: PublicKey,
    ) -> impl Future<Output = Stored<Vec<SlotStatus>>> + Send + 'static;

    /// Takes one package from each slot that has one. A package is gone, durably, before it is
    /// answered; the last resort stays.
    fn take(
        &self,
        channel: ChannelId,
        writer: PublicKey,
        slots: Vec<SlotId>,
    ) -> impl Future<Output = Stored<Vec<PackageOffer>>> + Send + 'static;

    /// Deletes a channel with all it holds.
    fn delete(
        &self,
        channel: ChannelId,
        admin: PublicKey,
    ) -> impl Future<Output = Stored<()>> + Send + 'static;

    /// Lets go of what is too old at `now`.
    fn expire(&self, now: Seconds) -> impl Future<Output = Stored<()>> + Send + 'static;

    /// Channels that there are, as far as it is known.
    fn channels(&self) -> impl Future<Output = Option<u64>> + Send + 'static;

    /// Answers once everything handed over before has been done: the store is alive.
    fn ready(&self) -> impl Future<Output = Stored<()>> + Send + 'static;

    /// Writes down what is still in memory (cursors) and wipes what was deleted from the disk.
    fn settle(&self) -> impl Future<Output = Stored<()>> + Send + 'static;
}
