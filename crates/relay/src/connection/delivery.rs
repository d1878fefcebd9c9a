//! Delivery to the subscriptions of one connection.

use std::collections::VecDeque;
use std::sync::Arc;

use sotto_suite::sign::PublicKey;
use sotto_wire::{ChannelId, Delivered, Position, RefusalCode, RelayFrame};

use super::session::{Session, send};
use super::{End, Socket};
use crate::feed::Listener;
use crate::metrics::Metrics;
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
            subscription.listener.calm();
            if subscription.listener.ended() {
                self.drop_subscription(number);
                continue;
            }
            let Some(sent) = subscription.sent else {
                continue;
            };
            let mut frames = Vec::new();
            while let Some(signal) = subscription.listener.next_signal() {
                frames.push(subscription.frame(Delivered::Signal(signal.to_vec())));
            }
            let room = usize::from(self.shared.limits.in_flight)
                .saturating_sub(subscription.unacknowledged.len());
            let items = if room == 0 {
                Vec::new()
            } else {
                match self
                    .shared
                    .store
                    .read(subscription.channel, sent, room.min(PAGE))
                    .await
                {
                    Ok(items) => items,
                    Err(StoreError::NotFound) => {
                        self.drop_subscription(number);
                        continue;
                    }
                    Err(_) => return Err(End::Closing(RefusalCode::Unavailable)),
                }
            };
            if let Some(last) = items.last() {
                subscription.sent = Some(last.position());
                // There may be more; the others come first.
                subscription.listener.rouse();
            } else if room > 0 && !subscription.caught_up {
                subscription.caught_up = true;
                frames.push(subscription.frame(Delivered::CaughtUp(sent)));
            }
            for item in items {
                let delivered = match item {
                    Item::Entry(entry) => {
                        Metrics::count(&self.shared.metrics.delivered);
                        subscription.unacknowledged.push_back(entry.position);
                        Delivered::Entry(Arc::unwrap_or_clone(entry))
                    }
                    Item::Gap(gap) => Delivered::Gap(gap),
                };
                frames.push(subscription.frame(delivered));
            }
            for frame in &frames {
                send(self.shared, socket, frame).await?;
            }
        }
        Ok(())
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
