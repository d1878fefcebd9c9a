//! Who listens to which channel right now, and the newest entries kept in memory for them.
//!
//! A listener is never handed entries: it is woken and fetches as many as its connection can
//! take, so a slow reader costs a flag, not a queue. Only ephemeral signals wait in a listener,
//! few of them, the oldest thrown away first.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sotto_suite::sign::PublicKey;
use sotto_wire::{Appended, ChannelId, Entry, Position};
use tokio::sync::Notify;

/// Signals that wait for one listener, and their bytes, save that one always fits.
const SIGNALS: usize = 256;
const SIGNAL_BYTES: usize = 256 << 10;
/// Newest entries kept for one channel that somebody listens to.
const RECENT: usize = 256;
/// Bytes of bodies handed out at once, save that one entry always fits.
const PAGE_BYTES: usize = 512 << 10;
/// Bytes of bodies kept so in all channels together.
const RECENT_BYTES: usize = 64 << 20;

/// Wakes one connection and says which of its subscriptions have something.
#[derive(Debug, Default)]
pub struct Wake {
    ready: Mutex<Vec<u64>>,
    notify: Notify,
}

impl Wake {
    /// Waits until a subscription has something; may also return without.
    pub async fn woken(&self) {
        self.notify.notified().await;
    }

    /// The numbers of subscriptions that have something, each once since it was last taken.
    pub fn take_ready(&self) -> Vec<u64> {
        std::mem::take(&mut *lock(&self.ready))
    }
}

/// One subscription of one connection.
#[derive(Debug)]
pub struct Listener {
    number: u64,
    wake: Arc<Wake>,
    waiting: AtomicBool,
    ended: AtomicBool,
    signals: Mutex<Signals>,
}

/// Signals that wait, the oldest first.
#[derive(Debug, Default)]
struct Signals {
    waiting: VecDeque<Arc<[u8]>>,
    bytes: usize,
}

impl Signals {
    fn pop(&mut self) -> Option<Arc<[u8]>> {
        let oldest = self.waiting.pop_front()?;
        self.bytes -= oldest.len();
        Some(oldest)
    }

    /// The newest takes the place of the oldest.
    fn push(&mut self, body: Arc<[u8]>) {
        self.bytes += body.len();
        self.waiting.push_back(body);
        while self.waiting.len() > SIGNALS || self.bytes > SIGNAL_BYTES && self.waiting.len() > 1 {
            self.pop();
        }
    }
}

impl Listener {
    /// Subscription `number` of the connection that `wake` wakes.
    pub fn new(number: u64, wake: Arc<Wake>) -> Arc<Self> {
        Arc::new(Self {
            number,
            wake,
            waiting: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            signals: Mutex::default(),
        })
    }

    /// Wakes the connection, once until [`Self::calm`].
    pub fn rouse(&self) {
        if !self.waiting.swap(true, Ordering::AcqRel) {
            lock(&self.wake.ready).push(self.number);
            self.wake.notify.notify_one();
        }
    }

    /// To be called before looking for what there is, so that nothing that comes later is missed.
    pub fn calm(&self) {
        self.waiting.store(false, Ordering::Release);
    }

    /// Ends the subscription: a newer connection has taken it over, or the channel is gone.
    pub fn end(&self) {
        self.ended.store(true, Ordering::Release);
        self.rouse();
    }

    /// Has it been ended?
    pub fn ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// The oldest signal that waits.
    pub fn next_signal(&self) -> Option<Arc<[u8]>> {
        lock(&self.signals).pop()
    }

    fn signal(&self, body: Arc<[u8]>) {
        lock(&self.signals).push(body);
        self.rouse();
    }
}

/// What a signal's sender has to be checked against, as far as it is durable.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    /// Keys that may append.
    pub(crate) writers: Arc<HashSet<PublicKey>>,
    /// Newest entry.
    pub(crate) head: Appended,
    /// Closed by a fence.
    pub(crate) fenced: bool,
}

struct Feed {
    standing: Standing,
    listeners: Vec<(PublicKey, Arc<Listener>)>,
    /// Without holes, the newest last; empty or ending at the head.
    recent: VecDeque<Arc<Entry>>,
    bytes: usize,
}

/// All channels that somebody listens to.
#[derive(Default)]
pub(crate) struct Feeds {
    feeds: Mutex<HashMap<ChannelId, Feed>>,
    bytes: AtomicUsize,
}

impl Feeds {
    /// Registers a listener; an earlier one for the same key is ended.
    pub(crate) fn attach(
        &self,
        channel: ChannelId,
        subscriber: PublicKey,
        listener: Arc<Listener>,
        standing: Standing,
    ) {
        let mut feeds = lock(&self.feeds);
        // Its connection has gone while it waited.
        if listener.ended() {
            return;
        }
        let feed = feeds.entry(channel).or_insert_with(|| Feed {
            standing,
            listeners: Vec::new(),
            recent: VecDeque::new(),
            bytes: 0,
        });
        feed.listeners.retain(|(key, earlier)| {
            let stays = *key != subscriber;
            if !stays {
                earlier.end();
            }
            stays
        });
        feed.listeners.push((subscriber, listener));
    }

