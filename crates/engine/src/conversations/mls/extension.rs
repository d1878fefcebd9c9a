//! Sotto's MLS extensions (private-use types, RFC 9420 section 17.3).

use minicbor::{Decode, Encode};
use mls_rs::extension::ExtensionType;
use mls_rs::{Extension, ExtensionList};
use sotto_suite::sign::PublicKey;
use sotto_wire::{RelayAddress, decode, encode};

use super::MlsFailure;
use crate::api::AccountId;

/// Leaf: how this leaf reads the conversation's channel.
pub(super) const LEAF_CHANNEL: ExtensionType = ExtensionType::new(0xF101);
/// GroupInfo, encrypted in the Welcome: the generation secret in force.
pub(super) const GENERATION: ExtensionType = ExtensionType::new(0xF102);
/// GroupContext: who may do what.
pub(super) const ROLES: ExtensionType = ExtensionType::new(0xF103);

const MAX_EXTENSION: usize = 64 * 1024;

/// What a leaf says of itself: set in the key package, signed with the leaf.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct LeafChannel {
    /// Key under which this leaf subscribes to the conversation's channel.
    #[n(0)]
    pub(crate) subscriber: PublicKey,
    /// Relays of its rescue inbox, up to three.
    #[n(1)]
    pub(crate) rescue: Option<Vec<RelayAddress>>,
}

/// Right of an account in a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub(crate) enum Role {
    /// Talks, leaves, and handles its own account's devices.
    #[n(0)]
    Member,
    /// Adds, removes, changes settings.
    #[n(1)]
    Admin,
    /// The same, and makes admins.
    #[n(2)]
    Owner,
}

/// Rights are part of the epoch: this list stands in the GroupContext.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Roles {
    /// Each account once.
    #[n(0)]
    accounts: Vec<Assignment>,
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
struct Assignment {
    #[cbor(n(0), with = "minicbor::bytes")]
    account: [u8; 32],
    #[n(1)]
    role: Role,
}

impl Roles {
    /// A conversation of equals (one account: the account group; two: one-to-one).
    pub(crate) fn owners(accounts: &[AccountId]) -> Self {
        let accounts = accounts
            .iter()
            .map(|account| Assignment {
                account: account.0,
                role: Role::Owner,
            })
            .collect();
        Self { accounts }
    }

    /// The role of an account; none: not a member.
    pub(crate) fn of(&self, account: &AccountId) -> Option<Role> {
        self.accounts
            .iter()
            .find(|entry| entry.account == account.0)
            .map(|entry| entry.role)
    }
}

impl LeafChannel {
    pub(super) fn to_list(&self) -> ExtensionList {
        vec![Extension::new(LEAF_CHANNEL, encode(self))].into()
    }

    pub(super) fn from_list(list: &ExtensionList) -> Result<Self, MlsFailure> {
        read(list, LEAF_CHANNEL)
    }
}

impl Roles {
    pub(super) fn to_list(&self) -> ExtensionList {
        vec![Extension::new(ROLES, encode(self))].into()
    }

    pub(super) fn from_list(list: &ExtensionList) -> Result<Self, MlsFailure> {
        read(list, ROLES)
    }
}

fn read<T: for<'b> Decode<'b, ()>>(
    list: &ExtensionList,
    kind: ExtensionType,
) -> Result<T, MlsFailure> {
    let extension = list
        .get(kind)
        .ok_or(MlsFailure::Invalid("a Sotto extension is missing"))?;
    decode(extension.extension_data(), MAX_EXTENSION)
        .map_err(|_| MlsFailure::Invalid("a Sotto extension is malformed"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;

    fn accounts(count: u16) -> Vec<AccountId> {
        let account = |number: u16| {
            let mut id = [0; 32];
            id[..2].copy_from_slice(&number.to_be_bytes());
            AccountId(id)
        };
        (0..count).map(account).collect()
    }

    #[test]
    fn who_is_listed_has_a_role_and_nobody_else() {
        let listed = accounts(2);
        let roles = Roles::owners(&listed);
        for account in &listed {
            assert_eq!(roles.of(account), Some(Role::Owner));
        }
        assert_eq!(roles.of(&AccountId([9; 32])), None);
        assert_eq!(Roles::from_list(&roles.to_list()).unwrap(), roles);
        assert!(LeafChannel::from_list(&roles.to_list()).is_err());
    }

    #[test]
    fn an_extension_is_measured_before_it_is_read() {
        // 38 bytes an account.
        let many = Roles::owners(&accounts(1600));
        assert_eq!(Roles::from_list(&many.to_list()).unwrap(), many);
        let too_many = Roles::owners(&accounts(1800));
        assert!(Roles::from_list(&too_many.to_list()).is_err());
    }
}
