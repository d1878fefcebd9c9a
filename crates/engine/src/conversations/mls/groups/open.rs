//! A group in memory: who is in it, and who has sent what.

use std::collections::HashMap;

use mls_rs::client_builder::{
    BaseConfig, IntoConfigOutput, WithCryptoProvider, WithGroupStateStorage, WithIdentityProvider,
    WithKeyPackageRepo, WithMlsRules, WithPskStore,
};
use mls_rs::{CryptoProvider, Group};

use super::super::asked::Leaf;
use super::super::identity::{self, Identities};
use super::super::rules::Rules;
use super::super::shelf::{PAST_EPOCHS, RosterLeaf, Shelf};
use super::super::{LeafChannel, MlsFailure};

/// How mls-rs is put together.
pub(super) type MlsConfig<P> = IntoConfigOutput<
    WithMlsRules<
        Rules,
        WithPskStore<
            Shelf,
            WithKeyPackageRepo<
                Shelf,
                WithGroupStateStorage<
                    Shelf,
                    WithIdentityProvider<Identities, WithCryptoProvider<P, BaseConfig>>,
                >,
            >,
        >,
    >,
>;

/// A group in memory.
#[derive(Clone)]
pub(super) struct Open<P: CryptoProvider + Clone> {
    pub(super) group: Group<MlsConfig<P>>,
    /// Leaves of the current epoch, verified once.
    pub(super) leaves: Vec<Leaf>,
    /// Rosters of past epochs, for messages that come late.
    rosters: HashMap<u64, Vec<RosterLeaf>>,
}

impl<P: CryptoProvider + Clone> Open<P> {
    pub(super) fn new(
        group: Group<MlsConfig<P>>,
        rosters: HashMap<u64, Vec<RosterLeaf>>,
    ) -> Result<Self, MlsFailure> {
        let leaves = leaves_of(&group)?;
        Ok(Self {
            group,
            leaves,
            rosters,
        })
    }

    pub(super) fn roster(&self) -> Vec<RosterLeaf> {
        let leaves = self.leaves.iter();
        leaves
            .map(|leaf| RosterLeaf {
                index: leaf.index,
                account: leaf.account.0,
                device: leaf.device,
            })
            .collect()
    }

    /// Who sent a message of some epoch. Whatever its epoch, an entry that stands after its sender's
    /// removal is refused.
    pub(super) fn sender(&self, index: u32, current: bool, epoch: u64) -> Result<Leaf, MlsFailure> {
        if current {
            let leaf = self.leaves.iter().find(|leaf| leaf.index == index).cloned();
            return leaf.ok_or(MlsFailure::Invalid("the sender is not in the roster"));
        }
        let past = self
            .rosters
            .get(&epoch)
            .and_then(|leaves| leaves.iter().find(|leaf| leaf.index == index));
        let past = past.ok_or(MlsFailure::Invalid(
            "the sender is not in the roster of its epoch",
        ))?;
        let still = self
            .leaves
            .iter()
            .find(|leaf| leaf.device == past.device)
            .cloned();
        still.ok_or(MlsFailure::Invalid("the sender has been removed"))
    }

    /// The epoch that ended keeps its roster for as long as its messages can be opened.
    pub(super) fn epoch_ended(&mut self, epoch: u64) -> Result<(), MlsFailure> {
        let roster = self.roster();
        self.rosters.insert(epoch, roster);
        self.rosters
            .retain(|past, _| past.saturating_add(PAST_EPOCHS as u64) > epoch);
        self.leaves = leaves_of(&self.group)?;
        Ok(())
    }
}

/// A member, verified.
pub(super) fn leaf_of(member: &mls_rs::group::Member) -> Result<Leaf, MlsFailure> {
    let (credential, device) = identity::verify(&member.signing_identity)
        .map_err(|_| MlsFailure::Invalid("a leaf's identity does not hold"))?;
    Ok(Leaf {
        index: member.index,
        account: credential.account_id(),
        device,
        channel: LeafChannel::from_list(&member.extensions)?,
    })
}

fn leaves_of<P: CryptoProvider + Clone>(
    group: &Group<MlsConfig<P>>,
) -> Result<Vec<Leaf>, MlsFailure> {
    group
        .roster()
        .members_iter()
        .map(|member| leaf_of(&member))
        .collect()
}
