//! What mls-rs reads and writes, kept in memory between the engine's transactions.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use minicbor::{Decode, Encode};
use mls_rs::mls_rs_codec::{MlsDecode, MlsEncode};
use mls_rs::psk::{ExternalPskId, PreSharedKey};
use mls_rs::{GroupStateStorage, KeyPackageStorage, PreSharedKeyStorage};
use mls_rs_core::group::{EpochRecord, GroupState};
use mls_rs_core::key_package::KeyPackageData;
use sotto_suite::sign::PublicKey;
use zeroize::Zeroizing;

use super::GroupId;

/// Past epochs whose late messages can still be opened.
pub(super) const PAST_EPOCHS: usize = 3;

/// A leaf in a roster as remembered for messages of past epochs.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct RosterLeaf {
    #[n(0)]
    pub(crate) index: u32,
    #[cbor(n(1), with = "minicbor::bytes")]
    pub(crate) account: [u8; 32],
    #[n(2)]
    pub(crate) device: PublicKey,
}

/// A key package with its private keys, encoded; secret.
#[derive(Clone)]
pub(crate) struct KeyPackageRow {
    pub(crate) id: Vec<u8>,
    pub(crate) data: Zeroizing<Vec<u8>>,
}

/// What has to be written for one group.
#[derive(Default)]
pub(crate) struct GroupChange {
    pub(crate) state: Option<Zeroizing<Vec<u8>>>,
    pub(crate) epochs: Vec<(u64, Zeroizing<Vec<u8>>)>,
    /// Epochs below this one are deleted.
    pub(crate) keep_from: u64,
}

/// Everything that has to be written.
#[derive(Default)]
pub(crate) struct Changes {
    pub(crate) groups: BTreeMap<GroupId, GroupChange>,
    pub(crate) packages_used: Vec<Vec<u8>>,
}

#[derive(Default)]
struct Shelved {
    state: Option<Zeroizing<Vec<u8>>>,
    epochs: BTreeMap<u64, Zeroizing<Vec<u8>>>,
}

#[derive(Default)]
struct Inner {
    groups: HashMap<GroupId, Shelved>,
    dirty: BTreeMap<GroupId, BTreeSet<u64>>,
    packages: HashMap<Vec<u8>, KeyPackageData>,
    made: Option<(Vec<u8>, KeyPackageData)>,
    packages_used: Vec<Vec<u8>>,
    psk: Option<(ExternalPskId, PreSharedKey)>,
}

/// The storage that mls-rs sees. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Shelf(Arc<Mutex<Inner>>);

impl Shelf {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts what is on disk for a group back on the shelf.
    pub(super) fn put(
        &self,
        id: &GroupId,
        state: Zeroizing<Vec<u8>>,
        epochs: Vec<(u64, Zeroizing<Vec<u8>>)>,
    ) {
        let shelved = Shelved {
            state: Some(state),
            epochs: epochs.into_iter().collect(),
        };
        self.inner().groups.insert(*id, shelved);
    }

    /// Drops a group and whatever it had not flushed.
    pub(super) fn drop_group(&self, id: &GroupId) {
        let mut inner = self.inner();
        inner.groups.remove(id);
        inner.dirty.remove(id);
    }

    /// Drops everything that was not flushed.
    pub(super) fn drop_unflushed(&self) -> Vec<GroupId> {
        let mut inner = self.inner();
        let dirty: Vec<GroupId> = std::mem::take(&mut inner.dirty).into_keys().collect();
        for id in &dirty {
            inner.groups.remove(id);
        }
        inner.packages.clear();
        inner.made = None;
        inner.packages_used.clear();
        inner.psk = None;
        dirty
    }

    pub(super) fn offer_package(&self, row: &KeyPackageRow) {
        if let Ok(data) = KeyPackageData::mls_decode(&mut &row.data[..]) {
            self.inner().packages.insert(row.id.clone(), data);
        }
    }

    pub(super) fn offer_psk(&self, id: &[u8], secret: &[u8]) {
        let psk = (
            ExternalPskId::new(id.to_vec()),
            PreSharedKey::new(secret.to_vec()),
        );
        self.inner().psk = Some(psk);
    }

