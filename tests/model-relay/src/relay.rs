//! The relay as a whole: connections, channels, time, and what a test may do to it.

use std::collections::BTreeMap;

use sotto_suite::secret::Secret;
use sotto_suite::sign::{PublicKey, SigningKey};
use sotto_wire::{
    Binding, ChannelId, ClientFrame, Entry, Nonce, Refusal, RefusalCode, RelayAddress, RelayFrame,
    RelayIdentity, Role,
};

use crate::channel::{Channel, Lost};
use crate::connection::Connection;
use crate::delivery::deliver;

/// Changes what is handed to a connection: no frame, one, or several in its place.
pub type Intercept = Box<dyn FnMut(&str, RelayFrame) -> Vec<RelayFrame>>;

/// Everything that a relay keeps: what a backup holds.
#[derive(Clone, Debug)]
pub struct Memory(BTreeMap<ChannelId, Channel>);

/// The relay.
pub struct ModelRelay {
    identity: SigningKey,
    pub(crate) channels: BTreeMap<ChannelId, Channel>,
    pub(crate) connections: BTreeMap<String, Connection>,
    count: u64,
    lost: Vec<Lost>,
    /// Cursors are written down only by [`ModelRelay::write_cursors`], and a crash loses the rest.
    pub forgetful: bool,
    /// Milliseconds since the Unix epoch.
    pub now: u64,
    /// Every body that was ever stored, for those who search them.
    pub stored: Vec<Vec<u8>>,
    /// The test makes it lie: protocol complaints are expected.
    pub lies: bool,
    /// Says that channels are made, and makes none.
    pub swallows: bool,
    /// Refuses the next durable appends with these.
    pub refuse: Vec<RefusalCode>,
    /// Changes what is handed to a connection.
    pub intercept: Option<Intercept>,
}

impl std::fmt::Debug for ModelRelay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ModelRelay({} channels)", self.channels.len())
    }
}

impl Default for ModelRelay {
    fn default() -> Self {
        Self::new()
    }
}

impl ModelRelay {
    /// An empty relay, always of the same identity.
    #[must_use]
    pub fn new() -> Self {
        Self {
            identity: SigningKey::from_seed(&Secret::new([200; 32])),
            channels: BTreeMap::new(),
            connections: BTreeMap::new(),
            count: 0,
            lost: Vec::new(),
            forgetful: false,
            now: 0,
            stored: Vec::new(),
            lies: false,
            swallows: false,
            refuse: Vec::new(),
            intercept: None,
        }
    }

    /// Where it is said to be.
    #[must_use]
    pub fn address(&self) -> RelayAddress {
        RelayAddress {
            host: "relay.example".into(),
            port: 7443,
            identity: RelayIdentity::of(&self.identity.public()),
            plain: false,
        }
    }

    /// A connection of this name stands, its hello done; one of the same name before it is gone.
    pub fn connect(&mut self, name: &str) -> Binding {
        self.count += 1;
        let mut nonce = [0; 32];
        for (to, from) in nonce.iter_mut().zip(self.count.to_be_bytes()) {
            *to = from;
        }
        let binding = Binding {
            version: 1,
            relay: self.identity.public(),
            client_nonce: Nonce(nonce),
            relay_nonce: Nonce(nonce.map(|byte| byte ^ 0xff)),
            certificate: [1; 32],
            exporter: nonce,
        };
        let connection = Connection::new(binding.clone());
        self.connections.insert(name.into(), connection);
        binding
    }

    /// The connection is gone.
    pub fn disconnect(&mut self, name: &str) {
        self.connections.remove(name);
    }

    /// The next frames for this connection, in order.
    pub fn take(&mut self, name: &str, at_most: usize) -> Vec<RelayFrame> {
        let Some(connection) = self.connections.get_mut(name) else {
            return Vec::new();
        };
        let count = connection.outbound.len().min(at_most);
        let frames: Vec<_> = connection.outbound.drain(..count).collect();
        match &mut self.intercept {
            Some(intercept) => frames
                .into_iter()
                .flat_map(|frame| intercept(name, frame))
                .collect(),
            None => frames,
        }
    }

