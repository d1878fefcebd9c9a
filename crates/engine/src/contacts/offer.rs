//! What a relay hands out of somebody's pool: whether it is theirs, and good now.

use sotto_suite::secret::Secret;
use sotto_suite::sign::PublicKey;
use sotto_wire::{ChannelId, PackageOffer};

use super::pool;
use crate::api::AccountId;
use crate::conversations::{MlsFailure, PackageOwner};
use crate::identity::Chain;
use crate::turn::Turn;

/// What an offer is good for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// A key package of the device that the account's list has in this slot.
    Good(Vec<u8>),
    /// Of no use now; the next one may be younger.
    TooOld,
    /// It is not theirs, or no package at all.
    Bad,
}

/// Looks at an offer from the pool that `pool_key` and `inbox` belong to, and the account of `chain`.
pub(super) fn look(
    turn: &Turn<'_>,
    chain: &Chain,
    account: &AccountId,
    (pool_key, inbox): (&Secret<32>, &ChannelId),
    offer: &PackageOffer,
) -> Use {
    let mut devices = chain.device_list().devices.iter();
    let Some(device) = devices.find(|device| device.slot == offer.slot) else {
        return Use::Bad;
    };
    let Some(package) = pool::open_package(pool_key, inbox, &offer.package) else {
        return Use::Bad;
    };
    let checked = turn.mls.check_package(&package, turn.now);
    judge(package, checked, (account, &device.key), offer.last_resort)
}

/// Whose package it says it is has to be who is listed: devices that are not are refused.
fn judge(
    package: Vec<u8>,
    checked: Result<PackageOwner, MlsFailure>,
    (account, device): (&AccountId, &PublicKey),
    last_resort: bool,
) -> Use {
    match checked {
        Ok(owner) if owner.account == *account && owner.device == *device => Use::Good(package),
        // Behind the last resort there is none.
        Err(failure) if failure.is_of_the_clock() && !last_resort => Use::TooOld,
        _ => Use::Bad,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNT: AccountId = AccountId([1; 32]);
    const DEVICE: PublicKey = PublicKey([2; 32]);

    fn judged(checked: Result<PackageOwner, MlsFailure>, last_resort: bool) -> Use {
        judge(
            b"package".to_vec(),
            checked,
            (&ACCOUNT, &DEVICE),
            last_resort,
        )
    }

    #[test]
    fn only_the_listed_device_of_the_account_is_taken() {
        let of = |account, device| judged(Ok(PackageOwner { account, device }), false);
        assert_eq!(of(ACCOUNT, DEVICE), Use::Good(b"package".to_vec()));
        assert_eq!(of(AccountId([3; 32]), DEVICE), Use::Bad);
        assert_eq!(of(ACCOUNT, PublicKey([3; 32])), Use::Bad);
        assert_eq!(of(AccountId([3; 32]), PublicKey([3; 32])), Use::Bad);
    }

    #[test]
    fn behind_what_is_too_old_there_may_be_a_younger_one_unless_it_was_the_last() {
        let malformed = || Err(MlsFailure::Invalid("not a key package"));
        assert_eq!(judged(Err(MlsFailure::Expired), false), Use::TooOld);
        assert_eq!(judged(Err(MlsFailure::Expired), true), Use::Bad);
        assert_eq!(judged(malformed(), false), Use::Bad);
        assert_eq!(judged(malformed(), true), Use::Bad);
    }
}
