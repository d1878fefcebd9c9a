//! A link against relays that do what a script says, over real sockets on loopback.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod bad_relays;
mod fake;
mod staying;

use std::time::Duration;

use sotto_wire::{Binding, ClientFrame, RelayAddress, RelayFrame};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::link::{Connection, DropReason, Dropped, FromLink, Link, LinkEvent, ToLink};
use crate::Timing;
use crate::connection::ConnectionError;

/// Short enough for a test, long enough for a busy machine.
const QUICK: Timing = Timing {
    connect: Duration::from_millis(1500),
    hello: Duration::from_millis(1500),
    ping: Duration::from_millis(200),
    silence: Duration::from_millis(1000),
    pause_min: Duration::from_millis(20),
    pause_max: Duration::from_millis(200),
    stable: Duration::from_secs(30),
    close: Duration::from_millis(500),
};

/// A link that runs, and its other end.
struct Running {
    orders: mpsc::Sender<ToLink>,
    dropped: watch::Sender<Dropped>,
    events: mpsc::Receiver<FromLink>,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Running {
    fn start(relay: RelayAddress, timing: Timing) -> Self {
        Self::with_room(relay, timing, 64)
    }

    fn with_room(relay: RelayAddress, timing: Timing, room: usize) -> Self {
        let (orders, receiver) = mpsc::channel(1024);
        let (dropped, given_up) = watch::channel(None);
        let (sender, events) = mpsc::channel(room);
        let stop = CancellationToken::new();
        let link = Link {
            id: 1,
            relay,
            token: None,
            timing,
            orders: receiver,
            dropped: given_up,
            events: sender,
            stop: stop.clone(),
        };
        let task = tokio::spawn(link.run());
        Self {
            orders,
            dropped,
            events,
            stop,
            task,
        }
    }

    async fn event(&mut self) -> LinkEvent {
        let event = timeout(Duration::from_secs(10), self.events.recv()).await;
        event
            .expect("an event in time")
            .expect("a link that runs")
            .event
    }

    async fn connected(&mut self) -> (Connection, Binding) {
        loop {
            match self.event().await {
                LinkEvent::Connecting => {}
                LinkEvent::Connected(connection, binding) => return (connection, binding),
                other => panic!("{other:?}"),
            }
        }
    }

    /// Why the next connection, or attempt at one, ends.
    async fn failure(&mut self) -> (Option<Connection>, ConnectionError) {
        loop {
            if let LinkEvent::Disconnected {
                connection, error, ..
            } = self.event().await
            {
                return (connection, error);
            }
        }
    }

    async fn frame(&mut self) -> (Connection, RelayFrame) {
        match self.event().await {
            LinkEvent::Frame(connection, frame) => (connection, frame),
            other => panic!("{other:?}"),
        }
    }

    async fn send(&self, connection: Connection, frames: Vec<ClientFrame>) {
        self.orders
            .send(ToLink::Send(connection, frames))
            .await
            .unwrap();
    }

    fn give_up(&self, connection: Connection, reason: DropReason) {
        self.dropped.send_replace(Some((connection, reason)));
    }

    async fn end(self) {
        self.stop.cancel();
        timeout(Duration::from_secs(5), self.task)
            .await
            .expect("an end in time")
            .unwrap();
    }
}

/// Every way to fail must say its code, and its problem must have all three sentences.
async fn fails_with(relay: RelayAddress, code: &str) {
    let mut link = Running::start(relay, QUICK);
    let (_, error) = link.failure().await;
    assert_eq!(error.code(), code, "{error}");
    let problem = error.problem();
    assert_eq!(problem.code, code);
    assert!(
        [&problem.happened, &problem.safe, &problem.next]
            .iter()
            .all(|text| text.ends_with('.'))
    );
    link.end().await;
}
