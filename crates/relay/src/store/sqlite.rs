//! The embedded store: one SQLite file, written by one thread that commits in groups.
//!
//! Whatever waits when the thread is free goes into one transaction and is answered after its
//! commit, so one sync of the disk serves all. The thread owns what is hot of each channel
//! (keys, head, running hash, cursors), so an append costs a hash and an insert. A second thread
//! reads older entries for subscribers that lag; the newest come from memory.

mod apply;
mod channel;
mod inbox;
pub(crate) mod inspect;
mod log;
mod memory;
mod reader;
mod schema;
mod sweep;
mod writer;

use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread::JoinHandle;

use sotto_suite::sign::PublicKey;
use sotto_wire::{Appended, ChannelId, PackageOffer, Position, SlotId, SlotStatus, Subscribed};
use tokio::sync::oneshot;

use super::{Deposit, Item, NewChannel, NewEntry, Seconds, Store, StoreError, Stored};

use crate::clock::Clock;
use crate::feed::{Feeds, Listener};
use crate::metrics::Metrics;
use writer::{Order, Work};

pub use super::Retention;
pub use schema::OpenError;

/// What the embedded store allows.
#[derive(Clone, Debug)]
pub struct SqliteOptions {
    /// Live bytes in one channel; handshakes may use a quarter more.
    pub channel_bytes: u64,
    /// Writers, and subscribers, of one channel.
    pub channel_keys: usize,
    /// Of that quarter, bytes that may be used in an hour, so that nobody uses it up at once.
    pub reserve_per_hour: u64,
    /// Channels in all.
    pub channels: u64,
    /// Packages in one slot.
    pub slot_packages: u32,
    /// Pages of 4 KiB in the file; 0: as many as the disk has.
    pub max_pages: u32,
    /// Channels whose hot state stays in memory.
    pub cached_channels: usize,
    /// Says what time it is.
    pub clock: Clock,
    /// How long what stays.
    pub retention: Retention,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            channel_bytes: 256 << 20,
            reserve_per_hour: 8 << 20,
            channels: 5_000_000,
            channel_keys: 10_000,
            slot_packages: 200,
            max_pages: 0,
            cached_channels: 20_000,
            clock: Clock::default(),
            retention: Retention::default(),
        }
    }
}

/// The embedded store.
pub struct SqliteStore {
    path: PathBuf,
    feeds: Arc<Feeds>,
    // Dropped before the threads are joined: its end is their sign to finish.
    orders: Option<std::sync::mpsc::Sender<Order>>,
    reads: Option<std::sync::mpsc::Sender<reader::Read>>,
    threads: Vec<JoinHandle<()>>,
}

impl SqliteStore {
    /// Opens or makes the file `path`.
    ///
    /// # Errors
    /// [`OpenError`], which says whether the file, the folder or a newer version is to blame.
    pub fn open(
        path: &Path,
        options: SqliteOptions,
        metrics: Arc<Metrics>,
    ) -> Result<Self, OpenError> {
        let path: PathBuf = path.into();
        let connection = schema::open(&path, &options)?;
        let count = schema::channels(&connection)?;
        let reading = schema::open_reader(&path)?;
        let feeds = Arc::new(Feeds::default());
        let (orders, waiting) = std::sync::mpsc::channel();
        let (reads, to_read) = std::sync::mpsc::channel();
        let writer = writer::Writer::new(
            path.clone(),
            connection,
            count,
            options,
            Arc::clone(&feeds),
            metrics,
        )?;
        let threads = vec![
            std::thread::Builder::new()
                .name("store-write".into())
                .spawn(move || writer.run(&waiting))?,
            std::thread::Builder::new()
                .name("store-read".into())
                .spawn(move || reader::run(&reading, &to_read))?,
        ];
        Ok(Self {
            path,
            feeds,
            orders: Some(orders),
            reads: Some(reads),
            threads,
        })
    }

    /// Hands an order to the writing thread at once (not when the future is first polled), which
    /// is what keeps a caller's orders in their order.
    fn order<T: Send + 'static>(
        &self,
        order: impl FnOnce(oneshot::Sender<Stored<T>>) -> Work,
    ) -> Answered<T> {
        let (answer, answered) = oneshot::channel();
        if let Some(orders) = &self.orders {
            // A thread that has gone drops the sender of the answer, which `Answered` notices.
            let _ = orders.send(Order::Work(order(answer)));
        }
        Answered(answered)
    }
}

/// The writing thread's answer, when it comes.
struct Answered<T>(oneshot::Receiver<Stored<T>>);

impl<T> Future for Answered<T> {
    type Output = Stored<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Stored<T>> {
        Pin::new(&mut self.0)
            .poll(cx)
            .map(|answer| answer.unwrap_or(Err(StoreError::Unsure)))
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        self.orders = None;
        self.reads = None;
        for thread in self.threads.drain(..) {
            // A panic of the thread has been reported where it happened.
            let _ = thread.join();
        }
    }
}

