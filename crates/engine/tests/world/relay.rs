//! A relay that keeps the protocol exactly, in memory, written against PROTOCOL.md section 5.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

use sotto_suite::hash::sha256;
use sotto_suite::secret::Secret;
use sotto_suite::sign::{PublicKey, SigningKey};
use sotto_wire::*;

#[derive(Default)]
struct Connection {
    binding: Option<Binding>,
    proven: HashSet<(ChannelId, u8, [u8; 32])>,
    subscribed: HashSet<(ChannelId, [u8; 32])>,
    outbound: VecDeque<RelayFrame>,
}

/// Packages, and the last resort.
type Slot = (VecDeque<Vec<u8>>, Option<Vec<u8>>);

struct Channel {
    admin: PublicKey,
    writers: HashSet<[u8; 32]>,
    cursors: BTreeMap<[u8; 32], u64>,
    entries: BTreeMap<u64, Entry>,
    appended: HashMap<AppendId, Appended>,
    head: u64,
    hash: ChainHash,
    handshakes: u64,
    fenced: bool,
    cards: HashMap<[u8; 32], Vec<u8>>,
    pool: BTreeMap<SlotId, Slot>,
}

pub struct ModelRelay {
    identity: SigningKey,
    channels: HashMap<ChannelId, Channel>,
    connections: BTreeMap<String, Connection>,
    count: u8,
    /// Every envelope that was ever stored, for those who search them.
    pub stored: Vec<Vec<u8>>,
    /// The test makes it lie: protocol complaints are expected.
    pub lies: bool,
    /// Refuse the next so many appends with this.
    pub refuse: Vec<RefusalCode>,
    /// Changes what is handed to a person.
    pub intercept: Option<Intercept>,
}

pub type Intercept = Box<dyn FnMut(&str, RelayFrame) -> Vec<RelayFrame>>;

impl ModelRelay {
    pub fn new() -> Self {
        Self {
            identity: SigningKey::from_seed(&Secret::new([200; 32])),
            channels: HashMap::new(),
            connections: BTreeMap::new(),
            count: 0,
            stored: Vec::new(),
            lies: false,
            refuse: Vec::new(),
            intercept: None,
        }
    }

    pub fn address(&self) -> RelayAddress {
        let identity = RelayIdentity(sha256(&[&self.identity.public().0]));
        RelayAddress {
            host: "relay.example".into(),
            port: 7443,
            identity,
            plain: false,
        }
    }

    pub fn connect(&mut self, name: &str) -> Binding {
        self.count += 1;
        let binding = Binding {
            version: 1,
            relay: self.identity.public(),
            client_nonce: Nonce([self.count; 32]),
            relay_nonce: Nonce([self.count ^ 0xff; 32]),
            certificate: [1; 32],
            exporter: [self.count; 32],
        };
        let connection = Connection {
            binding: Some(binding.clone()),
            ..Connection::default()
        };
        self.connections.insert(name.into(), connection);
        binding
    }

    pub fn disconnect(&mut self, name: &str) {
        self.connections.remove(name);
    }

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

