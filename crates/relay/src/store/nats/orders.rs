//! What is handed to a channel's task.

use std::sync::Arc;

use async_nats::Message;
use sotto_suite::sign::PublicKey;
use sotto_wire::{Appended, PackageOffer, Position, SlotId, SlotStatus, Subscribed};
use tokio::sync::oneshot::Sender;
use tokio::time::Instant;

use super::page::Part;
use crate::feed::Listener;
use crate::store::{Deposit, NewChannel, NewEntry, Seconds, Stored};

/// Something to be done, and since when it waits.
pub(super) struct Order {
    pub(super) since: Instant,
    pub(super) work: Work,
}

/// What is to be done.
pub(super) enum Work {
    Create(NewChannel, Sender<Stored<()>>),
    Append(NewEntry, Sender<Stored<Appended>>),
    Signal {
        writer: PublicKey,
        body: Vec<u8>,
        answer: Sender<Stored<Appended>>,
    },
    Attach {
        subscriber: PublicKey,
        listener: Arc<Listener>,
        answer: Sender<Stored<Subscribed>>,
    },
    /// A listener has gone.
    Detached,
    Read {
        after: Position,
        limit: usize,
        /// What memory knows may be behind: look first.
        look: bool,
        answer: Sender<Stored<Vec<Part>>>,
    },
    Acknowledge {
        subscriber: PublicKey,
        position: Position,
    },
    Unsubscribe {
        subscriber: PublicKey,
        answer: Sender<Stored<()>>,
    },
    SetWriter {
        admin: PublicKey,
        writer: PublicKey,
        card: Option<Vec<u8>>,
        answer: Sender<Stored<()>>,
    },
    RevokeWriter {
        admin: PublicKey,
        writer: PublicKey,
        answer: Sender<Stored<()>>,
    },
    Card {
        writer: PublicKey,
        answer: Sender<Stored<Vec<u8>>>,
    },
    Deposit(Deposit, Sender<Stored<()>>),
    Pool {
        admin: PublicKey,
        answer: Sender<Stored<Vec<SlotStatus>>>,
    },
    Take {
        writer: PublicKey,
        slots: Vec<SlotId>,
        answer: Sender<Stored<Vec<PackageOffer>>>,
    },
    Delete {
        admin: PublicKey,
        answer: Sender<Stored<()>>,
    },
    Expire {
        now: Seconds,
        answer: Sender<Stored<()>>,
    },
    Settle {
        answer: Sender<Stored<()>>,
    },
    /// Something about this channel came over the servers.
    Heard(Message),
    /// Something may have been missed.
    Check,
    /// These messages have been deleted; those could not be.
    Erased {
        gone: Vec<u64>,
        left: Vec<u64>,
    },
}
