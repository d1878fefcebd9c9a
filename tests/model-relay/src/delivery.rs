//! Entries on their way to those who listen.

use sotto_suite::sign::PublicKey;
use sotto_wire::{ChannelId, Delivered, Position, RelayFrame, limits};

use crate::channel::Channel;
use crate::connection::Connection;

/// Hands over whatever this connection may have now: in order, gaps named, at most 256 entries
/// that are not acknowledged.
pub(crate) fn deliver(connection: &mut Connection, id: ChannelId, channel: &Channel) {
    let Connection {
        subscribed,
        outbound,
        ..
    } = connection;
    for ((_, key), subscription) in subscribed.range_mut((id, [0; 32])..=(id, [255; 32])) {
        let subscriber = PublicKey(*key);
        let mut push = |delivered| {
            outbound.push_back(RelayFrame::Deliver {
                channel: id,
                subscriber,
                delivered,
            });
        };
        let acknowledged = channel
            .cursors
            .get(key)
            .map_or(u64::MAX, |cursor| cursor.acknowledged);
        let window = acknowledged.saturating_add(u64::from(limits::MAX_IN_FLIGHT));
        while subscription.delivered < window
            && let Some(delivered) = channel.after(subscription.delivered)
        {
            subscription.delivered = match &delivered {
                Delivered::Gap(gap) => gap.until.0,
                _ => subscription.delivered + 1,
            };
            push(delivered);
        }
        if !subscription.caught_up && subscription.delivered >= channel.head() {
            subscription.caught_up = true;
            push(Delivered::CaughtUp(Position(subscription.delivered)));
        }
    }
}

/// A signal goes to whoever listens at this moment.
pub(crate) fn signal(connection: &mut Connection, id: ChannelId, body: &[u8]) {
    let keys: Vec<_> = connection
        .subscribed
        .range((id, [0; 32])..=(id, [255; 32]))
        .map(|((_, key), _)| PublicKey(*key))
        .collect();
    for subscriber in keys {
        connection.outbound.push_back(RelayFrame::Deliver {
            channel: id,
            subscriber,
            delivered: Delivered::Signal(body.to_vec()),
        });
    }
}
