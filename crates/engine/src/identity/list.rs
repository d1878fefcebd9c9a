//! The devices of an account, and where it can be reached.

use std::collections::HashSet;

use minicbor::{Decode, Encode};
use sotto_suite::{PublicKey, SealingPublicKey};
use sotto_wire::{ChannelId, DecodeError, RelayAddress, SlotId, decode, encode};

use super::limits;

/// A device list: the content of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceList {
    /// Unix time in seconds.
    pub issued: u64,
    /// Unix time in seconds; later than `issued`. From then on the list introduces nobody new,
    /// but nothing that stands ends.
    pub expires: u64,
    /// 1 to [`limits::MAX_DEVICES`]; no key and no slot twice.
    pub devices: Vec<DeviceEntry>,
    /// What is put into an inbox is sealed to this key.
    pub inbox_sealing_key: SealingPublicKey,
    /// 1 to [`limits::MAX_INBOXES`], the preferred one first; none twice.
    pub inboxes: Vec<InboxAddress>,
}

/// One device.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct DeviceEntry {
    /// The key that signs for this device in MLS.
    #[n(0)]
    pub key: PublicKey,
    /// What its owner calls it: at most [`limits::MAX_NAME_CHARS`] characters, none of them a
    /// control character; may be empty. Still text of a stranger: show it with care.
    #[n(1)]
    pub name: String,
    /// Its place in the pools of the account's inboxes.
    #[n(2)]
    pub slot: SlotId,
}

/// Where an account can be reached.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(map)]
pub struct InboxAddress {
    /// On which relay.
    #[n(0)]
    pub relay: RelayAddress,
    /// Which channel.
    #[n(1)]
    pub channel: ChannelId,
}

/// Which rule a device list breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidList {
    /// Not an encoded list.
    #[error("malformed: {0}")]
    Encoding(#[from] DecodeError),
    /// None, or more than 64.
    #[error("{0} devices")]
    Devices(usize),
    /// None, or more than three.
    #[error("{0} inboxes")]
    Inboxes(usize),
    /// One key, slot or inbox twice.
    #[error("something is named twice")]
    Twice,
    /// A name is too long or holds a control character.
    #[error("a device's name is not allowed")]
    Name,
    /// It ends before it begins.
    #[error("it expires before it was issued")]
    Times,
    /// The sealing key is no X-Wing public key.
    #[error("the inbox key is no key")]
    SealingKey,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct Encoded {
    #[n(0)]
    issued: u64,
    #[n(1)]
    expires: u64,
    #[n(2)]
    devices: Vec<DeviceEntry>,
    #[cbor(n(3), with = "minicbor::bytes")]
    inbox_sealing_key: Vec<u8>,
    #[n(4)]
    inboxes: Vec<InboxAddress>,
}

impl DeviceList {
    /// The entry of this device key.
    #[must_use]
    pub fn device(&self, key: &PublicKey) -> Option<&DeviceEntry> {
        self.devices.iter().find(|device| device.key == *key)
    }

    /// Whether the list is too old to begin anything new with (`now`: Unix time in seconds).
    #[must_use]
    pub fn is_expired(&self, now: u64) -> bool {
        now >= self.expires
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        encode(&Encoded {
            issued: self.issued,
            expires: self.expires,
            devices: self.devices.clone(),
            inbox_sealing_key: self.inbox_sealing_key.as_bytes().to_vec(),
            inboxes: self.inboxes.clone(),
        })
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, InvalidList> {
        let list: Encoded = decode(bytes, limits::MAX_BODY)?;
        let list = Self {
            issued: list.issued,
            expires: list.expires,
            devices: list.devices,
            inbox_sealing_key: SealingPublicKey::from_slice(&list.inbox_sealing_key)
                .map_err(|_| InvalidList::SealingKey)?,
            inboxes: list.inboxes,
        };
        list.check()?;
        Ok(list)
    }

    pub(super) fn check(&self) -> Result<(), InvalidList> {
        if !(1..=limits::MAX_DEVICES).contains(&self.devices.len()) {
            return Err(InvalidList::Devices(self.devices.len()));
        }
        if !(1..=limits::MAX_INBOXES).contains(&self.inboxes.len()) {
            return Err(InvalidList::Inboxes(self.inboxes.len()));
        }
        let keys: HashSet<_> = self.devices.iter().map(|device| device.key).collect();
        let slots: HashSet<_> = self.devices.iter().map(|device| device.slot).collect();
        let inboxes: HashSet<_> = self.inboxes.iter().collect();
        if keys.len() != self.devices.len()
            || slots.len() != self.devices.len()
            || inboxes.len() != self.inboxes.len()
        {
            return Err(InvalidList::Twice);
        }
        if !self
            .devices
            .iter()
            .all(|device| name_is_allowed(&device.name))
        {
            return Err(InvalidList::Name);
        }
        if self.expires <= self.issued {
            return Err(InvalidList::Times);
        }
        Ok(())
    }
}

fn name_is_allowed(name: &str) -> bool {
    name.len() <= limits::MAX_NAME
        && name.chars().count() <= limits::MAX_NAME_CHARS
        && !name.chars().any(char::is_control)
}