impl Store for SqliteStore {
    fn create(&self, new: NewChannel) -> impl Future<Output = Stored<()>> + Send + 'static {
        self.order(|answer| Work::Create(new, answer))
    }

    fn append(&self, new: NewEntry) -> impl Future<Output = Stored<Appended>> + Send + 'static {
        self.order(|answer| Work::Append(new, answer))
    }

    /// Where somebody listens, memory knows enough to answer at once; a signal then overtakes
    /// entries that wait for the disk.
    fn signal(
        &self,
        channel: ChannelId,
        writer: PublicKey,
        body: Vec<u8>,
    ) -> impl Future<Output = Stored<Appended>> + Send + 'static {
        let answer = self.feeds.signal(&channel, body, |standing| {
            if !standing.writers.contains(&writer) {
                Err(StoreError::NotFound)
            } else if standing.fenced {
                Err(StoreError::Fenced)
            } else {
                Ok(standing.head)
            }
        });
        let asked = answer.is_none().then(|| {
            self.order(|answer| Work::Signal {
                channel,
                writer,
                answer,
            })
        });
        async move {
            match (answer, asked) {
                (Some(answer), _) => answer,
                (None, Some(asked)) => asked.await,
                (None, None) => Err(StoreError::Unsure),
            }
        }
    }

    fn attach(
        &self,
        channel: ChannelId,
        subscriber: PublicKey,
        listener: Arc<Listener>,
    ) -> impl Future<Output = Stored<Subscribed>> + Send + 'static {
        self.order(|answer| Work::Attach {
            channel,
            subscriber,
            listener,
            answer,
        })
    }

    async fn read(&self, channel: ChannelId, after: Position, limit: usize) -> Stored<Vec<Item>> {
        if let Some(recent) = self.feeds.recent(&channel, after, limit) {
            return Ok(recent.into_iter().map(Item::Entry).collect());
        }
        let (answer, answered) = oneshot::channel();
        if let Some(reads) = &self.reads {
            let _ = reads.send(reader::Read {
                channel,
                after,
                limit,
                answer,
            });
        }
        answered.await.unwrap_or(Err(StoreError::Unsure))
    }

    fn acknowledge(&self, channel: ChannelId, subscriber: PublicKey, position: Position) {
        if let Some(orders) = &self.orders {
            let _ = orders.send(Order::Acknowledge {
                channel,
                subscriber,
                position,
            });
        }
    }

    fn detach(&self, channel: &ChannelId, listener: &Arc<Listener>) {
        self.feeds.detach(channel, listener);
    }

    fn unsubscribe(
        &self,
        channel: ChannelId,
        subscriber: PublicKey,
    ) -> impl Future<Output = Stored<()>> + Send + 'static {
        self.order(|answer| Work::Unsubscribe {
            channel,
            subscriber,
            answer,
        })
    }

    fn set_writer(
        &self,
        channel: ChannelId,
        admin: PublicKey,
        writer: PublicKey,
        card: Option<Vec<u8>>,
    ) -> impl Future<Output = Stored<()>> + Send + 'static {
        self.order(|answer| Work::SetWriter {
            channel,
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
        self.order(|answer| Work::RevokeWriter {
            channel,
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
        self.order(|answer| Work::Card {
            channel,
            writer,
            answer,
        })
    }

    fn deposit(&self, deposit: Deposit) -> impl Future<Output = Stored<()>> + Send + 'static {
        self.order(|answer| Work::Deposit(deposit, answer))
    }

    fn pool(
        &self,
        channel: ChannelId,
        admin: PublicKey,
    ) -> impl Future<Output = Stored<Vec<SlotStatus>>> + Send + 'static {
        self.order(|answer| Work::Pool {
            channel,
            admin,
            answer,
        })
    }

    fn take(
        &self,
        channel: ChannelId,
        writer: PublicKey,
        slots: Vec<SlotId>,
    ) -> impl Future<Output = Stored<Vec<PackageOffer>>> + Send + 'static {
        self.order(|answer| Work::Take {
            channel,
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
        self.order(|answer| Work::Delete {
            channel,
            admin,
            answer,
        })
    }

    fn expire(&self, now: Seconds) -> impl Future<Output = Stored<()>> + Send + 'static {
        self.order(|answer| Work::Expire { now, answer })
    }

    fn channels(&self) -> impl Future<Output = Option<u64>> + Send + 'static {
        let path = self.path.clone();
        async move {
            // Reads the file, which may take a moment.
            let count = move || inspect::Inspection::open(&path).ok()?.channels().ok();
            tokio::task::spawn_blocking(count).await.ok()?
        }
    }

    fn ready(&self) -> impl Future<Output = Stored<()>> + Send + 'static {
        self.order(|answer| Work::Ready { answer })
    }

    fn settle(&self) -> impl Future<Output = Stored<()>> + Send + 'static {
        self.order(|answer| Work::Settle { answer })
    }
}