    pub fn receive(&mut self, name: &str, frame: ClientFrame) {
        match frame {
            ClientFrame::Request { id, command } => {
                let answer = match self.command(name, command) {
                    Ok(reply) => RelayFrame::Reply { id, reply },
                    Err(code) => {
                        let handshakes = None;
                        RelayFrame::Refused {
                            id,
                            refusal: Refusal {
                                code,
                                retry_after_ms: None,
                                handshakes,
                            },
                        }
                    }
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
                if let Some(channel) = self.channels.get_mut(&channel)
                    && let Some(cursor) = channel.cursors.get_mut(&subscriber.0)
                {
                    *cursor = (*cursor).max(position.0);
                    let all = channel.cursors.values().min().copied().unwrap_or(u64::MAX);
                    channel.entries.retain(|at, _| *at > all);
                }
            }
            ClientFrame::Hello(_) => panic!("a second hello"),
        }
    }

    fn may(
        &self,
        name: &str,
        channel: ChannelId,
        role: Role,
        key: PublicKey,
    ) -> Result<(), RefusalCode> {
        let connection = &self.connections[name];
        let proven = connection.proven.contains(&(channel, role as u8, key.0));
        let record = self.channels.get(&channel).ok_or(RefusalCode::NotFound)?;
        let granted = match role {
            Role::Writer => record.writers.contains(&key.0),
            Role::Subscriber => record.cursors.contains_key(&key.0),
            Role::Admin => record.admin == key,
            // Blobs are not kept here.
            Role::Owner => false,
        };
        if proven && granted {
            Ok(())
        } else {
            Err(RefusalCode::NotFound)
        }
    }

    fn command(&mut self, name: &str, command: Command) -> Result<Reply, RefusalCode> {
        match command {
            Command::Prove {
                channel,
                role,
                key,
                signature,
            } => {
                let connection = self.connections.get_mut(name).unwrap();
                let transcript =
                    proof_transcript(connection.binding.as_ref().unwrap(), &channel, role, &key);
                key.verify(&transcript, &signature)
                    .map_err(|_| RefusalCode::BadProof)?;
                connection.proven.insert((channel, role as u8, key.0));
                Ok(Reply::Done)
            }
            Command::Create {
                channel,
                admin,
                writers,
                subscribers,
            } => {
                if !self.connections[name]
                    .proven
                    .contains(&(channel, Role::Admin as u8, admin.0))
                {
                    return Err(RefusalCode::NotFound);
                }
                if let Some(known) = self.channels.get(&channel) {
                    return if known.admin == admin {
                        Ok(Reply::Done)
                    } else {
                        Err(RefusalCode::Taken)
                    };
                }
                let record = Channel {
                    admin,
                    writers: writers.into_iter().map(|key| key.0).collect(),
                    cursors: subscribers.into_iter().map(|key| (key.0, 0)).collect(),
                    entries: BTreeMap::new(),
                    appended: HashMap::new(),
                    head: 0,
                    hash: ChainHash::start(&channel),
                    handshakes: 0,
                    fenced: false,
                    cards: HashMap::new(),
                    pool: BTreeMap::new(),
                };
                self.channels.insert(channel, record);
                Ok(Reply::Done)
            }
            Command::Append {
                channel,
                writer,
                lane,
                append,
                handshakes,
                body,
                subscribers,
                fence,
            } => {
                self.may(name, channel, Role::Writer, writer)?;
                if lane != Lane::Ephemeral && !self.refuse.is_empty() {
                    return Err(self.refuse.remove(0));
                }
                let record = self.channels.get_mut(&channel).unwrap();
                if let Some(before) = record.appended.get(&append) {
                    return Ok(Reply::Appended(*before));
                }
                if record.fenced {
                    return Err(RefusalCode::Fenced);
                }
                let current = match lane {
                    Lane::Handshake => handshakes == record.handshakes,
                    _ => {
                        record.handshakes.saturating_sub(handshakes)
                            <= limits::MAX_HANDSHAKES_BEHIND
                    }
                };
                if !current {
                    return Err(RefusalCode::Stale);
                }
                if lane == Lane::Ephemeral {
                    let at = Appended {
                        position: Position(record.head),
                        hash: record.hash,
                    };
                    for connection in self.connections.values_mut() {
                        let to: Vec<_> = connection
                            .subscribed
                            .iter()
                            .filter(|(of, _)| *of == channel)
                            .map(|(_, key)| *key)
                            .collect();
                        for key in to {
                            connection.outbound.push_back(RelayFrame::Deliver {
                                channel,
                                subscriber: PublicKey(key),
                                delivered: Delivered::Signal(body.clone()),
                            });
                        }
                    }
                    return Ok(Reply::Appended(at));
                }
                self.stored.push(body.clone());
                record.head += 1;
                let position = Position(record.head);
                record.hash = record.hash.next(position, lane, &append, &body);
                record.handshakes += u64::from(lane == Lane::Handshake);
                record.fenced = fence;
                for key in subscribers {
                    record.cursors.entry(key.0).or_insert(record.head);
                }
                record.entries.insert(
                    record.head,
                    Entry {
                        position,
                        lane,
                        append,
                        body,
                        fence,
                    },
                );
                let at = Appended {
                    position,
                    hash: record.hash,
                };
                record.appended.insert(append, at);
                self.push_live(channel);
                Ok(Reply::Appended(at))
            }
            Command::Subscribe {
                channel,
                subscriber,
            } => {
                self.may(name, channel, Role::Subscriber, subscriber)?;
                let record = &self.channels[&channel];
                let cursor = record.cursors[&subscriber.0];
                let reply = Subscribed {
                    cursor: Position(cursor),
                    head: Position(record.head),
                    handshakes: record.handshakes,
                    fenced: record.fenced,
                };
                let connection = self.connections.get_mut(name).unwrap();
                connection.subscribed.insert((channel, subscriber.0));
                for entry in record
                    .entries
                    .range(cursor + 1..)
                    .map(|(_, entry)| entry.clone())
                {
                    let delivered = Delivered::Entry(entry);
                    connection.outbound.push_back(RelayFrame::Deliver {
                        channel,
                        subscriber,
                        delivered,
                    });
                }
                let delivered = Delivered::CaughtUp(Position(record.head));
                connection.outbound.push_back(RelayFrame::Deliver {
                    channel,
                    subscriber,
                    delivered,
                });
                Ok(Reply::Subscribed(reply))
            }
            Command::Unsubscribe {
                channel,
                subscriber,
            } => {
                self.may(name, channel, Role::Subscriber, subscriber)?;
                self.channels
                    .get_mut(&channel)
                    .unwrap()
                    .cursors
                    .remove(&subscriber.0);
                Ok(Reply::Done)
            }
            Command::SetWriter {
                channel,
                admin,
                writer,
                card,
            } => {
                self.may(name, channel, Role::Admin, admin)?;
                let record = self.channels.get_mut(&channel).unwrap();
                record.writers.insert(writer.0);
                record.cards.extend(card.map(|card| (writer.0, card)));
                Ok(Reply::Done)
            }
            Command::RevokeWriter {
                channel,
                admin,
                writer,
            } => {
                self.may(name, channel, Role::Admin, admin)?;
                let record = self.channels.get_mut(&channel).unwrap();
                record.writers.remove(&writer.0);
                record.cards.remove(&writer.0);
                Ok(Reply::Done)
            }
            Command::FetchCard { channel, writer } => {
                self.may(name, channel, Role::Writer, writer)?;
                let card = self.channels[&channel].cards.get(&writer.0).cloned();
                card.map(Reply::Card).ok_or(RefusalCode::NotFound)
            }
            Command::Deposit {
                channel,
                admin,
                slot,
                packages,
                last_resort,
            } => {
                self.may(name, channel, Role::Admin, admin)?;
                let (stock, last) = self
                    .channels
                    .get_mut(&channel)
                    .unwrap()
                    .pool
                    .entry(slot)
                    .or_default();
                stock.extend(packages.into_iter().map(|package| package.to_vec()));
                if last_resort.is_some() {
                    *last = last_resort;
                }
                Ok(Reply::Done)
            }
            Command::PoolStatus { .. } => Ok(Reply::Pool(Vec::new())),
            Command::Take {
                channel,
                writer,
                slots,
            } => {
                self.may(name, channel, Role::Writer, writer)?;
                let pool = &mut self.channels.get_mut(&channel).unwrap().pool;
                let wanted: BTreeSet<_> = slots.into_iter().collect();
                let offers = wanted.into_iter().filter_map(|slot| {
                    let (stock, last) = pool.get_mut(&slot)?;
                    let (package, last_resort) = match stock.pop_front() {
                        Some(package) => (package, false),
                        None => (last.clone()?, true),
                    };
                    Some(PackageOffer {
                        slot,
                        package,
                        last_resort,
                    })
                });
                Ok(Reply::Taken(offers.collect()))
            }
            Command::Delete { channel, admin } => {
                self.may(name, channel, Role::Admin, admin)?;
                self.channels.remove(&channel);
                Ok(Reply::Done)
            }
            // This relay says in its hello that it keeps no blobs.
            Command::KeepBlob { .. } | Command::DeleteBlob { .. } => Err(RefusalCode::NotFound),
        }
    }

    fn push_live(&mut self, channel: ChannelId) {
        let record = &self.channels[&channel];
        let Some(entry) = record.entries.get(&record.head) else {
            return;
        };
        for connection in self.connections.values_mut() {
            for key in record.cursors.keys() {
                if connection.subscribed.contains(&(channel, *key)) {
                    connection.outbound.push_back(RelayFrame::Deliver {
                        channel,
                        subscriber: PublicKey(*key),
                        delivered: Delivered::Entry(entry.clone()),
                    });
                }
            }
        }
    }

    /// For a lying relay: swaps the bytes of every entry that is still stored.
    pub fn tamper(&mut self, change: impl Fn(&mut Entry)) {
        self.lies = true;
        for channel in self.channels.values_mut() {
            channel.entries.values_mut().for_each(&change);
        }
    }
}
