//! What the engine asks of its groups, and the plain values in which it is answered.

use std::collections::HashMap;

use sotto_suite::secret::Secret;
use sotto_suite::sign::PublicKey;
use zeroize::Zeroizing;

use super::shelf::{Changes, KeyPackageRow, RosterLeaf};
use super::{GroupId, LeafChannel, MlsFailure, Roles};
use crate::api::{AccountId, Timestamp};

/// A leaf of the current epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Leaf {
    pub(crate) index: u32,
    pub(crate) account: AccountId,
    pub(crate) device: PublicKey,
    pub(crate) channel: LeafChannel,
}

/// A group just founded: nothing has left the device yet.
pub(crate) struct Founded {
    pub(crate) welcome: Vec<u8>,
    /// Travels beside the Welcome, never inside it.
    pub(crate) tree: Vec<u8>,
}

/// A group just joined.
pub(crate) struct Joined {
    pub(crate) group: GroupId,
    /// From the encrypted GroupInfo.
    pub(crate) generation: Secret<32>,
    /// Who sent the Welcome.
    pub(crate) inviter: Leaf,
}

/// What an entry turned out to be.
pub(crate) enum Opened {
    /// Application data of a member that is still in the group.
    Content {
        sender: Leaf,
        content: Zeroizing<Vec<u8>>,
    },
    /// The epoch moved on.
    Epoch { committer: AccountId, removed: bool },
    /// A proposal was taken up.
    Proposal,
}

/// A commit that has not won yet: its secrets are kept apart until exactly this entry is read back.
pub(crate) struct PendingCommit {
    pub(crate) message: Vec<u8>,
    /// SHA-256 of `message`.
    pub(crate) hash: [u8; 32],
    /// The epoch it leaves.
    pub(crate) epoch: u64,
    pub(crate) secrets: Zeroizing<Vec<u8>>,
}

/// A group as it lies on disk.
pub(crate) struct StoredGroup {
    pub(crate) state: Zeroizing<Vec<u8>>,
    pub(crate) epochs: Vec<(u64, Zeroizing<Vec<u8>>)>,
    /// The tree, with the epoch and hash it was stored under.
    pub(crate) tree: Vec<u8>,
    pub(crate) tree_epoch: u64,
    pub(crate) tree_hash: [u8; 32],
    pub(crate) rosters: HashMap<u64, Vec<RosterLeaf>>,
}

/// Everything the engine asks of MLS. One implementation, whatever the cipher suite.
pub(crate) trait Groups: Send {
    fn suite_name(&self) -> String;
    /// A key package (MLSMessage) and its private half.
    fn key_package(
        &mut self,
        leaf: &LeafChannel,
        last_resort: bool,
        now: Timestamp,
    ) -> Result<(Vec<u8>, KeyPackageRow), MlsFailure>;
    /// Whose package it says it is, if its identity and its age hold.
    fn check_package(&self, message: &[u8], now: Timestamp) -> Result<PackageOwner, MlsFailure>;
    fn create(
        &mut self,
        id: &GroupId,
        roles: &Roles,
        leaf: &LeafChannel,
        now: Timestamp,
    ) -> Result<(), MlsFailure>;
    fn found(
        &mut self,
        id: &GroupId,
        packages: &[Vec<u8>],
        psk: (&[u8], &Secret<32>),
        generation: &Secret<32>,
        now: Timestamp,
    ) -> Result<Founded, MlsFailure>;
    fn join(
        &mut self,
        welcome: &[u8],
        tree: &[u8],
        packages: &[KeyPackageRow],
        psk: (&[u8], &Secret<32>),
    ) -> Result<Joined, MlsFailure>;
    /// Takes a group out of memory again that was created or joined in this turn.
    fn discard(&mut self, id: &GroupId);
    /// The group is to be read from disk when it is next needed.
    fn unload(&mut self, id: &GroupId);
    /// Remembers the group as it is before an entry is opened …
    fn checkpoint(&mut self, id: &GroupId) -> Result<(), MlsFailure>;
    /// … and goes back to it: a message that fails to open burns its key in memory.
    fn rollback(&mut self, id: &GroupId);
    fn loaded(&self, id: &GroupId) -> bool;
    fn load(&mut self, id: &GroupId, stored: StoredGroup) -> Result<(), MlsFailure>;
    fn forget(&mut self);
    fn encrypt(&mut self, id: &GroupId, content: &[u8]) -> Result<Vec<u8>, MlsFailure>;
    fn open(&mut self, id: &GroupId, message: &[u8]) -> Result<Opened, MlsFailure>;
    /// Whether something was proposed: it is committed before anything is said (RFC 9420, section 12.4).
    fn commit_required(&self, id: &GroupId) -> Result<bool, MlsFailure>;
    fn commit(&mut self, id: &GroupId, now: Timestamp) -> Result<PendingCommit, MlsFailure>;
    fn merge(&mut self, id: &GroupId, pending: &PendingCommit) -> Result<(), MlsFailure>;
    fn epoch(&self, id: &GroupId) -> Result<u64, MlsFailure>;
    fn authenticator(&self, id: &GroupId) -> Result<Secret<32>, MlsFailure>;
    fn export(&self, id: &GroupId, label: &[u8], context: &[u8]) -> Result<Secret<32>, MlsFailure>;
    fn leaves(&self, id: &GroupId) -> Result<Vec<Leaf>, MlsFailure>;
    fn roster(&self, id: &GroupId) -> Result<Vec<RosterLeaf>, MlsFailure>;
    fn me(&self, id: &GroupId) -> Result<u32, MlsFailure>;
    fn roles(&self, id: &GroupId) -> Result<Roles, MlsFailure>;
    /// Puts the group's state on the shelf; the tree only if the epoch changed since `tree_epoch`.
    fn save(&mut self, id: &GroupId) -> Result<(), MlsFailure>;
    fn tree(&self, id: &GroupId) -> Result<Vec<u8>, MlsFailure>;
    fn take_changes(&mut self) -> Changes;
}

/// Who a key package belongs to.
pub(crate) struct PackageOwner {
    pub(crate) account: AccountId,
    pub(crate) device: PublicKey,
}
