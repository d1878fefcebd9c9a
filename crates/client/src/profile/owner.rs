//! The one owner of a profile's engine.
//!
//! A loop on the profile's own thread takes what happened (frames, connections, commands, the
//! clock), gives it to the engine, and carries out what the engine says, in this order:
//! connections, frames, results, events. Whatever the engine returns is durable already, so the
//! loop may end at any point without losing anything.

use std::time::Duration;

use sotto_engine::{Engine, EngineError, Input, Outputs, RelayChange, Timestamp};
use sotto_wire::{RelayAddress, RelayFrame};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Publisher;
use super::asked::Asked;
use super::relays::Relays;
use crate::clock::Clock;
use crate::connection::ConnectionError;
use crate::connection::link::{Connection, DropReason, FromLink, LinkEvent, LinkId};
use crate::contract::{HostEvent, ProfileEvent, RelayState, RelayStatus};

/// Most frames, and most commands, in one input of the engine.
const BATCH: usize = 256;
/// A clock that was asked to wake us may have slept itself (a closed laptop): look this often.
const LOOK: Duration = Duration::from_secs(60);
/// After the store failed: the first pause before trying again, and the longest.
const STORE_PAUSE: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(30));

/// What the owner owns.
pub(super) struct Owner {
    pub(super) engine: Engine,
    pub(super) clock: Clock,
    pub(super) relays: Relays,
    pub(super) publisher: Publisher,
    pub(super) statuses: watch::Sender<Vec<RelayStatus>>,
    deadline: Option<Timestamp>,
    /// What the clock said last.
    seen: Timestamp,
    /// The store failed: when to try again, and the pause after that.
    store_trouble: Option<(Instant, Duration)>,
}

/// Frames of one connection, in order.
type Run = (LinkId, Connection, Vec<RelayFrame>);

impl Owner {
    pub(super) fn new(
        engine: Engine,
        clock: Clock,
        relays: Relays,
        publisher: Publisher,
        statuses: watch::Sender<Vec<RelayStatus>>,
    ) -> Self {
        Self {
            engine,
            clock,
            relays,
            publisher,
            statuses,
            deadline: None,
            seen: Timestamp(0),
            store_trouble: None,
        }
    }

    /// Runs until `stop`. `first` is what the engine said when it started.
    pub(super) async fn run(
        mut self,
        first: Outputs,
        mut asked: mpsc::Receiver<Asked>,
        mut links: mpsc::Receiver<FromLink>,
        stop: CancellationToken,
    ) {
        self.carry_out(first);
        let mut arrived = Vec::with_capacity(BATCH);
        let mut waiting = Vec::with_capacity(BATCH);
        loop {
            let wake = self.wake_at();
            tokio::select! {
                () = stop.cancelled() => break,
                count = links.recv_many(&mut arrived, BATCH) => if count == 0 { break },
                count = asked.recv_many(&mut waiting, BATCH) => if count == 0 { break },
                () = tokio::time::sleep_until(wake) => {}
            }
            // Whatever woke us, take what else is there: one commit serves it all.
            drain(&mut links, &mut arrived);
            drain(&mut asked, &mut waiting);
            self.take_links(&mut arrived);
            self.take_asked(&mut waiting);
            self.pay_debts();
            self.look_at_clock();
            // The tasks of the relays share this thread: let them write before reading on.
            tokio::task::yield_now().await;
        }
        self.relays.stop().await;
    }

    fn wake_at(&mut self) -> Instant {
        let now = Instant::now();
        let mut wake = now + LOOK;
        if let Some(deadline) = self.deadline {
            let left = deadline.since(self.clock.now());
            wake = wake.min(now + Duration::from_millis(left));
        }
        match self.store_trouble {
            // A deadline that the store can't serve would wake us at once, again and again.
            Some((again, _)) => again,
            None => wake,
        }
    }

    fn take_links(&mut self, arrived: &mut Vec<FromLink>) {
        let mut runs: Vec<Run> = Vec::new();
        for FromLink { link, event } in arrived.drain(..) {
            match event {
                LinkEvent::Frame(connection, frame) => gather(&mut runs, link, connection, frame),
                other => {
                    // Frames that came before stay before.
                    self.take_runs(&mut runs);
                    self.take_change(link, other);
                }
            }
        }
        self.take_runs(&mut runs);
    }

    fn take_runs(&mut self, runs: &mut Vec<Run>) {
        for (link, connection, frames) in runs.drain(..) {
            // Of a connection that the engine has heard the end of.
            if !self.relays.knows(link, connection) {
                continue;
            }
            let Some(relay) = self.relays.address(link) else {
                continue;
            };
            if !self.feed(Input::Frames {
                relay: relay.clone(),
                frames,
            }) {
                // Not stored, not acknowledged: the relay sends it all again after the next hello.
                self.drop_connection(&relay, DropReason::NotStored);
            }
        }
    }

    fn take_change(&mut self, link: LinkId, event: LinkEvent) {
        match event {
            LinkEvent::Connecting => self.note(link, RelayState::Connecting, None),
            LinkEvent::Frame(..) => {}
            LinkEvent::Connected(connection, binding) => {
                let Some(relay) = self.relays.address(link) else {
                    return;
                };
                self.pay_debts();
                // Known from here on, so that it can be dropped and is not known afterwards.
                self.relays.told_connected(link, connection);
                let input = Input::Connected {
                    relay: relay.clone(),
                    binding,
                };
                if self.relays.is_owed(link) || !self.feed(input) {
                    self.drop_connection(&relay, DropReason::NotStored);
                } else {
                    self.note(link, RelayState::Connected, None);
                }
            }
            LinkEvent::Disconnected {
                connection,
                error,
                pause,
            } => {
                self.relays.lost(link, connection);
                self.pay_debts();
                self.note(link, RelayState::Offline, Some((&error, pause)));
            }
        }
    }