    /// A frame came on this connection.
    pub fn receive(&mut self, name: &str, frame: ClientFrame) {
        match frame {
            ClientFrame::Request { id, command } => {
                let answer = match self.command(name, command) {
                    Ok(reply) => RelayFrame::Reply { id, reply },
                    Err(refusal) => RelayFrame::Refused { id, refusal },
                };
                if let Some(connection) = self.connections.get_mut(name) {
                    connection.outbound.push_back(answer);
                }
            }
            ClientFrame::Acknowledge {
                channel,
                subscriber,
                position,
            } => {
                let now = self.now;
                if !self.has_proven(name, channel, Role::Subscriber, subscriber) {
                    // Not answered, so it can only end the connection.
                    self.close(name);
                } else if let Some(record) = self.channels.get_mut(&channel) {
                    record.acknowledge(&subscriber, position);
                    if !self.forgetful {
                        record.write_cursors(now);
                    }
                }
            }
            ClientFrame::Hello(_) => self.close(name),
        }
        self.deliver_all();
    }

    /// The last frame for a connection that said what does not belong there.
    fn close(&mut self, name: &str) {
        let refusal = refusal(RefusalCode::Unexpected, None);
        if let Some(connection) = self.connections.get_mut(name) {
            connection.outbound.push_back(RelayFrame::Closing(refusal));
        }
    }

    pub(crate) fn deliver_all(&mut self) {
        for connection in self.connections.values_mut() {
            let mut listened: Vec<_> = connection.subscribed.keys().map(|(id, _)| *id).collect();
            listened.dedup();
            for id in listened {
                if let Some(channel) = self.channels.get(&id) {
                    deliver(connection, id, channel);
                }
            }
        }
    }

    /// Time has passed: what is too old goes.
    pub fn age(&mut self) {
        for (id, channel) in &mut self.channels {
            self.lost.extend(channel.age(id, self.now));
        }
    }

    /// What went by age before somebody had read it, since the relay began.
    #[must_use]
    pub fn lost(&self) -> &[Lost] {
        &self.lost
    }

    /// Cursors reach the disk.
    pub fn write_cursors(&mut self) {
        let now = self.now;
        for channel in self.channels.values_mut() {
            channel.write_cursors(now);
        }
    }

    /// It ends without a word and is started again: connections are gone, cursors may go back.
    pub fn crash(&mut self) {
        self.connections.clear();
        self.channels.values_mut().for_each(Channel::crash);
    }

    /// A copy of everything that it keeps.
    #[must_use]
    pub fn backup(&self) -> Memory {
        Memory(self.channels.clone())
    }

    /// It goes on from a copy; connections are gone.
    pub fn restore(&mut self, memory: &Memory) {
        self.connections.clear();
        self.channels = memory.0.clone();
    }

    /// The same relay after a restart in good order: nobody is connected, and nothing is lost.
    #[must_use]
    pub fn restarted(&self) -> Self {
        Self {
            channels: self.channels.clone(),
            count: self.count,
            lost: self.lost.clone(),
            forgetful: self.forgetful,
            now: self.now,
            stored: self.stored.clone(),
            ..Self::new()
        }
    }

    /// How many channels there are.
    #[must_use]
    pub fn channels(&self) -> usize {
        self.channels.len()
    }

    /// How far a channel goes, if there is one.
    #[must_use]
    pub fn head(&self, channel: &ChannelId) -> Option<u64> {
        self.channels.get(channel).map(Channel::head)
    }

    /// Who may read a channel.
    #[must_use]
    pub fn readers(&self, channel: &ChannelId) -> Vec<PublicKey> {
        let found = self.channels.get(channel);
        found
            .into_iter()
            .flat_map(|channel| channel.cursors.keys())
            .map(|key| PublicKey(*key))
            .collect()
    }

    /// Bodies of all entries that are stored now.
    #[must_use]
    pub fn bodies(&mut self) -> Vec<Vec<u8>> {
        let channels = self.channels.values_mut();
        channels
            .flat_map(Channel::stored_mut)
            .map(|entry| entry.body.clone())
            .collect()
    }

    /// For a lying relay: changes every entry that is still stored.
    pub fn tamper(&mut self, change: impl Fn(&mut Entry)) {
        self.lies = true;
        for channel in self.channels.values_mut() {
            channel.stored_mut().for_each(&change);
        }
    }
}

pub(crate) fn refusal(code: RefusalCode, handshakes: Option<u64>) -> Refusal {
    let for_now = matches!(
        code,
        RefusalCode::TooFast | RefusalCode::Unavailable | RefusalCode::Stopping
    );
    Refusal {
        code,
        retry_after_ms: for_now.then_some(1_000),
        handshakes,
    }
}
