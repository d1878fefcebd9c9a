//! The distributed store: NATS JetStream, behind any number of relay processes.
//!
//! Each channel is a log of changes under one subject of a replicated stream. A change is decided
//! on the state that the log amounts to, and written on the condition that no other message has
//! come to stand at the log's end meanwhile; else it is decided again. So rights and refusals are
//! decided in the same step in which anything changes, whichever process does it, and no process
//! owns a channel. `docs/decisions/0009-…` says why, and what else there was.

mod actor;
mod commit;
mod count;
mod decide;
mod event;
mod expire;
pub(crate) mod inspect;
mod listen;
mod login;
mod open;
mod orders;
mod page;
mod replay;
mod snapshot;
mod state;
mod streams;

use std::collections::HashMap;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use sotto_suite::sign::PublicKey;
use sotto_wire::{Appended, ChannelId, PackageOffer, Position, SlotId, SlotStatus, Subscribed};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Deposit, Item, NewChannel, NewEntry, Retention, Seconds, Store, StoreError, Stored};
use crate::blobs::nats as blobs;
use crate::clock::Clock;
use crate::feed::{Feeds, Listener};
use crate::metrics::Metrics;
use orders::{Order, Work};
use streams::Streams;

pub use login::Login;
pub use open::OpenError;

/// How the distributed store is reached, and what it allows.
#[derive(Clone, Debug)]
pub struct NatsOptions {
    /// Addresses of the servers, `nats://host:port` or `tls://host:port`.
    pub servers: Vec<String>,
    /// What stood in front of a host in the address, for servers that ask for one.
    pub login: Option<Login>,
    /// File with `user:password` or a token; goes before `login`.
    pub credentials: Option<PathBuf>,
    /// Certificates (PEM) of who has signed the servers', where the system does not know them.
    pub authorities: Option<PathBuf>,
    /// Copies of everything; 1, 3 or 5. With 1 the store is as durable as one server's memory of
    /// what it has not synced yet.
    pub replicas: usize,
    /// Streams among which the channels are spread, each with a leader of its own. Whoever makes the
    /// store says how many; it stays so.
    pub shards: usize,
    /// First part of every subject and stream name: several relays can share servers.
    pub prefix: String,
    /// Channels in all, of all processes together; see `docs/operating-nats.md` for how exact that is.
    pub channels: u64,
    /// Live bytes in one channel; handshakes may use a quarter more.
    pub channel_bytes: u64,
    /// Of that quarter, bytes that may be used in an hour, so that nobody uses it up at once.
    pub reserve_per_hour: u64,
    /// Writers, and subscribers, of one channel.
    pub channel_keys: usize,
    /// Packages in one slot.
    pub slot_packages: u32,
    /// Channels whose state stays in memory while nobody asks for them.
    pub cached_channels: usize,
    /// Changes of a channel after which a snapshot of it is written.
    pub snapshot_every: usize,
    /// Bytes of a snapshot in one message; what is larger takes several. NATS allows 1 MiB.
    pub snapshot_part: usize,
    /// How long a moved cursor may wait for others to be written with it.
    pub cursors: Duration,
    /// How long a command is tried before it is given up.
    pub patience: Duration,
    /// Says what time it is.
    pub clock: Clock,
    /// How long what stays.
    pub retention: Retention,
}

impl Default for NatsOptions {
    fn default() -> Self {
        Self {
            servers: Vec::new(),
            login: None,
            credentials: None,
            authorities: None,
            replicas: 3,
            shards: 8,
            prefix: "sotto".to_owned(),
            channels: 5_000_000,
            channel_bytes: 256 << 20,
            reserve_per_hour: 8 << 20,
            channel_keys: 10_000,
            slot_packages: 200,
            cached_channels: 20_000,
            snapshot_every: 64,
            snapshot_part: 512 << 10,
            cursors: Duration::from_millis(250),
            patience: Duration::from_secs(10),
            clock: Clock::default(),
            retention: Retention::default(),
        }
    }
}

/// What all channels of this process share.
struct Shared {
    streams: Streams,
    options: NatsOptions,
    feeds: Feeds,
    metrics: Arc<Metrics>,
    /// This process, at random: tells its own notices from others'.
    relay: [u8; 16],
    channels: Mutex<HashMap<ChannelId, mpsc::UnboundedSender<Order>>>,
    /// States in memory.
    loaded: AtomicUsize,
    /// Deletions under way.
    erasing: Semaphore,
    /// Counts the times that the connection has come back.
    connected: watch::Receiver<u64>,
    /// Day up to which channels put down have been looked at.
    looked_at: Mutex<Option<u64>>,
    /// Channels that there are.
    count: count::Count,
    stop: CancellationToken,
}

