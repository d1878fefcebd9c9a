//! Delivery to the subscriptions of one connection.

use std::collections::VecDeque;
use std::sync::Arc;

use sotto_suite::sign::PublicKey;
use sotto_wire::{ChannelId, Delivered, Position, RefusalCode, RelayFrame};

use super::session::{Session, send};
use super::{End, Socket};
use crate::feed::Listener;
use crate::metrics::Metrics;
use crate::server::Shared;
use crate::store::{Item, Store, StoreError};

/// Entries fetched at once for one subscription, so that each gets its turn.
const PAGE: usize = 64;

/// One subscriber of one channel, on this connection.
pub(super) struct Subscription {
    channel: ChannelId,
    subscriber: PublicKey,
    listener: Arc<Listener>,
    /// Delivered up to here; none before the store has said where the subscriber stands.
    sent: Option<Position>,
    /// Delivered but not acknowledged.
    unacknowledged: VecDeque<Position>,
    caught_up: bool,
}

impl Subscription {
    pub(super) fn new(channel: ChannelId, subscriber: PublicKey, listener: Arc<Listener>) -> Self {
        Self {
            channel,
            subscriber,
            listener,
            sent: None,
            unacknowledged: VecDeque::new(),
            caught_up: false,
        }
    }

    /// Makes room for more.
    pub(super) fn acknowledged(&mut self, position: Position) {
        while self
            .unacknowledged
            .front()
            .is_some_and(|first| *first <= position)
        {
            self.unacknowledged.pop_front();
        }
        self.listener.rouse();
    }

    fn frame(&self, delivered: Delivered) -> RelayFrame {
        RelayFrame::Deliver {
            channel: self.channel,
            subscriber: self.subscriber,
            delivered,
        }
    }
}

impl<S: Store> Session<'_, S> {
    /// The store has said where the subscriber stands, and the client is about to be told.
    pub(super) fn start_delivery(&mut self, number: u64, cursor: Position) {
        if let Some(subscription) = self.subscriptions.get_mut(&number) {
            subscription.sent = Some(cursor);
            subscription.listener.rouse();
        }
    }

    /// Ends a subscription on this connection; its cursor stays.
    pub(super) fn drop_subscription(&mut self, number: u64) {
        let Some(subscription) = self.subscriptions.remove(&number) else {
            return;
        };
        self.shared
            .metrics
            .subscriptions
            .fetch_sub(1, std::sync::atomic::Ordering::Relaxed);
        let key = (subscription.channel, subscription.subscriber);
        if self.numbers.get(&key) == Some(&number) {
            self.numbers.remove(&key);
        }
        subscription.listener.end();
        self.shared
            .store
            .detach(&subscription.channel, &subscription.listener);
    }

    /// Delivers to each subscription that has something, a page at a time.
    pub(super) async fn deliver(&mut self, socket: &mut Socket) -> Result<(), End> {
        for number in self.wake.take_ready() {
            let Some(subscription) = self.subscriptions.get_mut(&number) else {
                continue;
            };
            match subscription.deliver(self.shared, socket).await? {
                Next::Waits => {}
                // The others come first.
                Next::HasMore => subscription.listener.rouse(),
                Next::Ended => self.drop_subscription(number),
            }
        }
        Ok(())
    }
}

/// What comes after a turn.
enum Next {
    Waits,
    HasMore,
    Ended,
}

impl Subscription {
    /// One turn: the signals that wait, and a page of entries as far as the client has room.
    async fn deliver<S: Store>(
        &mut self,
        shared: &Shared<S>,
        socket: &mut Socket,
    ) -> Result<Next, End> {
        self.listener.calm();
        if self.listener.ended() {
            return Ok(Next::Ended);
        }
        // Roused again when the store has said where to start.
        let Some(sent) = self.sent else {
            return Ok(Next::Waits);
        };
        while let Some(signal) = self.listener.next_signal() {
            let signal = self.frame(Delivered::Signal(signal.to_vec()));
            send(shared, socket, &signal).await?;
        }
        let in_flight = usize::from(shared.limits().in_flight);
        let room = in_flight.saturating_sub(self.unacknowledged.len());
        if room == 0 {
            // Roused again by an acknowledgement.
            return Ok(Next::Waits);
        }
        let items = match shared.store.read(self.channel, sent, room.min(PAGE)).await {
            Ok(items) => items,
            Err(StoreError::NotFound) => return Ok(Next::Ended),
            Err(_) => return Err(End::Closing(RefusalCode::Unavailable)),
        };
        if items.is_empty() {
            if !std::mem::replace(&mut self.caught_up, true) {
                send(shared, socket, &self.frame(Delivered::CaughtUp(sent))).await?;
            }
            return Ok(Next::Waits);
        }
        for item in items {
            self.sent = Some(item.position());
            let delivered = match item {
                Item::Entry(entry) => {
                    Metrics::count(&shared.metrics.delivered);
                    self.unacknowledged.push_back(entry.position);
                    Delivered::Entry(Arc::unwrap_or_clone(entry))
                }
                Item::Gap(gap) => {
                    Metrics::count(&shared.metrics.gaps);
                    Delivered::Gap(gap)
                }
            };
            send(shared, socket, &self.frame(delivered)).await?;
        }
        Ok(Next::HasMore)
    }
}

impl<S: Store> Drop for Session<'_, S> {
    fn drop(&mut self) {
        let numbers: Vec<u64> = self.subscriptions.keys().copied().collect();
        for number in numbers {
            self.drop_subscription(number);
        }
    }
}
