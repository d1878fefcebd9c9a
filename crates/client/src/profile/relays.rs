//! The relays that a profile's engine wants, and the task of each.

use std::time::Duration;

use sotto_engine::Outgoing;
use sotto_wire::{ClientFrame, RelayAddress};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::Timing;
use crate::connection::ConnectionError;
use crate::connection::link::{Connection, DropReason, Dropped, FromLink, Link, LinkId, ToLink};
use crate::contract::{RelayState, RelayStatus};

/// Orders that may wait for one relay. A batch of frames is one order.
const ORDERS: usize = 1024;

/// One relay and what the engine knows of its connection.
struct Relay {
    id: LinkId,
    address: RelayAddress,
    orders: mpsc::Sender<ToLink>,
    dropped: watch::Sender<Dropped>,
    stop: CancellationToken,
    /// The connection that the engine knows of.
    known: Option<Connection>,
    /// The engine must hear that the connection it knew is gone before it hears of another.
    owed: bool,
    status: RelayStatus,
}

/// All relays of a profile. Owns their tasks.
pub(super) struct Relays {
    timing: Timing,
    events: mpsc::Sender<FromLink>,
    relays: Vec<Relay>,
    tasks: JoinSet<()>,
    next_id: LinkId,
}

impl Relays {
    pub(super) fn new(timing: Timing, events: mpsc::Sender<FromLink>) -> Self {
        Self {
            timing,
            events,
            relays: Vec::new(),
            tasks: JoinSet::new(),
            next_id: 0,
        }
    }

    /// Starts a task for `address` unless there is one.
    pub(super) fn connect(&mut self, address: RelayAddress) {
        if self.relays.iter().any(|relay| relay.address == address) {
            return;
        }
        self.next_id = self.next_id.wrapping_add(1);
        let (orders, receiver) = mpsc::channel(ORDERS);
        let (dropped, given_up) = watch::channel(None);
        let stop = CancellationToken::new();
        let link = Link {
            id: self.next_id,
            relay: address.clone(),
            token: None,
            timing: self.timing,
            orders: receiver,
            dropped: given_up,
            events: self.events.clone(),
            stop: stop.clone(),
        };
        self.tasks.spawn(link.run());
        let status = RelayStatus {
            relay: address.to_string(),
            state: RelayState::Connecting,
            problem: None,
            retry_in_ms: None,
        };
        let id = self.next_id;
        self.relays.push(Relay {
            id,
            address,
            orders,
            dropped,
            stop,
            known: None,
            owed: false,
            status,
        });
    }

    /// Ends the task of `address`.
    pub(super) fn disconnect(&mut self, address: &RelayAddress) {
        self.relays.retain(|relay| {
            let goes = relay.address == *address;
            if goes {
                relay.stop.cancel();
            }
            !goes
        });
        // Tasks that have ended leave their result; take it, so that the set does not grow.
        while self.tasks.try_join_next().is_some() {}
    }

    /// The connection of `address` is to end and another to be made after a pause. The engine is
    /// owed the news.
    pub(super) fn drop_connection(&mut self, address: &RelayAddress, reason: DropReason) {
        if let Some(relay) = self
            .relays
            .iter_mut()
            .find(|relay| relay.address == *address)
        {
            relay.drop_connection(reason);
        }
    }

    /// Hands `frames` to their relays, in order, each relay's run of frames as one order. Frames
    /// for a relay without a connection are dropped, as the engine expects; a relay whose queue is
    /// full takes nothing any more and loses its connection.
    pub(super) fn send(&mut self, frames: Vec<Outgoing>) {
        let mut run: Vec<ClientFrame> = Vec::new();
        let mut to: Option<RelayAddress> = None;
        for Outgoing { relay, frame } in frames {
            if to.as_ref().is_some_and(|to| *to != relay) {
                self.send_run(to.take(), std::mem::take(&mut run));
            }
            to = Some(relay);
            run.push(frame);
        }
        self.send_run(to, run);
    }

