//! One connection: what was proven on it, what it listens to, what waits to be sent.

use std::collections::{BTreeMap, HashSet, VecDeque};

use sotto_suite::sign::PublicKey;
use sotto_wire::{Binding, ChannelId, RelayFrame, Role};

/// How far a subscription has got on this connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subscription {
    pub(crate) delivered: u64,
    pub(crate) caught_up: bool,
}

#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) binding: Binding,
    pub(crate) proven: HashSet<(ChannelId, Role, PublicKey)>,
    pub(crate) subscribed: BTreeMap<(ChannelId, [u8; 32]), Subscription>,
    pub(crate) outbound: VecDeque<RelayFrame>,
}

impl Connection {
    pub(crate) fn new(binding: Binding) -> Self {
        Self {
            binding,
            proven: HashSet::new(),
            subscribed: BTreeMap::new(),
            outbound: VecDeque::new(),
        }
    }
}
