//! Those who listen here, and what other processes do meanwhile.
//!
//! The servers repeat every message of a channel's log to the processes that have listeners there.
//! A repetition may get lost (the connection breaks, or the news of our interest is on its way), so
//! each such channel is looked at again a moment after the first listener came, after every
//! reconnection, and now and then.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_nats::Message;
use bytes::Bytes;
use futures_util::StreamExt as _;
use sotto_suite::sign::PublicKey;
use sotto_suite::{RandomExt as _, SystemRandom};
use sotto_wire::{Position, Subscribed};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;
use tokio::time::Instant;

use super::actor::Actor;
use super::commit::Step;
use super::decide::there;
use super::orders::{Order, Work};
use super::streams::RELAY;
use crate::feed::Listener;
use crate::jetstream::open;
use crate::store::{StoreError, Stored};

/// Until interest in a channel has certainly reached all servers.
const FIRST_CHECK: Duration = Duration::from_secs(2);
/// Between later looks, about.
const CHECK: Duration = Duration::from_secs(30);
/// Messages that wait for a channel's task; beyond that it is told to look for itself.
const WAITING: usize = 256;

/// The subscription to what happens in a channel.
pub(super) struct Ear {
    task: tokio::task::JoinHandle<()>,
    waiting: Arc<AtomicUsize>,
}

impl Drop for Ear {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Actor {
    /// Registers a listener. It is announced to all processes in one order, and the newest stays.
    pub(super) async fn attach(
        &mut self,
        since: Instant,
        subscriber: PublicKey,
        listener: Arc<Listener>,
    ) -> Stored<Subscribed> {
        self.listen().await?;
        let attached = self.announce(since, subscriber, listener).await;
        if attached.is_err() {
            self.detached().await;
        }
        attached
    }

    async fn announce(
        &mut self,
        since: Instant,
        subscriber: PublicKey,
        listener: Arc<Listener>,
    ) -> Stored<Subscribed> {
        // A stranger takes nothing over.
        self.commit(since, |state| {
            there(state)?.subscribed(&subscriber).map(Step::Done)
        })
        .await?;
        let relay = self.shared.relay;
        let announced = loop {
            let streams = &self.shared.streams;
            match streams.announce(&self.subjects, &subscriber, &relay).await {
                Ok(number) => break number,
                Err(_) if since.elapsed() < self.shared.options.patience => {
                    tokio::time::sleep(Duration::from_millis(150)).await;
                }
                Err(_) => return Err(StoreError::Unavailable),
            }
        };
        // What has come meanwhile; the state is there after that.
        if self.look(None).await.is_err() && self.loaded.is_none() {
            return Err(StoreError::Unavailable);
        }
        let state = there(self.state())?;
        let mut subscribed = state.subscribed(&subscriber)?;
        if let Some(moved) = self.moved.get(&subscriber) {
            subscribed.cursor = subscribed.cursor.max(Position(*moved));
        }
        let standing = state.standing();
        self.here.insert(subscriber, announced);
        self.shared
            .feeds
            .attach(self.channel, subscriber, listener, standing);
        Ok(subscribed)
    }

    /// Hears of the channel from now on.
    async fn listen(&mut self) -> Stored<()> {
        if self.ear.is_some() {
            return Ok(());
        }
        let subject = format!("{}.>", self.subjects.wake);
        let client = &self.shared.streams.servers.client;
        let subscription = client.subscribe(subject).await;
        let subscription = subscription.map_err(|_| StoreError::Unavailable)?;
        // The server knows of it before anything is read.
        let flushed = tokio::time::timeout(self.shared.options.patience, client.flush()).await;
        if !matches!(flushed, Ok(Ok(()))) {
            return Err(StoreError::Unavailable);
        }
        let waiting = Arc::new(AtomicUsize::new(0));
        let hearing = hear(
            subscription,
            self.queue.clone(),
            Arc::clone(&waiting),
            self.shared.connected.clone(),
        );
        self.ear = Some(Ear {
            task: tokio::spawn(hearing),
            waiting,
        });
        Ok(())
    }

    /// A listener has gone; its cursor is written at once, for it may come back elsewhere.
    pub(super) async fn detached(&mut self) {
        if !self.shared.feeds.listens(&self.channel) {
            self.ear = None;
            self.here.clear();
        }
        let _ = self.flush().await;
    }