    /// Takes a listener out; one that has been replaced is not there any more.
    pub(crate) fn detach(&self, channel: &ChannelId, listener: &Arc<Listener>) {
        let mut feeds = lock(&self.feeds);
        let Some(feed) = feeds.get_mut(channel) else {
            return;
        };
        feed.listeners
            .retain(|(_, one)| !Arc::ptr_eq(one, listener));
        if feed.listeners.is_empty() {
            self.bytes.fetch_sub(feed.bytes, Ordering::Relaxed);
            feeds.remove(channel);
        }
    }

    /// Ends the listeners of one subscriber.
    pub(crate) fn end_subscriber(&self, channel: &ChannelId, subscriber: &PublicKey) {
        if let Some(feed) = lock(&self.feeds).get(channel) {
            for (_, listener) in feed.listeners.iter().filter(|(key, _)| key == subscriber) {
                listener.end();
            }
        }
    }

    /// Ends all listeners of a channel that is gone.
    pub(crate) fn end_channel(&self, channel: &ChannelId) {
        if let Some(feed) = lock(&self.feeds).get(channel) {
            for (_, listener) in &feed.listeners {
                listener.end();
            }
        }
    }

    /// Tells of an entry that is durable now; to be called in the channel's order.
    pub(crate) fn publish(&self, channel: &ChannelId, entry: Arc<Entry>, head: Appended) {
        if let Some(feed) = lock(&self.feeds).get_mut(channel) {
            feed.standing.head = head;
            feed.standing.fenced |= entry.fence;
            self.keep(feed, entry);
            for (_, listener) in &feed.listeners {
                listener.rouse();
            }
        }
    }

    /// Tells where a channel stands whose newest changes have not all been seen here.
    pub(crate) fn renew(&self, channel: &ChannelId, standing: Standing) {
        if let Some(feed) = lock(&self.feeds).get_mut(channel) {
            feed.standing = standing;
            self.bytes.fetch_sub(feed.bytes, Ordering::Relaxed);
            feed.recent.clear();
            feed.bytes = 0;
            for (_, listener) in &feed.listeners {
                listener.rouse();
            }
        }
    }

    /// Wakes all who listen to a channel.
    pub(crate) fn rouse(&self, channel: &ChannelId) {
        if let Some(feed) = lock(&self.feeds).get(channel) {
            for (_, listener) in &feed.listeners {
                listener.rouse();
            }
        }
    }

    /// Does anybody listen to a channel?
    pub(crate) fn listens(&self, channel: &ChannelId) -> bool {
        lock(&self.feeds).contains_key(channel)
    }

    /// Tells who may append from now on.
    pub(crate) fn set_writers(&self, channel: &ChannelId, writers: Arc<HashSet<PublicKey>>) {
        if let Some(feed) = lock(&self.feeds).get_mut(channel) {
            feed.standing.writers = writers;
        }
    }

    fn keep(&self, feed: &mut Feed, entry: Arc<Entry>) {
        let follows = feed
            .recent
            .back()
            .is_none_or(|last| last.position.next() == entry.position);
        let room = self.bytes.load(Ordering::Relaxed) + entry.body.len() <= RECENT_BYTES;
        if !follows || !room {
            self.bytes.fetch_sub(feed.bytes, Ordering::Relaxed);
            feed.recent.clear();
            feed.bytes = 0;
        }
        if !room {
            return;
        }
        if feed.recent.len() == RECENT
            && let Some(oldest) = feed.recent.pop_front()
        {
            feed.bytes -= oldest.body.len();
            self.bytes.fetch_sub(oldest.body.len(), Ordering::Relaxed);
        }
        feed.bytes += entry.body.len();
        self.bytes.fetch_add(entry.body.len(), Ordering::Relaxed);
        feed.recent.push_back(entry);
    }

    /// Hands a signal to whoever listens, if `allowed` says so to where the channel stands.
    /// `None`: nobody listens, so that this memory knows nothing of the channel.
    pub(crate) fn signal<E>(
        &self,
        channel: &ChannelId,
        body: Vec<u8>,
        allowed: impl FnOnce(&Standing) -> Result<Appended, E>,
    ) -> Option<Result<Appended, E>> {
        let feeds = lock(&self.feeds);
        let feed = feeds.get(channel)?;
        let answer = allowed(&feed.standing);
        if answer.is_ok() {
            let body: Arc<[u8]> = body.into();
            for (_, listener) in &feed.listeners {
                listener.signal(Arc::clone(&body));
            }
        }
        Some(answer)
    }

    /// Entries after `after` if memory has all of them from there on.
    pub(crate) fn recent(
        &self,
        channel: &ChannelId,
        after: Position,
        limit: usize,
    ) -> Option<Vec<Arc<Entry>>> {
        let feeds = lock(&self.feeds);
        let recent = &feeds.get(channel)?.recent;
        let first = recent.front()?.position;
        let skip = usize::try_from(after.next().0.checked_sub(first.0)?).ok()?;
        let mut bytes = 0;
        let page = recent.iter().skip(skip).take(limit).take_while(|entry| {
            let fits = bytes < PAGE_BYTES;
            bytes += entry.body.len();
            fits
        });
        Some(page.cloned().collect())
    }
}

/// A panic while a lock was held ends that task alone; what the lock guards is whole after every step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
