//! What each command needs, before the store is asked.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use futures_util::FutureExt as _;
use sotto_suite::sign::PublicKey;
use sotto_wire::{
    BlobId, ChannelId, Command, Lane, Position, Refusal, RefusalCode, Reply, RequestId, Role,
    blob_size, limits,
};

use super::End;
use super::delivery::Subscription;
use super::session::{Done, Outcome, Session, later, plain, refusal};
use crate::blobs::NewBlob;
use crate::feed::Listener;
use crate::metrics::Metrics;
use crate::spending::{Cost, Wait};
use crate::store::{Deposit, NewChannel, NewEntry, Store, Stored};

/// A reply at once, none yet (the store was asked), or a refusal.
type Answer = Result<Option<Reply>, Refusal>;

impl<S: Store> Session<'_, S> {
    /// Carries a command out, or hands it to the store.
    pub(super) fn command(&mut self, id: RequestId, command: Command, len: usize) -> Answer {
        self.shared.metrics.command(&command);
        self.pay(&cost(&command, len))?;
        let store = &self.shared.store;
        match command {
            Command::Prove {
                channel,
                role,
                key,
                signature,
            } => {
                if self.rights.len() >= self.shared.limits().proofs {
                    return Err(plain(RefusalCode::Quota));
                }
                self.binding
                    .check(&channel, role, &key, &signature)
                    .map_err(|_| plain(RefusalCode::BadProof))?;
                self.rights.insert((channel, role, key));
                return Ok(Some(Reply::Done));
            }
            Command::Create {
                channel,
                admin,
                writers,
                subscribers,
            } => {
                self.needs(channel, Role::Admin, admin)?;
                self.pay(&Cost {
                    channels: 1,
                    ..Cost::default()
                })?;
                let done = store.create(NewChannel {
                    channel,
                    admin,
                    writers,
                    subscribers,
                });
                self.wait(id, 0, done, |()| Reply::Done);
            }
            Command::Append {
                channel,
                writer,
                lane: Lane::Ephemeral,
                body,
                subscribers,
                fence,
                ..
            } => {
                self.needs(channel, Role::Writer, writer)?;
                fits(body.len(), limits::MAX_ENTRY)?;
                if fence || !subscribers.is_empty() {
                    return Err(plain(RefusalCode::Malformed));
                }
                Metrics::count(&self.shared.metrics.signalled);
                let bytes = body.len();
                let mut done = Box::pin(store.signal(channel, writer, body));
                // Nearly always answered from memory: no queue for that.
                match (&mut done).now_or_never() {
                    Some(answer) => {
                        return answer.map(|at| Some(Reply::Appended(at))).map_err(refusal);
                    }
                    None => self.wait(id, bytes, done, Reply::Appended),
                }
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
                self.needs(channel, Role::Writer, writer)?;
                fits(body.len(), limits::MAX_ENTRY)?;
                if lane != Lane::Handshake && (fence || !subscribers.is_empty()) {
                    return Err(plain(RefusalCode::Malformed));
                }
                let bytes = body.len();
                let new = NewEntry {
                    channel,
                    writer,
                    lane,
                    append,
                    handshakes,
                    body,
                    subscribers,
                    fence,
                };
                let done = store.append(new);
                let metrics = Arc::clone(&self.shared.metrics);
                self.wait(id, bytes, done, move |appended| {
                    Metrics::count(&metrics.appended);
                    metrics.appended_bytes.fetch_add(bytes as u64, Relaxed);
                    Reply::Appended(appended)
                });
            }
            Command::Subscribe {
                channel,
                subscriber,
            } => self.subscribe(id, channel, subscriber)?,
            Command::Unsubscribe {
                channel,
                subscriber,
            } => {
                self.needs(channel, Role::Subscriber, subscriber)?;
                let done = store.unsubscribe(channel, subscriber);
                self.wait(id, 0, done, |()| Reply::Done);
            }
            Command::SetWriter {
                channel,
                admin,
                writer,
                card,
            } => {
                self.needs(channel, Role::Admin, admin)?;
                let bytes = card.as_ref().map_or(0, Vec::len);
                fits(bytes, limits::MAX_CARD)?;
                let done = store.set_writer(channel, admin, writer, card);
                self.wait(id, bytes, done, |()| Reply::Done);
            }
            Command::RevokeWriter {
                channel,
                admin,
                writer,
            } => {
                self.needs(channel, Role::Admin, admin)?;
                let done = store.revoke_writer(channel, admin, writer);
                self.wait(id, 0, done, |()| Reply::Done);
            }
            Command::FetchCard { channel, writer } => {
                self.needs(channel, Role::Writer, writer)?;
                let done = store.card(channel, writer);
                self.wait(id, 0, done, Reply::Card);
            }
            Command::Deposit {
                channel,
                admin,
                slot,
                packages,
                last_resort,
            } => {
                self.needs(channel, Role::Admin, admin)?;
                let packages: Vec<Vec<u8>> = packages.into_iter().map(Into::into).collect();
                let sizes = packages.iter().chain(&last_resort).map(Vec::len);
                let bytes = sizes.clone().sum();
                fits(sizes.max().unwrap_or(0), limits::MAX_PACKAGE)?;
                let done = store.deposit(Deposit {
                    channel,
                    admin,
                    slot,
                    packages,
                    last_resort,
                });
                self.wait(id, bytes, done, |()| Reply::Done);
            }
            Command::PoolStatus { channel, admin } => {
                self.needs(channel, Role::Admin, admin)?;
                let done = store.pool(channel, admin);
                self.wait(id, 0, done, Reply::Pool);
            }
            Command::Take {
                channel,
                writer,
                slots,
            } => {
                self.needs(channel, Role::Writer, writer)?;
                let done = store.take(channel, writer, slots);
                self.wait(id, 0, done, Reply::Taken);
            }
            Command::Delete { channel, admin } => {
                self.needs(channel, Role::Admin, admin)?;
                let done = store.delete(channel, admin);
                self.wait(id, 0, done, |()| Reply::Done);
            }
            Command::KeepBlob {
                blob,
                owner,
                upload,
                size,
                hours,
            } => {
                self.needs_owner(blob, owner)?;
                let new = NewBlob {
                    blob,
                    owner,
                    upload,
                    size,
                    hours,
                };
                self.may_keep(&new)?;
                self.pay(&Cost {
                    blob_bytes: size,
                    ..Cost::default()
                })?;
                let done = self.shared.blobs.keep(new);
                self.wait_for_blob(id, async move { Outcome::Kept(size, done.await) });
            }
            Command::DeleteBlob { blob, owner } => {
                self.needs_owner(blob, owner)?;
                let done = self.shared.blobs.delete(blob, owner);
                self.wait_for_blob(id, async move { Outcome::BlobDeleted(done.await) });
            }
        }
        Ok(None)
    }

    /// Has this connection proven the key for the role? The answer is the same as for a channel
    /// that does not exist, so that nothing can be learnt by asking.
    fn needs(&self, channel: ChannelId, role: Role, key: PublicKey) -> Result<(), Refusal> {
        if self.rights.contains(&(channel, role, key)) {
            Ok(())
        } else {
            Err(plain(RefusalCode::NotFound))
        }
    }

    /// A blob's owner proves its key under the blob's own id.
    fn needs_owner(&self, blob: BlobId, owner: PublicKey) -> Result<(), Refusal> {
        self.needs(ChannelId(blob.0), Role::Owner, owner)
    }

    fn may_keep(&self, new: &NewBlob) -> Result<(), Refusal> {
        let Some(allowed) = self.shared.blob_limits else {
            return Err(plain(RefusalCode::Quota));
        };
        if blob_size(new.size) != Some(new.size) || new.hours == 0 {
            return Err(plain(RefusalCode::Malformed));
        }
        if new.size > allowed.size || new.hours > allowed.hours {
            return Err(plain(RefusalCode::TooLarge));
        }
        Ok(())
    }

    fn wait_for_blob(
        &mut self,
        id: RequestId,
        outcome: impl Future<Output = Outcome> + Send + 'static,
    ) {
        self.waiting.push(Box::pin(async move {
            Done {
                id,
                bytes: 0,
                outcome: outcome.await,
            }
        }));
    }

    /// Puts a question to the store aside until it is answered.
    fn wait<T: 'static>(
        &mut self,
        id: RequestId,
        bytes: usize,
        done: impl Future<Output = Stored<T>> + Send + 'static,
        reply: impl FnOnce(T) -> Reply + Send + 'static,
    ) {
        self.waiting_bytes += bytes;
        self.waiting.push(Box::pin(async move {
            Done {
                id,
                bytes,
                outcome: Outcome::Reply(done.await.map(reply)),
            }
        }));
    }

    fn subscribe(
        &mut self,
        id: RequestId,
        channel: ChannelId,
        subscriber: PublicKey,
    ) -> Result<(), Refusal> {
        self.needs(channel, Role::Subscriber, subscriber)?;
        if let Some(earlier) = self.numbers.get(&(channel, subscriber)) {
            self.drop_subscription(*earlier);
        }
        if self.subscriptions.len() >= self.shared.limits().subscriptions {
            return Err(plain(RefusalCode::Quota));
        }
        let number = self.next_number;
        self.next_number += 1;
        let listener = Listener::new(number, Arc::clone(&self.wake));
        let done = self
            .shared
            .store
            .attach(channel, subscriber, Arc::clone(&listener));
        self.subscriptions
            .insert(number, Subscription::new(channel, subscriber, listener));
        Metrics::count(&self.shared.metrics.subscriptions);
        self.numbers.insert((channel, subscriber), number);
        self.waiting.push(Box::pin(async move {
            Done {
                id,
                bytes: 0,
                outcome: Outcome::Subscribed(number, done.await),
            }
        }));
        Ok(())
    }

    /// Pays for a request from what this connection and its address may use.
    fn pay(&mut self, cost: &Cost) -> Result<(), Refusal> {
        let now = Instant::now();
        let paid = match self.address {
            Some(address) => address.pay(&mut self.spending, cost, now),
            None => match self.spending.wait(cost, now) {
                Some(wait) => Err(wait),
                None => {
                    self.spending.take(cost);
                    Ok(())
                }
            },
        };
        paid.map_err(|wait| match wait {
            Wait::Pace(wait) => later(RefusalCode::TooFast, wait),
            Wait::Quota(wait) => later(RefusalCode::Quota, wait),
        })
    }

    pub(super) fn give_back(&mut self, blob_bytes: u64) {
        self.spending.give_back(blob_bytes);
        if let Some(address) = self.address {
            address.give_back(blob_bytes);
        }
    }

    /// Pays for a frame that can't be refused, or costs nothing to refuse: a flood of them ends the
    /// connection.
    pub(super) fn owe(&mut self, len: usize) -> Result<(), End> {
        if self.spending.owe(len, Instant::now()) {
            Ok(())
        } else {
            Err(End::Closing(RefusalCode::TooFast))
        }
    }

    /// A cursor moves, and makes room for more. Not answered, so one that was never proven can
    /// only end the connection.
    pub(super) fn acknowledge(
        &mut self,
        channel: ChannelId,
        subscriber: PublicKey,
        position: Position,
    ) -> Result<(), End> {
        if !self
            .rights
            .contains(&(channel, Role::Subscriber, subscriber))
        {
            return Err(End::Closing(RefusalCode::Unexpected));
        }
        if let Some(subscription) = self
            .numbers
            .get(&(channel, subscriber))
            .and_then(|number| self.subscriptions.get_mut(number))
        {
            subscription.acknowledged(position);
        }
        Metrics::count(&self.shared.metrics.acknowledged);
        self.shared.store.acknowledge(channel, subscriber, position);
        Ok(())
    }
}

