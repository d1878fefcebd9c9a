//! What is known of each connection while it lasts. Nothing here is on disk: after a reconnect
//! everything under way is derived from the database again.

use std::collections::{BTreeMap, HashMap, HashSet};

use sotto_suite::sign::{PublicKey, SigningKey};
use sotto_wire::{
    AppendId, Binding, ChannelId, ClientFrame, Command, RelayAddress, RequestId, Role,
    proof_transcript,
};

use crate::api::{ConversationId, Outgoing, Outputs};

/// What a reply will be the answer to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// A proof. A refusal of one means that the relay and we disagree about the connection.
    Proof,
    /// An errand, by its row.
    Errand(i64),
    /// A message of the outbox.
    Message(AppendId),
    /// A commit or fence.
    Handshake(ConversationId, AppendId),
    /// A typing signal; nobody waits for it.
    Signal,
    /// A conversation's channel, by its own id: another may have taken its place meanwhile.
    Subscribe(ConversationId, ChannelId),
    /// The own inbox.
    SubscribeInbox,
    /// The card behind an invite, with the invite's writer key.
    Card(ConversationId, PublicKey),
    /// Key packages behind an invite, with the invite's writer key.
    Packages(ConversationId, PublicKey),
}

/// One connection.
#[derive(Default)]
struct Session {
    binding: Option<Binding>,
    proven: HashSet<(ChannelId, Role, PublicKey)>,
    asked: HashMap<RequestId, Asked>,
    in_flight: HashSet<AppendId>,
    next: RequestId,
}

/// All connections that are wanted.
#[derive(Default)]
pub(crate) struct Sessions {
    sessions: BTreeMap<RelayAddress, Session>,
}

impl Sessions {
    pub(crate) fn wanted(&self) -> HashSet<RelayAddress> {
        self.sessions.keys().cloned().collect()
    }

    pub(crate) fn want(&mut self, relay: &RelayAddress) {
        self.sessions.entry(relay.clone()).or_default();
    }

    /// Its connection ends, and what was under way on it is nobody's any more.
    pub(crate) fn unwant(&mut self, relay: &RelayAddress) {
        self.sessions.remove(relay);
    }

    pub(crate) fn connected(&mut self, relay: &RelayAddress, binding: Binding) {
        let session = Session {
            binding: Some(binding),
            ..Session::default()
        };
        self.sessions.insert(relay.clone(), session);
    }

    /// True if there was a connection.
    pub(crate) fn disconnected(&mut self, relay: &RelayAddress) -> bool {
        self.sessions
            .get_mut(relay)
            .is_some_and(|session| std::mem::take(session).binding.is_some())
    }

    pub(crate) fn is_connected(&self, relay: &RelayAddress) -> bool {
        self.sessions
            .get(relay)
            .is_some_and(|session| session.binding.is_some())
    }

    pub(crate) fn connections(&self) -> Vec<RelayAddress> {
        let connected = self
            .sessions
            .iter()
            .filter(|(_, session)| session.binding.is_some());
        connected.map(|(relay, _)| relay.clone()).collect()
    }

    /// Whether this append was sent on the current connection and not answered yet.
    pub(crate) fn is_in_flight(&self, relay: &RelayAddress, append: &AppendId) -> bool {
        self.sessions
            .get(relay)
            .is_some_and(|session| session.in_flight.contains(append))
    }

    pub(crate) fn in_flight(&self, relay: &RelayAddress) -> usize {
        self.sessions
            .get(relay)
            .map_or(0, |session| session.in_flight.len())
    }

    /// The entry came back, or was refused.
    pub(crate) fn landed(&mut self, relay: &RelayAddress, append: &AppendId) {
        if let Some(session) = self.sessions.get_mut(relay) {
            session.in_flight.remove(append);
        }
    }

    /// Whether this very question is under way on the current connection.
    pub(crate) fn is_asked(&self, relay: &RelayAddress, question: &Asked) -> bool {
        self.sessions
            .get(relay)
            .is_some_and(|session| session.asked.values().any(|asked| asked == question))
    }

    /// Whether this reply is to an errand.
    pub(crate) fn is_errand(&self, relay: &RelayAddress, id: RequestId) -> bool {
        let asked = self
            .sessions
            .get(relay)
            .and_then(|session| session.asked.get(&id));
        !matches!(
            asked,
            None | Some(Asked::Proof | Asked::Message(..) | Asked::Handshake(..) | Asked::Signal)
        )
    }

    /// What a reply answers; none: the relay answers what was never asked.
    pub(crate) fn answered(&mut self, relay: &RelayAddress, id: RequestId) -> Option<Asked> {
        self.sessions.get_mut(relay)?.asked.remove(&id)
    }

    /// Sends a request, with the proof of its right before it where that has not been given yet.
    /// Without a connection nothing happens: whoever asks keeps what it wants in the database.
    pub(crate) fn ask(
        &mut self,
        relay: &RelayAddress,
        right: (ChannelId, Role, &SigningKey),
        command: Command,
        asked: Asked,
        out: &mut Outputs,
    ) {
        let Some(session) = self.sessions.get_mut(relay) else {
            return;
        };
        let Some(binding) = &session.binding else {
            return;
        };
        let (channel, role, key) = right;
        let public = key.public();
        if session.proven.insert((channel, role, public)) {
            let signature = key.sign(&proof_transcript(binding, &channel, role, &public));
            let proof = Command::Prove {
                channel,
                role,
                key: public,
                signature,
            };
            session.send(relay, proof, Asked::Proof, out);
        }
        if let Asked::Message(append) | Asked::Handshake(_, append) = &asked {
            session.in_flight.insert(*append);
        }
        session.send(relay, command, asked, out);
    }

    /// Tells the relay what is safe on disk.
    pub(crate) fn acknowledge(&self, relay: &RelayAddress, frame: ClientFrame, out: &mut Outputs) {
        if self.is_connected(relay) {
            out.frames.push(Outgoing {
                relay: relay.clone(),
                frame,
            });
        }
    }
}

impl Session {
    fn send(&mut self, relay: &RelayAddress, command: Command, asked: Asked, out: &mut Outputs) {
        self.next = self.next.wrapping_add(1);
        self.asked.insert(self.next, asked);
        let frame = ClientFrame::Request {
            id: self.next,
            command,
        };
        out.frames.push(Outgoing {
            relay: relay.clone(),
            frame,
        });
    }
}
