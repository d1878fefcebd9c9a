#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise"
)]

mod bounds;
mod chain;
mod credential;
mod decoders;
mod forks;
mod golden;
mod recovery;

use sotto_suite::{SealingKey, Secret, SeededRandom, SigningKey};
use sotto_wire::{ChannelId, RelayAddress, RelayIdentity, SlotId};

use super::{Chain, DeviceEntry, DeviceList, InboxAddress, NewAccount, NewDevice, UnverifiedChain};

/// Midsummer of 2026.
pub(crate) const NOW: u64 = 1_782_000_000;
const MONTH: u64 = 30 * 24 * 3600;

fn inbox(number: u8) -> InboxAddress {
    InboxAddress {
        relay: RelayAddress {
            host: format!("relay{number}.example"),
            port: 7443,
            identity: RelayIdentity([number; 32]),
            plain: false,
        },
        channel: ChannelId([number; 16]),
    }
}

/// An account that is made at [`NOW`], with one device of a month.
pub(crate) fn account(seed: u8, device: &str) -> NewAccount {
    let first = NewDevice {
        name: device.into(),
        inboxes: vec![inbox(1)],
        now: NOW,
        lifetime: MONTH,
    };
    NewAccount::generate(&mut SeededRandom::new([seed; 32]), &first).unwrap()
}

fn alice() -> NewAccount {
    account(1, "Alice's laptop")
}

fn bob() -> NewAccount {
    account(2, "Bob's phone")
}

fn mallory() -> NewAccount {
    account(66, "Mallory's terminal")
}

fn key(number: u8) -> SigningKey {
    SigningKey::from_seed(&Secret::new([number; 32]))
}

/// A list with so many devices, told apart by `first`.
fn list(first: u8, devices: u8) -> DeviceList {
    DeviceList {
        issued: NOW,
        expires: NOW + MONTH,
        devices: (first..first + devices)
            .map(|number| DeviceEntry {
                key: key(number).public(),
                name: format!("device {number}"),
                slot: SlotId([number; 16]),
            })
            .collect(),
        inbox_sealing_key: SealingKey::from_seed(&Secret::new([first; 32])).public(),
        inboxes: vec![inbox(1), inbox(2)],
    }
}

/// Sends a chain through its bytes and verifies what arrives.
fn sent(chain: &Chain) -> Chain {
    UnverifiedChain::decode(&chain.encoded())
        .unwrap()
        .verify(&chain.account_id())
        .unwrap()
}