fn fits(len: usize, max: usize) -> Result<(), Refusal> {
    if len <= max {
        Ok(())
    } else {
        Err(plain(RefusalCode::TooLarge))
    }
}

/// A signature to check costs more than a request, and what is made stays. What it takes of an
/// hour's share is paid for when it is known to be allowed.
fn cost(command: &Command, len: usize) -> Cost {
    let requests = match command {
        Command::Prove { .. } => 4,
        Command::Create { .. } | Command::KeepBlob { .. } | Command::DeleteBlob { .. } => 8,
        _ => 1,
    };
    Cost {
        requests,
        bytes: len as u64,
        ..Cost::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sotto_suite::sign::Signature;

    #[test]
    fn a_proof_costs_four_requests_and_what_stays_eight() {
        let (channel, blob) = (ChannelId([1; 16]), BlobId([1; 16]));
        let key = PublicKey([2; 32]);
        let prove = Command::Prove {
            channel,
            role: Role::Writer,
            key,
            signature: Signature([3; 64]),
        };
        let create = Command::Create {
            channel,
            admin: key,
            writers: vec![],
            subscribers: vec![],
        };
        let keep = Command::KeepBlob {
            blob,
            owner: key,
            upload: [4; 32],
            size: 0,
            hours: 1,
        };
        let delete_blob = Command::DeleteBlob { blob, owner: key };
        let delete = Command::Delete {
            channel,
            admin: key,
        };
        for (command, requests) in [
            (prove, 4),
            (create, 8),
            (keep, 8),
            (delete_blob, 8),
            (delete, 1),
        ] {
            let cost = cost(&command, 123);
            assert_eq!((cost.requests, cost.bytes), (requests, 123), "{command:?}");
        }
    }
}