    /// Something came over the servers.
    pub(super) async fn heard(&mut self, message: Message) {
        if let Some(ear) = &self.ear {
            ear.waiting.fetch_sub(1, Ordering::Relaxed);
        }
        let header = |name| message.headers.as_ref()?.get(name);
        let own = hex::encode(self.shared.relay);
        let from_here = header(RELAY).is_some_and(|relay| relay.as_str() == own);
        let count = |name| header(name).and_then(|number| number.as_str().parse::<u64>().ok());
        let number = count("Nats-Sequence");
        let before = count("Nats-Last-Sequence");
        let kind = message.subject.as_str().strip_prefix(&self.subjects.wake);
        let kind = kind
            .and_then(|kind| kind.strip_prefix('.'))
            .unwrap_or_default();
        match (kind.split_once('.'), kind, number) {
            (None, "c", Some(number)) => {
                self.heard_change(before, number, &message.payload).await;
            }
            (None, "e", _) if !from_here => {
                let Some(head) = self.state().map(super::state::State::standing_head) else {
                    return;
                };
                let body = message.payload.to_vec();
                let feeds = &self.shared.feeds;
                let _ = feeds.signal(&self.channel, body, |_| Ok::<_, ()>(head));
            }
            (None, "x", _) if !from_here => {
                let gone: Vec<u64> = minicbor::decode(&message.payload).unwrap_or_default();
                self.forget_trash(&gone);
            }
            (Some(("h", key)), _, Some(number)) if message.payload[..] != self.shared.relay => {
                let key = hex::decode(key).ok();
                if let Some(Ok(key)) = key.map(<[u8; 32]>::try_from) {
                    self.taken_over(PublicKey(key), number).await;
                }
            }
            _ => {}
        }
    }

    async fn heard_change(&mut self, before: Option<u64>, number: u64, payload: &[u8]) {
        if self.loaded.is_some() && number <= self.last() {
            return;
        }
        let follows = self.loaded.is_some() && before == Some(self.last());
        match open::<super::event::Record>(payload) {
            Ok(record) if follows && record.before == self.last() => self.fold(number, record),
            Ok(_) if follows => self.void(number),
            // Something is missing: the log has it.
            _ => return self.catch_up().await,
        }
        self.erase_for_others();
    }

    /// Reads what is missing. Without success the next look will.
    async fn catch_up(&mut self) {
        if self.look(None).await.is_ok() {
            self.erase_for_others();
        }
    }

    /// Somebody has announced that this subscriber listens elsewhere.
    async fn taken_over(&mut self, subscriber: PublicKey, number: u64) {
        let older = self
            .here
            .get(&subscriber)
            .is_some_and(|here| *here < number);
        if older {
            self.here.remove(&subscriber);
            self.shared.feeds.end_subscriber(&self.channel, &subscriber);
        }
        if self.moved.contains_key(&subscriber) {
            let _ = self.flush().await;
        }
    }

    /// Looks whether something was missed.
    pub(super) async fn check(&mut self) {
        if self.ear.is_none() {
            return;
        }
        if self.loaded.is_some() {
            self.catch_up().await;
        } else {
            // Who listens looks for itself; that reads the state.
            self.shared.feeds.rouse(&self.channel);
        }
        for (subscriber, here) in self.here.clone() {
            let announced = self
                .shared
                .streams
                .announced(&self.subjects, &subscriber)
                .await;
            if let Ok(Some(number)) = announced
                && number > here
            {
                self.taken_over(subscriber, number).await;
            }
        }
    }

    /// Other processes need not delete these.
    pub(super) async fn tell_erased(&self, gone: Vec<u64>) {
        if gone.is_empty() {
            return;
        }
        let (shared, subject) = (&self.shared, format!("{}.x", self.subjects.wake));
        let gone = Bytes::from(sotto_wire::encode(&gone));
        shared.streams.tell(subject, &shared.relay, gone).await;
    }
}

/// Passes on what comes, and reminds of looking.
async fn hear(
    mut subscription: async_nats::Subscriber,
    queue: UnboundedSender<Order>,
    waiting: Arc<AtomicUsize>,
    mut connected: watch::Receiver<u64>,
) {
    connected.mark_unchanged();
    let mut check = Instant::now() + FIRST_CHECK;
    let tell = |work| {
        let since = Instant::now();
        queue.send(Order { since, work }).is_ok()
    };
    loop {
        let told = tokio::select! {
            message = subscription.next() => match message {
                Some(message) if waiting.fetch_add(1, Ordering::Relaxed) < WAITING => {
                    tell(Work::Heard(message))
                }
                Some(_) => {
                    waiting.fetch_sub(1, Ordering::Relaxed);
                    check = check.min(Instant::now() + Duration::from_millis(100));
                    true
                }
                None => false,
            },
            () = tokio::time::sleep_until(check) => {
                check = Instant::now() + CHECK + jitter(CHECK / 3);
                tell(Work::Check)
            }
            Ok(()) = connected.changed() => {
                check = Instant::now() + jitter(FIRST_CHECK);
                true
            }
        };
        if !told {
            return;
        }
    }
}

/// Some of `most`, so that not all channels are looked at in one moment.
fn jitter(most: Duration) -> Duration {
    let [part] = SystemRandom::new().bytes::<1>();
    most * u32::from(part) / 256
}
