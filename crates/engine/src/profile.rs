//! The account and this device: keys, identity, inbox.

use sotto_suite::kdf::derive;
use sotto_suite::rand::{Random, RandomExt};
use sotto_suite::secret::Secret;
use sotto_suite::sign::SigningKey;
use sotto_suite::xwing::SealingKey;
use sotto_wire::{ChainHash, ChannelId, Position, RelayAddress, SlotId, decode, encode};

use crate::api::{AccountId, AccountView, Timestamp};
use crate::contacts::list;
use crate::error::{EngineError, Refused, Result};
use crate::identity::{InboxAddress, NewAccount, NewDevice, RecoveryCode};
use crate::messages::content::clean_name;
use crate::store::{Transaction, params};

/// What a new profile needs to be told.
#[derive(Clone, Debug)]
pub struct NewProfile {
    /// Name that accepted contacts see; may be empty.
    pub name: String,
    /// Home relay: inbox and conversations that this account founds live there.
    pub relay: RelayAddress,
    /// What this device is called.
    pub device_name: String,
}

/// The profile in memory. Its keys print as nothing and are wiped when it goes.
pub(crate) struct Profile {
    pub(crate) account: AccountId,
    pub(crate) name: String,
    pub(crate) relay: RelayAddress,
    /// Signs device lists and certificates; needed when the list is renewed.
    pub(crate) account_key: SigningKey,
    pub(crate) device: SigningKey,
    pub(crate) sealing: SealingKey,
    /// Verified chain, encoded.
    pub(crate) chain: Vec<u8>,
    pub(crate) credential: Vec<u8>,
    pub(crate) inbox: ChannelId,
    pub(crate) inbox_admin: SigningKey,
    pub(crate) inbox_subscriber: SigningKey,
    pub(crate) inbox_position: Position,
    pub(crate) inbox_hash: ChainHash,
    pub(crate) slot: SlotId,
    pub(crate) pool_key: Secret<32>,
    pub(crate) receipts: bool,
    pub(crate) recovery_saved: bool,
    pub(crate) list_expires: u64,
}

impl Profile {
    /// Makes an account and writes its row.
    pub(crate) fn create(
        db: &Transaction<'_>,
        new: &NewProfile,
        random: &mut dyn Random,
        now: Timestamp,
    ) -> Result<()> {
        let name = if new.name.trim().is_empty() {
            String::new()
        } else {
            clean_name(&new.name).ok_or(Refused::BadName)?
        };
        let inbox = ChannelId(random.bytes());
        let first = NewDevice {
            name: new
                .device_name
                .chars()
                .filter(|c| !c.is_control())
                .take(32)
                .collect(),
            inboxes: vec![InboxAddress {
                relay: new.relay.clone(),
                channel: inbox,
            }],
            now: now.seconds(),
            lifetime: list::LIFETIME,
        };
        let account = NewAccount::generate(random, &first)
            .map_err(|error| EngineError::Internal(error.to_string()))?;
        let (admin, subscriber): (Secret<32>, Secret<32>) = (random.secret(), random.secret());
        let pool_key: Secret<32> = random.secret();
        db.execute(
            "INSERT INTO profile (one, account, name, relay, account_seed, device_seed, sealing_seed, recovery, chain,
                credential, inbox, inbox_admin_seed, inbox_subscriber_seed, inbox_hash, slot, pool_key, list_expires)
             VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
            params![
                account.account_id().0,
                name,
                encode(&new.relay),
                account.account_key.seed().expose(),
                account.device_key.seed().expose(),
                account.sealing_key.seed().expose(),
                account.recovery.entropy().expose(),
                account.chain.encoded(),
                account.credential.encoded(),
                inbox.0,
                admin.expose(),
                subscriber.expose(),
                ChainHash::start(&inbox).0,
                account.slot.0,
                pool_key.expose(),
                now.seconds().saturating_add(list::LIFETIME).cast_signed(),
            ],
        )?;
        Ok(())
    }

    /// Reads the row.
    pub(crate) fn load(db: &Transaction<'_>) -> Result<Self> {
        let profile = db.query_row("SELECT * FROM profile WHERE one = 1", [], |row| {
            let key = |name: &str| {
                Ok::<_, crate::store::SqlError>(SigningKey::from_seed(&Secret::new(row.get(name)?)))
            };
            let relay: Vec<u8> = row.get("relay")?;
            let recovery: Option<Vec<u8>> = row.get("recovery")?;
            Ok((
                relay,
                Self {
                    account: AccountId(row.get("account")?),
                    name: row.get("name")?,
                    relay: RelayAddress {
                        host: String::new(),
                        port: 0,
                        identity: sotto_wire::RelayIdentity([0; 32]),
                        plain: false,
                    },
                    account_key: key("account_seed")?,
                    device: key("device_seed")?,
                    sealing: SealingKey::from_seed(&Secret::new(row.get("sealing_seed")?)),
                    chain: row.get("chain")?,
                    credential: row.get("credential")?,
                    inbox: ChannelId(row.get("inbox")?),
                    inbox_admin: key("inbox_admin_seed")?,
                    inbox_subscriber: key("inbox_subscriber_seed")?,
                    inbox_position: Position(row.get::<_, i64>("inbox_position")?.cast_unsigned()),
                    inbox_hash: ChainHash(row.get("inbox_hash")?),
                    slot: SlotId(row.get("slot")?),
                    pool_key: Secret::new(row.get("pool_key")?),
                    receipts: row.get("receipts")?,
                    recovery_saved: recovery.is_none(),
                    list_expires: row.get::<_, i64>("list_expires")?.cast_unsigned(),
                },
            ))
        });
        let (relay, mut profile) = profile?;
        profile.relay = decode(&relay, 4096)
            .map_err(|_| EngineError::Internal("the stored home relay is malformed".into()))?;
        Ok(profile)
    }

    /// Writes what changes.
    pub(crate) fn save(&self, db: &Transaction<'_>) -> Result<()> {
        db.prepare_cached(
            "UPDATE profile SET name = ?1, chain = ?2, inbox_position = ?3, inbox_hash = ?4, receipts = ?5, list_expires = ?6",
        )?
        .execute(params![
            self.name,
            self.chain,
            self.inbox_position.0.cast_signed(),
            self.inbox_hash.0,
            self.receipts,
            self.list_expires.cast_signed()
        ])?;
        Ok(())
    }

    /// As the screen shows it.
    pub(crate) fn view(&self) -> AccountView {
        AccountView {
            account: self.account,
            name: self.name.clone(),
            relay: self.relay.to_string(),
            recovery_code_saved: self.recovery_saved,
            receipts: self.receipts,
        }
    }

    /// Seed of the account group's first generation; any secret of this device alone would do.
    pub(crate) fn account_group_secret(&self) -> Secret<32> {
        derive(
            self.device.seed(),
            "account group generation",
            &[self.inbox.as_bytes()],
        )
    }
}

/// The recovery code, as long as it has not been written down.
pub(crate) fn recovery_code(db: &Transaction<'_>) -> Result<Option<String>> {
    let entropy: Option<Vec<u8>> =
        db.query_row("SELECT recovery FROM profile", [], |row| row.get(0))?;
    let entropy = entropy.and_then(|entropy| Secret::from_slice(&entropy).ok());
    Ok(entropy.map(|entropy| RecoveryCode::from_entropy(&entropy).words().to_string()))
}
