//! A new account on its first device.

use sotto_suite::{Random, RandomExt as _, SealingKey, SigningKey};
use sotto_wire::SlotId;

use super::{
    Chain, ChainError, Credential, CredentialError, DeviceEntry, DeviceList, Genesis, InboxAddress,
    RecoveryCode,
};
use crate::AccountId;

/// What a new account needs to be told.
#[derive(Clone, Debug)]
pub struct NewDevice {
    /// What the first device is called.
    pub name: String,
    /// Where the account will be reached: one to three.
    pub inboxes: Vec<InboxAddress>,
    /// Unix time in seconds.
    pub now: u64,
    /// How long the first device list introduces people, in seconds.
    pub lifetime: u64,
}

/// Everything that a new account consists of. Its keys print as redacted and are wiped when
/// dropped.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// Signs device lists and certificates; every device of the account will have it.
    pub account_key: SigningKey,
    /// The first device's own key; never leaves it.
    pub device_key: SigningKey,
    /// Opens what is put into the inboxes.
    pub sealing_key: SealingKey,
    /// To be written down.
    pub recovery: RecoveryCode,
    /// The device's place in the pools.
    pub slot: SlotId,
    /// Genesis and first device list.
    pub chain: Chain,
    /// The first device's MLS credential.
    pub credential: Credential,
}

impl NewAccount {
    /// Makes the keys, signs the first device list and the first certificate.
    ///
    /// # Errors
    /// [`ChainError::List`] when name, inboxes or lifetime break a rule of [`DeviceList`].
    pub fn generate(random: &mut dyn Random, first: &NewDevice) -> Result<Self, ChainError> {
        let account_key = SigningKey::from_seed(&random.secret());
        let device_key = SigningKey::from_seed(&random.secret());
        let sealing_key = SealingKey::generate(random);
        let recovery = RecoveryCode::generate(random);
        let slot = SlotId(random.bytes());
        let recovery_key = recovery.signing_key().public();
        let genesis = Genesis::new(account_key.public(), recovery_key, random);
        let list = DeviceList {
            issued: first.now,
            expires: first.now.saturating_add(first.lifetime),
            devices: vec![DeviceEntry {
                key: device_key.public(),
                name: first.name.clone(),
                slot,
            }],
            inbox_sealing_key: sealing_key.public(),
            inboxes: first.inboxes.clone(),
        };
        let chain = Chain::begin(genesis, &account_key, &list)?;
        let credential = Credential::issue(&chain, &account_key, &device_key.public(), first.now)
            .map_err(|error| match error {
            CredentialError::Rotations(error) => error,
            // Issuing checks the key and nothing else.
            _ => ChainError::NotOurKey,
        })?;
        Ok(Self {
            account_key,
            device_key,
            sealing_key,
            recovery,
            slot,
            chain,
            credential,
        })
    }

    /// The new account's id.
    #[must_use]
    pub fn account_id(&self) -> AccountId {
        self.chain.account_id()
    }
}