    pub(super) fn withdraw_offers(&self) {
        let mut inner = self.inner();
        inner.psk = None;
        inner.packages.clear();
    }

    /// A join that did not hold has used nothing.
    pub(super) fn forget_used(&self) {
        self.inner().packages_used.clear();
    }

    /// The key package that was just made.
    pub(super) fn take_made(&self) -> Option<KeyPackageRow> {
        let (id, package) = self.inner().made.take()?;
        Some(KeyPackageRow {
            id,
            data: Zeroizing::new(package.mls_encode_to_vec().ok()?),
        })
    }

    pub(super) fn take_changes(&self) -> Changes {
        let mut inner = self.inner();
        let dirty = std::mem::take(&mut inner.dirty);
        let mut groups = BTreeMap::new();
        for (id, epochs) in dirty {
            if let Some(shelved) = inner.groups.get(&id) {
                let change = GroupChange {
                    state: shelved.state.clone(),
                    epochs: epochs
                        .iter()
                        .filter_map(|epoch| Some((*epoch, shelved.epochs.get(epoch)?.clone())))
                        .collect(),
                    keep_from: shelved.epochs.keys().next().copied().unwrap_or(0),
                };
                groups.insert(id, change);
            }
        }
        Changes {
            groups,
            packages_used: std::mem::take(&mut inner.packages_used),
        }
    }
}

fn group_id(id: &[u8]) -> Option<GroupId> {
    id.try_into().ok()
}

impl GroupStateStorage for Shelf {
    type Error = Infallible;

    fn state(&self, id: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, Infallible> {
        Ok(group_id(id).and_then(|id| self.inner().groups.get(&id)?.state.clone()))
    }

    fn epoch(&self, id: &[u8], epoch: u64) -> Result<Option<Zeroizing<Vec<u8>>>, Infallible> {
        Ok(group_id(id).and_then(|id| self.inner().groups.get(&id)?.epochs.get(&epoch).cloned()))
    }

    fn write(
        &mut self,
        state: GroupState,
        inserts: Vec<EpochRecord>,
        updates: Vec<EpochRecord>,
    ) -> Result<(), Infallible> {
        let Some(id) = group_id(&state.id) else {
            return Ok(());
        };
        let mut inner = self.inner();
        let shelved = inner.groups.entry(id).or_default();
        shelved.state = Some(state.data);
        let mut touched = BTreeSet::new();
        for record in inserts.into_iter().chain(updates) {
            touched.insert(record.id);
            shelved.epochs.insert(record.id, record.data);
        }
        while shelved.epochs.len() > PAST_EPOCHS {
            shelved.epochs.pop_first();
        }
        inner.dirty.entry(id).or_default().extend(touched);
        Ok(())
    }

    fn max_epoch_id(&self, id: &[u8]) -> Result<Option<u64>, Infallible> {
        Ok(group_id(id).and_then(|id| {
            self.inner()
                .groups
                .get(&id)?
                .epochs
                .keys()
                .next_back()
                .copied()
        }))
    }
}

impl KeyPackageStorage for Shelf {
    type Error = Infallible;

    fn delete(&mut self, id: &[u8]) -> Result<(), Infallible> {
        // mls-rs calls this again on every later write: once is enough.
        let mut inner = self.inner();
        inner.packages.remove(id);
        if !inner.packages_used.iter().any(|used| used == id) {
            inner.packages_used.push(id.to_vec());
        }
        Ok(())
    }

    fn insert(&mut self, id: Vec<u8>, package: KeyPackageData) -> Result<(), Infallible> {
        let mut inner = self.inner();
        inner.made = Some((id, package));
        Ok(())
    }

    fn get(&self, id: &[u8]) -> Result<Option<KeyPackageData>, Infallible> {
        Ok(self.inner().packages.get(id).cloned())
    }
}

impl PreSharedKeyStorage for Shelf {
    type Error = Infallible;

    fn get(&self, id: &ExternalPskId) -> Result<Option<PreSharedKey>, Infallible> {
        Ok(self
            .inner()
            .psk
            .as_ref()
            .filter(|(known, _)| known == id)
            .map(|(_, secret)| secret.clone()))
    }
}
