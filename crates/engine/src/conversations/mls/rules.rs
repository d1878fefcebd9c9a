//! What a commit may contain. Everything here depends on the epoch's state and the proposals alone,
//! so every member comes to the same verdict.

use std::collections::HashSet;

use mls_rs::MlsRules;
use mls_rs::client_builder::PaddingMode;
use mls_rs::error::IntoAnyError;
use mls_rs::group::proposal::Proposal;
use mls_rs::group::{GroupContext, Roster, Sender};
use mls_rs::mls_rules::{
    CommitDirection, CommitOptions, CommitSource, EncryptionOptions, ProposalBundle, ProposalInfo,
};

use super::extension::{Role, Roles};
use super::identity::verify;
use crate::api::AccountId;

/// Why a commit is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RuleBroken {
    #[error("only members commit")]
    NotAMember,
    #[error("the group has no list of roles")]
    NoRoles,
    #[error("a proposal of a kind that is not allowed")]
    Kind,
    #[error("a leaf whose identity does not hold")]
    Identity,
    #[error("the sender may not do this")]
    NotAuthorised,
}

impl IntoAnyError for RuleBroken {
    fn into_dyn_error(self) -> Result<Box<dyn std::error::Error + Send + Sync>, Self> {
        Ok(self.into())
    }
}

/// What a member may leave to others to commit: a fresh leaf of its own, and that it goes.
pub(super) fn may_be_proposed(proposal: &Proposal) -> bool {
    matches!(proposal, Proposal::Update(_) | Proposal::SelfRemove(_))
}

/// Sotto's rules (PROTOCOL.md, section 4: allow-list of proposals, roles in the GroupContext).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules;

struct Epoch<'a> {
    roster: &'a Roster<'a>,
    roles: Roles,
    number: u64,
}

impl Epoch<'_> {
    fn account_at(&self, index: u32) -> Result<AccountId, RuleBroken> {
        let member = self
            .roster
            .member_with_index(index)
            .map_err(|_| RuleBroken::NotAMember)?;
        let (credential, _) = verify(&member.signing_identity).map_err(|_| RuleBroken::Identity)?;
        Ok(credential.account_id())
    }

    fn check(&self, info: &ProposalInfo<Proposal>) -> Result<(), RuleBroken> {
        let Sender::Member(sender) = *info.sender() else {
            return Err(RuleBroken::NotAMember);
        };
        let sender_account = self.account_at(sender)?;
        let role = self
            .roles
            .of(&sender_account)
            .ok_or(RuleBroken::NotAuthorised)?;
        if info.is_by_reference() {
            return match may_be_proposed(&info.proposal) {
                true => Ok(()),
                false => Err(RuleBroken::Kind),
            };
        }
        match &info.proposal {
            Proposal::Add(add) => {
                let (added, _) =
                    verify(add.signing_identity()).map_err(|_| RuleBroken::Identity)?;
                let added = added.account_id();
                // Nobody enters whose account isn't on the list: who may talk is part of the epoch.
                let listed = self.roles.of(&added).is_some();
                let allowed = listed
                    && (added == sender_account || (role >= Role::Admin && self.absent(&added)?));
                if allowed {
                    Ok(())
                } else {
                    Err(RuleBroken::NotAuthorised)
                }
            }
            Proposal::Remove(remove) => {
                let removed = self.account_at(remove.to_remove())?;
                if removed == sender_account {
                    Ok(())
                } else {
                    Err(RuleBroken::NotAuthorised)
                }
            }
            // The invite's secret, in the founding commit alone.
            Proposal::Psk(_) if self.number == 0 => Ok(()),
            _ => Err(RuleBroken::Kind),
        }
    }

    /// No leaf of this account is in the group yet.
    fn absent(&self, account: &AccountId) -> Result<bool, RuleBroken> {
        for member in self.roster.members_iter() {
            let (credential, _) =
                verify(&member.signing_identity).map_err(|_| RuleBroken::Identity)?;
            if credential.account_id() == *account {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl MlsRules for Rules {
    type Error = RuleBroken;

    fn filter_proposals(
        &self,
        direction: CommitDirection,
        source: CommitSource,
        roster: &Roster<'_>,
        context: &GroupContext,
        mut proposals: ProposalBundle,
    ) -> Result<ProposalBundle, Self::Error> {
        let CommitSource::ExistingMember(_) = source else {
            return Err(RuleBroken::NotAMember);
        };
        let roles = Roles::from_list(&context.extensions).map_err(|_| RuleBroken::NoRoles)?;
        let epoch = Epoch {
            roster,
            roles,
            number: context.epoch,
        };
        let mut bad_references = HashSet::new();
        for info in proposals.clone().into_proposals() {
            if let Err(broken) = epoch.check(&info) {
                // A bad proposal of somebody else's is left out of one's own commit; it must not
                // keep anybody from committing.
                match (direction, info.proposal_ref()) {
                    (CommitDirection::Send, Some(reference)) => {
                        bad_references.insert(reference.clone())
                    }
                    _ => return Err(broken),
                };
            }
        }
        if !bad_references.is_empty() {
            proposals.retain(|info| {
                Ok::<_, RuleBroken>(
                    info.proposal_ref()
                        .is_none_or(|r| !bad_references.contains(r)),
                )
            })?;
        }
        Ok(proposals)
    }

    fn commit_options(
        &self,
        _: &Roster<'_>,
        _: &GroupContext,
        _: &ProposalBundle,
    ) -> Result<CommitOptions, Self::Error> {
        // Every commit heals its sender (fresh path); the tree never travels inside a Welcome.
        Ok(CommitOptions::new()
            .with_path_required(true)
            .with_ratchet_tree_extension(false)
            .with_single_welcome_message(true)
            .with_allow_external_commit(false))
    }

    fn encryption_options(
        &self,
        _: &Roster<'_>,
        _: &GroupContext,
    ) -> Result<EncryptionOptions, Self::Error> {
        // Handshakes are encrypted too; the envelope pads.
        Ok(EncryptionOptions::new(true, PaddingMode::None))
    }
}