/// The distributed store.
pub struct NatsStore {
    shared: Arc<Shared>,
}

impl NatsStore {
    /// Connects, and finds the streams or makes them. `identity` is the relay's: a store belongs to
    /// one address, and another relay's is refused.
    ///
    /// # Errors
    /// [`OpenError`]; nothing has been changed then, save that streams may have been made.
    pub async fn open(
        options: NatsOptions,
        identity: &str,
        metrics: Arc<Metrics>,
    ) -> Result<Self, OpenError> {
        open::open(options, identity, metrics).await
    }

    /// What blobs are kept on.
    pub(crate) fn blob_streams(&self) -> blobs::Streams {
        let (streams, options) = (&self.shared.streams, &self.shared.options);
        blobs::Streams {
            servers: streams.servers.clone(),
            records: streams.blobs.clone(),
            parts: streams.parts.clone(),
            prefix: streams.prefix.clone(),
            patience: options.patience,
            connected: self.shared.connected.clone(),
        }
    }

    /// Hands an order to a channel at once (not when the future is first polled), which is what
    /// keeps a caller's orders in their order.
    fn order<T: Send + 'static>(
        &self,
        channel: ChannelId,
        work: impl FnOnce(oneshot::Sender<Stored<T>>) -> Work,
    ) -> Answered<T> {
        let (answer, answered) = oneshot::channel();
        self.shared.hand_over(channel, work(answer));
        Answered(answered)
    }
}

impl Shared {
    /// Puts an order into a channel's queue, making the channel's task if it has none.
    fn hand_over(self: &Arc<Self>, channel: ChannelId, work: Work) {
        let order = Order {
            since: Instant::now(),
            work,
        };
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        let queue = channels.entry(channel).or_insert_with(|| {
            let (queue, waiting) = mpsc::unbounded_channel();
            actor::spawn(Arc::clone(self), channel, queue.clone(), waiting);
            queue
        });
        // A task takes itself out of the map, under its lock, before it ends.
        let _ = queue.send(order);
    }

    /// All channels that have a task.
    fn at_work(&self) -> Vec<ChannelId> {
        let channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        channels.keys().copied().collect()
    }
}

/// A channel's answer, when it comes.
struct Answered<T>(oneshot::Receiver<Stored<T>>);

impl<T> Future for Answered<T> {
    type Output = Stored<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Stored<T>> {
        Pin::new(&mut self.0)
            .poll(cx)
            .map(|answer| answer.unwrap_or(Err(StoreError::Unsure)))
    }
}

impl Drop for NatsStore {
    fn drop(&mut self) {
        self.shared.stop.cancel();
    }
}

