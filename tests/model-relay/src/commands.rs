//! Commands, one after the other, with the right that each one needs.

use std::collections::BTreeSet;

use sotto_suite::sign::PublicKey;
use sotto_wire::{
    ChannelId, Command, PackageOffer, Position, Refusal, RefusalCode, Reply, Role, SlotStatus,
    Subscribed, proof_transcript,
};

use crate::channel::{Channel, Wanted};
use crate::connection::Subscription;
use crate::delivery::signal;
use crate::relay::{ModelRelay, refusal};

type Answer = Result<Reply, Refusal>;

fn no<T>(code: RefusalCode) -> Result<T, Refusal> {
    Err(refusal(code, None))
}

impl ModelRelay {
    pub(crate) fn has_proven(
        &self,
        name: &str,
        channel: ChannelId,
        role: Role,
        key: PublicKey,
    ) -> bool {
        self.connections
            .get(name)
            .is_some_and(|connection| connection.proven.contains(&(channel, role, key)))
    }

    /// The channel, if this connection has shown the key and the key has the right.
    fn with_right(
        &mut self,
        name: &str,
        channel: ChannelId,
        role: Role,
        key: PublicKey,
    ) -> Result<&mut Channel, Refusal> {
        let proven = self.has_proven(name, channel, role, key);
        let record = self.channels.get_mut(&channel).filter(|record| {
            proven
                && match role {
                    Role::Writer => record.writers.contains(&key.0),
                    Role::Subscriber => record.cursors.contains_key(&key.0),
                    Role::Admin => record.admin == key,
                    // Blobs are not kept here.
                    Role::Owner => false,
                }
        });
        record.ok_or_else(|| refusal(RefusalCode::NotFound, None))
    }

