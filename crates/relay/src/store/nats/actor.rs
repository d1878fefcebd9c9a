//! One channel's task: it does what is asked of the channel, one order after another.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use sotto_suite::sign::PublicKey;
use sotto_wire::ChannelId;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::Shared;
use super::listen::Ear;
use super::orders::{Order, Work};
use super::state::State;
use super::streams::Subjects;
use crate::store::Stored;

/// A channel that nobody has asked for so long leaves the memory.
const IDLE: Duration = Duration::from_secs(60);
/// The same, while memory holds more channels than it should.
const CROWDED: Duration = Duration::from_millis(100);
/// Others' superfluous messages are deleted after so long, in case those have ended.
const OTHERS: Duration = Duration::from_secs(20);
/// Until a deletion is tried again.
const AGAIN: Duration = Duration::from_secs(3);

/// What is known of a channel.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    /// Newest message of the log; 0 where there is none.
    pub(super) last: u64,
    /// None: there is no such channel.
    pub(super) state: Option<State>,
}

/// A channel's task.
pub(super) struct Actor {
    pub(super) shared: Arc<Shared>,
    pub(super) channel: ChannelId,
    pub(super) subjects: Subjects,
    pub(super) queue: UnboundedSender<Order>,
    pub(super) loaded: Option<Loaded>,
    /// When an order was last given up. Those that waited by then are not tried, so that none
    /// overtakes one that its caller handed over before.
    pub(super) gave_up: Option<Instant>,
    /// The message that this task has written last.
    pub(super) written: u64,
    /// Cursors that have moved and are not in the log yet.
    pub(super) moved: HashMap<PublicKey, u64>,
    pub(super) moved_since: Option<Instant>,
    /// Hears what other processes do with the channel, while somebody listens here.
    pub(super) ear: Option<Ear>,
    /// Who listens here, with the number of their announcement.
    pub(super) here: HashMap<PublicKey, u64>,
    /// Messages whose deletion is under way.
    pub(super) erasing: HashSet<u64>,
    pub(super) erase_at: Option<Instant>,
}

/// Starts a channel's task.
pub(super) fn spawn(
    shared: Arc<Shared>,
    channel: ChannelId,
    queue: UnboundedSender<Order>,
    waiting: UnboundedReceiver<Order>,
) {
    let subjects = shared.streams.subjects(&channel);
    let actor = Actor {
        shared,
        channel,
        subjects,
        queue,
        loaded: None,
        gave_up: None,
        written: 0,
        moved: HashMap::new(),
        moved_since: None,
        ear: None,
        here: HashMap::new(),
        erasing: HashSet::new(),
        erase_at: None,
    };
    tokio::spawn(actor.run(waiting));
}

