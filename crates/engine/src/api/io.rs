//! Input and output of the machine.

use sotto_wire::{Binding, ClientFrame, RelayAddress, RelayFrame};

use super::{Command, ConversationId, Done, Event, Problem, Timestamp};

/// One thing that happened. [`crate::Engine::handle`] runs it in one transaction.
#[derive(Clone, Debug)]
pub enum Input {
    /// The person asks for something: the commands that wait, in order, at most 256. Each is
    /// carried out or refused by itself; one durable commit serves them all.
    Commands(Vec<Command>),
    /// A connection to a relay stands; its hello has been verified.
    Connected {
        /// Relay.
        relay: RelayAddress,
        /// What proofs on this connection are bound to.
        binding: Binding,
    },
    /// A connection is gone, or an attempt failed.
    Disconnected {
        /// Relay.
        relay: RelayAddress,
    },
    /// Frames arrived, in order, at most 256.
    Frames {
        /// From.
        relay: RelayAddress,
        /// What.
        frames: Vec<RelayFrame>,
    },
    /// The deadline that the last output named has been reached (or: look at the clock now).
    Deadline,
}

/// A frame to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// To. If there is no connection by now, the frame is dropped: the engine sends it again
    /// after the next [`Input::Connected`].
    pub relay: RelayAddress,
    /// What.
    pub frame: ClientFrame,
}

/// A connection begins or ceases to be wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RelayChange {
    /// Keep a connection to this relay, reconnecting with jitter until told otherwise.
    Connect(RelayAddress),
    /// This relay is needed no longer.
    Disconnect(RelayAddress),
    /// This relay broke the protocol: drop the connection now and try again after a pause.
    Drop(RelayAddress),
    /// The same, for what this device has to answer for: an input could not be carried out, and with it
    /// went what was known of this connection.
    Anew(RelayAddress),
}

/// A conversation in which something went wrong inside the program. Nothing of the input was kept, and
/// nothing is read or sent in it until the next [`crate::Engine::start`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAside {
    /// Which; it may be one that is never shown.
    pub conversation: ConversationId,
    /// What went wrong, for whoever mends it.
    pub detail: String,
}

/// What is to be done. Everything in it has been committed before.
#[derive(Debug, Default)]
pub struct Outputs {
    /// Connections, first.
    pub relays: Vec<RelayChange>,
    /// Frames, in order.
    pub frames: Vec<Outgoing>,
    /// For the screen, in order.
    pub events: Vec<Event>,
    /// One result for each command of [`Input::Commands`], in order. A refused command changed nothing.
    pub done: Vec<Result<Done, Problem>>,
    /// Conversations that had to be set aside. To be written down where somebody sees it.
    pub set_aside: Vec<SetAside>,
    /// Call with [`Input::Deadline`] at this time, or earlier; replaces the one before.
    pub deadline: Option<Timestamp>,
}

impl Outputs {
    /// What is to be done afterwards.
    pub(crate) fn then(&mut self, next: Self) {
        self.relays.extend(next.relays);
        self.frames.extend(next.frames);
        self.events.extend(next.events);
        self.done.extend(next.done);
        self.set_aside.extend(next.set_aside);
        self.deadline = next.deadline;
    }
}