    pub(crate) fn command(&mut self, name: &str, command: Command) -> Answer {
        match command {
            Command::Prove {
                channel,
                role,
                key,
                signature,
            } => {
                let Some(connection) = self.connections.get_mut(name) else {
                    return no(RefusalCode::Unexpected);
                };
                let transcript = proof_transcript(&connection.binding, &channel, role, &key);
                if key.verify(&transcript, &signature).is_err() {
                    return no(RefusalCode::BadProof);
                }
                connection.proven.insert((channel, role, key));
                Ok(Reply::Done)
            }
            Command::Create {
                channel,
                admin,
                writers,
                subscribers,
            } => self.create(name, channel, admin, (writers, subscribers)),
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
                let wanted = Wanted {
                    lane,
                    append,
                    handshakes,
                    body,
                    subscribers,
                    fence,
                };
                self.append(name, channel, writer, wanted)
            }
            Command::Subscribe {
                channel,
                subscriber,
            } => self.subscribe(name, channel, subscriber),
            Command::Unsubscribe {
                channel,
                subscriber,
            } => {
                let record = self.with_right(name, channel, Role::Subscriber, subscriber)?;
                record.cursors.remove(&subscriber.0);
                for connection in self.connections.values_mut() {
                    connection.subscribed.remove(&(channel, subscriber.0));
                }
                Ok(Reply::Done)
            }
            Command::SetWriter {
                channel,
                admin,
                writer,
                card,
            } => {
                let record = self.with_right(name, channel, Role::Admin, admin)?;
                record.writers.insert(writer.0);
                record.revoked.remove(&writer.0);
                record.cards.extend(card.map(|card| (writer.0, card)));
                Ok(Reply::Done)
            }
            Command::RevokeWriter {
                channel,
                admin,
                writer,
            } => {
                let record = self.with_right(name, channel, Role::Admin, admin)?;
                if record.writers.remove(&writer.0) {
                    record.revoked.insert(writer.0);
                }
                record.cards.remove(&writer.0);
                Ok(Reply::Done)
            }
            Command::FetchCard { channel, writer } => {
                let revoked = self.channels.get(&channel);
                let revoked = revoked.is_some_and(|record| record.revoked.contains(&writer.0));
                if revoked && self.has_proven(name, channel, Role::Writer, writer) {
                    return no(RefusalCode::Revoked);
                }
                let record = self.with_right(name, channel, Role::Writer, writer)?;
                match record.cards.get(&writer.0) {
                    Some(card) => Ok(Reply::Card(card.clone())),
                    None => no(RefusalCode::NotFound),
                }
            }
            Command::Deposit {
                channel,
                admin,
                slot,
                packages,
                last_resort,
            } => {
                let packages = packages.into_iter().map(|package| package.to_vec());
                let record = self.with_right(name, channel, Role::Admin, admin)?;
                match record.deposit(slot, packages.collect(), last_resort) {
                    Ok(()) => Ok(Reply::Done),
                    Err(code) => no(code),
                }
            }
            Command::PoolStatus { channel, admin } => {
                let record = self.with_right(name, channel, Role::Admin, admin)?;
                let slots = record.pool.iter().map(|(slot, (stock, last))| SlotStatus {
                    slot: *slot,
                    packages: u32::try_from(stock.len()).unwrap_or(u32::MAX),
                    last_resort: last.is_some(),
                });
                Ok(Reply::Pool(slots.collect()))
            }
            Command::Take {
                channel,
                writer,
                slots,
            } => {
                let record = self.with_right(name, channel, Role::Writer, writer)?;
                let wanted: BTreeSet<_> = slots.into_iter().collect();
                let offers = wanted.into_iter().filter_map(|slot| {
                    let (stock, last) = record.pool.get_mut(&slot)?;
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
                self.with_right(name, channel, Role::Admin, admin)?;
                self.channels.remove(&channel);
                Ok(Reply::Done)
            }
            // This relay says in its hello that it keeps no blobs.
            Command::KeepBlob { .. } | Command::DeleteBlob { .. } => no(RefusalCode::NotFound),
        }
    }

    fn create(
        &mut self,
        name: &str,
        id: ChannelId,
        admin: PublicKey,
        (writers, subscribers): (Vec<PublicKey>, Vec<PublicKey>),
    ) -> Answer {
        let proven = self
            .connections
            .get(name)
            .is_some_and(|connection| connection.proven.contains(&(id, Role::Admin, admin)));
        if !proven {
            return no(RefusalCode::NotFound);
        }
        let known = self.channels.get(&id).map(|channel| channel.admin == admin);
        match known {
            Some(true) => Ok(Reply::Done),
            Some(false) => no(RefusalCode::Taken),
            None if self.swallows => Ok(Reply::Done),
            None => {
                let channel = Channel::new(&id, admin, writers, subscribers);
                self.channels.insert(id, channel);
                Ok(Reply::Done)
            }
        }
    }

    fn append(&mut self, name: &str, id: ChannelId, writer: PublicKey, wanted: Wanted) -> Answer {
        let now = self.now;
        let durable = wanted.lane != sotto_wire::Lane::Ephemeral;
        if durable && self.has_proven(name, id, Role::Writer, writer) {
            // Whatever has happened since: a letter's right may have ended with it.
            let before = self.channels.get(&id);
            if let Some(place) = before.and_then(|record| record.repeated(&wanted.append)) {
                return Ok(Reply::Appended(place));
            }
        }
        self.with_right(name, id, Role::Writer, writer)?;
        if durable && !self.refuse.is_empty() {
            return no(self.refuse.remove(0));
        }
        let record = self.with_right(name, id, Role::Writer, writer)?;
        let admitted = record
            .admits(&wanted)
            .map_err(|code| refusal(code, Some(record.handshakes())))?;
        if !durable {
            for connection in self.connections.values_mut() {
                signal(connection, id, &wanted.body);
            }
        }
        if let Some(place) = admitted {
            return Ok(Reply::Appended(place));
        }
        let body = wanted.body.clone();
        let place = record_of(&mut self.channels, id)?.append(wanted, now);
        self.stored.push(body);
        Ok(Reply::Appended(place))
    }

    fn subscribe(&mut self, name: &str, id: ChannelId, subscriber: PublicKey) -> Answer {
        let record = self.with_right(name, id, Role::Subscriber, subscriber)?;
        let cursor = record
            .cursors
            .get(&subscriber.0)
            .map_or(0, |cursor| cursor.acknowledged);
        let state = Subscribed {
            cursor: Position(cursor),
            head: Position(record.head()),
            handshakes: record.handshakes(),
            fenced: record.fenced,
        };
        // The newer takes over, on whichever connection.
        for connection in self.connections.values_mut() {
            connection.subscribed.remove(&(id, subscriber.0));
        }
        if let Some(connection) = self.connections.get_mut(name) {
            let begins = Subscription {
                delivered: cursor,
                caught_up: false,
            };
            connection.subscribed.insert((id, subscriber.0), begins);
        }
        Ok(Reply::Subscribed(state))
    }
}

fn record_of(
    channels: &mut std::collections::BTreeMap<ChannelId, Channel>,
    id: ChannelId,
) -> Result<&mut Channel, Refusal> {
    channels
        .get_mut(&id)
        .ok_or_else(|| refusal(RefusalCode::NotFound, None))
}