impl Store for NatsStore {
    fn create(&self, new: NewChannel) -> impl Future<Output = Stored<()>> + Send + 'static {
        self.order(new.channel, |answer| Work::Create(new, answer))
    }

    fn append(&self, new: NewEntry) -> impl Future<Output = Stored<Appended>> + Send + 'static {
        self.order(new.channel, |answer| Work::Append(new, answer))
    }

    /// Where somebody listens, memory knows enough to answer at once. Only a refusal is looked into
    /// again, for another process may have changed the rights a moment ago.
    fn signal(
        &self,
        channel: ChannelId,
        writer: PublicKey,
        body: Vec<u8>,
    ) -> impl Future<Output = Stored<Appended>> + Send + 'static {
        let known = self
            .shared
            .feeds
            .signal(&channel, body.clone(), |standing| {
                if standing.fenced || !standing.writers.contains(&writer) {
                    Err(())
                } else {
                    Ok(standing.head)
                }
            });
        let shared = Arc::clone(&self.shared);
        let asked = match known {
            Some(Ok(_)) => None,
            _ => Some(self.order(channel, |answer| Work::Signal {
                writer,
                body: body.clone(),
                answer,
            })),
        };
        async move {
            let answer = match (known, asked) {
                (Some(Ok(head)), _) => head,
                (_, Some(asked)) => asked.await?,
                (_, None) => return Err(StoreError::Unsure),
            };
            let subject = format!("{}.e", shared.streams.subjects(&channel).wake);
            shared
                .streams
                .tell(subject, &shared.relay, body.into())
                .await;
            Ok(answer)
        }
    }

    fn attach(
        &self,
        channel: ChannelId,
        subscriber: PublicKey,
        listener: Arc<Listener>,
    ) -> impl Future<Output = Stored<Subscribed>> + Send + 'static {
        self.order(channel, |answer| Work::Attach {
            subscriber,
            listener,
            answer,
        })
    }

    fn detach(&self, channel: &ChannelId, listener: &Arc<Listener>) {
        self.shared.feeds.detach(channel, listener);
        self.shared.hand_over(*channel, Work::Detached);
    }

    async fn read(&self, channel: ChannelId, after: Position, limit: usize) -> Stored<Vec<Item>> {
        if let Some(recent) = self.shared.feeds.recent(&channel, after, limit) {
            return Ok(recent.into_iter().map(Item::Entry).collect());
        }
        page::read(self, channel, after, limit).await
    }

    fn acknowledge(&self, channel: ChannelId, subscriber: PublicKey, position: Position) {
        let work = Work::Acknowledge {
            subscriber,
            position,
        };
        self.shared.hand_over(channel, work);
    }

    fn unsubscribe(
        &self,
        channel: ChannelId,
        subscriber: PublicKey,
    ) -> impl Future<Output = Stored<()>> + Send + 'static {
        self.order(channel, |answer| Work::Unsubscribe { subscriber, answer })
    }

    fn set_writer(
        &self,
        channel: ChannelId,
        admin: PublicKey,
        writer: PublicKey,
        card: Option<Vec<u8>>,
    ) -> impl Future<Output = Stored<()>> + Send + 'static {
        self.order(channel, |answer| Work::SetWriter {
            admin,
            writer,
            card,
            answer,
        })
    }

    fn revoke_writer(
        &self,
        channel: ChannelId,
        admin: PublicKey,
        writer: PublicKey,
    ) -> impl Future<Output = Stored<()>> + Send + 'static {
        self.order(channel, |answer| Work::RevokeWriter {
            admin,
            writer,
            answer,
        })
    }

    fn card(
        &self,
        channel: ChannelId,
        writer: PublicKey,
    ) -> impl Future<Output = Stored<Vec<u8>>> + Send + 'static {
        self.order(channel, |answer| Work::Card { writer, answer })
    }

    fn deposit(&self, deposit: Deposit) -> impl Future<Output = Stored<()>> + Send + 'static {
        self.order(deposit.channel, |answer| Work::Deposit(deposit, answer))
    }

    fn pool(
        &self,
        channel: ChannelId,
        admin: PublicKey,
    ) -> impl Future<Output = Stored<Vec<SlotStatus>>> + Send + 'static {
        self.order(channel, |answer| Work::Pool { admin, answer })
    }

    fn take(
        &self,
        channel: ChannelId,
        writer: PublicKey,
        slots: Vec<SlotId>,
    ) -> impl Future<Output = Stored<Vec<PackageOffer>>> + Send + 'static {
        self.order(channel, |answer| Work::Take {
            writer,
            slots,
            answer,
        })
    }

    fn delete(
        &self,
        channel: ChannelId,
        admin: PublicKey,
    ) -> impl Future<Output = Stored<()>> + Send + 'static {
        self.order(channel, |answer| Work::Delete { admin, answer })
    }

    fn expire(&self, now: Seconds) -> impl Future<Output = Stored<()>> + Send + 'static {
        expire::expire(Arc::clone(&self.shared), now)
    }

    fn channels(&self) -> impl Future<Output = Option<u64>> + Send + 'static {
        let shared = Arc::clone(&self.shared);
        async move {
            shared.count.anew(&shared.streams).await;
            shared.count.known()
        }
    }

    fn ready(&self) -> impl Future<Output = Stored<()>> + Send + 'static {
        let streams = self.shared.streams.clone();
        async move { streams.pulse().await.map_err(|_| StoreError::Unavailable) }
    }

    fn settle(&self) -> impl Future<Output = Stored<()>> + Send + 'static {
        let channels = self.shared.at_work().into_iter();
        let settling: Vec<_> = channels
            .map(|channel| self.order(channel, |answer| Work::Settle { answer }))
            .collect();
        async move {
            let mut settled = Ok(());
            for channel in settling {
                settled = settled.and(channel.await);
            }
            settled
        }
    }
}
