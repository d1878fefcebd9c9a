//! The life of one relay's task: dial, serve, pause, again.

use std::time::Duration;

use sotto_suite::SystemRandom;
use sotto_wire::{Binding, ClientFrame, RelayAddress, RelayFrame};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::ConnectionError;
use super::backoff::Backoff;
use super::dial::dial;
use super::socket::{End, Serving};
use crate::Timing;

/// Tells a profile's relays apart.
pub(crate) type LinkId = u32;

/// Counts the connections of one link, so that what belongs to an old one is recognised.
pub(crate) type Connection = u64;

/// Orders to a link's task.
#[derive(Debug)]
pub(crate) enum ToLink {
    /// Frames for this connection; dropped if it is gone.
    Send(Connection, Vec<ClientFrame>),
    /// Don't wait for the pause to end.
    TryNow,
}

/// Why a connection is given up although it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) enum DropReason {
    /// The relay broke a rule that only the engine can check.
    BrokeRules,
    /// What waits for the relay grew too long.
    Stuck,
    /// What arrived could not be stored.
    NotStored,
}

/// The connection that was last given up, and why. Its own path, past the queue of orders, which a
/// relay that takes nothing any more never empties.
pub(crate) type Dropped = Option<(Connection, DropReason)>;

impl From<DropReason> for ConnectionError {
    fn from(reason: DropReason) -> Self {
        match reason {
            DropReason::BrokeRules => Self::BrokeRules,
            DropReason::Stuck => Self::Stuck,
            DropReason::NotStored => Self::NotStored,
        }
    }
}

/// What a link's task tells.
#[derive(Debug)]
pub(crate) struct FromLink {
    pub(crate) link: LinkId,
    pub(crate) event: LinkEvent,
}

/// What happened on a link.
#[derive(Debug)]
pub(crate) enum LinkEvent {
    /// An attempt begins.
    Connecting,
    /// The relay has proven who it is.
    Connected(Connection, Binding),
    /// A frame arrived.
    Frame(Connection, RelayFrame),
    /// An attempt failed (no connection yet), or a connection ended. The next attempt comes after
    /// the pause.
    Disconnected {
        connection: Option<Connection>,
        error: ConnectionError,
        pause: Duration,
    },
}

/// A link's task.
pub(crate) struct Link {
    pub(crate) id: LinkId,
    pub(crate) relay: RelayAddress,
    /// Access token of a private relay.
    pub(crate) token: Option<String>,
    pub(crate) timing: Timing,
    pub(crate) orders: mpsc::Receiver<ToLink>,
    pub(crate) dropped: watch::Receiver<Dropped>,
    pub(crate) events: mpsc::Sender<FromLink>,
    pub(crate) stop: CancellationToken,
}

impl Link {
    /// Runs until it is to stop, or its owner is gone.
    pub(crate) async fn run(mut self) {
        let mut backoff = Backoff::new(&self.timing);
        let mut random = SystemRandom::new();
        let mut connection = 0;
        loop {
            if !self.tell(LinkEvent::Connecting).await {
                return;
            }
            let dialled = tokio::select! {
                () = self.stop.cancelled() => return,
                dialled = dial(&self.relay, self.token.clone(), &self.timing, &mut random) => dialled,
            };
            let (which, error) = match dialled {
                Err(error) => (None, error),
                Ok((socket, binding)) => {
                    connection += 1;
                    if !self.tell(LinkEvent::Connected(connection, binding)).await {
                        return;
                    }
                    let began = Instant::now();
                    let serving = Serving {
                        link: self.id,
                        connection,
                        timing: &self.timing,
                        socket,
                        outgoing: &mut self.orders,
                        dropped: &mut self.dropped,
                        incoming: &self.events,
                        stop: &self.stop,
                    };
                    let End::Failed(error) = serving.run().await else {
                        return;
                    };
                    if began.elapsed() >= self.timing.stable {
                        backoff.reset();
                    }
                    (Some(connection), error)
                }
            };
            let pause = backoff.pause(&mut random);
            tracing::debug!(code = error.code(), ?pause, "a relay connection ended");
            let event = LinkEvent::Disconnected {
                connection: which,
                error,
                pause,
            };
            if !self.tell(event).await || !self.wait(pause).await {
                return;
            }
        }
    }

    /// False: stop.
    async fn tell(&self, event: LinkEvent) -> bool {
        let event = FromLink {
            link: self.id,
            event,
        };
        tokio::select! {
            () = self.stop.cancelled() => false,
            sent = self.events.send(event) => sent.is_ok(),
        }
    }

    /// False: stop.
    async fn wait(&mut self, pause: Duration) -> bool {
        let until = Instant::now() + pause;
        loop {
            tokio::select! {
                () = self.stop.cancelled() => return false,
                () = sleep_until(until) => return true,
                order = self.orders.recv() => match order {
                    None => return false,
                    Some(ToLink::TryNow) => return true,
                    // Meant for a connection that is gone.
                    Some(_) => {}
                },
            }
        }
    }
}
