//! Everything that crosses to the relay, watched from outside: keys that are used twice show here.

use std::collections::{BTreeMap, HashMap, HashSet};

use sotto_suite::hash::sha256;
use sotto_suite::sign::PublicKey;
use sotto_wire::{AppendId, ChannelId, ClientFrame, Command, Lane, Role};

use crate::world::Violation;

/// What an outsider has seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wire {
    bodies: HashMap<(ChannelId, AppendId), [u8; 32]>,
    salts: HashMap<[u8; 32], [u8; 32]>,
    packages: HashSet<[u8; 32]>,
    /// Whose subscriber key is whose.
    pub(crate) subscribers: BTreeMap<PublicKey, usize>,
    /// What each key reads now, and how far it has acknowledged it.
    reads: BTreeMap<PublicKey, (ChannelId, u64)>,
    /// Letters come here; nobody is warned about those.
    inboxes: HashSet<ChannelId>,
}

impl Wire {
    /// A frame on its way to the relay.
    pub(crate) fn saw(&mut self, who: usize, frame: &ClientFrame) -> Result<(), Violation> {
        let command = match frame {
            ClientFrame::Request { command, .. } => command,
            ClientFrame::Acknowledge {
                channel,
                subscriber,
                position,
            } => return self.acknowledged(who, *channel, *subscriber, position.0),
            ClientFrame::Hello(_) => return Ok(()),
        };
        match command {
            Command::Prove {
                role: Role::Subscriber,
                key,
                ..
            } => {
                self.subscribers.insert(*key, who);
                Ok(())
            }
            Command::Create {
                channel, writers, ..
            } => {
                if writers.is_empty() {
                    self.inboxes.insert(*channel);
                }
                Ok(())
            }
            Command::Subscribe {
                channel,
                subscriber,
            } => {
                let reads = self.reads.entry(*subscriber).or_insert((*channel, 0));
                if reads.0 != *channel {
                    *reads = (*channel, 0);
                }
                Ok(())
            }
            Command::Append {
                channel,
                append,
                body,
                lane,
                ..
            } => self.append(who, *channel, *append, *lane, body),
            Command::Deposit { packages, .. } => {
                // Sent again after a lost answer it is the same deposit; the packages in it differ.
                let mut here = HashSet::new();
                for package in packages {
                    let hash = sha256(&[package]);
                    if !here.insert(hash) {
                        return Err(Violation::new("a key package is deposited twice", "", who));
                    }
                    self.packages.insert(hash);
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn acknowledged(
        &mut self,
        who: usize,
        channel: ChannelId,
        subscriber: PublicKey,
        position: u64,
    ) -> Result<(), Violation> {
        let owner = self.subscribers.get(&subscriber);
        if owner != Some(&who) {
            return Err(Violation::new(
                "nobody moves another's cursor",
                format!("of {owner:?}"),
                who,
            ));
        }
        if let Some((of, read)) = self.reads.get_mut(&subscriber)
            && *of == channel
        {
            *read = position.max(*read);
        }
        Ok(())
    }

    /// Of every key that reads a conversation: the channel, whose it is, and up to where it has it
    /// on its disk.
    pub(crate) fn read(&self) -> impl Iterator<Item = (ChannelId, usize, u64)> + Clone {
        let reads = self.reads.iter();
        reads.filter_map(|(key, (channel, position))| {
            let who = self.subscribers.get(key)?;
            (!self.inboxes.contains(channel)).then_some((*channel, *who, *position))
        })
    }

    fn append(
        &mut self,
        who: usize,
        channel: ChannelId,
        append: AppendId,
        lane: Lane,
        body: &[u8],
    ) -> Result<(), Violation> {
        let hash = sha256(&[body]);
        if lane != Lane::Ephemeral
            && let Some(before) = self.bodies.insert((channel, append), hash)
            && before != hash
        {
            let detail = format!("append {append:?}");
            return Err(Violation::new(
                "other bytes under one append id",
                detail,
                who,
            ));
        }
        // An envelope's salt is the only thing that makes its key its own.
        if let Some(salt) = body.get(1..33).and_then(|salt| salt.try_into().ok())
            && let Some(before) = self.salts.insert(salt, hash)
            && before != hash
        {
            return Err(Violation::new("an envelope key is used twice", "", who));
        }
        Ok(())
    }
}