    fn send_run(&mut self, to: Option<RelayAddress>, frames: Vec<ClientFrame>) {
        let relay = self
            .relays
            .iter_mut()
            .find(|relay| Some(&relay.address) == to.as_ref());
        let Some((relay, connection)) =
            relay.and_then(|relay| relay.known.map(|known| (relay, known)))
        else {
            return;
        };
        if relay
            .orders
            .try_send(ToLink::Send(connection, frames))
            .is_err()
        {
            relay.drop_connection(DropReason::Stuck);
        }
    }

    /// Every relay tries again now.
    pub(super) fn try_now(&self) {
        for relay in &self.relays {
            // A full queue means that it is not waiting.
            let _ = relay.orders.try_send(ToLink::TryNow);
        }
    }

    pub(super) fn address(&self, id: LinkId) -> Option<RelayAddress> {
        self.relay(id).map(|relay| relay.address.clone())
    }

    /// Does the engine know of this connection?
    pub(super) fn knows(&self, id: LinkId, connection: Connection) -> bool {
        self.relay(id)
            .is_some_and(|relay| relay.known == Some(connection))
    }

    /// The engine has been told of this connection.
    pub(super) fn told_connected(&mut self, id: LinkId, connection: Connection) {
        if let Some(relay) = self.relay_mut(id) {
            relay.known = Some(connection);
        }
    }

    /// The connection is gone by itself. The engine is owed the news if it knew of it, and after a
    /// failed attempt in any case.
    pub(super) fn lost(&mut self, id: LinkId, connection: Option<Connection>) {
        if let Some(relay) = self.relay_mut(id)
            && (connection.is_none() || relay.known == connection)
        {
            relay.known = None;
            relay.owed = true;
        }
    }

    /// The connections that the engine still has to hear of as gone.
    pub(super) fn owed(&self) -> Vec<RelayAddress> {
        self.relays
            .iter()
            .filter(|relay| relay.owed)
            .map(|relay| relay.address.clone())
            .collect()
    }

    pub(super) fn is_owed(&self, id: LinkId) -> bool {
        self.relay(id).is_some_and(|relay| relay.owed)
    }

    /// The engine has heard that the connection to `address` is gone.
    pub(super) fn told_disconnected(&mut self, address: &RelayAddress) {
        if let Some(relay) = self
            .relays
            .iter_mut()
            .find(|relay| relay.address == *address)
        {
            relay.owed = false;
        }
    }

    /// Notes how a connection stands now. None: it stood like this already, or the relay is gone.
    pub(super) fn note(
        &mut self,
        id: LinkId,
        state: RelayState,
        error: Option<(&ConnectionError, Duration)>,
    ) -> Option<RelayStatus> {
        let status = &mut self.relay_mut(id)?.status;
        let before = status.clone();
        // While it is being tried again the reason of the last failure still holds.
        match (state, error) {
            (RelayState::Connected, _) => status.problem = None,
            (_, Some((error, _))) => status.problem = Some(error.problem()),
            _ => {}
        }
        status.state = state;
        status.retry_in_ms =
            error.map(|(_, pause)| u64::try_from(pause.as_millis()).unwrap_or(u64::MAX));
        (*status != before).then(|| status.clone())
    }

    pub(super) fn statuses(&self) -> Vec<RelayStatus> {
        self.relays
            .iter()
            .map(|relay| relay.status.clone())
            .collect()
    }

    /// Ends every task and waits for each, for as long as a goodbye may take.
    pub(super) async fn stop(mut self) {
        for relay in &self.relays {
            relay.stop.cancel();
        }
        let all = async { while self.tasks.join_next().await.is_some() {} };
        // Dropping the set ends whatever is left.
        let _ = tokio::time::timeout(self.timing.close * 2, all).await;
    }

    fn relay(&self, id: LinkId) -> Option<&Relay> {
        self.relays.iter().find(|relay| relay.id == id)
    }

    fn relay_mut(&mut self, id: LinkId) -> Option<&mut Relay> {
        self.relays.iter_mut().find(|relay| relay.id == id)
    }
}

impl Relay {
    fn drop_connection(&mut self, reason: DropReason) {
        if let Some(connection) = self.known.take() {
            self.owed = true;
            self.dropped.send_replace(Some((connection, reason)));
        }
    }
}
