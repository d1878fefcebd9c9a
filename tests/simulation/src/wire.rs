//! Everything that crosses to the relay, watched from outside: keys that are used twice show here.

use std::collections::{BTreeMap, HashMap, HashSet};

use sotto_suite::hash::sha256;
use sotto_suite::sign::PublicKey;
use sotto_wire::{AppendId, ChannelId, ClientFrame, Command, Lane, Role};

use crate::world::Violation;

/// What an outsider has seen.
#[derive(Debug, Default)]
pub(crate) struct Wire {
    bodies: HashMap<(ChannelId, AppendId), [u8; 32]>,
    salts: HashMap<[u8; 32], [u8; 32]>,
    packages: HashSet<[u8; 32]>,
    /// Whose subscriber key is whose.
    pub(crate) subscribers: BTreeMap<PublicKey, usize>,
}

impl Wire {
    /// A frame on its way to the relay.
    pub(crate) fn saw(&mut self, who: usize, frame: &ClientFrame) -> Result<(), Violation> {
        let ClientFrame::Request { command, .. } = frame else {
            return Ok(());
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