    fn drop_connection(&mut self, relay: &RelayAddress, reason: DropReason) {
        self.relays.drop_connection(relay, reason);
    }

    /// Tells the engine of every connection that is gone and that it still thinks of as standing.
    fn pay_debts(&mut self) {
        if self
            .store_trouble
            .is_some_and(|(again, _)| Instant::now() < again)
        {
            return;
        }
        for relay in self.relays.owed() {
            if !self.feed(Input::Disconnected {
                relay: relay.clone(),
            }) {
                return;
            }
            self.relays.told_disconnected(&relay);
        }
    }

    fn take_asked(&mut self, waiting: &mut Vec<Asked>) {
        let mut commands = Vec::with_capacity(waiting.len());
        let mut replies = Vec::with_capacity(waiting.len());
        for asked in waiting.drain(..) {
            match asked {
                Asked::Command(command, reply) => {
                    commands.push(command);
                    replies.push(reply);
                }
                Asked::ReconnectRelays => self.relays.try_now(),
            }
        }
        if commands.is_empty() {
            return;
        }
        let now = self.clock.now();
        match self.engine.handle(Input::Commands(commands), now) {
            Ok(mut outputs) => {
                self.note_store_works();
                let done = std::mem::take(&mut outputs.done);
                self.send_out(&mut outputs);
                for (reply, done) in replies.into_iter().zip(done) {
                    // Whoever asked may have gone; what was asked is done all the same.
                    let _ = reply.send(done);
                }
                self.publish(outputs);
            }
            Err(error) => {
                for reply in replies {
                    let _ = reply.send(Err(error.problem()));
                }
                self.note_store_trouble(&error);
            }
        }
    }

    fn look_at_clock(&mut self) {
        let now = self.clock.now();
        // Put back, a clock would keep everything waiting until the old time has come round again;
        // the engine sets its own timers right when it hears of it.
        let back = now < std::mem::replace(&mut self.seen, now);
        let due = back || self.deadline.is_some_and(|deadline| now >= deadline);
        let again = self
            .store_trouble
            .is_some_and(|(again, _)| Instant::now() >= again);
        if (due && self.store_trouble.is_none()) || again {
            self.feed(Input::Deadline);
        }
    }

    /// Gives the engine an input that nobody waits for. False: the store failed and nothing changed.
    fn feed(&mut self, input: Input) -> bool {
        let now = self.clock.now();
        match self.engine.handle(input, now) {
            Ok(outputs) => {
                self.note_store_works();
                self.carry_out(outputs);
                true
            }
            Err(error) => {
                self.note_store_trouble(&error);
                false
            }
        }
    }

    /// The engine took an input. After a failure that is proof that the disk takes writes again: the
    /// first transaction after one writes, whatever its input is.
    fn note_store_works(&mut self) {
        if self.store_trouble.take().is_some() {
            self.say(HostEvent::Storage { problem: None });
        }
    }

    /// The store failed: say so once, and look again after a pause that grows.
    fn note_store_trouble(&mut self, error: &EngineError) {
        tracing::warn!(code = error.code(), "the engine could not store");
        let pause = match self.store_trouble {
            Some((_, pause)) => pause,
            None => {
                self.say(HostEvent::Storage {
                    problem: Some(error.problem()),
                });
                STORE_PAUSE.0
            }
        };
        let next = (pause * 2).min(STORE_PAUSE.1);
        self.store_trouble = Some((Instant::now() + pause, next));
    }

    fn carry_out(&mut self, mut outputs: Outputs) {
        self.send_out(&mut outputs);
        self.publish(outputs);
    }

    /// Connections and frames: what others wait for comes before what a screen shows.
    fn send_out(&mut self, outputs: &mut Outputs) {
        for aside in outputs.set_aside.drain(..) {
            tracing::error!(detail = aside.detail, "a conversation is set aside");
        }
        for change in outputs.relays.drain(..) {
            match change {
                RelayChange::Connect(relay) => self.relays.connect(relay),
                RelayChange::Disconnect(relay) => self.relays.disconnect(&relay),
                RelayChange::Drop(relay) => self.drop_connection(&relay, DropReason::BrokeRules),
                RelayChange::Anew(relay) => self.drop_connection(&relay, DropReason::NotStored),
            }
        }
        self.relays.send(std::mem::take(&mut outputs.frames));
        self.deadline = outputs.deadline;
    }

    fn publish(&mut self, outputs: Outputs) {
        for event in outputs.events {
            self.publisher.publish(ProfileEvent::Engine(event));
        }
    }

    fn note(
        &mut self,
        link: LinkId,
        state: RelayState,
        error: Option<(&ConnectionError, Duration)>,
    ) {
        if let Some(status) = self.relays.note(link, state, error) {
            self.statuses.send_replace(self.relays.statuses());
            self.say(HostEvent::Relay(status));
        }
    }

    fn say(&self, event: HostEvent) {
        self.publisher.publish(ProfileEvent::Host(event));
    }
}

/// Puts a frame behind the others of its connection.
fn gather(runs: &mut Vec<Run>, link: LinkId, connection: Connection, frame: RelayFrame) {
    match runs
        .iter_mut()
        .find(|(l, c, _)| *l == link && *c == connection)
    {
        Some((_, _, frames)) => frames.push(frame),
        None => runs.push((link, connection, vec![frame])),
    }
}

/// Takes what is there without waiting, up to a batch.
fn drain<T>(from: &mut mpsc::Receiver<T>, into: &mut Vec<T>) {
    while into.len() < BATCH
        && let Ok(one) = from.try_recv()
    {
        into.push(one);
    }
}