impl Actor {
    async fn run(mut self, mut waiting: UnboundedReceiver<Order>) {
        let stop = self.shared.stop.clone();
        loop {
            let until = self.next_turn();
            let order = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                order = waiting.recv() => order,
                () = tokio::time::sleep_until(until) => None,
            };
            match order {
                Some(order) => self.carry_out(order).await,
                None if self.turn().await && self.leave(&waiting) => return,
                None => {}
            }
        }
        self.replace(None);
    }

    /// When something is to be done though nobody asks.
    fn next_turn(&self) -> Instant {
        let crowded =
            self.shared.loaded.load(Ordering::Relaxed) > self.shared.options.cached_channels;
        let idle = Instant::now() + if crowded { CROWDED } else { IDLE };
        let flush = self
            .moved_since
            .map(|since| since + self.shared.options.cursors);
        [flush, self.erase_at]
            .into_iter()
            .flatten()
            .fold(idle, Instant::min)
    }

    /// Does it; true if there was nothing to do, so that the channel may leave the memory.
    async fn turn(&mut self) -> bool {
        let now = Instant::now();
        let cursors = self.shared.options.cursors;
        if self.moved_since.is_some_and(|since| since + cursors <= now) {
            // What can't be written now is tried again after as long.
            let _ = self.flush().await;
            return false;
        }
        if self.erase_at.is_some_and(|at| at <= now) {
            if self
                .state()
                .is_some_and(|state| state.voids.contains(&state.last))
            {
                // Something has to come after it before anything can be deleted.
                let _ = self.nothing().await;
            }
            self.erase_soon();
            return false;
        }
        self.moved.is_empty() && self.erasing.is_empty() && self.erase_at.is_none()
    }

    /// Ends the task unless somebody listens or something has come meanwhile. While somebody
    /// listens, only the state leaves the memory.
    fn leave(&mut self, waiting: &UnboundedReceiver<Order>) -> bool {
        if self.ear.is_some() {
            self.replace(None);
            return false;
        }
        let mut channels = self
            .shared
            .channels
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let empty = waiting.is_empty();
        if empty {
            channels.remove(&self.channel);
            drop(channels);
            self.replace(None);
        }
        empty
    }

    async fn carry_out(&mut self, order: Order) {
        let since = order.since;
        // Whoever asked may have gone.
        fn reply<T>(answer: oneshot::Sender<Stored<T>>, stored: Stored<T>) {
            let _ = answer.send(stored);
        }
        match order.work {
            Work::Create(new, answer) => reply(answer, self.create(since, &new).await),
            Work::Append(new, answer) => reply(answer, self.append(since, new).await),
            Work::Signal {
                writer,
                body,
                answer,
            } => reply(answer, self.signal(since, &writer, body).await),
            Work::Attach {
                subscriber,
                listener,
                answer,
            } => reply(answer, self.attach(since, subscriber, listener).await),
            Work::Detached => self.detached().await,
            Work::Read {
                after,
                limit,
                look,
                answer,
            } => reply(answer, self.read(since, after, limit, look).await),
            Work::Acknowledge {
                subscriber,
                position,
            } => self.acknowledge(subscriber, position).await,
            Work::Unsubscribe { subscriber, answer } => {
                reply(answer, self.unsubscribe(since, subscriber).await);
            }
            Work::SetWriter {
                admin,
                writer,
                card,
                answer,
            } => reply(answer, self.set_writer(since, &admin, writer, card).await),
            Work::RevokeWriter {
                admin,
                writer,
                answer,
            } => reply(answer, self.revoke_writer(since, &admin, writer).await),
            Work::Card { writer, answer } => reply(answer, self.card(since, &writer).await),
            Work::Deposit(deposit, answer) => {
                reply(answer, self.deposit(since, deposit).await);
            }
            Work::Pool { admin, answer } => reply(answer, self.pool(since, &admin).await),
            Work::Take {
                writer,
                slots,
                answer,
            } => reply(answer, self.take(since, &writer, &slots).await),
            Work::Delete { admin, answer } => reply(answer, self.delete(since, &admin).await),
            Work::Expire { now, answer } => reply(answer, self.expire(since, now).await),
            Work::Settle { answer } => reply(answer, self.settle().await),
            Work::Heard(message) => self.heard(message).await,
            Work::Check => self.check().await,
            Work::Erased { gone, left } => self.erased(gone, left).await,
        }
    }

    pub(super) fn state(&self) -> Option<&State> {
        self.loaded.as_ref()?.state.as_ref()
    }

    /// Newest message of the log that is known.
    pub(super) fn last(&self) -> u64 {
        self.loaded.as_ref().map_or(0, |loaded| loaded.last)
    }

    /// Another state in the place of what is known, or none.
    pub(super) fn replace(&mut self, loaded: Option<Loaded>) {
        let count = &self.shared.loaded;
        match (self.loaded.is_some(), loaded.is_some()) {
            (false, true) => drop(count.fetch_add(1, Ordering::Relaxed)),
            (true, false) => drop(count.fetch_sub(1, Ordering::Relaxed)),
            _ => {}
        }
        self.loaded = loaded;
    }

    /// Deletes superfluous messages, in the background.
    pub(super) fn erase_soon(&mut self) {
        self.erase_at = None;
        let Some(state) = self.state() else { return };
        // The newest message is what the next is measured by: it has to stay.
        if state.voids.contains(&state.last) {
            self.erase_at = Some(Instant::now() + AGAIN);
            return;
        }
        let fresh = |number: &u64| !self.erasing.contains(number);
        let voids: Vec<u64> = state.voids.iter().copied().filter(fresh).collect();
        let trash: Vec<u64> = state.trash.iter().copied().filter(fresh).collect();
        if trash.is_empty() && voids.is_empty() {
            return;
        }
        self.erasing.extend(&voids);
        self.erasing.extend(&trash);
        let (shared, shard, queue) = (
            Arc::clone(&self.shared),
            self.subjects.shard,
            self.queue.clone(),
        );
        tokio::spawn(async move {
            let (gone, left) = shared.erase_all(shard, voids, trash).await;
            let _ = queue.send(Order {
                since: Instant::now(),
                work: Work::Erased { gone, left },
            });
        });
    }

    /// Others write what they change, and clear up after it: here only in case they could not.
    pub(super) fn erase_for_others(&mut self) {
        let waits = |state: &State| !state.trash.is_empty() || !state.voids.is_empty();
        if self.state().is_some_and(waits) {
            self.erase_at.get_or_insert(Instant::now() + OTHERS);
        }
    }

    async fn erased(&mut self, gone: Vec<u64>, left: Vec<u64>) {
        for number in gone.iter().chain(&left) {
            self.erasing.remove(number);
        }
        self.forget_trash(&gone);
        if !left.is_empty() {
            self.erase_at = Some(Instant::now() + AGAIN);
        }
        self.tell_erased(gone).await;
    }

    pub(super) fn forget_trash(&mut self, gone: &[u64]) {
        if let Some(state) = self
            .loaded
            .as_mut()
            .and_then(|loaded| loaded.state.as_mut())
        {
            for number in gone {
                state.trash.remove(number);
                state.voids.remove(number);
            }
            if state.trash.is_empty() && state.voids.is_empty() {
                self.erase_at = None;
            }
        }
    }
}

impl Shared {
    /// Deletes messages, the void ones first: those that are gone, and those that are left.
    pub(super) async fn erase_all(
        &self,
        shard: usize,
        voids: Vec<u64>,
        numbers: Vec<u64>,
    ) -> (Vec<u64>, Vec<u64>) {
        let (mut gone, mut left) = self.erase_each(shard, voids).await;
        if left.is_empty() {
            let (more, rest) = self.erase_each(shard, numbers).await;
            gone.extend(more);
            left.extend(rest);
        } else {
            left.extend(numbers);
        }
        (gone, left)
    }

    async fn erase_each(&self, shard: usize, numbers: Vec<u64>) -> (Vec<u64>, Vec<u64>) {
        let (mut gone, mut left) = (Vec::new(), Vec::new());
        let mut erasing: FuturesUnordered<_> = numbers
            .into_iter()
            .map(async |number| {
                let _place = self.erasing.acquire().await;
                (number, self.streams.erase(shard, number).await)
            })
            .collect();
        while let Some((number, erased)) = erasing.next().await {
            match erased {
                Ok(()) => gone.push(number),
                Err(_) => left.push(number),
            }
        }
        (gone, left)
    }
}
