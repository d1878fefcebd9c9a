//! What reaches MLS from outside: key packages, Welcomes with their trees, and messages of a group.

use std::cell::RefCell;

use sotto_suite::provider::{SUITE, SottoCrypto};
use sotto_suite::rand::SeededRandom;
use sotto_suite::secret::Secret;
use sotto_suite::sign::PublicKey;
use sotto_wire::{ChannelId, RelayAddress, RelayIdentity};

use crate::api::Timestamp;
use crate::conversations::{GroupId, Groups, KeyPackageRow, LeafChannel, MlsGroups, Opened, Roles};
use crate::identity::{InboxAddress, NewAccount, NewDevice};

/// Midsummer of 2026, in seconds.
const NOW: u64 = 1_782_000_000;
const ID: GroupId = [7; 32];
const INVITE: (&[u8], [u8; 32]) = (b"invite", [3; 32]);

/// Whose group and packages the bytes are for, always the same.
struct Device {
    account: NewAccount,
    groups: MlsGroups<SottoCrypto>,
}

impl Device {
    fn new(seed: u8) -> Self {
        let inbox = InboxAddress {
            relay: RelayAddress {
                host: "relay.example".into(),
                port: 7443,
                identity: RelayIdentity([1; 32]),
                plain: false,
            },
            channel: ChannelId([1; 16]),
        };
        let first = NewDevice {
            name: "laptop".into(),
            inboxes: vec![inbox],
            now: NOW,
            lifetime: 30 * 86_400,
        };
        let mut random = SeededRandom::new([seed; 32]);
        let account = NewAccount::generate(&mut random, &first).unwrap();
        let provider = SottoCrypto::with_random(random);
        let credential = account.credential.encoded().to_vec();
        Self {
            groups: MlsGroups::new(provider, SUITE, credential, &account.device_key),
            account,
        }
    }

    fn leaf(&self) -> LeafChannel {
        LeafChannel {
            subscriber: self.account.device_key.public(),
            rescue: None,
        }
    }

    fn package(&mut self) -> (Vec<u8>, KeyPackageRow) {
        let leaf = self.leaf();
        let now = Timestamp(NOW * 1_000);
        self.groups.key_package(&leaf, false, now).unwrap()
    }
}

/// Alice has a group with Bob, and Carol a package for whoever asks her.
struct Scene {
    alice: Device,
    bob: PublicKey,
    carol: Device,
    carols: KeyPackageRow,
    /// A package, a Welcome with its tree, a text and a commit.
    genuine: [Vec<u8>; 4],
}

impl Scene {
    fn new() -> Self {
        let (mut alice, mut bob, mut carol) = (Device::new(1), Device::new(2), Device::new(3));
        let (bobs, row) = bob.package();
        let (welcome, tree) = found(&mut alice, &[1, 2], &bobs);
        bob.join(&welcome, &tree, &row);
        let text = bob.groups.encrypt(&ID, b"Hello.").unwrap();
        let now = Timestamp(NOW * 1_000);
        let commit = bob.groups.commit(&ID, now).unwrap().message;
        let (carols_package, carols) = carol.package();
        let (welcome, tree) = found(&mut Device::new(4), &[4, 3], &carols_package);
        Self {
            genuine: [
                [&[0], carols_package.as_slice()].concat(),
                welcomed(&welcome, &tree),
                [&[2], text.as_slice()].concat(),
                [&[2], commit.as_slice()].concat(),
            ],
            alice,
            bob: bob.account.device_key.public(),
            carol,
            carols,
        }
    }

    /// The first byte says what the others are. Nothing of it is left behind.
    fn take(&mut self, bytes: &[u8]) -> bool {
        let Some((kind, bytes)) = bytes.split_first() else {
            return false;
        };
        match kind % 3 {
            0 => {
                let now = Timestamp(NOW * 1_000);
                self.alice.groups.check_package(bytes, now).is_ok()
            }
            1 => self.join(bytes),
            _ => self.open(bytes),
        }
    }

    fn join(&mut self, bytes: &[u8]) -> bool {
        let Some((length, rest)) = bytes.split_first_chunk::<2>() else {
            return false;
        };
        let Some((welcome, tree)) = rest.split_at_checked(u16::from_be_bytes(*length).into())
        else {
            return false;
        };
        let packages = std::slice::from_ref(&self.carols);
        let psk = Secret::new(INVITE.1);
        let groups = &mut self.carol.groups;
        match groups.join(welcome, tree, packages, (INVITE.0, &psk)) {
            Ok(joined) => {
                assert_eq!(groups.leaves(&joined.group).unwrap().len(), 2);
                groups.discard(&joined.group);
                true
            }
            Err(_) => {
                assert!(!groups.loaded(&ID), "half joined");
                false
            }
        }
    }

    fn open(&mut self, bytes: &[u8]) -> bool {
        let groups = &mut self.alice.groups;
        let before = (
            groups.epoch(&ID).unwrap(),
            groups.authenticator(&ID).unwrap(),
        );
        groups.checkpoint(&ID).unwrap();
        let opened = groups.open(&ID, bytes);
        groups.rollback(&ID);
        let after = (
            groups.epoch(&ID).unwrap(),
            groups.authenticator(&ID).unwrap(),
        );
        assert!(
            before == after,
            "a message that was put back has left a trace"
        );
        match opened {
            Ok(Opened::Content { sender, .. }) => {
                assert_eq!(sender.device, self.bob);
                true
            }
            Ok(_) => true,
            Err(_) => false,
        }
    }
}

impl Device {
    fn join(&mut self, welcome: &[u8], tree: &[u8], package: &KeyPackageRow) {
        let packages = std::slice::from_ref(package);
        let psk = Secret::new(INVITE.1);
        let joined = self.groups.join(welcome, tree, packages, (INVITE.0, &psk));
        assert_eq!(joined.unwrap().group, ID);
    }
}

/// A group of two, and the Welcome and tree for the other.
fn found(founder: &mut Device, members: &[u8; 2], package: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let (leaf, now) = (founder.leaf(), Timestamp(NOW * 1_000));
    let accounts = members.map(|seed| Device::new(seed).account.account_id());
    let roles = Roles::owners(&accounts);
    let (psk, generation) = (Secret::new(INVITE.1), Secret::new([4; 32]));
    founder.groups.create(&ID, &roles, &leaf, now).unwrap();
    let packages = [package.to_vec()];
    let founded = founder
        .groups
        .found(&ID, &packages, (INVITE.0, &psk), &generation, now)
        .unwrap();
    (founded.welcome, founded.tree)
}

fn welcomed(welcome: &[u8], tree: &[u8]) -> Vec<u8> {
    let length = u16::try_from(welcome.len()).unwrap().to_be_bytes();
    [&[1], length.as_slice(), welcome, tree].concat()
}

thread_local! {
    static SCENE: RefCell<Scene> = {
        let mut scene = Scene::new();
        for genuine in scene.genuine.clone() {
            assert!(scene.take(&genuine), "what is genuine is refused");
        }
        RefCell::new(scene)
    };
}

/// A package, a Welcome with its tree, a text and a commit.
#[cfg(test)]
pub(super) fn genuine() -> [Vec<u8>; 4] {
    SCENE.with_borrow(|scene| scene.genuine.clone())
}

/// What somebody outside, or in the group, gives MLS to read: a key package, a Welcome with its tree or
/// a message.
pub fn mls_message(bytes: &[u8]) -> bool {
    SCENE.with_borrow_mut(|scene| scene.take(bytes))
}
